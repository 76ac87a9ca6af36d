"""A strategy as a process: how it ends, however it ends, and what it leaves behind."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_venue import RunningVenue
from strategy_venue import Member, There

from touchline.marketdata import Subscriber
from touchline.strategy import StrategyLoadError
from touchline.strategy.runner import load

ThereMaker = Callable[..., There]
PROBES = str(Path(__file__).with_name("probes.py"))


def best_bid(feed: Subscriber, qty: int | None) -> None:
    """Wait until the best bid of the public feed has this quantity, or there is none."""
    deadline = time.monotonic() + 10.0
    while True:
        feed.poll(timeout_ms=50)
        bids = [int(one["qty"]) for one in feed.bids("ESH4", 1)] if feed.is_live else None
        if bids == ([] if qty is None else [qty]):
            return
        assert time.monotonic() < deadline, bids


@pytest.fixture
def feed(venue: RunningVenue) -> Iterator[Subscriber]:
    """The public feed."""
    with Subscriber(venue.config) as subscriber:
        yield subscriber


def rested(process: There) -> None:
    """Read until its order rests."""
    assert process.line() == "start"
    while (line := process.line()) != "NEW 4 0":
        assert line in ("live ESH4 0", "live ACME 0"), line


def test_a_signal_stops_it_cleanly_and_its_orders_are_cancelled(
    venue: RunningVenue, there: ThereMaker, feed: Subscriber
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = there(venue.config, "maker", f"{PROBES}:Resting")
        rested(process)
        best_bid(feed, 4)
        process.process.send_signal(number)
        code, out, errors = process.ended()
        assert (code, errors) == (0, "")
        assert out.startswith("stop\nstrategy maker has stopped\n")
        assert "live 2" in out
        assert "position     none\n" in out
        best_bid(feed, None)


def test_after_kill_9_no_order_is_open_and_the_name_is_free(
    venue: RunningVenue, there: ThereMaker, feed: Subscriber
) -> None:
    for _ in range(2):
        process = there(venue.config, "maker", f"{PROBES}:Resting")
        rested(process)
        best_bid(feed, 4)
        process.process.kill()
        best_bid(feed, None)


@pytest.mark.parametrize("owner", ["Failing", "FailingCompiled"])
def test_an_exception_in_a_callback_is_shown_and_cancels_its_orders(
    venue: RunningVenue, there: ThereMaker, feed: Subscriber, owner: str
) -> None:
    process = there(venue.config, "maker", f"{PROBES}:{owner}")
    code, out, errors = process.ended()
    assert code == 1
    assert "a callback failed; its orders are cancelled" in errors
    assert "ZeroDivisionError" in errors
    assert "Traceback (most recent call last)" in errors
    assert "stop\n" not in out
    assert "strategy maker has stopped" in out
    best_bid(feed, None)


def test_it_stops_after_its_limit(venue: RunningVenue, there: ThereMaker) -> None:
    process = there(venue.config, "maker", f"{PROBES}:Resting", "--limit", "0.5", "--wait", "spin")
    code, out, _ = process.ended()
    assert code == 0
    assert "\nstop\nstrategy maker has stopped\n" in out


def test_without_an_engine_it_ends_with_75_and_with_reconnect_it_goes_on(
    venue: RunningVenue, there: ThereMaker, beta: Member
) -> None:
    once = there(venue.config, "slow", f"{PROBES}:Resting", "--param", "price_units=18000")
    again = there(venue.config, "maker", f"{PROBES}:Resting", "--reconnect")
    rested(once)
    rested(again)
    beta.order("2", 3, "4750.00")
    assert again.line() == "TRADE 3 3"
    beta.wire.close()
    venue.kill()
    code, out, errors = once.ended()
    assert (code, out.partition("\n")[0]) == (75, "stop")
    assert "the engine is gone" in errors
    assert again.line() == "stop"
    venue.start()
    assert again.line() == "start"
    # What was open at the crash is cancelled by the engine, perhaps after we are back.
    lines = {again.line() for _ in range(3)}
    while "NEW 4 3" not in lines:
        lines.add(again.line())
    assert {"live ESH4 3", "live ACME 0"} <= lines
    (told,) = (
        one for one in venue.admin({"command": "status"})["strategies"] if one["name"] == "maker"
    )
    assert told["positions"] == {"ESH4": 3}
    again.process.terminate()
    code, out, errors = again.ended()
    assert code == 0, errors
    assert "connections  2" in out
    assert "ESH4 +3" in out


def test_with_reconnect_a_second_process_waits_for_the_name(
    venue: RunningVenue, there: ThereMaker
) -> None:
    first = there(venue.config, "maker", f"{PROBES}:Resting")
    rested(first)
    refused = there(venue.config, "maker", f"{PROBES}:Resting")
    code, out, errors = refused.ended()
    assert (code, out) == (1, "")
    assert errors.startswith("touchline: strategy maker of ")
    second = there(venue.config, "maker", f"{PROBES}:Resting", "--reconnect")
    assert "trying again" in (second.error_line() or "")
    first.process.kill()
    assert second.line() == "start"


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("nowhere_at_all:X", "there is no module nowhere_at_all"),
        ("none.py:X", "there is no file none.py"),
        (f"{PROBES}:Nothing", "has no class Nothing"),
        (f"{PROBES}:LEVEL_DTYPE", "is no strategy: extend"),
        ("Resting", "'Resting' names no strategy: write MODULE:CLASS"),
    ],
)
def test_a_name_that_is_no_strategy_is_refused_with_what_is_wrong(named: str, says: str) -> None:
    with pytest.raises(StrategyLoadError, match=re.escape(says)):
        load(named)


def test_what_a_module_cannot_import_is_not_taken_for_the_module(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nowhere_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        load(f"{tmp_path}/broken.py:X")


def test_what_cannot_start_is_refused_with_exit_code_one(
    make_config: Callable[[], Path], there: ThereMaker
) -> None:
    config = make_config()
    resting = f"{PROBES}:Resting"
    cases = [
        ((config, "maker", resting, "--param", "qty=x"), "touchline: parameter qty is 'x'"),
        ((config, "maker", resting, "--cpu", "9999"), "touchline: processor 9999 is not one"),
        ((config, "maker", resting), "touchline: strategy maker of "),
        ((config, "nobody", resting), "has no strategy 'nobody'; it has maker, slow"),
    ]
    for process, says in [(there(*arguments), says) for arguments, says in cases]:
        code, out, errors = process.ended()
        assert (code, out) == (1, ""), errors
        assert says in errors, errors
