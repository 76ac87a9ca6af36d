"""Where the books on a screen come from: a seam for `touchline top` and the live page.

:class:`BookSource` is all that they ask. :class:`MulticastBooks` answers from the public feed, and
``ring_books`` from the engine's public ring. Whatever takes their place must be as public: no
owners, no private records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from touchline.core.venue import Venue
from touchline.marketdata._messages import MatchEventIndicator, Side
from touchline.marketdata.subscriber import LevelArray, Subscriber

__all__ = ["BookSource", "Level", "MulticastBooks", "SourceState", "Standing", "Trade"]


class Level(NamedTuple):
    """A price level: price in price units, quantity in lots, resting orders."""

    price: int
    qty: int
    order_count: int


class Trade(NamedTuple):
    """An execution; `aggressor` is ``"buy"``, ``"sell"`` or ``"uncross"``."""

    seq: int
    symbol: str
    price: int
    qty: int
    aggressor: str


class Standing(NamedTuple):
    """What is to be said of a book: its phase, whether it is right, its newest event and price."""

    phase: str
    state: str
    last_seq: int
    last_px: int | None


class SourceState(NamedTuple):
    """How well the source hears: what it took in, what it missed and what it has not repaired."""

    name: str
    is_live: bool
    taken: int
    lost: int
    unrecovered: int


class BookSource(Protocol):
    """Books and trades of a venue. One thread at a time."""

    def poll(self, timeout_ms: float) -> int:
        """Wait at most `timeout_ms` for something new, take all in, return how much that was."""
        ...

    def standing(self, symbol: str) -> Standing | None:
        """What is to be said of a book; None before anything was heard of it."""
        ...

    def bids(self, symbol: str, depth_levels: int) -> Sequence[Level]:
        """The best bids, best first."""
        ...

    def offers(self, symbol: str, depth_levels: int) -> Sequence[Level]:
        """The best offers, best first."""
        ...

    def trades(self) -> Sequence[Trade]:
        """Trades of every instrument since the last call, oldest first; each match once."""
        ...

    def state(self) -> SourceState:
        """How well the source hears."""
        ...

    def close(self) -> None:
        """Listen no more. Closing again does nothing."""
        ...


class MulticastBooks:
    """The books as a subscriber of the public feed has them.

    Raises
    ------
    FeedError
        If a group cannot be joined; later, from :meth:`poll`, if the system fails.
    """

    def __init__(self, venue: Venue) -> None:
        self._feed = Subscriber(venue.config)
        self._symbols = {instrument.id: instrument.symbol for instrument in venue.instruments}

    def poll(self, timeout_ms: float) -> int:
        """Take in what has come; see :meth:`Subscriber.poll`."""
        return self._feed.poll(timeout_ms)

    def standing(self, symbol: str) -> Standing | None:
        """What is to be said of a book."""
        book = self._feed.book(symbol)
        if book is None:
            return None
        return Standing(
            book.phase.name.lower(), book.state.name.lower(), book.last_seq, book.last_px
        )

    def bids(self, symbol: str, depth_levels: int) -> Sequence[Level]:
        """The best bids, best first."""
        return _levels(self._feed.bids(symbol, depth_levels))

    def offers(self, symbol: str, depth_levels: int) -> Sequence[Level]:
        """The best offers, best first."""
        return _levels(self._feed.offers(symbol, depth_levels))

    def trades(self) -> Sequence[Trade]:
        """Trades since the last call; of an uncross, which tells both sides, each match once."""
        sides = {Side.BUY: "buy", Side.SELL: "sell"}
        return [
            Trade(
                int(one["seq"]),
                self._symbols[int(one["instrument_id"])],
                int(one["price"]),
                int(one["qty"]),
                sides.get(Side(int(one["aggressor_side"])), "uncross"),
            )
            for one in self._feed.trades()
            if one["flags"] & MatchEventIndicator.PRINTABLE
            and int(one["instrument_id"]) in self._symbols
        ]

    def state(self) -> SourceState:
        """Packets of the feed, lost ones, and gaps that are not repaired."""
        told = self._feed.counters()
        return SourceState(
            "multicast",
            bool(told["live"]),
            int(told["packets"]),
            int(told["packets_lost"]),
            int(told["unrecovered_gaps"]),
        )

    def close(self) -> None:
        """Leave the feed."""
        self._feed.close()


def _levels(told: LevelArray) -> list[Level]:
    rows = told[["price", "qty", "order_count"]].tolist()
    return [Level(*row) for row in rows]
