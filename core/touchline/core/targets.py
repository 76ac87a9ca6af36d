"""Targets of a strategy: the positions that somebody wants it to have, and until when.

Whoever decides, an optimiser or a person, puts whole versions into shared memory that the engine
has made, and the strategy is told (``on_target``). One process at a time sets the targets of a
strategy. They outlive that process and the strategy's, until they expire; they do not outlive the
engine. ``touchline.core.targets_file`` is their form in a file, docs/strategies.md says what a
strategy sees.

Prices are price units, positions lots, times ns since the epoch (UTC).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from touchline.core._abi import ffi, lib
from touchline.core.errors import AbiError, TargetsError, TargetsRefusedError
from touchline.core.venue import Strategy, Venue

__all__ = [
    "SOURCE_BYTES_MAX",
    "TARGET_DTYPE",
    "VALID_S_MAX",
    "Target",
    "Targets",
    "TargetsSetter",
    "checked",
    "from_abi",
    "read_targets",
    "strategy_of",
]

SOURCE_BYTES_MAX = 32
"""Longest name of a source, bytes of UTF-8."""
VALID_S_MAX = 31 * 86_400
"""Longest time from publication to expiry, s."""

_ERROR_BYTES = 4096
_NO_PRICE = -(2**63)

TARGET_DTYPE = np.dtype(
    [
        ("position", "<i8"),
        ("weight", "<f8"),
        ("price", "<i8"),
        ("instrument_id", "<u4"),
        ("reserved", "<u4"),
    ]
)
"""A row: `tl_target` of the C ABI."""

if ffi.sizeof("tl_target") != TARGET_DTYPE.itemsize or any(
    ffi.offsetof("tl_target", name) != at[1] for name, at in (TARGET_DTYPE.fields or {}).items()
):
    raise AbiError("tl_target of the library is not that of this Python")


@dataclass(frozen=True, slots=True)
class Target:
    """What a strategy should hold of one instrument.

    Attributes
    ----------
    position : int
        Bought less sold, lots.
    weight : float or None
        Share of the portfolio that it stands for.
    price : int or None
        What the position was made from, price units.
    """

    position: int
    weight: float | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """One version of a strategy's targets.

    Attributes
    ----------
    source : str
        Who made them.
    targets : mapping of str to Target
        By Symbol(55); an instrument that is not in it has no target.
    version : int
        From 1, rising; 0 before they are put.
    published_time, expires_time : int
        When they were put; from when on they do not count any more.
    is_expired : bool
        Whether that time had come when they were read.
    """

    source: str
    targets: Mapping[str, Target] = field(default_factory=dict)
    version: int = 0
    published_time: int = 0
    expires_time: int = 0
    is_expired: bool = False

    def get(self, symbol: str) -> Target | None:
        """The target of an instrument; None if it has none, or once they have expired."""
        return None if self.is_expired else self.targets.get(symbol)


class TargetsSetter:
    """Sets the targets of one strategy of a running venue. Not for several threads at a time.

    While it is open nobody else can set them; when it is closed they stay as they are.

    Parameters
    ----------
    venue : Venue
        The venue, as its file describes it.
    name : str
        Name of the ``[[strategy]]``.

    Raises
    ------
    TargetsRefusedError
        If no engine is there, another process sets them, or this user may not.

    Examples
    --------
    >>> with TargetsSetter(venue, "follower") as setter:  # doctest: +SKIP
    ...     setter.put(Targets("by hand", {"ESH4": Target(3)}), valid_s=60.0)
    1
    """

    def __init__(self, venue: Venue, name: str) -> None:
        self._handle: Any = None
        self.venue = venue
        self.name = name
        strategy_of(venue, name)
        handle = ffi.new("tl_targets_setter **")
        error = ffi.new("char[]", _ERROR_BYTES)
        path = os.fsencode(venue.config)
        result = lib.tl_targets_open(path, name.encode(), handle, error, _ERROR_BYTES)
        if result != 0:
            raise _refused(venue, name, error, result)
        self._handle = handle[0]

    def __enter__(self) -> TargetsSetter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let others set the targets. Closing again does nothing."""
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is not None:
            lib.tl_targets_close(handle)

    def put(self, targets: Targets, *, valid_s: float) -> int:
        """Publish targets, in the place of all that were there.

        Parameters
        ----------
        targets : Targets
            Its source and targets; the version and times are given now.
        valid_s : float
            Until they expire, s: 0 to ``VALID_S_MAX``.

        Returns
        -------
        int
            Their version.

        Raises
        ------
        TargetsError
            If they are none that the strategy may have; what was there stays.
        TargetsRefusedError
            If the engine has gone: another setter is needed.
        """
        if self._handle is None:
            raise TargetsRefusedError(f"the setter of {self.name}'s targets is closed")
        checked(self.venue, self.name, targets)
        if not (math.isfinite(valid_s) and 0 <= valid_s <= VALID_S_MAX):
            raise TargetsError(f"targets valid for {valid_s} s: 0 to {VALID_S_MAX} is possible")
        rows = _rows(self.venue, targets)
        head: Any = ffi.new("tl_targets *")
        head.published_time = lib.tl_now_ns()
        head.expires_time = head.published_time + round(valid_s * 1e9)
        head.count = len(targets.targets)
        head.source = targets.source.encode()
        error = ffi.new("char[]", _ERROR_BYTES)
        pointer = ffi.cast("tl_target *", rows.ctypes.data)
        version = int(lib.tl_targets_put(self._handle, head, pointer, error, _ERROR_BYTES - 1))
        if version == lib.TL_STRATEGY_GONE:
            raise TargetsRefusedError(
                f"targets of strategy {self.name}: the engine of {self.venue.name} has gone"
            )
        if version < 0:
            raise TargetsError(f"targets of {self.name}: {_text(error)}")
        return version

    def clear(self) -> int:
        """Publish that there are no targets any more: the strategy is told that they have expired.

        Returns and raises as :meth:`put`.
        """
        return self.put(Targets("clear"), valid_s=0.0)


