//! Distributions, as all of the venue tells them.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Times of one thing, 1 ns to 100 s, to three digits.
#[derive(Debug)]
pub(crate) struct Distribution(Histogram<u64>);

impl Distribution {
    pub(crate) fn new() -> Self {
        match Histogram::new_with_bounds(1, 100_000_000_000, 3) {
            Ok(histogram) => Self(histogram),
            Err(_) => unreachable!("the bounds are constants that the library admits"),
        }
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.record_ns(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn record_ns(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "count": self.0.len(),
            "p50": self.0.value_at_quantile(0.5),
            "p99": self.0.value_at_quantile(0.99),
            "p99_9": self.0.value_at_quantile(0.999),
            "max": self.0.max(),
        })
    }
}
