"""Tapes: the public records of a venue in a file, and the books that they make.

``touchline-members`` writes one from a recorded day or from synthetic flow (``--into``);
`gateway/members/src/tape/file.rs` has its bytes. The records are what a live strategy reads from
the public ring, and the books are made by the very code that makes a live strategy's
(``tl_recorded_market`` of the C ABI), so that a model learns from what it will see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import llvmlite.binding
import numba
import numpy as np
import numpy.typing as npt
from numba import types

from touchline.core._abi import LIBRARY_PATH, ffi, lib
from touchline.core._records import LAYOUT_HASH, PUBLIC_RECORD_DTYPE, PublicKind, TradingPhase
from touchline.models import features
from touchline.models.errors import TapeError

__all__ = ["BOOK_DTYPE", "HEAD_DTYPE", "LEVEL_DTYPE", "TRADE_DTYPE", "Day", "Tape"]

MAGIC = b"TLTAPE01"
VERSION = 1
CHUNK_RECORDS = 1 << 16
"""Records between two reports of progress."""

HEAD_DTYPE = np.dtype(
    [
        ("magic", "S8"),
        ("version", "<u8"),
        ("layout_hash", "<u8"),
        ("record_bytes", "<u8"),
        ("instruments", "<u8"),
        ("reserved", "V24"),
    ]
)
"""The first 64 bytes of a tape."""

BOOK_DTYPE = np.dtype(
    [
        ("seq", np.int64),
        ("time_ns", np.int64),
        ("stretch", np.int64),
        ("trades_before", np.int64),
        ("bid_px", np.int64),
        ("bid_qty", np.int64),
        ("offer_px", np.int64),
        ("offer_qty", np.int64),
    ]
)
"""The touch after a match event of continuous trading: sequence, sequenced time (ns), number of the
stretch of continuous trading (from 0), trades of the day before it, prices in price units,
quantities in lots; a quantity of 0 says that the side is empty."""

TRADE_DTYPE = np.dtype(
    [("time_ns", np.int64), ("price", np.int64), ("qty", np.int64), ("side", np.int64)]
)
"""A trade of continuous trading; side 1 bought, 2 sold, 0 nobody was the aggressor."""


@dataclass(frozen=True)
class Day:
    """What one instrument did while it traded continuously, with the features after each book.

    Attributes
    ----------
    instrument_id : int
        Its number at the venue.
    books : array of BOOK_DTYPE, shape (books,)
        Every change of the book, in order.
    rows : array of float64, shape (books, FEATURE_COUNT)
        The kernel's features after each of them.
    trades : array of TRADE_DTYPE, shape (trades,)
        Every trade.
    levels : array of int64, shape (books, 4, DEPTH_LEVELS), or None
        Bid prices, bid quantities, offer prices, offer quantities, best first, where they were
        asked for.
    """

    instrument_id: int
    books: npt.NDArray[np.void]
    rows: npt.NDArray[np.float64]
    trades: npt.NDArray[np.void]
    levels: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.books)


class Tape:
    """A tape, open for reading.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    TapeError
        If it cannot be read, is no tape, is one of another build, or was cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                head_bytes = file.read(HEAD_DTYPE.itemsize)
            size = path.stat().st_size
        except OSError as error:
            raise TapeError(f"{path} cannot be read: {error}") from error
        if not head_bytes.startswith(MAGIC):
            raise TapeError(f"{path} is no tape: it begins with {head_bytes[:8]!r}")
        if len(head_bytes) < HEAD_DTYPE.itemsize:
            raise TapeError(f"{path} was cut off in its head, after {len(head_bytes)} bytes")
        head = np.frombuffer(head_bytes, HEAD_DTYPE)[0]
        record_bytes = PUBLIC_RECORD_DTYPE.itemsize
        for what, there, here in (
            ("version", int(head["version"]), VERSION),
            ("layout hash", int(head["layout_hash"]), LAYOUT_HASH),
            ("bytes of a record", int(head["record_bytes"]), record_bytes),
        ):
            if there != here:
                raise TapeError(f"{path}: {what} is {there}, this build has {here}")
        whole, rest = divmod(size - HEAD_DTYPE.itemsize, record_bytes)
        if rest:
            raise TapeError(f"{path} was cut off: {rest} bytes follow the last whole record")
        self.instruments = int(head["instruments"])
        """Instruments of its venue, numbered from 1."""
        self.records: npt.NDArray[np.void] = np.empty(0, PUBLIC_RECORD_DTYPE)
        """Its records, of PUBLIC_RECORD_DTYPE, mapped into memory."""
        if whole:
            at = HEAD_DTYPE.itemsize
            self.records = np.memmap(path, PUBLIC_RECORD_DTYPE, "r", offset=at, shape=(whole,))

    @staticmethod
    def is_tape(path: Path) -> bool:
        """True if a file begins as a tape does."""
        try:
            with path.open("rb") as file:
                return file.read(len(MAGIC)) == MAGIC
        except OSError:
            return False

    def traded_ids(self) -> list[int]:
        """The instruments that have more than a phase on the tape, by number."""
        changes = self.records[self.records["kind"] != PublicKind.PHASE]
        return [int(one) for one in np.unique(changes["instrument_id"])]

    def day(
        self,
        instrument_id: int | None = None,
        *,
        keep_levels: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Day:
        """Play the tape through the books and the feature kernel.

        Parameters
        ----------
        instrument_id : int, optional
            Which instrument; by default the only one that is not idle.
        keep_levels : bool, default False
            Keep the levels of each book, too.
        progress : callable, optional
            Told how many records are done, and of how many, from time to time.

        Raises
        ------
        TapeError
            If there is no such instrument, or a record does not fit the books; with its place.
        """
        chosen = self._instrument(instrument_id)
        player = _Player(self, chosen, keep_levels)
        try:
            for begin in range(0, len(self.records), CHUNK_RECORDS):
                end = min(begin + CHUNK_RECORDS, len(self.records))
                player.play(begin, end)
                if progress is not None:
                    progress(end, len(self.records))
        finally:
            player.close()
        return player.day()

    def _instrument(self, instrument_id: int | None) -> int:
        if instrument_id is None:
            found = self.traded_ids()
            if len(found) != 1:
                there = ", ".join(map(str, found)) or "none"
                raise TapeError(f"{self.path} has instruments {there}: say which one")
            return found[0]
        if not 1 <= instrument_id <= self.instruments:
            raise TapeError(
                f"{self.path} has instruments 1 to {self.instruments}, not {instrument_id}"
            )
        return instrument_id


class _Player:
    """Feeds records to the books of the C ABI, and what they tell to the kernel."""

    def __init__(self, tape: Tape, instrument_id: int, keep_levels: bool) -> None:
        if not 0 < tape.instruments <= 65_536:
            raise TapeError(f"{tape.path} is of a venue with {tape.instruments} instruments")
        self.tape = tape
        self.instrument_id = instrument_id
        self.keep_levels = keep_levels
        self._market = lib.tl_recorded_market_open(tape.instruments)
        self._events = np.zeros(tape.instruments + 1, _EVENT_DTYPE)
        self._place = np.zeros(1, _PLACE_DTYPE)
        self._place["stretch"] = -1
        self._parts: list[tuple[npt.NDArray[Any], ...]] = []

    def play(self, begin: int, end: int) -> None:
        """Take records from `begin` up to `end`."""
        records = np.ascontiguousarray(self.tape.records[begin:end])
        # A record ends at most one match event, and is at most one trade.
        size = len(records)
        books = np.zeros(size, BOOK_DTYPE)
        rows = np.empty((size, features.FEATURE_COUNT))
        trades = np.zeros(size, TRADE_DTYPE)
        levels = np.zeros((size if self.keep_levels else 0, 4, features.DEPTH_LEVELS), np.int64)
        place = self._place[0]
        place["books"] = place["trades"] = 0
        address = int(ffi.cast("uintptr_t", self._market))
        read = _play(
            np.uintp(address),
            records.view(np.uint8).reshape(size, -1),
            self._events,
            np.int64(self.instrument_id),
            self._place,
            books,
            rows,
            trades,
            levels,
        )
        if read < 0:
            where = begin - read - 1
            what = f"record {where} of {self.tape.path}"
            if place["failure"] == lib.TL_RECORDED_BAD_RECORD:
                raise TapeError(f"{what} is no public record")
            if place["failure"] == _BEYOND:
                raise TapeError(f"{what} has a price or a quantity of 2**40 or more")
            raise TapeError(
                f"{what} does not fit its book: records are missing, or the tape does not begin "
                "where its venue began"
            )
        count, traded = int(place["books"]), int(place["trades"])
        self._parts.append((books[:count], rows[:count], trades[:traded], levels[:count]))

    def day(self) -> Day:
        """Everything that was played."""
        empty = (
            np.empty(0, BOOK_DTYPE),
            np.empty((0, features.FEATURE_COUNT)),
            np.empty(0, TRADE_DTYPE),
            np.empty((0, 4, features.DEPTH_LEVELS), np.int64),
        )
        parts = [empty, *self._parts]
        books, rows, trades, levels = (np.concatenate(one) for one in zip(*parts, strict=True))
        kept = levels if self.keep_levels else None
        return Day(self.instrument_id, books, rows, trades, kept)

    def close(self) -> None:
        """Free the books."""
        lib.tl_recorded_market_close(self._market)


def _dtype_of(struct: str) -> np.dtype[np.void]:
    """A struct of the C ABI as numpy has it; unsigned 64-bit fields as signed, see strategy/layout.

    The header says where the fields lie: nothing is written down a second time.
    """
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    for name, field in ffi.typeof(struct).fields:
        kind = field.type
        count = 1
        if kind.kind == "array":
            count, kind = kind.length, kind.item
        signed = kind.cname.startswith("int") or ffi.sizeof(kind) == 8
        one = np.dtype(f"<{'i' if signed else 'u'}{ffi.sizeof(kind)}")
        names.append(name)
        formats.append(one if count == 1 else (one, (count,)))
        offsets.append(field.offset)
    layout: Any = {"names": names, "formats": formats, "offsets": offsets}
    layout["itemsize"] = ffi.sizeof(struct)
    made: np.dtype[np.void] = np.dtype(layout)
    return made


llvmlite.binding.load_library_permanently(str(LIBRARY_PATH))

_EVENT_DTYPE = _dtype_of("tl_strategy_event")
LEVEL_DTYPE = _dtype_of("tl_level")
"""A price level of the C ABI."""
_PLACE_DTYPE = np.dtype(
    [
        ("state", features.STATE_DTYPE),
        ("stretch", np.int64),
        ("is_open", np.bool_),
        ("trades_seen", np.int64),
        ("books", np.int64),
        ("trades", np.int64),
        ("failure", np.int64),
    ],
    align=True,
)
"""Where a player is: the kernel, and how far the arrays are filled."""

_take: Any = types.ExternalFunction(
    "tl_recorded_market_take", types.int64(types.uintp, types.uintp, types.uintp, types.uint64)
)
_levels: Any = types.ExternalFunction(
    "tl_recorded_market_levels",
    types.int64(types.uintp, types.uint32, types.uint8, types.uintp, types.uint64),
)
_BOOK: int = lib.TL_STRATEGY_BOOK
_TRADE: int = lib.TL_STRATEGY_TRADE
_PHASE: int = lib.TL_STRATEGY_PHASE
_BEYOND = 1
_NUMBER_MAX = 1 << 40
_CONTINUOUS = int(TradingPhase.CONTINUOUS)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    options: dict[str, Any] = {"boundscheck": True, "error_model": "python", "nogil": True}
    return cast("Callable[..., Any]", numba.njit(**options)(function))


def _inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """For what is called from compiled code alone."""
    options: dict[str, Any] = {"boundscheck": True, "error_model": "python", "nogil": True}
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("Callable[..., Any]", numba.njit(**options)(function))


@_compiled
def _play(
    market: int,
    records: Any,
    events: Any,
    instrument_id: int,
    places: Any,
    books: Any,
    rows: Any,
    trades: Any,
    levels: Any,
) -> int:
    """Play records; the number of them, or minus one less the place of the one that failed."""
    place = places[0]
    bids = np.zeros(features.DEPTH_LEVELS, LEVEL_DTYPE)
    offers = np.zeros(features.DEPTH_LEVELS, LEVEL_DTYPE)
    for at in range(len(records)):
        count = _take(market, records[at].ctypes.data, events.ctypes.data, len(events))
        if count < 0:
            place.failure = count
            return -1 - at
        for number in range(count):
            event = events[number]
            if event.instrument_id != instrument_id:
                continue
            if event.kind == _PHASE:
                if (event.phase == _CONTINUOUS) != place.is_open:
                    place.is_open = not place.is_open
                    place.stretch += 1 if place.is_open else 0
                    features.reset(place.state)
            elif not place.is_open:
                continue
            elif event.kind == _TRADE:
                if not (_is_within(event.price) and _is_within(event.qty)):
                    place.failure = _BEYOND
                    return -1 - at
                _note_trade(place, event, trades[place.trades])
            elif event.kind == _BOOK:
                if not _read_levels(market, instrument_id, bids, offers):
                    place.failure = _BEYOND
                    return -1 - at
                _note_book(place, event, bids, offers, books[place.books], rows[place.books])
                if len(levels) > 0:
                    _keep_levels(bids, offers, levels[place.books])
                place.books += 1
    return len(records)


@_inner
def _note_trade(place: Any, event: Any, trade: Any) -> None:
    trade.time_ns, trade.price = event.timestamp, event.price
    trade.qty, trade.side = event.qty, event.side
    place.trades += 1
    place.trades_seen += 1
    features.on_trade(place.state, event.timestamp, event.price, event.qty, event.side)


@_inner
def _is_within(number: int) -> bool:
    """True for a number with which the kernel's sums stay far from the end of 64 bits."""
    return -_NUMBER_MAX < number < _NUMBER_MAX


@_inner
def _read_levels(market: int, instrument_id: int, bids: Any, offers: Any) -> bool:
    """The best levels; those that are not there have a quantity of 0. False: beyond all bounds."""
    for side, out in ((1, bids), (2, offers)):
        count = _levels(market, instrument_id, side, out.ctypes.data, len(out))
        for at in range(count):
            if not (_is_within(out[at].price) and 0 < out[at].qty < _NUMBER_MAX):
                return False
        for at in range(count, len(out)):
            out[at].price = 0
            out[at].qty = 0
    return True


@_inner
def _note_book(place: Any, event: Any, bids: Any, offers: Any, book: Any, row: Any) -> None:
    bid_count, offer_count = 0, 0
    for at in range(len(bids)):
        bid_count += 1 if bids[at].qty > 0 else 0
        offer_count += 1 if offers[at].qty > 0 else 0
    features.on_book(place.state, event.timestamp, bids, bid_count, offers, offer_count)
    features.write_row(place.state, row)
    book.seq, book.time_ns = event.seq, event.timestamp
    book.stretch, book.trades_before = place.stretch, place.trades_seen
    book.bid_px, book.bid_qty = bids[0].price, bids[0].qty
    book.offer_px, book.offer_qty = offers[0].price, offers[0].qty


@_inner
def _keep_levels(bids: Any, offers: Any, levels: Any) -> None:
    for at in range(len(bids)):
        levels[0, at], levels[1, at] = bids[at].price, bids[at].qty
        levels[2, at], levels[3, at] = offers[at].price, offers[at].qty
