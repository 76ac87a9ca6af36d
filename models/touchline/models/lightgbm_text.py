"""LightGBM's text model, read strictly: the trees that score, and nothing that is not understood.

The text is the truth about a model: thresholds and leaves stand in it with 17 digits, which is
every bit of a double, while the JSON that LightGBM dumps cuts infinite thresholds at 1e300. Format:
`Tree::ToString` and `GBDT::SaveModelToString` of LightGBM 4. What scores differently from a sum of
leaves behind numerical splits is refused by its name: linear trees, categorical splits, several
classes, averaged forests.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from touchline.models.errors import ExportError

__all__ = ["Missing", "Split", "TextModel", "TextTree", "parse"]

_VERSIONS = ("v3", "v4")

Number = TypeVar("Number", int, float)


class Missing(enum.IntEnum):
    """What a split takes for a missing value: bits 2 and 3 of ``decision_type``."""

    NONE = 0
    """Nothing: NaN counts as 0."""
    ZERO = 1
    """0, and NaN, which counts as 0."""
    NAN = 2
    """NaN."""


@dataclass(frozen=True)
class Split:
    """A decision: ``x <= threshold`` goes left, a missing value to the default side."""

    feature: int
    threshold: float
    missing: Missing
    is_default_left: bool
    left: int
    """A split of the tree from 0; or, negative, leaf ``-1 - left``."""
    right: int


@dataclass(frozen=True)
class TextTree:
    """A tree: its splits, the root first, and its leaves. Without a split it is its one leaf."""

    splits: tuple[Split, ...]
    leaves: tuple[float, ...]


@dataclass(frozen=True)
class TextModel:
    """A model whose raw score is the sum of one leaf of each tree."""

    feature_names: tuple[str, ...]
    objective: str
    """As LightGBM writes it; empty for one of the caller's own."""
    trees: tuple[TextTree, ...]

    @property
    def split_count(self) -> int:
        """Splits of all trees."""
        return sum(len(tree.splits) for tree in self.trees)


def parse(text: str) -> TextModel:
    """Read a text model.

    Raises
    ------
    ExportError
        If it is none, was cut off, or has a part that is not scored here; the tree and the line are
        named.
    """
    sections = _sections(text)
    header = sections[0]
    _require_header(header)
    names = tuple(header.value("feature_names").split(" "))
    width = header.integer("max_feature_idx") + 1
    if len(names) != width:
        raise header.error(f"feature_names are {len(names)}, max_feature_idx + 1 is {width}")
    trees = tuple(_tree(section, width) for section in sections[1:])
    sizes = header.values.get("tree_sizes", "").split()
    if len(sizes) != len(trees) or not trees:
        raise header.error(f"tree_sizes names {len(sizes)} trees, and {len(trees)} are there")
    return TextModel(names, header.values.get("objective", ""), trees)


