"""A strategy that does its worst, at full speed, while a member trades over FIX.

The member's latency is printed for each kind of abuse, beside that of a quiet venue and those of
one whose host has a busy process: one that touches nothing, and one that asks the kernel as much
as the worst of them, of memory and a bell of its own. All in one run, which `pytest -s
tests/hostile` shows.

HOSTILE_S is how long each kind lasts (default 1). HOSTILE_NICE is the niceness of these processes
(default 13): its share of a processor is 1 to 18, about that of CPUWeight 50 to 1,000, which the
units of systemd/ give strategies and the venue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "fix"))

from running_venue import RunningVenue
from wire import Wire, new_order

from touchline.core._abi import PORT_LAYOUT_HASH
from touchline.core._records import LAYOUT_HASH

SECONDS = float(os.environ.get("HOSTILE_S", "1"))
NICE = os.environ.get("HOSTILE_NICE", "13")
_INTRUDER = Path(__file__).with_name("intruder.py")
_STRATEGY = """
[[strategy]]
name = "intruder"
member = "ALPHA"
max_order_qty = 10
max_position = 20
max_orders_per_s = 500
order_burst = 50
"""


@pytest.fixture
def venue(make_venue: Callable[..., RunningVenue]) -> RunningVenue:
    """A venue that releases at once: what the disk does is not the question."""
    return make_venue(extra=_STRATEGY, durability="async")


def _figures(venue: RunningVenue) -> dict[str, int]:
    figures: dict[str, int] = venue.admin({"command": "status"})["strategies"][0]
    return figures


class _Intruder:
    """The hostile process, from when it has its memory to its end."""

    def __init__(self, venue: RunningVenue, mode: str) -> None:
        hello = venue.folder / "hello.json"
        layouts = {"records": f"{LAYOUT_HASH:016x}", "rings": f"{PORT_LAYOUT_HASH:016x}"}
        hello.write_text(json.dumps({"strategy": "intruder"} | layouts))
        before = _figures(venue)["connections"]
        socket = str(venue.run_dir / "strategies.sock")
        self.process = subprocess.Popen(
            [
                "nice",
                "-n",
                NICE,
                sys.executable,
                str(_INTRUDER),
                socket,
                str(hello),
                mode,
                str(SECONDS),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 20.0
        while _figures(venue)["connections"] == before:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "it was not let in"
            time.sleep(0.01)

    def has_ended(self) -> bool:
        """Whether it has."""
        return self.process.poll() is not None

    def turns(self) -> int:
        """Wait for its end; how often it has acted."""
        out, errors = self.process.communicate(timeout=SECONDS + 20.0)
        assert self.process.returncode == 0, errors
        turns: int = json.loads(out)["turns"]
        return turns


def _trade(member: Wire, name: str, until: Callable[[], bool]) -> np.ndarray:
    """Orders one after the other; each one's time to its acceptance, us."""
    times = []
    while not until():
        order = f"{name}-{len(times)}"
        sent = time.perf_counter()
        member.send("D", new_order(order, _59="3"))
        member.next({11: order, 150: "0"})
        times.append((time.perf_counter() - sent) * 1e6)
        member.next({11: order, 150: "4"})
    return np.array(times)


def _gone(venue: RunningVenue) -> None:
    """Wait until the engine has seen that the process has gone, and has cancelled its orders."""
    deadline = time.monotonic() + 20.0
    while _figures(venue)["connected"] or venue.admin({"command": "status"})["open_orders"]:
        assert time.monotonic() < deadline, _figures(venue)
        time.sleep(0.01)


def test_a_hostile_strategy_neither_stops_the_venue_nor_loses_a_members_order(
    venue: RunningVenue,
) -> None:
    member = Wire(venue.address, "BETA1")
    member.logon()
    member.next({35: "A"})
    end = time.monotonic() + SECONDS
    rows = {"quiet": (_trade(member, "quiet", lambda: time.monotonic() > end), 0)}
    for mode in ("idle", "own", "flood", "garbage", "punch", "bells"):
        before = _figures(venue)
        intruder = _Intruder(venue, mode)
        times = _trade(member, mode, intruder.has_ended)
        rows[mode] = (times, intruder.turns())
        _gone(venue)
        after = _figures(venue)
        if mode == "flood":
            assert after["throttled"] > before["throttled"], "it was never held back"
            assert after["rejected"] > before["rejected"], "its limits never held"
        if mode in ("garbage", "punch"):
            assert after["bad_records"] > before["bad_records"], "nothing of it was noticed"
        assert after["broken"] == before["broken"], "a ring that is only full was given up"
    print(
        f"\na member's order to its acceptance over FIX, us; {SECONDS:g} s each, durability async, "
        f"niceness {NICE}"
    )
    print(
        f"{'strategy':10} {'acts':>10} {'orders':>8} {'p50':>8} {'p99':>8} {'p99.9':>8} {'max':>9}"
    )
    for mode, (times, turns) in rows.items():
        p50, p99, p999 = np.percentile(times, [50, 99, 99.9])
        line = f"{mode:10} {turns:10,} {len(times):8,} {p50:8.0f} {p99:8.0f} {p999:8.0f}"
        print(f"{line} {times.max():9.0f}")
        assert len(times) > 10, f"{mode}: hardly an order was answered"
    assert venue.admin({"command": "status"})["ok"] is True
    member.close()
