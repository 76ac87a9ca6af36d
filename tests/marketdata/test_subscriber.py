"""The Python subscriber, against packets that this file makes from the generated dtypes.

So the bytes come from one side of the schema (numpy) and are read by the other (Rust).
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from touchline.core import ConfigError
from touchline.marketdata import (
    BookState,
    FeedEventKind,
    MatchEventIndicator,
    Side,
    Subscriber,
    SubscriberClosedError,
    TradingPhase,
)
from touchline.marketdata import _messages as messages

END = MatchEventIndicator.END_OF_EVENT
SESSION = 1_000
CHANNELS = {"incremental_a": 1, "incremental_b": 1, "snapshot": 2, "definition": 3}


def free_ports(count: int) -> list[int]:
    """UDP ports that nobody uses now."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Feed:
    """A publisher of a few lines."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(4)
        self.groups = {
            name: (f"239.255.79.{at}", port)
            for at, (name, port) in enumerate(zip(CHANNELS, ports, strict=True), start=1)
        }
        groups = {name: f"{host}:{port}" for name, (host, port) in self.groups.items()}
        self.config = folder / "venue.toml"
        self.config.write_text(
            f"""
[venue]
name = "test"
[marketdata.incremental]
channel = 1
a = "{groups["incremental_a"]}"
b = "{groups["incremental_b"]}"
[marketdata.snapshot]
channel = 2
a = "{groups["snapshot"]}"
[marketdata.definition]
channel = 3
a = "{groups["definition"]}"
[[instrument]]
symbol = "ESH4"
price_increment = "0.25"
min_price = "1"
max_price = "10000"
[[member]]
name = "m"
sessions = ["M1"]
"""
        )
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        interface = socket.inet_aton("127.0.0.1")
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        self.rpt_seq = 0

    def send(self, line: str, sequence: int, *bodies: bytes, flags: int = 1) -> None:
        """Send a packet; without bodies it is a heartbeat."""
        header = np.zeros(1, messages.PACKET_HEADER_DTYPE)
        header["session"], header["sequence"] = SESSION, sequence
        header["channel"], header["count"] = CHANNELS[line], len(bodies)
        header["flags"], header["version"] = flags, 1
        self.socket.sendto(header.tobytes() + b"".join(bodies), self.groups[line])

    def both(self, sequence: int, *bodies: bytes) -> None:
        """Send a packet on lines A and B."""
        self.send("incremental_a", sequence, *bodies)
        self.send("incremental_b", sequence, *bodies)

    def add(self, order_id: int, side: Side, price: int, qty: int) -> bytes:
        """An OrderAdd that is a match event of its own."""
        return self.body(
            "ORDER_ADD",
            order_id=order_id,
            side=side,
            price=price,
            qty=qty,
            priority=order_id,
            indicator=END,
        )

    def body(self, name: str, **fields: int) -> bytes:
        """A message of the incremental channel, numbered."""
        self.rpt_seq += 1
        return body(name, rpt_seq=self.rpt_seq, seq=self.rpt_seq, instrument_id=1, **fields)

    def snapshot(
        self, sequence: int, last_sequence: int, orders: list[tuple[int, Side, int, int]]
    ) -> None:
        """Send a snapshot in one packet."""
        about = {"instrument_id": 1, "last_sequence": last_sequence, "order_count": len(orders)}
        start = body(
            "SNAPSHOT_START",
            **about,
            last_seq=self.rpt_seq,
            last_rpt_seq=self.rpt_seq,
            instrument_count=1,
            phase=TradingPhase.CONTINUOUS,
            last_px=-(2**63),
        )
        rows = [
            body(
                "SNAPSHOT_ORDER",
                order_id=order_id,
                side=side,
                price=price,
                qty=qty,
                priority=order_id,
                instrument_id=1,
            )
            for order_id, side, price, qty in orders
        ]
        self.send("snapshot", sequence, start, *rows, body("SNAPSHOT_END", **about), flags=2)


def body(name: str, **fields: int) -> bytes:
    """A framed message."""
    message = np.zeros(1, getattr(messages, f"{name}_DTYPE"))
    for field, value in fields.items():
        message[field] = value
    template_id = getattr(messages, f"{name}_TEMPLATE_ID")
    block = message.tobytes()
    return struct.pack("<HHHHH", 8 + len(block), len(block), template_id, 1, 0) + block


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    made = Feed(tmp_path)
    yield made
    made.socket.close()


def take(subscriber: Subscriber, packets: int) -> None:
    """Poll until so many packets have come."""
    until = time.monotonic() + 5
    while packets > 0:
        assert time.monotonic() < until, f"{packets} packets did not come"
        packets -= subscriber.poll(timeout_ms=100)


def test_a_late_joiner_has_the_book_after_a_heartbeat_and_a_snapshot(feed: Feed) -> None:
    with Subscriber(feed.config) as subscriber:
        assert subscriber.book("ESH4") is None
        assert not subscriber.is_live
        feed.send("incremental_a", 8)
        take(subscriber, 1)
        feed.snapshot(
            1, 7, [(5, Side.BUY, 19_200, 3), (6, Side.BUY, 19_200, 4), (7, Side.SELL, 19_201, 2)]
        )
        take(subscriber, 1)
        assert subscriber.is_live
        assert subscriber.bids("ESH4")[["price", "qty", "order_count"]].tolist() == [(19_200, 7, 2)]
        assert subscriber.offers(1)[["price", "qty", "order_count"]].tolist() == [(19_201, 2, 1)]
        queue = subscriber.orders("ESH4", Side.BUY, 19_200)
        assert queue["order_id"].tolist() == [5, 6]
        book = subscriber.book("ESH4")
        assert book is not None
        assert (book.state, book.phase) == (BookState.LIVE, TradingPhase.CONTINUOUS)
        assert (book.last_px, book.order_count) == (None, 3)


def test_trades_and_events_come_in_the_order_of_the_feed(feed: Feed) -> None:
    with Subscriber(feed.config, events=True) as subscriber:
        feed.send("incremental_a", 1)
        feed.snapshot(1, 0, [])
        take(subscriber, 2)
        execute = {"order_id": 1, "side": Side.BUY, "aggressor_side": Side.SELL, "last_px": 19_200}
        feed.both(1, feed.add(1, Side.BUY, 19_200, 5))
        feed.both(
            2,
            feed.body("ORDER_EXECUTE", last_qty=2, trd_match_id=9, indicator=4, **execute),
            feed.body("ORDER_DELETE", order_id=1, side=Side.BUY, indicator=END),
        )
        take(subscriber, 4)
        trades = subscriber.trades()
        assert trades[["seq", "trd_match_id", "price", "qty", "order_id"]].tolist() == [
            (2, 9, 19_200, 2, 1)
        ]
        assert trades["aggressor_side"].tolist() == [Side.SELL]
        assert trades["flags"].tolist() == [MatchEventIndicator.PRINTABLE]
        assert len(subscriber.trades()) == 0
        events = subscriber.events()
        kind = FeedEventKind
        wanted = [
            kind.LEVEL,
            kind.END_OF_EVENT,
            kind.TRADE,
            kind.LEVEL,
            kind.LEVEL,
            kind.END_OF_EVENT,
        ]
        assert events["kind"].tolist()[-6:] == wanted
        levels = events[events["kind"] == kind.LEVEL]
        assert levels[["price", "qty", "order_count"]].tolist() == [
            (19_200, 5, 1),
            (19_200, 3, 1),
            (19_200, 0, 0),
        ]
        assert len(subscriber.bids("ESH4")) == 0


def test_a_gap_is_seen_counted_and_recovered_from_the_snapshot(feed: Feed) -> None:
    with Subscriber(feed.config) as subscriber:
        feed.send("incremental_a", 1)
        feed.snapshot(1, 0, [])
        take(subscriber, 2)
        feed.add(1, Side.BUY, 19_200, 5)  # packet 1 is never sent
        feed.both(2, feed.add(2, Side.BUY, 19_199, 5))
        take(subscriber, 2)
        book = subscriber.book("ESH4")
        assert book is not None
        assert book.state == BookState.STALE
        counters = subscriber.counters()
        assert (counters["packets_lost"], counters["unrecovered_gaps"]) == (1, 1)
        feed.snapshot(2, 2, [(1, Side.BUY, 19_200, 5), (2, Side.BUY, 19_199, 5)])
        take(subscriber, 1)
        assert subscriber.is_live
        counters = subscriber.counters()
        assert (counters["recovered_gaps"], counters["unrecovered_gaps"]) == (1, 0)
        assert subscriber.bids("ESH4", depth_levels=1)["price"].tolist() == [19_200]


def test_what_one_line_loses_the_other_brings_and_it_is_counted(feed: Feed) -> None:
    with Subscriber(feed.config) as subscriber:
        feed.send("incremental_a", 1)
        feed.snapshot(1, 0, [])
        take(subscriber, 2)
        feed.both(1, feed.add(1, Side.BUY, 19_200, 5))
        feed.send("incremental_b", 2, feed.add(2, Side.BUY, 19_200, 5))
        feed.both(3, feed.add(3, Side.BUY, 19_200, 5))
        take(subscriber, 5)
        counters = subscriber.counters()
        assert (counters["gaps"], counters["lost_on_one_line"]) == (0, 1)
        assert subscriber.bids("ESH4")["qty"].tolist() == [15]


def test_noise_on_the_wire_is_counted_and_changes_nothing(feed: Feed) -> None:
    with Subscriber(feed.config) as subscriber:
        feed.socket.sendto(b"noise", feed.groups["incremental_a"])
        feed.socket.sendto(bytes(2_000), feed.groups["incremental_b"])
        take(subscriber, 2)
        lines = subscriber.counters()["lines"]
        assert [lines[f"incremental_{line}"]["malformed"] for line in "ab"] == [1, 1]


def test_a_closed_subscriber_says_so(feed: Feed) -> None:
    subscriber = Subscriber(feed.config)
    subscriber.close()
    subscriber.close()
    with pytest.raises(SubscriberClosedError, match="test is closed"):
        subscriber.poll(0)


def test_wrong_arguments_are_refused_by_name(feed: Feed, tmp_path: Path) -> None:
    with Subscriber(feed.config) as subscriber:
        with pytest.raises(ConfigError, match="no instrument 'NONE'"):
            subscriber.bids("NONE")
        with pytest.raises(ValueError, match="side is 0"):
            subscriber.levels("ESH4", 0)
        with pytest.raises(ValueError, match="timeout_ms is -1"):
            subscriber.poll(-1)
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        Subscriber(tmp_path / "missing.toml")
