"""The operator's way to a running venue: a unix socket, one JSON object per line each way."""

from __future__ import annotations

import json
import socket
from typing import Any

from touchline.core.errors import AdminError, ConfigError, VenueUnreachableError
from touchline.core.venue import Venue

__all__ = [
    "PHASES",
    "account",
    "ask",
    "close_account",
    "deposit",
    "kill",
    "resume",
    "set_account",
    "set_limits",
    "set_phase",
    "status",
]

PHASES = ("call", "continuous", "halt", "closed")
"""The phases that an operator can set."""

_ANSWER_BYTES_MAX = 1 << 22


def ask(venue: Venue, question: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """Send one command to the venue and return its answer.

    Raises
    ------
    VenueUnreachableError
        If nothing answers within ``timeout_s``.
    AdminError
        If the venue refuses; the text is the venue's.
    """
    path = venue.run_files["admin_socket"]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(timeout_s)
            link.connect(str(path))
            link.sendall(json.dumps(question).encode() + b"\n")
            line = _line(link)
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        raise VenueUnreachableError(
            f"{venue.name} does not answer at {path}: {error}; "
            f"`touchline up {venue.config}` starts it"
        ) from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        why = answer.get("error", answer) if isinstance(answer, dict) else answer
        raise AdminError(f"{venue.name} refuses {question.get('command')}: {why}")
    return answer


def status(venue: Venue, timeout_s: float = 5.0) -> dict[str, Any]:
    """What the engine says of itself; errors as in :func:`ask`."""
    return ask(venue, {"command": "status"}, timeout_s)


def set_phase(venue: Venue, symbol: str, phase: str) -> dict[str, Any]:
    """Move one instrument, or ``"all"``, to a phase of :data:`PHASES`.

    Raises
    ------
    ConfigError
        If the symbol or the phase is unknown; other errors as in :func:`ask`.
    """
    if phase not in PHASES:
        raise ConfigError(f"{phase!r} is no phase; the phases are {', '.join(PHASES)}")
    if symbol != "all":
        venue.instrument(symbol)
    return ask(venue, {"command": "phase", "instrument": symbol, "phase": phase})


def kill(
    venue: Venue, *, session: str | None = None, member: str | None = None, firm: int | None = None
) -> dict[str, Any]:
    """Block order entry of a session, member or firm, or (with none) the venue; cancel its orders.

    Cancels and status requests stay admitted. The answer holds ``canceled_orders``; errors as in
    :func:`ask`.
    """
    return ask(venue, {"command": "kill"} | _scope(session, member, firm), timeout_s=10.0)


def resume(
    venue: Venue, *, session: str | None = None, member: str | None = None, firm: int | None = None
) -> dict[str, Any]:
    """Take back what :func:`kill` blocked with the same arguments; nothing else."""
    return ask(venue, {"command": "resume"} | _scope(session, member, firm))


def set_limits(
    venue: Venue,
    session: str,
    *,
    order_qty: int = 0,
    position: int = 0,
    rate_per_s: int = 0,
    burst: int = 0,
) -> dict[str, Any]:
    """Set the limits of a session in the place of its earlier ones; with none, take them away.

    Parameters
    ----------
    venue : Venue
        The venue, running.
    session : str
        CompID of the session.
    order_qty : int
        Largest order, lots; 0 is no limit, here and below.
    position : int
        Largest position of an instrument either way, with all open orders of a side, lots. It is
        counted from when the session first has limits.
    rate_per_s : int
        New orders and replaces a second, in the long run.
    burst : int
        How many of them at once; needed with ``rate_per_s``, and only with it.

    Returns
    -------
    dict
        The answer of the venue; errors as in :func:`ask`.
    """
    limits = {
        "order_qty": order_qty,
        "position": position,
        "rate_per_s": rate_per_s,
        "burst": burst,
    }
    return ask(venue, {"command": "limits", "session": session} | limits)


def account(venue: Venue, member: str) -> dict[str, Any] | None:
    """What the account of a member holds.

    Returns
    -------
    dict or None
        None for a member without one. ``maker_fee``, ``taker_fee``: cash units for each lot that
        executes, below 0 a rebate. ``cash``, and how much of it open orders hold back
        (``reserved``): cash units. ``holdings``: by symbol ``lots`` and ``reserved``, of the
        instruments of which it has any. A cash unit is a price unit times a lot. Errors as in
        :func:`ask`.
    """
    told: dict[str, Any] | None = ask(venue, {"command": "account", "member": member})["account"]
    if told is None:
        return None
    # What 64 bits do not hold comes as text.
    whole = {name: int(value) for name, value in told.items() if name != "holdings"}
    holdings = {
        symbol: {name: int(lots) for name, lots in held.items()}
        for symbol, held in told["holdings"].items()
    }
    return whole | {"holdings": holdings}


def set_account(venue: Venue, member: str, *, maker_fee: int, taker_fee: int) -> dict[str, Any]:
    """Open the account of a member, or change its fees.

    Parameters
    ----------
    venue : Venue
        The venue, running.
    member : str
        Name of the member.
    maker_fee, taker_fee : int
        What a resting order and an aggressor pay for each lot that executes, cash units (a price
        unit times a lot), from -2**32 to 2**32; below 0 is a rebate.

    Returns
    -------
    dict
        The answer of the venue; errors as in :func:`ask`.
    """
    fees = {"maker_fee": maker_fee, "taker_fee": taker_fee}
    return ask(venue, {"command": "account", "member": member} | fees)


def close_account(venue: Venue, member: str) -> dict[str, Any]:
    """Close the account of a member, which must be empty; errors as in :func:`ask`."""
    return ask(venue, {"command": "account", "member": member, "close": True})


def deposit(venue: Venue, member: str, amount: int, symbol: str | None = None) -> dict[str, Any]:
    """Add to the account of a member, or take from what is free there.

    Sent again it adds again: after a :class:`VenueUnreachableError`, look at :func:`account` first.

    Parameters
    ----------
    venue : Venue
        The venue, running.
    member : str
        Name of the member.
    amount : int
        Lots of ``symbol``, or cash units without one; below 0 is a withdrawal.
    symbol : str, optional
        Symbol of an instrument.

    Returns
    -------
    dict
        The answer of the venue.

    Raises
    ------
    ConfigError
        If the symbol is unknown; other errors as in :func:`ask`.
    """
    if symbol is None:
        what: dict[str, Any] = {"cash": amount}
    else:
        what = {"instrument": venue.instrument(symbol).symbol, "lots": amount}
    return ask(venue, {"command": "account", "member": member} | what)


def _scope(session: str | None, member: str | None, firm: int | None) -> dict[str, Any]:
    given = {"session": session, "member": member, "firm": firm}
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) > 1:
        raise ConfigError("name a session, a member or a firm, only one of them")
    return named or {"venue": True}


def _line(link: socket.socket) -> bytes:
    """One line, without its end; a peer that closes before it ends is an error."""
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = link.recv(65_536)
        if not chunk:
            raise ConnectionError("it closed the connection without an answer")
        received += chunk
        if len(received) > _ANSWER_BYTES_MAX:
            raise ConnectionError(f"its answer is longer than {_ANSWER_BYTES_MAX} bytes")
    return bytes(received[:-1])
