"""What the doctor says of memory, limits, network and clock: every verdict of every check."""

from __future__ import annotations

from pathlib import Path

import pytest
from laid_out import BAD, BETTER, GOOD, UNKNOWN, Case, assert_case, lay_out, verdicts

from touchline.tuning import memory as m
from touchline.tuning import network as n
from touchline.tuning.clock import ClockState, clock_state, clock_synchronisation

THP = "sys/kernel/mm/transparent_hugepage"
MEMINFO = "MemTotal:       8000000 kB\nMemAvailable:   4000000 kB\nHugePages_Free:      {}"
SWAPS = "Filename\tType\tSize\tUsed\tPriority"
CORE = "proc/sys/net/core"
CPU = "sys/devices/system/cpu"
NIC = "sys/class/net/eth0/device/msi_irqs/40"


def thp(enabled: str, defrag: str) -> dict[str, str]:
    return {f"{THP}/enabled": enabled, f"{THP}/defrag": defrag}


def huge(reserved: int, free: int) -> dict[str, str]:
    return {"proc/sys/vm/nr_hugepages": f"{reserved}", "proc/meminfo": MEMINFO.format(free)}


def swaps(used_kb: int) -> dict[str, str]:
    return {"proc/swaps": f"{SWAPS}\n/swapfile file 2000000 {used_kb} -2"}


def limits(name: str, soft: str) -> dict[str, str]:
    head = "Limit                     Soft Limit           Hard Limit           Units"
    return {"proc/self/limits": f"{head}\n{name:<26}{soft:<21}{soft:<21}units"}


def group(**files: str) -> dict[str, str]:
    """A process in /venue of cgroup v2; ``_`` stands for the first dot of a file's name."""
    folder = "sys/fs/cgroup/venue"
    named = {f"{folder}/{name.replace('_', '.', 1)}": text for name, text in files.items()}
    return {"proc/self/cgroup": "0::/venue", "proc/meminfo": MEMINFO.format(0)} | named


def mount(line: str) -> dict[str, str]:
    lines = f"/dev/vda / ext4 rw 0 0\n{line}"
    return {"proc/self/mounts": lines, "proc/meminfo": MEMINFO.format(0)}


def irq(cpus: str, isolated: str = "") -> dict[str, str]:
    return {
        NIC: "msix",
        "proc/irq/40/smp_affinity_list": cpus,
        f"{CPU}/online": "0-3",
        f"{CPU}/isolated": isolated,
    }


V1 = {
    "proc/self/cgroup": "1:cpu,cpuacct:/a/b",
    "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "50000",
    "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
}
LOCKED, PRIORITY, FILES = "Max locked memory", "Max realtime priority", "Max open files"

