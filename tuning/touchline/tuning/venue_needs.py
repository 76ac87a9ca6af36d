"""Checks of a host against one venue: whether it has what the configuration asks for."""

from __future__ import annotations

from touchline.core import COMMAND_DTYPE, PRIVATE_RECORD_DTYPE, PUBLIC_RECORD_DTYPE, Venue
from touchline.tuning.finding import Finding, Subject
from touchline.tuning.host import Host, cpu_list, cpu_text, mib
from touchline.tuning.memory import memory_limits, tmpfs_bytes

__all__ = ["CHECKS", "needed_bytes", "ring_bytes"]

IN_MEMORY = ("tmpfs", "ramfs")
ON_DISK = ("ext4", "xfs", "ext3", "btrfs", "zfs", "f2fs", "bcachefs")
# Bytes of one element, rounded up: core/matcher/src/book.rs and names.rs.
LEVEL_BYTES, ORDER_BYTES, CL_ORD_ID_BYTES, INDEX_BYTES = 48, 64, 128, 8
# Likewise: core/matcher/src/accounts.rs.
ACCOUNT_BYTES, HOLDING_BYTES = 64, 32
# A ring of commands, one of private and one of public records; before each, its header and cursors
# (core/ring/src/layout.rs).
RING_DTYPES = (COMMAND_DTYPE, PRIVATE_RECORD_DTYPE, PUBLIC_RECORD_DTYPE)
RING_HEADER_BYTES = 3 * 4096
# In the engine alone: the journal's ring, and what waits for it, which is four rings long.
OWN_RINGS, OWN_RECORD_BYTES = 5, 256
# When they start, gateway and publisher replay the journal through a matcher of their own.
MATCHERS = 3
FIXED_BYTES = 64 << 20


def spinning_cores(host: Host, venue: Venue) -> Finding:
    """Whether there are cores enough for agents that never sleep."""
    subject = Subject("venue: wait", "an agent that spins keeps its core busy, whoever else waits")
    if venue.wait == "park":
        return subject.good('"park": idle agents sleep')
    allowed = cpu_list(host.field("proc/self/status", "Cpus_allowed_list") or "-")
    usable = (allowed or frozenset()) & (host.online() or frozenset())
    if not usable:
        return subject.unknown("which cores may be used is not to be seen", 'wait = "park"')
    read = f'"spin" on cores {cpu_text(usable)}'
    # Engine, gateway, publisher; one for the journal, operators and the system.
    if len(usable) >= 4:
        return subject.good(read)
    if len(usable) > 1:
        return subject.better(
            read,
            "`touchline up` runs all agents on one thread: 2 cores carry that, without strategies "
            'that spin; 4 for three programs; else wait = "park"',
        )
    return subject.bad(read, 'wait = "park": the journal never gets the core that the engine spins')


def journal_disk(host: Host, venue: Venue) -> Finding:
    """Whether the journal lies on a disk of this host."""
    subject = Subject("venue: data_dir", "the journal is the only truth, and must outlive the host")
    mount = host.mount_of(venue.data_dir)
    if mount is None:
        return subject.unknown("proc/self/mounts cannot be read", "`findmnt --target` tells it")
    read = f"{venue.data_dir} on {mount.type} at {mount.place}"
    if mount.type in ON_DISK:
        return subject.good(read)
    if mount.type in IN_MEMORY:
        return subject.bad(read, "set data_dir to a folder on a disk: this one is gone after boot")
    return subject.better(read, "a local disk with ext4 or xfs: what fdatasync promises is known")


def run_folder(host: Host, venue: Venue) -> Finding:
    """Whether rings lie in memory."""
    subject = Subject(
        "venue: run_dir", "a ring that lies on a disk is written back, and its writer waits"
    )
    mount = host.mount_of(venue.run_dir)
    if mount is None:
        return subject.unknown("proc/self/mounts cannot be read", "`findmnt --target` tells it")
    read = f"{venue.run_dir} on {mount.type} at {mount.place}"
    if mount.type in IN_MEMORY:
        size, rings = tmpfs_bytes(host, mount.options), ring_bytes(venue)
        if mount.type == "tmpfs" and size is not None and size < rings:
            return subject.bad(
                f"{read}: {mib(size)}, rings need {mib(rings)}",
                f"`mount -o remount,size=... {mount.place}`, or a smaller ring_records",
            )
        return subject.good(read)
    return subject.bad(read, "set run_dir to a folder on tmpfs, such as one in /dev/shm")


