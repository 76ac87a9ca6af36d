"""`make bench`: every part of the venue measured in one run, beside floors and peers.

Prints a table of distributions and writes it to bench/results with machine, kernel and commit.
bench/README.md says what is measured how, and what two shared processors can show.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from parts import FIX_RATES, Row, fix, floors, jitter, matcher, ring, tick_to_trade
from program import built
from report import machine, table, write
from rich.console import Console

_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of everything, to see that it works"
    )
    parser.add_argument(
        "--into", type=Path, default=_HERE / "results", help="folder of the results"
    )
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        print("bench: a hop between processors needs two of them", file=sys.stderr)
        return 1
    console = Console(width=None if sys.stdout.isatty() else 150)
    binary, share = built(), 10 if options.quick else 1
    host = machine()
    taken = jitter()
    with tempfile.TemporaryDirectory(prefix="touchline-bench-disk-") as folder:
        rows = floors(binary, Path(folder))
    steps: dict[str, Callable[[], list[Row]]] = {
        "matcher": lambda: matcher(binary, 4_000_000 // share),
        "ring": lambda: ring(binary, 200_000 // share),
    }
    for durability in ("async", "sync"):
        for rate in FIX_RATES:
            steps[f"FIX, {durability}, {rate} orders a second"] = (
                lambda durability=durability, rate=rate: fix(
                    binary, durability, rate, max(10 // share, 1)
                )
            )
    for wait in ("park", "spin"):
        steps[f"tick to trade, {wait}"] = lambda wait=wait: tick_to_trade(wait, 20 / share)
    for number, (name, step) in enumerate(steps.items(), 1):
        console.print(f"{number} of {len(steps)}: {name}", style="dim")
        rows += step()
    console.print(table(rows))
    for row in rows:
        if row.note:
            console.print(f"{row.part}, {row.what}: {row.note}")
    for cpu, told in taken.items():
        console.print(f"taken from a spinning thread, {cpu}: {told}")
    console.print(f"written to {write(options.into, host, taken, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
