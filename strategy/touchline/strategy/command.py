"""`touchline strategy`: run a strategy of your own beside the matcher."""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_strategy"]


def add_strategy(commands: Subparsers) -> None:
    """Add `touchline strategy`."""
    parser = commands.add_parser(
        "strategy",
        help="run a strategy beside the matcher",
        description="Connects a strategy to the engine of a running venue, over shared memory, and "
        "runs it until it is interrupted (Ctrl-C, SIGTERM), stops by itself, or the engine is "
        "gone; then the engine cancels its open orders. Prints what it did. Exit codes: 0 stopped; "
        "1 refused, or a callback failed; 75 the engine is gone. docs/strategies.md says how a "
        "strategy is written.",
    )
    parser.add_argument("venue", type=Path, metavar="VENUE", help="the venue's configuration")
    parser.add_argument("name", metavar="NAME", help="name of the [[strategy]] there")
    parser.add_argument(
        "strategy",
        metavar="MODULE:CLASS",
        help="the strategy: a module to import or a .py file, and the class in it",
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the strategy; as often as there are parameters to give",
    )
    parser.add_argument(
        "--wait",
        choices=["park", "spin"],
        default="park",
        help="what to do while nothing happens: sleep, or keep a processor busy looking "
        "(default: park)",
    )
    parser.add_argument("--cpu", type=int, metavar="N", help="stay on this processor")
    parser.add_argument(
        "--reconnect",
        action="store_true",
        help="wait for the engine, and connect again when it is gone, with a fresh state",
    )
    parser.add_argument("--limit", type=_seconds, metavar="SECONDS", help="stop after so long")
    parser.set_defaults(run=_run)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(text)
    return seconds


def _run(options: argparse.Namespace) -> int:
    # Imported here, for other commands have no use for it.
    from touchline.strategy.parameters import split
    from touchline.strategy.runner import Options, Runner, load

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    runner = Runner(
        options.venue,
        options.name,
        load(options.strategy),
        split(options.param),
        Options(options.wait == "spin", options.cpu, options.reconnect, options.limit),
    )
    return runner.run()