def read_targets(venue: Venue, name: str) -> Targets | None:
    """The newest targets of a strategy of a running venue; None before the first.

    Raises
    ------
    TargetsRefusedError
        If no engine is there, or this user may not see them.
    """
    strategy_of(venue, name)
    head = ffi.new("tl_targets *")
    rows = np.zeros(len(venue.instruments), TARGET_DTYPE)
    error = ffi.new("char[]", _ERROR_BYTES)
    result = lib.tl_targets_read(
        os.fsencode(venue.config),
        name.encode(),
        head,
        ffi.cast("tl_target *", rows.ctypes.data),
        len(rows),
        error,
        _ERROR_BYTES,
    )
    if result < 0:
        raise _refused(venue, name, error, result)
    return from_abi(venue, head, rows) if result == 1 else None


def from_abi(venue: Venue, head: Any, rows: npt.NDArray[np.void]) -> Targets:
    """Targets from `tl_targets` and its rows."""
    symbols = {one.id: one.symbol for one in venue.instruments}
    return Targets(
        source=bytes(ffi.buffer(head.source)).rstrip(b"\0").decode(),
        targets={
            symbols[instrument_id]: Target(
                position,
                None if math.isnan(weight) else weight,
                None if price == _NO_PRICE else price,
            )
            for position, weight, price, instrument_id, _ in rows[: head.count].tolist()
        },
        version=head.version,
        published_time=head.published_time,
        expires_time=head.expires_time,
        is_expired=bool(head.expired),
    )


def strategy_of(venue: Venue, name: str) -> Strategy:
    """The ``[[strategy]]`` of a name.

    Raises
    ------
    TargetsError
        If the venue has none; it names those that there are.
    """
    for one in venue.strategies:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in venue.strategies) or "none"
    raise TargetsError(f"{venue.name} has no strategy {name!r}; it has {known}")


def checked(venue: Venue, name: str, targets: Targets) -> Targets:
    """The same targets, if the strategy may have them.

    Raises
    ------
    TargetsError
        With every fault, each with its symbol.
    """
    most = strategy_of(venue, name).max_position
    known = {one.symbol: one for one in venue.instruments}
    faults = []
    source = targets.source.encode()
    if not 0 < len(source) <= SOURCE_BYTES_MAX or b"\0" in source:
        faults.append(
            f"source {targets.source!r}: 1 to {SOURCE_BYTES_MAX} bytes without NUL are possible"
        )
    for symbol, one in targets.targets.items():
        if symbol not in known:
            faults.append(f"{symbol}: {venue.name} has no such instrument")
            continue
        if abs(one.position) > most:
            faults.append(f"{symbol}: position {one.position:+,}, max_position is {most:,}")
        if one.weight is not None and not math.isfinite(one.weight):
            faults.append(f"{symbol}: weight {one.weight} is no number")
        if one.price is not None and abs(one.price) >= 2**62:
            faults.append(f"{symbol}: price {one.price} is none")
    if faults:
        raise TargetsError(f"targets of strategy {name}: " + "; ".join(faults))
    return targets


def _rows(venue: Venue, targets: Targets) -> npt.NDArray[np.void]:
    """Rows in the order of the instruments; one of them at least, for the pointer's sake."""
    rows = np.zeros(max(len(targets.targets), 1), TARGET_DTYPE)
    found = [one for one in venue.instruments if one.symbol in targets.targets]
    for row, instrument in zip(rows, found, strict=False):
        one = targets.targets[instrument.symbol]
        row["instrument_id"] = instrument.id
        row["position"] = one.position
        row["weight"] = math.nan if one.weight is None else one.weight
        row["price"] = _NO_PRICE if one.price is None else one.price
    return rows


def _text(error: Any) -> str:
    """What stands in a buffer up to the first NUL."""
    return bytes(ffi.buffer(error)).partition(b"\0")[0].decode(errors="replace")


def _refused(venue: Venue, name: str, error: Any, result: int) -> TargetsRefusedError:
    text = bytes(ffi.buffer(error, min(-result, _ERROR_BYTES))).decode(errors="replace")
    return TargetsRefusedError(f"targets of strategy {name} of {venue.name}: {text}")