class _Section:
    """Lines ``key=value``: the header, or a tree."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.values: dict[str, str] = {}

    def error(self, what: str) -> ExportError:
        return ExportError(f"{self.place} of the LightGBM model: {what}")

    def add(self, line: str) -> None:
        key, _, value = line.partition("=")
        if key in self.values:
            raise self.error(f"{key} is there twice")
        self.values[key] = value

    def value(self, key: str) -> str:
        if key not in self.values:
            raise self.error(f"{key} is missing")
        return self.values[key]

    def integer(self, key: str) -> int:
        return self.integers(key, 1)[0]

    def integers(self, key: str, count: int) -> Sequence[int]:
        try:
            read = [int(word) for word in self.value(key).split()]
        except ValueError as error:
            raise self.error(f"{key}: {error}") from error
        return self._counted(key, read, count)

    def doubles(self, key: str, count: int) -> Sequence[float]:
        try:
            read = [float(word) for word in self.value(key).split()]
        except ValueError as error:
            raise self.error(f"{key}: {error}") from error
        return self._counted(key, read, count)

    def _counted(self, key: str, read: Sequence[Number], count: int) -> Sequence[Number]:
        if len(read) != count:
            raise self.error(f"{key}: there are {len(read)} numbers, and have to be {count}")
        return read


def _sections(text: str) -> list[_Section]:
    """The header and the trees, without what follows them."""
    lines = iter(text.splitlines())
    if next(lines, None) != "tree":
        raise ExportError('no LightGBM text model: its first line is not "tree"')
    sections = [_Section("the header")]
    for line in lines:
        if line == "end of trees":
            return sections
        if line.startswith("Tree="):
            number = len(sections) - 1
            if line != f"Tree={number}":
                raise ExportError(f"the LightGBM model has {line!r} where Tree={number} is due")
            sections.append(_Section(f"tree {number}"))
        elif line.strip():
            sections[-1].add(line)
    raise ExportError('the LightGBM model was cut off: there is no line "end of trees"')


def _require_header(header: _Section) -> None:
    if header.value("version") not in _VERSIONS:
        raise header.error(f"version {header.value('version')}; known are {', '.join(_VERSIONS)}")
    for key in ("num_class", "num_tree_per_iteration"):
        if header.integer(key) != 1:
            raise header.error(f"{key} is {header.value(key)}: several classes are not exported")
    if "average_output" in header.values:
        raise header.error("average_output: a random forest averages its trees; it is not exported")


def _tree(section: _Section, width: int) -> TextTree:
    leaf_count = section.integer("num_leaves")
    if leaf_count < 1:
        raise section.error(f"num_leaves is {leaf_count}")
    if section.integer("num_cat") != 0:
        raise section.error("it has categorical splits (num_cat), which are not exported")
    if section.values.get("is_linear", "0") != "0":
        raise section.error("it is linear (linear_tree): its leaves are no constants")
    leaves = tuple(section.doubles("leaf_value", leaf_count))
    for leaf, value in enumerate(leaves):
        if not math.isfinite(value):
            raise section.error(f"leaf {leaf} is {value}")
    if leaf_count == 1:
        return TextTree((), leaves)
    count = leaf_count - 1
    features = section.integers("split_feature", count)
    thresholds = section.doubles("threshold", count)
    kinds = section.integers("decision_type", count)
    lefts, rights = section.integers("left_child", count), section.integers("right_child", count)
    rows = enumerate(zip(features, thresholds, kinds, lefts, rights, strict=True))
    splits = tuple(_split(section, at, width, *row) for at, row in rows)
    _require_tree(section, splits, leaf_count)
    return TextTree(splits, leaves)


def _split(
    section: _Section,
    at: int,
    width: int,
    feature: int,
    threshold: float,
    kind: int,
    left: int,
    right: int,
) -> Split:
    place = f"split {at}"
    if not 0 <= feature < width:
        raise section.error(f"{place} is on feature {feature} of {width}")
    if math.isnan(threshold):
        raise section.error(f"{place} has the threshold NaN")
    if kind & 1:
        raise section.error(f"{place} is categorical (decision_type {kind}); it is not exported")
    if kind >> 4 or kind < 0:
        raise section.error(f"{place} has decision_type {kind}: its higher bits are not known")
    if kind >> 2 not in set(Missing):
        raise section.error(f"{place} has missing type {kind >> 2} (decision_type {kind})")
    return Split(feature, threshold, Missing(kind >> 2), bool(kind & 2), left, right)


def _require_tree(section: _Section, splits: Sequence[Split], leaf_count: int) -> None:
    """Every split but the root, and every leaf, hangs on one other split that comes before it."""
    seen = set()
    for at, split in enumerate(splits):
        for child in (split.left, split.right):
            if not -leaf_count <= child < len(splits) or 0 <= child <= at or child in seen:
                raise section.error(f"split {at} leads to {child}, which makes it no tree")
            seen.add(child)
