"""`touchline subscribe`: the book of an instrument in the terminal, as the feed tells it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from touchline.core._commands import venue_argument
from touchline.core.venue import Instrument, Venue
from touchline.marketdata._messages import Side
from touchline.marketdata.subscriber import Subscriber

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_subscribe", "ladder_table", "price_text", "trades_table"]

_DRAW_EVERY_S = 0.25
_TRADES_SHOWN = 12


def add_subscribe(commands: Subparsers) -> None:
    """Add `touchline subscribe`."""
    parser = commands.add_parser(
        "subscribe",
        help="listen to the feed and show a book",
        description="Joins the multicast feed of a venue, recovers the book of one instrument from "
        "a snapshot, and shows its best levels and newest trades until it is interrupted. Where "
        "standard output is no terminal, or with --once, it prints the book once. "
        "With --print-trades it prints a line for each trade instead.",
    )
    venue_argument(parser)
    parser.add_argument("--symbol", help="Symbol(55) of the instrument (default: the first)")
    parser.add_argument(
        "--depth", type=int, default=10, metavar="LEVELS", help="levels of a side (default: 10)"
    )
    parser.add_argument("--once", action="store_true", help="print the book once and end")
    parser.add_argument("--print-trades", action="store_true", help="a line for each trade")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="end after so many seconds")
    parser.set_defaults(run=_subscribe)


def price_text(price: int, instrument: Instrument) -> str:
    """A price in price units as the decimal that people read.

    Parameters
    ----------
    price : int
        Price units.
    instrument : Instrument
        Says what one price unit is.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> price_text(19201, SimpleNamespace(price_increment="0.25"))
    '4800.25'
    """
    return str(Decimal(instrument.price_increment) * price)


def ladder_table(feed: Subscriber, instrument: Instrument, depth_levels: int) -> Table:
    """The best levels of both sides: offers above, bids below, the touch between them."""
    book = feed.book(instrument)
    title = f"{instrument.symbol}"
    if book is not None:
        title += f"  {book.phase.name.lower()}, {book.state.name.lower()}, seq {book.last_seq:,}"
    table = Table(title=title, title_justify="left")
    for name in ("orders", "bid qty", "price", "offer qty", "orders"):
        table.add_column(name, justify="right")
    offers = feed.offers(instrument, depth_levels)
    for level in offers[::-1]:
        price = Text(price_text(int(level["price"]), instrument), style="red")
        table.add_row("", "", price, f"{level['qty']:,}", f"{level['order_count']:,}")
    table.add_section()
    for level in feed.bids(instrument, depth_levels):
        price = Text(price_text(int(level["price"]), instrument), style="green")
        table.add_row(f"{level['order_count']:,}", f"{level['qty']:,}", price, "", "")
    return table


def trades_table(trades: Sequence[Any], instrument: Instrument) -> Table:
    """The newest trades, newest first; both sides of an uncross count once."""
    table = Table(title="trades", title_justify="left")
    for name in ("price", "qty", "aggressor"):
        table.add_column(name, justify="right")
    for trade in list(trades)[::-1]:
        if trade["instrument_id"] == instrument.id and _is_printable(trade):
            price = price_text(int(trade["price"]), instrument)
            table.add_row(price, f"{trade['qty']:,}", _aggressor(trade))
    return table


def _is_printable(trade: Any) -> bool:
    return bool(trade["flags"] & 4)


def _aggressor(trade: Any) -> str:
    return {Side.BUY: "buy", Side.SELL: "sell"}.get(Side(int(trade["aggressor_side"])), "uncross")


def _subscribe(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    symbol = options.symbol or venue.instruments[0].symbol
    instrument = venue.instrument(symbol)
    console = Console()
    deadline = None if options.limit is None else time.monotonic() + options.limit
    with Subscriber(venue.config) as feed:
        if options.print_trades:
            return _print_trades(feed, instrument, deadline)
        if options.once or not console.is_terminal:
            return _print_once(console, feed, instrument, options.depth, deadline)
        return _live(console, feed, instrument, options.depth, deadline)


def _over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline


def _print_once(
    console: Console, feed: Subscriber, instrument: Instrument, depth: int, deadline: float | None
) -> int:
    patience = deadline or time.monotonic() + 10.0
    while not feed.is_live:
        if _over(patience):
            console.print("no book: nothing was heard on the feed; is the venue up?")
            return 1
        feed.poll(timeout_ms=100)
    console.print(ladder_table(feed, instrument, depth))
    return 0


def _print_trades(feed: Subscriber, instrument: Instrument, deadline: float | None) -> int:
    while not _over(deadline):
        feed.poll(timeout_ms=100)
        for trade in feed.trades():
            if trade["instrument_id"] == instrument.id and _is_printable(trade):
                price = price_text(int(trade["price"]), instrument)
                match, seq = trade["trd_match_id"], trade["seq"]
                print(
                    f"{seq} {instrument.symbol} {price} {trade['qty']} {_aggressor(trade)} {match}"
                )
    return 0


def _live(
    console: Console, feed: Subscriber, instrument: Instrument, depth: int, deadline: float | None
) -> int:
    shown: list[Any] = []
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while not _over(deadline):
            until = time.monotonic() + _DRAW_EVERY_S
            while (left := until - time.monotonic()) > 0:
                feed.poll(timeout_ms=left * 1_000)
            shown = (shown + list(feed.trades()))[-_TRADES_SHOWN:]
            live.update(_screen(feed, instrument, depth, shown), refresh=True)
    return 0


def _screen(
    feed: Subscriber, instrument: Instrument, depth: int, shown: list[Any]
) -> RenderableType:
    told = feed.counters()
    line = (
        f"packets {told['packets']:,}  lost on one line {told['lost_on_one_line']:,}  "
        f"gaps recovered {told['recovered_gaps']:,}, open {told['unrecovered_gaps']:,}"
    )
    book = Columns([ladder_table(feed, instrument, depth), trades_table(shown, instrument)])
    return Group(book, Text(line))
