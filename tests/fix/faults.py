"""What the fault tests stand on: a venue with many sessions, two members who must not notice."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from quickfix_member import Fields
from running_venue import RunningVenue
from wire import SOH, Wire, utc

__all__ = [
    "FIELDS",
    "LOGON_TIMEOUT_S",
    "ORDER",
    "Victim",
    "Witnesses",
    "changed",
    "faults_venue",
    "frame",
    "patiently",
    "reject",
]

ORDER = "11=NAME|55=ESH4|54=1|60=20260105-09:30:00|38=1|40=2|44=4800.25|"
FIELDS = dict(field.split("=") for field in ORDER.strip("|").split("|"))
"""An order that is right; ``|`` is SOH, ``NAME`` the name of the session."""

LOGON_TIMEOUT_S = 0.6
SESSIONS = 200
"""Sessions ``F1``, ``F2``, ... of member FAULTY: each fault has one of its own."""

_NOTICED_S = 2.0


def faults_venue(program: Path, folder: Path) -> RunningVenue:
    """Return a venue, not started, with a short logon deadline."""
    names = ", ".join(f'"F{number}"' for number in range(1, SESSIONS + 1))
    extra = f'[[member]]\nname = "FAULTY"\nsessions = [{names}]\n'
    extra += '[[member]]\nname = "WITNESS"\nsessions = ["W1", "W2"]\n'
    venue = RunningVenue(program, folder, durability="async", extra=extra)
    deadline = f"[gateway]\nlogon_timeout_ms = {int(LOGON_TIMEOUT_S * 1000)}"
    venue.config.write_text(venue.config.read_text().replace("[gateway]", deadline))
    return venue


class Witnesses:
    """Two sessions that trade ACME with each other, and hear nothing else and miss nothing."""

    def __init__(self, venue: RunningVenue) -> None:
        self.wires = [Wire(venue.address, name) for name in ("W1", "W2")]
        self._heard = [1, 1]
        self._orders = itertools.count(1)
        for wire in self.wires:
            wire.logon()
            wire.next({35: "A", 34: "1"})

    def trade(self) -> None:
        """Both enter an order, both are executed, soon, and every message is the next one."""
        began = time.monotonic()
        number = next(self._orders)
        for at, side in enumerate("12"):
            order = {11: f"W{number}-{side}", 55: "ACME", 54: side, 60: utc(), 38: "100"}
            self.wires[at].send("D", order | {40: "2", 44: "50.01"})
            self._next(at, {150: "0", 11: f"W{number}-{side}"})
        for at in (0, 1):
            self._next(at, {150: "F", 31: "50.01", 32: "100", 151: "0"})
        assert time.monotonic() - began < _NOTICED_S, "the venue has become slow"

    def _next(self, at: int, expected: Fields) -> None:
        self._heard[at] += 1
        self.wires[at].next({35: "8", 34: str(self._heard[at])} | expected)

    def close(self) -> None:
        """End both connections."""
        for wire in self.wires:
            wire.close()


@dataclass
class Victim:
    """A session that something is wrong with, and what it must have heard so far."""

    venue: RunningVenue
    name: str
    wire: Wire = field(init=False)
    heard: int = 0

    def __post_init__(self) -> None:
        self.wire = self.connect()

    def connect(self, msg_seq_num: int = 1) -> Wire:
        """Open a connection in the session's name; it stays the session's wire."""
        self.wire = Wire(self.venue.address, self.name, msg_seq_num)
        return self.wire

    def log_on(self, heart_bt_int: str = "0") -> Victim:
        """Log on with the next number."""
        self.wire.logon(heart_bt_int)
        return self.hears({35: "A"})

    def hears(self, *messages: Fields) -> Victim:
        """Receive these messages, one after the other, and nothing between them."""
        for message in messages:
            self.heard += 1
            self.wire.next({34: str(self.heard)} | message)
        return self

    def sends(self, *fields: tuple[int | str, str], begin: str = "FIX.4.4") -> Victim:
        """Send exactly these fields, in a frame that is right."""
        self.wire.send_bytes(frame("".join(f"{tag}={value}{SOH}" for tag, value in fields), begin))
        return self

    def sends_order(self, body: str, msg_type: str = "D", header: str = "") -> Victim:
        """Send an order under the next number; ``|`` is SOH, ``NAME`` the session's name."""
        number = self.wire.msg_seq_num
        text = f"35={msg_type}|34={number}|49={self.name}|52={utc()}|56=TOUCHLINE|{header}{body}"
        self.wire.msg_seq_num += 1
        self.wire.send_bytes(frame(text.replace("NAME", self.name).replace("|", SOH)))
        return self

    def is_up(self, next_number: int | None = None) -> None:
        """Prove that the session goes on, and expects this number or else the client's next one."""
        if next_number is not None:
            self.wire.msg_seq_num = next_number
        self.wire.send("1", {112: "still here?"})
        self.hears({35: "0", 112: "still here?"})

    def is_closed(self, next_number: int) -> None:
        """Prove that the venue has closed, says no more, and then expects this number."""
        self.wire.closed()
        self.wire.close()
        self.connect(next_number)
        self.log_on()
        self.is_up()

    def close(self) -> None:
        """End the connection."""
        self.wire.close()


def frame(body: str, begin: str = "FIX.4.4", length: str | None = None) -> bytes:
    """Return a message with these fields and the right checksum; the length may be another."""
    data = body.encode("latin-1")
    head = f"8={begin}{SOH}9={len(data) if length is None else length}{SOH}".encode()
    return head + data + f"10={sum(head + data) % 256:03}{SOH}".encode()


def patiently(victim: Victim, msg_seq_num: int) -> None:
    """Log on again after a connection was lost, which the venue may see a moment later."""
    for _ in range(200):
        victim.connect(msg_seq_num)
        victim.wire.logon()
        if answer := victim.wire._message():
            victim.heard += 1
            assert (answer[35], answer[34]) == ("A", str(victim.heard)), answer
            return
        victim.close()
        time.sleep(0.005)
    raise AssertionError("the venue holds a connection that is gone")


def changed(**fields: str) -> str:
    """Return the body of an order with other values; ``_38=""`` leaves OrderQty(38) out."""
    new = FIELDS | {tag.removeprefix("_"): value for tag, value in fields.items()}
    return "".join(f"{tag}={value}|" for tag, value in new.items() if value)


def reject(reason: int, tag: int | None, number: int = 2, msg_type: str = "D") -> Fields:
    """Return Reject(3) as it must be."""
    expected = {35: "3", 45: str(number), 372: msg_type, 373: str(reason)}
    return expected | ({371: str(tag)} if tag else {})
