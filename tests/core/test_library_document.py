"""docs/library.md tells the truth: its programs run, its names are those of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from running_venue import ROOT

import touchline.core
from touchline.core import LEVEL_DTYPE, EventKind, Matcher, MatcherCapacity, errors

PAGE = (ROOT / "docs/library.md").read_text()
EXAMPLE = ROOT / "core/ffi/examples/matcher.c"


def block(language: str) -> str:
    """The one code block of a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def run(*command: str, folder: Path) -> str:
    """What a command prints; it has to end well."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_quick_start_prints_the_fills_and_the_book(tmp_path: Path) -> None:
    out = run(sys.executable, "-W", "error", "-c", block("python"), folder=tmp_path)
    assert " ".join(out.split()) == (
        "[(b'B1', 5000, 10, 0) (b'S1', 5000, 10, 5) (b'B2', 4999, 5, 15) (b'S1', 4999, 5, 0)] "
        "[(4999, 15, 1) (4998, 30, 1)]"
    )


def test_the_c_program_builds_as_the_page_says_and_trades(tmp_path: Path) -> None:
    (tmp_path / "matcher.c").write_text(EXAMPLE.read_text())
    out = run("bash", "-euo", "pipefail", "-c", block("sh"), folder=tmp_path)
    assert out.splitlines() == [
        "1: accepted BID-1, leaves 10",
        "1: added BID-1, leaves 10.",
        "2: accepted OFFER-1, leaves 4",
        "2: executed BID-1, 4 at 5000, leaves 6",
        "2: executed OFFER-1, 4 at 5000, leaves 0.",
        "best bid: 6 at 5000",
    ]


def test_the_c_program_has_no_warning_and_says_itself_how_to_build_it(tmp_path: Path) -> None:
    include = EXAMPLE.parents[1] / "include"
    strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
    run("cc", *strict, f"-I{include}", str(EXAMPLE), folder=tmp_path)
    *lines, _ = block("sh").splitlines()
    for line in lines:
        assert f" *     {line}\n" in EXAMPLE.read_text()


def test_every_name_of_the_page_is_there() -> None:
    small = Matcher([], MatcherCapacity(1, 1, 1, 1))
    for name in re.findall(r"`(\w+)(?:\(\w+(?:, \w+)*\))?`", PAGE.split("## Looking at it")[1]):
        known = (touchline.core, small)
        columns = LEVEL_DTYPE.names or ()
        assert any(hasattr(one, name) for one in known) or name in columns, name
    for name in re.findall(r"`Matcher\.(\w+)", PAGE):
        assert hasattr(Matcher, name), name
    for name in re.findall(r"^\| `(\w+Error)` \|", PAGE, re.MULTILINE):
        assert name in errors.__all__
    assert {"EXECUTED", "REJECTED", "CANCEL_REJECTED"} <= set(EventKind.__members__)
