"""ModelTaker scores each book with the model's file, trades on it, and leaves nothing behind."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from running_venue import RunningVenue, find_program
from strategy_venue import STRATEGIES, Here, Member, There

from touchline.core.venue import Venue
from touchline.models import features
from touchline.models.errors import ModelFileError
from touchline.models.features import FEATURE_NAMES
from touchline.models.forest import Forest
from touchline.models.lightgbm_onnx import export
from touchline.strategy import ParameterError
from touchline.strategy.code_cache import Key
from touchline.strategy.compiled import callbacks
from touchline.strategy.examples.model_taker import ModelFeaturesError, ModelTaker

NAMED = "touchline.strategy.examples.model_taker:ModelTaker"
AT = {name: place for place, name in enumerate(FEATURE_NAMES)}


def trained(names: tuple[str, ...], into: Path) -> Path:
    """A small model whose score is near the imbalance of the touch."""
    random = np.random.default_rng(1)
    rows = random.uniform(-1, 1, (4_000, len(names)))
    learn = lightgbm.Dataset(rows, rows[:, 1], feature_name=list(names))
    options = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "learning_rate": 0.5}
    into.write_bytes(export(lightgbm.train(options, learn, 5).model_to_string()))
    return into


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(FEATURE_NAMES, tmp_path_factory.mktemp("model") / "model.onnx")


def figure(name: str, text: str) -> int:
    """A number of the summary, by the word before it."""
    found = re.search(rf"\b{name} \+?(-?[\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


@pytest.mark.parametrize("style", ["cross", "join"])
def test_it_trades_in_a_venue_and_stays_within_its_position(
    make_venue: Callable[..., RunningVenue], there: Callable[..., There], model: Path, style: str
) -> None:
    venue = make_venue(extra=STRATEGIES, durability="async")
    given = [f"model={model}", "threshold=0.3", f"style={style}", "max_position=3", "pause_s=0.01"]
    process = there(venue.config, "maker", NAMED, *(w for one in given for w in ("--param", one)))

    def told() -> dict[str, Any]:
        every = venue.admin({"command": "status"})["strategies"]
        return next(one for one in every if one["name"] == "maker")

    while not told()["connected"]:
        assert process.process.poll() is None, process.ended()
    flow = [find_program("touchline-members"), "simulate", "--config", venue.config, "--unordered"]
    subprocess.run([*flow, "--commands", "4000"], check=True, capture_output=True, timeout=60)
    process.process.terminate()
    code, out, errors = process.ended()
    assert code == 0, errors
    assert figure("book", out) > 1_000
    assert figure("execution", out) > 0
    assert abs(told()["positions"].get("ESH4", 0)) <= 3
    # The second style is served from the cache: it is the same code.
    assert f"cache {'MISS' if style == 'cross' else 'HIT'}" in out


def test_it_joins_the_side_that_the_score_favours_and_leaves_when_that_has_turned(
    here: Callable[..., Here], beta: Member, model: Path
) -> None:
    taker = here(ModelTaker, model=str(model), threshold=0.3, pause_s=0.0, order_qty=2)
    state = taker.state
    forest = Forest.load(model)
    assert np.isnan(state["score"])
    beta.order("1", 30, "4750.00")
    beta.order("2", 10, "4751.00")
    taker.until(lambda: state["entered"] == 1, "an order")
    # What was scored is what the kernel made of the book.
    assert state["row"][AT["spread"]] == 4.0
    taker.until(lambda: state["row"][AT["imbalance_1"]] == (32 - 10) / 42, "own order in the book")
    assert state["score"] == forest.score(state["row"][np.newaxis])[0]
    assert state["scores"] >= 2
    (own,) = taker.connection.own_orders()
    assert (own["price"], own["leaves_qty"], own["side"]) == (19_000, 2, 1)
    # Sellers outweigh buyers now: the bid goes, and an offer comes.
    beta.order("2", 200, "4751.00")
    taker.until(lambda: state["entered"] == 2, "the other side")
    taker.until(
        lambda: [int(one["side"]) for one in taker.connection.own_orders()] == [2], "an offer"
    )
    # A halt takes it back, and forgets the book.
    taker.venue.set_phase("halt", "ESH4")
    taker.until(lambda: len(taker.connection.own_orders()) == 0, "no order in a halt")
    assert np.isnan(state["score"])


def test_it_crosses_up_to_its_position_and_pauses_between(
    here: Callable[..., Here], beta: Member, model: Path
) -> None:
    given = {"style": "cross", "threshold": 0.3, "order_qty": 2, "max_position": 3}
    taker = here(ModelTaker, model=str(model), pause_s=0.0, **given)
    beta.order("1", 300, "4750.00")
    beta.order("2", 100, "4751.00")
    instrument = taker.connection.venue.instrument("ESH4")
    taker.until(lambda: taker.connection.position(instrument) >= 2, "a first fill")
    # It acts on books, and the one that its fill has made may be told before the fill.
    beta.order("1", 1, "4750.00")
    taker.until(lambda: taker.connection.position(instrument) == 3, "a full position")
    scored = int(taker.state["scores"])
    beta.order("1", 1, "4750.00")
    taker.until(lambda: taker.state["scores"] > scored, "one more score")
    assert taker.state["entered"] == 2
    assert len(taker.connection.own_orders()) == 0


def test_at_its_end_no_order_is_left(here: Callable[..., Here], beta: Member, model: Path) -> None:
    taker = here(ModelTaker, model=str(model), threshold=0.3)
    beta.order("1", 30, "4750.00")
    beta.order("2", 10, "4751.00")
    taker.until(lambda: len(taker.connection.own_orders()) == 1, "an order")
    taker.driver.stop()
    taker.until(lambda: len(taker.connection.own_orders()) == 0, "no order")


def test_a_file_that_does_not_fit_is_refused(
    make_config: Callable[[], Path], model: Path, tmp_path: Path
) -> None:
    venue = Venue.load(make_config())
    other = trained((*FEATURE_NAMES[:-1], "moon"), tmp_path / "other.onnx")
    with pytest.raises(ModelFeaturesError, match=r"trained on spread.*moon; this build makes"):
        ModelTaker(venue, "maker", {"model": str(other)})
    with pytest.raises(ModelFileError, match="cannot read the model"):
        ModelTaker(venue, "maker", {"model": str(tmp_path / "none.onnx")})
    with pytest.raises(ParameterError, match="style is 'jump', must be join or cross"):
        ModelTaker(venue, "maker", {"model": str(model), "style": "jump"})


def test_a_change_in_the_kernel_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        made = Key()
        for name, function in callbacks(ModelTaker).items():
            made.add_function(name, function)
        return made.text

    before = key()
    assert key() == before
    monkeypatch.setattr(features, "SHORT_NS", 2 * features.SHORT_NS)
    assert key() != before
