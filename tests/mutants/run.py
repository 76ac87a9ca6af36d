"""`make mutants`: changes the matcher in every way that cargo-mutants knows, and runs its tests.

A change that no test notices survives. docs/mutants.md has every survivor under the reason why it
is none that a test could find; one that is not there, or is there and does not survive any more,
makes the run fail.

What was found is kept in target/mutants. A run that is broken off goes on where it was; one after
a change of the tests alone asks again for what survived, for tests are only ever added to. One
after a change of the matcher begins anew.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = _ROOT / ".tools/bin/cargo-mutants"
_KEPT = _ROOT / "target/mutants"
_REASONS = _ROOT / "docs/mutants.md"
_RESULT = _ROOT / "tests/results/mutants.txt"

# What a verdict depends on.
_CODE = ("core/matcher/src", "core/types/src", "core/prefetch/src", "Cargo.lock", ":!*/tests.rs")
_TESTS = ("core/matcher/*/tests.rs", "core/matcher/tests", "tests/scenarios", ".cargo")
_TWIN_COMMANDS = "300000"
# Most changes are caught by a few tests, which are built in a quarter of the time: what passes them
# goes on to all. By stage, as cargo is told.
_STAGES = {
    "quick": ("--lib", "--test=bare", "--test=scenarios", "--test=views", "--test=ways"),
    "all": ("--lib", "--tests"),
}
_MEMORY_BYTES = 3 << 30
"""Of one process: a change may make a loop that never stops to allocate."""

_WORDS = {
    "CaughtMutant": "caught",
    "MissedMutant": "missed",
    "Timeout": "timeout",
    "Unviable": "unviable",
}
_PASSED = "passed"
"""The quick tests, or was not done with them; all of them have not been asked yet."""

_MARK = re.compile(r" ?/\* ~ changed by cargo-mutants ~ \*/")


@dataclass(frozen=True)
class Mutant:
    """A change of the code."""

    name: str
    """As cargo-mutants says it, with line and column."""
    key: str
    """As docs/mutants.md says it: file, change, and what the changed line becomes."""


def main() -> int:
    """Run what is asked for; 1 if a survivor has no reason or a reason no survivor."""
    parser = argparse.ArgumentParser(description="make mutants")
    parser.add_argument("files", nargs="*", help="source files; else those of .cargo/mutants.toml")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    options = parser.parse_args()
    mutants = _listed(options.files)
    store = Store()
    verdicts = store.load()
    earlier = sum(verdicts.get(each.name, _PASSED) != _PASSED for each in mutants)
    print(f"{len(mutants)} mutants, {earlier} of them judged by an earlier run", flush=True)
    for stage, so_far in (("quick", ()), ("all", (_PASSED,))):
        left = [each for each in mutants if verdicts.get(each.name) in (None, *so_far)]
        if left:
            done = [each.name for each in mutants if each not in left]
            print(f"{len(left)} are left for the stage {stage}", flush=True)
            _run(stage, options.files, options.jobs, done)
            if store.is_outdated():
                print("the matcher has changed meanwhile: begin anew", file=sys.stderr)
                return 1
            verdicts = store.load()
        missing = [each for each in mutants if verdicts.get(each.name) in (None, *so_far)]
        if missing:
            print(f"{len(missing)} were not judged; the next run goes on", file=sys.stderr)
            return 1
    return _judge(mutants, verdicts, earlier, bool(options.files))


class Store:
    """What earlier runs have found, as long as it holds.

    It is of the code and the tests at the time that it is made.
    """

    def __init__(self) -> None:
        self._now = {"code": _digest(_CODE), "tests": _digest(_TESTS)}

    def is_outdated(self) -> bool:
        """True if the code is another one now."""
        return self._now["code"] != _digest(_CODE)

    def load(self) -> dict[str, str]:
        """The verdict of each mutant that is known, by name; also keeps it for later runs."""
        path = _KEPT / "verdicts.json"
        kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else self._now
        verdicts: dict[str, str] = {**kept.get("verdicts", {})}
        # Of the last run, which may have been broken off: it was of the code that is kept.
        for stage in _STAGES:
            verdicts |= _told(stage)
        if kept["code"] != self._now["code"]:
            verdicts = {}
        if kept["tests"] != self._now["tests"]:
            again = ("missed", _PASSED)
            verdicts = {name: word for name, word in verdicts.items() if word not in again}
        _KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**self._now, "verdicts": verdicts}, indent=1))
        for stage in _STAGES:
            shutil.rmtree(_KEPT / stage, ignore_errors=True)
        return verdicts


def _told(stage: str) -> dict[str, str]:
    """What cargo-mutants has written down in a stage, by name."""
    path = _KEPT / stage / "mutants.out/outcomes.json"
    outcomes = json.loads(path.read_text())["outcomes"] if path.exists() else []
    # A timeout is asked again: the machine may have slept.
    quick = {"MissedMutant": _PASSED, "Timeout": _PASSED}
    words = _WORDS | (quick if stage == "quick" else {})
    return {
        outcome["scenario"]["Mutant"]["name"]: words[outcome["summary"]]
        for outcome in outcomes
        if outcome["summary"] in words and outcome["scenario"] != "Baseline"
    }


def _listed(files: list[str]) -> list[Mutant]:
    """Every mutant there is in these files, or else in those of the configuration."""
    told = subprocess.run(
        [str(_PROGRAM), "mutants", "--list", "--json", "--diff", *_chosen(files)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [_mutant(each) for each in json.loads(told)]


def _mutant(listed: dict[str, str]) -> Mutant:
    change = re.sub(r"^.*?:\d+:\d+: ", "", listed["name"])
    key = f"{listed['file']} | {change}"
    # That of a whole function says already what becomes of it.
    if listed["genre"] != "FnValue":
        lines = listed["diff"].splitlines()[2:]
        became = (_MARK.sub("", line[1:]).strip() for line in lines if line.startswith("+"))
        key += " | " + " ".join(became)
    return Mutant(listed["name"], key)


def _chosen(files: list[str]) -> list[str]:
    """Options for these files alone: `--file` by itself adds them to the configuration's."""
    return [word for file in files for word in (f"--file={file}", f"--re=^{re.escape(file)}:")]


