//! What every program does around its agents: configuration, signals, locks, figures, a clean stop.
//!
//! A program is thin: it gives agents threads. The composite program runs engine, gateway and
//! publisher on one thread, the journal and the operators' socket on two that mostly sleep.
#![forbid(unsafe_code)]

mod figures;
mod place;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use clap::Parser;
use touchline_config::{RunFile, Venue, Wait};
use touchline_engine::Engine;
use touchline_ring::Beacon;
use touchline_sys::{Agent, Ringer, SharedMap};

pub use figures::Figures;
pub use place::Place;

/// What ends a program, as one line that says what to do.
pub type Failure = String;

/// Options of every program.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// The venue's configuration.
    #[arg(long, value_name = "VENUE_TOML", required_unless_present = "check")]
    pub config: Option<PathBuf>,

    /// Only check a configuration, print every fault with its place, and exit with 0 or 1.
    #[arg(long, value_name = "VENUE_TOML", conflicts_with = "config")]
    pub check: Option<PathBuf>,
}

/// Reads the options and runs a program to its end; the exit code says how it went: 0 stopped when
/// asked, 1 failed, 2 wrong options.
pub fn main(run: impl FnOnce(&Venue, &Arc<AtomicBool>) -> Result<(), Failure>) -> ExitCode {
    let options = Options::parse();
    let path = options.check.as_ref().or(options.config.as_ref());
    let Some(path) = path else { return ExitCode::from(2) };
    let venue = match Venue::load(path) {
        Ok(venue) => venue,
        Err(error) => {
            eprintln!("touchline: {error}");
            return ExitCode::FAILURE;
        }
    };
    if options.check.is_some() {
        summary(&venue);
        return ExitCode::SUCCESS;
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        if let Err(error) = signal_hook::flag::register(signal, stop.clone()) {
            eprintln!("touchline: cannot handle signal {signal}: {error}");
            return ExitCode::FAILURE;
        }
    }
    match run(&venue, &stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("touchline: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer to --check")]
fn summary(venue: &Venue) {
    println!(
        "venue {}: {} instrument(s), {} member(s), {} FIX session(s) at {}, durability {}",
        venue.name,
        venue.instruments.len(),
        venue.members.len(),
        venue.sessions.len(),
        venue.gateway.address,
        venue.engine.durability.name(),
    );
}

/// The engine with its journal and its operators, on threads of their own.
pub struct EngineHouse {
    /// The engine itself; the caller runs it.
    pub engine: Engine,
    journal: JoinHandle<Result<(), String>>,
    journal_stop: Arc<AtomicBool>,
    operators: JoinHandle<()>,
    reception: JoinHandle<()>,
}

impl EngineHouse {
    /// Replays the journal and starts the threads beside the engine.
    ///
    /// # Errors
    ///
    /// One line that says what failed.
    pub fn open(venue: &Venue, stop: &Arc<AtomicBool>) -> Result<Self, Failure> {
        let (mut engine, journal) = Engine::open(venue).map_err(|error| error.to_string())?;
        eprintln!("touchline: {}", engine.replay_summary());
        let bell = venue.run_file(RunFile::EngineBell);
        let ringer = Ringer::open(&bell).map_err(|error| error.to_string())?;
        let socket = venue.run_file(RunFile::AdminSocket);
        let (server, operator) = touchline_engine::operator(venue, &socket, ringer)
            .map_err(|error| format!("operators' socket {}: {error}", socket.display()))?;
        engine.set_operator(operator);
        let (reception, visits) = touchline_engine::reception(venue)
            .map_err(|error| format!("strategies' socket: {error}"))?;
        engine.set_visits(visits);
        // The journal stops after the engine: what was sequenced is written.
        let journal_stop = Arc::new(AtomicBool::new(false));
        Ok(Self {
            engine,
            journal: run_journal(journal, &journal_stop, stop)?,
            journal_stop,
            operators: run_beside("operators", stop, move |stop| server.run(stop))?,
            reception: run_beside("reception", stop, move |stop| reception.run(stop))?,
        })
    }

    /// Writes what was sequenced, ends the threads, and returns the engine's last figures.
    ///
    /// # Errors
    ///
    /// What stopped the journal.
    pub fn close(mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        self.engine.dismiss_strategies();
        // All that was sequenced becomes durable and is released before the journal ends.
        while result.is_ok() && !self.journal.is_finished() {
            match self.engine.do_work(touchline_sys::now_ns()) {
                Ok(0) if self.engine.is_drained() => break,
                Ok(0) => std::thread::sleep(std::time::Duration::from_millis(1)),
                Ok(_) => {}
                Err(error) => result = Err(error.to_string()),
            }
        }
        self.journal_stop.store(true, std::sync::atomic::Ordering::Release);
        self.engine.ring_journal();
        let journal =
            self.journal.join().unwrap_or_else(|_| Err("the journal's thread died".into()));
        let _ = self.operators.join();
        let _ = self.reception.join();
        result.and(journal)
    }
}

/// Starts the journal's thread. If the journal fails, the venue stops: it cannot keep its promise.
fn run_journal<A: Agent + Send + 'static>(
    mut journal: A,
    journal_stop: &Arc<AtomicBool>,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<Result<(), String>>, Failure> {
    let (journal_stop, stop) = (journal_stop.clone(), stop.clone());
    let run = move || {
        let result = touchline_sys::run_parked(&mut journal, &journal_stop);
        stop.store(true, std::sync::atomic::Ordering::Release);
        result
    };
    std::thread::Builder::new()
        .name("journal".into())
        .spawn(run)
        .map_err(|error| format!("cannot start the journal's thread: {error}"))
}

/// Starts a thread that serves people or processes beside the engine, until `stop` is set.
fn run_beside(
    name: &str,
    stop: &Arc<AtomicBool>,
    run: impl FnOnce(&Arc<AtomicBool>) + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let stop = stop.clone();
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || run(&stop))
        .map_err(|error| format!("cannot start the thread of {name}: {error}"))
}

