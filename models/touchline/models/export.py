"""`touchline export`: from LightGBM's text model to the ONNX file that a strategy scores with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from touchline.core.cli import Subparsers
    from touchline.models.parity import Parity

__all__ = ["add_export", "write_if_alike"]


def add_export(commands: Subparsers) -> None:
    """Add `touchline export`."""
    parser = commands.add_parser(
        "export",
        help="write a LightGBM model as an ONNX file, if both score alike",
        description="Writes a LightGBM text model (save_model) as an ONNX file of one double "
        "TreeEnsemble, and compares the scores of both on at least 100,000 rows: at every "
        "threshold, one ulp to each side, missing, infinite and random. The file is written, "
        "whole, only if no score differs in any bit; else the first row that differs is said, and "
        "the exit code is 1. Prints what was compared, and how far ONNX Runtime is from LightGBM "
        'on the same file. Needs the research extra: pip install "touchline[research]". '
        "docs/models.md says what can be exported.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL.txt", help="LightGBM's text model")
    parser.add_argument(
        "--into", type=Path, required=True, metavar="MODEL.onnx", help="the file to write"
    )
    parser.add_argument(
        "--rows",
        type=Path,
        metavar="ROWS.npy",
        help="rows to compare beside those that are made: an array of shape (n, features)",
    )
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a text that the file is to hold, such as what it predicts; as often as needed",
    )
    parser.set_defaults(run=_run)


def write_if_alike(
    booster_text: str, content: bytes, into: Path, rows: npt.ArrayLike | None = None
) -> Parity:
    """Write an exported file, whole or not at all, if it scores as its model does.

    Parameters
    ----------
    booster_text : str
        The text model.
    content : bytes
        The ONNX file that was made of it.
    into : Path
        Where it goes; it is on disk when this returns.
    rows : array of float64, shape (n, features), optional
        Rows to compare beside those that are made.

    Raises
    ------
    ParityError
        If it scores a row otherwise; what stood at `into` stands there still.
    ModelFileError
        If it cannot be written, likewise.
    """
    from touchline.models.errors import ModelFileError
    from touchline.models.parity import check

    parity = check(booster_text, content, rows)
    fresh = into.with_name(f".{into.name}.{os.getpid()}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(into)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ModelFileError(f"cannot write {into}: {error.strerror}") from error
    return parity


def _run(options: argparse.Namespace) -> int:
    # Imported here, for other commands have no use for it.
    from touchline.models.lightgbm_onnx import export

    text = _read_text(options.model)
    content = export(text, metadata=_metadata(options.metadata))
    rows = None if options.rows is None else _read_rows(options.rows)
    print(write_if_alike(text, content, options.into, rows))
    print(f"written: {options.into} ({len(content):,} bytes)")
    return 0


def _read_text(path: Path) -> str:
    from touchline.models.errors import ExportError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"{path} is no text: {error}") from error


def _read_rows(path: Path) -> Any:
    import numpy as np

    from touchline.models.errors import ModelRowsError

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelRowsError(f"cannot read rows from {path}: {error}") from error


def _metadata(words: Sequence[str]) -> dict[str, str]:
    from touchline.models.errors import ExportError

    entries: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key or key in entries:
            raise ExportError(f"--metadata {word}: KEY=VALUE is due, each KEY once")
        entries[key] = value
    return entries
