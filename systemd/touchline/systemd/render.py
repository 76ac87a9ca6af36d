"""Units, users and folders of a venue: texts, each with its place below ``/``.

With them comes what Prometheus needs to watch it.

The templates lie beside this file. ``@WORD@`` in them is a word of one installation, and
``@HARDENING@`` is what all units have in common. Every word is a path or a name of a narrow
alphabet, so that nothing in it means anything to systemd.
"""

from __future__ import annotations

import pwd
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from touchline.core.errors import ProgramError
from touchline.core.programs import program
from touchline.core.venue import Strategy, Venue
from touchline.systemd.errors import UnitsError

__all__ = ["STRATEGY_DROP_IN", "UNIT_FOLDER", "Installation", "remarks", "render"]

UNIT_FOLDER = Path("etc/systemd/system")
STRATEGY_DROP_IN = "10-user.conf"
"""Name of the drop-in that gives a strategy its user."""

_TEMPLATES = Path(__file__).with_name("templates")
_MONITORING = Path(__file__).with_name("monitoring")
_PROMETHEUS = Path("etc/touchline/prometheus")
_SYSUSERS = Path("etc/sysusers.d/touchline.conf")
_TMPFILES = Path("etc/tmpfiles.d/touchline.conf")
_PATH = re.compile(r"/[A-Za-z0-9_./+,:~-]+")
_INSTANCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_WORD = re.compile(r"@([A-Z_]+)@")
# What ProtectHome= and PrivateTmp= hide from a unit.
_HIDDEN = tuple(Path("/", name) for name in ("home", "root", "run/user", "tmp", "var/tmp"))
_MEMORY = (Path("/run"), Path("/dev/shm"))


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the programs of a venue lie.

    Attributes
    ----------
    touchline : Path
        The `touchline` command.
    engine, gateway, publisher : Path
        The programs.
    """

    touchline: Path
    engine: Path
    gateway: Path
    publisher: Path

    @classmethod
    def here(cls) -> Installation:
        """The installation that this process runs from.

        Raises
        ------
        ProgramError
            If a part of it is not there.
        """
        touchline = Path(sysconfig.get_path("scripts")) / "touchline"
        if not touchline.is_file():
            raise ProgramError(f"{touchline} is not there; `pip install` of Touchline makes it")
        names = ("engine", "gateway", "publisher")
        return cls(touchline, *(program(f"touchline-{name}") for name in names))


def render(venue: Venue, installation: Installation) -> dict[Path, str]:
    """Every file, by its place relative to ``/``.

    Raises
    ------
    UnitsError
        If a path or the name of a strategy cannot stand in a unit, a strategy would run as root,
        or the run or data folder lies where units cannot keep it.
    """
    words = _words(venue, installation)
    files = {
        UNIT_FOLDER / template.name: _filled(template, words)
        for template in sorted(_TEMPLATES.glob("touchline*"))
    }
    users = _users(venue.strategies)
    lines = [f'u {user} {uid}:touchline-strategies "{what}"' for user, uid, what in _new(users)]
    sysusers = _filled(_TEMPLATES / "sysusers.conf", words)
    files[_SYSUSERS] = sysusers + "".join(f"{line}\n" for line in lines)
    files[_TMPFILES] = _filled(_TEMPLATES / "tmpfiles.conf", words)
    for name in ("prometheus.yml", "touchline.rules.yml"):
        files[_PROMETHEUS / name] = (_MONITORING / name).read_text()
    for strategy in venue.strategies:
        if strategy.uid is None:
            continue
        folder = UNIT_FOLDER / f"touchline-strategy@{strategy.name}.service.d"
        user = users[strategy.uid].name
        text = f"# The uid {strategy.uid} of {venue.config}.\n[Service]\nUser={user}\n"
        files[folder / STRATEGY_DROP_IN] = text
    return files


def remarks(venue: Venue, installation: Installation) -> list[str]:
    """What would keep the units from working, as sentences; empty if nothing is known to."""
    told = []
    read = [installation.touchline, installation.engine, Path(sys.executable)]
    for path in dict.fromkeys([*read, *(one.resolve() for one in read), venue.config]):
        hidden = next((folder for folder in _HIDDEN if path.is_relative_to(folder)), None)
        if hidden is not None:
            told.append(f"{path} lies below {hidden}, which units do not see: move it, to /opt say")
    if not any(venue.run_dir.is_relative_to(folder) for folder in _MEMORY):
        told.append(f"run_dir {venue.run_dir} is not below /run: rings on a disk are slow")
    if not venue.config.stat().st_mode & 0o004:
        told.append(f"{venue.config} cannot be read by everybody: strategies and the venue must")
    for strategy in venue.strategies:
        if strategy.uid is None:
            told.append(
                f"strategy {strategy.name} has no uid in {venue.config}, and the engine will "
                "refuse its unit: give it a free one, as `uid = 971`, and run this again"
            )
    return told


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    exists: bool
    what: str


def _users(strategies: tuple[Strategy, ...]) -> dict[int, _User]:
    """The user of each uid: the one that the host has, or one of ours that is yet to be made."""
    users: dict[int, _User] = {}
    for strategy in strategies:
        if not _INSTANCE.fullmatch(strategy.name):
            raise UnitsError(
                f"strategy {strategy.name!r} cannot be the instance of a unit: its name needs to "
                "be of letters, digits, '_', '.', ':' and '-', and to begin with none of the last "
                "three"
            )
        uid = strategy.uid
        if uid is None or uid in users:
            continue
        if uid == 0:
            raise UnitsError(f"strategy {strategy.name} has uid 0: none may run as root")
        ours = f"touchline-strategy-{uid}"
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = ours
        users[uid] = _User(name, name != ours, f"Touchline strategy {strategy.name}")
    return users


def _new(users: dict[int, _User]) -> Iterator[tuple[str, int, str]]:
    """Those that sysusers makes: it also keeps those that it has made before."""
    for uid, user in users.items():
        if not user.exists:
            yield user.name, uid, user.what


def _words(venue: Venue, installation: Installation) -> dict[str, str]:
    strategies = venue.config.parent / "strategies"
    paths = {
        "VENUE": venue.config,
        "RUN_DIR": venue.run_dir,
        "DATA_DIR": venue.data_dir,
        "STRATEGIES": strategies,
        "TOUCHLINE": installation.touchline,
        "ENGINE": installation.engine,
        "GATEWAY": installation.gateway,
        "PUBLISHER": installation.publisher,
    }
    for path in paths.values():
        if not _PATH.fullmatch(str(path)):
            raise UnitsError(
                f"{str(path)!r} cannot stand in a unit: a path there is absolute, and of letters, "
                "digits and _./+,:~- only"
            )
    for key, path in (("run_dir", venue.run_dir), ("data_dir", venue.data_dir)):
        if any(path.is_relative_to(folder) for folder in _HIDDEN):
            raise UnitsError(
                f"{key} {path} lies where a unit sees nothing or a folder of its own: set {key} in "
                f'{venue.config}, for example "/run/touchline" and "/var/lib/touchline"'
            )
        if path.parent == Path("/") or path in _MEMORY:
            raise UnitsError(f"{key} {path} is no folder of the venue's own: units would own it")
    # A name is visible ASCII; '%' would begin a specifier.
    name = venue.name.replace("%", "%%").replace("\\", "/")
    return {"NAME": name, **{word: str(path) for word, path in paths.items()}}


def _filled(template: Path, words: dict[str, str]) -> str:
    text = template.read_text()
    text = text.replace("@HARDENING@\n", (_TEMPLATES / "hardening.conf").read_text())
    return _WORD.sub(lambda word: words[word[1]], text)
