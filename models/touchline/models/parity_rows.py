"""Rows on which two evaluators of one model would differ, if they differed.

For every split of every tree there are rows that come to it, with the split's own feature at the
threshold, one ulp to each side, and missing. Other rows put every special value into every feature;
the rest are drawn from the neighbourhood of the thresholds. The same seed gives the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from touchline.models.lightgbm_onnx import ZERO_MAX
from touchline.models.lightgbm_text import TextModel, TextTree

__all__ = ["CHUNK_ROWS", "SPECIALS", "Chunk", "chunks"]

CHUNK_ROWS = 4096
"""Most rows of a chunk."""

_TINY = (ZERO_MAX, math.nextafter(ZERO_MAX, 1.0), math.nextafter(ZERO_MAX, 0.0), 5e-324)
SPECIALS = (
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    *_TINY,
    *(-value for value in _TINY),
    np.finfo(np.float64).max,
    np.finfo(np.float64).min,
)
"""Values that an evaluator may treat otherwise: missing, infinite, zero, what counts as zero."""

_SPECIAL_SHARE = 0.02
_RANDOM_LEAST = 20_000

Matrix = npt.NDArray[np.float64]


class Chunk(NamedTuple):
    """Rows of one kind."""

    kind: str
    rows: Matrix


def chunks(model: TextModel, given: Matrix | None, rows_min: int, seed: int) -> Iterator[Chunk]:
    """Give the rows that were given, those of the thresholds, specials, and random ones.

    Parameters
    ----------
    model : TextModel
        The model.
    given : array of shape (n, features), optional
        The caller's own rows.
    rows_min : int
        Rows in all, at least; at least 20,000 of them are random.
    seed : int
        Of the random rows.
    """
    draw = _Draw(model, seed)
    count = 0
    for kind, rows in _chosen(model, given, draw):
        for start in range(0, len(rows), CHUNK_ROWS):
            part = rows[start : start + CHUNK_ROWS]
            count += len(part)
            yield Chunk(kind, part)
    left = max(_RANDOM_LEAST, rows_min - count)
    while left > 0:
        yield Chunk("random", draw.rows(min(left, CHUNK_ROWS)))
        left -= CHUNK_ROWS


def _chosen(model: TextModel, given: Matrix | None, draw: _Draw) -> Iterator[tuple[str, Matrix]]:
    if given is not None:
        yield "given", given
    for number, tree in enumerate(model.trees):
        if tree.splits:
            yield f"threshold of tree {number}", _threshold_rows(tree, draw)
    for feature in range(len(model.feature_names)):
        rows = draw.plain_rows(len(SPECIALS))
        rows[:, feature] = SPECIALS
        yield "special", rows
    yield "special", np.repeat(np.array(SPECIALS)[:, None], len(model.feature_names), axis=1)


def _threshold_rows(tree: TextTree, draw: _Draw) -> Matrix:
    """For each split rows that come to it, at its threshold, beside it, and missing."""
    ways: list[dict[int, tuple[float, float]]] = [{} for _ in tree.splits]
    for at, split in enumerate(tree.splits):
        low, high = ways[at].get(split.feature, (-math.inf, math.inf))
        sides = ((split.left, (low, split.threshold)), (split.right, (split.threshold, high)))
        for child, interval in sides:
            if child > 0:
                ways[child] = ways[at] | {split.feature: interval}
    around = 5
    rows = draw.plain_rows(around * len(tree.splits))
    for at, split in enumerate(tree.splits):
        own = rows[around * at : around * (at + 1)]
        for feature, interval in ways[at].items():
            own[:, feature] = _inside(*interval)
        t = split.threshold
        up, down = math.nextafter(t, math.inf), math.nextafter(t, -math.inf)
        own[:, split.feature] = (t, up, down, math.nan, 0.0)
    return rows


def _inside(low: float, high: float) -> float:
    """A value above `low`, and at most `high`."""
    return high if math.isfinite(high) else math.nextafter(low, math.inf)


class _Draw:
    """Random rows around a model's thresholds."""

    def __init__(self, model: TextModel, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        found: list[set[float]] = [set() for _ in model.feature_names]
        for tree in model.trees:
            for split in tree.splits:
                if math.isfinite(split.threshold):
                    found[split.feature].add(split.threshold)
        self._thresholds = [np.array(sorted(one) or [0.0]) for one in found]

    def plain_rows(self, count: int) -> Matrix:
        """Rows across the thresholds, and somewhat beyond them."""
        rows = np.empty((count, len(self._thresholds)))
        for feature, known in enumerate(self._thresholds):
            low, high = known[0], known[-1]
            reach = 0.1 * (high - low) if high > low else max(abs(high), 1.0)
            rows[:, feature] = self._random.uniform(low - reach, high + reach, count)
        return rows

    def rows(self, count: int) -> Matrix:
        """Rows across the thresholds, a third of them on one or beside it, some special."""
        rows = self.plain_rows(count)
        for feature, known in enumerate(self._thresholds):
            chosen = self._random.choice(known, count)
            side = self._random.integers(0, 9, count)
            values = rows[:, feature]
            values[side == 0] = chosen[side == 0]
            values[side == 1] = np.nextafter(chosen, np.inf)[side == 1]
            values[side == 2] = np.nextafter(chosen, -np.inf)[side == 2]
            is_special = self._random.random(count) < _SPECIAL_SHARE
            values[is_special] = self._random.choice(SPECIALS, int(is_special.sum()))
        return rows
