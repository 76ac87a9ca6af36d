"""One wheel for every CPython: what is in it, and that it runs from where it was unpacked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ["venue", "engine", "gateway", "publisher", "members", "floor", "jitter"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this clone; cargo has built its parts already."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--wheel-dir", folder, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    """The wheel as an installer unpacks it."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
        for member in archive.infolist():
            if member.external_attr >> 16 & 0o111:
                (folder / member.filename).chmod(0o755)
    return folder


def test_its_name_promises_every_cpython_of_this_platform(wheel):
    assert re.fullmatch(r"touchline-[0-9.]+-py3-none-linux_\w+\.whl", wheel.name)


def test_it_holds_the_library_the_headers_and_programs_that_can_be_executed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        members = {member.filename: member for member in archive.infolist()}
    for name in ("libtouchline.so", "include/touchline.h", "include/touchline_records.h"):
        assert f"touchline/core/{name}" in members
    for name in PROGRAMS:
        member = members[f"touchline/core/bin/touchline-{name}"]
        assert member.external_attr >> 16 & 0o111, name
    assert "touchline/marketdata/_messages.py" in members
    assert "touchline/strategy/examples/compiled_maker.py" in members
    assert "touchline/marketdata/demo_models/taker.onnx" in members
    assert "touchline/tuning/doctor.py" in members
    assert "touchline/core/py.typed" in members
    assert "touchline/systemd/templates/touchline-engine.service" in members
    assert not [name for name in members if name.endswith("touchline/__init__.py")]
    assert not [name for name in members if "__pycache__" in name or name.endswith(".rs")]


def test_it_runs_from_where_it_was_unpacked(unpacked):
    code = (
        "import touchline.core as core, touchline.marketdata._messages as messages\n"
        "print(core.__file__, messages.__file__, core.program('touchline-venue'))\n"
    )
    # -S: without the editable install; the dependencies come from where they are.
    site = str(Path(__import__("numpy").__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": f"{unpacked}{os.pathsep}{site}"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=environment,
        cwd=unpacked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for path in done.stdout.split():
        assert path.startswith(str(unpacked))
    venue = unpacked / "touchline/core/bin/touchline-venue"
    told = subprocess.run([venue, "--help"], capture_output=True, text=True, check=False)
    assert (told.returncode, "--check" in told.stdout) == (0, True)
