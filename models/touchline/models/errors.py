"""What can go wrong with models, as types."""

from __future__ import annotations

from touchline.core.errors import TouchlineError

__all__ = [
    "DaySplitError",
    "ExportError",
    "HorizonError",
    "ModelError",
    "ModelFileError",
    "ModelRowsError",
    "ParityError",
    "ResearchMissingError",
    "TapeError",
]


class ModelError(TouchlineError):
    """A model cannot be made, read, exported or used."""


class ModelFileError(ModelError):
    """A file is no model that is scored here: the text says what is wrong with it, and where."""


class ModelRowsError(ModelError, ValueError):
    """Rows are not of the shape or type that the model has; both are named."""


class ExportError(ModelError):
    """A trained model cannot be written as ONNX exactly: the text says which part, and why."""


class ParityError(ModelError):
    """An exported file scores a row otherwise than the model that it was exported from."""


class ResearchMissingError(ModelError, ImportError):
    """A package is not installed that is needed for research, not by a running venue."""


class TapeError(ModelError):
    """A tape is no tape of this build, was cut off, or contradicts itself; with the place."""


class HorizonError(ModelError):
    """A text names no horizon."""


class DaySplitError(ModelError):
    """A recording is too short, or too empty, to train on it and to test on what was not seen."""
