"""A market maker, plain; ``compiled_maker.py`` is the same one, compiled.

It quotes both sides of one instrument around the microprice of everybody else's orders, leans
against its position, and is out of the market whenever it does not know better: while the book is
not right, the phase is not continuous, a side has nobody else, or a command was just refused. One
command at a time is on its way on each side, and there is a least time between two, so that its
order rate is bounded whatever the market does.
"""

from __future__ import annotations

import math

from touchline.strategy import (
    Book,
    Execution,
    ExecutionKind,
    Order,
    Parameter,
    Reason,
    RingFullError,
    Side,
    Strategy,
    Timer,
    TradingPhase,
)

__all__ = ["PlainMaker"]

# A cancel or replace that comes too late is nobody's fault.
_RACES = (Reason.TOO_LATE_TO_CANCEL, Reason.UNKNOWN_ORDER)


class PlainMaker(Strategy):
    """Quotes both sides of one instrument."""

    symbol = Parameter("ESH4", "Symbol(55) of the instrument")
    quote_qty = Parameter(5, "lots on each side", minimum=1)
    max_position = Parameter(50, "lots either way, with open orders", minimum=1)
    edge = Parameter(1.0, "distance of a quote from the fair price, price units", minimum=0.0)
    skew = Parameter(2.0, "shift of the fair price at max_position, price units", minimum=0.0)
    interval_s = Parameter(0.005, "least time between two commands of a side, s", minimum=0.0)
    requote_s = Parameter(0.1, "quotes are looked at so often, at least, s", minimum=0.001)
    backoff_s = Parameter(1.0, "out of the market after a refusal, s", minimum=0.0)

    def on_start(self) -> None:
        """Nothing is quoted before the book is live."""
        self.instrument = self.venue.instrument(self.symbol)
        self.quotes: dict[Side, Order | None] = {Side.BUY: None, Side.SELL: None}
        self.sent_at = {Side.BUY: 0, Side.SELL: 0}
        self.resume_at = 0
        self.every(self.requote_s, "requote")

    def on_book(self, book: Book) -> None:
        """The market has moved, or the book is right again."""
        if book.instrument is self.instrument:
            self.requote()

    def on_phase(self, book: Book) -> None:
        """Only a continuous market is quoted."""
        self.on_book(book)

    def on_stale(self) -> None:
        """Without a book there is no price."""
        self.pull()

    def on_timer(self, timer: Timer) -> None:
        """What was left undone, for the sake of the order rate, is done now."""
        self.requote()

    def on_execution(self, execution: Execution) -> None:
        """A refusal means to wait; else on_book follows, with the change in the book."""
        refused = execution.kind in (ExecutionKind.REJECTED, ExecutionKind.CANCEL_REJECTED)
        if refused and execution.reason not in _RACES:
            self.log.info("refused: %s", execution.reason.name)
            self.back_off()
            self.pull()

    def on_stop(self) -> None:
        """Say where it ends; the engine cancels what is open."""
        self.log.info("position %+d", self.position(self.instrument))

    def back_off(self) -> None:
        """Out of the market for a while; the timer ends it."""
        self.resume_at = self.now_ns() + round(self.backoff_s * 1e9)

    def requote(self) -> None:
        """Bring both quotes to where they belong."""
        book = self.book(self.instrument)
        is_open = book.is_live and book.phase is TradingPhase.CONTINUOUS
        if not is_open or self.now_ns() < self.resume_at:
            self.pull()
            return
        bids = book.levels(Side.BUY, 1, of_others=True)
        offers = book.levels(Side.SELL, 1, of_others=True)
        if not bids or not offers:
            self.pull()
            return
        bid, offer = bids[0], offers[0]
        position = self.position(self.instrument)
        micro = (bid.price * offer.qty + offer.price * bid.qty) / (bid.qty + offer.qty)
        fair = micro - self.skew * position / self.max_position
        # Never through the other side's best: a maker rests.
        bid_px = min(math.floor(fair - self.edge), offer.price - 1)
        offer_px = max(math.ceil(fair + self.edge), bid.price + 1)
        try:
            self.quote(Side.BUY, bid_px, min(self.quote_qty, self.max_position - position))
            self.quote(Side.SELL, offer_px, min(self.quote_qty, self.max_position + position))
        except RingFullError:
            self.back_off()

    def quote(self, side: Side, price: int, qty: int) -> None:
        """Have `qty` lots at `price` on a side, with one command at most."""
        now = self.now_ns()
        if now - self.sent_at[side] < self.interval_s * 1e9:
            return
        if not self.instrument.min_price <= price <= self.instrument.max_price:
            qty = 0
        order = self.quotes[side]
        if order is None or not order.is_open:
            if qty > 0:
                send = self.buy if side is Side.BUY else self.sell
                self.quotes[side] = send(self.instrument, qty, price)
                self.sent_at[side] = now
        elif order.pending == 0 and qty <= 0:
            order.cancel()
            self.sent_at[side] = now
        elif order.pending == 0 and not _is_good(order, price, qty):
            order.replace(price=price, qty=order.cum_qty + qty)
            self.sent_at[side] = now

    def pull(self) -> None:
        """Take both quotes out of the market."""
        for order in self.quotes.values():
            if order is not None and order.is_open and order.pending == 0:
                try:
                    order.cancel()
                except RingFullError:
                    return  # the timer comes back to it


def _is_good(order: Order, price: int, qty: int) -> bool:
    """At its price, and not filled by more than half: its place in the queue is worth more."""
    return order.price == price and qty <= 2 * order.leaves_qty and order.leaves_qty <= qty
