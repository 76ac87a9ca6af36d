"""`touchline top`: a running venue in the terminal, live.

Draws a :class:`View` four times a second and reads single keys between. It goes on while the venue
is away, and says so.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from touchline.core._commands import venue_argument
from touchline.core.venue import Venue
from touchline.marketdata.books import MulticastBooks
from touchline.marketdata.top_screen import screen
from touchline.marketdata.watch import Watch

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["Keys", "add_top"]

_DRAW_EVERY_S = 0.25
# The feed is read as often as the keyboard; its sockets hold what comes between.
_KEYS_EVERY_S = 0.01
# A venue's figures are a second apart, and a rate needs two of them.
_ONCE_PATIENCE_S = 5.0
# Right and left, in both modes that a terminal's cursor keys have.
_ARROWS = ((b"\x1b[C", b"n"), (b"\x1bOC", b"n"), (b"\x1b[D", b"p"), (b"\x1bOD", b"p"))
_PLAIN_COLUMNS = 120
_PLAIN_LINES = 50


def add_top(commands: Subparsers) -> None:
    """Add `touchline top`."""
    parser = commands.add_parser(
        "top",
        help="watch a venue in the terminal: book, trades, rates, queues, latencies, sessions",
        description="Shows a running venue live: the ladder and newest trades of one instrument "
        "as the multicast feed tells them; orders, events, trades and packets a second; how full "
        "the rings are; the latency of each hop; sessions and strategies. Keys: right, n or tab "
        "for the next instrument, left or p for the one before, 1 to 9 for one of the first nine, "
        "q to quit. Where standard output is no terminal, or with --once, it prints one frame as "
        "text; exit code 1 if the venue is not running then.",
    )
    venue_argument(parser)
    parser.add_argument("--symbol", help="Symbol(55) of the instrument (default: the first)")
    parser.add_argument("--once", action="store_true", help="print one frame as text and end")
    parser.set_defaults(run=_top)


class Keys:
    """Which instrument is shown, as keys change it.

    Parameters
    ----------
    symbols : list of str
        The instruments, in order.
    symbol : str
        The one that is shown first.

    Examples
    --------
    >>> keys = Keys(["ESH4", "ACME"], "ESH4")
    >>> keys.press(b"n")
    >>> keys.symbol
    'ACME'
    >>> keys.press(bytes([27]) + b"[Dq")
    >>> (keys.symbol, keys.quit)
    ('ESH4', True)
    """

    def __init__(self, symbols: list[str], symbol: str) -> None:
        self._symbols = symbols
        self._at = symbols.index(symbol)
        self.quit = False

    @property
    def symbol(self) -> str:
        """The instrument that is shown."""
        return self._symbols[self._at]

    def press(self, typed: bytes) -> None:
        """Take the bytes that a terminal sends for keys; those that mean nothing are passed over.

        An arrow is three bytes, which a terminal sends at once.
        """
        for arrow, letter in _ARROWS:
            typed = typed.replace(arrow, letter)
        for key in typed.decode("ascii", errors="replace"):
            if key in "nN\t":
                self._at = (self._at + 1) % len(self._symbols)
            elif key in "pP":
                self._at = (self._at - 1) % len(self._symbols)
            elif key in "123456789" and int(key) <= len(self._symbols):
                self._at = int(key) - 1
            elif key in "qQ\x03":
                self.quit = True


def _top(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    symbol = options.symbol or venue.instruments[0].symbol
    venue.instrument(symbol)
    books = MulticastBooks(venue)
    try:
        watch = Watch(venue, books)
        if options.once or not (sys.stdout.isatty() and sys.stdin.isatty()):
            return _print_once(watch, symbol)
        return _live(watch, Keys([one.symbol for one in venue.instruments], symbol))
    finally:
        books.close()


def _print_once(watch: Watch, symbol: str) -> int:
    until = time.monotonic() + _ONCE_PATIENCE_S
    while not watch.is_complete and time.monotonic() < until:
        watch.gather(timeout_ms=100)
    view = watch.view(symbol)
    # A log is no terminal: its lines need not be broken where nobody looks.
    console = Console() if sys.stdout.isatty() else Console(width=_PLAIN_COLUMNS)
    frame = screen(view, console.width, _PLAIN_LINES, with_keys=False)
    console.print(frame, no_wrap=True, overflow="ignore", crop=False)
    return 0 if view.is_running else 1


def _live(watch: Watch, keys: Keys) -> int:
    console = Console()
    with _single_keys(), Live(console=console, auto_refresh=False, screen=True) as live:
        draw_at = 0.0
        while not keys.quit:
            typed = _typed(_KEYS_EVERY_S)
            keys.press(typed)
            watch.gather(timeout_ms=0)
            if typed or time.monotonic() >= draw_at:
                draw_at = time.monotonic() + _DRAW_EVERY_S
                view = watch.view(keys.symbol)
                live.update(screen(view, console.width, console.height), refresh=True)
    return 0


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Keys come one by one and are not shown; the terminal is as it was afterwards."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _typed(timeout_s: float) -> bytes:
    """What was typed, after a wait for it. A terminal that is gone has typed `q`."""
    if not select.select([sys.stdin], [], [], timeout_s)[0]:
        return b""
    return os.read(sys.stdin.fileno(), 64) or b"q"
