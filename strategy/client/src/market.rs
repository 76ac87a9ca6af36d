//! The books, from the public ring and from snapshots that come with the own executions.
//!
//! Both rings are read as one stream in the order of `seq`. A snapshot tells each order as it was
//! after some command; the records of the ring carry the book on from there (see the engine's
//! `strategies::snapshot`). Where records are lost, or contradict a book, everything is stale until
//! a snapshot that began behind the loss is whole.

use touchline_types::{Event, EventFlags, EventKind, PublicKind, PublicRecord, Side};

use crate::book::{Book, Contradiction, Level, Told};
use crate::event::{Kind, StrategyEvent};

/// How the books stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// No snapshot has begun that began at or behind this public record.
    Waiting { from: u64 },
    /// A snapshot is on its way.
    Partial,
    /// It is whole for who has read so many public records.
    Ending { at: u64 },
    /// Every book is right.
    Live,
}

/// Every book of the venue.
#[derive(Debug)]
pub(crate) struct Market {
    /// By instrument number less one.
    books: Vec<Book>,
    standing: Standing,
    /// Instruments that the match event has changed so far.
    changed: Vec<u32>,
    pub(crate) snapshots: u64,
    pub(crate) contradictions: u64,
}

impl Market {
    /// Books that wait for a snapshot which begins at or behind public record `from`.
    pub(crate) fn new(instruments: usize, from: u64) -> Self {
        Self {
            books: (0..instruments).map(|_| Book::new()).collect(),
            standing: Standing::Waiting { from },
            changed: Vec::with_capacity(instruments),
            snapshots: 0,
            contradictions: 0,
        }
    }

    /// Empty books, and they are right: the records to come begin where the venue began.
    pub(crate) fn of_a_new_venue(instruments: usize) -> Self {
        Self { standing: Standing::Live, ..Self::new(instruments, 0) }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.standing == Standing::Live
    }

    /// True while a snapshot must be asked for.
    pub(crate) const fn waits(&self) -> bool {
        matches!(self.standing, Standing::Waiting { .. })
    }

    pub(crate) fn len(&self) -> usize {
        self.books.len()
    }

    fn book(&self, instrument_id: u32) -> Option<&Book> {
        self.books.get((instrument_id as usize).checked_sub(1)?)
    }

    fn book_mut(&mut self, instrument_id: u32) -> Option<&mut Book> {
        self.books.get_mut((instrument_id as usize).checked_sub(1)?)
    }

