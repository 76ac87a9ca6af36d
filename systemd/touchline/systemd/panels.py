"""What the dashboard shows: its panels, and the queries behind them.

Every query is plain PromQL, without variables of Grafana's, so that a test can ask Prometheus for
each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PANELS", "Panel"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes
    ----------
    title, about : str
        Its heading, and what it shows.
    unit : str
        As Grafana names it: ``s``, ``ops``, ``Bps``, ``short``, ``bool``.
    queries : tuple of (str, str)
        PromQL, and the legend, where ``{{label}}`` stands for a label's value.
    kind : str
        ``timeseries`` or ``stat``.
    width : int
        Of 24 columns.
    """

    title: str
    about: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    width: int = 8


def _rate(name: str, by: str = "") -> str:
    total = f"rate({name}[1m])"
    return f"sum by ({by}) ({total})" if by else f"sum({total})"


def _quantiles(name: str, by: str = "") -> tuple[tuple[str, str], ...]:
    """p50 and p99 of a histogram of times."""
    labels = f"{by}, le" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple(
        (
            f"histogram_quantile({quantile}, sum by ({labels}) (rate({name}_bucket[1m])))",
            f"{legend}{title}",
        )
        for quantile, title in ((0.5, "p50"), (0.99, "p99"))
    )


_FEED_LOSS = "touchline_feed_dropped_total", "touchline_feed_send_failed_total"

PANELS = (
    Panel(
        "Agents",
        "1 while an agent runs and tells its counters.",
        "short",
        (("touchline_agent_up", "{{role}}"),),
        "stat",
    ),
    Panel(
        "Uptime",
        "Since each agent's start.",
        "s",
        (("time() - touchline_agent_start_time_seconds", "{{role}}"),),
        "stat",
    ),
    Panel(
        "Venue",
        "Name and durability: every latency is one of this mode.",
        "short",
        (("touchline_venue_info", "{{venue}}: {{durability}}"),),
        "stat",
    ),
    Panel(
        "Requests of FIX clients",
        "Application messages by what they ask for.",
        "ops",
        ((_rate("touchline_fix_requests_total", "kind"), "{{kind}}"),),
    ),
    Panel(
        "Through the matcher",
        "Commands by kind, events and trades.",
        "ops",
        (
            (_rate("touchline_commands_total", "kind"), "{{kind}}"),
            (_rate("touchline_events_total"), "events"),
            (_rate("touchline_trades_total"), "trades"),
        ),
    ),
    Panel(
        "Rejects",
        "Of the matcher by reason, and of the gateway by how it answered.",
        "ops",
        (
            (_rate("touchline_rejects_total", "reason"), "{{reason}}"),
            (_rate("touchline_fix_refusals_total", "answer"), "gateway: {{answer}}"),
        ),
    ),
    Panel(
        "Hops of an order",
        "From the byte that the gateway read to the byte that it wrote.",
        "s",
        _quantiles("touchline_hop_seconds", "hop"),
        width=12,
    ),
    Panel(
        "Disk",
        "fdatasync, once for each batch.",
        "s",
        _quantiles("touchline_journal_fdatasync_seconds"),
        width=12,
    ),
    Panel(
        "Durable lag",
        "Commands that are sequenced and may not be acknowledged yet.",
        "short",
        (("touchline_durable_lag_commands", "waiting"),),
    ),
    Panel(
        "Journal",
        "Bytes written, blocks, and commands in them.",
        "short",
        (
            (_rate("touchline_journal_bytes_total"), "bytes a second"),
            (_rate("touchline_journal_blocks_total"), "blocks a second"),
            (_rate("touchline_journal_commands_total"), "commands a second"),
        ),
    ),
    Panel(
        "Open orders",
        "Orders that rest in the books.",
        "short",
        (("touchline_open_orders", "open orders"),),
    ),
    Panel(
        "Rings",
        "Records that wait for their reader.",
        "short",
        (("touchline_ring_depth_records", "{{ring}}"),),
    ),
    Panel(
        "Rings: pressure",
        "Lapsed readers, full rings, and passes that left commands waiting.",
        "ops",
        (
            (_rate("touchline_ring_lapses_total", "ring"), "lapses: {{ring}}"),
            (_rate("touchline_ring_full_total", "ring"), "full: {{ring}}"),
            (_rate("touchline_over_budget_total"), "over budget"),
            (_rate("touchline_held_by_journal_total"), "held by journal"),
        ),
    ),
    Panel(
        "Sessions",
        "1 while a FIX session is logged on.",
        "short",
        (("touchline_fix_session_logged_on", "{{session}}"),),
    ),
    Panel(
        "FIX messages",
        "Of the session layer, too; resends are messages sent again.",
        "ops",
        (
            (_rate("touchline_fix_messages_in_total"), "in"),
            (_rate("touchline_fix_messages_out_total"), "out"),
            (_rate("touchline_fix_resent_messages_total"), "resent"),
        ),
    ),
    Panel(
        "Feed: packets",
        "By line.",
        "pps",
        ((_rate("touchline_feed_packets_total", "line"), "{{line}}"),),
    ),
    Panel(
        "Feed: bytes",
        "By line, heartbeats included.",
        "Bps",
        ((_rate("touchline_feed_bytes_total", "line"), "{{line}}"),),
    ),
    Panel(
        "Feed: lost",
        "Packets that a line missed, or that the system refused.",
        "pps",
        tuple((_rate(name, "line"), f"{name.split('_')[2]}: {{{{line}}}}") for name in _FEED_LOSS),
    ),
    Panel(
        "Feed: from release to the line",
        "Of the oldest message of each packet, until line A had taken it.",
        "s",
        _quantiles("touchline_feed_hop_seconds", "hop"),
        width=12,
    ),
    Panel(
        "Feed: cycles",
        "How long the last whole cycle of snapshots and of definitions took.",
        "s",
        (("touchline_feed_cycle_seconds", "{{channel}}"),),
        width=12,
    ),
    Panel(
        "Strategies: position",
        "Lots, below 0 where sold.",
        "short",
        (("touchline_strategy_position_lots", "{{strategy}} {{symbol}}"),),
    ),
    Panel(
        "Strategies: tick to trade",
        "From the release of the newest public record that it had read to its order.",
        "s",
        _quantiles("touchline_strategy_tick_to_trade_seconds", "strategy"),
    ),
    Panel(
        "Strategies: connected",
        "1 while its process is there.",
        "short",
        (("touchline_strategy_connected", "{{strategy}}"),),
    ),
    Panel(
        "Strategies: commands and fills",
        "What they send, and what they get.",
        "ops",
        (
            (_rate("touchline_strategy_commands_total", "strategy"), "{{strategy}} commands"),
            (_rate("touchline_strategy_fills_total", "strategy"), "{{strategy}} fills"),
        ),
    ),
    Panel(
        "Strategies: refused",
        "Rejected commands, and records that are none.",
        "ops",
        (
            (_rate("touchline_strategy_rejected_total", "strategy"), "{{strategy}} rejected"),
            (_rate("touchline_strategy_bad_records_total", "strategy"), "{{strategy}} bad"),
        ),
    ),
    Panel(
        "Strategies: throttled",
        "Passes that left commands waiting, because they come too fast.",
        "ops",
        ((_rate("touchline_strategy_throttled_total", "strategy"), "{{strategy}}"),),
    ),
)
"""All of them, in the order of reading."""
