"""A real trading day, from FIX bytes to multicast packets. Needs the ES day (TOUCHLINE_DATA)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from e2e_venue import Play, last_line, recording
from running_venue import RunningVenue

EVENT_ENDS = 47_022
REPORTED_FILLS = 6_371
LIVE_ORDERS_AT_THE_END = 11_217


@pytest.fixture
def day() -> str:
    path = recording()
    if path is None:
        pytest.skip("TOUCHLINE_DATA does not hold the ES day; test_synthetic_flow.py runs instead")
    return str(path)


def assert_books_equal(said: dict[str, Any]) -> None:
    """The opening book and every event end: all levels, quantities and order counts."""
    assert said["first_difference"] is None
    assert said["events"] == EVENT_ENDS
    assert said["equal"] == said["compared"] == EVENT_ENDS + 1
    assert said["feed"]["unrecovered_gaps"] == 0


def test_the_feed_shows_the_recorded_book_at_every_event_end(
    venue: RunningVenue, play: Play, day: str
) -> None:
    said = last_line(play("replay", day, "--as", "book"))
    assert_books_equal(said)
    assert said["refused"] == {}
    assert said["executions"] == 0, "a copied book trades with nobody"
    assert venue.admin({"command": "status"})["open_orders"] == LIVE_ORDERS_AT_THE_END


def test_marketable_orders_hit_the_orders_that_the_exchange_reported(play: Play, day: str) -> None:
    said = last_line(play("replay", day, "--as", "market"))
    assert_books_equal(said)
    flow = said["flow"]
    assert flow["reported_fills"] == REPORTED_FILLS
    assert sum(flow["classes"].values()) == REPORTED_FILLS, "each fill is in one class"
    assert flow["exact_per_10_000"] >= 8_500
    print(f"exact: {flow['exact_per_10_000'] / 100} %, {flow['classes']}, extra {flow['extra']}")


@pytest.mark.parametrize("kills", [2])
def test_after_kill_9_the_state_is_the_one_it_had_and_the_replay_goes_on(
    venue: RunningVenue, play: Play, day: str, kills: int
) -> None:
    members = play("replay", day, "--as", "book")
    for kill in range(1, kills + 1):
        wait_for_commands(venue, 12_000 * kill)
        venue.kill()
        venue.start()
        assert "(equal to the state before)" in venue.output.read_text().splitlines()[-2]
    said = last_line(members)
    assert said["disconnects"] >= kills
    assert said["refused"] == {}, "no order was executed or refused twice"
    assert_books_equal(said)


def test_after_a_clean_stop_the_state_is_the_one_it_had(
    venue: RunningVenue, play: Play, day: str
) -> None:
    said = last_line(play("replay", day, "--as", "market", "--limit", "5"))
    assert said["answered"] > 1_000
    before = venue.admin({"command": "status"})
    venue.restart()
    after = venue.admin({"command": "status"})
    assert after["replayed_commands"] == before["seq"] == after["seq"]
    assert after["state_hash"] == before["state_hash"]


def wait_for_commands(venue: RunningVenue, seq: int) -> None:
    deadline = time.monotonic() + 120
    while venue.admin({"command": "status"})["seq"] < seq:
        assert time.monotonic() < deadline
        time.sleep(0.05)
