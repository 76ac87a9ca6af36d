//! The journal: every sequenced command, in order, in blocks with checksums. The one truth of
//! the venue; everything else is rebuilt from it.
//!
//! [`Writer`] appends and makes durable, [`Reader`] reads from the start and follows a journal that
//! grows. A torn tail (a crash in the middle of the last write) is cut off when a writer opens;
//! damage anywhere else is refused with the exact place and never guessed at.
#![forbid(unsafe_code)]

pub mod layout;
mod reader;
mod writer;

use std::path::{Path, PathBuf};

pub use reader::{Reader, Tail};
pub use writer::{Writer, Written};

/// What is wrong with a journal.
#[derive(Debug)]
pub enum JournalError {
    /// The system failed: what was tried, on which file.
    System(&'static str, PathBuf, std::io::Error),
    /// A segment has another format: which field, found, expected.
    Format(PathBuf, &'static str, u64, u64),
    /// A block is damaged and more of the journal follows it: file, offset in bytes, what is wrong.
    Damaged(PathBuf, u64, &'static str),
    /// A segment is missing: the sequence number at which the next one should start.
    Missing(PathBuf, u64),
    /// A caller appended out of order: expected and given sequence number.
    OutOfOrder(u64, u64),
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(call, path, error) => write!(out, "{call} {}: {error}", path.display()),
            Self::Format(path, field, found, expected) => write!(
                out,
                "{}: {field} is {found:#x}, this build expects {expected:#x}",
                path.display()
            ),
            Self::Damaged(path, offset, what) => write!(
                out,
                "{}: damaged at byte {offset}: {what}; later blocks follow: no torn tail",
                path.display()
            ),
            Self::Missing(path, seq) => write!(
                out,
                "{}: no segment starts at seq {seq}, but later ones exist",
                path.display()
            ),
            Self::OutOfOrder(expected, given) => {
                write!(out, "command {given} was appended where {expected} is next")
            }
        }
    }
}

impl std::error::Error for JournalError {}

/// The segments of a folder in order: first sequence number and path.
pub(crate) fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::System("list", dir.to_path_buf(), error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry =
            entry.map_err(|error| JournalError::System("list", dir.to_path_buf(), error))?;
        if let Some(seq) = entry.file_name().to_str().and_then(layout::segment_seq) {
            found.push((seq, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}
