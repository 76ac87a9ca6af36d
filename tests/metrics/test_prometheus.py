"""A real Prometheus watches a real venue: every question of ours has an answer."""

from __future__ import annotations

from typing import Any

import pytest
from watched import MONITORING, ROLES, Prometheus, Watched, tool, until

from touchline.systemd.alerts import ALERTS
from touchline.systemd.panels import PANELS

COMMANDS = 1_200
QUERIES = [query for panel in PANELS for query, _ in panel.queries]


@pytest.fixture(scope="module")
def flow(watched: Watched, prometheus: Prometheus) -> dict[str, Any]:
    """What members counted of a flow that Prometheus saw from before its first order."""
    watched.begin_strategy()
    until(lambda: prometheus.query("touchline_strategy_connected == 1"), "the strategy")
    return watched.play(COMMANDS)


@pytest.fixture(scope="module")
def counted(flow: dict[str, Any], watched: Watched) -> dict[str, float]:
    """What the exporter tells when the gateway has told of the whole flow."""

    def whole() -> dict[str, float] | None:
        samples = watched.samples()
        new_orders = samples['touchline_fix_requests_total{kind="new_order"}']
        return samples if new_orders == flow["new_orders"] else None

    return until(whole, "the flow in the counters")


def test_counters_agree_with_what_members_sent_and_heard(
    flow: dict[str, Any], counted: dict[str, float]
) -> None:
    requests = 'touchline_fix_requests_total{{kind="{}"}}'
    assert counted[requests.format("cancel")] == flow["cancels"]
    assert counted[requests.format("replace")] == flow["replaces"]
    sent = flow["new_orders"] + flow["cancels"] + flow["replaces"]
    assert sent >= COMMANDS
    assert counted["touchline_gateway_commands_total"] == sent
    refused = sum(
        value for name, value in counted.items() if name.startswith("touchline_fix_refusals_total")
    )
    assert refused == 0
    hops = 'touchline_hop_seconds_count{hop="gateway_rx_to_socket_tx"}'
    assert 0 < counted[hops] <= counted["touchline_fix_messages_out_total"]
    # Both sides of every match between members, and one where the strategy is the other.
    assert counted["touchline_trades_total"] <= flow["executions"]


def test_the_counters_of_all_agents_agree_with_each_other(
    watched: Watched, counted: dict[str, float]
) -> None:
    def at_rest() -> bool:
        told = watched.samples()
        sequenced = sum(
            value for name, value in told.items() if name.startswith("touchline_commands_total")
        )
        return (
            sequenced == told["touchline_journal_commands_total"] == told["touchline_durable_seq"]
        )

    until(at_rest, "as many commands in the journal as were sequenced")
    told = watched.samples()
    assert told['touchline_strategy_commands_total{strategy="maker"}'] > 0
    assert told['touchline_strategy_tick_to_trade_seconds_count{strategy="maker"}'] > 0
    assert told['touchline_feed_packets_total{line="incremental_a"}'] > 100
    assert told["touchline_journal_fdatasync_seconds_count"] > 0


@pytest.mark.usefixtures("flow")
def test_every_query_of_the_dashboard_gives_data(prometheus: Prometheus) -> None:
    without = [query for query in QUERIES if not prometheus.query(query)]
    # One more scrape may be needed until a rate has two.
    until(lambda: not [query for query in without if not prometheus.query(query)], str(without))


@pytest.mark.usefixtures("flow")
def test_every_alert_is_loaded_and_what_it_watches_gives_data(prometheus: Prometheus) -> None:
    for alert in ALERTS:
        until(lambda alert=alert: prometheus.query(alert.value), alert.value)
    (group,) = prometheus.ask("rules")["groups"]
    loaded = {one["name"]: one for one in group["rules"]}
    assert set(loaded) == {alert.name for alert in ALERTS}
    until(
        lambda: {one["health"] for one in prometheus.ask("rules")["groups"][0]["rules"]} == {"ok"},
        "healthy rules",
    )


def test_promtool_finds_nothing_to_say(watched: Watched, prometheus: Prometheus) -> None:
    _, headers, body = watched.exporter.get("/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert tool("promtool", "check", "metrics", text=body) == ""
    tool("promtool", "check", "rules", MONITORING / "touchline.rules.yml")
    tool("promtool", "check", "config", MONITORING / "prometheus.yml")
    tool("promtool", "check", "config", prometheus.config)


@pytest.mark.usefixtures("flow", "counted")
def test_a_killed_agent_is_down_at_once_and_nothing_of_it_is_told_until_it_is_back(
    watched: Watched, prometheus: Prometheus
) -> None:
    up = 'touchline_agent_up{role="gateway"}'
    assert watched.samples()[up] == 1
    watched.kill("gateway")
    told = until(lambda: (now := watched.samples())[up] == 0 and now, "down", timeout_s=1.0)
    assert not [name for name in told if name.startswith("touchline_fix_")]
    assert [told[f'touchline_agent_up{{role="{role}"}}'] for role in ROLES] == [1, 1, 0, 1]
    until(lambda: prometheus.query(f"{up} == 0"), "down in Prometheus")
    until(lambda: _fires(prometheus), "TouchlineAgentDown")
    watched.begin("gateway")
    until(lambda: watched.samples()[up] == 1, "up")
    assert watched.samples()['touchline_fix_requests_total{kind="new_order"}'] == 0
    until(lambda: prometheus.query(f"{up} == 1"), "up in Prometheus")


def _fires(prometheus: Prometheus) -> list[Any]:
    return [
        one
        for one in prometheus.ask("alerts")["alerts"]
        if one["labels"]["alertname"] == "TouchlineAgentDown" and one["state"] == "firing"
    ]
