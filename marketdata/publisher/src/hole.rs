//! A hole in what the publisher saw of the ring, and how it is filled from the journal.
//!
//! The ring lost records up to, but without, the record that it gives next. That record was
//! released, so the journal holds its command and all before it. They are replayed up to that
//! command and no further: what comes after may not be released yet, and will come through the
//! ring.

use std::collections::VecDeque;

use touchline_types::{Command, Event, PublicRecord};

use crate::past::public_records;

/// Records that are kept to be published late. Beyond this the books are brought up to date
/// directly, and a new session starts.
const BACKLOG_MAX: usize = 1 << 16;

/// Place of a record in the order of things: its command, and its event in that.
pub(crate) type Place = (u64, u32);

/// A hole that is being filled.
#[derive(Debug)]
pub(crate) struct Hole {
    /// Newest command to take from the journal; `None` until the ring has given a record.
    pub(crate) through: Option<u64>,
    /// True if what is missing is to be published; false at the start, and when it is too much.
    pub(crate) publish: bool,
    /// What is to be published.
    pub(crate) backlog: VecDeque<PublicRecord>,
}

impl Hole {
    pub(crate) const fn new(publish: bool) -> Self {
        Self { through: None, publish, backlog: VecDeque::new() }
    }

    /// Takes a command of the journal. Calls `apply` for each record that is only for the books.
    pub(crate) fn take(
        &mut self,
        command: &Command,
        events: &[Event],
        seen: Place,
        mut apply: impl FnMut(&PublicRecord),
    ) {
        if command.seq < seen.0 || self.through.is_some_and(|through| command.seq > through) {
            return;
        }
        public_records(events, |record| {
            if (record.seq, record.index) <= seen {
                return;
            }
            if self.publish && self.backlog.len() == BACKLOG_MAX {
                self.publish = false;
                self.backlog.drain(..).for_each(|record| apply(&record));
            }
            if self.publish {
                self.backlog.push_back(record);
            } else {
                apply(&record);
            }
        });
    }
}
