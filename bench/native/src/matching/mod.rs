//! The matching benchmark: one file of order flow, played into books and into the matcher.
//!
//! `workload` reads the file and what must come of it; `replay` plays it into a book and measures;
//! `floor` is the book that does the least the flow allows; `bare` the matcher's book alone;
//! `full` is the matcher as the engine has it, with members, limits and reports. Every path must
//! come to the facts of the file, or it is an error.

mod bare;
mod commands;
mod floor;
mod full;
mod replay;
mod reports;
mod workload;

use std::path::Path;

use serde_json::Value;

pub(crate) use replay::{Mode, Spent};

/// The floor, on a file.
pub(crate) fn floor(path: &Path, mode: Mode) -> Result<Value, String> {
    let workload = workload::Workload::read(path)?;
    replay::measure(&workload, floor::Floor::new(), mode)
}

/// The bare path, on a file.
pub(crate) fn bare(path: &Path, mode: Mode) -> Result<Value, String> {
    let workload = workload::Workload::read(path)?;
    replay::measure(&workload, bare::Bare::new(), mode)
}

/// The full path, on a file; the matcher is given 1 to 16 commands at a time.
pub(crate) fn full(path: &Path, mode: Mode, batch: usize) -> Result<Value, String> {
    full::measure(&workload::Workload::read(path)?, mode, batch)
}
