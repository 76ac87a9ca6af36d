"""Packets of the feed with values for every field: drawn, and the extremes; as text and by numpy.

A line is a block as Rust prints it, but for sets, which are named: ``OrderDelete { seq: 9, side:
Buy, indicator: {EndOfEvent}, reserved: [0, 0, 0, 0, 0, 0] }``. A packet is the line of its header,
a line for each message, and a line ``= <hex>`` with its bytes.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from generate import Field, Kind, camel, read, snake

from touchline.marketdata import _messages

__all__ = ["MESSAGES", "numpy_bytes", "packets", "split"]

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = read(ROOT, "marketdata/schema/touchline-feed.xml")
HEADER = next(block for block in SCHEMA.blocks if block.name == "PacketHeader")
MESSAGES = [block for block in SCHEMA.blocks if block.template_id is not None]

_LINE = re.compile(r"(\w+) \{ (.*) }")
_FIELD = re.compile(r"(\w+): (\[[^]]*]|\{[^}]*}|-?\w+)(?:, |$)")


def packets(seed: int, drawn: int) -> Iterator[list[str]]:
    """Packets with one message of each template: all lowest, all highest, then drawn ones."""
    chance = random.Random(seed)
    yield _packet(_lowest)
    yield _packet(_highest)
    for _ in range(drawn):
        yield _packet(lambda kind: _drawn(kind, chance))


def _packet(value: Callable[[Kind], str]) -> list[str]:
    # What a reader must find in a packet: how many messages, the header's version, zero.
    fixed = {"count": str(len(MESSAGES)), "version": "1", "reserved": "0"}
    header = [f"{f.name}: {fixed.get(f.name) or value(f.kind)}" for f in HEADER.fields]
    lines = ["PacketHeader { " + ", ".join(header) + " }"]
    for block in MESSAGES:
        fields = ", ".join(f"{f.name}: {value(f.kind)}" for f in block.fields)
        lines.append(f"{block.name} {{ {fields} }}")
    return lines


def _range(kind: Kind) -> tuple[int, int]:
    bits = kind.alignment * 8
    if kind.primitive == "char":
        return 0, 127
    if kind.primitive.startswith("u"):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _lowest(kind: Kind) -> str:
    if kind.form == "enum":
        return kind.values[0][0]
    return "{}" if kind.form == "set" else _numbers([_range(kind)[0]] * kind.length)


def _highest(kind: Kind) -> str:
    if kind.form == "enum":
        return kind.values[-1][0]
    if kind.form == "set":
        return "{" + ", ".join(name for name, _, _ in kind.values) + "}"
    return _numbers([_range(kind)[1]] * kind.length)


def _drawn(kind: Kind, chance: random.Random) -> str:
    if kind.form == "enum":
        return chance.choice(kind.values)[0]
    if kind.form == "set":
        return "{" + ", ".join(name for name, _, _ in kind.values if chance.random() < 0.5) + "}"
    low, high = _range(kind)
    return _numbers([chance.randint(low, high) for _ in range(kind.length)])


def _numbers(values: list[int]) -> str:
    return str(values) if len(values) > 1 else str(values[0])


def split(text: str) -> list[list[str]]:
    """The packets of a file of vectors; the last line of each is the one with its bytes."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        found[-1].append(line)
        if line.startswith("= "):
            found.append([])
    assert found.pop() == []
    return found


def numpy_bytes(lines: list[str]) -> bytes:
    """The bytes of a packet, by the generated numpy dtypes."""
    out = b""
    for line in lines:
        parsed = _LINE.fullmatch(line)
        assert parsed, line
        block = next(block for block in SCHEMA.blocks if block.name == parsed[1])
        row = np.zeros(1, getattr(_messages, f"{snake(block.name).upper()}_DTYPE"))
        fields = dict(_FIELD.findall(parsed[2]))
        assert list(fields) == [part.name for part in block.fields]
        for part in block.fields:
            row[part.name] = _value(part, fields[part.name])
        if block.template_id is not None:
            header = (block.length + 8, block.length, block.template_id, SCHEMA.id, SCHEMA.version)
            out += struct.pack("<5H", *header)
        out += row.tobytes()
    return out


def _value(part: Field, text: str) -> int | bytes | np.void:
    kind = part.kind
    if kind.length > 1:
        raw = bytes(int(element) for element in text[1:-1].split(", "))
        return raw if kind.primitive == "char" else np.void(raw)
    if kind.form == "type":
        return int(text)
    names = getattr(_messages, camel(kind.name))
    chosen = text[1:-1].split(", ") if kind.form == "set" else [text]
    return sum(names[snake(name).upper()] for name in chosen if name)
