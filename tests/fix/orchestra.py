"""FIX 4.4 as the FIX Trading Community publishes it: Orchestra files read into plain tables.

Two files together are the whole of FIX 4.4: one has the application messages, the other the
session layer, whose header, trailer and messages take precedence.
"""

from __future__ import annotations

import gzip
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Field", "Group", "Message", "Orchestra", "orchestra_dir"]

_NS = {"fixr": "http://fixprotocol.io/2020/orchestra/repository"}
_FILES = ["OrchestraFIX44.xml.gz", "FIX44Session.xml.gz"]


def orchestra_dir() -> Path | None:
    """Return the folder of the two files, or ``None`` if ``TOUCHLINE_DATA`` does not hold it."""
    data = os.environ.get("TOUCHLINE_DATA")
    if not data:
        return None
    folder = Path(data) / "fix"
    return folder if all((folder / name).is_file() for name in _FILES) else None


@dataclass(frozen=True)
class Field:
    """A field: its name, its type without the code set, and its values (none: any)."""

    tag: int
    name: str
    type: str
    values: frozenset[str]
    length_tag: int | None


@dataclass
class Block:
    """The members of a message, component or group, in order, before references are followed."""

    name: str
    fields: list[tuple[int, bool]] = field(default_factory=list)
    components: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    count_tag: int = 0
    msg_type: str = ""


@dataclass(frozen=True)
class Group:
    """A repeating group: the tag that counts it, and every tag inside, inner groups included."""

    name: str
    count_tag: int
    first_tag: int
    members: frozenset[int]


@dataclass(frozen=True)
class Message:
    """A message with its header and trailer: every tag that it may carry, and its groups."""

    name: str
    msg_type: str
    tags: frozenset[int]
    required: frozenset[int]
    groups: dict[int, Group]


class Orchestra:
    """Fields by tag, messages by MsgType(35), and which of them are the session layer."""

    def __init__(self, folder: Path) -> None:
        self.fields: dict[int, Field] = {}
        self._components: dict[int, Block] = {}
        self._groups: dict[int, Block] = {}
        messages: dict[str, Block] = {}
        for name in _FILES:
            with gzip.open(folder / name) as file:
                root = ElementTree.parse(file).getroot()
            self._read_fields(root)
            self._components |= _blocks(root, "component")
            self._groups |= _blocks(root, "group")
            messages |= {block.msg_type: block for block in _blocks(root, "message").values()}
        self.session_types = {block.msg_type for block in _blocks(root, "message").values()}
        by_name = {block.name: block for block in self._components.values()}
        self.header = self._tags(by_name["StandardHeader"])
        self.trailer = self._tags(by_name["StandardTrailer"])
        self.messages = {msg_type: self._message(block) for msg_type, block in messages.items()}

    def _read_fields(self, root: ElementTree.Element) -> None:
        sets: dict[str, tuple[str, frozenset[str]]] = {}
        for code_set in root.iterfind("fixr:codeSets/fixr:codeSet", _NS):
            values = frozenset(code.attrib["value"] for code in code_set.iterfind("fixr:code", _NS))
            sets[code_set.attrib["name"]] = (code_set.attrib["type"], values)
        for element in root.iterfind("fixr:fields/fixr:field", _NS):
            kind, values = sets.get(element.attrib["type"], (element.attrib["type"], frozenset()))
            tag = int(element.attrib["id"])
            length = element.attrib.get("lengthId")
            if tag not in self.fields:
                length_tag = int(length) if length else None
                self.fields[tag] = Field(tag, element.attrib["name"], kind, values, length_tag)

    def _message(self, block: Block) -> Message:
        groups = {group.count_tag: group for group in self._all_groups(block)}
        tags = self._tags(block) | self.header | self.trailer
        return Message(block.name, block.msg_type, tags, self._required(block), groups)

    def _tags(self, block: Block) -> frozenset[int]:
        """Every tag of a block, through all references."""
        tags = {tag for tag, _ in block.fields}
        if block.count_tag:
            tags.add(block.count_tag)
        for number in block.components:
            tags |= self._tags(self._components[number])
        for number in block.groups:
            tags |= self._tags(self._groups[number])
        return frozenset(tags)

    def _required(self, block: Block) -> frozenset[int]:
        """Tags that stand in every message: none inside a group, none of an optional component."""
        return frozenset(tag for tag, is_required in block.fields if is_required)

    def _all_groups(self, block: Block) -> list[Group]:
        groups = []
        for number in block.groups:
            inner = self._groups[number]
            members = self._tags(inner) - {inner.count_tag}
            first = inner.fields[0][0] if inner.fields else 0
            groups.append(Group(inner.name, inner.count_tag, first, members))
            groups += self._all_groups(inner)
        for number in block.components:
            groups += self._all_groups(self._components[number])
        return groups


def _blocks(root: ElementTree.Element, kind: str) -> dict[int, Block]:
    blocks = {}
    for element in root.iterfind(f"fixr:{kind}s/fixr:{kind}", _NS):
        block = Block(element.attrib["name"], msg_type=element.attrib.get("msgType", ""))
        count = element.find("fixr:numInGroup", _NS)
        block.count_tag = int(count.attrib["id"]) if count is not None else 0
        structure = element.find("fixr:structure", _NS)
        for part in element if structure is None else structure:
            number = part.attrib.get("id")
            if part.tag.endswith("}fieldRef"):
                is_required = part.attrib.get("presence") == "required"
                block.fields.append((int(number or 0), is_required))
            elif part.tag.endswith("}componentRef"):
                block.components.append(int(number or 0))
            elif part.tag.endswith("}groupRef"):
                block.groups.append(int(number or 0))
        blocks[int(element.attrib["id"])] = block
    return blocks
