"""The frames of the live page: one thread watches the venue, and every watcher gets the newest.

A frame is made at most four times a second and once for each instrument that somebody looks at, so
that the cost does not grow with the watchers. A watcher who is slow misses frames; none waits for
another.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator

from touchline.core.errors import TouchlineError
from touchline.marketdata.watch import Watch

__all__ = ["FRAME_EVERY_S", "Frames", "TooManyWatchersError"]

FRAME_EVERY_S = 0.25
"""Shortest time between two frames, seconds."""

WATCHERS_MAX = 16
_POLL_MS = 50.0
# Between two looks at the books, so that busy ones are read in batches; the ring holds the rest.
_PAUSE_S = 0.005


class TooManyWatchersError(TouchlineError):
    """As many watch the page as may."""


class Frames:
    """Makes frames in a thread of its own from :meth:`start` to :meth:`close`.

    Parameters
    ----------
    watch : Watch
        Of the venue; from :meth:`start` on it belongs to the thread.

    Attributes
    ----------
    failure : Exception or None
        Why the thread ended, if it did by itself: the feed failed, or there is a bug.
    """

    def __init__(self, watch: Watch) -> None:
        self.failure: Exception | None = None
        self.symbols = [one.symbol for one in watch.venue.instruments]
        self._watch = watch
        self._news = threading.Condition()
        self._watchers: Counter[str] = Counter()
        self._frames: dict[str, bytes] = {}
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, and with it every watcher's frames. Closing again does nothing."""
        self._stop.set()
        with self._news:
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    @contextlib.contextmanager
    def watching(self, symbol: str) -> Iterator[Iterator[bytes]]:
        """The frames of an instrument, from now on, as JSON; the newest each time one is asked for.

        Raises
        ------
        TooManyWatchersError
            If 16 are watching.
        """
        with self._news:
            if self._watchers.total() >= WATCHERS_MAX:
                raise TooManyWatchersError(f"{WATCHERS_MAX} are watching already")
            self._watchers[symbol] += 1
        try:
            yield self._follow(symbol)
        finally:
            with self._news:
                self._watchers[symbol] -= 1
                if not self._watchers[symbol]:
                    del self._watchers[symbol]
                    self._frames.pop(symbol, None)

    def _follow(self, symbol: str) -> Iterator[bytes]:
        with self._news:
            shown = self._number
        while True:
            with self._news:
                while self._number == shown or symbol not in self._frames:
                    if self._stop.is_set():
                        return
                    self._news.wait()
                shown, frame = self._number, self._frames[symbol]
            yield frame

    def _run(self) -> None:
        try:
            due = 0.0
            while not self._stop.wait(_PAUSE_S):
                self._watch.gather(_POLL_MS)
                if time.monotonic() >= due:
                    self._make()
                    due = time.monotonic() + FRAME_EVERY_S
        except Exception as error:
            self.failure = error
            self._stop.set()
            with self._news:
                self._news.notify_all()

    def _make(self) -> None:
        with self._news:
            symbols = list(self._watchers)
        frames = {symbol: self._watch.view(symbol).to_json().encode() for symbol in symbols}
        with self._news:
            self._frames = frames
            self._number += 1
            self._news.notify_all()
