"""What systemd's own tools say of the units, the users and the folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from rendered_units import SERVICES, Unit, as_root, run
from running_venue import RunningVenue

# Of 10 (UNSAFE) to 0. Strategies make machine code, and have no network instead.
EXPOSURE_MAX = {
    "engine": 1.0,
    "gateway": 1.5,
    "publisher": 1.5,
    "exporter": 1.5,
    "strategy@": 1.0,
}


def test_systemd_finds_nothing_to_say_about_any_unit(root: Path):
    folder = root / "etc/systemd/system"
    names = [path for path in sorted(folder.glob("touchline*")) if path.is_file()]
    names = [path.with_name(path.name.replace("@.", "@maker-plain.")) for path in names]
    assert len(names) == 8
    done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_less_than_its_threshold(units: dict[str, Unit], name: str):
    threshold = f"--threshold={round(EXPOSURE_MAX[name] * 10)}"
    path = units[name].path
    done = run("systemd-analyze", "security", "--no-pager", "--offline=true", threshold, path)
    print(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout


def test_users_are_made_with_the_uid_of_the_venue_file(root: Path):
    done = subprocess.run(
        as_root("systemd-sysusers", f"--root={root}"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    users = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines()]
    groups = [line.split(":") for line in (root / "etc/group").read_text().splitlines()]
    uids = {user[0]: user[2] for user in users}
    made = {"touchline", "touchline-strategy", "touchline-strategy-54321"}
    assert uids.keys() - {"root"} == made
    assert uids["touchline-strategy-54321"] == "54321"
    (strategies,) = (group[2] for group in groups if group[0] == "touchline-strategies")
    assert next(user[3] for user in users if user[0] == "touchline-strategy-54321") == strategies
    drop_in = root / "etc/systemd/system/touchline-strategy@other.service.d/10-user.conf"
    assert Unit(drop_in).values("User") == ["touchline-strategy-54321"]


def test_folders_are_made_for_these_users_and_nobody_else(root: Path, own_venue: RunningVenue):
    for tool in (("systemd-sysusers",), ("systemd-tmpfiles", "--create", "--prefix=/dev/shm")):
        command = as_root(*tool, f"--root={root}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    run_dir = (root / own_venue.run_dir.relative_to("/")).stat()
    passwd = (root / "etc/passwd").read_text().splitlines()
    groups = (root / "etc/group").read_text().splitlines()
    (uid,) = (line.split(":")[2] for line in passwd if line.startswith("touchline:"))
    (gid,) = (line.split(":")[2] for line in groups if line.startswith("touchline-strategies:"))
    assert run_dir.st_mode & 0o7777 == 0o710
    assert (run_dir.st_uid, run_dir.st_gid) == (int(uid), int(gid))


def test_a_typing_error_would_be_found(root: Path, tmp_path: Path, units: dict[str, Unit]):
    text = units["engine"].path.read_text().replace("NoNewPrivileges", "NoNewPrivilege")
    wrong = tmp_path / "touchline-wrong.service"
    wrong.write_text(text)
    done = run("systemd-analyze", "verify", "--man=no", wrong)
    assert "NoNewPrivilege" in done.stderr


def test_every_part_may_be_restarted_without_the_others(units: dict[str, Unit]):
    for name in SERVICES:
        for binding in ("BindsTo", "Requires", "Requisite"):
            assert not units[name].values(binding, "Unit"), name
        assert units[name].values("PartOf", "Unit") == ["touchline.target"]
        assert units[name].values("Restart") == ["always" if "strategy" in name else "on-failure"]
        assert units[name].values("StartLimitBurst", "Unit")
        assert os.access(units[name].values("ExecStart")[0].split()[0], os.X_OK)
