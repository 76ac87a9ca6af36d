"""Members with bare hands, logged on."""

from __future__ import annotations

from collections.abc import Callable

from running_venue import RunningVenue
from wire import Wire

__all__ = ["LogOn", "logged_on"]

LogOn = Callable[[str], Wire]
"""The fixture ``log_on``: takes a CompID."""


def logged_on(venue: RunningVenue, comp_id: str) -> Wire:
    """Return a session that has its Logon answered."""
    wire = Wire(venue.address, comp_id)
    wire.logon()
    wire.next({35: "A"})
    return wire
