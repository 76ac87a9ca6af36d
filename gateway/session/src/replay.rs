//! Answers to ResendRequests: application messages (and Rejects) again with PossDupFlag and the
//! same body, runs of session messages as one gap fill.
//!
//! A replay goes on in steps, as the connection has room. Live messages wait meanwhile in the
//! store and follow when it is over: nothing interleaves. A store need not keep session messages
//! (the gateway's does not), so these wait here as well. A request that comes during a replay is
//! served after it; several of them become one range that covers them all, which can only repeat
//! what a receiver drops as seen.

use std::collections::VecDeque;

use touchline_fix::{Message, WriteError, msg_type, tags};

use crate::action::{Action, Actions, DisconnectReason, Turn};
use crate::{MessageStore, Session};

#[derive(Debug, Clone, Copy)]
struct Range {
    next: u64,
    last: u64,
    /// First number of the current run that becomes a gap fill.
    run_start: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Replay {
    active: Option<Range>,
    waiting: Option<(u64, u64)>,
    /// First live message that has been stored and not handed out yet.
    held_from: Option<u64>,
    /// Session messages among those, by number.
    held: VecDeque<(u64, Vec<u8>)>,
    held_bytes: usize,
}

impl Replay {
    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some() || self.waiting.is_some() || self.held_from.is_some()
    }

    /// Remembers that a live message waits, and a session message itself, as long as no more than
    /// `bytes_max` wait: one that is not there when its turn comes is gap filled.
    pub(crate) fn hold(&mut self, msg_seq_num: u64, message: &[u8], bytes_max: usize) {
        self.held_from.get_or_insert(msg_seq_num);
        let held_bytes = self.held_bytes.saturating_add(message.len());
        if held_bytes <= bytes_max && !message.is_empty() {
            self.held_bytes = held_bytes;
            self.held.push_back((msg_seq_num, message.to_vec()));
        }
    }

    /// The session message with this number, if it waits here.
    fn take_held(&mut self, msg_seq_num: u64) -> Option<Vec<u8>> {
        let is_here = self.held.front().is_some_and(|(held, _)| *held == msg_seq_num);
        let (_, message) = if is_here { self.held.pop_front()? } else { return None };
        self.held_bytes = self.held_bytes.saturating_sub(message.len());
        Some(message)
    }

    fn request(&mut self, from: u64, last: u64) {
        self.waiting = Some(match self.waiting {
            Some((waiting_from, waiting_last)) => (waiting_from.min(from), waiting_last.max(last)),
            None => (from, last),
        });
    }
}

/// What one stored message becomes.
enum Stored {
    Again { len: usize },
    GapFill,
    Damaged,
}

impl Session {
    /// Whether [`Session::replay`] has something to send.
    #[must_use]
    pub fn has_replay(&self) -> bool {
        self.replay.is_active() && (self.is_logged_on() || self.is_logging_out())
    }

    /// Goes on with the answer to a ResendRequest, then with the live messages that waited for it;
    /// looks at `budget` stored messages at most. Returns at how many it looked.
    pub fn replay<S: MessageStore, A: Actions>(
        &mut self,
        budget: usize,
        turn: &mut Turn<'_, S, A>,
    ) -> usize {
        let mut work_count = 0;
        while work_count < budget && self.has_replay() {
            if let Some(range) = self.replay.active {
                self.replay_step(range, turn);
            } else if let Some((from, last)) = self.replay.waiting.take() {
                self.replay.active = Some(Range { next: from, last, run_start: None });
                continue;
            } else if let Some(held_from) = self.replay.held_from {
                self.send_held(held_from, turn);
            }
            work_count += 1;
        }
        work_count
    }

    /// Registers a valid request. What has not been handed out yet is not part of it.
    pub(crate) fn request_replay(&mut self, from: u64, last: u64) {
        self.replay.request(from, last);
    }

    /// The last number that the counterparty can know of.
    pub(crate) fn last_handed_out(&self) -> u64 {
        self.replay.held_from.unwrap_or(self.numbers.next_outbound).saturating_sub(1)
    }

