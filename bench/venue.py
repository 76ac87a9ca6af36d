"""The venue that is measured, in a folder of its own, from its start to its end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from touchline.core import up
from touchline.core.venue import Venue

__all__ = ["figures", "running"]

_TOML = Path(__file__).with_name("venue.toml")
_WRITTEN_EVERY_S = 1.0


@contextlib.contextmanager
def running(durability: str, wait: str) -> Iterator[Venue]:
    """A venue with this durability and this way of waiting; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-bench-"))
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        ports = tcp.getsockname()[1], udp.getsockname()[1]
    text = _TOML.read_text()
    for key, value in {
        "RUN_DIR": f"/dev/shm/touchline-bench-{os.getpid()}",
        "DURABILITY": durability,
        "WAIT": wait,
        "PORT": str(ports[0]),
        "UDP": str(ports[1]),
    }.items():
        text = text.replace(key, value)
    config = folder / "venue.toml"
    config.write_text(text)
    venue = Venue.load(config)
    process = up.started(venue)
    try:
        yield venue
    finally:
        up.stop(venue, process)
        shutil.rmtree(folder, ignore_errors=True)


def figures(venue: Venue, agent: str) -> dict[str, Any]:
    """What an agent has counted until now; it writes that once a second."""
    time.sleep(2 * _WRITTEN_EVERY_S)
    told: dict[str, Any] = json.loads(venue.run_files[f"{agent}_stats"].read_text())
    return told
