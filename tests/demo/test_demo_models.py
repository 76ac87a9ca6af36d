"""The committed model and targets of `touchline demo` load with what a venue has at run time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from touchline.core.targets_file import load_targets
from touchline.core.venue import Venue
from touchline.marketdata import demo
from touchline.marketdata.demo_strategies import FOLLOWER, MODELS, STRATEGIES

VENUE = Path(demo.__file__).with_name("demo.toml")
THIN = """
import importlib, sys
RESEARCH = {"cvxpy", "lightgbm", "onnx", "pandas", "scipy", "skfolio", "sklearn"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in RESEARCH:
            raise ImportError(f"{name} is research")

sys.meta_path.insert(0, Refuse())
from touchline.core.targets_file import load_targets
from touchline.core.venue import Venue
from touchline.marketdata.demo_strategies import FOLLOWER, MODELS, STRATEGIES
from touchline.strategy.parameters import split
from touchline.strategy.runner import load

venue = Venue.load(sys.argv[1])
for name, (place, *parameters) in STRATEGIES.items():
    strategy = load(place)(venue, name, split(parameters))
    print(name, strategy.limits.name)
strategy = load(STRATEGIES["taker"][0])(venue, "taker", split(STRATEGIES["taker"][1:]))
rows = [[0.0] * len(strategy.forest.feature_names), [1.0] * len(strategy.forest.feature_names)]
print(strategy.forest.score(rows).shape[0], "scores")
print(len(load_targets(MODELS / "follower.json", venue, FOLLOWER)[0].targets), "targets")
print(sorted(RESEARCH & set(sys.modules)))
"""


def test_model_and_targets_load_without_anything_of_research() -> None:
    command = [sys.executable, "-c", THIN, str(VENUE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *(f"{name} {name}" for name in STRATEGIES),
        "2 scores",
        "20 targets",
        "[]",
    ]


def test_every_stock_has_a_target_that_the_follower_may_hold() -> None:
    venue = Venue.load(VENUE)
    targets, valid_s = load_targets(MODELS / "follower.json", venue, FOLLOWER)
    assert set(targets.targets) == {one.symbol for one in venue.instruments[1:]}
    (limits,) = (one for one in venue.strategies if one.name == FOLLOWER)
    assert all(0 < one.position <= limits.max_position for one in targets.targets.values())
    assert valid_s == 86_400


def test_the_manifest_says_how_the_files_were_made_and_is_about_these() -> None:
    told = json.loads((MODELS / "manifest.json").read_text())
    for name, digest in told["sha256"].items():
        assert hashlib.sha256((MODELS / name).read_bytes()).hexdigest() == digest, name
    assert {one.name for one in MODELS.iterdir()} == {*told["sha256"], "manifest.json"}
    assert told["taker.onnx"]["trained_on"].startswith("synthetic flow of AAPL")
    assert sum(one.stat().st_size for one in MODELS.iterdir()) < 50_000
