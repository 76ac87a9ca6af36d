//! What the engine counts.

use hdrhistogram::Histogram;

/// Counters and histograms of one engine.
#[derive(Debug)]
pub(crate) struct Stats {
    /// Commands sequenced since the start.
    pub(crate) commands: u64,
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
    pub(crate) sequenced: Histogram<u64>,
    /// From sequencing to the last event made, ns.
    pub(crate) matched: Histogram<u64>,
}

impl Stats {
    pub(crate) fn new() -> Self {
        Self {
            commands: 0,
            events: 0,
            trades: 0,
            traded_qty: 0,
            bad_commands: 0,
            over_budget: 0,
            held_by_journal: 0,
            exposed_max: 0,
            sequenced: histogram(),
            matched: histogram(),
        }
    }
}

/// 1 ns to 100 s, three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 100_000_000_000, 3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants that the library admits"),
    }
}

/// Percentiles as every part of the venue writes them, ns.
pub(crate) fn percentiles(histogram: &Histogram<u64>) -> serde_json::Value {
    serde_json::json!({
        "count": histogram.len(),
        "p50": histogram.value_at_quantile(0.5),
        "p99": histogram.value_at_quantile(0.99),
        "p99_9": histogram.value_at_quantile(0.999),
        "max": histogram.max(),
    })
}
