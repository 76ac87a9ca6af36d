"""Weights are what an independent computation says they are, and a failure names its cause."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import scipy.cluster.hierarchy
import scipy.optimize
import scipy.spatial.distance
import sklearn.base

from touchline.optimizer import Allocation, AllocationError, OptimizerError, load_prices

Returns = pd.DataFrame


@pytest.fixture(scope="module")
def returns() -> Returns:
    """Two years of the sample."""
    return load_prices(lookback=505).pct_change().iloc[1:]


def hrp_twin(returns: Returns) -> dict[str, float]:
    """Hierarchical risk parity as its paper has it (Lopez de Prado 2016): the short, slow way."""
    covariance = returns.cov().to_numpy()
    correlation = returns.corr().to_numpy()
    distance = np.sqrt(np.clip((1 - correlation) / 2, 0, 1))
    np.fill_diagonal(distance, 0)
    condensed = scipy.spatial.distance.squareform(distance, checks=False)
    tree = scipy.cluster.hierarchy.linkage(condensed, "ward", optimal_ordering=True)
    order = scipy.cluster.hierarchy.leaves_list(tree).tolist()
    weights = np.ones(len(order))

    def variance(items: list[int]) -> float:
        inner = covariance[np.ix_(items, items)]
        inverse = 1 / np.diag(inner)
        inverse /= inverse.sum()
        return float(inverse @ inner @ inverse)

    def split(items: list[int]) -> None:
        if len(items) < 2:
            return
        left, right = items[: len(items) // 2], items[len(items) // 2 :]
        share = 1 - variance(left) / (variance(left) + variance(right))
        weights[left] *= share
        weights[right] *= 1 - share
        split(left)
        split(right)

    split(order)
    return dict(zip(returns.columns, weights.tolist(), strict=True))


def cvar(weights: np.ndarray, returns: np.ndarray, confidence: float) -> float:
    """Mean of the worst losses; the border one counts with its part."""
    losses = np.sort(-returns @ weights)[::-1]
    tail = (1 - confidence) * len(losses)
    whole = int(tail)
    return float((losses[:whole].sum() + (tail - whole) * losses[whole]) / tail)


def least_cvar(returns: np.ndarray, confidence: float) -> float:
    """The linear program of Rockafellar and Uryasev (2000), eq. 17, written out for HiGHS."""
    times, count = returns.shape
    # Variables: weights, the value at risk, and what each loss is beyond it.
    cost = np.concatenate([np.zeros(count), [1.0], np.full(times, 1 / (times * (1 - confidence)))])
    beyond = np.hstack([-returns, -np.ones((times, 1)), -np.eye(times)])
    total = np.concatenate([np.ones(count), np.zeros(times + 1)])[None, :]
    bounds = [(0, 1)] * count + [(None, None)] + [(0, None)] * times
    found = scipy.optimize.linprog(
        cost, beyond, np.zeros(times), total, [1.0], bounds, method="highs"
    )
    assert found.status == 0
    return float(found.fun)


def test_hrp_weights_are_those_of_a_twin(returns: Returns) -> None:
    fitted = Allocation("hrp").fit(returns)
    twin = hrp_twin(returns)
    assert fitted.symbols_ == tuple(twin)
    np.testing.assert_allclose(fitted.weights_, list(twin.values()), atol=1e-9)
    assert (fitted.solver_, fitted.failures_) == ("", {})


@pytest.mark.parametrize("solver", ["HIGHS", "CLARABEL"])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_min_cvar_reaches_the_least_value_of_the_linear_program(
    returns: Returns, solver: str, confidence: float
) -> None:
    sample = returns.iloc[-200:, :6]
    fitted = Allocation("min-cvar", confidence, solvers=(solver,)).fit(sample)
    reached = cvar(fitted.weights_, sample.to_numpy(), confidence)
    assert reached == pytest.approx(least_cvar(sample.to_numpy(), confidence), rel=1e-5)
    assert fitted.solver_ == solver


@pytest.mark.parametrize("method", ["hrp", "min-cvar"])
def test_weights_are_shares_of_one_capital_within_their_bound(
    returns: Returns, method: str
) -> None:
    fitted = Allocation(method, max_weight=0.15).fit(returns)
    assert fitted.weights_.sum() == pytest.approx(1, abs=1e-12)
    assert fitted.weights_.min() >= 0
    assert fitted.weights_.max() <= 0.15 + 1e-6
    again = Allocation(method, max_weight=0.15).fit(returns)
    np.testing.assert_array_equal(again.weights_, fitted.weights_)


def test_a_solver_that_fails_is_named_and_the_next_one_tried(returns: Returns) -> None:
    sample = returns.iloc[-200:, :4]
    fitted = Allocation("min-cvar", solvers=("NOSUCH", "CLARABEL")).fit(sample)
    assert fitted.solver_ == "CLARABEL"
    assert "NOSUCH" in fitted.failures_["NOSUCH"]
    with pytest.raises(AllocationError, match=r"min-cvar of 4 symbols: NOSUCH: .*; NEITHER: "):
        Allocation("min-cvar", solvers=("NOSUCH", "NEITHER")).fit(sample)
    with pytest.raises(AllocationError, match="there is no solver to try"):
        Allocation("min-cvar", solvers=()).fit(sample)


def test_what_cannot_be_is_refused_with_its_cause(returns: Returns) -> None:
    still = returns.assign(AAPL=0.0)
    hole = returns.copy()
    hole.iloc[3, 2] = np.nan
    for allocation, wrong, part in [
        (Allocation("best"), returns, "method is 'best', must be hrp or min-cvar"),
        (Allocation(confidence=1.0), returns, "confidence is 1.0"),
        (Allocation(max_weight=0.01), returns, "with 20 symbols at least 0.0500"),
        (Allocation("hrp"), still, "the price of AAPL never changes"),
        (Allocation("min-cvar"), hole, "a return is no finite number"),
    ]:
        with pytest.raises(AllocationError, match=part):
            allocation.fit(wrong)


def test_it_is_an_estimator_as_scikit_learn_has_them() -> None:
    one = Allocation("min-cvar", 0.9)
    copy = sklearn.base.clone(one)
    assert copy is not one
    assert copy.get_params() == one.get_params()
    assert one.set_params(max_weight=0.5).max_weight == 0.5
    with pytest.raises(ValueError, match="no parameter 'depth'"):
        one.set_params(depth=1)


@pytest.mark.parametrize("method", ["hrp", "min-cvar"])
def test_without_the_research_extra_the_error_names_it(
    returns: Returns, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("skfolio.optimization", "skfolio.datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OptimizerError, match=r'pip install "touchline\[research\]"'):
        Allocation(method).fit(returns)
    with pytest.raises(OptimizerError, match=r"skfolio\.datasets is not installed"):
        load_prices()
