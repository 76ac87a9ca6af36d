//! Timers that are due once, the earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Timers that wait at most.
const TIMERS_MAX: usize = 1_024;

/// Times and numbers; of two at one time the lower number comes first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Timers {
    /// False if there are too many.
    pub(crate) fn set(&mut self, number: u64, at_ns: u64) -> bool {
        let room = self.due.len() < TIMERS_MAX;
        if room {
            self.due.push(Reverse((at_ns, number)));
        }
        room
    }

    /// Takes one that is due: its number and its time.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<(u64, u64)> {
        let Reverse((at_ns, number)) = *self.due.peek()?;
        if at_ns > now_ns {
            return None;
        }
        self.due.pop();
        Some((number, at_ns))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// When the next one is due; never, without one.
    pub(crate) fn next_ns(&self) -> u64 {
        self.due.peek().map_or(u64::MAX, |Reverse((at_ns, _))| *at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::{TIMERS_MAX, Timers};

    #[test]
    fn timers_come_in_the_order_in_which_they_are_due() {
        let mut timers = Timers::default();
        assert!(timers.set(1, 30) && timers.set(2, 10) && timers.set(3, 20));
        assert_eq!((timers.next_ns(), timers.take(9)), (10, None));
        assert_eq!(timers.take(25), Some((2, 10)));
        assert_eq!(timers.take(25), Some((3, 20)));
        assert_eq!((timers.take(25), timers.take(30)), (None, Some((1, 30))));
        assert_eq!((timers.next_ns(), timers.is_empty()), (u64::MAX, true));
    }

    #[test]
    fn there_is_a_most() {
        let mut timers = Timers::default();
        assert!((0..TIMERS_MAX as u64).all(|number| timers.set(number, 1)));
        assert!(!timers.set(0, 1));
    }
}
