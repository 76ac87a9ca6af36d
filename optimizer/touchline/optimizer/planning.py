"""From prices to the targets of one strategy of a venue, with a report of every step."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from rich.table import Table

from touchline.core.targets import Target, Targets, checked
from touchline.core.venue import Venue
from touchline.optimizer.allocation import Allocation
from touchline.optimizer.errors import OptimizerError
from touchline.optimizer.rounding import Rounding, to_lots

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets, and how they came to be.

    Attributes
    ----------
    targets : Targets
        To be put or saved.
    allocation : Allocation
        The weights, and which solver found them.
    rounding : Rounding
        Whole lots, and how far they are from the weights.
    observations : int
        Returns that the weights are made from.
    """

    targets: Targets
    allocation: Allocation
    rounding: Rounding
    observations: int

    @property
    def title(self) -> str:
        """How the weights were found, in a line."""
        by = f" by {self.allocation.solver_}" if self.allocation.solver_ else ""
        failed = "".join(f"; {text}" for text in self.allocation.failures_.values())
        return f"{self.targets.source}{by}, {self.observations:,} returns{failed}"

    @property
    def outcome(self) -> str:
        """What rounding to lots costs, in a line."""
        rounding = self.rounding
        return (
            f"of {rounding.capital:,.2f} are {rounding.left:,.2f} left; rounding to lots moves "
            f"{rounding.error_sum:.2%} of the capital, one weight by {rounding.error_max:.4f}"
        )

    def table(self) -> Table:
        """Every symbol and the total, for a terminal."""
        rounding = self.rounding
        table = Table(show_footer=True)
        table.add_column("symbol", "total", style="bold")
        invested = rounding.capital - rounding.left
        for column, footer in (
            ("weight", f"{sum(one.weight for one in rounding.holdings):.4f}"),
            ("price", ""),
            ("lots", f"{sum(abs(one.position) for one in rounding.holdings):,}"),
            ("value", f"{invested:,.2f}"),
            ("reached", f"{invested / rounding.capital:.4f}"),
        ):
            table.add_column(column, footer, justify="right")
        for one in rounding.holdings:
            value = one.position * one.lot_value
            cells = (f"{one.weight:.4f}", f"{one.price:,.2f}", f"{one.position:+,}")
            table.add_row(one.symbol, *cells, f"{value:,.2f}", f"{one.reached:.4f}")
        return table


def plan(
    venue: Venue, name: str, prices: pd.DataFrame, allocation: Allocation, capital: float
) -> Plan:
    """Targets for a strategy from prices.

    Parameters
    ----------
    venue : Venue
        Where the strategy trades: lots, price increments, limits.
    name : str
        Name of the ``[[strategy]]``.
    prices : DataFrame of shape (times, symbols)
        Of :func:`touchline.optimizer.load_prices`; positions are made at those of the last row.
    allocation : Allocation
        How weights are chosen; it is fitted here.
    capital : float
        In the currency of the prices.

    Raises
    ------
    OptimizerError
        If there are no weights, no lots, or the venue does not trade a symbol.
    TargetsError
        If the strategy may not have such positions: every one beyond its limit is named.
    """
    instruments = {one.symbol: one for one in venue.instruments}
    symbols = [str(one) for one in prices.columns]
    if foreign := [one for one in symbols if one not in instruments]:
        raise OptimizerError(
            f"{venue.name} does not trade {', '.join(foreign)}: choose others by --symbols"
        )
    currencies = sorted({instruments[one].currency for one in symbols})
    if len(currencies) > 1:
        raise OptimizerError(f"prices in {' and '.join(currencies)} have no common capital")
    returns = prices.pct_change().iloc[1:]
    allocation.fit(returns)
    weights = dict(zip(symbols, (float(one) for one in allocation.weights_), strict=True))
    newest = {one: float(prices[one].iloc[-1]) for one in symbols}
    round_lots = {one: instruments[one].round_lot for one in symbols}
    rounding = to_lots(weights, newest, round_lots, capital)

    def price_units(symbol: str) -> int:
        units = Decimal(repr(newest[symbol])) / Decimal(instruments[symbol].price_increment)
        return int(units.to_integral_value(ROUND_HALF_EVEN))

    targets = Targets(
        allocation.method,
        {
            one.symbol: Target(one.position, round(one.weight, 9), price_units(one.symbol))
            for one in rounding.holdings
        },
    )
    return Plan(checked(venue, name, targets), allocation, rounding, len(returns))
