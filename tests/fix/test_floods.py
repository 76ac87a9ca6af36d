"""More connections than the venue takes: those who are logged on do not notice."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

from faults import LOGON_TIMEOUT_S, Victim, Witnesses


def test_a_flood_of_connections_is_bounded_and_counted_and_members_trade_on(
    stranger: Victim, witnesses: Witnesses
) -> None:
    links = []
    for at in range(400):
        links.append(socket.create_connection(stranger.venue.address, 10))
        if at % 100 == 99:
            witnesses.trade()
    time.sleep(LOGON_TIMEOUT_S + 0.2)
    witnesses.trade()
    for link in links:
        # The venue has closed each of them: at once, or at the deadline.
        link.settimeout(10)
        assert link.recv(1) == b""
        link.close()
    stranger.is_closed(next_number=1)
    _eventually(lambda: stranger.venue.figures("gateway-1")["connections"]["too_many"] >= 100)


def test_when_descriptors_are_used_up_the_venue_waits_and_members_trade_on(
    stranger: Victim, witnesses: Witnesses
) -> None:
    process = stranger.venue.process
    assert process is not None
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 4, before[1]))
    try:
        links = [socket.create_connection(stranger.venue.address, 10) for _ in range(40)]
        time.sleep(0.2)
        began = _cpu_seconds(process.pid)
        for _ in range(5):
            witnesses.trade()
            time.sleep(0.1)
        # Nobody can be accepted, and the venue does not try without end.
        assert _cpu_seconds(process.pid) - began < 0.3
        for link in links:
            link.close()
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    stranger.is_closed(next_number=1)
    _eventually(lambda: stranger.venue.figures("gateway-1")["connections"]["accepts_failed"] >= 1)


def _eventually(holds: Callable[[], bool]) -> None:
    """Wait for figures, which are written once a second."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "the figures do not say it"
        time.sleep(0.05)


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
