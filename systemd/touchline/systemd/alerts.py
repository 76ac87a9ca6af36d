"""When somebody should look: the alerts, and the rules file that Prometheus reads."""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["ALERTS", "Alert", "rules"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes
    ----------
    name : str
        As Prometheus shows it.
    value, threshold : str
        PromQL of what is watched, and the comparison that makes it an alert.
    lasts : str
        How long it must hold, as Prometheus writes durations.
    severity : str
        ``critical``: the market suffers; ``warning``: it may soon.
    summary : str
        One sentence, with ``{{ $labels.x }}`` and ``{{ $value }}``.
    """

    name: str
    value: str
    threshold: str
    lasts: str
    severity: str
    summary: str


ALERTS = (
    Alert(
        "TouchlineUnwatched",
        'up{job="touchline"}',
        "== 0",
        "10s",
        "warning",
        "The exporter at {{ $labels.instance }} does not answer.",
    ),
    Alert(
        "TouchlineAgentDown",
        "touchline_agent_up",
        "== 0",
        "3s",
        "critical",
        "The {{ $labels.role }} does not run, or has told nothing for five seconds.",
    ),
    Alert(
        "TouchlineJournalSlow",
        "histogram_quantile(0.99, "
        "sum by (le) (rate(touchline_journal_fdatasync_seconds_bucket[1m])))",
        "> 0.05",
        "1m",
        "warning",
        "One fdatasync in a hundred takes longer than {{ $value }} s.",
    ),
    Alert(
        "TouchlineHeldByJournal",
        "sum(rate(touchline_held_by_journal_total[1m]))",
        "> 0",
        "30s",
        "critical",
        "Commands wait because the journal is behind.",
    ),
    Alert(
        "TouchlineReaderLapsed",
        "sum by (ring) (increase(touchline_ring_lapses_total[5m]))",
        "> 0",
        "0s",
        "warning",
        "The reader of the {{ $labels.ring }} ring was overtaken; it caught up from the journal.",
    ),
    Alert(
        "TouchlineFeedGap",
        "sum by (line) (increase(touchline_feed_dropped_total[5m]) "
        "+ increase(touchline_feed_send_failed_total[5m]))",
        "> 0",
        "0s",
        "warning",
        "Line {{ $labels.line }} of the feed has lost packets.",
    ),
    Alert(
        "TouchlineStrategyThrottled",
        "sum by (strategy) (rate(touchline_strategy_throttled_total[1m]))",
        "> 0",
        "30s",
        "warning",
        "Strategy {{ $labels.strategy }} sends faster than it may.",
    ),
    Alert(
        "TouchlineStrategyGone",
        "touchline_strategy_connected",
        "== 0",
        "30s",
        "warning",
        "Strategy {{ $labels.strategy }} is not connected; its orders were cancelled.",
    ),
)
"""All of them."""

_HEAD = "# Alerts of a Touchline venue. Written by touchline.systemd.alerts; docs/metrics.md.\n"


def rules() -> str:
    """The rules file. Every text is a JSON string, which YAML reads as it is."""
    lines = [_HEAD, "groups:\n", "  - name: touchline\n", "    rules:\n"]
    for alert in ALERTS:
        lines.append(
            f"      - alert: {alert.name}\n"
            f"        expr: {json.dumps(f'{alert.value} {alert.threshold}')}\n"
            f"        for: {alert.lasts}\n"
            f"        labels: {{ severity: {alert.severity} }}\n"
            f"        annotations: {{ summary: {json.dumps(alert.summary)} }}\n"
        )
    return "".join(lines)
