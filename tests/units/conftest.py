"""Fixtures: a venue whose folders units may use, and its units, rendered by the command."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rendered_units import SERVICES, Unit, run
from running_venue import RunningVenue, find_program

STRATEGIES = """
[[strategy]]
name = "maker-plain"
member = "ALPHA"

[[strategy]]
name = "other"
member = "BETA"
uid = {uid}
"""


@pytest.fixture(scope="session")
def own_venue() -> Iterator[RunningVenue]:
    """A venue that is configured and not started, in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="touchline-units-", dir="/dev/shm") as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "etc"
        venue = RunningVenue(
            find_program("touchline-venue"), place, extra=STRATEGIES.format(uid=54_321)
        )
        venue.run_dir.parent.chmod(0o755)
        yield venue
        venue.close()


@pytest.fixture(scope="session")
def root(own_venue: RunningVenue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the units of that venue were written, in the place of ``/``."""
    folder = tmp_path_factory.mktemp("root")
    command = [sys.executable, "-m", "touchline.core", "units", str(own_venue.config)]
    done = run(*command, "--into", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def units(root: Path) -> dict[str, Unit]:
    """The services, by their names without ``touchline-``."""
    folder = root / "etc/systemd/system"
    return {name: Unit(folder / f"touchline-{name}.service") for name in SERVICES}
