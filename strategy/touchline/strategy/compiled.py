"""Compiled strategies: callbacks are functions that numba compiles, over one record of state.

Between two returns to the interpreter, 50 ms at most, no line of Python runs: one compiled loop
takes events from the C ABI and calls the callbacks. ``touchline.strategy.native`` has what they may
call; its names are here, too.
"""

from __future__ import annotations

import inspect
import time
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np
import numpy.typing as npt

from touchline.core._abi import lib
from touchline.strategy import code_cache, native
from touchline.strategy.connection import Connection
from touchline.strategy.errors import CompileError, EngineGoneError, StrategyLoadError
from touchline.strategy.gauges import GaugeBoard, declared_gauges
from touchline.strategy.layout import EVENT_DTYPE, GONE, StrategyEventKind
from touchline.strategy.lifecycle import CALLBACKS, STEP_NS, AnyStrategy, Compilation
from touchline.strategy.parameters import declared

__all__ = ["CompiledStrategy"]

_ACTIONS = {"run": 0, "start": 1, "stop": 2}
_TYPES: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64}
_STOPPING = 2

_PREPARED: dict[type, tuple[Any, Compilation]] = {}
"""Loops of this process by class: a strategy that connects again is the same code."""


class CompiledStrategy(AnyStrategy):
    """A strategy whose callbacks are compiled.

    A subclass declares parameters, the fields of its state, and callbacks: static methods
    ``on_...(venue, state, event)``, see ``docs/strategies.md``. `venue` is a handle for the
    functions of ``touchline.strategy.native``; `state` a record with the parameters that are
    numbers, the gauges, the fields declared, and ``stopping``, which ends the strategy once it is
    set; `event` a record of ``EVENT_DTYPE``, good until the callback returns.

    Attributes
    ----------
    state : dtype, or what makes one
        The fields of the state, beside the parameters; each starts at 0 or as :meth:`initial` says.

    Examples
    --------
    >>> class Counter(CompiledStrategy):
    ...     state = np.dtype([("books", np.int64)])
    ...
    ...     @staticmethod
    ...     def on_book(venue, state, event):
    ...         state.books += 1
    """

    state: ClassVar[Any] = np.dtype([])

    def initial(self) -> Mapping[str, Any]:
        """Values of state fields and gauges at the start; overridden where 0, or none, is wrong."""
        return {}

    def _driver(self) -> CompiledDriver:
        return CompiledDriver(self)


