"""`touchline train`: from a recorded day to a model file and an honest report."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

    from touchline.core.cli import Subparsers
    from touchline.models.tape import Day
    from touchline.models.training import Options, Trained

__all__ = ["add_train", "train_tape"]

_PACKAGES = ("touchline", "lightgbm", "numpy")


def add_train(commands: Subparsers) -> None:
    """Add `touchline train`."""
    parser = commands.add_parser(
        "train",
        help="train a model of the mid's move on a recorded day, and say how good it is",
        description="Trains trees that foretell the move of the mid over a horizon from order-book "
        "features, and writes model.txt (LightGBM), model.onnx (what a strategy loads; only if it "
        "scores as model.txt does, bit for bit), report.json and report.md into a folder. "
        "RECORDING is a tape (the public records of a venue, as `touchline replay --into` and "
        "`touchline simulate --into` write them), or a recorded day, which is played through the "
        "venue's matcher first; then --venue says on which instrument. Needs the research extra: "
        'pip install "touchline[research]". docs/models.md explains the report.',
    )
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="a tape or a recording")
    parser.add_argument(
        "--into", type=Path, required=True, metavar="FOLDER", help="where the files go"
    )
    parser.add_argument(
        "--horizon",
        default="1s",
        metavar="TIME",
        help="how far ahead: 1s, 500ms, or 20b for 20 book changes (default: 1s)",
    )
    parser.add_argument(
        "--venue", type=Path, metavar="VENUE.toml", help="venue of a recording, and of its symbols"
    )
    parser.add_argument(
        "--symbol", help="instrument of the venue (default: its first, or the tape's only one)"
    )
    parser.add_argument(
        "--instrument", type=int, metavar="N", help="the same by its number, for a tape"
    )
    parser.add_argument(
        "--as",
        dest="mode",
        choices=["book", "market"],
        default="market",
        help="how a recording is played, as in `touchline replay` (default: market, for only then "
        "there are trades; ITCH and Bitstamp need book)",
    )
    parser.add_argument("--seed", type=int, default=1, help="decides what is drawn (default: 1)")
    parser.add_argument(
        "--trees", type=int, default=100, metavar="N", help="trees at most (default: 100)"
    )
    parser.add_argument(
        "--embargo",
        type=float,
        metavar="SECONDS",
        help="time between two parts beside the horizon (default: 10, the features' memory)",
    )
    parser.set_defaults(run=_run)


def train_tape(
    tape: Path,
    into: Path,
    *,
    instrument_id: int | None = None,
    options: Options | None = None,
    source: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on a tape, and write model.txt, model.onnx, report.json and report.md.

    Parameters
    ----------
    tape : Path
        Public records of any venue; see :mod:`touchline.models.tape`.
    into : Path
        A folder; it is made if it is not there.
    instrument_id : int, optional
        Which instrument; by default the only one that is not idle.
    options : Options, optional
        How to train.
    source : dict, optional
        ``name``, ``sha256`` and ``instrument`` of the recording; by default the tape's.
    progress : rich.progress.Progress, optional
        Where to show how far it is.

    Returns
    -------
    dict
        The report.

    Raises
    ------
    TapeError, DaySplitError, ResearchMissingError, ParityError
        What cannot be trained on, or with.
    """
    from touchline.models.tape import Tape
    from touchline.models.training import Options, train

    options = options or Options()
    began = time.perf_counter()
    say = _teller(progress)
    with _task(progress, "books and features") as advance:
        day = Tape(tape).day(instrument_id, progress=advance)
    trained = train(day, options, say=say)
    source = source or {
        "name": tape.name,
        "sha256": _sha256(tape),
        "instrument": str(day.instrument_id),
    }
    into.mkdir(parents=True, exist_ok=True)
    report = {"source": source, **trained.report}
    say("export, and parity of the file with the model")
    parity = _write_models(into, trained, day, options, source)
    report["parity"] = {
        "rows": parity.row_count,
        "difference_max": parity.difference_max,
        "onnxruntime_difference_max": parity.portable_difference_max,
    }
    report["made"] = _made(options, time.perf_counter() - began)
    _write_report(into, report)
    return report


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from touchline.models.labels import Horizon
    from touchline.models.research import research
    from touchline.models.tape import Tape
    from touchline.models.training import Options

    horizon = Horizon.parse(options.horizon)
    chosen = Options(horizon=horizon, seed=options.seed, rounds_max=options.trees)
    if options.embargo is not None:
        embargo_ns = round(options.embargo * 1e9)
        chosen = Options(**{**vars(chosen), "embargo_ns": embargo_ns})
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        options.into.mkdir(parents=True, exist_ok=True)
        instrument_id, symbol = _instrument(options)
        source = {
            "name": options.recording.name,
            "sha256": _sha256(options.recording),
            "instrument": symbol or str(instrument_id or ""),
        }
        research("lightgbm")  # before a day is played for nothing
        tape = options.recording
        if not Tape.is_tape(tape):
            tape = options.into / "recording.tape"
            _press(options, tape, progress)
        if not source["instrument"]:
            source["instrument"] = ", ".join(map(str, Tape(tape).traded_ids()))
        train_tape(
            tape,
            options.into,
            instrument_id=instrument_id,
            options=chosen,
            source=source,
            progress=progress,
        )
    print((options.into / "report.md").read_text())
    print(f"written to {options.into}: model.txt, model.onnx, report.json, report.md")
    return 0


