"""Fixtures: a venue that trades the stocks of the sample; and skfolio, imported once, quietly."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_venue import RunningVenue, find_program

from touchline.core.venue import Venue

SYMBOLS = ["AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"]
SYMBOLS += ["LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"]
STRATEGY = """
[[strategy]]
name = "follower"
member = "ALPHA"
max_position = 100000
"""


@pytest.fixture(scope="session", autouse=True)
def quiet_skfolio() -> None:
    """Import what warns when it is imported, before warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import skfolio.optimization  # noqa: F401


def stocks(symbols: list[str], **more: str) -> str:
    """Sections of a configuration, one for each symbol."""
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    return "".join(
        f'\n[[instrument]]\nsymbol = "{symbol}"\nprice_increment = "0.01"\nmin_price = "0.01"\n'
        f'max_price = "10000"\n{lines}'
        for symbol in symbols
    )


@pytest.fixture
def make_venue_of(tmp_path: Path) -> Iterator[Callable[..., Venue]]:
    """Describe a venue with symbols beside its own; nobody starts it."""
    made: list[RunningVenue] = []

    def make(symbols: list[str] = SYMBOLS, **more: str) -> Venue:
        extra = stocks(symbols, **more) + STRATEGY
        folder = tmp_path / f"venue{len(made)}"
        made.append(RunningVenue(find_program("touchline-venue"), folder, extra=extra))
        return Venue.load(made[-1].config)

    yield make
    for one in made:
        one.close()


@pytest.fixture
def stock_venue(make_venue_of: Callable[..., Venue]) -> Venue:
    """A venue that trades the 20 stocks, in lots of 1."""
    return make_venue_of()
