//! Measures one part of the venue and says what it saw as one JSON object: distributions in
//! nanoseconds, with the floor of the machine and a peer from the same run. `make bench` runs all
//! of them and writes the results.
#![forbid(unsafe_code)]

mod disk;
mod distribution;
mod fix;
mod growth;
mod loopback;
mod matcher;
mod matching;
mod ring;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// A slow disk ends the measurement of the disk after so long.
const DISK_TIME_MAX: Duration = Duration::from_secs(5);

/// Measurements of the parts.
#[derive(Debug, Parser)]
#[command(name = "touchline-bench", version)]
struct Options {
    #[command(subcommand)]
    part: Part,
}

/// Order flow to play, and how.
#[derive(Debug, Args)]
struct Flow {
    /// A file of bench/workload.py, its facts beside it.
    file: PathBuf,
    /// One pass for the processor time, or a look at the clock around each action.
    #[arg(long, value_enum, default_value = "tput")]
    mode: matching::Mode,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The matcher, called as a library: ns of each command.
    Matcher {
        /// Commands that are timed.
        #[arg(long, default_value_t = 4_000_000)]
        commands: u64,
    },
    /// The matching benchmark's floor: the least work that a file of order flow allows.
    FloorBook(Flow),
    /// The matching benchmark's bare path: the matcher's price-time book alone.
    Bare(Flow),
    /// The matching benchmark's full path: the engine's matcher, members, limits, reports.
    Full {
        #[command(flatten)]
        flow: Flow,
        /// Commands that the matcher is given at a time.
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=256))]
        batch: u16,
    },
    /// What a command costs in the matcher with books of a size.
    Growth {
        /// Orders that are open.
        #[arg(long, default_value_t = 10_000)]
        live: u32,
        /// Instruments that they are spread over.
        #[arg(long, default_value_t = 1)]
        instruments: u32,
        /// Prices on each side of each book.
        #[arg(long, default_value_t = 500)]
        levels: u32,
        /// Commands that are timed.
        #[arg(long, default_value_t = 1_000_000)]
        commands: u32,
    },
    /// A block written and synced.
    Disk {
        /// Where.
        #[arg(long)]
        folder: PathBuf,
        /// Blocks.
        #[arg(long, default_value_t = 2_000)]
        count: u64,
    },
    /// A datagram handed to the system for a multicast group.
    Packet {
        /// Datagrams.
        #[arg(long, default_value_t = 100_000)]
        count: u64,
    },
    /// A record there and back over two command rings, between two threads.
    Ring {
        /// Processors of the two threads.
        #[arg(long, value_delimiter = ',', default_value = "0,1", value_name = "A,B")]
        cpus: Vec<usize>,
        /// Round trips that are measured.
        #[arg(long, default_value_t = 200_000)]
        rounds: u64,
    },
    /// Orders over FIX to a running venue, sent at set times: from when an order was to be sent to
    /// its acceptance.
    Fix {
        /// Where the venue listens.
        #[arg(long)]
        address: SocketAddr,
        /// SenderCompID(49) of the member.
        #[arg(long)]
        comp_id: String,
        /// TargetCompID(56): the venue's.
        #[arg(long, default_value = "TOUCHLINE")]
        venue_comp_id: String,
        /// Symbol(55) of the instrument.
        #[arg(long)]
        symbol: String,
        /// Price(44) of the orders, which must find nobody.
        #[arg(long)]
        price: String,
        /// Orders a second.
        #[arg(long, default_value_t = 500)]
        rate: u32,
        /// How long, s.
        #[arg(long, default_value_t = 5)]
        seconds: u32,
    },
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn main() -> ExitCode {
    let measured = match Options::parse().part {
        Part::Matcher { commands } => matcher::measure(commands),
        Part::FloorBook(flow) => matching::floor(&flow.file, flow.mode),
        Part::Bare(flow) => matching::bare(&flow.file, flow.mode),
        Part::Full { flow, batch } => matching::full(&flow.file, flow.mode, batch.into()),
        Part::Growth { live, instruments, levels, commands } => {
            growth::measure(growth::Size { live, instruments, levels }, commands)
        }
        Part::Disk { folder, count } => disk::measure(&folder, count, DISK_TIME_MAX),
        Part::Packet { count } => loopback::packets(count),
        Part::Ring { cpus, rounds } => match cpus.as_slice() {
            [ours, theirs] => ring::measure([*ours, *theirs], rounds),
            _ => Err("--cpus takes two processors, such as 0,1".into()),
        },
        Part::Fix { address, comp_id, venue_comp_id, symbol, price, rate, seconds } => {
            fix::measure(&fix::Flow {
                address,
                comp_id,
                venue_comp_id,
                symbol,
                price,
                rate,
                seconds,
            })
        }
    };
    match measured {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("touchline-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use crate::{disk, loopback, matcher, ring};

    /// As many were told as were measured, and their percentiles are in order.
    fn holds(told: &Value, count: u64) {
        let at = |name: &str| told[name].as_u64().unwrap_or(0);
        assert_eq!(at("count"), count, "{told}");
        assert!(0 < at("p50") && at("p50") <= at("p99"), "{told}");
        assert!(at("p99") <= at("p99_9") && at("p99_9") <= at("max"), "{told}");
    }

    #[test]
    fn a_part_that_needs_no_venue_tells_as_many_times_as_it_was_asked_for() {
        // Every other block is timed command by command.
        let told = matcher::measure(100_000).unwrap();
        holds(&told["command"], 50_000);
        let told = ring::measure([0, 1], 20_000).unwrap();
        holds(&told["spinning"], 20_000);
        holds(&told["channel"], 20_000);
        assert!(told["parked"]["p50"].as_u64() > told["spinning"]["p50"].as_u64(), "{told}");
        let told = disk::measure(&std::env::temp_dir(), 10, Duration::from_secs(60)).unwrap();
        holds(&told["fdatasync"], 10);
        holds(&loopback::packets(100).unwrap()["packet"], 100);
        holds(&loopback::measure(100, Duration::from_micros(100)).unwrap().json(), 100);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = std::env::temp_dir().join("touchline-bench-no-such-folder");
        let told = disk::measure(&folder, 1, Duration::from_secs(1)).unwrap_err();
        assert!(told.contains("touchline-bench-no-such-folder"), "{told}");
    }
}
