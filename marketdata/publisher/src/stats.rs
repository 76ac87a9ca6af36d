//! Figures of the publisher.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::channel::Hops;
use crate::metrics::Recorders;

/// Longest latency that is told apart, ns; longer ones count as this.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// The hops, by the names of the figures.
pub(crate) const HOPS: [&str; 3] =
    ["sequenced_to_socket_tx", "matched_to_socket_tx", "released_to_socket_tx"];

/// Time from each hop to the moment that line A had taken the packet, of the oldest message of
/// each incremental packet, ns.
pub(crate) struct Latency {
    hops: [(&'static str, Option<Histogram<u64>>); HOPS.len()],
    /// The same times, in the counters file.
    shared: Option<Recorders>,
}

impl Latency {
    pub(crate) fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).ok();
        Self { hops: HOPS.map(|name| (name, histogram())), shared: None }
    }

    pub(crate) fn share(&mut self, recorders: Recorders) {
        self.shared = Some(recorders);
    }

    pub(crate) fn record(&mut self, hops: &Hops, sent: u64) {
        let times = [hops.sequenced, hops.matched, hops.released];
        for (at, ((_, histogram), time)) in self.hops.iter_mut().zip(times).enumerate() {
            let ns = sent.saturating_sub(time).max(1);
            if let (Some(histogram), 1..) = (histogram, time) {
                histogram.saturating_record(ns);
            }
            if let (Some(shared), 1..) = (&self.shared, time) {
                shared[at].record(ns);
            }
        }
    }

    pub(crate) fn stats(&self) -> Value {
        self.hops
            .iter()
            .filter_map(|(name, histogram)| Some((*name, histogram.as_ref()?)))
            .map(|(name, histogram)| {
                let figures = json!({
                    "count": histogram.len(),
                    "p50": histogram.value_at_quantile(0.5),
                    "p99": histogram.value_at_quantile(0.99),
                    "p99_9": histogram.value_at_quantile(0.999),
                    "max": histogram.max(),
                });
                (name.to_owned(), figures)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// Counters that belong to no channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// Records published.
    pub(crate) records: u64,
    /// Times that the ring overtook the publisher.
    pub(crate) lapped: u64,
    /// Records that were then taken from the journal.
    pub(crate) records_from_journal: u64,
    /// Records that no type or no instrument fits.
    pub(crate) bad_records: u64,
    /// Records that do not fit their book.
    pub(crate) misfits: u64,
    /// Sessions started.
    pub(crate) sessions: u64,
    /// Engines that were followed by another one while the publisher ran.
    pub(crate) engines_followed: u64,
}

impl Counters {
    pub(crate) fn stats(&self) -> Value {
        json!({
            "records": self.records,
            "lapped": self.lapped,
            "records_from_journal": self.records_from_journal,
            "bad_records": self.bad_records,
            "misfits": self.misfits,
            "sessions": self.sessions,
            "engines_followed": self.engines_followed,
        })
    }
}
