//! The session itself: its state, its connection and its timers.

use touchline_fix::{Fields, Garbled, Header, msg_type, tags};

use crate::action::{Action, Actions, DisconnectReason, Turn};
use crate::kept::{Front, Kept};
use crate::replay::Replay;
use crate::{IdError, MessageStore, Role, SessionConfig};

const SECOND_NS: u64 = 1_000_000_000;

/// A ResendRequest is repeated so often before the session is closed.
const RESEND_REQUESTS_MAX: u32 = 3;

/// Beyond the longest inbound message, so that an answer that echoes a field always fits.
const ANSWER_ROOM_BYTES: usize = 1024;

/// Where the sequence numbers of a session stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Next `MsgSeqNum(34)` expected from the counterparty.
    pub next_inbound: u64,
    /// Next `MsgSeqNum(34)` we send.
    pub next_outbound: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { next_inbound: 1, next_outbound: 1 }
    }
}

/// What a session counted since it was made. None of these is lost silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionCounters {
    /// Messages taken in, those of the session layer included.
    pub messages_in: u64,
    /// Messages handed out, those that were sent again included.
    pub messages_out: u64,
    /// Garbled input that was ignored.
    pub garbled: u64,
    /// Messages that arrived while there was no connection.
    pub not_connected: u64,
    /// PossDup messages dropped because they had been taken in before.
    pub duplicates: u64,
    /// Messages kept above a gap.
    pub kept: u64,
    /// Messages above a gap that did not fit into the bound; they are asked for again.
    pub kept_overflow: u64,
    /// Kept messages dropped because a gap fill passed them by.
    pub passed_by: u64,
    /// ResendRequests sent.
    pub resend_requests: u64,
    /// Messages sent again.
    pub replayed: u64,
    /// Numbers covered by our gap fills.
    pub gap_filled: u64,
    /// Stored messages that could not be read and were gap filled.
    pub store_damaged: u64,
    /// Session level Rejects sent.
    pub rejects: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Disconnected,
    /// Connected. The acceptor has received nothing yet, the initiator has sent its Logon.
    AwaitingLogon,
    LoggedOn,
    /// We sent a Logout and wait for the answer.
    LogoutSent,
}

/// Numbers that are missing and have been asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    /// Last missing number known when the request was sent.
    pub(crate) through: u64,
    pub(crate) progress_ns: u64,
    pub(crate) requests: u32,
}

/// One FIX 4.4 session, acceptor or initiator.
#[derive(Debug)]
pub struct Session {
    pub(crate) config: SessionConfig,
    pub(crate) header: Header,
    pub(crate) buffer: Vec<u8>,
    pub(crate) scratch: Fields,
    pub(crate) state: State,
    pub(crate) numbers: Numbers,
    pub(crate) heart_bt_int_ns: u64,
    /// When the connection came up, or when our Logout was sent.
    pub(crate) waiting_since_ns: u64,
    pub(crate) last_sent_ns: u64,
    pub(crate) last_received_ns: u64,
    pub(crate) test_request_ns: Option<u64>,
    pub(crate) gap: Option<Gap>,
    pub(crate) kept: Kept,
    /// When the message that comes next out of `kept` had arrived.
    pub(crate) kept_received_ns: Option<u64>,
    pub(crate) replay: Replay,
    pub(crate) counters: SessionCounters,
}

impl Session {
    /// A session without a connection, continuing at `numbers`.
    ///
    /// # Errors
    /// A CompID that cannot stand in a header.
    pub fn new(config: SessionConfig, numbers: Numbers) -> Result<Self, IdError> {
        let (sender, target) = (config.id.sender_comp_id(), config.id.target_comp_id());
        let header = Header::new(sender.as_bytes(), target.as_bytes(), config.precision)
            .map_err(|_| IdError { comp_id: config.id.to_string() })?;
        let buffer = vec![0; config.max_message_bytes.saturating_add(ANSWER_ROOM_BYTES)];
        let kept = Kept::new(config.kept_messages_max, config.kept_bytes_max);
        Ok(Self {
            header,
            buffer,
            scratch: Fields::new(),
            state: State::Disconnected,
            numbers,
            heart_bt_int_ns: 0,
            waiting_since_ns: 0,
            last_sent_ns: 0,
            last_received_ns: 0,
            test_request_ns: None,
            gap: None,
            kept,
            kept_received_ns: None,
            replay: Replay::default(),
            counters: SessionCounters::default(),
            config,
        })
    }

    /// The configuration it was made with.
    #[must_use]
    pub const fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// Where the numbers stand.
    #[must_use]
    pub const fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> SessionCounters {
        self.counters
    }

    /// Whether the application may send and be sent to.
    #[must_use]
    pub fn is_logged_on(&self) -> bool {
        self.state == State::LoggedOn
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state != State::Disconnected
    }

