"""Prices for a portfolio: a file of the user's, or the packaged S&P 500 sample of skfolio.

A table has one row for each time, oldest first, and one column for each Symbol(55); its first
column holds the times, ISO 8601 or numbers. Nothing is filled in or left out: a hole is an error
with its place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from touchline.optimizer.errors import OptimizerError, PricesError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ROWS_MIN", "checked_prices", "load_prices", "missing"]

ROWS_MIN = 60
"""Fewer prices than that are no base for a portfolio."""
SAMPLE = "the S&P 500 sample of skfolio"


def missing(error: ImportError) -> OptimizerError:
    """What to say where a package of the research extra is not there."""
    return OptimizerError(
        f'{error.name or error} is not installed: pip install "touchline[research]"'
    )


def load_prices(
    path: str | os.PathLike[str] | None = None,
    *,
    symbols: Sequence[str] = (),
    lookback: int | None = None,
) -> pd.DataFrame:
    """Prices, checked.

    Parameters
    ----------
    path : path-like, optional
        A file that ends in .csv, .csv.gz or .parquet; without one the packaged sample of 20 stocks,
        daily from 1990 to 2022.
    symbols : sequence of str, optional
        The columns to keep, in this order; without it all.
    lookback : int, optional
        The newest rows to keep; without it all.

    Returns
    -------
    DataFrame
        Shape (times, symbols): prices in the instruments' currency, oldest first.

    Raises
    ------
    PricesError
        If the file cannot be read, or holds no prices: with the place.
    OptimizerError
        If a package of the research extra is missing.
    """
    where = SAMPLE if path is None else str(path)
    found = _sample() if path is None else _file(Path(path))
    if absent := [one for one in symbols if one not in found.columns]:
        known = ", ".join(str(one) for one in found.columns)
        raise PricesError(f"{where} has no {absent[0]}; it has {known}")
    if symbols:
        found = found[list(symbols)]
    if lookback is not None:
        found = found.iloc[-lookback:]
    return checked_prices(found, where)


def checked_prices(prices: pd.DataFrame, where: str) -> pd.DataFrame:
    """The same prices as float64, if they are prices.

    Raises
    ------
    PricesError
        With the first place that is wrong.
    """
    names = [str(one) for one in prices.columns]
    if len(names) < 2 or len(set(names)) < len(names):
        raise PricesError(f"{where}: columns {', '.join(names) or 'none'}; two or more that differ")
    if len(prices) < ROWS_MIN:
        raise PricesError(f"{where}: {len(prices)} rows; {ROWS_MIN} are needed at least")
    if not (prices.index.is_monotonic_increasing and prices.index.is_unique):
        raise PricesError(f"{where}: the times do not rise from row to row")
    try:
        values = prices.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PricesError(f"{where}: {error}") from error
    wrong = np.argwhere(~(np.isfinite(values) & (values > 0)))
    if len(wrong):
        row, column = (int(one) for one in wrong[0])
        raise PricesError(
            f"{where}: {names[column]} at {prices.index[row]} is {values[row, column]}, no price"
        )
    return prices.set_axis(names, axis="columns").astype(np.float64)


def _sample() -> pd.DataFrame:
    try:
        from skfolio.datasets import load_sp500_dataset
    except ImportError as error:
        raise missing(error) from error
    return load_sp500_dataset()


def _file(path: Path) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        raise missing(error) from error
    try:
        if path.name.endswith((".csv", ".csv.gz")):
            found = pd.read_csv(path, index_col=0)
            if not pd.api.types.is_numeric_dtype(found.index):
                found.index = pd.to_datetime(found.index, format="ISO8601")
            return found
        if path.suffix == ".parquet":
            found = pd.read_parquet(path)
            return found if _has_times(found) else found.set_index(found.columns[0])
    except ImportError as error:
        raise PricesError(
            f'{path}: Parquet needs pyarrow: pip install "touchline[archive]"'
        ) from error
    except (OSError, ValueError, IndexError) as error:  # pandas' parser errors are ValueErrors
        raise PricesError(f"{path}: {error}") from error
    raise PricesError(f"{path}: a file of prices ends in .csv, .csv.gz or .parquet")


def _has_times(found: pd.DataFrame) -> bool:
    """True if the index was written with the file."""
    return bool(found.index.dtype.kind == "M")
