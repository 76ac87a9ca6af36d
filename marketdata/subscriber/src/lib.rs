//! Subscriber library: from the packets of the feed to books that are right, or known not to be.
//!
//! [`Subscriber`] is sans-I/O: packets and times in, calls to a [`BookListener`] out. It takes each
//! packet from the line that brings it first, notices what both lines lost, and recovers from the
//! snapshot channel, each instrument for itself: an instrument whose messages are all there goes
//! on. Joining late is the same path. [`FeedClient`] drives it with sockets.
//!
//! It promises: a book that is [`BookState::Live`] holds exactly what the publisher's held after
//! the same message; every packet that does not count has a counter; memory is bounded whatever
//! comes in.
#![forbid(unsafe_code)]

mod assembly;
mod book;
mod client;
mod counters;
mod instrument;
mod listener;
mod merge;
mod subscriber;

pub use book::{Book, BookError, BookOrder, Level};
pub use client::{ClientError, FeedClient};
pub use counters::{Counters, LineCounters};
pub use instrument::BookState;
pub use listener::{BookListener, Trade};
pub use subscriber::{Subscriber, SubscriberConfig};
pub use touchline_feed_codec::{Line, SecurityDefinition, Side, TradingPhase};
