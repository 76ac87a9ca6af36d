//! Puts snapshots together from the packets of the snapshot channel.

use touchline_feed_codec::{Message, SnapshotOrder, SnapshotStart};

/// Orders of one snapshot at most; a longer one is refused.
const ORDERS_MAX: u32 = 1 << 24;

/// What a message of the snapshot channel led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet.
    Going,
    /// The snapshot is whole: [`Assembly::whole`] holds it until the next message.
    Whole,
    /// The message does not belong where it stands; what was gathered is gone.
    Refused,
}

/// The snapshot that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    next_sequence: Option<u64>,
    start: Option<SnapshotStart>,
    orders: Vec<SnapshotOrder>,
}

impl Assembly {
    /// Takes the sequence of a packet: `None` if it is there already, else how many before it are
    /// lost.
    pub(crate) fn sequence(&mut self, sequence: u64) -> Option<u64> {
        let next = self.next_sequence.unwrap_or(sequence);
        let lost = sequence.checked_sub(next)?;
        if lost > 0 {
            self.start = None;
        }
        self.next_sequence = Some(sequence.saturating_add(1));
        Some(lost)
    }

    /// Takes a message. `wanted` says whether the snapshot of an instrument is of use.
    pub(crate) fn take(
        &mut self,
        message: &Message,
        wanted: impl FnOnce(&SnapshotStart) -> bool,
    ) -> Step {
        match (message, &self.start) {
            (Message::SnapshotStart(start), None) => {
                self.orders.clear();
                self.start = Some(*start).filter(wanted);
                Step::Going
            }
            // The rest of a snapshot that is of no use, or whose start was lost.
            (Message::SnapshotOrder(_) | Message::SnapshotEnd(_), None) => Step::Going,
            (Message::SnapshotOrder(order), Some(start))
                if order.instrument_id == start.instrument_id
                    && self.orders.len() < start.order_count.min(ORDERS_MAX) as usize =>
            {
                self.orders.push(*order);
                Step::Going
            }
            (Message::SnapshotEnd(end), Some(start))
                if end.instrument_id == start.instrument_id
                    && end.last_sequence == start.last_sequence
                    && end.order_count == start.order_count
                    && self.orders.len() == end.order_count as usize =>
            {
                Step::Whole
            }
            _ => {
                self.start = None;
                Step::Refused
            }
        }
    }

    /// The snapshot, after [`Step::Whole`].
    pub(crate) fn whole(&mut self) -> Option<(SnapshotStart, &[SnapshotOrder])> {
        self.start.take().map(|start| (start, self.orders.as_slice()))
    }
}
