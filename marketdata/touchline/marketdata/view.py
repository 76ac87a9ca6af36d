"""What a watched venue looks like at one moment: plain values, ready for a screen or for JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline.core.targets import Targets
from touchline.core.venue import Venue

__all__ = [
    "HOPS",
    "OLD_AFTER_S",
    "BookView",
    "Figures",
    "FillView",
    "HopView",
    "LevelView",
    "RingView",
    "SessionView",
    "StrategyView",
    "TargetsView",
    "View",
    "gauge_text",
    "hops",
    "sessions",
    "strategies",
]

HOPS = (
    ("gateway rx to sequenced", "gateway_rx_to_sequenced"),
    ("sequenced to matched", "sequenced_to_matched"),
    ("matched to durable", "matched_to_durable"),
    ("durable to released", "durable_to_released"),
    ("released to socket tx", "released_to_socket_tx"),
    ("gateway rx to socket tx", "gateway_rx_to_socket_tx"),
)
"""The hops of an order, in order, as people and as the gateway's figures call them."""

OLD_AFTER_S = 3.0
"""Seconds after which what should come every second is missed."""


@dataclass(frozen=True, slots=True)
class LevelView:
    """A price level: price as text, quantity in lots."""

    price: str
    qty: int
    order_count: int


@dataclass(frozen=True, slots=True)
class BookView:
    """A book: best levels first; prices as text, None where there is none."""

    symbol: str
    phase: str
    state: str
    last_seq: int
    last_px: str | None
    spread: str | None
    bids: list[LevelView]
    offers: list[LevelView]


@dataclass(frozen=True, slots=True)
class FillView:
    """A trade, and when we heard of it, seconds since the epoch."""

    seq: int
    heard_at_s: float
    price: str
    qty: int
    aggressor: str


@dataclass(frozen=True, slots=True)
class RingView:
    """A ring, in records; a ring that cannot be read has a `fault`."""

    name: str
    depth: int | None = None
    capacity: int = 0
    published: int = 0
    refused: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class HopView:
    """Latency of a hop since the agent's start, ns."""

    name: str
    count: int
    p50: int
    p99: int
    p99_9: int
    max: int


@dataclass(frozen=True, slots=True)
class SessionView:
    """A FIX session; `next_in` and `next_out` are the MsgSeqNum(34) that come next."""

    name: str
    member: str
    is_connected: bool
    is_blocked: bool
    next_in: int
    next_out: int


@dataclass(frozen=True, slots=True)
class TargetsView:
    """Targets of a strategy: positions in lots, by symbol; `left_s` until they expire, s."""

    version: int
    source: str
    age_s: float
    left_s: float
    is_expired: bool
    positions: dict[str, int]


@dataclass(frozen=True, slots=True)
class StrategyView:
    """A strategy beside the matcher: what it sent, what was refused, what it holds, in lots.

    `gauges` are what it says of itself: a number by name, None where it says none.
    """

    name: str
    member: str
    is_connected: bool
    commands: int
    fills: int
    rejected: int
    bad_records: int
    throttled: int
    positions: dict[str, int]
    gauges: dict[str, float | None]
    targets: TargetsView | None
    tick_to_trade: HopView

    @property
    def lots(self) -> dict[str, tuple[int, int | None]]:
        """Position and target of each instrument that has one of them; those with targets first."""
        wanted = {} if self.targets is None else self.targets.positions
        symbols = dict.fromkeys((*wanted, *self.positions))
        return {one: (self.positions.get(one, 0), wanted.get(one)) for one in symbols}


@dataclass(frozen=True, slots=True)
class View:
    """A venue at one moment.

    Attributes
    ----------
    at_s, heard_at_s : float
        Now, and when the engine answered last; seconds since the epoch. None: it never did.
    is_running, why : bool, str
        Whether the engine answers; if not, why not.
    symbols : list of (symbol, phase)
        Every instrument; the phase is empty before it was heard.
    feed : dict
        A :class:`SourceState`, and ``is_silent``: whether nothing has come for three seconds.
    rates, history, totals : dict
        By name of counter: a second now, a second over two minutes, and since the agents' start.
    silent_agents : list of str
        Agents whose figures have stopped, while the engine answers.
    """

    venue: str
    at_s: float
    is_running: bool
    why: str
    heard_at_s: float | None
    durability: str
    seq: int
    symbols: list[tuple[str, str]]
    feed: dict[str, Any]
    book: BookView
    trades: list[FillView]
    rates: dict[str, float | None]
    history: dict[str, list[float]]
    totals: dict[str, int]
    rings: list[RingView]
    hops: list[HopView]
    sessions: list[SessionView]
    strategies: list[StrategyView]
    silent_agents: list[str]

    def to_json(self) -> str:
        """The view as one line of JSON, with the names of the attributes, for anybody to see.

        `why` and the faults of rings name places of this host: of them it only says that there are.
        """
        told = dataclasses.asdict(self)
        del told["why"]
        for ring in told["rings"]:
            ring["fault"] = bool(ring["fault"])
        return json.dumps(told, separators=(",", ":"))


