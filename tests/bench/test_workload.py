"""The order flow of the matching benchmark is the one that everybody else was measured with."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import workload


@pytest.mark.parametrize(
    ("profile", "sha256", "checksum", "fills"),
    [
        (
            "narrow",
            "b412bd5f033977f2c1d2c9a097f1eabb010e9f3b3bad122a5fefd184b7c0bfa7",
            "aa80c442c2163d31",
            517,
        ),
        (
            "wide",
            "40d9cfc49031d120a308dc686b7ed520094af096df7533136595c1b429f96e00",
            "b8357199bb64800b",
            473,
        ),
    ],
)
def test_a_seed_gives_the_same_bytes_and_the_same_fills_everywhere(
    tmp_path, profile, sha256, checksum, fills
):
    path = tmp_path / "flow"
    facts = workload.write(path, profile, seed=23, actions=5_000, live=500)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == facts.sha256 == sha256
    assert (facts.checksum, facts.fills) == (checksum, fills)
    beside = json.loads((tmp_path / "flow.json").read_text())
    assert beside["end"]["orders"] == facts.end["orders"]
    assert sum(beside["kinds"].values()) == 5_000


def test_another_seed_gives_another_flow():
    flows = [workload.make("narrow", seed, 100, 100)[1].sha256 for seed in (1, 2)]
    assert flows[0] != flows[1]


@pytest.mark.parametrize(
    ("profile", "actions", "says"), [("deep", 10, "'deep' is none of"), ("wide", 0, "at least 1")]
)
def test_what_cannot_be_made_is_said(profile, actions, says):
    with pytest.raises(ValueError, match=says):
        workload.make(profile, 1, actions, 10)
