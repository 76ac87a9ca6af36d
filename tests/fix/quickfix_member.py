"""A member that uses the QuickFIX engine: the peer that the gateway has to get on with.

QuickFIX checks every message that the venue sends against its own dictionary of FIX 4.4 and answers
what it dislikes with a Reject(3). :attr:`Member.rejects` collects those; the fixture that makes
members fails a test that leaves any.
"""

from __future__ import annotations

import itertools
import queue
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

with warnings.catch_warnings():
    # Its generated types name no module, which newer Pythons warn of.
    warnings.simplefilter("ignore", DeprecationWarning)
    import quickfix as fix

__all__ = ["Fields", "MakeMember", "Member", "dictionary"]

Fields = dict[int, str]
"""A message: the value of each tag. Our messages have no repeating groups."""

SOH = "\x01"
_WAIT_S = 10.0

# QuickFIX knows every session of the process by its name; a member that is still being stopped,
# which takes up to a second, must not be in the way of its namesake in the next test.
_QUALIFIERS = itertools.count(1)

_SETTINGS = """\
[DEFAULT]
ConnectionType=initiator
NonStopSession=Y
HeartBtInt=30
ReconnectInterval=1
FileStorePath={folder}/store
FileLogPath={folder}/log
UseDataDictionary=Y
DataDictionary={dictionary}
ValidateFieldsOutOfOrder=Y
ValidateFieldsHaveValues=Y
ValidateUserDefinedFields=Y
{more}
[SESSION]
BeginString=FIX.4.4
SenderCompID={comp_id}
TargetCompID=TOUCHLINE
SessionQualifier={qualifier}
SocketConnectHost={host}
SocketConnectPort={port}
"""


def dictionary() -> Path:
    """Return QuickFIX's dictionary of FIX 4.4, which its package installs with the interpreter."""
    path = Path(sys.prefix) / "share/quickfix/FIX44.xml"
    assert path.is_file(), f"QuickFIX is here without its dictionary {path}; install it anew"
    return path


