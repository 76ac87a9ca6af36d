//! The engine as a process of its own.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use touchline_config::{RunFile, Venue};
use touchline_programs::{EngineHouse, Failure, Figures, Place, run_with_figures};

fn main() -> ExitCode {
    touchline_programs::main(run)
}

fn run(venue: &Venue, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let _place = Place::take(venue, "engine")?;
    let mut house = EngineHouse::open(venue, stop)?;
    let figures = Figures::new(venue, RunFile::EngineStats);
    let result = run_with_figures(
        &mut house.engine,
        venue.wait,
        figures,
        stop,
        touchline_engine::Engine::stats_json,
    );
    stop.store(true, Ordering::Release);
    let closed = house.close();
    result.and(closed)
}
