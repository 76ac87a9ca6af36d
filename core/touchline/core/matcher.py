"""The matcher alone: commands in, events out, over arrays. docs/library.md begins with an example.

It is the venue's own matcher, by the C ABI: the same books, rules and refusals, without the
gateway, the journal and the feed. Prices are price units, quantities lots, times ns since the epoch
(UTC); what these are worth is the caller's to say.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from touchline.core._abi import ffi, lib
from touchline.core._matcher_commands import Records, commands_of
from touchline.core._records import (
    COMMAND_DTYPE,
    EVENT_DTYPE,
    CommandKind,
    OrdType,
    Side,
    TimeInForce,
    TradingPhase,
)
from touchline.core.errors import AbiError, CommandError, MatcherError

__all__ = [
    "LEVEL_DTYPE",
    "ORDER_DTYPE",
    "Applied",
    "InstrumentLimits",
    "Matcher",
    "MatcherCapacity",
]

_ERROR_BYTES = 1024
# Room of an array of events: so many for each command at most, and so many more.
_EVENTS_EACH_MAX = 8
_EVENTS_MORE = 64
_pointer: Any = ffi.from_buffer


def _dtype(ctype: str) -> np.dtype[np.void]:
    """The numpy dtype of a C struct, without what is reserved."""
    numbers = {"int64_t": "<i8", "uint64_t": "<u8", "uint32_t": "<u4", "uint8_t": "u1"}
    members = [(name, each) for name, each in ffi.typeof(ctype).fields if name != "reserved"]
    return np.dtype(
        {
            "names": [name for name, _ in members],
            "formats": [
                f"S{ffi.sizeof(each.type)}"
                if each.type.kind == "array"
                else numbers[each.type.cname]
                for _, each in members
            ],
            "offsets": [each.offset for _, each in members],
            "itemsize": ffi.sizeof(ctype),
        }
    )


LEVEL_DTYPE = _dtype("tl_level")
"""A level of a book: price (i8), qty (u8), order_count (u4)."""
ORDER_DTYPE = _dtype("tl_matcher_order")
"""An open order: order_id, price, order_qty, leaves_qty, cum_qty, cum_value (the sum of last_px *
last_qty over its fills), priority, cl_ord_id, instrument_id, session_id, member_id, side, ord_type,
time_in_force."""

for _record, _ctype in ((COMMAND_DTYPE, "tl_command"), (EVENT_DTYPE, "tl_event")):
    if ffi.sizeof(_ctype) != _record.itemsize:
        raise AbiError(f"{_ctype} of the header is not that of this Python")


@dataclass(frozen=True, slots=True)
class InstrumentLimits:
    """An instrument of a matcher.

    Attributes
    ----------
    instrument_id : int
        Its number in commands and events.
    min_price, max_price : int
        Lowest and highest price of an order, price units; either may be below zero.
    max_order_qty : int
        Largest order, lots. The matcher lowers it where quantity times price would not fit 63 bits.
    phase : TradingPhase
        Its phase to begin with.
    tick_size, lot_size : int
        Prices and quantities of orders are multiples of these, price units and lots; from 1.
    protection : int
        So far beyond the touch a market order may go, price units; 0 is no bound.
    price_band : int
        So far through the last price a limit may be, price units; 0 is no bound.
    """

    instrument_id: int
    min_price: int
    max_price: int
    max_order_qty: int
    phase: TradingPhase = TradingPhase.CONTINUOUS
    tick_size: int = 1
    lot_size: int = 1
    protection: int = 0
    price_band: int = 0


@dataclass(frozen=True, slots=True)
class MatcherCapacity:
    """What a matcher holds at most; what does not fit is refused by an event with a reason.

    The memory is taken, and written once, when the matcher is made: most of it some 100 bytes for
    each of ``cl_ord_ids`` and of ``orders``.

    Attributes
    ----------
    orders : int
        Orders that are open at a time, over all instruments.
    levels : int
        Prices on one side of one book.
    cl_ord_ids : int
        ClOrdIDs ever used, of orders and of replaces, over all members.
    limited_sessions : int
        Sessions that have limits (SET_LIMITS) at a time.
    accounts : int
        Members that have an account (SET_ACCOUNT) at a time.
    """

    orders: int = 100_000
    levels: int = 1_000
    cl_ord_ids: int = 1_000_000
    limited_sessions: int = 128
    accounts: int = 128


class Applied(NamedTuple):
    """What :meth:`Matcher.apply_into` did.

    Attributes
    ----------
    commands : int
        The first so many were applied.
    events : int
        So many were written.
    waiting : int
        Events of the last commands that had no room: the next call writes them first.
    """

    commands: int
    events: int
    waiting: int


class Matcher:
    """A matcher of one's own. Any thread may call it; the calls take turns.

    Parameters
    ----------
    instruments : iterable of InstrumentLimits, or of mappings with the same keys
        The books that there are.
    capacity : MatcherCapacity
        How much it holds.

    Raises
    ------
    MatcherError
        If there is no such matcher: the instrument and the value are named.

    Notes
    -----
    The same commands with the same ``seq`` and ``timestamp`` give the same events, byte for byte,
    and the same :attr:`state_hash`, on every machine.

    Examples
    --------
    >>> matcher = Matcher([InstrumentLimits(1, min_price=1, max_price=1_000, max_order_qty=100)])
    >>> orders = Matcher.new_orders(
    ...     cl_ord_id=["A1", "B1"], side=[Side.BUY, Side.SELL], price=[50, 49], order_qty=[10, 4]
    ... )
    >>> events = matcher.apply(orders)
    >>> [EventKind(kind).name for kind in events["kind"]]
    ['ACCEPTED', 'ADDED', 'ACCEPTED', 'EXECUTED', 'EXECUTED']
    >>> matcher.book(1, Side.BUY)[["price", "qty"]].tolist()
    [(50, 6)]
    """

    def __init__(
        self,
        instruments: Iterable[InstrumentLimits | Mapping[str, Any]],
        capacity: MatcherCapacity | None = None,
    ) -> None:
        limits = [_instrument(at, each) for at, each in enumerate(instruments)]
        rows = ffi.new("tl_instrument_limits[]", limits)
        self.capacity = capacity or MatcherCapacity()
        room = {"instruments": len(limits)} | asdict(self.capacity)
        for name, value in room.items():
            _whole(f"capacity, {name}", value, 0, 2**32 - 1)
        handle = ffi.new("tl_matcher **")
        error = ffi.new("char[]", _ERROR_BYTES)
        head = ffi.new("tl_matcher_capacity *", room)
        code = lib.tl_matcher_new(rows, len(limits), head, handle, error, _ERROR_BYTES)
        if code != 0:
            raise MatcherError(bytes(ffi.buffer(error)).rstrip(b"\0").decode(errors="replace"))
        self._matcher: Any = ffi.gc(handle[0], lib.tl_matcher_free)
        self._batch: Any = ffi.new("tl_matcher_batch *")
        self._events_each = 3
        # A call lets other threads of the interpreter run; the matcher itself has no lock.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        totals = self._totals()
        return f"<Matcher after command {totals.last_seq}, {totals.open_orders} open orders>"

    def apply(self, commands: Records) -> Records:
        """Apply commands, all of them.

        Parameters
        ----------
        commands : array of COMMAND_DTYPE, shape (n,)
            In order. ``seq`` 0 stands for the number that is next (they begin with 1),
            ``timestamp`` 0 for the last one plus 1; other values have to be the next number, and
            to be above the last timestamp.

        Returns
        -------
        array of EVENT_DTYPE, shape (m,)
            The events of every command, in order; each has one at least. ``seq`` says of which
            command, and the last of a command has ``EventFlags.END_OF_EVENT``. A command that the
            market refuses is an event with a ``reason``, and no error.

        Raises
        ------
        CommandError
            If a record is none. Those before it have been applied, and the error has their events;
            it and those behind it have changed nothing.
        MatcherError
            If the array is no such array.
        """
        commands = _records("commands", commands, COMMAND_DTYPE)
        made: list[Records] = []
        done = 0
        while True:
            # Pages that no event reaches cost nothing; another array costs a copy of all.
            room = self._events_each * (len(commands) - done) + _EVENTS_MORE
            events = np.empty(room, EVENT_DTYPE)
            applied, fault = self._apply(commands[done:], events)
            made.append(events[: applied.events])
            done += applied.commands
            if fault is not None:
                raise self._error(fault, commands, done, np.concatenate(made))
            if done == len(commands) and applied.waiting == 0:
                return made[0] if len(made) == 1 else np.concatenate(made)
            self._events_each = min(self._events_each + 1, _EVENTS_EACH_MAX)

    def apply_into(self, commands: Records, events: Records) -> Applied:
        """Apply commands as long as their events have room, and allocate nothing.

        Call it again with the commands that are left, until ``commands`` says that there are none
        and ``waiting`` is 0: nothing is lost in between.

        Parameters
        ----------
        commands : array of COMMAND_DTYPE, shape (n,)
            As for :meth:`apply`.
        events : array of EVENT_DTYPE, shape (capacity,)
            Where the events go; one element is enough.

        Returns
        -------
        Applied
            How many commands were applied, how many events were written, how many wait.

        Raises
        ------
        CommandError
            As :meth:`apply`; its events are the first ones of ``events``.
        MatcherError
            If an array is no such array, or ``events`` cannot be written to.
        """
        commands = _records("commands", commands, COMMAND_DTYPE)
        if not (isinstance(events, np.ndarray) and events.flags.c_contiguous):
            raise MatcherError("events are not a contiguous array")
        if not events.flags.writeable:
            raise MatcherError("events are an array that cannot be written to")
        applied, fault = self._apply(commands, _records("events", events, EVENT_DTYPE))
        if fault is not None:
            raise self._error(fault, commands, applied.commands, events[: applied.events])
        return applied

    def book(self, instrument_id: int, side: int) -> Records:
        """The levels of a side.

        Parameters
        ----------
        instrument_id : int
            The instrument.
        side : Side
            BUY for the bids, SELL for the offers.

        Returns
        -------
        array of LEVEL_DTYPE, shape (n,)
            Best first: price, qty (the sum of leaves_qty), order_count.

        Raises
        ------
        MatcherError
            If there is no such instrument or side.
        """
        return self._rows(lib.tl_matcher_levels, "tl_level", LEVEL_DTYPE, instrument_id, side)

    def orders(self, instrument_id: int, side: int) -> Records:
        """The open orders of a side: best price first, in the order in which they will execute.

        Parameters and errors as :meth:`book`.

        Returns
        -------
        array of ORDER_DTYPE, shape (n,)
        """
        ctype = "tl_matcher_order"
        return self._rows(lib.tl_matcher_orders, ctype, ORDER_DTYPE, instrument_id, side)

    def phase(self, instrument_id: int) -> TradingPhase:
        """The phase of an instrument; MatcherError if there is no such instrument."""
        _whole("instrument_id", instrument_id, 0, 2**32 - 1)
        with self._lock:
            phase = lib.tl_matcher_phase(self._matcher, instrument_id)
        if phase == 0:
            raise MatcherError(f"there is no instrument {instrument_id}")
        return TradingPhase(phase)

    def last_px(self, instrument_id: int) -> int | None:
        """Price of the last fill, price units; None before the first. Errors as :meth:`phase`."""
        self.phase(instrument_id)
        last_px = ffi.new("int64_t *")
        with self._lock:
            found = lib.tl_matcher_last_px(self._matcher, instrument_id, last_px)
        return int(last_px[0]) if found == 1 else None

    @property
    def state_hash(self) -> int:
        """A hash of the whole state, kept with each change: equal states have equal hashes."""
        return int(self._totals().state_hash)

    @property
    def last_seq(self) -> int:
        """Number of the last command; 0 before the first."""
        return int(self._totals().last_seq)

    @property
    def last_timestamp(self) -> int:
        """Time of the last command, ns; 0 before the first."""
        return int(self._totals().last_timestamp)

    @property
    def open_orders(self) -> int:
        """Orders that are open, over all instruments."""
        return int(self._totals().open_orders)

    @property
    def used_cl_ord_ids(self) -> int:
        """ClOrdIDs that are used, of ``capacity.cl_ord_ids``."""
        return int(self._totals().cl_ord_ids)

    @staticmethod
    def commands(kind: CommandKind, **columns: npt.ArrayLike) -> Records:
        """Commands of any kind from columns.

        Parameters
        ----------
        kind : CommandKind
            What they ask for.
        **columns : array_like, shape (n,) or ()
            Fields of COMMAND_DTYPE by name: whole numbers, or, for ClOrdIDs, bytes, ASCII texts, or
            whole numbers that are written in decimal. A single value stands for all rows; a field
            without a column is zero.

        Returns
        -------
        array of COMMAND_DTYPE, shape (n,)

        Raises
        ------
        MatcherError
            If a column has no field, another length, or a value that does not fit; the column and
            the row are named. Whether a value is one of its enum is said by :meth:`apply`.
        """
        return commands_of(kind, columns)

    @staticmethod
    def new_orders(
        *,
        cl_ord_id: npt.ArrayLike,
        side: npt.ArrayLike,
        order_qty: npt.ArrayLike,
        price: npt.ArrayLike = 0,
        instrument_id: npt.ArrayLike = 1,
        ord_type: npt.ArrayLike = OrdType.LIMIT,
        time_in_force: npt.ArrayLike = TimeInForce.DAY,
        member_id: npt.ArrayLike = 1,
        session_id: npt.ArrayLike = 1,
        **columns: npt.ArrayLike,
    ) -> Records:
        """New orders from columns; arguments, result and errors as :meth:`commands`.

        ``price`` is in price units, 0 for a market order; ``order_qty`` in lots. A ClOrdID is the
        member's own: no other order of ``member_id`` may ever have had it.
        """
        return commands_of(
            CommandKind.NEW_ORDER,
            {
                "cl_ord_id": cl_ord_id,
                "side": side,
                "order_qty": order_qty,
                "price": price,
                "instrument_id": instrument_id,
                "ord_type": ord_type,
                "time_in_force": time_in_force,
                "member_id": member_id,
                "session_id": session_id,
                **columns,
            },
        )

    @staticmethod
    def cancels(
        *,
        orig_cl_ord_id: npt.ArrayLike,
        cl_ord_id: npt.ArrayLike,
        side: npt.ArrayLike,
        instrument_id: npt.ArrayLike = 1,
        member_id: npt.ArrayLike = 1,
        session_id: npt.ArrayLike = 1,
        **columns: npt.ArrayLike,
    ) -> Records:
        """Cancels from columns; arguments, result and errors as :meth:`commands`.

        ``orig_cl_ord_id`` is the newest ClOrdID of the order, ``cl_ord_id`` names the cancel in its
        answer; ``side`` and ``instrument_id`` are those of the order.
        """
        return commands_of(
            CommandKind.CANCEL_ORDER,
            {
                "orig_cl_ord_id": orig_cl_ord_id,
                "cl_ord_id": cl_ord_id,
                "side": side,
                "instrument_id": instrument_id,
                "member_id": member_id,
                "session_id": session_id,
                **columns,
            },
        )

    @staticmethod
    def replaces(
        *,
        orig_cl_ord_id: npt.ArrayLike,
        cl_ord_id: npt.ArrayLike,
        side: npt.ArrayLike,
        price: npt.ArrayLike,
        order_qty: npt.ArrayLike,
        instrument_id: npt.ArrayLike = 1,
        time_in_force: npt.ArrayLike = TimeInForce.DAY,
        member_id: npt.ArrayLike = 1,
        session_id: npt.ArrayLike = 1,
        **columns: npt.ArrayLike,
    ) -> Records:
        """Replaces from columns; arguments, result and errors as :meth:`commands`.

        ``price`` and ``order_qty`` (with what has executed of it) are the new ones; ``cl_ord_id``
        is the order's name from then on, and one that the member has not used.
        """
        return commands_of(
            CommandKind.REPLACE_ORDER,
            {
                "orig_cl_ord_id": orig_cl_ord_id,
                "cl_ord_id": cl_ord_id,
                "side": side,
                "price": price,
                "order_qty": order_qty,
                "instrument_id": instrument_id,
                "ord_type": OrdType.LIMIT,
                "time_in_force": time_in_force,
                "member_id": member_id,
                "session_id": session_id,
                **columns,
            },
        )

    @staticmethod
    def phase_changes(*, instrument_id: npt.ArrayLike, phase: npt.ArrayLike) -> Records:
        """An operator's changes of phase; arguments, result and errors as :meth:`commands`."""
        columns = {"instrument_id": instrument_id, "phase": phase}
        return commands_of(CommandKind.CHANGE_PHASE, columns)

    def _apply(self, commands: Records, events: Records) -> tuple[Applied, tuple[int, int] | None]:
        """One call; at a fault, its code and the byte of the record. The arrays are contiguous."""
        batch = self._batch
        with self._lock:
            code = lib.tl_matcher_apply(
                self._matcher,
                _pointer("tl_command[]", commands),
                len(commands),
                _pointer("tl_event[]", events),
                len(events),
                batch,
            )
            applied = Applied(batch.commands, batch.events, batch.waiting)
            return applied, (code, batch.fault_offset) if code != 0 else None

    def _error(
        self, fault: tuple[int, int], commands: Records, index: int, events: Records
    ) -> CommandError:
        """What is wrong with the record at an index, at which the last call stopped."""
        code, offset = fault
        places = (COMMAND_DTYPE.fields or {}).items()
        field = next(name for name, (part, at, *_) in places if at <= offset < at + part.itemsize)
        value = int(commands[index][field])
        if code == lib.TL_MATCHER_BAD_SEQ:
            wrong = f"the next one is {self.last_seq + 1} (or 0)"
        elif code == lib.TL_MATCHER_BAD_TIMESTAMP:
            wrong = f"it has to be above the last one, {self.last_timestamp} (or 0)"
        else:
            wrong = "that is no value of its enum"
        return CommandError(index, field, value, wrong, events)

    def _totals(self) -> Any:
        totals: Any = ffi.new("tl_matcher_totals *")
        with self._lock:
            lib.tl_matcher_state(self._matcher, totals)
        return totals

    def _rows(
        self, read: Any, ctype: str, dtype: np.dtype[np.void], instrument_id: int, side: int
    ) -> Records:
        self.phase(instrument_id)
        if side not in (Side.BUY, Side.SELL):
            raise MatcherError(f"side is {side!r}, it has to be Side.BUY or Side.SELL")
        with self._lock:
            totals: Any = ffi.new("tl_matcher_totals *")
            lib.tl_matcher_state(self._matcher, totals)
            rows = np.empty(totals.open_orders, dtype)
            into = _pointer(f"{ctype}[]", rows)
            count = read(self._matcher, instrument_id, int(side), into, len(rows))
        return rows[:count].copy()


