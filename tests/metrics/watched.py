"""A venue in three processes with a strategy, its exporter, and a Prometheus that watches it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter import Exporter
from running_venue import ROOT, RunningVenue, find_program

__all__ = ["MONITORING", "ROLES", "Prometheus", "Watched", "tool", "until"]

MONITORING = ROOT / "systemd/touchline/systemd/monitoring"
ROLES = ("engine", "journal", "gateway", "publisher")
_PROCESSES = ("engine", "gateway", "publisher")
_MAKER = "touchline.strategy.examples.plain_maker:PlainMaker"
_STRATEGY = """
[[strategy]]
name = "maker"
member = "ALPHA"
max_order_qty = 50
max_position = 200
max_orders_per_s = 10000
order_burst = 10000
"""
_SCRAPE_MS = 250
_WAIT_S = 20.0


def until(holds: Callable[[], Any], what: str, timeout_s: float = _WAIT_S) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.05)
    return answer


def tool(*command: str | Path, text: str | None = None) -> str:
    """Run a command that must succeed, with `text` as its input; return what it said."""
    words = [str(word) for word in command]
    ended = subprocess.run(words, input=text, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


class Watched:
    """The venue: processes that can be killed one by one, and what members said."""

    def __init__(self, folder: Path) -> None:
        self.venue = RunningVenue(find_program("touchline-venue"), folder, extra=_STRATEGY)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for role in _PROCESSES:
            self.begin(role)
        until(self._answers, "the gateway")
        self.exporter = Exporter(self.venue.config)

    def begin(self, role: str) -> None:
        """Start one process of the venue; all others wait for the engine."""
        self._start(role, [find_program(f"touchline-{role}"), "--config", self.venue.config])

    def begin_strategy(self) -> None:
        """Start the market maker."""
        touchline = Path(sys.executable).parent / "touchline"
        self._start("maker", [touchline, "strategy", self.venue.config, "maker", _MAKER])

    def kill(self, role: str) -> None:
        """End a process as a crash would."""
        process = self.processes.pop(role)
        process.kill()
        process.wait()

    def play(self, commands: int) -> dict[str, Any]:
        """Play synthetic flow through FIX; return what the members counted."""
        members = find_program("touchline-members")
        options = ["--config", self.venue.config, "--commands", str(commands)]
        told = subprocess.run(
            [members, "simulate", *options], capture_output=True, text=True, timeout=60
        )
        assert told.returncode == 0, told.stderr
        said: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
        return said

    def samples(self) -> dict[str, float]:
        """What the exporter tells now, by name with labels."""
        status, _, body = self.exporter.get("/metrics")
        assert status == 200
        lines = [line.rpartition(" ") for line in body.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def close(self) -> None:
        """Stop everything, the engine last."""
        self.exporter.close()
        for role in reversed(self.processes):
            self.processes[role].terminate()
        for process in self.processes.values():
            process.wait(15)
        self.venue.close()

    def _start(self, role: str, command: list[str | Path]) -> None:
        with self.venue.output.open("ab") as output:
            self.processes[role] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def _answers(self) -> bool:
        try:
            socket.create_connection(self.venue.address, 1).close()
        except OSError:
            return False
        return True


class Prometheus:
    """Debian's Prometheus with the files that we ship, but for the address and the interval."""

    def __init__(self, folder: Path, watched_port: int) -> None:
        folder.mkdir()
        config = (MONITORING / "prometheus.yml").read_text()
        for ours, here in (
            ("127.0.0.1:9464", f"127.0.0.1:{watched_port}"),
            ("_interval: 1s", f"_interval: {_SCRAPE_MS}ms"),
        ):
            assert ours in config
            config = config.replace(ours, here)
        (folder / "prometheus.yml").write_text(config)
        shutil.copy(MONITORING / "touchline.rules.yml", folder)
        self.config = folder / "prometheus.yml"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._url = f"http://{address}"
        self._output = folder / "output.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self.config}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                    f"--web.listen-address={address}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        until(self._is_ready, "Prometheus")

    def ask(self, path: str, **question: str) -> Any:
        """Ask the HTTP API; return its data."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(question)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{question}: {error.read().decode()}") from error
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression: str) -> list[float]:
        """The values of an expression now; NaN is no value."""
        result = self.ask("query", query=expression)["result"]
        values = [float(one["value"][1]) for one in result]
        return [value for value in values if value == value]

    def close(self) -> None:
        """Stop it; it must end cleanly."""
        self.process.terminate()
        assert self.process.wait(15) == 0, self._output.read_text()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self._output.read_text()
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
