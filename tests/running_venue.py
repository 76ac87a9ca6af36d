"""A venue for tests: the composite program on free ports, with a generated ``venue.toml``."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "RunningVenue", "find_program"]

ROOT = Path(__file__).resolve().parent.parent

_START_S = 30.0
_STOP_S = 15.0

_TOML = """\
[venue]
name = "{name}"
run_dir = "{run_dir}"
data_dir = "data"

[engine]
durability = "{durability}"
max_open_orders = 16384
max_levels = 1024
max_cl_ord_ids = 65536
ring_records = 4096

[gateway]
address = "127.0.0.1:{port}"

[marketdata]
incremental = {{ channel = 1, a = "{group}.1:{udp}", b = "{group}.2:{udp}" }}
snapshot = {{ channel = 2, a = "{group}.3:{udp}" }}
definition = {{ channel = 3, a = "{group}.4:{udp}" }}

[[instrument]]
symbol = "ESH4"
price_increment = "0.25"
min_price = "0.25"
max_price = "10000"
max_order_qty = 500
phase = "{phase}"

[[instrument]]
symbol = "ACME"
price_increment = "0.01"
min_price = "0.01"
max_price = "5000"
round_lot = 100
phase = "{phase}"

[[member]]
name = "ALPHA"
sessions = ["ALPHA1", "ALPHA2"]
firm_id = 7

[[member]]
name = "BETA"
sessions = ["BETA1"]
"""


def find_program(name: str) -> Path:
    """Return a program of the venue; it is built if it is not there.

    Looked for in cargo's target folder, then in the package that is installed.
    """
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / name
    for place in (target, ROOT / "core/touchline/core/bin" / name):
        if place.is_file():
            return place
    command = ["cargo", "build", "--release", "--locked", "--package", "touchline-programs"]
    subprocess.run(command, cwd=ROOT, check=True)
    return target


class RunningVenue:
    """One venue: ``start``, ``stop``, ``kill -9`` and start again, and the operator's socket.

    Parameters
    ----------
    program
        The composite program.
    folder
        Where configuration, journal, message stores and output go; made if it is not there.
    phase
        The phase of both instruments at the start of the day.
    durability
        ``"sync"`` or ``"async"``.
    extra
        More text for the end of the configuration.
    """

    comp_id = "TOUCHLINE"

    def __init__(
        self,
        program: Path,
        folder: Path,
        phase: str = "continuous",
        durability: str = "sync",
        extra: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.program = program
        self.folder = folder
        # Unix sockets have short names, and rings belong on tmpfs.
        shared_memory = Path("/dev/shm")
        parent = shared_memory if os.access(shared_memory, os.W_OK) else None
        self._run_parent = Path(tempfile.mkdtemp(prefix="touchline-test-", dir=parent))
        self.run_dir = self._run_parent / "run"
        self.address = ("127.0.0.1", _free_port(socket.SOCK_STREAM))
        self.config = folder / "venue.toml"
        self.config.write_text(
            _TOML.format(
                name=f"test{self.address[1]}",
                run_dir=self.run_dir,
                durability=durability,
                port=self.address[1],
                # An organisation's own scope (RFC 2365); the port tells venues apart as well.
                group=f"239.255.{random.randint(100, 250)}",
                udp=_free_port(socket.SOCK_DGRAM),
                phase=phase,
            )
            + extra
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program and wait until the engine answers its operators."""
        assert self.process is None
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [self.program, "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _START_S
        while True:
            code = self.process.poll()
            assert code is None, f"the venue ended at its start with {code}: {self.tail()}"
            try:
                assert self.admin({"command": "status"})["ok"] is True
                return
            except OSError:
                assert time.monotonic() < deadline, f"no answer in {_START_S} s: {self.tail()}"
                time.sleep(0.02)

    def stop(self) -> int:
        """Ask the program to stop; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.process = None
        return code

    def kill(self) -> None:
        """End the program at once (SIGKILL), as a crash would. Its run directory stays behind."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Stop cleanly, start again."""
        assert self.stop() == 0, self.tail()
        self.start()

    def close(self) -> str:
        """Stop the program if it runs, remove the run directory; return what was not clean."""
        failure = ""
        if self.process is not None:
            code = self.process.poll()
            try:
                code = self.stop() if code is None else code
            except subprocess.TimeoutExpired:
                code = None
            left = sorted(path.name for path in self.run_dir.glob("*"))
            if code != 0:
                failure = f"the venue ended with {code}: {self.tail()}"
            elif self.run_dir.exists():
                failure = f"the venue left its run directory behind, with {left}"
        shutil.rmtree(self._run_parent, ignore_errors=True)
        return failure

    def admin(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send one command to the operators' socket and return the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(10.0)
            link.connect(str(self.run_dir / "admin.sock"))
            link.sendall(json.dumps(question).encode() + b"\n")
            with link.makefile("rb") as lines:
                line = lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"half an answer: {line!r}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def set_phase(self, phase: str, symbol: str = "all") -> None:
        """Move one instrument, or all, to a phase; it is released when this returns."""
        answer = self.admin({"command": "phase", "instrument": symbol, "phase": phase})
        assert answer["ok"] is True, answer

    def figures(self, agent: str) -> dict[str, Any]:
        """Return the last figures of ``engine``, ``gateway-1`` or ``publisher``."""
        figures: dict[str, Any] = json.loads((self.run_dir / f"{agent}.stats.json").read_text())
        return figures

    @property
    def output(self) -> Path:
        """What the program has printed."""
        return self.folder / "output.txt"

    def tail(self) -> str:
        """Return the last 2,000 characters of what the program has printed."""
        return self.output.read_text(errors="replace")[-2000:]


def _free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
