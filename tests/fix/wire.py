"""FIX with bare hands: a socket and every byte under the test's control, right or wrong."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from quickfix_member import Fields

__all__ = ["Connect", "Wire", "framed", "new_order", "utc"]

SOH = "\x01"
_WAIT_S = 10.0


class Wire:
    """One connection of a member that has no engine; it answers nothing by itself."""

    def __init__(self, address: tuple[str, int], comp_id: str, msg_seq_num: int = 1) -> None:
        self.comp_id = comp_id
        self.msg_seq_num = msg_seq_num
        self.link = socket.create_connection(address, _WAIT_S)
        self._rest = b""

    def close(self) -> None:
        """Close the connection without a Logout."""
        self.link.close()

    def send(self, msg_type: str, body: Fields | None = None, **header: str) -> None:
        """Send a message; ``seq``, ``target``, ``time`` and ``dup`` change its header."""
        fields = {35: msg_type, 34: header.get("seq", str(self.msg_seq_num)), 49: self.comp_id}
        fields |= {52: header.get("time", utc()), 56: header.get("target", "TOUCHLINE")}
        if "dup" in header:
            fields |= {43: "Y", 122: header["dup"]}
        self.send_bytes(framed(fields | (body or {})))
        if "seq" not in header:
            self.msg_seq_num += 1

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes."""
        self.link.sendall(data)

    def logon(self, heart_bt_int: str = "0", **header: str) -> None:
        """Send a Logon."""
        self.send("A", {98: "0", 108: heart_bt_int}, **header)

    def next(self, expected: Fields | None = None) -> Fields:
        """Return the next message, whatever it is; its fields must be as expected where given."""
        message = self._message()
        assert message, f"closed instead of {expected}"
        found = {tag: message.get(tag) for tag in expected or {}}
        assert found == (expected or {}), f"{found} instead of {expected} in {message}"
        return message

    def closed(self) -> None:
        """Prove that the venue closes the connection, without another word."""
        message = self._message()
        assert message == {}, message

    def _message(self) -> Fields:
        """One message; empty at the end of the connection."""
        while True:
            end = self._rest.find(b"\x0110=")
            if end >= 0 and len(self._rest) >= end + 8:
                text, self._rest = self._rest[: end + 8], self._rest[end + 8 :]
                pairs = (field.partition("=") for field in text.decode().split(SOH) if field)
                return {int(tag): value for tag, _, value in pairs}
            try:
                data = self.link.recv(65_536)
            except ConnectionResetError:
                data = b""
            if not data:
                assert self._rest == b""
                return {}
            self._rest += data


Connect = Callable[..., Wire]
"""The fixture ``connect``: CompID and first MsgSeqNum(34)."""


def utc(seconds: float = 0.0) -> str:
    """Return UTCTimestamp of so many seconds from now."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.strftime("%Y%m%d-%H:%M:%S.%f")[:-3]


def framed(fields: Fields, begin_string: str = "FIX.4.4") -> bytes:
    """Return the message with BodyLength(9) and CheckSum(10)."""
    body = "".join(f"{tag}={value}{SOH}" for tag, value in fields.items()).encode()
    head = f"8={begin_string}{SOH}9={len(body)}{SOH}".encode()
    return head + body + f"10={sum(head + body) % 256:03}{SOH}".encode()


def new_order(cl_ord_id: str, **more: str) -> Fields:
    """Return the body of a buy order for one lot of ESH4."""
    body = {11: cl_ord_id, 55: "ESH4", 54: "1", 60: utc(), 38: "1", 40: "2", 44: "4800.25"}
    return body | {int(tag.removeprefix("_")): value for tag, value in more.items()}
