"""What is exported scores as LightGBM does, in every bit, and what cannot be is refused."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from touchline.models.errors import ExportError, ModelFileError, ModelRowsError, ParityError
from touchline.models.forest import Forest
from touchline.models.lightgbm_onnx import ZERO_MAX, decision, export
from touchline.models.lightgbm_text import Missing, Split, parse
from touchline.models.parity import check


@pytest.mark.parametrize("shape", ["normal", "ratios", "large", "holes", "zeros"])
def test_an_exported_model_scores_every_row_as_lightgbm_does(trained, sampled, shape):
    text = trained(shape)
    parity = check(text, export(text), sampled(shape))
    assert parity.difference_max == 0.0
    assert parity.row_count >= 100_000
    assert parity.rows["threshold"] == 5 * parity.splits
    assert parity.rows["special"] > 0
    assert parity.rows["given"] == len(sampled(shape))


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"use_missing": False}, Missing.NONE),
        ({}, Missing.NAN),
        ({"zero_as_missing": True}, Missing.ZERO),
    ],
    ids=["none", "nan", "zero"],
)
def test_each_kind_of_missing_value_goes_the_way_it_goes_in_lightgbm(trained, parameters, missing):
    text = trained("holes and zeros", **parameters)
    kinds = {split.missing for tree in parse(text).trees for split in tree.splits}
    assert missing in kinds
    assert check(text, export(text), rows_min=30_000).difference_max == 0.0


@pytest.mark.parametrize(
    "threshold", ["0", "-0.0", "1e-36", "-1e-36", "1e-35", "-1e-35", "5", "-5"]
)
@pytest.mark.parametrize("kind", [0, 2, 4, 6, 8, 10])
def test_a_threshold_near_zero_splits_as_in_lightgbm(trained, threshold, kind):
    text = trained("normal", trees=1, leaves=2)
    text = re.sub(r"^threshold=.*$", f"threshold={threshold}", text, flags=re.MULTILINE)
    text = re.sub(r"^decision_type=.*$", f"decision_type={kind}", text, flags=re.MULTILINE)
    text = re.sub(r"^tree_sizes=.*$", f"tree_sizes={_tree_bytes(text)}", text, flags=re.MULTILINE)
    assert check(text, export(text), rows_min=1).difference_max == 0.0


def _tree_bytes(text: str) -> int:
    return len(text[text.index("Tree=0") : text.index("end of trees")])


def test_a_split_needs_three_nodes_only_where_zero_goes_its_own_way():
    def nodes(threshold: float, missing: Missing, is_left: bool) -> int:
        return len(decision(Split(0, threshold, missing, is_left, -1, -2)))

    assert nodes(1.0, Missing.ZERO, False) == nodes(-1.0, Missing.ZERO, True) == 3
    assert nodes(1.0, Missing.ZERO, True) == nodes(-1.0, Missing.ZERO, False) == 1
    assert nodes(ZERO_MAX, Missing.ZERO, False) == nodes(-ZERO_MAX, Missing.ZERO, True) == 1
    assert {nodes(t, m, d) for t in (-1.0, 0.0, 1.0) for m in (0, 2) for d in (True, False)} == {1}


def test_a_tree_without_a_split_counts_with_its_leaf(trained):
    text = trained("normal", trees=3, min_data_in_leaf=2000)
    assert all(not tree.splits for tree in parse(text).trees)
    forest = Forest(export(text))
    assert len(set(forest.score(np.eye(4)))) == 1
    assert check(text, export(text), rows_min=1).difference_max == 0.0


def test_the_file_names_features_and_what_the_caller_adds(trained):
    file = export(trained(), metadata={"horizon_ns": "1000000000"})
    forest = Forest(file)
    assert forest.feature_names == ("Column_0", "Column_1", "Column_2", "Column_3")
    assert forest.metadata["horizon_ns"] == "1000000000"
    assert forest.metadata["objective"] == "regression"
    assert json.loads(forest.metadata["feature_names"]) == list(forest.feature_names)
    with pytest.raises(ExportError, match="metadata objective is the model's own"):
        export(trained(), metadata={"objective": "other"})


def test_the_same_text_makes_the_same_file(trained):
    assert export(trained()) == export(trained())


REFUSED = [
    ("tree\n", "trees\n", 'its first line is not "tree"'),
    ("version=v4", "version=v9", "version v9; known are v3, v4"),
    ("num_class=1", "num_class=3", "num_class is 3: several classes are not exported"),
    ("num_tree_per_iteration=1", "num_tree_per_iteration=2", "several classes are not exported"),
    ("label_index=0", "label_index=0\naverage_output", "averages its trees"),
    ("max_feature_idx=3", "max_feature_idx=2", "feature_names are 4, max_feature_idx . 1 is 3"),
    ("end of trees", "", "was cut off"),
    ("Tree=1\n", "Tree=2\n", "'Tree=2' where Tree=1 is due"),
    ("num_cat=0", "num_cat=1", "tree 0 of the LightGBM model: it has categorical splits"),
    ("is_linear=0", "is_linear=1", "tree 0 of the LightGBM model: it is linear"),
    ("num_leaves=2", "num_leaves=0", "num_leaves is 0"),
    ("num_leaves=2", "num_leaves=3", "leaf_value: there are 2 numbers, and have to be 3"),
    ("num_leaves=2", "num_leaves=two", "num_leaves: invalid literal"),
    ("num_leaves=2", "num_leaves=2\nnum_leaves=2", "num_leaves is there twice"),
    ("split_feature=", "split_of=", "split_feature is missing"),
    (r"split_feature=\d", "split_feature=4", "split 0 is on feature 4 of 4"),
    (r"decision_type=\d+", "decision_type=3", "split 0 is categorical"),
    (r"decision_type=\d+", "decision_type=12", r"split 0 has missing type 3"),
    (r"decision_type=\d+", "decision_type=16", "its higher bits are not known"),
    (r"threshold=\S+", "threshold=nan", "split 0 has the threshold NaN"),
    (r"threshold=\S+", "threshold=x", "threshold: could not convert"),
    (r"leaf_value=\S+", "leaf_value=inf", "leaf 0 is inf"),
    ("left_child=-1", "left_child=0", "split 0 leads to 0, which makes it no tree"),
    ("left_child=-1", "left_child=-2", "split 0 leads to -2, which makes it no tree"),
    ("left_child=-1", "left_child=-3", "split 0 leads to -3, which makes it no tree"),
    (r"tree_sizes=\d+ ", "tree_sizes=", "tree_sizes names 1 trees, and 2 are there"),
]


@pytest.mark.parametrize(("old", "new", "said"), REFUSED, ids=[one[2] for one in REFUSED])
def test_what_cannot_be_exported_exactly_is_refused_by_its_name(trained, old, new, said):
    text = trained("normal", trees=2, leaves=2)
    spoiled = re.sub(old, new, text, count=1)
    assert spoiled != text
    with pytest.raises(ExportError, match=said):
        export(spoiled)


def test_models_that_lightgbm_makes_and_we_do_not_score_are_refused(trained):
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    with pytest.raises(ExportError, match="averages its trees"):
        export(trained("normal", trees=2, **forest))
    with pytest.raises(ExportError, match="it is linear"):
        export(trained("normal", trees=2, linear_tree=True))
    with pytest.raises(ExportError, match="categorical splits"):
        export(trained("categories", trees=2))


def test_a_model_that_would_need_too_many_nodes_is_refused(monkeypatch, trained):
    monkeypatch.setattr("touchline.models.lightgbm_onnx.NODES_MAX", 100)
    with pytest.raises(ExportError, match="more than 100 nodes"):
        export(trained())


def test_a_file_of_another_model_fails_the_gate_and_the_first_row_is_named(trained):
    text = trained()
    other = trained("normal", trees=21)
    with pytest.raises(ParityError, match=r"row 0 \(threshold of tree 0\): LightGBM scores"):
        check(text, export(other))


def test_a_file_with_one_bit_of_one_threshold_changed_fails_the_gate(trained):
    text = trained()
    split = parse(text).trees[7].splits[3]
    file = export(text)
    old = np.array([split.threshold]).tobytes()
    assert old in file
    new = np.array([math.nextafter(split.threshold, math.inf)]).tobytes()
    with pytest.raises(ParityError, match=r"row \d+ \(threshold of tree \d+\)"):
        check(text, file.replace(old, new, 1))


def test_other_features_and_other_rows_are_refused_before_anything_is_compared(trained):
    text = trained()
    renamed = text.replace("Column_0", "imbalance")
    with pytest.raises(ParityError, match="the file has the features imbalance, Column_1"):
        check(text, export(renamed))
    with pytest.raises(ModelRowsError, match=r"shape \(3, 2\), the model takes \(n, 4\)"):
        check(text, export(text), np.zeros((3, 2)))
    with pytest.raises(ModelFileError, match="the exported file: "):
        check(text, export(text)[:-200])
