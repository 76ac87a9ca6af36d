"""Checks of processors: how many, whose they are, how they sleep, and what tells the time."""

from __future__ import annotations

from touchline.tuning.finding import Finding, Subject
from touchline.tuning.host import CPU_FOLDER, Host, cpu_list, cpu_text

__all__ = ["CHECKS"]

# C-states whose exit takes longer than this are felt in p99; far longer ones in the median.
EXIT_US_GOOD = 10
EXIT_US_BAD = 100
CORES_GOOD = 4
_HIDDEN = "look at it on the host itself, outside a container or sandbox"


def cores(host: Host) -> Finding:
    """How many processors are online."""
    subject = Subject(
        "cores", "engine, gateway, publisher and each strategy want a core; others share one"
    )
    online = host.online()
    if online is None:
        return subject.unknown(f"{CPU_FOLDER}/online is not there", _HIDDEN)
    read = f"{len(online)} online: {cpu_text(online)}"
    if len(online) >= CORES_GOOD:
        return subject.good(read)
    if len(online) > 1:
        return subject.better(
            read, 'keep wait = "park" and one program (`touchline up`); 4 cores or more to spin'
        )
    return subject.bad(read, "2 cores at least: on one, journal and engine wait for each other")


def smt_siblings(host: Host) -> Finding:
    """Whether two processors are threads of one core."""
    subject = Subject("SMT siblings", "two threads of a core share its caches and execution ports")
    online = host.online()
    if online is None:
        return subject.unknown(f"{CPU_FOLDER}/online is not there", _HIDDEN)
    groups = set()
    for cpu in online:
        siblings = host.cpus(f"{CPU_FOLDER}/cpu{cpu}/topology/thread_siblings_list")
        if siblings is None:
            return subject.unknown(f"no topology of processor {cpu}", _HIDDEN)
        groups.add(siblings & online)
    shared = sorted(cpu_text(group) for group in groups if len(group) > 1)
    if not shared:
        return subject.good("each processor is a core of its own")
    return subject.better(
        "threads of one core: " + "; ".join(shared),
        "leave the siblings of the venue's cores idle: `nosmt` at boot, or "
        "`echo 0 > /sys/devices/system/cpu/cpuN/online`",
    )


def numa_nodes(host: Host) -> Finding:
    """How many memory nodes there are, and whether the kernel moves pages between them."""
    subject = Subject("NUMA nodes", "memory of another node takes about twice as long to reach")
    nodes = host.cpus("sys/devices/system/node/online")
    if not nodes:
        return subject.unknown("sys/devices/system/node/online is not there", _HIDDEN)
    if len(nodes) == 1:
        return subject.good("one node")
    balancing = host.number("proc/sys/kernel/numa_balancing")
    read = f"{len(nodes)} nodes, numa_balancing {'unknown' if balancing is None else balancing}"
    if balancing:
        return subject.bad(
            read,
            "`sysctl kernel.numa_balancing=0`: it unmaps pages to see who uses them; then keep "
            "the venue on the network card's node (`numactl --cpunodebind=N --membind=N`)",
        )
    return subject.better(
        read, "keep the venue on the network card's node: `numactl --cpunodebind=N --membind=N`"
    )


def time_stamp_counter(host: Host) -> Finding:
    """Whether the processor's counter runs steadily."""
    subject = Subject(
        "time stamp counter", "every time stamp is read from it; it must neither stop nor change"
    )
    flags = host.cpu_flags()
    if flags is None:
        return subject.unknown("no flags in proc/cpuinfo", "on x86 only; " + _HIDDEN)
    missing = [flag for flag in ("constant_tsc", "nonstop_tsc") if flag not in flags]
    if not missing:
        return subject.good("constant_tsc, nonstop_tsc")
    return subject.bad(
        f"without {', '.join(missing)}",
        "on a virtual machine, let the hypervisor pass the counter through (invtsc); else use a "
        "newer processor",
    )


