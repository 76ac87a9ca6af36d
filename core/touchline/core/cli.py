"""The `touchline` command.

Its subcommands are entry points of the group ``touchline.commands``: each names a function that is
called with argparse's subparsers and adds a parser, whose default ``run`` takes the parsed options
and returns an exit code. So this module knows none of them, and core imports nothing that stands
above it.

Exit codes: 0 done; 1 refused or failed, said on standard error; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING

from touchline.core.errors import TouchlineError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["COMMAND_GROUP", "main", "parser"]

COMMAND_GROUP = "touchline.commands"
"""The entry-point group of subcommands."""

_EPILOG = """\
A first venue:
  touchline check venue.toml     is the configuration right?
  touchline up venue.toml        start it; Ctrl-C stops it
  touchline status venue.toml    ask it how it is, from another terminal

`touchline COMMAND --help` tells everything about a command.
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line, with every installed subcommand in the order of its name."""
    root = argparse.ArgumentParser(
        prog="touchline",
        description="A trading venue on one Linux host: FIX order entry, SBE multicast.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"touchline {version('touchline')}")
    commands = root.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    for entry in sorted(entry_points(group=COMMAND_GROUP), key=lambda entry: entry.name):
        _add(commands, entry)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; see the module for the exit codes."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except TouchlineError as error:
        print(f"touchline: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has gone (`touchline status | head`). Python would complain again when
        # it flushes at exit, so standard output leads nowhere from here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _add(commands: Subparsers, entry: EntryPoint) -> None:
    """Add one subcommand; one whose module cannot be imported is listed with the reason."""
    try:
        add = entry.load()
    except (ImportError, AttributeError) as error:
        reason = f"not available: {error}"
        broken = commands.add_parser(entry.name, help=reason, description=reason)
        broken.set_defaults(run=lambda _: _refuse(entry.name, reason))
    else:
        add(commands)


def _refuse(name: str, reason: str) -> int:
    raise TouchlineError(f"{name} is {reason}")
