"""`touchline exporter`: the command line of the live page and of metrics."""

from __future__ import annotations

import argparse
import ipaddress
import signal
from typing import TYPE_CHECKING

from touchline.core._commands import venue_argument
from touchline.core.errors import ConfigError
from touchline.core.venue import Venue
from touchline.marketdata.exporter.frames import Frames
from touchline.marketdata.exporter.metrics import Metrics
from touchline.marketdata.exporter.server import PageServer
from touchline.marketdata.ring_books import RingBooks
from touchline.marketdata.watch import Watch

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_exporter"]

_LISTEN = "127.0.0.1:9464"


def add_exporter(commands: Subparsers) -> None:
    """Add `touchline exporter`."""
    parser = commands.add_parser(
        "exporter",
        help="show a venue on a live page in the browser, and to Prometheus",
        description="Serves one page over HTTP that shows a venue live: ladder, trades, rates, "
        "queues, the latency of each hop, sessions, strategies; and, on /metrics, what its agents "
        "count, for Prometheus. It reads the figures and the counters in the run folder, the "
        "operators' status and the public ring, and changes nothing; it may be started before the "
        "venue and goes on when the venue stops. It asks nobody who they are, so it listens on "
        "loopback, and answers only requests whose Host is localhost, 127.0.0.1 or [::1] with its "
        "port, or a name of --allow-host. Ctrl-C ends it.",
    )
    venue_argument(parser)
    parser.add_argument(
        "--listen",
        type=_address,
        default=_LISTEN,
        metavar="ADDRESS:PORT",
        help=f"where to listen; port 0 takes a free one (default: {_LISTEN})",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer requests with this Host, too: name or name:port; may be given several times",
    )
    parser.set_defaults(run=_exporter)


def _exporter(options: argparse.Namespace) -> int:
    host, port = options.listen
    if not ipaddress.ip_address(host).is_loopback and not options.allow_host:
        raise ConfigError(
            f"{host} is not loopback, and no Host but loopback's would be answered: name what "
            "browsers will call this host with --allow-host"
        )
    venue = Venue.load(options.venue)
    # However we are ended; SIGINT, too, which a shell ignores for what it starts in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    books = RingBooks(venue)
    frames = Frames(Watch(venue, books))
    try:
        with PageServer((host, port), frames, Metrics(venue), options.allow_host) as server:
            frames.start()
            shown = f"[{host}]" if ":" in host else host
            print(f"{venue.name}: live page on http://{shown}:{server.server_port}/", flush=True)
            server.serve_forever()
    except KeyboardInterrupt:
        print("live page ended", flush=True)
    finally:
        frames.close()
        books.close()
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if host == "localhost":
            host = "127.0.0.1"
        ipaddress.ip_address(host)
        number = int(port)
        if not 0 <= number <= 65_535:
            raise ValueError(port)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address and port, such as {_LISTEN} or [::1]:9464"
        ) from error
    return host, number
