//! Writes a message into lent memory, in the order 8, 9, 35, 34, 49, 56, 52, body, 10.
//!
//! `BodyLength(9)` has a fixed width (`9=000123`) and is filled in at the end, so nothing moves.
//! A value that does not fit or may not stand in a field is remembered and returned by
//! [`Writer::finish`]; until then every call is a no-op. Nothing is allocated.

use core::fmt;

use crate::decimal::{Decimal, MAX_DECIMAL_BYTES};
use crate::timestamp::{Precision, TimestampText};
use crate::{SOH, tags};

const PREFIX: &[u8] = b"8=FIX.4.4\x019=000000\x0135=";
const LENGTH_START: usize = 12;
const LENGTH_DIGITS: usize = 6;
const BODY_START: usize = 19;

const _: () = assert!(PREFIX.len() == BODY_START + 3);
const _: () = assert!(LENGTH_START + LENGTH_DIGITS + 1 == BODY_START);

/// Why a message was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// The message is longer than the memory lent.
    DoesNotFit {
        /// Bytes lent.
        capacity_bytes: usize,
    },
    /// The value is empty or holds SOH.
    BadValue {
        /// The tag whose value it is.
        tag: u32,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotFit { capacity_bytes } => {
                write!(f, "the message does not fit into {capacity_bytes} bytes")
            }
            Self::BadValue { tag } => write!(f, "tag {tag}: the value is empty or holds SOH"),
        }
    }
}

impl core::error::Error for WriteError {}

/// The part of the header that is the same in every message of a session.
#[derive(Debug, Clone)]
pub struct Header {
    /// `|49=...|56=...|52=`
    comp_ids: Vec<u8>,
    clock: TimestampText,
}

impl Header {
    /// A header from `sender_comp_id` (49) to `target_comp_id` (56).
    ///
    /// # Errors
    /// `BadValue` if an id is empty or holds SOH.
    pub fn new(
        sender_comp_id: &[u8],
        target_comp_id: &[u8],
        precision: Precision,
    ) -> Result<Self, WriteError> {
        let ids = [(tags::SENDER_COMP_ID, sender_comp_id), (tags::TARGET_COMP_ID, target_comp_id)];
        for (tag, id) in ids {
            if !is_value(id) {
                return Err(WriteError::BadValue { tag });
            }
        }
        let comp_ids = [b"\x0149=", sender_comp_id, b"\x0156=", target_comp_id, b"\x0152="];
        Ok(Self { comp_ids: comp_ids.concat(), clock: TimestampText::new(precision) })
    }

    /// Starts a message in `buffer` with everything up to `SendingTime(52)`.
    pub fn begin<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
        msg_type: &[u8],
        msg_seq_num: u64,
        sending_time_ns: u64,
    ) -> Writer<'a> {
        let mut writer = Writer { buffer, len: 0, error: None, clock: &mut self.clock };
        if !is_value(msg_type) {
            writer.error = Some(WriteError::BadValue { tag: tags::MSG_TYPE });
        }
        writer.put(PREFIX);
        writer.put(msg_type);
        writer.put(b"\x0134=");
        writer.put_u64(msg_seq_num);
        writer.put(&self.comp_ids);
        writer.put_time(sending_time_ns);
        writer.put(&[SOH]);
        writer
    }
}

/// A message being written.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
    error: Option<WriteError>,
    clock: &'a mut TimestampText,
}