    /// The levels of a side, best first.
    pub(crate) fn levels(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = &Level> {
        self.book(instrument_id).into_iter().flat_map(move |book| book.levels(side))
    }

    /// Writes the touch of its instrument into an event.
    #[inline]
    pub(crate) fn touch(&self, event: &mut StrategyEvent) {
        let Some(book) = self.book(event.instrument_id) else { return };
        if let Some(bid) = book.touch(Side::Buy) {
            (event.bid_px, event.bid_qty) = (bid.price, bid.qty);
        }
        if let Some(offer) = book.touch(Side::Sell) {
            (event.offer_px, event.offer_qty) = (offer.price, offer.qty);
        }
    }

    /// Records before `from` are lost. True if books were live until now.
    pub(crate) fn lose(&mut self, from: u64) -> bool {
        let was_live = self.is_live();
        self.standing = Standing::Waiting { from };
        self.changed.clear();
        was_live
    }

    /// Takes an event of a snapshot.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if it tells an order that cannot be.
    pub(crate) fn on_snapshot(&mut self, event: &Event) -> Result<(), Contradiction> {
        match (event.kind, self.standing) {
            (EventKind::SnapshotStart, Standing::Waiting { from }) if event.priority < from => {}
            // It was asked for again, and the first one came after all.
            (EventKind::SnapshotStart, Standing::Live) => {}
            (EventKind::SnapshotStart, _) => {
                self.books.iter_mut().for_each(Book::clear);
                self.standing = Standing::Partial;
            }
            (EventKind::SnapshotInstrument, Standing::Partial) => {
                if let Some(book) = self.book_mut(event.instrument_id) {
                    book.phase = event.phase;
                    book.last_px = event.last_px;
                    book.told_at = event.seq;
                }
            }
            (EventKind::SnapshotOrder, Standing::Partial) => {
                let told = Told {
                    order_id: event.order_id,
                    side: event.side,
                    price: event.price,
                    qty: event.leaves_qty,
                    seq: event.seq,
                };
                let book = self.book_mut(event.instrument_id).ok_or(Contradiction);
                book.and_then(|book| book.tell(&told)).inspect_err(|_| self.contradictions += 1)?;
            }
            (EventKind::SnapshotEnd, Standing::Partial) => {
                self.standing = Standing::Ending { at: event.priority };
            }
            _ => {}
        }
        Ok(())
    }

    /// True if a snapshot is whole now that `read` public records were read: then every book is
    /// live, and `told` gets a Live for each instrument.
    pub(crate) fn goes_live(&mut self, read: u64, mut told: impl FnMut(StrategyEvent)) {
        match self.standing {
            Standing::Ending { at } if read >= at => {}
            _ => return,
        }
        self.standing = Standing::Live;
        self.snapshots += 1;
        self.changed.clear();
        for (instrument_id, book) in (1..).zip(&self.books) {
            let (seq, phase) = (book.told_at, book.phase as u8);
            let mut event =
                StrategyEvent { seq, instrument_id, phase, ..StrategyEvent::of(Kind::Live) };
            event.price = book.last_px;
            self.touch(&mut event);
            told(event);
        }
    }

    /// Takes a public record; `told` gets what it means, where the books are live.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if it does not fit its book.
    #[inline]
    pub(crate) fn apply(
        &mut self,
        record: &PublicRecord,
        mut told: impl FnMut(StrategyEvent),
    ) -> Result<(), Contradiction> {
        if self.waits() {
            return Ok(());
        }
        let live = self.is_live();
        let instrument_id = record.instrument_id;
        let Some(book) = self.book_mut(instrument_id) else { return Err(Contradiction) };
        let news = book.apply(record, !live).inspect_err(|_| self.contradictions += 1)?;
        if live && news {
            match record.kind {
                // Of the two orders that an uncross matches, both of them resting, one counts.
                PublicKind::Execute if record.flags.contains(EventFlags::PRINTABLE) => {
                    let mut event = of(record, Kind::Trade);
                    (event.price, event.qty) = (record.price, record.qty);
                    event.trd_match_id = record.trd_match_id;
                    event.side = record.aggressor_side as u8;
                    self.touch(&mut event);
                    told(event);
                }
                PublicKind::Phase => {
                    let mut event = of(record, Kind::Phase);
                    event.phase = record.phase as u8;
                    self.touch(&mut event);
                    told(event);
                }
                _ => {}
            }
            if record.kind != PublicKind::Uncross && !self.changed.contains(&instrument_id) {
                self.changed.push(instrument_id);
            }
        }
        if record.flags.contains(EventFlags::END_OF_EVENT) {
            for at in 0..self.changed.len() {
                let mut event = of(record, Kind::Book);
                event.instrument_id = self.changed[at];
                self.touch(&mut event);
                told(event);
            }
            self.changed.clear();
        }
        Ok(())
    }
}

fn of(record: &PublicRecord, kind: Kind) -> StrategyEvent {
    StrategyEvent {
        seq: record.seq,
        timestamp: record.timestamp,
        matched_time: record.matched_time,
        released_time: record.released_time,
        instrument_id: record.instrument_id,
        ..StrategyEvent::of(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::Market;
    use touchline_types::{Event, EventKind, Side};

    fn snapshot(market: &mut Market, price: i64) {
        let order = Event {
            instrument_id: 1,
            order_id: 1,
            side: Side::Buy,
            price,
            leaves_qty: 5,
            ..Event::of(EventKind::SnapshotOrder)
        };
        let start = Event::of(EventKind::SnapshotStart);
        let instrument = Event { instrument_id: 1, ..Event::of(EventKind::SnapshotInstrument) };
        for event in [start, instrument, order, Event::of(EventKind::SnapshotEnd)] {
            market.on_snapshot(&event).unwrap();
        }
    }

    #[test]
    fn a_second_snapshot_leaves_a_live_book_as_it_is() {
        let mut market = Market::new(1, 0);
        let mut told = 0;
        snapshot(&mut market, 100);
        market.goes_live(0, |_| told += 1);
        assert!(market.is_live());
        snapshot(&mut market, 90);
        assert!(market.is_live());
        market.goes_live(0, |_| told += 1);
        let best = market.levels(1, Side::Buy).next().map(|level| (level.price, level.qty));
        assert_eq!((best, told, market.snapshots), (Some((100, 5)), 1, 1));
    }
}
