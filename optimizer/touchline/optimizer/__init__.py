"""Portfolios for strategies: prices to weights to whole lots to targets.

``touchline optimise`` does it all; :func:`plan` does it for a program. What needs skfolio or pandas
imports it when it is called: the extra ``touchline[research]``. docs/portfolios.md has an example.
"""

from __future__ import annotations

from touchline.optimizer.allocation import METHODS, Allocation
from touchline.optimizer.errors import AllocationError, OptimizerError, PricesError
from touchline.optimizer.planning import Plan, plan
from touchline.optimizer.prices import load_prices
from touchline.optimizer.rounding import Holding, Rounding, to_lots

__all__ = [
    "METHODS",
    "Allocation",
    "AllocationError",
    "Holding",
    "OptimizerError",
    "Plan",
    "PricesError",
    "Rounding",
    "load_prices",
    "plan",
    "to_lots",
]
