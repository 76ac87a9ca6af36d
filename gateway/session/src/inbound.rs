//! What a session does with a received message: identity, time, number, then its type.
//!
//! The order of the checks is that of QuickFIX and QuickFIX/J where they agree. A message with the
//! expected number is always taken in, faulty or not, so that the counterparty can go on; the one
//! exception is SequenceReset, whose rejection leaves the expected number alone.

use core::cmp::Ordering;

use touchline_fix::{FieldFault, Message, SessionRejectReason, msg_type, tags};

use crate::action::{Actions, DisconnectReason, Turn};
use crate::session::State;
use crate::{MessageStore, Session};

/// A message for the application: any type that is not the session's, and `Reject(3)`, which says
/// that one of the application's own was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// `MsgSeqNum(34)`; each is delivered once.
    pub msg_seq_num: u64,
    /// `PossDupFlag(43)=Y`: sent again by the counterparty, new to this session.
    pub poss_dup: bool,
    /// `PossResend(97)=Y`: may carry an order known under another number.
    pub poss_resend: bool,
}

impl Session {
    /// Takes a received message. `Some`: it is the application's to handle, now; its number has
    /// been taken in.
    pub fn on_message<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        turn: &mut Turn<'_, S, A>,
    ) -> Option<Delivery> {
        self.counters.messages_in += 1;
        let received_ns = self.kept_received_ns.take().unwrap_or(turn.now_ns);
        match self.state {
            State::Disconnected => {
                self.counters.not_connected += 1;
                None
            }
            State::AwaitingLogon => {
                self.on_first_message(message, turn);
                None
            }
            State::LoggedOn | State::LogoutSent => self.on_next_message(message, received_ns, turn),
        }
    }

    fn on_next_message<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        received_ns: u64,
        turn: &mut Turn<'_, S, A>,
    ) -> Option<Delivery> {
        self.last_received_ns = self.last_received_ns.max(turn.now_ns);
        self.test_request_ns = None;
        if !message.is_fix44() {
            self.close_with_logout(DisconnectReason::BeginString, turn);
            return None;
        }
        let Ok(msg_seq_num) = message.require_u64(tags::MSG_SEQ_NUM) else {
            self.close_with_logout(DisconnectReason::MsgSeqNumMissing, turn);
            return None;
        };
        if let Err((fault, reason)) = self.check_header(message, received_ns) {
            self.refuse(message, msg_seq_num, fault, turn);
            if let Some(reason) = reason {
                self.close_with_logout(reason, turn);
            }
            return None;
        }
        match message.msg_type() {
            msg_type::LOGON if message.boolean(tags::RESET_SEQ_NUM_FLAG) == Ok(Some(true)) => {
                self.on_reset_inside(message, turn);
                return None;
            }
            // SequenceReset-Reset ignores its own number.
            msg_type::SEQUENCE_RESET if !is_gap_fill(message) => {
                self.on_sequence_reset(message, msg_seq_num, turn);
                return None;
            }
            _ => {}
        }
        match msg_seq_num.cmp(&self.numbers.next_inbound) {
            Ordering::Less => self.on_too_low(message, msg_seq_num, turn),
            Ordering::Greater => self.on_too_high(message, msg_seq_num, turn),
            Ordering::Equal => return self.on_expected(message, msg_seq_num, turn),
        }
        None
    }

    /// Identity and times. With a reason the session ends after the Reject.
    fn check_header(
        &self,
        message: &Message<'_>,
        received_ns: u64,
    ) -> Result<(), (FieldFault, Option<DisconnectReason>)> {
        if let Some(tag) = self.config.id.wrong_comp_id(message) {
            let reason = match message.get(tag) {
                Some(_) => SessionRejectReason::CompIdProblem,
                None => SessionRejectReason::RequiredTagMissing,
            };
            return Err((FieldFault::new(tag, reason), Some(DisconnectReason::CompId)));
        }
        self.check_sending_time(message, received_ns)
            .and_then(|()| check_orig_sending_time(message))
            .map_err(|fault| {
                let is_time = fault.reason == SessionRejectReason::SendingTimeAccuracyProblem;
                (fault, is_time.then_some(DisconnectReason::SendingTime))
            })
    }

    /// `SendingTime(52)` is there, readable and near `received_ns`.
    pub(crate) fn check_sending_time(
        &self,
        message: &Message<'_>,
        received_ns: u64,
    ) -> Result<(), FieldFault> {
        let sending_time_ns = message.require_utc_timestamp(tags::SENDING_TIME)?;
        if sending_time_ns.abs_diff(received_ns) > self.config.sending_time_tolerance_ns {
            let reason = SessionRejectReason::SendingTimeAccuracyProblem;
            return Err(FieldFault::new(tags::SENDING_TIME, reason));
        }
        Ok(())
    }

    /// Rejects; the number is taken in if it was the expected one.
    fn refuse<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        msg_seq_num: u64,
        fault: FieldFault,
        turn: &mut Turn<'_, S, A>,
    ) {
        let is_reset = message.msg_type() == msg_type::SEQUENCE_RESET;
        if msg_seq_num == self.numbers.next_inbound && !is_reset {
            self.take_in(turn);
        }
        self.send_reject(message, fault, turn);
    }

    /// Moves the expected number on by one.
    pub(crate) fn take_in<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        let next = self.numbers.next_inbound.saturating_add(1);
        self.move_next_inbound(next, turn.now_ns, turn.store);
    }

    /// PossDupFlag excuses a number that was seen; nothing else does.
    fn on_too_low<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        received: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        if message.boolean(tags::POSS_DUP_FLAG) == Ok(Some(true)) {
            self.counters.duplicates += 1;
            return;
        }
        let expected = self.numbers.next_inbound;
        self.close_with_logout(DisconnectReason::MsgSeqNumTooLow { expected, received }, turn);
    }

    fn on_too_high<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        received: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        match message.msg_type() {
            // The counterparty is leaving: its messages are asked for at the next Logon.
            msg_type::LOGOUT => return self.on_logout(turn),
            // Answered at once even above a gap, or two sides with gaps would wait for each other.
            msg_type::RESEND_REQUEST => {
                if let Err(fault) = self.on_resend_request(message) {
                    self.send_reject(message, fault, turn);
                }
                self.keep_handled(received, turn.now_ns);
            }
            _ => {
                if self.kept.keep(received, turn.now_ns, message.bytes()) {
                    self.counters.kept += 1;
                } else {
                    self.counters.kept_overflow += 1;
                }
            }
        }
        self.ask_for_gap(received, turn);
    }

    /// Remembers the number of a message above the gap that needs no more handling.
    pub(crate) fn keep_handled(&mut self, msg_seq_num: u64, now_ns: u64) {
        if !self.kept.keep(msg_seq_num, now_ns, &[]) {
            self.counters.kept_overflow += 1;
        }
    }

    /// One ResendRequest for the whole gap, not one for each message above it.
    pub(crate) fn ask_for_gap<S: MessageStore, A: Actions>(
        &mut self,
        received: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        if self.gap.is_none() && self.is_logged_on() {
            self.send_resend_request(received.saturating_sub(1), 1, turn);
        }
    }

    fn on_expected<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        msg_seq_num: u64,
        turn: &mut Turn<'_, S, A>,
    ) -> Option<Delivery> {
        let msg_type = message.msg_type();
        if let Some(fault) = message.fault() {
            self.refuse(message, msg_seq_num, fault, turn);
            return None;
        }
        if msg_type == msg_type::SEQUENCE_RESET {
            self.on_gap_fill(message, msg_seq_num, turn);
            return None;
        }
        self.take_in(turn);
        match self.dispatch(message, msg_seq_num, turn) {
            Ok(delivery) => delivery,
            Err(fault) => {
                self.send_reject(message, fault, turn);
                None
            }
        }
    }

    fn dispatch<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        msg_seq_num: u64,
        turn: &mut Turn<'_, S, A>,
    ) -> Result<Option<Delivery>, FieldFault> {
        match message.msg_type() {
            msg_type::HEARTBEAT => {}
            msg_type::TEST_REQUEST => {
                let test_req_id = message.require(tags::TEST_REQ_ID)?;
                self.send(msg_type::HEARTBEAT, turn, |writer| {
                    writer.bytes(tags::TEST_REQ_ID, test_req_id);
                });
            }
            msg_type::RESEND_REQUEST => self.on_resend_request(message)?,
            msg_type::LOGOUT => self.on_logout(turn),
            // Without 141=Y a second Logon has no meaning.
            msg_type::LOGON => {
                return Err(FieldFault::new(tags::MSG_TYPE, SessionRejectReason::Other));
            }
            _ => {
                let poss_dup = message.boolean(tags::POSS_DUP_FLAG)?.unwrap_or(false);
                let poss_resend = message.boolean(tags::POSS_RESEND)?.unwrap_or(false);
                return Ok(Some(Delivery { msg_seq_num, poss_dup, poss_resend }));
            }
        }
        Ok(None)
    }

    /// 16=0 or beyond the last means all; a range of numbers that were never sent is refused.
    fn on_resend_request(&mut self, message: &Message<'_>) -> Result<(), FieldFault> {
        let begin_seq_no = message.require_u64(tags::BEGIN_SEQ_NO)?;
        let end_seq_no = message.require_u64(tags::END_SEQ_NO)?;
        let last = self.last_handed_out();
        if begin_seq_no == 0 || begin_seq_no > last {
            return Err(FieldFault::value(tags::BEGIN_SEQ_NO));
        }
        if end_seq_no != 0 && end_seq_no < begin_seq_no {
            return Err(FieldFault::value(tags::END_SEQ_NO));
        }
        let end = if end_seq_no == 0 { last } else { end_seq_no.min(last) };
        self.request_replay(begin_seq_no, end);
        Ok(())
    }

    /// SequenceReset-GapFill with the expected number. Messages kept below 36 are dropped, since
    /// their sender has decided not to stand by them; they are counted.
    fn on_gap_fill<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        msg_seq_num: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        match message.require_u64(tags::NEW_SEQ_NO) {
            Ok(new_seq_no) if new_seq_no > msg_seq_num => {
                self.move_next_inbound(new_seq_no, turn.now_ns, turn.store);
            }
            Ok(_) => self.send_reject(message, FieldFault::value(tags::NEW_SEQ_NO), turn),
            Err(fault) => self.send_reject(message, fault, turn),
        }
    }

    /// SequenceReset-Reset: the expected number may only grow.
    fn on_sequence_reset<S: MessageStore, A: Actions>(
        &mut self,
        message: &Message<'_>,
        msg_seq_num: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        let new_seq_no = match message.fault() {
            Some(fault) => Err(fault),
            // A GapFillFlag that is neither Y nor N says nothing.
            None => message
                .boolean(tags::GAP_FILL_FLAG)
                .and_then(|_| message.require_u64(tags::NEW_SEQ_NO)),
        };
        match new_seq_no {
            Ok(new_seq_no) if new_seq_no >= self.numbers.next_inbound => {
                self.move_next_inbound(new_seq_no, turn.now_ns, turn.store);
            }
            Ok(_) => {
                self.refuse(message, msg_seq_num, FieldFault::value(tags::NEW_SEQ_NO), turn);
            }
            Err(fault) => self.refuse(message, msg_seq_num, fault, turn),
        }
    }

    /// Answers a Logout, or sees ours answered, and closes.
    fn on_logout<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        if self.state == State::LogoutSent {
            return self.disconnect(DisconnectReason::LogoutAnswered, turn);
        }
        // A replay that is going on ends: what it had not sent shows as a gap at the next Logon.
        self.replay = crate::replay::Replay::default();
        self.send(msg_type::LOGOUT, turn, |_| {});
        self.disconnect(DisconnectReason::LogoutReceived, turn);
    }
}

fn is_gap_fill(message: &Message<'_>) -> bool {
    message.boolean(tags::GAP_FILL_FLAG) == Ok(Some(true))
}

/// A PossDup message says when it was first sent, and that was not later than this time. Gap fills
/// stand for messages that are not sent again and need not say it.
fn check_orig_sending_time(message: &Message<'_>) -> Result<(), FieldFault> {
    if message.boolean(tags::POSS_DUP_FLAG)? != Some(true)
        || message.msg_type() == msg_type::SEQUENCE_RESET
    {
        return Ok(());
    }
    let first_sent_ns = message.require_utc_timestamp(tags::ORIG_SENDING_TIME)?;
    if first_sent_ns > message.require_utc_timestamp(tags::SENDING_TIME)? {
        let reason = SessionRejectReason::SendingTimeAccuracyProblem;
        return Err(FieldFault::new(tags::ORIG_SENDING_TIME, reason));
    }
    Ok(())
}
