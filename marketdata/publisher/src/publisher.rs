//! The agent.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;

use touchline_config::{RunFile, Venue};
use touchline_feed_codec::{ChannelKind, PacketFlags, SnapshotOrder};
use touchline_history::HistoryError;
use touchline_ring::{BroadcastConsumer, Memory, RingError};
use touchline_sys::{Agent, Bell, SharedMap, SysError};
use touchline_types::{EventFlags, PublicRecord, TradingPhase};

use crate::book::Book;
use crate::channel::{Channel, Hops};
use crate::cycle::{Definitions, Pace, Snapshots};
use crate::engine_link::{Engine, EngineLink};
use crate::hole::{Hole, Place};
use crate::message::message_of;
use crate::metrics::{Metrics, TELL_NS};
use crate::stats::{Counters, Latency};
use crate::{JournalPast, Lines, Past, Sockets};

/// Records taken in one pass at most.
const BATCH_RECORDS: usize = 256;
/// Packets of the incremental channel that a line may lie behind.
const INCREMENTAL_PACKETS: usize = 4_096;
/// Packets of the other channels that are kept.
const CYCLIC_PACKETS: usize = 64;
/// How soon a full line or a journal that lags is looked at again, ns.
const RETRY_NS: u64 = 1_000_000;

/// Why the publisher had to stop.
#[derive(Debug)]
pub enum PublisherError {
    /// The public ring is not one, or its producer's cursor went back.
    Ring(RingError),
    /// The journal could not be replayed.
    Past(HistoryError),
    /// A file or a socket could not be opened.
    Sys(SysError),
    /// No engine of the venue has made its rings.
    NoEngine,
}

impl std::fmt::Display for PublisherError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ring(error) => write!(out, "public ring: {error}"),
            Self::Past(error) => write!(out, "past: {error}"),
            Self::Sys(error) => error.fmt(out),
            Self::NoEngine => out.write_str("the engine has not made its rings; start it"),
        }
    }
}

impl std::error::Error for PublisherError {}

impl From<SysError> for PublisherError {
    fn from(error: SysError) -> Self {
        Self::Sys(error)
    }
}

impl From<RingError> for PublisherError {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}

/// What a publisher is made of.
pub struct Parts<M, L, P> {
    /// The public ring.
    pub ring: BroadcastConsumer<PublicRecord, M>,
    /// Its doorbell; `None` where the program never sleeps.
    pub bell: Option<Bell>,
    /// The network and the clock.
    pub lines: L,
    /// What was before.
    pub past: P,
    /// Who writes the ring; `None` if that never changes, and all that the past holds may be told.
    pub engine: Option<Box<dyn Engine<M>>>,
}

/// The publisher of a venue. Sends nothing before its first `do_work`.
pub struct Publisher<M, L, P> {
    pub(crate) ring: BroadcastConsumer<PublicRecord, M>,
    bell: Option<Bell>,
    lines: L,
    past: P,
    engine: Option<Box<dyn Engine<M>>>,
    /// Nothing has been read of the ring of this engine.
    ring_is_new: bool,
    instruments: Vec<(u32, TradingPhase)>,
    books: Vec<Book>,
    pub(crate) incremental: Channel,
    pub(crate) snapshot: Channel,
    pub(crate) definition: Channel,
    pub(crate) snapshots: Snapshots,
    pub(crate) definitions: Definitions,
    snapshot_pace: Pace,
    definition_pace: Pace,
    heartbeat_ns: u64,
    session: u64,
    /// What the ring did not show; at the start, everything.
    hole: Option<Hole>,
    /// Taken from the journal, still to be published.
    backlog: VecDeque<PublicRecord>,
    /// Records of the ring up to this command have come from the journal.
    skip_through: u64,
    /// The newest record in the books.
    seen: Place,
    /// The newest record was not the last of its match event.
    mid_event: bool,
    now_ns: u64,
    latency: Latency,
    pub(crate) counters: Counters,
    /// The counters file; `None` for a publisher that is not of a running venue.
    pub(crate) metrics: Option<Metrics>,
}

