"""Targets reach a strategy of either kind, and who may set them is who should."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from probes import CompiledTargets, PlainProbe
from running_venue import RunningVenue
from strategy_venue import Here

from touchline.core import TargetsError, TargetsRefusedError, cli
from touchline.core.targets import Target, Targets, TargetsSetter, read_targets
from touchline.core.venue import Venue

HereMaker = Callable[..., Here]
LOWEST = -(2**63)
PUTS = str(Path(__file__).with_name("puts.py"))


def by_hand(**positions: int) -> Targets:
    """Targets without weights and prices."""
    return Targets("by hand", {symbol: Target(lots) for symbol, lots in positions.items()})


def setter_of(venue: RunningVenue, name: str = "maker") -> TargetsSetter:
    """The setter of a strategy's targets, as soon as the one before is gone for the engine."""
    deadline = time.monotonic() + 10.0
    while True:
        try:
            return TargetsSetter(Venue.load(venue.config), name)
        except TargetsRefusedError as error:
            assert "another process" in str(error) and time.monotonic() < deadline, error
            time.sleep(0.06)


def test_a_plain_strategy_is_told_of_a_version_and_of_its_end(here: HereMaker) -> None:
    run = here(PlainProbe)
    run.until_live()
    assert run.strategy.targets is None
    assert run.strategy.target("ESH4") is None
    put = Targets("by hand", {"ACME": Target(-4), "ESH4": Target(30, 0.25, 19_000)})
    with setter_of(run.venue) as setter:
        assert setter.put(put, valid_s=0.3) == 1
    run.until(lambda: run.strategy.of("target"), "targets")
    (told,) = run.strategy.of("target")
    assert (told.source, told.version, told.is_expired) == ("by hand", 1, False)
    assert told.targets == put.targets
    assert told.expires_time - told.published_time == 300_000_000
    assert run.strategy.target("ESH4") == Target(30, 0.25, 19_000)
    run.until(lambda: len(run.strategy.of("target")) == 2, "their end")
    late_s = time.time() - told.expires_time / 1e9
    assert 0 <= late_s < 0.5
    ended = run.strategy.of("target")[1]
    assert (ended.version, ended.is_expired, ended.get("ESH4")) == (1, True, None)
    assert run.strategy.target("ESH4") is None
    assert run.strategy.targets.targets == put.targets
    assert run.driver.counts["target"] == 2


def test_a_compiled_strategy_is_told_the_same(here: HereMaker) -> None:
    run = here(CompiledTargets)
    with setter_of(run.venue) as setter:
        setter.put(Targets("by hand", {"ESH4": Target(-30, 0.25, 19_000)}), valid_s=0.3)
        run.until(lambda: run.state["count"] == 2, "targets and their end")
        setter.put(by_hand(ACME=1), valid_s=60)
        run.until(lambda: run.state["count"] == 3, "others")
        setter.put(by_hand(ESH4=7), valid_s=60)
        run.until(lambda: run.state["count"] == 4, "others again")
    state = run.state
    assert state["lives"] == 2
    assert state["events"][:4, [0, 1, 4]].tolist() == [[1, 1, 0], [1, 1, 1], [2, 1, 0], [3, 1, 0]]
    assert state["heads"][:4, [0, 1, 3]].tolist() == [[1, 1, 0], [1, 1, 1], [2, 1, 0], [3, 1, 0]]
    assert (state["heads"][:4, 2] == state["events"][:4, 3]).all()
    assert state["found"][:4].tolist() == [[1, -30, 19_000], [0, 0, 0], [0, 0, 0], [1, 7, LOWEST]]
    assert state["weights"][0] == 0.25
    assert math.isnan(state["weights"][3])


def test_an_idle_strategy_is_told_soon_and_only_of_the_newest(here: HereMaker) -> None:
    run = here(PlainProbe)
    run.until_live()
    with setter_of(run.venue) as setter:
        for lots in range(1, 6):
            setter.put(by_hand(ESH4=lots), valid_s=60)
        began = time.monotonic()
        run.until(lambda: run.strategy.of("target"), "targets")
        assert time.monotonic() - began < 0.5
        run.driver.step(spin=False)
        assert [(one.version, one.get("ESH4").position) for one in run.strategy.of("target")] == [
            (5, 5)
        ]
        setter.clear()
        run.until(lambda: len(run.strategy.of("target")) == 2, "the end")
    cleared = run.strategy.of("target")[1]
    assert (cleared.version, cleared.is_expired, cleared.targets) == (6, True, {})


