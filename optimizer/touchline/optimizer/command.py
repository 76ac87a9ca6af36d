"""`touchline optimise`: prices to the targets of a strategy, once or again and again."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from touchline.core.errors import TargetsRefusedError, TouchlineError
from touchline.core.targets import VALID_S_MAX, TargetsSetter
from touchline.core.targets_file import save_targets
from touchline.core.venue import Venue

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers
    from touchline.optimizer.planning import Plan

__all__ = ["add_optimise"]

_METHODS = ("hrp", "min-cvar")  # those of allocation.py, which is not needed for --help
_LOOKBACK = 1260
_VALID_S = 3600.0
_AGAIN_S = 1.0


def add_optimise(commands: Subparsers) -> None:
    """Add `touchline optimise`."""
    parser = commands.add_parser(
        "optimise",
        help="make the targets of a strategy from prices",
        description="Chooses long-only weights from past prices (hrp: hierarchical risk parity; "
        "min-cvar: the least conditional value at risk), turns them into whole lots within the "
        "capital, prints a report, and sets them as the targets of a strategy of a running venue, "
        "or writes them to a file for `touchline targets ... put`. Prices are the packaged S&P 500 "
        'sample of skfolio, or a file. Needs the extra "touchline[research]". docs/portfolios.md.',
    )
    parser.add_argument("venue", type=Path, metavar="VENUE", help="the venue's configuration")
    parser.add_argument("name", metavar="NAME", help="name of the [[strategy]] there")
    parser.add_argument("--method", choices=_METHODS, required=True, help="how weights are chosen")
    parser.add_argument(
        "--capital",
        type=_positive,
        required=True,
        metavar="AMOUNT",
        help="what is invested, in the currency of the prices",
    )
    parser.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="prices, .csv or .parquet: times in the first column, then one column for each symbol",
    )
    parser.add_argument(
        "--symbols", type=_symbols, default=(), metavar="A,B,...", help="these columns alone"
    )
    parser.add_argument(
        "--lookback",
        type=_whole,
        default=_LOOKBACK,
        metavar="ROWS",
        help=f"the newest rows of prices that count (default: {_LOOKBACK})",
    )
    parser.add_argument(
        "--confidence",
        type=_positive,
        default=0.95,
        metavar="P",
        help="of the conditional value at risk (default: 0.95)",
    )
    parser.add_argument(
        "--max-weight",
        type=_positive,
        default=1.0,
        metavar="W",
        help="largest share of one symbol (default: 1)",
    )
    parser.add_argument(
        "--valid-s",
        type=_validity,
        metavar="S",
        help=f"the targets expire after so long (default: {_VALID_S:g}, or three times --every)",
    )
    parser.add_argument(
        "--every",
        type=_positive,
        metavar="S",
        help="do it again every so many seconds, with the prices read anew, until interrupted",
    )
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="write a file of targets; set none"
    )
    parser.set_defaults(run=_run)


def _positive(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(text)
    return number


def _validity(text: str) -> float:
    seconds = _positive(text)
    if seconds > VALID_S_MAX:
        raise ValueError(text)
    return seconds


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _run(options: argparse.Namespace) -> int:
    every_s = options.every
    valid_s = options.valid_s
    if valid_s is None:
        valid_s = _VALID_S if every_s is None else min(3 * every_s, float(VALID_S_MAX))
    made = _Maker(options, valid_s)
    if every_s is None:
        made.once()
        return 0
    while True:
        began = time.monotonic()
        try:
            made.once()
        except TargetsRefusedError as error:
            # The engine will be back, or the other process end; the targets expire meanwhile.
            _say(f"{error}; trying again")
            made.forget()
            time.sleep(_AGAIN_S)
            continue
        except TouchlineError as error:
            _say(f"no targets this time: {error}")
        time.sleep(max(0.0, began + every_s - time.monotonic()))


class _Maker:
    """Makes targets, and keeps the place of the one who sets them."""

    def __init__(self, options: argparse.Namespace, valid_s: float) -> None:
        self._options = options
        self._valid_s = valid_s
        self._setter: TargetsSetter | None = None

    def once(self) -> None:
        """Make targets and put them where they belong; the report goes to standard output."""
        from rich.console import Console

        options = self._options
        venue = Venue.load(options.venue)
        # Who may not set them, or is the second one, hears it before anything is computed.
        if options.into is None and self._setter is None:
            self._setter = TargetsSetter(venue, options.name)
        plan = self._plan(venue)
        print(plan.title)
        Console().print(plan.table())
        print(plan.outcome)
        if self._setter is None:
            save_targets(options.into, plan.targets, self._valid_s, venue)
            print(f"{options.into}: {len(plan.targets.targets)} targets, for {self._valid_s:g} s")
        else:
            version = self._setter.put(plan.targets, valid_s=self._valid_s)
            print(
                f"{venue.name}: strategy {options.name} has {len(plan.targets.targets)} targets, "
                f"version {version}, for {self._valid_s:g} s",
                flush=True,
            )

    def forget(self) -> None:
        """Give up the place: the engine is another one."""
        if self._setter is not None:
            self._setter.close()
        self._setter = None

    def _plan(self, venue: Venue) -> Plan:
        # Imported here: with skfolio it takes some seconds, and other commands have no use for it.
        from touchline.optimizer import Allocation, load_prices, plan

        options = self._options
        prices = load_prices(options.prices, symbols=options.symbols, lookback=options.lookback)
        allocation = Allocation(options.method, options.confidence, options.max_weight)
        return plan(venue, options.name, prices, allocation, options.capital)


def _say(text: str) -> None:
    print(f"touchline: {text}", file=sys.stderr, flush=True)
