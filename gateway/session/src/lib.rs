//! FIX 4.4 session layer as a state machine: messages, timers and connection events in, actions
//! out. Acceptor and initiator alike.
//!
//! Promises: no I/O and no clock of its own; nothing is allocated between logon and logout, except
//! that the memory for messages above a gap grows up to its bound once. What was sent is stored
//! before it is handed out, and is replayed with the same body.
//!
//! One turn: frame and parse with `touchline-fix`, call [`Session::on_message`], act on what it
//! returns, then take back messages that were kept above a gap with [`Session::next_kept`] and pass
//! each to `on_message` in the same way. Call [`Session::replay`] whenever the connection has room
//! and [`Session::has_replay`] says so, and [`Session::on_timer`] at [`Session::next_timer_ns`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod action;
mod config;
mod id;
mod inbound;
mod kept;
mod logon;
mod outbound;
mod replay;
mod session;
mod store;

pub use action::{Action, Actions, DisconnectReason, Outbox, Turn};
pub use config::{Role, SessionConfig};
pub use id::{IdError, SessionId};
pub use inbound::Delivery;
pub use session::{Numbers, Session, SessionCounters};
pub use store::{MemoryStore, MessageStore};
