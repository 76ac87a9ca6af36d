//! Messages that arrived above a gap, kept in order of their numbers until the gap is filled.
//!
//! Bounded in messages and bytes. What does not fit is dropped and counted: it shows as a new gap
//! later and is asked for again. Memory of handled messages is used again.

use std::collections::VecDeque;

#[derive(Debug)]
struct Entry {
    msg_seq_num: u64,
    received_ns: u64,
    /// Empty: the message was handled when it arrived, only its number counts.
    bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Kept {
    entries: VecDeque<Entry>,
    spare: Vec<Vec<u8>>,
    bytes: usize,
    messages_max: usize,
    bytes_max: usize,
}

/// What stands at the front, compared with the next expected number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// Nothing is due.
    NotDue,
    /// The number has been passed by; the message is dropped.
    PassedBy,
    /// Due, and handled on arrival.
    Handled,
    /// Due; its bytes are in the buffer, and this is when it arrived.
    Due { received_ns: u64 },
}

impl Kept {
    pub(crate) const fn new(messages_max: usize, bytes_max: usize) -> Self {
        Self { entries: VecDeque::new(), spare: Vec::new(), bytes: 0, messages_max, bytes_max }
    }

    pub(crate) fn clear(&mut self) {
        while let Some(entry) = self.entries.pop_front() {
            self.recycle(entry.bytes);
        }
        self.bytes = 0;
    }

    /// Keeps a message; empty `bytes` for one that was handled. False if there is no room.
    pub(crate) fn keep(&mut self, msg_seq_num: u64, received_ns: u64, bytes: &[u8]) -> bool {
        let at = self.entries.partition_point(|entry| entry.msg_seq_num < msg_seq_num);
        if self.entries.get(at).is_some_and(|entry| entry.msg_seq_num == msg_seq_num) {
            return true;
        }
        let total = self.bytes.saturating_add(bytes.len());
        if self.entries.len() >= self.messages_max || total > self.bytes_max {
            return false;
        }
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        self.bytes = total;
        self.entries.insert(at, Entry { msg_seq_num, received_ns, bytes: copy });
        true
    }

    /// Takes the front off if its number is not above `next_inbound`.
    pub(crate) fn take(&mut self, next_inbound: u64, buffer: &mut Vec<u8>) -> Front {
        match self.entries.front() {
            Some(entry) if entry.msg_seq_num <= next_inbound => {}
            _ => return Front::NotDue,
        }
        let Some(mut entry) = self.entries.pop_front() else { return Front::NotDue };
        self.bytes = self.bytes.saturating_sub(entry.bytes.len());
        let front = if entry.bytes.is_empty() {
            if entry.msg_seq_num == next_inbound { Front::Handled } else { Front::NotDue }
        } else if entry.msg_seq_num < next_inbound {
            Front::PassedBy
        } else {
            core::mem::swap(buffer, &mut entry.bytes);
            Front::Due { received_ns: entry.received_ns }
        };
        self.recycle(entry.bytes);
        // A handled message that was passed by is no loss: look at the one behind it.
        if front == Front::NotDue { self.take(next_inbound, buffer) } else { front }
    }

    fn recycle(&mut self, bytes: Vec<u8>) {
        if bytes.capacity() > 0 && self.spare.len() < self.messages_max {
            self.spare.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_in_order_of_their_numbers() {
        let mut kept = Kept::new(8, 100);
        let mut buffer = Vec::new();
        for number in [7, 5, 6, 5] {
            assert!(kept.keep(number, number * 10, &[number as u8]));
        }
        assert_eq!(kept.take(4, &mut buffer), Front::NotDue);
        for number in 5..=7 {
            assert_eq!(kept.take(number, &mut buffer), Front::Due { received_ns: number * 10 });
            assert_eq!(buffer, [number as u8]);
        }
        assert_eq!(kept.take(8, &mut buffer), Front::NotDue);
    }

    #[test]
    fn what_is_over_a_bound_is_not_kept() {
        let mut kept = Kept::new(2, 5);
        assert!(kept.keep(2, 0, b"abc"));
        assert!(!kept.keep(3, 0, b"abc"));
        assert!(kept.keep(3, 0, b"ab"));
        assert!(!kept.keep(4, 0, b""));
        kept.clear();
        assert!(kept.keep(4, 0, b"abcde"));
    }

    #[test]
    fn what_was_passed_by_is_told_and_what_was_handled_is_not() {
        let mut kept = Kept::new(8, 100);
        let mut buffer = Vec::new();
        kept.keep(2, 0, b"");
        kept.keep(3, 0, b"x");
        kept.keep(5, 0, b"");
        assert_eq!(kept.take(5, &mut buffer), Front::PassedBy);
        assert_eq!(kept.take(5, &mut buffer), Front::Handled);
        assert_eq!(kept.take(6, &mut buffer), Front::NotDue);
    }
}
