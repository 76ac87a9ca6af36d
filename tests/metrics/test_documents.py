"""What is committed says what is told: the dashboard, the rules, and docs/metrics.md."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from grafana_foundation_sdk.models.dashboard import Dashboard
from running_venue import ROOT
from watched import MONITORING, Watched

from touchline.core import cli
from touchline.systemd.alerts import ALERTS, rules
from touchline.systemd.dashboard import dashboard_text
from touchline.systemd.panels import PANELS

DOCUMENT = ROOT / "docs/metrics.md"
_NAME = re.compile(r"\btouchline_\w+")
_HEAD = "| Metric | Kind | Labels | What |\n|---|---|---|---|\n"


def current(path: Path, text: str) -> None:
    """A committed file is as the code makes it; UPDATE=1 writes it."""
    if os.environ.get("UPDATE"):
        path.write_text(text)
    assert path.read_text() == text, f"UPDATE=1 writes {path.name}"


def test_the_committed_dashboard_and_rules_are_current(tmp_path: Path) -> None:
    current(MONITORING / "dashboard.json", dashboard_text())
    current(MONITORING / "touchline.rules.yml", rules())
    assert cli.main(["dashboard", "--into", str(tmp_path / "board.json")]) == 0
    assert (tmp_path / "board.json").read_text() == dashboard_text()


def test_grafanas_own_types_read_the_dashboard() -> None:
    told = json.loads(dashboard_text())
    read = Dashboard.from_json(told)
    assert read.title == told["title"]
    assert [one.title for one in read.panels or []] == [panel.title for panel in PANELS]
    ids = [one["id"] for one in told["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_lie_side_by_side_and_none_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboard_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_document_names_every_metric_with_its_kind_labels_and_meaning(
    watched: Watched,
) -> None:
    _, _, body = watched.exporter.get("/metrics")
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", body, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", body, re.MULTILINE))
    labels: dict[str, list[str]] = {}
    for name, named in re.findall(r"^(touchline_\w+)\{(.*)\} \S+$", body, re.MULTILINE):
        family = name if name in kinds else re.sub(r"_(bucket|count|sum)$", "", name)
        found = [one for one in re.findall(r'(\w+)="', named) if one != "le"]
        labels.setdefault(family, found)
    labels["touchline_counters_refused"] = ["role", "fault"]
    labels["touchline_strategy_value"] = ["strategy", "name"]
    rows = [
        f"| `{name}` | {kind} | {', '.join(labels.get(name, []))} | {helps[name]} |\n"
        for name, kind in sorted(kinds.items())
    ]
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(_HEAD)
    after = rest.partition("\n\n")[2]
    current(DOCUMENT, f"{before}{_HEAD}{''.join(rows)}\n{after}")


def test_queries_and_alerts_use_only_metrics_of_the_document() -> None:
    documented = set(_NAME.findall(DOCUMENT.read_text()))
    texts = [query for panel in PANELS for query, _ in panel.queries]
    texts += [alert.value for alert in ALERTS]
    used = {re.sub(r"_bucket$", "", name) for text in texts for name in _NAME.findall(text)}
    assert used <= documented
