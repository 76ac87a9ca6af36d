"""What the doctor says of a host for one venue: every verdict of every check."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from laid_out import BAD, BETTER, GOOD, UNKNOWN, Case, assert_case, verdicts

from touchline.core import Venue
from touchline.tuning import venue_needs as v

CONFIG = """\
[venue]
name = "tuned"
comp_id = "TOUCHLINE"
run_dir = "/dev/shm/tuned"
data_dir = "/srv/tuned"
wait = "{wait}"
[gateway]
address = "127.0.0.1:9878"
[marketdata]
interface = "127.0.0.1"
[marketdata.incremental]
channel = 1
a = "239.255.77.1:31001"
b = "239.255.77.2:31002"
[marketdata.snapshot]
channel = 2
a = "239.255.77.3:31003"
[marketdata.definition]
channel = 3
a = "239.255.77.4:31004"
[[instrument]]
symbol = "ESH4"
currency = "USD"
price_increment = "0.25"
min_price = "0.25"
max_price = "10000"
max_order_qty = 10000
phase = "call"
[[member]]
name = "QUANT"
sessions = ["QUANT1"]
[[strategy]]
name = "maker"
member = "QUANT"
{uid}
"""
ROOT = "/dev/vda / ext4 rw 0 0"
MAKER = {"uid": "uid = 990"}
PASSWD = "root:x:0:0::/:/bin/sh\nmaker:x:990:990::/:/bin/false"
FILES_ONLY = "passwd: files systemd"


def cpus(allowed: str) -> dict[str, str]:
    return {
        "sys/devices/system/cpu/online": "0-7",
        "proc/self/status": f"Cpus_allowed_list:\t{allowed}",
    }


def mounts(*lines: str) -> dict[str, str]:
    return {"proc/self/mounts": "\n".join((ROOT, *lines))}


def available(mib: int) -> dict[str, str]:
    return {"proc/meminfo": f"MemAvailable: {mib * 1024} kB"}


def users(passwd: str, sources: str) -> dict[str, str]:
    return {"etc/passwd": passwd, "etc/nsswitch.conf": sources}


SPIN = {"wait": "spin"}
CASES = [
    Case("who parks needs no core", v.spinning_cores, GOOD),
    Case("four cores to spin", v.spinning_cores, GOOD, cpus("0-3"), "0-3", SPIN),
    Case("two cores to spin", v.spinning_cores, BETTER, cpus("0-1"), "0-1", SPIN),
    Case("one core to spin", v.spinning_cores, BAD, cpus("0"), "park", SPIN),
    Case("cores are hidden", v.spinning_cores, UNKNOWN, {}, "", SPIN),
    Case("a disk", v.journal_disk, GOOD, mounts("/dev/vdb /srv xfs rw 0 0"), "xfs at /srv"),
    Case("a network", v.journal_disk, BETTER, mounts("host:/x /srv nfs4 rw 0 0"), "nfs4"),
    Case("memory", v.journal_disk, BAD, mounts("t /srv/tuned tmpfs rw 0 0"), "after boot"),
    Case("mounts are hidden", v.journal_disk, UNKNOWN),
    Case("memory", v.run_folder, GOOD, mounts("t /dev/shm tmpfs rw 0 0"), "tmpfs at /dev/shm"),
    Case("a disk", v.run_folder, BAD, mounts("t /dev/shmx tmpfs rw 0 0"), "ext4 at /"),
    Case(
        "memory that is too small",
        v.run_folder,
        BAD,
        mounts("t /dev/shm tmpfs rw,size=4096k 0 0"),
        "4.0 MiB, rings need",
    ),
    Case("mounts are hidden", v.run_folder, UNKNOWN),
    Case("much memory", v.capacities, GOOD, available(64_000), "62.5 GiB are available"),
    Case(
        "a limit below it",
        v.capacities,
        BAD,
        available(64_000)
        | {"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/memory.max": "67108864"},
        "64.0 MiB are available (a cgroup's limit)",
    ),
    Case("memory that is hidden", v.capacities, UNKNOWN),
    Case("no memory", v.capacities, BAD, available(64), "max_cl_ord_ids"),
    Case("no uid", v.strategy_users, GOOD),
    Case("a user", v.strategy_users, GOOD, users(PASSWD, FILES_ONLY), "maker 990", MAKER),
    Case("no user", v.strategy_users, BAD, users("root:x:0:0", FILES_ONLY), "maker 990", MAKER),
    Case(
        "a user of a directory service",
        v.strategy_users,
        UNKNOWN,
        users("root:x:0:0", "passwd: files sss"),
        "directory",
        MAKER,
    ),
    Case("users are hidden", v.strategy_users, UNKNOWN, {}, "getent", MAKER),
]


CAPACITIES = ("max_open_orders", "max_levels", "max_cl_ord_ids", "max_accounts")


def load(folder: Path, wait: str = "park", uid: str = "") -> Venue:
    config = folder / "venue.toml"
    config.write_text(CONFIG.format(wait=wait, uid=uid))
    return Venue.load(config)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check.__name__}: {case.rule}")
def test_a_host_is_judged_by_what_the_venue_asks_for(tmp_path: Path, case: Case):
    venue = load(tmp_path, **(case.venue or {}))
    assert_case(tmp_path / "host", dataclasses.replace(case, venue=venue))


def test_memory_that_is_just_enough_could_be_better(tmp_path: Path):
    venue = load(tmp_path)
    mib = (v.needed_bytes(venue) >> 20) + 2
    case = Case("just enough", v.capacities, BETTER, available(mib), "needs about", venue)
    assert_case(tmp_path / "host", case)


@pytest.mark.parametrize("check", v.CHECKS)
def test_every_verdict_of_a_check_of_a_venue_has_a_case(check):
    seen = {case.verdict for case in CASES if case.check is check}
    assert seen | ({BETTER} if check is v.capacities else set()) == verdicts(check)


def test_the_memory_that_a_venue_needs_grows_with_each_of_its_capacities(tmp_path: Path):
    venue = load(tmp_path)
    for name in (*CAPACITIES, "ring_records"):
        more = dataclasses.replace(venue, engine=venue.engine | {name: 4 * venue.engine[name]})
        assert v.needed_bytes(more) > v.needed_bytes(venue), name


def test_a_venue_that_runs_has_taken_no_more_than_was_said(venue):
    status = Path(f"/proc/{venue.process.pid}/status").read_text()
    (peak_kb,) = [int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line]
    assert peak_kb * 1024 < v.needed_bytes(Venue.load(venue.config))


def test_the_rings_of_a_venue_that_runs_are_as_large_as_was_said(venue):
    rings = [path.stat().st_size for path in venue.run_dir.glob("*.ring")]
    assert len(rings) == len(v.RING_DTYPES)
    assert sum(rings) == v.ring_bytes(Venue.load(venue.config))
