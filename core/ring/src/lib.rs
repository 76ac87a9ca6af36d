//! Rings in shared memory.
//!
//! [`spsc`]: one producer, one consumer, nothing is lost: a full ring pushes back on its producer.
//! [`broadcast`]: one producer that never waits, any number of readers; a reader that was lapped is
//! told so. Both carry fixed-size [`Record`]s, which are copied word by word through atomics and
//! decoded from the copy, so a torn or forged record is an error and never undefined behaviour.
//!
//! [`layout`] is the one place that knows the bytes, and [`port`] how two rings of a strategy lie
//! in memory that two processes write, beside its [`gauges`]. [`beacon`] stands beside the rings
//! and says which engine made them; [`targets`] are what a strategy is asked to hold.
#![forbid(unsafe_code)]

pub mod beacon;
pub mod broadcast;
#[cfg(not(loom))]
pub mod gauges;
pub mod layout;
#[cfg(not(loom))]
pub mod port;
mod sleep;
pub mod spsc;
mod sync;
pub mod targets;
pub mod versions;

pub use beacon::{Beacon, BeaconWriter};
pub use broadcast::{BroadcastConsumer, BroadcastProducer};
pub use layout::{Memory, RingError};
pub use spsc::{SpscConsumer, SpscProducer};
pub use targets::{Target, Targets, TargetsError, TargetsReader, TargetsWriter};
pub use touchline_types::Record;