@dataclass(slots=True)
class Figures:
    """The figures that an agent wrote last, and when, seconds since the epoch."""

    told: dict[str, Any] = field(default_factory=dict)
    written_s: float | None = None

    def read(self, path: Path) -> None:
        """Read the file anew; what was read before stays where it is gone or no JSON object."""
        try:
            with path.open("rb") as file:
                written_s = os.fstat(file.fileno()).st_mtime
                told = json.load(file)
        except (OSError, ValueError, RecursionError):
            return
        if isinstance(told, dict):
            self.told, self.written_s = told, written_s

    @property
    def are_old(self) -> bool:
        """True if the agent has missed its last three seconds, or never wrote."""
        return self.written_s is None or time.time() - self.written_s > OLD_AFTER_S


def hops(told: dict[str, Any]) -> list[HopView]:
    """The hops of :data:`HOPS` that the gateway has measured."""
    return [_hop(title, told[name]) for title, name in HOPS if told.get(name, {}).get("count")]


def sessions(venue: Venue, gateway: dict[str, Any], blocked: dict[str, Any]) -> list[SessionView]:
    """The sessions of the gateway, each with its member's name, and whether it may enter orders.

    Parameters
    ----------
    gateway, blocked : dict
        The gateway's figures; ``blocked`` of the engine's status.
    """
    members = {one.id: one.name for one in venue.members}
    owner = {one.comp_id: members[one.member_id] for one in venue.sessions}

    def is_blocked(name: str) -> bool:
        return bool(
            blocked.get("venue")
            or name in blocked.get("sessions", ())
            or owner.get(name) in blocked.get("members", ())
        )

    return [
        SessionView(
            name=one["name"],
            member=owner.get(one["name"], ""),
            is_connected=bool(one["connected"]),
            is_blocked=is_blocked(one["name"]),
            next_in=int(one["next_in"]),
            next_out=int(one["next_out"]),
        )
        for one in gateway.get("sessions", [])
    ]


def strategies(
    told: Iterable[dict[str, Any]], targets: Mapping[str, Targets | None]
) -> list[StrategyView]:
    """The strategies that the engine tells of; none where it tells of none.

    Parameters
    ----------
    told : iterable of dict
        ``strategies`` of the engine's status or figures.
    targets : mapping of str to Targets
        By the strategy's name, where it has any.
    """
    return [
        StrategyView(
            name=one["name"],
            member=one["member"],
            is_connected=bool(one["connected"]),
            commands=int(one["commands"]),
            fills=int(one["fills"]),
            rejected=int(one["rejected"]),
            bad_records=int(one["bad_records"]),
            throttled=int(one["throttled"]),
            positions=dict(one["positions"]),
            gauges=dict(one["gauges"]),
            targets=_targets(targets.get(one["name"])),
            tick_to_trade=_hop("tick to trade", one["tick_to_trade_ns"]),
        )
        for one in told
    ]


def _targets(targets: Targets | None) -> TargetsView | None:
    if targets is None:
        return None
    now_ns = time.time_ns()
    return TargetsView(
        version=targets.version,
        source=targets.source,
        age_s=(now_ns - targets.published_time) / 1e9,
        left_s=max(targets.expires_time - now_ns, 0) / 1e9,
        is_expired=now_ns >= targets.expires_time,
        positions={symbol: one.position for symbol, one in targets.targets.items()},
    )


def gauge_text(value: float | None) -> str:
    """A gauge as people read it: six digits, or a dash."""
    return "-" if value is None else f"{value:,.6g}"


def _hop(title: str, told: dict[str, Any]) -> HopView:
    figures = (int(told.get(name, 0)) for name in ("count", "p50", "p99", "p99_9", "max"))
    return HopView(title, *figures)
