"""The subcommands that belong to core, but for `up`: check, status, phase, kill, resume, limits."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from touchline.core import admin
from touchline.core.programs import program
from touchline.core.venue import Venue

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = [
    "add_check",
    "add_kill",
    "add_limits",
    "add_phase",
    "add_resume",
    "add_status",
    "venue_argument",
]


def venue_argument(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument that every command about a venue has: its configuration."""
    parser.add_argument(
        "venue",
        nargs="?",
        type=Path,
        default=Path("venue.toml"),
        metavar="VENUE",
        help="the venue's configuration (default: venue.toml)",
    )


def add_check(commands: Subparsers) -> None:
    """Add `touchline check`."""
    parser = commands.add_parser(
        "check",
        help="check a configuration; starts nothing",
        description="Reads a venue's configuration and names everything that is wrong with it, "
        "each fault with its place. Starts nothing. Exit code 0 if the venue can start.",
    )
    venue_argument(parser)
    parser.set_defaults(run=_check)


def add_status(commands: Subparsers) -> None:
    """Add `touchline status`."""
    parser = commands.add_parser(
        "status",
        help="ask a running venue how it is",
        description="Asks the engine of a running venue through its admin socket: sequence, state, "
        "phases, latencies. With --all also the figures that gateway and publisher write once a "
        "second.",
    )
    venue_argument(parser)
    parser.add_argument("--all", action="store_true", help="the gateway's and publisher's, too")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.set_defaults(run=_status)


def add_phase(commands: Subparsers) -> None:
    """Add `touchline phase`."""
    parser = commands.add_parser(
        "phase",
        help="move an instrument to another phase",
        description="Moves one instrument, or all, of a running venue to another phase. call: "
        "orders rest, nothing matches. continuous: orders match as they arrive; entered from call "
        "it begins with an uncross. halt: orders may be cancelled, nothing else. closed: the end "
        "of the day. The change is a sequenced command like every other.",
    )
    venue_argument(parser)
    parser.add_argument("symbol", metavar="SYMBOL", help="Symbol(55) of the instrument, or `all`")
    parser.add_argument(
        "phase", choices=admin.PHASES, metavar="PHASE", help=", ".join(admin.PHASES)
    )
    parser.set_defaults(run=_phase)


def add_kill(commands: Subparsers) -> None:
    """Add `touchline kill`."""
    parser = commands.add_parser(
        "kill",
        help="block order entry and cancel what is open",
        description="Refuses new orders and replaces of a session, of all sessions of a member, of "
        "all members of a firm, or of everybody, and cancels their open orders. Cancels and status "
        "requests stay admitted. "
        "Both are sequenced commands; the block outlives a restart. `touchline status` shows who "
        "is blocked, `touchline resume` takes a block back.",
    )
    venue_argument(parser)
    _scope_arguments(parser)
    parser.set_defaults(run=_kill)


def add_resume(commands: Subparsers) -> None:
    """Add `touchline resume`."""
    parser = commands.add_parser(
        "resume",
        help="take a kill back",
        description="Admits new orders again. Takes back exactly the block that it names: a "
        "session stays blocked while its member or the venue is.",
    )
    venue_argument(parser)
    _scope_arguments(parser)
    parser.set_defaults(run=_resume)


def add_limits(commands: Subparsers) -> None:
    """Add `touchline limits`."""
    parser = commands.add_parser(
        "limits",
        help="limit a session's orders, position and rate",
        description="Limits what a session may do, in the place of its earlier limits: what is not "
        "named is not limited. Orders and replaces beyond a limit are refused; cancels and status "
        "requests never are. A sequenced command like every other; limits outlive a restart. "
        "`touchline status` shows them.",
    )
    venue_argument(parser)
    parser.add_argument("--session", metavar="COMP_ID", required=True, help="whose limits")
    parser.add_argument("--order-qty", type=int, metavar="N", help="largest order, lots")
    parser.add_argument(
        "--position",
        type=int,
        metavar="N",
        help="largest position of an instrument, bought or sold, lots; all open orders of a side "
        "count as if they executed",
    )
    parser.add_argument(
        "--rate", type=int, metavar="N", help="new orders and replaces a second; with --burst"
    )
    parser.add_argument("--burst", type=int, metavar="N", help="how many of them at once")
    parser.add_argument("--none", action="store_true", help="take the limits away")
    parser.set_defaults(run=_limits, usage_error=parser.error)


