"""Fixtures of every Python test: a real venue, alone on its ports and in a folder of its own.

``make_venue`` starts as many as a test wants, ``venue`` is one with the defaults. Each is stopped
when its test ends, and must then stop cleanly and leave nothing in its run directory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running_venue import RunningVenue, find_program


def pytest_report_header() -> str:
    """Say in one line whether published data is there."""
    data = os.environ.get("TOUCHLINE_DATA")
    if data:
        return f"TOUCHLINE_DATA: {data}"
    return "TOUCHLINE_DATA is not set: what compares with published data is skipped"


MakeVenue = Callable[..., RunningVenue]


@pytest.fixture(scope="session")
def venue_program() -> Path:
    """The program ``touchline-venue``; built if it is not there."""
    return find_program("touchline-venue")


@pytest.fixture
def make_venue(venue_program: Path, tmp_path: Path) -> Iterator[MakeVenue]:
    """Start a venue; keywords are those of :class:`running_venue.RunningVenue`."""
    venues: list[RunningVenue] = []

    def make(**options: object) -> RunningVenue:
        folder = tmp_path / f"venue{len(venues) + 1}"
        venues.append(RunningVenue(venue_program, folder, **options))
        venues[-1].start()
        return venues[-1]

    yield make
    failures = [failure for venue in venues if (failure := venue.close())]
    assert not failures, "\n".join(failures)


@pytest.fixture
def venue(make_venue: MakeVenue) -> RunningVenue:
    """A venue with two instruments in continuous trading, and members ALPHA and BETA."""
    return make_venue()