impl Publisher<SharedMap, Sockets, JournalPast> {
    /// The publisher of a running venue: opens its ring, makes its doorbell, opens its sockets.
    ///
    /// # Errors
    ///
    /// [`PublisherError`] with the file or the group that failed.
    pub fn open(venue: &Venue) -> Result<Self, PublisherError> {
        let mut engine = EngineLink::open(venue)?;
        let parts = Parts {
            ring: engine.first_ring()?,
            bell: Some(Bell::create(&venue.run_file(RunFile::PublisherBell))?),
            lines: Sockets::open(&venue.marketdata)?,
            past: JournalPast::new(venue.clone()),
            engine: Some(Box::new(engine)),
        };
        let mut publisher = Self::new(venue, parts);
        let channels = [&publisher.incremental, &publisher.snapshot, &publisher.definition];
        let lines = channels.into_iter().flat_map(Channel::line_names);
        let (metrics, recorders) = Metrics::create(venue, lines)?;
        publisher.metrics = Some(metrics);
        publisher.latency.share(recorders);
        Ok(publisher)
    }
}

impl<M: Memory, L: Lines, P: Past> Publisher<M, L, P> {
    /// A publisher of the given parts.
    #[must_use]
    pub fn new(venue: &Venue, parts: Parts<M, L, P>) -> Self {
        let Parts { ring, bell, lines, past, engine } = parts;
        let feed = &venue.marketdata;
        let channel = |kind, number, capacity| Channel::new(kind, number, capacity, &lines);
        let incremental =
            channel(ChannelKind::Incremental, feed.incremental.channel, INCREMENTAL_PACKETS);
        let snapshot = channel(ChannelKind::Snapshot, feed.snapshot.channel, CYCLIC_PACKETS);
        let definition = channel(ChannelKind::Definition, feed.definition.channel, CYCLIC_PACKETS);
        let definitions = Definitions::new(
            feed.definition_cycle_ms,
            &venue.instruments,
            feed.incremental.channel,
        );
        let instruments: Vec<_> =
            venue.instruments.iter().map(|instrument| (instrument.id, instrument.phase)).collect();
        Self {
            ring,
            bell,
            lines,
            past,
            engine,
            ring_is_new: true,
            books: empty_books(&instruments),
            instruments,
            incremental,
            snapshot,
            definition,
            snapshots: Snapshots::new(feed.snapshot_cycle_ms),
            definitions,
            snapshot_pace: Pace::new(feed.snapshot_packets_per_ms),
            definition_pace: Pace::new(feed.snapshot_packets_per_ms),
            heartbeat_ns: feed.heartbeat_ms * 1_000_000,
            session: 0,
            hole: Some(Hole::new(false)),
            backlog: VecDeque::new(),
            skip_through: 0,
            seen: (0, 0),
            mid_event: false,
            now_ns: 0,
            latency: Latency::new(),
            counters: Counters::default(),
            metrics: None,
        }
    }

    /// Session of the feed, ns since the epoch; 0 before the first packet.
    #[must_use]
    pub const fn session(&self) -> u64 {
        self.session
    }

