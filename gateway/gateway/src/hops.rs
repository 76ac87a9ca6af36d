//! How long each hop took, from the byte that the gateway read to the byte that it wrote.

use hdrhistogram::Histogram;
use touchline_counters::Recorder;
use touchline_types::PrivateRecord;

/// Longest time that a histogram tells apart, ns; what is longer counts as this.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// The hops, in order, by the names of the figures.
pub(crate) const NAMES: [&str; 6] = [
    "gateway_rx_to_sequenced",
    "sequenced_to_matched",
    "matched_to_durable",
    "durable_to_released",
    "released_to_socket_tx",
    "gateway_rx_to_socket_tx",
];

/// The times of one command, ns since the epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HopTimes {
    /// The gateway had read the message.
    pub(crate) recv: u64,
    /// The command was sequenced.
    pub(crate) sequenced: u64,
    /// The matcher had made its events.
    pub(crate) matched: u64,
    /// The journal held it; 0 where the release did not wait for that.
    pub(crate) durable: u64,
    /// The engine released the event.
    pub(crate) released: u64,
}

impl HopTimes {
    /// The times in a record.
    #[must_use]
    pub(crate) const fn of(record: &PrivateRecord) -> Self {
        Self {
            recv: record.recv_time,
            sequenced: record.sequenced_time,
            matched: record.matched_time,
            durable: record.durable_time,
            released: record.released_time,
        }
    }
}

/// One histogram for each hop. Without a wait for the journal, `matched_to_durable` stays empty and
/// `durable_to_released` runs from `matched`.
#[derive(Debug)]
pub(crate) struct Hops {
    /// To two digits, for the figures.
    histograms: [Histogram<u64>; 6],
    /// The same times, in the counters file.
    shared: [Recorder; 6],
}

impl Hops {
    /// Empty histograms, up to one minute.
    pub(crate) fn new(shared: [Recorder; 6]) -> Self {
        let empty = match Histogram::new_with_bounds(1, LATENCY_NS_MAX, 2) {
            Ok(histogram) => histogram,
            Err(_) => unreachable!("the bounds are constants that the library admits"),
        };
        Self { histograms: std::array::from_fn(|_| empty.clone()), shared }
    }

    /// Counts one answer that has been handed to its socket.
    pub(crate) fn record(&mut self, times: &HopTimes, socket_tx: u64) {
        let kept = if times.durable == 0 { times.matched } else { times.durable };
        let hops = [
            (times.recv, times.sequenced),
            (times.sequenced, times.matched),
            (times.matched, times.durable),
            (kept, times.released),
            (times.released, socket_tx),
            (times.recv, socket_tx),
        ];
        for ((histogram, shared), (from, to)) in
            self.histograms.iter_mut().zip(&self.shared).zip(hops)
        {
            if to != 0 {
                // A clock that was set back shows as 0.
                let ns = to.saturating_sub(from);
                histogram.saturating_record(ns);
                shared.record(ns);
            }
        }
    }

    /// Count, p50, p99, p99.9 and maximum of each hop, ns.
    #[must_use]
    pub(crate) fn json(&self) -> serde_json::Value {
        let hops = NAMES.iter().zip(&self.histograms).map(|(name, histogram)| {
            let figures = serde_json::json!({
                "count": histogram.len(),
                "p50": histogram.value_at_quantile(0.50),
                "p99": histogram.value_at_quantile(0.99),
                "p99_9": histogram.value_at_quantile(0.999),
                "max": histogram.max(),
            });
            ((*name).to_owned(), figures)
        });
        serde_json::Value::Object(hops.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hops whose file has lost its name.
    fn hops(name: &str) -> Hops {
        let mut table = touchline_counters::Table::new("gateway");
        let latencies =
            NAMES.map(|hop| table.latency("touchline_hop_seconds", &[("hop", hop)], ""));
        let file = format!("touchline-{name}-{}.counters", std::process::id());
        let path = std::env::temp_dir().join(file);
        let file = table.create(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        Hops::new(latencies.map(|latency| file.recorder(latency)))
    }

    #[test]
    fn every_hop_has_its_own_histogram_and_the_total_runs_from_socket_to_socket() {
        let mut hops = hops("every-hop");
        let times =
            HopTimes { recv: 100, sequenced: 110, matched: 130, durable: 170, released: 250 };
        hops.record(&times, 410);
        let json = hops.json();
        for (name, ns) in NAMES.iter().zip([10, 20, 40, 80, 160, 310]) {
            assert_eq!(json[name]["count"], 1, "{name}");
            let max = json[name]["max"].as_u64().unwrap();
            assert!(max.abs_diff(ns) <= ns / 50, "{name}: {max}");
        }
    }

    #[test]
    fn without_a_wait_for_the_journal_release_is_measured_from_the_match() {
        let mut hops = hops("without-a-wait");
        let times = HopTimes { recv: 1, sequenced: 2, matched: 3, durable: 0, released: 103 };
        hops.record(&times, 104);
        assert_eq!(hops.json()["matched_to_durable"]["count"], 0);
        assert_eq!(hops.json()["durable_to_released"]["p50"], 100);
    }
}
