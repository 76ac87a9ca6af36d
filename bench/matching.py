"""`make bench-matching`: what a command costs in the matcher, beside the least that it could.

Two profiles of one order flow (`workload.py`) go through every path of `touchline-bench`, in turn
and several times; each time the path must come to the fills and the book that the flow's own book
came to. Prints a table and writes it to bench/results. bench/README.md says what the paths are.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from program import ask, built
from report import heading, machine
from rich.console import Console
from rich.table import Table
from workload import KINDS, PROFILES, Facts, write

_HERE = Path(__file__).resolve().parent
PATHS = {
    "floor": ("floor-book",),
    "bare": ("bare",),
    "full": ("full",),
    "full, one by one": ("full", "--batch", "1"),
}
"""What is measured, and the words that ask for it; the first is the floor."""

_ONE_BY_ONE = ("floor", "bare", "full, one by one")
"""Paths that have percentiles: in a batch no command has a time of its own."""

_LIVE = 10_000
_COUNTED = re.compile(r"Collected : (\d+)")


@dataclass
class Result:
    """One path with one profile; times in ns of a command."""

    profile: str
    path: str
    cpu_ns: list[float] = field(default_factory=list)
    """Of the matching thread, one value for each run."""
    wall_ns: list[float] = field(default_factory=list)
    quiet_ns: list[float] = field(default_factory=list)
    """Of the clock, in a tenth of each run: its fastest stretches."""
    beside_ns: list[float] = field(default_factory=list)
    """What another program took, of processor time, in the same runs; none without one."""
    times: dict[str, Any] = field(default_factory=dict)
    """Percentiles by kind, each with two looks at the clock in it; ``clock`` are these alone."""
    instructions: float | None = None
    """Of a command; none without Valgrind."""
    told: dict[str, Any] = field(default_factory=dict)
    """What the path said beside its times in the last run."""

    @property
    def median_ns(self) -> float:
        """Processor time of a command."""
        return statistics.median(self.cpu_ns)


def measure(
    binary: Path,
    flows: dict[str, Path],
    checksums: dict[str, str],
    runs: int,
    console: Console,
    beside: Path | None,
) -> dict[tuple[str, str], Result]:
    """Play every flow through every path, in turn, so often; then once for the percentiles.

    Another program plays before each path, so that the two have the same neighbours.
    """
    results = {(profile, path): Result(profile, path) for profile in flows for path in PATHS}
    for number in range(1, runs + 1):
        console.print(f"run {number} of {runs}", style="dim")
        for (profile, path), result in results.items():
            if beside is not None:
                other = ask(beside, str(flows[profile]), "tput")
                if other.get("checksum") != checksums[profile]:
                    raise RuntimeError(f"{beside} comes to other fills: {other.get('checksum')}")
                result.beside_ns.append(other["cpu_ns_per_op"])
            told = ask(binary, *PATHS[path], str(flows[profile]), "--mode", "tput")
            each = told.pop("each")
            result.cpu_ns.append(each["cpu_ns"])
            result.wall_ns.append(each["wall_ns"])
            result.quiet_ns.append(each["quiet_ns"])
            result.told = told
    for (profile, path), result in results.items():
        if path in _ONE_BY_ONE:
            told = ask(binary, *PATHS[path], str(flows[profile]), "--mode", "lat")
            result.times = told["times"]
    return results


def instructions(binary: Path, path: str, flow: Path, actions: int) -> float:
    """Instructions of a command, all that it calls included, as Callgrind counts them.

    Counted is what runs inside `timed_pass`, so neither preload nor the making of commands.
    """
    command = [
        *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
        *("--toggle-collect=*timed_pass*", str(binary), *PATHS[path], str(flow), "--mode", "count"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = _COUNTED.search(done.stderr)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"valgrind has counted nothing: {done.stderr.strip()[-400:]}")
    return int(found[1]) / actions


def table(results: dict[tuple[str, str], Result]) -> Table:
    """A line for each path of each profile."""
    drawn = Table(title="a command, processor time of the matching thread", title_justify="left")
    for name in ("profile", "path"):
        drawn.add_column(name)
    for name in _COLUMNS:
        drawn.add_column(name, justify="right")
    for result in results.values():
        drawn.add_row(result.profile, result.path, *_cells(result, results))
    return drawn


_COLUMNS = (
    *("median ns", "least to most", "x floor", "x other", "quiet ns", "quiet x", "instructions"),
    *("p50", "p99", "p99.9", "max"),
)
"""Quiet is the fastest tenth of the quietest run, for a path and for the floor: a neighbour on the
same core slows code that waits for nothing more than code that waits, as the floor does. The other
is a program that ran before each path, where one was given."""


def _cells(result: Result, results: dict[tuple[str, str], Result]) -> list[str]:
    floor = results[result.profile, "floor"]
    times = result.times.get("all", {})
    counted = result.instructions
    return [
        f"{result.median_ns:.1f}",
        f"{min(result.cpu_ns):.1f} to {max(result.cpu_ns):.1f}",
        f"{result.median_ns / floor.median_ns:.2f}",
        f"{result.median_ns / _other_ns(results)[result.profile]:.2f}" if result.beside_ns else "",
        f"{min(result.quiet_ns):.1f}",
        f"{min(result.quiet_ns) / min(floor.quiet_ns):.2f}",
        "not counted" if counted is None else f"{counted:,.0f}",
        *(f"{times[name]:,}" if times else "" for name in ("p50", "p99", "p99_9", "max")),
    ]


def _markdown(
    host: dict[str, Any], facts: list[Facts], results: dict[tuple[str, str], Result], runs: int
) -> str:
    lines = [
        *heading("make bench-matching", host),
        "",
        f"Median of {runs} runs in turn, processor time of the matching thread. Quiet is what a "
        "command took in the",
        "fastest tenth of the stretches of the quietest run, and so of the floor. Percentiles are "
        "of one more run",
        "with two looks at the clock around each command, which are in them.",
        *_other(results),
        "",
        f"| profile | path | {' | '.join(_COLUMNS)} |",
        f"|---|---|{'---:|' * len(_COLUMNS)}",
    ]
    for result in results.values():
        cells = " | ".join(_cells(result, results))
        lines.append(f"| {result.profile} | {result.path} | {cells} |")
    lines += ["", "p50 / p99 / p99.9 by kind, ns:", ""]
    lines += [f"| profile | path | {' | '.join(KINDS)} | clock |", f"|---|---|{'---:|' * 5}"]
    for result in results.values():
        if not result.times:
            continue
        cells = " | ".join(
            " / ".join(f"{result.times[kind][name]:,}" for name in ("p50", "p99", "p99_9"))
            for kind in (*KINDS, "clock")
        )
        lines.append(f"| {result.profile} | {result.path} | {cells} |")
    for one in facts:
        lines += ["", _flow(one)]
        lines += [_told(results[one.profile, path]) for path in _ONE_BY_ONE]
    return "\n".join(lines) + "\n"


def _other(results: dict[tuple[str, str], Result]) -> list[str]:
    medians = [f"{ns:.1f} ns ({profile})" for profile, ns in _other_ns(results).items()]
    if not medians:
        return []
    return ["", f"The other program, before each run of a path: {', '.join(medians)}, medians."]


def _other_ns(results: dict[tuple[str, str], Result]) -> dict[str, float]:
    """Processor time of the other program by profile: the median of all of its runs."""
    took: dict[str, list[float]] = {}
    for result in results.values():
        took.setdefault(result.profile, []).extend(result.beside_ns)
    return {profile: statistics.median(ns) for profile, ns in took.items() if ns}


def _flow(facts: Facts) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in facts.kinds.items())
    return (
        f"{facts.profile}, seed {facts.seed}: {kinds}; {facts.live_mean:,.0f} orders rest at "
        f"{facts.levels_mean:,.0f} prices;\n{facts.fills:,} fills of {facts.traded_qty:,} lots, "
        f"checksum {facts.checksum}, sha256 of the file\n{facts.sha256}. What the paths tell:\n"
    )


def _told(result: Result) -> str:
    told = result.told
    line = f"- {result.path.partition(',')[0]}: the same fills and the same book"
    if "reports" in told:
        line += (
            f"; {told['reports']['events']:,} events, {told['reports']['reports']:,} reports "
            f"drained; making a command {told['making']['cpu_ns']:.0f} ns, not in its time; state "
            f"hash {told['state_hash']}; went through all gates of their kind: "
            f"{', '.join(f'{count:,} {name}' for name, count in told['checked'].items())}; refused "
            f"afterwards, as is due: {', '.join(told['gates'])}"
        )
    return line


def _keep(
    folder: Path,
    host: dict[str, Any],
    facts: list[Facts],
    results: dict[tuple[str, str], Result],
    runs: int,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{host['date'][:10]}-{host['commit']}-matching"
    kept = {
        "machine": host,
        "flows": [asdict(one) for one in facts],
        "results": [
            asdict(result) | {"median_ns": result.median_ns} for result in results.values()
        ],
    }
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    path = folder / f"{name}.md"
    path.write_text(_markdown(host, facts, results, runs))
    return path


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=23, help="of the flow and of who sends it")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--actions", type=int, default=3_000_000)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of everything, to see that it works"
    )
    parser.add_argument(
        "--into", type=Path, default=_HERE / "results", help="folder of the results"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="PROGRAM",
        help="plays the flow before each path: PROGRAM FLOW tput prints JSON with checksum and "
        "cpu_ns_per_op",
    )
    options = parser.parse_args()
    beside = options.beside and options.beside.resolve()
    if beside and not beside.is_file():
        parser.error(f"--beside: there is no program {beside}")
    share = 10 if options.quick else 1
    runs, actions = max(1, options.runs // (3 if options.quick else 1)), options.actions // share
    counted = 200_000 // share
    console = Console(width=None if sys.stdout.isatty() else 150)
    binary = built()
    host = machine()
    with tempfile.TemporaryDirectory(prefix="touchline-bench-flow-") as folder:
        flows = {profile: Path(folder) / profile for profile in PROFILES}
        console.print(f"making {len(flows)} flows of {actions:,} actions", style="dim")
        facts = [
            write(path, profile, options.seed, actions, _LIVE) for profile, path in flows.items()
        ]
        checksums = {one.profile: one.checksum for one in facts}
        results = measure(binary, flows, checksums, runs, console, beside)
        if shutil.which("valgrind"):
            console.print("counting instructions", style="dim")
            for profile, path in flows.items():
                write(path, profile, options.seed, counted, _LIVE)
            for result in results.values():
                flow = flows[result.profile]
                result.instructions = instructions(binary, result.path, flow, counted)
        else:
            console.print("Valgrind is not there: instructions are not counted")
    console.print(table(results))
    console.print(f"written to {_keep(options.into, host, facts, results, runs)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