def clocksource(host: Host) -> Finding:
    """What the kernel takes the time from."""
    subject = Subject(
        "clocksource", "tsc is read in about 20 ns in user space; others cost a system call"
    )
    folder = "sys/devices/system/clocksource/clocksource0"
    current = host.text(f"{folder}/current_clocksource")
    if not current:
        return subject.unknown(f"{folder} is not there", _HIDDEN)
    available = (host.text(f"{folder}/available_clocksource") or "").split()
    if current in ("tsc", "arch_sys_counter"):
        return subject.good(current)
    read = f"{current} of {', '.join(available) or 'an unknown list'}"
    advice = (
        f"`echo tsc > /{folder}/current_clocksource`, and `clocksource=tsc tsc=reliable` at boot"
        if "tsc" in available
        else "the kernel found tsc unstable or is not shown it: see `dmesg | grep -i tsc`"
    )
    if current in ("kvm-clock", "hyperv_clocksource_tsc_page"):
        return subject.better(read, advice)
    return subject.bad(read, advice)


def isolated_cores(host: Host) -> Finding:
    """Whether the scheduler keeps others away from some cores."""
    subject = Subject("isolated cores", "only an isolated core is never given to another process")
    isolated = host.isolated()
    if isolated is None:
        return subject.unknown(f"{CPU_FOLDER}/isolated is not there", _HIDDEN)
    if isolated:
        return subject.good(cpu_text(isolated))
    online = host.online() or frozenset()
    if len(online) < CORES_GOOD:
        return subject.better(
            "none", f"with {CORES_GOOD} cores or more, isolate those of the venue; not with fewer"
        )
    return subject.better(
        "none",
        "`isolcpus=managed_irq,domain,LIST` at boot, or a cpuset partition `isolated`; never both",
    )


def tickless_cores(host: Host) -> Finding:
    """Whether a core that runs one thread is spared the timer tick."""
    subject = Subject("tick (nohz_full)", "a tick interrupts a spinning thread 100 to 1000 times/s")
    if host.online() is None:
        return subject.unknown(f"{CPU_FOLDER} is not there", _HIDDEN)
    tickless = host.cpus(f"{CPU_FOLDER}/nohz_full")
    if tickless is None:
        return subject.better(
            "the kernel has no nohz_full", "a kernel with CONFIG_NO_HZ_FULL, as Debian's"
        )
    wanted = host.isolated() or frozenset()
    if not tickless or wanted - tickless:
        return subject.better(
            f"without tick: {cpu_text(tickless)}; isolated: {cpu_text(wanted)}",
            "`nohz_full=LIST` at boot, with the list of the isolated cores",
        )
    return subject.good(f"without tick: {cpu_text(tickless)}")


def rcu_callbacks(host: Host) -> Finding:
    """Whether the kernel's deferred frees run elsewhere."""
    subject = Subject("RCU callbacks", "the kernel frees memory on the core that let go of it")
    options = host.boot_options()
    if options is None:
        return subject.unknown("proc/cmdline is not there", _HIDDEN)
    for name in ("rcu_nocbs", "nohz_full"):
        if options.get(name):
            return subject.good(f"{name}={options[name]}")
    return subject.better("run on every core", "`rcu_nocbs=LIST` at boot (nohz_full= implies it)")


def allowed_cores(host: Host) -> Finding:
    """Which cores a process that starts here may use."""
    subject = Subject("cpuset", "what is started from here runs on these cores and on no others")
    allowed = cpu_list(host.field("proc/self/status", "Cpus_allowed_list") or "-")
    online = host.online()
    if allowed is None or online is None:
        return subject.unknown("no Cpus_allowed_list in proc/self/status", _HIDDEN)
    usable = allowed & online
    read = f"{cpu_text(usable)} of {cpu_text(online)}"
    # A process is never on an isolated core unless it asks to be.
    if online - (host.isolated() or frozenset()) <= usable:
        return subject.good(read)
    advice = "start the venue with the cores that it needs: cpuset of the container, `taskset`"
    return subject.better(read, advice) if len(usable) > 1 else subject.bad(read, advice)


