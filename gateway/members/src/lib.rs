//! Simulated members: recorded or synthetic order flow through real FIX sessions.

#![forbid(unsafe_code)]

pub mod drive;
pub mod flow;
