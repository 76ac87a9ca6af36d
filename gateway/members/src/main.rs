//! Simulated members as a program: plays a recorded or synthetic flow through the FIX sessions of
//! a running venue. Says what happens as JSON objects, one a line; `touchline replay` draws them.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use touchline_config::{Instrument, Venue};
use touchline_members::drive::{Driver, Options, Played, Summary};
use touchline_members::flow::recording::{
    DbnReader, Format, Recording, Selection, Units, open_recording,
};
use touchline_members::flow::{
    BookPlan, Calibration, GLOBEX_WINTER_OPEN_NS, MarketPlan, Parameters, Speed, Synthetic,
    SyntheticOptions, session_open_ns,
};
use touchline_members::tape::Press;

#[derive(Debug, Parser)]
#[command(version, about = "Simulated members: order flow through real FIX sessions")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a recorded day: Databento DBN, Nasdaq TotalView-ITCH 5.0 or Bitstamp's orders.
    Replay(Replay),
    /// Plays synthetic order flow, calibrated on a real day.
    Simulate(Simulate),
    /// Measures a day and prints the parameters of synthetic flow as TOML.
    Calibrate(Calibrate),
}

/// How the records are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum As {
    /// Every book change as a new order, replace or cancel.
    Book,
    /// Trades as marketable orders of an aggressing member; what the exchange did otherwise is
    /// classed, counted and repaired.
    Market,
}

#[derive(Debug, Args)]
struct Playing {
    /// The configuration of the running venue.
    #[arg(long, value_name = "VENUE_TOML")]
    config: PathBuf,
    /// Speed factor, or "max" for as fast as the venue takes it.
    #[arg(long, default_value = "max")]
    speed: Speed,
    /// Longest idle time that is sat through, seconds.
    #[arg(long, value_name = "SECONDS")]
    max_idle: Option<f64>,
    /// Ends after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    limit: Option<f64>,
    /// Requests of one session that may be unanswered.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    window: u32,
    /// Symbol of the (first) instrument to play on; the venue's first by default.
    #[arg(long)]
    symbol: Option<String>,
    /// Members whose sessions are played; all of the venue by default.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    members: Vec<String>,
    /// Without a venue: play into a matcher of our own, as fast as it goes, with the flow's own
    /// times, and write its public records to this file.
    #[arg(
        long,
        value_name = "TAPE",
        conflicts_with_all = ["speed", "max_idle", "limit", "window", "members"]
    )]
    into: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Replay {
    /// The recording, plain or compressed with gzip, xz or Zstandard.
    file: PathBuf,
    /// What it is: dbn, itch or bitstamp; recognised by content by default.
    #[arg(long)]
    format: Option<Format>,
    /// What it calls the instrument, where it has several; by default as --symbol, or its only one.
    #[arg(long)]
    ticker: Option<String>,
    /// How the records are sent.
    #[arg(long = "as", value_enum, default_value_t = As::Book)]
    mode: As,
    /// Do not compare the book of the feed with the file's at every event end.
    #[arg(long)]
    no_verify: bool,
    /// Instead of a speed: the factor at which the flow, its idle times cut to two seconds each,
    /// lasts so many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["speed", "max_idle"])]
    fit: Option<f64>,
    /// Time of day at which trading opens, as HH:MM: UTC, or the exchange's own in ITCH. By
    /// default 23:00 for DBN; the others stay in the call phase.
    #[arg(long)]
    open: Option<String>,
    #[command(flatten)]
    playing: Playing,
}

#[derive(Debug, Args)]
struct Simulate {
    /// Decides everything that is drawn; a run can be repeated with it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ends after so many commands.
    #[arg(long)]
    commands: Option<u64>,
    /// Instruments to play on, from --symbol on; each opens in the middle of its prices.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    instruments: u32,
    /// Sessions do not wait for each other's answers: faster, but the flow hears of its fills
    /// at other moments in every run, and two runs of one seed differ.
    #[arg(long)]
    unordered: bool,
    /// Parameters as `calibrate` prints them; built in are those of a real day.
    #[arg(long)]
    parameters: Option<PathBuf>,
    #[command(flatten)]
    playing: Playing,
}

