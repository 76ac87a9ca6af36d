//! The floor of this machine: how long one cache line takes from a process on one processor to a
//! process on another and back. No path between two programs is faster; tick-to-trade is printed
//! beside it, from the same run.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use touchline_sys::{SharedMap, pin_to_cpu};

/// Where the asking process writes, and where the answering one does: words on lines of their own,
/// a neighbouring pair apart, for lines are fetched in pairs.
const ASKED: usize = 0;
const ANSWERED: usize = 32;
const WORDS: usize = 64;
/// Asked last.
const END: u64 = u64::MAX;
/// Rounds that are not counted.
const WARM_UP: u64 = 10_000;
/// An answer that does not come for so long will never come.
const SILENCE: Duration = Duration::from_secs(10);
/// Turns between looks at the clock while waiting.
const TURNS: u32 = 1 << 16;

/// Measures the round trip of a cache line between two processes.
#[derive(Debug, Parser)]
#[command(name = "touchline-floor", version)]
struct Options {
    /// Processors of the two processes.
    #[arg(long, value_delimiter = ',', num_args = 1, default_value = "0,1", value_name = "A,B")]
    cpus: Vec<usize>,

    /// Round trips that are measured.
    #[arg(long, default_value_t = 500_000)]
    rounds: u64,

    /// Be the process that answers, over this file.
    #[arg(long, hide = true)]
    answer: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match (&options.answer, options.cpus.as_slice()) {
        (Some(path), [_, cpu]) => answer(path, *cpu),
        (None, [ours, theirs]) => measure(*ours, *theirs, options.rounds),
        _ => Err("--cpus takes two processors, such as 0,1".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("touchline-floor: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn measure(ours: usize, theirs: usize, rounds: u64) -> Result<(), String> {
    let path = PathBuf::from(format!("/dev/shm/touchline-floor-{}", std::process::id()));
    let map = SharedMap::create(&path, WORDS * 8).map_err(|error| error.to_string())?;
    let mut other = spawn(&path, ours, theirs).inspect_err(|_| {
        let _ = std::fs::remove_file(&path);
    })?;
    let told = ask(map.words(), ours, rounds, &mut other);
    map.words()[ASKED].store(END, Ordering::Release);
    let _ = other.wait();
    let _ = std::fs::remove_file(&path);
    let told = told?;
    let at = |quantile| told.value_at_quantile(quantile);
    println!(
        "{{\"cpus\":[{ours},{theirs}],\"rounds\":{},\"round_trip_ns\":{{\"count\":{},\"p50\":{},\
         \"p99\":{},\"p99_9\":{},\"max\":{}}}}}",
        told.len(),
        told.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        told.max()
    );
    Ok(())
}

fn spawn(path: &Path, ours: usize, theirs: usize) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Command::new(program)
        .args(["--cpus", &format!("{ours},{theirs}"), "--answer"])
        .arg(path)
        .spawn()
        .map_err(|error| format!("cannot start the other process: {error}"))
}

fn ask(
    words: &[AtomicU64],
    cpu: usize,
    rounds: u64,
    other: &mut Child,
) -> Result<Histogram<u64>, String> {
    pin_to_cpu(cpu).map_err(|error| error.to_string())?;
    let mut told = Histogram::new_with_bounds(1, 60_000_000_000, 3).map_err(|e| e.to_string())?;
    for round in 1..=WARM_UP + rounds {
        let start = Instant::now();
        words[ASKED].store(round, Ordering::Release);
        let mut turns = 0_u32;
        while words[ANSWERED].load(Ordering::Acquire) != round {
            std::hint::spin_loop();
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(TURNS) {
                if let Ok(Some(status)) = other.try_wait() {
                    return Err(format!("the other process ended: {status}"));
                }
                if start.elapsed() > SILENCE {
                    return Err("the other process does not answer".into());
                }
            }
        }
        if round > WARM_UP {
            told.saturating_record(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }
    Ok(told)
}

fn answer(path: &Path, cpu: usize) -> Result<(), String> {
    pin_to_cpu(cpu).map_err(|error| error.to_string())?;
    let map = SharedMap::open(path, true).map_err(|error| error.to_string())?;
    let words = map.words();
    let (mut last, mut turns) = (0, 0_u32);
    let mut heard = Instant::now();
    loop {
        let asked = words[ASKED].load(Ordering::Acquire);
        if asked == END {
            return Ok(());
        }
        if asked != last {
            last = asked;
            words[ANSWERED].store(asked, Ordering::Release);
            turns = 0;
            continue;
        }
        std::hint::spin_loop();
        turns = turns.wrapping_add(1);
        if turns.is_multiple_of(TURNS) {
            // Looked at rarely, so that the clock costs the answer nothing.
            if turns == TURNS {
                heard = Instant::now();
            } else if heard.elapsed() > SILENCE {
                return Err("nobody asks".into());
            }
        }
    }
}
