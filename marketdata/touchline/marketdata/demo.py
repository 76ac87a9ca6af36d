"""`touchline demo`: a venue, order flow, and everything that can be seen of both, in one command.

The venue is a real one in a folder of its own that is removed at the end: members trade over FIX,
strategies over shared memory; the screen shows what a subscriber of the feed sees, and
what the agents have measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from touchline.core import up
from touchline.core.errors import TouchlineError
from touchline.core.replay import Members, is_sound, latency_row, members_arguments, summary_table
from touchline.core.targets import read_targets
from touchline.core.venue import Venue
from touchline.marketdata.demo_strategies import (
    FOLLOWER,
    STRATEGIES,
    DemoStrategies,
    cache_line_floor,
    strategies_tables,
)
from touchline.marketdata.ladder import ladder_table, trades_table
from touchline.marketdata.subscriber import Subscriber
from touchline.marketdata.view import HOPS

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["MEMBERS", "add_demo", "demo_venue"]

_CONFIG = Path(__file__).with_name("demo.toml")
_RECORDING = Path("l3") / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
MEMBERS = "ALPHA,BETA,GAMMA,DELTA"
_DEFAULT_PLAY_S = 120.0
_DRAW_EVERY_S = 0.25
_SAY_EVERY_S = 5.0


def add_demo(commands: Subparsers) -> None:
    """Add `touchline demo`."""
    parser = commands.add_parser(
        "demo",
        help="start a venue, play order flow through FIX, and watch",
        description="Starts a venue in a temporary folder, plays order flow through the FIX "
        "sessions of its members, lets four strategies trade, and shows book, trades, rates and "
        "latencies. The flow is the recording named by --data, or the ES day below the folder "
        "TOUCHLINE_DATA, or synthetic; the strategies trade twenty synthetic stocks. Ends "
        "with a summary; exit code 0 if nothing was lost, every compared book was equal, and every "
        "strategy traded.",
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="a recording, DBN MBO")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="end after so many seconds")
    parser.add_argument(
        "--speed",
        metavar="FACTOR",
        help='speed factor, or "max" (default: what lets the day fit into the limit, or into '
        f"{_DEFAULT_PLAY_S:.0f} s; quiet times are cut)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the synthetic flow (default: 1)")
    parser.add_argument(
        "--durability",
        choices=["sync", "async"],
        default="sync",
        help="when output is released: when it is on disk, or at once (default: sync)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the summary as JSON")
    parser.add_argument(
        "--print-config", action="store_true", help="print the configuration and start nothing"
    )
    parser.set_defaults(run=_run)


@dataclass
class Usage:
    """Processor time of processes, read from /proc: how busy the host is through us."""

    pids: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def read(self) -> None:
        """Take the times of the processes that are still there."""
        tick = os.sysconf("SC_CLK_TCK")
        for name, pid in self.pids.items():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self.seconds[name] = (int(stat[11]) + int(stat[12])) / tick

    def text(self) -> str:
        """Share of one processor for each, since the start."""
        elapsed = max(time.monotonic() - self.started, 1e-9)
        shares = (f"{name} {used / elapsed:.0%}" for name, used in self.seconds.items())
        return ", ".join(shares) + f" of one processor; the host has {os.cpu_count()}"


def _run(options: argparse.Namespace) -> int:
    if options.print_config:
        print(_CONFIG.read_text(), end="")
        return 0
    # However we are ended, the venue is stopped first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="touchline-demo-"))
    try:
        return _play(options, demo_venue(folder, options.durability))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def demo_venue(folder: Path, durability: str) -> Venue:
    """The packaged configuration, with a free port and folders of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run_dir = f"/dev/shm/touchline-demo-{os.getpid()}"
    text = _CONFIG.read_text().replace("127.0.0.1:9878", f"127.0.0.1:{port}")
    text = text.replace('durability = "sync"', f'durability = "{durability}"')
    text = text.replace(
        'name = "demo"\n', f'name = "demo"\nrun_dir = "{run_dir}"\ndata_dir = "data"\n', 1
    )
    config = folder / "venue.toml"
    config.write_text(text)
    return Venue.load(config)


