"""A running `touchline exporter`, and HTTP by hand."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

__all__ = ["TOUCHLINE", "Exporter"]

TOUCHLINE = Path(sys.executable).parent / "touchline"


class Exporter:
    """The command in the background, on a free port of loopback.

    Parameters
    ----------
    config
        The venue's configuration.
    options
        More of the command line.
    """

    def __init__(self, config: Path, *options: str) -> None:
        command = [TOUCHLINE, "exporter", config, "--listen", "127.0.0.1:0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:(\d+)/)$", line.strip())
        assert found, line
        self.url, self.port = found[1], int(found[2])

    def close(self) -> None:
        """Interrupt it; it must end cleanly."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=10)
        assert (self.process.returncode, said) == (0, "live page ended\n")

    def connect(self) -> socket.socket:
        """Open a connection, with 10 s for everything."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, request: str) -> tuple[int, dict[str, str], str]:
        """Send bytes; return the status, the headers and the body until the connection ends."""
        with self.connect() as link:
            link.sendall(request.encode())
            return self.answer(link)

    def get(self, path: str, host: str | None = None) -> tuple[int, dict[str, str], str]:
        """GET a path, with a Host of ours or another."""
        host = f"127.0.0.1:{self.port}" if host is None else host
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")

    @staticmethod
    def answer(link: socket.socket) -> tuple[int, dict[str, str], str]:
        """Read an answer to the end of the connection."""
        data = b""
        while chunk := link.recv(65_536):
            data += chunk
        if not data:
            raise ConnectionError("the connection was ended without an answer")
        head, _, body = data.decode().partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return int(status.split()[1]), headers, body
