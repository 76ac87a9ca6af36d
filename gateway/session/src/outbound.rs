//! What a session sends: application messages, rejects, Logout. Each is written once, stored, then
//! handed out, unless a replay is going on or nobody is logged on: then it waits in the store.

use touchline_fix::{
    BusinessRejectReason, FieldFault, Message, WriteError, Writer, msg_type, tags,
};

use crate::action::{Action, Actions, DisconnectReason, Turn};
use crate::session::State;
use crate::{MessageStore, Role, Session};

/// Routing of a received message and where it stands in an answer (FIX 4.4 Vol 2, third-party
/// message routing).
const ROUTING: [(u32, u32); 6] = [
    (tags::ON_BEHALF_OF_COMP_ID, tags::DELIVER_TO_COMP_ID),
    (tags::ON_BEHALF_OF_SUB_ID, tags::DELIVER_TO_SUB_ID),
    (tags::ON_BEHALF_OF_LOCATION_ID, tags::DELIVER_TO_LOCATION_ID),
    (tags::DELIVER_TO_COMP_ID, tags::ON_BEHALF_OF_COMP_ID),
    (tags::DELIVER_TO_SUB_ID, tags::ON_BEHALF_OF_SUB_ID),
    (tags::DELIVER_TO_LOCATION_ID, tags::ON_BEHALF_OF_LOCATION_ID),
];

impl Session {
    /// Sends an application message; `body` writes everything after the header.
    ///
    /// While nobody is logged on the message is stored only: at the next Logon the counterparty
    /// sees the gap and asks for it. Returns its `MsgSeqNum(34)`.
    ///
    /// # Errors
    /// The message does not fit or holds a bad value; nothing was sent and no number was used.
    pub fn send_app<S: MessageStore, A: Actions>(
        &mut self,
        msg_type: &[u8],
        turn: &mut Turn<'_, S, A>,
        body: impl FnOnce(&mut Writer<'_>),
    ) -> Result<u64, WriteError> {
        let is_up = self.state == State::LoggedOn;
        // An initiator's messages behind its own Logon go out as soon as the answer is there.
        let waits = self.state == State::AwaitingLogon && self.config.role == Role::Initiator;
        self.compose(msg_type, is_up || waits, waits, turn, body)
    }

    /// Session level `Reject(3)` of a received message: 45, 371 (if a tag is known), 372, 373, 58.
    ///
    /// # Errors
    /// As [`Session::send_app`].
    pub fn reject<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        fault: FieldFault,
        text: &str,
        turn: &mut Turn<'_, S, A>,
    ) -> Result<u64, WriteError> {
        self.counters.rejects += 1;
        let is_up = matches!(self.state, State::LoggedOn | State::LogoutSent);
        self.compose(msg_type::REJECT, is_up, false, turn, |writer| {
            reverse_routing(message, writer);
            reference(message, writer);
            if fault.tag != 0 {
                writer.u64(tags::REF_TAG_ID, u64::from(fault.tag));
            }
            writer
                .bytes(tags::REF_MSG_TYPE, message.msg_type())
                .u64(tags::SESSION_REJECT_REASON, u64::from(fault.reason.value()))
                .text(tags::TEXT, text);
        })
    }

