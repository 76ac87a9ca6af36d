"""Fixtures: one venue that is watched, for all tests of metrics."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fix"))
sys.path.insert(0, str(Path(__file__).parents[1] / "page"))
sys.path.insert(0, str(Path(__file__).parent))

from watched import Prometheus, Watched


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A venue in three processes, and its exporter."""
    running = Watched(tmp_path_factory.mktemp("watched"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def prometheus(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes it."""
    running = Prometheus(tmp_path_factory.mktemp("prometheus") / "run", watched.exporter.port)
    yield running
    running.close()
