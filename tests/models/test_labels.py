"""Labels are the mid's move until a horizon, unknown where it is not known; parts know no other."""

from __future__ import annotations

import numpy as np
import pytest

from touchline.models.errors import DaySplitError, HorizonError
from touchline.models.labels import Horizon, Labels, label, split
from touchline.models.tape import BOOK_DTYPE


def books(*told: tuple[int, int, int, int]) -> np.ndarray:
    """Books by hand: (time, bid price, bid quantity, stretch); the offer is one tick above."""
    made = np.zeros(len(told), BOOK_DTYPE)
    for at, (time_ns, bid_px, bid_qty, stretch) in enumerate(told):
        made[at]["time_ns"], made[at]["stretch"] = time_ns, stretch
        made[at]["bid_px"], made[at]["bid_qty"] = bid_px, bid_qty
        made[at]["offer_px"], made[at]["offer_qty"] = bid_px + 1, 5
    return made


def same(one: np.ndarray, other: list[float]) -> bool:
    return np.array_equal(one, np.array(other), equal_nan=True)


NAN = float("nan")
PLAIN = books((0, 100, 5, 0), (10, 101, 5, 0), (20, 103, 5, 0), (30, 102, 5, 0))


@pytest.mark.parametrize(
    ("text", "horizon"),
    [
        ("1s", Horizon(ns=10**9)),
        ("500ms", Horizon(ns=5 * 10**8)),
        ("7us", Horizon(ns=7_000)),
        ("3ns", Horizon(ns=3)),
        ("20b", Horizon(books=20)),
    ],
)
def test_a_horizon_is_a_time_or_a_number_of_books(text: str, horizon: Horizon) -> None:
    assert Horizon.parse(text) == horizon
    assert str(horizon) == text


@pytest.mark.parametrize("text", ["", "1", "0s", "-1s", "1.5s", "s", "1m", "99999999999s"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(HorizonError, match="is no horizon"):
        Horizon.parse(text)


def test_a_label_is_the_move_to_the_book_that_stands_at_the_horizon() -> None:
    assert same(label(PLAIN, Horizon(ns=10)).moves, [1, 2, -1, NAN])
    # At 15 the book of 10 still stands; at 35 and 45 the day has ended.
    assert same(label(PLAIN, Horizon(ns=15)).moves, [1, 2, NAN, NAN])
    assert same(label(PLAIN, Horizon(books=2)).moves, [3, 1, NAN, NAN])
    assert label(PLAIN, Horizon(ns=15)).known_at_ns.tolist() == [15, 25, 35, 45]
    assert label(PLAIN, Horizon(books=2)).known_at_ns.tolist()[:2] == [20, 30]


def test_no_label_reaches_into_another_stretch() -> None:
    halted = books((0, 100, 5, 0), (10, 101, 5, 0), (20, 103, 5, 1), (30, 102, 5, 1))
    assert same(label(halted, Horizon(ns=10)).moves, [1, NAN, -1, NAN])
    assert same(label(halted, Horizon(books=1)).moves, [1, NAN, -1, NAN])


def test_a_book_with_an_empty_side_has_no_mid() -> None:
    empty = books((0, 100, 5, 0), (10, 0, 0, 0), (20, 103, 5, 0))
    assert same(label(empty, Horizon(ns=10)).moves, [NAN, NAN, NAN])
    assert same(label(empty, Horizon(books=2)).moves, [3, NAN, NAN])


def test_a_day_without_books_has_no_labels() -> None:
    assert len(label(books(), Horizon(ns=1)).moves) == 0
    assert len(label(books(), Horizon(books=1)).moves) == 0


@pytest.mark.parametrize("horizon_ns", [1, 50, 400])
@pytest.mark.parametrize("embargo_ns", [0, 300])
def test_no_part_knows_of_the_next(horizon_ns: int, embargo_ns: int) -> None:
    random = np.random.default_rng(horizon_ns)
    time_ns = np.cumsum(random.integers(1, 20, 5_000))
    known_at_ns = time_ns + horizon_ns
    moves = random.normal(size=5_000)
    moves[random.random(5_000) < 0.1] = np.nan
    parts = split(time_ns, Labels(moves, known_at_ns), embargo_ns=embargo_ns)
    for one, later in ((parts.train, parts.validation), (parts.validation, parts.test)):
        assert known_at_ns[one].max() + embargo_ns < time_ns[later].min()
    everything = np.concatenate([parts.train, parts.validation, parts.test])
    assert not np.isnan(moves[everything]).any()
    assert (np.diff(everything) > 0).all()


def test_a_day_that_is_too_short_is_refused() -> None:
    time_ns = np.arange(1_000)
    labels = Labels(np.zeros(1_000), time_ns + 1)
    with pytest.raises(DaySplitError, match="left for validation"):
        split(time_ns, labels, embargo_ns=150)
    with pytest.raises(DaySplitError, match="10 books have a label"):
        split(time_ns[:10], Labels(np.zeros(10), time_ns[:10]))
