"""How full a venue's rings are: their cursors, read from outside and never written.

The bytes are those of `core/ring/src/layout.rs`; its hash is computed here from the offsets below,
and compared with the library's at import. Page 0 is compared with it before a cursor is believed.
The three pages are read with one system call, not mapped: a file that becomes shorter meanwhile is
then an error that can be named, not a SIGBUS. The cursors are not of one instant, so they are good
for a gauge and for nothing else.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from touchline.core._abi import RING_LAYOUT_HASH
from touchline.core._records import LAYOUT_HASH
from touchline.core.errors import AbiError, RingError

__all__ = ["RingCursors", "ring_cursors"]

_MAGIC = int.from_bytes(b"TLRING01", "little")
_VERSION = 1
_KIND_SPSC, _KIND_BROADCAST = 1, 2
# Words of 8 bytes from the start of the file.
_PUBLISHED, _CLAIMED, _REFUSED, _CONSUMED, _SLEEPING, _RECORDS = 512, 520, 528, 1024, 1032, 1536
_READERS_MAX = 8


def _layout_hash() -> int:
    """The hash of layout.rs: FNV-1a over the numbers that a reader relies on."""
    told = 0xCBF29CE484222325
    for number in (
        LAYOUT_HASH,
        _VERSION,
        _PUBLISHED,
        _CLAIMED,
        _REFUSED,
        _CONSUMED,
        _SLEEPING,
        _RECORDS,
        _READERS_MAX,
    ):
        told = (told ^ number) * 0x100000001B3 % 2**64
    return told


if _layout_hash() != RING_LAYOUT_HASH:
    raise AbiError(
        f"layout hash of a ring: the library says {RING_LAYOUT_HASH:#x}, Python {_layout_hash():#x}"
    )


@dataclass(frozen=True, slots=True)
class RingCursors:
    """How far the two ends of a ring are, in records counted from its start.

    Attributes
    ----------
    capacity : int
        Records that fit.
    published : int
        Records that may be read.
    consumed, refused : int or None
        Records that the consumer has taken; pushes that met a full ring. None for a broadcast ring:
        its producer never waits, and its readers keep their places to themselves.
    """

    capacity: int
    published: int
    consumed: int | None
    refused: int | None

    @property
    def depth(self) -> int | None:
        """Records that wait, at most the capacity; None for a broadcast ring."""
        if self.consumed is None:
            return None
        return min(max(self.published - self.consumed, 0), self.capacity)


def ring_cursors(path: str | os.PathLike[str]) -> RingCursors:
    """Read the cursors of a ring.

    Parameters
    ----------
    path : str or path
        A ring of a run folder, such as ``venue.run_files["command_ring"]``.

    Raises
    ------
    RingError
        If the file cannot be read, is shorter than the three pages before the records, or is no
        ring of this build.
    """
    try:
        with Path(path).open("rb", buffering=0) as file:
            head = file.read(_RECORDS * 8)
    except OSError as error:
        raise RingError(f"cannot read the ring {path}: {error.strerror}") from error
    if len(head) < _RECORDS * 8:
        raise RingError(f"{path} has {len(head)} bytes, the head of a ring {_RECORDS * 8}")
    words = struct.unpack(f"<{_RECORDS}Q", head)
    magic, version, layout_hash, _, capacity, kind = words[:6]
    for field, found, expected in (
        ("magic", magic, _MAGIC),
        ("version", version, _VERSION),
        ("layout hash", layout_hash, RING_LAYOUT_HASH),
    ):
        if found != expected:
            raise RingError(
                f"{path} is no ring of this build: {field} is {found:#x}, not {expected:#x}"
            )
    if kind not in (_KIND_SPSC, _KIND_BROADCAST):
        raise RingError(f"{path} is no ring of this build: kind is {kind}, not 1 or 2")
    if capacity == 0 or capacity & (capacity - 1):
        raise RingError(f"{path}: capacity {capacity} is no power of two")
    has_consumer = kind == _KIND_SPSC
    return RingCursors(
        capacity=capacity,
        published=words[_PUBLISHED],
        consumed=words[_CONSUMED] if has_consumer else None,
        refused=words[_REFUSED] if has_consumer else None,
    )
