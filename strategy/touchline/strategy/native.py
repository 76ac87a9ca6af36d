"""What a compiled callback may call: the C ABI, from numba, at the price of a call in C.

`venue` is the handle that each callback gets. Prices are price units, quantities lots, times ns
since the epoch (UTC), sides ``Side.BUY`` and ``Side.SELL``. A function that fails returns a
negative value, ``FULL``, ``UNKNOWN_ORDER``, ``ARGUMENT`` or ``GONE``, and has sent nothing; none
raises. After ``GONE`` the runtime ends the strategy by itself.

A call costs about 2 ns; those that give levels or orders in arrays of their own also allocate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import llvmlite.binding
import numba
import numpy as np
import numpy.typing as npt
from numba import types

from touchline.core import OrdType, Side, TimeInForce
from touchline.core._abi import LIBRARY_PATH
from touchline.core.targets import TARGET_DTYPE
from touchline.strategy.layout import (
    LEVEL_DTYPE,
    NO_BID,
    NO_OFFER,
    OWN_ORDER_DTYPE,
    TARGETS_DTYPE,
)

__all__ = [
    "OwnOrder",
    "Target",
    "TargetsHead",
    "Touch",
    "buy",
    "cancel",
    "cancel_all",
    "is_live",
    "levels",
    "native",
    "new_order",
    "now_ns",
    "order",
    "orders",
    "position",
    "replace",
    "sell",
    "set_timer",
    "target",
    "targets",
    "touch_of_others",
]

llvmlite.binding.load_library_permanently(str(LIBRARY_PATH))

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {
    "boundscheck": True,
    "error_model": "python",
    "nogil": True,
    "no_cfunc_wrapper": True,
}
"""How everything is compiled: an index out of bounds or a division by zero raises, and does not
write where it should not."""
INNER_OPTIONS = OPTIONS | {"no_cpython_wrapper": True}
"""For what is called from compiled code alone: a third of the time to compile is for wrappers."""


def native(function: Function) -> Function:
    """Let callbacks call a function of your own: a decorator; it is compiled with them."""
    return cast("Function", numba.njit(**OPTIONS)(function))


def _inner(function: Function) -> Function:
    return cast("Function", numba.njit(**INNER_OPTIONS)(function))


def _external(name: str, result: Any, *arguments: Any) -> Callable[..., int]:
    """A symbol of the library; numba's on-disk cache keeps its name, not its address."""
    return cast("Callable[..., int]", types.ExternalFunction(name, result(*arguments)))


_HANDLE = _POINTER = types.uintp
_new_order = _external(
    "tl_strategy_new_order",
    types.int64,
    _HANDLE,
    types.uint32,
    types.uint8,
    types.uint8,
    types.uint8,
    types.int64,
    types.uint64,
)
_cancel = _external("tl_strategy_cancel", types.int64, _HANDLE, types.uint64)
_replace = _external(
    "tl_strategy_replace", types.int64, _HANDLE, types.uint64, types.int64, types.uint64
)
_cancel_all = _external("tl_strategy_cancel_all", types.int64, _HANDLE)
_order = _external("tl_strategy_order", types.int64, _HANDLE, types.uint64, _POINTER)
_orders = _external("tl_strategy_orders", types.int64, _HANDLE, _POINTER, types.uint64)
_position = _external("tl_strategy_position", types.int64, _HANDLE, types.uint32)
_levels = _external(
    "tl_strategy_levels",
    types.int64,
    _HANDLE,
    types.uint32,
    types.uint8,
    _POINTER,
    types.uint64,
)
_is_live = _external("tl_strategy_is_live", types.int64, _HANDLE, types.uint32)
_set_timer = _external("tl_strategy_set_timer", types.int64, _HANDLE, types.uint64, types.uint64)
_targets = _external("tl_strategy_targets", types.int64, _HANDLE, _POINTER, _POINTER, types.uint64)
_target = _external("tl_strategy_target", types.int64, _HANDLE, types.uint32, _POINTER)
_now_ns = _external("tl_now_ns", types.int64)
next_event = _external("tl_strategy_next", types.int64, _HANDLE, _POINTER)
wait = _external("tl_strategy_wait", types.int64, _HANDLE, types.uint64)

# Numba freezes globals of a function: an enum's value is one as a plain integer.
_BUY, _SELL, _LIMIT, _DAY = int(Side.BUY), int(Side.SELL), int(OrdType.LIMIT), int(TimeInForce.DAY)
_OWN_ORDERS_MAX = 4096


class OwnOrder(NamedTuple):
    """An own order, as the venue last acknowledged it; all 0 once it is no longer open."""

    order: int
    side: int
    price: int
    order_qty: int
    leaves_qty: int
    cum_qty: int
    pending: int
    """Commands about it that were sent and not yet answered."""
    is_accepted: bool


class Touch(NamedTuple):
    """Best bid and best offer; ``NO_BID`` and ``NO_OFFER`` where there is none."""

    bid_px: int
    bid_qty: int
    offer_px: int
    offer_qty: int


class Target(NamedTuple):
    """Where the strategy should be in one instrument."""

    is_set: bool
    """False if the instrument has no target, or the targets have expired; the rest is 0 then."""
    position: int
    weight: float
    """NaN where none was said."""
    price: int
    """The lowest int64 where none was said."""


class TargetsHead(NamedTuple):
    """What is said of the newest targets; all 0 before the first."""

    version: int
    published_time: int
    expires_time: int
    row_count: int
    is_expired: bool


