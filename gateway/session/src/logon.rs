//! Logon of both roles, and the reset of the numbers inside a session.
//!
//! Before an acceptor knows whom it talks to it says nothing: a first message that is garbled, no
//! Logon, or of another version or identity closes the connection and touches no state. A Logon
//! of the right identity that cannot be accepted is answered with a Logout that says why.

use touchline_fix::{FieldFault, Message, msg_type, tags};

use crate::action::{Action, Actions, DisconnectReason, Turn};
use crate::session::State;
use crate::{MessageStore, Role, Session};

struct Logon {
    msg_seq_num: u64,
    heart_bt_int_secs: u32,
    reset_seq_num_flag: bool,
}

impl Session {
    pub(crate) fn is_logging_out(&self) -> bool {
        self.state == State::LogoutSent
    }

    pub(crate) fn send_logon_request<S: MessageStore, A: Actions>(
        &mut self,
        turn: &mut Turn<'_, S, A>,
    ) {
        let is_reset = self.config.reset_on_logon;
        if is_reset {
            self.reset_numbers(turn.store);
        }
        // Taken out for the call, because the writer borrows the session.
        let (username, password) = (self.config.username.take(), self.config.password.take());
        let heart_bt_int_secs = self.config.heart_bt_int_secs;
        self.send(msg_type::LOGON, turn, |writer| {
            writer
                .char(tags::ENCRYPT_METHOD, b'0')
                .u64(tags::HEART_BT_INT, u64::from(heart_bt_int_secs));
            if is_reset {
                writer.boolean(tags::RESET_SEQ_NUM_FLAG, true);
            }
            if let Some(username) = &username {
                writer.text(tags::USERNAME, username);
            }
            if let Some(password) = &password {
                writer.text(tags::PASSWORD, password);
            }
        });
        (self.config.username, self.config.password) = (username, password);
    }

    /// The first message of a connection.
    pub(crate) fn on_first_message<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        turn: &mut Turn<'_, S, A>,
    ) {
        if !message.is_fix44() || self.config.id.wrong_comp_id(message).is_some() {
            return self.disconnect(DisconnectReason::LogonIdentity, turn);
        }
        let msg_type = message.msg_type();
        if msg_type == msg_type::LOGOUT && self.config.role == Role::Initiator {
            // Our Logon was refused; the text is in the message.
            if message.u64(tags::MSG_SEQ_NUM) == Ok(Some(self.numbers.next_inbound)) {
                self.take_in(turn);
            }
            return self.disconnect(DisconnectReason::LogonRefused, turn);
        }
        if msg_type != msg_type::LOGON {
            return self.disconnect(DisconnectReason::FirstMessageNotLogon, turn);
        }
        match self.read_logon(message, turn.now_ns) {
            Ok(logon) => self.accept_logon(&logon, turn),
            Err(fault) => {
                self.close_with_text(&fault.to_string(), DisconnectReason::LogonRefused, turn);
            }
        }
    }

    fn read_logon(&self, message: &Message<'_>, now_ns: u64) -> Result<Logon, FieldFault> {
        if let Some(fault) = message.fault() {
            return Err(fault);
        }
        let msg_seq_num = message.require_u64(tags::MSG_SEQ_NUM)?;
        self.check_sending_time(message, now_ns)?;
        if message.require(tags::ENCRYPT_METHOD)? != b"0" {
            return Err(FieldFault::value(tags::ENCRYPT_METHOD));
        }
        let heart_bt_int_secs = message.require_u32(tags::HEART_BT_INT)?;
        let reset_seq_num_flag = message.boolean(tags::RESET_SEQ_NUM_FLAG)?.unwrap_or(false);
        // A reset means that this very message is the first: any other number contradicts it.
        if reset_seq_num_flag && msg_seq_num != 1 {
            return Err(FieldFault::value(tags::RESET_SEQ_NUM_FLAG));
        }
        let asked = self.config.role == Role::Acceptor || self.config.reset_on_logon;
        if reset_seq_num_flag && !asked && self.state == State::AwaitingLogon {
            return Err(FieldFault::value(tags::RESET_SEQ_NUM_FLAG));
        }
        Ok(Logon { msg_seq_num, heart_bt_int_secs, reset_seq_num_flag })
    }

    fn accept_logon<S: MessageStore, A: Actions>(
        &mut self,
        logon: &Logon,
        turn: &mut Turn<'_, S, A>,
    ) {
        let is_acceptor = self.config.role == Role::Acceptor;
        if logon.reset_seq_num_flag && is_acceptor {
            self.reset_numbers(turn.store);
        }
        let expected = self.numbers.next_inbound;
        let received = logon.msg_seq_num;
        if received < expected {
            let reason = DisconnectReason::MsgSeqNumTooLow { expected, received };
            return self.close_with_logout(reason, turn);
        }
        self.state = State::LoggedOn;
        self.last_received_ns = turn.now_ns;
        self.set_heart_bt_int(logon.heart_bt_int_secs);
        if received == expected {
            self.take_in(turn);
        }
        if is_acceptor {
            self.send_logon_answer(logon, turn);
        }
        if self.state != State::LoggedOn {
            return;
        }
        turn.actions.push(Action::LoggedOn);
        if received > expected {
            self.keep_handled(received, turn.now_ns);
            self.ask_for_gap(received, turn);
        }
    }

    fn send_logon_answer<S: MessageStore, A: Actions>(
        &mut self,
        logon: &Logon,
        turn: &mut Turn<'_, S, A>,
    ) {
        let heart_bt_int_secs = u64::from(logon.heart_bt_int_secs);
        let is_reset = logon.reset_seq_num_flag;
        self.send(msg_type::LOGON, turn, |writer| {
            writer.char(tags::ENCRYPT_METHOD, b'0').u64(tags::HEART_BT_INT, heart_bt_int_secs);
            if is_reset {
                writer.boolean(tags::RESET_SEQ_NUM_FLAG, true);
            }
        });
    }

    /// A Logon with 141=Y inside a session: with 34=1 both sides start again at 1 and the session
    /// goes on; anything else contradicts itself and ends it.
    pub(crate) fn on_reset_inside<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        turn: &mut Turn<'_, S, A>,
    ) {
        match self.read_logon(message, turn.now_ns) {
            Ok(logon) => {
                self.reset_numbers(turn.store);
                self.take_in(turn);
                self.set_heart_bt_int(logon.heart_bt_int_secs);
                self.send_logon_answer(&logon, turn);
            }
            Err(fault) => {
                self.close_with_text(&fault.to_string(), DisconnectReason::ResetRefused, turn);
            }
        }
    }
}
