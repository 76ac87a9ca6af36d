//! What is sent round and round: snapshots and definitions, so many packets a millisecond.
//!
//! The snapshot of an instrument is copied from its book at once, between two incremental packets,
//! so that it holds exactly what the incremental channel had said up to `last_sequence`. The copy
//! is then sent at its pace while the book moves on.

use touchline_config::Instrument;
use touchline_feed_codec::{
    Message, SecurityDefinition, SnapshotEnd, SnapshotOrder, SnapshotStart,
};

use crate::Lines;
use crate::book::Book;
use crate::channel::Channel;

const NS_PER_MS: u64 = 1_000_000;

/// At most so many packets in each millisecond of the clock.
pub(crate) struct Pace {
    packets_per_ms: u32,
    window: u64,
    sent: u32,
}

impl Pace {
    pub(crate) const fn new(packets_per_ms: u32) -> Self {
        Self { packets_per_ms, window: 0, sent: 0 }
    }

    /// Takes leave to send one packet.
    fn take(&mut self, now_ns: u64) -> bool {
        let window = now_ns / NS_PER_MS;
        if window != self.window {
            self.window = window;
            self.sent = 0;
        }
        let leave = self.sent < self.packets_per_ms;
        self.sent += u32::from(leave);
        leave
    }

    /// When the next packet may be sent.
    const fn next_ns(&self) -> u64 {
        if self.sent < self.packets_per_ms { 0 } else { (self.window + 1) * NS_PER_MS }
    }
}

/// When cycles start and how long they took.
pub(crate) struct Timetable {
    every_ns: u64,
    next_at: u64,
    started_at: u64,
    /// Cycles started.
    pub(crate) cycles: u32,
    /// Cycles sent in full.
    pub(crate) completed: u64,
    /// How long the newest whole cycle took, ns.
    pub(crate) last_ns: u64,
    /// How long the longest took, ns.
    pub(crate) longest_ns: u64,
}

impl Timetable {
    pub(crate) const fn new(every_ms: u64) -> Self {
        Self {
            every_ns: every_ms * NS_PER_MS,
            next_at: 0,
            started_at: 0,
            cycles: 0,
            completed: 0,
            last_ns: 0,
            longest_ns: 0,
        }
    }

    /// True if a cycle is due, which then has started.
    fn start(&mut self, now_ns: u64) -> bool {
        let due = now_ns >= self.next_at;
        if due {
            self.cycles = self.cycles.wrapping_add(1);
            self.started_at = now_ns;
            self.next_at = now_ns + self.every_ns;
        }
        due
    }

    fn complete(&mut self, now_ns: u64) {
        self.completed += 1;
        self.last_ns = now_ns.saturating_sub(self.started_at);
        self.longest_ns = self.longest_ns.max(self.last_ns);
    }

    /// The next cycle is due at once, and numbered 1.
    fn restart(&mut self) {
        self.next_at = 0;
        self.cycles = 0;
    }

    /// Cycles that were sent whole.
    pub(crate) const fn completed(&self) -> u64 {
        self.completed
    }

    /// How long the last whole one took, ns.
    pub(crate) const fn last_ns(&self) -> u64 {
        self.last_ns
    }

    pub(crate) fn stats(&self) -> serde_json::Value {
        serde_json::json!({
            "cycles": self.completed,
            "cycle_ns": self.last_ns,
            "cycle_ns_max": self.longest_ns,
        })
    }
}

/// The snapshot cycle.
pub(crate) struct Snapshots {
    pub(crate) timetable: Timetable,
    /// Instrument whose copy is being sent; `None` between cycles.
    instrument: Option<usize>,
    start: Option<SnapshotStart>,
    orders: Vec<SnapshotOrder>,
    /// Messages of the copy that have been written: 0 is the start, then the orders, then the end.
    written: usize,
}

impl Snapshots {
    pub(crate) const fn new(every_ms: u64) -> Self {
        Self {
            timetable: Timetable::new(every_ms),
            instrument: None,
            start: None,
            orders: Vec::new(),
            written: 0,
        }
    }

    /// Drops what is being sent; a cycle is due at once.
    pub(crate) fn restart(&mut self) {
        self.timetable.restart();
        self.instrument = None;
        self.start = None;
    }

