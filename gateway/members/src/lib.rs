//! Simulated members: recorded or synthetic order flow through real FIX sessions, or, without a
//! venue, into a matcher of our own.

#![forbid(unsafe_code)]

pub mod drive;
pub mod flow;
pub mod tape;
