"""Units as they were rendered, read as systemd reads them, as far as ours need it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["SERVICES", "Unit", "as_root", "run"]

SERVICES = ("engine", "gateway", "publisher", "exporter", "strategy@")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run to the end, whatever it ends with; systemd's colours and pager stay away."""
    environment = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "cat", "LC_ALL": "C"}
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=30,
    )


def as_root(*command: str | Path) -> list[str]:
    """The command line that runs a command as root."""
    words = [str(word) for word in command]
    return words if os.geteuid() == 0 else ["sudo", "-n", *words]


class Unit:
    """One unit: its settings by section and key, each with every value in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings: dict[tuple[str, str], list[str]] = {}
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                self.settings.setdefault((section, key), []).append(value)

    def values(self, key: str, section: str = "Service") -> list[str]:
        """Every value of a key."""
        return self.settings.get((section, key), [])

    def words(self, key: str) -> list[str]:
        """The words of all values of a key."""
        return " ".join(self.values(key)).split()

    def command(self, instance: str = "") -> list[str]:
        """ExecStart, as systemd makes it: specifiers, then words, then the environment."""
        (line,) = self.values("ExecStart")
        environment = self.environment(instance)
        out: list[str] = []
        for word in shlex.split(line.replace("%i", instance)):
            if re.fullmatch(r"\$\w+", word):
                out += environment[word[1:]].split()
            else:
                out.append(re.sub(r"\$\{(\w+)\}", lambda name: environment[name[1]], word))
        return out

    def environment(self, instance: str = "") -> dict[str, str]:
        """What Environment= and EnvironmentFile= set."""
        pairs = [word.partition("=")[::2] for word in self.words("Environment")]
        for name in self.values("EnvironmentFile"):
            lines = Path(name.replace("%i", instance)).read_text().splitlines()
            pairs += [line.partition("=")[::2] for line in lines]
        return dict(pairs)

    def system_calls(self) -> set[str]:
        """The system calls that SystemCallFilter= leaves."""
        left: set[str] = set()
        for value in self.values("SystemCallFilter"):
            named = {one for word in value.lstrip("~").split() for one in _expanded(word)}
            left = left - named if value.startswith("~") else left | named
        # Those that a filter always has, or a program could not even begin.
        return left | _expanded("@default")


@cache
def _expanded(word: str) -> frozenset[str]:
    if not word.startswith("@"):
        return frozenset({word})
    told = run("systemd-analyze", "--no-pager", "syscall-filter", word)
    assert told.returncode == 0, told.stderr
    inner = [line.strip() for line in told.stdout.splitlines()[1:]]
    return frozenset().union(
        *(_expanded(one) for one in inner if one and not one.startswith("#") and one != word)
    )
