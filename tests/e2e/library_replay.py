"""The venue's journal through the matcher as a library, and the state that the engine had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from running_venue import RunningVenue

from touchline.core import (
    COMMAND_DTYPE,
    InstrumentLimits,
    Matcher,
    MatcherCapacity,
    TradingPhase,
    Venue,
)

__all__ = ["engine_state", "replayed"]


def journaled(folder: Path) -> Any:
    """Every command of a journal that nobody writes to, as core/journal/src/layout.rs has it."""
    found = []
    for segment in sorted(folder.glob("*.tlj")):
        bytes_ = np.memmap(segment, np.uint8, "r")
        at = 4096
        while at < len(bytes_) and bytes_[at : at + 4].tobytes() == b"TLBK":
            count = int(bytes_[at + 16 : at + 20].view("<u4")[0])
            end = at + 64 + count * COMMAND_DTYPE.itemsize
            found.append(bytes_[at + 64 : end].view(COMMAND_DTYPE))
            at = -(-end // 512) * 512
    return np.concatenate(found)


def replayed(venue: RunningVenue) -> tuple[Matcher, Any]:
    """A matcher of the venue's instruments after its journal, and the events that it made."""
    described = Venue.load(venue.config)
    limits = [
        InstrumentLimits(
            one.id, one.min_price, one.max_price, one.max_order_qty, TradingPhase[one.phase.upper()]
        )
        for one in described.instruments
    ]
    matcher = Matcher(limits, MatcherCapacity(cl_ord_ids=100_000))
    return matcher, matcher.apply(journaled(described.data_dir / "journal"))


def engine_state(venue: RunningVenue, seq: int) -> int:
    """The hash that the engine noted after a command (core/engine/src/hashes.rs)."""
    kept = np.fromfile(Venue.load(venue.config).run_files["state_hashes"], "<u8").reshape(-1, 2)
    noted = kept[:-1]  # behind them is the scheme of the hashes
    noted_seq, state_hash = noted[seq % len(noted)].tolist()
    assert noted_seq == seq
    return int(state_hash)
