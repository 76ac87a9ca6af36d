"""What the doctor says of what it measured; and that it measures, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from laid_out import BAD, BETTER, GOOD, UNKNOWN, lay_out, verdicts

from touchline.core import program
from touchline.tuning import Host, measured
from touchline.tuning.measured import CpuTimes, SyncTimes

EARLIER = CpuTimes(100, 10_000)
JITTER = [
    ({"over_10us": 0, "max_ns": 9_000}, GOOD),
    ({"over_10us": 3, "max_ns": 999_999}, BETTER),
    ({"over_10us": 3, "max_ns": 1_000_000}, BAD),
    ("pin to processor 9: invalid", UNKNOWN),
]
WAYS = [
    ([120], GOOD),
    ([120, 500], BETTER),
    ([1_100], BAD),
    ("one core", UNKNOWN),
]
STOLEN = [
    (CpuTimes(101, 11_000), GOOD),
    (CpuTimes(110, 11_000), BETTER),
    (CpuTimes(120, 11_000), BAD),
    (EARLIER, UNKNOWN),
    (None, UNKNOWN),
]
SYNCED = [
    (SyncTimes(200, 90.0, 999.0, 2e4), GOOD),
    (SyncTimes(200, 90.0, 1001.0, 2e4), BETTER),
    (SyncTimes(200, 90.0, 10_000.0, 2e4), BAD),
    ("no data directory was given", UNKNOWN),
]


@pytest.mark.parametrize(("seen", "verdict"), JITTER)
def test_a_core_is_judged_by_its_longest_hiccup(seen, verdict):
    if isinstance(seen, dict):
        seen = {"ms": 500, "over_1us": 9, "over_100us": 0} | seen
    finding = measured.jitter(3, seen)
    assert (finding.name, finding.verdict) == ("jitter of core 3", verdict)


@pytest.mark.parametrize(("round_trips_ns", "verdict"), WAYS)
def test_cores_are_judged_by_the_way_between_them(round_trips_ns, verdict):
    told = round_trips_ns
    if isinstance(told, list):
        told = [{"cpus": [0, cpu], "round_trip_ns": {"p50": ns}} for cpu, ns in enumerate(told, 1)]
    assert measured.between_cores(told).verdict is verdict


@pytest.mark.parametrize(("now", "verdict"), STOLEN)
def test_a_hypervisor_is_judged_by_what_it_took_between_two_looks(now, verdict):
    assert measured.stolen_time(EARLIER, now).verdict is verdict


def test_without_an_earlier_look_time_counts_since_boot():
    finding = measured.stolen_time(None, CpuTimes(3, 100))
    assert (finding.read, finding.verdict) == ("3.00 % since boot", BAD)


@pytest.mark.parametrize(("told", "verdict"), SYNCED)
def test_a_disk_is_judged_by_its_p99(told, verdict):
    assert measured.disk_sync(told).verdict is verdict


@pytest.mark.parametrize(
    ("check", "cases"),
    [
        (measured.jitter, JITTER),
        (measured.between_cores, WAYS),
        (measured.stolen_time, STOLEN),
        (measured.disk_sync, SYNCED),
    ],
)
def test_every_verdict_of_a_measurement_has_a_case(check, cases):
    assert {verdict for _, verdict in cases} == verdicts(check)


@pytest.mark.parametrize(
    ("stat", "times"),
    [
        ("cpu  1 2 3 4 5 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0", CpuTimes(8, 36)),
        ("cpu  1 2 3", None),
        ("cpu  1 2 3 4 5 6 7 much", None),
        ("intr 1 2 3 4 5 6 7 8 9 0", None),
    ],
)
def test_guest_time_is_not_counted_twice_and_half_a_line_not_at_all(tmp_path, stat, times):
    assert measured.cpu_times(lay_out(tmp_path, {"proc/stat": stat})) == times


def test_no_times_without_the_file(tmp_path: Path):
    assert measured.cpu_times(Host(tmp_path)) is None


def test_the_disk_is_measured_and_nothing_stays_behind(tmp_path: Path):
    finding = measured.measure_sync(tmp_path / "not" / "there" / "yet", Host(tmp_path))
    assert re.match(r"\d+ times 4 KiB: p50 [\d,]+ us, p99 [\d,]+ us, max", finding.read)
    assert finding.verdict is not UNKNOWN
    assert not list(tmp_path.iterdir())


def test_memory_is_no_disk_to_measure(tmp_path: Path):
    mounts = {"proc/self/mounts": f"/dev/vda / ext4 rw 0 0\nt {tmp_path} tmpfs rw 0 0"}
    finding = measured.measure_sync(tmp_path, lay_out(tmp_path / "host", mounts))
    assert finding.verdict is UNKNOWN
    assert "lies in memory (tmpfs)" in finding.read


def test_a_folder_that_refuses_files_is_said_with_its_place():
    finding = measured.measure_sync(Path("/proc"), Host(Path("/nowhere")))
    assert finding.verdict is UNKNOWN
    assert finding.read.startswith("cannot write in /proc: ")


def test_the_spin_counts_a_hiccup_under_every_bound_that_it_exceeds():
    cpu = min(os.sched_getaffinity(0))
    command = [program("touchline-jitter"), "--cpu", str(cpu), "--ms", "50"]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (told["cpu"], told["ms"]) == (cpu, 50)
    assert told["turns"] > 1000
    assert told["over_1us"] >= told["over_10us"] >= told["over_100us"]
    assert told["max_ns"] <= told["lost_ns"]


def test_a_core_that_is_not_there_cannot_be_told():
    (finding,) = measured.measure_jitter([1023])
    assert finding.verdict is UNKNOWN
    assert "pin to processor" in finding.read


def test_one_core_has_no_way_to_another():
    assert measured.measure_between_cores([0]).verdict is UNKNOWN
