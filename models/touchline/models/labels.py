"""What a model is to foretell, the move of the mid over a horizon, and what it may learn from.

A label of a book is the mid at the horizon less its own mid, in ticks. It is NaN where it is not
known: the stretch of continuous trading ends before the horizon, or a side of the book is empty at
either end. Such rows keep their features and are left out of training and of every figure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from touchline.models.errors import DaySplitError, HorizonError

__all__ = ["Horizon", "Labels", "Split", "label", "split"]

_UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True)
class Horizon:
    """How far ahead: a time, or a number of book changes; the other one is 0.

    Examples
    --------
    >>> Horizon.parse("500ms"), Horizon.parse("20b")
    (Horizon(ns=500000000, books=0), Horizon(ns=0, books=20))
    """

    ns: int = 0
    books: int = 0

    @classmethod
    def parse(cls, text: str) -> Horizon:
        """The horizon that a text names: ``1s``, ``500ms``, or ``20b`` for 20 book changes.

        Raises
        ------
        HorizonError
            If it names none.
        """
        found = re.fullmatch(r"(\d{1,9})(ns|us|ms|s|b)", text)
        if not found or int(found[1]) == 0:
            raise HorizonError(f"{text!r} is no horizon: write 1s, 500ms, or 20b for 20 books")
        number, unit = int(found[1]), found[2]
        return cls(books=number) if unit == "b" else cls(ns=number * _UNITS_NS[unit])

    def __str__(self) -> str:
        if self.books:
            return f"{self.books}b"
        unit = next(one for one in ("s", "ms", "us", "ns") if self.ns % _UNITS_NS[one] == 0)
        return f"{self.ns // _UNITS_NS[unit]}{unit}"


class Labels(NamedTuple):
    """Labels of every book.

    Attributes
    ----------
    moves : array of float64, shape (books,)
        Move of the mid over the horizon, ticks; NaN where it is not known.
    known_at_ns : array of int64, shape (books,)
        When the label is known: nothing that happens later is in it.
    """

    moves: npt.NDArray[np.float64]
    known_at_ns: npt.NDArray[np.int64]


def label(books: npt.NDArray[np.void], horizon: Horizon) -> Labels:
    """Label every book of a day.

    Parameters
    ----------
    books : array of BOOK_DTYPE, shape (books,)
        As in :class:`touchline.models.tape.Day`.
    horizon : Horizon
        How far ahead.
    """
    time_ns, stretch = books["time_ns"], books["stretch"]
    index = np.arange(len(books))
    # Books of a stretch lie side by side: one behind its last has another number.
    stretch_end = np.searchsorted(stretch, stretch, side="right")
    if horizon.books:
        then = index + horizon.books
        is_known = then < stretch_end
        then = np.minimum(then, len(books) - 1)
        known_at_ns = time_ns[then] if len(books) else time_ns
    else:
        known_at_ns = time_ns + horizon.ns
        # The newest book that is not younger than the horizon is the book at the horizon; whether
        # there is a younger one is known only if the stretch goes on until then.
        then = np.searchsorted(time_ns, known_at_ns, side="right") - 1
        is_known = known_at_ns <= time_ns[stretch_end - 1] if len(books) else np.empty(0, bool)
    two_sided = (books["bid_qty"] > 0) & (books["offer_qty"] > 0)
    mid2 = books["bid_px"] + books["offer_px"]
    is_known = is_known & two_sided & two_sided[then]
    moves = np.where(is_known, (mid2[then] - mid2) / 2, np.nan)
    return Labels(moves, np.asarray(known_at_ns, np.int64))


@dataclass(frozen=True)
class Split:
    """Rows of a day by what they are for, as places; each in the order of time.

    Between two parts lie the rows whose labels reach into the later one, and those within the
    embargo before it, so that no part knows of the next.
    """

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def split(
    time_ns: npt.NDArray[np.int64],
    labels: Labels,
    *,
    train_share: float = 0.6,
    validation_share: float = 0.2,
    embargo_ns: int = 0,
    rows_min: int = 200,
) -> Split:
    """Split a day by time: first training, then validation, then test.

    Parameters
    ----------
    time_ns : array of int64, shape (books,)
        Sequenced time of each row, rising.
    labels : Labels
        Of the same rows; those without a label are in no part.
    train_share, validation_share : float
        Of the labelled rows; the rest is the test.
    embargo_ns : int
        Least time between the newest thing that a label of one part knows and the next part, ns.
    rows_min : int
        A part with fewer rows is refused.

    Raises
    ------
    DaySplitError
        If a part has too few rows.
    """
    known = np.flatnonzero(~np.isnan(labels.moves))
    if len(known) < 3 * rows_min:
        raise DaySplitError(
            f"{len(known):,} books have a label, at least {3 * rows_min:,} are needed"
        )
    first = known[int(len(known) * train_share)]
    second = known[int(len(known) * (train_share + validation_share))]
    at = time_ns[known]
    known_at = labels.known_at_ns[known]
    begin, end = time_ns[first], time_ns[second]
    parts = {
        "training": known[known_at < begin - embargo_ns],
        "validation": known[(at >= begin) & (known_at < end - embargo_ns)],
        "test": known[at >= end],
    }
    for name, rows in parts.items():
        if len(rows) < rows_min:
            raise DaySplitError(
                f"{len(rows):,} rows are left for {name}, at least {rows_min:,} are needed: the "
                "recording is too short for its horizon and embargo"
            )
    return Split(parts["training"], parts["validation"], parts["test"])
