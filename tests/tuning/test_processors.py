"""What the doctor says of processors: every verdict of every check, over laid-out hosts."""

from __future__ import annotations

from pathlib import Path

import pytest
from laid_out import BAD, BETTER, GOOD, UNKNOWN, Case, assert_case, verdicts

from touchline.tuning import processors as p

CPU = "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0"


def online(cpus: str, **more: str) -> dict[str, str]:
    """A host with these processors, and more files below their folder, ``/`` as ``__``."""
    files = {f"{CPU}/{name.replace('__', '/')}": text for name, text in more.items()}
    return {f"{CPU}/online": cpus} | files


def flags(words: str) -> dict[str, str]:
    return {"proc/cpuinfo": f"processor\t: 0\nmodel name\t: any\nflags\t\t: fpu {words} sse2"}


def source(current: str, available: str) -> dict[str, str]:
    return {f"{CLOCK}/current_clocksource": current, f"{CLOCK}/available_clocksource": available}


def siblings(*groups: str) -> dict[str, str]:
    files = {
        f"{CPU}/cpu{cpu}/topology/thread_siblings_list": group for cpu, group in enumerate(groups)
    }
    return online(f"0-{len(groups) - 1}") | files


def governor(name: str, driver: str) -> dict[str, str]:
    folder = f"{CPU}/cpu0/cpufreq"
    return {f"{folder}/scaling_governor": name, f"{folder}/scaling_driver": driver}


def idle(latency_us: int, disable: int = 0) -> dict[str, str]:
    states = f"{CPU}/cpu0/cpuidle"
    return {
        f"{CPU}/cpuidle/current_driver": "intel_idle",
        f"{states}/state0/name": "POLL",
        f"{states}/state0/latency": "0",
        f"{states}/state0/disable": "0",
        f"{states}/state1/name": "C6",
        f"{states}/state1/latency": f"{latency_us}",
        f"{states}/state1/disable": f"{disable}",
    }


def allowed(cpus: str) -> dict[str, str]:
    return {"proc/self/status": f"Name:\tcat\nCpus_allowed_list:\t{cpus}"}


NODES = "sys/devices/system/node/online"
BALANCING = "proc/sys/kernel/numa_balancing"
WEAK = f"{CPU}/vulnerabilities"
ISOLATED = "sys/fs/cgroup/cpuset.cpus.isolated"