def frequency(host: Host) -> Finding:
    """Which governor chooses the frequency."""
    subject = Subject("frequency governor", "a core that slows down when idle is slow when woken")
    told = {
        (governor, host.text(f"{CPU_FOLDER}/{cpu}/cpufreq/scaling_driver") or "unknown driver")
        for cpu in host.names(CPU_FOLDER)
        if (governor := host.text(f"{CPU_FOLDER}/{cpu}/cpufreq/scaling_governor"))
    }
    if not told:
        return subject.unknown(
            "no cpufreq", "the hypervisor or the firmware decides: choose performance there"
        )
    read = ", ".join(f"{governor} ({driver})" for governor, driver in sorted(told))
    advice = "`cpupower frequency-set -g performance`"
    # These two drivers call their dynamic mode powersave; of others it is the lowest frequency.
    dynamic = ("intel_pstate", "amd-pstate-epp")
    if any(one == "powersave" and driver not in dynamic for one, driver in told):
        return subject.bad(read, advice)
    if any(governor != "performance" for governor, _ in told):
        return subject.better(read, advice)
    return subject.good(read)


def idle_states(host: Host) -> Finding:
    """How long an idle core takes to wake, by the states that it may enter."""
    subject = Subject("C-states", "a deep sleep of an idle core is added to the next message")
    driver = host.text(f"{CPU_FOLDER}/cpuidle/current_driver")
    deepest, name = -1, ""
    for cpu in host.names(CPU_FOLDER):
        for state in host.names(f"{CPU_FOLDER}/{cpu}/cpuidle"):
            place = f"{CPU_FOLDER}/{cpu}/cpuidle/{state}"
            latency = host.number(f"{place}/latency")
            if latency is not None and host.number(f"{place}/disable") != 1 and latency > deepest:
                deepest, name = latency, host.text(f"{place}/name") or state
    if deepest < 0:
        return subject.unknown(
            f"driver {driver or 'unknown'}, no states", "the hypervisor or the firmware decides"
        )
    read = f"{driver or 'unknown driver'}: deepest is {name}, {deepest} us to wake"
    advice = (
        "hold /dev/cpu_dma_latency at 0 while the venue runs, or "
        "`processor.max_cstate=1 intel_idle.max_cstate=1` at boot; a spinning core never sleeps"
    )
    if deepest <= EXIT_US_GOOD:
        return subject.good(read)
    return subject.better(read, advice) if deepest <= EXIT_US_BAD else subject.bad(read, advice)


def virtualisation(host: Host) -> Finding:
    """Whether this is a virtual machine."""
    subject = Subject(
        "virtualisation", "a hypervisor takes cores away without asking: p99.9 and max are its own"
    )
    flags = host.cpu_flags()
    if flags is None:
        return subject.unknown("no flags in proc/cpuinfo", "on x86 only; " + _HIDDEN)
    if "hypervisor" not in flags:
        return subject.good("bare metal")
    return subject.better(
        "virtual machine", "own cores for its processors (pinned, not overcommitted); or bare metal"
    )


def mitigations(host: Host) -> Finding:
    """What the kernel does about faults of the processor."""
    subject = Subject(
        "mitigations", "each makes system calls slower; without it, a process may read others"
    )
    folder = f"{CPU_FOLDER}/vulnerabilities"
    told = {name: host.text(f"{folder}/{name}") or "" for name in host.names(folder)}
    if not told:
        return subject.unknown(f"{folder} is not there", _HIDDEN)
    options = host.boot_options() or {}
    word = f"mitigations={options.get('mitigations') or 'auto'}"
    open_ = sorted(name for name, text in told.items() if text.startswith("Vulnerable"))
    if not open_:
        return subject.good(f"{word}; nothing is open")
    return subject.better(
        f"{word}; open: {', '.join(open_)}",
        "a choice to write down: admit strategies of strangers only with `mitigations=auto` and "
        "current microcode",
    )


CHECKS = (
    cores,
    smt_siblings,
    numa_nodes,
    time_stamp_counter,
    clocksource,
    isolated_cores,
    tickless_cores,
    rcu_callbacks,
    allowed_cores,
    frequency,
    idle_states,
    virtualisation,
    mitigations,
)
