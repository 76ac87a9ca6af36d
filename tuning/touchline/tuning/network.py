"""Checks of the network: buffers of datagrams, and where its interrupts are served."""

from __future__ import annotations

from touchline.tuning.finding import Finding, Subject
from touchline.tuning.host import Host, cpu_text, mib

__all__ = ["CHECKS"]

_HIDDEN = "look at it on the host itself, outside a container or sandbox"
# What a subscriber asks for (marketdata/subscriber) and what the publisher does (core/sys).
RECEIVE_BYTES, SEND_BYTES = 16 << 20, 4 << 20
# Below these, a burst of some milliseconds does not fit.
RECEIVE_BYTES_BAD, SEND_BYTES_BAD = 1 << 20, 256 << 10


def receive_buffers(host: Host) -> Finding:
    """How much a socket may hold until it is read."""
    subject = Subject(
        "rmem_max", "a subscriber that pauses loses what does not fit; it asks for 16 MiB"
    )
    return _buffers(host, subject, RECEIVE_BYTES, RECEIVE_BYTES_BAD)


def send_buffers(host: Host) -> Finding:
    """How much a socket may hold until it is sent."""
    subject = Subject("wmem_max", "the publisher waits when its buffer is full; it asks for 4 MiB")
    return _buffers(host, subject, SEND_BYTES, SEND_BYTES_BAD)


def _buffers(host: Host, subject: Subject, good: int, bad: int) -> Finding:
    place = f"proc/sys/net/core/{subject.name}"
    limit = host.number(place)
    if limit is None:
        return subject.unknown(f"{place} is not there", _HIDDEN)
    advice = f"`sysctl net.core.{subject.name}={good}`"
    if limit >= good:
        return subject.good(mib(limit))
    return subject.better(mib(limit), advice) if limit >= bad else subject.bad(mib(limit), advice)


def network_interrupts(host: Host) -> Finding:
    """Which cores serve the interrupts of network devices."""
    subject = Subject(
        "network interrupts", "each stops what runs on its core for 10 to 50 us, in bursts"
    )
    served: dict[str, frozenset[int]] = {}
    for device in host.names("sys/class/net"):
        for irq in _interrupts(host, device):
            cpus = host.cpus(f"proc/irq/{irq}/effective_affinity_list") or host.cpus(
                f"proc/irq/{irq}/smp_affinity_list"
            )
            if cpus:
                served[device] = served.get(device, frozenset()) | cpus
    if not served:
        return subject.unknown("no network device shows its interrupts", _HIDDEN)
    read = "; ".join(f"{device} on {cpu_text(cpus)}" for device, cpus in served.items())
    all_cpus = frozenset().union(*served.values())
    isolated = host.isolated() or frozenset()
    if all_cpus & isolated:
        return subject.bad(
            f"{read}; isolated: {cpu_text(isolated)}",
            "write the other cores to /proc/irq/N/smp_affinity_list, `irqaffinity=` at boot, and "
            "stop irqbalance",
        )
    if isolated or all_cpus < (host.online() or frozenset()):
        return subject.good(read)
    return subject.better(
        read, "keep them to cores that the venue does not use: /proc/irq/N/smp_affinity_list"
    )


def _interrupts(host: Host, device: str) -> list[str]:
    """Interrupts of a network device; those of a virtio device belong to the one above it."""
    place = f"sys/class/net/{device}/device"
    return host.names(f"{place}/msi_irqs") or host.names(f"{place}/../msi_irqs")


CHECKS = (receive_buffers, send_buffers, network_interrupts)
