"""What can go wrong with a portfolio, as types."""

from __future__ import annotations

from touchline.core.errors import TouchlineError

__all__ = ["AllocationError", "OptimizerError", "PricesError"]


class OptimizerError(TouchlineError):
    """There is no portfolio: the text says which step failed, on what, and what helps."""


class PricesError(OptimizerError):
    """Prices cannot be read, or are none: the text names the file, and the place in it."""


class AllocationError(OptimizerError):
    """There are no weights: the text names every solver that was tried, and why it failed."""
