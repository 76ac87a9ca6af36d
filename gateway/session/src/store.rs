//! Where sent messages and the next expected number are kept.

/// Storage of one session. The session calls it before it hands a message out.
///
/// A store that fails (disk full) remembers its error; its owner looks for it before acting on
/// what the session handed out, and stops or closes the session.
pub trait MessageStore {
    /// Keeps a sent message. Numbers ascend; a number may be left out after an operator moved the
    /// next outbound number.
    fn append(&mut self, msg_seq_num: u64, message: &[u8]);

    /// The message as it was first sent; `None` if it is not kept (it is then gap filled).
    fn get(&mut self, msg_seq_num: u64) -> Option<&[u8]>;

    /// The next number expected from the counterparty: all below it were taken in.
    ///
    /// A gateway whose orders are durable only later writes no higher number down than its orders
    /// allow; after a restart the ordinary ResendRequest brings the rest.
    fn set_next_inbound(&mut self, msg_seq_num: u64);

    /// Both directions start again at 1; every kept message is dropped.
    fn reset(&mut self);
}

/// A store in memory, for tests and for simulated members.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    bytes: Vec<u8>,
    /// Start and end of message `n` at index `n - 1`; equal if it is not there.
    spans: Vec<(usize, usize)>,
    next_inbound: u64,
}

impl MemoryStore {
    /// An empty store: both directions start at 1.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), spans: Vec::new(), next_inbound: 1 }
    }

    /// The next number expected from the counterparty.
    #[must_use]
    pub const fn next_inbound(&self) -> u64 {
        self.next_inbound
    }

    /// The number after the last one kept.
    #[must_use]
    pub fn next_outbound(&self) -> u64 {
        self.spans.len() as u64 + 1
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MessageStore for MemoryStore {
    fn append(&mut self, msg_seq_num: u64, message: &[u8]) {
        let start = self.bytes.len();
        let Ok(index) = usize::try_from(msg_seq_num.saturating_sub(1)) else { return };
        self.bytes.extend_from_slice(message);
        if index >= self.spans.len() {
            self.spans.resize(index, (0, 0));
            self.spans.push((start, self.bytes.len()));
        } else if let Some(span) = self.spans.get_mut(index) {
            *span = (start, self.bytes.len());
        }
    }

    fn get(&mut self, msg_seq_num: u64) -> Option<&[u8]> {
        let index = usize::try_from(msg_seq_num.checked_sub(1)?).ok()?;
        let (start, end) = *self.spans.get(index)?;
        self.bytes.get(start..end).filter(|message| !message.is_empty())
    }

    fn set_next_inbound(&mut self, msg_seq_num: u64) {
        self.next_inbound = msg_seq_num;
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_by_its_number() {
        let mut store = MemoryStore::new();
        store.append(1, b"one");
        store.append(3, b"three");
        assert_eq!(store.get(0), None);
        assert_eq!(store.get(1), Some(&b"one"[..]));
        assert_eq!(store.get(2), None);
        assert_eq!(store.get(3), Some(&b"three"[..]));
        assert_eq!(store.get(4), None);
        assert_eq!(store.next_outbound(), 4);
    }

    #[test]
    fn a_reset_forgets_everything() {
        let mut store = MemoryStore::new();
        store.append(1, b"one");
        store.set_next_inbound(9);
        store.reset();
        assert_eq!(store.get(1), None);
        assert_eq!((store.next_inbound(), store.next_outbound()), (1, 1));
    }
}
