"""Configurations of venues that nobody has started yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_venue import RunningVenue


@pytest.fixture
def make_config(venue_program: Path, tmp_path: Path) -> Iterator[Callable[[], RunningVenue]]:
    """Write a configuration with free ports; its venue is started by the test, if at all."""
    made: list[RunningVenue] = []

    def make() -> RunningVenue:
        made.append(RunningVenue(venue_program, tmp_path / f"config{len(made) + 1}"))
        return made[-1]

    yield make
    for one in made:
        one.close()