impl Writer<'_> {
    /// A field with these bytes; empty bytes and SOH are an error.
    pub fn bytes(&mut self, tag: u32, value: &[u8]) -> &mut Self {
        if !is_value(value) && self.error.is_none() {
            self.error = Some(WriteError::BadValue { tag });
        }
        self.put_tag(tag);
        self.put(value);
        self.put(&[SOH]);
        self
    }

    /// A field with this text; as [`Writer::bytes`].
    pub fn text(&mut self, tag: u32, value: &str) -> &mut Self {
        self.bytes(tag, value.as_bytes())
    }

    /// A field of one byte.
    pub fn char(&mut self, tag: u32, value: u8) -> &mut Self {
        self.bytes(tag, &[value])
    }

    /// `Y` or `N`.
    pub fn boolean(&mut self, tag: u32, value: bool) -> &mut Self {
        self.char(tag, if value { b'Y' } else { b'N' })
    }

    /// An unsigned number.
    pub fn u64(&mut self, tag: u32, value: u64) -> &mut Self {
        self.put_tag(tag);
        self.put_u64(value);
        self.put(&[SOH]);
        self
    }

    /// A signed number.
    pub fn i64(&mut self, tag: u32, value: i64) -> &mut Self {
        self.put_tag(tag);
        if value < 0 {
            self.put(b"-");
        }
        self.put_u64(value.unsigned_abs());
        self.put(&[SOH]);
        self
    }

    /// An exact decimal, with exactly `scale` digits after the point.
    pub fn decimal(&mut self, tag: u32, value: Decimal) -> &mut Self {
        let mut text = [0u8; MAX_DECIMAL_BYTES];
        self.put_tag(tag);
        self.put(value.format(&mut text));
        self.put(&[SOH]);
        self
    }

    /// A `UTCTimestamp` (nanoseconds since the epoch) in the precision of the header.
    pub fn utc_timestamp(&mut self, tag: u32, time_ns: u64) -> &mut Self {
        self.put_tag(tag);
        self.put_time(time_ns);
        self.put(&[SOH]);
        self
    }

    /// Whole fields, each ended by SOH, as cut out of an existing message. Not checked.
    pub fn raw(&mut self, fields: &[u8]) -> &mut Self {
        self.put(fields);
        self
    }

    /// Fills in `BodyLength(9)`, appends `CheckSum(10)` and returns the bytes of the message.
    ///
    /// # Errors
    /// The first thing that went wrong since [`Header::begin`].
    pub fn finish(mut self) -> Result<usize, WriteError> {
        let body_length = self.len.saturating_sub(BODY_START);
        let mut digits = [b'0'; LENGTH_DIGITS];
        if !fill_digits(&mut digits, body_length as u64) {
            self.overflow();
        }
        if let Some(slots) = self.buffer.get_mut(LENGTH_START..BODY_START.saturating_sub(1)) {
            slots.copy_from_slice(&digits);
        }
        let summed = self.buffer.get(..self.len).unwrap_or(&[]);
        let sum = summed.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let mut trailer = *b"000";
        fill_digits(&mut trailer, u64::from(sum));
        self.put(b"10=");
        self.put(&trailer);
        self.put(&[SOH]);
        match self.error {
            None => Ok(self.len),
            Some(error) => Err(error),
        }
    }

    fn put_tag(&mut self, tag: u32) {
        self.put_u64(u64::from(tag));
        self.put(b"=");
    }

    fn put_u64(&mut self, value: u64) {
        let mut digits = [0u8; 20];
        let mut start = digits.len();
        let mut rest = value;
        for slot in digits.iter_mut().rev() {
            *slot = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            start = start.saturating_sub(1);
            if rest == 0 {
                break;
            }
        }
        self.put(digits.get(start..).unwrap_or(&[]));
    }

    fn put_time(&mut self, time_ns: u64) {
        let text = self.clock.format(time_ns);
        put(self.buffer, &mut self.len, &mut self.error, text);
    }

    fn put(&mut self, bytes: &[u8]) {
        put(self.buffer, &mut self.len, &mut self.error, bytes);
    }

    #[cold]
    fn overflow(&mut self) {
        let capacity_bytes = self.buffer.len();
        self.error.get_or_insert(WriteError::DoesNotFit { capacity_bytes });
    }
}

/// Appends, or remembers that it does not fit. A free function, because the clock's text and the
/// buffer are borrowed from the same writer.
#[inline]
fn put(buffer: &mut [u8], len: &mut usize, error: &mut Option<WriteError>, bytes: &[u8]) {
    if error.is_some() {
        return;
    }
    let capacity_bytes = buffer.len();
    let end = len.saturating_add(bytes.len());
    match buffer.get_mut(*len..end) {
        Some(slots) => {
            slots.copy_from_slice(bytes);
            *len = end;
        }
        None => *error = Some(WriteError::DoesNotFit { capacity_bytes }),
    }
}

/// Right-aligned digits with leading zeros; false if the number has more digits than slots.
fn fill_digits(slots: &mut [u8], mut value: u64) -> bool {
    for slot in slots.iter_mut().rev() {
        *slot = b'0'.wrapping_add((value % 10) as u8);
        value /= 10;
    }
    value == 0
}

fn is_value(bytes: &[u8]) -> bool {
    !bytes.is_empty() && !bytes.contains(&SOH)
}
