//! What a subscriber tells its owner.

use touchline_feed_codec::{SecurityDefinition, Side, TradingPhase};

use crate::{Book, BookState, Level};

/// An execution of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Sequence number of the match event in the venue.
    pub seq: u64,
    /// OrderID(37) of the resting order.
    pub order_id: u64,
    /// LastPx(31), price units.
    pub last_px: i64,
    /// LastQty(32), lots.
    pub last_qty: u64,
    /// TrdMatchID(880).
    pub trd_match_id: u64,
    /// Side of the resting order.
    pub side: Side,
    /// AggressorSide(2446); undisclosed in an uncross.
    pub aggressor_side: Side,
    /// Part of an uncross.
    pub uncross: bool,
    /// Counts in the volume: of the two sides of an uncross one does.
    pub printable: bool,
}

/// Called while packets are taken in, in the order of the feed. Everything has an empty default.
pub trait BookListener {
    /// A level has another quantity or number of orders now; both 0 when it is gone.
    fn level_changed(&mut self, instrument_id: u32, side: Side, level: Level) {
        let _ = (instrument_id, side, level);
    }

    /// A resting order executed. The change of its level follows.
    fn trade(&mut self, instrument_id: u32, trade: &Trade) {
        let _ = (instrument_id, trade);
    }

    /// The instrument entered a phase.
    fn phase(&mut self, instrument_id: u32, seq: u64, phase: TradingPhase) {
        let _ = (instrument_id, seq, phase);
    }

    /// An uncross executed `last_qty` lots at `last_px`.
    fn uncross(&mut self, instrument_id: u32, seq: u64, last_px: i64, last_qty: u64) {
        let _ = (instrument_id, seq, last_px, last_qty);
    }

    /// Match event `seq` is in the book as a whole.
    fn end_of_event(&mut self, instrument_id: u32, seq: u64, book: &Book) {
        let _ = (instrument_id, seq, book);
    }

    /// The book was taken from a snapshot and holds up to match event `seq`: any level may have
    /// changed. Events that the snapshot swallowed are not reported one by one.
    fn snapshot(&mut self, instrument_id: u32, seq: u64, book: &Book) {
        let _ = (instrument_id, seq, book);
    }

    /// The book became, or ceased to be, trustworthy.
    fn state(&mut self, instrument_id: u32, state: BookState) {
        let _ = (instrument_id, state);
    }

    /// A definition is new, or says something else than before.
    fn definition(&mut self, definition: &SecurityDefinition) {
        let _ = definition;
    }

    /// A session of the feed began: every book is stale until its snapshot comes.
    fn session(&mut self, session: u64) {
        let _ = session;
    }

    /// The publisher said that nothing will follow in this session.
    fn end_of_session(&mut self, session: u64) {
        let _ = session;
    }
}

/// Listens to nothing.
impl BookListener for () {}
