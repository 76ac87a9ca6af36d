//! Which processor a thread runs on.

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{SysError, at};

/// Keeps this thread on one processor, counted from 0.
///
/// # Errors
///
/// Whatever the system says to `sched_setaffinity`; `INVAL` for a number that cannot be.
pub fn pin_to_cpu(cpu: usize) -> Result<(), SysError> {
    if cpu >= CpuSet::MAX_CPU {
        return at("pin to processor", cpu, Err(rustix::io::Errno::INVAL));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    at("pin to processor", cpu, sched_setaffinity(None, &set))
}