class CompiledDriver:
    """Runs a compiled strategy; see :class:`touchline.strategy.lifecycle.Driver`."""

    def __init__(self, strategy: CompiledStrategy) -> None:
        self.strategy = strategy
        self.states = _state(strategy)
        self._events = np.zeros(1, EVENT_DTYPE)
        self._counts = np.zeros(16, np.int64)
        self._loop: Any = None
        self._connection: Connection | None = None
        self._gauges = tuple(declared_gauges(type(strategy)))
        self._board: GaugeBoard | None = None

    def prepare(self) -> Compilation:
        """Compile the loop with all callbacks, or take it from the cache; once in a process."""
        owner = type(self.strategy)
        if owner not in _PREPARED:
            began = time.perf_counter()
            loop, note = _loop(callbacks(owner), self.states.dtype)
            try:
                arguments = self._arguments(0, "run", 0, False)
                signature = tuple(_typeof(one) for one in arguments)
                loop.compile(signature)
            except Exception as error:  # numba lets a KeyError through for an unknown field
                raise CompileError(f"{owner.__name__} cannot be compiled: {error}") from error
            is_hit = bool(loop.stats.cache_hits)
            _PREPARED[owner] = loop, Compilation(time.perf_counter() - began, is_hit, note)
        self._loop, compilation = _PREPARED[owner]
        return compilation

    def start(self, connection: Connection) -> None:
        """Call on_start."""
        self._connection = connection
        self._board = GaugeBoard(connection, self._gauges)
        self._loop(*self._arguments(connection.address, "start", 0, False))
        self._show()

    def step(self, *, spin: bool) -> bool:
        """Run the loop once."""
        assert self._connection is not None
        until_ns = lib.tl_now_ns() + STEP_NS
        arguments = self._arguments(self._connection.address, "run", until_ns, not spin)
        result = self._loop(*arguments)
        self._show()
        if result == GONE:
            raise EngineGoneError(self._connection.why())
        return bool(result != _STOPPING)

    def stop(self) -> None:
        """Call on_stop."""
        assert self._connection is not None
        self._loop(*self._arguments(self._connection.address, "stop", 0, False))

    def _show(self) -> None:
        if self._board is not None:
            self._board.show(self.states[name][0] for name in self._gauges)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many events of each kind there were."""
        return {kind.name.lower(): int(self._counts[kind]) for kind in StrategyEventKind}

    def _arguments(self, address: int, action: str, until_ns: int, park: bool) -> tuple[Any, ...]:
        numbers = np.uintp(address), np.int64(_ACTIONS[action]), np.int64(until_ns)
        return (self.states, self._events, self._counts, *numbers, park)


def callbacks(owner: type[CompiledStrategy]) -> dict[str, types.FunctionType]:
    """The callbacks that a class defines, by name.

    Raises
    ------
    StrategyLoadError
        If one is no static method, or does not take venue, state and event.
    """
    found: dict[str, types.FunctionType] = {}
    for name in CALLBACKS:
        try:
            method = inspect.getattr_static(owner, name)
        except AttributeError:
            continue
        function = method.__func__ if isinstance(method, staticmethod) else None
        if not isinstance(function, types.FunctionType):
            raise StrategyLoadError(f"{owner.__name__}.{name} must be a @staticmethod")
        if function.__code__.co_argcount != 3:
            raise StrategyLoadError(f"{owner.__name__}.{name} must take (venue, state, event)")
        found[name] = function
    for name in vars(owner):
        if name.startswith("on_") and name not in CALLBACKS:
            known = ", ".join(CALLBACKS)
            raise StrategyLoadError(f"{owner.__name__}.{name} is no callback; they are {known}")
    return found


def _typeof(value: Any) -> Any:
    return numba.typeof(value)  # type: ignore[no-untyped-call]  # numba's stub says nothing


def _state(strategy: CompiledStrategy) -> npt.NDArray[np.void]:
    """The record of state, with its first values; shape (1,)."""
    owner = type(strategy)
    numbers = [
        (name, _TYPES[one.type]) for name, one in declared(owner).items() if one.type in _TYPES
    ]
    gauges = [(name, np.float64) for name in declared_gauges(owner)]
    own = np.dtype(owner.state)
    fields = own.fields or {}
    taken = sorted({"stopping", *(name for name, _ in numbers + gauges)} & set(fields))
    if taken:
        raise StrategyLoadError(f"{owner.__name__}.state has {taken[0]}, which is there already")
    described: list[Any] = [("stopping", np.bool_), *numbers, *gauges]
    described += [(name, fields[name][0]) for name in own.names or ()]
    states = np.zeros(1, np.dtype(described, align=True))
    for name, _ in gauges:
        states[name] = np.nan
    for name, _ in numbers:
        states[name] = getattr(strategy, name)
    for name, value in strategy.initial().items():
        if name not in {*fields, *dict(gauges)}:
            raise StrategyLoadError(f"{owner.__name__}.initial names {name}, no field of its state")
        states[name] = value
    return states


def _loop(found: dict[str, types.FunctionType], state: np.dtype[np.void]) -> tuple[Any, str]:
    """The dispatcher of a strategy's loop, and why it will not be cached, if so."""
    source = _source(found)
    key = code_cache.Key()
    key.add_text(source, repr(state), repr(native.OPTIONS))
    for name, function in found.items():
        key.add_function(name, function)
    note, path = "", Path("<loop>")
    try:
        path = code_cache.folder(code_cache.place(), key.text, source)
    except (code_cache.CacheUnusableError, OSError) as error:
        note = str(error)
    names: dict[str, Any] = {"__name__": __name__}
    names |= {"next_event": native.next_event, "wait": native.wait, "now_ns": native.now_ns}
    names |= {
        name: numba.njit(**native.INNER_OPTIONS)(function) for name, function in found.items()
    }
    exec(compile(source, str(path), "exec"), names)
    return numba.njit(cache=not note, **native.OPTIONS)(names["loop"]), note


def _source(found: dict[str, types.FunctionType]) -> str:
    """The text of the loop: a call stands where the strategy has a callback."""

    def call(name: str) -> str:
        return f"{name}(venue, state, event)" if name in found else "pass"

    live = call("on_live") if "on_live" in found else call("on_book")
    branches = [
        f"            {'el' if at else ''}if kind == {int(kind)}:\n                {text}"
        for at, (kind, text) in enumerate(
            (kind, live if kind is StrategyEventKind.LIVE else call(f"on_{kind.name.lower()}"))
            for kind in StrategyEventKind
        )
    ]
    return _TEMPLATE.format(
        on_start=call("on_start"),
        on_stop=call("on_stop"),
        branches="\n".join(branches),
        step_ns=STEP_NS,
        stopping=_STOPPING,
        **_ACTIONS,
    )


# Time is asked for after 64 events or empty polls, and after each sleep; a clock that is set back
# cannot keep the loop: the number of rounds is bounded, and so is each sleep.
_TEMPLATE = """\
def loop(states, events, counts, venue, action, until_ns, park):
    state = states[0]
    event = events[0]
    if action == {start}:
        {on_start}
        return 0
    if action == {stop}:
        {on_stop}
        return 0
    if state.stopping:
        return {stopping}
    address = events.ctypes.data
    for round in range(1_000_000):
        result = next_event(venue, address)
        if result < 0:
            return result
        if result > 0:
            kind = event.kind
            counts[kind & 15] += 1
{branches}
            if state.stopping:
                return {stopping}
        elif park:
            now = now_ns()
            if now >= until_ns or wait(venue, min(until_ns - now, {step_ns})) == 0:
                return 0
        if round & 63 == 63 and now_ns() >= until_ns:
            return 0
    return 0
"""
