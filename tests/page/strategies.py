"""Figures of an engine that tells of strategies, as an engine that was killed leaves them."""

from __future__ import annotations

import json
from pathlib import Path

from running_venue import RunningVenue

__all__ = ["leave_strategies"]

STRATEGIES = [
    {
        "name": "quoter",
        "member": "BETA",
        "session_id": 3,
        "connected": True,
        "commands": 12_345,
        "fills": 21,
        "rejected": 6,
        "bad_records": 0,
        "throttled": 78,
        "positions": {"ESH4": -5, "ACME": 2},
        "gauges": {"score": -0.25, "fair": 19201.5, "spread": None},
        "tick_to_trade_ns": {"count": 9, "p50": 310, "p99": 900, "p99_9": 1_500, "max": 88_000},
    }
]


def leave_strategies(venue: RunningVenue) -> Path:
    """Write the figures where a venue that is not running has none; return their file."""
    venue.run_dir.mkdir()
    figures = venue.run_dir / "engine.stats.json"
    figures.write_text(json.dumps({"strategies": STRATEGIES}))
    return figures
