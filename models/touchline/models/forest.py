"""Regression trees of an ONNX file, scored by the native evaluator: exact, in double precision.

What a venue runs needs no more than this module: it imports neither the library that trained the
model nor the one that wrote the file. docs/models.md says what a file may hold.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import llvmlite.binding
import numba
import numpy as np
import numpy.typing as npt
from numba import types

from touchline.core._abi import LIBRARY_PATH, ffi, lib
from touchline.models.errors import ModelFileError, ModelRowsError

__all__ = ["Forest", "score_row"]

_ERROR_BYTES = 4096


class Forest:
    """The trees of a file, ready to score. Nothing changes it: any number of threads may score.

    Parameters
    ----------
    content : bytes
        The ONNX file.
    source : str
        What errors call it.

    Raises
    ------
    ModelFileError
        If it is no file that is scored here: the text says what is wrong with it, and where.

    Notes
    -----
    A score is the sum of one leaf of each tree, in the order of the trees, from 0.0: LightGBM's raw
    score, bit for bit (``touchline.models.parity`` compares them).
    """

    def __init__(self, content: bytes, source: str = "the model") -> None:
        handle = ffi.new("tl_model **")
        error = ffi.new("char[]", _ERROR_BYTES)
        content = bytes(content)
        result = lib.tl_model_read(
            ffi.from_buffer("uint8_t[]", content), len(content), handle, error, _ERROR_BYTES
        )
        if result != 0:
            text = bytes(ffi.buffer(error, min(-result, _ERROR_BYTES))).decode(errors="replace")
            raise ModelFileError(f"{source}: {text}")
        self._model: Any = ffi.gc(handle[0], lib.tl_model_free)
        described = _describe(self._model)
        self._feature_count: int = described["feature_count"]
        self._tree_count: int = described["tree_count"]
        self._metadata: Mapping[str, str] = MappingProxyType(described["metadata"])
        self._feature_names = _feature_names(self._metadata, self._feature_count, source)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Forest:
        """Read a file.

        Raises
        ------
        ModelFileError
            If it cannot be read, or is no file that is scored here.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise ModelFileError(f"cannot read the model {path}: {error.strerror}") from error
        return cls(content, str(path))

    def __repr__(self) -> str:
        return f"<Forest of {self._tree_count} trees over {self._feature_count} features>"

    @property
    def feature_count(self) -> int:
        """Values of a row."""
        return self._feature_count

    @property
    def tree_count(self) -> int:
        """How many trees there are."""
        return self._tree_count

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the values of a row are, in order; empty if the file does not say."""
        return self._feature_names

    @property
    def metadata(self) -> dict[str, str]:
        """A copy of the file's metadata: texts by key, ``feature_names`` as JSON among them."""
        return dict(self._metadata)

    @property
    def address(self) -> int:
        """Where the model lies, for :func:`score_row`; right as long as this object lives."""
        return int(ffi.cast("uintptr_t", self._model))

    def score(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Score rows.

        Parameters
        ----------
        rows : array of float64, shape (n, feature_count)
            Any of its values may be NaN or infinite. Other types of numbers are converted.

        Returns
        -------
        array of float64, shape (n,)

        Raises
        ------
        ModelRowsError
            If the rows are of another shape, or not numbers.
        """
        try:
            values = np.ascontiguousarray(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelRowsError(f"rows are not an array of numbers: {error}") from error
        if values.ndim != 2 or values.shape[1] != self._feature_count:
            raise ModelRowsError(
                f"rows have the shape {values.shape}, the model takes (n, {self._feature_count})"
            )
        scores = np.empty(len(values))
        if len(values) == 0:
            return scores
        done = lib.tl_model_scores(
            self._model,
            ffi.cast("double *", values.ctypes.data),
            len(values),
            self._feature_count,
            ffi.cast("double *", scores.ctypes.data),
        )
        if done != 0:
            raise ModelRowsError(f"rows of shape {values.shape} were refused with {done}")
        return scores


def _describe(model: Any) -> dict[str, Any]:
    length = lib.tl_model_describe(model, ffi.new("char[]", 1), 0)
    out = ffi.new("char[]", length)
    lib.tl_model_describe(model, out, length)
    described: dict[str, Any] = json.loads(bytes(ffi.buffer(out, length)))
    return described


def _feature_names(metadata: Mapping[str, str], count: int, source: str) -> tuple[str, ...]:
    if "feature_names" not in metadata:
        return ()
    try:
        names = json.loads(metadata["feature_names"])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{source}: its feature_names are no JSON: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelFileError(f"{source}: its feature_names are no list of texts")
    if len(names) != count:
        raise ModelFileError(f"{source}: it has {len(names)} feature_names for {count} features")
    return tuple(names)


llvmlite.binding.load_library_permanently(str(LIBRARY_PATH))

_DOUBLES: Any = types.CPointer(types.float64)  # type: ignore[no-untyped-call]
# A symbol of the library: numba's on-disk cache keeps its name, not its address.
_score = cast(
    "Callable[..., float]",
    types.ExternalFunction(
        "tl_model_score",
        types.float64(types.uintp, _DOUBLES, types.uint32),
    ),
)


@numba.njit(nogil=True)  # type: ignore[misc,unused-ignore]  # numba has no types
def score_row(address: int, row: npt.NDArray[np.float64]) -> float:
    """Score one row, from compiled code or from the interpreter.

    Parameters
    ----------
    address : int
        The ``address`` of a :class:`Forest` that is alive: any other number ends the process.
    row : array of float64, shape (feature_count,)
        One that is not contiguous is copied.

    Returns
    -------
    float
        The score; NaN if the row is of another length, and never otherwise.
    """
    return _score(address, np.ascontiguousarray(row).ctypes, len(row))
