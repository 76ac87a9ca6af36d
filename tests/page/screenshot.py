"""Makes docs/live-page.png: the live page of a venue that synthetic members trade on.

    .venv/bin/python tests/page/screenshot.py [FILE]

Starts a venue of its own, plays seeded flow into it at sixty times the speed of a real day, looks
at the page after two minutes, and stops everything.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser import Browser
from exporter import Exporter
from running_venue import ROOT, RunningVenue, find_program

from touchline.core import ProgramError
from touchline.core.replay import Members, members_arguments

BYTES_MAX = 300_000


def read(members: Members) -> None:
    """Read what members say, which they wait for, until they are ended."""
    with contextlib.suppress(ProgramError):
        for _ in members:
            pass


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "docs/live-page.png")
    parser.add_argument("--seconds", type=float, default=130.0, help="of flow before the picture")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venue = RunningVenue(find_program("touchline-venue"), folder)
        text = venue.config.read_text().replace("max_cl_ord_ids = 65536", "max_cl_ord_ids = 524288")
        venue.config.write_text(re.sub('name = "test.*"', 'name = "demo"', text, count=1))
        venue.start()
        exporter = Exporter(venue.config)
        browser = Browser(folder / "profile")
        flow = members_arguments(venue.config, "60", max_idle=0.2)
        members = Members(["simulate", "--seed", "1", "--instruments", "2", "--unordered", *flow])
        threading.Thread(target=read, args=[members], daemon=True).start()
        try:
            browser.open(exporter.url)
            time.sleep(options.seconds)
            png = browser.screenshot()
        finally:
            members.close()
            browser.close()
            exporter.close()
            venue.close()
    assert len(png) < BYTES_MAX, f"{len(png)} bytes"
    options.file.write_bytes(png)
    print(f"{options.file}: {len(png)} bytes")


if __name__ == "__main__":
    main()
