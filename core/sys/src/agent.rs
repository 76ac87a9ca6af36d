//! Agents: a duty with one loop. A program gives each a thread, or several one thread.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Interest, Poller, now_ns};

/// A duty of the venue. It never blocks in `do_work`; when there is nothing to do, the program
/// parks it: `park`, wait for `wait_fd` or `deadline_ns`, `unpark`.
pub trait Agent {
    /// Why the agent had to stop.
    type Error: std::error::Error;

    /// Its duty, for logs and thread names.
    fn role_name(&self) -> &'static str;

    /// Does what is waiting, up to a bound, and says how much that was; 0 means idle.
    ///
    /// # Errors
    ///
    /// What ends the agent. Bad input and slow peers are counted, not returned.
    fn do_work(&mut self, now_ns: u64) -> Result<usize, Self::Error>;

    /// Announces sleep in every ring that the agent reads, and looks once more: `true` if there is
    /// still nothing, so that it may sleep. Always followed by `unpark`.
    fn park(&mut self) -> bool;

    /// Takes the announcement back and empties the doorbell.
    fn unpark(&mut self);

    /// Becomes readable when the agent must wake.
    fn wait_fd(&self) -> Option<BorrowedFd<'_>>;

    /// The latest time to wake, ns since the epoch, UTC; `u64::MAX` without a timer.
    fn deadline_ns(&self) -> u64;
}

/// Runs one agent on this thread until `stop` is set, sleeping when it is idle. `stop` is looked at
/// after each wake, at least every 100 ms.
///
/// # Errors
///
/// The agent's error, as text with its role, or the poller's.
pub fn run_parked<A: Agent>(agent: &mut A, stop: &AtomicBool) -> Result<(), String> {
    let mut poller = Poller::new(4).map_err(|error| error.to_string())?;
    if let Some(fd) = agent.wait_fd() {
        poller.add(fd, 0, Interest::Read).map_err(|error| error.to_string())?;
    }
    let mut ready = Vec::with_capacity(4);
    while !stop.load(Ordering::Acquire) {
        step_or_sleep(agent, &mut poller, &mut ready)?;
    }
    Ok(())
}

/// One turn of an agent that never sleeps: it has a core for itself.
///
/// # Errors
///
/// The agent's error, as text with its role.
pub fn step_or_spin<A: Agent>(agent: &mut A) -> Result<(), String> {
    let role = agent.role_name();
    if agent.do_work(now_ns()).map_err(|error| format!("{role}: {error}"))? == 0 {
        std::hint::spin_loop();
    }
    Ok(())
}

/// One turn of an agent; if it was idle, sleep until its descriptor (which is in `poller`) wakes
/// it, its deadline comes, or 100 ms are over.
///
/// # Errors
///
/// The agent's error, as text with its role, or the poller's.
pub fn step_or_sleep<A: Agent>(
    agent: &mut A,
    poller: &mut Poller,
    ready: &mut Vec<crate::Readiness>,
) -> Result<(), String> {
    let role = agent.role_name();
    let work = agent.do_work(now_ns()).map_err(|error| format!("{role}: {error}"))?;
    if work == 0 {
        if agent.park() {
            let timeout_ns = agent.deadline_ns().saturating_sub(now_ns()).min(100_000_000);
            ready.clear();
            poller.wait(Some(timeout_ns), ready).map_err(|error| error.to_string())?;
        }
        agent.unpark();
    }
    Ok(())
}
