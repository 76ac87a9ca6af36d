"""What Prometheus gets: the counters files of a venue, as the text of one scrape.

The agents write; this reads, at each scrape anew. An agent that does not run, or has not told for
five seconds, is down, and then nothing of it is told but that: what its file still says is of the
past. A file that is none of this build is refused by name, in a metric and once in the log.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from touchline.core.counters import BOUNDS_NS, AgentCounters, Metric, read_counters
from touchline.core.errors import CountersError
from touchline.core.venue import Venue
from touchline.marketdata.view import Figures

__all__ = ["AGENTS", "CONTENT_TYPE", "OWN", "Metrics", "VenueCollector"]

AGENTS = ("engine", "journal", "gateway", "publisher")
"""The agents of a venue, by role, each with a counters file of its own."""

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Content-Type of the text."""

OWN = {
    "touchline_agent_up": "1 if the agent runs and has told within five seconds, else 0.",
    "touchline_agent_start_time_seconds": "When the agent started, since the epoch.",
    "touchline_counters_refused": "1 where a counters file is not read: what is wrong with it.",
    "touchline_strategy_value": "What a strategy shows of itself by a name, such as a score.",
    "touchline_scrape_seconds": "How long it took to read all counters files for this answer.",
}
"""Gauges that are the exporter's own, with their help."""

# Every other bound of a file, which makes 1.0 and 1.5 times each power of two: enough for a
# quantile, at half the series.
_LE = [(at, repr(bound / 1e9)) for at, bound in enumerate(BOUNDS_NS)][::2]
# Names that a strategy may show values by, at most.
_VALUES_MAX = 16
# A text is told again for so long, however many ask.
_KEPT_S = 0.2


class Metrics:
    """The text of a scrape, made at most five times a second. Any number of threads may ask.

    Parameters
    ----------
    venue : Venue
        Whose; it need not be running.
    """

    def __init__(self, venue: Venue) -> None:
        self._collector = VenueCollector(venue)
        self._guard = threading.Lock()
        self._made = float("-inf")
        self._text = b""

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        with self._guard:
            if time.monotonic() - self._made > _KEPT_S:
                self._text = generate_latest(self._collector)
                self._made = time.monotonic()
            return self._text


class VenueCollector(Collector):
    """Collects what the counters files of a venue say.

    Parameters
    ----------
    venue : Venue
        Whose; it need not be running.
    """

    def __init__(self, venue: Venue) -> None:
        self._files = {role: venue.run_files[f"{role}_counters"] for role in AGENTS}
        self._refused: dict[str, str] = {}
        self._figures = venue.run_files["engine_stats"]
        self._strategies = {one.name for one in venue.strategies}

    def collect(self) -> Iterator[Family]:
        """Read all files; yield a family for each name."""
        start = time.perf_counter()
        own = {name: GaugeMetricFamily(name, text) for name, text in OWN.items()}
        families: dict[str, Family] = {}
        for role in AGENTS:
            agent = self._agent(role, own["touchline_counters_refused"])
            is_live = agent is not None and agent.is_live
            _add(own["touchline_agent_up"], {"role": role}, float(is_live))
            if agent is None or not is_live:
                continue
            _add(own["touchline_agent_start_time_seconds"], {"role": role}, agent.started_s)
            if role == "engine":
                self._add_values(own["touchline_strategy_value"])
            for metric in agent.metrics:
                family = families.get(metric.name)
                if family is None:
                    families[metric.name] = family = _family(metric)
                _sample(family, metric)
        _add(own["touchline_scrape_seconds"], {}, time.perf_counter() - start)
        yield from own.values()
        yield from families.values()

    def _add_values(self, family: Family) -> None:
        """Add what strategies show: under names of theirs, so in the engine's figures alone."""
        figures = Figures()
        figures.read(self._figures)
        if figures.are_old:
            return
        for one in figures.told.get("strategies", []):
            if one["name"] not in self._strategies:
                continue
            for name, value in list(one.get("gauges", {}).items())[:_VALUES_MAX]:
                if value is not None:
                    _add(family, {"strategy": one["name"], "name": name}, float(value))

    def _agent(self, role: str, refused: Family) -> AgentCounters | None:
        """What an agent told, unless its file is not there or not to be believed."""
        try:
            agent = read_counters(self._files[role])
            if agent.role != role:
                raise CountersError("role", f"{self._files[role]} is of role {agent.role!r}")
        except CountersError as error:
            if error.fault != "missing":
                _add(refused, {"role": role, "fault": error.fault}, 1.0)
                if self._refused.get(role) != str(error):
                    print(f"touchline: {error}", file=sys.stderr, flush=True)
                    self._refused[role] = str(error)
            return None
        self._refused.pop(role, None)
        return agent


def _family(metric: Metric) -> Family:
    """An empty family; the library wants the name of a counter without its ending."""
    return Family(metric.name.removesuffix("_total"), metric.help, metric.kind)


def _add(family: Family, labels: dict[str, str], value: float) -> None:
    family.add_sample(family.name, labels, value)


def _sample(family: Family, metric: Metric) -> None:
    labels = dict(metric.labels)
    if metric.kind != "histogram":
        family.add_sample(metric.name, labels, metric.value)
        return
    counts = list(accumulate(metric.buckets))
    for at, bound in _LE:
        family.add_sample(f"{metric.name}_bucket", labels | {"le": bound}, counts[at])
    family.add_sample(f"{metric.name}_bucket", labels | {"le": "+Inf"}, counts[-1])
    family.add_sample(f"{metric.name}_count", labels, counts[-1])
    family.add_sample(f"{metric.name}_sum", labels, metric.value)
