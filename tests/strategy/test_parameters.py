"""Parameters and prices: what is written is what holds, and what cannot hold is refused by name."""

from __future__ import annotations

import doctest
from decimal import Decimal
from types import ModuleType

import pytest

from touchline.core.venue import Instrument
from touchline.strategy import (
    Parameter,
    ParameterError,
    StrategyArgumentError,
    parameters,
    price_from,
    price_text,
    prices,
)
from touchline.strategy.parameters import parsed, split


class Declares:
    is_on = Parameter(False, "a switch")
    qty = Parameter(5, "lots", minimum=1, maximum=10)
    edge = Parameter(0.5, "price units", minimum=0.0)
    symbol = Parameter("ESH4", "Symbol(55)")
    price = Parameter(Decimal("4800.25"), "a price")


class Extends(Declares):
    more = Parameter(1)


def test_without_anything_given_the_defaults_hold() -> None:
    found = parsed(Extends, {})
    assert found == {
        "is_on": False,
        "qty": 5,
        "edge": 0.5,
        "symbol": "ESH4",
        "price": Decimal("4800.25"),
        "more": 1,
    }


def test_texts_are_read_by_the_type_of_the_default() -> None:
    given = split(["is_on=yes", "qty=7", "edge=3", "symbol=1=2", "price=0.01"])
    found = parsed(Declares, given)
    assert (found["is_on"], found["qty"], found["edge"]) == (True, 7, 3.0)
    assert (found["symbol"], found["price"]) == ("1=2", Decimal("0.01"))
    assert type(parsed(Declares, {"edge": 3})["edge"]) is float


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": "5"}, "Declares has no parameter 'size'; it has is_on, qty, edge, symbol, price"),
        ({"qty": "many"}, "parameter qty is 'many', must be an integer"),
        ({"qty": "5.0"}, "parameter qty is '5.0', must be an integer"),
        ({"qty": 5.0}, "parameter qty is 5.0, must be an integer"),
        ({"qty": True}, "parameter qty is True, must be an integer"),
        ({"qty": "0"}, "parameter qty is 0, must be at least 1"),
        ({"qty": "11"}, "parameter qty is 11, must be at most 10"),
        ({"edge": "wide"}, "parameter edge is 'wide', must be a number"),
        ({"edge": "nan"}, "parameter edge is nan, must be at least 0.0"),
        ({"is_on": "maybe"}, "parameter is_on is 'maybe', must be true or false"),
        ({"symbol": 5}, "parameter symbol is 5, must be a text"),
        ({"price": "1,5"}, "parameter price is '1,5', must be a decimal number"),
    ],
)
def test_what_cannot_hold_is_refused_by_its_name(given: dict[str, object], says: str) -> None:
    with pytest.raises(ParameterError) as refused:
        parsed(Declares, given)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["qty"], "'qty' is no parameter: write NAME=VALUE"),
        (["=5"], "'=5' is no parameter: write NAME=VALUE"),
        (["qty=5", "qty=5"], "parameter qty is given twice"),
    ],
)
def test_a_parameter_of_the_command_line_has_a_name_and_is_given_once(
    given: list[str], says: str
) -> None:
    with pytest.raises(ParameterError) as refused:
        split(given)
    assert str(refused.value) == says


def test_a_default_out_of_its_own_range_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ParameterError, match="must be at least 1"):
        Parameter(0, minimum=1)


def test_a_strategy_cannot_change_its_parameters() -> None:
    with pytest.raises(ParameterError, match="parameter qty cannot change"):
        Declares().qty = 6  # type: ignore[misc]


def test_prices_go_to_price_units_and_back_without_a_loss() -> None:
    instrument = Instrument(1, "ESH4", "USD", "0.25", 1, 40_000, 1, 500, "continuous")
    for units in (-3, 0, 1, 19_201, 2**53 + 1):
        assert price_from(price_text(units, instrument), instrument) == units
    assert price_from(Decimal("4800.250"), instrument) == 19_201


@pytest.mark.parametrize("text", ["4800.26", "4800.1250", "", "abc", "nan", "inf", "1e400"])
def test_a_price_that_is_no_whole_number_of_units_is_refused(text: str) -> None:
    instrument = Instrument(1, "ESH4", "USD", "0.25", 1, 40_000, 1, 500, "continuous")
    if text == "1e400":
        assert price_from(text, instrument) == 4 * 10**400
        return
    with pytest.raises(StrategyArgumentError):
        price_from(text, instrument)


@pytest.mark.parametrize("module", [parameters, prices])
def test_the_examples_of_the_docstrings_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
