"""From LightGBM's text model to an ONNX file: one `TreeEnsemble` in double precision, exactly.

LightGBM does not only compare. Of a dense row, every value of at most 1e-35 (the float32 number) in
size becomes 0 before a tree sees it; a split then sends missing values, which may be NaN, or NaN
and 0, to a default side, and a NaN that is not missing counts as 0 (`Tree::NumericalDecision` and
the predictors of the C API, LightGBM 4). A node of ONNX compares, and has a side for NaN. So a
split becomes the intervals that it really has: nearly always two, with one node; where 0 has a side
of its own between the others, four, with three nodes.

The file is a sum in the order of the trees; the parity gate compares it before it is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from touchline.models.errors import ExportError
from touchline.models.lightgbm_text import Missing, Split, TextModel, TextTree, parse
from touchline.models.research import research

__all__ = ["NODES_MAX", "ZERO_MAX", "decision", "export"]

ZERO_MAX = float(np.float32(1e-35))
"""What LightGBM takes for zero: everything from -ZERO_MAX to ZERO_MAX (`kZeroThreshold`)."""
_BELOW_ZERO = math.nextafter(-ZERO_MAX, -math.inf)
NODES_MAX = 1 << 20
"""Most nodes that our evaluator reads. Splits that take 0 for missing are written several times."""

_IR_VERSION = 10
_ML_OPSET = 5
_DEFAULT_OPSET = 21


class Step(NamedTuple):
    """A node: ``x <= threshold`` follows the true branch, and NaN does where `nan_is_true`."""

    threshold: float
    nan_is_true: bool


def export(booster_text: str, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """Write a LightGBM text model as an ONNX file of one double `TreeEnsemble`.

    Parameters
    ----------
    booster_text : str
        What ``Booster.model_to_string()`` gives, or ``save_model`` has written.
    metadata : mapping of str to str, optional
        Entries of the file's ``metadata_props``, beside ``feature_names`` (a JSON list) and
        ``objective``, which are the model's own.

    Returns
    -------
    bytes
        The file: input `rows` of shape (N, F), output `scores` of shape (N, 1), both double. A
        score is LightGBM's raw score.

    Raises
    ------
    ExportError
        If the model has a part that cannot be written exactly; it is named.
    ResearchMissingError
        If ``onnx`` is not installed.
    """
    model = parse(booster_text)
    entries = {"feature_names": json.dumps(model.feature_names), "objective": model.objective}
    for key, value in (metadata or {}).items():
        if key in entries:
            raise ExportError(f"metadata {key} is the model's own: {entries[key]}")
        entries[key] = value
    nodes = _Nodes()
    for tree in model.trees:
        nodes.add_tree(tree)
    return _write(model, nodes, entries)


def decision(split: Split) -> list[Step]:
    """Nodes for a split: one or three, each the false branch of the one before.

    The true branches go left, right, left; the last false branch goes right.
    """
    threshold, is_left = split.threshold, split.is_default_left
    if split.missing is not Missing.ZERO:
        # All that counts as 0 goes with it.
        nan_is_left = is_left if split.missing is Missing.NAN else threshold >= 0.0
        if -ZERO_MAX <= threshold <= ZERO_MAX:
            threshold = ZERO_MAX if threshold >= 0.0 else _BELOW_ZERO
        return [Step(threshold, nan_is_left)]
    if _BELOW_ZERO <= threshold <= ZERO_MAX:
        return [Step(ZERO_MAX if is_left else _BELOW_ZERO, is_left)]
    if threshold > ZERO_MAX and not is_left:
        return [Step(_BELOW_ZERO, False), Step(ZERO_MAX, True), Step(threshold, False)]
    if threshold < _BELOW_ZERO and is_left:
        return [Step(threshold, False), Step(_BELOW_ZERO, False), Step(ZERO_MAX, True)]
    return [Step(threshold, is_left)]


@dataclass
class _Nodes:
    """The attributes `nodes_*`, `leaf_*` and `tree_roots`, tree after tree."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    nan_is_true: list[int] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    true_is_leaf: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    false_is_leaf: list[int] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)

    def add_tree(self, tree: TextTree) -> None:
        """Add a tree; one without a split has a node with its one leaf on both sides."""
        self.roots.append(len(self.features))
        if not tree.splits:
            self._add(0, Step(0.0, False))
            self._lead(self.roots[-1], tree.leaves[0], to_true=True)
            self.false_ids[-1], self.false_is_leaf[-1] = self.true_ids[-1], 1
            return
        pending = [(self._add_split(tree.splits[0]), tree.splits[0])]
        while pending:
            nodes, split = pending.pop()
            for place, node in enumerate(nodes):
                to_left = place % 2 == 0
                self._branch(tree, split, node, pending, to_left=to_left, to_true=True)
            self._branch(tree, split, nodes[-1], pending, to_left=False, to_true=False)

    def _branch(
        self,
        tree: TextTree,
        split: Split,
        node: int,
        pending: list[tuple[range, Split]],
        *,
        to_left: bool,
        to_true: bool,
    ) -> None:
        """Let a node's true or false branch lead to what is left or right of the split."""
        child = split.left if to_left else split.right
        if child < 0:
            self._lead(node, tree.leaves[-1 - child], to_true=to_true)
            return
        below = tree.splits[child]
        nodes = self._add_split(below)
        (self.true_ids if to_true else self.false_ids)[node] = nodes[0]
        pending.append((nodes, below))

    def _add_split(self, split: Split) -> range:
        first = len(self.features)
        for step in decision(split):
            self._add(split.feature, step)
        for node in range(first, len(self.features) - 1):
            self.false_ids[node] = node + 1
        return range(first, len(self.features))

    def _add(self, feature: int, step: Step) -> None:
        if len(self.features) == NODES_MAX:
            raise ExportError(
                f"the model needs more than {NODES_MAX} nodes: a split that takes 0 for missing "
                "may need three, and what is below it twice; train without zero_as_missing"
            )
        self.features.append(feature)
        self.thresholds.append(step.threshold)
        self.nan_is_true.append(int(step.nan_is_true))
        for branch in (self.true_ids, self.true_is_leaf, self.false_ids, self.false_is_leaf):
            branch.append(0)

    def _lead(self, node: int, leaf: float, *, to_true: bool) -> None:
        (self.true_ids if to_true else self.false_ids)[node] = len(self.leaves)
        (self.true_is_leaf if to_true else self.false_is_leaf)[node] = 1
        self.leaves.append(leaf)


