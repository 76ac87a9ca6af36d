"""docs/strategies.md tells the truth: its programs run, and its tables are those of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from running_venue import ROOT, RunningVenue, find_program

from touchline.core import Reason
from touchline.strategy import ExecutionKind, errors, native
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.layout import EVENT_DTYPE
from touchline.strategy.lifecycle import CALLBACKS
from touchline.strategy.plain import Strategy

PAGE = (ROOT / "docs/strategies.md").read_text()


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def first_column(title: str) -> list[str]:
    """What stands in code in the first column of the table below a heading or a line."""
    table = PAGE[PAGE.index(title) :]
    table = table[table.index("\n|") :]
    rows = table[: re.search(r"\n\n", table[2:]).end()].splitlines()  # type: ignore[union-attr]
    return [name for row in rows if row for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Any]:
    """Runs blocks of the page in a folder of its own, with the commands of this environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    up: list[subprocess.Popen[str]] = []

    def options() -> dict[str, Any]:
        return {"cwd": tmp_path, "env": os.environ | {"PATH": path}, "text": True}

    def run(text: str) -> str:
        command = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(command, capture_output=True, timeout=90, check=False, **options())
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return str(done.stdout)

    def start(text: str) -> str:
        command = text.split()
        up.append(subprocess.Popen(command, stdout=subprocess.PIPE, **options()))
        assert up[-1].stdout is not None
        return up[-1].stdout.readline()

    yield SimpleNamespace(run=run, start=start, folder=tmp_path)
    for process in up:
        process.terminate()
        process.communicate()


def test_the_quick_start_trades(shell: Any) -> None:
    (shell.folder / "dipper.py").write_text(blocks("python")[0])
    written, played = blocks("sh")[:2]
    before, up = written.strip().rsplit("\n", 1)
    shell.run(before)
    # The same venue, on ports that nobody else has.
    free = RunningVenue(find_program("touchline-venue"), shell.folder / "free")
    (group, port), *_ = re.findall(r'a = "(239\.255\.\d+)\.\d:(\d+)"', free.config.read_text())
    config = shell.folder / "venue.toml"
    text = config.read_text().replace("127.0.0.1:9878", f"127.0.0.1:{free.address[1]}")
    text = re.sub(r'"239\.255\.77\.(\d):310\d\d"', rf'"{group}.\1:{port}"', text)
    config.write_text(text.replace('name = "demo"', f'name = "demo{port}"', 1))
    free.close()
    assert "is up" in shell.start(up)
    out = shell.run(played)
    assert re.search(r"^bought [12] at \d{4}\.\d\d, position [12]$", out, re.MULTILINE), out
    assert re.search(r"^strategy dipper has stopped$", out, re.MULTILINE), out
    assert re.search(r"^  position .*ESH4 \+\d+", out, re.MULTILINE), out


def test_the_smallest_strategies_of_both_kinds_are_what_they_are_called(cache: Path) -> None:
    plain, compiled = (one for one in blocks("python") if "class Lifter" in one)
    names: dict[str, Any] = {"__name__": "page"}
    exec(plain, names)
    assert issubclass(names["Lifter"], Strategy)
    names = {"__name__": "page"}
    exec(compiled, names)
    assert issubclass(names["Lifter"], CompiledStrategy)
    venue: Any = SimpleNamespace(instrument=lambda _: SimpleNamespace(id=1))
    assert names["Lifter"](venue, "maker")._driver().prepare().seconds > 0


def test_every_callback_stands_in_the_table_of_the_lifecycle() -> None:
    assert tuple(dict.fromkeys(first_column("## The lifecycle"))) == CALLBACKS


def test_every_field_of_an_event_stands_in_its_table() -> None:
    known = [name for name in EVENT_DTYPE.names or () if name != "reserved"]
    assert first_column("## Events and their fields") == known


def test_every_kind_of_execution_stands_in_its_table() -> None:
    table = PAGE[PAGE.index("| ExecutionKind |") :]
    rows = re.findall(r"^\| ([A-Z_]+) \|", table.split("\n\n")[0], re.MULTILINE)
    assert rows == [one.name for one in ExecutionKind]


def test_every_function_of_both_kinds_stands_in_its_table() -> None:
    plain = {re.split(r"\W", name)[0] for name in first_column("## Plain: every function")}
    told = {name for name in vars(Strategy) if not name.startswith(("_", "on_"))}
    assert plain - {"self", "price"} >= told - {"price"}
    compiled = {name.strip("@").partition("(")[0] for name in first_column("## Compiled: every")}
    functions = {name for name in native.__all__ if name[0].islower()}
    assert compiled & functions == functions


def test_every_error_and_every_reason_that_is_named_is_there() -> None:
    assert {*first_column("## Errors"), "StrategyError"} == set(errors.__all__)
    for name in re.findall(r"\| ([A-Z_]{9,}) \|$", PAGE, re.MULTILINE):
        assert name in Reason.__members__, name
