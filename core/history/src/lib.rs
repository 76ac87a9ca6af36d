//! Events rebuilt from the journal: the reader and a matcher, one after the other.
//!
//! The engine starts from it, and so does every agent that needs what was before it: the journal is
//! the only truth, and the same commands make the same events wherever they are replayed.
#![forbid(unsafe_code)]

mod shape;

use std::path::PathBuf;

use touchline_config::{MEMBERS_WITH_ACCOUNT_MAX, Venue};
use touchline_journal::{JournalError, Reader, Tail};
use touchline_matcher::{Capacity, InstrumentLimits, MatcherError, OWNERS_MAX, OwnedMatcher};
use touchline_types::{Command, Event};

/// Why the past could not be rebuilt.
#[derive(Debug)]
pub enum HistoryError {
    /// The journal is damaged, or the system failed.
    Journal(JournalError),
    /// The configuration does not make a matcher.
    Matcher(MatcherError),
    /// The journal belongs to a venue of another shape: file, the line there, the line here.
    OtherVenue(PathBuf, String, String),
    /// The file that says which venue the journal belongs to could not be read or written.
    Shape(PathBuf, std::io::Error),
}

impl std::fmt::Display for HistoryError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(error) => write!(out, "journal: {error}"),
            Self::Matcher(error) => write!(out, "matcher: {error}"),
            Self::OtherVenue(path, there, here) => write!(
                out,
                "{}: the journal was written with `{there}`, the configuration now says `{here}`; \
                 change it back, or start with another data_dir",
                path.display()
            ),
            Self::Shape(path, error) => write!(out, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for HistoryError {}

impl From<JournalError> for HistoryError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Sessions that can have limits at a time: many more than the strategies that one host runs.
const LIMITED_SESSIONS_MAX: u32 = 128;

const _: () = assert!(MEMBERS_WITH_ACCOUNT_MAX == OWNERS_MAX);

/// A matcher of the size that the configuration asks for, with empty books.
///
/// # Errors
///
/// [`HistoryError::Matcher`] if the configuration does not fit one.
pub fn matcher_of(venue: &Venue) -> Result<OwnedMatcher, HistoryError> {
    let limits: Vec<_> = venue
        .instruments
        .iter()
        .map(|instrument| InstrumentLimits {
            instrument_id: instrument.id,
            min_price: instrument.min_price,
            max_price: instrument.max_price,
            max_order_qty: instrument.max_order_qty,
            initial_phase: instrument.phase,
            tick_size: instrument.tick_size,
            lot_size: instrument.lot_size,
            protection: instrument.protection,
            price_band: instrument.price_band,
        })
        .collect();
    let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let capacity = Capacity {
        instruments: count(limits.len()),
        orders: count(venue.engine.max_open_orders),
        levels: count(venue.engine.max_levels),
        cl_ord_ids: count(venue.engine.max_cl_ord_ids),
        limited_sessions: LIMITED_SESSIONS_MAX,
        accounts: count(venue.engine.max_accounts),
    };
    OwnedMatcher::allocate(&limits, &capacity).map_err(HistoryError::Matcher)
}

/// The past of a venue, as far as it has been replayed.
pub struct History {
    reader: Reader,
    matcher: OwnedMatcher,
    commands: Vec<Command>,
    events: Vec<Event>,
    last_timestamp: u64,
}

/// What an engine goes on with.
pub struct Replayed {
    /// The matcher after the newest command of the journal.
    pub matcher: OwnedMatcher,
    /// Where the journal ends.
    pub tail: Tail,
    /// Time of the newest command; 0 without one.
    pub last_timestamp: u64,
}

impl History {
    /// A past of which nothing has been replayed yet.
    ///
    /// # Errors
    ///
    /// [`HistoryError::OtherVenue`] if the journal belongs to a venue with other instruments or
    /// limits, others as they say.
    pub fn open(venue: &Venue) -> Result<Self, HistoryError> {
        shape::check(venue)?;
        Ok(Self {
            reader: Reader::open(&venue.journal_dir()),
            matcher: matcher_of(venue)?,
            commands: Vec::new(),
            events: Vec::new(),
            last_timestamp: 0,
        })
    }

    /// Replays what the journal holds beyond what was replayed already, calls `take` with each
    /// command and its events, and returns the newest sequence number. May be called again: the
    /// journal grows.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Journal`] with the place of the damage.
    pub fn advance(
        &mut self,
        mut take: impl FnMut(&Command, &[Event]),
    ) -> Result<u64, HistoryError> {
        self.commands.clear();
        while self.reader.next_block(&mut self.commands)? {
            for command in &self.commands {
                self.events.clear();
                let events = &mut self.events;
                self.matcher.apply(command, &mut |event: &Event| events.push(*event));
                self.last_timestamp = command.timestamp;
                take(command, &self.events);
            }
            self.commands.clear();
        }
        Ok(self.matcher.last_seq())
    }

    /// The matcher as far as it was replayed.
    #[must_use]
    pub const fn matcher(&self) -> &OwnedMatcher {
        &self.matcher
    }

    /// What an engine goes on with.
    #[must_use]
    pub fn into_replayed(self) -> Replayed {
        Replayed {
            tail: self.reader.tail(),
            matcher: self.matcher,
            last_timestamp: self.last_timestamp,
        }
    }
}
