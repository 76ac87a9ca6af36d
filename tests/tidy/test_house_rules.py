"""The house rules that a machine can check, over every file of the repository.

Each rule has its list of exceptions beside it: short, and each with its reason.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GENERATED = {
    "core/ffi/include/touchline_records.h",
    "core/touchline/core/_records.py",
    "core/types/src/generated.rs",
    "marketdata/codec/src/generated.rs",
    "marketdata/touchline/marketdata/_messages.py",
}
LOCKS = {"Cargo.lock", "requirements/dev.lock", "requirements/runtime.lock"}
CODE = {".rs", ".py", ".c", ".h", ".sh", ".toml", ""}

# Allowed edges between crates, without the prefix `touchline-`: what a crate may use at run time.
# What it uses in its tests is its own choice. `tests` may use everything.
TYPES = {"types"}
EDGES = {
    "types": set(),
    "prefetch": set(),
    "sys": set(),
    "fix": set(),
    "trees": set(),
    "session": {"fix"},
    "config": TYPES,
    "feed-codec": TYPES,
    "matcher": TYPES | {"prefetch"},
    "journal": TYPES | {"sys"},
    "ring": TYPES | {"prefetch", "sys"},
    "counters": {"sys"},
    "history": TYPES | {"config", "journal", "matcher"},
    # Agents: they meet in a ring, a packet or a file, never in a call.
    "engine": TYPES | {"config", "counters", "history", "journal", "matcher", "ring", "sys"},
    "gateway": TYPES | {"config", "counters", "fix", "history", "ring", "session", "sys"},
    "publisher": TYPES | {"config", "counters", "feed-codec", "history", "ring", "sys"},
    # What stands outside the venue sees it as anyone does: FIX and multicast.
    "subscriber": TYPES | {"config", "feed-codec", "sys"},
    # Members also play a flow into a matcher of their own, to make a tape without a venue.
    "members": TYPES | {"config", "fix", "history", "matcher", "session", "subscriber", "sys"},
    # What stands beside it sees its own part of the engine's memory.
    "strategy": TYPES | {"config", "ring", "sys"},
    "ffi": TYPES
    | {"config", "counters", "feed-codec", "matcher"}
    | {"ring", "strategy", "subscriber", "sys", "trees"},
    "bench": TYPES | {"fix", "matcher", "members", "ring", "sys"},
    "programs": TYPES | {"config", "engine", "gateway", "publisher", "ring", "subscriber", "sys"},
}
# The same of the portions of the Python package. A strategy runs models; no model knows strategies.
PORTIONS = {
    "core": set(),
    "marketdata": {"core"},
    "models": {"core"},
    "optimizer": {"core"},
    "strategy": {"core", "marketdata", "models"},
    "systemd": {"core"},
    "tuning": {"core"},
}
UNSAFE_FOLDERS = ("core/sys/", "core/ring/", "core/ffi/", "core/prefetch/")

# Over 600 lines: a table, or one thing that is worse in two files.
LONG_FILES: set[str] = set()
LINES_MAX = 600
# Measured tables, messages as they are, and TOML's inline tables, which have one line each.
WIDE_FILES = {
    "Cargo.toml",
    "gateway/fix/tests/messages.rs",
    "gateway/members/src/flow/es-2023-12-25.toml",
}
# Rows of a table in a comment, and literals that no formatter breaks.
WIDE_LINES = re.compile(r'^\s*(//[/!]? \||b?")')
COLUMNS_MAX = 100


@cache
def files() -> tuple[str, ...]:
    """Every file that belongs to the repository, also if it is not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(name for name in sorted(set(listed.splitlines())) if (ROOT / name).is_file())


@cache
def text(name: str) -> str:
    """A file's text; empty for one that is no text."""
    try:
        return (ROOT / name).read_text()
    except UnicodeDecodeError:
        return ""


def code_files(*suffixes: str) -> Iterator[str]:
    for name in files():
        if Path(name).suffix in (suffixes or CODE) and name not in GENERATED | LOCKS:
            yield name


def without_comments(source: str) -> list[str]:
    """The lines of a Rust file without line comments and without what stands in quotes."""
    return [re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0] for line in source.splitlines()]


def manifests() -> dict[str, dict]:
    """Every Cargo.toml of a crate, by the crate's name."""
    found = [tomllib.loads(text(name)) for name in files() if name.endswith("/Cargo.toml")]
    return {one["package"]["name"]: one for one in found if "touchline" in one["package"]["name"]}


def test_crates_depend_only_on_what_the_design_allows():
    wrong = []
    for crate, manifest in manifests().items():
        name = crate.removeprefix("touchline-")
        used = {one for one in manifest.get("dependencies", {}) if one.startswith("touchline-")}
        used = {one.removeprefix("touchline-") for one in used}
        if name == "tests" or crate.endswith("-fuzz"):
            continue
        if name not in EDGES:
            wrong.append(f"{crate} is new: say in EDGES what it may depend on")
        else:
            wrong += [f"{crate} -> touchline-{one}" for one in sorted(used - EDGES[name])]
    assert not wrong, wrong


