"""What the agents of a venue count, read from their counters files.

The bytes are those of `core/counters/src/layout.rs`; its hash is computed here from the numbers
below, and compared with the library's at import. A file is read with one system call, not mapped:
one that becomes shorter is then an error that can be named, not a SIGBUS. Each word is of one
moment; different words may be of moments up to a tenth of a second apart. Nothing in a file is
believed before its place and its bounds are checked.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from touchline.core._abi import COUNTERS_LAYOUT_HASH
from touchline.core.errors import AbiError, CountersError

__all__ = ["BOUNDS_NS", "SILENT_AFTER_S", "AgentCounters", "Metric", "read_counters"]

_MAGIC = int.from_bytes(b"TLCOUNT1", "little")
_VERSION = 1
# Words of 8 bytes from the start of the file.
_PID, _STARTED, _ROLE, _ALIVE, _VALUES, _ENTRY = 8, 9, 10, 16, 24, 8
_FLOOR_NS, _STEPS, _BUCKETS = 64, 4, 114
_KINDS = {1: "counter", 2: "gauge", 3: "histogram"}
_UNIT_NS = 1
_BYTES_MAX = 64 << 20

SILENT_AFTER_S = 5.0
"""Seconds after which an agent that has told nothing does not count as working."""

BOUNDS_NS: tuple[int, ...] = tuple(
    [_FLOOR_NS]
    + [
        (_FLOOR_NS << (bucket // _STEPS)) // _STEPS * (_STEPS + bucket % _STEPS + 1)
        for bucket in range(_BUCKETS - 2)
    ]
)
"""Upper bounds of a histogram's buckets, ns, inclusive; one more bucket has none."""


def _layout_hash() -> int:
    """The hash of layout.rs: FNV-1a over the numbers that a reader relies on."""
    told = 0xCBF29CE484222325
    for number in (
        _VERSION,
        _PID,
        _STARTED,
        _ROLE,
        _ALIVE,
        _VALUES,
        _ENTRY,
        _FLOOR_NS,
        _STEPS,
        _BUCKETS,
    ):
        told = (told ^ number) * 0x100000001B3 % 2**64
    return told


if _layout_hash() != COUNTERS_LAYOUT_HASH:
    raise AbiError(
        f"layout hash of a counters file: the library says {COUNTERS_LAYOUT_HASH:#x}, "
        f"Python {_layout_hash():#x}"
    )


@dataclass(frozen=True, slots=True)
class Metric:
    """One value with its name.

    Attributes
    ----------
    name, help : str
        As Prometheus has them: with the unit, and ``_total`` for a counter.
    kind : str
        ``counter``, ``gauge`` or ``histogram``.
    labels : tuple of (str, str)
        In their order.
    value : float
        What it stands at; times in seconds. The sum of all times for a histogram.
    buckets : tuple of int
        How many times lay in each bucket of :data:`BOUNDS_NS`, and above; empty for the others.
    """

    name: str
    help: str
    kind: str
    labels: tuple[tuple[str, str], ...]
    value: float
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AgentCounters:
    """What an agent told.

    Attributes
    ----------
    role : str
        ``engine``, ``journal``, ``gateway`` or ``publisher``.
    pid : int
        Its process.
    started_s, alive_s : float
        When it made the file, and when it told its counters last; seconds since the epoch.
    is_live : bool
        Whether it runs, and has told within :data:`SILENT_AFTER_S`.
    metrics : tuple of Metric
        In the order of the file.
    """

    role: str
    pid: int
    started_s: float
    alive_s: float
    is_live: bool
    metrics: tuple[Metric, ...]


