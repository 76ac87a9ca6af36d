"""What can go wrong with a strategy, as types."""

from __future__ import annotations

from touchline.core.errors import TouchlineError

__all__ = [
    "CompileError",
    "EngineGoneError",
    "ParameterError",
    "RingFullError",
    "StrategyArgumentError",
    "StrategyError",
    "StrategyLoadError",
    "StrategyRefusedError",
    "UnknownOrderError",
]


class StrategyError(TouchlineError):
    """A strategy cannot be started, or a command of it cannot be sent."""


class StrategyLoadError(StrategyError):
    """``MODULE:CLASS`` names no strategy: the text says which part is wrong."""


class ParameterError(StrategyError):
    """A parameter is unknown, ill-typed or out of range: the text names it."""


class CompileError(StrategyError):
    """Numba cannot compile a callback: the text names it and holds what numba says."""


class StrategyRefusedError(StrategyError):
    """The engine is not there, or does not take the strategy: the text is the venue's."""


class EngineGoneError(StrategyError):
    """The engine has ended, or has closed the connection: the text says why."""


class RingFullError(StrategyError):
    """The command ring is full, or 1,024 timers wait: nothing was sent."""


class UnknownOrderError(StrategyError):
    """The order is not open any more, and the strategy has been told so."""


class StrategyArgumentError(StrategyError, ValueError):
    """An argument of a command is no value of its type; nothing was sent."""
