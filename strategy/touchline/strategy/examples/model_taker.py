"""A strategy that trades on a model: compiled, it scores the book after each change.

The model is an ONNX file as ``touchline train`` writes it; its score is the move of the mid that it
expects, in ticks. Beyond a threshold the strategy enters an order in the direction of the score:
at the touch of its own side (``join``), or across the spread, the rest cancelled (``cross``). It
holds a position of ``max_position`` at most, sends no second order before the first is answered and
a pause is over, takes a joining order back when the score has turned, and leaves no order behind.

What it knows and does it shows as gauges: ``score``, ``scores``, ``entered``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from touchline.core import OrdType, TimeInForce
from touchline.core.venue import Venue
from touchline.models.features import (
    DEPTH_LEVELS,
    FEATURE_COUNT,
    FEATURE_NAMES,
    STATE_DTYPE,
    reset,
    write_row,
)
from touchline.models.features import on_book as take_book
from touchline.models.features import on_trade as take_trade
from touchline.models.forest import Forest, score_row
from touchline.strategy import (
    ExecutionKind,
    Gauge,
    Parameter,
    ParameterError,
    Side,
    StrategyLoadError,
    TradingPhase,
)
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.layout import LEVEL_DTYPE
from touchline.strategy.native import (
    cancel,
    cancel_all,
    levels,
    native,
    new_order,
    now_ns,
    order,
    position,
)

__all__ = ["ModelFeaturesError", "ModelTaker"]

STYLES = ("join", "cross")


class ModelFeaturesError(StrategyLoadError):
    """The model was trained on other features than the kernel makes."""


@native
def learn(venue: int, state: Any, time_ns: int) -> bool:
    """Take the book into the kernel, and score it; False while it has an empty side."""
    bids = np.zeros(DEPTH_LEVELS, LEVEL_DTYPE)
    offers = np.zeros(DEPTH_LEVELS, LEVEL_DTYPE)
    bid_count = levels(venue, state.instrument_id, Side.BUY, bids)
    offer_count = levels(venue, state.instrument_id, Side.SELL, offers)
    if not take_book(state.kernel, time_ns, bids, bid_count, offers, offer_count):
        state.score = np.nan
        return False
    write_row(state.kernel, state.row)
    state.score = score_row(state.model, state.row)
    state.scores += 1
    return True


@native
def withdraw(venue: int, state: Any) -> None:
    """Take the own order out of the market."""
    own = order(venue, state.order)
    if own.order != 0 and own.pending == 0:
        cancel(venue, own.order)


@native
def enter(venue: int, state: Any, side: int, qty: int) -> None:
    """Send an order in the direction of the score; a refused one counts as sent."""
    kernel = state.kernel
    state.sent_at = now_ns()
    is_buy = side == Side.BUY
    if state.crosses:
        price = kernel.offer_px if is_buy else kernel.bid_px
        time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
    else:
        price = kernel.bid_px if is_buy else kernel.offer_px
        time_in_force = TimeInForce.DAY
    sent = new_order(venue, state.instrument_id, side, qty, price, OrdType.LIMIT, time_in_force)
    state.order = max(sent, 0)
    state.entered += 1 if sent > 0 else 0


@native
def decide(venue: int, state: Any) -> None:
    """Trade on the newest score, or let it be."""
    own = order(venue, state.order)
    is_long = state.score > state.threshold
    is_short = state.score < -state.threshold
    if own.order != 0:
        # It waits in its queue as long as the score wants it, and at the touch.
        kernel = state.kernel
        if own.side == Side.BUY:
            is_wanted = is_long and own.price == kernel.bid_px
        else:
            is_wanted = is_short and own.price == kernel.offer_px
        if not is_wanted:
            withdraw(venue, state)
        return
    if not (is_long or is_short) or now_ns() - state.sent_at < state.pause_s * 1e9:
        return
    lots = position(venue, state.instrument_id)
    room = state.max_position - (lots if is_long else -lots)
    qty = min(state.order_qty, room)
    if qty > 0:
        enter(venue, state, Side.BUY if is_long else Side.SELL, qty)


@native
def begin(venue: int, state: Any, phase: int) -> None:
    """The book is right, or the phase is another one: the kernel starts again."""
    state.is_continuous = phase == TradingPhase.CONTINUOUS
    reset(state.kernel)
    state.score = np.nan
    if not state.is_continuous:
        withdraw(venue, state)


class ModelTaker(CompiledStrategy):
    """Trades one instrument on the score of a model."""

    model = Parameter("model.onnx", "the ONNX file, as `touchline train` writes it")
    symbol = Parameter("ESH4", "Symbol(55) of the instrument")
    threshold = Parameter(0.2, "expected move from which it trades, ticks", minimum=0.0)
    style = Parameter("join", 'how it enters: "join" its own side, or "cross" the spread')
    order_qty = Parameter(1, "lots of an order", minimum=1)
    max_position = Parameter(10, "lots either way", minimum=1)
    pause_s = Parameter(0.1, "least time between two orders, s", minimum=0.0)

    score = Gauge("the newest score: expected move of the mid, ticks")
    scores = Gauge("books that were scored")
    entered = Gauge("orders that were sent")

    state = np.dtype(
        [
            ("instrument_id", np.uint32),
            ("crosses", np.bool_),
            ("is_continuous", np.bool_),
            ("model", np.uintp),
            ("order", np.int64),
            ("sent_at", np.int64),
            ("row", np.float64, (FEATURE_COUNT,)),
            ("kernel", STATE_DTYPE),
        ],
        align=True,
    )

    def __init__(
        self, venue: Venue, name: str, parameters: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(venue, name, parameters)
        if self.style not in STYLES:
            known = " or ".join(STYLES)
            raise ParameterError(f"parameter style is {self.style!r}, must be {known}")
        # Kept here: the compiled code has its address.
        self.forest = Forest.load(self.model)
        if self.forest.feature_names != FEATURE_NAMES:
            raise ModelFeaturesError(
                f"{self.model} was trained on {', '.join(self.forest.feature_names) or 'nothing'}; "
                f"this build makes {', '.join(FEATURE_NAMES)}: train it again"
            )

    def initial(self) -> Mapping[str, Any]:
        """The instrument's number, the model's address, and no score yet."""
        return {
            "instrument_id": self.venue.instrument(self.symbol).id,
            "crosses": self.style == "cross",
            "model": self.forest.address,
            "scores": 0,
            "entered": 0,
        }

    @staticmethod
    def on_live(venue: int, state: Any, event: Any) -> None:
        """The book is right from here on, and the phase is known."""
        if event.instrument_id == state.instrument_id:
            begin(venue, state, event.phase)

    @staticmethod
    def on_phase(venue: int, state: Any, event: Any) -> None:
        """Only a continuous market is scored; what was before it is forgotten."""
        if event.instrument_id == state.instrument_id:
            begin(venue, state, event.phase)

    @staticmethod
    def on_stale(venue: int, state: Any, event: Any) -> None:
        """Without a book there is no score."""
        state.is_continuous = False
        state.score = np.nan
        withdraw(venue, state)

    @staticmethod
    def on_trade(venue: int, state: Any, event: Any) -> None:
        """A trade, before the book that follows it."""
        if event.instrument_id == state.instrument_id and state.is_continuous:
            take_trade(state.kernel, event.timestamp, event.price, event.qty, event.side)

    @staticmethod
    def on_book(venue: int, state: Any, event: Any) -> None:
        """The market has moved: score it, and act on it."""
        if event.instrument_id != state.instrument_id or not state.is_continuous:
            return
        if learn(venue, state, event.timestamp):
            decide(venue, state)
        else:
            withdraw(venue, state)

    @staticmethod
    def on_execution(venue: int, state: Any, event: Any) -> None:
        """After a refusal the pause begins anew."""
        if event.execution == ExecutionKind.REJECTED:
            state.sent_at = now_ns()

    @staticmethod
    def on_stop(venue: int, state: Any, event: Any) -> None:
        """Nothing is left behind."""
        cancel_all(venue)
