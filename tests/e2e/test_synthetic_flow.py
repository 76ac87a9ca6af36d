"""Seeded synthetic order flow: what people without recorded data run."""

from __future__ import annotations

import time
from typing import Any

from e2e_venue import Play, last_line
from library_replay import engine_state, replayed
from running_venue import RunningVenue

from touchline.core import EventKind

COMMANDS = 5_000


def flow(seed: int) -> list[str]:
    return ["simulate", "--seed", str(seed), "--commands", str(COMMANDS)]


def test_members_trade_everything_is_answered_and_the_library_comes_to_the_same_state(
    venue: RunningVenue, play: Play
) -> None:
    said = last_line(play(*flow(7)))
    sent = said["new_orders"] + said["replaces"] + said["cancels"]
    assert sent >= COMMANDS
    assert said["answered"] + sum(said["refused"].values()) == sent
    assert said["executions"] > 100
    status = venue.admin({"command": "status"})
    assert status["trades"] * 2 == said["executions"], "both sides of every match were told"
    matcher, events = replayed(venue)
    assert matcher.last_seq > COMMANDS
    assert matcher.state_hash == engine_state(venue, matcher.last_seq)
    assert (events["kind"] == EventKind.EXECUTED).sum() == said["executions"]


def test_the_same_seed_makes_the_same_orders(venue: RunningVenue, play: Play) -> None:
    def counts(said: dict[str, Any]) -> tuple[int, ...]:
        return tuple(said[name] for name in ("new_orders", "replaces", "cancels"))

    first = counts(last_line(play(*flow(3))))
    venue.stop()
    venue.config.write_text(venue.config.read_text().replace('"data"', '"another"'))
    venue.start()
    assert counts(last_line(play(*flow(3)))) == first


def test_after_kill_9_the_flow_goes_on_and_nothing_is_executed_twice(
    venue: RunningVenue, play: Play
) -> None:
    members = play(*flow(11), "--speed", "200")
    deadline = time.monotonic() + 60
    while venue.admin({"command": "status"})["trades"] < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    venue.kill()
    venue.start()
    assert "(equal to the state before)" in venue.output.read_text().splitlines()[-2]
    said = last_line(members)
    assert said["disconnects"] >= 1
    # A request that was sent twice would be refused the second time.
    assert not [reason for reason in said["refused"] if "before" in reason], said["refused"]