    /// `BusinessMessageReject(j)` of a received message: 45, 372, 379 (e.g. its ClOrdID, if
    /// given), 380, 58.
    ///
    /// # Errors
    /// As [`Session::send_app`].
    pub fn business_reject<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        reason: BusinessRejectReason,
        business_reject_ref_id: Option<&[u8]>,
        text: &str,
        turn: &mut Turn<'_, S, A>,
    ) -> Result<u64, WriteError> {
        self.send_app(msg_type::BUSINESS_MESSAGE_REJECT, turn, |writer| {
            reverse_routing(message, writer);
            reference(message, writer);
            writer.bytes(tags::REF_MSG_TYPE, message.msg_type());
            if let Some(id) = business_reject_ref_id.filter(|id| !id.is_empty()) {
                writer.bytes(tags::BUSINESS_REJECT_REF_ID, id);
            }
            writer
                .u64(tags::BUSINESS_REJECT_REASON, u64::from(reason.value()))
                .text(tags::TEXT, text);
        })
    }

    /// Begins a Logout from our side; the connection is closed when it is answered or after the
    /// configured time. Does nothing unless logged on.
    pub fn logout<S: MessageStore, A: Actions>(
        &mut self,
        text: Option<&str>,
        turn: &mut Turn<'_, S, A>,
    ) {
        if self.state != State::LoggedOn {
            return;
        }
        self.send(msg_type::LOGOUT, turn, |writer| {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                writer.text(tags::TEXT, text);
            }
        });
        if self.state == State::LoggedOn {
            self.state = State::LogoutSent;
            self.waiting_since_ns = turn.now_ns;
        }
    }

    /// Refuses a Logon that the session itself would accept (unknown password, market closed):
    /// Logout with `text`, then the connection is closed. Call it instead of `on_message`.
    pub fn refuse_logon<S: MessageStore, A: Actions>(
        &mut self,
        text: &str,
        turn: &mut Turn<'_, S, A>,
    ) {
        if self.state == State::AwaitingLogon {
            self.close_with_text(text, DisconnectReason::LogonRefused, turn);
        }
    }

    /// Sends a session message. One that cannot be written closes the connection.
    pub(crate) fn send<S: MessageStore, A: Actions>(
        &mut self,
        msg_type: &[u8],
        turn: &mut Turn<'_, S, A>,
        body: impl FnOnce(&mut Writer<'_>),
    ) {
        let is_connected = self.state != State::Disconnected;
        if self.compose(msg_type, is_connected, false, turn, body).is_err() {
            self.disconnect(DisconnectReason::MessageTooLong, turn);
        }
    }

    /// Sends a Reject on the session's own account.
    pub(crate) fn send_reject<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        fault: FieldFault,
        turn: &mut Turn<'_, S, A>,
    ) {
        if self.reject(message, fault, fault.reason.text(), turn).is_err() {
            self.disconnect(DisconnectReason::MessageTooLong, turn);
        }
    }

    fn compose<S: MessageStore, A: Actions>(
        &mut self,
        msg_type: &[u8],
        is_up: bool,
        waits: bool,
        turn: &mut Turn<'_, S, A>,
        body: impl FnOnce(&mut Writer<'_>),
    ) -> Result<u64, WriteError> {
        let msg_seq_num = self.numbers.next_outbound;
        let mut writer = self.header.begin(&mut self.buffer, msg_type, msg_seq_num, turn.now_ns);
        body(&mut writer);
        let len = writer.finish()?;
        let bytes = self.buffer.get(..len).unwrap_or(&[]);
        turn.store.append(msg_seq_num, bytes);
        self.numbers.next_outbound = msg_seq_num.saturating_add(1);
        if is_up {
            if waits || self.replay.is_active() {
                let is_session = msg_type::is_session(msg_type) && msg_type != msg_type::REJECT;
                let held = if is_session { bytes } else { &[] };
                self.replay.hold(msg_seq_num, held, self.config.kept_bytes_max);
            } else {
                turn.actions.push(Action::Send { msg_seq_num, is_replay: false, bytes });
                self.counters.messages_out += 1;
                self.last_sent_ns = turn.now_ns;
            }
        }
        Ok(msg_seq_num)
    }
}

/// 45, if the message has a number.
fn reference(message: &Message<'_>, writer: &mut Writer<'_>) {
    if let Ok(Some(msg_seq_num)) = message.u64(tags::MSG_SEQ_NUM) {
        writer.u64(tags::REF_SEQ_NUM, msg_seq_num);
    }
}

/// The answer goes back the way the message came; empty routing tags are left out.
fn reverse_routing(message: &Message<'_>, writer: &mut Writer<'_>) {
    for (received, answered) in ROUTING {
        if let Some(value) = message.get(received).filter(|value| !value.is_empty()) {
            writer.bytes(answered, value);
        }
    }
}
