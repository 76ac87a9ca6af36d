//! The records of a recorded day and their grouping into events.
//!
//! A record is one line of a market-by-order recording, with its price already in the
//! instrument's price unit (ticks). An event is what the exchange did in one piece: only its end
//! state is a state of the exchange's book.

use std::fmt;

/// `Side(54)` of an order. Every order of a flow has one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Stands on the bid side.
    Buy,
    /// Stands on the offer side.
    Sell,
}

impl Side {
    /// Both sides, the bid side first.
    pub const BOTH: [Self; 2] = [Self::Buy, Self::Sell];

    /// The side that this one trades against.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// Whether `price` is more eager to trade than `other` on this side.
    #[must_use]
    pub fn is_better(self, price: i64, other: i64) -> bool {
        match self {
            Self::Buy => price > other,
            Self::Sell => price < other,
        }
    }

    /// `price` moved by `ticks` towards the other side (away from it if `ticks` is negative).
    #[must_use]
    pub fn towards(self, price: i64, ticks: i64) -> i64 {
        match self {
            Self::Buy => price.saturating_add(ticks),
            Self::Sell => price.saturating_sub(ticks),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        })
    }
}

/// What a record says, in the words of DBN's `action` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `A`: an order enters the book.
    Add,
    /// `C`: an order leaves the book, whatever is left of it.
    Cancel,
    /// `M`: an order stands with this price and quantity from now on.
    Modify,
    /// `T`: an aggressor traded. Changes no book; the order id is the aggressor's.
    Trade,
    /// `F`: an order was filled. Changes no book; a cancel or modify says what is left.
    Fill,
    /// `R`: the book is empty from now on.
    Clear,
}

/// One record of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub action: Action,
    /// `None` where the exchange names no side (opening trade, clear).
    pub side: Option<Side>,
    /// The exchange's order id; 0 where it names no order.
    pub flow_order_id: u64,
    /// In ticks; 0 for a clear.
    pub price: i64,
    /// In lots.
    pub qty: u64,
    /// The exchange's matching time, UTC nanoseconds since the epoch.
    pub at_ns: u64,
}

/// What a group of records is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The book as it stood before the first event of the recording.
    Snapshot,
    /// One event of the exchange.
    Regular,
}

/// Records that belong together; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the group is.
    pub kind: EventKind,
    /// Counts the regular events of a recording from 0; the snapshot has 0 too.
    pub index: u64,
    /// When it happened, UTC nanoseconds since the epoch (of a snapshot: when it was taken).
    pub at_ns: u64,
    /// In the order of the recording.
    pub records: Vec<Record>,
}

impl Event {
    /// Whether any record of this event tells of a trade.
    #[must_use]
    pub fn has_trade(&self) -> bool {
        self.records.iter().any(|r| matches!(r.action, Action::Trade | Action::Fill))
    }
}
