"""All that can be watched of a running venue, gathered for `touchline top` and the live page.

Sources are the books (:class:`BookSource`), the figures that the agents write to the run folder
once a second, the heads of the rings there, and, once a second, the operators' socket and the
targets of each strategy. Nothing is written, and nothing but these questions costs the venue time.
A venue that is not there is no error here: the view says so, and keeps what was seen last.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from touchline.core import admin
from touchline.core.errors import RingError, TouchlineError
from touchline.core.rings import ring_cursors
from touchline.core.targets import Targets, read_targets
from touchline.core.venue import Instrument, Venue
from touchline.marketdata.books import BookSource, Standing, Trade
from touchline.marketdata.ladder import price_text
from touchline.marketdata.rates import Rates
from touchline.marketdata.view import (
    OLD_AFTER_S,
    BookView,
    Figures,
    FillView,
    LevelView,
    RingView,
    View,
    hops,
    sessions,
    strategies,
)

__all__ = ["Watch"]

_ASK_EVERY_S = 1.0
_ANSWER_WITHIN_S = 0.5
_TRADES_KEPT = 40
_AGENTS = ("engine", "gateway", "publisher")
_RINGS = (
    ("gateway to engine", "command_ring"),
    ("engine to gateway", "private_ring"),
    ("engine to publisher", "public_ring"),
)


@dataclass(slots=True)
class _Answer:
    """What the operators' socket said last."""

    is_running: bool = False
    why: str = "not asked yet"
    told: dict[str, Any] = field(default_factory=dict)
    heard: float | None = None


