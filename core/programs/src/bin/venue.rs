//! The composite program: engine, gateway and publisher on one thread, over the same rings that
//! they would share as processes. The default on hosts of up to four cores: nothing spins, and on
//! the way from a FIX byte to a packet no other thread has to be woken but the journal's.
#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use touchline_config::{RunFile, Venue, Wait};
use touchline_gateway::Gateway;
use touchline_programs::{EngineHouse, Failure, Figures, Place};
use touchline_publisher::Publisher;
use touchline_sys::{Agent, Interest, Poller, now_ns};

/// Longest sleep: a signal that meets another thread is seen by then, ns.
const SLEEP_NS_MAX: u64 = 100_000_000;

fn main() -> ExitCode {
    touchline_programs::main(run)
}

fn run(venue: &Venue, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let _place = Place::take(venue, "engine")?;
    let mut house = EngineHouse::open(venue, stop)?;
    let result = run_agents(venue, stop, &mut house);
    stop.store(true, Ordering::Release);
    let closed = house.close();
    if result.is_ok() && closed.is_ok() {
        Place::clear(venue);
    }
    result.and(closed)
}

fn run_agents(
    venue: &Venue,
    stop: &Arc<AtomicBool>,
    house: &mut EngineHouse,
) -> Result<(), Failure> {
    let engine = &mut house.engine;
    let mut publisher = Publisher::open(venue).map_err(|error| format!("publisher: {error}"))?;
    let mut gateway = Gateway::open(venue).map_err(|error| format!("gateway: {error}"))?;
    engine.find_bells();
    eprintln!("touchline: FIX sessions at {}", venue.gateway.address);

    let mut poller = Poller::new(8).map_err(|error| error.to_string())?;
    let fds = [engine.wait_fd(), gateway.wait_fd(), publisher.wait_fd()];
    add_all(&poller, &fds)?;
    let mut figures = [RunFile::EngineStats, RunFile::GatewayStats, RunFile::PublisherStats]
        .map(|file| Figures::new(venue, file));
    let mut ready = Vec::with_capacity(8);
    while !stop.load(Ordering::Acquire) {
        let now = now_ns();
        figures[0].write_due(now, || engine.stats_json());
        figures[1].write_due(now, || gateway.stats_json());
        figures[2].write_due(now, || publisher.stats_json());
        if pass(engine, &mut gateway, &mut publisher)? > 0 {
            continue;
        }
        if venue.wait == Wait::Spin {
            std::hint::spin_loop();
            continue;
        }
        // Every agent must announce its sleep, and every one must take it back.
        let may_sleep = [engine.park(), gateway.park(), publisher.park()];
        if may_sleep == [true; 3] {
            let deadline =
                engine.deadline_ns().min(gateway.deadline_ns()).min(publisher.deadline_ns());
            let timeout = deadline.saturating_sub(now_ns()).min(SLEEP_NS_MAX);
            ready.clear();
            poller.wait(Some(timeout), &mut ready).map_err(|error| error.to_string())?;
        }
        engine.unpark();
        gateway.unpark();
        publisher.unpark();
    }
    // No more orders; what is in the rings is answered and published; members are logged out,
    // subscribers are told that the session ends.
    engine.dismiss_strategies();
    let until = now_ns() + 2_000_000_000;
    while pass(engine, &mut gateway, &mut publisher)? > 0 && now_ns() < until {}
    gateway.close().map_err(|error| format!("gateway: {error}"))?;
    publisher.end_session();
    figures[0].write(&engine.stats_json());
    figures[1].write(&gateway.stats_json());
    figures[2].write(&publisher.stats_json());
    Ok(())
}

/// One turn: what members sent goes in, what is durable goes out.
fn pass(
    engine: &mut impl Agent,
    gateway: &mut impl Agent,
    publisher: &mut impl Agent,
) -> Result<usize, Failure> {
    let mut work = step(gateway)?;
    work += step(engine)?;
    work += step(publisher)?;
    Ok(work)
}

fn step(agent: &mut impl Agent) -> Result<usize, Failure> {
    let role = agent.role_name();
    agent.do_work(now_ns()).map_err(|error| format!("{role}: {error}"))
}

fn add_all(poller: &Poller, fds: &[Option<BorrowedFd<'_>>]) -> Result<(), Failure> {
    for (key, fd) in (0..).zip(fds.iter().flatten()) {
        poller.add(*fd, key, Interest::Read).map_err(|error| error.to_string())?;
    }
    Ok(())
}
