"""`touchline up`: one line when it is up, a clean stop, nothing left behind, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from touchline.core import ProgramError, Venue, VenueRunningError, VenueUnreachableError, admin, up

TOUCHLINE = Path(sys.executable).parent / "touchline"


@contextlib.contextmanager
def running(config: Path) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """`touchline up` in a session of its own: the process, its line, the venue's pid."""
    process = subprocess.Popen(
        [TOUCHLINE, "up", config], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"pid (\d+)", line)
        assert found, f"no line of status but {line!r}"
        yield process, line, int(found[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def is_gone(pid: int, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_venue_cleanly_and_leaves_nothing_behind(make_config, number):
    made = make_config()
    with running(made.config) as (process, line, pid):
        assert f"is up: FIX 127.0.0.1:{made.address[1]} (TOUCHLINE)" in line
        assert "durability sync" in line
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read().endswith(" stopped\n")
        assert is_gone(pid)
        assert not made.run_dir.exists()


def test_ctrl_c_reaches_the_venue_once_and_through_us(make_config):
    made = make_config()
    with running(made.config) as (process, _, pid):
        assert os.getpgid(pid) != os.getpgid(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0


def test_a_venue_whose_parent_is_killed_stops_and_clears_its_run_directory(make_config):
    made = make_config()
    with running(made.config) as (process, _, pid):
        process.kill()
        process.wait()
        assert is_gone(pid)
        assert not made.run_dir.exists()


def test_a_venue_that_is_killed_is_an_error_and_its_files_are_cleared(make_config, capfd):
    made = make_config()
    with running(made.config) as (process, _, pid):
        os.kill(pid, signal.SIGKILL)
        assert process.wait(20) == 1
        assert "ended with signal SIGKILL" in capfd.readouterr().err
        assert not made.run_dir.exists()


def test_a_second_venue_of_the_same_configuration_is_refused(venue):
    with pytest.raises(VenueRunningError, match="runs already"):
        up.started(Venue.load(venue.config))
    assert venue.admin({"command": "status"})["ok"] is True


def test_a_venue_that_cannot_start_is_an_error_and_leaves_nothing(make_config, venue):
    made = make_config()
    text = made.config.read_text()
    made.config.write_text(text.replace(str(made.address[1]), str(venue.address[1])))
    with pytest.raises(ProgramError, match="ended at its start with exit code 1"):
        up.started(Venue.load(made.config), timeout_s=20)
    assert not made.run_dir.exists()


def test_files_that_are_not_the_venues_stay_in_the_run_directory(make_config):
    made = make_config()
    made.run_dir.mkdir()
    foreign = made.run_dir / "notes.txt"
    foreign.write_text("mine")
    (made.run_dir / "admin.sock").touch()
    (made.run_dir / "public.new.42").touch()
    up.clear_run_dir(Venue.load(made.config))
    assert list(made.run_dir.iterdir()) == [foreign]


def test_a_venue_goes_on_from_its_journal_at_the_next_start(make_config):
    made = make_config()
    venue = Venue.load(made.config)
    process = up.started(venue)
    admin.set_phase(venue, "all", "halt")
    before = admin.status(venue)
    assert up.stop(venue, process) == 0
    with pytest.raises(VenueUnreachableError):
        admin.status(venue)
    process = up.started(venue)
    after = admin.status(venue)
    assert up.stop(venue, process) == 0
    assert (after["seq"], after["state_hash"]) == (before["seq"], before["state_hash"])
    assert [one["phase"] for one in after["instruments"]] == ["halt", "halt"]
