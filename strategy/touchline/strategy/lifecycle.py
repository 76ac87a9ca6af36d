"""What both kinds of strategy share: how one is made, and what the runtime asks of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from touchline.core.venue import Strategy as Limits
from touchline.core.venue import Venue
from touchline.strategy.connection import Connection
from touchline.strategy.errors import StrategyRefusedError
from touchline.strategy.parameters import parsed

__all__ = ["CALLBACKS", "STEP_NS", "AnyStrategy", "Compilation", "Driver"]

CALLBACKS = (
    "on_start",
    "on_live",
    "on_stale",
    "on_phase",
    "on_book",
    "on_trade",
    "on_execution",
    "on_timer",
    "on_target",
    "on_stop",
)
"""Every callback, of both kinds; docs/strategies.md says when each is called."""

STEP_NS = 50_000_000
"""Longest time that a driver keeps from the interpreter between two callbacks, ns: signals are
seen, and a stop is obeyed, after that."""


@dataclass(frozen=True, slots=True)
class Compilation:
    """What it took to compile a strategy.

    Attributes
    ----------
    seconds : float
        Wall time, s.
    is_hit : bool
        True if the code came from the cache.
    note : str
        Why it was not kept in the cache; empty if it was.
    """

    seconds: float
    is_hit: bool
    note: str = ""

    def __str__(self) -> str:
        note = f", not kept: {self.note}" if self.note else ""
        return f"{self.seconds:.2f} s (cache {'HIT' if self.is_hit else 'MISS'}{note})"


class Driver(Protocol):
    """Runs the callbacks of one strategy on one connection."""

    def prepare(self) -> Compilation | None:
        """Do what takes long, before the connection is opened: compile; None for a plain one."""

    def start(self, connection: Connection) -> None:
        """Call on_start."""

    def step(self, *, spin: bool) -> bool:
        """Call back for what happens within ``STEP_NS``; False if the strategy wants to end.

        Raises
        ------
        EngineGoneError
            If the engine has ended, after the last event.
        """

    def stop(self) -> None:
        """Call on_stop."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many events of each kind there were, by the kind's name in lower case."""


class AnyStrategy(ABC):
    """A strategy of either kind, before it is connected.

    Parameters
    ----------
    venue : Venue
        Where it trades.
    name : str
        Name of its ``[[strategy]]``.
    parameters : mapping of str to object
        By name; what is not given has its default.

    Raises
    ------
    ParameterError
        With the name of what is unknown, ill-typed or out of range.
    """

    def __init__(
        self, venue: Venue, name: str, parameters: Mapping[str, object] | None = None
    ) -> None:
        self.venue = venue
        self.name = name
        # Behind the back of the declarations, which let nobody else set a value.
        self.__dict__.update(parsed(type(self), parameters or {}))

    @property
    def limits(self) -> Limits:
        """What its ``[[strategy]]`` says: ``max_order_qty``, ``max_position`` and so on.

        Raises
        ------
        StrategyRefusedError
            If the venue has no strategy of this name; it names those that there are.
        """
        for one in self.venue.strategies:
            if one.name == self.name:
                return one
        known = ", ".join(one.name for one in self.venue.strategies) or "none"
        raise StrategyRefusedError(
            f"{self.venue.name} has no strategy {self.name!r}; it has {known}"
        )

    @abstractmethod
    def _driver(self) -> Driver:
        """What runs it."""