class _Application(fix.Application):
    """What QuickFIX calls, from a thread of its own: it only passes things on."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.member = member

    def onCreate(self, session: fix.SessionID) -> None:  # noqa: N802
        self.session = session

    def onLogon(self, session: fix.SessionID) -> None:  # noqa: N802
        self.member._states.put(True)

    def onLogout(self, session: fix.SessionID) -> None:  # noqa: N802
        self.member._states.put(False)

    def toAdmin(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        fields = _fields(message)
        if fields[35] == "3":
            self.member.rejects.append(message.toString().replace(SOH, "|"))
        self.member.sent_admin.append(fields)

    def fromAdmin(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        fields = _fields(message)
        if fields[35] == "3":
            self.member._session_rejects.put(fields)
        self.member.received_admin.append(fields)

    def toApp(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        self.member.sent_app.append(_fields(message))

    def fromApp(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        fields = _fields(message)
        self.member.seen.append(fields)
        self.member._received.put(fields)


class Member:
    """One FIX session of a member, with stores on disk that outlive its connections."""

    def __init__(
        self, address: tuple[str, int], comp_id: str, folder: Path, **settings: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.comp_id = comp_id
        self.rejects: list[str] = []
        self.sent_admin: list[Fields] = []
        self.sent_app: list[Fields] = []
        self.received_admin: list[Fields] = []
        self.seen: list[Fields] = []
        self._received: queue.Queue[Fields] = queue.Queue()
        self._session_rejects: queue.Queue[Fields] = queue.Queue()
        self._states: queue.Queue[bool] = queue.Queue()
        self._settings = folder / "quickfix.cfg"
        self._settings.write_text(
            _SETTINGS.format(
                folder=folder,
                dictionary=dictionary(),
                comp_id=comp_id,
                qualifier=next(_QUALIFIERS),
                host=address[0],
                port=address[1],
                more="".join(f"{key}={value}\n" for key, value in settings.items()),
            )
        )
        self._initiator: fix.SocketInitiator | None = None

    def connect(self, wait: bool = True) -> None:
        """Start a QuickFIX engine on the stores of this session, and wait for the Logon."""
        assert self._initiator is None
        self._application = _Application(self)
        settings = fix.SessionSettings(str(self._settings))
        # The engine keeps no reference of its own to these in Python.
        self._stores = fix.FileStoreFactory(settings)
        self._logs = fix.FileLogFactory(settings)
        self._initiator = fix.SocketInitiator(self._application, self._stores, settings, self._logs)
        self._initiator.start()
        if wait:
            self.wait_logon()

    def wait_logon(self) -> None:
        """Wait until the session is logged on, after whatever it was before."""
        deadline = time.monotonic() + _WAIT_S
        while not self._states.get(timeout=max(0.0, deadline - time.monotonic())):
            pass

    def disconnect(self, logout: bool = True) -> None:
        """Stop the engine: with a Logout, or by closing the socket as a crash would."""
        if self._initiator is not None:
            self._initiator.stop(not logout)
            self._initiator = None
            while not self._states.empty():
                self._states.get()

    def expect(self, msg_seq_num: int) -> None:
        """Forget that messages from this number on were received; the next one shows the gap."""
        # QuickFIX counts a message a moment after it has handed it to us.
        deadline = time.monotonic() + _WAIT_S
        while self.numbers()[1] <= int(self.seen[-1][34]):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        session = fix.Session.lookupSession(self._application.session)
        session.setNextTargetMsgSeqNum(msg_seq_num)

    def numbers(self) -> tuple[int, int]:
        """Return the next MsgSeqNum(34) that this side sends, and the next that it expects."""
        session = fix.Session.lookupSession(self._application.session)
        return session.getExpectedSenderNum(), session.getExpectedTargetNum()

    # --- What a member sends ----------------------------------------------------------------------

    def send(self, msg_type: str, fields: Fields) -> None:
        """Send a message with these fields; without a connection QuickFIX keeps it for later."""
        message = fix.Message()
        message.getHeader().setField(fix.MsgType(msg_type))
        for tag, value in fields.items():
            message.setField(tag, str(value))
        fix.Session.sendToTarget(message, self._application.session)

    def order(
        self,
        cl_ord_id: str,
        side: str,
        qty: int,
        price: str | None = None,
        symbol: str = "ESH4",
        more: Fields | None = None,
    ) -> None:
        """Send a NewOrderSingle: a limit order if it has a price, else a market order."""
        fields = {11: cl_ord_id, 55: symbol, 54: side, 60: _now(), 38: str(qty)}
        fields |= {40: "1"} if price is None else {40: "2", 44: price}
        self.send("D", fields | (more or {}))

    def cancel(self, cl_ord_id: str, orig: str, side: str, symbol: str = "ESH4") -> None:
        """Send an OrderCancelRequest."""
        self.send("F", {41: orig, 11: cl_ord_id, 55: symbol, 54: side, 60: _now(), 38: "1"})

    def replace(
        self,
        cl_ord_id: str,
        orig: str,
        side: str,
        qty: int,
        price: str,
        symbol: str = "ESH4",
        more: Fields | None = None,
    ) -> None:
        """Send an OrderCancelReplaceRequest of a limit order."""
        fields = {41: orig, 11: cl_ord_id, 55: symbol, 54: side, 60: _now(), 38: str(qty)}
        self.send("G", fields | {40: "2", 44: price} | (more or {}))

    def status(self, cl_ord_id: str, side: str = "1", symbol: str = "ESH4") -> None:
        """Send an OrderStatusRequest."""
        self.send("H", {11: cl_ord_id, 55: symbol, 54: side})

    # --- What a member receives -------------------------------------------------------------------

    def next(self, expected: Fields | None = None) -> Fields:
        """Return the next application message; its fields must be as expected where given."""
        return self._take(self._received, expected or {})

    def next_reject(self, expected: Fields) -> Fields:
        """Return the next Reject(3) of the venue, as :meth:`next` does."""
        return self._take(self._session_rejects, expected)

    def _take(self, received: queue.Queue[Fields], expected: Fields) -> Fields:
        try:
            message = received.get(timeout=_WAIT_S)
        except queue.Empty:
            raise AssertionError(
                f"{self.comp_id} has received nothing for {_WAIT_S} s; expected {expected}"
            ) from None
        found = {tag: message.get(tag) for tag in expected}
        assert found == expected, f"{found} instead of {expected} in {message}"
        return message

    def nothing_more(self) -> None:
        """Prove that no message is under way: the answer to one more request is the next one."""
        cl_ord_id = f"nothing-{time.monotonic_ns() % 10**10}"
        self.status(cl_ord_id)
        self.next({35: "8", 11: cl_ord_id, 150: "I", 39: "8"})

    def collect(self, count: int, timeout_s: float = 30.0) -> list[Fields]:
        """Return the next ``count`` application messages."""
        deadline = time.monotonic() + timeout_s
        messages: list[Fields] = []
        while len(messages) < count:
            try:
                wait_s = max(0.0, deadline - time.monotonic())
                messages.append(self._received.get(timeout=wait_s))
            except queue.Empty:
                raise AssertionError(
                    f"{self.comp_id}: {len(messages)} of {count} messages in {timeout_s} s"
                ) from None
        return messages


MakeMember = Callable[..., Member]
"""The fixture ``make_member``: venue, CompID, and settings of QuickFIX."""


def _fields(message: fix.Message) -> Fields:
    pairs = (field.partition("=") for field in message.toString().split(SOH) if field)
    return {int(tag): value for tag, _, value in pairs}


def _now() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime()) + ".000"
