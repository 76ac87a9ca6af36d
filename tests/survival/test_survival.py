"""Engine, gateway, publisher and strategies, killed and restarted under load, again and again.

Members play the recorded day on one instrument, where every book is compared; on another one the
example strategies trade with synthetic members.

SURVIVAL_KILLS is how often each of them is killed (default 2), SURVIVAL_SEED decides when.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from process_venue import ROLES, STRATEGIES, STRATEGY_SYMBOL, Play, ProcessVenue
from told import check_told

KILLS = int(os.environ.get("SURVIVAL_KILLS", "2"))
SEED = int(os.environ.get("SURVIVAL_SEED", str(time.time_ns() % 1_000_000)))
_RECORDING = Path("l3") / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
_FIGURES_S = 10.0
_BETWEEN_S = (0.6, 1.8)
_AWAY_S = (0.0, 0.4)


def _flow(seconds: float) -> list[str]:
    """The ES day where it is there, else synthetic flow, for about so many seconds."""
    members = ["--members", "ALPHA,BETA,GAMMA,DELTA"]
    folder = os.environ.get("TOUCHLINE_DATA")
    if folder and (Path(folder) / _RECORDING).is_file():
        day = str(Path(folder) / _RECORDING)
        return ["replay", day, "--as", "market", "--fit", str(seconds), *members]
    return ["simulate", "--seed", str(SEED), "--limit", str(seconds), *members]


def _beside(seconds: float) -> list[str]:
    """Synthetic flow for the strategies, for as long."""
    flow = [
        "simulate",
        "--seed",
        str(SEED),
        "--unordered",
        "--limit",
        str(seconds),
        "--speed",
        "60",
    ]
    return [*flow, "--max-idle", "0.1", "--symbol", STRATEGY_SYMBOL, "--members", "SIGMA,TAU,OMEGA"]


class _Said:
    """What members say, read while they run."""

    def __init__(self, members: subprocess.Popen[str]) -> None:
        self.members = members
        self.last: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.members.stdout is not None
        for line in self.members.stdout:
            self.last = json.loads(line)

    def end(self, timeout_s: float) -> dict[str, Any]:
        code = self.members.wait(timeout_s)
        assert self.members.stderr is not None
        assert code == 0, self.members.stderr.read()
        self._reader.join()
        assert self.last["type"] == "summary"
        return self.last


def _cancel_s(venue: ProcessVenue, name: str, killed: float) -> tuple[float, float]:
    """Wait until the engine has cancelled what a killed strategy had open.

    Returns the seconds since it was killed, as seen from outside, and the engine's own seconds from
    noticing to the release of the last cancel.
    """
    while True:
        told = venue.strategy(name)
        if not told["connected"]:
            return time.monotonic() - killed, told["cancel_when_gone_ns"]["p50"] / 1e9
        assert time.monotonic() - killed < _FIGURES_S, told
        time.sleep(0.001)


def test_a_venue_whose_processes_are_killed_loses_nothing_and_doubles_nothing(
    venue: ProcessVenue, play: Play
) -> None:
    print(f"SURVIVAL_SEED={SEED} SURVIVAL_KILLS={KILLS}")
    chance = random.Random(SEED)
    victims = [*ROLES, "strategy"] * KILLS
    chance.shuffle(victims)
    for name in STRATEGIES:
        venue.begin(name)
    seconds = 6.0 + len(victims) * (sum(_BETWEEN_S) / 2 + sum(_AWAY_S) / 2 + 0.7)
    said = _Said(play(*_flow(seconds)))
    beside = _Said(play(*_beside(seconds)))
    while said.last.get("answered", 0) == 0:
        assert said.members.poll() is None, said.members.stderr
        time.sleep(0.05)
    under_load = 0
    cancel_s: list[tuple[float, float]] = []
    for victim in victims:
        before = said.last.get("answered", 0)
        time.sleep(chance.uniform(*_BETWEEN_S))
        under_load += said.members.poll() is None and said.last.get("answered", 0) > before
        if victim == "strategy":
            victim = chance.choice(list(STRATEGIES))
            venue.kill_role(victim)
            cancel_s.append(_cancel_s(venue, victim, time.monotonic()))
        else:
            venue.kill_role(victim)
        time.sleep(chance.uniform(*_AWAY_S))
        venue.begin(victim)
    summary = said.end(4 * seconds + 120.0)
    other = beside.end(4 * seconds + 120.0)
    fills = {name: venue.strategy(name)["fills"] for name in STRATEGIES}
    for name in STRATEGIES:
        venue.kill_role(name)
        cancel_s.append(_cancel_s(venue, name, time.monotonic()))
    assert other["timeouts"] == 0
    assert not [text for text in other["refused"] if "ClOrdID" in text], other["refused"]
    assert not [text for text in summary["refused"] if "ClOrdID" in text], summary["refused"]
    assert summary["timeouts"] == 0
    if "compared" in summary and summary["compared"] > 0:
        assert summary["first_difference"] is None
        assert summary["equal"] == summary["compared"] == summary["events"] + 1
    told = check_told(venue)
    outside, inside = (sorted(times) for times in zip(*cancel_s, strict=True))
    print(
        f"orders of {len(cancel_s)} killed strategies cancelled: seen from outside after "
        f"{outside[len(outside) // 2] * 1e3:.1f} ms (median), {outside[-1] * 1e3:.1f} ms (most); "
        f"by the engine after noticing {inside[len(inside) // 2] * 1e3:.2f} ms (median); "
        f"fills since the engine's last start: {fills}"
    )
    print(
        f"{len(victims)} kills, {under_load} of them while orders were answered; "
        f"{summary['answered']} requests answered, {summary['disconnects']} reconnects, "
        f"books equal at {summary['equal']} of {summary['compared']} event ends; "
        f"told without a hole and once: {told}"
    )
    assert under_load >= len(victims) * 0.5, "the venue was hardly ever at work when it was hit"
