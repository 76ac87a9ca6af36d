"""The two examples make a market in synthetic flow, and stay within what they promise."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from running_venue import RunningVenue, find_program
from strategy_venue import STRATEGIES, Member, There

from touchline.marketdata import Subscriber

EXAMPLES = "touchline.strategy.examples"
MAKERS = [f"{EXAMPLES}.plain_maker:PlainMaker", f"{EXAMPLES}.compiled_maker:CompiledMaker"]
PARAMETERS = ["quote_qty=5", "max_position=20", "interval_s=0.01"]


def figure(name: str, text: str) -> int:
    """A number of the summary, by the word before it."""
    found = re.search(rf"\b{name} \+?(-?[\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def status(venue: RunningVenue) -> dict[str, Any]:
    """What the engine says of the strategy `maker`."""
    told = venue.admin({"command": "status"})["strategies"]
    found: dict[str, Any] = next(one for one in told if one["name"] == "maker")
    return found


@pytest.mark.parametrize("maker", MAKERS)
def test_a_maker_quotes_trades_and_stays_within_its_limits(
    make_venue: Callable[..., RunningVenue], there: Callable[..., There], maker: str
) -> None:
    venue = make_venue(extra=STRATEGIES, durability="async")
    options = [word for one in PARAMETERS for word in ("--param", one)]
    begun = time.monotonic()
    process = there(venue.config, "maker", maker, *options)
    while not status(venue)["connected"]:
        assert process.process.poll() is None, process.ended()
        time.sleep(0.05)
    flow = [find_program("touchline-members"), "simulate", "--config", venue.config, "--unordered"]
    subprocess.run([*flow, "--commands", "4000"], check=True, capture_output=True, timeout=60)
    process.process.terminate()
    code, out, errors = process.ended()
    assert code == 0, errors
    assert figure("live", out) >= 2
    assert figure("book", out) > 1_000
    assert figure("execution", out) > 0
    # Two sides, one command of each in an interval of 10 ms, and one that pulls.
    assert 0 < figure("commands sent", out) < 3 * (time.monotonic() - begun) / 0.01
    assert abs(status(venue)["positions"].get("ESH4", 0)) <= 20
    assert abs(figure("ESH4", out)) <= 20


@pytest.mark.parametrize("maker", MAKERS)
def test_a_maker_quotes_around_others_and_is_out_of_a_halted_market(
    venue: RunningVenue, there: Callable[..., There], beta: Member, maker: str
) -> None:
    beta.order("1", 10, "4750.00")
    beta.order("2", 10, "4751.00")
    there(venue.config, "maker", maker)

    def until(bids: list[tuple[int, int]], offers: list[tuple[int, int]]) -> None:
        for _ in range(400):
            feed.poll(timeout_ms=50)
            found = [
                [(int(one["price"]), int(one["qty"])) for one in side]
                for side in (feed.bids("ESH4"), feed.offers("ESH4"))
            ]
            if feed.is_live and found == [bids, offers]:
                return
        raise AssertionError(found)

    with Subscriber(venue.config) as feed:
        # The microprice is in the middle, 19,002; a quote is one unit from it.
        until([(19_001, 5), (19_000, 10)], [(19_003, 5), (19_004, 10)])
        venue.set_phase("halt", "ESH4")
        until([(19_000, 10)], [(19_004, 10)])
        venue.set_phase("continuous", "ESH4")
        until([(19_001, 5), (19_000, 10)], [(19_003, 5), (19_004, 10)])
        # Three of our bids are hit: we lean down, and fill up.
        beta.order("2", 3, "4750.25")
        until([(19_000, 15)], [(19_003, 5), (19_004, 10)])
