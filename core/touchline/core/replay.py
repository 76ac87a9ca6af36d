"""`touchline replay` and `touchline simulate`: order flow through real FIX sessions.

The flow is played by the program ``touchline-members``, which says how far it is as JSON objects,
one a line; here they become a progress bar and a summary.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from touchline.core._commands import venue_argument
from touchline.core.errors import ProgramError
from touchline.core.programs import program

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = [
    "Members",
    "add_replay",
    "add_simulate",
    "is_sound",
    "latency_row",
    "members_arguments",
    "summary_table",
]


class Members:
    """Simulated members at work: a running ``touchline-members``.

    Iterate over it for what it says: a dict for each progress, a last one for the summary.

    Parameters
    ----------
    arguments : list of str
        Command line behind the program's name.

    Raises
    ------
    ProgramError
        While iterating, if the program fails; it holds what the program said.
    """

    def __init__(self, arguments: list[str]) -> None:
        self._process = subprocess.Popen(
            [program("touchline-members"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return self._process.pid

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        for line in self._process.stdout:
            yield json.loads(line)
        errors = self._process.stderr.read().strip()
        if self._process.wait() != 0:
            raise ProgramError(errors or f"touchline-members ended with {self._process.returncode}")

    def close(self) -> None:
        """End the program, if it runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def add_replay(commands: Subparsers) -> None:
    """Add `touchline replay`."""
    parser = commands.add_parser(
        "replay",
        help="play a recorded day through FIX sessions of simulated members",
        description="Plays a recorded day into a running venue, through a real FIX session for "
        "each of its members: Databento DBN market by order (MBO), Nasdaq TotalView-ITCH 5.0, or "
        "Bitstamp's orders as CSV; plain or compressed (gzip, xz, Zstandard). docs/recordings.md "
        "says what is read of each format, and what the venue's [[instrument]] must be. "
        "--as book sends every book change of the file as a new order, replace or cancel; "
        "--as market (DBN only) sends trades as marketable orders of an aggressing member (the "
        "last session of the configuration), and classes, counts and repairs what the exchange "
        "did otherwise. "
        "At every event end the book of the multicast feed is compared with the file's, in every "
        "level, quantity and order count. Exit code 0 if all were equal.",
    )
    venue_argument(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="the recording")
    parser.add_argument(
        "--as",
        dest="mode",
        choices=["book", "market"],
        default="book",
        help="how the records are sent (default: book)",
    )
    parser.add_argument(
        "--format",
        choices=["dbn", "itch", "bitstamp"],
        help="what the recording is (default: recognised by its content)",
    )
    parser.add_argument(
        "--ticker",
        help="what the recording calls the instrument, where it has several (ITCH; default: as "
        "--symbol, else the only one that has orders)",
    )
    parser.add_argument(
        "--no-verify",
        action="store_true",
        help="do not compare books at event ends; orders then need not wait for the feed",
    )
    parser.add_argument(
        "--open",
        metavar="HH:MM",
        help="time of day at which the recorded market opens, UTC (ITCH: the exchange's own time); "
        "before it the venue is in its call phase (default: DBN 23:00, CME in winter; ITCH and "
        "Bitstamp stay in the call phase, because orders in them may cross)",
    )
    _playing(parser)
    parser.set_defaults(run=_replay)


def add_simulate(commands: Subparsers) -> None:
    """Add `touchline simulate`."""
    parser = commands.add_parser(
        "simulate",
        help="play synthetic order flow through FIX sessions of simulated members",
        description="Plays a seeded synthetic flow (arrivals, sizes, cancels, replaces, sweeps), "
        "calibrated on a real day of the ES future, into a running venue. The same seed draws the "
        "same flow.",
    )
    venue_argument(parser)
    parser.add_argument("--seed", type=int, default=1, help="decides what is drawn (default: 1)")
    parser.add_argument("--commands", type=int, metavar="N", help="end after so many commands")
    parser.add_argument(
        "--instruments",
        type=int,
        default=1,
        metavar="N",
        help="play on N instruments, each from the middle of its prices on (default: 1)",
    )
    parser.add_argument(
        "--unordered",
        action="store_true",
        help="sessions do not wait for each other's answers: faster, but two runs of a seed differ",
    )
    parser.add_argument(
        "--parameters",
        type=Path,
        metavar="FILE",
        help="TOML of parameters, as --calibrate prints it (default: those of a real ES day)",
    )
    parser.add_argument(
        "--calibrate",
        type=Path,
        metavar="RECORDING",
        help="play nothing: measure a recording and print the parameters",
    )
    _playing(parser)
    parser.set_defaults(run=_simulate)