    /// Resting orders of an instrument as a snapshot would list them now; none for an unknown one.
    pub fn orders(&self, instrument_id: u32) -> impl Iterator<Item = SnapshotOrder> + '_ {
        book_index(instrument_id)
            .and_then(|index| self.books.get(index))
            .into_iter()
            .flat_map(Book::orders)
    }

    /// The network that it was given.
    pub const fn lines_mut(&mut self) -> &mut L {
        &mut self.lines
    }

    /// Says on every line that no packet will follow in this session.
    pub fn end_session(&mut self) {
        if self.session == 0 {
            return;
        }
        self.incremental.flush(&mut self.lines, Some(&mut self.latency));
        for channel in [&mut self.incremental, &mut self.snapshot, &mut self.definition] {
            channel.heartbeat(&mut self.lines, PacketFlags::END_OF_SESSION);
        }
    }

    /// Its figures, one JSON object.
    #[must_use]
    pub fn stats_json(&self) -> String {
        serde_json::json!({
            "session": self.session,
            "ring_depth": self.ring.depth(),
            "last_seq": self.seen.0,
            "counters": self.counters.stats(),
            "incremental": self.incremental.stats(),
            "snapshot": self.snapshot.stats(),
            "snapshot_cycle": self.snapshots.timetable.stats(),
            "definition": self.definition.stats(),
            "definition_cycle": self.definitions.timetable.stats(),
            "latency_ns": self.latency.stats(),
        })
        .to_string()
    }

    fn start_session(&mut self, now_ns: u64) {
        // A clock that stood still must not give two sessions one name.
        self.session = now_ns.max(self.session + 1);
        self.counters.sessions += 1;
        self.books.iter_mut().for_each(Book::start_session);
        for channel in [&mut self.incremental, &mut self.snapshot, &mut self.definition] {
            channel.start_session(self.session);
        }
        self.snapshots.restart();
        self.definitions.restart();
    }

    /// If another engine has started: goes on with its ring, and with what the journal holds beyond
    /// the newest record that was taken.
    fn follow_engine(&mut self) -> Result<(), PublisherError> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let Some(next) = engine.next_ring()? else { return Ok(()) };
        self.counters.engines_followed += 1;
        self.ring = next.ring;
        self.ring_is_new = true;
        self.backlog.clear();
        self.skip_through = 0;
        self.past.forget();
        let happened = self.seen.0 <= next.replayed;
        if !happened {
            // With durability async a crash may take commands that had been told: another session.
            self.books = empty_books(&self.instruments);
            self.seen = (0, 0);
            self.mid_event = false;
        }
        self.hole = Some(Hole::new(happened && self.session != 0));
        Ok(())
    }

    /// The newest command to take from the past, `Some(None)` if that is all of it, `None` if that
    /// is not known yet.
    #[expect(clippy::option_option, reason = "three answers, told apart above")]
    fn through(&mut self, hole: &Hole) -> Result<Option<Option<u64>>, PublisherError> {
        if let (Some(engine), false) = (&self.engine, hole.publish) {
            // A new session starts with what there is now. Older records that the ring still holds
            // were told in the session before.
            return Ok(Some(Some(engine.sequenced())));
        }
        match self.ring.pop() {
            Ok(Some(record)) => return Ok(Some(Some(record.seq))),
            // Nothing was released into this ring: what may be told, the past holds.
            Ok(None) if self.ring_is_new => {
                return Ok(Some(self.engine.as_ref().map(|engine| engine.durable())));
            }
            Ok(None) => {}
            Err(RingError::Lapped { .. }) => self.counters.lapped += 1,
            Err(RingError::Record(_)) => self.counters.bad_records += 1,
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    /// Tries to fill the hole; true if there is none any more.
    fn fill_hole(&mut self, now_ns: u64) -> Result<bool, PublisherError> {
        let Some(mut hole) = self.hole.take() else { return Ok(true) };
        if hole.through.is_none() {
            match self.through(&hole)? {
                Some(through) => hole.through = through,
                None => return self.still(hole),
            }
        }
        if hole.publish && hole.through.is_some_and(|through| through <= self.skip_through) {
            // The ring lost nothing but what the books had from the journal.
            return Ok(true);
        }
        if let (Some(engine), Some(through)) = (&self.engine, hole.through)
            && engine.durable() < through
        {
            return self.still(hole);
        }
        let (seen, books, counters) = (self.seen, &mut self.books, &mut self.counters);
        let mut newest = seen;
        let last_seq = self
            .past
            .advance(&mut |command, events| {
                hole.take(command, events, seen, |record| {
                    newest = (record.seq, record.index);
                    counters.misfits += u64::from(!apply(books, record));
                });
            })
            .map_err(PublisherError::Past)?;
        self.seen = newest;
        let through = hole.through.unwrap_or(last_seq);
        if last_seq < through {
            return self.still(hole);
        }
        self.past.forget();
        self.ring_is_new = false;
        self.skip_through = through;
        self.counters.records_from_journal += hole.backlog.len() as u64;
        self.backlog = hole.backlog;
        if !hole.publish {
            self.start_session(now_ns);
        }
        Ok(true)
    }

    /// The hole stays for now.
    #[allow(clippy::unnecessary_wraps)]
    fn still(&mut self, hole: Hole) -> Result<bool, PublisherError> {
        self.hole = Some(hole);
        Ok(false)
    }

    /// The next record to publish.
    fn next_record(&mut self) -> Result<Option<PublicRecord>, PublisherError> {
        if let Some(record) = self.backlog.pop_front() {
            return Ok(Some(record));
        }
        // Each turn takes a record from the ring, which holds a bounded number of them.
        while self.hole.is_none() {
            match self.ring.pop() {
                Ok(Some(record)) if record.seq <= self.skip_through => {}
                Ok(record) => return Ok(record),
                Err(RingError::Lapped { .. }) => {
                    self.counters.lapped += 1;
                    self.hole = Some(Hole::new(true));
                }
                Err(RingError::Record(_)) => {
                    self.counters.bad_records += 1;
                    self.hole = Some(Hole::new(true));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Takes a batch of records, packs it, and closes the last packet.
    fn publish(&mut self) -> Result<usize, PublisherError> {
        let mut count = 0;
        let mut matching_time = 0;
        while count < BATCH_RECORDS {
            let Some(record) = self.next_record()? else { break };
            count += 1;
            self.publish_record(&record, &mut matching_time);
        }
        if count > 0 {
            self.incremental.close(&mut self.lines, matching_time, Some(&mut self.latency));
        }
        Ok(count)
    }

    fn publish_record(&mut self, record: &PublicRecord, matching_time: &mut u64) {
        self.seen = (record.seq, record.index);
        self.mid_event = !record.flags.contains(EventFlags::END_OF_EVENT);
        let index = book_index(record.instrument_id);
        let Some(book) = index.and_then(|index| self.books.get_mut(index)) else {
            self.counters.bad_records += 1;
            return;
        };
        self.counters.records += 1;
        self.counters.misfits += u64::from(book.apply(record).is_err());
        let message = message_of(record, book.next_rpt_seq());
        let hops = Some(Hops::of(record)).filter(|hops| hops.released != 0);
        if !self.incremental.try_push(&message, hops) {
            self.incremental.close(&mut self.lines, *matching_time, Some(&mut self.latency));
            // An empty packet has room for every message: asserted in the codec.
            self.incremental.try_push(&message, hops);
        }
        *matching_time = record.timestamp;
    }

    fn heartbeat(&mut self, now_ns: u64) -> usize {
        if now_ns.saturating_sub(self.incremental.sent_at()) < self.heartbeat_ns {
            return 0;
        }
        self.incremental.heartbeat(&mut self.lines, PacketFlags::NONE);
        1
    }

    fn cycles(&mut self, now_ns: u64) -> usize {
        if self.mid_event {
            // A snapshot shows a book between two match events.
            return 0;
        }
        let last_sequence = self.incremental.sequence();
        let snapshots = self.snapshots.work(
            now_ns,
            &self.books,
            last_sequence,
            &mut self.snapshot_pace,
            &mut self.snapshot,
            &mut self.lines,
        );
        snapshots
            + self.definitions.work(
                now_ns,
                &self.books,
                &mut self.definition_pace,
                &mut self.definition,
                &mut self.lines,
            )
    }

    fn is_pending(&self) -> bool {
        [&self.incremental, &self.snapshot, &self.definition].into_iter().any(Channel::is_pending)
    }
}

fn empty_books(instruments: &[(u32, TradingPhase)]) -> Vec<Book> {
    instruments.iter().map(|(id, phase)| Book::new(*id, *phase)).collect()
}

/// Instruments are numbered from 1.
fn book_index(instrument_id: u32) -> Option<usize> {
    usize::try_from(instrument_id).ok()?.checked_sub(1)
}

fn apply(books: &mut [Book], record: &PublicRecord) -> bool {
    book_index(record.instrument_id)
        .and_then(|index| books.get_mut(index))
        .is_some_and(|book| book.apply(record).is_ok())
}

impl<M: Memory, L: Lines, P: Past> Agent for Publisher<M, L, P> {
    type Error = PublisherError;

    fn role_name(&self) -> &'static str {
        "publisher"
    }

    fn do_work(&mut self, now_ns: u64) -> Result<usize, PublisherError> {
        self.now_ns = now_ns;
        if let Some(metrics) = self.metrics.as_mut().filter(|metrics| now_ns >= metrics.due_ns) {
            metrics.due_ns = now_ns + TELL_NS;
            self.tell(now_ns);
        }
        self.follow_engine()?;
        if !self.fill_hole(now_ns)? && self.hole.as_ref().is_some_and(|hole| !hole.publish) {
            // The books run ahead of the channel: nothing may be sent of them.
            return Ok(0);
        }
        let mut work = self.incremental.flush(&mut self.lines, Some(&mut self.latency));
        work += self.publish()?;
        work += self.heartbeat(now_ns);
        Ok(work + self.cycles(now_ns))
    }

    fn park(&mut self) -> bool {
        let nothing_waits = self.backlog.is_empty();
        self.ring.park() && nothing_waits
    }

    fn unpark(&mut self) {
        self.ring.unpark();
        if let Some(bell) = &self.bell {
            bell.drain();
        }
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        self.bell.as_ref().map(Bell::fd)
    }

    fn deadline_ns(&self) -> u64 {
        if self.hole.is_some() || self.is_pending() {
            return self.now_ns + RETRY_NS;
        }
        (self.incremental.sent_at() + self.heartbeat_ns)
            .min(self.snapshots.deadline_ns(&self.snapshot_pace))
            .min(self.definitions.deadline_ns(&self.definition_pace))
    }
}
