"""Order-book features, as one streaming kernel: the same code in research and in a live strategy.

The kernel is a record of state (:data:`STATE_DTYPE`), two updates (:func:`on_trade`,
:func:`on_book`), and :func:`write_row`, which writes the features after the newest book into a
vector of float64. All of it is compiled by numba and called from compiled code. It knows no
instrument and no clock: time is the venue's sequenced time, ns, which only rises.

:data:`FEATURES` has each feature with its formula, unit and source. Prices are price units
("ticks"), quantities lots. Everything is in ticks or a ratio around 0, and what is not defined (a
side of the book is empty, the window reaches back behind the start) is NaN. Sums are sums of
integers, so that an obvious implementation (:mod:`touchline.models.batch_features`) gives the same
bits.

Windows end with the newest book and hold what is younger than their length, but at most the newest
:data:`CHANGES_MAX` book changes and :data:`TRADES_MAX` trades: that bounds the state and each call.

A kernel starts, or starts again by :func:`reset`, where the market becomes continuous or the book
becomes live: nothing is remembered across a call phase, a halt or a hole.

References
----------
CKS14 : Cont, Kukanov, Stoikov (2014), The price impact of order book events, Journal of Financial
    Econometrics 12(1), section 2: the contribution e_n of a book change to order flow imbalance.
GB16 : Gould, Bonart (2016), Queue imbalance as a one-tick-ahead price predictor in a limit order
    book, Market Microstructure and Liquidity 2(2).
S18 : Stoikov (2018), The micro-price: a high-frequency estimator of future prices, Quantitative
    Finance 18(12); the weighted mid-price of its introduction.
AB98 : Andersen, Bollerslev (1998), Answering the skeptics, International Economic Review 39(4):
    realised volatility as the root of the sum of squared moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

__all__ = [
    "CHANGES_MAX",
    "DEPTH_LEVELS",
    "FEATURES",
    "FEATURE_COUNT",
    "FEATURE_NAMES",
    "LONG_NS",
    "SHORT_NS",
    "STATE_DTYPE",
    "TRADES_MAX",
    "Feature",
    "on_book",
    "on_trade",
    "reset",
    "write_row",
]

DEPTH_LEVELS = 5
"""Levels of a side that the kernel looks at."""
SHORT_NS = 1_000_000_000
"""The short window, ns."""
LONG_NS = 10_000_000_000
"""The long window, ns."""
CHANGES_MAX = 1024
"""Newest book changes that a window can hold."""
TRADES_MAX = 512
"""Newest trades that a window can hold."""
EVENT_WINDOW = 20
"""Book changes of the window that counts events."""


class Feature(NamedTuple):
    """What a feature is: its name, its formula, its unit, and where it comes from."""

    name: str
    formula: str
    unit: str
    source: str


FEATURES = (
    Feature("spread", "offer_px - bid_px", "ticks", "own"),
    Feature("imbalance_1", "(B - O) / (B + O), quantities of the touch", "ratio, -1 to 1", "GB16"),
    Feature("imbalance_3", "the same over the best 3 levels of each side", "ratio", "GB16"),
    Feature("imbalance_5", "the same over the best 5 levels of each side", "ratio", "GB16"),
    Feature("microprice", "(bid_px O + offer_px B) / (B + O) - mid", "ticks", "S18"),
    Feature("order_flow_1s", "sum e / (sum |e| + B + O) over 1 s", "ratio, -1 to 1", "CKS14"),
    Feature("order_flow_10s", "the same over 10 s", "ratio, -1 to 1", "CKS14"),
    Feature(
        "trade_flow_1s",
        "(bought - sold) / (bought + sold + B + O) over 1 s, by aggressor",
        "ratio, -1 to 1",
        "own",
    ),
    Feature("trade_flow_10s", "the same over 10 s", "ratio, -1 to 1", "own"),
    Feature("move_1s", "mid - mid of the newest book that is 1 s old or older", "ticks", "own"),
    Feature("move_10s", "the same over 10 s", "ticks", "own"),
    Feature("move_20", "mid - mid before the last 20 book changes", "ticks", "own"),
    Feature("volatility_10s", "sqrt(sum of squared moves of the mid over 10 s)", "ticks", "AB98"),
    Feature("last_trade", "price of the newest trade - mid", "ticks", "own"),
    Feature("activity", "(10 n - N) / (10 n + N), book changes in 1 s and 10 s", "ratio", "own"),
)
"""Every feature, in the order of a row."""
FEATURE_NAMES = tuple(one.name for one in FEATURES)
FEATURE_COUNT = len(FEATURES)

NO_MID = -(2**63)
"""``mid2`` of a book with an empty side."""

STATE_DTYPE = np.dtype(
    [
        # The newest book; quantities are 0 where the side is empty.
        ("bid_px", np.int64),
        ("bid_qty", np.int64),
        ("offer_px", np.int64),
        ("offer_qty", np.int64),
        # Sums over the best 3 and 5 levels: bids, then offers.
        ("depth_3", np.int64, (2,)),
        ("depth_5", np.int64, (2,)),
        ("is_two_sided", np.bool_),
        # The newest mid of a two-sided book, in half ticks, and the newest trade.
        ("known_mid2", np.int64),
        ("last_px", np.int64),
        # Book changes since the reset, and the first one in each window.
        ("changes", np.int64),
        ("short_from", np.int64),
        ("long_from", np.int64),
        # Of change n at slot n % CHANGES_MAX: time; mid in half ticks; sums up to it, itself
        # included, of e, |e| and squared moves of the mid (quarter ticks).
        ("change_time", np.int64, (CHANGES_MAX,)),
        ("change_mid2", np.int64, (CHANGES_MAX,)),
        ("flow_sum", np.int64, (CHANGES_MAX,)),
        ("flow_size", np.int64, (CHANGES_MAX,)),
        ("squares", np.int64, (CHANGES_MAX,)),
        # The same of trades: sums of signed and unsigned quantities. An uncross has no sign.
        ("trades", np.int64),
        ("trade_short_from", np.int64),
        ("trade_long_from", np.int64),
        ("trade_time", np.int64, (TRADES_MAX,)),
        ("trade_sum", np.int64, (TRADES_MAX,)),
        ("trade_size", np.int64, (TRADES_MAX,)),
    ],
    align=True,
)
"""The state of one kernel. Zeros are no valid start: call :func:`reset`."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """Compile as strategies are: bounds are checked, and a division by 0 raises.

    Without the wrappers that the interpreter needs: they take as long to compile as the code.
    """
    options: dict[str, Any] = {"boundscheck": True, "error_model": "python", "nogil": True}
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("Function", numba.njit(**options)(function))


@_compiled
def reset(state: Any) -> None:
    """Forget everything: the next book is the first one."""
    state.bid_px = state.bid_qty = state.offer_px = state.offer_qty = 0
    state.is_two_sided = False
    state.known_mid2 = state.last_px = NO_MID
    state.changes = state.short_from = state.long_from = 0
    state.trades = state.trade_short_from = state.trade_long_from = 0


@_compiled
def on_trade(state: Any, time_ns: int, price: int, qty: int, side: int) -> None:
    """A trade: before the book that follows it.

    Parameters
    ----------
    state : record of STATE_DTYPE
        Changed in place.
    time_ns : int
        Sequenced time, ns.
    price, qty : int
        Price units, lots.
    side : int
        The aggressor's: 1 bought, 2 sold, 0 nobody (an uncross).
    """
    state.last_px = price
    at = state.trades
    before = (at - 1) % TRADES_MAX
    total = state.trade_sum[before] if at > 0 else 0
    size = state.trade_size[before] if at > 0 else 0
    signed = qty if side == 1 else (-qty if side == 2 else 0)
    slot = at % TRADES_MAX
    state.trade_time[slot] = time_ns
    state.trade_sum[slot] = total + signed
    state.trade_size[slot] = size + abs(signed)
    state.trades = at + 1


@_compiled
def on_book(
    state: Any,
    time_ns: int,
    bids: npt.NDArray[np.void],
    bid_count: int,
    offers: npt.NDArray[np.void],
    offer_count: int,
) -> bool:
    """A book, at the end of a match event.

    Parameters
    ----------
    state : record of STATE_DTYPE
        Changed in place.
    time_ns : int
        Sequenced time, ns.
    bids, offers : array of records with price and qty
        The best levels, best first; beyond the counts nothing is read.
    bid_count, offer_count : int
        How many there are.

    Returns
    -------
    bool
        True if both sides have orders: then a row can be scored.
    """
    is_two_sided = bid_count > 0 and offer_count > 0
    flow, square, mid2 = 0, 0, NO_MID
    if is_two_sided:
        bid_px, bid_qty = bids[0].price, bids[0].qty
        offer_px, offer_qty = offers[0].price, offers[0].qty
        mid2 = bid_px + offer_px
        if state.is_two_sided:
            flow = _flow(state, bid_px, bid_qty, offer_px, offer_qty)
        if state.known_mid2 != NO_MID:
            square = (mid2 - state.known_mid2) ** 2
        state.known_mid2 = mid2
        state.bid_px, state.bid_qty = bid_px, bid_qty
        state.offer_px, state.offer_qty = offer_px, offer_qty
        _sum_depth(state, 0, bids, bid_count)
        _sum_depth(state, 1, offers, offer_count)
    state.is_two_sided = is_two_sided
    _append(state, time_ns, mid2, flow, square)
    _move_windows(state, time_ns)
    return is_two_sided


@_compiled
def _flow(state: Any, bid_px: int, bid_qty: int, offer_px: int, offer_qty: int) -> int:
    """e_n of CKS14: what the change adds to the demand at the touch less the supply there, lots."""
    flow = 0
    if bid_px >= state.bid_px:
        flow += bid_qty
    if bid_px <= state.bid_px:
        flow -= state.bid_qty
    if offer_px <= state.offer_px:
        flow -= offer_qty
    if offer_px >= state.offer_px:
        flow += state.offer_qty
    return flow


@_compiled
def _sum_depth(state: Any, at: int, levels: npt.NDArray[np.void], count: int) -> None:
    total = 0
    for place in range(min(count, DEPTH_LEVELS)):
        total += levels[place].qty
        if place < 3:
            state.depth_3[at] = total
    state.depth_5[at] = total


@_compiled
def _append(state: Any, time_ns: int, mid2: int, flow: int, square: int) -> None:
    at = state.changes
    before = (at - 1) % CHANGES_MAX
    slot = at % CHANGES_MAX
    total = state.flow_sum[before] if at > 0 else 0
    size = state.flow_size[before] if at > 0 else 0
    squares = state.squares[before] if at > 0 else 0
    state.change_time[slot] = time_ns
    state.change_mid2[slot] = mid2
    state.flow_sum[slot] = total + flow
    state.flow_size[slot] = size + abs(flow)
    state.squares[slot] = squares + square
    state.changes = at + 1


@_compiled
def _first_within(times: Any, first: int, count: int, capacity: int, after_ns: int) -> int:
    """The first of `count` items that is younger than a time; the one before it is still kept."""
    first = max(first, count - (capacity - 1))
    while first < count and times[first % capacity] <= after_ns:
        first += 1
    return first


@_compiled
def _move_windows(state: Any, now_ns: int) -> None:
    """Let the windows end now."""
    short, long = now_ns - SHORT_NS, now_ns - LONG_NS
    times, count = state.change_time, state.changes
    state.short_from = _first_within(times, state.short_from, count, CHANGES_MAX, short)
    state.long_from = _first_within(times, state.long_from, count, CHANGES_MAX, long)
    times, count = state.trade_time, state.trades
    state.trade_short_from = _first_within(times, state.trade_short_from, count, TRADES_MAX, short)
    state.trade_long_from = _first_within(times, state.trade_long_from, count, TRADES_MAX, long)


@_compiled
def _within(sums: Any, first: int, count: int, capacity: int) -> int:
    """A sum over the items from `first` on, of sums from the start."""
    if first == count:
        return 0
    before = sums[(first - 1) % capacity] if first > 0 else 0
    total: int = sums[(count - 1) % capacity] - before
    return total


@_compiled
def _book_flow(state: Any, first: int, standing: int) -> float:
    flow = _within(state.flow_sum, first, state.changes, CHANGES_MAX)
    return flow / (_within(state.flow_size, first, state.changes, CHANGES_MAX) + standing)


@_compiled
def _trade_flow(state: Any, first: int, standing: int) -> float:
    flow = _within(state.trade_sum, first, state.trades, TRADES_MAX)
    return flow / (_within(state.trade_size, first, state.trades, TRADES_MAX) + standing)


@_compiled
def _move(state: Any, mid2: int, at: int) -> float:
    """The mid less that of change `at`, ticks; NaN where there is none."""
    if at < 0:
        return np.nan
    then = state.change_mid2[at % CHANGES_MAX]
    if then == NO_MID:
        return np.nan
    ticks: float = (mid2 - then) / 2
    return ticks


@_compiled
def write_row(state: Any, row: npt.NDArray[np.float64]) -> None:
    """Write the features after the newest book.

    Parameters
    ----------
    state : record of STATE_DTYPE
        After :func:`on_book`.
    row : array of float64, shape (FEATURE_COUNT,)
        In the order of :data:`FEATURES`.
    """
    for at in range(FEATURE_COUNT):
        row[at] = np.nan
    short = state.changes - state.short_from
    long = state.changes - state.long_from
    row[14] = (10 * short - long) / (10 * short + long)
    if state.long_from > 0:
        row[12] = np.sqrt(_within(state.squares, state.long_from, state.changes, CHANGES_MAX)) / 2
    if not state.is_two_sided:
        return
    bid_px, bid_qty = state.bid_px, state.bid_qty
    offer_px, offer_qty = state.offer_px, state.offer_qty
    mid2, standing = bid_px + offer_px, bid_qty + offer_qty
    row[0] = offer_px - bid_px
    row[1] = (bid_qty - offer_qty) / standing
    row[2] = (state.depth_3[0] - state.depth_3[1]) / (state.depth_3[0] + state.depth_3[1])
    row[3] = (state.depth_5[0] - state.depth_5[1]) / (state.depth_5[0] + state.depth_5[1])
    # bid_px + spread * B / (B + O) - mid, without the large prices.
    row[4] = (offer_px - bid_px) * (bid_qty - offer_qty) / (2 * standing)
    row[5] = _book_flow(state, state.short_from, standing)
    row[6] = _book_flow(state, state.long_from, standing)
    row[7] = _trade_flow(state, state.trade_short_from, standing)
    row[8] = _trade_flow(state, state.trade_long_from, standing)
    row[9] = _move(state, mid2, state.short_from - 1)
    row[10] = _move(state, mid2, state.long_from - 1)
    row[11] = _move(state, mid2, state.changes - 1 - EVENT_WINDOW)
    if state.last_px != NO_MID:
        row[13] = (2 * state.last_px - mid2) / 2
