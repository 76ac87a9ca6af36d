"""How good scores are: correlation with what came, its interval, and whether it pays a spread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Ic", "Payoff", "ic", "payoff", "pearson", "r2_against_zero", "ranks"]

Floats = npt.NDArray[np.float64]


class Ic(NamedTuple):
    """Correlation of scores with labels, with a 95 % interval; NaN where it is not defined.

    Attributes
    ----------
    pearson, rank : float
        Pearson's, and that of the ranks (Spearman).
    pearson_low, pearson_high, rank_low, rank_high : float
        2.5 % and 97.5 % of the block bootstrap.
    blocks : int
        Blocks that were drawn from.
    """

    pearson: float
    pearson_low: float
    pearson_high: float
    rank: float
    rank_low: float
    rank_high: float
    blocks: int


class Payoff(NamedTuple):
    """What trading on the largest scores by crossing the spread would bring, per lot, in ticks.

    Attributes
    ----------
    share : float
        Part of the rows that trade: those with the largest distance from the median score.
    rows : int
        How many that are.
    apart : int
        How many of them at most do not overlap: each begins when the one before is known.
    move : float
        Mean move of the mid in the direction of the score.
    move_low, move_high : float
        95 % interval of it.
    half_spread : float
        Mean half spread of these rows: what one crossing costs against the mid. A way back costs as
        much again.
    hit_rate : float
        Of the moves that are not 0, the part in the direction of the score.
    pays : bool
        True if even the low end of the interval is more than one half spread.
    """

    share: float
    rows: int
    apart: int
    move: float
    move_low: float
    move_high: float
    half_spread: float
    hit_rate: float
    pays: bool


def pearson(a: Floats, b: Floats) -> float:
    """Pearson's correlation; NaN if one of them is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")  # their means may be off by an ulp, and leave something to divide by
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place], np.float64)


def r2_against_zero(scores: Floats, labels: Floats) -> float:
    """1 less the squared error over that of always saying 0; NaN if every label is 0."""
    total = labels @ labels
    error = labels - scores
    return float(1 - error @ error / total) if total > 0 else float("nan")


def ic(
    scores: Floats,
    labels: Floats,
    time_ns: npt.NDArray[np.int64],
    *,
    block_ns: int,
    draws: int = 1_000,
    seed: int = 1,
) -> Ic:
    """Correlation with a block bootstrap: rows near each other are not independent.

    Time is cut into blocks of one length; blocks are drawn with replacement (Kuensch, 1989, with
    blocks that do not overlap: Carlstein, 1986), and the correlation is computed anew from the sums
    of each block. Ranks are those of all rows.

    Parameters
    ----------
    scores, labels : array of float64, shape (rows,)
        In the order of time, no NaN.
    time_ns : array of int64, shape (rows,)
        Of each row.
    block_ns : int
        Length of a block, ns: some times the horizon, so that blocks are nearly independent.
    draws : int
        How often.
    seed : int
        Decides what is drawn.
    """
    blocks = _blocks(time_ns, block_ns)
    lows_highs = []
    for a, b in ((scores, labels), (ranks(scores), ranks(labels))):
        drawn = _drawn(_moments(a, b, blocks), draws, seed)
        count, sum_a, sum_b, square_a, square_b, product = drawn.T
        cov = product - sum_a * sum_b / count
        scale = (square_a - sum_a**2 / count) * (square_b - sum_b**2 / count)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(scale > 0, cov / np.sqrt(np.maximum(scale, 0)), np.nan)
        lows_highs.append(_interval(found))
    (low, high), (rank_low, rank_high) = lows_highs
    rank = pearson(ranks(scores), ranks(labels))
    number = int(blocks[-1]) + 1
    return Ic(pearson(scores, labels), low, high, rank, rank_low, rank_high, number)


def payoff(
    scores: Floats,
    labels: Floats,
    spread: Floats,
    time_ns: npt.NDArray[np.int64],
    known_at_ns: npt.NDArray[np.int64],
    *,
    share: float,
    block_ns: int,
    draws: int = 1_000,
    seed: int = 1,
) -> Payoff:
    """What the rows with the largest scores would bring; see :class:`Payoff`, and :func:`ic`.

    Parameters
    ----------
    spread : array of float64, shape (rows,)
        Spread of each row, ticks.
    known_at_ns : array of int64, shape (rows,)
        When the label of each row is known.
    share : float
        Part of the rows that trade.
    """
    centred = scores - np.median(scores)
    chosen = np.abs(centred) >= np.quantile(np.abs(centred), 1 - share)
    chosen &= centred != 0
    if not chosen.any():
        nan = float("nan")
        return Payoff(share, 0, 0, nan, nan, nan, nan, nan, False)
    move = np.sign(centred[chosen]) * labels[chosen]
    blocks = _blocks(time_ns[chosen], block_ns)
    sums = np.stack([np.bincount(blocks).astype(float), np.bincount(blocks, weights=move)], axis=1)
    drawn = _drawn(sums, draws, seed)
    low, high = _interval(drawn[:, 1] / drawn[:, 0])
    cost = float(spread[chosen].mean() / 2)
    moved = move[move != 0]
    hits = float((moved > 0).mean()) if len(moved) else float("nan")
    apart = _apart(time_ns[chosen], known_at_ns[chosen])
    return Payoff(share, len(move), apart, float(move.mean()), low, high, cost, hits, low > cost)


def _blocks(time_ns: npt.NDArray[np.int64], block_ns: int) -> npt.NDArray[np.int64]:
    """The block of each row, numbered from 0 without holes."""
    _, place = np.unique((time_ns - time_ns[0]) // max(block_ns, 1), return_inverse=True)
    return np.asarray(place, np.int64)


def _apart(time_ns: npt.NDArray[np.int64], known_at_ns: npt.NDArray[np.int64]) -> int:
    """Rows that can be taken in turn, each as soon as the one before is known."""
    count, at = 0, 0
    while at < len(time_ns):
        count += 1
        at = max(int(np.searchsorted(time_ns, known_at_ns[at])), at + 1)
    return count


def _moments(a: Floats, b: Floats, blocks: npt.NDArray[np.int64]) -> Floats:
    """Count, sums, sums of squares and of products of each block; shape (blocks, 6)."""
    a, b = a - a.mean(), b - b.mean()
    columns = (np.ones_like(a), a, b, a * a, b * b, a * b)
    return np.stack([np.bincount(blocks, weights=one) for one in columns], axis=1)


def _drawn(sums: Floats, draws: int, seed: int) -> Floats:
    """Sums over blocks drawn with replacement; shape (draws, columns)."""
    random = np.random.default_rng(seed)
    counts = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    return np.asarray(counts @ sums, np.float64)


def _interval(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
