"""`touchline dashboard`: the Grafana dashboard of a venue, made from its panels.

Grafana reads plain JSON, so that is what is built here. Whether it is JSON of the kind that Grafana
knows is checked by a test, with the types that Grafana publishes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchline.systemd.errors import UnitsError
from touchline.systemd.panels import PANELS, Panel

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_dashboard", "dashboard", "dashboard_text"]

_COLUMNS = 24
_HEIGHTS = {"stat": 4, "timeseries": 8}
_SOURCE = {"type": "prometheus", "uid": "${source}"}


def add_dashboard(commands: Subparsers) -> None:
    """Add `touchline dashboard`."""
    parser = commands.add_parser(
        "dashboard",
        help="write the Grafana dashboard of a venue",
        description="Writes a dashboard for Grafana as JSON, to be imported there or provisioned. "
        "It shows what `touchline exporter` tells Prometheus; docs/metrics.md names it all.",
    )
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="where to (default: standard output)"
    )
    parser.set_defaults(run=_dashboard)


def dashboard() -> dict[str, Any]:
    """The dashboard, as the JSON model that Grafana imports."""
    return {
        "uid": "touchline",
        "title": "Touchline venue",
        "description": "A Touchline venue: what comes in, what goes out, and how long it takes.",
        "tags": ["touchline"],
        "timezone": "utc",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "annotations": {"list": []},
        "panels": _laid_out(),
    }


def dashboard_text() -> str:
    """The dashboard as the text of its file."""
    return json.dumps(dashboard(), indent=2) + "\n"


def _laid_out() -> list[dict[str, Any]]:
    """The panels in rows, from the left, as many as fit."""
    panels: list[dict[str, Any]] = []
    x = y = height = 0
    for number, panel in enumerate(PANELS, start=1):
        if x + panel.width > _COLUMNS:
            x, y, height = 0, y + height, 0
        place = {"x": x, "y": y, "w": panel.width, "h": _HEIGHTS[panel.kind]}
        panels.append(_panel(number, panel, place))
        x, height = x + panel.width, max(height, _HEIGHTS[panel.kind])
    return panels


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": _SOURCE,
            "expr": query,
            "legendFormat": legend,
            "range": panel.kind == "timeseries",
            "instant": panel.kind == "stat",
        }
        for at, (query, legend) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": targets,
    }


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value_and_name",
        "colorMode": "none",
        "graphMode": "none",
    },
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
}


def _dashboard(options: argparse.Namespace) -> int:
    if options.into is None:
        print(dashboard_text(), end="")
        return 0
    try:
        options.into.write_text(dashboard_text())
    except OSError as error:
        raise UnitsError(f"cannot write {options.into}: {error.strerror}") from error
    return 0