    /// Sends what is due, and says how many packets that were. `last_sequence` is the incremental
    /// packet up to which the books hold.
    pub(crate) fn work(
        &mut self,
        now_ns: u64,
        books: &[Book],
        last_sequence: u64,
        pace: &mut Pace,
        channel: &mut Channel,
        lines: &mut impl Lines,
    ) -> usize {
        let mut sent = channel.flush(lines, None);
        if self.instrument.is_none() && !books.is_empty() && self.timetable.start(now_ns) {
            self.instrument = Some(0);
        }
        while let Some(index) = self.instrument {
            if channel.is_pending() || !pace.take(now_ns) {
                break;
            }
            let start = match self.start {
                Some(start) => start,
                None => self.copy(&books[index], last_sequence, books.len()),
            };
            let whole = self.fill(&start, channel);
            channel.close(lines, 0, None);
            sent += 1;
            if whole {
                self.start = None;
                self.instrument = Some(index + 1).filter(|next| *next < books.len());
                if self.instrument.is_none() {
                    self.timetable.complete(now_ns);
                }
            }
        }
        sent
    }

    fn copy(&mut self, book: &Book, last_sequence: u64, instruments: usize) -> SnapshotStart {
        let count = u32::try_from(instruments).unwrap_or(u32::MAX);
        let start = book.snapshot_start(last_sequence, self.timetable.cycles, count);
        self.orders.clear();
        self.orders.extend(book.orders());
        self.start = Some(start);
        self.written = 0;
        start
    }

    /// Fills one packet; true if the copy ends in it.
    fn fill(&mut self, start: &SnapshotStart, channel: &mut Channel) -> bool {
        while self.written < self.orders.len() + 2 {
            let message = match self.written.checked_sub(1).map(|at| self.orders.get(at)) {
                None => Message::SnapshotStart(*start),
                Some(Some(order)) => Message::SnapshotOrder(*order),
                Some(None) => Message::SnapshotEnd(SnapshotEnd {
                    last_sequence: start.last_sequence,
                    instrument_id: start.instrument_id,
                    order_count: start.order_count,
                }),
            };
            if !channel.try_push(&message, None) {
                return false;
            }
            self.written += 1;
        }
        true
    }

    /// When it must work again.
    pub(crate) fn deadline_ns(&self, pace: &Pace) -> u64 {
        if self.instrument.is_some() { pace.next_ns() } else { self.timetable.next_at }
    }
}

/// The definition cycle.
pub(crate) struct Definitions {
    pub(crate) timetable: Timetable,
    messages: Vec<SecurityDefinition>,
    /// Next message; `None` between cycles.
    next: Option<usize>,
}

impl Definitions {
    pub(crate) fn new(every_ms: u64, instruments: &[Instrument], channel: u16) -> Self {
        let count = u32::try_from(instruments.len()).unwrap_or(u32::MAX);
        let messages = instruments
            .iter()
            .map(|instrument| SecurityDefinition {
                price_increment_mantissa: instrument.price_increment.mantissa,
                min_price: instrument.min_price,
                max_price: instrument.max_price,
                round_lot: instrument.round_lot,
                max_order_qty: instrument.max_order_qty,
                symbol: padded(&instrument.symbol),
                currency: padded(&instrument.currency),
                instrument_id: instrument.id,
                instrument_count: count,
                // A scale is at most 18.
                price_increment_exponent: -(instrument.price_increment.scale as i8),
                phase: instrument.phase,
                reserved: [0; 6],
                channel,
                reserved_tail: 0,
            })
            .collect();
        Self { timetable: Timetable::new(every_ms), messages, next: None }
    }

    /// Starts over; a cycle is due at once.
    pub(crate) fn restart(&mut self) {
        self.timetable.restart();
        self.next = None;
    }

    /// Sends what is due, and says how many packets that were.
    pub(crate) fn work(
        &mut self,
        now_ns: u64,
        books: &[Book],
        pace: &mut Pace,
        channel: &mut Channel,
        lines: &mut impl Lines,
    ) -> usize {
        let mut sent = channel.flush(lines, None);
        if self.next.is_none() && !self.messages.is_empty() && self.timetable.start(now_ns) {
            self.next = Some(0);
        }
        while let Some(mut at) = self.next {
            if channel.is_pending() || !pace.take(now_ns) {
                break;
            }
            while let (Some(message), Some(book)) = (self.messages.get(at), books.get(at)) {
                let message = SecurityDefinition { phase: book.phase(), ..*message };
                if !channel.try_push(&Message::SecurityDefinition(message), None) {
                    break;
                }
                at += 1;
            }
            channel.close(lines, 0, None);
            sent += 1;
            self.next = Some(at).filter(|at| *at < self.messages.len());
            if self.next.is_none() {
                self.timetable.complete(now_ns);
            }
        }
        sent
    }

    /// When it must work again.
    pub(crate) fn deadline_ns(&self, pace: &Pace) -> u64 {
        if self.next.is_some() { pace.next_ns() } else { self.timetable.next_at }
    }
}

/// A text in a fixed field, padded with NUL; the configuration has checked its length.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    field.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    field
}
