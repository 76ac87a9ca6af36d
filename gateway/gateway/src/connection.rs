//! One TCP connection: a bounded buffer of what came, a bounded queue of what is to go.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use touchline_session::{Action, Actions, DisconnectReason};

use crate::hops::HopTimes;

/// Bytes taken from one socket in one pass, at least: a few hundred orders.
const RECEIVE_BYTES: usize = 1 << 16;

/// Answers whose times wait for their bytes to leave, at most; more are not measured.
const MARKS_MAX: usize = 1 << 14;

/// What one attempt to read or write brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Io {
    /// So many bytes; 0: nothing now.
    Bytes(usize),
    /// The peer is gone.
    Gone,
}

/// Bytes that came and have not been read as messages yet.
#[derive(Debug)]
pub(crate) struct ReceiveBuffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl ReceiveBuffer {
    fn new(message_bytes_max: usize) -> Self {
        let bytes = vec![0; RECEIVE_BYTES.max(2 * message_bytes_max)].into_boxed_slice();
        Self { bytes, start: 0, end: 0 }
    }

    /// What has come.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Gives up the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    fn read(&mut self, stream: &mut TcpStream) -> Io {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        match stream.read(&mut self.bytes[self.end..]) {
            Ok(0) => Io::Gone,
            Ok(count) => {
                self.end += count;
                Io::Bytes(count)
            }
            Err(error) if is_later(&error) => Io::Bytes(0),
            Err(_) => Io::Gone,
        }
    }
}

/// Bytes that are to go, what a session said about its connection, and the times of the answers
/// among them.
#[derive(Debug)]
pub(crate) struct SendQueue {
    bytes: Vec<u8>,
    start: usize,
    bytes_max: usize,
    /// Bytes ever queued, and ever sent.
    queued: u64,
    sent: u64,
    marks: VecDeque<(u64, HopTimes)>,
    is_overrun: bool,
    disconnect: Option<DisconnectReason>,
}

impl SendQueue {
    /// An empty queue that holds `bytes_max` at most.
    #[must_use]
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(RECEIVE_BYTES.min(bytes_max)),
            start: 0,
            bytes_max,
            queued: 0,
            sent: 0,
            marks: VecDeque::new(),
            is_overrun: false,
            disconnect: None,
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub(crate) fn len_bytes(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Bytes ever queued.
    #[must_use]
    pub(crate) const fn queued(&self) -> u64 {
        self.queued
    }

    /// The peer did not read: something did not fit. What the queue holds is not sent any more.
    #[must_use]
    pub(crate) const fn is_overrun(&self) -> bool {
        self.is_overrun
    }

    /// Why the session wants the connection closed, if it does.
    #[must_use]
    pub(crate) const fn disconnect(&self) -> Option<DisconnectReason> {
        self.disconnect
    }

    /// The bytes queued last answer a command with these times.
    pub(crate) fn mark(&mut self, times: HopTimes) {
        if self.marks.len() < MARKS_MAX {
            self.marks.push_back((self.queued, times));
        }
    }

    /// Times of the next answer that has left whole.
    pub(crate) fn next_sent_mark(&mut self) -> Option<HopTimes> {
        match self.marks.front() {
            Some((end, _)) if *end <= self.sent => self.marks.pop_front().map(|(_, times)| times),
            _ => None,
        }
    }

    fn write(&mut self, stream: &mut TcpStream) -> Io {
        let mut total = 0;
        while self.start < self.bytes.len() {
            match stream.write(&self.bytes[self.start..]) {
                Ok(0) => return Io::Gone,
                Ok(count) => {
                    self.start += count;
                    self.sent += count as u64;
                    total += count;
                }
                Err(error) if is_later(&error) => break,
                Err(_) => return Io::Gone,
            }
        }
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > self.bytes_max / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        Io::Bytes(total)
    }
}

impl Actions for SendQueue {
    fn push(&mut self, action: Action<'_>) {
        match action {
            Action::Send { bytes, .. } => {
                if self.len_bytes() + bytes.len() > self.bytes_max {
                    self.is_overrun = true;
                } else if !self.is_overrun {
                    self.bytes.extend_from_slice(bytes);
                    self.queued += bytes.len() as u64;
                }
            }
            Action::LoggedOn | Action::LoggedOut => {}
            Action::Disconnect(reason) => self.disconnect = Some(reason),
        }
    }
}

/// A connection, of a session once its Logon has named one.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// What came.
    pub(crate) received: ReceiveBuffer,
    /// What is to go.
    pub(crate) queue: SendQueue,
    /// Index of its session.
    pub(crate) session: Option<usize>,
    /// When it was accepted.
    pub(crate) opened_ns: u64,
    /// Set when it only has its last bytes to send: when it is dropped at the latest.
    pub(crate) close_by_ns: Option<u64>,
    /// The poller waits for room to write.
    pub(crate) waits_for_room: bool,
    is_shut: bool,
}

impl Connection {
    /// Takes an accepted socket and makes it non-blocking and undelayed.
    ///
    /// # Errors
    ///
    /// What the system says to that.
    pub(crate) fn new(
        stream: TcpStream,
        message_bytes_max: usize,
        queue_bytes_max: usize,
        now_ns: u64,
    ) -> Result<Self, std::io::Error> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: ReceiveBuffer::new(message_bytes_max),
            queue: SendQueue::new(queue_bytes_max),
            session: None,
            opened_ns: now_ns,
            close_by_ns: None,
            waits_for_room: false,
            is_shut: false,
        })
    }

    /// Its descriptor.
    #[must_use]
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Reads what has come, as far as the buffer has room. A closing connection reads to forget.
    pub(crate) fn read(&mut self) -> Io {
        let read = self.received.read(&mut self.stream);
        if self.close_by_ns.is_some() {
            self.received.consume(usize::MAX);
        }
        read
    }

    /// Writes what waits, as far as the socket has room.
    pub(crate) fn write(&mut self) -> Io {
        let written = self.queue.write(&mut self.stream);
        if self.close_by_ns.is_some() && self.queue.len_bytes() == 0 && !self.is_shut {
            // The peer reads our last bytes before it sees the end; a socket dropped with unread
            // input would reset the connection and could take them away.
            self.is_shut = true;
            if self.stream.shutdown(Shutdown::Write).is_err() {
                return Io::Gone;
            }
        }
        written
    }
}

fn is_later(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
