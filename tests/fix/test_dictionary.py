"""The codec's lists against FIX 4.4 as published: Orchestra files, found through TOUCHLINE_DATA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from orchestra import Message, Orchestra, orchestra_dir
from running_venue import ROOT

CODEC = ROOT / "gateway/fix"
TAGS = (CODEC / "src/tags.rs").read_text()

# What a member sends to the gateway and what the gateway sends: here a group must be known whole.
SPOKEN = ["0", "1", "2", "3", "4", "5", "A", "D", "F", "G", "H", "q", "r", "9", "j"]


@pytest.fixture(scope="module")
def fix44() -> Orchestra:
    folder = orchestra_dir()
    if folder is None:
        pytest.skip("TOUCHLINE_DATA names no Orchestra files: the codec's lists are not compared")
    return Orchestra(folder)


def numbers(text: str) -> set[int]:
    """Return the numbers of a Rust pattern: ``8 | 9 | 142..=145``, or a list."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:\.\.=(\d+))?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def function(name: str) -> str:
    """Return the source of a function of tags.rs."""
    found = re.search(rf"^pub const fn {name}\(.*?^}}", TAGS, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[0]


def groups() -> dict[int, set[int]]:
    """Return count tag and members of each group of tags.rs."""
    lists = {
        name: numbers(members)
        for name, members in re.findall(r"^const (\w+): &\[u32\] = &\[(.*?)\];", TAGS, re.M | re.S)
    }
    arms = re.findall(r"(\d+) => Some\((?:&\[(.*?)\]|(\w+))\)", function("group_members"), re.S)
    return {int(tag): lists[name] if name else numbers(members) for tag, members, name in arms}


def test_a_tag_has_the_name_and_number_that_fix_gives_it(fix44: Orchestra) -> None:
    named = re.findall(r'^    ([A-Z0-9_]+) = (\d+) "(\w+)";', TAGS, re.MULTILINE)
    assert len(named) > 90
    assert {int(tag): name for _, tag, name in named} == {
        int(tag): fix44.fields[int(tag)].name for _, tag, _ in named if int(tag) in fix44.fields
    }
    for constant, _, name in named:
        assert constant.replace("_", "") == name.upper()


def test_a_message_type_has_the_name_that_fix_gives_it(fix44: Orchestra) -> None:
    named = re.findall(r'^        ([A-Z_]+) = "(\w+)" "(\w+)";', TAGS, re.MULTILINE)
    assert len(named) > 15
    for constant, msg_type, name in named:
        assert fix44.messages[msg_type].name == name
        assert constant.replace("_", "") == name.upper()


def test_the_defined_message_types_are_those_of_fix(fix44: Orchestra) -> None:
    source = Path(CODEC / "tests/dictionary.rs").read_text()
    table = re.search(r'MSG_TYPES: &str = "(.*?)";', source, re.DOTALL)
    assert table
    assert set(table[1].replace("\\", " ").split()) == set(fix44.messages)


def test_the_session_types_are_those_of_the_session_layer(fix44: Orchestra) -> None:
    pattern = re.search(r"fn is_session\(.*?matches!\((.*?)\)", TAGS, re.DOTALL)
    assert pattern
    # FIX 4.4 Vol 2 counts seven; XMLnonFIX(n) shares their file.
    assert set(re.findall(r'b"(\w)"', pattern[1])) == set("012345A")
    assert fix44.session_types == set("012345A") | {"n"}


def test_the_header_is_that_of_fix(fix44: Orchestra) -> None:
    pattern = re.search(r"matches!\(\s*tag,(.*?)\)", function("is_header"), re.DOTALL)
    assert pattern
    assert numbers(pattern[1]) == fix44.header


def test_a_length_stands_before_the_data_that_fix_pairs_it_with(fix44: Orchestra) -> None:
    source = function("data_of_length")
    explicit = {int(a): int(b) for a, b in re.findall(r"(\d+) => Some\((\d+)\)", source)}
    following = re.search(r"^ +([\d |\n]+?) => \{", source, re.MULTILINE)
    assert following
    paired = explicit | {tag: tag + 1 for tag in numbers(following[1])}
    assert paired == {
        field.length_tag: field.tag for field in fix44.fields.values() if field.length_tag
    }


def outermost(message: Message) -> set[int]:
    """Return the count tags of groups that lie in no other group of the message."""
    inner = {tag for group in message.groups.values() for tag in group.members}
    return set(message.groups) - inner


@pytest.mark.parametrize("msg_type", SPOKEN)
def test_every_group_of_a_spoken_message_is_known_whole(fix44: Orchestra, msg_type: str) -> None:
    message = fix44.messages[msg_type]
    known = groups()
    for tag in outermost(message):
        assert known.get(tag) == message.groups[tag].members, (message.name, tag)


def test_a_group_holds_only_what_fix_puts_into_it(fix44: Orchestra) -> None:
    for tag, members in groups().items():
        found = [
            message.groups[tag].members
            for message in fix44.messages.values()
            if tag in message.groups
        ]
        assert any(members <= defined for defined in found), tag
