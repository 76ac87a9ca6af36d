"""`touchline units`: what it writes, what it refuses, what it leaves alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rendered_units import run
from running_venue import RunningVenue

from touchline.core.venue import Venue
from touchline.systemd import Installation, UnitsError, install, remarks, render

_STRATEGY = "touchline-strategy@other.service.d/10-user.conf"


@pytest.fixture
def venue(own_venue: RunningVenue) -> Venue:
    """The venue of these tests, as its file describes it."""
    return Venue.load(own_venue.config)


@pytest.fixture
def files(venue: Venue) -> dict[Path, str]:
    """Its units, users and folders."""
    return render(venue, Installation.here())


def _changed(venue: Venue, folder: Path, old: str, new: str) -> Venue:
    text = venue.config.read_text()
    assert old in text
    config = folder / "changed.toml"
    config.write_text(text.replace(old, new))
    return Venue.load(config)


def test_it_says_what_it_wrote_and_what_to_run_next(own_venue: RunningVenue, tmp_path: Path):
    command = [sys.executable, "-m", "touchline.core", "units", str(own_venue.config)]
    done = run(*command, "--into", tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"written   {tmp_path}/etc/systemd/system/touchline-engine.service\n" in done.stdout
    assert f"next: copy what is in {tmp_path} to /" in done.stdout
    for word in ("systemd-sysusers", "systemd-tmpfiles --create", "systemctl daemon-reload"):
        assert word in done.stdout
    assert "strategy maker-plain has no uid" in done.stderr
    again = run(*command, "--into", tmp_path)
    assert "written" not in again.stdout
    assert f"unchanged {tmp_path}/etc/sysusers.d/touchline.conf\n" in again.stdout


def test_no_word_of_a_template_is_left_over(files: dict[Path, str]):
    assert len(files) == 13
    for text in files.values():
        assert "@NAME@" not in text
        assert not [word for word in text.split() if word.startswith("@") and word.isupper()]


def test_what_others_wrote_stays_without_force_and_then_nothing_is_written(
    files: dict[Path, str], tmp_path: Path
):
    theirs = tmp_path / "etc/systemd/system/touchline-publisher.service"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(UnitsError, match=r"touchline-publisher\.service; put your changes"):
        install(files, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [theirs]
    install(files, tmp_path, force=True)
    assert "touchline-publisher" in theirs.read_text()


def test_an_edited_unit_belongs_to_who_edited_it(files: dict[Path, str], tmp_path: Path):
    install(files, tmp_path)
    unit = tmp_path / "etc/systemd/system/touchline-engine.service"
    unit.write_text(unit.read_text() + "CPUAffinity=2\n")
    with pytest.raises(UnitsError, match=r"touchline-engine\.service"):
        install(files, tmp_path)
    assert "CPUAffinity=2" in unit.read_text()


def test_a_link_is_not_written_through(files: dict[Path, str], tmp_path: Path):
    folder, elsewhere = tmp_path / "etc/systemd/system", tmp_path / "elsewhere"
    folder.mkdir(parents=True)
    elsewhere.write_text("kept")
    (folder / "touchline.target").symlink_to(elsewhere)
    with pytest.raises(UnitsError, match=r"touchline\.target"):
        install(files, tmp_path)
    install(files, tmp_path, force=True)
    assert elsewhere.read_text() == "kept"
    assert not (folder / "touchline.target").is_symlink()


def test_a_strategy_that_is_no_longer_loses_its_user_and_nothing_else(
    files: dict[Path, str], tmp_path: Path
):
    install(files, tmp_path)
    folder = tmp_path / "etc/systemd/system"
    (folder / _STRATEGY).with_name("20-mine.conf").write_text("[Service]\n")
    fewer = {path: text for path, text in files.items() if path.name != "10-user.conf"}
    assert f"removed   {folder / _STRATEGY}" in install(fewer, tmp_path)
    assert [path.name for path in (folder / _STRATEGY).parent.iterdir()] == ["20-mine.conf"]


def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(
    files: dict[Path, str], tmp_path: Path
):
    (tmp_path / "etc").write_text("a file")
    with pytest.raises(UnitsError, match=r"cannot write units: .*etc"):
        install(files, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('data_dir = "data"', 'data_dir = "/home' + '/anna/venue"', "set data_dir in"),
        ('data_dir = "data"', 'data_dir = "/data"', "no folder of the venue's own"),
        ('data_dir = "data"', 'data_dir = "two words"', "cannot stand in a unit"),
        ('data_dir = "data"', 'data_dir = "new\\nline"', "cannot stand in a unit"),
        ('data_dir = "data"', 'data_dir = "/var/%h"', "cannot stand in a unit"),
        ('name = "other"', 'name = "a/b"', "'a/b' cannot be the instance of a unit"),
        ('name = "other"', 'name = "-x"', "'-x' cannot be the instance of a unit"),
        ("uid = 54321", "uid = 0", "none may run as root"),
    ],
)
def test_what_cannot_be_a_unit_is_refused_by_name(venue: Venue, old: str, new: str, says: str):
    changed = _changed(venue, venue.config.parent, old, new)
    with pytest.raises(UnitsError, match=says):
        render(changed, Installation.here())


def test_a_uid_that_the_host_knows_keeps_its_user(venue: Venue):
    changed = _changed(venue, venue.config.parent, "uid = 54321", "uid = 1")
    files = render(changed, Installation.here())
    drop_in = files[Path("etc/systemd/system") / _STRATEGY]
    assert "User=daemon\n" in drop_in
    assert "daemon" not in files[Path("etc/sysusers.d/touchline.conf")]


def test_what_would_keep_the_units_from_working_is_remarked(venue: Venue):
    here = Installation.here()
    hidden = Path("/ho" + "me/anna/touchline")
    told = remarks(venue, Installation(hidden, here.engine, here.gateway, here.publisher))
    assert any(line.startswith(f"{hidden} lies below /ho" + "me, which") for line in told)
    changed = _changed(venue, venue.config.parent, str(venue.run_dir), "/srv/touchline/run")
    changed.config.chmod(0o600)
    told = remarks(changed, here)
    assert any("is not below /run: rings on a disk are slow" in line for line in told)
    assert any("cannot be read by everybody" in line for line in told)
