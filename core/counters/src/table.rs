//! What there is to count, gathered before the file is made.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use touchline_sys::{SharedMap, SysError, now_ns};

use crate::file::CountersFile;
use crate::layout::{
    ENTRY, HISTOGRAM, KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM, LAYOUT_HASH, LINE, MAGIC, PID,
    ROLE, STARTED, UNIT_NONE, UNIT_NS, VALUES, VERSION,
};

/// A counter or a gauge of a file.
#[derive(Clone, Copy, Debug)]
pub struct Value(pub(crate) usize);

/// A histogram of times.
#[derive(Clone, Copy, Debug)]
pub struct Latency(pub(crate) usize);

/// Names of what an agent counts. A name is Prometheus' own, with its unit and `_total`.
#[derive(Debug)]
pub struct Table {
    role: u64,
    entries: Vec<[u64; 5]>,
    text: Vec<u8>,
    words: usize,
}

impl Table {
    /// The empty table of the agent with a role.
    #[must_use]
    pub fn new(role: &str) -> Self {
        let mut table = Self { role: 0, entries: Vec::new(), text: Vec::new(), words: VALUES };
        table.role = table.write(role);
        table
    }

    /// Adds a counter: a number that only rises.
    pub fn counter(&mut self, name: &str, labels: &[(&str, &str)], help: &str) -> Value {
        self.value(KIND_COUNTER, UNIT_NONE, name, labels, help)
    }

    /// Adds a gauge: a number that goes up and down, and may be below 0.
    pub fn gauge(&mut self, name: &str, labels: &[(&str, &str)], help: &str) -> Value {
        self.value(KIND_GAUGE, UNIT_NONE, name, labels, help)
    }

    /// Adds a gauge that is a time, told in ns and read in seconds.
    pub fn time(&mut self, name: &str, labels: &[(&str, &str)], help: &str) -> Value {
        self.value(KIND_GAUGE, UNIT_NS, name, labels, help)
    }

    /// Adds a histogram of times.
    pub fn latency(&mut self, name: &str, labels: &[(&str, &str)], help: &str) -> Latency {
        self.words = self.words.next_multiple_of(LINE);
        let at = self.words;
        self.words += HISTOGRAM;
        self.entry(KIND_HISTOGRAM, UNIT_NS, at, name, labels, help);
        Latency(at)
    }

    /// Makes the file, in place of an older one, with every value 0. It has its name when all that
    /// readers rely on is in it.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn create(self, path: &Path) -> Result<CountersFile, SysError> {
        let (entries, text, words) = self.places();
        let (map, held) = SharedMap::create_held(path, words * 8, |memory| {
            self.format(memory, entries, text, words);
        })?;
        Ok(CountersFile::new(map, held))
    }

    fn value(
        &mut self,
        kind: u64,
        unit: u64,
        name: &str,
        labels: &[(&str, &str)],
        help: &str,
    ) -> Value {
        let at = self.words;
        self.words += 1;
        self.entry(kind, unit, at, name, labels, help);
        Value(at)
    }

    fn entry(
        &mut self,
        kind: u64,
        unit: u64,
        at: usize,
        name: &str,
        labels: &[(&str, &str)],
        help: &str,
    ) {
        let labels: String =
            labels.iter().flat_map(|(label, value)| [*label, "\0", *value, "\0"]).collect();
        let (name, labels, help) = (self.write(name), self.write(&labels), self.write(help));
        self.entries.push([kind | unit << 8, at as u64, name, labels, help]);
    }

    /// Adds a text, and says where it lies.
    fn write(&mut self, text: &str) -> u64 {
        let place = self.text.len() as u64 | (text.len() as u64) << 32;
        self.text.extend_from_slice(text.as_bytes());
        place
    }

    /// First word of the entries, of the text, and behind all.
    fn places(&self) -> (usize, usize, usize) {
        let entries = self.words.next_multiple_of(LINE);
        let text = entries + self.entries.len() * ENTRY;
        (entries, text, (text + self.text.len().div_ceil(8)).next_multiple_of(LINE))
    }

    fn format(&self, memory: &[AtomicU64], entries: usize, text: usize, words: usize) {
        let store = |at: usize, value: u64| memory[at].store(value, Ordering::Relaxed);
        let numbers = [words, self.entries.len(), entries, text, self.text.len()];
        for (at, number) in (3..).zip(numbers) {
            store(at, number as u64);
        }
        store(PID, u64::from(std::process::id()));
        store(STARTED, now_ns());
        store(ROLE, self.role);
        for (at, entry) in self.entries.iter().enumerate() {
            for (word, value) in entry.iter().enumerate() {
                store(entries + at * ENTRY + word, *value);
            }
        }
        for (at, bytes) in self.text.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            store(text + at, u64::from_le_bytes(word));
        }
        store(1, VERSION);
        store(2, LAYOUT_HASH);
        memory[0].store(MAGIC, Ordering::Release);
    }
}
