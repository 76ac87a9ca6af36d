"""The strategies of `touchline demo`, as processes.

Two are market makers, one plain and one compiled; one trades on the score of a model, and one
follows the targets of an optimiser.
They trade stocks, against synthetic members, so that the recorded day on the other instrument can
be compared with its own book. They are started as a user would start them, by `touchline strategy`,
and the targets are put by `touchline targets`; what they did is read from the engine's figures, not
from what they say. Model and targets are files of this package; `make demo-models` made them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from rich.table import Table

from touchline.core.errors import ProgramError
from touchline.core.programs import program
from touchline.core.replay import Members, latency_row, members_arguments
from touchline.core.venue import Venue
from touchline.marketdata.view import gauge_text

__all__ = ["STRATEGIES", "DemoStrategies", "cache_line_floor", "strategies_tables"]

MEMBERS = "SIGMA,TAU,OMEGA"
_STOCKS = Path(__file__).with_name("demo_stocks.toml")
# Every stock at twice the pace of a real day: some 450 orders a second in all.
_STOCKS_SPEED = "2"
MODELS = Path(__file__).with_name("demo_models")
FOLLOWER = "follower"
_EXAMPLES = "touchline.strategy.examples"
# Close to the touch, so that there is something to see in a minute.
_MAKER = ("edge=0.1", "interval_s=0.001")
STRATEGIES = {
    "maker-plain": (f"{_EXAMPLES}.plain_maker:PlainMaker", "symbol=JPM", *_MAKER),
    "maker-compiled": (f"{_EXAMPLES}.compiled_maker:CompiledMaker", "symbol=MSFT", *_MAKER),
    "taker": (
        f"{_EXAMPLES}.model_taker:ModelTaker",
        f"model={MODELS / 'taker.onnx'}",
        "symbol=AAPL",
        "threshold=0.1",
        "style=cross",
    ),
    FOLLOWER: (f"{_EXAMPLES}.target_follower:TargetFollower", "patience_s=1"),
}
"""Names in demo.toml; the class behind each, and its parameters."""

_STOP_S = 15.0


class DemoStrategies:
    """The strategies and the members that they trade with, from their start to their end.

    Parameters
    ----------
    venue : Venue
        The running venue of the demo.
    seed : int
        Of the synthetic flow.

    Raises
    ------
    ProgramError
        If the targets cannot be put.
    """

    def __init__(self, venue: Venue, seed: int) -> None:
        self._log = venue.config.parent / "strategies.log"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        _put_targets(venue)
        stocks = venue.instruments[1:]
        arguments = members_arguments(
            venue.config, _STOCKS_SPEED, symbol=stocks[0].symbol, members=MEMBERS
        )
        arguments += ["--instruments", str(len(stocks)), "--parameters", str(_STOCKS)]
        self._members = Members(["simulate", "--seed", str(seed), "--unordered", *arguments])
        self.told: dict[str, Any] = {}
        self._listener = threading.Thread(target=self._listen, name="synthetic", daemon=True)
        self._listener.start()
        command = [sys.executable, "-m", "touchline.core", "strategy", str(venue.config)]
        with self._log.open("ab") as log:
            for name, (place, *parameters) in STRATEGIES.items():
                given = [text for one in parameters for text in ("--param", one)]
                self._processes[name] = subprocess.Popen(
                    [*command, name, place, *given],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )

    @property
    def pids(self) -> dict[str, int]:
        """Processes by name."""
        pids = {name: process.pid for name, process in self._processes.items()}
        return pids | {"members of the stocks": self._members.pid}

    def _listen(self) -> None:
        try:
            for told in self._members:
                self.told = told
        except (ProgramError, ValueError, OSError):
            # It was ended in the middle of a line, with everything else.
            return

    def stop(self) -> list[str]:
        """End all of them; what was not clean, one sentence each."""
        failures = []
        for name, process in self._processes.items():
            process.terminate()
            try:
                code = process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            if code != 0:
                said = self._log.read_text(errors="replace")[-1_000:].strip()
                failures.append(f"strategy {name} ended with {code}: {said}")
        self._processes.clear()
        self._members.close()
        self._listener.join()
        return failures


def _put_targets(venue: Venue) -> None:
    targets = [str(venue.config), FOLLOWER, "put", str(MODELS / "follower.json")]
    command = [sys.executable, "-m", "touchline.core", "targets", *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProgramError(done.stderr.strip() or f"touchline targets ended {done.returncode}")


def cache_line_floor(rounds: int = 300_000) -> dict[str, Any]:
    """Round trip of a cache line between processes on processors 0 and 1, ns; empty without both.

    Raises
    ------
    ProgramError
        If it cannot be measured.
    """
    if not {0, 1} <= os.sched_getaffinity(0):
        return {}
    command = [str(program("touchline-floor")), "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProgramError(done.stderr.strip() or f"touchline-floor ended with {done.returncode}")
    measured: dict[str, Any] = json.loads(done.stdout)["round_trip_ns"]
    return measured


def strategies_tables(engine: dict[str, Any], floor: dict[str, Any] | None = None) -> list[Table]:
    """What the strategies have done, hold and show, and how fast they answered the market.

    Parameters
    ----------
    engine : dict
        The engine's figures; a strategy may have ``targets``, lots by symbol.
    floor : dict, optional
        As :func:`cache_line_floor` gives it.
    """
    done = Table(title="strategies", title_justify="left")
    done.add_column("strategy", style="bold")
    for name in ("orders", "refused", "fills", "lots"):
        done.add_column(name, justify="right")
    done.add_column("gauges")
    done.add_column("positions, lots (of targets)", overflow="fold")
    speed = Table(title="tick to trade, us", title_justify="left")
    speed.add_column("public record released to order at the engine")
    for name in ("p50", "p99", "p99.9", "max"):
        speed.add_column(name, justify="right")
    for told in engine.get("strategies", []):
        done.add_row(
            told["name"],
            *(f"{told[key]:,}" for key in ("commands", "rejected", "fills", "filled_qty")),
            "\n".join(f"{name} {gauge_text(value)}" for name, value in told["gauges"].items()),
            _held(told),
        )
        if told["tick_to_trade_ns"]["count"]:
            speed.add_row(*latency_row(told["name"], told["tick_to_trade_ns"]))
    if floor:
        speed.add_row(*latency_row("floor: a cache line there and back", floor))
    return [done, speed]


def _held(told: dict[str, Any]) -> str:
    """Positions, each beside its target where the strategy has targets."""
    held, wanted = told["positions"], told.get("targets", {})
    of = {symbol: f" of {lots:+,}" for symbol, lots in wanted.items()}
    texts = [
        f"{symbol} {held.get(symbol, 0):+,}{of.get(symbol, '')}"
        for symbol in dict.fromkeys((*wanted, *held))
    ]
    return ", ".join(texts) or "none"
