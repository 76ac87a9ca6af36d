//! What the driver says while it runs and when it has ended: JSON objects, one a line.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Counters of a run.
#[derive(Debug)]
pub struct Progress {
    /// Events of the flow that are complete.
    pub events: u64,
    /// Events that the flow will have, where that is known.
    pub events_total: Option<u64>,
    /// Time in the flow, ns since the epoch.
    pub at_ns: u64,
    /// New orders sent.
    pub new_orders: u64,
    /// Replaces sent.
    pub replaces: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Requests answered as they were meant.
    pub answered: u64,
    /// ExecutionReports of executions, one for each side.
    pub executions: u64,
    /// Requests refused, by what the venue said.
    pub refused: BTreeMap<String, u64>,
    /// Event ends at which the book of the feed was compared with the file's.
    pub compared: u64,
    /// Those of them at which both were equal in every level, quantity and order count.
    pub equal: u64,
    /// The first event end that differed, with what differed.
    pub first_difference: Option<String>,
    /// Connections lost to a venue that went away.
    pub disconnects: u64,
    /// Waits for the venue or the feed that were given up; 0 in a sound run.
    pub timeouts: u64,
    /// From the time a request was due to its answer, ns.
    pub round_trip: Histogram<u64>,
    started_ns: u64,
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct Summary(pub Value);

impl Progress {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(now_ns: u64, events_total: Option<u64>) -> Self {
        Self {
            events: 0,
            events_total,
            at_ns: 0,
            new_orders: 0,
            replaces: 0,
            cancels: 0,
            answered: 0,
            executions: 0,
            refused: BTreeMap::new(),
            compared: 0,
            equal: 0,
            first_difference: None,
            disconnects: 0,
            timeouts: 0,
            round_trip: histogram(),
            started_ns: now_ns,
        }
    }

    /// All counters as one object.
    #[must_use]
    pub fn json(&self, kind: &str, now_ns: u64) -> Value {
        let seconds = now_ns.saturating_sub(self.started_ns) as f64 / 1e9;
        json!({
            "type": kind,
            "seconds": seconds,
            "events": self.events,
            "events_total": self.events_total,
            "at_ns": self.at_ns,
            "new_orders": self.new_orders,
            "replaces": self.replaces,
            "cancels": self.cancels,
            "answered": self.answered,
            "executions": self.executions,
            "refused": self.refused,
            "compared": self.compared,
            "equal": self.equal,
            "first_difference": self.first_difference,
            "disconnects": self.disconnects,
            "timeouts": self.timeouts,
            "round_trip_ns": {
                "count": self.round_trip.len(),
                "p50": self.round_trip.value_at_quantile(0.5),
                "p99": self.round_trip.value_at_quantile(0.99),
                "p99_9": self.round_trip.value_at_quantile(0.999),
                "max": self.round_trip.max(),
            },
        })
    }
}

/// 1 ns to 1,000 s, three digits.
fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 1_000_000_000_000, 3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants that the library admits"),
    }
}
