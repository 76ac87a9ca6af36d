"""The report of a training as text, for people: the figures of ``report.json``, and a verdict."""

from __future__ import annotations

import datetime
from typing import Any

__all__ = ["markdown"]

BAR_COLUMNS = 40
SLOW_NS = 1_000_000
LARGE_IC = 0.2
"""Beyond it a correlation is explained or is a leak: see docs/models.md."""


def markdown(report: dict[str, Any]) -> str:
    """The report as Markdown.

    Parameters
    ----------
    report : dict
        As :class:`touchline.models.training.Trained` has it, and ``made``, ``source``, ``parity``.
    """
    day, model = report["day"], report["model"]
    lines = [
        f"# Model of the mid's move over {day['horizon']}",
        "",
        _made(report),
        "",
        f"{day['books']:,} books and {day['trades']:,} trades, {_time(day['begin_ns'])} to "
        f"{_time(day['end_ns'])} UTC, mean spread {day['spread_mean_ticks']:.3f} ticks. The label "
        f"has a standard deviation of {day['label_std_ticks']:.3f} ticks and is 0 in "
        f"{day['label_zero_share']:.1%} of the books; {day['without_label']:,} books have none.",
        "",
        f"The ONNX file scores as LightGBM does: largest difference "
        f"{report['parity']['difference_max']} over {report['parity']['rows']:,} rows.",
        "",
        *_parts(report),
        "",
        *_correlations(report),
        "",
        f"Labels moved along in time, {report['shuffled']['trainings']} trainings: largest |IC| "
        f"{report['shuffled']['pearson_largest']:.4f}.",
        "",
        *_horizons(report),
        "",
        *_stood(report),
        "",
        *_payoffs(report),
        "",
        "## Verdict",
        "",
        verdict(report),
        "",
        f"## What the {model['trees']} trees look at (share of gain)",
        "",
        *_gain(model["gain"]),
        "",
    ]
    return "\n".join(lines)


def verdict(report: dict[str, Any]) -> str:
    """What the figures of the test part allow to say."""
    test, train = report["model"]["test"], report["model"]["train"]
    ridge, single = report["baselines"]["ridge"], report["baselines"]["imbalance_1 alone"]
    said = []
    if test["pearson_low"] > 0:
        said.append(f"On what it has not seen the model knows something: IC {test['pearson']:.3f}.")
    else:
        said.append("On what it has not seen the model's IC cannot be told from 0.")
    if test["pearson"] <= ridge["pearson_high"]:
        said.append(f"It is not clearly better than a line (IC {ridge['pearson']:.3f}).")
    if test["pearson"] <= single["pearson"]:
        said.append(f"`imbalance_1` alone does as well (IC {single['pearson']:.3f}).")
    if train["pearson"] > 1.5 * abs(test["pearson"]):
        said.append(
            f"It fits what it was trained on much better (IC {train['pearson']:.3f}): part of what "
            "it learned holds there alone."
        )
    slow = next(one for one in report["stood"] if one["ns"] == SLOW_NS)
    if slow["rows"] and slow["pearson"] < test["pearson"]:
        said.append(f"Of books that stood for 1 ms or longer the IC is {slow['pearson']:.3f}.")
    if abs(test["pearson"]) > LARGE_IC:
        said.append(
            "An IC beyond 0.2 has to be explained: docs/models.md says why the mid of a book with "
            "a spread of one tick can be foretold without a gain, and how a leak would look."
        )
    paying = [one for one in report["payoff"] if one["pays"]]
    if paying:
        part = ", ".join(f"{one['share']:.0%}" for one in paying)
        said.append(
            f"The move after the largest scores ({part}) is more than one half spread here; a "
            "round trip costs two, and fees, latency and the queue are not in it."
        )
    else:
        said.append(
            "It does not pay: at no share of the largest scores is the move surely larger than the "
            "half spread that crossing costs."
        )
    return " ".join(said)


def _made(report: dict[str, Any]) -> str:
    made, source = report["made"], report["source"]
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return (
        f"Recording {source['name']} (SHA-256 {source['sha256'][:16]}), instrument "
        f"{source['instrument']}. Made {made['date']}, commit {made['commit']}, {made['machine']}, "
        f"{made['kernel']}; {versions}; seed {made['seed']}; {made['seconds']:.1f} s."
    )


def _time(ns: int) -> str:
    at = datetime.datetime.fromtimestamp(ns / 1e9, tz=datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _parts(report: dict[str, Any]) -> list[str]:
    rows = [
        f"| {name} | {one['rows']:,} | {one['seconds']:,.0f} | {one['not_overlapping']:,} |"
        for name, one in report["parts"].items()
    ]
    return ["| part | rows | seconds | moves that do not overlap |", "|---|---:|---:|---:|", *rows]


def _correlations(report: dict[str, Any]) -> list[str]:
    named = {f"model, {part}": report["model"][part] for part in ("train", "validation", "test")}
    named |= {f"{name}, test": one for name, one in report["baselines"].items()}
    rows = [
        f"| {name} | {_between(one, 'pearson')} | {_between(one, 'rank')} "
        f"| {one['r2_against_zero']:+.4f} |"
        for name, one in named.items()
    ]
    head = "| scores | IC (95 % interval) | rank IC (95 % interval) | R2 against zero |"
    return [head, "|---|---:|---:|---:|", *rows]


def _between(one: dict[str, Any], name: str) -> str:
    if one[name] != one[name]:
        return "none"
    return f"{one[name]:+.3f} ({one[f'{name}_low']:+.3f} to {one[f'{name}_high']:+.3f})"


def _horizons(report: dict[str, Any]) -> list[str]:
    found = report["other_horizons"]
    head = "| the same scores, moves over | " + " | ".join(found) + " |"
    return [
        head,
        "|---|" + "---:|" * len(found),
        "| IC, test | " + " | ".join(f"{one:+.3f}" for one in found.values()) + " |",
    ]


def _stood(report: dict[str, Any]) -> list[str]:
    names = {0: "any", 1_000: "1 us", 1_000_000: "1 ms", 100_000_000: "100 ms"}
    rows = [
        f"| {names[one['ns']]} | {one['rows']:,} | {one['pearson']:+.3f} |"
        for one in report["stood"]
    ]
    return ["| books that stood, test | rows | IC |", "|---|---:|---:|", *rows]


def _payoffs(report: dict[str, Any]) -> list[str]:
    rows = [
        f"| {one['share']:.0%} | {one['rows']:,} | {one['apart']:,} | {one['move']:+.3f} "
        f"({one['move_low']:+.3f} to {one['move_high']:+.3f}) | {one['half_spread']:.3f} "
        f"| {one['hit_rate']:.1%} | {'yes' if one['pays'] else 'no'} |"
        for one in report["payoff"]
    ]
    head = (
        "| largest scores, test | rows | that do not overlap | move in their direction, ticks "
        "| half spread | right where it moved | pays a crossing |"
    )
    return [head, "|---:|---:|---:|---:|---:|---:|---|", *rows]


def _gain(gain: dict[str, float]) -> list[str]:
    width = max(map(len, gain))
    largest = max(gain.values()) or 1.0
    bars = [
        f"{name:<{width}} {share:6.1%} {'#' * round(BAR_COLUMNS * share / largest)}".rstrip()
        for name, share in gain.items()
    ]
    return ["```", *bars, "```"]
