"""How long a score takes: ours from compiled code, beside LightGBM and ONNX Runtime, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from touchline.models.forest import Forest, score_row
from touchline.models.parity import portable_session, run_portable
from touchline.models.research import research

__all__ = ["Pace", "measure"]

Matrix = npt.NDArray[np.float64]
_ROUNDS = 9


@dataclass(frozen=True)
class Pace:
    """Nanoseconds of processor time for one score of one row: the median over rounds of many rows.

    Processor time of the calling thread, so that what else the machine does counts little.
    """

    compiled_ns: float
    """Of ours, called from a compiled loop, as a strategy does it."""
    batch_ns: float
    """Of ours, all rows in one call from Python."""
    portable_ns: float
    """Of ONNX Runtime, a row a call, one thread."""
    native_ns: float
    """Of LightGBM's ``predict``, a row a call, one thread."""


def measure(booster_text: str, content: bytes, rows: Matrix) -> Pace:
    """Time a model's evaluators on rows; each call gets another row than the one before.

    Parameters
    ----------
    booster_text : str
        LightGBM's text model.
    content : bytes
        The ONNX file made of it.
    rows : array of float64, shape (n, features)
        Some thousand different rows: fewer would be learnt by the branch predictors.
    """
    forest = Forest(content)
    booster = research("lightgbm").Booster(model_str=booster_text)
    session = portable_session(content)
    few = rows[:256]

    def portable() -> None:
        for at in range(len(few)):
            run_portable(session, few[at : at + 1])

    def native() -> None:
        for at in range(len(few)):
            booster.predict(few[at : at + 1], raw_score=True, num_threads=1)

    address = forest.address
    return Pace(
        _median_ns(lambda: _sum_of_scores(address, rows), len(rows)),
        _median_ns(lambda: forest.score(rows), len(rows)),
        _median_ns(portable, len(few)),
        _median_ns(native, len(few)),
    )


@numba.njit(nogil=True)  # type: ignore[misc,unused-ignore]  # numba has no types
def _sum_of_scores(address: int, rows: Matrix) -> float:
    total = 0.0
    for at in range(len(rows)):
        total += score_row(address, rows[at])
    return total


def _median_ns(work: Callable[[], object], count: int) -> float:
    work()
    times = []
    for _ in range(_ROUNDS):
        start = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - start) / count)
    return float(np.median(times))
