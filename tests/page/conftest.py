"""Fixtures of what people watch: the exporter of a venue, a browser, and members who trade."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "fix"))

from browser import Browser
from exporter import Exporter
from log_on import LogOn, logged_on
from running_venue import RunningVenue
from wire import Wire


@pytest.fixture
def log_on(venue: RunningVenue) -> Iterator[LogOn]:
    """Log a session on, with bare hands; it is closed when the test ends."""
    wires: list[Wire] = []

    def connect(comp_id: str) -> Wire:
        wires.append(logged_on(venue, comp_id))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.close()


@pytest.fixture(scope="module")
def floor(venue_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """One venue for every test of a module."""
    venue = RunningVenue(venue_program, tmp_path_factory.mktemp("floor"))
    venue.start()
    yield venue
    failure = venue.close()
    assert not failure, failure


@pytest.fixture(scope="module")
def exporter(floor: RunningVenue) -> Iterator[Exporter]:
    """The live page of ``floor``."""
    running = Exporter(floor.config)
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for every test, which opens its own page in it."""
    running = Browser(tmp_path_factory.mktemp("browser") / "profile")
    yield running
    running.close()
