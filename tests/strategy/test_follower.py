"""The target follower in a real venue: it gets there, and knows what to do without targets."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_venue import RunningVenue
from strategy_venue import TOUCHLINE, Here, Member, There

from touchline.core.targets import Target, Targets, TargetsSetter, read_targets
from touchline.core.venue import Venue
from touchline.strategy import ParameterError
from touchline.strategy.examples.target_follower import TargetFollower

FOLLOWER = "touchline.strategy.examples.target_follower:TargetFollower"
QUICK = ("patience_s=0.1", "look_s=0.02", "start_wait_s=0.3", "slice_share=0.5", "max_qty=20")


def options(*more: str) -> list[str]:
    """Options of a follower that is in a hurry."""
    return [word for one in (*QUICK, *more) for word in ("--param", one)]


def positions(venue: RunningVenue, name: str = "maker") -> dict[str, int]:
    """Positions of a strategy, as the engine says them; those of 0 are not there."""
    told = venue.admin({"command": "status"})["strategies"]
    found: dict[str, int] = next(one for one in told if one["name"] == name)["positions"]
    return found


def until(holds: Callable[[], Any], what: str, timeout_s: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def make_market(member: Member) -> None:
    """Enough on both sides of both instruments."""
    for side, esh4, acme in (("1", "4750.00", "40.00"), ("2", "4751.00", "40.10")):
        for _ in range(2):
            member.order(side, 200, esh4)
            member.order(side, 200, acme, symbol="ACME")


def put(venue: RunningVenue, valid_s: float, **lots: int) -> int:
    """Set targets of the maker; nobody else does."""
    targets = Targets("test", {symbol: Target(one) for symbol, one in lots.items()})
    with TargetsSetter(Venue.load(venue.config), "maker") as setter:
        return setter.put(targets, valid_s=valid_s)


def test_it_reaches_its_targets_also_after_a_kill_and_leaves_other_instruments_alone(
    venue: RunningVenue, there: Callable[..., There], beta: Member
) -> None:
    make_market(beta)
    put(venue, 60, ESH4=30)
    first = there(venue.config, "maker", FOLLOWER, *options())
    until(lambda: positions(venue).get("ESH4", 0) >= 15, "half of the way")
    first.process.kill()
    # Started again in the middle, it goes on from the position that it has.
    there(venue.config, "maker", FOLLOWER, *options())
    until(lambda: positions(venue) == {"ESH4": 30}, f"the target: {positions(venue)}")
    put(venue, 60, ESH4=-20, ACME=5)
    until(lambda: positions(venue) == {"ESH4": -20, "ACME": 5}, f"others: {positions(venue)}")
    time.sleep(0.3)
    assert positions(venue) == {"ESH4": -20, "ACME": 5}
    assert venue.admin({"command": "status"})["strategies"][0]["rejected"] == 0


@pytest.mark.parametrize(("when_expired", "left"), [("hold", {"ESH4": 20}), ("flatten", {})])
def test_when_targets_expire_it_does_what_its_parameter_says(
    venue: RunningVenue, there: Callable[..., There], beta: Member, when_expired: str, left: Any
) -> None:
    make_market(beta)
    there(venue.config, "maker", FOLLOWER, *options(f"when_expired={when_expired}"))
    put(venue, 60, ESH4=20)
    until(lambda: positions(venue) == {"ESH4": 20}, "the target")
    put(venue, 1.0, ESH4=200)
    until(lambda: positions(venue)["ESH4"] > 20, "it goes on")
    told = Venue.load(venue.config)
    until(lambda: getattr(read_targets(told, "maker"), "is_expired", False), "expiry")
    if when_expired == "flatten":
        until(lambda: positions(venue) == left, "flat")
        return
    time.sleep(0.2)
    held = positions(venue)["ESH4"]
    time.sleep(0.5)
    assert positions(venue) == {"ESH4": held}, "it holds what it has"
    assert 20 < held <= 200


def test_it_trades_only_in_a_continuous_market_and_only_while_it_may(
    venue: RunningVenue, there: Callable[..., There], beta: Member
) -> None:
    make_market(beta)
    venue.set_phase("halt", "ESH4")
    put(venue, 60, ESH4=40, ACME=8)
    # `slow` may have 10 lots and one order a second: it is refused now and then, and gets there.
    there(venue.config, "maker", FOLLOWER, *options())
    until(lambda: positions(venue) == {"ACME": 8}, "the market that is open")
    venue.set_phase("continuous", "ESH4")
    until(lambda: positions(venue) == {"ACME": 8, "ESH4": 40}, "both")
    targets = Targets("test", {"ESH4": Target(2)})
    with TargetsSetter(Venue.load(venue.config), "slow") as setter:
        setter.put(targets, valid_s=60)
    there(venue.config, "slow", FOLLOWER, *options("backoff_s=0.2"))
    until(lambda: positions(venue, "slow") == {"ESH4": 2}, "the slow one")


def test_it_rests_behind_others_until_its_patience_ends(
    venue: RunningVenue, here: Callable[..., Here], beta: Member
) -> None:
    beta.order("1", 5, "4750.00")
    beta.order("2", 50, "4751.00")
    run = here(TargetFollower, patience_s=0.6, look_s=0.02, slice_share=1.0)
    put(venue, 60, ESH4=10)
    own = lambda: [(one.price, one.leaves_qty) for one in run.strategy.orders]  # noqa: E731
    run.until(lambda: own() == [(19_000, 10)], "a bid with the best one")
    began = time.monotonic()
    beta.order("1", 5, "4750.25")
    run.until(lambda: own() == [(19_001, 10)], "it follows")
    run.until(lambda: run.strategy.position("ESH4") == 10, "it crosses")
    assert 0.3 < time.monotonic() - began < 3.0
    run.until(lambda: not run.strategy.orders, "nothing is left in the market")


def test_without_targets_since_the_start_it_is_as_if_they_had_expired(
    venue: RunningVenue, there: Callable[..., There], beta: Member
) -> None:
    make_market(beta)
    process = there(
        venue.config, "maker", FOLLOWER, *options("when_expired=flatten"), "--reconnect"
    )
    put(venue, 60, ESH4=20)
    until(lambda: positions(venue) == {"ESH4": 20}, "the target")
    # The targets go with the engine; the position does not, nor do the orders of the others.
    venue.kill()
    venue.start()
    until(lambda: positions(venue) == {}, "flat")
    assert process.process.poll() is None


def test_a_word_for_expiry_that_is_none_is_refused(here: Callable[..., Here]) -> None:
    with pytest.raises(ParameterError, match="when_expired is 'panic', must be hold or flatten"):
        here(TargetFollower, when_expired="panic")


def test_a_killed_optimiser_is_noticed_by_the_expiry_of_its_targets(
    venue: RunningVenue, there: Callable[..., There], beta: Member, tmp_path: Path
) -> None:
    make_market(beta)
    prices = tmp_path / "prices.csv"
    chance = random.Random(7)
    with prices.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "ESH4", "ACME"])
        esh4, acme = 4_750.0, 40.0
        for day in range(80):
            rows.writerow([f"2026-{1 + day // 28:02}-{1 + day % 28:02}", esh4, acme])
            esh4 *= 1 + chance.gauss(0, 0.01)
            acme *= 1 + chance.gauss(0, 0.02)
    words: list[Any] = [TOUCHLINE, "optimise", venue.config, "maker", "--method", "hrp"]
    words += ["--capital", "150000", "--prices", prices, "--every", "0.3", "--valid-s", "1.5"]
    optimiser = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    there(venue.config, "maker", FOLLOWER, *options("when_expired=flatten"))
    told = Venue.load(venue.config)

    def wanted() -> dict[str, int]:
        assert optimiser.poll() is None, optimiser.communicate()
        found = read_targets(told, "maker")
        return {} if found is None else {k: v.position for k, v in found.targets.items()}

    until(lambda: wanted() and positions(venue) == wanted(), "the portfolio", timeout_s=40.0)
    assert {*wanted()} == {"ESH4", "ACME"}
    assert all(lots > 0 for lots in wanted().values())

    def version() -> int:
        found = read_targets(told, "maker")
        return 0 if found is None else found.version

    before = version()
    until(lambda: version() > before + 1, "again and again")
    optimiser.send_signal(signal.SIGKILL)
    optimiser.communicate()
    until(lambda: positions(venue) == {}, "flat")
