//! Where the publisher reads what it did not see in the ring.

use touchline_config::Venue;
use touchline_history::{History, HistoryError};
use touchline_types::{Command, Event, EventFlags, PublicRecord, public_of};

/// What was before: commands and their events, in order, from the first of the journal on.
pub trait Past {
    /// Calls `take` with each command that [`advance`](Self::advance) has not given yet, and
    /// returns the newest sequence number; 0 without one.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the journal cannot be replayed.
    fn advance(&mut self, take: &mut dyn FnMut(&Command, &[Event])) -> Result<u64, HistoryError>;

    /// Frees what replaying took. The next `advance` starts from the first command again.
    fn forget(&mut self);
}

/// The journal of a venue. Holds a matcher only while it is being replayed.
pub struct JournalPast {
    venue: Venue,
    history: Option<History>,
}

impl JournalPast {
    /// The past of a venue; nothing is read yet.
    #[must_use]
    pub const fn new(venue: Venue) -> Self {
        Self { venue, history: None }
    }
}

impl Past for JournalPast {
    fn advance(&mut self, take: &mut dyn FnMut(&Command, &[Event])) -> Result<u64, HistoryError> {
        let mut history = match self.history.take() {
            Some(history) => history,
            None => History::open(&self.venue)?,
        };
        let last_seq = history.advance(take)?;
        self.history = Some(history);
        Ok(last_seq)
    }

    fn forget(&mut self) {
        self.history = None;
    }
}

/// The public records of a command, as the engine would have put them into the ring, without the
/// times of the hops: the last one says that the match event ends.
pub(crate) fn public_records(events: &[Event], mut take: impl FnMut(PublicRecord)) {
    let mut waiting: Option<PublicRecord> = None;
    for record in events.iter().filter_map(public_of) {
        if let Some(earlier) = waiting.replace(record) {
            take(earlier);
        }
    }
    if let Some(mut last) = waiting {
        last.flags = last.flags.with(EventFlags::END_OF_EVENT);
        take(last);
    }
}
