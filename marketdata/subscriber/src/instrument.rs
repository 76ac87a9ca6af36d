//! An instrument as a subscriber knows it: its book, whether that is right, and how it gets right.
//!
//! RptSeq(83) counts the messages of an instrument without a hole, so it alone decides whether a
//! message fits: the next number is applied, a lower one is known, a higher one says that something
//! is missing. Then messages are kept until a late packet or a snapshot closes the hole.

use std::collections::BTreeMap;

use touchline_feed_codec::{MatchEventIndicator, Message, SnapshotOrder, SnapshotStart};

use crate::{Book, BookListener, Counters};

/// Messages of one instrument that wait for a snapshot at most.
const BUFFERED_MAX: usize = 1 << 16;

/// Whether a book is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookState {
    /// It is what the publisher's was after the same message, and nothing is known to be missing.
    Live,
    /// Packets are lost, and they may have held messages of this instrument. The next message or
    /// the next snapshot will tell.
    Suspect,
    /// Messages are missing. The book stands still, or is empty, until it is recovered.
    Stale,
}

/// An instrument.
#[derive(Debug)]
pub(crate) struct Instrument {
    id: u32,
    book: Book,
    state: BookState,
    /// Number of the newest message in the book; `None` when the book itself is no good.
    last_rpt_seq: Option<u32>,
    /// Up to this incremental packet nothing of this instrument is missing in the book.
    proven_through: u64,
    /// Up to this packet something may be missing.
    need_through: u64,
    /// Messages that wait, by their numbers, with their packets.
    buffer: BTreeMap<u32, (u64, Message)>,
}

/// Who counts and who listens.
pub(crate) struct Reporter<'a, B> {
    pub(crate) counters: &'a mut Counters,
    pub(crate) listener: &'a mut B,
}

/// What a message says of itself, whatever its template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub(crate) instrument_id: u32,
    pub(crate) rpt_seq: u32,
    seq: u64,
    indicator: MatchEventIndicator,
}

impl Tag {
    /// The tag of a message of the incremental channel; `None` for the other channels'.
    pub(crate) const fn of(message: &Message) -> Option<Self> {
        macro_rules! tag {
            ($message:ident) => {
                Some(Self {
                    instrument_id: $message.instrument_id,
                    rpt_seq: $message.rpt_seq,
                    seq: $message.seq,
                    indicator: $message.indicator,
                })
            };
        }
        match message {
            Message::OrderAdd(message) => tag!(message),
            Message::OrderExecute(message) => tag!(message),
            Message::OrderCancel(message) => tag!(message),
            Message::OrderDelete(message) => tag!(message),
            Message::OrderReplace(message) => tag!(message),
            Message::SecurityStatus(message) => tag!(message),
            Message::Uncross(message) => tag!(message),
            Message::SnapshotStart(_)
            | Message::SnapshotOrder(_)
            | Message::SnapshotEnd(_)
            | Message::SecurityDefinition(_) => None,
        }
    }
}

/// Where a message came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Its packet.
    pub(crate) sequence: u64,
    /// The newest packet that has been taken in or given up.
    pub(crate) newest: u64,
    /// No packet that was given up is still missing.
    pub(crate) whole: bool,
}

impl Instrument {
    /// An instrument without a book. A snapshot that holds up to `need_through` makes one.
    pub(crate) fn new(id: u32, need_through: u64, counters: &mut Counters) -> Self {
        counters.not_live += 1;
        Self {
            id,
            book: Book::default(),
            state: BookState::Stale,
            last_rpt_seq: None,
            proven_through: 0,
            need_through,
            buffer: BTreeMap::new(),
        }
    }

    pub(crate) const fn book(&self) -> &Book {
        &self.book
    }

    pub(crate) const fn state(&self) -> BookState {
        self.state
    }

    /// Packets up to `through` are lost.
    pub(crate) fn on_gap<B: BookListener>(&mut self, through: u64, to: &mut Reporter<'_, B>) {
        self.need_through = self.need_through.max(through);
        if self.state == BookState::Live && self.proven_through < through {
            self.enter(BookState::Suspect, to);
        }
    }

    /// Every lost packet has come after all.
    pub(crate) fn on_whole<B: BookListener>(&mut self, to: &mut Reporter<'_, B>) {
        if self.state == BookState::Suspect {
            self.enter(BookState::Live, to);
        }
    }

    fn enter<B: BookListener>(&mut self, state: BookState, to: &mut Reporter<'_, B>) {
        if self.state == state {
            return;
        }
        to.counters.not_live += u64::from(self.state == BookState::Live);
        to.counters.not_live -= u64::from(state == BookState::Live);
        self.state = state;
        to.listener.state(self.id, state);
    }