#[derive(Debug, Args)]
struct Calibrate {
    /// The recording, Databento DBN, .dbn or .dbn.zst.
    file: PathBuf,
    /// Price increment of the instrument in billionths.
    #[arg(long, default_value_t = 250_000_000)]
    tick_nanos: i64,
    /// What the parameters say of their source.
    #[arg(long, default_value = "")]
    source: String,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(replay) => run_replay(&replay),
        Command::Simulate(simulate) => run_simulate(&simulate),
        Command::Calibrate(calibrate) => run_calibrate(&calibrate),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("touchline-members: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn run_replay(replay: &Replay) -> Result<(), Failure> {
    let (venue, instrument) = place(&replay.playing)?;
    let units = Units::of(venue.instruments.get(instrument).ok_or("the venue has no instrument")?)?;
    let ticker = replay.ticker.clone().or_else(|| replay.playing.symbol.clone());
    let selection = Selection { format: replay.format, ticker, units };
    // Read as a whole first: a file that is wrong somewhere is refused before an order is sent.
    let mut recording = open_recording(&replay.file, &selection)?;
    if let (As::Market, Some(reason)) = (replay.mode, recording.format().not_as_market()) {
        return Err(reason.into());
    }
    let times = recording
        .by_ref()
        .map(|event| event.map(|event| event.at_ns))
        .collect::<Result<Vec<u64>, _>>()?;
    let start_ns = recording.start_ns().or(times.first().copied()).unwrap_or(0);
    let open_ns = match (&replay.open, recording.format()) {
        (Some(open), _) => session_open_ns(start_ns, time_of_day(open)?),
        (None, Format::Dbn) => session_open_ns(start_ns, GLOBEX_WINTER_OPEN_NS),
        // Their books cross: what meets must rest.
        (None, Format::Itch | Format::Bitstamp) => u64::MAX,
    };
    let mut options = options(&replay.playing, instrument);
    options.verify = !replay.no_verify;
    options.events_total = Some(times.len() as u64);
    if let Some(seconds) = replay.fit {
        (options.speed, options.gap_ns_max) = fit(&times, seconds);
    }
    let told = told(&*recording);
    let events = open_recording(&replay.file, &selection)?;
    match replay.mode {
        As::Book => play(BookPlan::new(events, open_ns), &venue, options, &replay.playing, told),
        As::Market => {
            play(MarketPlan::new(events, open_ns), &venue, options, &replay.playing, told)
        }
    }
}

/// What a recording was found to be, for the summary. Counts are a list: they have an order.
fn told(recording: &dyn Recording) -> serde_json::Value {
    serde_json::json!({
        "format": recording.format().to_string(),
        "ticker": recording.ticker(),
        "counts": recording.counts(),
    })
}

/// The speed at which events at these times, idle times cut to two seconds, last so many seconds;
/// and how long the cut idle times then are.
fn fit(times: &[u64], seconds: f64) -> (Speed, Option<u64>) {
    const IDLE_NS_MAX: u64 = 2_000_000_000;
    let gaps = times.iter().zip(times.iter().skip(1));
    let span_ns: u64 = gaps.map(|(a, b)| b.saturating_sub(*a).min(IDLE_NS_MAX)).sum();
    let milli = (span_ns as f64 / 1e6 / seconds.max(0.1)).clamp(1.0, f64::from(u32::MAX));
    let milli = milli as u32;
    (Speed::Milli(milli), Some(IDLE_NS_MAX / u64::from(milli) * 1_000))
}

fn run_simulate(simulate: &Simulate) -> Result<(), Failure> {
    if simulate.playing.into.is_some() && simulate.commands.is_none() {
        return Err("a tape of synthetic flow needs --commands: the flow has no end".into());
    }
    let (venue, instrument) = place(&simulate.playing)?;
    let parameters = match &simulate.parameters {
        Some(path) => Parameters::from_toml(&std::fs::read_to_string(path)?)?,
        None => Parameters::built_in()?,
    };
    let last = instrument.saturating_add(simulate.instruments as usize);
    let played = venue.instruments.get(instrument..last).ok_or_else(|| {
        let (wanted, has) = (simulate.instruments, venue.instruments.len() - instrument);
        format!("--instruments {wanted}: the venue has {has} from the first one that is played")
    })?;
    let middle = |one: &Instrument| one.min_price + (one.max_price - one.min_price) / 2;
    let flow = Synthetic::new(
        parameters,
        SyntheticOptions {
            seed: simulate.seed,
            prices: played.iter().map(middle).collect(),
            commands_max: simulate.commands,
            ..SyntheticOptions::default()
        },
    )?;
    let mut options = options(&simulate.playing, instrument);
    options.events_total = simulate.commands;
    options.in_order = !simulate.unordered;
    play(flow, &venue, options, &simulate.playing, serde_json::Value::Null)
}

fn run_calibrate(calibrate: &Calibrate) -> Result<(), Failure> {
    let events = DbnReader::new(std::fs::File::open(&calibrate.file)?, calibrate.tick_nanos)?;
    let open_ns = session_open_ns(events.start_ns(), GLOBEX_WINTER_OPEN_NS);
    let mut calibration = Calibration::new(open_ns);
    for event in events {
        calibration.observe(&event?)?;
    }
    write_line(&calibration.finish(&calibrate.source)?.to_toml()?);
    Ok(())
}

fn place(playing: &Playing) -> Result<(Venue, usize), Failure> {
    let mut venue = Venue::load(Path::new(&playing.config))?;
    if !playing.members.is_empty() {
        let mut chosen = Vec::with_capacity(playing.members.len());
        for name in &playing.members {
            let member = venue.members.iter().find(|member| &member.name == name);
            chosen.push(member.ok_or_else(|| format!("the venue has no member {name:?}"))?.id);
        }
        venue.sessions.retain(|session| chosen.contains(&session.member_id));
        if venue.sessions.is_empty() {
            return Err(format!("{} have no FIX session", playing.members.join(", ")).into());
        }
    }
    let instrument = match &playing.symbol {
        None => 0,
        Some(symbol) => venue
            .instruments
            .iter()
            .position(|instrument| &instrument.symbol == symbol)
            .ok_or_else(|| format!("the venue has no instrument {symbol:?}"))?,
    };
    Ok((venue, instrument))
}

fn options(playing: &Playing, instrument: usize) -> Options {
    let ns =
        |seconds: f64| u64::try_from(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_nanos());
    Options {
        speed: playing.speed,
        gap_ns_max: playing.max_idle.and_then(|seconds| ns(seconds).ok()),
        limit_ns: playing.limit.and_then(|seconds| ns(seconds).ok()),
        window: playing.window as usize,
        verify: false,
        in_order: true,
        events_total: None,
        instrument,
    }
}

fn play(
    flow: impl Played,
    venue: &Venue,
    options: Options,
    playing: &Playing,
    recording: serde_json::Value,
) -> Result<(), Failure> {
    let say = |progress: &serde_json::Value| write_line(&progress.to_string());
    let Summary(mut summary) = match &playing.into {
        Some(path) => press(flow, venue, &options, path)?.run(say)?,
        None => Driver::open(flow, venue, options, Box::new(say))?.run()?,
    };
    if let Some(fields) = summary.as_object_mut() {
        fields.insert("recording".into(), recording);
    }
    write_line(&summary.to_string());
    Ok(())
}

/// A press that writes to a new file, or in place of what is there.
fn press<F: Played>(
    flow: F,
    venue: &Venue,
    options: &Options,
    path: &Path,
) -> Result<Press<F, BufWriter<File>>, Failure> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let Options { instrument, events_total, verify, .. } = *options;
    Ok(Press::new(flow, venue, instrument, events_total, verify, BufWriter::new(file))?)
}

/// A reader that has gone away must not end the run with a panic.
fn write_line(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn time_of_day(text: &str) -> Result<u64, Failure> {
    let bad = || format!("{text:?} is no time of day, such as 23:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(bad)?;
    let (hours, minutes): (u64, u64) =
        (hours.parse().map_err(|_| bad())?, minutes.parse().map_err(|_| bad())?);
    if hours > 23 || minutes > 59 {
        return Err(bad().into());
    }
    Ok((hours * 60 + minutes) * 60_000_000_000)
}
