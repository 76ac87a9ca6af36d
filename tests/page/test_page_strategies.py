"""What a strategy shows, holds and is asked to hold, on the page and in the terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from browser import Browser
from exporter import TOUCHLINE, Exporter
from log_on import logged_on
from running_venue import RunningVenue
from wire import new_order

STRATEGY = """
[[strategy]]
name = "buyer"
member = "ALPHA"
"""
BUYER = '''
from touchline.strategy import Book, Gauge, Strategy, Targets, TimeInForce


class Buyer(Strategy):
    """Buys a lot at the best offer for as long as its position is below its target."""

    score = Gauge("nothing that it knows")
    orders_sent = Gauge()

    def on_start(self) -> None:
        self.score = -0.375
        self.orders_sent = 0

    def on_target(self, targets: Targets) -> None:
        self.on_book(self.book("ESH4"))

    def on_book(self, book: Book) -> None:
        target = self.target(book.symbol)
        if target is None or book.offer_px is None or self.orders:
            return
        if self.position(book.symbol) < target.position:
            self.buy(book.symbol, 1, book.offer_px, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
            self.orders_sent += 1
'''
ROW = r"buyer\tALPHA\tconnected\t2\t2\t0\t0\t0\t[\d.,]+\t[\d.,]+\t[\d.,]+\t[\d.,]+\n"
BELOW = r"orders_sent 2 score -0\.375 targets 1 of by hand [\d,]+ s old, 5\d s left "


def put(venue: RunningVenue, positions: dict[str, int]) -> None:
    path = venue.folder / "targets.json"
    told = {"source": "by hand", "valid_s": 60, "positions": positions}
    path.write_text(json.dumps(told))
    command = [TOUCHLINE, "targets", venue.config, "buyer", "put", path]
    subprocess.run(command, check=True, capture_output=True)


def test_positions_targets_and_scores_of_a_strategy_are_shown_while_it_trades(
    make_venue: Callable[..., RunningVenue], browser: Browser, tmp_path: Path
) -> None:
    venue = make_venue(extra=STRATEGY)
    code = tmp_path / "buyer.py"
    code.write_text(BUYER)
    command = [sys.executable, "-m", "touchline.core", "strategy", str(venue.config), "buyer"]
    strategy = subprocess.Popen([*command, f"{code}:Buyer"], stdout=subprocess.DEVNULL)
    exporter = Exporter(venue.config)
    try:
        browser.open(exporter.url)
        browser.wait("document.querySelector('#strategy-rows')?.innerText.includes('-0.375')", 30)
        put(venue, {"ESH4": 3, "ACME": -4})
        browser.wait("document.querySelector('#strategy-rows').innerText.includes('ESH4 0 of +3')")
        member = logged_on(venue, "BETA1")
        member.send("D", new_order("sells", _54="2", _38="2"))
        browser.wait("document.querySelector('#strategy-rows').innerText.includes('ESH4 +2 of +3')")
        browser.wait("document.querySelector('#strategy-rows').innerText.includes('orders_sent 2')")
        told = browser.run("return document.querySelector('#strategy-rows').innerText")
        assert re.fullmatch(ROW + BELOW + r"ESH4 \+2 of \+3 ACME 0 of -4", told.strip()), told
        once = subprocess.run(
            [TOUCHLINE, "top", venue.config, "--once"], capture_output=True, text=True, check=True
        )
        assert re.search(r"buyer +ALPHA +connected +2 +2 +0 +0 +0 ", once.stdout), once.stdout
        assert re.search(
            r"orders_sent 2  score -0\.375  targets 1 of by hand, [\d,]+ s old, [45]\d s left  "
            r"ESH4 \+2 of \+3  ACME \+0 of -4",
            re.sub(r"\n +", "  ", once.stdout),
        ), once.stdout
        member.close()
    finally:
        exporter.close()
        strategy.terminate()
        strategy.wait()
    assert strategy.returncode == 0