def _scope_arguments(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group(required=True)
    scope.add_argument("--session", metavar="COMP_ID", help="one session")
    scope.add_argument("--member", metavar="NAME", help="all sessions of a member")
    scope.add_argument("--firm", type=int, metavar="N", help="all members of a firm")
    scope.add_argument("--all", action="store_true", help="everybody")


def _check(options: argparse.Namespace) -> int:
    """The program has the last word: what it refuses, `up` cannot start."""
    return subprocess.run(
        [program("touchline-venue"), "--check", options.venue], check=False
    ).returncode


def _status(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    told = {"engine": _without_ok(admin.status(venue))}
    for agent in ("gateway", "publisher") if options.all else ():
        figures = _figures(venue.run_files[f"{agent}_stats"])
        if figures is not None:
            told[agent] = figures
    if options.json:
        print(json.dumps(told))
        return 0
    console = Console()
    for title, figures in told.items():
        for table in tables(f"{venue.name}: {title}", figures):
            console.print(table)
    return 0


def _phase(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    answer = admin.set_phase(venue, options.symbol, options.phase)
    seq = f" at seq {answer['seq']}" if "seq" in answer else ""
    print(f"{venue.name}: {options.symbol} is now {options.phase}{seq}")
    return 0


def _kill(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    answer = admin.kill(venue, session=options.session, member=options.member, firm=options.firm)
    print(
        f"{venue.name}: {_scope_name(options)} may enter no orders; "
        f"{answer['canceled_orders']} open orders cancelled, seq {answer['seq']}"
    )
    return 0


def _resume(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    answer = admin.resume(venue, session=options.session, member=options.member, firm=options.firm)
    print(f"{venue.name}: the block of {_scope_name(options)} is gone, seq {answer['seq']}")
    return 0


def _limits(options: argparse.Namespace) -> int:
    named = {
        "order_qty": options.order_qty,
        "position": options.position,
        "rate_per_s": options.rate,
        "burst": options.burst,
    }
    limits = {name: value for name, value in named.items() if value is not None}
    if options.none == bool(limits):
        options.usage_error("give at least one limit, or --none alone")
    venue = Venue.load(options.venue)
    answer = admin.set_limits(venue, options.session, **limits)
    says = ", ".join(f"{name} {value}" for name, value in limits.items() if value) or "none"
    print(f"{venue.name}: limits of session {options.session}: {says}, seq {answer['seq']}")
    return 0


def _scope_name(options: argparse.Namespace) -> str:
    if options.session is not None:
        return f"session {options.session}"
    if options.firm is not None:
        return f"firm {options.firm}"
    return f"member {options.member}" if options.member is not None else "everybody"


def _without_ok(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ok"}


def _figures(path: Path) -> dict[str, Any] | None:
    """The figures that an agent wrote; None before its first second."""
    try:
        figures: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return figures


def tables(title: str, told: dict[str, Any]) -> list[Table]:
    """Any JSON object as tables.

    Plain values stand in the first, those of an object inside it with both names; each list of
    objects, and each object of objects, has one more table.
    """
    plain = Table(title=title, title_justify="left", show_header=False)
    plain.add_column(style="bold")
    plain.add_column(justify="right")
    more: list[Table] = []
    _fill(plain, more, title, "", told)
    return ([plain] if plain.row_count else []) + more


def _fill(plain: Table, more: list[Table], title: str, prefix: str, told: dict[str, Any]) -> None:
    for name, value in told.items():
        label = f"{prefix} {name}".strip().replace("_", " ")
        rows = list(value.values()) if isinstance(value, dict) else value
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            names: list[str] = list(value) if isinstance(value, dict) else [""] * len(rows)
            more.append(_rows(f"{title}: {label}", names, rows))
        elif isinstance(value, dict):
            _fill(plain, more, title, label, value)
        else:
            plain.add_row(label, _text(value))


def _rows(title: str, names: list[str], rows: list[dict[str, Any]]) -> Table:
    """One row for each object; its name stands first where it has one."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = Table(title=title, title_justify="left")
    if any(names):
        table.add_column(style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, row in zip(names, rows, strict=True):
        cells = [_text(row.get(column, "")) for column in columns]
        table.add_row(*([name.replace("_", " ")] if any(names) else []), *cells)
    return table


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items()) or "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