    fn replay_step<S: MessageStore, A: Actions>(
        &mut self,
        range: Range,
        turn: &mut Turn<'_, S, A>,
    ) {
        let Range { next, last, run_start } = range;
        if next > last {
            self.replay.active = None;
            if let Some(start) = run_start {
                self.send_gap_fill(start, next, turn);
            }
            return;
        }
        let stored = self.compose_replay(next, turn);
        // The run must go out first; the message is looked at again after it.
        if let (Ok(Stored::Again { .. }), Some(start)) = (&stored, run_start) {
            self.replay.active = Some(Range { next, last, run_start: None });
            self.send_gap_fill(start, next, turn);
            return;
        }
        let mut run_start = run_start;
        match stored {
            Ok(Stored::Again { len }) => {
                self.counters.replayed += 1;
                self.hand_out(next, len, turn);
            }
            Ok(Stored::GapFill) => run_start = run_start.or(Some(next)),
            Ok(Stored::Damaged) | Err(_) => {
                self.counters.store_damaged += 1;
                run_start = run_start.or(Some(next));
            }
        }
        self.replay.active = Some(Range { next: next.saturating_add(1), last, run_start });
    }

    /// Writes stored message `msg_seq_num` again into the buffer, if it is one to be sent again.
    fn compose_replay<S: MessageStore, A: Actions>(
        &mut self,
        msg_seq_num: u64,
        turn: &mut Turn<'_, S, A>,
    ) -> Result<Stored, WriteError> {
        let Some(stored) = turn.store.get(msg_seq_num) else { return Ok(Stored::GapFill) };
        let Ok(message) = Message::parse(stored, &mut self.scratch) else {
            return Ok(Stored::Damaged);
        };
        let msg_type = message.msg_type();
        // FIX 4.4 Vol 2, ResendRequest: of the session messages only Reject may be sent again.
        if msg_type::is_session(msg_type) && msg_type != msg_type::REJECT {
            return Ok(Stored::GapFill);
        }
        let first_sent = message.get(tags::SENDING_TIME);
        let body = message.bytes_after(tags::SENDING_TIME);
        let (Some(first_sent), Some(body)) = (first_sent, body) else {
            return Ok(Stored::Damaged);
        };
        let mut writer = self.header.begin(&mut self.buffer, msg_type, msg_seq_num, turn.now_ns);
        writer
            .boolean(tags::POSS_DUP_FLAG, true)
            .bytes(tags::ORIG_SENDING_TIME, first_sent)
            .raw(body);
        writer.finish().map(|len| Stored::Again { len })
    }

    fn send_gap_fill<S: MessageStore, A: Actions>(
        &mut self,
        start: u64,
        new_seq_no: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        let now_ns = turn.now_ns;
        let mut writer =
            self.header.begin(&mut self.buffer, msg_type::SEQUENCE_RESET, start, now_ns);
        writer
            .boolean(tags::POSS_DUP_FLAG, true)
            .utc_timestamp(tags::ORIG_SENDING_TIME, now_ns)
            .boolean(tags::GAP_FILL_FLAG, true)
            .u64(tags::NEW_SEQ_NO, new_seq_no);
        match writer.finish() {
            Ok(len) => {
                self.counters.gap_filled += new_seq_no.saturating_sub(start);
                self.hand_out(start, len, turn);
            }
            Err(_) => self.disconnect(DisconnectReason::MessageTooLong, turn),
        }
    }

    fn hand_out<S, A: Actions>(&mut self, msg_seq_num: u64, len: usize, turn: &mut Turn<'_, S, A>) {
        let bytes = self.buffer.get(..len).unwrap_or(&[]);
        turn.actions.push(Action::Send { msg_seq_num, is_replay: true, bytes });
        self.counters.messages_out += 1;
        self.last_sent_ns = turn.now_ns;
    }

    /// Hands a waiting live message out for the first time, as it was written.
    fn send_held<S: MessageStore, A: Actions>(
        &mut self,
        msg_seq_num: u64,
        turn: &mut Turn<'_, S, A>,
    ) {
        let next = msg_seq_num.saturating_add(1);
        self.replay.held_from = (next < self.numbers.next_outbound).then_some(next);
        let held = self.replay.take_held(msg_seq_num);
        match held.as_deref().or_else(|| turn.store.get(msg_seq_num)) {
            Some(bytes) => {
                turn.actions.push(Action::Send { msg_seq_num, is_replay: false, bytes });
                self.counters.messages_out += 1;
                self.last_sent_ns = turn.now_ns;
            }
            None => {
                self.counters.store_damaged += 1;
                self.send_gap_fill(msg_seq_num, next, turn);
            }
        }
    }
}
