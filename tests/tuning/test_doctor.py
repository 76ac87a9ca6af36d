"""`touchline doctor` on the host that runs the tests, whatever that host is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_venue_needs import CONFIG

from touchline.tuning import Verdict
from touchline.tuning.host import Host, cpu_list, cpu_text

TOUCHLINE = Path(sys.executable).parent / "touchline"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs/tuning.md"
SECONDS_MAX = 15


def doctor(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [TOUCHLINE, "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venue whose journal lies in a folder of the test, which does not exist yet."""
    folder = tmp_path_factory.mktemp("doctor")
    text = CONFIG.format(wait="spin", uid="uid = 0").replace("/srv/tuned", f"{folder}/journal")
    (folder / "venue.toml").write_text(text)
    return folder / "venue.toml"


def test_every_finding_of_this_host_has_a_verdict_a_meaning_and_an_advice(config: Path):
    start = time.monotonic()
    done = doctor("--json", "--venue", config)
    assert time.monotonic() - start < SECONDS_MAX
    told = json.loads(done.stdout)
    names = [finding["name"] for finding in told["findings"]]
    assert len(names) == len(set(names)) > 30
    for finding in told["findings"]:
        verdict = Verdict(finding["verdict"])
        assert finding["read"] and finding["meaning"], finding
        assert bool(finding["advice"]) == (verdict is not Verdict.GOOD), finding
    assert sum(told["counts"].values()) == len(names)
    assert done.returncode == (1 if told["counts"]["bad"] else 0)
    assert {f"jitter of core {cpu}" for cpu in os.sched_getaffinity(0)} <= set(names)
    assert {"core to core", "stolen time", "disk sync"} <= set(names)
    assert [one.name for one in config.parent.iterdir()] == ["venue.toml"]


def test_every_finding_has_a_row_in_the_document(config: Path):
    told = json.loads(doctor("--json", "--venue", config).stdout)
    rows = [line.split("|")[1].strip() for line in DOCUMENT.read_text().splitlines() if "|" in line]
    for finding in told["findings"]:
        name = "jitter of core N" if "jitter" in finding["name"] else finding["name"]
        assert name in rows, name


def test_quick_measures_nothing(config: Path):
    told = json.loads(doctor("--json", "--quick", "--venue", config).stdout)
    names = {finding["name"] for finding in told["findings"]}
    assert not {"core to core", "disk sync"} & names
    assert not [name for name in names if "jitter" in name]
    assert "stolen time" in names


def test_people_get_tables_with_what_to_do(config: Path):
    told = doctor("--quick", "--venue", config).stdout
    assert "what was found" in told
    assert "what to do" in told
    assert "could be better," in told.splitlines()[-1]


def test_a_venue_that_is_none_is_refused_with_every_fault(tmp_path: Path):
    wrong = tmp_path / "venue.toml"
    wrong.write_text(CONFIG.format(wait="run", uid=""))
    done = doctor("--quick", "--venue", wrong)
    assert done.returncode == 1
    assert "venue.wait" in done.stderr


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0-3,8", {0, 1, 2, 3, 8}),
        ("0", {0}),
        ("", set()),
        ("(null)", set()),
        ("3-1", None),
        ("0-", None),
        ("-1", None),
        ("0-99999999999", None),
        ("a", None),
        ("0,,1", None),
        ("²", None),
    ],
)
def test_a_list_of_processors_is_read_as_the_kernel_writes_it_or_not_at_all(text, cpus):
    assert cpu_list(text) == cpus
    if cpus and cpus is not None:
        assert cpu_text(frozenset(cpus)) == text


def test_what_is_no_text_and_what_is_a_folder_is_not_read(tmp_path: Path):
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    host = Host(tmp_path)
    assert host.number("noise") is None
    assert host.cpus("noise") is None
    assert host.text("") is None
    assert host.names("noise") == []
