//! What a session asks its owner to do.

use core::fmt;

/// One thing to do, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Write these bytes to the connection.
    Send {
        /// `MsgSeqNum(34)`.
        msg_seq_num: u64,
        /// Part of an answer to a ResendRequest, hence not stored again.
        is_replay: bool,
        /// The whole message; stored already unless it is a replay.
        bytes: &'a [u8],
    },
    /// The session is up: the application may send.
    LoggedOn,
    /// The session is down. What the application sends from now on is stored for the next Logon.
    LoggedOut,
    /// Close the connection after everything before this has been written.
    Disconnect(DisconnectReason),
}

/// Takes the actions of a session.
pub trait Actions {
    /// Takes the next action; the bytes are valid only during the call.
    fn push(&mut self, action: Action<'_>);
}

/// What a session may touch during one call.
#[derive(Debug)]
pub struct Turn<'a, S, A> {
    /// UTC nanoseconds since the epoch.
    pub now_ns: u64,
    /// The session's store.
    pub store: &'a mut S,
    /// Where its actions go.
    pub actions: &'a mut A,
}

/// Why a session closes its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The first message was not a Logon.
    FirstMessageNotLogon,
    /// The first message was garbled, or of another version or identity.
    LogonIdentity,
    /// A Logon that cannot be accepted; the Logout before it says why.
    LogonRefused,
    /// No Logon within the time allowed.
    LogonTimeout,
    /// The counterparty logged out; its Logout has been answered.
    LogoutReceived,
    /// Our Logout has been answered.
    LogoutAnswered,
    /// Our Logout was not answered within the time allowed.
    LogoutTimeout,
    /// `MsgSeqNum(34)` below the expected one, without PossDupFlag.
    MsgSeqNumTooLow {
        /// Expected.
        expected: u64,
        /// Received.
        received: u64,
    },
    /// `MsgSeqNum(34)` missing or not a number.
    MsgSeqNumMissing,
    /// `BeginString(8)` changed within the session.
    BeginString,
    /// `SenderCompID(49)` or `TargetCompID(56)` changed within the session.
    CompId,
    /// `SendingTime(52)` is further from our clock than allowed, or before `OrigSendingTime(122)`.
    SendingTime,
    /// Nothing received, not even an answer to our TestRequest.
    Silence,
    /// Our ResendRequest was not answered, three times.
    ResendTimeout,
    /// A message is longer than the configured bound.
    MessageTooLong,
    /// A Logon within the session that cannot be obeyed.
    ResetRefused,
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::FirstMessageNotLogon => "the first message is not a Logon",
            Self::LogonIdentity => "the first message is garbled or of another identity",
            Self::LogonRefused => "the Logon is refused",
            Self::LogonTimeout => "no Logon in time",
            Self::LogoutReceived => "logged out by the counterparty",
            Self::LogoutAnswered => "logged out by us",
            Self::LogoutTimeout => "no answer to our Logout",
            Self::MsgSeqNumTooLow { expected, received } => {
                return write!(
                    f,
                    "MsgSeqNum too low, expecting {expected} but received {received}"
                );
            }
            Self::MsgSeqNumMissing => "MsgSeqNum(34) is missing or not a number",
            Self::BeginString => "Incorrect BeginString",
            Self::CompId => "CompID problem",
            Self::SendingTime => "SendingTime accuracy problem",
            Self::Silence => "no answer to our TestRequest",
            Self::ResendTimeout => "no answer to our ResendRequest",
            Self::MessageTooLong => "a message is too long",
            Self::ResetRefused => "a Logon within the session is refused",
        };
        f.write_str(text)
    }
}

/// Collects actions in reused memory: bytes to write and what happened, for owners that handle
/// them after the call.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    /// Bytes to write to the connection, in order.
    pub bytes: Vec<u8>,
    /// The session came up since the last [`Outbox::clear`].
    pub logged_on: bool,
    /// The session went down.
    pub logged_out: bool,
    /// Close the connection after `bytes` have been written.
    pub disconnect: Option<DisconnectReason>,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.logged_on = false;
        self.logged_out = false;
        self.disconnect = None;
    }
}

impl Actions for Outbox {
    fn push(&mut self, action: Action<'_>) {
        match action {
            Action::Send { bytes, .. } => self.bytes.extend_from_slice(bytes),
            Action::LoggedOn => self.logged_on = true,
            Action::LoggedOut => self.logged_out = true,
            Action::Disconnect(reason) => self.disconnect = Some(reason),
        }
    }
}
