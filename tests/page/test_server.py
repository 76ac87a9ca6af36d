"""Whom the live page answers, and that nobody can hang it. The venue need not run for this."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from exporter import Exporter
from running_venue import RunningVenue

from touchline.core import cli

WATCHERS = 16
CONNECTIONS = 64


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration of a venue that is not started."""
    venue = RunningVenue(Path("not started"), tmp_path_factory.mktemp("page"))
    yield venue.config
    venue.close()


@pytest.fixture(scope="module")
def page(config: Path) -> Iterator[Exporter]:
    running = Exporter(config, "--allow-host", "desk.example", "--allow-host", "Other.Example:80")
    yield running
    running.close()


Capture = pytest.CaptureFixture[str]


@contextlib.contextmanager
def restored_signals() -> Iterator[None]:
    """Give back what the command does with signals: it expects to be a process of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_every_file_of_the_page_is_served_with_a_strict_policy(page: Exporter) -> None:
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/charts.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ):
        status, headers, body = page.get(path)
        assert (status, headers["Content-Type"]) == (200, kind)
        assert len(body.encode()) == int(headers["Content-Length"]) > 100
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers
        assert not [
            word
            for word in ("https:", "http:")
            if word in body.replace("http://www.w3.org/2000/svg", "")
        ], f"{path} names another place"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "desk.example"])
def test_the_names_of_loopback_and_allowed_ones_are_answered(page: Exporter, host: str) -> None:
    assert page.get("/", f"{host}:{page.port}")[0] == 200


def test_an_allowed_name_without_a_port_may_stand_behind_a_proxy(page: Exporter) -> None:
    assert page.get("/", "desk.example")[0] == 200
    assert page.get("/", "other.example:80")[0] == 200
    assert page.get("/", f"other.example:{page.port}")[0] == 421


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost",
        "127.0.0.1:1",
        "localhost.evil:{port}",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/live", "/nothing"])
def test_any_other_host_gets_a_refusal_and_nothing_else(
    page: Exporter, host: str, path: str
) -> None:
    status, headers, body = page.get(path, host.format(port=page.port))
    assert (status, body) == (421, "421 Misdirected Request\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_no_host_and_two_hosts_are_refused(page: Exporter) -> None:
    assert page.ask("GET / HTTP/1.0\r\n\r\n")[0] == 421
    mine = f"Host: 127.0.0.1:{page.port}\r\n"
    assert page.ask(f"GET / HTTP/1.1\r\n{mine}Host: evil.example\r\n\r\n")[0] == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"])
def test_only_get_is_answered(page: Exporter, method: str) -> None:
    head = f"{method} / HTTP/1.1\r\nHost: localhost:{page.port}\r\nContent-Length: 0\r\n\r\n"
    status, headers, body = page.ask(head)
    assert (status, headers["Allow"]) == (405, "GET")
    assert body == ("" if method == "HEAD" else "405 Method Not Allowed\n")


@pytest.mark.parametrize(
    "path", ["/nothing", "/../page.css", "/page", "/page.css/", "/live/x", "/live?symbol=NONE", "*"]
)
def test_an_unknown_path_is_not_found_and_not_repeated(page: Exporter, path: str) -> None:
    assert page.get(path)[::2] == (404, "404 Not Found\n")


def test_a_head_that_is_too_large_is_refused(page: Exporter) -> None:
    assert page.get("/" + "x" * 70_000)[0] == 414
    host = f"Host: localhost:{page.port}\r\n"
    assert page.ask(f"GET / HTTP/1.1\r\n{host}Long: {'x' * 70_000}\r\n\r\n")[0] == 431
    many = "A: b\r\n" * 200
    assert page.ask(f"GET / HTTP/1.1\r\n{host}{many}\r\n")[0] == 431


def test_there_are_so_many_connections_and_no_more(page: Exporter) -> None:
    with contextlib.ExitStack() as links:
        for _ in range(CONNECTIONS):
            links.enter_context(page.connect())
        time.sleep(0.2)
        with page.connect() as one_more:
            assert one_more.recv(1) == b""
    deadline = time.monotonic() + 5
    while True:  # they have gone: there is room again
        with contextlib.suppress(OSError):
            assert page.get("/")[0] == 200
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def watch(page: Exporter, links: contextlib.ExitStack, room_bytes: int = 1 << 16) -> socket.socket:
    """A connection that watches and reads no more than the first bytes of the answer."""
    link = links.enter_context(socket.socket())
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
    link.settimeout(10)
    link.connect(("127.0.0.1", page.port))
    link.sendall(f"GET /live HTTP/1.1\r\nHost: localhost:{page.port}\r\n\r\n".encode())
    assert link.recv(12) in (b"HTTP/1.0 200", b"HTTP/1.0 503")
    return link


def is_refused(page: Exporter) -> bool:
    """Whether one more may not watch."""
    with page.connect() as link:
        link.sendall(f"GET /live HTTP/1.1\r\nHost: localhost:{page.port}\r\n\r\n".encode())
        return link.recv(12) == b"HTTP/1.0 503"


def is_ended(link: socket.socket) -> bool:
    """Whether the other side has ended a connection, to which another byte is sent."""
    try:
        link.sendall(b"a")
    except OSError:
        return True
    return False


def test_clients_who_read_nothing_or_send_half_a_request_hold_up_nobody_and_are_ended(
    page: Exporter,
) -> None:
    with contextlib.ExitStack() as links:
        for _ in range(WATCHERS):
            watch(page, links, room_bytes=1)  # the system makes it as little as it can
        slow = [links.enter_context(page.connect()) for _ in range(CONNECTIONS // 2)]
        for link in slow:
            link.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        started = time.monotonic()
        assert page.get("/")[0] == 200
        assert page.get("/live")[::2] == (503, "503 Service Unavailable\n")
        assert time.monotonic() - started < 2
        # One goes on byte by byte; the time for a whole head is bounded all the same.
        while not is_ended(slow[0]) or is_refused(page):
            assert time.monotonic() - started < 20
            time.sleep(0.1)
        for link in slow[1:]:
            with contextlib.suppress(ConnectionResetError):
                assert link.recv(1) == b""


def test_a_frame_of_a_venue_that_is_not_running_says_so(page: Exporter) -> None:
    with contextlib.ExitStack() as links:
        lines = links.enter_context(watch(page, links).makefile("rb"))
        frame = next(line for line in lines if line.startswith(b"data: "))
        view = json.loads(frame.removeprefix(b"data: "))
    assert view["is_running"] is False
    assert view["feed"]["is_silent"] is True
    assert "/" not in frame.decode(), "a path of the host"
    assert [symbol for symbol, _ in view["symbols"]] == ["ESH4", "ACME"]
    assert view["strategies"] == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "somewhere:80", "127.0.0.1:65536", "127.0.0.1:-1", ":80", ""]
)
def test_what_is_no_address_is_wrong_usage(address: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["exporter", f"--listen={address}"])
    assert f"{address!r} is no address and port, such as 127.0.0.1:9464" in capsys.readouterr().err


def test_an_address_where_no_host_would_be_answered_is_refused(capsys: Capture) -> None:
    assert cli.main(["exporter", "--listen", "0.0.0.0:9464"]) == 1
    assert "0.0.0.0 is not loopback" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(config: Path, page: Exporter, capsys: Capture) -> None:
    with restored_signals():
        assert cli.main(["exporter", str(config), "--listen", f"127.0.0.1:{page.port}"]) == 1
    refusal = f"cannot listen on 127.0.0.1:{page.port}: Address already in use"
    assert refusal in capsys.readouterr().err
