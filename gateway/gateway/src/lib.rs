//! The gateway agent: FIX 4.4 acceptor, order entry, durable message store.
//!
//! Members connect over TCP; a session of the configuration is theirs once its Logon names it.
//! Their orders become commands in the ring to the engine; the events that the engine releases
//! become ExecutionReports and OrderCancelRejects. What a session is told is written to its log
//! before a byte of it reaches a socket, so that a killed gateway goes on with its numbers, its
//! messages and, from the journal, with everything that happened while it was away.
//!
//! It never blocks, and a slow client costs nobody but itself: its queue is bounded, and when it is
//! full the connection ends.
#![forbid(unsafe_code)]

mod connection;
mod counters;
mod desk;
mod engine_link;
mod error;
mod gateway;
mod hops;
mod instruments;
mod mass_cancel;
mod metrics;
mod order_entry;
#[cfg(test)]
mod order_entry_tests;
mod order_terms;
mod recovery;
mod report;
mod session_log;
#[cfg(test)]
mod session_log_tests;
mod session_store;
mod sockets;
mod stats;
mod syncer;

pub use counters::Counters;
pub use error::GatewayError;
pub use gateway::Gateway;
pub use session_log::LogError;
