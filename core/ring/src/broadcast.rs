//! Broadcast: the way of events out of the engine. The producer never waits; a reader that is
//! too slow is lapped, told so, and catches up from elsewhere.
//!
//! Before it writes a slot the producer raises `claimed` past it; after, it raises `published`. A
//! reader copies a record and then reads `claimed`: if the slot may have been claimed again
//! meanwhile, the copy is thrown away. This is a seqlock whose sequence is the pair of cursors:
//!
//! ```text
//! producer: claimed := n + 1 | fence(Release) | write slot | ... | published := n + 1 (Release)
//! reader:   published > n (Acquire) | copy slot | fence(Acquire) | claimed <= n + capacity
//! ```
//!
//! A copy that holds one word of a later lap has read it from behind the producer's fence, so the
//! read of `claimed` behind the reader's fence sees that lap's claim.

use std::marker::PhantomData;

use crate::layout::{
    self, CLAIMED, CONSUMED, KIND_BROADCAST, Memory, PUBLISHED, READERS_MAX, RingError,
};
use crate::sleep;
use crate::sync::{Ordering, fence};
use touchline_types::Record;

/// The writing end.
#[derive(Debug)]
pub struct BroadcastProducer<R, M> {
    memory: M,
    capacity: usize,
    written: u64,
    published: u64,
    /// What `claimed` says. It never goes back, so it can be ahead of `written` after a producer
    /// that ended between a push and its flush.
    claimed: u64,
    record: PhantomData<R>,
}

/// A reading end.
#[derive(Debug)]
pub struct BroadcastConsumer<R, M> {
    memory: M,
    capacity: usize,
    /// Next record to read.
    next: u64,
    published: u64,
    reader: usize,
    record: PhantomData<R>,
}

/// Makes a ring of `capacity` records (a power of two) in zeroed memory.
///
/// # Errors
///
/// [`RingError`] if the memory is too short or the capacity no power of two.
pub fn create<R: Record>(memory: &impl Memory, capacity: usize) -> Result<(), RingError> {
    layout::format::<R>(memory.words(), KIND_BROADCAST, capacity)
}

impl<R: Record, M: Memory> BroadcastProducer<R, M> {
    /// Takes the writing end of a ring, going on behind the last record that was published.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory is no broadcast ring of `R`.
    pub fn attach(memory: M) -> Result<Self, RingError> {
        let capacity = layout::check::<R>(memory.words(), KIND_BROADCAST)?;
        let written = memory.words()[PUBLISHED].load(Ordering::Acquire);
        let claimed = memory.words()[CLAIMED].load(Ordering::Acquire).max(written);
        Ok(Self { memory, capacity, written, published: written, claimed, record: PhantomData })
    }

    /// Writes a record that readers see after the next [`flush`](Self::flush).
    #[inline]
    pub fn push(&mut self, record: &R) {
        let words = self.memory.words();
        if self.claimed == self.written {
            self.claimed = self.claimed.wrapping_add(1);
            words[CLAIMED].store(self.claimed, Ordering::Relaxed);
        }
        // The claim, ours or our predecessor's, must be visible before the slot changes.
        fence(Ordering::Release);
        layout::store(words, self.written, self.capacity, record);
        self.written = self.written.wrapping_add(1);
    }

    /// Shows readers all that was pushed, and calls `ring` for each one that sleeps.
    #[inline]
    pub fn flush(&mut self, ring: impl FnMut(usize)) {
        if self.published == self.written {
            return;
        }
        self.published = self.written;
        let words = self.memory.words();
        words[PUBLISHED].store(self.written, Ordering::Release);
        sleep::wake(words, READERS_MAX, ring);
    }

    /// Calls `ring` if reader 0 sleeps, whether there was anything to show or not: for a reader
    /// that waits for several rings and says so in this one.
    pub fn wake(&self, mut ring: impl FnMut()) {
        sleep::wake(self.memory.words(), 1, |_| ring());
    }

