"""What the C ABI hands to a strategy, as numpy dtypes and enums.

`core/ffi/include/touchline.h` is the source. Sizes, offsets and values are compared with it when
this module is imported; a library of another build is refused. Prices are price units, quantities
lots, times ns since the epoch (UTC).

What the header calls uint64_t is int64 here: none comes near 2**63, and numba, as numpy, makes a
float of a uint64 with an int64.
"""

from __future__ import annotations

import enum

import numpy as np

from touchline.core._abi import ffi, lib
from touchline.core.errors import AbiError

__all__ = [
    "EVENT_DTYPE",
    "FULL",
    "GONE",
    "LEVEL_DTYPE",
    "NO_BID",
    "NO_OFFER",
    "OWN_ORDER_DTYPE",
    "TARGETS_DTYPE",
    "UNKNOWN_ORDER",
    "ExecutionKind",
    "StrategyEventKind",
]

NO_BID = -(2**63)
"""``bid_px`` of an event without a bid."""
NO_OFFER = 2**63 - 1
"""``offer_px`` of an event without an offer."""

GONE: int = lib.TL_STRATEGY_GONE
"""The engine has ended, or has closed the connection."""
FULL: int = lib.TL_STRATEGY_FULL
"""The command ring is full, or too many timers wait."""
UNKNOWN_ORDER: int = lib.TL_STRATEGY_UNKNOWN_ORDER
"""No such order, or it is no longer open."""
ARGUMENT: int = lib.TL_STRATEGY_ARGUMENT
"""An argument is no value of its type."""


class StrategyEventKind(enum.IntEnum):
    """What an event is."""

    BOOK = 1
    """A whole match event is in the book of the instrument."""
    TRADE = 2
    """Somebody's order executed; BOOK follows at the end of the match event."""
    PHASE = 3
    """The instrument entered a phase."""
    EXECUTION = 4
    """An answer to a command, or what happened to an own order."""
    TIMER = 5
    """A timer is due."""
    LIVE = 6
    """The book of the instrument is right from here on."""
    STALE = 7
    """Records were overwritten before they were read: no book is right until its LIVE."""
    TARGET = 8
    """A new version of the targets is whole, or the newest has expired."""


class ExecutionKind(enum.IntEnum):
    """What an execution says of an own order."""

    NEW = 1
    """It is accepted."""
    REJECTED = 2
    """It was refused; reason says why."""
    TRADE = 3
    """A fill."""
    CANCELED = 4
    """The rest is gone."""
    REPLACED = 5
    """Price and order_qty are new."""
    CANCEL_REJECTED = 6
    """A cancel or replace was refused; reason says why."""
    RESTATED = 7
    """The venue changed it: price, order_qty and leaves_qty."""


EVENT_DTYPE = np.dtype(
    [
        ("seq", "<i8"),
        ("timestamp", "<i8"),
        ("matched_time", "<i8"),
        ("released_time", "<i8"),
        ("order", "<i8"),
        ("trd_match_id", "<i8"),
        ("price", "<i8"),
        ("qty", "<i8"),
        ("leaves_qty", "<i8"),
        ("cum_qty", "<i8"),
        ("position", "<i8"),
        ("bid_px", "<i8"),
        ("bid_qty", "<i8"),
        ("offer_px", "<i8"),
        ("offer_qty", "<i8"),
        ("instrument_id", "<u4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("execution", "u1"),
        ("ord_status", "u1"),
        ("reason", "u1"),
        ("phase", "u1"),
        ("aggressor", "u1"),
        ("expired", "u1"),
        ("reserved", "u1", (4,)),
    ]
)
"""Something that happened; docs/strategies.md says which fields a kind fills."""

OWN_ORDER_DTYPE = np.dtype(
    [
        ("order", "<i8"),
        ("price", "<i8"),
        ("order_qty", "<i8"),
        ("leaves_qty", "<i8"),
        ("cum_qty", "<i8"),
        ("instrument_id", "<u4"),
        ("side", "u1"),
        ("pending", "u1"),
        ("accepted", "u1"),
        ("reserved", "u1"),
    ]
)
"""An own order, as the venue last acknowledged it."""

LEVEL_DTYPE = np.dtype(
    [("price", "<i8"), ("qty", "<i8"), ("order_count", "<u4"), ("reserved", "<u4")]
)
"""A price level."""

TARGETS_DTYPE = np.dtype(
    [
        ("version", "<i8"),
        ("published_time", "<i8"),
        ("expires_time", "<i8"),
        ("count", "<u4"),
        ("expired", "u1"),
        ("reserved", "u1", (3,)),
        ("source", "u1", (32,)),
    ]
)
"""What is said of targets as a whole."""


def _compare(name: str, dtype: np.dtype[np.void]) -> None:
    """Refuse a library whose struct is another one than the dtype."""
    fields = {field: at[1] for field, at in (dtype.fields or {}).items()}
    library = {field: ffi.offsetof(name, field) for field in fields}
    if (ffi.sizeof(name), library) != (dtype.itemsize, fields):
        raise AbiError(f"{name} of the library is not that of this Python: {library} {fields}")


for _name, _dtype in (
    ("tl_strategy_event", EVENT_DTYPE),
    ("tl_own_order", OWN_ORDER_DTYPE),
    ("tl_level", LEVEL_DTYPE),
    ("tl_targets", TARGETS_DTYPE),
):
    _compare(_name, _dtype)
for _prefix, _values in (("TL_STRATEGY", StrategyEventKind), ("TL_EXECUTION", ExecutionKind)):
    for _value in _values:
        if getattr(lib, f"{_prefix}_{_value.name}") != _value:
            raise AbiError(f"{_prefix}_{_value.name} is not {int(_value)} in the library")
