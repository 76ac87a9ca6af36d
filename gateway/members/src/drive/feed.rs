//! The public feed as the driver needs it: the book of one instrument, the executions that members
//! must have been told of, and how far it is.

use std::os::fd::BorrowedFd;

use touchline_config::Venue;
use touchline_subscriber::{Book, BookListener, BookState, ClientError, FeedClient, Trade};

use super::orders::FeedTrade;
use crate::flow::{Level, Levels, Side};

/// Why the feed cannot be received.
pub(crate) type FeedError = ClientError;

/// A subscriber of the venue's feed.
pub(crate) struct Feed {
    client: FeedClient,
    seen: Seen,
    instrument_id: u32,
    /// Executions that nobody has looked at yet.
    pub(crate) trades: Vec<FeedTrade>,
}

/// What the listener collects.
struct Seen {
    instrument_id: u32,
    seq: u64,
    touched: Vec<(Side, i64)>,
    trades: Vec<FeedTrade>,
    resynced: bool,
}

impl Feed {
    /// Joins the feed; the book is that of `instrument_id`.
    pub(crate) fn join(venue: &Venue, instrument_id: u32) -> Result<Self, FeedError> {
        let seen = Seen {
            instrument_id,
            seq: 0,
            touched: Vec::new(),
            trades: Vec::new(),
            resynced: false,
        };
        let client = FeedClient::open(&venue.marketdata)?;
        Ok(Self { client, seen, instrument_id, trades: Vec::new() })
    }

    /// Takes what has come, and returns how many packets that were.
    pub(crate) fn poll(&mut self) -> Result<usize, FeedError> {
        let taken = self.client.poll(0, &mut self.seen)?;
        self.trades.append(&mut self.seen.trades);
        Ok(taken)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.client.fd()
    }

    /// Newest match event of the venue that the feed has shown as a whole.
    pub(crate) const fn seq(&self) -> u64 {
        self.seen.seq
    }

    /// True while the book is trustworthy.
    pub(crate) fn is_live(&self) -> bool {
        self.client.subscriber().state(self.instrument_id) == Some(BookState::Live)
    }

    /// True while no order rests in the book.
    pub(crate) fn is_empty(&self) -> bool {
        self.book().is_none_or(|book| book.order_count() == 0)
    }

    /// Levels that changed since the last call.
    pub(crate) fn take_touched(&mut self) -> Vec<(Side, i64)> {
        std::mem::take(&mut self.seen.touched)
    }

    /// Whether the book was taken from a snapshot since the last call.
    pub(crate) fn take_resynced(&mut self) -> bool {
        std::mem::take(&mut self.seen.resynced)
    }

    /// The subscriber's own counters.
    pub(crate) fn counters(&self) -> serde_json::Value {
        serde_json::from_str(&self.client.subscriber().stats_json()).unwrap_or_default()
    }

    fn book(&self) -> Option<&Book> {
        self.client.subscriber().book(self.instrument_id)
    }
}

impl Levels for Feed {
    fn level(&self, side: Side, price: i64) -> Level {
        let Some(level) = self.book().map(|book| book.level(feed_side(side), price)) else {
            return Level::default();
        };
        Level { qty: level.qty, order_count: u64::from(level.order_count) }
    }
}

impl BookListener for Seen {
    fn level_changed(
        &mut self,
        instrument_id: u32,
        side: touchline_subscriber::Side,
        level: touchline_subscriber::Level,
    ) {
        if let (true, Some(side)) = (instrument_id == self.instrument_id, flow_side(side)) {
            self.touched.push((side, level.price));
        }
    }

    fn trade(&mut self, _instrument_id: u32, trade: &Trade) {
        self.trades.push(FeedTrade {
            seq: trade.seq,
            trd_match_id: trade.trd_match_id,
            order_id: trade.order_id,
            uncross: trade.uncross,
        });
    }

    fn end_of_event(&mut self, _instrument_id: u32, seq: u64, _book: &Book) {
        self.seq = self.seq.max(seq);
    }

    fn snapshot(&mut self, instrument_id: u32, seq: u64, book: &Book) {
        self.seq = self.seq.max(seq);
        if instrument_id == self.instrument_id {
            self.resynced = true;
            for side in [Side::Buy, Side::Sell] {
                let levels = book.levels(feed_side(side));
                self.touched.extend(levels.map(|level| (side, level.price)));
            }
        }
    }
}

const fn feed_side(side: Side) -> touchline_subscriber::Side {
    match side {
        Side::Buy => touchline_subscriber::Side::Buy,
        Side::Sell => touchline_subscriber::Side::Sell,
    }
}

const fn flow_side(side: touchline_subscriber::Side) -> Option<Side> {
    match side {
        touchline_subscriber::Side::Buy => Some(Side::Buy),
        touchline_subscriber::Side::Sell => Some(Side::Sell),
        touchline_subscriber::Side::Undisclosed => None,
    }
}
