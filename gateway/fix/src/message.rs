//! A message as an array of (tag, offset, length) over the bytes it came in.
//!
//! One pass over the bytes finds the fields; the sum is a second, vectorised loop over the same
//! cached bytes, which costs less than summing inside the first. Faults in fields do not stop the
//! pass: the session needs `MsgType(35)` and `MsgSeqNum(34)` of a faulty message to reject it.

use crate::decimal::Decimal;
use crate::fault::{FieldFault, Garbled, SessionRejectReason};
use crate::frame::{TRAILER_BYTES, ends_with_trailer};
use crate::parse::{digit, parse_i64, parse_u32, parse_u64};
use crate::tags;
use crate::timestamp::parse_utc_timestamp;
use crate::{BEGIN_STRING, SOH};

/// Most fields of one message, header and trailer included.
pub const MAX_FIELDS: usize = 128;

/// Outer repeating groups of one message at most: a NewOrderSingle may have eight, with the
/// header's.
const GROUPS_MAX: usize = 8;

/// Tags below this are looked up in a bit set when repetition is checked.
const SMALL_TAGS: usize = 1024;

#[derive(Debug, Clone, Copy, Default)]
struct Field {
    tag: u32,
    start: u32,
    len: u32,
}

/// Storage for the field table of one message; reused, so that nothing is cleared or allocated.
#[derive(Debug, Clone)]
pub struct Fields {
    table: [Field; MAX_FIELDS],
    len: usize,
}

impl Fields {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { table: [Field { tag: 0, start: 0, len: 0 }; MAX_FIELDS], len: 0 }
    }

    fn push(&mut self, field: Field) -> bool {
        match self.table.get_mut(self.len) {
            Some(slot) => {
                *slot = field;
                self.len = self.len.saturating_add(1);
                true
            }
            None => false,
        }
    }

    fn used(&self) -> &[Field] {
        self.table.get(..self.len).unwrap_or(&[])
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}

/// One message whose frame and checksum are right.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    fields: &'a [Field],
    fault: Option<FieldFault>,
}

impl<'a> Message<'a> {
    /// Reads one whole message, as delimited by [`crate::Framer`].
    ///
    /// # Errors
    /// `Garbled` if length, checksum or the first three tags are wrong. Wrong fields are no error
    /// here: see [`Message::fault`].
    pub fn parse(bytes: &'a [u8], fields: &'a mut Fields) -> Result<Self, Garbled> {
        let body_end = bytes.len().saturating_sub(TRAILER_BYTES);
        if u32::try_from(bytes.len()).is_err() || !ends_with_trailer(bytes) {
            return Err(Garbled::NoTrailer);
        }
        check_sum(bytes, body_end)?;
        fields.len = 0;
        let fault = Scan::new(bytes, body_end).run(fields);
        let message = Self { bytes, fields: fields.used(), fault };
        message.check_first_three(body_end)?;
        Ok(message)
    }

    fn check_first_three(&self, body_end: usize) -> Result<(), Garbled> {
        let [begin, length, msg_type, ..] = self.fields else {
            return Err(Garbled::FirstThreeTags);
        };
        let tags = (begin.tag, length.tag, msg_type.tag);
        if tags != (tags::BEGIN_STRING, tags::BODY_LENGTH, tags::MSG_TYPE) || msg_type.len == 0 {
            return Err(Garbled::FirstThreeTags);
        }
        let body_start = (length.start as usize).saturating_add(length.len as usize);
        let body_length = body_end.saturating_sub(body_start.saturating_add(1));
        if parse_u64(self.value(length)) != u64::try_from(body_length).ok() {
            return Err(Garbled::BadBodyLength);
        }
        Ok(())
    }