class Watch:
    """Gathers; see the module. One thread at a time.

    Parameters
    ----------
    venue : Venue
        What to watch; it need not be running.
    books : BookSource
        Of the same venue. It is the caller's to close.
    """

    def __init__(self, venue: Venue, books: BookSource) -> None:
        self.venue = venue
        self._books = books
        self._trades: dict[str, deque[tuple[float, Trade]]] = {
            one.symbol: deque(maxlen=_TRADES_KEPT) for one in venue.instruments
        }
        self._figures = {agent: Figures() for agent in _AGENTS}
        self._answer = _Answer()
        self._targets: dict[str, Targets | None] = {}
        self._feed_heard = float("-inf")
        self._ask_at = 0.0
        self._rates = Rates()

    def gather(self, timeout_ms: float) -> None:
        """Wait at most `timeout_ms` for something on the feed; take in what there is.

        Raises
        ------
        FeedError
            If the system fails to read the feed.
        """
        if self._books.poll(timeout_ms):
            self._feed_heard = time.monotonic()
        for trade in self._books.trades():
            self._trades[trade.symbol].append((time.time(), trade))
        if time.monotonic() >= self._ask_at:
            self._ask()
            self._ask_at = time.monotonic() + _ASK_EVERY_S

    def view(self, symbol: str, depth_levels: int = 10) -> View:
        """Everything at this moment, with the book of one instrument.

        Raises
        ------
        ConfigError
            If the venue has no such symbol.
        """
        instrument = self.venue.instrument(symbol)
        answer, engine = self._answer, self._figures["engine"].told
        gateway = self._figures["gateway"].told
        return View(
            venue=self.venue.name,
            at_s=time.time(),
            is_running=answer.is_running,
            why="" if answer.is_running else answer.why,
            heard_at_s=answer.heard,
            durability=str(self.venue.engine["durability"]),
            seq=_int(answer.told, "seq"),
            symbols=[(one.symbol, self._phase(one)) for one in self.venue.instruments],
            feed=self._feed(),
            book=self._book(instrument, depth_levels),
            trades=self._fills(instrument),
            rates=self._rates.now(),
            history=self._rates.history(),
            totals={
                "orders": _orders(gateway),
                "events": _int(engine, "events"),
                "trades": _int(engine, "trades"),
                "packets": _int(self._figures["publisher"].told, "incremental", "packets"),
                "open_orders": _int(engine, "open_orders"),
            },
            rings=self._rings(),
            hops=hops(gateway.get("latency_ns", {})),
            sessions=sessions(self.venue, gateway, answer.told.get("blocked", {})),
            strategies=strategies(
                answer.told.get("strategies") or engine.get("strategies") or [], self._targets
            ),
            silent_agents=self._silent(),
        )

    @property
    def is_complete(self) -> bool:
        """True when nothing that a view shows has still to come: books are live, rates are known.

        A venue that is not there is complete: there is nothing to wait for.
        """
        if not self._answer.is_running:
            return self._ask_at > 0.0
        return self._books.state().is_live and self._rates.are_known

    def _ask(self) -> None:
        try:
            told = admin.status(self.venue, _ANSWER_WITHIN_S)
            self._answer = _Answer(True, "", told, time.time())
        except TouchlineError as error:
            self._answer.is_running, self._answer.why = False, str(error)
        if self._answer.is_running:
            self._targets = {one.name: self._targets_of(one.name) for one in self.venue.strategies}
        for agent, figures in self._figures.items():
            figures.read(self.venue.run_files[f"{agent}_stats"])
        self._measure()

    def _targets_of(self, name: str) -> Targets | None:
        """None as well where they are not for us to see."""
        try:
            return read_targets(self.venue, name)
        except TouchlineError:
            return None

    def _measure(self) -> None:
        engine, gateway, publisher = (self._figures[agent] for agent in _AGENTS)
        for name, figures, total in (
            ("orders", gateway, _orders(gateway.told)),
            ("events", engine, _int(engine.told, "events")),
            ("trades", engine, _int(engine.told, "trades")),
            ("packets", publisher, _int(publisher.told, "incremental", "packets")),
        ):
            self._rates.count(name, total, figures.written_s)
        self._rates.tick(self._answer.is_running)

    def _feed(self) -> dict[str, Any]:
        is_silent = time.monotonic() - self._feed_heard > OLD_AFTER_S
        return self._books.state()._asdict() | {"is_silent": is_silent}

    def _phase(self, instrument: Instrument) -> str:
        standing = self._books.standing(instrument.symbol)
        return standing.phase if standing is not None else ""

    def _book(self, instrument: Instrument, depth_levels: int) -> BookView:
        symbol = instrument.symbol
        standing = self._books.standing(symbol) or Standing("", "unheard", 0, None)
        sides = (self._books.bids(symbol, depth_levels), self._books.offers(symbol, depth_levels))
        bids, offers = (
            [LevelView(price_text(one.price, instrument), one.qty, one.order_count) for one in side]
            for side in sides
        )
        spread = sides[1][0].price - sides[0][0].price if bids and offers else None
        last_px = standing.last_px
        return BookView(
            symbol=symbol,
            phase=standing.phase,
            state=standing.state,
            last_seq=standing.last_seq,
            last_px=None if last_px is None else price_text(last_px, instrument),
            spread=None if spread is None else price_text(spread, instrument),
            bids=bids,
            offers=offers,
        )

    def _fills(self, instrument: Instrument) -> list[FillView]:
        """Newest first."""
        return [
            FillView(one.seq, at, price_text(one.price, instrument), one.qty, one.aggressor)
            for at, one in reversed(self._trades[instrument.symbol])
        ]

    def _rings(self) -> list[RingView]:
        """What the heads of the rings say; the depth of a broadcast ring is its reader's to say."""
        depths = {
            "private_ring": _int(self._figures["gateway"].told, "private_ring", "depth"),
            "public_ring": _int(self._figures["publisher"].told, "ring_depth"),
        }
        views = []
        for name, file in _RINGS:
            try:
                ring = ring_cursors(self.venue.run_files[file])
            except RingError as error:
                views.append(RingView(name, fault=str(error)))
                continue
            depth = depths.get(file) if ring.depth is None else ring.depth
            views.append(RingView(name, depth, ring.capacity, ring.published, ring.refused))
        return views

    def _silent(self) -> list[str]:
        """Agents whose figures have stopped, while the engine answers."""
        if not self._answer.is_running:
            return []
        return [agent for agent, figures in self._figures.items() if figures.are_old]


def _orders(gateway: dict[str, Any]) -> int:
    told = gateway.get("orders_in", {})
    return sum(_int(told, name) for name in ("new", "cancel", "replace"))


def _int(told: dict[str, Any], *names: str) -> int:
    """A count at the end of a path of names; 0 where it is not told."""
    value: Any = told
    for name in names:
        value = value.get(name, 0) if isinstance(value, dict) else 0
    return value if isinstance(value, int) else 0