def _run(stage: str, files: list[str], jobs: int, done: list[str]) -> None:
    """Let the tests of a stage judge what is not done; what is found goes to the terminal."""
    scratch = _KEPT / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    environment |= {
        "TMPDIR": str(scratch),
        "TWIN_COMMANDS": _TWIN_COMMANDS,
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_INCREMENTAL": "1",
    }
    command = [str(_PROGRAM), "mutants", "--output", str(_KEPT / stage), "--jobs", str(jobs)]
    command += ["--caught", "--unviable", *_chosen(files)]
    command += [f"--cargo-arg={word}" for word in _STAGES[stage]]
    command += [f"--exclude-re=^{re.escape(name)}$" for name in done]
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    # It fails where mutants are missed, which is for docs/mutants.md to judge.
    (_KEPT / stage).mkdir(exist_ok=True)
    subprocess.run(command, cwd=_ROOT, env=environment, check=False)
    shutil.rmtree(scratch, ignore_errors=True)


def _digest(places: tuple[str, ...]) -> str:
    """Digest of every file at or below these places that git knows or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *places]
    told = subprocess.run(listing, cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    digest = hashlib.sha256()
    for name in sorted(set(told.splitlines())):
        path = _ROOT / name
        if path.is_file():
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _reasons() -> dict[str, str]:
    """The survivors that docs/mutants.md explains, each with the heading that it is under."""
    reasons, heading, inside = {}, "", False
    for line in _REASONS.read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```mutants"
        elif inside and line.strip():
            reasons[line.strip()] = heading
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return reasons


def _judge(mutants: list[Mutant], verdicts: dict[str, str], earlier: int, part: bool) -> int:
    """Write what was found, say what docs/mutants.md does not, and return the exit status."""
    reasons = _reasons()
    survivors = sorted({each.key for each in mutants if verdicts[each.name] == "missed"})
    files = {each.key.split(" | ")[0] for each in mutants}
    unexplained = [key for key in survivors if key not in reasons]
    stale = [key for key in reasons if key not in survivors and key.split(" | ")[0] in files]
    text = _report(mutants, verdicts, earlier, reasons)
    print(text, end="")
    if not part:
        _RESULT.parent.mkdir(exist_ok=True)
        _RESULT.write_text(text)
        print(f"written: {_RESULT.relative_to(_ROOT)}")
    for what, keys in (
        ("survive, and docs/mutants.md does not say why", unexplained),
        ("are in docs/mutants.md and do not survive", stale),
    ):
        if keys:
            print(f"{len(keys)} {what}:", *keys, sep="\n  ", file=sys.stderr)
    return 1 if unexplained or stale else 0


def _report(
    mutants: list[Mutant], verdicts: dict[str, str], earlier: int, reasons: dict[str, str]
) -> str:
    counts = Counter(verdicts[each.name] for each in mutants)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = _heading()
    lines.append(f"cost     {used.ru_utime + used.ru_stime:.0f} s of processor time")
    lines += [f"earlier  {earlier} verdicts are of a run before, of the same code", ""]
    table: dict[str, Counter[str]] = {}
    for each in mutants:
        table.setdefault(each.key.split(" | ")[0], Counter())[verdicts[each.name]] += 1
    lines.append(f"{'file':<32} {'mutants':>8}" + "".join(f" {w:>8}" for w in _WORDS.values()))
    for file, row in [*sorted(table.items()), ("in all", counts)]:
        cells = (row.total(), *(row[word] for word in _WORDS.values()))
        lines.append(f"{file:<32}" + "".join(f" {cell:>8}" for cell in cells))
    for word, what in (
        ("missed", "Survivors, each with the heading of docs/mutants.md that explains it:"),
        ("timeout", "Caught because the tests did not end:"),
    ):
        found = sorted(each.key for each in mutants if verdicts[each.name] == word)
        lines += ["", what] if found else []
        for key in found:
            why = f"    {reasons.get(key, 'NOT EXPLAINED')}" if word == "missed" else None
            lines += [key, why] if why else [key]
    return "\n".join(lines) + "\n"


def _heading() -> list[str]:
    """What was run, and on what."""

    def told(*command: str) -> str:
        done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    status = ("git", "status", "--porcelain", "--")
    changed = [line for places in (_CODE, _TESTS) for line in told(*status, *places).splitlines()]
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        f"make mutants, {when}",
        f"commit   {told('git', 'rev-parse', 'HEAD')}, changed files beside it: {len(changed)}",
        f"machine  {platform.machine()}, {os.cpu_count()} cpus, {model[1] if model else 'unknown'}",
        f"kernel   {platform.system()} {platform.release()}",
        f"compiler {told('rustc', '--version')}, {told(str(_PROGRAM), 'mutants', '--version')}",
        f"tests    of touchline-matcher, {_TWIN_COMMANDS} commands through the twin",
    ]


if __name__ == "__main__":
    sys.exit(main())
