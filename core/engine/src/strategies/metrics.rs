//! What the counters file says of each strategy.

use touchline_config::{Strategy, Venue};
use touchline_counters::{CountersFile, Latency, Table, Value};
use touchline_matcher::OwnedMatcher;

use super::{Counts, Strategies};
use crate::stats::Timing;

type Figure = (&'static str, &'static str, fn(&Counts) -> u64);

const COUNTERS: &[Figure] = &[
    ("touchline_strategy_connections_total", "Processes that came.", |one| one.connections),
    ("touchline_strategy_commands_total", "Commands taken from its ring.", |one| one.commands),
    ("touchline_strategy_rejected_total", "Commands that were refused.", |one| one.rejected),
    (
        "touchline_strategy_bad_records_total",
        "Records that are no command, or none that a strategy may send.",
        |one| one.bad_records,
    ),
    (
        "touchline_strategy_throttled_total",
        "Passes that left commands in its ring, because it sends faster than it may.",
        |one| one.throttled,
    ),
    (
        "touchline_strategy_broken_total",
        "Connections given up because a cursor cannot be.",
        |one| one.broken,
    ),
    (
        "touchline_strategy_canceled_orders_total",
        "Orders cancelled by its mass cancels, or because it had gone.",
        |one| one.canceled_orders,
    ),
    ("touchline_strategy_fills_total", "Executions of its orders.", |one| one.fills),
    ("touchline_strategy_filled_lots_total", "Lots of them.", |one| one.filled_qty),
];

/// The values of one strategy.
#[derive(Debug)]
pub(crate) struct StrategyValues {
    connected: Value,
    counters: Vec<Value>,
    /// Instrument, and what is held of it.
    positions: Vec<(u32, Value)>,
    tick_to_trade: Latency,
    cancel: Latency,
}

/// Where the times of one strategy go.
#[derive(Debug)]
pub(crate) struct StrategyTimings {
    pub(super) tick_to_trade: Timing,
    pub(super) cancel: Timing,
}

impl StrategyValues {
    pub(crate) fn add(table: &mut Table, strategy: &Strategy, venue: &Venue) -> Self {
        let named = [("strategy", &*strategy.name)];
        let held = |one: &touchline_config::Instrument, table: &mut Table| {
            let labels = [("strategy", &*strategy.name), ("symbol", &*one.symbol)];
            let help = "Lots held since the strategy first had limits; below 0: sold.";
            (one.id, table.gauge("touchline_strategy_position_lots", &labels, help))
        };
        Self {
            connected: table.gauge(
                "touchline_strategy_connected",
                &named,
                "1 while its process is connected, else 0.",
            ),
            counters: COUNTERS
                .iter()
                .map(|(name, help, _)| table.counter(name, &named, help))
                .collect(),
            positions: venue.instruments.iter().map(|one| held(one, table)).collect(),
            tick_to_trade: table.latency(
                "touchline_strategy_tick_to_trade_seconds",
                &named,
                "From the release of the newest public record that it had read to its order.",
            ),
            cancel: table.latency(
                "touchline_strategy_cancel_seconds",
                &named,
                "From noticing that its process has gone to the release of its last cancel.",
            ),
        }
    }

    pub(crate) fn timings(&self, file: &CountersFile) -> StrategyTimings {
        let timing = |latency| Timing::new(file.recorder(latency));
        StrategyTimings { tick_to_trade: timing(self.tick_to_trade), cancel: timing(self.cancel) }
    }
}

impl Strategies {
    /// Copies the counters of all strategies to the file.
    pub(crate) fn tell(
        &self,
        file: &CountersFile,
        values: &[StrategyValues],
        matcher: &OwnedMatcher,
    ) {
        for (owner, values) in self.owners.iter().zip(values) {
            file.set(values.connected, u64::from(owner.port.is_some()));
            for (value, (_, _, figure)) in values.counters.iter().zip(COUNTERS) {
                file.set(*value, figure(&owner.counts));
            }
            for (instrument_id, value) in &values.positions {
                let held = matcher.position(owner.config.id, *instrument_id);
                file.set_signed(*value, held.map_or(0, |held| held.position));
            }
        }
    }
}
