"""What is measured: jitter of each core, the way between two, stolen time, and the disk.

Each has two functions: one measures, the other is pure and judges the figures. Nothing is left
behind: the disk's test file is removed again.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.core import ProgramError, program
from touchline.tuning.finding import Finding, Subject
from touchline.tuning.host import Host

__all__ = [
    "CORE_SECONDS",
    "CpuTimes",
    "SyncTimes",
    "between_cores",
    "cpu_times",
    "disk_sync",
    "jitter",
    "measure_between_cores",
    "measure_jitter",
    "measure_sync",
    "stolen_time",
]

CORE_SECONDS = 0.5
"""How long the spin on one core lasts, where the cores are few."""
ALL_CORES_SECONDS = 8.0
ROUND_TRIPS = 100_000
PAIRS_MAX = 8
SYNCS, SYNC_BYTES = 200, 4096
SYNC_SECONDS_MAX = 3.0
PROGRAM_SECONDS_MAX = 30.0

HICCUP_NS_BAD = 1_000_000
ONE_WAY_NS_GOOD, ONE_WAY_NS_BAD = 150, 500
STOLEN_PERCENT_GOOD, STOLEN_PERCENT_BAD = 0.1, 2.0
SYNC_US_GOOD, SYNC_US_BAD = 1_000, 10_000

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Time of all processors since boot, ticks: what a hypervisor stole, and everything."""

    stolen: int
    total: int


@dataclass(frozen=True, slots=True)
class SyncTimes:
    """How long fdatasync took, us."""

    count: int
    p50_us: float
    p99_us: float
    max_us: float


def jitter(cpu: int, told: Figures | str) -> Finding:
    """Judge the spin on a core; `told` is what ``touchline-jitter`` printed, or why it did not."""
    subject = Subject(
        f"jitter of core {cpu}", "a thread of the venue on this core is stopped as often, as long"
    )
    if isinstance(told, str):
        return subject.unknown(told, "run where this core may be used")
    read = (
        f"in {told['ms']} ms: {told['over_1us']} over 1 us, {told['over_10us']} over 10 us, "
        f"{told['over_100us']} over 100 us; longest {told['max_ns'] / 1000:,.0f} us"
    )
    if told["over_10us"] == 0:
        return subject.good(read)
    if told["max_ns"] < HICCUP_NS_BAD:
        return subject.better(read, "isolate the core, stop its tick, move interrupts away")
    return subject.bad(
        read, "something else runs there: stop it or isolate the core; see also stolen time"
    )


def measure_jitter(cpus: Sequence[int]) -> list[Finding]:
    """Spin on each core in turn, 8 s at most for all of them."""
    seconds = min(CORE_SECONDS, ALL_CORES_SECONDS / max(len(cpus), 1))
    milliseconds = max(1, round(seconds * 1000))
    return [
        jitter(cpu, _ask("touchline-jitter", "--cpu", str(cpu), "--ms", str(milliseconds)))
        for cpu in cpus
    ]


def between_cores(told: Sequence[Figures] | str) -> Finding:
    """Judge the way of a cache line; `told` is what ``touchline-floor`` printed for each pair."""
    subject = Subject(
        "core to core", "no event passes from one program to the next in less than this"
    )
    if isinstance(told, str):
        return subject.unknown(told, "two cores that may be used are needed")
    ways = sorted((one["round_trip_ns"]["p50"] / 2, tuple(one["cpus"])) for one in told)
    (best, best_pair), (worst, worst_pair) = ways[0], ways[-1]
    read = f"one way p50 {best:.0f} ns ({best_pair[0]} to {best_pair[1]})"
    if len(ways) > 1:
        read += f" to {worst:.0f} ns ({worst_pair[0]} to {worst_pair[1]})"
    advice = "give the venue cores that share a last-level cache, and its strategies too"
    if worst <= ONE_WAY_NS_GOOD:
        return subject.good(read)
    if best <= ONE_WAY_NS_BAD:
        return subject.better(read, advice)
    return subject.bad(read, f"{advice}; a hypervisor may have placed them apart, or paused one")


def measure_between_cores(cpus: Sequence[int]) -> Finding:
    """Send a cache line from the first core to each other and back, to eight at most."""
    if len(cpus) < 2:
        return between_cores("one core")
    told: list[Figures] = []
    for other in cpus[1 : PAIRS_MAX + 1]:
        answer = _ask(
            "touchline-floor", "--cpus", f"{cpus[0]},{other}", "--rounds", str(ROUND_TRIPS)
        )
        if isinstance(answer, str):
            return between_cores(answer)
        told.append(answer)
    return between_cores(told)


