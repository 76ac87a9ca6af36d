//! The gateway as a process of its own. It waits for the engine's rings.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use touchline_config::{RunFile, Venue};
use touchline_gateway::Gateway;
use touchline_programs::{Failure, Figures, Place, run_with_figures, wait_for_rings};

fn main() -> ExitCode {
    touchline_programs::main(run)
}

fn run(venue: &Venue, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let _place = Place::take(venue, "gateway")?;
    wait_for_rings(venue, stop)?;
    let mut gateway = Gateway::open(venue).map_err(|error| format!("gateway: {error}"))?;
    eprintln!("touchline: FIX sessions at {}", venue.gateway.address);
    let figures = Figures::new(venue, RunFile::GatewayStats);
    run_with_figures(&mut gateway, venue.wait, figures, stop, Gateway::stats_json)?;
    gateway.close().map_err(|error| format!("gateway: {error}"))
}
