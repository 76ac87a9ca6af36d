//! Figures of agents, written to the run folder once a second, whole or not at all.

use std::path::PathBuf;

use touchline_config::{RunFile, Venue};

/// How often figures are written, ns.
const EVERY_NS: u64 = 1_000_000_000;

/// When the figures of an agent are due, and where they go.
#[derive(Debug)]
pub struct Figures {
    path: PathBuf,
    due_ns: u64,
}

impl Figures {
    /// Figures that go to a file of the run folder.
    #[must_use]
    pub fn new(venue: &Venue, file: RunFile) -> Self {
        Self { path: venue.run_file(file), due_ns: 0 }
    }

    /// Writes `json()` if a second has gone by.
    pub fn write_due(&mut self, now_ns: u64, json: impl FnOnce() -> String) {
        if now_ns >= self.due_ns {
            self.due_ns = now_ns + EVERY_NS;
            self.write(&json());
        }
    }

    /// Writes now. Figures that cannot be written are not worth stopping a market for.
    pub fn write(&self, json: &str) {
        let fresh = self.path.with_extension("new");
        let _ = std::fs::write(&fresh, json).and_then(|()| std::fs::rename(&fresh, &self.path));
    }
}
