"""The table that is printed, and the files that are kept."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    # It needs the programs of the venue, which not every benchmark does.
    from parts import Row

__all__ = ["heading", "machine", "table", "write"]

_ROOT = Path(__file__).resolve().parent.parent
_COLUMNS = ("p50", "p99", "p99_9", "max")


def machine() -> dict[str, Any]:
    """What the figures are of: processor, kernel, commit, and what else ran."""
    told = subprocess.run(["lscpu", "--json"], capture_output=True, text=True, check=True).stdout
    cpu = {row["field"].rstrip(":"): row["data"] for row in json.loads(told)["lscpu"]}
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_files": len(_git("status", "--porcelain", "--untracked-files=no").splitlines()),
        "cpu": cpu.get("Model name", platform.machine()),
        "processors": os.cpu_count(),
        "hypervisor": cpu.get("Hypervisor vendor", "none seen"),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def table(rows: list[Row]) -> Table:
    """Every row, in the order of its part, us."""
    drawn = Table(title="us", title_justify="left")
    drawn.add_column("part", style="bold")
    drawn.add_column("what")
    drawn.add_column("", style="dim")
    for name in (*_COLUMNS, "count"):
        drawn.add_column(name.replace("_", "."), justify="right")
    last = ""
    for row in _ordered(rows):
        drawn.add_row(row.part if row.part != last else "", row.what, row.kind, *_cells(row))
        last = row.part
    return drawn


def _ordered(rows: list[Row]) -> list[Row]:
    parts = list(dict.fromkeys(row.part for row in rows))
    return sorted(rows, key=lambda row: parts.index(row.part))


def _cells(row: Row) -> list[str]:
    def cell(name: str) -> str:
        ns = row.ns[name]
        return "" if ns is None else f"{ns / 1e3:,.{3 if ns < 10_000 else 1}f}"

    return [*map(cell, _COLUMNS), f"{row.ns['count']:,}"]


def heading(command: str, host: dict[str, Any]) -> list[str]:
    """What a kept table begins with: what was run, when and on what."""
    changed = host["changed_files"]
    return [
        f"# `{command}`, {host['date']}, commit {host['commit']}"
        + (f" and {changed} changed files" if changed else ""),
        "",
        f"{host['cpu']}, {host['processors']} processors ({host['hypervisor']}), {host['kernel']}; "
        f"load {host['load_before']:.2f} before.",
    ]


def write(folder: Path, host: dict[str, Any], jitter: dict[str, Any], rows: list[Row]) -> Path:
    """Keep a run: everything as JSON, and the table as Markdown; returns the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{host['date'][:10]}-{host['commit']}"
    kept = {"machine": host, "jitter": jitter, "rows": [asdict(row) for row in rows]}
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    lines = [
        *heading("make bench", host),
        "",
        "Microseconds.",
        "",
        "| part | what | | p50 | p99 | p99.9 | max | count |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in _ordered(rows):
        what = f"{row.what} ({row.note})" if row.note else row.what
        lines.append(f"| {row.part} | {what} | {row.kind} | {' | '.join(_cells(row))} |")
    lines += ["", "Processor time that was taken from a spinning thread:", ""]
    lines += [f"- {cpu}: {told}" for cpu, told in jitter.items()]
    path = folder / f"{name}.md"
    path.write_text("\n".join(lines) + "\n")
    return path
