"""Hosts that a test lays out as files, and the table of what each check must say of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline.tuning import Finding, Host, Verdict

GOOD, BETTER, BAD, UNKNOWN = Verdict.GOOD, Verdict.BETTER, Verdict.BAD, Verdict.UNKNOWN
METHODS = {"good": GOOD, "better": BETTER, "bad": BAD, "unknown": UNKNOWN}

Check = Callable[..., Finding]


@dataclass(frozen=True)
class Case:
    """A rule: on a host with these files, a check gives this verdict, and its text has a word."""

    rule: str
    check: Check
    verdict: Verdict
    files: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    venue: Any = None


def lay_out(root: Path, files: Mapping[str, str]) -> Host:
    """Write the files of a host."""
    for place, text in files.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return Host(root)


def verdicts(check: Check) -> set[Verdict]:
    """The verdicts that a check can give: the methods of its subject that it calls."""
    source = inspect.getsource(check)
    return {METHODS[name] for name in re.findall(r"subject\.(good|better|bad|unknown)\(", source)}


def assert_case(root: Path, case: Case) -> None:
    """Lay the host out and let the check judge it."""
    host = lay_out(root, case.files)
    finding = case.check(host) if case.venue is None else case.check(host, case.venue)
    assert finding.verdict is case.verdict, finding
    assert case.says in finding.read + " " + finding.advice, finding
    assert finding.name and finding.read and finding.meaning
    assert bool(finding.advice) == (case.verdict is not GOOD)
