"""The matcher can end in one way only: a fact of `invariant` does not hold.

Its machine code is made as a release build makes it, behind one function, and every function that
can be reached from there is looked at. What they call outside of the matcher is listed: nothing
but what moves memory. So there is no other panic, no allocation, no lock and no clock in it.
"""

from __future__ import annotations

import re
import subprocess
from collections import deque
from pathlib import Path

import pytest
from running_venue import ROOT

START = "matcher_probe5apply"
BROKEN = "17touchline_matcher9invariant6broken"
"""The function that ends the process; what is behind it does not matter."""

MOVES_MEMORY = {"memcpy", "memmove", "memset", "memcmp", "bcmp"}
CRATES = {
    "touchline_types": "core/types/src/lib.rs",
    "touchline_prefetch": "core/prefetch/src/lib.rs",
    "touchline_matcher": "core/matcher/src/lib.rs",
    "matcher_probe": "tests/core/matcher_probe.rs",
}
FLAGS = ["-C", "opt-level=3", "-C", "panic=abort", "-C", "codegen-units=1"]


def compile_to_objects(folder: Path) -> list[Path]:
    """Each crate as an object file, with a section for each function."""
    known: list[str] = []
    for name, source in CRATES.items():
        command = ["rustc", "--edition", "2024", "--crate-type", "rlib", "--crate-name", name]
        command += [*FLAGS, "--emit", "link,obj", "--out-dir", str(folder), f"-L{folder}", *known]
        command += ["--cfg", 'feature="std"', str(ROOT / source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        known += ["--extern", f"{name}={folder}/lib{name}.rlib"]
    return [folder / f"{name}.o" for name in CRATES]


def readelf(what: str, file: Path) -> list[str]:
    command = ["readelf", "--wide", what, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


class Code:
    """The sections of some object files, and what each of them refers to."""

    def __init__(self, files: list[Path]) -> None:
        self.refers: dict[str, set[str]] = {}
        """By section: names of functions, and of sections of the same file."""
        self.section_of: dict[str, str] = {}
        """Where a function lies."""
        for file in files:
            self._sections(file)
            self._relocations(file)

    def _sections(self, file: Path) -> None:
        names = {}
        for line in readelf("--section-headers", file):
            if found := re.match(r"\s*\[\s*(\d+)\] (\S+)", line):
                names[found[1]] = f"{file.stem}:{found[2]}"
        for line in readelf("--symbols", file):
            parts = line.split()
            if len(parts) == 8 and parts[3] == "FUNC" and parts[6] in names:
                self.section_of[parts[7]] = names[parts[6]]

    def _relocations(self, file: Path) -> None:
        section = ""
        for line in readelf("--relocs", file):
            if found := re.match(r"Relocation section '\.rela(\S+)'", line):
                section = f"{file.stem}:{found[1]}"
                self.refers[section] = set()
            elif found := re.match(r"[0-9a-f]+ +[0-9a-f]+ R_\w+ +[0-9a-f]+ +(\S+)", line):
                name = found[1]
                place = f"{file.stem}:{name}" if name.startswith(".") else name
                self.refers[section].add(place)

    def find(self, part: str) -> str:
        """The section of the one function whose name holds a text."""
        (found,) = {place for name, place in self.section_of.items() if part in name}
        return found

    def outside(self, start: str, end: str) -> dict[str, str]:
        """What is not here and can be reached, each with the section that refers to it."""
        found, seen, rest = {}, {start, end}, deque([start])
        while rest:
            section = rest.popleft()
            for name in self.refers.get(section, ()):
                place = self.section_of.get(name, name)
                if ":" not in place:
                    found[name] = section
                elif place not in seen:
                    seen.add(place)
                    rest.append(place)
        return found


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    """The matcher's code, as one module of functions."""
    return Code(compile_to_objects(tmp_path_factory.mktemp("objects")))


def test_a_command_ends_in_its_events_or_in_an_invariant(code: Code) -> None:
    start, broken = code.find(START), code.find(BROKEN)
    outside = code.outside(start, broken)
    wrong = {name: section for name, section in outside.items() if name not in MOVES_MEMORY}
    assert not wrong, "\n".join(f"{section} can reach {name}" for name, section in wrong.items())


def test_the_walk_sees_what_is_behind_an_invariant(code: Code) -> None:
    """Without the end that it is given, it comes to the panic: so it would see another one."""
    outside = code.outside(code.find(START), "")
    assert any("panicking" in name for name in outside), sorted(outside)
