"""Fixtures of what people watch: members who trade."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "fix"))

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
