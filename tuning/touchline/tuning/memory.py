"""Checks of memory, and of the limits that a process has on this host."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from touchline.tuning.finding import Finding, Subject
from touchline.tuning.host import UNLIMITED, Host, mib

__all__ = ["CHECKS", "memory_limits", "tmpfs_bytes"]

_HIDDEN = "look at it on the host itself, outside a container or sandbox"
SWAPPINESS_GOOD = 10
SHM_GOOD_BYTES = 1 << 30
# What container engines give when nobody asks for more; rings and strategies do not fit.
SHM_BAD_BYTES = 64 << 20
FILES_GOOD, FILES_BAD = 4096, 1024
THP = "sys/kernel/mm/transparent_hugepage"


def transparent_huge_pages(host: Host) -> Finding:
    """Whether the kernel makes huge pages by itself."""
    subject = Subject(
        "transparent huge pages", "making a huge page stops the thread that touched the memory"
    )
    enabled, defrag = (_chosen(host.text(f"{THP}/{name}")) for name in ("enabled", "defrag"))
    if enabled is None:
        return subject.unknown(f"{THP}/enabled is not there", _HIDDEN)
    read = f"enabled {enabled}, defrag {defrag or 'unknown'}"
    advice = f"`echo madvise > /{THP}/enabled`, and `transparent_hugepage=madvise` at boot"
    if enabled == "never":
        return subject.better(f"{read}: the engine's memory lies on small ones", advice)
    if enabled != "always":
        return subject.good(read)
    return subject.bad(read, advice) if defrag == "always" else subject.better(read, advice)


def huge_pages(host: Host) -> Finding:
    """Whether memory is set aside for huge pages; Touchline takes transparent ones alone."""
    subject = Subject(
        "huge pages", "Touchline takes transparent ones: nobody can use what is reserved"
    )
    reserved = host.number("proc/sys/vm/nr_hugepages")
    if reserved is None:
        return subject.unknown("proc/sys/vm/nr_hugepages is not there", _HIDDEN)
    free = host.field("proc/meminfo", "HugePages_Free")
    if reserved == 0 or free != str(reserved):
        return subject.good(f"{reserved} reserved" + (f", {free} free" if reserved else ""))
    return subject.better(
        f"{reserved} reserved, all free", "`sysctl vm.nr_hugepages=0`, unless another program waits"
    )


def swap(host: Host) -> Finding:
    """Whether memory can be moved to a disk."""
    subject = Subject("swap", "a page that was swapped out takes milliseconds to come back")
    text = host.text("proc/swaps")
    if text is None:
        return subject.unknown("proc/swaps is not there", _HIDDEN)
    rows = [words for line in text.splitlines()[1:] if len(words := line.split()) >= 4]
    if not rows:
        return subject.good("none")
    used = sum(int(row[3]) for row in rows if row[3].isdigit()) * 1024
    read = f"{', '.join(row[0] for row in rows)}: {mib(used)} used"
    if used == 0:
        return subject.better(read, "`swapoff -a`, and take it out of /etc/fstab")
    return subject.bad(read, "`swapoff -a`; more memory, or less on this host")


def swappiness(host: Host) -> Finding:
    """How readily the kernel swaps."""
    subject = Subject("swappiness", "how readily memory of a quiet process is swapped out")
    value = host.number("proc/sys/vm/swappiness")
    if value is None:
        return subject.unknown("proc/sys/vm/swappiness is not there", _HIDDEN)
    text = host.text("proc/swaps")
    if value <= SWAPPINESS_GOOD:
        return subject.good(f"{value}")
    if text is not None and len(text.splitlines()) <= 1:
        return subject.good(f"{value}, without swap")
    return subject.better(f"{value}", f"`sysctl vm.swappiness={SWAPPINESS_GOOD}`, or no swap")


def locked_memory(host: Host) -> Finding:
    """How much a process may lock."""
    subject = Subject(
        "RLIMIT_MEMLOCK", "memory that is locked is never reclaimed; Touchline locks none yet"
    )
    limit = host.limit("Max locked memory")
    if limit is None:
        return subject.unknown("not in proc/self/limits", _HIDDEN)
    if limit >= UNLIMITED:
        return subject.good("unlimited")
    return subject.better(mib(limit), "LimitMEMLOCK=infinity in the unit, for what is to come")


def realtime_priority(host: Host) -> Finding:
    """Whether a process may ask for a real-time priority."""
    subject = Subject(
        "RLIMIT_RTPRIO", "`chrt` on a service needs it; an isolated core makes it needless"
    )
    limit = host.limit("Max realtime priority")
    if limit is None:
        return subject.unknown("not in proc/self/limits", _HIDDEN)
    if limit > 0:
        return subject.good(f"{'unlimited' if limit >= UNLIMITED else limit}")
    return subject.better(
        "0",
        "LimitRTPRIO=80 in the unit, if cores cannot be isolated; a thread that spins at such a "
        "priority stalls 50 ms a second unless sched_rt_runtime_us is -1",
    )


def open_files(host: Host) -> Finding:
    """How many descriptors a process may hold."""
    subject = Subject("RLIMIT_NOFILE", "each FIX connection is a descriptor of the gateway")
    limit = host.limit("Max open files")
    if limit is None:
        return subject.unknown("not in proc/self/limits", _HIDDEN)
    if limit >= FILES_GOOD:
        return subject.good("unlimited" if limit >= UNLIMITED else f"{limit}")
    advice = "LimitNOFILE=65536 in the unit, or `ulimit -n 65536`"
    return (
        subject.bad(f"{limit}", advice) if limit < FILES_BAD else subject.better(f"{limit}", advice)
    )


def control_group(host: Host) -> Finding:
    """Limits of the control group that this process is in, and of those above it."""
    subject = Subject(
        "cgroup limits", "a processor quota stops the venue until the next period; memory kills it"
    )
    groups = _groups(host)
    if not groups:
        return subject.unknown("no control group is to be seen", _HIDDEN)
    quotas = [quota for group in groups if (quota := _quota(host, group))]
    if quotas:
        return subject.bad(
            f"processor quota {', '.join(quotas)}",
            "no CPUQuota= and no --cpus: give whole cores (AllowedCPUs=, --cpuset-cpus)",
        )
    limits = memory_limits(host).values()
    if limits:
        return subject.better(
            f"memory at most {mib(min(limits))}", "compare with --venue; none for the engine"
        )
    return subject.good("no processor quota, no memory limit")


def shared_memory(host: Host) -> Finding:
    """How much fits into /dev/shm."""
    subject = Subject("/dev/shm", "rings and figures of a running venue lie there")
    mount = host.mount_of(Path("/dev/shm"))
    if mount is None:
        return subject.unknown("proc/self/mounts cannot be read", _HIDDEN)
    if mount.place != "/dev/shm" or mount.type != "tmpfs":
        return subject.bad(
            f"on {mount.type} at {mount.place}", "`mount -t tmpfs tmpfs /dev/shm`, or set run_dir"
        )
    size = tmpfs_bytes(host, mount.options)
    if size is None:
        return subject.unknown("tmpfs of unknown size", _HIDDEN)
    advice = "`mount -o remount,size=2G /dev/shm`, or --shm-size of the container"
    if size <= SHM_BAD_BYTES:
        return subject.bad(mib(size), advice)
    return subject.good(mib(size)) if size >= SHM_GOOD_BYTES else subject.better(mib(size), advice)


def memory_limits(host: Host) -> dict[str, int]:
    """Limits below the host's memory, bytes, by the folder of the control group that has them."""
    total = host.memory_bytes("MemTotal") or UNLIMITED
    return {
        group: limit
        for group in _groups(host)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := host.number(f"{group}/{name}")) is not None and limit < total
    }