def test_targets_are_set_by_one_process_within_what_the_strategy_may_have(
    venue: RunningVenue,
) -> None:
    told = Venue.load(venue.config)
    with setter_of(venue) as setter:
        with pytest.raises(
            TargetsRefusedError, match="another process sets the targets of strategy"
        ):
            TargetsSetter(told, "maker")
        TargetsSetter(told, "slow").close()
        for wrong, part in [
            (by_hand(ESH4=201), r"ESH4: position \+201, max_position is 200"),
            (by_hand(NONE=1), "NONE: .* has no such instrument"),
            (Targets("", {}), "source '': 1 to 32 bytes"),
            (Targets("é" * 17, {}), "1 to 32 bytes"),
            (Targets("x", {"ESH4": Target(1, math.inf)}), "weight inf is no number"),
        ]:
            with pytest.raises(TargetsError, match=part):
                setter.put(wrong, valid_s=1)
        for seconds in (-1, math.nan, math.inf, 31 * 86_400 + 1):
            with pytest.raises(TargetsError, match="targets valid for"):
                setter.put(by_hand(), valid_s=seconds)
        assert read_targets(told, "maker") is None
        assert setter.put(Targets("e" * 32, {}), valid_s=60) == 1
        found = read_targets(told, "maker")
        assert found is not None and found.source == "e" * 32
    with pytest.raises(TargetsError, match="no strategy 'other'; it has maker, slow"):
        TargetsSetter(told, "other")
    venue.kill()
    with pytest.raises(TargetsRefusedError, match=r"no engine at .*; start the venue"):
        read_targets(told, "maker")


def test_the_setter_notices_the_end_of_the_engine_and_the_next_engine_has_no_targets(
    venue: RunningVenue,
) -> None:
    told = Venue.load(venue.config)
    setter = setter_of(venue)
    setter.put(by_hand(ESH4=1), valid_s=60)
    venue.kill()
    venue.start()
    with pytest.raises(TargetsRefusedError, match="has gone"):
        setter.put(by_hand(ESH4=2), valid_s=60)
    assert read_targets(told, "maker") is None
    with setter_of(venue) as setter:
        assert setter.put(by_hand(ESH4=3), valid_s=60) == 1


def test_whoever_is_killed_in_the_middle_of_a_write_leaves_whole_targets(here: HereMaker) -> None:
    run = here(PlainProbe)
    run.until_live()
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, PUTS, run.venue.config, "maker"], stdout=subprocess.PIPE
        )
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        count = len(run.strategy.of("target"))
        run.until(lambda count=count: len(run.strategy.of("target")) > count + 20, "targets")
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        run.driver.step(spin=False)
    told = run.strategy.of("target")
    for one in told:
        # The writer puts both positions and the weight from one number.
        lots = one.targets["ESH4"].position
        assert one.targets == {"ESH4": Target(lots, lots / 256, lots), "ACME": Target(-lots)}
    versions = [one.version for one in told]
    assert versions == sorted(versions)
    assert run.connection.counters()["targets_refused"] == 0
    with setter_of(run.venue) as setter:
        version = setter.put(by_hand(ESH4=7), valid_s=60)
    run.until(lambda: run.strategy.of("target")[-1].version == version, "the next")


def test_the_command_puts_shows_and_clears(
    venue: RunningVenue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*words: object) -> tuple[int, str, str]:
        code = cli.main(["targets", str(venue.config), "maker", *(str(one) for one in words)])
        told = capsys.readouterr()
        return code, told.out, told.err

    file = tmp_path / "targets.json"
    told: dict[str, Any] = {"source": "me", "valid_s": 90, "positions": {"ACME": -3, "ESH4": 12}}
    file.write_text(json.dumps(told | {"weights": {"ESH4": 0.5}, "prices": {"ESH4": "4750.25"}}))
    code, out, _ = command("put", file)
    assert (code, "2 targets of me, version 1, for 90 s" in out) == (0, True)
    code, out, _ = command("show", "--json")
    shown = json.loads(out)
    assert shown["targets"]["ESH4"] == {"position": 12, "weight": 0.5, "price": 19_001}
    assert shown["is_expired"] is False
    code, out, _ = command("clear")
    assert (code, "no targets, version 2" in out) == (0, True)
    code, out, _ = command("show")
    assert (code, "version 2 of clear, expired" in out) == (0, True)
    told["positions"]["ESH4"] = 500
    file.write_text(json.dumps(told))
    code, _, errors = command("put", file)
    assert code == 1
    assert f"{file}: targets of strategy maker: ESH4: position +500, max_position is 200" in errors
