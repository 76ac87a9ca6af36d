//! Arbitration: one stream of incremental packets, in order, out of two lines.
//!
//! A packet that comes too early is held. What is missing is given up when both lines have gone
//! past it, or after a time; if it comes later all the same, it is handed out as late.

use std::collections::{BTreeMap, BTreeSet};

use touchline_feed_codec::Message;

/// Packets that are held at most; with more, what is missing is given up.
const HELD_MAX: usize = 4_096;
/// Packets given up that are remembered, to know them when they come late.
const MISSING_MAX: usize = 4_096;

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one: take it in, and then call [`Merge::accept`].
    Next,
    /// It was given up before: take it in.
    Late,
    /// It comes too early: [`Merge::hold`] it.
    Early,
    /// It is there already.
    Duplicate,
}

/// A run of packets given up as lost: from the first, up to and without the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// The state of arbitration in one session.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Next packet; `None` until anything has come.
    expected: Option<u64>,
    /// Of each line that exists, the packet after the newest that it has reached.
    reached: [Option<u64>; 2],
    held: BTreeMap<u64, Vec<Message>>,
    missing: BTreeSet<u64>,
    /// Some packets given up are not in `missing`.
    forgotten: bool,
    waiting_since: Option<u64>,
    wait_ns: u64,
}

impl Merge {
    pub(crate) fn new(has_b: bool, wait_ns: u64) -> Self {
        Self {
            expected: None,
            reached: [Some(0), has_b.then_some(0)],
            held: BTreeMap::new(),
            missing: BTreeSet::new(),
            forgotten: false,
            waiting_since: None,
            wait_ns,
        }
    }

    /// The next packet, if anything has come.
    pub(crate) const fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// True if every packet that was given up has come late, so that nothing is missing.
    pub(crate) fn is_whole(&self) -> bool {
        self.missing.is_empty() && !self.forgotten
    }

    /// Every book is right: packets that were given up do not matter any more.
    pub(crate) fn forgive(&mut self) {
        self.forgotten = false;
        self.missing.clear();
    }

    /// Judges packet `sequence` of line B or A.
    pub(crate) fn judge(&mut self, b: bool, sequence: u64) -> Verdict {
        self.reach(b, sequence.saturating_add(1));
        let expected = *self.expected.get_or_insert(sequence);
        if sequence == expected {
            Verdict::Next
        } else if sequence < expected {
            if self.missing.remove(&sequence) { Verdict::Late } else { Verdict::Duplicate }
        } else if self.held.contains_key(&sequence) {
            Verdict::Duplicate
        } else {
            Verdict::Early
        }
    }

    /// A heartbeat: `sequence` is the packet that will come next.
    pub(crate) fn heartbeat(&mut self, b: bool, sequence: u64) {
        self.reach(b, sequence);
        self.expected.get_or_insert(sequence);
    }

    fn reach(&mut self, b: bool, sequence: u64) {
        let reached = self.reached[usize::from(b)].get_or_insert(0);
        *reached = sequence.max(*reached);
    }

    /// The next packet was taken in.
    pub(crate) fn accept(&mut self) {
        self.expected = self.expected.map(|expected| expected.saturating_add(1));
        self.waiting_since = None;
    }

    /// Keeps an early packet.
    pub(crate) fn hold(&mut self, sequence: u64, messages: Vec<Message>) {
        self.held.insert(sequence, messages);
    }

    /// The next packet, if it is held.
    pub(crate) fn take_held(&mut self) -> Option<(u64, Vec<Message>)> {
        let expected = self.expected?;
        self.held.remove(&expected).map(|messages| (expected, messages))
    }

