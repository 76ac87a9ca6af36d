//! The matcher: a pure function (state, command) -> (state, events).
//!
//! It reads no clock, does no I/O, allocates nothing (its storage is lent by the caller), holds no
//! float and no randomness: the same commands give the same events on every machine. Bad input is
//! answered with a [`Reason`](touchline_types::Reason), a bug ends the process, nothing else can
//! go wrong. The rules are written where they are kept:
//!
//! * which commands are admitted, and in which order that is checked: `gates`;
//! * what each command does and the order of its events: `matcher`;
//! * new orders and how they execute: `arrival`; the terms of orders and their limits: `terms`;
//! * stops, icebergs, good till date: `stops`, `iceberg`, `expiry`; where they keep what others do
//!   not have: `extras`;
//! * mass cancels, and who may not enter orders: `blocks`;
//! * orders of one owner that meet: `self_match`;
//! * order size, position and rate of chosen sessions: `limits`;
//! * cash, lots and fees of chosen members: `accounts`;
//! * the price of an uncross: `uncross`;
//! * price-time priority and queues: `book`; levels in the order of their prices: `ladder`;
//! * which ClOrdIDs are used, and what is kept of an order that is gone: `names`.
//!
//! # Phases
//!
//! | Phase | New order | Replace | Cancel, status |
//! |---|---|---|---|
//! | Call | Limit whose rest stays: rests, nothing matches, the book may be crossed; stops wait | yes, never matches | yes |
//! | Continuous | every order type and time in force | yes | yes |
//! | Halt, Closed | ExchangeClosed | ExchangeClosed | yes |
//!
//! An operator moves an instrument from any phase to any other. Entering Continuous with a
//! crossed or locked book runs the uncross in the same command.
//!
//! # Example
//!
//! ```
//! use touchline_matcher::{Capacity, InstrumentLimits, OwnedMatcher};
//! use touchline_types::{Command, CommandKind, Event, EventKind, OrdType, Side, TradingPhase};
//!
//! let limits = [InstrumentLimits {
//!     instrument_id: 1,
//!     min_price: 1,
//!     max_price: 100_000,
//!     max_order_qty: 1_000,
//!     initial_phase: TradingPhase::Continuous,
//!     ..InstrumentLimits::default()
//! }];
//! let capacity = Capacity {
//!     instruments: 1,
//!     orders: 100,
//!     levels: 10,
//!     cl_ord_ids: 1_000,
//!     limited_sessions: 4,
//!     accounts: 4,
//! };
//! let mut matcher = OwnedMatcher::allocate(&limits, &capacity)?;
//!
//! let mut command = Command::of(CommandKind::NewOrder);
//! (command.seq, command.timestamp) = (1, 1_700_000_000_000_000_000);
//! (command.instrument_id, command.session_id, command.member_id) = (1, 1, 1);
//! (command.side, command.ord_type) = (Side::Buy, OrdType::Limit);
//! (command.price, command.order_qty, command.cl_ord_id[0]) = (5_000, 10, b'A');
//!
//! let mut kinds = Vec::new();
//! matcher.apply(&command, &mut |event: &Event| kinds.push(event.kind));
//! assert_eq!(kinds, [EventKind::Accepted, EventKind::Added]);
//! assert_eq!(matcher.levels(1, Side::Buy).next().map(|level| level.qty), Some(10));
//! # Ok::<(), touchline_matcher::MatcherError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic
)]

#[cfg(feature = "std")]
extern crate std;

mod accounts;
mod arrival;
mod bare;
mod blocks;
mod book;
mod emitter;
mod error;
mod expiry;
mod extras;
mod fills;
mod gates;
mod iceberg;
mod instrument;
mod invariant;
mod ladder;
mod limits;
mod matcher;
mod multiple;
mod names;
mod plain;
mod replace;
mod self_match;
mod state_hash;
mod stops;
mod storage;
mod terms;
mod uncross;
mod view;
mod warm;

pub use accounts::{Account, FEE_MAX, Fees, Holding, InstrumentTotal};
pub use bare::{Book, BookFill};
pub use blocks::{MASS_CANCEL_MAX, OWNERS_MAX};
pub use book::RestingOrder;
pub use emitter::EventSink;
pub use error::MatcherError;
pub use extras::OrderExtra;
pub use instrument::{Instrument, InstrumentLimits};
pub use ladder::{FarLevel, Ladder, Level};
pub use limits::{SessionLimits, SessionPosition};
pub use matcher::Matcher;
pub use names::{NameLine, PastRecord, RecordLine};
pub use plain::Ways;
pub use state_hash::STATE_HASH_SCHEME;
pub use storage::{Capacity, Lent, Memory, Storage, StorageNeeds};
#[cfg(feature = "std")]
pub use storage::{Owned, OwnedBook, OwnedMatcher};
pub use view::{AccountView, HoldingView, LevelView, LimitsView, OrderView, PositionView};

/// A matcher over storage that the caller lends.
pub type LentMatcher<'a> = Matcher<Lent<'a>>;
