"""Order flow for the matching benchmark: records in a file, and beside it what must come of them.

A seed gives the same bytes on every machine: `random.Random(seed).random()` is all that is drawn.
The file is what peers of ours are measured with, too, so its format is not ours to change. A
record has 16 bytes, little endian:

| offset | type | what |
|---:|---|---|
| 0 | u8 | kind: 0 new, 1 cancel, 2 modify, 3 take |
| 1 | u8 | side: 0 bid, 1 offer; of the order, for every kind |
| 2 | u8 | 1 for the orders that fill the book before anything is timed, else 0 |
| 3 | u8 | 0 |
| 4 | u32 | quantity; of a cancel or modify what the order has left |
| 8 | u32 | number of the order: orders are numbered from 1 as they come |
| 12 | i32 | price in ticks; of a cancel where it rests, of a modify where it goes |

Engines agree about it, whatever their conventions: a new order never crosses, nor does a modify,
which always changes the price and goes to the end of its new queue; a take has a limit and is as
large as what it meets, so it never leaves a rest; nothing names an order that is gone; a fill is
at the price of the order that rested.
"""

from __future__ import annotations

import argparse
import bisect
import hashlib
import json
import math
import random
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["PROFILES", "Facts", "make", "write"]

NEW, CANCEL, MODIFY, TAKE = range(4)
KINDS = ("new", "cancel", "modify", "take")
BID, OFFER = 0, 1

_RECORD = struct.Struct("<BBBBIIi")
_WORD = (1 << 64) - 1
_EVERY = 1_000
"""Actions from one look at the size of the book to the next."""

Draw = Callable[[], float]


def _narrow_walk(mid: int, draw: Draw) -> int:
    if draw() >= 0.01:
        return mid
    mid += 1 if draw() < 0.5 else -1
    return min(10_020, max(9_980, mid))


def _wide_walk(mid: int, draw: Draw) -> int:
    if draw() >= 0.02:
        return mid
    # Box and Muller (1958): a normal step from two uniform ones.
    radius = math.sqrt(-2 * math.log(1.0 - draw()))
    step = radius * math.cos(2 * math.pi * draw())
    return min(180_000, max(20_000, mid + round(25 * step)))


@dataclass(frozen=True)
class Profile:
    """How far prices spread; ticks."""

    mid: int
    """Where it begins."""
    walk: Callable[[int, Draw], int]
    """The mid after one more action."""
    depth: float
    """Mean distance of a new order from the mid, before it is cut off."""
    depth_max: int
    reaches: int
    """A take is limited to one of so many prices, the touch and those behind it."""
    step: int
    """A modify moves by one, two or three of it."""


PROFILES = {
    "narrow": Profile(10_000, _narrow_walk, 20.0, 100, 3, 1),
    "wide": Profile(100_000, _wide_walk, 300.0, 2_000, 21, 10),
}


@dataclass
class Facts:
    """What a file holds, and what an engine must come to with it."""

    profile: str
    seed: int
    preload: int
    """Orders before the first action that is timed."""
    actions: int
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    orders: int = 0
    """Numbers of orders that are used, from 1."""
    fills: int = 0
    traded_qty: int = 0
    checksum: str = ""
    """Over the fills as they come, 16 hex digits; see :class:`Book`."""
    live_mean: float = 0.0
    """Orders that rest, on average."""
    levels_mean: float = 0.0
    """Prices of both sides at which any rests, on average."""
    price_min: int = 1 << 31
    price_max: int = 0
    end: dict[str, int] = field(default_factory=dict)
    """The book at the end: its orders, lots of each side, and the touch."""
    sha256: str = ""
    """Of the file."""


