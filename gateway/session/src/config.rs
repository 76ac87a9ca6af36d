//! What a session must be told: who it is and how long it waits.

use touchline_fix::Precision;

use crate::SessionId;

const SECOND_NS: u64 = 1_000_000_000;

/// Who waits for the Logon and who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Waits for a Logon (the gateway).
    Acceptor,
    /// Sends the Logon (a member).
    Initiator,
}

/// Configuration of one session. Times are nanoseconds.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Identity, from our side.
    pub id: SessionId,
    /// Who sends the Logon.
    pub role: Role,
    /// `HeartBtInt(108)` that an initiator asks for, in seconds; 0 means no heartbeats. An
    /// acceptor takes the member's.
    pub heart_bt_int_secs: u32,
    /// Initiator: send `ResetSeqNumFlag(141)=Y` and start at 1 with each Logon.
    pub reset_on_logon: bool,
    /// Initiator: `Username(553)` of the Logon.
    pub username: Option<String>,
    /// Initiator: `Password(554)` of the Logon.
    pub password: Option<String>,
    /// From the connection to the Logon, or the connection is closed.
    pub logon_timeout_ns: u64,
    /// From our Logout to the answer, or the connection is closed.
    pub logout_timeout_ns: u64,
    /// Largest difference between `SendingTime(52)` and our clock.
    pub sending_time_tolerance_ns: u64,
    /// A gap in which nothing arrives for so long is asked for again; after the third time the
    /// session is closed.
    pub resend_timeout_ns: u64,
    /// Longest message, in and out.
    pub max_message_bytes: usize,
    /// Most messages kept above a gap. What is over the bound is asked for again later.
    pub kept_messages_max: usize,
    /// Most bytes kept above a gap.
    pub kept_bytes_max: usize,
    /// Fraction of the second in `SendingTime(52)` and the other times we write.
    pub precision: Precision,
}

impl SessionConfig {
    /// An acceptor: logon within 10 s, clocks within 120 s, messages of up to 4096 bytes.
    #[must_use]
    pub fn acceptor(id: SessionId) -> Self {
        Self {
            id,
            role: Role::Acceptor,
            heart_bt_int_secs: 30,
            reset_on_logon: false,
            username: None,
            password: None,
            logon_timeout_ns: 10 * SECOND_NS,
            logout_timeout_ns: 2 * SECOND_NS,
            sending_time_tolerance_ns: 120 * SECOND_NS,
            resend_timeout_ns: 30 * SECOND_NS,
            max_message_bytes: 4096,
            kept_messages_max: 4096,
            kept_bytes_max: 1 << 20,
            precision: Precision::Milliseconds,
        }
    }

    /// An initiator with the same limits.
    #[must_use]
    pub fn initiator(id: SessionId, heart_bt_int_secs: u32) -> Self {
        Self { role: Role::Initiator, heart_bt_int_secs, ..Self::acceptor(id) }
    }
}
