"""`touchline export` writes a file that was compared, or none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from touchline.core.cli import main
from touchline.models.errors import ModelFileError, ParityError
from touchline.models.export import write_if_alike
from touchline.models.forest import Forest
from touchline.models.lightgbm_onnx import export


@pytest.fixture
def model(tmp_path, trained):
    path = tmp_path / "model.txt"
    path.write_text(trained())
    return path


def test_the_command_writes_the_file_and_says_what_was_compared(tmp_path, model, sampled, capsys):
    rows = tmp_path / "rows.npy"
    np.save(rows, sampled("normal"))
    into = tmp_path / "model.onnx"
    words = ["export", str(model), "--into", str(into), "--rows", str(rows)]
    assert main([*words, "--metadata", "horizon_ns=5"]) == 0
    said = capsys.readouterr().out
    assert "20 trees with 280 splits, 100,000 rows (3,000 given, 1,400 threshold" in said
    assert "largest difference from LightGBM: ours 0.0, ONNX Runtime" in said
    assert Forest.load(into).metadata["horizon_ns"] == "5"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model.onnx",
        "model.txt",
        "rows.npy",
    ]


def test_a_file_that_scores_otherwise_is_not_written_and_the_old_one_stays(tmp_path, trained):
    other = export(trained("normal", trees=19))
    into = tmp_path / "model.onnx"
    into.write_bytes(b"old")
    with pytest.raises(ParityError, match=r"row 0 \(threshold of tree 0\): LightGBM scores"):
        write_if_alike(trained(), other, into)
    assert into.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{tmp}/no.txt"], "cannot read {tmp}/no.txt: No such file or directory"),
        (["{tmp}/noise"], "noise is no text"),
        (["{tmp}/model.txt", "--rows", "{tmp}/noise"], "cannot read rows from {tmp}/noise"),
        (["{tmp}/model.txt", "--metadata", "x"], "--metadata x: KEY=VALUE is due"),
        (["{tmp}/model.txt", "--metadata", "x=1", "--metadata", "x=2"], "each KEY once"),
    ],
    ids=["no model", "no text", "no rows", "no value", "twice"],
)
def test_what_cannot_be_read_is_said_and_nothing_is_written(tmp_path, model, words, said, capsys):
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    place = {"tmp": str(tmp_path)}
    into = tmp_path / "out.onnx"
    assert main(["export", *(word.format(**place) for word in words), "--into", str(into)]) == 1
    assert said.format(**place) in capsys.readouterr().err
    assert not into.exists()


def test_a_folder_that_is_not_there_is_an_error_and_nothing_is_left(tmp_path, trained):
    with pytest.raises(ModelFileError, match=r"cannot write .*: No such file or directory"):
        write_if_alike(trained(), export(trained()), tmp_path / "no" / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["onnx", "lightgbm"])
def test_without_the_research_extra_the_command_says_what_to_install(tmp_path, model, package):
    code = (
        f"import sys; sys.modules[{package!r}] = None; from touchline.core.cli import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["export", str(model), "--into", str(tmp_path / "out.onnx")]
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"touchline: {package} cannot be imported" in done.stderr
    assert 'pip install "touchline[research]"' in done.stderr
