"""Whole lots: never a lot away from the exact share, never more than the capital."""

from __future__ import annotations

import random

import pytest

from touchline.optimizer import OptimizerError, to_lots


def lots(weights: dict[str, float], prices: dict[str, float], capital: float, **round_lots: int):
    return to_lots(weights, prices, {one: round_lots.get(one, 1) for one in weights}, capital)


def test_the_largest_remainder_gets_the_next_lot() -> None:
    rounding = lots({"A": 0.34, "B": 0.33, "C": 0.33}, {"A": 10.0, "B": 10.0, "C": 10.0}, 100.0)
    assert [one.position for one in rounding.holdings] == [4, 3, 3]
    assert rounding.left == 0
    rounding = lots({"A": 0.301, "B": 0.309, "C": 0.39}, {"A": 10.0, "B": 10.0, "C": 10.0}, 100.0)
    assert [one.position for one in rounding.holdings] == [3, 3, 4]
    assert rounding.error_max == pytest.approx(0.01)
    assert rounding.error_sum == pytest.approx(0.01)


def test_a_lot_of_many_units_is_bought_whole_and_a_weight_below_zero_is_sold() -> None:
    rounding = lots({"A": 0.6, "B": -0.4}, {"A": 2.0, "B": 5.0}, 10_000.0, A=100)
    assert [one.position for one in rounding.holdings] == [30, -800]
    assert rounding.holdings[0].lot_value == 200.0
    assert rounding.holdings[1].reached == pytest.approx(-0.4)
    assert rounding.left == pytest.approx(0)


def test_every_position_is_less_than_a_lot_from_its_exact_share_and_is_paid() -> None:
    chance = random.Random(11)
    for _ in range(300):
        names = [f"S{at}" for at in range(chance.randint(1, 20))]
        raw = [chance.random() ** 3 for _ in names]
        weights = {name: one / sum(raw) for name, one in zip(names, raw, strict=True)}
        prices = {name: 10 ** chance.uniform(-1, 3) for name in names}
        round_lots = {name: chance.choice([1, 1, 10, 100]) for name in names}
        capital = 10 ** chance.uniform(4, 8)
        try:
            rounding = to_lots(weights, prices, round_lots, capital)
        except OptimizerError as error:
            assert "buys no lot of anything" in str(error)
            continue
        assert rounding.left >= -1e-9 * capital
        bumped = 0.0
        for one in rounding.holdings:
            exact = one.weight * capital / one.lot_value
            assert abs(one.position - exact) < 1 + 1e-9
            bumped += max(0.0, one.position - exact)
            assert one.reached == pytest.approx(one.position * one.lot_value / capital)
        # What is left would not buy the lot that missed most.
        short = [o for o in rounding.holdings if o.weight * capital / o.lot_value - o.position > 0]
        cut = [o for o in short if o.lot_value <= rounding.left * (1 - 1e-9)]
        assert not cut


def test_what_buys_nothing_or_is_no_number_is_refused() -> None:
    for weights, price, capital, part in [
        (
            {"A": 1.0},
            500.0,
            400.0,
            r"400\.00 buys no lot of anything; the cheapest, of A, costs 500",
        ),
        ({"A": 1.0}, 5.0, 0.0, "capital is 0.0"),
        ({"A": 1.0}, 5.0, float("nan"), "capital is nan"),
        ({"A": 1.5}, 5.0, 100.0, "add up to 1.5"),
        ({}, 5.0, 100.0, "0 weights"),
        ({"A": 1.0}, -5.0, 100.0, "is worth -5.0"),
        ({"A": 1.0}, 1e-9, 1e12, "too many to count"),
    ]:
        with pytest.raises(OptimizerError, match=part):
            lots(weights, {"A": price}, capital)
