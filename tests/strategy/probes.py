"""Strategies for tests, one of each kind: they write down what they are told."""

from __future__ import annotations

from typing import Any

import numpy as np

from touchline.core import OrdType, Side, TimeInForce
from touchline.strategy import (
    LEVEL_DTYPE,
    Book,
    Execution,
    Order,
    Parameter,
    Strategy,
    StrategyEventKind,
    Targets,
    Timer,
    Trade,
)
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.native import (
    buy,
    cancel,
    cancel_all,
    levels,
    native,
    new_order,
    now_ns,
    order,
    replace,
    sell,
    set_timer,
    target,
    targets,
    touch_of_others,
)

__all__ = [
    "CompiledProbe",
    "CompiledTargets",
    "CompiledTrader",
    "Failing",
    "FailingCompiled",
    "PlainProbe",
    "Resting",
]

LOG_MAX = 256


class PlainProbe(Strategy):
    """Keeps everything that it is told."""

    quote_qty = Parameter(3, "lots", minimum=1)

    def on_start(self) -> None:
        self.told: list[tuple[str, Any]] = [("start", None)]

    def on_live(self, book: Book) -> None:
        self.told.append(("live", book.symbol))

    def on_stale(self) -> None:
        self.told.append(("stale", None))

    def on_phase(self, book: Book) -> None:
        self.told.append(("phase", book.phase))

    def on_book(self, book: Book) -> None:
        self.told.append(("book", (book.bid_px, book.bid_qty, book.offer_px, book.offer_qty)))

    def on_trade(self, trade: Trade) -> None:
        self.told.append(("trade", trade))

    def on_execution(self, execution: Execution) -> None:
        self.told.append(("execution", execution))

    def on_timer(self, timer: Timer) -> None:
        self.told.append(("timer", timer))

    def on_target(self, targets: Targets) -> None:
        self.told.append(("target", targets))

    def on_stop(self) -> None:
        self.told.append(("stop", None))

    def of(self, callback: str) -> list[Any]:
        """What one callback was told."""
        return [what for name, what in self.told if name == callback]


class Resting(Strategy):
    """Rests one order to buy, and says what happens to it on standard output."""

    price_units = Parameter(19_000, "price of the order")
    qty = Parameter(4, "lots")

    def on_start(self) -> None:
        print("start", flush=True)
        self.order: Order | None = None

    def on_live(self, book: Book) -> None:
        print("live", book.symbol, self.position(book.symbol), flush=True)
        if book.symbol == "ESH4":
            self.order = self.buy("ESH4", self.qty, self.price_units)

    def on_execution(self, execution: Execution) -> None:
        print(execution.kind.name, execution.qty, execution.position, flush=True)

    def on_stop(self) -> None:
        print("stop", flush=True)


class Failing(Resting):
    """Fails as soon as its order rests."""

    def on_execution(self, execution: Execution) -> None:
        raise ZeroDivisionError("the test wants it")


class CompiledProbe(CompiledStrategy):
    """Keeps kind, execution, reason and what one more field says of each event, in order."""

    symbol = Parameter("ESH4", "instrument of the orders")
    quote_qty = Parameter(3, "lots", minimum=1)
    interval_s = Parameter(0.02, "of the timer, s")

    state = np.dtype(
        [
            ("instrument_id", np.uint32),
            ("count", np.int64),
            ("kinds", np.int64, (LOG_MAX,)),
            ("callbacks", np.int64, (LOG_MAX,)),
            ("timers", np.int64),
        ]
    )

    def initial(self) -> dict[str, Any]:
        return {"instrument_id": self.venue.instrument(self.symbol).id}

    @staticmethod
    def on_start(venue: int, state: Any, event: Any) -> None:
        state.kinds[0] = 100
        state.callbacks[0] = 100
        state.count = 1
        set_timer(venue, 7, now_ns() + round(state.interval_s * 1e9))

    @staticmethod
    def on_live(venue: int, state: Any, event: Any) -> None:
        state.kinds[state.count] = event.kind
        state.callbacks[state.count] = StrategyEventKind.LIVE
        state.count += 1

    @staticmethod
    def on_book(venue: int, state: Any, event: Any) -> None:
        state.kinds[state.count] = event.kind
        state.callbacks[state.count] = StrategyEventKind.BOOK
        state.count += 1

    @staticmethod
    def on_trade(venue: int, state: Any, event: Any) -> None:
        state.kinds[state.count] = event.kind
        state.callbacks[state.count] = StrategyEventKind.TRADE
        state.count += 1

    @staticmethod
    def on_phase(venue: int, state: Any, event: Any) -> None:
        state.kinds[state.count] = event.kind
        state.callbacks[state.count] = StrategyEventKind.PHASE
        state.count += 1

    @staticmethod
    def on_execution(venue: int, state: Any, event: Any) -> None:
        state.kinds[state.count] = event.kind
        state.callbacks[state.count] = StrategyEventKind.EXECUTION
        state.count += 1

    @staticmethod
    def on_timer(venue: int, state: Any, event: Any) -> None:
        if event.order == 7 and event.matched_time <= now_ns():
            state.timers += 1
        set_timer(venue, 7, event.matched_time + round(state.interval_s * 1e9))

    @staticmethod
    def on_stop(venue: int, state: Any, event: Any) -> None:
        state.kinds[state.count] = 101
        state.callbacks[state.count] = 101
        state.count += 1


