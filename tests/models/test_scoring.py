"""Correlations, intervals and payoffs are what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from touchline.models.scoring import ic, payoff, pearson, r2_against_zero, ranks


def test_ranks_are_shared_among_equals() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_correlation_is_that_of_numpy_and_none_for_a_constant() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 50))
    assert pearson(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)
    assert np.isnan(pearson(np.ones(5), a[:5]))


def test_r2_is_against_always_saying_zero() -> None:
    labels = np.array([1.0, -2.0, 3.0])
    assert r2_against_zero(labels, labels) == 1.0
    assert r2_against_zero(np.zeros(3), labels) == 0.0
    assert r2_against_zero(-labels, labels) == -3.0


def test_the_interval_of_noise_holds_zero_and_is_wider_where_rows_hang_together() -> None:
    random = np.random.default_rng(2)
    time_ns = np.arange(4_000) * 10
    free = random.normal(size=(2, 4_000))
    tied = np.repeat(random.normal(size=(2, 40)), 100, axis=1)
    widths = []
    for scores, labels in (free, tied):
        found = ic(scores, labels, time_ns, block_ns=1_000, seed=1)
        assert found.pearson_low < 0 < found.pearson_high
        assert found.blocks == 40
        widths.append(found.pearson_high - found.pearson_low)
    assert widths[1] > 3 * widths[0]


def test_what_is_known_pays_only_beyond_half_the_spread() -> None:
    labels = np.tile([-1.0, 1.0], 500)
    time_ns = np.arange(1_000)
    for spread, pays in ((1.0, True), (3.0, False)):
        found = payoff(
            labels,
            labels,
            np.full(1_000, spread),
            time_ns,
            time_ns + 10,
            share=1.0,
            block_ns=10,
            seed=1,
        )
        assert (found.move, found.half_spread, found.hit_rate) == (1.0, spread / 2, 1.0)
        assert found.pays is pays
        assert (found.rows, found.apart) == (1_000, 100)
    nothing = payoff(
        np.zeros(1_000),
        labels,
        np.ones(1_000),
        time_ns,
        time_ns + 10,
        share=0.1,
        block_ns=10,
        seed=1,
    )
    assert (nothing.rows, nothing.pays) == (0, False)
