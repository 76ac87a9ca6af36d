"""Commands a second through `touchline.core.Matcher`, in batches of several sizes.

    .venv/bin/python bench/library.py [--commands 400000] [--rounds 7] [--seed 1]

A flow of new orders around a price that walks, four in ten cancelled again a little later and one
in ten of a taker, goes through a fresh matcher in each round; the median of the rounds is printed,
of the clock and of the process's own time. `apply` returns a new array of events, `apply_into`
writes to the same one again and again. Nothing is asserted: the figures are of this machine, now.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time

import numpy as np

from touchline.core import (
    EVENT_DTYPE,
    InstrumentLimits,
    Matcher,
    MatcherCapacity,
    Side,
    TimeInForce,
)
from touchline.core._matcher_commands import Records

BATCHES = (1, 100, 10_000)
_LIMITS = InstrumentLimits(1, min_price=1, max_price=1_000_000, max_order_qty=1_000)
_CANCEL_AFTER = 200


def flow(count: int, seed: int) -> Records:
    """Commands of one instrument, about half of them new orders."""
    rng = np.random.default_rng(seed)
    names = np.arange(count)
    middle = 100_000 + np.cumsum(rng.integers(-1, 2, count))
    side = rng.integers(1, 3, count)
    away = rng.integers(1, 30, count) * np.where(side == Side.BUY, -1, 1)
    terms = {"cl_ord_id": names, "side": side, "order_qty": rng.integers(1, 20, count)}
    orders = Matcher.new_orders(**terms, price=middle + away)
    takers = Matcher.new_orders(
        **terms, price=middle - away, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL
    )
    older = np.maximum(names - _CANCEL_AFTER, 0)
    cancels = Matcher.cancels(orig_cl_ord_id=older, cl_ord_id=names, side=side[older])
    kind = rng.choice(3, count, p=[0.5, 0.1, 0.4])
    # A cancel is of an order that was sent: where none was, an order takes its place.
    kind[(kind == 2) & ((names < _CANCEL_AFTER) | (kind[older] != 0))] = 0
    return np.stack([orders, takers, cancels])[kind, names].copy()


def fresh(count: int) -> Matcher:
    """A matcher that holds the flow."""
    capacity = MatcherCapacity(orders=count, levels=10_000, cl_ord_ids=count)
    return Matcher([_LIMITS], capacity)


def applied(commands: Records, batch: int) -> tuple[float, float, int]:
    """Seconds of the clock and of the processor, and events of :meth:`Matcher.apply`."""
    matcher = fresh(len(commands))
    batches = [commands[at : at + batch] for at in range(0, len(commands), batch)]
    begun, used = time.perf_counter(), time.process_time()
    events = sum(len(matcher.apply(each)) for each in batches)
    return time.perf_counter() - begun, time.process_time() - used, events


def applied_into(commands: Records, batch: int) -> tuple[float, float, int]:
    """Seconds of the clock and of the processor, and events of :meth:`Matcher.apply_into`."""
    matcher = fresh(len(commands))
    batches = [commands[at : at + batch] for at in range(0, len(commands), batch)]
    room = np.zeros(4 * batch + 64, EVENT_DTYPE)
    events = 0
    begun, used = time.perf_counter(), time.process_time()
    for each in batches:
        rest = each
        while True:
            done = matcher.apply_into(rest, room)
            events += done.events
            if done.commands == len(rest) and done.waiting == 0:
                break
            rest = rest[done.commands :]
    return time.perf_counter() - begun, time.process_time() - used, events


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="commands a second through the library")
    parser.add_argument("--commands", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    commands = flow(arguments.commands, arguments.seed)
    print(
        f"{arguments.commands:,} commands, seed {arguments.seed}, median of {arguments.rounds}; "
        f"{platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}, "
        f"CPython {platform.python_version()}, numpy {np.__version__}"
    )
    print(f"{'batch':>8} {'call':>12} {'commands/s':>12} {'CPU ns/command':>15} {'events':>10}")
    for batch in BATCHES:
        # A call costs microseconds: a tenth of the flow says enough of single commands.
        some = commands if batch > 1 else commands[: max(len(commands) // 10, 1)]
        for call in (applied, applied_into):
            rounds = [call(some, batch) for _ in range(arguments.rounds)]
            name = "apply" if call is applied else "apply_into"
            rate = len(some) / statistics.median(clock for clock, _, _ in rounds)
            cost = statistics.median(used for _, used, _ in rounds) / len(some) * 1e9
            print(f"{batch:>8,} {name:>12} {rate:>12,.0f} {cost:>15,.0f} {rounds[0][2]:>10,}")


if __name__ == "__main__":
    main()
