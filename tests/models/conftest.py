"""Small models of LightGBM, each trained once; and a tape of synthetic flow, with the day on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running_venue import find_program
from synthetic_day import touchline

from touchline.models.tape import Day, Tape

Matrix = npt.NDArray[np.float64]
FEATURES = 4
SAMPLES = 3000


def samples(shape: str) -> tuple[Matrix, Matrix]:
    """Rows and labels; `shape` says what the values are like."""
    random = np.random.default_rng(20_231_225)
    normal = random.normal(size=(SAMPLES, FEATURES))
    label = np.sin(3 * normal[:, 0]) + normal[:, 1] * normal[:, 2] + random.normal(0, 0.1, SAMPLES)
    if shape == "ratios":
        return 1.0 + 1e-4 * normal, label
    if shape == "large":
        return 1.7e9 + np.round(50 * normal), label
    if shape == "categories":
        return np.clip(np.round(3 * normal + 10), 0, 20), label
    rows = normal.copy()
    if shape in ("zeros", "holes and zeros"):
        zero = random.random(rows.shape) < 0.3
        rows[zero] = 0.0
        label = label + 2.0 * zero[:, 0] - zero[:, 3]
    if shape in ("holes", "holes and zeros"):
        hole = random.random(rows.shape) < 0.2
        rows[hole] = np.nan
        label = label + 3.0 * hole[:, 1] - hole[:, 2]
    return rows, label


@cache
def train(shape: str, trees: int, leaves: int, **parameters: Any) -> str:
    """Train a model; its text."""
    rows, label = samples(shape)
    chosen = {
        "objective": "regression",
        "num_leaves": leaves,
        "min_data_in_leaf": 5,
        "num_threads": 1,
        "deterministic": True,
        "verbose": -1,
    }
    categories = list(range(FEATURES)) if shape == "categories" else "auto"
    samples_of = lightgbm.Dataset(rows, label, categorical_feature=categories)
    booster = lightgbm.train(chosen | parameters, samples_of, trees)
    text: str = booster.model_to_string()
    return text


@pytest.fixture(scope="session")
def trained() -> Callable[..., str]:
    """Gives the text of a model: ``trained(shape, trees=20, leaves=15, **parameters)``."""

    def give(shape: str = "normal", trees: int = 20, leaves: int = 15, **parameters: Any) -> str:
        return train(shape, trees, leaves, **parameters)

    return give


@pytest.fixture(scope="session")
def sampled() -> Callable[[str], Matrix]:
    """Gives the rows that a model of this shape was trained on."""
    return lambda shape: samples(shape)[0]


@pytest.fixture(scope="session")
def venue_toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the demo's venue; nobody starts it."""
    path = tmp_path_factory.mktemp("venue") / "venue.toml"
    path.write_text(touchline("demo", "--print-config"))
    return path


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory, venue_toml: Path) -> Path:
    """Public records of synthetic members on the first instrument."""
    path = tmp_path_factory.mktemp("tape") / "synthetic.tape"
    flow = [find_program("touchline-members"), "simulate", "--config", venue_toml, "--seed", "3"]
    command = [*flow, "--commands", "30000", "--into", path]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def day(tape: Path) -> Day:
    """What the first instrument did, with all levels."""
    return Tape(tape).day(keep_levels=True)
