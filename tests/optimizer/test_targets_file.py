"""A file of targets is what it says, or a reason with its place."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from touchline.core import TargetsError
from touchline.core.targets import Target, Targets
from touchline.core.targets_file import (
    FILE_BYTES_MAX,
    load_targets,
    parse_targets,
    save_targets,
    targets_text,
)
from touchline.core.venue import Venue

GOOD: dict[str, Any] = {
    "source": "hrp",
    "valid_s": 3600,
    "positions": {"XOM": -40, "AAPL": 120},
    "weights": {"AAPL": 0.031},
    "prices": {"AAPL": "189.25"},
}


def parsed(venue: Venue, told: Any) -> tuple[Targets, float]:
    return parse_targets(json.dumps(told).encode(), venue, "follower")


def test_a_file_is_read_as_its_format_says(stock_venue: Venue) -> None:
    targets, valid_s = parsed(stock_venue, GOOD)
    assert (targets.source, valid_s) == ("hrp", 3600.0)
    assert targets.targets == {"AAPL": Target(120, 0.031, 18_925), "XOM": Target(-40)}
    small = {"source": "me", "valid_s": 0.5, "positions": {}}
    assert parsed(stock_venue, small) == (Targets("me", {}), 0.5)


def test_what_is_saved_is_what_is_loaded(stock_venue: Venue, tmp_path: Path) -> None:
    targets, valid_s = parsed(stock_venue, GOOD)
    file = tmp_path / "targets.json"
    save_targets(file, targets, valid_s, stock_venue)
    assert load_targets(file, stock_venue, "follower") == (targets, valid_s)
    assert file.read_text() == targets_text(targets, valid_s, stock_venue)
    assert [one.name for one in tmp_path.glob("targets*")] == ["targets.json"]
    with pytest.raises(TargetsError, match=r"no/targets\.json: No such file"):
        save_targets(tmp_path / "no" / "targets.json", targets, valid_s, stock_venue)
    with pytest.raises(TargetsError, match=r"no\.json: No such file"):
        load_targets(tmp_path / "no.json", stock_venue, "follower")


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("source", None, "source is None, must be a text"),
        ("source", "", "source '': 1 to 32 bytes"),
        ("source", "x" * 33, "1 to 32 bytes"),
        ("valid_s", None, "valid_s is None, must be seconds"),
        ("valid_s", 0, "valid_s is 0, must be seconds"),
        ("valid_s", True, "valid_s is True, must be seconds"),
        ("valid_s", 31 * 86_400 + 1, "at most 2678400"),
        ("valid_s", 10**400, "must be seconds"),
        ("valid_s", float("nan"), "valid_s is nan"),
        ("positions", None, "positions is None, must be an object"),
        ("positions", [1], "positions is .1., must be an object"),
        ("positions", {"AAPL": 1.0}, "AAPL is 1.0, must be a whole number of lots"),
        ("positions", {"AAPL": "1"}, "AAPL is '1', must be a whole number of lots"),
        ("positions", {"AAPL": True}, "AAPL is True, must be a whole number of lots"),
        ("positions", {"AAPL": 10**30}, "must be a whole number of lots"),
        ("positions", {"AAPL": 100_001}, r"AAPL: position \+100,001, max_position is 100,000"),
        ("positions", {"AAPL": 1, "NONE": 1}, "has no instrument 'NONE'; it has ESH4, ACME, AAPL"),
        ("weights", {"KO": 1}, "weights has KO, positions has not"),
        ("weights", {"AAPL": "x"}, "weights: AAPL is 'x', must be a share"),
        ("weights", {"AAPL": float("inf")}, "weights: AAPL is inf, must be a share"),
        ("prices", {"AAPL": 189.25}, "prices: AAPL is 189.25, must be a decimal in a text"),
        ("prices", {"AAPL": "x"}, "prices: AAPL is 'x', must be a decimal"),
        ("prices", {"AAPL": "1.005"}, "must be a multiple of 0.01"),
        ("prices", {"AAPL": "NaN"}, "must be a multiple of 0.01"),
        ("prices", {"AAPL": "1e99"}, "must be a multiple of 0.01"),
        ("prices", {"AAPL": "1e999999"}, "must be a decimal in a text"),
        ("price", {}, "'price' is unknown; there are source, valid_s, positions"),
    ],
)
def test_every_fault_is_named(stock_venue: Venue, key: str, value: Any, part: str) -> None:
    with pytest.raises(TargetsError, match=part):
        parsed(stock_venue, GOOD | {"weights": {}, "prices": {}} | {key: value})


def test_what_is_no_json_of_this_kind_is_refused(stock_venue: Venue) -> None:
    for content, part in [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe", "no JSON"),
        (b'{"source":"a","source":"b"}', "'source' stands there twice"),
        (b'{"positions":{"AAPL":1,"AAPL":2}}', "'AAPL' stands there twice"),
        (b"[" * 100_000, "no JSON"),
        (b" " * (FILE_BYTES_MAX + 1), "longer than 4,194,304 bytes"),
    ]:
        with pytest.raises(TargetsError, match=part):
            parse_targets(content, stock_venue, "follower")


def test_noise_and_cut_files_never_give_more_than_a_reason(stock_venue: Venue) -> None:
    good = json.dumps(GOOD).encode()
    for end in range(len(good)):
        with pytest.raises(TargetsError):
            parse_targets(good[:end], stock_venue, "follower")
    chance = random.Random(5)
    for _ in range(3_000):
        content = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            targets, valid_s = parse_targets(bytes(content), stock_venue, "follower")
        except TargetsError:
            continue
        assert valid_s > 0
        assert all(abs(one.position) <= 100_000 for one in targets.targets.values())
