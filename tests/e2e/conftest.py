"""Fixtures: the demo venue on free ports, and simulated members that play into it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from e2e_venue import Play
from running_venue import ROOT, RunningVenue, find_program


@pytest.fixture
def demo() -> str:
    """The configuration of `touchline demo`; a test file may have its own."""
    return (ROOT / "marketdata/touchline/marketdata/demo.toml").read_text()


@pytest.fixture
def venue(tmp_path: Path, demo: str) -> Iterator[RunningVenue]:
    """The venue of `touchline demo`, started."""
    running = RunningVenue(find_program("touchline-venue"), tmp_path / "venue")
    made = running.config.read_text()
    text = demo.replace("127.0.0.1:9878", f"{running.address[0]}:{running.address[1]}")
    group, port = re.findall(r'a = "(239\.255\.\d+)\.\d:(\d+)"', made)[0]
    text = re.sub(r'"239\.255\.77\.(\d):310\d\d"', rf'"{group}.\1:{port}"', text)
    text = text.replace(
        'name = "demo"\n', f'name = "demo"\nrun_dir = "{running.run_dir}"\ndata_dir = "data"\n', 1
    )
    running.config.write_text(text)
    running.start()
    yield running
    failure = running.close()
    assert not failure, failure


@pytest.fixture
def play(venue: RunningVenue) -> Iterator[Play]:
    """Start touchline-members on the venue, with the arguments given."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [str(find_program("touchline-members")), *arguments, "--config", venue.config]
        members = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(members)
        return members

    yield begin
    for members in started:
        members.kill()
        members.communicate()
