"""What is measured, part by part: each gives rows of distributions, ns, floors and peers beside."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from program import ask
from venue import figures, running

from touchline.core import admin
from touchline.core.programs import program
from touchline.core.replay import Members, members_arguments
from touchline.core.venue import Venue

__all__ = ["FIX_RATES", "Row", "fix", "floors", "jitter", "matcher", "ring", "tick_to_trade"]

Distribution = dict[str, Any]
FIX_RATES = (100, 1_000)
"""Orders a second that the probe sends."""

_START_S = 120.0
_CPUS = "0,1"
_FLOW = ("ESH4", "FLOW,FLOWB")
_STRATEGIES = {
    "compiled": "touchline.strategy.examples.compiled_maker:CompiledMaker",
    "plain": "touchline.strategy.examples.plain_maker:PlainMaker",
}


@dataclass(frozen=True)
class Row:
    """One line of the table: what it is, and its distribution in ns."""

    part: str
    what: str
    kind: str
    """``measured``, ``floor`` or ``peer``."""
    ns: Distribution
    note: str = ""


def floors(binary: Path, folder: Path) -> list[Row]:
    """A cache line between processes, a block synced in a folder, a datagram to a group."""
    line = ask(program("touchline-floor"), "--cpus", _CPUS)["round_trip_ns"]
    synced = ask(binary, "disk", "--folder", str(folder))["fdatasync"]
    packet = ask(binary, "packet")["packet"]
    return [
        Row("event to packet", "a datagram handed to the system", "floor", packet),
        Row("ring", "a cache line there and back, two processes, spinning", "floor", line),
        Row("order to acknowledgement", "512 bytes and fdatasync on this disk", "floor", synced),
    ]


def jitter() -> dict[str, Any]:
    """How often, and for how long, a processor is taken from a thread that spins there."""
    told = {cpu: ask(program("touchline-jitter"), "--cpu", cpu) for cpu in _CPUS.split(",")}
    return {f"cpu {cpu}": one for cpu, one in told.items()}


def matcher(binary: Path, commands: int) -> list[Row]:
    """The matcher as a library."""
    told = ask(binary, "matcher", "--commands", str(commands))
    note = f"mean {told['mean_ns']:.0f} ns without looking at the clock"
    return [
        Row("matcher", "a command", "measured", told["command"], note),
        Row("matcher", "nothing, between two looks at the clock", "floor", told["floor"]),
    ]


def ring(binary: Path, rounds: int) -> list[Row]:
    """A record of 128 bytes there and back over two rings."""
    told = ask(binary, "ring", "--cpus", _CPUS, "--rounds", str(rounds))
    what = "a record there and back, two threads"
    return [
        Row("ring", f"{what}, spinning", "measured", told["spinning"]),
        Row("ring", f"{what}, asleep until the bell", "measured", told["parked"]),
        Row("ring", f"{what}, spinning, std::sync::mpsc", "peer", told["channel"]),
    ]


def fix(binary: Path, durability: str, rate: int, seconds: int) -> list[Row]:
    """Orders over FIX at set times, and from an event's release to its packet."""
    with running(durability, "park") as venue:
        told = ask(
            binary,
            *("fix", "--address", _address(venue), "--comp-id", "PROBE1", "--symbol", "QUIET"),
            *("--price", "4800.25", "--rate", str(rate), "--seconds", str(seconds)),
        )
        gateway, publisher = figures(venue, "gateway"), figures(venue, "publisher")
    at = f"{rate:,} orders a second, {durability}"
    part = "order to acknowledgement"
    inside = gateway["latency_ns"]["gateway_rx_to_socket_tx"]
    packet = publisher["latency_ns"]
    return [
        Row(part, f"FIX over loopback, {at}", "measured", told["order_to_acceptance"]),
        Row(part, f"of this the probe sent late, {at}", "floor", told["late"]),
        Row(part, f"of this inside the venue, {at}", "measured", inside),
        Row(part, f"as many bytes there and back over TCP, {at}", "floor", told["floor"]),
        Row("event to packet", f"released, {at}", "measured", packet["released_to_socket_tx"]),
        Row("event to packet", f"matched, {at}", "measured", packet["matched_to_socket_tx"]),
    ]


def tick_to_trade(wait: str, seconds: float) -> list[Row]:
    """Two makers answer a synthetic flow: from a public record's release to their order."""
    with running("async", wait) as venue:
        symbol, members = _FLOW
        command = [sys.executable, "-m", "touchline.core", "strategy", str(venue.config)]
        options = ["--wait", wait, "--param", f"symbol={symbol}", "--param", "interval_s=0.0005"]
        options += ["--param", "edge=0.1"]
        makers = [
            subprocess.Popen([*command, name, place, *options], stdout=subprocess.DEVNULL)
            for name, place in _STRATEGIES.items()
            # Each of them would need a processor of its own.
            if wait == "park" or name == "compiled"
        ]
        try:
            _await(venue, len(makers))
            arguments = members_arguments(
                venue.config, "60", 0.2, seconds, symbol=symbol, members=members
            )
            for _ in Members(["simulate", "--seed", "1", "--unordered", *arguments]):
                pass
            told = figures(venue, "engine")["strategies"]
        finally:
            for maker in makers:
                maker.terminate()
            codes = [maker.wait() for maker in makers]
        if any(codes):
            raise RuntimeError(f"the makers ended with {codes}")
    how = "asleep between" if wait == "park" else "spinning, with two processors for three programs"
    return [
        Row("tick to trade", f"{one['name']} maker, {how}", kind, one["tick_to_trade_ns"])
        for one in told
        for kind in ("measured" if one["name"] == "compiled" else "peer",)
        if one["tick_to_trade_ns"]["count"]
    ]


def _await(venue: Venue, count: int) -> None:
    """Wait until so many strategies are connected: a compiled one is built the first time."""
    deadline = time.monotonic() + _START_S
    while sum(one["connected"] for one in admin.status(venue)["strategies"]) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the makers have not connected in {_START_S:g} s")
        time.sleep(0.1)


def _address(venue: Venue) -> str:
    host, port = venue.fix_address
    return f"{host}:{port}"
