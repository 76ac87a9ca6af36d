"""Who reaches the strategies' socket in a run folder as tmpfiles makes it, and who is let in."""

from __future__ import annotations

import json
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rendered_units import as_root
from running_venue import RunningVenue, find_program

from touchline.core._abi import PORT_LAYOUT_HASH, lib
from touchline.core._records import LAYOUT_HASH

_KNOCK = Path(__file__).with_name("knock.py")
_START_S = 30.0


def _unused(first: int) -> int:
    known = {one.pw_uid for one in pwd.getpwall()} | {one.pw_gid for one in pwd.getpwall()}
    return next(number for number in range(first, first + 1_000) if number not in known)


MINE, OTHER, GROUP, THIRD = (_unused(number) for number in (51_000, 52_000, 53_000, 54_000))
_ENTRY = '\n[[strategy]]\nname = "mine"\nmember = "ALPHA"\n'


class _Engine:
    """The engine alone, with the umask of its unit, in a folder with the modes of tmpfiles."""

    def __init__(self, folder: Path, extra: str) -> None:
        self.venue = RunningVenue(find_program("touchline-venue"), folder, extra=extra)
        self.venue.run_dir.parent.chmod(0o755)
        self.venue.run_dir.mkdir()
        # As in templates/tmpfiles.conf: the engine's own user, the group of strategies.
        for change in (("chgrp", str(GROUP)), ("chmod", "0710")):
            subprocess.run(as_root(*change, self.venue.run_dir), check=True)
        self.process = subprocess.Popen(
            [find_program("touchline-engine"), "--config", self.venue.config],
            stderr=subprocess.DEVNULL,
            umask=0o077,
        )
        deadline = time.monotonic() + _START_S
        while not (self.venue.run_dir / "strategies.sock").exists():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def knock(self, uid: int, gid: int, name: str = "mine", targets: str = "") -> dict[str, Any]:
        """What a process of another user is told under the name of a strategy."""
        hello = {"strategy": name, "records": f"{LAYOUT_HASH:016x}"}
        hello["rings"] = f"{PORT_LAYOUT_HASH:016x}"
        if targets:
            layout = f"{lib.tl_targets_layout_hash():016x}"
            hello = {"strategy": name, "targets": targets, "layout": layout}
        run_dir = self.venue.run_dir
        files = [path for path in sorted(run_dir.iterdir()) if path.is_file()]
        assert len(files) > 3
        user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        # The program itself is handed over: the clone may lie where that user cannot read.
        command = [*user, "/usr/bin/python3", "-I", "-S", "-", run_dir]
        command[-1:] = [run_dir / "strategies.sock", json.dumps(hello), *files]
        done = subprocess.run(
            as_root(*command),
            input=_KNOCK.read_text(),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told


@contextmanager
def _engine(extra: str) -> Iterator[_Engine]:
    with tempfile.TemporaryDirectory(prefix="touchline-users-", dir="/dev/shm") as folder:
        engine = _Engine(Path(folder) / "etc", extra)
        try:
            yield engine
            engine.process.send_signal(signal.SIGTERM)
            assert engine.process.wait(15.0) == 0
        finally:
            engine.process.kill()
            engine.process.wait()
            engine.venue.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[_Engine]:
    """An engine whose strategy `mine` has a user."""
    with _engine(f"{_ENTRY}uid = {MINE}\n") as running:
        yield running


def test_the_user_of_a_strategy_gets_its_memory_and_can_read_no_file_of_the_venue(engine: _Engine):
    told = engine.knock(MINE, GROUP)
    assert told["socket"]["ok"] is True, told
    assert told["uid_knows"] == []


def test_another_user_of_the_group_is_told_that_it_may_not(engine: _Engine):
    told = engine.knock(OTHER, GROUP)
    assert told["socket"] == {"ok": False, "error": f"user {OTHER} may not run strategy mine"}
    assert told["uid_knows"] == []


def test_a_strategy_s_user_may_not_observe(engine: _Engine):
    told = engine.knock(MINE, GROUP, name="")
    assert told["socket"] == {"ok": False, "error": f"user {MINE} may not observe"}


def test_a_user_outside_the_group_does_not_reach_the_socket(engine: _Engine):
    assert engine.knock(MINE, OTHER)["socket"] == "EACCES"


def test_the_user_of_the_targets_sets_them_the_strategy_sees_them_and_nobody_else_does_either():
    with _engine(f"{_ENTRY}uid = {MINE}\ntargets_uid = {OTHER}\n") as engine:
        for uid, how, may in [
            (OTHER, "write", True),
            (OTHER, "read", True),
            (MINE, "read", True),
            (MINE, "write", False),
            (THIRD, "read", False),
            (THIRD, "write", False),
        ]:
            told = engine.knock(uid, GROUP, targets=how)["socket"]
            what = "set" if how == "write" else "see"
            no = f"user {uid} may not {what} the targets of strategy mine"
            assert told == ({"ok": True} if may else {"ok": False, "error": no}), (uid, how)
        # To set its targets is no right to be the strategy.
        told = engine.knock(OTHER, GROUP)
        assert told["socket"] == {"ok": False, "error": f"user {OTHER} may not run strategy mine"}


def test_where_no_strategy_has_a_user_nobody_else_reaches_the_socket():
    with _engine(_ENTRY) as engine:
        assert engine.knock(MINE, GROUP)["socket"] == "EACCES"
