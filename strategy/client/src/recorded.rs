//! The books of a recording, told as a live strategy is told them: the same book code, fed with
//! public records of a file in place of the ring.

use touchline_types::{PublicRecord, Side};

use crate::book::Level;
use crate::event::StrategyEvent;
use crate::market::Market;

/// A public record does not fit its book: the recording has a hole, or does not begin where its
/// venue began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

/// Books that are empty at first and follow a recording from its venue's beginning.
#[derive(Debug)]
pub struct RecordedMarket(Market);

impl RecordedMarket {
    /// Books of so many instruments.
    #[must_use]
    pub fn new(instruments: usize) -> Self {
        Self(Market::of_a_new_venue(instruments))
    }

    /// Takes the next record; `told` gets what a live strategy would be told of it: Trade, Phase,
    /// and at the end of a match event a Book for each instrument that it has changed.
    ///
    /// # Errors
    ///
    /// [`Misfit`], and nothing that is told afterwards is right.
    #[inline]
    pub fn take(
        &mut self,
        record: &PublicRecord,
        told: impl FnMut(StrategyEvent),
    ) -> Result<(), Misfit> {
        self.0.apply(record, told).map_err(|_| Misfit)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = &Level> {
        self.0.levels(instrument_id, side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use touchline_types::{Event, EventFlags, EventKind, public_of};

    fn record(kind: EventKind, order_id: u64, price: i64, flags: EventFlags) -> PublicRecord {
        let mut event = Event::of(kind);
        (event.seq, event.timestamp) = (7, 70);
        (event.instrument_id, event.side) = (1, Side::Buy);
        (event.order_id, event.price, event.leaves_qty) = (order_id, price, 5);
        event.flags = flags;
        let record = public_of(&event).unwrap();
        PublicRecord { flags: record.flags.with(flags), ..record }
    }

    #[test]
    fn a_match_event_is_told_once_it_is_whole() {
        let mut market = RecordedMarket::new(1);
        let mut told = Vec::new();
        let first = record(EventKind::Added, 1, 100, EventFlags::NONE);
        market.take(&first, |event| told.push(event)).unwrap();
        assert!(told.is_empty());
        let last = record(EventKind::Added, 2, 101, EventFlags::END_OF_EVENT);
        market.take(&last, |event| told.push(event)).unwrap();
        let [book] = told[..] else { panic!("{told:?}") };
        assert_eq!((book.kind, book.seq, book.timestamp), (Kind::Book as u8, 7, 70));
        assert_eq!((book.bid_px, book.bid_qty, book.offer_px), (101, 5, i64::MAX));
        let prices: Vec<_> = market.levels(1, Side::Buy).map(|level| level.price).collect();
        assert_eq!(prices, [101, 100]);
    }

    #[test]
    fn a_record_of_an_order_that_is_not_there_does_not_fit() {
        let mut market = RecordedMarket::new(1);
        let gone = record(EventKind::Canceled, 1, 100, EventFlags::RESTING);
        assert_eq!(market.take(&gone, |_| ()), Err(Misfit));
        let stranger = PublicRecord { instrument_id: 2, ..gone };
        assert_eq!(market.take(&stranger, |_| ()), Err(Misfit));
    }
}
