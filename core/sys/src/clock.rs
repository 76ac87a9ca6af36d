//! Clocks. The one of the venue stamps what members see; nothing in the matcher reads any.

use rustix::time::{ClockId, clock_gettime};

/// UTC now, nanoseconds since the epoch.
#[must_use]
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Processor time that this thread has used, ns. It stands still while others run, which makes it
/// the steadier measure on a shared machine; it costs a system call.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}