class Book:
    """Two sides of queues, matched by price and then by time; a queue is a dict in its order.

    The checksum over fills begins with 0xcbf29ce484222325. A fill multiplies it by 0x100000001b3
    and adds the exclusive or of four words: what rested * 0x9E3779B97F4A7C15, what took *
    0xC2B2AE3D27D4EB4F, price * 0x165667B19E3779F9, quantity; all of it modulo 2**64.
    """

    def __init__(self) -> None:
        self.levels: tuple[dict[int, dict[int, int]], ...] = ({}, {})
        self.prices: tuple[list[int], ...] = ([], [])
        self.live: list[int] = []
        """Orders that rest, for drawing one; the last fills the place of one that goes."""
        self._place: dict[int, int] = {}
        self._where: dict[int, tuple[int, int]] = {}
        self.checksum = 0xCBF29CE484222325
        self.fills = 0
        self.traded_qty = 0

    def touch(self, side: int) -> int | None:
        """Best price of a side."""
        prices = self.prices[side]
        if not prices:
            return None
        return prices[-1] if side == BID else prices[0]

    def where(self, order: int) -> tuple[int, int]:
        """Side and price of an order."""
        return self._where[order]

    def add(self, order: int, side: int, price: int, qty: int) -> None:
        """Let an order rest, last in its queue."""
        queue = self.levels[side].get(price)
        if queue is None:
            queue = self.levels[side][price] = {}
            bisect.insort(self.prices[side], price)
        queue[order] = qty
        self._where[order] = (side, price)
        self._place[order] = len(self.live)
        self.live.append(order)

    def remove(self, order: int) -> tuple[int, int, int]:
        """Take an order off; returns its side, its price and what it had left."""
        side, price = self._where.pop(order)
        queue = self.levels[side][price]
        qty = queue.pop(order)
        if not queue:
            del self.levels[side][price]
            prices = self.prices[side]
            del prices[bisect.bisect_left(prices, price)]
        place, last = self._place.pop(order), self.live.pop()
        if last != order:
            self.live[place] = last
            self._place[last] = place
        return side, price, qty

    def take(self, order: int, side: int, limit: int, most: int) -> int:
        """Match an order as far as its limit; returns how much of it was filled."""
        opposite, done = 1 - side, 0
        while done < most:
            price = self.touch(opposite)
            if price is None or (price > limit if side == BID else price < limit):
                break
            queue = self.levels[opposite][price]
            resting, left = next(iter(queue.items()))
            qty = min(left, most - done)
            self._fill(resting, order, price, qty)
            done += qty
            if qty == left:
                self.remove(resting)
            else:
                queue[resting] = left - qty
        return done

    def _fill(self, resting: int, order: int, price: int, qty: int) -> None:
        mixed = (resting * 0x9E3779B97F4A7C15) ^ (order * 0xC2B2AE3D27D4EB4F)
        mixed ^= (price * 0x165667B19E3779F9) ^ qty
        self.checksum = (self.checksum * 0x100000001B3 + mixed) & _WORD
        self.fills += 1
        self.traded_qty += qty


class Flow:
    """The actions, one after the other, and the book that they make."""

    def __init__(self, profile: Profile, seed: int, live: int) -> None:
        self.profile, self.live = profile, live
        self.draw = random.Random(seed).random
        self.book = Book()
        self.mid = profile.mid
        self.orders = 0
        self.price_min, self.price_max = 1 << 31, 0
        self.out = bytearray()

    def act(self) -> int | None:
        """One more action, if what was drawn can be done; returns its kind."""
        self.mid = self.profile.walk(self.mid, self.draw)
        what = self.draw()
        if what < 0.05:
            return self.modify()
        if what < 0.10:
            return self.take()
        # The further the book is from its size, the more of what brings it back.
        share = 0.5 + (self.live - len(self.book.live)) / 2000.0
        if self.draw() < min(0.9, max(0.1, share)):
            return self.new()
        return self.cancel()

    def new(self, preload: int = 0) -> int:
        """An order that rests."""
        side = self._side()
        price = self._passive_price(side)
        qty = self._qty()
        self.orders += 1
        self.book.add(self.orders, side, price, qty)
        self._see(price)
        self._put(NEW, side, preload, qty, self.orders, price)
        return NEW

    def cancel(self) -> int:
        """Any order goes."""
        order = self._any()
        side, price, qty = self.book.remove(order)
        self._put(CANCEL, side, 0, qty, order, price)
        return CANCEL

    def modify(self) -> int | None:
        """Any order moves a little, to the one way or the other where that does not cross."""
        order = self._any()
        side, old = self.book.where(order)
        step = (1 + int(self.draw() * 3)) * self.profile.step
        if self.draw() < 0.5:
            step = -step
        touch = self.book.touch(1 - side)
        for price in (old + step, old - step):
            crosses = touch is not None and (price >= touch if side == BID else price <= touch)
            if price > 0 and not crosses:
                break
        else:
            return None
        qty = self.book.remove(order)[2]
        self.book.add(order, side, price, qty)
        self._see(price)
        self._put(MODIFY, side, 0, qty, order, price)
        return MODIFY

    def take(self) -> int | None:
        """An order for what rests at the touch and a little behind it."""
        side = self._side()
        touch = self.book.touch(1 - side)
        if touch is None:
            return None
        reach = int(self.draw() * self.profile.reaches)
        limit = touch + reach if side == BID else touch - reach
        most = self._qty()
        self.orders += 1
        qty = self.book.take(self.orders, side, limit, most)
        self._put(TAKE, side, 0, qty, self.orders, limit)
        return TAKE

    def _side(self) -> int:
        return BID if self.draw() < 0.5 else OFFER

    def _qty(self) -> int:
        return 1 + int(self.draw() * 100)

    def _any(self) -> int:
        return self.book.live[int(self.draw() * len(self.book.live))]

    def _passive_price(self, side: int) -> int:
        away = self.profile.depth_max + 1
        while away > self.profile.depth_max:
            away = 1 + int(-math.log(1.0 - self.draw()) * self.profile.depth)
        touch = self.book.touch(1 - side)
        if side == BID:
            price = self.mid - away
            return price if touch is None else min(price, touch - 1)
        price = self.mid + away
        return price if touch is None else max(price, touch + 1)

    def _see(self, price: int) -> None:
        self.price_min = min(self.price_min, price)
        self.price_max = max(self.price_max, price)

    def _put(self, kind: int, side: int, preload: int, qty: int, order: int, price: int) -> None:
        self.out += _RECORD.pack(kind, side, preload, 0, qty, order, price)


