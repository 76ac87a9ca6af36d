"""Plain strategies: a class, for people who are not in a hurry.

Events are taken from the engine in batches, and told one by one. Some microseconds of Python go
into each; where that is too slow, ``touchline.strategy.compiled`` has the same lifecycle.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from touchline.core import OrdStatus, OrdType, Reason, Side, TimeInForce, TradingPhase
from touchline.core._abi import lib
from touchline.core.targets import Target, Targets
from touchline.core.venue import Instrument, Venue
from touchline.strategy.connection import Connection, pointer
from touchline.strategy.errors import EngineGoneError, StrategyArgumentError, StrategyError
from touchline.strategy.gauges import GaugeBoard, declared_gauges
from touchline.strategy.layout import (
    EVENT_DTYPE,
    GONE,
    NO_BID,
    NO_OFFER,
    ExecutionKind,
    StrategyEventKind,
)
from touchline.strategy.lifecycle import STEP_NS, AnyStrategy, Compilation
from touchline.strategy.market import Book, Execution, Timer, Trade
from touchline.strategy.orders import Order
from touchline.strategy.prices import price_from, price_text

__all__ = ["Strategy"]

_BATCH = 256
_ENDED_MAX = 1024
_FIELDS = {name: at for at, name in enumerate(EVENT_DTYPE.names or ())}


class Strategy(AnyStrategy):
    """A strategy whose callbacks are methods; a subclass overrides those that it wants.

    Parameters and gauges are declared as class attributes, see :class:`Parameter` and
    :class:`Gauge`. Nothing can be sent before :meth:`on_start`.

    Attributes
    ----------
    venue : Venue
        Where it trades: instruments, limits.
    name : str
        Name of its ``[[strategy]]``.
    log : logging.Logger
        Writes to standard error.

    Examples
    --------
    >>> class Lifter(Strategy):
    ...     def on_book(self, book):
    ...         if book.offer_px is not None and not self.orders:
    ...             self.buy(book.symbol, 1, book.offer_px)
    """

    def __init__(
        self, venue: Venue, name: str, parameters: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(venue, name, parameters)
        self.log = logging.getLogger(f"touchline.strategy.{name}")
        self._connection: Connection | None = None
        self._books = {one.id: Book(one, self._connected) for one in venue.instruments}
        self._orders: dict[int, Order] = {}
        self._ended: dict[int, Order] = {}
        self._timers: dict[int, tuple[str, int]] = {}
        self._timer_number = 0
        self._is_stopping = False

    # --- What happens: override -----------------------------------------------------------------

    def on_start(self) -> None:
        """The connection is open; books follow as :meth:`on_live`."""

    def on_live(self, book: Book) -> None:
        """The book is right from here on; without an override this is :meth:`on_book`."""
        self.on_book(book)

    def on_stale(self) -> None:
        """Events were lost: no book is right until its :meth:`on_live`."""

    def on_phase(self, book: Book) -> None:
        """The instrument entered ``book.phase``."""

    def on_book(self, book: Book) -> None:
        """A whole match event is in the book."""

    def on_trade(self, trade: Trade) -> None:
        """Somebody's order executed."""

    def on_execution(self, execution: Execution) -> None:
        """An answer to a command, or what happened to an own order."""

    def on_timer(self, timer: Timer) -> None:
        """A timer of :meth:`every`, :meth:`after` or :meth:`at` is due."""

    def on_target(self, targets: Targets) -> None:
        """A new version of the targets is whole, or the newest has expired: ``is_expired``."""

    def on_stop(self) -> None:
        """The last call; the engine cancels open orders after it."""

    # --- What a strategy does -------------------------------------------------------------------

    def buy(
        self,
        instrument: str | Instrument,
        qty: int,
        price: int | None = None,
        *,
        ord_type: OrdType | None = None,
        time_in_force: TimeInForce = TimeInForce.DAY,
    ) -> Order:
        """Send a new order that buys.

        Parameters
        ----------
        instrument : str or Instrument
            Its Symbol(55), or itself.
        qty : int
            Lots.
        price : int, optional
            Price units; without it the order is a market order.
        ord_type : OrdType, optional
            LIMIT with a price, MARKET without one, if not given.
        time_in_force : TimeInForce, default DAY
            Also IMMEDIATE_OR_CANCEL, FILL_OR_KILL, GOOD_TILL_CANCEL.

        Returns
        -------
        Order
            It is sent; whether it is accepted comes as an execution.

        Raises
        ------
        ConfigError
            If the venue has no such symbol.
        StrategyArgumentError
            If an argument is no value of its type.
        RingFullError, EngineGoneError
            If it cannot be sent.
        """
        return self._new_order(instrument, Side.BUY, qty, price, ord_type, time_in_force)

    def sell(
        self,
        instrument: str | Instrument,
        qty: int,
        price: int | None = None,
        *,
        ord_type: OrdType | None = None,
        time_in_force: TimeInForce = TimeInForce.DAY,
    ) -> Order:
        """Send a new order that sells; as :meth:`buy`."""
        return self._new_order(instrument, Side.SELL, qty, price, ord_type, time_in_force)

    def cancel_all(self) -> None:
        """Cancel every own order with one command."""
        connection = self._connected()
        connection.sent(lib.tl_strategy_cancel_all(connection.handle), "cancel of all orders")

    def every(self, seconds: float, name: str) -> None:
        """Call :meth:`on_timer` every so many seconds, first in so many; late ones are left out."""
        interval_ns = _interval_ns(seconds)
        if interval_ns == 0:
            raise StrategyArgumentError(f"timer {name}: every 0 s is never")
        self._set_timer(name, lib.tl_now_ns() + interval_ns, interval_ns)

    def after(self, seconds: float, name: str) -> None:
        """Call :meth:`on_timer` once, in so many seconds."""
        self._set_timer(name, lib.tl_now_ns() + _interval_ns(seconds), 0)

    def at(self, at_ns: int, name: str) -> None:
        """Call :meth:`on_timer` once, at a time: ns since the epoch, UTC."""
        self._set_timer(name, at_ns, 0)

    def cancel_timer(self, name: str) -> None:
        """Forget every timer of a name."""
        self._timers = {at: one for at, one in self._timers.items() if one[0] != name}

    def stop(self) -> None:
        """End: :meth:`on_stop` follows this callback."""
        self._is_stopping = True

    # --- What a strategy knows ------------------------------------------------------------------

    @property
    def orders(self) -> Sequence[Order]:
        """Own open orders, oldest first."""
        return tuple(self._orders.values())

    def book(self, instrument: str | Instrument) -> Book:
        """The book of an instrument."""
        return self._books[self._instrument(instrument).id]

    def position(self, instrument: str | Instrument) -> int:
        """Own position: bought less sold today, lots, with every event taken in it."""
        return self._connected().position(self._instrument(instrument))

    @property
    def targets(self) -> Targets | None:
        """The newest targets, expired or not; None before the first."""
        return self._connected().targets()

    def target(self, instrument: str | Instrument) -> Target | None:
        """The target of an instrument; None if it has none, or once they have expired."""
        targets = self.targets
        return None if targets is None else targets.get(self._instrument(instrument).symbol)

    def now_ns(self) -> int:
        """UTC now, ns since the epoch: the venue's clock."""
        return int(lib.tl_now_ns())

    def price(self, instrument: str | Instrument, text: str | Decimal) -> int:
        """A decimal price in price units, exact; see :func:`price_from`."""
        return price_from(text, self._instrument(instrument))

    def text(self, instrument: str | Instrument, price: int) -> str:
        """A price in price units as people read it."""
        return price_text(price, self._instrument(instrument))

    # --- How it is done -------------------------------------------------------------------------

    def _driver(self) -> PlainDriver:
        return PlainDriver(self)

    def _connected(self) -> Connection:
        if self._connection is None:
            raise StrategyError(f"strategy {self.name} is not connected before on_start")
        return self._connection

    def _instrument(self, instrument: str | Instrument) -> Instrument:
        return self.venue.instrument(instrument) if isinstance(instrument, str) else instrument

    def _new_order(
        self,
        symbol: str | Instrument,
        side: Side,
        qty: int,
        price: int | None,
        ord_type: OrdType | None,
        time_in_force: TimeInForce,
    ) -> Order:
        connection, instrument = self._connected(), self._instrument(symbol)
        kind = ord_type or (OrdType.MARKET if price is None else OrdType.LIMIT)
        what = f"{side.name.lower()} {qty} {instrument.symbol} at {price}"
        try:
            number = lib.tl_strategy_new_order(
                connection.handle, instrument.id, side, kind, time_in_force, price or 0, qty
            )
        except (OverflowError, TypeError) as error:
            raise StrategyArgumentError(f"{what} was not sent: {error}") from error
        connection.sent(number, what)
        order = Order(connection, number, instrument, side, price, qty)
        self._orders[number] = order
        return order

    def _find(self, number: int) -> Order | None:
        return self._orders.get(number) or self._ended.get(number)

    def _end(self, order: Order) -> None:
        """Keep an order that has ended: the refusal of a command may still follow."""
        self._ended[order.number] = self._orders.pop(order.number)
        if len(self._ended) > _ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _set_timer(self, name: str, due_ns: int, interval_ns: int) -> None:
        connection = self._connected()
        number = self._timer_number + 1
        result = lib.tl_strategy_set_timer(connection.handle, number, max(due_ns, 0))
        connection.sent(result, f"timer {name}")
        self._timer_number = number
        self._timers[number] = (name, interval_ns)

    def _due(self, number: int, due_ns: int) -> None:
        """A timer's time has come; a periodic one is set again, to its next time to come."""
        name, interval_ns = self._timers.pop(number, ("", -1))
        if interval_ns < 0:
            return  # cancelled
        if interval_ns:
            late_ns = max(lib.tl_now_ns() - due_ns, 0)
            self._set_timer(name, due_ns + (late_ns // interval_ns + 1) * interval_ns, interval_ns)
        self.on_timer(Timer(name, due_ns))


class PlainDriver:
    """Runs a plain strategy; see :class:`touchline.strategy.lifecycle.Driver`."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self._events = np.zeros(_BATCH, EVENT_DTYPE)
        self._pointer = pointer("tl_strategy_event *", self._events)
        self._counts = [0] * 16
        self._gauges = tuple(declared_gauges(type(strategy)))
        self._board: GaugeBoard | None = None
        self._tell = {
            StrategyEventKind.BOOK: self._book,
            StrategyEventKind.TRADE: self._trade,
            StrategyEventKind.PHASE: self._phase,
            StrategyEventKind.EXECUTION: self._execution,
            StrategyEventKind.TIMER: self._timer,
            StrategyEventKind.LIVE: self._live,
            StrategyEventKind.STALE: self._stale,
            StrategyEventKind.TARGET: self._target,
        }

    def prepare(self) -> Compilation | None:
        """Nothing takes long."""
        return None

    def start(self, connection: Connection) -> None:
        """Call on_start."""
        self.strategy._connection = connection
        self._board = GaugeBoard(connection, self._gauges)
        self.strategy.on_start()
        self._show()

    def step(self, *, spin: bool) -> bool:
        """Take a batch of events, and wait for it if there is none."""
        strategy = self.strategy
        connection = strategy._connected()
        handle = connection.handle
        count = lib.tl_strategy_batch(handle, self._pointer, _BATCH)
        if count == 0 and not spin and not strategy._is_stopping:
            lib.tl_strategy_wait(handle, STEP_NS)
            count = lib.tl_strategy_batch(handle, self._pointer, _BATCH)
        if count == GONE:
            raise EngineGoneError(connection.why())
        kind_at = _FIELDS["kind"]
        for event in self._events[:count].tolist() if count else ():
            kind = event[kind_at]
            self._counts[kind & 15] += 1
            self._tell[kind](event)
            if strategy._is_stopping:
                break
        self._show()
        return not strategy._is_stopping

    def stop(self) -> None:
        """Call on_stop."""
        self.strategy.on_stop()

    def _show(self) -> None:
        if self._board is not None:
            self._board.show(getattr(self.strategy, name) for name in self._gauges)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many events of each kind there were."""
        return {kind.name.lower(): self._counts[kind] for kind in StrategyEventKind}

    def _updated(self, event: tuple[Any, ...]) -> Book:
        """The book of an event, with the touch that it brings."""
        seq, timestamp, matched_time, released_time = event[:4]
        bid_px, bid_qty, offer_px, offer_qty, instrument_id = event[11:16]
        book = self.strategy._books[instrument_id]
        book.seq, book.timestamp = seq, timestamp
        book.matched_time, book.released_time = matched_time, released_time
        book.bid_px, book.bid_qty = (None if bid_px == NO_BID else bid_px), bid_qty
        book.offer_px, book.offer_qty = (None if offer_px == NO_OFFER else offer_px), offer_qty
        return book

    def _book(self, event: tuple[Any, ...]) -> None:
        self.strategy.on_book(self._updated(event))

    def _phase(self, event: tuple[Any, ...]) -> None:
        book = self._updated(event)
        book.phase = TradingPhase(event[_FIELDS["phase"]])
        self.strategy.on_phase(book)

    def _live(self, event: tuple[Any, ...]) -> None:
        book = self._updated(event)
        book.phase = TradingPhase(event[_FIELDS["phase"]])
        book.is_live = True
        self.strategy.on_live(book)

    def _stale(self, _: tuple[Any, ...]) -> None:
        for book in self.strategy._books.values():
            book.is_live = False
        self.strategy.on_stale()

    def _target(self, event: tuple[Any, ...]) -> None:
        """Tell of the version of the event; one behind it in the batch has taken its place."""
        told = dict(zip(_FIELDS, event, strict=True))
        targets = self.strategy.targets
        if targets is not None and targets.version == told["order"]:
            self.strategy.on_target(replace(targets, is_expired=bool(told["expired"])))

    def _timer(self, event: tuple[Any, ...]) -> None:
        self.strategy._due(event[_FIELDS["order"]], event[_FIELDS["matched_time"]])

    def _trade(self, event: tuple[Any, ...]) -> None:
        told = dict(zip(_FIELDS, event, strict=True))
        self.strategy.on_trade(
            Trade(
                instrument=self.strategy._books[told["instrument_id"]].instrument,
                price=told["price"],
                qty=told["qty"],
                aggressor_side=Side(told["side"]),
                trd_match_id=told["trd_match_id"],
                seq=told["seq"],
                timestamp=told["timestamp"],
                matched_time=told["matched_time"],
                released_time=told["released_time"],
            )
        )

    def _execution(self, event: tuple[Any, ...]) -> None:
        told = dict(zip(_FIELDS, event, strict=True))
        kind = ExecutionKind(told["execution"])
        order = self.strategy._find(told["order"])
        if order is not None and order.is_open:
            order.took(kind, told["price"], told["qty"], told["leaves_qty"], told["cum_qty"])
            if not order.is_open:
                self.strategy._end(order)
        self.strategy.on_execution(
            Execution(
                kind=kind,
                order=order,
                instrument=self.strategy._books[told["instrument_id"]].instrument,
                side=Side(told["side"]),
                price=told["price"],
                qty=told["qty"],
                leaves_qty=told["leaves_qty"],
                cum_qty=told["cum_qty"],
                ord_status=OrdStatus(told["ord_status"]),
                reason=Reason(told["reason"]),
                is_aggressor=bool(told["aggressor"]),
                position=told["position"],
                trd_match_id=told["trd_match_id"],
                seq=told["seq"],
                timestamp=told["timestamp"],
                matched_time=told["matched_time"],
                released_time=told["released_time"],
            )
        )


def _interval_ns(seconds: float) -> int:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise StrategyArgumentError(f"{seconds} s is no time to wait")
    return round(seconds * 1e9)
