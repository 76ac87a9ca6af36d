//! What can be wrong with a message: garbled (to be ignored) or faulty (to be rejected).
//!
//! FIX 4.4 Vol 2 keeps the two apart: a garbled message is not answered and does not count, a
//! faulty one is answered with `Reject(3)` and does count.

use core::fmt;

/// `SessionRejectReason(373)`, FIX 4.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SessionRejectReason {
    /// 0: the tag is not a number, is zero or has leading zeros.
    InvalidTagNumber = 0,
    /// 1
    RequiredTagMissing = 1,
    /// 2
    TagNotDefinedForMsgType = 2,
    /// 3
    UndefinedTag = 3,
    /// 4
    TagSpecifiedWithoutValue = 4,
    /// 5: the value is out of range for this tag.
    ValueIsIncorrect = 5,
    /// 6
    IncorrectDataFormat = 6,
    /// 7
    DecryptionProblem = 7,
    /// 8
    SignatureProblem = 8,
    /// 9
    CompIdProblem = 9,
    /// 10
    SendingTimeAccuracyProblem = 10,
    /// 11
    InvalidMsgType = 11,
    /// 12
    XmlValidationError = 12,
    /// 13
    TagAppearsMoreThanOnce = 13,
    /// 14
    TagSpecifiedOutOfRequiredOrder = 14,
    /// 15
    RepeatingGroupFieldsOutOfOrder = 15,
    /// 16
    IncorrectNumInGroupCount = 16,
    /// 17
    NonDataValueIncludesSoh = 17,
    /// 99
    Other = 99,
}

impl SessionRejectReason {
    /// The value of tag 373.
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }

    /// The phrase of the FIX 4.4 specification, for `Text(58)`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::InvalidTagNumber => "Invalid tag number",
            Self::RequiredTagMissing => "Required tag missing",
            Self::TagNotDefinedForMsgType => "Tag not defined for this message type",
            Self::UndefinedTag => "Undefined tag",
            Self::TagSpecifiedWithoutValue => "Tag specified without a value",
            Self::ValueIsIncorrect => "Value is incorrect (out of range) for this tag",
            Self::IncorrectDataFormat => "Incorrect data format for value",
            Self::DecryptionProblem => "Decryption problem",
            Self::SignatureProblem => "Signature problem",
            Self::CompIdProblem => "CompID problem",
            Self::SendingTimeAccuracyProblem => "SendingTime accuracy problem",
            Self::InvalidMsgType => "Invalid MsgType",
            Self::XmlValidationError => "XML validation error",
            Self::TagAppearsMoreThanOnce => "Tag appears more than once",
            Self::TagSpecifiedOutOfRequiredOrder => "Tag specified out of required order",
            Self::RepeatingGroupFieldsOutOfOrder => "Repeating group fields out of order",
            Self::IncorrectNumInGroupCount => "Incorrect NumInGroup count for repeating group",
            Self::NonDataValueIncludesSoh => "Non-data value includes field delimiter",
            Self::Other => "Other",
        }
    }
}

/// `BusinessRejectReason(380)`, FIX 4.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BusinessRejectReason {
    /// 0
    Other = 0,
    /// 1
    UnknownId = 1,
    /// 2
    UnknownSecurity = 2,
    /// 3
    UnsupportedMessageType = 3,
    /// 4
    ApplicationNotAvailable = 4,
    /// 5
    ConditionallyRequiredFieldMissing = 5,
    /// 6
    NotAuthorized = 6,
    /// 7
    DeliverToFirmNotAvailable = 7,
}

impl BusinessRejectReason {
    /// The value of tag 380.
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }
}

/// One field that must be rejected: the first one found, in message order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldFault {
    /// `RefTagID(371)`; 0 when no number could be read.
    pub tag: u32,
    /// `SessionRejectReason(373)`.
    pub reason: SessionRejectReason,
}

impl FieldFault {
    /// A fault of `tag`.
    #[must_use]
    pub const fn new(tag: u32, reason: SessionRejectReason) -> Self {
        Self { tag, reason }
    }

    /// `tag` is required and absent.
    #[must_use]
    pub const fn missing(tag: u32) -> Self {
        Self::new(tag, SessionRejectReason::RequiredTagMissing)
    }

    /// The value of `tag` cannot be read as its type.
    #[must_use]
    pub const fn format(tag: u32) -> Self {
        Self::new(tag, SessionRejectReason::IncorrectDataFormat)
    }

    /// The value of `tag` is readable and not allowed.
    #[must_use]
    pub const fn value(tag: u32) -> Self {
        Self::new(tag, SessionRejectReason::ValueIsIncorrect)
    }
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {}: {}", self.tag, self.reason.text())
    }
}

impl core::error::Error for FieldFault {}

/// Why bytes are not a message. FIX 4.4 Vol 2: such bytes are ignored and do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Garbled {
    /// The bytes do not start with `8=FIX`.
    NoBeginString,
    /// `BeginString(8)` is not ended where it must end.
    BeginStringNotEnded,
    /// `9=` does not follow, or its value is not a number of 1 to 9 digits, or it is zero.
    BadBodyLength,
    /// The stated length makes the message longer than the configured bound.
    TooLong {
        /// `BodyLength(9)` as stated.
        body_length: u64,
        /// Bound on the whole message.
        max_bytes: usize,
    },
    /// `10=nnn` does not stand where `BodyLength(9)` says.
    NoTrailer,
    /// `CheckSum(10)` differs from the sum of the bytes.
    CheckSum {
        /// As stated in the message.
        stated: u16,
        /// Sum of the bytes, modulo 256.
        computed: u8,
    },
    /// The first three fields are not 8, 9 and 35, or `MsgType(35)` is empty.
    FirstThreeTags,
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBeginString => write!(f, "does not start with 8=FIX"),
            Self::BeginStringNotEnded => write!(f, "BeginString(8) is not ended"),
            Self::BadBodyLength => write!(f, "BodyLength(9) is not a positive number"),
            Self::TooLong { body_length, max_bytes } => {
                write!(f, "BodyLength(9) {body_length} makes it longer than {max_bytes} bytes")
            }
            Self::NoTrailer => write!(f, "CheckSum(10) does not stand where BodyLength(9) says"),
            Self::CheckSum { stated, computed } => {
                write!(f, "CheckSum(10) is {stated:03}, the bytes sum to {computed:03}")
            }
            Self::FirstThreeTags => write!(f, "the first three fields are not 8, 9, 35"),
        }
    }
}

impl core::error::Error for Garbled {}