def _instrument(options: argparse.Namespace) -> tuple[int | None, str]:
    """Number and symbol of the instrument, as far as they were given."""
    from touchline.core.venue import Venue
    from touchline.models.errors import TapeError
    from touchline.models.tape import Tape

    if options.venue is None:
        if options.symbol is not None:
            raise TapeError("--symbol needs --venue: only a configuration knows symbols")
        if not Tape.is_tape(options.recording):
            raise TapeError(
                f"{options.recording} is no tape; as a recording it needs --venue, whose matcher "
                "plays it (`touchline demo --print-config > venue.toml` writes one)"
            )
        return options.instrument, ""
    venue = Venue.load(options.venue)
    if options.symbol is not None:
        one = venue.instrument(options.symbol)
        return one.id, one.symbol
    if options.instrument is not None or Tape.is_tape(options.recording):
        return options.instrument, ""
    return venue.instruments[0].id, venue.instruments[0].symbol


def _press(options: argparse.Namespace, tape: Path, progress: Progress) -> None:
    """Play a recording through the matcher, onto a tape."""
    from touchline.core.replay import Members

    arguments = ["replay", str(options.recording), "--as", options.mode]
    arguments += ["--config", str(options.venue.absolute()), "--into", str(tape)]
    if options.symbol is not None:
        arguments += ["--symbol", options.symbol]
    members = Members(arguments)
    summary: dict[str, Any] = {}
    try:
        with _task(progress, "recording through the matcher") as advance:
            for told in members:
                summary = told
                if told["events_total"]:
                    advance(told["events"], told["events_total"])
    finally:
        members.close()
    equal, compared = summary["equal"], summary["compared"]
    progress.console.print(
        f"{summary['tape_records']:,} public records; books equal to the recording's at "
        f"{equal:,} of {compared:,} event ends"
    )


def _write_models(
    into: Path, trained: Trained, day: Day, options: Options, source: dict[str, str]
) -> Any:
    """model.txt, and model.onnx if it scores alike; what the comparison found."""
    from touchline.models.export import write_if_alike
    from touchline.models.lightgbm_onnx import export

    figures = trained.report["day"]
    metadata = {
        "predicts": "move of the mid over the horizon, ticks",
        "horizon": str(options.horizon),
        "instrument": source["instrument"],
        "recording": source["name"],
        "recording_sha256": source["sha256"],
        "begin_ns": str(figures["begin_ns"]),
        "end_ns": str(figures["end_ns"]),
        "seed": str(options.seed),
        "versions": json.dumps(_versions()),
    }
    (into / "model.txt").write_text(trained.model_text)
    content = export(trained.model_text, metadata=metadata)
    return write_if_alike(trained.model_text, content, into / "model.onnx", day.rows)


def _write_report(into: Path, report: dict[str, Any]) -> None:
    from touchline.models.report import markdown

    (into / "report.json").write_text(json.dumps(_plain(report), indent=2) + "\n")
    (into / "report.md").write_text(markdown(report))


def _plain(value: Any) -> Any:
    """With None in place of NaN, which JSON has not."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}


def _made(options: Options, seconds: float) -> dict[str, Any]:
    """When, of what and where the report was made: all that it takes to make it again."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _commit(),
        "machine": _machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "versions": _versions(),
        "seed": options.seed,
        "seconds": seconds,
    }


def _commit() -> str:
    """The commit of the sources that this runs from; "none" outside a clone."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    here = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return "none"
    return done.stdout.strip() or "none"


def _machine() -> str:
    """The processor, as Linux names it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def _sha256(path: Path) -> str:
    from touchline.models.errors import TapeError

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TapeError(f"{path} cannot be read: {error.strerror}") from error


def _teller(progress: Progress | None) -> Callable[[str], None]:
    if progress is None:
        return lambda _: None
    return lambda text: progress.console.print(text)


@contextmanager
def _task(progress: Progress | None, title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how much is done, of how much."""
    if progress is None:
        yield lambda done, total: None
        return
    task = progress.add_task(title, total=None)
    yield lambda done, total: progress.update(task, completed=done, total=total)
    progress.update(task, total=1, completed=1)