CASES = [
    Case("four cores are enough", p.cores, GOOD, online("0-3"), "4 online: 0-3"),
    Case("two cores are few", p.cores, BETTER, online("0,2"), "2 online: 0,2"),
    Case("one core is too few", p.cores, BAD, online("0")),
    Case("cores that are hidden are not guessed", p.cores, UNKNOWN),
    Case("a list that is none is not guessed", p.cores, UNKNOWN, online("3-1")),
    Case("without SMT each has its core", p.smt_siblings, GOOD, siblings("0", "1")),
    Case("siblings are named", p.smt_siblings, BETTER, siblings("0,2", "1", "0,2"), "0,2"),
    Case("a sibling that is offline shares nothing", p.smt_siblings, GOOD, siblings("0,9")),
    Case("no topology, no verdict", p.smt_siblings, UNKNOWN, online("0-1"), "processor"),
    Case("no processors, no topology", p.smt_siblings, UNKNOWN),
    Case("one node is near", p.numa_nodes, GOOD, {NODES: "0"}),
    Case("of two nodes one is far", p.numa_nodes, BETTER, {NODES: "0-1", BALANCING: "0"}),
    Case("balancing stops threads", p.numa_nodes, BAD, {NODES: "0-1", BALANCING: "1"}),
    Case("nodes may be hidden", p.numa_nodes, UNKNOWN),
    Case("a steady counter", p.time_stamp_counter, GOOD, flags("constant_tsc nonstop_tsc")),
    Case("a counter that stops", p.time_stamp_counter, BAD, flags("constant_tsc"), "nonstop_tsc"),
    Case("a counter without flags", p.time_stamp_counter, UNKNOWN, {"proc/cpuinfo": "a: b"}),
    Case("tsc is the best source", p.clocksource, GOOD, source("tsc", "tsc hpet")),
    Case(
        "kvm-clock may be exchanged",
        p.clocksource,
        BETTER,
        source("kvm-clock", "kvm-clock tsc"),
        "echo tsc",
    ),
    Case("hpet is slow", p.clocksource, BAD, source("hpet", "hpet acpi_pm"), "dmesg"),
    Case("a source that is hidden", p.clocksource, UNKNOWN),
    Case("isolated at boot", p.isolated_cores, GOOD, online("0-3", isolated="2-3"), "2-3"),
    Case(
        "isolated by a partition",
        p.isolated_cores,
        GOOD,
        online("0-3", isolated="") | {ISOLATED: "3"},
        "3",
    ),
    Case(
        "four cores want isolation",
        p.isolated_cores,
        BETTER,
        online("0-3", isolated=""),
        "isolcpus=",
    ),
    Case(
        "two cores are not isolated", p.isolated_cores, BETTER, online("0-1", isolated=""), "fewer"
    ),
    Case("isolation may be hidden", p.isolated_cores, UNKNOWN),
    Case(
        "no tick on isolated cores",
        p.tickless_cores,
        GOOD,
        online("0-3", isolated="2-3", nohz_full="1-3"),
    ),
    Case(
        "a tick on an isolated core",
        p.tickless_cores,
        BETTER,
        online("0-3", isolated="2-3", nohz_full="3"),
        "isolated: 2-3",
    ),
    Case(
        "a list that was never made",
        p.tickless_cores,
        BETTER,
        online("0-3", nohz_full="(null)"),
        "without tick: none",
    ),
    Case("a kernel that always ticks", p.tickless_cores, BETTER, online("0-3"), "kernel"),
    Case("a tick that is hidden", p.tickless_cores, UNKNOWN),
    Case("callbacks moved", p.rcu_callbacks, GOOD, {"proc/cmdline": "quiet rcu_nocbs=2-3"}, "2-3"),
    Case("callbacks moved with the tick", p.rcu_callbacks, GOOD, {"proc/cmdline": "nohz_full=2"}),
    Case("callbacks everywhere", p.rcu_callbacks, BETTER, {"proc/cmdline": "quiet"}),
    Case("a command line that is hidden", p.rcu_callbacks, UNKNOWN),
    Case("all cores", p.allowed_cores, GOOD, online("0-3") | allowed("0-3")),
    Case(
        "all but the isolated ones",
        p.allowed_cores,
        GOOD,
        online("0-3", isolated="2-3") | allowed("0-1"),
    ),
    Case("some cores", p.allowed_cores, BETTER, online("0-3") | allowed("0-1"), "0-1 of 0-3"),
    Case("one core of several", p.allowed_cores, BAD, online("0-3") | allowed("2")),
    Case("cores that are not told", p.allowed_cores, UNKNOWN, online("0-3")),
    Case("performance", p.frequency, GOOD, governor("performance", "acpi-cpufreq")),
    Case("schedutil ramps up", p.frequency, BETTER, governor("schedutil", "acpi-cpufreq")),
    Case("powersave may be dynamic", p.frequency, BETTER, governor("powersave", "intel_pstate")),
    Case("powersave may be the lowest", p.frequency, BAD, governor("powersave", "acpi-cpufreq")),
    Case("the hypervisor decides", p.frequency, UNKNOWN, online("0-3")),
    Case("a shallow state", p.idle_states, GOOD, idle(2), "C6, 2 us"),
    Case("a deep state that is disabled", p.idle_states, GOOD, idle(133, disable=1), "POLL"),
    Case("a state of 85 us", p.idle_states, BETTER, idle(85)),
    Case("a state of 133 us", p.idle_states, BAD, idle(133), "133 us"),
    Case("no states", p.idle_states, UNKNOWN, {f"{CPU}/cpuidle/current_driver": "none"}),
    Case("bare metal", p.virtualisation, GOOD, flags("tsc")),
    Case("a virtual machine", p.virtualisation, BETTER, flags("hypervisor")),
    Case("flags that are hidden", p.virtualisation, UNKNOWN),
    Case("nothing is open", p.mitigations, GOOD, {f"{WEAK}/meltdown": "Not affected"}),
    Case(
        "what is open is named",
        p.mitigations,
        BETTER,
        {f"{WEAK}/l1tf": "Vulnerable", "proc/cmdline": "mitigations=off"},
        "mitigations=off; open: l1tf",
    ),
    Case("faults that are hidden", p.mitigations, UNKNOWN),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check.__name__}: {case.rule}")
def test_a_check_of_processors_judges_what_lies_there(tmp_path: Path, case: Case):
    assert_case(tmp_path, case)


@pytest.mark.parametrize("check", p.CHECKS)
def test_every_verdict_of_a_check_of_processors_has_a_case(check):
    assert {case.verdict for case in CASES if case.check is check} == verdicts(check)