def _playing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speed",
        default="max",
        metavar="FACTOR",
        help='speed factor, such as 1 or 60, or "max": as fast as the venue takes it (default)',
    )
    parser.add_argument(
        "--max-idle", type=float, metavar="SECONDS", help="longest idle time that is sat through"
    )
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="end after so many seconds")
    parser.add_argument(
        "--window",
        type=int,
        default=64,
        metavar="N",
        help="requests of one session that may be unanswered (default: 64)",
    )
    parser.add_argument("--symbol", help="the (first) instrument to play on (default: the first)")
    parser.add_argument(
        "--members",
        metavar="NAME,...",
        help="members whose FIX sessions are played (default: all of the venue)",
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="TAPE",
        help="without a running venue: play into a matcher, as fast as it goes, and write its "
        "public records to this file (docs/models.md); --speed, --max-idle, --limit, --window and "
        "--members then have no meaning",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as a JSON object")


def members_arguments(
    config: Path,
    speed: str = "max",
    max_idle: float | None = None,
    limit: float | None = None,
    window: int = 64,
    symbol: str | None = None,
    members: str | None = None,
) -> list[str]:
    """The options of ``touchline-members`` that every flow has."""
    arguments = ["--config", str(config), "--speed", speed, "--window", str(window)]
    chosen = {"--max-idle": max_idle, "--limit": limit, "--symbol": symbol, "--members": members}
    for name, value in chosen.items():
        if value is not None:
            arguments += [name, str(value)]
    return arguments


def _options(options: argparse.Namespace) -> list[str]:
    if options.into is not None:
        arguments = ["--config", str(options.venue.absolute()), "--into", str(options.into)]
        return arguments + ([] if options.symbol is None else ["--symbol", options.symbol])
    return members_arguments(
        options.venue.absolute(),
        options.speed,
        options.max_idle,
        options.limit,
        options.window,
        options.symbol,
        options.members,
    )


def _replay(options: argparse.Namespace) -> int:
    arguments = ["replay", str(options.file), "--as", options.mode]
    chosen = {"--format": options.format, "--ticker": options.ticker, "--open": options.open}
    for name, value in chosen.items():
        if value is not None:
            arguments += [name, value]
    if options.no_verify:
        arguments.append("--no-verify")
    return _play(arguments + _options(options), options.json)


def _simulate(options: argparse.Namespace) -> int:
    if options.calibrate is not None:
        done = subprocess.run(
            [program("touchline-members"), "calibrate", options.calibrate], check=False
        )
        return done.returncode
    arguments = ["simulate", "--seed", str(options.seed), "--instruments", str(options.instruments)]
    if options.commands is not None:
        arguments += ["--commands", str(options.commands)]
    if options.unordered:
        arguments.append("--unordered")
    if options.parameters is not None:
        arguments += ["--parameters", str(options.parameters)]
    return _play(arguments + _options(options), options.json)


def _play(arguments: list[str], as_json: bool) -> int:
    console = Console(stderr=as_json)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} orders/s"),
        TimeElapsedColumn(),
        console=console,
    )
    members = Members(arguments)
    summary: dict[str, Any] = {}
    try:
        with bar:
            task = bar.add_task("events", total=None, rate=0.0)
            for told in members:
                summary = told
                sent = told["new_orders"] + told["replaces"] + told["cancels"]
                bar.update(
                    task,
                    total=told["events_total"],
                    completed=told["events"],
                    rate=sent / max(told["seconds"], 1e-9),
                )
    finally:
        members.close()
    if as_json:
        print(json.dumps(summary))
    else:
        console.print(summary_table(summary))
    return 0 if is_sound(summary) else 1


def is_sound(summary: dict[str, Any]) -> bool:
    """True if a run held what it must: equal books, and nothing waited for in vain.

    Parameters
    ----------
    summary : dict
        The last object that ``touchline-members`` said.
    """
    return bool(
        summary.get("type") == "summary"
        and summary["compared"] == summary["equal"]
        and summary["timeouts"] == 0
    )


def latency_row(name: str, told: dict[str, Any]) -> tuple[str, ...]:
    """Percentiles, told in nanoseconds, as a row in microseconds."""
    percentiles = (told.get(key, 0) / 1_000 for key in ("p50", "p99", "p99_9", "max"))
    return (name, *(f"{value:,.1f}" for value in percentiles))


def summary_table(summary: dict[str, Any]) -> Table:
    """The end of a run as a table of names and values."""
    table = Table(title="order flow", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name in ("new_orders", "replaces", "cancels", "answered", "executions"):
        table.add_row(name.replace("_", " "), f"{summary[name]:,}")
    for reason, count in (summary["refused"] or {"none": 0}).items():
        table.add_row(f"refused: {reason}", f"{count:,}")
    flow = summary["flow"]
    if flow["as"] == "market":
        share = flow["exact_per_10_000"] / 100
        table.add_row("fills that the exchange reported", f"{flow['reported_fills']:,}")
        table.add_row("hit exactly the same order and quantity", f"{share:.2f} %")
        for label, count in flow["classes"].items():
            table.add_row(f"  {label}", f"{count:,}")
        table.add_row("  fills of ours that it did not report", f"{flow['extra']:,}")
        table.add_row("repairs", f"{flow['repairs']:,}")
    recording = summary.get("recording") or {"counts": []}
    for name, count in recording["counts"]:
        table.add_row(f"recording: {name}", f"{count:,}")
    if summary["compared"]:
        equal, compared = summary["equal"], summary["compared"]
        table.add_row("books equal at event ends", f"{equal:,} of {compared:,}")
    if summary["first_difference"]:
        table.add_row("first difference", summary["first_difference"])
    table.add_row("connections lost", f"{summary['disconnects']:,}")
    _, p50, p99, p99_9, top = latency_row("", summary["round_trip_ns"])
    name = "from the time an order was due to its answer, us"
    table.add_row(name, f"p50 {p50}, p99 {p99}, p99.9 {p99_9}, max {top}")
    table.add_row("seconds", f"{summary['seconds']:.1f}")
    return table
