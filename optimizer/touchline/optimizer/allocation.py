"""Weights from returns: hierarchical risk parity, and the least conditional value at risk.

Both are skfolio's (Lopez de Prado 2016, "Building Diversified Portfolios that Outperform Out of
Sample"; Rockafellar and Uryasev 2000, "Optimization of Conditional Value-at-Risk"); here stand the
choice, the ladder of solvers, and what is said when none of them finds anything.
"""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from touchline.optimizer.errors import AllocationError
from touchline.optimizer.prices import missing

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

__all__ = ["METHODS", "SOLVERS", "Allocation"]

METHODS = ("hrp", "min-cvar")
"""Ways to choose weights."""
SOLVERS = ("HIGHS", "CLARABEL")
"""Tried one after the other for a linear program: exact simplex, then interior point."""

_SUM_TOLERANCE = 1e-6


class Allocation:
    """Long-only weights that add up to 1; a scikit-learn estimator without its base class.

    Parameters
    ----------
    method : str, default "hrp"
        One of ``METHODS``.
    confidence : float, default 0.95
        Of the conditional value at risk, between 0 and 1.
    max_weight : float, default 1.0
        Largest share of one symbol.
    solvers : tuple of str, default ``SOLVERS``
        Names that cvxpy knows, tried in turn.

    Attributes
    ----------
    weights_ : ndarray of shape (n_symbols,), float64
        Shares; they add up to 1.
    symbols_ : tuple of str
        Whose.
    solver_ : str
        Which one found them; empty for hrp, which needs none.
    failures_ : dict of str to str
        What the solvers said that were tried before.

    Examples
    --------
    >>> Allocation("hrp").get_params()["confidence"]
    0.95
    """

    def __init__(
        self,
        method: str = "hrp",
        confidence: float = 0.95,
        max_weight: float = 1.0,
        solvers: tuple[str, ...] = SOLVERS,
    ) -> None:
        self.method = method
        self.confidence = confidence
        self.max_weight = max_weight
        self.solvers = solvers

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, as scikit-learn asks for them."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **parameters: Any) -> Allocation:
        """Set parameters; errors as scikit-learn's."""
        known = self.get_params()
        for name, value in parameters.items():
            if name not in known:
                raise ValueError(f"Allocation has no parameter {name!r}; it has {', '.join(known)}")
            setattr(self, name, value)
        return self

    def fit(self, returns: pd.DataFrame, y: None = None) -> Allocation:
        """Choose weights.

        Parameters
        ----------
        returns : DataFrame of shape (times, symbols)
            Linear returns: price over price before, less 1.
        y : ignored

        Raises
        ------
        AllocationError
            If there are none; it names the cause.
        OptimizerError
            If a package of the research extra is missing.
        """
        self._check(returns)
        self.failures_: dict[str, str] = {}
        self.solver_ = ""
        self.symbols_ = tuple(str(one) for one in returns.columns)
        weights = self._hrp(returns) if self.method == "hrp" else self._min_cvar(returns)
        self.weights_: npt.NDArray[np.float64] = _clean(weights, self.symbols_)
        return self

    def _check(self, returns: pd.DataFrame) -> None:
        if self.method not in METHODS:
            raise AllocationError(f"method is {self.method!r}, must be {' or '.join(METHODS)}")
        if not 0 < self.confidence < 1:
            raise AllocationError(f"confidence is {self.confidence}, must be between 0 and 1")
        count = returns.shape[1]
        if not (0 < self.max_weight <= 1 and self.max_weight * count >= 1):
            raise AllocationError(
                f"max_weight is {self.max_weight}: with {count} symbols at least {1 / count:.4f}, "
                "or the weights cannot add up to 1"
            )
        values = returns.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            raise AllocationError("a return is no finite number")
        still = [
            str(name)
            for name, one in zip(returns.columns, values.T, strict=True)
            if np.ptp(one) == 0
        ]
        if still:
            raise AllocationError(f"the price of {still[0]} never changes: it has no risk to weigh")

    def _hrp(self, returns: pd.DataFrame) -> npt.NDArray[np.float64]:
        try:
            from skfolio import RiskMeasure
            from skfolio.optimization import HierarchicalRiskParity
        except ImportError as error:
            raise missing(error) from error
        estimator = HierarchicalRiskParity(
            risk_measure=RiskMeasure.VARIANCE, max_weights=self.max_weight
        )
        return self._fitted(estimator, returns, "hrp")

    def _min_cvar(self, returns: pd.DataFrame) -> npt.NDArray[np.float64]:
        try:
            from skfolio import RiskMeasure
            from skfolio.optimization import MeanRisk, ObjectiveFunction
        except ImportError as error:
            raise missing(error) from error
        for solver in self.solvers:
            estimator = MeanRisk(
                objective_function=ObjectiveFunction.MINIMIZE_RISK,
                risk_measure=RiskMeasure.CVAR,
                cvar_beta=self.confidence,
                max_weights=self.max_weight,
                solver=solver,
            )
            try:
                weights = self._fitted(estimator, returns, solver)
            except AllocationError as error:
                self.failures_[solver] = str(error)
                continue
            self.solver_ = solver
            return weights
        said = "; ".join(self.failures_.values()) or "there is no solver to try"
        raise AllocationError(f"min-cvar of {len(self.symbols_)} symbols: {said}")

    def _fitted(self, estimator: Any, returns: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
        """The weights of an estimator of skfolio; to it inaccurate ones are a warning."""
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message="Solution may be inaccurate")
                estimator.fit(returns)
        except (ValueError, RuntimeError, ArithmeticError, UserWarning) as error:
            cause = error if error.__cause__ is None else f"{error} ({error.__cause__})"
            raise AllocationError(f"{name}: {cause}") from error
        return np.asarray(estimator.weights_, dtype=np.float64)


def _clean(weights: npt.NDArray[np.float64], symbols: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Weights without the dust of a solver, if they are weights."""
    total = float(weights.sum())
    if weights.shape != (len(symbols),) or not abs(total - 1) < _SUM_TOLERANCE:
        raise AllocationError(f"weights of shape {weights.shape} add up to {total}, not to 1")
    if weights.min() < -_SUM_TOLERANCE:
        raise AllocationError(f"{symbols[int(weights.argmin())]} has weight {weights.min()}")
    kept = np.where(weights < _SUM_TOLERANCE, 0.0, weights)
    return np.asarray(kept / kept.sum(), dtype=np.float64)