def _write(model: TextModel, nodes: _Nodes, entries: Mapping[str, str]) -> bytes:
    onnx = research("onnx")
    helper, double = onnx.helper, onnx.TensorProto.DOUBLE

    def tensor(name: str, values: list[float]) -> object:
        raw = np.asarray(values, "<f8").tobytes()
        return helper.make_tensor(name, double, [len(values)], raw, raw=True)

    modes = helper.make_tensor(
        "nodes_modes",
        onnx.TensorProto.UINT8,
        [len(nodes.features)],
        bytes(len(nodes.features)),
        raw=True,
    )
    node = helper.make_node(
        "TreeEnsemble",
        ["rows"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=nodes.roots,
        nodes_featureids=nodes.features,
        nodes_splits=tensor("nodes_splits", nodes.thresholds),
        nodes_modes=modes,
        nodes_missing_value_tracks_true=nodes.nan_is_true,
        nodes_truenodeids=nodes.true_ids,
        nodes_trueleafs=nodes.true_is_leaf,
        nodes_falsenodeids=nodes.false_ids,
        nodes_falseleafs=nodes.false_is_leaf,
        leaf_targetids=[0] * len(nodes.leaves),
        leaf_weights=tensor("leaf_weights", nodes.leaves),
    )
    rows = helper.make_tensor_value_info("rows", double, ["N", len(model.feature_names)])
    scores = helper.make_tensor_value_info("scores", double, ["N", 1])
    file = helper.make_model(
        helper.make_graph([node], "trees", [rows], [scores]),
        producer_name="touchline",
        ir_version=_IR_VERSION,
        opset_imports=[
            helper.make_opsetid("", _DEFAULT_OPSET),
            helper.make_opsetid("ai.onnx.ml", _ML_OPSET),
        ],
    )
    helper.set_model_props(file, dict(entries))
    onnx.checker.check_model(file)
    written: bytes = file.SerializeToString(deterministic=True)
    return written