CASES = [
    Case("never", m.transparent_huge_pages, BETTER, thp("always madvise [never]", "")),
    Case("madvise asks first", m.transparent_huge_pages, GOOD, thp("always [madvise] never", "")),
    Case("always", m.transparent_huge_pages, BETTER, thp("[always] never", "[madvise] never")),
    Case("always, and at once", m.transparent_huge_pages, BAD, thp("[always]", "[always]")),
    Case("a kernel without", m.transparent_huge_pages, UNKNOWN),
    Case("no huge pages are needed", m.huge_pages, GOOD, huge(0, 0), "0 reserved"),
    Case("somebody uses them", m.huge_pages, GOOD, huge(64, 10), "10 free"),
    Case("nobody uses them", m.huge_pages, BETTER, huge(64, 64), "all free"),
    Case("huge pages are hidden", m.huge_pages, UNKNOWN),
    Case("no swap", m.swap, GOOD, {"proc/swaps": SWAPS}),
    Case("swap that waits", m.swap, BETTER, swaps(0), "/swapfile"),
    Case("swap that is used", m.swap, BAD, swaps(2048), "2.0 MiB used"),
    Case("swap is hidden", m.swap, UNKNOWN),
    Case("low", m.swappiness, GOOD, {"proc/sys/vm/swappiness": "10"} | swaps(0)),
    Case("no matter", m.swappiness, GOOD, {"proc/sys/vm/swappiness": "60", "proc/swaps": SWAPS}),
    Case("high", m.swappiness, BETTER, {"proc/sys/vm/swappiness": "60"} | swaps(0), "=10"),
    Case("not a number", m.swappiness, UNKNOWN, {"proc/sys/vm/swappiness": "much"}),
    Case("may lock all", m.locked_memory, GOOD, limits(LOCKED, "unlimited")),
    Case("may lock some", m.locked_memory, BETTER, limits(LOCKED, "8388608"), "8.0 MiB"),
    Case("locks are hidden", m.locked_memory, UNKNOWN, limits("Max processes", "9")),
    Case("may be real-time", m.realtime_priority, GOOD, limits(PRIORITY, "80")),
    Case("may not be real-time", m.realtime_priority, BETTER, limits(PRIORITY, "0")),
    Case("priorities are hidden", m.realtime_priority, UNKNOWN),
    Case("many files", m.open_files, GOOD, limits(FILES, "20000")),
    Case("as many files as wanted", m.open_files, GOOD, limits(FILES, "unlimited"), "unlimited"),
    Case("1024 files", m.open_files, BETTER, limits(FILES, "1024")),
    Case("few files", m.open_files, BAD, limits(FILES, "256")),
    Case("files are hidden", m.open_files, UNKNOWN),
    Case("no limits", m.control_group, GOOD, group(cpu_max="max 100000", memory_max="max")),
    Case("a memory limit", m.control_group, BETTER, group(memory_max="1073741824"), "1.0 GiB"),
    Case("a quota", m.control_group, BAD, group(cpu_max="50000 100000"), "50000 us of 100000 us"),
    Case("a quota above, in version 1", m.control_group, BAD, V1, "50000 us of 100000 us"),
    Case("groups are hidden", m.control_group, UNKNOWN, {"proc/self/cgroup": "0::/gone"}),
    Case("a large one", m.shared_memory, GOOD, mount("t /dev/shm tmpfs rw,size=2g 0 0"), "2.0 GiB"),
    Case("half of memory", m.shared_memory, GOOD, mount("t /dev/shm tmpfs rw 0 0"), "3.8 GiB"),
    Case(
        "a small one",
        m.shared_memory,
        BETTER,
        mount("t /dev/shm tmpfs rw,size=524288k 0 0"),
        "512.0 MiB",
    ),
    Case("a container's", m.shared_memory, BAD, mount("t /dev/shm tmpfs rw,size=65536k 0 0")),
    Case("none at all", m.shared_memory, BAD, mount("proc /proc proc rw 0 0"), "on ext4 at /"),
    Case("mounts are hidden", m.shared_memory, UNKNOWN),
    Case(
        "no size is told",
        m.shared_memory,
        UNKNOWN,
        {"proc/self/mounts": "t /dev/shm tmpfs rw 0 0"},
    ),
    Case("as asked", n.receive_buffers, GOOD, {f"{CORE}/rmem_max": "16777216"}),
    Case("4 MiB", n.receive_buffers, BETTER, {f"{CORE}/rmem_max": "4194304"}, "=16777216"),
    Case("as Linux has it", n.receive_buffers, BAD, {f"{CORE}/rmem_max": "212992"}, "208 KiB"),
    Case("receive buffers are hidden", n.receive_buffers, UNKNOWN),
    Case("as asked", n.send_buffers, GOOD, {f"{CORE}/wmem_max": "4194304"}),
    Case("1 MiB", n.send_buffers, BETTER, {f"{CORE}/wmem_max": "1048576"}),
    Case("as Linux has it", n.send_buffers, BAD, {f"{CORE}/wmem_max": "212992"}),
    Case("send buffers are hidden", n.send_buffers, UNKNOWN),
    Case("away from isolated cores", n.network_interrupts, GOOD, irq("0-1", "2-3"), "eth0 on 0-1"),
    Case("on one core", n.network_interrupts, GOOD, irq("0")),
    Case("on all cores", n.network_interrupts, BETTER, irq("0-3")),
    Case("on an isolated core", n.network_interrupts, BAD, irq("0-2", "2-3"), "isolated: 2-3"),
    Case("interrupts are hidden", n.network_interrupts, UNKNOWN, {"sys/class/net/lo/mtu": "1"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check.__name__}: {case.rule}")
def test_a_check_of_memory_or_network_judges_what_lies_there(tmp_path: Path, case: Case):
    assert_case(tmp_path, case)


@pytest.mark.parametrize("check", (*m.CHECKS, *n.CHECKS))
def test_every_verdict_of_a_check_of_memory_or_network_has_a_case(check):
    can = verdicts(n._buffers) if check in (n.receive_buffers, n.send_buffers) else verdicts(check)
    assert {case.verdict for case in CASES if case.check is check} == can


def test_interrupts_of_a_virtio_device_are_those_of_the_device_above_it(tmp_path: Path):
    host = lay_out(tmp_path, irq("0", "2-3") | {"sys/devices/pci/msi_irqs/41": "msix"})
    lay_out(tmp_path, {"sys/devices/pci/virtio3/x": "", "proc/irq/41/smp_affinity_list": "3"})
    (tmp_path / "sys/class/net/eth1").mkdir()
    (tmp_path / "sys/class/net/eth1/device").symlink_to(tmp_path / "sys/devices/pci/virtio3")
    finding = n.network_interrupts(host)
    assert finding.verdict is BAD
    assert "eth0 on 0; eth1 on 3" in finding.read


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (ClockState(True, 20, 900), GOOD),
        (ClockState(True, 101, 900), BETTER),
        (ClockState(False, 0, 16_000_000), BAD),
        (None, UNKNOWN),
    ],
)
def test_a_clock_is_judged_by_whether_it_is_steered_and_how_well(state, verdict):
    assert clock_synchronisation(state).verdict is verdict


def test_the_kernel_says_how_its_clock_is_kept():
    state = clock_state()
    assert state is None or (state.max_us >= 0 and state.estimated_us >= 0)
