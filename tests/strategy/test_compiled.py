"""A compiled strategy beside a real matcher: the same life, without a line of Python in it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from probes import CompiledProbe, CompiledTrader, FailingCompiled
from strategy_venue import Here, Member

from touchline.core import Reason
from touchline.strategy import (
    CompileError,
    ExecutionKind,
    Parameter,
    StrategyEventKind,
    StrategyLoadError,
)
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.layout import NO_OFFER, UNKNOWN_ORDER

HereMaker = Callable[..., Here]
BID = 19_000


def nowhere(owner: type[CompiledStrategy], **parameters: object) -> Any:
    """A strategy of a venue that is not there; enough to compile it."""
    venue: Any = SimpleNamespace(instrument=lambda _: SimpleNamespace(id=1))
    return owner(venue, "maker", parameters)


def test_every_event_comes_to_the_callback_of_its_kind_between_start_and_stop(
    here: HereMaker, beta: Member
) -> None:
    run = here(CompiledProbe)
    run.until(lambda: run.state["count"] == 3, "live")
    beta.order("2", 5, "4750.00")
    beta.order("1", 2, "4750.00")
    run.venue.set_phase("halt", "ESH4")
    run.until(lambda: run.driver.counts["book"] == 3, "phase")
    run.driver.stop()
    count = int(run.state["count"])
    kinds, callbacks = run.state["kinds"][:count], run.state["callbacks"][:count]
    assert kinds.tolist() == callbacks.tolist()
    live, book, trade = StrategyEventKind.LIVE, StrategyEventKind.BOOK, StrategyEventKind.TRADE
    phase = StrategyEventKind.PHASE
    assert kinds.tolist() == [100, live, live, book, trade, book, phase, book, 101]
    assert run.driver.counts["live"] == 2


def test_every_command_is_sent_and_every_answer_comes_back(here: HereMaker, beta: Member) -> None:
    beta.order("1", 9, "4740.00")
    run = here(CompiledTrader)
    run.until(lambda: run.state["stopping"], "the last execution")
    assert not run.driver.step(spin=False)
    state = run.state
    assert [ExecutionKind(one).name for one in state["executions"][: state["count"]]] == [
        "NEW",
        "REPLACED",
        "CANCEL_REJECTED",
        "CANCELED",
        "REJECTED",
        "NEW",
        "TRADE",
        "NEW",
        "NEW",
        "CANCELED",
        "CANCELED",
    ]
    assert state["reasons"][2] == Reason.INCORRECT_QUANTITY
    assert state["reasons"][4] == Reason.ORDER_EXCEEDS_LIMIT
    assert state["result"] == UNKNOWN_ORDER
    assert state["own"].tolist() == [BID + 1, 6, 0]
    assert state["best"].tolist() == [BID + 1, 6]
    assert state["touch"].tolist() == [BID - 40, 9, NO_OFFER, 0]


def test_parameters_and_initial_values_are_in_the_state() -> None:
    class Declares(CompiledStrategy):
        is_on = Parameter(True)
        qty = Parameter(5)
        edge = Parameter(0.5)
        symbol = Parameter("ESH4")

        state = np.dtype([("instrument_id", np.uint32), ("prices", np.int64, (2,))])

        def initial(self) -> dict[str, Any]:
            return {"instrument_id": self.venue.instrument(self.symbol).id, "prices": (7, 8)}

    state = nowhere(Declares, qty="6")._driver().states[0]
    assert state.dtype.names == ("stopping", "is_on", "qty", "edge", "instrument_id", "prices")
    assert (state["is_on"], state["qty"], state["edge"]) == (True, 6, 0.5)
    assert (state["instrument_id"], state["prices"].tolist()) == (1, [7, 8])


def test_a_timer_comes_back_with_its_number_when_it_is_due(here: HereMaker) -> None:
    run = here(CompiledProbe, interval_s=0.01)
    run.until(lambda: run.state["timers"] >= 3, "timers")


def test_an_exception_in_a_callback_comes_out_with_its_type(here: HereMaker, beta: Member) -> None:
    run = here(FailingCompiled)
    with pytest.raises(ZeroDivisionError):
        run.until(lambda: False)


def test_a_callback_that_numba_cannot_compile_is_refused_with_what_numba_says() -> None:
    class Wrong(CompiledStrategy):
        @staticmethod
        def on_book(venue: int, state: Any, event: Any) -> None:
            state.nothing = event.nothing

    with pytest.raises(CompileError, match="nothing"):
        nowhere(Wrong)._driver().prepare()


def test_callbacks_are_static_methods_of_three_arguments_with_known_names() -> None:
    class Bound(CompiledStrategy):
        def on_book(self, state: Any, event: Any) -> None: ...

    class Short(CompiledStrategy):
        @staticmethod
        def on_book(venue: int, event: Any) -> None: ...

    class Misspelt(CompiledStrategy):
        @staticmethod
        def on_boook(venue: int, state: Any, event: Any) -> None: ...

    for owner, says in [
        (Bound, "Bound.on_book must be a @staticmethod"),
        (Short, r"Short.on_book must take \(venue, state, event\)"),
        (Misspelt, "Misspelt.on_boook is no callback; they are on_start, "),
    ]:
        with pytest.raises(StrategyLoadError, match=says):
            nowhere(owner)._driver().prepare()


def test_a_state_has_each_name_once_and_initial_names_only_its_fields() -> None:
    class Twice(CompiledStrategy):
        qty = Parameter(5)
        state = np.dtype([("qty", np.int64)])

    class Stranger(CompiledStrategy):
        def initial(self) -> dict[str, Any]:
            return {"size": 1}

    with pytest.raises(StrategyLoadError, match=r"Twice\.state has qty"):
        nowhere(Twice)._driver()
    with pytest.raises(StrategyLoadError, match="names size, no field of its state"):
        nowhere(Stranger)._driver()
