"""The `touchline` command: complete help, refusals that say why, exit codes that mean something."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from touchline.core import ConfigError, Venue, admin, cli
from touchline.core.errors import TouchlineError

TOUCHLINE = Path(sys.executable).parent / "touchline"
COMMANDS = sorted(entry.name for entry in importlib.metadata.entry_points(group=cli.COMMAND_GROUP))
WRONG = """\
[venue]
name = "two words"
[[instrument]]
symbol = "ESH4"
price_increment = "0.25"
min_price = "0.30"
max_price = "10000"
"""


def touchline(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [TOUCHLINE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command_with_a_line_of_its_own():
    told = touchline("--help")
    assert told.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^    {name}\b", told.stdout, re.MULTILINE), name
    assert "not available" not in told.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_each_of_its_options(name):
    told = touchline(name, "--help")
    assert told.returncode == 0
    parser = next(
        action.choices[name] for action in cli.parser()._actions if action.dest == "command"
    )
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{name}: {action.dest}"


def test_the_version_is_that_of_the_distribution():
    told = touchline("--version")
    assert told.stdout.split() == ["touchline", importlib.metadata.version("touchline")]


def test_wrong_usage_is_exit_code_two():
    assert touchline().returncode == 2
    assert touchline("fly").returncode == 2
    assert touchline("phase", "venue.toml", "ESH4", "lunch").returncode == 2


def test_a_command_that_cannot_be_imported_is_listed_with_the_reason(monkeypatch, capsys):
    broken = EntryPoint("broken", "touchline.core.nowhere:add", cli.COMMAND_GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [broken])
    assert "not available: No module named" in re.sub(r"\s+", " ", cli.parser().format_help())
    assert cli.main(["broken"]) == 1
    assert "broken is not available" in capsys.readouterr().err


def test_check_names_every_fault_with_its_place_and_starts_nothing(tmp_path):
    config = tmp_path / "venue.toml"
    config.write_text(WRONG)
    told = touchline("check", config)
    assert told.returncode == 1
    for place in ("venue.name", "instrument[1].min_price", "member"):
        assert place in told.stderr
    assert list(tmp_path.iterdir()) == [config]


def test_a_configuration_that_is_not_there_is_said_by_its_name(tmp_path):
    missing = tmp_path / "none.toml"
    for command in (["status", missing], ["up", missing], ["phase", missing, "all", "call"]):
        told = touchline(*command)
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.startswith(f"touchline: cannot read {missing}: ")


def test_the_venue_in_python_is_the_venue_of_the_configuration(make_config):
    venue = Venue.load(make_config().config)
    acme = venue.instrument("ACME")
    assert (acme.id, acme.price_increment, acme.min_price, acme.round_lot) == (2, "0.01", 1, 100)
    assert [member.name for member in venue.members] == ["ALPHA", "BETA"]
    assert [session.comp_id for session in venue.sessions] == ["ALPHA1", "ALPHA2", "BETA1"]
    assert venue.run_files["admin_socket"].parent == venue.run_dir
    assert venue.incremental.b is not None
    assert venue.snapshot.b is None
    with pytest.raises(ConfigError, match="no instrument 'NONE'; it has ESH4, ACME"):
        venue.instrument("NONE")


def test_status_and_phase_speak_with_a_running_venue(venue):
    told = touchline("status", "--json", venue.config)
    assert told.returncode == 0, told.stderr
    engine = json.loads(told.stdout)["engine"]
    assert [one["phase"] for one in engine["instruments"]] == ["continuous", "continuous"]
    changed = touchline("phase", venue.config, "ACME", "halt")
    assert (changed.returncode, changed.stderr) == (0, "")
    assert re.fullmatch(r"test\d+: ACME is now halt at seq \d+\n", changed.stdout)
    tables = touchline("status", venue.config).stdout
    assert re.search(r"halt .*ACME", tables)
    assert re.search(r"continuous .*ESH4", tables)
    unknown = touchline("phase", venue.config, "NONE", "halt")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no instrument 'NONE'; it has ESH4, ACME" in unknown.stderr


def test_kill_and_resume_say_what_they_did_and_status_shows_it(venue):
    killed = touchline("kill", venue.config, "--member", "BETA")
    assert (killed.returncode, killed.stderr) == (0, "")
    assert re.search(r"member BETA may enter no orders; 0 open orders cancelled", killed.stdout)
    touchline("kill", venue.config, "--session", "ALPHA2")
    status = json.loads(touchline("status", "--json", venue.config).stdout)["engine"]
    assert status["blocked"] == {
        "venue": False,
        "firms": [],
        "members": ["BETA"],
        "sessions": ["ALPHA2"],
    }
    for scope in (["--member", "BETA"], ["--session", "ALPHA2"]):
        assert touchline("resume", venue.config, *scope).returncode == 0
    status = json.loads(touchline("status", "--json", venue.config).stdout)["engine"]
    assert status["blocked"] == {"venue": False, "firms": [], "members": [], "sessions": []}
    unknown = touchline("kill", venue.config, "--session", "NOBODY")
    assert unknown.returncode == 1
    assert "no session" in unknown.stderr
    unknown = touchline("kill", venue.config, "--firm", "9")
    assert unknown.returncode == 1
    assert "no firm 9" in unknown.stderr


def test_limits_are_set_shown_and_taken_away(venue):
    limits = ("limits", venue.config, "--session", "ALPHA1")
    given = touchline(*limits, "--order-qty", "5", "--rate", "20", "--burst", "10")
    assert (given.returncode, given.stderr) == (0, "")
    assert re.search(r"session ALPHA1: order_qty 5, rate_per_s 20, burst 10, seq \d+", given.stdout)
    status = json.loads(touchline("status", "--json", venue.config).stdout)["engine"]
    assert status["limits"] == [
        {"session": "ALPHA1", "order_qty": 5, "position": 0, "rate_per_s": 20, "burst": 10}
    ]
    gone = touchline(*limits, "--none")
    assert re.search(r"session ALPHA1: none, seq \d+", gone.stdout)
    status = json.loads(touchline("status", "--json", venue.config).stdout)["engine"]
    assert status["limits"] == []


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        ([], 2, "give at least one limit, or --none alone"),
        (["--none", "--position", "5"], 2, "give at least one limit, or --none alone"),
        (["--position", "-1"], 1, "position is -1, must be a whole number"),
        (["--rate", "5"], 1, "rate_per_s is 5, burst is 0: both must be 0, or neither"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(venue, options, code, why):
    told = touchline("limits", venue.config, "--session", "ALPHA1", *options)
    assert told.returncode == code
    assert why in told.stderr


def test_an_operator_is_told_what_the_venue_refuses(venue):
    with pytest.raises(TouchlineError, match=r"refuses dance: .*must be status, phase, halt"):
        admin.ask(Venue.load(venue.config), {"command": "dance"})


def test_nobody_answers_where_no_venue_runs(make_config):
    told = touchline("status", make_config().config)
    assert told.returncode == 1
    assert "does not answer at" in told.stderr
    assert "`touchline up" in told.stderr


def test_output_that_nobody_reads_is_no_traceback(venue):
    with subprocess.Popen(
        [TOUCHLINE, "status", venue.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
