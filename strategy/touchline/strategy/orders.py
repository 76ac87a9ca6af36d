"""Own orders of a plain strategy."""

from __future__ import annotations

from typing import Any

from touchline.core import Side
from touchline.core._abi import ffi, lib
from touchline.core.venue import Instrument
from touchline.strategy.connection import Connection
from touchline.strategy.errors import UnknownOrderError
from touchline.strategy.layout import UNKNOWN_ORDER, ExecutionKind

__all__ = ["Order"]


class Order:
    """An own order: what the strategy was last told of it, and what it can do about it.

    Attributes
    ----------
    number : int
        Its number on this connection, from 1; it stays in replaces.
    instrument : Instrument
        What it trades.
    side : Side
        Buy or sell.
    price : int or None
        Price units; None for a market order. Of the last replace that the venue took.
    order_qty, leaves_qty, cum_qty : int
        Lots; ``order_qty = leaves_qty + cum_qty`` while it is open.
    is_accepted : bool
        False until the venue has accepted it.
    is_open : bool
        False once it is filled, cancelled or rejected.
    """

    __slots__ = (
        "_connection",
        "cum_qty",
        "instrument",
        "is_accepted",
        "is_open",
        "leaves_qty",
        "number",
        "order_qty",
        "price",
        "side",
    )

    def __init__(
        self,
        connection: Connection,
        number: int,
        instrument: Instrument,
        side: Side,
        price: int | None,
        order_qty: int,
    ) -> None:
        self._connection = connection
        self.number = number
        self.instrument = instrument
        self.side = side
        self.price = price
        self.order_qty = order_qty
        self.leaves_qty = order_qty
        self.cum_qty = 0
        self.is_accepted = False
        self.is_open = True

    def __repr__(self) -> str:
        what = f"{self.side.name.lower()} {self.leaves_qty} of {self.order_qty}"
        state = "" if self.is_open else " ended"
        return f"<Order {self.number} {self.instrument.symbol} {what} at {self.price}{state}>"

    @property
    def pending(self) -> int:
        """Commands about it that were sent and not yet answered."""
        own: Any = ffi.new("tl_own_order *")
        if lib.tl_strategy_order(self._connection.handle, self.number, own) != 1:
            return 0
        return int(own.pending)

    def cancel(self) -> bool:
        """Cancel what is left.

        Returns
        -------
        bool
            True if it was sent; False if the order has ended meanwhile, and the execution that
            says so is on its way.

        Raises
        ------
        UnknownOrderError
            If the strategy has been told that the order ended.
        RingFullError, EngineGoneError
            If the command cannot be sent.
        """
        self._require_open("cancel")
        return self._sent(lib.tl_strategy_cancel(self._connection.handle, self.number), "cancel")

    def replace(self, *, price: int | None = None, qty: int | None = None) -> bool:
        """Replace price, order_qty or both; what is not given stays.

        Parameters
        ----------
        price : int, optional
            Price units.
        qty : int, optional
            The new order_qty: lots, what has executed included.

        Returns
        -------
        bool
            As :meth:`cancel`; errors likewise.
        """
        self._require_open("replace")
        new_price = (self.price or 0) if price is None else price
        new_qty = self.order_qty if qty is None else qty
        result = lib.tl_strategy_replace(
            self._connection.handle, self.number, new_price, max(new_qty, 0)
        )
        return self._sent(result, "replace")

    def took(
        self, kind: ExecutionKind, price: int, qty: int, leaves_qty: int, cum_qty: int
    ) -> None:
        """Take in an execution; called by the runtime."""
        self.leaves_qty, self.cum_qty = leaves_qty, cum_qty
        if kind in (ExecutionKind.NEW, ExecutionKind.REPLACED, ExecutionKind.RESTATED):
            self.is_accepted = True
            self.order_qty = qty
            self.price = None if self.price is None else price
        elif kind in (ExecutionKind.REJECTED, ExecutionKind.CANCELED) or (
            kind is ExecutionKind.TRADE and leaves_qty == 0
        ):
            self.is_open = False

    def _require_open(self, what: str) -> None:
        if not self.is_open:
            raise UnknownOrderError(f"{what} of {self!r}: it is no longer open")

    def _sent(self, result: int, what: str) -> bool:
        if result == UNKNOWN_ORDER:
            return False
        self._connection.sent(result, f"{what} of {self!r}")
        return True
