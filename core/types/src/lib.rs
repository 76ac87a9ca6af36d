//! Commands, events and ring records: the words that every part of the venue shares.
//!
//! The types are generated from `core/schema/touchline-core.xml`. This crate depends on nothing,
//! allocates nothing and holds no unsafe code. Prices are integers in an instrument's price unit,
//! quantities integer lots, times nanoseconds since the epoch, UTC.
#![no_std]
#![forbid(unsafe_code)]

mod cl_ord_id;
#[allow(clippy::all)]
mod generated;
mod public;
mod reason;
mod record;

pub use cl_ord_id::{
    ClOrdId, ClOrdIdError, is_cl_ord_id, parse as parse_cl_ord_id, strategy_prefix,
    text as cl_ord_id_text, write_base32,
};
pub use generated::*;
pub use public::public_of;
pub use record::Record;

/// An enum or a set held a value that the schema does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// Name of the type in the schema.
    pub kind: &'static str,
    /// What was found.
    pub value: u8,
}

impl core::fmt::Display for BadValue {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{} is not a value of {}", self.value, self.kind)
    }
}

impl core::error::Error for BadValue {}

impl Side {
    /// The other side of the book; `Undisclosed` stays what it is.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
            Self::Undisclosed => Self::Undisclosed,
        }
    }
}
