"""Check of the clock: whether the kernel says that it is kept to UTC, and how well."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from touchline.tuning.finding import Finding, Subject

__all__ = ["ClockState", "clock_state", "clock_synchronisation"]

# Commission Delegated Regulation (EU) 2017/574 (RTS 25), Annex, Table 1: a venue whose
# gateway-to-gateway latency is 1 ms or less may diverge from UTC by 100 us.
DIVERGENCE_US_MAX = 100
# adjtimex(2).
_STA_UNSYNC = 0x0040


@dataclass(frozen=True, slots=True)
class ClockState:
    """What the kernel knows of its clock, as the daemon that steers it has said.

    Attributes
    ----------
    is_synchronised : bool
        Whether somebody steers it, and has lately.
    estimated_us, max_us : int
        Estimated error, and the bound of it, which grows until the daemon speaks again.
    """

    is_synchronised: bool
    estimated_us: int
    max_us: int


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is read; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def clock_state() -> ClockState | None:
    """Ask the kernel, and change nothing (modes 0); None if it does not answer."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return None
    if state < 0:
        return None
    return ClockState(not timex.status & _STA_UNSYNC, timex.esterror, timex.maxerror)


def clock_synchronisation(state: ClockState | None) -> Finding:
    """Whether time stamps are UTC."""
    subject = Subject(
        "clock synchronisation", f"time stamps of orders must be UTC within {DIVERGENCE_US_MAX} us"
    )
    if state is None:
        return subject.unknown("adjtimex does not answer", "`chronyc tracking` on the host")
    read = f"estimated error {state.estimated_us} us, at most {state.max_us} us"
    if not state.is_synchronised:
        return subject.bad(
            "the kernel says: not synchronised",
            "chrony, or ptp4l with phc2sys where the card has a clock; slew only while open",
        )
    if state.estimated_us <= DIVERGENCE_US_MAX:
        return subject.good(read)
    return subject.better(read, "a nearer source of time: PTP, or chrony with hardware time stamps")
