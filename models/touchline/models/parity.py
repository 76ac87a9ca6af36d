"""The parity gate: an exported file scores every row as the model that it was exported from.

Three evaluators see the same rows: LightGBM, from its text model; ours; and ONNX Runtime, both from
the file. Ours has to agree with LightGBM in every bit (NaN with NaN), for a model that trades
otherwise than it was tested is another model. How far ONNX Runtime is from it is said, and refuses
nothing: no venue scores with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from touchline.models.errors import ModelFileError, ModelRowsError, ParityError
from touchline.models.forest import Forest
from touchline.models.lightgbm_text import parse
from touchline.models.parity_rows import Chunk, chunks
from touchline.models.research import research

__all__ = ["ROWS_MIN", "Parity", "check", "portable_session", "run_portable"]

ROWS_MIN = 100_000
"""Rows that a model is compared on, at least."""
_SEED = 20_231_225
_VALUES_SHOWN = 8

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parity:
    """What was compared, and how far each evaluator of the file is from LightGBM."""

    rows: Mapping[str, int]
    """Rows of each kind."""
    trees: int
    splits: int
    """Splits of all trees; each has rows at its threshold, one ulp to each side, and missing."""
    difference_max: float
    """Of ours: 0.0, or there is no Parity but a ParityError."""
    portable_difference_max: float
    """Of ONNX Runtime."""
    portable_rows_different: int
    """Rows that ONNX Runtime scores in any way otherwise."""

    @property
    def row_count(self) -> int:
        """All rows."""
        return sum(self.rows.values())

    def __str__(self) -> str:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.rows.items())
        return (
            f"{self.trees} trees with {self.splits} splits, {self.row_count:,} rows ({kinds})\n"
            f"largest difference from LightGBM: ours {self.difference_max}, "
            f"ONNX Runtime {self.portable_difference_max} "
            f"({self.portable_rows_different:,} rows differ)"
        )


def check(
    booster_text: str,
    content: bytes,
    rows: npt.ArrayLike | None = None,
    *,
    rows_min: int = ROWS_MIN,
    seed: int = _SEED,
) -> Parity:
    """Compare a LightGBM text model with the ONNX file that was made of it.

    Parameters
    ----------
    booster_text : str
        The text model.
    content : bytes
        The ONNX file.
    rows : array of float64, shape (n, features), optional
        Rows that count in particular, such as those of a recorded day; compared beside those that
        are made here (``touchline.models.parity_rows``).
    rows_min : int
        Rows in all, at least.
    seed : int
        Of the random rows.

    Raises
    ------
    ParityError
        If the file scores a row otherwise, or has other features; the first such row is named.
    ModelFileError
        If the file is refused.
    ModelRowsError
        If the rows are of another shape.
    ExportError
        If the text is no model that is exported.
    ResearchMissingError
        If ``lightgbm`` is not installed.
    """
    model = parse(booster_text)
    forest = Forest(content, "the exported file")
    if forest.feature_names != model.feature_names:
        raise ParityError(
            f"the file has the features {', '.join(forest.feature_names) or '(none)'}, the model "
            f"{', '.join(model.feature_names)}"
        )
    given = None if rows is None else _require_rows(rows, len(model.feature_names))
    booster = research("lightgbm").Booster(model_str=booster_text)
    portable = portable_session(content)
    kinds: Counter[str] = Counter()
    largest, different = 0.0, 0
    for chunk in chunks(model, given, rows_min, seed):
        native = _native_scores(booster, chunk.rows)
        _require_same(chunk, sum(kinds.values()), native, forest.score(chunk.rows))
        kinds[chunk.kind.split(" ")[0]] += len(chunk.rows)
        distance = _distance(native, run_portable(portable, chunk.rows))
        largest = max(largest, float(distance.max()))
        different += int(np.count_nonzero(distance))
    return Parity(dict(kinds), len(model.trees), model.split_count, 0.0, largest, different)


def portable_session(content: bytes) -> Any:
    """A session of ONNX Runtime on one thread.

    Raises
    ------
    ModelFileError
        If ONNX Runtime refuses the file.
    """
    import onnxruntime  # slow, and no strategy needs it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no type of their own to name
        raise ModelFileError(f"ONNX Runtime refuses the file: {error}") from error


def run_portable(session: Any, rows: Matrix) -> Vector:
    """Scores of rows by a session of ONNX Runtime."""
    return np.asarray(session.run(None, {session.get_inputs()[0].name: rows})[0]).reshape(-1)


def _native_scores(booster: Any, rows: Matrix) -> Vector:
    return np.asarray(booster.predict(rows, raw_score=True, num_iteration=-1), np.float64)


def _require_rows(rows: npt.ArrayLike, width: int) -> Matrix:
    try:
        values = np.ascontiguousarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelRowsError(f"rows are not an array of numbers: {error}") from error
    if values.ndim != 2 or values.shape[1] != width:
        raise ModelRowsError(f"rows have the shape {values.shape}, the model takes (n, {width})")
    return values


def _distance(one: Vector, other: Vector) -> Vector:
    """Absolute differences; 0 between equals and between NaN and NaN, else NaN counts as inf."""
    is_same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(one - other)
    distance[np.isnan(distance)] = np.inf
    distance[is_same] = 0.0
    return distance


def _require_same(chunk: Chunk, before: int, native: Vector, ours: Vector) -> None:
    distance = _distance(native, ours)
    if not distance.any():
        return
    at = int(np.flatnonzero(distance)[0])
    row = chunk.rows[at]
    shown = ", ".join(repr(float(value)) for value in row[:_VALUES_SHOWN])
    more = f" and {len(row) - _VALUES_SHOWN} more" if len(row) > _VALUES_SHOWN else ""
    raise ParityError(
        f"row {before + at} ({chunk.kind}): LightGBM scores {float(native[at])!r}, the file "
        f"{float(ours[at])!r}, which differ by {float(distance[at])!r}; the row is {shown}{more}"
    )