    /// Looks whether the next packet is missing, and gives it up when its time is over.
    pub(crate) fn give_up(&mut self, now_ns: u64) -> Option<Gap> {
        let from = self.expected?;
        let reached = self.reached.iter().flatten();
        let newest = reached.clone().max().copied().unwrap_or(0);
        if newest <= from {
            self.waiting_since = None;
            return None;
        }
        let since = *self.waiting_since.get_or_insert(now_ns);
        let passed_by_all = reached.into_iter().all(|reached| *reached > from);
        let waited = now_ns.saturating_sub(since) >= self.wait_ns;
        if !(passed_by_all || waited || self.held.len() >= HELD_MAX) {
            return None;
        }
        let to = self.held.first_key_value().map_or(newest, |(sequence, _)| *sequence);
        self.expected = Some(to);
        self.waiting_since = None;
        let room = (MISSING_MAX - self.missing.len()) as u64;
        self.forgotten |= to - from > room;
        self.missing.extend((from..to).take(MISSING_MAX - self.missing.len()));
        Some(Gap { from, to })
    }

    /// When [`give_up`](Self::give_up) must be called again.
    pub(crate) fn deadline_ns(&self) -> u64 {
        self.waiting_since.map_or(u64::MAX, |since| since.saturating_add(self.wait_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(merge: &mut Merge, b: bool, sequence: u64) -> Verdict {
        let verdict = merge.judge(b, sequence);
        match verdict {
            Verdict::Next => merge.accept(),
            Verdict::Early => merge.hold(sequence, Vec::new()),
            Verdict::Late | Verdict::Duplicate => {}
        }
        verdict
    }

    #[test]
    fn the_first_copy_wins_and_the_second_is_a_duplicate() {
        let mut merge = Merge::new(true, 1_000);
        assert_eq!(take(&mut merge, false, 5), Verdict::Next);
        assert_eq!(take(&mut merge, true, 5), Verdict::Duplicate);
        assert_eq!(take(&mut merge, true, 6), Verdict::Next);
        assert_eq!(take(&mut merge, false, 6), Verdict::Duplicate);
        assert_eq!(merge.give_up(0), None);
    }

    #[test]
    fn a_packet_lost_on_one_line_comes_from_the_other_without_a_gap() {
        let mut merge = Merge::new(true, 1_000);
        take(&mut merge, false, 1);
        assert_eq!(take(&mut merge, false, 3), Verdict::Early);
        assert_eq!(merge.give_up(10), None);
        take(&mut merge, true, 1);
        assert_eq!(take(&mut merge, true, 2), Verdict::Next);
        assert_eq!(merge.take_held().map(|(sequence, _)| sequence), Some(3));
    }

    #[test]
    fn a_packet_that_both_lines_passed_is_given_up_at_once() {
        let mut merge = Merge::new(true, 1_000);
        take(&mut merge, false, 1);
        take(&mut merge, false, 4);
        assert_eq!(merge.give_up(10), None);
        take(&mut merge, true, 4);
        assert_eq!(merge.give_up(10), Some(Gap { from: 2, to: 4 }));
        assert_eq!(merge.take_held().map(|(sequence, _)| sequence), Some(4));
        assert!(!merge.is_whole());
        assert_eq!(take(&mut merge, true, 2), Verdict::Late);
        assert_eq!(take(&mut merge, false, 2), Verdict::Duplicate);
        assert_eq!(take(&mut merge, true, 3), Verdict::Late);
        assert!(merge.is_whole());
    }

    #[test]
    fn with_one_line_silent_a_packet_is_given_up_after_a_time() {
        let mut merge = Merge::new(true, 1_000);
        take(&mut merge, false, 1);
        take(&mut merge, false, 3);
        assert_eq!(merge.give_up(10), None);
        assert_eq!(merge.deadline_ns(), 1_010);
        assert_eq!(merge.give_up(1_010), Some(Gap { from: 2, to: 3 }));
    }

    #[test]
    fn a_heartbeat_shows_that_the_last_packets_are_missing() {
        let mut merge = Merge::new(false, 1_000);
        take(&mut merge, false, 1);
        merge.heartbeat(false, 2);
        assert_eq!(merge.give_up(10), None);
        merge.heartbeat(false, 4);
        assert_eq!(merge.give_up(20), Some(Gap { from: 2, to: 4 }));
        assert_eq!(take(&mut merge, false, 4), Verdict::Next);
    }
}
