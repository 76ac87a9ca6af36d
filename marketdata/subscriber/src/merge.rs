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

/// Packets that a line may bring in another order and still be known to have brought, a power of 2.
const WINDOW_PACKETS: u64 = 4_096;

/// What one line has brought.
#[derive(Debug)]
struct Course {
    /// The packet after the newest that it has reached.
    reached: u64,
    /// The first packet that it brought.
    first: Option<u64>,
    /// Different packets that it brought.
    brought: u64,
    /// A bit for each of the newest packets up to `reached`: it came.
    window: Box<[u64; (WINDOW_PACKETS / 64) as usize]>,
}

impl Course {
    fn new() -> Self {
        Self {
            reached: 0,
            first: None,
            brought: 0,
            window: Box::new([0; (WINDOW_PACKETS / 64) as usize]),
        }
    }

    fn bit(&mut self, sequence: u64) -> (&mut u64, u64) {
        let at = sequence % WINDOW_PACKETS;
        (&mut self.window[(at / 64) as usize], 1 << (at % 64))
    }

    /// The line said that everything before `sequence` was sent.
    fn reach(&mut self, sequence: u64) {
        if sequence <= self.reached {
            return;
        }
        for skipped in self.reached.max(sequence.saturating_sub(WINDOW_PACKETS))..sequence {
            let (word, bit) = self.bit(skipped);
            *word &= !bit;
        }
        self.reached = sequence;
    }

    /// The line brought a packet.
    fn bring(&mut self, sequence: u64) {
        self.reach(sequence.saturating_add(1));
        if self.reached - sequence > WINDOW_PACKETS {
            return;
        }
        let (word, bit) = self.bit(sequence);
        let new = *word & bit == 0;
        *word |= bit;
        self.brought += u64::from(new);
        let first = self.first.get_or_insert(sequence);
        *first = sequence.min(*first);
    }

    /// Packets that it went past and did not bring.
    fn lost(&self) -> u64 {
        self.first.map_or(0, |first| (self.reached - first).saturating_sub(self.brought))
    }
}

/// The state of arbitration in one session.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Next packet; `None` until anything has come.
    expected: Option<u64>,
    /// Line A, and line B where it exists.
    courses: Vec<Course>,
    held: BTreeMap<u64, Vec<Message>>,
    missing: BTreeSet<u64>,
    /// Some packets given up are not in `missing`.
    forgotten: bool,
    /// Packets given up that have not come late.
    given_up: u64,
    waiting_since: Option<u64>,
    wait_ns: u64,
}

impl Merge {
    pub(crate) fn new(has_b: bool, wait_ns: u64) -> Self {
        Self {
            expected: None,
            courses: (0..=u8::from(has_b)).map(|_| Course::new()).collect(),
            held: BTreeMap::new(),
            missing: BTreeSet::new(),
            forgotten: false,
            given_up: 0,
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

    /// Packets that a line went past and did not bring.
    pub(crate) fn lost(&self, b: bool) -> u64 {
        self.courses.get(usize::from(b)).map_or(0, Course::lost)
    }

    /// Packets that came on one line only, where there are two.
    pub(crate) fn lost_on_one_line(&self) -> u64 {
        // A damaged sequence can make each of these as large as a number can be.
        let lost = self.lost(false).saturating_add(self.lost(true));
        lost.saturating_sub(self.given_up.saturating_mul(2))
    }

    /// Every book is right: packets that were given up do not matter any more.
    pub(crate) fn forgive(&mut self) {
        self.forgotten = false;
        self.missing.clear();
    }

    /// Judges packet `sequence` of line B or A.
    pub(crate) fn judge(&mut self, b: bool, sequence: u64) -> Verdict {
        if let Some(course) = self.courses.get_mut(usize::from(b)) {
            course.bring(sequence);
        }
        let expected = *self.expected.get_or_insert(sequence);
        if sequence == expected {
            Verdict::Next
        } else if sequence < expected {
            if self.missing.remove(&sequence) {
                self.given_up = self.given_up.saturating_sub(1);
                Verdict::Late
            } else {
                Verdict::Duplicate
            }
        } else if self.held.contains_key(&sequence) {
            Verdict::Duplicate
        } else {
            Verdict::Early
        }
    }

    /// A heartbeat: `sequence` is the packet that will come next.
    pub(crate) fn heartbeat(&mut self, b: bool, sequence: u64) {
        if let Some(course) = self.courses.get_mut(usize::from(b)) {
            course.reach(sequence);
        }
        self.expected.get_or_insert(sequence);
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
        let mut reached = self.courses.iter().map(|course| course.reached);
        let newest = reached.clone().max().unwrap_or(0);
        if newest <= from {
            self.waiting_since = None;
            return None;
        }
        let since = *self.waiting_since.get_or_insert(now_ns);
        let passed_by_all = reached.all(|reached| reached > from);
        let waited = now_ns.saturating_sub(since) >= self.wait_ns;
        if !(passed_by_all || waited || self.held.len() >= HELD_MAX) {
            return None;
        }
        let to = self.held.first_key_value().map_or(newest, |(sequence, _)| *sequence);
        self.expected = Some(to);
        self.given_up = self.given_up.saturating_add(to - from);
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
    fn what_a_line_went_past_and_did_not_bring_is_lost_there() {
        let mut merge = Merge::new(true, 1_000);
        for sequence in [10, 11, 14, 13, 13, 20_000] {
            take(&mut merge, false, sequence);
        }
        assert_eq!(merge.lost(false), 20_001 - 10 - 5);
        merge.heartbeat(false, 20_003);
        assert_eq!(merge.lost(false), 20_003 - 10 - 5);
        assert_eq!(merge.lost(true), 0);
    }

    #[test]
    fn a_sequence_as_large_as_can_be_overflows_no_count() {
        let mut merge = Merge::new(true, 1_000);
        take(&mut merge, false, 1);
        take(&mut merge, true, 1);
        take(&mut merge, false, u64::MAX);
        take(&mut merge, true, u64::MAX - 1);
        assert_eq!(merge.give_up(10), Some(Gap { from: 2, to: u64::MAX - 1 }));
        assert_eq!((merge.lost(false), merge.lost(true)), (u64::MAX - 3, u64::MAX - 3));
        assert_eq!(merge.lost_on_one_line(), 0);
        assert_eq!(merge.take_held().map(|(sequence, _)| sequence), Some(u64::MAX - 1));
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
