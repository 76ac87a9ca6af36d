"""`touchline up`: a venue in the foreground, from its start to its clean stop.

The venue is one child process. It is in a process group of its own, so that Ctrl-C reaches it once,
through us; and it dies with us, whatever ends us. After it has stopped, the files of its run
directory are gone, also when it was killed.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from touchline.core import admin
from touchline.core._commands import venue_argument
from touchline.core.errors import ProgramError, VenueRunningError, VenueUnreachableError
from touchline.core.programs import HUGE_PAGES, program
from touchline.core.venue import Venue

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_up", "clear_run_dir", "started", "stop"]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_ASK_EVERY_S = 0.05


def add_up(commands: Subparsers) -> None:
    """Add `touchline up`."""
    parser = commands.add_parser(
        "up",
        help="start a venue in the foreground",
        description="Starts the venue of a configuration, waits until it answers, and says in one "
        "line where. Runs until it is interrupted (Ctrl-C, SIGTERM) or the venue ends; stops the "
        "venue cleanly and removes its run directory. The journal and the message stores stay in "
        "the data directory, and the next start goes on from there.",
    )
    venue_argument(parser)
    parser.add_argument(
        "--start-timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="give up if the venue does not answer by then; it replays its journal first "
        "(default: 60)",
    )
    parser.add_argument(
        "--stop-timeout",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="kill the venue if it has not stopped by then (default: 15)",
    )
    parser.set_defaults(run=_up)


def started(venue: Venue, timeout_s: float = 60.0) -> subprocess.Popen[bytes]:
    """Start a venue and wait until its admin socket answers.

    Raises
    ------
    VenueRunningError
        If one answers there already.
    ProgramError
        If the program is not there, ends, or does not answer within ``timeout_s``; nothing is left
        running then.
    """
    with contextlib.suppress(VenueUnreachableError):
        admin.status(venue, timeout_s=1.0)
        raise VenueRunningError(
            f"{venue.name} runs already: {venue.run_files['admin_socket']} answers"
        )
    # One that was killed has left it; the venue writes it when its agents run.
    venue.run_files["gateway_stats"].unlink(missing_ok=True)
    process = subprocess.Popen(
        [program("touchline-venue"), "--config", venue.config],
        stdin=subprocess.DEVNULL,
        env={**HUGE_PAGES, **os.environ},
        process_group=0,
        preexec_fn=_die_with_parent,
    )
    try:
        _wait(venue, process, time.monotonic() + timeout_s)
    except BaseException:
        stop(venue, process, timeout_s=1.0)
        raise
    return process


def stop(venue: Venue, process: subprocess.Popen[bytes], timeout_s: float = 15.0) -> int:
    """Stop a venue cleanly, and clear its run directory.

    It is killed if it takes longer than ``timeout_s``, or if we are interrupted once more.

    Returns
    -------
    int
        The exit code of the program; negative if a signal ended it.
    """
    process.terminate()
    try:
        process.wait(timeout_s)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
    clear_run_dir(venue)
    return process.returncode


def clear_run_dir(venue: Venue) -> None:
    """Remove the files that a venue makes in its run directory, and the directory if it is empty.

    Nothing else is touched, for the directory is the configuration's choice.
    """
    for path in venue.run_files.values():
        for left in [path, *path.parent.glob(f"{path.stem}.new.*")]:
            left.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty, or gone: both are fine
        venue.run_dir.rmdir()


def _up(options: argparse.Namespace) -> int:
    venue = Venue.load(options.venue)
    # Both are KeyboardInterrupt from here on; SIGINT, too, which a shell ignores for what it starts
    # in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    process = None
    try:
        process = started(venue, options.start_timeout)
        _print_line(venue, process.pid, admin.status(venue))
        code = process.wait()
        clear_run_dir(venue)
    except KeyboardInterrupt:
        if process is None:
            return 130
        code = stop(venue, process, options.stop_timeout)
    if code != 0:
        raise ProgramError(f"{venue.name} ended with {_exit(code)}")
    print(f"{venue.name} stopped", flush=True)
    return 0


def _wait(venue: Venue, process: subprocess.Popen[bytes], deadline: float) -> None:
    while True:
        code = process.poll()
        if code is not None:
            raise ProgramError(f"{venue.name} ended at its start with {_exit(code)}")
        missing: Exception | None = None
        try:
            # The engine answers before the gateway has its port, and when it has got none.
            admin.status(venue, timeout_s=1.0)
            if venue.run_files["gateway_stats"].exists():
                return
        except VenueUnreachableError as error:
            missing = error
        if time.monotonic() > deadline:
            told = missing or "its gateway does not run"
            raise ProgramError(f"{venue.name} was started, but {told}") from missing
        time.sleep(_ASK_EVERY_S)


def _print_line(venue: Venue, pid: int, told: dict[str, Any]) -> None:
    host, port = venue.fix_address
    group, feed_port = venue.incremental.a
    seq = f", seq {told['seq']}" if "seq" in told else ""
    print(
        f"{venue.name} is up: FIX {host}:{port} ({venue.comp_id}), feed {group}:{feed_port}, "
        f"durability {venue.engine['durability']}{seq}, pid {pid}; Ctrl-C stops it",
        flush=True,
    )


def _die_with_parent() -> None:
    """In the child, before the program: SIGTERM to it when its parent dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
