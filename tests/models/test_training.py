"""Training finds what is there, finds nothing where nothing is, and is the same every time."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from synthetic_day import TOUCHLINE, day_that_can_be_foretold

from touchline.core.cli import main
from touchline.models.errors import DaySplitError
from touchline.models.features import FEATURE_NAMES
from touchline.models.forest import Forest
from touchline.models.labels import Horizon
from touchline.models.tape import Day, Tape
from touchline.models.training import Options, train

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()

QUICK = Options(horizon=Horizon(books=1), rounds_max=20, embargo_ns=0, draws=200)


def test_a_model_finds_what_is_there_and_says_how_much() -> None:
    report = train(day_that_can_be_foretold(0.5), QUICK).report
    test = report["model"]["test"]
    assert 0.4 < test["pearson_low"] < 0.5 < test["pearson_high"] < 0.6
    assert next(iter(report["model"]["gain"])) == "imbalance_1"
    # What it knows is the next move alone: over 20 books it is one part in 20 of the variance.
    assert report["other_horizons"]["1b"] == test["pearson"]
    assert abs(report["other_horizons"]["20b"]) < 0.25
    assert report["shuffled"]["pearson_largest"] < test["pearson"] / 2
    assert report["baselines"]["constant"]["pearson"] != report["baselines"]["constant"]["pearson"]
    # A move of half a tick to the good against half a spread of half a tick.
    assert report["payoff"][0]["half_spread"] == 0.5


def test_a_model_finds_nothing_where_nothing_is() -> None:
    test = train(day_that_can_be_foretold(0.0), QUICK).report["model"]["test"]
    nothing = test["pearson"] != test["pearson"]  # it may have ended without a split
    assert nothing or test["pearson_low"] < 0.05
    assert test["r2_against_zero"] < 0.01


def test_one_day_and_one_seed_make_one_model(day: Day) -> None:
    options = Options(rounds_max=10, draws=50, embargo_ns=1_000_000_000)
    one, other = train(day, options), train(day, options)
    assert one.model_text == other.model_text
    assert json.dumps(one.report) == json.dumps(other.report)


def test_a_day_that_is_too_short_is_refused(day: Day) -> None:
    few = Day(1, day.books[:100], day.rows[:100], day.trades[:0])
    with pytest.raises(DaySplitError, match="books have a label"):
        train(few, QUICK)


def test_the_page_leads_to_a_model_that_a_strategy_can_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The quick start of docs/models.md, as it stands there."""
    (begin,) = re.findall(r"^```sh\n(touchline demo.*?)^```", PAGE, re.M | re.S)
    (read,) = re.findall(r"^```python\n(from pathlib.*?)^```", PAGE, re.M | re.S)
    env = os.environ | {"PATH": f"{TOUCHLINE.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euc", begin], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "## Verdict" in done.stdout
    monkeypatch.chdir(tmp_path)
    exec(compile(read, "docs/models.md", "exec"), {})
    assert f"{len(FEATURE_NAMES)} features" in capsys.readouterr().out
    report = json.loads((tmp_path / "model/report.json").read_text())
    assert report["parity"]["difference_max"] == 0.0
    assert report["parity"]["rows"] >= 100_000
    assert set(report["model"]["gain"]) == set(FEATURE_NAMES)
    forest = Forest.load(tmp_path / "model/model.onnx")
    assert forest.feature_names == FEATURE_NAMES
    about = forest.metadata
    assert (about["horizon"], about["seed"], about["instrument"]) == ("20b", "1", "1")
    assert about["recording_sha256"] == report["source"]["sha256"]
    assert "lightgbm" in json.loads(about["versions"])
    scores = forest.score(Tape(tmp_path / "day.tape").day().rows)
    assert len(set(scores.tolist())) > 1
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "model.onnx",
        "model.txt",
        "report.json",
        "report.md",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{tape}", "--horizon", "soon"], "'soon' is no horizon"),
        (["{tape}", "--symbol", "ESH4"], "--symbol needs --venue"),
        (["{tape}", "--instrument", "99"], "has instruments 1 to 21, not 99"),
        (["nowhere.dbn"], "nowhere.dbn is no tape; as a recording it needs --venue"),
        (["nowhere.dbn", "--venue", "{venue}"], "nowhere.dbn cannot be read"),
        (["{venue}", "--venue", "{venue}"], "is neither Databento DBN, nor"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(
    tape: Path,
    venue_toml: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    told = [word.format(tape=tape, venue=venue_toml) for word in words]
    assert main(["train", *told, "--into", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
