"""A venue as its configuration describes it, read and checked by the venue's own code."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.core._abi import ffi, lib
from touchline.core.errors import ConfigError

__all__ = ["Channel", "Instrument", "Member", "Session", "Strategy", "Venue"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the public feed.

    Attributes
    ----------
    channel : int
        Its number in the packet header.
    a, b : tuple of str and int
        Multicast group and port of the two lines; ``b`` is None where there is one line.
    """

    channel: int
    a: tuple[str, int]
    b: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument.

    Attributes
    ----------
    id : int
        Number in records and on the feed, from 1.
    symbol, currency : str
        Symbol(55), Currency(15).
    price_increment : str
        MinPriceIncrement(969), exact: one price unit.
    min_price, max_price : int
        Lowest and highest admitted price, price units.
    round_lot : int
        RoundLot(561): one lot.
    max_order_qty : int
        Largest OrderQty(38), lots.
    phase : str
        Phase at the start of the day.
    """

    id: int
    symbol: str
    currency: str
    price_increment: str
    min_price: int
    max_price: int
    round_lot: int
    max_order_qty: int
    phase: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the venue: its number in records, from 1, and its name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """A FIX session: its number, its member's, and the client's SenderCompID(49)."""

    id: int
    member_id: int
    comp_id: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy: a process of a member that trades beside the matcher.

    Attributes
    ----------
    session_id, member_id : int
        Its number in records, which follows those of the FIX sessions; its member's.
    name : str
        The name under which its process connects.
    uid : int or None
        User whose process may connect; None: the engine's own, and root.
    targets_uid : int or None
        User whose process may set its targets; None likewise.
    max_order_qty, max_position : int
        Lots of one order (0: no limit), lots of position either way with open orders counted as
        executed.
    max_orders_per_s, order_burst : int
        New orders and replaces a second (0: no limit), and how many of them may come at once.
    """

    session_id: int
    member_id: int
    name: str
    uid: int | None
    targets_uid: int | None
    max_order_qty: int
    max_position: int
    max_orders_per_s: int
    order_burst: int


@dataclass(frozen=True, slots=True)
class Venue:
    """Everything that another program needs to work with a venue.

    Attributes
    ----------
    config : Path
        The file that it was read from, absolute.
    name, comp_id : str
        Name for logs; CompID of the venue.
    run_dir, data_dir : Path
        Rings, doorbells and sockets of a running venue; journal and message stores.
    run_files : dict of str to Path
        The files in ``run_dir``: ``admin_socket``, ``public_ring``, ``engine_stats`` and so on.
    wait : str
        What an idle agent does: ``park`` (sleeps) or ``spin`` (keeps its core busy).
    engine : dict
        Limits and ``durability``.
    fix_address : tuple of str and int
        Where FIX clients connect.
    interface : str
        Address of the interface that multicast leaves by.
    incremental, snapshot, definition : Channel
        The channels of the feed.
    instruments, members, sessions, strategies : tuple
        What trades, who trades, and how they are connected.
    """

    config: Path
    name: str
    comp_id: str
    run_dir: Path
    data_dir: Path
    run_files: dict[str, Path]
    wait: str
    engine: dict[str, Any]
    fix_address: tuple[str, int]
    interface: str
    incremental: Channel
    snapshot: Channel
    definition: Channel
    instruments: tuple[Instrument, ...]
    members: tuple[Member, ...]
    sessions: tuple[Session, ...]
    strategies: tuple[Strategy, ...]

    @classmethod
    def load(cls, config: str | os.PathLike[str]) -> Venue:
        """Read and check a ``venue.toml``.

        Raises
        ------
        ConfigError
            With every fault of the file, each with its place.
        """
        path = Path(config).absolute()
        told = _describe(path)
        feed, gateway = told["marketdata"], told["gateway"]
        return cls(
            config=path,
            name=told["name"],
            comp_id=told["comp_id"],
            run_dir=Path(told["run_dir"]),
            data_dir=Path(told["data_dir"]),
            run_files={name: Path(file) for name, file in told["run_files"].items()},
            wait=told["wait"],
            engine=told["engine"],
            fix_address=(gateway["host"], gateway["port"]),
            interface=feed["interface"],
            incremental=_channel(feed["incremental"]),
            snapshot=_channel(feed["snapshot"]),
            definition=_channel(feed["definition"]),
            instruments=tuple(Instrument(**one) for one in told["instruments"]),
            members=tuple(Member(**one) for one in told["members"]),
            sessions=tuple(Session(**one) for one in told["sessions"]),
            strategies=tuple(Strategy(**one) for one in told["strategies"]),
        )

    def instrument(self, symbol: str) -> Instrument:
        """The instrument with a symbol.

        Raises
        ------
        ConfigError
            If there is none; it names those that there are.
        """
        for instrument in self.instruments:
            if instrument.symbol == symbol:
                return instrument
        known = ", ".join(instrument.symbol for instrument in self.instruments)
        raise ConfigError(f"{self.name} has no instrument {symbol!r}; it has {known}")


def _describe(path: Path) -> dict[str, Any]:
    """Ask the library, with more room if the first answer does not fit."""
    room = 1 << 14
    while True:
        out = ffi.new("char[]", room)
        length = lib.tl_describe_venue(os.fsencode(path), out, room)
        if abs(length) <= room:
            break
        room = abs(length)
    text = bytes(ffi.buffer(out, abs(length))).decode()
    if length <= 0:
        raise ConfigError(text)
    described: dict[str, Any] = json.loads(text)
    return described


def _channel(told: dict[str, Any]) -> Channel:
    a, b = _address(told["a"]), told["b"]
    return Channel(told["channel"], a, None if b is None else _address(b))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)
