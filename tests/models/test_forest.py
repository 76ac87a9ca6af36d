"""The evaluator from Python and from compiled code, and files that it refuses."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import numba
import numpy as np
import onnx
import pytest

from touchline.core import TouchlineError
from touchline.models.errors import ModelFileError, ModelRowsError
from touchline.models.forest import Forest, score_row
from touchline.models.lightgbm_onnx import export


@pytest.fixture(scope="module")
def file(trained) -> bytes:
    return export(trained("holes"))


@pytest.fixture(scope="module")
def rows(sampled):
    return sampled("holes")


def test_a_file_is_loaded_and_says_what_it_is(tmp_path, file):
    path = tmp_path / "model.onnx"
    path.write_bytes(file)
    forest = Forest.load(path)
    assert (forest.feature_count, forest.tree_count) == (4, 20)
    assert repr(forest) == "<Forest of 20 trees over 4 features>"
    assert forest.metadata["objective"] == "regression"


def test_a_file_that_is_not_there_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ModelFileError, match=r"cannot read the model .*no\.onnx: No such file"):
        Forest.load(tmp_path / "no.onnx")


def test_a_row_has_the_same_score_alone_among_others_and_in_compiled_code(file, rows):
    @numba.njit
    def score_all(address, rows):
        out = np.empty(len(rows))
        for at in range(len(rows)):
            out[at] = score_row(address, rows[at])
        return out

    forest = Forest(file)
    scores = forest.score(rows)
    assert scores.dtype == np.float64
    assert np.array_equal(score_all(forest.address, rows), scores)
    assert [forest.score(row[None])[0] for row in rows[:50]] == list(scores[:50])
    assert np.array_equal(score_all(forest.address, np.asfortranarray(rows)), scores)
    assert np.array_equal(forest.score(np.asfortranarray(rows)), scores)
    assert np.array_equal(forest.score(rows[::2]), scores[::2])


def test_a_row_of_another_length_has_no_score(file):
    forest = Forest(file)
    assert np.isnan(score_row(forest.address, np.zeros(3)))
    assert np.isnan(score_row(forest.address, np.zeros(5)))
    assert np.isnan(score_row(0, np.zeros(4)))
    assert np.isfinite(score_row(forest.address, np.full(4, np.nan)))


def test_a_row_that_is_not_double_is_refused_when_it_is_compiled(file):
    forest = Forest(file)
    with pytest.raises(numba.TypingError):
        score_row(forest.address, np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (np.zeros((2, 3)), r"shape \(2, 3\), the model takes \(n, 4\)"),
        (np.zeros(4), r"shape \(4,\), the model takes \(n, 4\)"),
        (np.zeros((1, 1, 4)), r"shape \(1, 1, 4\)"),
        ([["a", "b", "c", "d"]], "not an array of numbers"),
        ([[1.0], [1.0, 2.0]], "not an array of numbers"),
    ],
    ids=["width", "one row", "cube", "texts", "ragged"],
)
def test_rows_of_another_shape_are_refused(file, rows, said):
    with pytest.raises(ModelRowsError, match=said):
        Forest(file).score(rows)


def test_no_rows_have_no_scores(file):
    assert Forest(file).score(np.empty((0, 4))).shape == (0,)


def test_a_model_lives_as_long_as_its_forest_and_is_given_back(file, rows):
    expected = Forest(file).score(rows[:10])
    for _ in range(200):
        forest = Forest(file)
        assert forest.address != 0
        assert np.array_equal(forest.score(rows[:10]), expected)
        del forest
    gc.collect()


def test_a_truncated_file_is_refused_wherever_it_was_cut(file):
    whole = onnx.load_from_string(file)
    del whole.metadata_props[:]
    bare = whole.SerializeToString()
    assert Forest(bare).feature_names == ()
    for length in range(0, len(bare), 7):
        with pytest.raises(ModelFileError):
            Forest(bare[:length])


def test_noise_is_read_or_refused_and_nothing_else(file, rows):
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(3000):
        noisy = bytearray(file)
        for at in random.integers(0, len(noisy), 3):
            noisy[at] = random.integers(0, 256)
        try:
            Forest(noisy).score(rows[:3])
        except TouchlineError:
            refused += 1
    assert 0 < refused < 3000


def test_what_is_no_onnx_file_is_refused(tmp_path):
    for content in (b"", b"\x00", b"tree\nversion=v4\n", bytes(range(256)), b"\xff" * 100):
        with pytest.raises(ModelFileError, match="the model: "):
            Forest(content)


def _spoiled(file: bytes, spoil) -> bytes:
    model = onnx.load_from_string(file)
    spoil(model)
    return model.SerializeToString()


def _set(name: str, **values):
    def spoil(model: onnx.ModelProto) -> None:
        for attribute in model.graph.node[0].attribute:
            if attribute.name == name:
                for field, value in values.items():
                    setattr(attribute, field, value)

    return spoil


def _append(name: str, value: int):
    def spoil(model: onnx.ModelProto) -> None:
        for attribute in model.graph.node[0].attribute:
            if attribute.name == name:
                attribute.ints.append(value)

    return spoil


REFUSED = [
    (lambda m: setattr(m.graph.node[0], "op_type", "Gemm"), 'the operator is "Gemm"'),
    (lambda m: m.graph.node.append(m.graph.node[0]), "a second GraphProto.node"),
    (lambda m: m.graph.input.append(m.graph.input[0]), "a second GraphProto.input"),
    (lambda m: m.graph.initializer.append(onnx.TensorProto()), "field 5 of GraphProto"),
    (lambda m: m.functions.append(onnx.FunctionProto()), "field 25 of ModelProto"),
    (lambda m: setattr(m.opset_import[1], "version", 3), "the version of ai.onnx.ml is 3"),
    (_set("aggregate_function", i=0), "aggregate_function is 0"),
    (_set("post_transform", i=2), "post_transform is 2"),
    (_set("n_targets", i=2), "n_targets is 2"),
    (_append("tree_roots", 0), "node 0: tree 20 reaches it a second time"),
    (_append("nodes_truenodeids", 0), "nodes_truenodeids: there are"),
    (_append("leaf_targetids", 0), "leaf_targetids: there are"),
]


@pytest.mark.parametrize(("spoil", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_a_file_that_is_more_or_other_than_trees_is_refused(file, spoil, said):
    with pytest.raises(ModelFileError, match=said):
        Forest(_spoiled(file, spoil))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("[", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"a": 1}', "no list of texts"),
        ("[1, 2, 3, 4]", "no list of texts"),
        (json.dumps(["a", "b"]), "2 feature_names for 4 features"),
    ],
    ids=["cut", "deep", "object", "numbers", "two"],
)
def test_feature_names_that_name_nothing_are_refused(file, names, said):
    def spoil(model: onnx.ModelProto) -> None:
        for entry in model.metadata_props:
            if entry.key == "feature_names":
                entry.value = names

    with pytest.raises(ModelFileError, match=said):
        Forest(_spoiled(file, spoil))


def test_a_venue_needs_none_of_what_models_are_made_with():
    code = (
        "import sys; from touchline.models.forest import Forest; "
        "heavy = {'lightgbm', 'onnx', 'onnxruntime', 'pandas', 'sklearn'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
