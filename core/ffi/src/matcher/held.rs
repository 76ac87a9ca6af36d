//! The C ABI of a matcher as Rust calls it, with arrays of their own lengths: what its tests and
//! the fuzzer hold.

#[cfg(test)]
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use touchline_types::{Command, Event, EventKind};

use super::{
    TlInstrumentLimits, TlMatcher, TlMatcherBatch, TlMatcherCapacity, TlMatcherTotals,
    tl_matcher_apply, tl_matcher_free, tl_matcher_new, tl_matcher_state, tl_matcher_why,
};

const TEXT_BYTES: u64 = 200;

/// A matcher, freed when it is dropped.
#[derive(Debug)]
pub struct Held(*mut TlMatcher);

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: made by tl_matcher_new, freed once.
        unsafe { tl_matcher_free(self.0) };
    }
}

impl Held {
    /// `tl_matcher_new`.
    ///
    /// # Errors
    ///
    /// Its code and its text.
    pub fn new(
        instruments: &[TlInstrumentLimits],
        capacity: &TlMatcherCapacity,
    ) -> Result<Self, (i64, String)> {
        let (mut matcher, mut error) = (null_mut(), [0_u8; TEXT_BYTES as usize]);
        let (count, text) = (instruments.len() as u64, error.as_mut_ptr().cast());
        let (instruments, matcher_out) = (instruments.as_ptr(), &raw mut matcher);
        // SAFETY: arrays of their own lengths, and a place for the pointer.
        let code =
            unsafe { tl_matcher_new(instruments, count, capacity, matcher_out, text, TEXT_BYTES) };
        if code == 0 {
            return Ok(Self(matcher));
        }
        let text = String::from_utf8_lossy(&error).trim_end_matches('\0').to_owned();
        Err((code, text))
    }

    /// `tl_matcher_apply`, with room for so many events: what it did, its code, and the events.
    #[must_use]
    pub fn apply(
        &self,
        records: &[[u8; Command::BYTES]],
        room: usize,
    ) -> (TlMatcherBatch, i64, Vec<Event>) {
        let mut events = vec![Event::of(EventKind::Status); room];
        let mut batch = TlMatcherBatch::default();
        let (commands, count) = (records.as_ptr().cast(), records.len() as u64);
        let (out, room) = (events.as_mut_ptr(), room as u64);
        // SAFETY: arrays of their own lengths, and a place for the batch.
        let code = unsafe { tl_matcher_apply(self.0, commands, count, out, room, &raw mut batch) };
        events.truncate(batch.events as usize);
        (batch, code, events)
    }

    /// `tl_matcher_why`.
    #[must_use]
    pub fn why(&self) -> String {
        let mut out = [0_u8; TEXT_BYTES as usize];
        // SAFETY: an array of its own length.
        let length = unsafe { tl_matcher_why(self.0, out.as_mut_ptr().cast(), TEXT_BYTES) };
        String::from_utf8_lossy(&out[..length as usize]).into_owned()
    }

    /// `tl_matcher_state`.
    #[must_use]
    pub fn totals(&self) -> TlMatcherTotals {
        let mut totals = MaybeUninit::uninit();
        // SAFETY: a place of this function; it is filled when the result is 0, as it is for what is
        // not NULL.
        unsafe {
            assert_eq!(tl_matcher_state(self.0, totals.as_mut_ptr()), 0);
            totals.assume_init()
        }
    }

    /// One that is there already.
    #[cfg(test)]
    pub(super) fn of(matcher: touchline_matcher::OwnedMatcher) -> Self {
        let made = TlMatcher { matcher, waiting: VecDeque::new(), fault: None };
        Self(Box::into_raw(Box::new(made)))
    }

    /// The pointer, for what has no function here.
    #[cfg(test)]
    pub(super) const fn pointer(&self) -> *mut TlMatcher {
        self.0
    }
}