def _recording(options: argparse.Namespace) -> Path | None:
    if options.data is not None:
        if not options.data.is_file():
            raise TouchlineError(f"there is no recording {options.data}")
        return Path(options.data)
    folder = os.environ.get("TOUCHLINE_DATA")
    found = Path(folder) / _RECORDING if folder else None
    return found if found is not None and found.is_file() else None


def _arguments(options: argparse.Namespace, venue: Venue, recording: Path | None) -> list[str]:
    """The command line of the members: what is played, and how fast."""
    if recording is None:
        speed = options.speed or "60"
        play = members_arguments(
            venue.config, speed, max_idle=0.2, limit=options.limit, members=MEMBERS
        )
        if options.limit is None:
            play += ["--commands", "100000"]
        return ["simulate", "--seed", str(options.seed), "--unordered", *play]
    play = members_arguments(
        venue.config, options.speed or "max", limit=options.limit, members=MEMBERS
    )
    if options.speed is None:
        at = play.index("--speed")
        fit = (options.limit or _DEFAULT_PLAY_S / 0.9) * 0.9
        play[at : at + 2] = ["--fit", str(fit)]
    return ["replay", str(recording), "--as", "market", *play]


def _play(options: argparse.Namespace, venue: Venue) -> int:
    # A log is no terminal: its lines need not be broken at 80 columns.
    console = Console() if sys.stdout.isatty() else Console(width=110)
    recording = _recording(options)
    if recording is None:
        console.print("order flow: synthetic (no recording in TOUCHLINE_DATA, none named)")
    else:
        console.print(f"order flow: {recording.name}, trades as marketable orders")
    process = up.started(venue)
    screen: Screen | None = None
    strategies: DemoStrategies | None = None
    failures: list[str] = []
    try:
        with Subscriber(venue.config) as feed:
            strategies = DemoStrategies(venue, options.seed)
            screen = Screen(venue, feed, Usage({"venue": process.pid} | strategies.pids))
            _watch(console, screen, Members(_arguments(options, venue, recording)))
            screen.keep()
            failures = strategies.stop()
            screen.finish()
    finally:
        if strategies is not None:
            strategies.stop()
        code = up.stop(venue, process)
    summary = screen.summary
    traded, idle = _traded(summary["engine"])
    failures += [f"strategy {name} has not traded" for name in idle]
    if options.json is not None:
        options.json.write_text(json.dumps(summary, indent=1) + "\n")
    console.print(_end(screen))
    console.print(f"strategies that traded: {', '.join(traded) or 'none'}")
    for failure in failures:
        console.print(failure, style="red")
    sound = code == 0 and is_sound(summary["members"]) and summary["feed"]["unrecovered_gaps"] == 0
    sound = sound and not failures
    console.print("everything held" if sound else "NOT everything held")
    return 0 if sound else 1


