"""Small models of LightGBM for the tests of this folder, each trained once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pytest

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
