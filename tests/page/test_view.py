"""What is made of figures, counters and keys, without a venue."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from touchline.marketdata.rates import Rates
from touchline.marketdata.top import Keys
from touchline.marketdata.view import Figures

TOLD = {"role": "gateway", "orders_in": {"new": 3}}


def test_figures_that_are_cut_or_noise_leave_those_before(tmp_path: Path) -> None:
    path = tmp_path / "gateway-1.stats.json"
    figures = Figures()
    figures.read(path)
    assert (figures.told, figures.written_s, figures.are_old) == ({}, None, True)
    text = json.dumps(TOLD).encode()
    path.write_bytes(text)
    figures.read(path)
    assert figures.told == TOLD
    assert not figures.are_old
    os.utime(path, (time.time(), time.time() - 10))
    figures.read(path)
    assert figures.are_old, "the agent has stopped to write"
    noise = random.Random(11)
    for length in range(len(text)):
        path.write_bytes(text[:length])
        figures.read(path)
        path.write_bytes(noise.randbytes(length))
        figures.read(path)
    for other in (b"[1]", b"7", b"null", b"[" * 100_000):
        path.write_bytes(other)
        figures.read(path)
    assert figures.told == TOLD


def test_a_rate_is_the_rise_of_a_counter_over_the_time_between_two_figures() -> None:
    rates = Rates()
    rates.count("orders", 1_000, 10.0)
    assert rates.now()["orders"] is None
    rates.count("orders", 1_500, 12.0)
    rates.count("orders", 1_500, 12.0)  # the same figures, read again
    assert rates.now()["orders"] == 250.0
    rates.tick(is_running=True)
    assert rates.history()["orders"] == [250.0]


@pytest.mark.parametrize(
    ("total", "at_s"), [(3, 13.0), (2_000, 60.0)], ids=["another process", "a hole"]
)
def test_across_a_restart_or_a_hole_there_is_no_rate(total: int, at_s: float) -> None:
    rates = Rates()
    rates.count("events", 1_000, 11.0)
    rates.count("events", 1_100, 12.0)
    rates.count("events", total, at_s)
    assert rates.now()["events"] is None
    rates.count("events", total + 10, at_s + 1)
    assert rates.now()["events"] == 10.0


def test_a_venue_that_stands_still_has_no_rates_and_a_flat_history() -> None:
    rates = Rates()
    rates.count("trades", 0, 1.0)
    rates.count("trades", 9, 2.0)
    rates.tick(is_running=True)
    rates.tick(is_running=False)
    assert rates.now()["trades"] is None
    assert rates.history()["trades"] == [9.0, 0.0]
    for _ in range(300):
        rates.tick(is_running=False)
    assert len(rates.history()["trades"]) == 120


@pytest.mark.parametrize(
    ("typed", "symbol"),
    [
        (b"", "A"),
        (b"n", "B"),
        (b"\t\t", "C"),
        (b"nnn", "A"),
        (b"p", "C"),
        (b"\x1b[C\x1bOC", "C"),
        (b"\x1b[D", "C"),
        (b"3", "C"),
        (b"9", "A"),
        (b"0x\xff\x1b", "A"),
    ],
)
def test_keys_choose_the_instrument(typed: bytes, symbol: str) -> None:
    keys = Keys(["A", "B", "C"], "A")
    keys.press(typed)
    assert (keys.symbol, keys.quit) == (symbol, False)


def test_q_quits_whatever_is_typed_with_it() -> None:
    keys = Keys(["A"], "A")
    keys.press(b"nq")
    assert keys.quit
