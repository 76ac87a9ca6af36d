//! What the engine counts.

use hdrhistogram::Histogram;
use touchline_counters::Recorder;
use touchline_types::{CommandKind, EventKind, Reason};

/// Counters and histograms of one engine.
#[derive(Debug)]
pub(crate) struct Stats {
    /// Commands sequenced since the start.
    pub(crate) commands: u64,
    /// The same, by kind, as the kind is numbered.
    pub(crate) commands_by_kind: [u64; CommandKind::ALL.len() + 1],
    /// Events made, by kind, as the kind is numbered.
    pub(crate) events_by_kind: [u64; EventKind::ALL.len() + 1],
    /// Refusals of the matcher, by reason, as the reason is numbered.
    pub(crate) rejects: [u64; Reason::ALL.len()],
    /// Events made since the start.
    pub(crate) events: u64,
    /// Executions, one for each match.
    pub(crate) trades: u64,
    /// Lots executed.
    pub(crate) traded_qty: u64,
    /// Records in command rings that no gateway may send; they were dropped.
    pub(crate) bad_commands: u64,
    /// Passes that left commands in their ring because the budget was spent.
    pub(crate) over_budget: u64,
    /// Passes that took no command because the journal was behind.
    pub(crate) held_by_journal: u64,
    /// Largest number of commands that were released before fdatasync covered them.
    pub(crate) exposed_max: u64,
    /// From the gateway's reading to sequencing, ns.
    pub(crate) sequenced: Timing,
    /// From sequencing to the last event made, ns.
    pub(crate) matched: Timing,
}

/// Times of one kind, ns: exact to three digits for the figures, and in the counters file.
#[derive(Debug)]
pub(crate) struct Timing {
    exact: Histogram<u64>,
    shared: Recorder,
}

impl Timing {
    pub(crate) fn new(shared: Recorder) -> Self {
        Self { exact: histogram(), shared }
    }

    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.exact.saturating_record(ns);
        self.shared.record(ns);
    }

    /// Percentiles as every part of the venue writes them, ns.
    pub(crate) fn percentiles(&self) -> serde_json::Value {
        serde_json::json!({
            "count": self.exact.len(),
            "p50": self.exact.value_at_quantile(0.5),
            "p99": self.exact.value_at_quantile(0.99),
            "p99_9": self.exact.value_at_quantile(0.999),
            "max": self.exact.max(),
        })
    }
}

impl Stats {
    pub(crate) fn new(sequenced: Timing, matched: Timing) -> Self {
        Self {
            commands: 0,
            commands_by_kind: [0; CommandKind::ALL.len() + 1],
            events_by_kind: [0; EventKind::ALL.len() + 1],
            rejects: [0; Reason::ALL.len()],
            events: 0,
            trades: 0,
            traded_qty: 0,
            bad_commands: 0,
            over_budget: 0,
            held_by_journal: 0,
            exposed_max: 0,
            sequenced,
            matched,
        }
    }
}

/// 1 ns to 100 s, three digits.
fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 100_000_000_000, 3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants that the library admits"),
    }
}
