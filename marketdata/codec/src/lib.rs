//! The public feed: packet header and messages, generated from `marketdata/schema`.
//!
//! `no_std`, no unsafe, no allocation. Reading never panics: every short, long or unknown thing
//! is a [`FeedError`] that says what and where.
#![no_std]
#![forbid(unsafe_code)]

#[allow(clippy::all)]
mod generated;
mod line;
#[deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects
)]
mod packet;

pub use generated::*;
pub use line::{ChannelKind, Line};
pub use packet::{
    FRAME_BYTES, FeedError, Message, Messages, PACKET_HEADER_VERSION, PacketWriter, read_packet,
};
pub use touchline_types::BadValue;

/// Largest packet that the publisher makes: a UDP payload that fits an Ethernet frame of 1,500
/// bytes with room for tunnels.
pub const PACKET_BYTES_MAX: usize = 1_432;
