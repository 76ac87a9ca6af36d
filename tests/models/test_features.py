"""The kernel gives the rows that the obvious batch gives, bit for bit, and what the table says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from synthetic_day import drawn, streamed, stretch_of

from touchline.models.batch_features import Stretch, rows
from touchline.models.features import (
    CHANGES_MAX,
    DEPTH_LEVELS,
    FEATURE_NAMES,
    FEATURES,
    TRADES_MAX,
)
from touchline.models.tape import Day

DOCUMENT = Path(__file__).parents[2] / "docs" / "models.md"
S = 1_000_000_000


def column(stretch: Stretch, name: str) -> list[float]:
    """One feature of each book, as the kernel writes it."""
    return streamed(stretch)[:, FEATURE_NAMES.index(name)].tolist()


def assert_same_bits(one: np.ndarray, other: np.ndarray) -> None:
    """NaN equals NaN; everything else has to be equal, not near."""
    for place, name in enumerate(FEATURE_NAMES):
        a, b = one[:, place], other[:, place]
        wrong = np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))
        assert not len(wrong), (name, wrong[:3], a[wrong[:3]], b[wrong[:3]])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_kernel_equals_the_batch_on_whatever_is_drawn(seed: int) -> None:
    stretch = drawn(seed, 4_000)
    told = rows(stretch)
    assert_same_bits(streamed(stretch), told)
    # What was drawn reaches every corner: empty sides, and windows that are over-full.
    assert np.isnan(told[:, 0]).any()
    window = np.searchsorted(stretch.time_ns, stretch.time_ns - S)
    assert (np.arange(4_000) - window).max() > CHANGES_MAX
    assert len(stretch.trade_px) > TRADES_MAX


def test_the_kernel_equals_the_batch_on_a_played_day(day: Day) -> None:
    assert day.levels is not None
    for number in np.unique(day.books["stretch"]):
        books = np.flatnonzero(day.books["stretch"] == number)
        first = day.books["trades_before"][books[0] - 1] if books[0] else 0
        trades = day.trades[first : day.books["trades_before"][books[-1]]]
        stretch = Stretch(
            day.books["time_ns"][books],
            *np.ascontiguousarray(day.levels[books].transpose(1, 0, 2)),
            *(np.ascontiguousarray(trades[name]) for name in ("time_ns", "price", "qty", "side")),
            day.books["trades_before"][books] - first,
        )
        assert_same_bits(day.rows[books], rows(stretch))


def test_the_touch_gives_spread_imbalance_and_microprice() -> None:
    stretch = stretch_of([(1, [(100, 30), (99, 10)], [(102, 10), (103, 10), (104, 40)])])
    assert column(stretch, "spread") == [2.0]
    assert column(stretch, "imbalance_1") == [0.5]
    assert column(stretch, "imbalance_3") == [(40 - 60) / 100]
    # 100 + 2 * 30/40 = 101.5, half a tick above the mid.
    assert column(stretch, "microprice") == [0.5]


def test_order_flow_is_what_came_to_the_touch_less_what_left_it() -> None:
    book = [(100, 10)], [(101, 10)]
    stretch = stretch_of(
        [
            (0, *book),
            (1, [(100, 15)], [(101, 10)]),  # 5 more are bid
            (2, [(100, 15)], [(102, 20)]),  # 10 at the old offer are gone
            (3 * S, *book),  # the window holds this change alone: offers 10, bids -5
        ]
    )
    assert column(stretch, "order_flow_1s") == [0.0, 5 / 30, 15 / 50, -15 / 35]
    assert column(stretch, "order_flow_10s")[-1] == 0.0


def test_trade_flow_counts_aggressors_and_an_uncross_has_none() -> None:
    book = [(100, 10)], [(101, 10)]
    trades = [(1, 101, 4, 1), (2, 100, 1, 2), (2, 100, 50, 0)]
    stretch = stretch_of([(3, *book), (2 * S, *book), (11 * S, *book)], trades)
    assert column(stretch, "trade_flow_1s") == [3 / 25, 0.0, 0.0]
    assert column(stretch, "trade_flow_10s") == [3 / 25, 3 / 25, 0.0]
    assert column(stretch, "last_trade") == [-0.5] * 3


def test_a_move_is_not_known_before_the_window_is_full() -> None:
    books = [(at * S // 2, [(100 + at, 1)], [(101 + at, 1)]) for at in range(22)]
    stretch = stretch_of(books)
    assert np.isnan(column(stretch, "move_1s")[:2]).all()
    assert column(stretch, "move_1s")[2:] == [2.0] * 20
    assert np.isnan(column(stretch, "move_20")[:20]).all()
    assert column(stretch, "move_20")[20:] == [20.0] * 2
    # 20 moves of one tick in the last 10 s.
    assert column(stretch, "volatility_10s")[20:] == [np.sqrt(20.0)] * 2


def test_with_an_empty_side_nothing_is_told_but_activity() -> None:
    books = [(0, [(100, 1)], [(101, 1)]), (1, [(100, 1)], []), (2, [(100, 1)], [(101, 1)])]
    told = streamed(stretch_of(books))
    assert np.flatnonzero(~np.isnan(told[1])).tolist() == [FEATURE_NAMES.index("activity")]
    assert told[2, FEATURE_NAMES.index("imbalance_1")] == 0.0


def test_everything_is_told_relative_to_the_book_and_not_to_its_price() -> None:
    stretch = drawn(4, 500)
    moved = Stretch(
        **{
            name: value + 1_000_000 if name in ("bid_px", "offer_px", "trade_px") else value
            for name, value in vars(stretch).items()
        }
    )
    assert_same_bits(streamed(moved), streamed(stretch))


def test_buying_and_selling_are_mirrored() -> None:
    stretch = drawn(5, 500)
    mirrored = Stretch(
        stretch.time_ns,
        -stretch.offer_px,
        stretch.offer_qty,
        -stretch.bid_px,
        stretch.bid_qty,
        stretch.trade_time_ns,
        -stretch.trade_px,
        stretch.trade_qty,
        np.array([0, 2, 1])[stretch.trade_side],
        stretch.trades_before,
    )
    told = streamed(stretch)
    even = [FEATURE_NAMES.index(name) for name in ("spread", "volatility_10s", "activity")]
    sign = np.full(len(FEATURE_NAMES), -1.0)
    sign[even] = 1.0
    assert_same_bits(streamed(mirrored), told * sign)


def test_the_document_has_the_features_of_the_code() -> None:
    found = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(), re.M)
    told = [tuple(one) for one in found if one[0] in FEATURE_NAMES]
    assert told == [
        (one.name, one.formula.replace("|", "\\|"), one.unit, one.source) for one in FEATURES
    ]
    assert DEPTH_LEVELS == 5
