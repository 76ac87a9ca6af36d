//! A strategy's end of the memory that it shares with the engine.
//!
//! [`Strategy`] reads the public ring and the ring of its own executions as one stream, in the
//! order of the venue's sequence; keeps the book of every instrument, its own orders and its
//! position; and sends commands. It allocates little and calls the system only to sleep, so that a
//! compiled strategy may poll it.
//!
//! Its targets, where somebody sets them, it reads in memory of their own ([`TargetsSetter`]).
//!
//! Books start from a snapshot that the engine sends a chunk at a time (see `market`), and start
//! again from another one when public records were overwritten before they were read. Own
//! executions that are overwritten cannot be recovered here: then the strategy is closed, its
//! orders are cancelled, and the next connection begins with what the engine knows.
#![forbid(unsafe_code)]

mod book;
mod event;
mod link;
mod market;
mod names;
mod orders;
mod recorded;
mod strategy;
mod targets;
mod timers;

pub use book::Level;
pub use event::{Execution, Kind, StrategyEvent};
pub use link::OpenError;
pub use orders::OwnOrder;
pub use recorded::{Misfit, RecordedMarket};
pub use strategy::{Refusal, StartError, Strategy};
pub use targets::{PutError, TargetsSetter, read_targets};
pub use touchline_ring::targets::{NO_PRICE, SOURCE_BYTES_MAX, Target, Targets};
