"""`touchline doctor`: what this host does to a venue, and what to do about it.

Reads and measures; changes nothing, but for a file in the data directory, which is removed again.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from touchline.core import Venue
from touchline.tuning import measured, memory, network, processors, venue_needs
from touchline.tuning.clock import clock_state, clock_synchronisation
from touchline.tuning.finding import Finding, Verdict
from touchline.tuning.host import Host

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_doctor", "examine", "settings"]

_STYLES = {
    Verdict.GOOD: "green",
    Verdict.BETTER: "yellow",
    Verdict.BAD: "bold red",
    Verdict.UNKNOWN: "dim",
}


def add_doctor(commands: Subparsers) -> None:
    """Add `touchline doctor`."""
    parser = commands.add_parser(
        "doctor",
        help="look at this host as a venue would",
        description="Looks at this host as the operator of a low-latency venue would, and says for "
        "each finding how good it is (good, could be better, bad, cannot tell), what it means for "
        "the venue and what to do. Reads settings, then measures: a spin of half a second on each "
        "core, the way between cores, stolen time, and the disk (4 KiB written and synced 200 "
        "times; the file is removed). Changes nothing. Exit code 0 if nothing is bad, 1 if "
        "something is. docs/tuning.md has a row for each finding.",
    )
    parser.add_argument(
        "--venue",
        type=Path,
        metavar="VENUE",
        help="check against this venue's configuration, too: cores, folders, memory, users; "
        "measures the disk of its data_dir",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="measure the disk of this folder (default: the venue's data_dir)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure nothing; takes less than a second"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object instead of tables: findings, counts"
    )
    parser.set_defaults(run=_run)


def settings(host: Host) -> list[Finding]:
    """What the settings of a host are, without a measurement."""
    checks = (*processors.CHECKS, *memory.CHECKS, *network.CHECKS)
    return [check(host) for check in checks]


def examine(
    host: Host, venue: Venue | None = None, folder: Path | None = None, *, is_quick: bool = False
) -> list[Finding]:
    """Everything about the host that runs this.

    Parameters
    ----------
    host : Host
        The real one: what is measured is always measured here.
    venue : Venue or None
        Check against this venue, too.
    folder : Path or None
        Measure the disk of this folder, else of the venue's ``data_dir``.
    is_quick : bool
        Measure nothing.
    """
    findings = [*settings(host), clock_synchronisation(clock_state())]
    if is_quick:
        findings.append(measured.stolen_time(None, measured.cpu_times(host)))
    else:
        cpus = sorted(os.sched_getaffinity(0) | (host.isolated() or frozenset()))
        before = measured.cpu_times(host)
        findings += measured.measure_jitter(cpus)
        findings.append(measured.measure_between_cores(cpus))
        findings.append(measured.stolen_time(before, measured.cpu_times(host)))
        place = folder if folder is not None or venue is None else venue.data_dir
        findings.append(measured.measure_sync(place, host))
    if venue is not None:
        findings += [check(host, venue) for check in venue_needs.CHECKS]
    return findings


def _run(options: argparse.Namespace) -> int:
    venue = None if options.venue is None else _resolved(Venue.load(options.venue))
    findings = examine(Host(), venue, options.data_dir, is_quick=options.quick)
    counts = Counter(finding.verdict for finding in findings)
    if options.json:
        told = {
            "findings": [asdict(finding) for finding in findings],
            "counts": {verdict: counts[verdict] for verdict in Verdict},
        }
        print(json.dumps(told))
    else:
        _print(Console(), findings)
    return 1 if counts[Verdict.BAD] else 0


def _resolved(venue: Venue) -> Venue:
    """The venue with folders as the kernel finds them: without links and dots."""
    return replace(venue, run_dir=venue.run_dir.resolve(), data_dir=venue.data_dir.resolve())


def _print(console: Console, findings: Sequence[Finding]) -> None:
    """What was found, in the order of the checks; then what to do, the worst first."""
    found = Table(title="what was found", title_justify="left")
    found.add_column("finding", style="bold", overflow="fold")
    found.add_column("verdict", no_wrap=True)
    found.add_column("read", overflow="fold")
    for finding in findings:
        word = Text(finding.verdict, _STYLES[finding.verdict])
        found.add_row(Text(finding.name), word, Text(finding.read))
    todo = Table(title="what to do", title_justify="left", show_lines=True)
    todo.add_column("finding", style="bold", overflow="fold")
    todo.add_column("what it means", overflow="fold", ratio=2)
    todo.add_column("what to do", overflow="fold", ratio=3)
    for verdict in (Verdict.BAD, Verdict.BETTER, Verdict.UNKNOWN):
        for finding in findings:
            if finding.verdict is verdict:
                name = Text(finding.name, _STYLES[verdict])
                todo.add_row(name, Text(finding.meaning), Text(finding.advice))
    console.print(found)
    if todo.row_count:
        console.print(todo)
    counts = Counter(finding.verdict for finding in findings)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict))
