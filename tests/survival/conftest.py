"""Fixtures: a venue in three processes, and simulated members that play into it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "fix"))

from process_venue import Play, ProcessVenue
from running_venue import find_program


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[ProcessVenue]:
    """The venue, started."""
    running = ProcessVenue(tmp_path / "venue")
    running.start()
    yield running
    failure = running.close()
    assert not failure, failure


@pytest.fixture
def play(venue: ProcessVenue) -> Iterator[Play]:
    """Start touchline-members on the venue, with the arguments given."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        members = subprocess.Popen(
            [str(find_program("touchline-members")), *arguments, "--config", str(venue.config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(members)
        return members

    yield begin
    for members in started:
        members.kill()
        members.communicate()
