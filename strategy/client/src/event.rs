//! What a strategy is told: `tl_strategy_event` of the C ABI.

/// What happened; `TL_STRATEGY_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A whole match event is in the book.
    Book = 1,
    /// Somebody's order executed.
    Trade = 2,
    /// The instrument entered a phase.
    Phase = 3,
    /// What happened to an own order, or an answer to a command.
    Execution = 4,
    /// A timer is due.
    Timer = 5,
    /// The book is right from here on.
    Live = 6,
    /// No book is right until its Live.
    Stale = 7,
    /// There are other targets, or they have expired.
    Target = 8,
}

/// What an Execution says; `TL_EXECUTION_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Execution {
    /// Accepted.
    New = 1,
    /// A new order was refused.
    Rejected = 2,
    /// A fill.
    Trade = 3,
    /// The rest is gone.
    Canceled = 4,
    /// Price and quantity are new.
    Replaced = 5,
    /// A cancel or replace was refused.
    CancelRejected = 6,
    /// The venue changed it: a stop went off, an iceberg shows its next part, self-match prevention
    /// took quantity.
    Restated = 7,
}

/// Something that happened. Prices in price units, quantities in lots, times in ns since the epoch.
/// The header of the C ABI says which fields a kind has; the others are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in core/ffi/include/touchline.h")]
pub struct StrategyEvent {
    pub seq: u64,
    pub timestamp: u64,
    pub matched_time: u64,
    pub released_time: u64,
    pub order: u64,
    pub trd_match_id: u64,
    pub price: i64,
    pub qty: u64,
    pub leaves_qty: u64,
    pub cum_qty: u64,
    pub position: i64,
    pub bid_px: i64,
    pub bid_qty: u64,
    pub offer_px: i64,
    pub offer_qty: u64,
    pub instrument_id: u32,
    pub kind: u8,
    pub side: u8,
    pub execution: u8,
    pub ord_status: u8,
    pub reason: u8,
    pub phase: u8,
    pub aggressor: u8,
    pub expired: u8,
    pub reserved: [u8; 4],
}

const _: () = assert!(size_of::<StrategyEvent>() == 136);
const _: () = assert!(std::mem::offset_of!(StrategyEvent, instrument_id) == 120);
const _: () = assert!(std::mem::offset_of!(StrategyEvent, aggressor) == 130);
const _: () = assert!(std::mem::offset_of!(StrategyEvent, expired) == 131);

impl StrategyEvent {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind: kind as u8, bid_px: i64::MIN, offer_px: i64::MAX, ..Self::default() }
    }
}
