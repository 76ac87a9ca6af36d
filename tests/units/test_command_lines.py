"""The command line of each service, run as it stands, and what it asks of the system meanwhile.

No systemd runs here: each is a process under strace, with the unit's UMask=. What strace has seen
is compared with what the unit's sandbox leaves: so a sandbox that is too narrow is found before a
venue is in it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rendered_units import SERVICES, Unit
from running_venue import RunningVenue

_STRATEGY = "maker-plain"
_ENVIRONMENT = """\
STRATEGY=touchline.strategy.examples.plain_maker:PlainMaker
OPTIONS=--param symbol=ESH4 --cpu 0
"""
_START_S = 30.0
_STOP_S = 20.0
_CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)")
_OPENED = re.compile(r'openat\(AT_FDCWD(?:<[^>]*>)?, "([^"]+)", (\S*O_(?:WRONLY|RDWR)\S*).*= \d')

_CHANGED = re.compile(
    r'\b(?:mkdir|unlink|rmdir|rename|chmod|mknodat)\((?:AT_FDCWD, )?"([^"]+)".* = 0$'
)


@dataclass
class Life:
    """One process, from its start to its end."""

    unit: Unit
    process: subprocess.Popen[bytes]
    trace: Path
    output: Path
    code: int | None = None

    def said(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + _START_S
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, f"no {text!r}: {self.said()}"
            time.sleep(0.02)

    def calls(self) -> list[str]:
        """What strace saw, a line for each call."""
        return self.trace.read_text(errors="replace").splitlines()


def _begin(unit: Unit, folder: Path) -> Life:
    name = unit.path.stem
    trace, output = folder / f"{name}.strace", folder / f"{name}.out"
    # -D: the program is our child, and strace its; so signals and exit codes are the program's.
    tracer = ["strace", "-D", "-f", "-qq", "-e", "signal=none", "-o", str(trace), "--"]
    command = unit.command(_STRATEGY)
    if "exporter" in name:
        # The one word that is not the unit's: another live page may have the port.
        command[command.index("127.0.0.1:9464")] = "127.0.0.1:0"
    workdir = Path(unit.values("WorkingDirectory")[0]) if unit.values("WorkingDirectory") else None
    cache = {"TOUCHLINE_CACHE_DIR": str(folder / "cache")}
    with output.open("wb") as out:
        process = subprocess.Popen(
            [*tracer, *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=workdir or "/",
            umask=int(unit.values("UMask")[0], 8),
            env={**os.environ, **unit.environment(_STRATEGY), **cache},
        )
    return Life(unit, process, trace, output)


@pytest.fixture(scope="module")
def lives(
    units: dict[str, Unit], own_venue: RunningVenue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Life]]:
    """All of them, started in the order of the units, used, and stopped in the other one."""
    strategies = own_venue.config.parent / "strategies"
    strategies.mkdir()
    (strategies / f"{_STRATEGY}.env").write_text(_ENVIRONMENT)
    own_venue.run_dir.mkdir(mode=0o710)
    folder = tmp_path_factory.mktemp("lives")
    lives: dict[str, Life] = {}
    try:
        for name in SERVICES:
            lives[name] = _begin(units[name], folder)
        lives["gateway"].wait_for("FIX sessions at")
        lives["exporter"].wait_for("live page on")
        _wait_for_strategy(own_venue, lives["strategy@"])
        socket.create_connection(own_venue.address, timeout=5).close()
        for life in reversed(lives.values()):
            life.process.send_signal(signal.SIGTERM)
            life.code = life.process.wait(_STOP_S)
        yield lives
    finally:
        for life in lives.values():
            if life.process.poll() is None:
                life.process.kill()
                life.process.wait()


def _wait_for_strategy(venue: RunningVenue, life: Life) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        assert life.process.poll() is None, life.said()
        assert time.monotonic() < deadline, life.said()
        try:
            told = venue.admin({"command": "status"})["strategies"]
        except OSError:
            told = []
        if any(one["name"] == _STRATEGY and one["connected"] for one in told):
            return
        time.sleep(0.05)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_as_its_unit_says_and_stops_cleanly_when_told_to(
    lives: dict[str, Life], name: str
):
    assert lives[name].code == 0, lives[name].said()


@pytest.mark.parametrize("name", SERVICES)
def test_every_system_call_passes_the_filter_of_the_unit(lives: dict[str, Life], name: str):
    life = lives[name]
    made = {call[1] for line in life.calls() if (call := _CALL.match(line))}
    assert "read" in made
    assert made - life.unit.system_calls() == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_socket_is_of_a_family_that_the_unit_allows(lives: dict[str, Life], name: str):
    life = lives[name]
    text = "\n".join(life.calls())
    made = set(re.findall(r"\bsocket(?:pair)?\((AF_\w+)", text))
    assert made
    assert made <= set(life.unit.words("RestrictAddressFamilies"))


@pytest.mark.parametrize("name", SERVICES)
def test_memory_is_not_written_and_executed_where_the_unit_forbids_it(
    lives: dict[str, Life], name: str
):
    life = lives[name]
    if life.unit.values("MemoryDenyWriteExecute") != ["yes"]:
        assert name == "strategy@", "what makes machine code, and nothing else"
        return
    wrong = re.compile(r"\bmmap\(.*PROT_WRITE\|PROT_EXEC|\b(pkey_)?mprotect\(.*PROT_EXEC")
    assert not [line for line in life.calls() if wrong.search(line)]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_only_where_its_unit_lets_it(lives: dict[str, Life], name: str):
    life = lives[name]
    may = [Path(word) for word in life.unit.words("ReadWritePaths")]
    may_not = [Path(word.lstrip("-")) for word in life.unit.words("ReadOnlyPaths")]
    # A unit has these for itself: PrivateTmp=, PrivateDevices=, /proc, the cache of strategies.
    own = [Path("/dev/null"), Path("/proc"), Path("/tmp"), life.trace.parent]
    found = [_OPENED.search(line) or _CHANGED.search(line) for line in life.calls()]
    written = {Path(one[1]) for one in found if one}
    assert written or not may
    wrong = {
        path
        for path in written
        if any(path.is_relative_to(place) for place in may_not)
        or not any(path.is_relative_to(place) for place in [*may, *own])
    }
    assert wrong == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sees_nothing_that_its_unit_hides(lives: dict[str, Life], name: str):
    life = lives[name]
    hidden = [word.lstrip("-") for word in life.unit.words("InaccessiblePaths")]
    named = re.compile("|".join(re.escape(f'"{path}') + '["/]' for path in hidden) or "(?!)")
    assert not [line for line in life.calls() if named.search(line)]