    fn value(&self, field: &Field) -> &'a [u8] {
        let start = field.start as usize;
        self.bytes.get(start..start.saturating_add(field.len as usize)).unwrap_or(&[])
    }

    /// The whole message as it came.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first wrong field, if any: bad tag number, no value, repeated, out of order, a data
    /// length that does not fit, or (reason `Other`) the first field over [`MAX_FIELDS`].
    #[must_use]
    pub const fn fault(&self) -> Option<FieldFault> {
        self.fault
    }

    /// Whether `BeginString(8)` is `FIX.4.4`.
    #[must_use]
    pub fn is_fix44(&self) -> bool {
        self.get(tags::BEGIN_STRING) == Some(BEGIN_STRING)
    }

    /// `MsgType(35)`, never empty.
    #[must_use]
    pub fn msg_type(&self) -> &'a [u8] {
        self.fields.get(2).map_or(&[], |field| self.value(field))
    }

    /// The value of the first field with this tag.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.tag == tag).map(|field| self.value(field))
    }

    /// All readable fields in order, from 8 to the last before 10.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let message = *self;
        message.fields.iter().map(move |field| (field.tag, message.value(field)))
    }

    /// The bytes after the first field with this tag, up to `CheckSum(10)`; `None` if absent.
    ///
    /// What a replay copies unchanged: everything behind `SendingTime(52)`.
    #[must_use]
    pub fn bytes_after(&self, tag: u32) -> Option<&'a [u8]> {
        let field = self.fields.iter().find(|field| field.tag == tag)?;
        let start = (field.start as usize).saturating_add(field.len as usize).saturating_add(1);
        self.bytes.get(start..self.bytes.len().saturating_sub(TRAILER_BYTES))
    }

    /// The value of a required field.
    ///
    /// # Errors
    /// `RequiredTagMissing`.
    pub fn require(&self, tag: u32) -> Result<&'a [u8], FieldFault> {
        self.get(tag).ok_or(FieldFault::missing(tag))
    }

    fn typed<T>(&self, tag: u32, read: fn(&[u8]) -> Option<T>) -> Result<Option<T>, FieldFault> {
        match self.get(tag) {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or(FieldFault::format(tag)),
        }
    }
}

macro_rules! getters {
    ($($optional:ident, $required:ident: $type:ty, $read:expr, $what:literal;)*) => {
        impl Message<'_> {
            $(
                #[doc = concat!("The field as ", $what, "; `None` if absent.")]
                ///
                /// # Errors
                /// `IncorrectDataFormat`.
                pub fn $optional(&self, tag: u32) -> Result<Option<$type>, FieldFault> {
                    self.typed(tag, $read)
                }

                #[doc = concat!("The field as ", $what, ".")]
                ///
                /// # Errors
                /// `IncorrectDataFormat` or `RequiredTagMissing`.
                pub fn $required(&self, tag: u32) -> Result<$type, FieldFault> {
                    self.typed(tag, $read)?.ok_or(FieldFault::missing(tag))
                }
            )*
        }
    };
}

getters! {
    u32, require_u32: u32, parse_u32, "an unsigned number";
    u64, require_u64: u64, parse_u64, "an unsigned number";
    i64, require_i64: i64, parse_i64, "a number with an optional minus sign";
    char, require_char: u8, parse_char, "one byte";
    boolean, require_boolean: bool, parse_boolean, "`Y` or `N`";
    decimal, require_decimal: Decimal, Decimal::parse, "an exact decimal";
    utc_timestamp, require_utc_timestamp: u64, parse_utc_timestamp,
        "UTC nanoseconds since the epoch";
}

fn parse_char(text: &[u8]) -> Option<u8> {
    match text {
        [byte] => Some(*byte),
        _ => None,
    }
}

fn parse_boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"Y" => Some(true),
        b"N" => Some(false),
        _ => None,
    }
}

fn check_sum(bytes: &[u8], body_end: usize) -> Result<(), Garbled> {
    let summed = bytes.get(..body_end).unwrap_or(&[]);
    let computed = summed.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let stated = match bytes.get(body_end..) {
        Some(&[b'1', b'0', b'=', a, b, c, SOH]) => parse_u32(&[a, b, c]),
        _ => None,
    };
    let stated = stated.and_then(|stated| u16::try_from(stated).ok()).ok_or(Garbled::NoTrailer)?;
    if stated == u16::from(computed) { Ok(()) } else { Err(Garbled::CheckSum { stated, computed }) }
}

