"""Trains a model on a day and says honestly how good it is; docs/models.md explains the report.

Trees of LightGBM foretell the move of the mid over a horizon, in ticks, from the kernel's features.
The day is split by time; the training ends early by the validation part, so that figures of the
validation are a little too good; the test part is looked at once, at the end. Everything is decided
by the day, the options and the seed: one thread, deterministic sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from touchline.models.features import FEATURE_NAMES, LONG_NS
from touchline.models.labels import Horizon, Labels, Split, label, split
from touchline.models.research import research
from touchline.models.scoring import ic, payoff, pearson, r2_against_zero
from touchline.models.tape import Day

__all__ = ["Options", "Trained", "train"]

Floats = npt.NDArray[np.float64]
SHARES = (1.0, 0.1, 0.01)
"""Parts of the rows, by the size of the score, that the report lets trade."""
OTHER_HORIZONS = ("1b", "5b", "20b", "100b", "100ms", "1s", "5s", "30s")
"""Horizons at which the same scores are looked at, too: how long does what they know last?"""
STOOD_NS = (0, 1_000, 1_000_000, 100_000_000)
"""Books of the test part that stood so long, at least, ns: who acts on a book has to be in time."""
SHUFFLES = 5


@dataclass(frozen=True)
class Options:
    """How to train.

    Attributes
    ----------
    horizon : Horizon
        What the model foretells is the move until then.
    seed : int
        Decides everything that is drawn.
    rounds_max, leaves, leaf_rows_min : int
        Trees at most, leaves of a tree at most, and rows of a leaf at least. 30 trees of 15 leaves
        are scored in a third of a microsecond.
    learning_rate : float
        How far each tree goes.
    patience : int
        Ends after so many trees that did not help on the validation part.
    embargo_ns : int
        Time that is left out between two parts beside the horizon, ns; the longest window of the
        features by default.
    rows_min : int
        Rows of each part, at least.
    draws : int
        Draws of a bootstrap.
    """

    horizon: Horizon = field(default_factory=lambda: Horizon(ns=1_000_000_000))
    seed: int = 1
    rounds_max: int = 100
    leaves: int = 15
    leaf_rows_min: int = 200
    learning_rate: float = 0.05
    patience: int = 20
    embargo_ns: int = LONG_NS
    rows_min: int = 200
    draws: int = 1_000


@dataclass(frozen=True)
class Trained:
    """A model, and what was found of it.

    Attributes
    ----------
    model_text : str
        LightGBM's text model; its score is the move in ticks.
    report : dict
        Figures alone, as JSON has them; docs/models.md names each.
    rows : array of float64, shape (rows, FEATURE_COUNT)
        The rows that the model was tested on.
    """

    model_text: str
    report: dict[str, Any]
    rows: Floats


def train(
    day: Day, options: Options | None = None, *, say: Callable[[str], None] = lambda _: None
) -> Trained:
    """Train on a day.

    Parameters
    ----------
    day : Day
        Books and features of one instrument.
    options : Options, optional
        How.
    say : callable
        Told what is being done.

    Raises
    ------
    DaySplitError
        If the day is too short.
    ResearchMissingError
        If LightGBM is not installed.
    """
    options = options or Options()
    labels = label(day.books, options.horizon)
    time_ns = np.ascontiguousarray(day.books["time_ns"])
    parts = split(time_ns, labels, embargo_ns=options.embargo_ns, rows_min=options.rows_min)
    say(f"training on {len(parts.train):,} of {len(day):,} books")
    booster = _fit(day.rows, labels.moves, parts, options)
    rounds = int(booster.best_iteration) or booster.num_trees()
    text: str = booster.model_to_string(num_iteration=rounds)
    scores = np.asarray(booster.predict(day.rows, num_iteration=rounds), np.float64)
    say(f"{rounds} trees; testing on {len(parts.test):,} books")
    study = _Study(day, labels, parts, options, time_ns)
    report = {
        "day": _day_figures(day, labels, time_ns, options),
        "parts": study.parts_figures(),
        "model": {
            "trees": rounds,
            "gain": _gain(booster, rounds),
            **{name: study.figures(name, scores) for name in ("train", "validation", "test")},
        },
        "baselines": study.baselines(),
        "shuffled": study.shuffled(rounds, say),
        "other_horizons": study.other_horizons(scores),
        "stood": study.stood(scores),
        "payoff": study.payoffs(scores),
    }
    return Trained(text, report, day.rows[parts.test])


def _fit(rows: Floats, moves: Floats, parts: Split, options: Options) -> Any:
    """A booster, ended early by the validation part."""
    lightgbm = research("lightgbm")
    names = list(FEATURE_NAMES)
    learn = lightgbm.Dataset(
        rows[parts.train], moves[parts.train], feature_name=names, free_raw_data=False
    )
    check = learn.create_valid(rows[parts.validation], moves[parts.validation])
    return lightgbm.train(
        _parameters(options),
        learn,
        options.rounds_max,
        valid_sets=[check],
        callbacks=[lightgbm.early_stopping(options.patience, verbose=False)],
    )


def _parameters(options: Options) -> dict[str, Any]:
    return {
        "objective": "regression",
        "metric": "l2",
        "num_leaves": options.leaves,
        "min_data_in_leaf": options.leaf_rows_min,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def _gain(booster: Any, rounds: int) -> dict[str, float]:
    """Share of each feature in what the splits have gained, largest first."""
    gain = booster.feature_importance("gain", iteration=rounds)
    total = max(float(gain.sum()), 1e-300)
    shares = {name: float(one) / total for name, one in zip(FEATURE_NAMES, gain, strict=True)}
    return dict(sorted(shares.items(), key=lambda one: -one[1]))


def _day_figures(
    day: Day, labels: Labels, time_ns: npt.NDArray[np.int64], options: Options
) -> dict[str, Any]:
    known = labels.moves[~np.isnan(labels.moves)]
    spread = day.rows[:, 0]
    return {
        "instrument_id": day.instrument_id,
        "horizon": str(options.horizon),
        "books": len(day),
        "trades": len(day.trades),
        "stretches": int(day.books["stretch"][-1]) + 1,
        "begin_ns": int(time_ns[0]),
        "end_ns": int(time_ns[-1]),
        "without_label": len(day) - len(known),
        "label_std_ticks": float(known.std()),
        "label_zero_share": float((known == 0).mean()),
        "spread_mean_ticks": float(np.nanmean(spread)),
    }


class _Study:
    """Figures of scores on the parts of one day."""

    def __init__(
        self,
        day: Day,
        labels: Labels,
        parts: Split,
        options: Options,
        time_ns: npt.NDArray[np.int64],
    ) -> None:
        self.day = day
        self.labels = labels
        self.parts = {"train": parts.train, "validation": parts.validation, "test": parts.test}
        self.split = parts
        self.options = options
        self.time_ns = time_ns
        # Blocks of ten horizons, and no shorter than what the features remember.
        reach = labels.known_at_ns[parts.test] - time_ns[parts.test]
        self.block_ns = int(max(10 * np.median(reach), LONG_NS))

    def parts_figures(self) -> dict[str, Any]:
        """How large the parts are, and how many moves in them do not overlap."""
        figures = {}
        for name, rows in self.parts.items():
            begin, end = int(self.time_ns[rows[0]]), int(self.time_ns[rows[-1]])
            horizon = self.options.horizon
            apart = len(rows) // horizon.books if horizon.books else (end - begin) // horizon.ns
            figures[name] = {
                "rows": len(rows),
                "seconds": (end - begin) / 1e9,
                "not_overlapping": int(min(apart, len(rows))),
            }
        return figures

    def figures(self, part: str, scores: Floats) -> dict[str, Any]:
        """IC and R2 of scores on a part."""
        rows = self.parts[part]
        found = ic(
            scores[rows],
            self.labels.moves[rows],
            self.time_ns[rows],
            block_ns=self.block_ns,
            draws=self.options.draws,
            seed=self.options.seed,
        )
        r2 = r2_against_zero(scores[rows], self.labels.moves[rows])
        return {**found._asdict(), "r2_against_zero": r2}

    def baselines(self) -> dict[str, Any]:
        """What needs no trees, on the test part: a constant, a line, and one feature alone."""
        train = self.split.train
        moves = self.labels.moves
        constant = np.full(len(self.day), moves[train].mean())
        line = _ridge(self.day.rows, moves, train)
        single = np.nan_to_num(self.day.rows[:, FEATURE_NAMES.index("imbalance_1")])
        scale = (single[train] @ moves[train]) / max(float(single[train] @ single[train]), 1e-300)
        named = {"constant": constant, "ridge": line, "imbalance_1 alone": single * scale}
        return {name: self.figures("test", scores) for name, scores in named.items()}

    def shuffled(self, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
        """The same training on labels that were moved along in time: it must find nothing."""
        say(f"{SHUFFLES} trainings on shifted labels")
        lightgbm = research("lightgbm")
        train, test = self.split.train, self.split.test
        random = np.random.default_rng(self.options.seed)
        found = []
        for _ in range(SHUFFLES):
            shift = int(random.integers(len(train) // 4, 3 * len(train) // 4))
            moves = np.roll(self.labels.moves[train], shift)
            learn = lightgbm.Dataset(self.day.rows[train], moves)
            booster = lightgbm.train(_parameters(self.options), learn, rounds)
            scores = np.asarray(booster.predict(self.day.rows[test]), np.float64)
            found.append(pearson(scores, self.labels.moves[test]))
        known = [one for one in found if not np.isnan(one)]
        largest = max(map(abs, known), default=0.0)
        return {"trainings": SHUFFLES, "pearson": known, "pearson_largest": largest}

    def other_horizons(self, scores: Floats) -> dict[str, float]:
        """Pearson's IC of the same scores on the test part, with the moves of other horizons."""
        found = {}
        test = self.split.test
        for text in OTHER_HORIZONS:
            moves = label(self.day.books, Horizon.parse(text)).moves[test]
            known = ~np.isnan(moves)
            if known.sum() > 1:
                found[text] = pearson(scores[test][known], moves[known])
        return found

    def stood(self, scores: Floats) -> list[dict[str, Any]]:
        """Pearson's IC on the test part, of the books that stood for some time before the next."""
        test = self.split.test
        found = []
        stood_ns = np.append(np.diff(self.time_ns), np.iinfo(np.int64).max)[test]
        for least_ns in STOOD_NS:
            rows = test[stood_ns >= least_ns]
            score = pearson(scores[rows], self.labels.moves[rows]) if len(rows) else float("nan")
            found.append({"ns": least_ns, "rows": len(rows), "pearson": score})
        return found

    def payoffs(self, scores: Floats) -> list[dict[str, Any]]:
        """Whether crossing the spread on the largest scores would have paid, on the test part."""
        test = self.split.test
        return [
            payoff(
                scores[test],
                self.labels.moves[test],
                self.day.rows[test, 0],
                self.time_ns[test],
                self.labels.known_at_ns[test],
                share=share,
                block_ns=self.block_ns,
                draws=self.options.draws,
                seed=self.options.seed,
            )._asdict()
            for share in SHARES
        ]


def _ridge(rows: Floats, moves: Floats, train: npt.NDArray[np.int64]) -> Floats:
    """Scores of a ridge regression on standardised features; what is not defined is their mean.

    The penalty is one thousandth of the rows: enough for features that say the same.
    """
    mean = np.nanmean(rows[train], axis=0)
    scale = np.nanstd(rows[train], axis=0)
    standard = (rows - np.nan_to_num(mean)) / np.where(scale > 0, scale, 1.0)
    standard = np.nan_to_num(standard)
    learn, target = standard[train], moves[train] - moves[train].mean()
    penalty = 1e-3 * len(train) * np.eye(rows.shape[1])
    weights = np.linalg.solve(learn.T @ learn + penalty, learn.T @ target)
    return np.asarray(standard @ weights + moves[train].mean(), np.float64)
