"""Weights to whole lots: by the largest remainder, within the capital, and what that costs.

Each position starts at its exact share of the capital, rounded towards zero. What is left over buys
one more lot where the fraction cut off was largest, then the next, as long as the lot can be paid.
So no position is a lot or more away from its exact share, and never more is spent than there is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from touchline.optimizer.errors import OptimizerError

__all__ = ["Holding", "Rounding", "to_lots"]

_LOTS_MAX = 2.0**52
"""Beyond it a float is no longer exact to the lot."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one symbol.

    Attributes
    ----------
    symbol : str
        Symbol(55).
    weight : float
        Share of the capital that was asked for.
    price : float
        Of one unit, in its currency.
    lot_value : float
        What one lot costs.
    position : int
        Lots; negative: sold.
    reached : float
        Share of the capital that this is.
    """

    symbol: str
    weight: float
    price: float
    lot_value: float
    position: int
    reached: float


@dataclass(frozen=True, slots=True)
class Rounding:
    """Whole lots, and how far they are from the weights.

    Attributes
    ----------
    holdings : tuple of Holding
        In the order of the weights.
    capital : float
        What there was.
    """

    holdings: tuple[Holding, ...]
    capital: float

    @property
    def left(self) -> float:
        """Capital that buys nothing."""
        return self.capital - sum(abs(one.position) * one.lot_value for one in self.holdings)

    @property
    def error_max(self) -> float:
        """Largest difference between a weight asked for and one reached."""
        return max(abs(one.weight - one.reached) for one in self.holdings)

    @property
    def error_sum(self) -> float:
        """Half the sum of the differences: the share of the capital in the wrong place."""
        return sum(abs(one.weight - one.reached) for one in self.holdings) / 2


def to_lots(
    weights: Mapping[str, float],
    prices: Mapping[str, float],
    round_lots: Mapping[str, int],
    capital: float,
) -> Rounding:
    """Positions in whole lots for weights.

    Parameters
    ----------
    weights : mapping of str to float
        Shares of the capital by symbol; negative: sold. Their sizes add up to 1 at most.
    prices : mapping of str to float
        Of one unit.
    round_lots : mapping of str to int
        Units of one lot.
    capital : float
        In the currency of the prices.

    Raises
    ------
    OptimizerError
        If an argument is none, or the capital buys no lot at all.

    Examples
    --------
    >>> rounding = to_lots({"A": 0.5, "B": 0.5}, {"A": 30.0, "B": 40.0}, {"A": 1, "B": 1}, 100.0)
    >>> [one.position for one in rounding.holdings], rounding.left
    ([2, 1], 0.0)
    """
    if not (math.isfinite(capital) and capital > 0):
        raise OptimizerError(f"capital is {capital}, must be more than 0")
    symbols = list(weights)
    gross = sum(abs(weights[one]) for one in symbols)
    if not symbols or not gross <= 1 + 1e-9:
        raise OptimizerError(
            f"the sizes of {len(symbols)} weights add up to {gross}, at most 1 can"
        )
    lot_values = {one: _lot_value(one, prices[one], round_lots[one]) for one in symbols}
    exact = {one: abs(weights[one]) * capital / lot_values[one] for one in symbols}
    if large := [one for one in symbols if not exact[one] < _LOTS_MAX]:
        raise OptimizerError(f"{exact[large[0]]:.3g} lots of {large[0]} are too many to count")
    lots = {one: math.floor(exact[one]) for one in symbols}
    _spend(symbols, exact, lots, lot_values, gross * capital)
    if not any(lots.values()):
        cheapest = min(symbols, key=lambda one: lot_values[one])
        raise OptimizerError(
            f"a capital of {capital:,.2f} buys no lot of anything; the cheapest, of {cheapest}, "
            f"costs {lot_values[cheapest]:,.2f}"
        )
    return Rounding(
        tuple(_holding(one, weights, prices, lot_values, lots, capital) for one in symbols), capital
    )


def _lot_value(symbol: str, price: float, round_lot: int) -> float:
    value = price * round_lot
    if not (math.isfinite(value) and value > 0):
        raise OptimizerError(f"a lot of {symbol}, {round_lot} at {price}, is worth {value}")
    return value


def _spend(
    symbols: Sequence[str],
    exact: Mapping[str, float],
    lots: dict[str, int],
    lot_values: Mapping[str, float],
    capital: float,
) -> None:
    """One more lot where the largest fraction was cut off; of equal ones the first."""
    left = capital - sum(lots[one] * lot_values[one] for one in symbols)
    for one in sorted(symbols, key=lambda one: lots[one] - exact[one]):
        if exact[one] > lots[one] and lot_values[one] <= left:
            lots[one] += 1
            left -= lot_values[one]


def _holding(
    symbol: str,
    weights: Mapping[str, float],
    prices: Mapping[str, float],
    lot_values: Mapping[str, float],
    lots: Mapping[str, int],
    capital: float,
) -> Holding:
    weight, position = weights[symbol], lots[symbol]
    position = -position if weight < 0 else position
    reached = position * lot_values[symbol] / capital
    return Holding(symbol, weight, prices[symbol], lot_values[symbol], position, reached)
