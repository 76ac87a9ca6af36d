"""A host as files: everything that checks read lies under one root.

The real host has the root ``/``; a test lays out a tree of its own. Nothing is written, and what
cannot be read is None, never an exception: a container hides much.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["CPU_FOLDER", "Host", "Mount", "cpu_list", "cpu_text", "mib"]

CPU_FOLDER = "sys/devices/system/cpu"
_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}
UNLIMITED = 1 << 63
"""What ``unlimited`` counts as in :meth:`Host.limit`."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: where, of which type, with which options."""

    place: str
    type: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """What can be read of a host; places are relative to ``root``."""

    root: Path = Path("/")

    def text(self, place: str) -> str | None:
        """A file without the white space around it; None if it cannot be read."""
        try:
            return (self.root / place).read_text(errors="replace").strip()
        except (OSError, ValueError):
            return None

    def number(self, place: str) -> int | None:
        """A file that holds one integer; None if it cannot be read or holds something else."""
        text = self.text(place)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def cpus(self, place: str) -> frozenset[int] | None:
        """A file that holds a list of processors, such as ``0-3,8``; None if it does not."""
        text = self.text(place)
        return None if text is None else cpu_list(text)

    def names(self, place: str) -> list[str]:
        """The names in a folder, sorted; none if it is not there."""
        try:
            return sorted(one.name for one in (self.root / place).iterdir())
        except OSError:
            return []

    def online(self) -> frozenset[int] | None:
        """Processors that are online."""
        return self.cpus(f"{CPU_FOLDER}/online") or None

    def isolated(self) -> frozenset[int] | None:
        """Processors that the scheduler leaves alone, by isolcpus= or a cpuset partition."""
        places = [f"{CPU_FOLDER}/isolated", "sys/fs/cgroup/cpuset.cpus.isolated"]
        told = [cpus for place in places if (cpus := self.cpus(place)) is not None]
        return frozenset().union(*told) if told else None

    def boot_options(self) -> dict[str, str] | None:
        """Options of the kernel's command line; one without ``=`` is an empty string."""
        text = self.text("proc/cmdline")
        if text is None:
            return None
        return {name: value for name, _, value in (word.partition("=") for word in text.split())}

    def cpu_flags(self) -> frozenset[str] | None:
        """Flags of the first processor (x86); None where there are none."""
        for line in (self.text("proc/cpuinfo") or "").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                return frozenset(value.split())
        return None

    def field(self, place: str, name: str) -> str | None:
        """The value of a line ``name: value``, as in /proc/meminfo and /proc/self/status."""
        for line in (self.text(place) or "").splitlines():
            found, colon, value = line.partition(":")
            if colon and found == name:
                return value.strip()
        return None

    def memory_bytes(self, name: str) -> int | None:
        """A field of /proc/meminfo, bytes."""
        words = (self.field("proc/meminfo", name) or "").split()
        if len(words) != 2 or words[1] != "kB" or not words[0].isdigit():
            return None
        return int(words[0]) * 1024

    def limit(self, name: str) -> int | None:
        """Soft limit of this process, from /proc/self/limits; ``unlimited`` is 2^63."""
        for line in (self.text("proc/self/limits") or "").splitlines():
            if line.startswith(name + " "):
                words = line.removeprefix(name).split()
                if words and words[0] == "unlimited":
                    return UNLIMITED
                return int(words[0]) if words and words[0].isdigit() else None
        return None

    def mounts(self) -> list[Mount]:
        """What is mounted, oldest first."""
        mounts = []
        for line in (self.text("proc/self/mounts") or "").splitlines():
            words = line.split()
            if len(words) >= 4:
                place = words[1]
                for escape, character in _ESCAPES.items():
                    place = place.replace(escape, character)
                mounts.append(Mount(place, words[2], tuple(words[3].split(","))))
        return mounts

    def mount_of(self, path: Path) -> Mount | None:
        """The mount that an absolute path lies on: the longest place, the newest of equals."""
        wanted = PurePosixPath(path)
        found = None
        for mount in self.mounts():
            place = PurePosixPath(mount.place)
            deeper = found is None or len(place.parts) >= len(PurePosixPath(found.place).parts)
            if deeper and wanted.is_relative_to(place):
                found = mount
        return found


def cpu_list(text: str) -> frozenset[int] | None:
    """Processors of a list such as ``0-3,8``; empty for an empty list, None for anything else.

    The kernel writes ``(null)`` for a list that was never made: it is empty, too.
    """
    if text in ("", "(null)"):
        return frozenset()
    cpus: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            return None
        low, high = int(first), int(last or first)
        if low > high or high > 1 << 16:
            return None
        cpus.update(range(low, high + 1))
    return frozenset(cpus)


def cpu_text(cpus: frozenset[int]) -> str:
    """Processors as a list such as ``0-3,8``; ``none`` for an empty one."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts) or "none"


def mib(count: int) -> str:
    """Bytes for people."""
    if count >= UNLIMITED:
        return "unlimited"
    if count >= 1 << 30:
        return f"{count / (1 << 30):.1f} GiB"
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.0f} KiB"
