//! The writer's end of a counters file. One thread writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use touchline_sys::{Held, SharedMap};

use crate::layout::{ALIVE, bucket_of};
use crate::table::{Latency, Value};

/// The values of an agent. Readers see that it lives until this and its recorders are dropped, or
/// the process ends.
#[derive(Debug)]
pub struct CountersFile {
    memory: Arc<SharedMap>,
    _held: Held,
}

impl CountersFile {
    pub(crate) fn new(map: SharedMap, held: Held) -> Self {
        Self { memory: Arc::new(map), _held: held }
    }

    /// Says what a counter stands at. One store.
    #[inline]
    pub fn set(&self, value: Value, number: u64) {
        self.memory.words()[value.0].store(number, Ordering::Relaxed);
    }

    /// Says what a gauge stands at that may be below 0. One store.
    #[inline]
    pub fn set_signed(&self, value: Value, number: i64) {
        self.set(value, number.cast_unsigned());
    }

    /// Says that the agent works: what was set before holds at this time, ns since the epoch.
    #[inline]
    pub fn alive(&self, now_ns: u64) {
        self.memory.words()[ALIVE].store(now_ns, Ordering::Release);
    }

    /// What records times into a histogram; one for each histogram, on the thread of the file.
    #[must_use]
    pub fn recorder(&self, latency: Latency) -> Recorder {
        Recorder { memory: self.memory.clone(), at: latency.0 }
    }
}

/// Records times into one histogram of a file.
#[derive(Debug)]
pub struct Recorder {
    memory: Arc<SharedMap>,
    at: usize,
}

impl Recorder {
    /// Counts a time. Some shifts, two loads and two stores.
    #[inline]
    pub fn record(&self, ns: u64) {
        let words = self.memory.words();
        add(&words[self.at + 1 + bucket_of(ns)], 1);
        add(&words[self.at], ns);
    }
}

/// There is one writer, so nothing is lost between load and store.
#[inline]
fn add(word: &AtomicU64, number: u64) {
    word.store(word.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
}