    /// An operator sets the numbers, while there is no connection; false (and no change) if there
    /// is one.
    #[must_use]
    pub fn set_numbers<S: MessageStore>(&mut self, numbers: Numbers, store: &mut S) -> bool {
        if self.is_connected() {
            return false;
        }
        self.numbers = numbers;
        store.set_next_inbound(numbers.next_inbound);
        true
    }

    /// A connection is up. An initiator sends its Logon.
    pub fn on_connect<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        self.clear_connection();
        self.state = State::AwaitingLogon;
        self.waiting_since_ns = turn.now_ns;
        self.last_received_ns = turn.now_ns;
        self.last_sent_ns = turn.now_ns;
        if self.config.role == Role::Initiator {
            self.send_logon_request(turn);
        }
    }

    /// The connection is gone.
    pub fn on_disconnect<A: Actions>(&mut self, actions: &mut A) {
        let was_up = matches!(self.state, State::LoggedOn | State::LogoutSent);
        self.clear_connection();
        if was_up {
            actions.push(Action::LoggedOut);
        }
    }

    /// Bytes arrived that are no message. They are ignored and do not count: the next message
    /// shows the gap. Two exceptions: a first message that is garbled closes the connection, and
    /// so does, with a Logout, one longer than the bound.
    pub fn on_garbled<S: MessageStore, A: Actions>(
        &mut self,
        garbled: Garbled,
        turn: &mut Turn<'_, S, A>,
    ) {
        self.counters.garbled += 1;
        let is_too_long = matches!(garbled, Garbled::TooLong { .. });
        match self.state {
            State::AwaitingLogon => self.disconnect(DisconnectReason::LogonIdentity, turn),
            State::LoggedOn | State::LogoutSent if is_too_long => {
                self.close_with_logout(DisconnectReason::MessageTooLong, turn);
            }
            _ => {}
        }
    }

    /// Time has passed: heartbeats, TestRequest, deadlines.
    pub fn on_timer<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        let waited_ns = turn.now_ns.saturating_sub(self.waiting_since_ns);
        match self.state {
            State::Disconnected => {}
            State::AwaitingLogon if waited_ns >= self.config.logon_timeout_ns => {
                self.disconnect(DisconnectReason::LogonTimeout, turn);
            }
            State::LogoutSent if waited_ns >= self.config.logout_timeout_ns => {
                self.disconnect(DisconnectReason::LogoutTimeout, turn);
            }
            State::AwaitingLogon | State::LogoutSent => {}
            State::LoggedOn => {
                self.check_silence(turn);
                self.check_gap(turn);
                self.check_heartbeat(turn);
            }
        }
    }

    /// When [`Session::on_timer`] must be called next (UTC nanoseconds); `None`: not needed.
    #[must_use]
    pub fn next_timer_ns(&self) -> Option<u64> {
        match self.state {
            State::Disconnected => None,
            State::AwaitingLogon => {
                Some(self.waiting_since_ns.saturating_add(self.config.logon_timeout_ns))
            }
            State::LogoutSent => {
                Some(self.waiting_since_ns.saturating_add(self.config.logout_timeout_ns))
            }
            State::LoggedOn => {
                let gap = self
                    .gap
                    .map(|gap| gap.progress_ns.saturating_add(self.config.resend_timeout_ns));
                let interval = self.heart_bt_int_ns;
                let beat = (interval > 0).then(|| self.last_sent_ns.saturating_add(interval));
                let silent_since = self.test_request_ns.unwrap_or(self.last_received_ns);
                let silence =
                    (interval > 0).then(|| silent_since.saturating_add(self.patience_ns()));
                [gap, beat, silence].into_iter().flatten().min()
            }
        }
    }

    /// Takes the next message that was kept above a gap and is now due, into `buffer`; pass it to
    /// [`Session::on_message`] like one that has just arrived. False: nothing is due.
    ///
    /// `buffer` is swapped against one of the session's own, so nothing is copied.
    pub fn next_kept<S: MessageStore>(&mut self, store: &mut S, buffer: &mut Vec<u8>) -> bool {
        if self.state == State::Disconnected {
            return false;
        }
        loop {
            match self.kept.take(self.numbers.next_inbound, buffer) {
                Front::NotDue => return false,
                Front::PassedBy => self.counters.passed_by += 1,
                Front::Handled => {
                    let next = self.numbers.next_inbound.saturating_add(1);
                    self.move_next_inbound(next, self.last_received_ns, store);
                }
                Front::Due { received_ns } => {
                    self.kept_received_ns = Some(received_ns);
                    return true;
                }
            }
        }
    }

    /// 1.2 heartbeat intervals: the "reasonable transmission time" of FIX 4.4 Vol 2.
    fn patience_ns(&self) -> u64 {
        self.heart_bt_int_ns.saturating_add(self.heart_bt_int_ns / 5)
    }

    fn check_silence<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        if self.heart_bt_int_ns == 0 {
            return;
        }
        // A stalled owner must not close a session that was never asked: the second wait runs
        // from the TestRequest itself.
        let since = self.test_request_ns.unwrap_or(self.last_received_ns);
        if turn.now_ns.saturating_sub(since) < self.patience_ns() {
            return;
        }
        if self.test_request_ns.is_some() {
            self.close_with_logout(DisconnectReason::Silence, turn);
            return;
        }
        self.test_request_ns = Some(turn.now_ns);
        let test_req_id = turn.now_ns;
        self.send(msg_type::TEST_REQUEST, turn, |writer| {
            writer.u64(tags::TEST_REQ_ID, test_req_id);
        });
    }

    fn check_gap<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        let Some(gap) = self.gap.filter(|_| self.state == State::LoggedOn) else { return };
        if turn.now_ns.saturating_sub(gap.progress_ns) < self.config.resend_timeout_ns {
            return;
        }
        if gap.requests >= RESEND_REQUESTS_MAX {
            self.close_with_logout(DisconnectReason::ResendTimeout, turn);
        } else {
            self.send_resend_request(gap.through, gap.requests.saturating_add(1), turn);
        }
    }

    fn check_heartbeat<S: MessageStore, A: Actions>(&mut self, turn: &mut Turn<'_, S, A>) {
        let is_due = turn.now_ns.saturating_sub(self.last_sent_ns) >= self.heart_bt_int_ns;
        if self.state == State::LoggedOn && self.heart_bt_int_ns > 0 && is_due {
            self.send(msg_type::HEARTBEAT, turn, |_| {});
        }
    }

    /// Asks for everything from the expected number on, and remembers that it did.
    pub(crate) fn send_resend_request<S: MessageStore, A: Actions>(
        &mut self,
        through: u64,
        requests: u32,
        turn: &mut Turn<'_, S, A>,
    ) {
        self.gap = Some(Gap { through, progress_ns: turn.now_ns, requests });
        self.counters.resend_requests += 1;
        let begin_seq_no = self.numbers.next_inbound;
        self.send(msg_type::RESEND_REQUEST, turn, |writer| {
            writer.u64(tags::BEGIN_SEQ_NO, begin_seq_no).u64(tags::END_SEQ_NO, 0);
        });
    }

    pub(crate) fn move_next_inbound<S: MessageStore>(
        &mut self,
        next_inbound: u64,
        now_ns: u64,
        store: &mut S,
    ) {
        self.numbers.next_inbound = next_inbound;
        store.set_next_inbound(next_inbound);
        match &mut self.gap {
            Some(gap) if next_inbound > gap.through => self.gap = None,
            Some(gap) => gap.progress_ns = now_ns,
            None => {}
        }
    }

    pub(crate) fn set_heart_bt_int(&mut self, secs: u32) {
        self.heart_bt_int_ns = u64::from(secs).saturating_mul(SECOND_NS);
    }

    /// Both directions start again at 1.
    pub(crate) fn reset_numbers<S: MessageStore>(&mut self, store: &mut S) {
        store.reset();
        self.numbers = Numbers::default();
        self.gap = None;
        self.kept.clear();
        self.replay = Replay::default();
    }

    /// Says why in a Logout, then closes. A replay that is going on ends here: what it had not
    /// sent shows as a gap at the next Logon.
    pub(crate) fn close_with_logout<S: MessageStore, A: Actions>(
        &mut self,
        reason: DisconnectReason,
        turn: &mut Turn<'_, S, A>,
    ) {
        self.close_with_text(&reason.to_string(), reason, turn);
    }

    pub(crate) fn close_with_text<S: MessageStore, A: Actions>(
        &mut self,
        text: &str,
        reason: DisconnectReason,
        turn: &mut Turn<'_, S, A>,
    ) {
        self.replay = Replay::default();
        self.send(msg_type::LOGOUT, turn, |writer| {
            writer.text(tags::TEXT, text);
        });
        self.disconnect(reason, turn);
    }

    /// Closes without a word; a second call does nothing.
    pub(crate) fn disconnect<S, A: Actions>(
        &mut self,
        reason: DisconnectReason,
        turn: &mut Turn<'_, S, A>,
    ) {
        if self.state == State::Disconnected {
            return;
        }
        self.on_disconnect(turn.actions);
        turn.actions.push(Action::Disconnect(reason));
    }

    fn clear_connection(&mut self) {
        self.state = State::Disconnected;
        self.test_request_ns = None;
        self.gap = None;
        self.kept.clear();
        self.kept_received_ns = None;
        self.replay = Replay::default();
    }
}
