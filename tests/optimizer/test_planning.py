"""From prices to targets: within the capital, within the limits, or a reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_venue import ROOT, RunningVenue, find_program

from touchline.core import TargetsError, TargetsRefusedError, cli
from touchline.core.targets import read_targets
from touchline.core.targets_file import load_targets
from touchline.core.venue import Venue
from touchline.optimizer import Allocation, OptimizerError, load_prices, plan

PAGE = (ROOT / "docs/portfolios.md").read_text()
BIN = Path(sys.executable).parent


def test_the_sample_becomes_targets_of_twenty_stocks_within_the_capital(stock_venue: Venue) -> None:
    prices = load_prices(lookback=1_260)
    for method in ("hrp", "min-cvar"):
        made = plan(stock_venue, "follower", prices, Allocation(method), 1_000_000.0)
        assert made.targets.source == method
        assert set(made.targets.targets) == set(prices.columns)
        spent = 0.0
        for symbol, target in made.targets.targets.items():
            newest = float(prices[symbol].iloc[-1])
            assert target.price is not None and abs(target.price - newest * 100) <= 0.5 + 1e-6
            assert target.weight is not None
            assert abs(target.position * newest / 1e6 - target.weight) < newest / 1e6 + 1e-8
            spent += target.position * newest
        assert 0.999e6 < spent <= 1e6
        assert made.rounding.error_sum < 0.002


def test_lots_are_those_of_the_venue(make_venue_of: Callable[..., Venue]) -> None:
    prices = load_prices(symbols=["AAPL", "KO", "XOM"], lookback=300)
    made = plan(make_venue_of(round_lot="100"), "follower", prices, Allocation("hrp"), 1e6)
    bought = sum(one.position * one.lot_value for one in made.rounding.holdings)
    assert all(one.lot_value == 100 * one.price for one in made.rounding.holdings)
    assert bought <= 1e6
    assert made.rounding.error_max < 0.02


def test_what_the_venue_does_not_trade_or_the_strategy_may_not_have_is_refused(
    make_venue_of: Callable[..., Venue],
) -> None:
    prices = load_prices(symbols=["AAPL", "KO", "XOM"], lookback=300)
    with pytest.raises(OptimizerError, match="does not trade KO, XOM: choose others by --symbols"):
        plan(make_venue_of(["AAPL"]), "follower", prices, Allocation("hrp"), 1e6)
    with pytest.raises(TargetsError, match=r"KO: position \+[\d,]+, max_position is 100,000"):
        plan(make_venue_of(), "follower", prices, Allocation("hrp"), 1e9)
    with pytest.raises(TargetsError, match="no strategy 'other'; it has follower"):
        plan(make_venue_of(), "other", prices, Allocation("hrp"), 1e6)


def test_the_command_writes_a_file_that_can_be_put(
    stock_venue: Venue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "targets.json"
    words = ["optimise", stock_venue.config, "follower", "--method", "min-cvar", "--into", file]
    words += ["--capital", "500000", "--valid-s", "120", "--lookback", "300"]
    assert cli.main([str(one) for one in words]) == 0
    out = capsys.readouterr().out
    assert "min-cvar by HIGHS, 299 returns" in out
    assert "rounding to lots moves" in out
    targets, valid_s = load_targets(file, stock_venue, "follower")
    assert (targets.source, valid_s, len(targets.targets)) == ("min-cvar", 120.0, 20)


@pytest.mark.parametrize(
    ("more", "code", "part"),
    [
        (["--prices", "no.csv"], 1, "no.csv"),
        (["--symbols", "AAPL,NONE"], 1, "has no NONE"),
        (["--capital", "-5"], 2, "invalid"),
        (["--capital", "nan"], 2, "invalid"),
        (["--valid-s", "1e9"], 2, "invalid"),
        (["--max-weight", "0.001"], 1, "max_weight is 0.001"),
        (["--capital", "1"], 1, "buys no lot of anything"),
    ],
)
def test_the_command_says_what_is_wrong(
    stock_venue: Venue, tmp_path: Path, capsys: Any, more: list[str], code: int, part: str
) -> None:
    words = ["optimise", str(stock_venue.config), "follower", "--method", "hrp"]
    words += ["--capital", "500000", "--into", str(tmp_path / "targets.json"), *more]
    try:
        ended: Any = cli.main(words)
    except SystemExit as end:
        ended = end.code
    assert ended == code
    assert part in capsys.readouterr().err
    assert not (tmp_path / "targets.json").exists()


def test_without_an_engine_it_says_so_before_anything_is_computed(stock_venue: Venue) -> None:
    words = [str(stock_venue.config), "follower", "--method", "hrp", "--capital", "5"]
    options = cli.parser().parse_args(["optimise", *words])
    with pytest.raises(TargetsRefusedError, match="no engine at"):
        options.run(options)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[[str, dict[str, str]], None]]:
    """Starts a venue of the page; it is stopped at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(command: str, environment: dict[str, str]) -> None:
        process = subprocess.Popen(
            command.split(), stdout=subprocess.PIPE, cwd=tmp_path, env=environment, text=True
        )
        started.append(process)
        assert process.stdout is not None and "is up" in process.stdout.readline()

    yield start
    for process in started:
        process.terminate()
        process.communicate()


def test_the_quick_start_of_the_page_runs(
    tmp_path: Path, up: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def shell(text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            capture_output=True,
            timeout=90,
            check=False,
            cwd=tmp_path,
            env=environment,
            text=True,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    written, used = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    before, start = written.strip().rsplit("\n", 1)
    shell(before)
    # The same venue, on ports that nobody else has.
    free = RunningVenue(find_program("touchline-venue"), tmp_path / "free")
    (group, port), *_ = re.findall(r'a = "(239\.255\.\d+)\.\d:(\d+)"', free.config.read_text())
    config = tmp_path / "venue.toml"
    text = config.read_text().replace("127.0.0.1:9878", f"127.0.0.1:{free.address[1]}")
    text = re.sub(r'"239\.255\.77\.(\d):310\d\d"', rf'"{group}.\1:{port}"', text)
    config.write_text(text.replace('name = "demo"', f'name = "demo{port}"', 1))
    free.close()
    up(start, environment)
    out = shell(used)
    assert "min-cvar by HIGHS, 249 returns" in out
    assert re.search(r"portfolio: version 1 of min-cvar, expires in 3,\d+ s", out)
    assert "strategy portfolio has stopped" in out
    assert re.search(r"events .*target 1", out)
    found = read_targets(Venue.load(config), "portfolio")
    assert found is not None and set(found.targets) == {"PORT1", "PORT2"}
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    assert "{'PORT1': Target(position=" in capsys.readouterr().out
