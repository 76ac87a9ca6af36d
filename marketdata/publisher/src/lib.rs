//! The publisher agent: what the public may see of the venue, as packets on the lines of the feed.
//!
//! It reads the public ring and sends each match event on the incremental channel, on lines A and B
//! with identical bytes. Beside that it cycles snapshots of every book and the definitions of every
//! instrument, so that anybody can join at any time. docs/feed.md says how to listen.
//!
//! It promises: packets of a channel have sequences without a hole, no message is split, the
//! messages of an instrument are numbered without a hole, nothing that the engine has not released
//! is sent, and one line in trouble does not touch the other. When the ring overtakes it, or
//! another engine starts, what was missed comes from the journal.
#![forbid(unsafe_code)]

mod book;
mod channel;
mod cycle;
mod engine_link;
mod hole;
mod lines;
mod message;
mod metrics;
mod past;
mod publisher;
mod stats;

pub use engine_link::{Engine, EngineRing};
pub use lines::{Lines, Sockets};
pub use past::{JournalPast, Past};
pub use publisher::{Parts, Publisher, PublisherError};
