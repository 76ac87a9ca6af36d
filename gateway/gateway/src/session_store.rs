//! The message store of one session: its log on disk, and the orders that are under way.
//!
//! An inbound message counts as taken in only when nothing can be lost with it. An order is safe
//! when its command has come back in a released record; so the log never claims a number beyond
//! the oldest order that has not. After a crash the client is asked for the rest, which was never
//! journaled, and it is executed once.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use touchline_fix::{SOH, msg_type};
use touchline_session::MessageStore;
use touchline_types::Command;

use crate::session_log::{LogError, Place, SessionLog};

/// Where MsgType(35) starts in what the codec writes: behind `8=FIX.4.4|9=000000|35=`.
const MSG_TYPE_START: usize = 22;

/// An order whose command was handed to the engine and has not come back.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    command: Command,
    /// Number of the message that carried it; `None` if that was before a reset of the numbers.
    msg_seq_num: Option<u64>,
}

/// Log, orders under way, and the first error that the session could not be told of.
#[derive(Debug)]
pub(crate) struct SessionStore {
    log: SessionLog,
    under_way: VecDeque<UnderWay>,
    /// The session's own next inbound number.
    next_inbound: u64,
    /// Newest token of a command of this session.
    newest_token: u64,
    message: Vec<u8>,
    error: Option<LogError>,
}

impl SessionStore {
    /// Opens the log at `path`.
    ///
    /// # Errors
    ///
    /// As [`SessionLog::open`].
    pub(crate) fn open(path: &Path) -> Result<Self, LogError> {
        let log = SessionLog::open(path)?;
        Ok(Self {
            next_inbound: log.next_in(),
            newest_token: log.reset_token(),
            log,
            under_way: VecDeque::with_capacity(1024),
            message: Vec::with_capacity(4096),
            error: None,
        })
    }

    /// The log.
    #[must_use]
    pub(crate) const fn log(&self) -> &SessionLog {
        &self.log
    }

    /// Orders under way.
    #[must_use]
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// A command of this session was handed to the engine under a token above all before.
    pub(crate) fn command_sent(&mut self, command: &Command) {
        self.newest_token = command.token;
        // A command that no message carried claims nothing.
        let msg_seq_num = Some(u64::from(command.msg_seq_num)).filter(|number| *number > 0);
        self.under_way.push_back(UnderWay { command: *command, msg_seq_num });
        self.claim();
    }

    /// Commands that have not come back, oldest first.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &Command> {
        self.under_way.iter().map(|order| &order.command)
    }

    /// A released record answers the command with this token. Commands of one session come back
    /// in order, so all before it are answered too.
    pub(crate) fn command_released(&mut self, token: u64) {
        while self.under_way.front().is_some_and(|order| order.command.token <= token) {
            self.under_way.pop_front();
        }
        self.claim();
    }

    /// A command of this session with this token stands in the journal.
    pub(crate) fn note_token(&mut self, token: u64) {
        self.newest_token = self.newest_token.max(token);
    }

    /// The newest event that the session was told.
    pub(crate) fn set_place(&mut self, place: Place) {
        self.log.set_place(place);
    }

    /// Whether [`write`](Self::write) has something to do.
    #[must_use]
    pub(crate) fn is_dirty(&self) -> bool {
        self.log.is_dirty() || self.error.is_some()
    }

    /// Writes what was kept; before that nothing of it may reach a socket.
    ///
    /// # Errors
    ///
    /// The first error since the last call, of whatever the session asked for.
    pub(crate) fn write(&mut self) -> Result<(), LogError> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.log.write(),
        }
    }

    /// As [`SessionLog::take_unsynced`].
    #[must_use]
    pub(crate) fn take_unsynced(&mut self) -> Option<Arc<File>> {
        self.log.take_unsynced()
    }

    fn claim(&mut self) {
        let oldest = self.under_way.iter().find_map(|order| order.msg_seq_num);
        self.log
            .set_next_in(oldest.map_or(self.next_inbound, |oldest| self.next_inbound.min(oldest)));
    }
}

impl MessageStore for SessionStore {
    fn append(&mut self, msg_seq_num: u64, message: &[u8]) {
        if is_sent_again(message) {
            self.log.keep(msg_seq_num, message);
        } else {
            self.log.use_number(msg_seq_num);
        }
    }

    fn get(&mut self, msg_seq_num: u64) -> Option<&[u8]> {
        match self.log.read(msg_seq_num, &mut self.message) {
            Ok(true) => Some(&self.message),
            Ok(false) => None,
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }

    fn set_next_inbound(&mut self, msg_seq_num: u64) {
        self.next_inbound = msg_seq_num;
        self.claim();
    }

    fn reset(&mut self) {
        if let Err(error) = self.log.reset(self.newest_token) {
            self.error.get_or_insert(error);
        }
        self.under_way.iter_mut().for_each(|order| order.msg_seq_num = None);
        self.next_inbound = 1;
    }
}

/// Of the session messages only Reject(3) is sent again (FIX 4.4 Vol 2, ResendRequest).
fn is_sent_again(message: &[u8]) -> bool {
    let text = message.get(MSG_TYPE_START..).unwrap_or(&[]);
    let len = text.iter().position(|byte| *byte == SOH).unwrap_or(0);
    let msg_type = &text[..len];
    !msg_type::is_session(msg_type) || msg_type == msg_type::REJECT
}
