"""The features once more, the obvious way: over whole arrays, with numpy, for one stretch.

An independent twin of the kernel in :mod:`touchline.models.features`, for its tests and for whoever
wants to read what a feature is. It takes the books and trades of one stretch of continuous trading
and gives the same rows, bit for bit: sums are sums of integers here and there, and each feature is
then one division or one root of the same integers, which IEEE 754 rounds in one way only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from touchline.models.features import (
    CHANGES_MAX,
    EVENT_WINDOW,
    FEATURE_COUNT,
    LONG_NS,
    SHORT_NS,
    TRADES_MAX,
)

__all__ = ["Stretch", "rows"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Books and trades of one stretch, in their order.

    Attributes
    ----------
    time_ns : array of int64, shape (books,)
        Sequenced time of each book.
    bid_px, bid_qty, offer_px, offer_qty : array of int64, shape (books, levels)
        The best levels, best first; a quantity of 0 says that there is no such level.
    trade_time_ns, trade_px, trade_qty, trade_side : array of int64, shape (trades,)
        Trades; side 1 bought, 2 sold, 0 nobody was the aggressor.
    trades_before : array of int64, shape (books,)
        How many of the trades came before each book.
    """

    time_ns: Ints
    bid_px: Ints
    bid_qty: Ints
    offer_px: Ints
    offer_qty: Ints
    trade_time_ns: Ints
    trade_px: Ints
    trade_qty: Ints
    trade_side: Ints
    trades_before: Ints


def rows(stretch: Stretch) -> Floats:
    """The features after each book.

    Parameters
    ----------
    stretch : Stretch
        Of one instrument.

    Returns
    -------
    array of float64, shape (books, FEATURE_COUNT)
        As :func:`touchline.models.features.write_row` writes them.
    """
    count = len(stretch.time_ns)
    out = np.full((count, FEATURE_COUNT), np.nan)
    bid_qty, offer_qty = stretch.bid_qty, stretch.offer_qty
    two_sided = (bid_qty[:, 0] > 0) & (offer_qty[:, 0] > 0)
    mid2 = stretch.bid_px[:, 0] + stretch.offer_px[:, 0]
    touch = bid_qty[:, 0] + offer_qty[:, 0]
    spread = stretch.offer_px[:, 0] - stretch.bid_px[:, 0]

    out[:, 0] = spread
    for column, levels in ((1, 1), (2, 3), (3, 5)):
        bids, offers = bid_qty[:, :levels].sum(1), offer_qty[:, :levels].sum(1)
        out[:, column] = _ratio(bids - offers, bids + offers)
    out[:, 4] = _ratio(spread * (bid_qty[:, 0] - offer_qty[:, 0]), 2 * touch)

    index = np.arange(count)
    short = _first(stretch.time_ns, index + 1, stretch.time_ns - SHORT_NS, CHANGES_MAX)
    long = _first(stretch.time_ns, index + 1, stretch.time_ns - LONG_NS, CHANGES_MAX)
    flow = _order_flow(stretch, two_sided)
    for column, first in ((5, short), (6, long)):
        net = _sums(flow, first, index + 1)
        out[:, column] = _ratio(net, _sums(np.abs(flow), first, index + 1) + touch)

    sign = np.select([stretch.trade_side == 1, stretch.trade_side == 2], [1, -1], 0)
    signed = sign * stretch.trade_qty
    seen = stretch.trades_before
    for column, window in ((7, SHORT_NS), (8, LONG_NS)):
        first = _first(stretch.trade_time_ns, seen, stretch.time_ns - window, TRADES_MAX)
        net = _sums(signed, first, seen)
        out[:, column] = _ratio(net, _sums(np.abs(signed), first, seen) + touch)

    for column, then in ((9, short - 1), (10, long - 1), (11, index - EVENT_WINDOW)):
        known = (then >= 0) & two_sided[then]
        out[known, column] = (mid2[known] - mid2[then[known]]) / 2
    squares = _squared_moves(mid2, two_sided)
    full = long > 0
    out[full, 12] = (np.sqrt(_sums(squares, long, index + 1)) / 2)[full]
    traded = seen > 0
    out[traded, 13] = (2 * stretch.trade_px[seen[traded] - 1] - mid2[traded]) / 2

    needs_touch = np.delete(np.arange(FEATURE_COUNT), [12, 14])
    out[np.ix_(np.flatnonzero(~two_sided), needs_touch)] = np.nan
    fast, slow = index + 1 - short, index + 1 - long
    out[:, 14] = _ratio(10 * fast - slow, 10 * fast + slow)
    return out


def _ratio(part: Ints, whole: Ints) -> Floats:
    """One division each; NaN by 0."""
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole != 0)
    return out


def _first(times: Ints, until: Ints, after_ns: Ints, capacity: int) -> Ints:
    """For each row the first item, of those before `until`, that is younger than `after_ns`."""
    found = np.searchsorted(times, after_ns, side="right")
    return np.minimum(np.maximum(found, until - (capacity - 1)), until)


def _sums(values: Ints, first: Ints, until: Ints) -> Ints:
    """Sums of ``values[first:until]``, for each row."""
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[until] - total[first], np.int64)


def _order_flow(stretch: Stretch, two_sided: npt.NDArray[np.bool_]) -> Ints:
    """e_n of Cont, Kukanov, Stoikov (2014); 0 unless this book and the last have two sides."""
    bid, offer = stretch.bid_px[:, 0], stretch.offer_px[:, 0]
    bids, offers = stretch.bid_qty[:, 0], stretch.offer_qty[:, 0]
    flow = np.zeros(len(bid), np.int64)
    demand = (bid[1:] >= bid[:-1]) * bids[1:] - (bid[1:] <= bid[:-1]) * bids[:-1]
    supply = (offer[1:] <= offer[:-1]) * offers[1:] - (offer[1:] >= offer[:-1]) * offers[:-1]
    flow[1:] = np.where(two_sided[1:] & two_sided[:-1], demand - supply, 0)
    return flow


def _squared_moves(mid2: Ints, two_sided: npt.NDArray[np.bool_]) -> Ints:
    """Squares of the moves from each mid to the next one that is known, quarter ticks."""
    squares = np.zeros(len(mid2), np.int64)
    known = np.flatnonzero(two_sided)
    squares[known[1:]] = np.diff(mid2[known]) ** 2
    return squares