    /// Takes a message of the incremental channel.
    #[inline]
    pub(crate) fn take<B: BookListener>(
        &mut self,
        message: &Message,
        tag: Tag,
        origin: Origin,
        to: &mut Reporter<'_, B>,
    ) {
        let next = self.last_rpt_seq.map(|last| last.wrapping_add(1));
        match next {
            Some(next) if tag.rpt_seq == next => {
                let was_stale = self.state == BookState::Stale;
                self.apply(message, tag, origin, to);
                self.drain(origin, to);
                self.settle(origin.whole, to);
                to.counters.repaired_late += u64::from(was_stale && self.state != BookState::Stale);
            }
            Some(next) if tag.rpt_seq < next => {}
            Some(_) => {
                to.counters.rpt_seq_gaps += u64::from(self.state != BookState::Stale);
                self.keep(message, tag, origin, to.counters);
                self.enter(BookState::Stale, to);
            }
            None => self.keep(message, tag, origin, to.counters),
        }
    }

    fn keep(&mut self, message: &Message, tag: Tag, origin: Origin, counters: &mut Counters) {
        if self.buffer.len() >= BUFFERED_MAX {
            counters.buffer_overflows += 1;
            self.distrust(origin.newest);
        }
        self.buffer.insert(tag.rpt_seq, (origin.sequence, *message));
    }

    /// The book is no good: only a snapshot that holds everything up to `newest` will do.
    fn distrust(&mut self, newest: u64) {
        self.last_rpt_seq = None;
        self.need_through = self.need_through.max(newest);
        self.buffer.clear();
    }

    /// Applies a message that fits.
    #[inline]
    fn apply<B: BookListener>(
        &mut self,
        message: &Message,
        tag: Tag,
        origin: Origin,
        to: &mut Reporter<'_, B>,
    ) {
        let Ok(change) = self.book.apply(message) else {
            to.counters.inconsistent += 1;
            self.distrust(origin.newest);
            return;
        };
        self.last_rpt_seq = Some(tag.rpt_seq);
        self.proven_through = self.proven_through.max(origin.sequence.saturating_sub(1));
        match message {
            Message::SecurityStatus(status) => to.listener.phase(self.id, tag.seq, status.phase),
            Message::Uncross(uncross) => {
                to.listener.uncross(self.id, tag.seq, uncross.last_px, uncross.last_qty);
            }
            _ => {}
        }
        if let Some(trade) = &change.trade {
            to.listener.trade(self.id, trade);
        }
        for (side, price) in change.levels.into_iter().flatten() {
            to.listener.level_changed(self.id, side, self.book.level(side, price));
        }
        if tag.indicator.contains(MatchEventIndicator::END_OF_EVENT) {
            to.listener.end_of_event(self.id, tag.seq, &self.book);
        }
    }

    /// Applies what waited and fits now.
    #[inline]
    fn drain<B: BookListener>(&mut self, origin: Origin, to: &mut Reporter<'_, B>) {
        while let Some(last) = self.last_rpt_seq {
            let Some((sequence, message)) = self.buffer.remove(&last.wrapping_add(1)) else {
                break;
            };
            let Some(tag) = Tag::of(&message) else { break };
            self.apply(&message, tag, Origin { sequence, ..origin }, to);
        }
    }

    /// Sees what the book is worth now.
    #[inline]
    fn settle<B: BookListener>(&mut self, whole: bool, to: &mut Reporter<'_, B>) {
        let state = if self.last_rpt_seq.is_none() || !self.buffer.is_empty() {
            BookState::Stale
        } else if whole || self.proven_through >= self.need_through {
            BookState::Live
        } else {
            BookState::Suspect
        };
        self.enter(state, to);
    }

    /// True if a snapshot would help.
    pub(crate) fn wants(&self, start: &SnapshotStart) -> bool {
        if self.state == BookState::Live || start.last_sequence < self.need_through {
            return false;
        }
        // What waits must go on where the snapshot ends.
        let first = self.buffer.first_key_value();
        let joins = first.is_none_or(|(first, _)| *first <= start.last_rpt_seq.saturating_add(1));
        // A snapshot older than the newest message in the book would take that back.
        joins && self.last_rpt_seq.is_none_or(|last| start.last_rpt_seq >= last)
    }

    /// Takes a whole snapshot that [`wants`](Self::wants) asked for when it began.
    pub(crate) fn recover<B: BookListener>(
        &mut self,
        start: &SnapshotStart,
        orders: &[SnapshotOrder],
        origin: Origin,
        to: &mut Reporter<'_, B>,
    ) {
        if !self.wants(start) {
            // Meanwhile it came right by itself, or lost more than the snapshot holds.
            return;
        }
        self.proven_through = self.proven_through.max(start.last_sequence);
        // With the number of the newest message in the book, the snapshot says what the book says.
        if self.last_rpt_seq != Some(start.last_rpt_seq) {
            if self.book.load(start, orders).is_err() {
                to.counters.snapshots_refused += 1;
                self.distrust(origin.newest);
                self.enter(BookState::Stale, to);
                return;
            }
            to.counters.snapshots_applied += 1;
            self.last_rpt_seq = Some(start.last_rpt_seq);
            self.buffer = self.buffer.split_off(&start.last_rpt_seq.saturating_add(1));
            to.listener.snapshot(self.id, start.last_seq, &self.book);
            self.drain(origin, to);
        }
        self.settle(origin.whole, to);
    }
}