def read_counters(path: str | os.PathLike[str]) -> AgentCounters:
    """Read a counters file.

    Parameters
    ----------
    path : str or path
        Of a run folder, such as ``venue.run_files["engine_counters"]``.

    Raises
    ------
    CountersError
        If the file cannot be read, or is no counters file of this build: ``fault`` says why.
    """
    try:
        with Path(path).open("rb", buffering=0) as file:
            told = file.read(min(os.fstat(file.fileno()).st_size, _BYTES_MAX))
            is_held = _is_held(file.fileno())
    except FileNotFoundError as error:
        raise CountersError("missing", f"there is no {path}") from error
    except OSError as error:
        raise CountersError("unreadable", f"cannot read {path}: {error.strerror}") from error
    return _File(path, told or b"").agent(is_held)


def _is_held(fd: int) -> bool:
    """Whether the writer lives: it locks its file for itself, and nobody else may at all."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


class _File:
    """The words of a file, checked as they are used."""

    def __init__(self, path: str | os.PathLike[str], told: bytes) -> None:
        self._path = path
        self._words = struct.unpack(f"<{len(told) // 8}Q", told[: len(told) // 8 * 8])
        words = self._words
        if len(words) < _VALUES:
            raise self._fault("length", f"has {len(told)} bytes")
        for at, field, expected in (
            (0, "magic", _MAGIC),
            (1, "version", _VERSION),
            (2, "layout hash", COUNTERS_LAYOUT_HASH),
            (3, "length", len(words)),
        ):
            if words[at] != expected:
                raise self._fault(field, f"{field} is {words[at]:#x}, not {expected:#x}")
        self._entries, first, text, length = words[4:8]
        if not _VALUES <= first <= text <= len(words) or text - first != self._entries * _ENTRY:
            raise self._fault("entries", f"{self._entries} entries from {first} to {text}")
        if length > (len(words) - text) * 8:
            raise self._fault("text", f"{length} bytes of text")
        self._first = first
        self._text = told[text * 8 : text * 8 + length]

    def agent(self, is_held: bool) -> AgentCounters:
        """Everything that the file tells."""
        alive_s = self._words[_ALIVE] / 1e9
        return AgentCounters(
            role=self._string(self._words[_ROLE]),
            pid=self._words[_PID],
            started_s=self._words[_STARTED] / 1e9,
            alive_s=alive_s,
            is_live=is_held and abs(time.time() - alive_s) <= SILENT_AFTER_S,
            metrics=tuple(self._metrics()),
        )

    def _metrics(self) -> Iterator[Metric]:
        for entry in range(self._first, self._first + self._entries * _ENTRY, _ENTRY):
            kind_and_unit, at, name, labels, help_text = self._words[entry : entry + 5]
            kind = _KINDS.get(kind_and_unit % 256)
            words = 1 + _BUCKETS if kind == "histogram" else 1
            if kind is None or kind_and_unit // 256 > _UNIT_NS:
                raise self._fault("kind", f"an entry has kind and unit {kind_and_unit:#x}")
            if not _VALUES <= at <= self._first - words:
                raise self._fault("place", f"an entry has its value at word {at}")
            number = self._words[at]
            if kind == "gauge" and number >= 1 << 63:
                number -= 1 << 64
            yield Metric(
                name=self._string(name),
                help=self._string(help_text),
                kind=kind,
                labels=self._labels(labels),
                value=number / 1e9 if kind_and_unit // 256 == _UNIT_NS else number,
                buckets=self._words[at + 1 : at + words],
            )

    def _labels(self, place: int) -> tuple[tuple[str, str], ...]:
        *parts, end = self._string(place).split("\0")
        if end or len(parts) % 2:
            raise self._fault("labels", "labels are not name and value in turn")
        return tuple(zip(parts[::2], parts[1::2], strict=True))

    def _string(self, place: int) -> str:
        first, length = place % (1 << 32), place >> 32
        if first + length > len(self._text):
            raise self._fault("text", f"a text ends at byte {first + length}")
        try:
            return self._text[first : first + length].decode()
        except UnicodeDecodeError as error:
            raise self._fault("text", "a text is no UTF-8") from error

    def _fault(self, field: str, what: str) -> CountersError:
        return CountersError(field, f"{self._path} is no counters file of this build: {what}")