def make(profile: str, seed: int, actions: int, live: int) -> tuple[bytes, Facts]:
    """The bytes of a file and its facts.

    Parameters
    ----------
    profile
        A name of :data:`PROFILES`.
    seed
        Any integer.
    actions
        Records after the preload, at least 1.
    live
        Orders that are there before the first action, and about as many all the time; at least 1.

    Raises
    ------
    ValueError
        For another profile, or numbers below 1.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r} is none of {', '.join(PROFILES)}")
    if actions < 1 or live < 1:
        raise ValueError(f"{actions} actions with {live} orders: both must be at least 1")
    flow = Flow(PROFILES[profile], seed, live)
    book, facts = flow.book, Facts(profile, seed, live, actions)
    for _ in range(live):
        flow.new(preload=1)
    kinds, done, looks = [0, 0, 0, 0], 0, []
    while done < actions:
        kind = flow.act()
        if kind is None:
            continue
        kinds[kind] += 1
        done += 1
        if done % _EVERY == 0:
            looks.append((len(book.live), sum(map(len, book.prices))))
    for name, sizes in zip(("live_mean", "levels_mean"), zip(*looks, strict=True), strict=False):
        setattr(facts, name, sum(sizes) / len(sizes))
    facts.kinds = dict(zip(KINDS, kinds, strict=True))
    facts.orders, facts.price_min, facts.price_max = flow.orders, flow.price_min, flow.price_max
    facts.fills, facts.traded_qty = book.fills, book.traded_qty
    facts.checksum = f"{book.checksum:016x}"
    facts.end = _end(book)
    facts.sha256 = hashlib.sha256(flow.out).hexdigest()
    return bytes(flow.out), facts


def _end(book: Book) -> dict[str, int]:
    def qty(side: int) -> int:
        return sum(sum(queue.values()) for queue in book.levels[side].values())

    return {
        "orders": len(book.live),
        "bid_qty": qty(BID),
        "offer_qty": qty(OFFER),
        "bid": book.touch(BID) or 0,
        "offer": book.touch(OFFER) or 0,
    }


def write(path: Path, profile: str, seed: int, actions: int, live: int) -> Facts:
    """Write a file and, with ``.json`` after its name, its facts; errors as :func:`make`."""
    records, facts = make(profile, seed, actions, live)
    path.write_bytes(records)
    path.with_name(f"{path.name}.json").write_text(json.dumps(asdict(facts), indent=1) + "\n")
    return facts


def main() -> int:
    """Write a file."""
    parser = argparse.ArgumentParser(
        description="Writes order flow for the matching benchmark, and its facts beside it."
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--profile", choices=PROFILES, default="narrow")
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--actions", type=int, default=3_000_000)
    parser.add_argument("--live", type=int, default=10_000, help="orders in the book")
    options = parser.parse_args()
    try:
        facts = write(options.path, options.profile, options.seed, options.actions, options.live)
    except (ValueError, OSError) as error:
        print(f"workload: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(facts), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
