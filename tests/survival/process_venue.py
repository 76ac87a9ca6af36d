"""A venue in processes of their own, strategies beside it, each killed at will."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running_venue import ROOT, RunningVenue, find_program

__all__ = ["ROLES", "STRATEGIES", "STRATEGY_LOT", "STRATEGY_SYMBOL", "Play", "ProcessVenue"]

ROLES = ("engine", "gateway", "publisher")
_EXAMPLES = "touchline.strategy.examples"
STRATEGY_SYMBOL = "MSFT"
STRATEGY_LOT = 100
STRATEGIES = {
    "maker-plain": f"{_EXAMPLES}.plain_maker:PlainMaker",
    "maker-compiled": f"{_EXAMPLES}.compiled_maker:CompiledMaker",
}

Play = Callable[..., "subprocess.Popen[str]"]
"""Start touchline-members with the arguments given."""

_START_S = 60.0
_STOP_S = 15.0


class ProcessVenue(RunningVenue):
    """The venue of `touchline demo`, in three processes on free ports, and its strategies."""

    def __init__(self, folder: Path) -> None:
        super().__init__(find_program("touchline-venue"), folder)
        text = (ROOT / "marketdata/touchline/marketdata/demo.toml").read_text()
        text = text.replace("127.0.0.1:9878", f"{self.address[0]}:{self.address[1]}")
        group, port = re.findall(r'a = "(239\.255\.\d+)\.\d:(\d+)"', self.config.read_text())[0]
        text = re.sub(r'"239\.255\.77\.(\d):310\d\d"', rf'"{group}.\1:{port}"', text)
        places = f'name = "demo"\nrun_dir = "{self.run_dir}"\ndata_dir = "data"\n'
        self.config.write_text(text.replace('name = "demo"\n', places, 1))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, role: str) -> None:
        """Start one of the processes; all others wait for the engine."""
        if role in STRATEGIES:
            # One that was killed holds its name until the engine has seen that it has gone.
            command = [sys.executable, "-m", "touchline.core", "strategy", str(self.config), role]
            command += [STRATEGIES[role], "--reconnect", "--param", f"symbol={STRATEGY_SYMBOL}"]
        else:
            command = [str(find_program(f"touchline-{role}")), "--config", str(self.config)]
        with self.output.open("ab") as output:
            self.processes[role] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def start(self) -> None:
        """Start all of them and wait until the engine answers its operators."""
        for role in ROLES:
            self.begin(role)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                assert self.admin({"command": "status"})["ok"] is True
                return
            except OSError:
                assert time.monotonic() < deadline, f"no answer in {_START_S} s: {self.tail()}"
                time.sleep(0.02)

    def strategy(self, name: str) -> dict[str, Any]:
        """What the engine says of a strategy."""
        told = self.admin({"command": "status"})["strategies"]
        found: dict[str, Any] = next(one for one in told if one["name"] == name)
        return found

    def kill_role(self, role: str) -> None:
        """End one process at once (SIGKILL). It must have been running: none ends by itself."""
        process = self.processes.pop(role)
        assert process.poll() is None, f"the {role} had ended by itself: {self.tail()}"
        process.kill()
        process.wait()

    def close(self) -> str:
        """Stop what runs, the engine last; remove the run directory; return what was not clean."""
        failures = []
        for role in [*STRATEGIES, *reversed(ROLES)]:
            process = self.processes.pop(role, None)
            if process is None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                code: int | str = process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = "nothing: it was killed"
            if code != 0:
                failures.append(f"the {role} ended with {code}: {self.tail()}")
        shutil.rmtree(self._run_parent, ignore_errors=True)
        return "\n".join(failures)
