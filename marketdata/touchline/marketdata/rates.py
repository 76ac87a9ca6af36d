"""Rates a second, from counters that rise, and their last two minutes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["RATES", "Rates"]

RATES = ("orders", "events", "trades", "packets")
"""What is measured; each is a counter of one agent."""

_HISTORY_S = 120
# The agents write once a second; after so many seconds without, nothing is known.
_KEPT_S = 3.0


@dataclass(slots=True)
class _Meter:
    total: int = 0
    at_s: float | None = None
    rate: float | None = None

    def count(self, total: int, at_s: float | None) -> None:
        if at_s is None or at_s == self.at_s:
            return
        if self.at_s is None or total < self.total or at_s - self.at_s > _KEPT_S:
            self.rate = None  # the first count, another process, or a hole
        elif at_s > self.at_s:
            self.rate = (total - self.total) / (at_s - self.at_s)
        self.total, self.at_s = total, at_s


class Rates:
    """One meter for each name of :data:`RATES`.

    :meth:`count` each counter as it was read, then :meth:`tick`, once a second.
    """

    def __init__(self) -> None:
        self._meters = {name: _Meter() for name in RATES}
        self._history: dict[str, deque[float]] = {name: deque(maxlen=_HISTORY_S) for name in RATES}

    def count(self, name: str, total: int, at_s: float | None) -> None:
        """Note what a counter stood at, and when; the same moment twice is no news.

        Parameters
        ----------
        name : str
            One of :data:`RATES`.
        total : int
            What was counted since the agent's start.
        at_s : float or None
            When it was written, seconds since the epoch; None if it never was.
        """
        self._meters[name].count(total, at_s)

    def tick(self, is_running: bool) -> None:
        """A second has gone by: put the rates into the history; 0 where the venue stands still."""
        for name, meter in self._meters.items():
            if not is_running:
                meter.rate = None
            self._history[name].append(round(meter.rate or 0.0, 1))

    def now(self) -> dict[str, float | None]:
        """Each rate, a second; None where it is not known."""
        return {
            name: None if meter.rate is None else round(meter.rate, 1)
            for name, meter in self._meters.items()
        }

    def history(self) -> dict[str, list[float]]:
        """The rates of the last 120 seconds at most, oldest first, one each second."""
        return {name: list(rates) for name, rates in self._history.items()}

    @property
    def are_known(self) -> bool:
        """True if every rate is known."""
        return all(meter.rate is not None for meter in self._meters.values())
