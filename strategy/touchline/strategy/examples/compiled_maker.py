"""A market maker, compiled; ``plain_maker.py`` is the same one, plain, and says what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from touchline.strategy import (
    NO_BID,
    NO_OFFER,
    ExecutionKind,
    Parameter,
    Reason,
    Side,
    TradingPhase,
)
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.native import (
    cancel,
    is_live,
    native,
    new_order,
    now_ns,
    order,
    position,
    replace,
    set_timer,
    touch_of_others,
)

__all__ = ["CompiledMaker"]

REQUOTE = 1  # number of the timer
BID, OFFER = 0, 1  # places in the state's arrays


@native
def back_off(state: Any) -> None:
    """Out of the market for a while; the timer ends it."""
    state.resume_at = now_ns() + round(state.backoff_s * 1e9)


@native
def pull(venue: int, state: Any) -> None:
    """Take both quotes out of the market."""
    for at in range(2):
        own = order(venue, state.quotes[at])
        if own.order != 0 and own.pending == 0:
            cancel(venue, own.order)


@native
def is_good(leaves_qty: int, at_price: int, price: int, qty: int) -> bool:
    """At its price, and not filled by more than half: its place in the queue is worth more."""
    return at_price == price and qty <= 2 * leaves_qty and leaves_qty <= qty


@native
def quote(venue: int, state: Any, at: int, price: int, qty: int) -> None:
    """Have `qty` lots at `price` on a side, with one command at most."""
    now = now_ns()
    if now - state.sent_at[at] < state.interval_s * 1e9:
        return
    if price < state.min_price or price > state.max_price:
        qty = 0
    own = order(venue, state.quotes[at])
    result = 0
    if own.order == 0:
        if qty <= 0:
            return
        side = Side.BUY if at == BID else Side.SELL
        result = new_order(venue, state.instrument_id, side, qty, price)
        state.quotes[at] = max(result, 0)
    elif own.pending != 0:
        return
    elif qty <= 0:
        result = cancel(venue, own.order)
    elif not is_good(own.leaves_qty, own.price, price, qty):
        result = replace(venue, own.order, price, own.cum_qty + qty)
    else:
        return
    state.sent_at[at] = now
    if result < 0:
        back_off(state)


@native
def requote(venue: int, state: Any) -> None:
    """Bring both quotes to where they belong."""
    is_open = state.is_continuous and is_live(venue, state.instrument_id)
    if not is_open or now_ns() < state.resume_at:
        pull(venue, state)
        return
    touch = touch_of_others(venue, state.instrument_id)
    if touch.bid_px == NO_BID or touch.offer_px == NO_OFFER:
        pull(venue, state)
        return
    lots = position(venue, state.instrument_id)
    weighted = touch.bid_px * touch.offer_qty + touch.offer_px * touch.bid_qty
    micro = weighted / (touch.bid_qty + touch.offer_qty)
    fair = micro - state.skew * lots / state.max_position
    # Never through the other side's best: a maker rests.
    bid_px = min(math.floor(fair - state.edge), touch.offer_px - 1)
    offer_px = max(math.ceil(fair + state.edge), touch.bid_px + 1)
    quote(venue, state, BID, bid_px, min(state.quote_qty, state.max_position - lots))
    quote(venue, state, OFFER, offer_px, min(state.quote_qty, state.max_position + lots))


class CompiledMaker(CompiledStrategy):
    """Quotes both sides of one instrument."""

    symbol = Parameter("ESH4", "Symbol(55) of the instrument")
    quote_qty = Parameter(5, "lots on each side", minimum=1)
    max_position = Parameter(50, "lots either way, with open orders", minimum=1)
    edge = Parameter(1.0, "distance of a quote from the fair price, price units", minimum=0.0)
    skew = Parameter(2.0, "shift of the fair price at max_position, price units", minimum=0.0)
    interval_s = Parameter(0.005, "least time between two commands of a side, s", minimum=0.0)
    requote_s = Parameter(0.1, "quotes are looked at so often, at least, s", minimum=0.001)
    backoff_s = Parameter(1.0, "out of the market after a refusal, s", minimum=0.0)

    state = np.dtype(
        [
            ("instrument_id", np.uint32),
            ("is_continuous", np.bool_),
            ("min_price", np.int64),
            ("max_price", np.int64),
            ("resume_at", np.int64),
            ("quotes", np.int64, (2,)),
            ("sent_at", np.int64, (2,)),
        ]
    )

    def initial(self) -> Mapping[str, Any]:
        """What the venue's configuration says of the instrument."""
        one = self.venue.instrument(self.symbol)
        return {
            "instrument_id": one.id,
            "min_price": one.min_price,
            "max_price": one.max_price,
        }

    @staticmethod
    def on_start(venue: int, state: Any, event: Any) -> None:
        """Nothing is quoted before the book is live."""
        set_timer(venue, REQUOTE, now_ns() + round(state.requote_s * 1e9))

    @staticmethod
    def on_live(venue: int, state: Any, event: Any) -> None:
        """The book is right from here on, and the phase is known."""
        if event.instrument_id == state.instrument_id:
            state.is_continuous = event.phase == TradingPhase.CONTINUOUS
            requote(venue, state)

    @staticmethod
    def on_book(venue: int, state: Any, event: Any) -> None:
        """The market has moved."""
        if event.instrument_id == state.instrument_id:
            requote(venue, state)

    @staticmethod
    def on_phase(venue: int, state: Any, event: Any) -> None:
        """Only a continuous market is quoted."""
        if event.instrument_id == state.instrument_id:
            state.is_continuous = event.phase == TradingPhase.CONTINUOUS
            requote(venue, state)

    @staticmethod
    def on_stale(venue: int, state: Any, event: Any) -> None:
        """Without a book there is no price."""
        pull(venue, state)

    @staticmethod
    def on_timer(venue: int, state: Any, event: Any) -> None:
        """What was left undone, for the sake of the order rate, is done now."""
        set_timer(venue, REQUOTE, now_ns() + round(state.requote_s * 1e9))
        requote(venue, state)

    @staticmethod
    def on_execution(venue: int, state: Any, event: Any) -> None:
        """A refusal means to wait; else on_book follows, with the change in the book."""
        is_refused = (
            event.execution == ExecutionKind.REJECTED
            or event.execution == ExecutionKind.CANCEL_REJECTED
        )
        # A cancel or replace that comes too late is nobody's fault.
        is_race = event.reason == Reason.TOO_LATE_TO_CANCEL or event.reason == Reason.UNKNOWN_ORDER
        if is_refused and not is_race:
            back_off(state)
            pull(venue, state)
