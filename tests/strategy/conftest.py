"""Fixtures: a venue with strategies, and strategies in this process and in others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fix"))
sys.path.insert(0, str(Path(__file__).parent))

from running_venue import RunningVenue
from strategy_venue import STRATEGIES, Here, Member, There


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of compiled strategies that all tests share, and nobody else."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOUCHLINE_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture
def venue(make_venue: Callable[..., RunningVenue]) -> RunningVenue:
    """A venue with two strategies of ALPHA."""
    return make_venue(extra=STRATEGIES)


@pytest.fixture
def here(venue: RunningVenue) -> Iterator[Callable[..., Here]]:
    """Connect a strategy of this process: class, name, parameters."""
    made: list[Here] = []

    def begin(owner: type, name: str = "maker", **parameters: object) -> Here:
        made.append(Here(venue, owner, name, **parameters))
        return made[-1]

    yield begin
    for one in made:
        one.connection.close()


@pytest.fixture
def there() -> Iterator[Callable[..., There]]:
    """Start a process: configuration, name, MODULE:CLASS, options."""
    made: list[There] = []

    def begin(venue: Path, name: str, named: str, *options: str) -> There:
        made.append(There(venue, name, named, *options))
        return made[-1]

    yield begin
    for one in made:
        one.close()


@pytest.fixture
def beta(venue: RunningVenue) -> Iterator[Member]:
    """A member that the strategies trade with."""
    member = Member(venue)
    yield member
    member.wire.close()


@pytest.fixture
def make_config(venue_program: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Write the configuration of a venue that nobody starts."""
    made: list[RunningVenue] = []

    def make() -> Path:
        made.append(RunningVenue(venue_program, tmp_path / "config", extra=STRATEGIES))
        return made[-1].config

    yield make
    for one in made:
        one.close()
