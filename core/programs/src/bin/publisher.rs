//! The publisher as a process of its own. It waits for the engine's rings.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use touchline_config::{RunFile, Venue};
use touchline_programs::{Failure, Figures, Place, run_with_figures, wait_for_rings};
use touchline_publisher::Publisher;

fn main() -> ExitCode {
    touchline_programs::main(run)
}

fn run(venue: &Venue, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let _place = Place::take(venue, "publisher")?;
    wait_for_rings(venue, stop)?;
    let mut publisher = Publisher::open(venue).map_err(|error| format!("publisher: {error}"))?;
    let figures = Figures::new(venue, RunFile::PublisherStats);
    run_with_figures(&mut publisher, venue.wait, figures, stop, Publisher::stats_json)?;
    publisher.end_session();
    Ok(())
}
