"""`touchline top` in a terminal of its own (tmux), and without one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from log_on import LogOn
from running_venue import RunningVenue
from strategies import leave_strategies
from wire import new_order

TOUCHLINE = Path(sys.executable).parent / "touchline"
WAIT_S = 10.0


class Terminal:
    """A terminal of 120 by 50 that runs one command; tmux is its screen and its keyboard."""

    def __init__(self, *command: str | Path) -> None:
        assert shutil.which("tmux"), "tmux is not there: run tests/install-packages.sh"
        self._name = f"touchline-test-{time.monotonic_ns()}"
        # The shell stays, to say with which code the command has ended.
        # pytest names a size of its own in the environment, which would hide the terminal's.
        line = "unset COLUMNS LINES; " + " ".join(f"'{word}'" for word in command)
        line += "; echo ended with $?; sleep 60"
        self._tmux("new-session", "-d", "-x", "120", "-y", "50", line)

    def screen(self) -> str:
        """What can be read on the screen."""
        return self._tmux("capture-pane", "-p")

    def type(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        self._tmux("send-keys", *keys)

    def wait(self, pattern: str) -> str:
        """Wait until a regular expression is on the screen; return the screen."""
        deadline = time.monotonic() + WAIT_S
        while True:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            assert time.monotonic() < deadline, f"{pattern!r} is not on the screen:\n{screen}"
            time.sleep(0.05)

    def close(self) -> None:
        """End the terminal and what runs in it."""
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def terminal(venue: RunningVenue) -> Iterator[Terminal]:
    """`touchline top` of the venue."""
    running = Terminal(TOUCHLINE, "top", venue.config)
    yield running
    running.close()


def once(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [TOUCHLINE, "top", config, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_top_shows_the_book_obeys_its_keys_and_quits(
    venue: RunningVenue, terminal: Terminal, log_on: LogOn
) -> None:
    terminal.wait("running .* feed live")
    buyer, seller = log_on("ALPHA1"), log_on("BETA1")
    buyer.send("D", new_order("rests", _38="7"))
    terminal.wait(r" 1 +█+ +7 +4800\.25")
    seller.send("D", new_order("takes", _54="2", _38="3"))
    terminal.wait(r" 1 +█+ +4 +4800\.25")
    terminal.wait(r"\d\d:\d\d:\d\d +4800\.25 +3 +sell")
    terminal.wait(r"orders +\d+ +2 ")
    terminal.wait(r"gateway rx to socket tx +[\d,.]+ +[\d,.]+")
    screen = terminal.wait("ALPHA1 +ALPHA +logged on +2|ALPHA1 +ALPHA +logged on +3")
    assert re.search("ALPHA2 +ALPHA +- ", screen)
    assert re.search("gateway to engine +0 +4,096 +[1-9]", screen)
    assert "strategies" not in screen

    seller.send("D", new_order("acme", _55="ACME", _54="2", _38="200", _44="12.34"))
    for key, title in (
        ("Right", "ACME"),
        ("Right", "ESH4"),
        ("p", "ACME"),
        ("1", "ESH4"),
        ("9", "ESH4"),
        ("Tab", "ACME"),
    ):
        terminal.type(key)
        terminal.wait(rf"\n {title}  continuous")
    terminal.wait(r"12\.34 +2 +█+ +1\b")
    assert venue.admin({"command": "kill", "member": "BETA"})["ok"]
    terminal.wait("BETA1 +BETA +logged on blocked")
    terminal.type("q")
    terminal.wait("ended with 0")


def test_top_says_that_the_venue_has_stopped_and_goes_on_when_it_is_back(
    venue: RunningVenue, terminal: Terminal
) -> None:
    terminal.wait("running .* feed live")
    assert venue.stop() == 0
    terminal.wait("not running, last heard .*")
    assert "does not answer at" in terminal.screen()
    venue.start()
    terminal.wait(r"  running .* feed live")
    terminal.type("C-c")
    terminal.wait("ended with 130")


def test_without_a_terminal_one_frame_is_printed(venue: RunningVenue, log_on: LogOn) -> None:
    member = log_on("ALPHA1")
    member.send("D", new_order("rests", _38="7"))
    member.next({35: "8", 150: "0"})
    told = once(venue.config, "--once")
    assert told.returncode == 0, told.stderr
    assert "\x1b" not in told.stdout
    assert re.search(r" 1 +█+ +7 +4800\.25", told.stdout)
    assert re.search(r"orders +\d+ +1 ", told.stdout), "rates are known"
    assert "q: quit" not in told.stdout


def test_a_venue_that_is_not_running_is_shown_with_its_last_figures_and_strategies(
    venue: RunningVenue,
) -> None:
    assert venue.stop() == 0
    told = once(venue.config)
    assert told.returncode == 1
    assert "not running" in told.stdout
    assert "strategies" not in told.stdout
    figures = leave_strategies(venue)
    told = once(venue.config)
    row = r"quoter +BETA +connected +12,345 +21 +6 +78 +0 +0\.3 +0\.9 +1\.5 +88\.0\n"
    below = r" +score -0\.25  fair 19,201\.5  spread -  ESH4 -5  ACME \+2"
    assert re.search(row + below, told.stdout), told.stdout
    told = once(venue.config, "--symbol", "NONE")
    assert told.returncode == 1
    assert "has no instrument 'NONE'; it has ESH4, ACME" in told.stderr
    figures.unlink()
    venue.run_dir.rmdir()