@native
def look(venue: int, state: Any) -> None:
    """Write down the own order, the best bid, and the touch of others."""
    own = order(venue, state.number)
    state.own[0], state.own[1], state.own[2] = own.price, own.order_qty, own.pending
    out = np.zeros(4, LEVEL_DTYPE)
    if levels(venue, 1, Side.BUY, out) > 0:
        state.best[0], state.best[1] = out[0].price, out[0].qty
    touch = touch_of_others(venue, 1)
    state.touch[0], state.touch[1] = touch.bid_px, touch.bid_qty
    state.touch[2], state.touch[3] = touch.offer_px, touch.offer_qty


class CompiledTrader(CompiledStrategy):
    """Goes through every command, one for each execution, and writes down what it is told.

    The test has an order to buy in the market before, far below `price_units`.
    """

    price_units = Parameter(19_000, "price of the first order")
    failing = Parameter(False, "divide by zero at the first execution")

    state = np.dtype(
        [
            ("count", np.int64),
            ("number", np.int64),
            ("executions", np.int64, (16,)),
            ("reasons", np.int64, (16,)),
            ("own", np.int64, (3,)),
            ("best", np.int64, (2,)),
            ("touch", np.int64, (4,)),
            ("result", np.int64),
        ]
    )

    @staticmethod
    def on_live(venue: int, state: Any, event: Any) -> None:
        if event.instrument_id == 1:
            state.number = buy(venue, 1, 4, state.price_units)

    @staticmethod
    def on_execution(venue: int, state: Any, event: Any) -> None:
        if state.failing:
            state.count //= state.result
        at = state.count
        state.executions[at] = event.execution
        state.reasons[at] = event.reason
        state.count += 1
        if at == 0:
            replace(venue, state.number, state.price_units + 1, 6)
        elif at == 1:
            replace(venue, state.number, state.price_units, 0)
        elif at == 2:
            look(venue, state)
            cancel(venue, state.number)
        elif at == 3:
            state.result = cancel(venue, state.number)
            sell(venue, 1, 501, state.price_units)
        elif at == 4:
            ioc = TimeInForce.IMMEDIATE_OR_CANCEL
            new_order(venue, 1, Side.SELL, 2, 0, OrdType.MARKET, ioc)
        elif at == 6:
            buy(venue, 1, 1, state.price_units - 80)
            buy(venue, 1, 1, state.price_units - 81)
        elif at == 8:
            cancel_all(venue)
        elif at == 10:
            state.stopping = True


class CompiledTargets(CompiledStrategy):
    """Writes down what it finds whenever it is told of targets."""

    state = np.dtype(
        [
            ("count", np.int64),
            ("lives", np.int64),
            ("events", np.int64, (8, 5)),
            ("heads", np.int64, (8, 4)),
            ("found", np.int64, (8, 3)),
            ("weights", np.float64, (8,)),
        ]
    )

    @staticmethod
    def on_live(venue: int, state: Any, event: Any) -> None:
        state.lives += 1

    @staticmethod
    def on_target(venue: int, state: Any, event: Any) -> None:
        at = state.count
        state.events[at, 0], state.events[at, 1] = event.order, event.qty
        state.events[at, 2], state.events[at, 3] = event.matched_time, event.released_time
        state.events[at, 4] = event.expired
        head = targets(venue)
        state.heads[at, 0], state.heads[at, 1] = head.version, head.row_count
        state.heads[at, 2], state.heads[at, 3] = head.expires_time, head.is_expired
        one = target(venue, 1)
        state.found[at, 0], state.found[at, 1], state.found[at, 2] = (
            one.is_set,
            one.position,
            one.price,
        )
        state.weights[at] = one.weight
        state.count += 1


class FailingCompiled(CompiledTrader):
    """Fails at its first execution."""

    failing = Parameter(True, "divide by zero at the first execution")
