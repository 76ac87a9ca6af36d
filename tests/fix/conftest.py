"""Fixtures of the FIX tests: members that connect with the QuickFIX engine, or with bare hands."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faults import Victim, Witnesses, faults_venue
from quickfix_member import MakeMember, Member
from running_venue import RunningVenue
from wire import Connect, Wire


@pytest.fixture(scope="session")
def stopping() -> Iterator[list[threading.Thread]]:
    """Threads that stop QuickFIX engines, each of which takes a second, beside the next tests."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join()


@pytest.fixture
def make_member(tmp_path: Path, stopping: list[threading.Thread]) -> Iterator[MakeMember]:
    """Make a member of a venue; it is connected unless ``connect=False``."""
    members: list[Member] = []

    def make(venue: RunningVenue, comp_id: str, connect: bool = True, **settings: str) -> Member:
        folder = tmp_path / f"member-{comp_id}-{len(members)}"
        members.append(Member(venue.address, comp_id, folder, **settings))
        if connect:
            members[-1].connect()
        return members[-1]

    yield make
    for member in members:
        stopping.append(threading.Thread(target=member.disconnect, args=[False]))
        stopping[-1].start()
    rejects = [f"{member.comp_id}: {text}" for member in members for text in member.rejects]
    assert not rejects, "QuickFIX has rejected what the venue sent: " + "\n".join(rejects)


@pytest.fixture
def alpha(venue: RunningVenue, make_member: MakeMember) -> Member:
    """Session ALPHA1 of member ALPHA, logged on."""
    return make_member(venue, "ALPHA1")


@pytest.fixture
def beta(venue: RunningVenue, make_member: MakeMember) -> Member:
    """Session BETA1 of member BETA, logged on."""
    return make_member(venue, "BETA1")


@pytest.fixture
def connect(venue: RunningVenue) -> Iterator[Connect]:
    """Open a connection without an engine; it is closed when the test ends."""
    wires: list[Wire] = []

    def open_wire(comp_id: str = "ALPHA1", msg_seq_num: int = 1) -> Wire:
        wires.append(Wire(venue.address, comp_id, msg_seq_num))
        return wires[-1]

    yield open_wire
    for wire in wires:
        wire.close()


@pytest.fixture(scope="module")
def floor(venue_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """One venue for every fault: what breaks it breaks the tests behind it."""
    venue = faults_venue(venue_program, tmp_path_factory.mktemp("faults"))
    venue.start()
    yield venue
    failure = venue.close()
    assert not failure, failure


@pytest.fixture(scope="module")
def witnesses(floor: RunningVenue) -> Iterator[Witnesses]:
    """Two members who trade with each other."""
    both = Witnesses(floor)
    yield both
    both.close()


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """Sessions that no test has used."""
    return (f"F{number}" for number in itertools.count(1))


@pytest.fixture
def stranger(floor: RunningVenue, witnesses: Witnesses, names: Iterator[str]) -> Iterator[Victim]:
    """A connection without a Logon, of a session that was never logged on."""
    witnesses.trade()
    victim = Victim(floor, next(names))
    yield victim
    victim.close()
    witnesses.trade()


@pytest.fixture
def victim(stranger: Victim) -> Victim:
    """A session that is logged on: it expects 2, and so does its client."""
    return stranger.log_on()
