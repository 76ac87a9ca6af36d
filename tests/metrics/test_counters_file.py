"""Counters files that are no longer, not yet, or of somebody else."""

from __future__ import annotations

import fcntl
import json
import os
import random
import struct
import time
from itertools import pairwise
from pathlib import Path

import pytest
from watched import Watched

from touchline.core.counters import BOUNDS_NS, SILENT_AFTER_S, read_counters
from touchline.core.errors import CountersError
from touchline.core.venue import Venue
from touchline.marketdata.exporter import VenueCollector

ALIVE_WORD = 16


@pytest.fixture(scope="module")
def told(watched: Watched) -> bytes:
    """The counters file of a running engine."""
    return (watched.venue.run_dir / "engine.counters").read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.counters"


def fault(path: Path, data: bytes) -> str:
    """Write a file; return what is wrong with it."""
    path.write_bytes(data)
    with pytest.raises(CountersError, match="is no counters file") as caught:
        read_counters(path)
    return caught.value.fault


def word(data: bytes, at: int, value: int) -> bytes:
    return data[: at * 8] + struct.pack("<Q", value) + data[at * 8 + 8 :]


def test_a_file_tells_role_process_times_and_every_value_with_its_labels(watched: Watched) -> None:
    agent = read_counters(watched.venue.run_dir / "engine.counters")
    assert (agent.role, agent.is_live) == ("engine", True)
    assert agent.pid == watched.processes["engine"].pid
    assert 0 <= time.time() - agent.alive_s < SILENT_AFTER_S
    assert agent.started_s < agent.alive_s
    (info,) = [one for one in agent.metrics if one.name == "touchline_venue_info"]
    assert dict(info.labels)["durability"] == "sync"
    assert info.value == 1


def test_bounds_rise_by_a_quarter_at_most() -> None:
    assert (BOUNDS_NS[0], BOUNDS_NS[-1], len(BOUNDS_NS)) == (64, 1 << 34, 113)
    for lower, upper in pairwise(BOUNDS_NS):
        assert 0 < upper - lower <= lower / 4


def test_a_file_whose_writer_has_ended_is_not_live(path: Path, told: bytes) -> None:
    path.write_bytes(word(told, ALIVE_WORD, time.time_ns()))
    assert not read_counters(path).is_live


def test_a_writer_that_says_nothing_for_long_is_not_live(path: Path, told: bytes) -> None:
    path.write_bytes(word(told, ALIVE_WORD, time.time_ns() - 6_000_000_000))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not read_counters(path).is_live
        path.write_bytes(word(told, ALIVE_WORD, time.time_ns()))
        assert read_counters(path).is_live


@pytest.mark.parametrize(
    ("at", "field"), [(0, "magic"), (1, "version"), (2, "layout hash"), (3, "length")]
)
def test_a_file_of_another_build_is_refused_with_the_field_that_differs(
    path: Path, told: bytes, at: int, field: str
) -> None:
    assert fault(path, word(told, at, 2**40 + 2)) == field


def test_a_refused_file_is_told_as_a_metric_and_once_in_the_log(
    watched: Watched, told: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "venue.toml"
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    text = watched.venue.config.read_text()
    config.write_text(text.replace(str(watched.venue.run_dir), str(run_dir)))
    (run_dir / "engine.counters").write_bytes(word(told, 1, 2))
    (run_dir / "journal.counters").write_bytes(told)
    collector = VenueCollector(Venue.load(config))
    for _ in range(2):
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in collector.collect()
            for sample in family.samples
        }
        assert samples["touchline_agent_up", "engine"] == 0
        assert samples["touchline_counters_refused", "engine", "version"] == 1
        assert samples["touchline_counters_refused", "journal", "role"] == 1
        assert samples["touchline_agent_up", "publisher"] == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].endswith("is no counters file of this build: version is 0x2, not 0x1")


def test_what_strategies_show_of_themselves_is_told_while_the_engine_runs(
    watched: Watched, told: bytes, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    config = tmp_path / "venue.toml"
    text = watched.venue.config.read_text()
    config.write_text(text.replace(str(watched.venue.run_dir), str(run_dir)))
    shown = {"score": 0.25, "unknown": None} | {f"more{at}": at for at in range(40)}
    strategies = [{"name": "maker", "gauges": shown}, {"name": "stranger", "gauges": shown}]
    (run_dir / "engine.stats.json").write_text(json.dumps({"strategies": strategies}))
    (run_dir / "engine.counters").write_bytes(word(told, ALIVE_WORD, time.time_ns()))
    collector = VenueCollector(Venue.load(config))

    def values() -> dict[tuple[str, ...], float]:
        families = {one.name: one for one in collector.collect()}
        samples = families["touchline_strategy_value"].samples
        return {tuple(sample.labels.values()): sample.value for sample in samples}

    assert values() == {}
    with (run_dir / "engine.counters").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = values()
    assert found["maker", "score"] == 0.25
    assert {strategy for strategy, _ in found} == {"maker"}
    assert len(found) == 15, "16 names at most, and one has no value"


def test_a_file_that_is_not_there_is_missing(path: Path) -> None:
    with pytest.raises(CountersError, match="there is no") as caught:
        read_counters(path)
    assert caught.value.fault == "missing"


def test_a_file_that_ends_anywhere_is_refused(path: Path, told: bytes) -> None:
    for length in [*range(0, 256, 7), *range(256, len(told), 997), len(told) - 1]:
        assert fault(path, told[:length]) in ("length", "entries", "text")


def test_noise_is_refused_or_read_but_never_anything_else(path: Path, told: bytes) -> None:
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    print(f"SEED={seed}")
    chance = random.Random(seed)
    for _ in range(300):
        noisy = bytearray(told)
        # Behind what names the build, or nothing else would ever be reached.
        for _ in range(chance.randint(1, 20)):
            noisy[chance.randrange(32, len(noisy))] = chance.randrange(256)
        path.write_bytes(noisy)
        try:
            read_counters(path)
        except CountersError:
            continue
