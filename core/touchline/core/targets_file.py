"""Targets in a file: JSON that a person or a program writes, for `touchline targets ... put`.

::

    {
      "source": "hrp",
      "valid_s": 3600,
      "positions": {"AAPL": 120, "XOM": -40},
      "weights": {"AAPL": 0.031},
      "prices": {"AAPL": "189.25"}
    }

``positions``: lots by Symbol(55), negative: sold; an instrument that is not named has no target.
``valid_s``: seconds from the moment they are put until they expire. ``source``: who made them, at
most 32 bytes. ``weights`` (shares of the portfolio) and ``prices`` (decimal texts) may be left out,
and are shown, not used. Nothing else may stand there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any

from touchline.core.errors import TargetsError
from touchline.core.targets import VALID_S_MAX, Target, Targets, checked
from touchline.core.venue import Instrument, Venue

__all__ = ["FILE_BYTES_MAX", "load_targets", "parse_targets", "save_targets", "targets_text"]

FILE_BYTES_MAX = 4 << 20
"""Longest file, bytes."""
_KEYS = ("source", "valid_s", "positions", "weights", "prices")


def load_targets(path: Path, venue: Venue, name: str) -> tuple[Targets, float]:
    """Targets of a file, and for how many seconds they hold from when they are put.

    Raises
    ------
    TargetsError
        If it cannot be read, or holds no targets that the strategy may have: with the file's name.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise TargetsError(f"{path}: {error.strerror}") from error
    try:
        return parse_targets(content, venue, name)
    except TargetsError as error:
        raise TargetsError(f"{path}: {error}") from error


def parse_targets(content: bytes, venue: Venue, name: str) -> tuple[Targets, float]:
    """Targets from the bytes of a file; as :func:`load_targets`."""
    if len(content) > FILE_BYTES_MAX:
        raise TargetsError(f"longer than {FILE_BYTES_MAX:,} bytes")
    try:
        told = json.loads(content.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise TargetsError(f"no JSON: {error}") from error
    if not isinstance(told, dict):
        raise TargetsError("no JSON object")
    for key in told:
        if key not in _KEYS:
            raise TargetsError(f"{key!r} is unknown; there are {', '.join(_KEYS)}")
    source = told.get("source")
    if not isinstance(source, str):
        raise TargetsError(f"source is {source!r}, must be a text")
    positions = _by_symbol(told, "positions")
    weights, prices = _by_symbol(told, "weights"), _by_symbol(told, "prices")
    for key, found in (("weights", weights), ("prices", prices)):
        if extra := sorted(set(found) - set(positions)):
            raise TargetsError(f"{key} has {extra[0]}, positions has not")
    known = {one.symbol: one for one in venue.instruments}
    targets = {}
    for symbol, position in positions.items():
        if symbol not in known:
            names = ", ".join(known)
            raise TargetsError(
                f"positions: {venue.name} has no instrument {symbol!r}; it has {names}"
            )
        targets[symbol] = Target(
            _lots(symbol, position),
            _weight(symbol, weights.get(symbol)),
            _price(known[symbol], prices.get(symbol)),
        )
    valid_s = _seconds(told.get("valid_s"))
    return checked(venue, name, Targets(source, targets)), valid_s


def targets_text(targets: Targets, valid_s: float, venue: Venue) -> str:
    """The file that :func:`parse_targets` reads, with its newline."""
    known = {one.symbol: one for one in venue.instruments}
    rows = sorted(targets.targets.items())
    told: dict[str, Any] = {
        "source": targets.source,
        "valid_s": valid_s,
        "positions": {symbol: one.position for symbol, one in rows},
    }
    weights = {symbol: one.weight for symbol, one in rows if one.weight is not None}
    prices = {
        symbol: str(one.price * Decimal(known[symbol].price_increment))
        for symbol, one in rows
        if one.price is not None
    }
    return json.dumps(told | {"weights": weights, "prices": prices}, indent=2) + "\n"


def save_targets(path: Path, targets: Targets, valid_s: float, venue: Venue) -> None:
    """Write a file at once: who reads it meanwhile gets the old one or the new one.

    Raises
    ------
    TargetsError
        If it cannot be written.
    """
    fresh = path.with_name(f"{path.name}.new.{os.getpid()}")
    try:
        fresh.write_text(targets_text(targets, valid_s, venue))
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise TargetsError(f"{path}: {error.strerror}") from error


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands there twice")
        found[key] = value
    return found


def _by_symbol(told: dict[str, Any], key: str) -> dict[str, Any]:
    found = told.get(key, None if key == "positions" else {})
    if not isinstance(found, dict):
        raise TargetsError(f"{key} is {found!r:.80}, must be an object by symbol")
    return found


def _lots(symbol: str, value: Any) -> int:
    if type(value) is not int or abs(value) >= 2**62:
        raise TargetsError(f"positions: {symbol} is {value!r:.80}, must be a whole number of lots")
    return value


def _weight(symbol: str, value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not abs(value) < 1e9:
        raise TargetsError(f"weights: {symbol} is {value!r:.80}, must be a share, as 0.05")
    return float(value)


def _price(instrument: Instrument, value: Any) -> int | None:
    if value is None:
        return None
    where = f"prices: {instrument.symbol} is {value!r:.80}, must be"
    try:
        units = Decimal(value if isinstance(value, str) else "") / Decimal(
            instrument.price_increment
        )
    except (DecimalException, ValueError) as error:
        raise TargetsError(f'{where} a decimal in a text, as "189.25"') from error
    # Also what is no number compares as false.
    if not (units.is_finite() and abs(units) < 2**62 and units == int(units)):
        raise TargetsError(f"{where} a multiple of {instrument.price_increment}")
    return int(units)


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value <= VALID_S_MAX:
        raise TargetsError(
            f"valid_s is {value!r:.80}, must be seconds: more than 0, at most {VALID_S_MAX}"
        )
    return float(value)
