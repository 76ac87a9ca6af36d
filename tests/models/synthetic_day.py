"""Books and trades made by hand or drawn, the kernel over them, and the touchline command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np

from touchline.models import features
from touchline.models.batch_features import Stretch
from touchline.models.tape import BOOK_DTYPE, LEVEL_DTYPE, Day

__all__ = ["TOUCHLINE", "day_that_can_be_foretold", "drawn", "streamed", "stretch_of", "touchline"]

TOUCHLINE = Path(sys.executable).parent / "touchline"


def touchline(*words: object) -> str:
    """Run a command that has to succeed; what it prints."""
    command = [str(TOUCHLINE), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@numba.njit(boundscheck=True, error_model="python")
def _stream(states: Any, stretch: Any, bids: Any, offers: Any, counts: Any, out: Any) -> None:
    time_ns, trade_time_ns, trade_px, trade_qty, trade_side, trades_before = stretch
    state = states[0]
    features.reset(state)
    trade = 0
    for at in range(len(time_ns)):
        while trade < trades_before[at]:
            features.on_trade(
                state, trade_time_ns[trade], trade_px[trade], trade_qty[trade], trade_side[trade]
            )
            trade += 1
        features.on_book(state, time_ns[at], bids[at], counts[at, 0], offers[at], counts[at, 1])
        features.write_row(state, out[at])


def streamed(stretch: Stretch) -> np.ndarray:
    """The rows that the kernel writes; shape (books, FEATURE_COUNT)."""
    count = len(stretch.time_ns)
    bids, offers = (np.zeros((count, stretch.bid_px.shape[1]), LEVEL_DTYPE) for _ in range(2))
    bids["price"], bids["qty"] = stretch.bid_px, stretch.bid_qty
    offers["price"], offers["qty"] = stretch.offer_px, stretch.offer_qty
    counts = np.stack([(side["qty"] > 0).sum(1) for side in (bids, offers)], axis=1)
    out = np.full((count, features.FEATURE_COUNT), -1e9)
    trades = (stretch.trade_time_ns, stretch.trade_px, stretch.trade_qty, stretch.trade_side)
    plain = (stretch.time_ns, *trades, stretch.trades_before)
    _stream(np.zeros(1, features.STATE_DTYPE), plain, bids, offers, counts, out)
    return out


def stretch_of(
    books: list[tuple[int, list[tuple[int, int]], list[tuple[int, int]]]],
    trades: list[tuple[int, int, int, int]] | None = None,
) -> Stretch:
    """A stretch by hand: (time, bids, offers), levels as (price, qty); (time, price, qty, side).

    A trade comes before the first book that is as old or younger.
    """
    sides = np.zeros((4, len(books), features.DEPTH_LEVELS), np.int64)
    for at, (_, bids, offers) in enumerate(books):
        for side, levels in ((0, bids), (2, offers)):
            for place, (price, qty) in enumerate(levels):
                sides[side, at, place], sides[side + 1, at, place] = price, qty
    time_ns = np.array([one[0] for one in books], np.int64)
    told = np.array(trades or np.empty((0, 4)), np.int64)
    before = np.searchsorted(told[:, 0], time_ns, side="right")
    return Stretch(time_ns, *sides, *np.ascontiguousarray(told.T), before)


def drawn(seed: int, count: int) -> Stretch:
    """A stretch at random: bursts and pauses, empty sides, more changes in a window than it holds.

    The second half is quick: some thousand books and trades in a second.
    """
    random = np.random.default_rng(seed)
    gaps = random.integers(1, 200_000_000, count)
    gaps[count // 2 :] = random.integers(1, 400_000, count - count // 2)
    gaps[random.integers(0, count // 2, 10)] = 15_000_000_000
    time_ns = np.cumsum(gaps)
    middle = 10_000 + np.cumsum(random.integers(-1, 2, count))
    books = []
    for at in range(count):
        deep = random.integers(0 if random.random() < 0.05 else 1, features.DEPTH_LEVELS + 1, 2)
        bids, offers = (
            [
                (int(middle[at] + sign * (1 + level)), int(random.integers(1, 50)))
                for level in range(n)
            ]
            for sign, n in ((-1, deep[0]), (1, deep[1]))
        )
        books.append((int(time_ns[at]), bids, offers))
    times = np.repeat(time_ns, random.integers(0, 3, count))
    trades = [
        (int(at), int(random.integers(9_990, 10_010)), int(random.integers(1, 9)), int(side))
        for at, side in zip(times, random.integers(0, 3, len(times)), strict=True)
    ]
    return stretch_of(books, trades)


def day_that_can_be_foretold(strength: float, count: int = 6_000, seed: int = 1) -> Day:
    """A day whose mid moves, at the next book, with the sign of one feature or at random.

    Parameters
    ----------
    strength : float
        Part of the moves that follow the feature imbalance_1.
    """
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, features.FEATURE_COUNT))
    rows[:, 0] = 1.0
    follows = random.random(count) < strength
    move = np.where(follows, np.sign(rows[:, 1]), random.choice([-1, 1], count)).astype(np.int64)
    books = np.zeros(count, BOOK_DTYPE)
    books["seq"] = np.arange(count)
    books["time_ns"] = 1_700_000_000_000_000_000 + np.arange(count) * 100_000_000
    books["bid_px"] = 10_000 + np.concatenate([[0], np.cumsum(move)[:-1]])
    books["offer_px"] = books["bid_px"] + 1
    books["bid_qty"] = books["offer_qty"] = 1
    return Day(1, books, rows, np.empty(0, books.dtype))
