//! Every call to the operating system that the agents make: clock, mapped memory, doorbells,
//! polling, multicast sockets, positioned writes. The `unsafe` that they need lies here.

mod agent;
mod bell;
mod clock;
mod handover;
mod map;
mod multicast;
mod pin;
mod poll;

pub use agent::{Agent, run_parked, step_or_sleep, step_or_spin};
pub use bell::{Bell, EventBell, Ringer};
pub use clock::{now_ns, thread_cpu_ns};
pub use handover::{
    Admits, Link, LinkListener, Received, Seal, for_reading, memory, own_uid, seal,
};
pub use map::{Held, PAGE_BYTES, Part, SharedMap};
pub use multicast::{MulticastReceiver, MulticastSender};
pub use pin::pin_to_cpu;
pub use poll::{Interest, Poller, Readiness};
pub use rustix::io::Errno;

/// A system call that failed: what was tried, on what, and the error of the system.
#[derive(Debug)]
pub struct SysError {
    /// What was tried, for example `open`.
    pub call: &'static str,
    /// On what: a path, an address.
    pub on: String,
    /// The error of the system.
    pub errno: Errno,
}

impl std::fmt::Display for SysError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}: {}", self.call, self.on, self.errno)
    }
}

impl std::error::Error for SysError {}

/// Turns an [`Errno`] into a [`SysError`] that names its place.
pub(crate) fn at<T>(
    call: &'static str,
    on: impl std::fmt::Display,
    result: Result<T, Errno>,
) -> Result<T, SysError> {
    result.map_err(|errno| SysError { call, on: on.to_string(), errno })
}
