"""The HTTP server of the live page: a few fixed files, metrics, a stream of server-sent events.

It answers GET alone, and only where Host names this server: a page of another site that resolves
its own name to this address (DNS rebinding) gets nothing. Everything has a bound: connections, the
time for a request's head, watchers, the time that one frame may take to be sent. Nothing that a
client sends is ever given back to it.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

from touchline.core.errors import TouchlineError
from touchline.marketdata.exporter.frames import Frames, TooManyWatchersError
from touchline.marketdata.exporter.metrics import CONTENT_TYPE, Metrics

__all__ = ["PageServer", "allowed_hosts"]

_CONNECTIONS_MAX = 64
_HEAD_WITHIN_S = 3.0
_SEND_WITHIN_S = 2.0
# A few frames: what waits for a watcher is soon old.
_SEND_BUFFER_BYTES = 1 << 13
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_FOLDER = Path(__file__).with_name("page")
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/charts.js": ("charts.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def allowed_hosts(port: int, names: list[str]) -> frozenset[str]:
    """What Host may say: loopback's names with our port, and others that were allowed.

    Parameters
    ----------
    port : int
        Where the server listens.
    names : list of str
        More names: one with a port as it is, one without with our port or none (behind a proxy).

    Examples
    --------
    >>> sorted(allowed_hosts(9464, ["desk.example"]))[2:4]
    ['desk.example', 'desk.example:9464']
    """
    hosts = {f"{name}:{port}" for name in _LOOPBACK}
    if port == 80:
        hosts.update(_LOOPBACK)
    for name in (name.lower() for name in names):
        has_port = ":" in name.rpartition("]")[2]
        hosts.update([name] if has_port else [name, f"{name}:{port}"])
    return frozenset(hosts)


class PageServer(ThreadingHTTPServer):
    """Serves the page on one address.

    Parameters
    ----------
    address : tuple of str and int
        Where to listen; port 0 takes a free one.
    frames : Frames
        What ``/live`` sends; started and closed by the caller.
    metrics : Metrics
        What ``/metrics`` answers.
    allow_hosts : list of str
        See :func:`allowed_hosts`.

    Raises
    ------
    TouchlineError
        If the address cannot be listened on. ``serve_forever`` raises what `frames` failed with.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = _CONNECTIONS_MAX

    def __init__(
        self,
        address: tuple[str, int],
        frames: Frames,
        metrics: Metrics,
        allow_hosts: list[str],
    ) -> None:
        self.frames = frames
        self.metrics = metrics
        self.files = {
            path: (kind, (_FOLDER / name).read_bytes()) for path, (name, kind) in _FILES.items()
        }
        self._guard = threading.Lock()
        # Each open connection, and until when its request must be here; None once it is.
        self._open: dict[Any, float | None] = {}
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            super().__init__(address, _Request)
        except OSError as error:
            raise TouchlineError(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror or error}"
            ) from error
        self.hosts = allowed_hosts(self.server_port, allow_hosts)

    def server_bind(self) -> None:
        """Bind; unlike the library's, without asking a name server who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, unless there are too many."""
        with self._guard:
            is_full = len(self._open) >= _CONNECTIONS_MAX
            if not is_full:
                self._open[request] = time.monotonic() + _HEAD_WITHIN_S
        if is_full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget and close a connection."""
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def head_is_here(self, request: Any) -> None:
        """The request of a connection was read: it has no deadline any more."""
        with self._guard:
            self._open[request] = None

    def service_actions(self) -> None:
        """Twice a second: end connections whose request does not come; fail if the frames do."""
        now = time.monotonic()
        with self._guard:
            late = [one for one, until in self._open.items() if until is not None and until < now]
        for request in late:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has gone by itself
        if self.frames.failure is not None:
            raise self.frames.failure

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; anything else is ours, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Request(BaseHTTPRequestHandler):
    """One request; the connection ends with its answer."""

    server: PageServer
    timeout = _HEAD_WITHIN_S
    server_version = "touchline"
    sys_version = ""
    # What is no file.
    _streams: ClassVar[dict[str, str]] = {"/live": "_live", "/metrics": "_metrics"}

    def parse_request(self) -> bool:
        """Read the head; go on only with a GET that is meant for us."""
        if not super().parse_request():
            return False
        self.server.head_is_here(self.request)
        named = self.headers.get_all("Host", [])
        if len(named) != 1 or named[0].strip().lower() not in self.server.hosts:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return False
        if self.command != "GET":
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
            return False
        return True

    def do_GET(self) -> None:
        """Answer: a file, metrics, or a stream."""
        path, _, query = self.path.partition("?")
        if path in self.server.files:
            self._send(HTTPStatus.OK, *self.server.files[path])
        elif path in self._streams:
            getattr(self, self._streams[path])(query)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with a refusal of one line, which repeats nothing of the request."""
        status = HTTPStatus(code)
        text = f"{status.value} {status.phrase}\n"
        self._send(status, "text/plain; charset=utf-8", text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing: what is asked here is of no interest a minute later."""

    def _metrics(self, _query: str) -> None:
        """Everything that the agents count, for Prometheus."""
        self._send(HTTPStatus.OK, CONTENT_TYPE, self.server.metrics.text())

    def _live(self, query: str) -> None:
        """Frames of one instrument, as server-sent events, until one side goes away."""
        symbol = parse_qs(query).get("symbol", self.server.frames.symbols[:1])[0]
        if symbol not in self.server.frames.symbols:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            with self.server.frames.watching(symbol) as frames:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
                # Who takes no frame for so long is dropped: the write below fails.
                self.connection.settimeout(_SEND_WITHIN_S)
                self._head(HTTPStatus.OK, "text/event-stream")
                self.wfile.write(b"retry: 1000\n\n")
                for frame in frames:
                    self.wfile.write(b"data: " + frame + b"\n\n")
        except TooManyWatchersError:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._head(status, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, length_bytes: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length_bytes is not None:
            self.send_header("Content-Length", str(length_bytes))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
