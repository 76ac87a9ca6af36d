"""Prices between text and price units, exact: a price is an integer, never a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from touchline.core.venue import Instrument
from touchline.strategy.errors import StrategyArgumentError

__all__ = ["price_from", "price_text"]


def price_from(text: str | Decimal, instrument: Instrument) -> int:
    """A decimal price in price units.

    Parameters
    ----------
    text : str or Decimal
        As people write it, for example ``"4800.25"``.
    instrument : Instrument
        Says what one price unit is.

    Raises
    ------
    StrategyArgumentError
        If it is no number, or no whole number of price units: nothing is rounded.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> price_from("4800.25", SimpleNamespace(symbol="ESH4", price_increment="0.25"))
    19201
    """
    try:
        units = Decimal(text) / Decimal(instrument.price_increment)
        whole = int(units)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise StrategyArgumentError(f"{text!r} is no price") from error
    if whole * Decimal(instrument.price_increment) != Decimal(text):
        raise StrategyArgumentError(
            f"{text} is no price of {instrument.symbol}: its prices are multiples of "
            f"{instrument.price_increment}"
        )
    return whole


def price_text(price: int, instrument: Instrument) -> str:
    """A price in price units as the decimal that people read.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> price_text(19201, SimpleNamespace(price_increment="0.25"))
    '4800.25'
    """
    return str(Decimal(instrument.price_increment) * price)