@_inner
def new_order(
    venue: int,
    instrument_id: int,
    side: int,
    qty: int,
    price: int,
    ord_type: int = _LIMIT,
    time_in_force: int = _DAY,
) -> int:
    """Send a new order; ``ord_type`` and ``time_in_force`` as OrdType and TimeInForce.

    Returns
    -------
    int
        The order's number, from 1; or ``FULL``, ``ARGUMENT``, ``GONE``.
    """
    return _new_order(venue, instrument_id, side, ord_type, time_in_force, price, qty)


@_inner
def buy(venue: int, instrument_id: int, qty: int, price: int) -> int:
    """Send a limit order that buys, for the day; as :func:`new_order`."""
    return _new_order(venue, instrument_id, _BUY, _LIMIT, _DAY, price, qty)


@_inner
def sell(venue: int, instrument_id: int, qty: int, price: int) -> int:
    """Send a limit order that sells, for the day; as :func:`new_order`."""
    return _new_order(venue, instrument_id, _SELL, _LIMIT, _DAY, price, qty)


@_inner
def cancel(venue: int, number: int) -> int:
    """Cancel an own open order. 0; or ``FULL``, ``UNKNOWN_ORDER``, ``GONE``."""
    return _cancel(venue, number)


@_inner
def replace(venue: int, number: int, price: int, order_qty: int) -> int:
    """Replace price and order_qty, what has executed included; results as :func:`cancel`."""
    return _replace(venue, number, price, order_qty)


@_inner
def cancel_all(venue: int) -> int:
    """Cancel every own order with one command; results as :func:`cancel`."""
    return _cancel_all(venue)


@_inner
def order(venue: int, number: int) -> OwnOrder:
    """An own order: see :class:`OwnOrder`; its ``order`` is 0 if it is not open."""
    out = np.zeros(1, OWN_ORDER_DTYPE)
    _order(venue, number, out.ctypes.data)
    own = out[0]
    return OwnOrder(
        own.order,
        own.side,
        own.price,
        own.order_qty,
        own.leaves_qty,
        own.cum_qty,
        own.pending,
        own.accepted != 0,
    )


@_inner
def orders(venue: int, out: npt.NDArray[np.void]) -> int:
    """Write own open orders, oldest first, to an array of ``OWN_ORDER_DTYPE``; return how many."""
    return _orders(venue, out.ctypes.data, len(out))


@_inner
def position(venue: int, instrument_id: int) -> int:
    """Own position: bought less sold today, lots. 0 for an unknown instrument."""
    return _position(venue, instrument_id)


@_inner
def levels(venue: int, instrument_id: int, side: int, out: npt.NDArray[np.void]) -> int:
    """Write the best levels of a side, best first, to an array of ``LEVEL_DTYPE``.

    Returns
    -------
    int
        How many were written; at most ``len(out)``.
    """
    return _levels(venue, instrument_id, side, out.ctypes.data, len(out))


@_inner
def is_live(venue: int, instrument_id: int) -> bool:
    """True if the book of the instrument is right."""
    return _is_live(venue, instrument_id) == 1


@_inner
def target(venue: int, instrument_id: int) -> Target:
    """The target of an instrument: see :class:`Target`."""
    out = np.zeros(1, TARGET_DTYPE)
    is_set = _target(venue, instrument_id, out.ctypes.data) == 1
    row = out[0]
    return Target(is_set, row.position, row.weight, row.price)


@_inner
def targets(venue: int) -> TargetsHead:
    """What is said of the newest targets: see :class:`TargetsHead`."""
    out = np.zeros(1, TARGETS_DTYPE)
    _targets(venue, out.ctypes.data, 0, 0)
    head = out[0]
    return TargetsHead(
        head.version, head.published_time, head.expires_time, head.count, head.expired != 0
    )


@_inner
def set_timer(venue: int, number: int, at_ns: int) -> int:
    """Ask for one on_timer at a time; `number` comes back as ``event.order``. 0; or ``FULL``."""
    return _set_timer(venue, number, at_ns)


@_inner
def now_ns() -> int:
    """UTC now, ns since the epoch: the venue's clock."""
    return _now_ns()


@_inner
def touch_of_others(venue: int, instrument_id: int) -> Touch:
    """The touch as it would be without own orders: what a market maker may take its price from.

    Own orders beyond the oldest 4,096 are not taken out.
    """
    own = np.zeros(64, OWN_ORDER_DTYPE)
    count = orders(venue, own)
    if count == len(own):
        own = np.zeros(_OWN_ORDERS_MAX, OWN_ORDER_DTYPE)
        count = orders(venue, own)
    bid_px, bid_qty = _best_of_others(venue, instrument_id, _BUY, own[:count], NO_BID)
    offer_px, offer_qty = _best_of_others(venue, instrument_id, _SELL, own[:count], NO_OFFER)
    return Touch(bid_px, bid_qty, offer_px, offer_qty)


@_inner
def _best_of_others(
    venue: int, instrument_id: int, side: int, own: npt.NDArray[np.void], none: int
) -> tuple[int, int]:
    """Price and quantity of the best level that is not ours alone.

    An own order stands on one level: one level more than there are own orders is enough.
    """
    out = np.zeros(len(own) + 1, LEVEL_DTYPE)
    count = levels(venue, instrument_id, side, out)
    for at in range(count):
        price = out[at].price
        qty = out[at].qty
        for one in range(len(own)):
            ours = own[one]
            if ours.instrument_id == instrument_id and ours.side == side and ours.price == price:
                qty -= ours.leaves_qty
        if qty > 0:
            return price, qty
    return none, 0
