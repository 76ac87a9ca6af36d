"""`touchline units`: write the units of a venue."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from touchline.core.venue import Venue
from touchline.systemd.install import install
from touchline.systemd.render import Installation, remarks, render

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_units"]

_NEXT = """\
next, as root:
  systemd-sysusers                              make the users
  systemd-tmpfiles --create                     make the folders
  systemctl daemon-reload
  systemctl enable --now touchline.target       start the venue, now and at each boot"""


def add_units(commands: Subparsers) -> None:
    """Add `touchline units`."""
    parser = commands.add_parser(
        "units",
        help="write systemd units for a venue",
        description="Writes the systemd units of a venue, with its users and folders, for this "
        "installation of Touchline and this venue file: etc/systemd/system, etc/sysusers.d and "
        "etc/tmpfiles.d below DIR; and in etc/touchline/prometheus what a Prometheus needs. Starts "
        "and enables nothing, and says what to run next. Files that it has not written, or that "
        "were changed since, are left alone without --force, and then nothing is written. "
        "docs/operations.md says how a venue is run with them.",
    )
    parser.add_argument("venue", type=Path, metavar="VENUE", help="the venue's configuration")
    parser.add_argument(
        "--into", type=Path, required=True, metavar="DIR", help="/, or a folder that stands for it"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what others have written")
    parser.set_defaults(run=_units)


def _units(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    installation = Installation.here()
    into = options.into.absolute()
    for line in install(render(venue, installation), into, force=options.force):
        print(line)
    for remark in remarks(venue, installation):
        print(f"touchline: {remark}", file=sys.stderr)
    if into != Path("/"):
        print(f"next: copy what is in {into} to /, with its folders")
    print(_NEXT)
    return 0
