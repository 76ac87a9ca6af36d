"""What can go wrong, as types. Every error of Touchline is a :class:`TouchlineError`."""

from __future__ import annotations

from typing import Any

__all__ = [
    "AbiError",
    "AdminError",
    "CommandError",
    "ConfigError",
    "CountersError",
    "MatcherError",
    "ProgramError",
    "RingError",
    "TargetsError",
    "TargetsRefusedError",
    "TouchlineError",
    "VenueRunningError",
    "VenueUnreachableError",
]


class TouchlineError(Exception):
    """What Touchline refuses or cannot do; the text says what, on what, and what helps."""


class AbiError(TouchlineError, ImportError):
    """The native library is not there, or is of another build than the Python around it."""


class ConfigError(TouchlineError):
    """A configuration file cannot be read, or describes no venue; every fault is named."""


class CountersError(TouchlineError):
    """A counters file is not there, or is none of this build.

    Attributes
    ----------
    fault : str
        What is wrong, in a word or two: ``missing``, or the field that differs.
    """

    def __init__(self, fault: str, text: str) -> None:
        super().__init__(text)
        self.fault = fault


class MatcherError(TouchlineError):
    """A matcher cannot be made like that, or was asked for what it has not; the place is named."""


class CommandError(MatcherError):
    """A record of an array of commands is none. Those before it have been applied.

    Attributes
    ----------
    index : int
        Which one, from 0.
    field : str
        What is wrong of it.
    value : int
        What stands there.
    events : array of EVENT_DTYPE
        The events of the commands before it that the same call has made.
    """

    def __init__(self, index: int, field: str, value: int, wrong: str, events: Any) -> None:
        super().__init__(f"command {index}: {field} is {value}; {wrong}")
        self.index = index
        self.field = field
        self.value = value
        self.events = events


class ProgramError(TouchlineError):
    """A program is not installed, or ended when it should not."""


class RingError(TouchlineError):
    """A ring is not there, or is no ring of this build; the field that differs is named."""


class TargetsError(TouchlineError):
    """Targets cannot be read, or are none that the strategy may have; the place is named."""


class TargetsRefusedError(TargetsError):
    """The engine is not there, or does not let this process set or see the targets."""


class VenueRunningError(TouchlineError):
    """There is a venue already where one should be started."""


class VenueUnreachableError(TouchlineError):
    """No venue answers where one should run."""


class AdminError(TouchlineError):
    """The venue answered an operator's command with a refusal."""