def tmpfs_bytes(host: Host, options: tuple[str, ...]) -> int | None:
    """The size of a tmpfs: what its options say, else half of the memory, the kernel's default."""
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    for option in options:
        name, _, value = option.partition("=")
        digits = value.rstrip("kmg")
        if name == "size" and digits.isdecimal():
            return int(digits) * units.get(value[len(digits) :], 1)
    total = host.memory_bytes("MemTotal")
    return None if total is None else total // 2


def _chosen(text: str | None) -> str | None:
    """The word in brackets, as in ``always [madvise] never``."""
    words = (text or "").split()
    return next((word[1:-1] for word in words if word.startswith("[") and word[-1] == "]"), None)


def _groups(host: Host) -> list[str]:
    """Folders of this process's groups, in both versions, with all that stand above them."""
    found: dict[str, None] = {}
    for line in (host.text("proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        mounted = f"sys/fs/cgroup/{controllers}" if controllers else "sys/fs/cgroup"
        group = PurePosixPath(path)
        for one in (group, *group.parents):
            # In a container the path is the host's, and its mount begins at the group itself.
            folder = f"{mounted}/{str(one).strip('/')}".rstrip("/")
            if host.names(folder):
                found[folder] = None
    return list(found)


def _quota(host: Host, group: str) -> str | None:
    """The processor quota of a group, in either version; None without one."""
    quota, _, period = (host.text(f"{group}/cpu.max") or "").partition(" ")
    if not quota:
        quota = host.text(f"{group}/cpu.cfs_quota_us") or "-1"
        period = host.text(f"{group}/cpu.cfs_period_us") or ""
    if quota in ("max", "-1"):
        return None
    return f"{quota} us of {period or 'unknown'} us"


CHECKS = (
    transparent_huge_pages,
    huge_pages,
    swap,
    swappiness,
    locked_memory,
    realtime_priority,
    open_files,
    control_group,
    shared_memory,
)
