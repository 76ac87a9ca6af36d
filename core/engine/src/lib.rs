//! The engine: fair poll, sequencer, matcher, release; beside it the journal's agent and the
//! operators' socket.
//!
//! ```text
//! command rings ─► poll, a budget each ─► sequence ─► matcher ─► pending ─► release ─► rings
//!  (gateway, strategies)                      │
//!                                             └──► journal ring ─► journal ─► durable ──┘
//! ```
//!
//! The engine never waits for a member or a reader. Only the journal may hold it back: while its
//! ring is full, commands stay in the rings of their senders.
#![forbid(unsafe_code)]

mod admin;
mod engine;
mod hashes;
mod journaling;
mod metrics;
mod ownership;
mod release;
mod stats;
mod strategies;

pub use admin::{AdminReply, AdminRequest, AdminServer, Operator, operator};
pub use engine::{Engine, EngineError};
pub use hashes::{HASHES_KEPT, StateHashes};
pub use journaling::{Durable, JournalAgent};
pub use strategies::{Hello, Reception, Visits, read_hello, reception};
