"""Strategies in this process and in processes of their own, and a member to trade with."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from running_venue import RunningVenue
from wire import Wire, new_order

from touchline.core.venue import Venue
from touchline.strategy.connection import Connection
from touchline.strategy.lifecycle import AnyStrategy

__all__ = ["STRATEGIES", "TOUCHLINE", "Here", "Member", "There"]

TOUCHLINE = Path(sys.executable).parent / "touchline"
STRATEGIES = """
[[strategy]]
name = "maker"
member = "ALPHA"
max_order_qty = 50
max_position = 200
max_orders_per_s = 10000
order_burst = 10000

[[strategy]]
name = "slow"
member = "ALPHA"
max_position = 10
max_orders_per_s = 1
order_burst = 3
"""
_WAIT_S = 10.0
_LINE_S = 30.0


class Here:
    """A strategy in this process; the test says when it runs."""

    def __init__(self, venue: RunningVenue, owner: type, name: str, **parameters: object) -> None:
        self.venue = venue
        told = Venue.load(venue.config)
        self.strategy: Any = owner(told, name, parameters)
        assert isinstance(self.strategy, AnyStrategy)
        self.driver: Any = self.strategy._driver()
        self.compilation = self.driver.prepare()
        self.connection = Connection(told, name)
        self.driver.start(self.connection)

    @property
    def state(self) -> Any:
        """The state of a compiled strategy."""
        return self.driver.states[0]

    def until(self, holds: Callable[[], object], what: str = "it") -> None:
        """Run the strategy until something holds."""
        deadline = time.monotonic() + _WAIT_S
        while not holds():
            assert time.monotonic() < deadline, f"{what}: {getattr(self.strategy, 'told', '')}"
            self.driver.step(spin=False)

    def until_live(self) -> None:
        """Run the strategy until every book is live, and forget what it was told till then."""
        self.until(lambda: len(self.strategy.of("live")) == 2, "live")
        self.strategy.told.clear()

    def execution(self) -> Any:
        """The next execution that the test has not asked for yet."""
        self.until(lambda: self.strategy.of("execution"), "an execution")
        at = next(i for i, (name, _) in enumerate(self.strategy.told) if name == "execution")
        return self.strategy.told.pop(at)[1]


class There:
    """A strategy in a process of its own: `touchline strategy`."""

    def __init__(self, venue: Path, name: str, named: str, *options: str) -> None:
        command = [TOUCHLINE, "strategy", venue, name, named, *options]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._out = _Lines(self.process.stdout)
        self._errors = _Lines(self.process.stderr)

    def line(self) -> str:
        """The next line of its standard output."""
        line = self._out.next()
        assert line is not None, self.ended()
        return line

    def error_line(self) -> str | None:
        """The next line of its standard error."""
        return self._errors.next()

    def ended(self, timeout_s: float = 60.0) -> tuple[int, str, str]:
        """Wait for its end: exit code, the rest of standard output, standard error."""
        code = self.process.wait(timeout_s)
        return code, self._out.rest(), self._errors.rest()

    def close(self) -> None:
        """Kill it, if it runs."""
        self.process.kill()
        self.ended()


class _Lines:
    """Lines of a pipe, read by a thread, so that a test can wait for one and give up."""

    def __init__(self, pipe: IO[str] | None) -> None:
        assert pipe is not None
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def next(self) -> str | None:
        """The next line; None at the end."""
        line = self._lines.get(timeout=_LINE_S)
        if line is None:
            self._lines.put(None)
        return line

    def rest(self) -> str:
        """Every line up to the end."""
        lines = []
        while (line := self.next()) is not None:
            lines.append(line + "\n")
        return "".join(lines)


class Member:
    """BETA, over FIX: the counterparty."""

    def __init__(self, venue: RunningVenue) -> None:
        self.wire = Wire(venue.address, "BETA1")
        self.wire.logon()
        self.wire.next({35: "A"})
        self.count = 0

    def order(self, side: str, qty: int, price: str, symbol: str = "ESH4") -> None:
        """Send a limit order and wait until it is accepted; `qty` in lots of 1 and of 100."""
        self.count += 1
        units = qty * (100 if symbol == "ACME" else 1)
        fields = {"_54": side, "_38": str(units), "_44": price, "_55": symbol}
        self.wire.send("D", new_order(f"B{self.count}", **fields))
        answer = self.wire.next()
        while (answer[11], answer[150]) != (f"B{self.count}", "0"):
            answer = self.wire.next()
