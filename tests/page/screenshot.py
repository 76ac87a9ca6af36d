"""Makes docs/live-page.png: the live page of the venue of `touchline demo`.

    .venv/bin/python tests/page/screenshot.py [FILE]

Starts a venue of its own, plays seeded flow into it at sixty times the speed of a real day, lets
the strategies of the demo trade stocks beside it, looks at the page after two minutes, and stops
everything.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser import Browser
from exporter import Exporter
from running_venue import ROOT

from touchline.core import ProgramError, up
from touchline.core.replay import Members, members_arguments
from touchline.marketdata.demo import MEMBERS, demo_venue
from touchline.marketdata.demo_strategies import DemoStrategies

BYTES_MAX = 350_000


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
        venue = demo_venue(folder, "sync")
        process = up.started(venue)
        exporter = Exporter(venue.config)
        browser = Browser(folder / "profile", height=1215)
        strategies = DemoStrategies(venue, seed=1)
        flow = members_arguments(venue.config, "60", max_idle=0.2, members=MEMBERS)
        members = Members(["simulate", "--seed", "1", "--unordered", *flow])
        threading.Thread(target=read, args=[members], daemon=True).start()
        try:
            browser.open(exporter.url)
            time.sleep(options.seconds)
            png = browser.screenshot()
        finally:
            strategies.stop()
            members.close()
            browser.close()
            exporter.close()
            up.stop(venue, process)
    assert len(png) < BYTES_MAX, f"{len(png)} bytes"
    options.file.write_bytes(png)
    print(f"{options.file}: {len(png)} bytes")


if __name__ == "__main__":
    main()