/// Runs one agent until it is told to stop, waiting as the configuration says when idle, and writes
/// its figures once a second.
///
/// # Errors
///
/// The agent's error, with its role.
pub fn run_with_figures<A: Agent>(
    agent: &mut A,
    wait: Wait,
    mut figures: Figures,
    stop: &AtomicBool,
    json: impl Fn(&A) -> String,
) -> Result<(), Failure> {
    let mut poller = touchline_sys::Poller::new(4).map_err(|error| error.to_string())?;
    if let Some(fd) = agent.wait_fd() {
        let added = poller.add(fd, 0, touchline_sys::Interest::Read);
        added.map_err(|error| error.to_string())?;
    }
    let mut ready = Vec::with_capacity(4);
    while !stop.load(std::sync::atomic::Ordering::Acquire) {
        figures.write_due(touchline_sys::now_ns(), || json(agent));
        match wait {
            Wait::Park => touchline_sys::step_or_sleep(agent, &mut poller, &mut ready)?,
            Wait::Spin => touchline_sys::step_or_spin(agent)?,
        }
    }
    figures.write(&json(agent));
    Ok(())
}

/// Waits until an engine has made its rings.
///
/// # Errors
///
/// If none has after 30 s.
pub fn wait_for_rings(venue: &Venue, stop: &AtomicBool) -> Result<(), Failure> {
    let path = venue.run_file(RunFile::EngineBeacon);
    let stand = || {
        let map = SharedMap::open(&path, false).ok()?;
        Beacon::attach(map).ok()?.engine()
    };
    for _ in 0..300 {
        if stand().is_some() || stop.load(std::sync::atomic::Ordering::Acquire) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(format!("no engine of venue {} made its rings in 30 s; start it", venue.name))
}
