"""The connection of a strategy to the engine: open, wait, close, and what is rarely asked.

One process at a time connects under a strategy's name. When the connection ends, for whatever
reason, the engine cancels every open order of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from touchline.core._abi import ffi, lib
from touchline.core.targets import TARGET_DTYPE, Targets, from_abi
from touchline.core.venue import Instrument, Venue
from touchline.strategy.errors import (
    EngineGoneError,
    RingFullError,
    StrategyArgumentError,
    StrategyError,
    StrategyRefusedError,
)
from touchline.strategy.layout import ARGUMENT, FULL, GONE, LEVEL_DTYPE, OWN_ORDER_DTYPE

__all__ = ["Connection", "pointer"]

_ERROR_BYTES = 4096
_OWN_ORDERS_MAX = 65_536


class Connection:
    """One strategy, connected to a running engine. Not for several threads at a time.

    Parameters
    ----------
    venue : Venue
        The venue, as its file describes it.
    name : str
        Name of the ``[[strategy]]``.

    Raises
    ------
    StrategyRefusedError
        If no engine is there, or it refuses: the text says why.
    """

    def __init__(self, venue: Venue, name: str) -> None:
        self._handle: Any = None
        self.venue = venue
        self.name = name
        handle = ffi.new("tl_strategy **")
        error = ffi.new("char[]", _ERROR_BYTES)
        path = os.fsencode(venue.config)
        result = lib.tl_strategy_open(path, name.encode(), handle, error, _ERROR_BYTES)
        if result != 0:
            text = bytes(ffi.buffer(error, min(-result, _ERROR_BYTES))).decode(errors="replace")
            raise StrategyRefusedError(f"strategy {name} of {venue.name}: {text}")
        self._handle = handle[0]

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Leave: the engine cancels every open order. Closing again does nothing."""
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is not None:
            lib.tl_strategy_close(handle)

    @property
    def handle(self) -> Any:
        """What the C ABI calls a strategy.

        Raises
        ------
        StrategyError
            If the connection is closed.
        """
        if self._handle is None:
            raise StrategyError(f"the connection of strategy {self.name} is closed")
        return self._handle

    @property
    def address(self) -> int:
        """The handle as a number, for compiled code."""
        return int(ffi.cast("uintptr_t", self.handle))

    def sent(self, result: int, what: str) -> int:
        """The result of a command, if it was sent.

        Raises
        ------
        EngineGoneError, RingFullError, StrategyArgumentError
            If it was not.
        """
        if result == GONE:
            raise EngineGoneError(f"{what}: {self.why()}")
        if result == FULL:
            raise RingFullError(f"{what} was not sent: the ring is full, or too many timers wait")
        if result == ARGUMENT:
            raise StrategyArgumentError(f"{what} was not sent: an argument has no such value")
        return result

    def why(self) -> str:
        """Why the engine is gone; empty while it is not."""
        return self._text(lib.tl_strategy_why)

    def counters(self) -> dict[str, Any]:
        """Everything that the library counts for this connection."""
        counted: dict[str, Any] = json.loads(self._text(lib.tl_strategy_counters))
        return counted

    def position(self, instrument: Instrument) -> int:
        """Own position: bought less sold today, lots."""
        return int(lib.tl_strategy_position(self.handle, instrument.id))

    def targets(self) -> Targets | None:
        """The newest targets, expired or not; None before the first."""
        head = ffi.new("tl_targets *")
        rows = np.zeros(len(self.venue.instruments), TARGET_DTYPE)
        result = lib.tl_strategy_targets(self.handle, head, pointer("tl_target *", rows), len(rows))
        return from_abi(self.venue, head, rows) if result == 1 else None

    def own_orders(self) -> npt.NDArray[np.void]:
        """Own open orders as the venue last acknowledged them, oldest first."""
        room = 64
        while True:
            out = np.zeros(room, OWN_ORDER_DTYPE)
            count = lib.tl_strategy_orders(self.handle, pointer("tl_own_order *", out), room)
            if count < room or room >= _OWN_ORDERS_MAX:
                return out[:count]
            room *= 4

    def levels(self, instrument: Instrument, side: int, depth_levels: int) -> npt.NDArray[np.void]:
        """The best levels of a side, best first, as they are after the last event taken."""
        out = np.zeros(depth_levels, LEVEL_DTYPE)
        count = lib.tl_strategy_levels(
            self.handle, instrument.id, side, pointer("tl_level *", out), depth_levels
        )
        if count < 0:
            raise StrategyArgumentError(f"{side!r} is no side: it is Side.BUY or Side.SELL")
        return out[:count]

    def levels_of_others(
        self, instrument: Instrument, side: int, depth_levels: int
    ) -> npt.NDArray[np.void]:
        """As :meth:`levels`, without own orders; levels that are ours alone are left out."""
        own = [
            (int(one["price"]), int(one["leaves_qty"]))
            for one in self.own_orders()
            if one["instrument_id"] == instrument.id and one["side"] == side
        ]
        out = self.levels(instrument, side, depth_levels + len(own))
        for price, leaves_qty in own:
            here = out["price"] == price
            out["qty"][here] -= np.minimum(out["qty"][here], leaves_qty)
            out["order_count"][here] -= np.minimum(out["order_count"][here], 1)
        return out[out["qty"] > 0][:depth_levels]

    def _text(self, function: Callable[[Any, Any, int], int]) -> str:
        room = 1 << 12
        while True:
            out = ffi.new("char[]", room)
            length = int(function(self.handle, out, room))
            if length <= room:
                return bytes(ffi.buffer(out, max(length, 0))).decode(errors="replace")
            room = length


def pointer(kind: str, array: npt.NDArray[np.void]) -> Any:
    """Where an array lies, for the library to write to while the caller holds the array."""
    return ffi.cast(kind, array.ctypes.data)
