"""The life of a strategy's process: load, prepare, connect, run, stop, and say what was done.

Exit codes: 0 it has stopped, as it was asked to; 1 refused, or a callback failed; 75 the engine is
gone (EX_TEMPFAIL: start again). With ``reconnect`` the last does not happen.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from touchline.core.venue import Venue
from touchline.strategy.connection import Connection
from touchline.strategy.errors import (
    EngineGoneError,
    StrategyError,
    StrategyLoadError,
    StrategyRefusedError,
)
from touchline.strategy.lifecycle import AnyStrategy, Compilation, Driver

__all__ = ["ENGINE_GONE", "Options", "Runner", "load"]

ENGINE_GONE = os.EX_TEMPFAIL
"""Exit code 75: the engine is gone, and nobody asked to connect again."""

_CONNECT_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """How a strategy is run.

    Attributes
    ----------
    spin : bool
        Look for events without a pause; else sleep while there is none.
    cpu : int or None
        Processor to stay on.
    reconnect : bool
        Connect again when the engine is gone, and wait for it at the start.
    limit_s : float or None
        Stop after so many seconds.
    """

    spin: bool = False
    cpu: int | None = None
    reconnect: bool = False
    limit_s: float | None = None


@dataclass
class Summary:
    """What a process did, over all its connections."""

    connections: int = 0
    events: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    positions: dict[str, int] = field(default_factory=dict)
    compilation: Compilation | None = None

    def take(self, driver: Driver, connection: Connection) -> None:
        """Add what a connection has counted, just before it is closed."""
        self.events.update(driver.counts)
        for name, value in connection.counters().items():
            if type(value) is int:
                self.counters[name] += value
        for one in connection.venue.instruments:
            self.positions[one.symbol] = connection.position(one)

    def text(self, name: str) -> str:
        """Everything, as lines."""
        events = ", ".join(f"{kind} {count:,}" for kind, count in self.events.items() if count)
        counters = ", ".join(
            f"{word.replace('_', ' ')} {count:,}" for word, count in self.counters.items() if count
        )
        held = {symbol: qty for symbol, qty in self.positions.items() if qty}
        positions = ", ".join(f"{symbol} {qty:+,}" for symbol, qty in held.items()) or "none"
        lines = [
            ("connections", f"{self.connections}"),
            ("events", f"{self.events.total():,}: {events}" if events else "0"),
            ("counters", counters),
            ("position", positions),
            ("compiled in", "" if self.compilation is None else str(self.compilation)),
        ]
        rows = [f"  {title:<12} {text}" for title, text in lines if text]
        return "\n".join([f"strategy {name} has stopped", *rows])


class Runner:
    """Runs one strategy until it is stopped.

    Parameters
    ----------
    config : Path
        The venue's configuration; it is read again for each connection.
    name : str
        Name of the ``[[strategy]]``.
    owner : type
        The strategy's class; each connection gets an object of its own.
    parameters : mapping of str to object
        By name; texts are read as on the command line.
    options : Options
        How to run.
    """

    def __init__(
        self,
        config: Path,
        name: str,
        owner: type[AnyStrategy],
        parameters: Mapping[str, object],
        options: Options,
    ) -> None:
        self.config = config
        self.name = name
        self.owner = owner
        self.parameters = parameters
        self.options = options
        self.summary = Summary()
        self._asked_to_stop = False
        self._deadline = None if options.limit_s is None else time.monotonic() + options.limit_s

    def run(self) -> int:
        """Run; see the module for what is returned.

        Raises
        ------
        ConfigError, StrategyError
            If it cannot start.
        """
        if self.options.cpu is not None:
            _pin(self.options.cpu)
        with self._signals():
            code = self._connections()
        print(self.summary.text(self.name), flush=True)
        return code

    def _connections(self) -> int:
        """One connection after the other; the exit code of the last."""
        while True:
            driver, connection = self._connected()
            if connection is None:
                return 0
            self.summary.connections += 1
            code = self._connection(driver, connection)
            if code != ENGINE_GONE or not self.options.reconnect:
                return code

    def _connected(self) -> tuple[Driver, Connection | None]:
        """A fresh strategy with its connection; None if we were stopped before there is one.

        What takes long is done first: events would be lost meanwhile.
        """
        said = ""
        while True:
            venue = Venue.load(self.config)
            strategy = self.owner(venue, self.name, self.parameters)
            _ = strategy.limits  # before much is compiled for a name that is not there
            driver = strategy._driver()
            self.summary.compilation = driver.prepare()
            if self._is_over():
                return driver, None
            try:
                return driver, Connection(venue, self.name)
            except StrategyRefusedError as error:
                if not self.options.reconnect:
                    raise
                if str(error) != said:
                    said = str(error)
                    _say(f"{said}; trying again")
                time.sleep(_CONNECT_EVERY_S)

    def _connection(self, driver: Driver, connection: Connection) -> int:
        """Run callbacks until the end of the connection; it is closed then."""
        try:
            driver.start(connection)
            while driver.step(spin=self.options.spin) and not self._is_over():
                pass
            driver.stop()
        except EngineGoneError as gone:
            _say(f"the engine is gone: {gone}")
            return self._gone(driver)
        except Exception:
            _say(f"strategy {self.name}: a callback failed; its orders are cancelled")
            traceback.print_exc()
            return 1
        finally:
            self.summary.take(driver, connection)
            connection.close()
        return 0

    def _gone(self, driver: Driver) -> int:
        """on_stop, without an engine: what it sends goes nowhere."""
        try:
            driver.stop()
        except EngineGoneError:
            pass
        except Exception:
            traceback.print_exc()
            return 1
        return ENGINE_GONE

    def _is_over(self) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return self._asked_to_stop or late

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM stop it cleanly; whoever sends a second one means it."""

        def stop(number: int, _: FrameType | None) -> None:
            self._asked_to_stop = True
            signal.signal(number, signal.default_int_handler)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def load(named: str) -> type[AnyStrategy]:
    """The class that ``MODULE:CLASS`` names: a module to import, or a file that ends in .py.

    Raises
    ------
    StrategyLoadError
        If there is no such module or class, or the class is no strategy. What the module itself
        raises goes through.
    """
    place, colon, name = named.rpartition(":")
    if not colon or not place or not name:
        raise StrategyLoadError(f"{named!r} names no strategy: write MODULE:CLASS")
    module = _file(Path(place)) if place.endswith(".py") else _module(place)
    owner: Any = getattr(module, name, None)
    if owner is None:
        raise StrategyLoadError(f"{place} has no class {name}")
    if not (isinstance(owner, type) and issubclass(owner, AnyStrategy)):
        raise StrategyLoadError(
            f"{named} is no strategy: extend touchline.strategy.Strategy, or CompiledStrategy of "
            "touchline.strategy.compiled"
        )
    return owner


def _module(name: str) -> ModuleType:
    """Import a module; the current folder is looked through first, as with ``python -m``."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # something that the module itself imports
        raise StrategyLoadError(f"there is no module {name}: {error}") from error


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise StrategyLoadError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _pin(cpu: int) -> None:
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        raise StrategyError(f"processor {cpu} is not one that we may run on: {error}") from error


def _say(text: str) -> None:
    print(f"touchline: {text}", file=sys.stderr, flush=True)
