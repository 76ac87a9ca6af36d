"""`make bench-growth`: what a command costs in the matcher as its books grow.

From 1,000 to 10 million open orders of one instrument, and 10,000 open orders spread over 1 to
100,000 instruments; each size several times, in turn. Prints a table, writes it to bench/results
and draws it there. bench/README.md says what the flow is.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from program import ask, built
from report import heading, machine
from rich.console import Console
from rich.table import Table

_HERE = Path(__file__).resolve().parent
_LIVE = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_INSTRUMENTS = (1, 10, 100, 1_000, 10_000, 100_000)
_AT = 10_000
"""Open orders of the second series, and of the size that others are compared with in the first."""

_LEVELS = {"orders": 500, "instruments": 8}
"""Prices on a side, of each series."""

_BYTES_PER_ORDER = 400
"""Enough for an open order: in the matcher, with its ClOrdID, and in the flow."""


@dataclass
class Point:
    """One size, and what a command cost there."""

    series: str
    """``orders`` or ``instruments``: what grows."""
    live: int
    instruments: int
    cpu_ns: list[float] = field(default_factory=list)
    """Processor time of a command, one value for each run."""
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How much there is of what grows."""
        return self.live if self.series == "orders" else self.instruments

    @property
    def median_ns(self) -> float:
        """Processor time of a command."""
        return statistics.median(self.cpu_ns)


def measure(binary: Path, points: list[Point], runs: int, commands: int, console: Console) -> None:
    """Let every point run, in turn, so often."""
    for number in range(1, runs + 1):
        console.print(f"run {number} of {runs}", style="dim")
        for point in points:
            told = ask(
                binary,
                "growth",
                *("--live", str(point.live), "--instruments", str(point.instruments)),
                *("--levels", str(_LEVELS[point.series]), "--commands", str(commands)),
            )
            point.cpu_ns.append(told.pop("each")["cpu_ns"])
            point.told = told


_COLUMNS = (
    "open orders",
    "instruments",
    "median ns",
    "least to most",
    "x that of the base",
    "bytes for one more open order",
    "MB at rest",
    "MB in all",
)


def _cells(point: Point, points: list[Point]) -> list[str]:
    base = next(one for one in points if one.series == point.series and one.live == _AT)
    return [
        f"{point.live:,}",
        f"{point.instruments:,}",
        f"{point.median_ns:.0f}",
        f"{min(point.cpu_ns):.0f} to {max(point.cpu_ns):.0f}",
        f"{point.median_ns / base.median_ns:.2f}",
        f"{point.told['bytes_per_live_order']:.0f}",
        f"{point.told['bytes_at_rest'] / 1e6:.2f}",
        f"{point.told['bytes'] / 1e6:,.0f}",
    ]


def chart(points: list[Point]) -> str:
    """Both series side by side: size on a logarithmic axis, ns of a command on a linear one."""
    top = max(max(point.cpu_ns) for point in points)
    step = 10 ** math.floor(math.log10(top))
    step = step if top / step >= 4 else step // 4
    top = math.ceil(top / step) * step
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="860" height="330" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="860" height="330" fill="white"/>',
    ]
    for left, series, title in (
        (60, "orders", "open orders, one instrument"),
        (480, "instruments", f"instruments, {_AT:,} open orders"),
    ):
        shown = [point for point in points if point.series == series]
        parts += _panel(left, title, shown, top, step)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: int, title: str, points: list[Point], top: float, step: float) -> list[str]:
    width, high, low = 340, 40, 270
    first, last = math.log10(points[0].size), math.log10(points[-1].size)

    def across(size: float) -> float:
        return left + width * (math.log10(size) - first) / max(last - first, 1e-9)

    def up(ns: float) -> float:
        return low - (low - high) * ns / top

    parts = [f'<text x="{left}" y="22" font-weight="bold">ns a command by {title}</text>']
    for tick in range(int(top / step) + 1):
        at = up(tick * step)
        parts += [
            f'<path d="M{left} {at:.1f}h{width}" stroke="#ddd"/>',
            f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{tick * step:,.0f}</text>',
        ]
    line = " ".join(f"{across(one.size):.1f},{up(one.median_ns):.1f}" for one in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    for one in points:
        at = across(one.size)
        parts += [
            f'<path d="M{at:.1f} {up(min(one.cpu_ns)):.1f}V{up(max(one.cpu_ns)):.1f}" '
            'stroke="#1f5fa8"/>',
            f'<circle cx="{at:.1f}" cy="{up(one.median_ns):.1f}" r="3.5" fill="#1f5fa8"/>',
            f'<text x="{at:.1f}" y="{low + 18}" text-anchor="middle">{one.size:,}</text>',
        ]
    note = "median of all runs, and from the least to the most"
    return [*parts, f'<text x="{left}" y="{low + 40}" fill="#666">{note}</text>']


def _fits(live: int) -> bool:
    text = Path("/proc/meminfo").read_text()
    available = next(line for line in text.splitlines() if line.startswith("MemAvailable:"))
    return live * _BYTES_PER_ORDER < int(available.split()[1]) * 1024 * 0.8


def _keep(folder: Path, host: dict[str, Any], points: list[Point]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{host['date'][:10]}-{host['commit']}-growth"
    kept = {
        "machine": host,
        "points": [asdict(point) | {"median_ns": point.median_ns} for point in points],
    }
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    (folder / f"{name}.svg").write_text(chart(points))
    lines = [
        *heading("make bench-growth", host),
        "",
        f"Median of {len(points[0].cpu_ns)} runs in turn, processor time of the thread. Compared "
        "is with",
        f"{_AT:,} open orders of one instrument in the same series: {_LEVELS['orders']} prices "
        "on a side where",
        f"orders grow, {_LEVELS['instruments']} where instruments do.",
        "",
        f"![ns a command]({name}.svg)",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{'---:|' * len(_COLUMNS)}",
        *(f"| {' | '.join(_cells(point, points))} |" for point in points),
    ]
    path = folder / f"{name}.md"
    path.write_text("\n".join(lines) + "\n")
    return path


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--commands", type=int, default=1_000_000, help="timed at each size")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, a few commands, to see that it works"
    )
    parser.add_argument(
        "--into", type=Path, default=_HERE / "results", help="folder of the results"
    )
    options = parser.parse_args()
    runs, commands = (2, 50_000) if options.quick else (options.runs, options.commands)
    most = 100_000 if options.quick else _LIVE[-1]
    console = Console(width=None if sys.stdout.isatty() else 150)
    sizes = [live for live in _LIVE if live <= most]
    for live in [live for live in sizes if not _fits(live)]:
        console.print(f"{live:,} open orders do not fit into the memory that is free: left out")
        sizes.remove(live)
    points = [Point("orders", live, 1) for live in sizes]
    points += [Point("instruments", _AT, count) for count in _INSTRUMENTS if count <= most]
    binary = built()
    host = machine()
    measure(binary, points, runs, commands, console)
    drawn = Table(title="a command, processor time", title_justify="left")
    for name in _COLUMNS:
        drawn.add_column(name, justify="right")
    for point in points:
        drawn.add_row(*_cells(point, points))
    console.print(drawn)
    console.print(f"written to {_keep(options.into, host, points)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