    /// Records that reader 0 says it has read; it may lie.
    #[must_use]
    pub fn reader_position(&self) -> u64 {
        self.memory.words()[CONSUMED].load(Ordering::Relaxed)
    }

    /// Records written since the ring was made.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.written
    }
}

impl<R: Record, M: Memory> BroadcastConsumer<R, M> {
    /// Joins a ring as reader `reader` (its number for sleeping; no two readers share one), at
    /// the oldest record that is surely whole.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory is no broadcast ring of `R`, or the number is too large.
    pub fn attach(memory: M, reader: usize) -> Result<Self, RingError> {
        let capacity = layout::check::<R>(memory.words(), KIND_BROADCAST)?;
        if reader >= READERS_MAX {
            return Err(RingError::Argument { name: "reader", value: reader as u64 });
        }
        let published = memory.words()[PUBLISHED].load(Ordering::Acquire);
        let claimed = memory.words()[CLAIMED].load(Ordering::Relaxed);
        let next = claimed.max(published).saturating_sub(capacity as u64).min(published);
        Ok(Self { memory, capacity, next, published, reader, record: PhantomData })
    }

    /// Records that this reader has read or skipped since the ring was made.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Says in the ring how far this reader, number 0, has come; the producer may hold back what
    /// can wait.
    pub fn note_position(&self) {
        self.memory.words()[CONSUMED].store(self.next, Ordering::Relaxed);
    }

    /// The next record, or `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`RingError::Lapped`] when the producer has overtaken this reader, which then stands in the
    /// middle of the ring; [`RingError::Record`] when the record is no value of its type (it is
    /// skipped);
    /// [`RingError::Cursor`] when a cursor of the producer went back or contradicts the other.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<R>, RingError> {
        let words = self.memory.words();
        if self.next == self.published {
            let theirs = words[PUBLISHED].load(Ordering::Acquire);
            if theirs < self.published {
                return Err(RingError::Cursor { theirs, ours: self.published });
            }
            self.published = theirs;
            if self.next == theirs {
                return Ok(None);
            }
        }
        let block = layout::load::<R>(words, self.next, self.capacity);
        // The copy is whole if its slot was claimed for this lap, and not for the next one before
        // the copy ended: 1 <= claimed - next <= capacity.
        fence(Ordering::Acquire);
        let claimed = words[CLAIMED].load(Ordering::Relaxed);
        if claimed.wrapping_sub(self.next).wrapping_sub(1) >= self.capacity as u64 {
            return Err(self.lapped(claimed));
        }
        self.next += 1;
        R::read(&block[..R::BYTES]).map(Some).map_err(RingError::Record)
    }

    /// Moves to the middle of the ring, for near the end the producer would lap it again at once;
    /// never beyond what is published.
    #[cold]
    fn lapped(&mut self, claimed: u64) -> RingError {
        let published = self.memory.words()[PUBLISHED].load(Ordering::Acquire);
        if claimed <= self.next {
            return RingError::Cursor { theirs: claimed, ours: self.next };
        }
        if published < self.published {
            return RingError::Cursor { theirs: published, ours: self.published };
        }
        self.published = published;
        // The claim is more than a lap ahead, so half a lap before it is ahead of this reader; and
        // what is published is, too, for there was a record to read.
        let next = (claimed - (self.capacity as u64) / 2).min(published);
        let lost = next - self.next;
        self.next = next;
        RingError::Lapped { lost }
    }

    /// Announces sleep and looks once more: `true` if there is still nothing to read.
    #[must_use]
    pub fn park(&mut self) -> bool {
        sleep::announce(self.memory.words(), self.reader);
        self.memory.words()[PUBLISHED].load(Ordering::Acquire) == self.next
    }

    /// Takes the announcement back.
    pub fn unpark(&mut self) {
        sleep::withdraw(self.memory.words(), self.reader);
    }

    /// Records that wait.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.memory.words()[PUBLISHED].load(Ordering::Acquire).saturating_sub(self.next)
    }
}