def needed_bytes(venue: Venue) -> int:
    """Memory that the capacities of a venue need, rounded up, bytes.

    Engine, and gateway and publisher while they replay; rings; without strategies.
    """
    engine = venue.engine
    cl_ord_ids = int(engine["max_cl_ord_ids"])
    account = ACCOUNT_BYTES + len(venue.instruments) * HOLDING_BYTES
    matcher = (
        2 * len(venue.instruments) * int(engine["max_levels"]) * LEVEL_BYTES
        + int(engine["max_open_orders"]) * ORDER_BYTES
        + cl_ord_ids * CL_ORD_ID_BYTES
        + int(engine["max_accounts"]) * account
        + (1 << (2 * cl_ord_ids - 1).bit_length()) * INDEX_BYTES
    )
    own = OWN_RINGS * int(engine["ring_records"]) * OWN_RECORD_BYTES
    return MATCHERS * matcher + ring_bytes(venue) + own + FIXED_BYTES


def ring_bytes(venue: Venue) -> int:
    """Room that the rings in ``run_dir`` need, bytes."""
    records = int(venue.engine["ring_records"])
    return sum(records * dtype.itemsize + RING_HEADER_BYTES for dtype in RING_DTYPES)


def capacities(host: Host, venue: Venue) -> Finding:
    """Whether the memory that is free holds what the configuration allows."""
    subject = Subject(
        "venue: memory", "the venue takes all its memory when it starts, and no more after that"
    )
    available = host.memory_bytes("MemAvailable")
    if available is None:
        return subject.unknown("no MemAvailable in proc/meminfo", "`free -m` on the host")
    limits = memory_limits(host)
    usable = min(available, *limits.values()) if limits else available
    needed = needed_bytes(venue)
    read = f"needs about {mib(needed)}, {mib(usable)} are available"
    if usable < available:
        read += " (a cgroup's limit)"
    advice = "smaller max_cl_ord_ids, max_open_orders, max_levels or ring_records; or more memory"
    if needed > usable:
        return subject.bad(read, advice)
    return subject.good(read) if 2 * needed <= usable else subject.better(read, advice)


def strategy_users(host: Host, venue: Venue) -> Finding:
    """Whether the users of strategies are known to this host."""
    subject = Subject(
        "venue: uid", "a strategy with a uid can connect only as that user; others are refused"
    )
    wanted = {one.name: one.uid for one in venue.strategies if one.uid is not None}
    if not wanted:
        return subject.good("no strategy has a uid: only the venue's own user may connect")
    text = host.text("etc/passwd")
    if text is None:
        return subject.unknown("etc/passwd cannot be read", "`getent passwd UID` tells it")
    known = {words[2] for line in text.splitlines() if len(words := line.split(":")) >= 3}
    missing = [f"{name} {uid}" for name, uid in wanted.items() if str(uid) not in known]
    if not missing:
        return subject.good(", ".join(f"{name} {uid}" for name, uid in wanted.items()))
    read = f"not in etc/passwd: {', '.join(missing)}"
    if _has_directory(host):
        return subject.unknown(read, "`getent passwd UID`: a directory service is asked here, too")
    return subject.bad(read, "make the user (`useradd --system`), or correct [[strategy]] uid")


def _has_directory(host: Host) -> bool:
    """Whether users may be known from elsewhere than files; systemd makes its own as it runs."""
    users = host.field("etc/nsswitch.conf", "passwd")
    return bool(set((users or "").split()) - {"files", "compat", "systemd"})


CHECKS = (spinning_cores, journal_disk, run_folder, capacities, strategy_users)