def test_portions_of_the_python_package_import_only_what_the_design_allows():
    wrong = []
    for name in code_files(".py"):
        folder, _, rest = name.partition("/touchline/")
        if not rest.startswith(f"{folder}/"):
            continue
        allowed = PORTIONS[folder] | {folder}
        imported = re.findall(r"^ *(?:from|import) touchline\.(\w+)", text(name), re.MULTILINE)
        wrong += [f"{name} -> touchline.{one}" for one in sorted(set(imported) - allowed)]
    assert not wrong, wrong


@pytest.mark.parametrize("crate", ["touchline-types", "touchline-matcher"])
def test_the_pure_crates_depend_on_nothing_from_outside_and_have_no_std(crate):
    used = set(manifests()[crate].get("dependencies", {}))
    # An instruction that changes nothing that a program can see.
    assert used <= {"touchline-types", "touchline-prefetch"}
    source = text(f"core/{crate.removeprefix('touchline-')}/src/lib.rs")
    assert re.search(r"^#!\[(no_std|cfg_attr\(not\(test\), no_std\))\]", source, re.MULTILINE)


def test_unsafe_code_lies_in_four_folders_only():
    wrong = [
        f"{name}:{number}"
        for name in code_files(".rs")
        if not name.startswith(UNSAFE_FOLDERS)
        for number, line in enumerate(without_comments(text(name)), 1)
        if re.search(r"\bunsafe\b", line)
    ]
    assert not wrong, wrong


def test_every_other_crate_forbids_unsafe_code():
    roots = re.compile(r"/src/(lib|main|bin/[^/]+)\.rs$")
    wrong = [
        name
        for name in code_files(".rs")
        if roots.search(name) and not name.startswith(UNSAFE_FOLDERS)
        if "#![forbid(unsafe_code)]" not in text(name)
    ]
    assert not wrong, wrong


def test_every_unsafe_block_says_who_keeps_its_promise():
    wrong = []
    for name in code_files(".rs"):
        lines = text(name).splitlines()
        for index, line in enumerate(without_comments(text(name))):
            if not re.search(r"\bunsafe\b", line) or "unsafe_" in line:
                continue
            before = lines[max(0, index - 8) : index]
            says = "# Safety" if re.search(r"\bunsafe (extern|fn)\b", line) else "SAFETY:"
            if not any(says in comment for comment in before):
                wrong.append(f"{name}:{index + 1}")
    assert not wrong, wrong


def test_the_namespace_package_has_no_init():
    assert not [name for name in files() if name.endswith("touchline/__init__.py")]


def test_nothing_is_left_to_do_without_an_issue_number():
    mark = re.compile(
        r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b(?!\(#\d+\))"
    )
    wrong = [
        f"{name}:{number}: {line.strip()}"
        for name in code_files()
        for number, line in enumerate(text(name).splitlines(), 1)
        if mark.search(line)
    ]
    assert not wrong, wrong


def test_files_are_short():
    lengths = {name: len(text(name).splitlines()) for name in code_files()}
    wrong = {name: n for name, n in lengths.items() if n > LINES_MAX and name not in LONG_FILES}
    assert not wrong, wrong
    assert not {name for name in LONG_FILES if lengths.get(name, 0) <= LINES_MAX}, "short again"


def test_lines_have_at_most_a_hundred_columns():
    wrong = [
        f"{name}:{number}: {len(line)}"
        for name in code_files()
        if name not in WIDE_FILES
        for number, line in enumerate(text(name).splitlines(), 1)
        if len(line) > COLUMNS_MAX and not WIDE_LINES.match(line)
    ]
    assert not wrong, wrong


def test_names_say_what_a_thing_is():
    empty = {"manager", "helper", "helpers", "utils", "util", "common", "base", "data", "misc"}
    wrong = [name for name in files() if empty & {part.split(".")[0] for part in Path(name).parts}]
    typed = re.compile(r"\b(?:struct|enum|trait|class) (\w*(?:Manager|Helper|Utils?|Misc))\b")
    wrong += [f"{name}: {match}" for name in code_files() for match in typed.findall(text(name))]
    assert not wrong, wrong


def test_no_file_names_a_package_host_or_a_place_on_one_machine():
    hosts = [
        "py" + "pi.org",
        "pythonhosted" + ".org",
        "static.crates" + ".io",
        "index.crates" + ".io",
    ]
    places = ["/" + "work/", "/" + "root/", "/" + "home/", "/" + "tmp/"]
    wrong = [
        f"{name}:{number}: {word}"
        for name in files()
        if name != "Cargo.lock"
        for number, line in enumerate(text(name).splitlines(), 1)
        for word in hosts + places
        if re.search(r"(?<![\w.}])" + re.escape(word), line)
    ]
    assert not wrong, wrong


def test_what_is_built_is_not_committed():
    built = re.compile(r"\.(so|a|o|pyc|whl|rlib)$|(^|/)(target|dist|__pycache__)/")
    assert not [name for name in files() if built.search(name)]
    assert not [name for name in files() if (ROOT / name).is_symlink()]
