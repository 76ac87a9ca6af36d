"""Recordings of other exchanges than CME, copied by order. Needs their files (TOUCHLINE_DATA)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from e2e_venue import Play, last_line, recording
from running_venue import RunningVenue

ITCH = "itch/ex20101224.framed.itch50.gz"
ITCH_BY_TYPE = "itch/ex20101224.TEST_ITCH_50.gz"
BITSTAMP = "l3/bitstamp-btcusd-20150501.orders.csv.xz"

INSTRUMENTS = """
[[instrument]]
symbol = "BOB"
price_increment = "0.0001"
min_price = "0.0001"
max_price = "1000"
max_order_qty = 100000

[[instrument]]
symbol = "BTCUSD"
price_increment = "0.01"
min_price = "0.01"
max_price = "100000"
max_order_qty = 100000000000
"""


@pytest.fixture
def demo(demo: str) -> str:
    """The venue of `touchline demo` with two more instruments; a copy need not wait for a disk."""
    return demo.replace('durability = "sync"', 'durability = "async"') + INSTRUMENTS


def real(name: str) -> str:
    path = recording(name)
    if path is None:
        pytest.skip(f"TOUCHLINE_DATA does not hold {name}")
    return str(path)


def assert_copied(said: dict[str, Any], events: int) -> dict[str, int]:
    """All levels, quantities and order counts at every event end; returns what was counted."""
    assert said["first_difference"] is None
    assert said["events"] == said["equal"] == said["compared"] == events
    assert said["refused"] == {}
    assert said["executions"] == 0, "a copied book trades with nobody"
    assert said["feed"]["unrecovered_gaps"] == 0
    counts = dict(said["recording"]["counts"])
    took = f"{said['seconds']:.1f} s"
    print(f"{said['recording']['format']}: {said['equal']:,} of {events:,} equal, {took}, {counts}")
    return counts


@pytest.mark.parametrize("name", [ITCH, ITCH_BY_TYPE])
def test_the_feed_shows_the_itch_book_at_every_event_end(
    venue: RunningVenue, play: Play, name: str
) -> None:
    said = last_line(play("replay", real(name), "--symbol", "BOB"))
    assert said["recording"]["format"] == "itch"
    assert said["recording"]["ticker"] == "BOB"
    counts = assert_copied(said, events=3_464)
    assert counts["messages"] == 12_012
    assert counts["trades with hidden orders"] == 1_658
    assert counts["adds that cross the book"] > 0, "so the venue must stay in its call phase"
    assert venue.admin({"command": "status"})["open_orders"] == 1_575


def test_the_feed_shows_the_bitstamp_book_at_every_event_end(play: Play) -> None:
    said = last_line(play("replay", real(BITSTAMP), "--symbol", "BTCUSD"))
    assert said["recording"]["format"] == "bitstamp"
    counts = assert_copied(said, events=50_203)
    assert sum(counts[f"rows {action}"] for action in ("created", "changed", "deleted")) == 50_414
    left_out = sum(count for name, count in counts.items() if name.endswith(": left out"))
    assert said["events"] + left_out == 50_414


def refusal(members: subprocess.Popen[str]) -> str:
    """What members said on their way out, without having sent an order."""
    out, errors = members.communicate(timeout=60)
    assert members.returncode == 1
    assert out == ""
    return errors


def test_a_file_of_no_known_format_is_refused(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "day"
    path.write_bytes(b"PK\x03\x04")
    assert "neither Databento DBN, nor Nasdaq" in refusal(play("replay", str(path)))


def test_an_instrument_that_does_not_fit_is_refused_with_the_line(
    play: Play, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    names = "id,timestamp,exchange.timestamp,price,volume,action,direction"
    path.write_text(f"{names}\n1,5,5,10.25,20,created,bid\n2,5,5,10.30,20,created,bid\n")
    said = refusal(play("replay", str(path)))
    assert "line 3: price 10.3 is no whole number of the instrument's price_increment 0.25" in said
    said = refusal(play("replay", str(path), "--symbol", "BTCUSD", "--as", "market"))
    assert "cannot be played --as market: it has no trades" in said


def test_of_several_tickers_one_must_be_chosen(play: Play) -> None:
    said = refusal(play("replay", real(ITCH)))
    assert "orders of several tickers, choose one: ALC, BOB, CHAR" in said
    said = refusal(play("replay", real(ITCH), "--ticker", "DAVE"))
    assert 'no orders of "DAVE"; there are: ALC, BOB, CHAR' in said
