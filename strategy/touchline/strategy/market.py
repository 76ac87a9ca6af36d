"""What a plain strategy is told: books, trades, executions and timers, as small typed objects.

Prices are price units, quantities lots, times ns since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from touchline.core import OrdStatus, Reason, Side, TradingPhase
from touchline.core.venue import Instrument
from touchline.strategy.connection import Connection
from touchline.strategy.layout import ExecutionKind

if TYPE_CHECKING:
    from touchline.strategy.orders import Order

__all__ = ["Book", "Execution", "Level", "Timer", "Trade"]


class Level(NamedTuple):
    """A price level."""

    price: int
    qty: int
    order_count: int


class Trade(NamedTuple):
    """Somebody's order executed, perhaps one of ours.

    `aggressor_side` is ``Side.UNDISCLOSED`` in an uncross, where nobody is the aggressor.
    """

    instrument: Instrument
    price: int
    qty: int
    aggressor_side: Side
    trd_match_id: int
    seq: int
    timestamp: int
    matched_time: int
    released_time: int


class Execution(NamedTuple):
    """An answer to a command, or what happened to an own order.

    Attributes
    ----------
    kind : ExecutionKind
        What it says.
    order : Order or None
        The order, with this execution in it already; None if another process sent it, under the
        same name.
    instrument, side
        Of the order.
    price, qty : int
        A fill's last_px and last_qty. CANCELED: the order's price and what was cancelled. Any
        other: the order's price and order_qty.
    leaves_qty, cum_qty : int
        Of the order, after it.
    ord_status : OrdStatus
        After it.
    reason : Reason
        Why, where something was refused.
    is_aggressor : bool
        Of a fill: whether this order arrived; False if it rested.
    position : int
        Own position of the instrument after it.
    trd_match_id : int
        Of a fill: the same on both sides, and in the Trade.
    seq : int
        Of the command that caused it.
    timestamp : int
        When the command was sequenced: the venue's own time.
    matched_time, released_time : int
        When the matcher had made it; when it was durable and the engine let it go.
    """

    kind: ExecutionKind
    order: Order | None
    instrument: Instrument
    side: Side
    price: int
    qty: int
    leaves_qty: int
    cum_qty: int
    ord_status: OrdStatus
    reason: Reason
    is_aggressor: bool
    position: int
    trd_match_id: int
    seq: int
    timestamp: int
    matched_time: int
    released_time: int


class Timer(NamedTuple):
    """A timer was due, by its name."""

    name: str
    due_time: int


class Book:
    """The book of one instrument: one object that changes as events are told.

    Attributes
    ----------
    instrument : Instrument
        Whose book it is.
    phase : TradingPhase
        Phase of the instrument; NONE before its first event.
    is_live : bool
        True while the book is right.
    bid_px, offer_px : int or None
        The touch after the event that is being told; None without one.
    bid_qty, offer_qty : int
        Quantity there.
    seq, timestamp, matched_time, released_time : int
        Of the newest event in it.
    """

    __slots__ = (
        "_connection",
        "bid_px",
        "bid_qty",
        "instrument",
        "is_live",
        "matched_time",
        "offer_px",
        "offer_qty",
        "phase",
        "released_time",
        "seq",
        "timestamp",
    )

    def __init__(self, instrument: Instrument, connection: Callable[[], Connection]) -> None:
        self._connection = connection
        self.instrument = instrument
        self.phase = TradingPhase.NONE
        self.is_live = False
        self.bid_px: int | None = None
        self.bid_qty = 0
        self.offer_px: int | None = None
        self.offer_qty = 0
        self.seq = 0
        self.timestamp = 0
        self.matched_time = 0
        self.released_time = 0

    def __repr__(self) -> str:
        bid, offer = f"{self.bid_qty} {self.bid_px}", f"{self.offer_px} {self.offer_qty}"
        state = "live" if self.is_live else "stale"
        return f"<Book {self.symbol} {bid} | {offer} {self.phase.name.lower()} {state}>"

    @property
    def symbol(self) -> str:
        """Symbol(55)."""
        return self.instrument.symbol

    @property
    def microprice(self) -> float | None:
        """The touch's prices, each weighted with the other's quantity; None with one side only.

        A figure to decide with: what is sent is an integer.
        """
        if self.bid_px is None or self.offer_px is None:
            return None
        weighted = self.bid_px * self.offer_qty + self.offer_px * self.bid_qty
        return weighted / (self.bid_qty + self.offer_qty)

    def levels(self, side: Side, depth_levels: int = 10, *, of_others: bool = False) -> list[Level]:
        """The best levels of a side, best first.

        They are as after the last event that was *taken*; events are taken in batches, so they can
        be some events ahead of the touch in this object.

        Parameters
        ----------
        side : Side
            ``Side.BUY`` for the bids, ``Side.SELL`` for the offers.
        depth_levels : int, default 10
            Levels at most.
        of_others : bool, default False
            Take own orders out.
        """
        connection = self._connection()
        read = connection.levels_of_others if of_others else connection.levels
        found = read(self.instrument, int(side), depth_levels)
        return [Level(price, qty, count) for price, qty, count, _ in found.tolist()]
