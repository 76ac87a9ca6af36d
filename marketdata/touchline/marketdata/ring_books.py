"""Books from the engine's public ring: what the live page shows, without a socket in between.

An observer has the memory of a strategy and may send nothing (see docs/strategies.md): it reads the
public ring, and the engine gives it a snapshot of every book when it comes.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from touchline.core import TradingPhase
from touchline.core._abi import ffi, lib
from touchline.core.venue import Venue
from touchline.marketdata.books import Level, SourceState, Standing, Trade

__all__ = ["RingBooks"]

_AGAIN_S = 0.5
_BATCH = 1_024
_BATCHES_MAX = 64
_TRADES_MAX = 1 << 16
_LEVELS_MAX = 256
_TEXT_BYTES = 4_096
_NO_PRICE = -(1 << 63)
_AGGRESSORS = {1: "buy", 2: "sell"}


class RingBooks:
    """The books of a venue on this host; connects when its engine is there, and again after that.

    Parameters
    ----------
    venue : Venue
        What to watch; it need not be running.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._symbols = {one.id: one.symbol for one in venue.instruments}
        self._ids = {one.symbol: one.id for one in venue.instruments}
        self._handle: Any = None
        self._retry_at = 0.0
        self._events = ffi.new("tl_strategy_event[]", _BATCH)
        self._levels = ffi.new("tl_level[]", _LEVELS_MAX)
        self._trades: deque[Trade] = deque(maxlen=_TRADES_MAX)
        self._phases: dict[int, int] = {}
        self._last: dict[int, tuple[int, int | None]] = {}

    def poll(self, timeout_ms: float) -> int:
        """Wait for news and take them in; the number is above 0 while the engine is there."""
        if self._handle is None and not self._connect():
            time.sleep(min(timeout_ms / 1e3, _AGAIN_S))
            return 0
        lib.tl_strategy_wait(self._handle, int(timeout_ms * 1e6))
        taken = 0
        for _ in range(_BATCHES_MAX):
            count = lib.tl_strategy_batch(self._handle, self._events, _BATCH)
            if count < 0:
                self.close()
                return taken
            for at in range(count):
                self._take(self._events[at])
            taken += count
            if count < _BATCH:
                break
        return max(taken, 1)

    def _connect(self) -> bool:
        now = time.monotonic()
        if now < self._retry_at:
            return False
        self._retry_at = now + _AGAIN_S
        handle, error = ffi.new("tl_strategy **"), ffi.new("char[]", _TEXT_BYTES)
        path = os.fsencode(self._venue.config)
        if lib.tl_strategy_open(path, b"", handle, error, _TEXT_BYTES) != 0:
            return False
        self._handle = handle[0]
        return True

    def _take(self, event: Any) -> None:
        kind, instrument_id = event.kind, event.instrument_id
        if kind == lib.TL_STRATEGY_TRADE:
            self._last[instrument_id] = (event.seq, event.price)
            aggressor = _AGGRESSORS.get(event.side, "uncross")
            symbol = self._symbols[instrument_id]
            self._trades.append(Trade(event.seq, symbol, event.price, event.qty, aggressor))
            return
        if not instrument_id:
            return
        last_px = self._last.get(instrument_id, (0, None))[1]
        if kind == lib.TL_STRATEGY_LIVE and event.price != _NO_PRICE:
            last_px = event.price
        if kind in (lib.TL_STRATEGY_PHASE, lib.TL_STRATEGY_LIVE):
            self._phases[instrument_id] = event.phase
        self._last[instrument_id] = (event.seq, last_px)

    def standing(self, symbol: str) -> Standing | None:
        """What is to be said of a book."""
        instrument_id = self._ids.get(symbol)
        phase = self._phases.get(instrument_id or 0)
        if instrument_id is None or phase is None:
            return None
        last_seq, last_px = self._last.get(instrument_id, (0, None))
        state = "live" if self._is_live(instrument_id) else "stale"
        return Standing(TradingPhase(phase).name.lower(), state, last_seq, last_px)

    def bids(self, symbol: str, depth_levels: int) -> Sequence[Level]:
        """The best bids, best first."""
        return self._side(symbol, 1, depth_levels)

    def offers(self, symbol: str, depth_levels: int) -> Sequence[Level]:
        """The best offers, best first."""
        return self._side(symbol, 2, depth_levels)

    def _side(self, symbol: str, side: int, depth_levels: int) -> list[Level]:
        if self._handle is None:
            return []
        count = lib.tl_strategy_levels(
            self._handle, self._ids[symbol], side, self._levels, min(depth_levels, _LEVELS_MAX)
        )
        levels = (self._levels[at] for at in range(max(count, 0)))
        return [Level(one.price, one.qty, one.order_count) for one in levels]

    def _is_live(self, instrument_id: int) -> bool:
        return bool(self._handle and lib.tl_strategy_is_live(self._handle, instrument_id))

    def trades(self) -> Sequence[Trade]:
        """Trades since the last call, oldest first; each match once."""
        trades = list(self._trades)
        self._trades.clear()
        return trades

    def state(self) -> SourceState:
        """Records of the ring, lost ones, and instruments that are not right again."""
        counted: dict[str, int] = {}
        if self._handle is not None:
            text = ffi.new("char[]", _TEXT_BYTES)
            length = lib.tl_strategy_counters(self._handle, text, _TEXT_BYTES)
            counted = json.loads(bytes(ffi.buffer(text, length)))
        stale = sum(not self._is_live(instrument_id) for instrument_id in self._symbols)
        return SourceState(
            "public ring",
            stale == 0,
            counted.get("public_records", 0),
            counted.get("lost_records", 0),
            stale if self._phases else 0,
        )

    def close(self) -> None:
        """Leave the engine. Closing again does nothing."""
        if self._handle is not None:
            lib.tl_strategy_close(self._handle)
            self._handle = None
