"""What a venue has told its members: every stored message of every session, asked for over FIX."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from process_venue import STRATEGY_LOT, STRATEGY_SYMBOL, ProcessVenue
from wire import Wire

__all__ = ["check_told", "sessions"]

_FIGURES_S = 10.0


def sessions(venue: ProcessVenue) -> list[dict[str, Any]]:
    """Return the sessions as the gateway's figures show them, once they stand still."""
    deadline = time.monotonic() + _FIGURES_S
    while True:
        before = venue.figures("gateway-1")["sessions"]
        time.sleep(1.2)
        now: list[dict[str, Any]] = venue.figures("gateway-1")["sessions"]
        if now == before and not any(session["under_way"] for session in now):
            return now
        assert time.monotonic() < deadline, f"still at work: {now}"


def check_told(venue: ProcessVenue) -> dict[str, int]:
    """Read all that was told, prove that nothing was told or executed twice; return the counts.

    * the numbers of each session run from 1 to the newest without a hole;
    * no ExecID(17) and no acceptance of a ClOrdID(11) comes twice;
    * each match has two sides, or one or none where strategies trade, whose side is not told here;
      and what an order executed adds up to its CumQty(14), which is at most its OrderQty(38);
    * what the members have bought and sold of an instrument and the positions of the strategies
      add up to nothing.
    """
    exec_ids: Counter[tuple[str, str]] = Counter()
    accepted: Counter[tuple[str, str]] = Counter()
    sides: Counter[str] = Counter()
    executed: Counter[str] = Counter()
    cum_qty: dict[str, int] = {}
    net: Counter[str] = Counter()
    messages = 0
    strategies = venue.admin({"command": "status"})["strategies"]
    for strategy in strategies:
        # Lots; over FIX there are shares.
        net[STRATEGY_SYMBOL] += strategy["positions"].get(STRATEGY_SYMBOL, 0) * STRATEGY_LOT
    for session in sessions(venue):
        for report in _all_messages(venue, session):
            messages += 1
            if report[35] != "8":
                continue
            exec_ids[session["name"], report[17]] += 1
            if report[150] in "05":
                accepted[session["name"], report[11]] += 1
            if report[150] == "F":
                if report[55] != STRATEGY_SYMBOL:
                    sides[report[527]] += 1
                net[report[55]] += int(report[32]) * (1 if report[54] == "1" else -1)
                order = report[37]
                executed[order] += int(report[32])
                cum_qty[order] = max(cum_qty.get(order, 0), int(report[14]))
                assert cum_qty[order] <= int(report[38]), report
    assert not (twice := [key for key, count in exec_ids.items() if count > 1]), twice[:5]
    assert not (twice := [key for key, count in accepted.items() if count > 1]), twice[:5]
    assert not (odd := {key: count for key, count in sides.items() if count != 2}), odd
    assert executed == cum_qty, "what an order executed is not its CumQty(14)"
    assert not any(net.values()), f"bought and sold differ: {net}"
    return {"messages": messages, "orders": len(accepted), "matches": len(sides)}


def _all_messages(venue: ProcessVenue, session: dict[str, Any]) -> list[dict[int, str]]:
    """Every stored message of one session, in order, by one ResendRequest(2) for all."""
    wire = Wire(venue.address, session["name"], session["next_in"])
    try:
        wire.logon()
        first = wire.next({35: "A"})
        assert int(first[34]) == session["next_out"], (first, session)
        wire.send("2", {7: "1", 16: "0"})
        stored = []
        expected = 1
        while expected <= session["next_out"]:
            message = wire.next()
            assert int(message[34]) == expected, f"{message} instead of number {expected}"
            if message[35] == "4":
                expected = int(message[36])
            else:
                stored.append(message)
                expected += 1
        wire.send("5")
        return stored
    finally:
        wire.close()
