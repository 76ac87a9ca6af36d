//! What it costs to record a time: ns of a loop, beside an hdrhistogram and an empty loop.
//!
//! ```text
//! cargo run --release --package touchline-counters --example cost [TIMES [LOOP]]
//! ```
//!
//! Instructions of one loop, from 0 to 3, are the difference between two runs under
//! `valgrind --tool=callgrind`, with other TIMES: they do not depend on who else computes.

use std::hint::black_box;
use std::time::Instant;

use hdrhistogram::Histogram;
use touchline_counters::Table;

/// Runs one loop. Times lie between 100 ns and a millisecond, as those of hops do; a cheap
/// generator makes them, so that neither branches nor lines can be foreseen.
#[expect(clippy::print_stdout, reason = "the answer")]
fn measured(name: &str, times: u64, mut record: impl FnMut(u64)) {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let start = Instant::now();
    for _ in 0..times {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        record(black_box(100 + (state >> 44)));
    }
    let ns = start.elapsed().as_nanos() as f64 / times as f64;
    println!("{name:<24} {ns:6.2} ns");
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let times = numbers.next().unwrap_or(20_000_000);
    let only = numbers.next();
    let path = std::env::temp_dir().join(format!("touchline-cost-{}.counters", std::process::id()));
    let mut table = Table::new("cost");
    let latency = table.latency("touchline_cost_seconds", &[], "Time.");
    let counter = table.counter("touchline_cost_total", &[], "Number.");
    let Ok(file) = table.create(&path) else { return eprintln!("no file {}", path.display()) };
    let recorder = file.recorder(latency);
    let Ok(mut exact) = Histogram::<u64>::new_with_bounds(1, 100_000_000_000, 3) else { return };
    let is_asked = |number| only.is_none_or(|only| only == number);
    if is_asked(0) {
        measured("empty loop", times, |ns| {
            black_box(ns);
        });
    }
    if is_asked(1) {
        measured("counter: set", times, |ns| file.set(counter, ns));
    }
    if is_asked(2) {
        measured("histogram: record", times, |ns| recorder.record(ns));
    }
    if is_asked(3) {
        measured("hdrhistogram: record", times, |ns| exact.saturating_record(ns));
    }
    drop(std::fs::remove_file(path));
}
