"""A subscriber of the public feed: its packets in, books and trades out.

The work (arbitration of lines A and B, gaps, recovery from snapshots) is done by the same Rust
library that every subscriber of a venue uses; docs/feed.md says what is on the wire.
"""

from __future__ import annotations

import enum
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from touchline.core._abi import ffi, lib
from touchline.core.errors import TouchlineError
from touchline.core.venue import Instrument, Venue
from touchline.marketdata._messages import Side, TradingPhase

__all__ = [
    "FEED_EVENT_DTYPE",
    "LEVEL_DTYPE",
    "ORDER_DTYPE",
    "Book",
    "BookState",
    "FeedError",
    "FeedEventKind",
    "Subscriber",
    "SubscriberClosedError",
]

LEVEL_DTYPE = np.dtype(
    [("price", "<i8"), ("qty", "<u8"), ("order_count", "<u4"), ("reserved", "<u4")]
)
"""A price level: price in price units, quantity in lots."""

ORDER_DTYPE = np.dtype([("order_id", "<u8"), ("price", "<i8"), ("qty", "<u8"), ("priority", "<u8")])
"""A resting order: price in price units, quantity in lots, sort key of its queue."""

FEED_EVENT_DTYPE = np.dtype(
    [
        ("seq", "<u8"),
        ("order_id", "<u8"),
        ("trd_match_id", "<u8"),
        ("price", "<i8"),
        ("qty", "<u8"),
        ("instrument_id", "<u4"),
        ("order_count", "<u4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("aggressor_side", "u1"),
        ("phase", "u1"),
        ("state", "u1"),
        ("flags", "u1"),
        ("reserved", "u1", (2,)),
    ]
)
"""Something that happened; which fields a kind fills is said at :class:`FeedEventKind`."""

for _dtype, _type in (
    (LEVEL_DTYPE, "tl_level"),
    (ORDER_DTYPE, "tl_book_order"),
    (FEED_EVENT_DTYPE, "tl_feed_event"),
):
    if ffi.sizeof(_type) != _dtype.itemsize:
        raise ImportError(f"{_type} has {ffi.sizeof(_type)} bytes, numpy's {_dtype.itemsize}")

_NO_PRICE = -(2**63)
_BATCH = 4096

LevelArray = npt.NDArray[np.void]
OrderArray = npt.NDArray[np.void]
EventArray = npt.NDArray[np.void]


class FeedError(TouchlineError):
    """The feed cannot be joined, or the system failed while it was read."""


class SubscriberClosedError(TouchlineError):
    """The subscriber has left the feed."""


class BookState(enum.IntEnum):
    """Whether a book is right."""

    LIVE = 1
    """It is what the venue's was after the same message."""
    SUSPECT = 2
    """Packets are lost that may have held messages of it."""
    STALE = 3
    """Messages are missing: it stands still until it is recovered."""


class FeedEventKind(enum.IntEnum):
    """What an event of the feed is."""

    LEVEL = 1
    """A level changed: side, price, qty, order_count; without orders it is gone."""
    TRADE = 2
    """A resting order executed: seq, order_id, trd_match_id, price, qty, side (of the resting
    order), aggressor_side, flags (MatchEventIndicator)."""
    PHASE = 3
    """The instrument entered a phase: seq, phase."""
    UNCROSS = 4
    """An uncross executed: seq, price, qty."""
    END_OF_EVENT = 5
    """The match event seq is in the book as a whole."""
    SNAPSHOT = 6
    """The book was taken from a snapshot up to seq; any level may differ."""
    STATE = 7
    """The book became, or ceased to be, trustworthy: state."""
    SESSION = 8
    """A session of the feed began, its number is in seq: every book is stale."""
    END_OF_SESSION = 9
    """The session in seq is over."""


@dataclass(frozen=True, slots=True)
class Book:
    """What is to be said of a book beside its levels.

    Attributes
    ----------
    state : BookState
        Whether it is right.
    phase : TradingPhase
        Phase of the instrument.
    last_seq : int
        Newest match event of the venue in it.
    last_px : int or None
        Price of the newest execution, price units.
    order_count, bid_levels, offer_levels : int
        Resting orders; price levels of each side.
    """

    state: BookState
    phase: TradingPhase
    last_seq: int
    last_px: int | None
    order_count: int
    bid_levels: int
    offer_levels: int


class Subscriber:
    """Keeps the books of a venue's feed.

    Nothing is taken in but by :meth:`poll`; what the socket buffers cannot hold between two calls
    is lost and must be recovered. Not for several threads at a time.

    Parameters
    ----------
    config : str or path
        The ``venue.toml`` of the venue: groups, interface, instruments.
    events : bool, default False
        Keep everything that happens for :meth:`events`, at most 1,048,576 events.

    Raises
    ------
    ConfigError
        If the file describes no venue.
    FeedError
        If a group cannot be joined.

    Examples
    --------
    >>> with Subscriber("venue.toml") as feed:  # doctest: +SKIP
    ...     while not feed.is_live:
    ...         feed.poll(timeout_ms=100)
    ...     print(feed.levels("ESH4", Side.BUY, depth_levels=5))
    """

    def __init__(self, config: str | os.PathLike[str], *, events: bool = False) -> None:
        self._handle: Any = None
        self.venue = Venue.load(config)
        handle = ffi.new("tl_subscriber **")
        error = ffi.new("char[]", 4096)
        path = os.fsencode(self.venue.config)
        result = lib.tl_subscriber_open(path, int(events), handle, error, len(error))
        if result != 0:
            text = bytes(ffi.buffer(error, min(-result, len(error)))).decode(errors="replace")
            raise FeedError(f"cannot join the feed of {self.venue.name}: {text}")
        self._handle = handle[0]

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Leave the feed. Closing again does nothing."""
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is not None:
            lib.tl_subscriber_close(handle)

    def poll(self, timeout_ms: float = 100.0) -> int:
        """Wait for packets and take in all that have come.

        Parameters
        ----------
        timeout_ms : float, default 100
            Longest wait for the first packet, ms; 0 does not wait.

        Returns
        -------
        int
            Datagrams taken in, of all lines.

        Raises
        ------
        FeedError
            If the system fails.
        """
        if not (math.isfinite(timeout_ms) and timeout_ms >= 0):
            raise ValueError(f"timeout_ms is {timeout_ms}, must be 0 or more")
        count = int(lib.tl_subscriber_poll(self._open(), int(timeout_ms * 1e6)))
        if count < 0:
            raise FeedError(f"cannot read the feed of {self.venue.name}: {os.strerror(-count)}")
        return count

    def book(self, instrument: int | str | Instrument) -> Book | None:
        """What is to be said of a book beside its levels.

        Parameters
        ----------
        instrument : int, str or Instrument
            Its number, or its Symbol(55).

        Returns
        -------
        Book or None
            None before anything was heard of the instrument.

        Raises
        ------
        ConfigError
            If the venue has no such symbol; likewise wherever an instrument is named.
        """
        told: Any = ffi.new("tl_book *")
        if lib.tl_subscriber_book(self._open(), self._number(instrument), told) != 1:
            return None
        return Book(
            state=BookState(told.state),
            phase=TradingPhase(told.phase),
            last_seq=told.last_seq,
            last_px=None if told.last_px == _NO_PRICE else told.last_px,
            order_count=told.order_count,
            bid_levels=told.bid_levels,
            offer_levels=told.offer_levels,
        )

    def levels(
        self, instrument: int | str | Instrument, side: Side | int, depth_levels: int = 10
    ) -> LevelArray:
        """The best levels of a side, best first.

        Parameters
        ----------
        instrument : int, str or Instrument
            Its number, or its Symbol(55).
        side : Side
            ``Side.BUY`` for the bids, ``Side.SELL`` for the offers.
        depth_levels : int, default 10
            Levels at most.

        Returns
        -------
        ndarray of LEVEL_DTYPE, shape (levels,)
            Prices in price units, quantities in lots; a copy.
        """
        out = np.zeros(depth_levels, LEVEL_DTYPE)
        handle, number = self._open(), self._number(instrument)
        count = lib.tl_subscriber_levels(
            handle, number, _side(side), _pointer("tl_level *", out), len(out)
        )
        return out[: int(count)]

    def bids(self, instrument: int | str | Instrument, depth_levels: int = 10) -> LevelArray:
        """The best bids; see :meth:`levels`."""
        return self.levels(instrument, Side.BUY, depth_levels)

    def offers(self, instrument: int | str | Instrument, depth_levels: int = 10) -> LevelArray:
        """The best offers; see :meth:`levels`."""
        return self.levels(instrument, Side.SELL, depth_levels)

    def orders(
        self, instrument: int | str | Instrument, side: Side | int, price: int
    ) -> OrderArray:
        """The orders at a price, in the order in which they will execute.

        Parameters
        ----------
        instrument : int, str or Instrument
            Its number, or its Symbol(55).
        side : Side
            Side of the book.
        price : int
            Price units.

        Returns
        -------
        ndarray of ORDER_DTYPE, shape (orders,)
            A copy.
        """
        handle, number = self._open(), self._number(instrument)
        room = 64
        while True:
            out = np.zeros(room, ORDER_DTYPE)
            count = int(
                lib.tl_subscriber_orders(
                    handle,
                    number,
                    _side(side),
                    price,
                    _pointer("tl_book_order *", out),
                    room,
                )
            )
            if count < room:
                return out[:count]
            room *= 4

    def trades(self) -> EventArray:
        """Trades since the last call, oldest first.

        Beyond 65,536 waiting ones the oldest are dropped; :meth:`counters` says how many, as
        ``trades_dropped``.

        Returns
        -------
        ndarray of FEED_EVENT_DTYPE, shape (trades,)
            All of kind ``FeedEventKind.TRADE``, of every instrument.
        """
        return self._take(lib.tl_subscriber_trades)

    def events(self) -> EventArray:
        """Everything that happened since the last call, in the order of the feed.

        Nothing unless the subscriber was made with ``events=True``. Dropped ones are counted as
        ``events_dropped``.

        Returns
        -------
        ndarray of FEED_EVENT_DTYPE, shape (events,)
            See :class:`FeedEventKind`.
        """
        return self._take(lib.tl_subscriber_events)

    def counters(self) -> dict[str, Any]:
        """Everything that is counted.

        Returns
        -------
        dict
            Among them ``packets``, ``messages``, ``packets_lost``, ``unrecovered_gaps``,
            ``recovered_gaps``, ``lost_on_one_line``, and ``lines`` with counters of each line.
        """
        handle = self._open()
        room = 1 << 13
        while True:
            out = ffi.new("char[]", room)
            length = int(lib.tl_subscriber_counters(handle, out, room))
            if length <= room:
                counted: dict[str, Any] = json.loads(bytes(ffi.buffer(out, length)))
                return counted
            room = length

    @property
    def is_live(self) -> bool:
        """True if the book of every instrument of the feed is right."""
        return bool(self.counters()["live"])

    def _open(self) -> Any:
        if self._handle is None:
            raise SubscriberClosedError(f"the subscriber of {self.venue.name} is closed")
        return self._handle

    def _number(self, instrument: int | str | Instrument) -> int:
        if isinstance(instrument, str):
            instrument = self.venue.instrument(instrument)
        return instrument.id if isinstance(instrument, Instrument) else instrument

    def _take(self, function: Callable[[Any, Any, int], int]) -> EventArray:
        handle = self._open()
        batches = []
        while True:
            out = np.zeros(_BATCH, FEED_EVENT_DTYPE)
            count = int(function(handle, _pointer("tl_feed_event *", out), _BATCH))
            batches.append(out[:count])
            if count < _BATCH:
                return batches[0] if len(batches) == 1 else np.concatenate(batches)


def _pointer(kind: str, array: npt.NDArray[np.void]) -> Any:
    """Where an array lies, for the library to write to while the caller holds the array."""
    return ffi.cast(kind, array.ctypes.data)


def _side(side: Side | int) -> int:
    if side not in (Side.BUY, Side.SELL):
        raise ValueError(f"side is {side!r}, must be Side.BUY or Side.SELL")
    return int(side)
