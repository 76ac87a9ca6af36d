"""Works positions towards targets, in slices: passive first, and across the spread in the end.

For each instrument with a target there is one order at a time. It joins the best price of its side,
follows it, and after ``patience_s`` without a fill takes what the other side's best price offers,
at once and at no worse price; then the next slice is passive again. An instrument without a target
is left alone. What the strategy does follows from the targets, its position and the book as they
are, so it may be killed and started again at any time: the venue knows the position.

When the targets expire, all orders are cancelled. ``when_expired = "hold"`` keeps the positions;
``"flatten"`` works every position towards zero, in the same way. With no targets at all
``start_wait_s`` after the start it is as if they had expired.
"""

from __future__ import annotations

from dataclasses import dataclass

from touchline.strategy import (
    Book,
    Execution,
    ExecutionKind,
    Order,
    Parameter,
    ParameterError,
    Reason,
    RingFullError,
    Side,
    Strategy,
    Targets,
    TimeInForce,
    Timer,
    TradingPhase,
)

__all__ = ["TargetFollower"]

# A cancel or replace that comes too late is nobody's fault.
_RACES = (Reason.TOO_LATE_TO_CANCEL, Reason.UNKNOWN_ORDER)


@dataclass(slots=True)
class _Work:
    """What is done about one instrument."""

    book: Book
    goal: int | None = None
    """Position to reach, lots; None: nothing is to be done."""
    order: Order | None = None
    slice_since: int = 0
    """When the slice began to be worked, ns; 0: none is."""
    resume_at: int = 0
    """Out of the market until then, ns: something was refused."""


class TargetFollower(Strategy):
    """Brings its positions to where its targets want them."""

    slice_share = Parameter(
        0.25, "share of the way that one order is for", minimum=0.01, maximum=1.0
    )
    max_qty = Parameter(20, "lots of one order at most", minimum=1)
    patience_s = Parameter(2.0, "rests so long before it crosses the spread, s", minimum=0.0)
    look_s = Parameter(0.1, "looks at every instrument so often, s", minimum=0.01)
    backoff_s = Parameter(1.0, "lets an instrument alone after a refusal, s", minimum=0.0)
    start_wait_s = Parameter(10.0, "waits so long for the first targets, s", minimum=0.0)
    when_expired = Parameter("hold", "what expired targets mean: hold or flatten")

    def on_start(self) -> None:
        """Nothing is sent before there are targets, or none have come for a while."""
        if self.when_expired not in ("hold", "flatten"):
            raise ParameterError(
                f"parameter when_expired is {self.when_expired!r}, must be hold or flatten"
            )
        self.works = {one.id: _Work(self.book(one)) for one in self.venue.instruments}
        self.every(self.look_s, "look")
        self.after(self.start_wait_s, "start")

    def on_target(self, targets: Targets) -> None:
        """Other goals, or none any more."""
        if targets.is_expired:
            self.log.info("targets of %s have expired: %s", targets.source, self.when_expired)
            self.expire()
        else:
            self.log.info("targets of %s, version %d", targets.source, targets.version)
            self.take(targets)

    def on_timer(self, timer: Timer) -> None:
        """Look at everything; or nobody has set targets since the engine started."""
        if timer.name == "start" and self.targets is None:
            self.log.info("no targets since the start: %s", self.when_expired)
            self.expire()
        self.work_all()

    def on_execution(self, execution: Execution) -> None:
        """A fill begins the next slice, a refusal means to wait."""
        work = self.works[execution.instrument.id]
        refused = execution.kind in (ExecutionKind.REJECTED, ExecutionKind.CANCEL_REJECTED)
        if refused and execution.reason not in _RACES:
            self.log.info("%s refused: %s", execution.instrument.symbol, execution.reason.name)
            work.resume_at = self.now_ns() + round(self.backoff_s * 1e9)
        if execution.kind is ExecutionKind.TRADE:
            # It gets somewhere: the next slice may be patient again.
            work.slice_since = self.now_ns()

    def on_stop(self) -> None:
        """Say where it ends; the engine cancels what is open."""
        at = {work.book.symbol: self.position(work.book.instrument) for work in self.works.values()}
        self.log.info("positions %s", {symbol: lots for symbol, lots in at.items() if lots})

    def take(self, targets: Targets) -> None:
        """Make the targets the goals, as far as the limits of the strategy go."""
        most = self.limits.max_position
        for work in self.works.values():
            target = targets.get(work.book.symbol)
            work.goal = None if target is None else max(-most, min(most, target.position))
            work.slice_since = 0
        self.work_all()

    def expire(self) -> None:
        """Do what the configuration says."""
        for work in self.works.values():
            work.goal = 0 if self.when_expired == "flatten" else None
            work.slice_since = 0
        self.work_all()

    def work_all(self) -> None:
        """Do for each instrument what there is to do; what does not fit now is done later."""
        try:
            for work in self.works.values():
                self.work(work)
        except RingFullError:
            self.log.info("the ring is full: later")

    def work(self, work: _Work) -> None:
        """Do the next thing about one instrument, with one command at most."""
        order = work.order
        if order is not None and not order.is_open:
            order = work.order = None
        if order is not None and order.pending:
            return
        now = self.now_ns()
        book = work.book
        is_open = book.is_live and book.phase is TradingPhase.CONTINUOUS
        away = 0 if work.goal is None else work.goal - self.position(book.instrument)
        if away == 0 or not is_open:
            work.slice_since = 0
            if order is not None:
                order.cancel()
            return
        if now < work.resume_at:
            return
        side = Side.BUY if away > 0 else Side.SELL
        if order is not None and (order.side is not side or order.leaves_qty > abs(away)):
            order.cancel()
            return
        if work.slice_since == 0:
            work.slice_since = now
        if now - work.slice_since >= self.patience_s * 1e9:
            self.cross(work, side, abs(away))
        else:
            self.rest(work, side, abs(away))

    def rest(self, work: _Work, side: Side, away: int) -> None:
        """Have a slice at the best price of our side, behind those who are there."""
        price = self.best_of_others(work.book, side)
        if price is None:
            return  # nobody says what it is worth: patience ends at the other side's price
        if work.order is None:
            work.order = self.send(work, side, self.slice_qty(work, away), price, TimeInForce.DAY)
        elif work.order.price != price:
            work.order.replace(price=price)

    def cross(self, work: _Work, side: Side, away: int) -> None:
        """Take what the other side's best price offers of a slice, and let the rest go."""
        if work.order is not None:
            work.order.cancel()
            return
        other = Side.SELL if side is Side.BUY else Side.BUY
        price = self.best_of_others(work.book, other)
        if price is None:
            return
        at_once = TimeInForce.IMMEDIATE_OR_CANCEL
        work.order = self.send(work, side, self.slice_qty(work, away), price, at_once)

    def send(self, work: _Work, side: Side, qty: int, price: int, how: TimeInForce) -> Order:
        """Send an order of a slice."""
        send = self.buy if side is Side.BUY else self.sell
        return send(work.book.instrument, qty, price, time_in_force=how)

    def slice_qty(self, work: _Work, away: int) -> int:
        """Lots of the next order: a share of the way, one at least, within every limit."""
        own = self.limits.max_order_qty or away
        most = min(self.max_qty, own, work.book.instrument.max_order_qty)
        return max(1, min(most, away, round(away * self.slice_share)))

    def best_of_others(self, book: Book, side: Side) -> int | None:
        """The best price of a side, own orders left out."""
        levels = book.levels(side, 1, of_others=True)
        return levels[0].price if levels else None
