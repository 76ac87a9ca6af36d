"""`touchline targets`: set, show and clear the targets of a strategy."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from touchline.core._abi import lib
from touchline.core.targets import Targets, TargetsSetter, read_targets
from touchline.core.targets_file import load_targets
from touchline.core.venue import Venue

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_targets"]


def add_targets(commands: Subparsers) -> None:
    """Add `touchline targets`."""
    parser = commands.add_parser(
        "targets",
        help="set, show or clear the targets of a strategy",
        description="Targets are the positions that somebody wants a strategy to have, and until "
        "when. put: those of a file (JSON, docs/strategies.md), in the place of all that were "
        "there; they hold for the file's valid_s seconds from now. show: the newest. clear: none "
        "any more; the strategy is told that they have expired. One process at a time sets the "
        "targets of a strategy; they stay when it ends, until they expire or the engine ends.",
    )
    parser.add_argument("venue", type=Path, metavar="VENUE", help="the venue's configuration")
    parser.add_argument("name", metavar="NAME", help="name of the [[strategy]] there")
    actions = parser.add_subparsers(
        metavar="put|show|clear", required=True, help="what to do with them"
    )
    put = actions.add_parser("put", help="set the targets of a file")
    put.add_argument("file", type=Path, metavar="FILE", help="targets, JSON")
    put.set_defaults(run=_put)
    show = actions.add_parser("show", help="show the newest targets")
    show.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    show.set_defaults(run=_show)
    clear = actions.add_parser("clear", help="no targets any more")
    clear.set_defaults(run=_clear)


def _put(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    targets, valid_s = load_targets(options.file, venue, options.name)
    with TargetsSetter(venue, options.name) as setter:
        version = setter.put(targets, valid_s=valid_s)
    print(
        f"{venue.name}: strategy {options.name} has {len(targets.targets)} targets of "
        f"{targets.source}, version {version}, for {valid_s:g} s"
    )
    return 0


def _clear(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    with TargetsSetter(venue, options.name) as setter:
        version = setter.clear()
    print(f"{venue.name}: strategy {options.name} has no targets, version {version}")
    return 0


def _show(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    targets = read_targets(venue, options.name)
    if options.json:
        print(json.dumps(None if targets is None else asdict(targets)))
    elif targets is None:
        print(f"{venue.name}: strategy {options.name} has had no targets since the engine started")
    else:
        left_s = (targets.expires_time - lib.tl_now_ns()) / 1e9
        state = "expired" if targets.is_expired else f"expires in {left_s:,.0f} s"
        print(f"{options.name}: version {targets.version} of {targets.source}, {state}")
        Console().print(_table(venue, targets))
    return 0


def _table(venue: Venue, targets: Targets) -> Table:
    table = Table()
    table.add_column("symbol", style="bold")
    for column in ("position", "weight", "price"):
        table.add_column(column, justify="right")
    increments = {one.symbol: Decimal(one.price_increment) for one in venue.instruments}
    for symbol, one in targets.targets.items():
        weight = "-" if one.weight is None else f"{one.weight:.4f}"
        price = "-" if one.price is None else f"{one.price * increments[symbol]:,}"
        table.add_row(symbol, f"{one.position:+,}", weight, price)
    return table