def _whole(what: str, value: Any, least: int, most: int) -> int:
    """The value, if it is a whole number in a range."""
    if not isinstance(value, int | np.integer) or not least <= value <= most:
        raise MatcherError(f"{what} is {value!r}: a whole number, {least} to {most}, is needed")
    return int(value)


def _instrument(at: int, given: InstrumentLimits | Mapping[str, Any]) -> dict[str, int]:
    """The limits of an instrument as the C ABI takes them."""
    if not isinstance(given, InstrumentLimits):
        try:
            given = InstrumentLimits(**given)
        except TypeError as error:
            names = ", ".join(each.name for each in fields(InstrumentLimits))
            raise MatcherError(f"instrument {at} (from 0): {given!r} has not {names}") from error
    place = f"instrument {given.instrument_id} (index {at})"
    return {
        "instrument_id": _whole(f"{place}, instrument_id", given.instrument_id, 0, 2**32 - 1),
        "min_price": _whole(f"{place}, min_price", given.min_price, -(2**63), 2**63 - 1),
        "max_price": _whole(f"{place}, max_price", given.max_price, -(2**63), 2**63 - 1),
        "max_order_qty": _whole(f"{place}, max_order_qty", given.max_order_qty, 0, 2**64 - 1),
        "phase": _whole(f"{place}, phase", given.phase, 0, 255),
        "tick_size": _whole(f"{place}, tick_size", given.tick_size, 1, 2**63 - 1),
        "lot_size": _whole(f"{place}, lot_size", given.lot_size, 1, 2**64 - 1),
        "protection": _whole(f"{place}, protection", given.protection, 0, 2**63 - 1),
        "price_band": _whole(f"{place}, price_band", given.price_band, 0, 2**63 - 1),
    }


def _records(what: str, array: Any, dtype: np.dtype[np.void]) -> Records:
    """The array, contiguous, if it has one axis and these records."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
        found = f"{array.dtype}, shape {array.shape}" if isinstance(array, np.ndarray) else array
        name = "COMMAND_DTYPE" if dtype == COMMAND_DTYPE else "EVENT_DTYPE"
        raise MatcherError(f"{what} have to be an array of {name} with one axis, not {found!r}")
    return np.ascontiguousarray(array)
