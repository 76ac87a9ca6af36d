//! What an agent counts, in shared memory: a file of the run folder that it alone writes.
//!
//! An agent names its counters, gauges and latency histograms once, in a [`Table`], and makes the
//! file of it. From then on [`CountersFile::set`] is a store, and [`Recorder::record`] finds a
//! bucket by shifts and adds to two words: no allocation, no lock, no system call. Readers need to
//! know nothing of the agent: names, labels, units and help stand in the file.
//!
//! [`layout`] is the one place that knows the bytes.
#![forbid(unsafe_code)]

mod file;
pub mod layout;
mod table;

pub use file::{CountersFile, Recorder};
pub use table::{Latency, Table, Value};
