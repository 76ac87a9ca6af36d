"""The heads of rings, read from outside: what they say of a real venue, and what is refused."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from log_on import LogOn
from running_venue import RunningVenue
from wire import new_order

from touchline.core import RingError, ring_cursors

HEAD_BYTES = 3 * 4096


def test_the_command_ring_says_what_went_in_and_what_was_taken(
    venue: RunningVenue, log_on: LogOn
) -> None:
    path = venue.run_dir / "gateway-1.commands.ring"
    before = ring_cursors(path)
    member = log_on("ALPHA1")
    for number in range(3):
        member.send("D", new_order(f"ring-{number}"))
        member.next({35: "8", 150: "0"})
    deadline = time.monotonic() + 5
    while (after := ring_cursors(path)).depth:
        assert time.monotonic() < deadline
    assert after.published == before.published + 3
    assert (after.consumed, after.refused, after.capacity) == (after.published, 0, 4096)


def test_a_broadcast_ring_has_no_consumer_to_tell_of(venue: RunningVenue) -> None:
    ring = ring_cursors(venue.run_dir / "public.ring")
    assert ring.capacity == 4096
    assert (ring.consumed, ring.refused, ring.depth) == (None, None, None)


def test_a_head_that_is_cut_or_changed_is_refused_with_its_field(
    venue: RunningVenue, tmp_path: Path
) -> None:
    with (venue.run_dir / "public.ring").open("rb") as file:
        head = file.read(HEAD_BYTES)
    copy = tmp_path / "a.ring"
    for length in (0, 7, 4096, HEAD_BYTES - 1):
        copy.write_bytes(head[:length])
        with pytest.raises(RingError, match=f"has {length} bytes, the head of a ring 12288"):
            ring_cursors(copy)
    for word, complaint in (
        (0, "magic is 0xffffffffffffffff, not 0x3130474e49524c54"),
        (1, "version is 0xffffffffffffffff, not 0x1"),
        (2, "layout hash is 0xffffffffffffffff"),
        (4, "capacity 18446744073709551615 is no power of two"),
        (5, "kind is 18446744073709551615, not 1 or 2"),
    ):
        copy.write_bytes(head[: 8 * word] + b"\xff" * 8 + head[8 * word + 8 :])
        with pytest.raises(RingError, match=complaint):
            ring_cursors(copy)
    with pytest.raises(RingError, match="nowhere: No such file"):
        ring_cursors(tmp_path / "nowhere")


def test_noise_is_no_ring(tmp_path: Path) -> None:
    noise = random.Random(7)
    for number in range(50):
        path = tmp_path / f"noise-{number}"
        path.write_bytes(noise.randbytes(noise.randrange(2 * HEAD_BYTES)))
        with pytest.raises(RingError):
            ring_cursors(path)
