"""`touchline exporter`: a venue's figures over HTTP, read-only, to whoever may see its feed."""

from __future__ import annotations

from touchline.marketdata.exporter.command import add_exporter
from touchline.marketdata.exporter.frames import Frames, TooManyWatchersError
from touchline.marketdata.exporter.metrics import Metrics, VenueCollector
from touchline.marketdata.exporter.server import PageServer, allowed_hosts

__all__ = [
    "Frames",
    "Metrics",
    "PageServer",
    "TooManyWatchersError",
    "VenueCollector",
    "add_exporter",
    "allowed_hosts",
]
