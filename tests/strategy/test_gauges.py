"""What a strategy shows of itself reaches the operators, and says nothing where it says nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from running_venue import RunningVenue
from strategy_venue import Here

from touchline.strategy import Book, Gauge, Strategy, StrategyLoadError
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.gauges import declared_gauges

HereMaker = Callable[..., Here]


class PlainScorer(Strategy):
    """Shows one number at its start, another one when it is live, and one never."""

    score = Gauge("of a model")
    books_live = Gauge("so many books are right")
    never = Gauge()

    def on_start(self) -> None:
        self.score = -0.125
        self.books_live = 0

    def on_live(self, book: Book) -> None:
        self.books_live += 1


class CompiledScorer(CompiledStrategy):
    """The same, compiled."""

    score = Gauge("of a model")
    books_live = Gauge("so many books are right")
    never = Gauge()

    @staticmethod
    def on_start(venue: int, state: Any, event: Any) -> None:
        state.score = -0.125
        state.books_live = 0

    @staticmethod
    def on_live(venue: int, state: Any, event: Any) -> None:
        state.books_live += 1


def shown(venue: RunningVenue) -> dict[str, Any]:
    """The gauges of the first strategy, as operators see them."""
    told = venue.admin({"command": "status"})["strategies"][0]
    assert told["name"] == "maker"
    gauges: dict[str, Any] = told["gauges"]
    return gauges


def soon(holds: Callable[[], bool]) -> None:
    """Wait for the engine, which takes a connection in its own time."""
    deadline = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("owner", [PlainScorer, CompiledScorer])
def test_gauges_are_shown_while_the_strategy_is_there(here: HereMaker, owner: type) -> None:
    run = here(owner)
    soon(lambda: shown(run.venue) == {"score": -0.125, "books_live": 0.0, "never": None})
    run.until(lambda: shown(run.venue)["books_live"] == 2.0, "both books")
    run.connection.close()
    soon(lambda: shown(run.venue) == {})


def test_a_value_that_is_not_finite_is_shown_as_unknown(here: HereMaker) -> None:
    run = here(PlainScorer)
    run.strategy.score = math.inf
    run.until(lambda: shown(run.venue).get("score", 0.0) is None)


def test_names_and_the_number_of_gauges_are_bounded() -> None:
    many = type("Many", (Strategy,), {f"gauge_{at}": Gauge() for at in range(17)})
    with pytest.raises(StrategyLoadError, match="Many has 17 gauges, 16 are shown at most"):
        declared_gauges(many)
    for name in ("spread_of_the_touch_in_price_units", "größe"):
        with pytest.raises(StrategyLoadError, match=f"{name}: a name is 1 to 32 ASCII letters"):
            declared_gauges(type("Named", (Strategy,), {name: Gauge()}))


def test_a_state_field_cannot_have_the_name_of_a_gauge(here: HereMaker) -> None:
    twice = type("Twice", (CompiledScorer,), {"state": [("score", "f8")]})
    with pytest.raises(StrategyLoadError, match=r"Twice\.state has score, which is there already"):
        here(twice)
