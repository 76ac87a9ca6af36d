//! How long a processor is taken away from a thread that only looks at the clock: by interrupts,
//! by other threads, by the hypervisor. What a venue's thread on that processor would wait too.
//!
//! A turn of the loop takes some tens of ns; a hiccup is a turn longer than 1 us.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use touchline_sys::pin_to_cpu;

/// Bounds that hiccups are counted over, ns.
const BOUNDS_NS: [u64; 3] = [1_000, 10_000, 100_000];

/// Spins on one processor and counts the gaps in which something else ran there.
#[derive(Debug, Parser)]
#[command(name = "touchline-jitter", version)]
struct Options {
    /// Processor, counted from 0.
    #[arg(long, default_value_t = 0)]
    cpu: usize,

    /// How long, ms.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    ms: u64,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    turns: u64,
    /// Turns longer than each of [`BOUNDS_NS`].
    over: [u64; 3],
    max_ns: u64,
    /// All hiccups together.
    lost_ns: u64,
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = pin_to_cpu(options.cpu) {
        eprintln!("touchline-jitter: {error}");
        return ExitCode::FAILURE;
    }
    let Seen { turns, over: [us1, us10, us100], max_ns, lost_ns } =
        spin(Duration::from_millis(options.ms));
    println!(
        "{{\"cpu\":{},\"ms\":{},\"turns\":{turns},\"over_1us\":{us1},\"over_10us\":{us10},\
         \"over_100us\":{us100},\"max_ns\":{max_ns},\"lost_ns\":{lost_ns}}}",
        options.cpu, options.ms
    );
    ExitCode::SUCCESS
}

fn spin(time: Duration) -> Seen {
    let mut seen = Seen::default();
    let start = Instant::now();
    let mut last = start;
    while last.duration_since(start) < time {
        let now = Instant::now();
        let gap = u64::try_from(now.duration_since(last).as_nanos()).unwrap_or(u64::MAX);
        last = now;
        seen.turns += 1;
        if gap > BOUNDS_NS[0] {
            note(&mut seen, gap);
        }
    }
    seen
}

#[cold]
fn note(seen: &mut Seen, gap_ns: u64) {
    for (count, bound) in seen.over.iter_mut().zip(BOUNDS_NS) {
        *count += u64::from(gap_ns > bound);
    }
    seen.max_ns = seen.max_ns.max(gap_ns);
    seen.lost_ns = seen.lost_ns.saturating_add(gap_ns);
}