def cpu_times(host: Host) -> CpuTimes | None:
    """Read the processors' times; None if they are not to be seen."""
    words = (host.text("proc/stat") or "").partition("\n")[0].split()
    if len(words) < 9 or words[0] != "cpu" or not all(word.isdecimal() for word in words[1:9]):
        return None
    # user nice system idle iowait irq softirq steal; guest times are part of the first two.
    ticks = [int(word) for word in words[1:9]]
    return CpuTimes(ticks[7], sum(ticks))


def stolen_time(before: CpuTimes | None, after: CpuTimes | None) -> Finding:
    """Judge what a hypervisor took between two readings; without the first, since boot."""
    subject = Subject(
        "stolen time", "the hypervisor ran somebody else while the venue was ready to run"
    )
    if after is None:
        return subject.unknown("no times in proc/stat", "look at it on the host itself")
    start = before or CpuTimes(0, 0)
    total = after.total - start.total
    if total <= 0:
        return subject.unknown("no time has passed", "ask again")
    percent = 100 * (after.stolen - start.stolen) / total
    read = f"{percent:.2f} % " + ("while measuring" if before else "since boot")
    advice = "processors of its own for this machine: pinned, not overcommitted; or bare metal"
    if percent <= STOLEN_PERCENT_GOOD:
        return subject.good(read)
    if percent < STOLEN_PERCENT_BAD:
        return subject.better(read, advice)
    return subject.bad(read, advice)


def disk_sync(told: SyncTimes | str) -> Finding:
    """Judge fdatasync of 4 KiB; `told` are its times, or why there are none."""
    subject = Subject("disk sync", 'with durability = "sync" every acknowledgement waits for it')
    if isinstance(told, str):
        return subject.unknown(told, "--data-dir DIR or --venue VENUE, on the journal's disk")
    read = (
        f"{told.count} times 4 KiB: p50 {told.p50_us:,.0f} us, p99 {told.p99_us:,.0f} us, "
        f"max {told.max_us:,.0f} us"
    )
    advice = "a disk of its own, NVMe with power-loss protection, scheduler none, xfs or ext4"
    if told.p99_us <= SYNC_US_GOOD:
        return subject.good(read)
    return subject.better(read, advice) if told.p99_us < SYNC_US_BAD else subject.bad(read, advice)


def measure_sync(folder: Path | None, host: Host) -> Finding:
    """Write and sync 4 KiB 200 times, for 3 s at most, as the journal does; remove the file.

    The file is filled with zeros before, for the journal does that with its segments. A folder
    that is not there yet is measured by the nearest above it.
    """
    if folder is None:
        return disk_sync("no data directory was given")
    place = folder.absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    mount = host.mount_of(place.resolve())
    if mount is not None and mount.type in ("tmpfs", "ramfs"):
        return disk_sync(f"{place} lies in memory ({mount.type}), not on a disk")
    try:
        return disk_sync(_sync_times(place))
    except OSError as error:
        return disk_sync(f"cannot write in {place}: {error.strerror}")


def _sync_times(folder: Path) -> SyncTimes:
    block = os.urandom(SYNC_BYTES)
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".touchline-doctor-", buffering=0) as file:
        os.pwrite(file.fileno(), bytes(SYNCS * SYNC_BYTES), 0)
        os.fsync(file.fileno())
        end = time.perf_counter() + SYNC_SECONDS_MAX
        for index in range(SYNCS):
            start = time.perf_counter()
            os.pwrite(file.fileno(), block, index * SYNC_BYTES)
            os.fdatasync(file.fileno())
            now = time.perf_counter()
            taken.append((now - start) * 1e6)
            if now > end:
                break
    taken.sort()
    return SyncTimes(len(taken), taken[len(taken) // 2], taken[len(taken) * 99 // 100], taken[-1])


def _ask(name: str, *arguments: str) -> Figures | str:
    """What a program prints, as JSON; or in a sentence why it did not."""
    try:
        done = subprocess.run(
            [program(name), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS_MAX,
        )
        if done.returncode != 0:
            return done.stderr.strip() or f"{name} ended with {done.returncode}"
        figures: Figures = json.loads(done.stdout)
    except (ProgramError, OSError, ValueError) as error:
        return f"{name}: {error}"
    except subprocess.TimeoutExpired:
        return f"{name} did not end in {PROGRAM_SECONDS_MAX:.0f} s"
    return figures