/// State of the pass over one message.
struct Scan<'a> {
    bytes: &'a [u8],
    body_end: usize,
    fault: Option<FieldFault>,
    seen: [u64; SMALL_TAGS / 64],
    /// Members of the repeating groups whose count field has been met.
    groups: [&'static [u32]; GROUPS_MAX],
    groups_len: usize,
    /// Data field that must follow, and its length.
    data: Option<(u32, usize)>,
    in_body: bool,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8], body_end: usize) -> Self {
        Self {
            bytes,
            body_end,
            fault: None,
            seen: [0; SMALL_TAGS / 64],
            groups: [&[]; GROUPS_MAX],
            groups_len: 0,
            data: None,
            in_body: false,
        }
    }

    fn run(mut self, fields: &mut Fields) -> Option<FieldFault> {
        let mut position = 0;
        while position < self.body_end {
            position = self.field(position, fields);
        }
        if let Some((tag, _)) = self.data {
            self.note(tag, SessionRejectReason::RequiredTagMissing);
        }
        self.fault
    }

    /// Reads the field at `start` and returns where the next one starts.
    fn field(&mut self, start: usize, fields: &mut Fields) -> usize {
        let rest = self.bytes.get(start..self.body_end).unwrap_or(&[]);
        let (tag, tag_len) = match read_tag(rest) {
            Ok(read) => read,
            Err(tag) => {
                self.note(tag, SessionRejectReason::InvalidTagNumber);
                self.data = None;
                return start.saturating_add(end_of_value(rest)).saturating_add(1);
            }
        };
        let value = rest.get(tag_len..).unwrap_or(&[]);
        let len = match self.data.take() {
            Some((data_tag, len)) if data_tag == tag => self.data_len(tag, value, len),
            Some((data_tag, _)) => {
                self.note(data_tag, SessionRejectReason::RequiredTagMissing);
                end_of_value(value)
            }
            None => end_of_value(value),
        };
        let value_start = start.saturating_add(tag_len);
        let text = value.get(..len).unwrap_or(&[]);
        self.check(tag, text, fields);
        // Both fit: the caller bounds the message to u32.
        let field = Field { tag, start: value_start as u32, len: len as u32 };
        if !fields.push(field) {
            self.note(tag, SessionRejectReason::Other);
        }
        value_start.saturating_add(len).saturating_add(1)
    }

    /// Length of a data value, which may hold SOH: as stated, if a SOH stands right behind it.
    fn data_len(&mut self, tag: u32, value: &[u8], stated: usize) -> usize {
        if value.get(stated) == Some(&SOH) {
            return stated;
        }
        self.note(tag, SessionRejectReason::IncorrectDataFormat);
        end_of_value(value)
    }

    fn check(&mut self, tag: u32, text: &[u8], fields: &Fields) {
        if text.is_empty() {
            self.note(tag, SessionRejectReason::TagSpecifiedWithoutValue);
        }
        if tags::is_header(tag) {
            if self.in_body {
                self.note(tag, SessionRejectReason::TagSpecifiedOutOfRequiredOrder);
            }
        } else {
            self.in_body = true;
        }
        if self.is_repeated(tag, fields) && !self.is_group_member(tag) {
            self.note(tag, SessionRejectReason::TagAppearsMoreThanOnce);
        }
        // An inner group's members are listed with the outer group's.
        if let Some(members) = tags::group_members(tag)
            && !self.is_group_member(tag)
            && let Some(slot) = self.groups.get_mut(self.groups_len)
        {
            *slot = members;
            self.groups_len = self.groups_len.saturating_add(1);
        }
        if let Some(data_tag) = tags::data_of_length(tag) {
            match parse_u32(text) {
                Some(len) => self.data = Some((data_tag, len as usize)),
                None => self.note(tag, SessionRejectReason::IncorrectDataFormat),
            }
        }
    }

    fn is_repeated(&mut self, tag: u32, fields: &Fields) -> bool {
        let index = tag as usize;
        match self.seen.get_mut(index / 64) {
            Some(word) => {
                let bit = 1u64.wrapping_shl((index % 64) as u32);
                let was_set = *word & bit != 0;
                *word |= bit;
                was_set
            }
            None => fields.used().iter().any(|field| field.tag == tag),
        }
    }

    fn is_group_member(&self, tag: u32) -> bool {
        self.groups.iter().take(self.groups_len).any(|members| members.contains(&tag))
    }

    fn note(&mut self, tag: u32, reason: SessionRejectReason) {
        if self.fault.is_none() {
            self.fault = Some(FieldFault::new(tag, reason));
        }
    }
}

/// The tag and the bytes it takes with its `=`; the number as far as it is one where it is wrong.
fn read_tag(text: &[u8]) -> Result<(u32, usize), u32> {
    let mut tag = 0u32;
    let mut is_wrong = matches!(text.first(), Some(b'0' | b'=') | None);
    for (index, byte) in text.iter().enumerate() {
        if *byte == b'=' {
            return if is_wrong { Err(tag) } else { Ok((tag, index.saturating_add(1))) };
        }
        match digit(*byte) {
            // Nine digits fit into 32 bits; nobody has assigned more.
            Some(digit) if index < 9 => {
                tag = tag.wrapping_mul(10).wrapping_add(u32::from(digit));
            }
            Some(_) => is_wrong = true,
            None => return Err(0),
        }
    }
    Err(0)
}

fn end_of_value(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == SOH).unwrap_or(text.len())
}
