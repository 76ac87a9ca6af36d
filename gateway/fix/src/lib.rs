//! FIX 4.4 tag-value codec: framing, a zero-copy message view and a writer into lent memory.
//!
//! Promises: bytes from outside never panic, never allocate and never read past what was lent;
//! every refusal is typed and carries the tag or the value that caused it. A length is checked
//! against the frame before it is used. It knows tags and types, not sessions or orders.
//!
//! ```
//! use touchline_fix::{Fields, Frame, Framer, Header, Message, Precision, msg_type, tags};
//! let mut header = Header::new(b"MEMBER1", b"TOUCHLINE", Precision::Milliseconds)?;
//! let mut buffer = [0u8; 256];
//! let now_ns = 1_767_605_400_000_000_000;
//! let mut writer = header.begin(&mut buffer, msg_type::TEST_REQUEST, 2, now_ns);
//! writer.text(tags::TEST_REQ_ID, "are you there");
//! let len = writer.finish()?;
//!
//! let mut fields = Fields::new();
//! assert_eq!(Framer::new(4096).next(&buffer[..len]), Frame::Message { len_bytes: len });
//! let message = Message::parse(&buffer[..len], &mut fields).unwrap();
//! assert_eq!(message.msg_type(), msg_type::TEST_REQUEST);
//! assert_eq!(message.require_u64(tags::MSG_SEQ_NUM), Ok(2));
//! # Ok::<(), touchline_fix::WriteError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod decimal;
mod fault;
mod frame;
mod message;
mod parse;
pub mod tags;
mod timestamp;
mod writer;

pub use decimal::{Decimal, UnitsError};
pub use fault::{BusinessRejectReason, FieldFault, Garbled, SessionRejectReason};
pub use frame::{Frame, Framer, MIN_MESSAGE_BYTES};
pub use message::{Fields, MAX_FIELDS, Message};
pub use parse::{parse_u32, parse_u64};
pub use tags::msg_type;
pub use timestamp::{
    MAX_TIMESTAMP_BYTES, Precision, TimestampText, parse_utc_date, parse_utc_timestamp,
};
pub use writer::{Header, WriteError, Writer};

/// `SOH`, the byte that ends every field.
pub const SOH: u8 = 0x01;

/// `BeginString(8)` of the version that this codec speaks.
pub const BEGIN_STRING: &[u8] = b"FIX.4.4";
