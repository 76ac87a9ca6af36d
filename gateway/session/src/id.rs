//! Who talks to whom: the identity of a session, seen from our side.

use core::fmt;

use touchline_fix::{BEGIN_STRING, FieldFault, Message, tags};

/// Longest CompID that is accepted.
const MAX_COMP_ID_BYTES: usize = 64;

/// Identity of a session. `sender_comp_id` is ours, `target_comp_id` the counterparty's; in what
/// is received the two stand reversed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId {
    begin_string: &'static str,
    sender_comp_id: String,
    target_comp_id: String,
}

/// A CompID that cannot be used: empty, longer than 64 bytes, or not printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError {
    /// The CompID.
    pub comp_id: String,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not 1 to {MAX_COMP_ID_BYTES} printable ASCII characters", self.comp_id)
    }
}

impl core::error::Error for IdError {}

impl SessionId {
    /// A FIX 4.4 identity: `sender_comp_id` is ours.
    ///
    /// # Errors
    /// A CompID is empty, longer than 64 bytes or not printable ASCII.
    pub fn new(sender_comp_id: &str, target_comp_id: &str) -> Result<Self, IdError> {
        for comp_id in [sender_comp_id, target_comp_id] {
            if !is_comp_id(comp_id.as_bytes()) {
                return Err(IdError { comp_id: comp_id.to_owned() });
            }
        }
        Ok(Self {
            begin_string: "FIX.4.4",
            sender_comp_id: sender_comp_id.to_owned(),
            target_comp_id: target_comp_id.to_owned(),
        })
    }

    /// The identity, from our side, of the session to which a received message belongs: its
    /// `TargetCompID(56)` is our sender. An acceptor looks its session up by this.
    ///
    /// # Errors
    /// 8, 49 or 56 is missing or cannot be an identity of this venue.
    pub fn of_received(message: &Message<'_>) -> Result<Self, FieldFault> {
        if !message.is_fix44() {
            return Err(FieldFault::value(tags::BEGIN_STRING));
        }
        let comp_id = |tag| {
            let value = message.require(tag)?;
            match core::str::from_utf8(value) {
                Ok(text) if is_comp_id(value) => Ok(text.to_owned()),
                _ => Err(FieldFault::value(tag)),
            }
        };
        Ok(Self {
            begin_string: "FIX.4.4",
            sender_comp_id: comp_id(tags::TARGET_COMP_ID)?,
            target_comp_id: comp_id(tags::SENDER_COMP_ID)?,
        })
    }

    /// The same session seen from the other side.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            begin_string: self.begin_string,
            sender_comp_id: self.target_comp_id.clone(),
            target_comp_id: self.sender_comp_id.clone(),
        }
    }

    /// `BeginString(8)`.
    #[must_use]
    pub const fn begin_string(&self) -> &'static str {
        self.begin_string
    }

    /// `SenderCompID(49)` of what we send.
    #[must_use]
    pub fn sender_comp_id(&self) -> &str {
        &self.sender_comp_id
    }

    /// `TargetCompID(56)` of what we send.
    #[must_use]
    pub fn target_comp_id(&self) -> &str {
        &self.target_comp_id
    }

    /// The first CompID of a received message that is not ours reversed: its tag.
    pub(crate) fn wrong_comp_id(&self, message: &Message<'_>) -> Option<u32> {
        let expected = [
            (tags::SENDER_COMP_ID, &self.target_comp_id),
            (tags::TARGET_COMP_ID, &self.sender_comp_id),
        ];
        expected
            .into_iter()
            .find(|(tag, comp_id)| message.get(*tag) != Some(comp_id.as_bytes()))
            .map(|(tag, _)| tag)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}->{}", self.begin_string, self.sender_comp_id, self.target_comp_id)
    }
}

fn is_comp_id(bytes: &[u8]) -> bool {
    (1..=MAX_COMP_ID_BYTES).contains(&bytes.len()) && bytes.iter().all(|b| (0x20..0x7f).contains(b))
}

const _: () = assert!(BEGIN_STRING.len() == "FIX.4.4".len());