def _traded(engine: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the strategies that have traded, and of those that have not."""
    fills = {told["name"]: told["fills"] for told in engine.get("strategies", [])}
    traded = [name for name in STRATEGIES if fills.get(name)]
    return traded, [name for name in STRATEGIES if name not in traded]


class Screen:
    """Everything that is shown, gathered from where each part says it."""

    def __init__(self, venue: Venue, feed: Subscriber, usage: Usage) -> None:
        self.venue = venue
        self.feed = feed
        self.usage = usage
        self.told: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self._trades: list[Any] = []
        self._gauges: dict[str, Any] = {}
        self._targets: dict[str, int] = {}

    def gather(self) -> None:
        """Take what has come on the feed."""
        self.feed.poll(timeout_ms=0)
        self._trades = (self._trades + list(self.feed.trades()))[-12:]
        self.usage.read()

    def figures(self, agent: str) -> dict[str, Any]:
        """The figures that an agent wrote last."""
        try:
            read: dict[str, Any] = json.loads(self.venue.run_files[f"{agent}_stats"].read_text())
        except (OSError, json.JSONDecodeError):
            return {}
        return read

    def keep(self) -> None:
        """Keep what is not there any more at the end: gauges of strategies, and targets."""
        told = self.figures("engine").get("strategies", [])
        self._gauges = {one["name"]: one["gauges"] for one in told}
        targets = read_targets(self.venue, FOLLOWER)
        if targets is not None:
            self._targets = {symbol: one.position for symbol, one in targets.targets.items()}

    def finish(self) -> None:
        """Gather what is there at the end; the agents write once a second."""
        time.sleep(1.2)
        self.gather()
        self.summary = {
            "members": self.told,
            "feed": dict(self.feed.counters()),
            "engine": self.figures("engine"),
            "gateway": self.figures("gateway"),
            "publisher": self.figures("publisher"),
            "processor_seconds": self.usage.seconds,
            "cache_line_floor_ns": cache_line_floor(),
        }
        for one in self.summary["engine"].get("strategies", []):
            one["gauges"] = self._gauges.get(one["name"], {})
            if one["name"] == FOLLOWER:
                one["targets"] = self._targets

    def draw(self) -> RenderableType:
        """The live view."""
        instrument = self.venue.instruments[0]
        rows: list[RenderableType] = [Text(_progress(self.told)), Text(self.usage.text())]
        book = Columns(
            [ladder_table(self.feed, instrument, 10), trades_table(self._trades, instrument)]
        )
        strategies = strategies_tables(self.figures("engine"))
        return Group(*rows, book, *strategies, hops_table(self.figures("gateway")))


def _watch(console: Console, screen: Screen, members: Members) -> None:
    """Show the flow until it ends: live in a terminal, a line now and then elsewhere."""
    screen.usage.pids["members"] = members.pid
    done = threading.Event()
    failure: list[BaseException] = []

    def listen() -> None:
        try:
            for told in members:
                screen.told = told
        except TouchlineError as error:
            failure.append(error)
        finally:
            done.set()

    listener = threading.Thread(target=listen, name="members", daemon=True)
    listener.start()
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    try:
        with live or contextlib.nullcontext():
            said = 0.0
            while not done.wait(_DRAW_EVERY_S):
                screen.gather()
                if live is not None:
                    live.update(screen.draw(), refresh=True)
                elif time.monotonic() - said > _SAY_EVERY_S:
                    said = time.monotonic()
                    console.print(_progress(screen.told))
        if live is None:
            console.print(screen.draw())
    finally:
        members.close()
        listener.join()
    if failure:
        raise failure[0]


def _progress(told: dict[str, Any]) -> str:
    if not told:
        return "the members are logging on"
    sent = told["new_orders"] + told["replaces"] + told["cancels"]
    total = f" of {told['events_total']:,}" if told["events_total"] else ""
    clock = time.strftime("%H:%M:%S", time.gmtime(told["at_ns"] / 1e9))
    equal = f", books equal {told['equal']:,} of {told['compared']:,}" if told["compared"] else ""
    return (
        f"{told['seconds']:6.1f} s  flow time {clock}  events {told['events']:,}{total}  "
        f"orders {sent:,} ({sent / max(told['seconds'], 1e-9):,.0f}/s)  "
        f"executions {told['executions']:,}{equal}"
    )


def hops_table(gateway: dict[str, Any]) -> Table:
    """Latency of each hop of an order, as the gateway measures it."""
    table = Table(title="latency, us", title_justify="left")
    table.add_column("hop")
    for name in ("p50", "p99", "p99.9", "max"):
        table.add_column(name, justify="right")
    told = gateway.get("latency_ns", {})
    for title, name in HOPS:
        if name in told:
            table.add_row(*latency_row(title, told[name]))
    return table


def _end(screen: Screen) -> Group:
    """The summary."""
    summary = screen.summary
    engine, gateway, publisher = summary["engine"], summary["gateway"], summary["publisher"]
    feed = summary["feed"]
    venue = Table(title="venue", title_justify="left", show_header=False)
    venue.add_column(style="bold")
    venue.add_column(justify="right")
    for name, value in (
        ("durability", engine.get("durability")),
        ("commands sequenced", engine.get("commands")),
        ("executions", engine.get("trades")),
        ("largest exposed window, commands", engine.get("exposed_max")),
        ("packets sent, line A and B each", publisher.get("incremental", {}).get("packets")),
        ("packets that the subscriber missed on one line", feed.get("lost_on_one_line")),
        ("gaps repaired from a snapshot", feed.get("recovered_gaps")),
        ("unrecovered gaps", feed.get("unrecovered_gaps")),
        ("processor use", screen.usage.text()),
    ):
        venue.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    strategies = strategies_tables(engine, summary["cache_line_floor_ns"])
    return Group(summary_table(summary["members"]), venue, *strategies, hops_table(gateway))
