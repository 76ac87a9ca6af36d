//! Single producer, single consumer: the way of commands into the engine, and of sequenced commands
//! into the journal. Nothing is overwritten; a full ring refuses and counts.

use std::marker::PhantomData;

use crate::layout::{self, CONSUMED, KIND_SPSC, Memory, PUBLISHED, REFUSED, RingError};
use crate::sleep;
use crate::sync::{AtomicU64, Ordering};
use touchline_types::Record;

/// The writing end.
#[derive(Debug)]
pub struct SpscProducer<R, M> {
    memory: M,
    capacity: usize,
    /// Records written; published up to `published`.
    written: u64,
    published: u64,
    /// The consumer's cursor as last seen: re-read only when the ring looks full.
    consumed: u64,
    record: PhantomData<R>,
}

/// The reading end.
#[derive(Debug)]
pub struct SpscConsumer<R, M> {
    memory: M,
    capacity: usize,
    consumed: u64,
    /// The producer's cursor as last seen: re-read only when the ring looks empty.
    published: u64,
    record: PhantomData<R>,
}

/// The ring is full: the consumer is behind by its whole capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Makes a ring of `capacity` records (a power of two) in zeroed memory.
///
/// # Errors
///
/// [`RingError`] if the memory is too short or the capacity no power of two.
pub fn create<R: Record>(memory: &impl Memory, capacity: usize) -> Result<(), RingError> {
    layout::format::<R>(memory.words(), KIND_SPSC, capacity)
}

impl<R: Record, M: Memory> SpscProducer<R, M> {
    /// Takes the writing end of a ring, going on where the last producer stopped.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory is no SPSC ring of `R`.
    pub fn attach(memory: M) -> Result<Self, RingError> {
        let capacity = layout::check::<R>(memory.words(), KIND_SPSC)?;
        let written = memory.words()[PUBLISHED].load(Ordering::Acquire);
        let consumed = memory.words()[CONSUMED].load(Ordering::Acquire);
        Ok(Self { memory, capacity, written, published: written, consumed, record: PhantomData })
    }

    /// Writes a record that the consumer sees after the next [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// [`Full`]; the ring's counter of refusals rises.
    #[inline(always)]
    pub fn push(&mut self, record: &R) -> Result<(), Full> {
        if !self.surely_has_room() {
            self.look_for_room()?;
        }
        layout::store(self.memory.words(), self.written, self.capacity, record);
        self.written = self.written.wrapping_add(1);
        Ok(())
    }

    /// True if there is room for a record without a look at the consumer's cursor.
    #[inline(always)]
    #[must_use]
    pub fn surely_has_room(&self) -> bool {
        self.written.wrapping_sub(self.consumed) < self.capacity as u64
    }

    /// Records that were ever pushed, flushed or not.
    #[inline(always)]
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Reads the consumer's cursor again.
    #[cold]
    fn look_for_room(&mut self) -> Result<(), Full> {
        let words = self.memory.words();
        self.consumed = words[CONSUMED].load(Ordering::Acquire);
        if self.written.wrapping_sub(self.consumed) < self.capacity as u64 {
            return Ok(());
        }
        let refused = words[REFUSED].load(Ordering::Relaxed);
        words[REFUSED].store(refused.wrapping_add(1), Ordering::Relaxed);
        Err(Full)
    }

    /// Shows the consumer all that was pushed. `true` if it sleeps: ring its bell.
    #[inline]
    #[must_use]
    pub fn flush(&mut self) -> bool {
        if self.published == self.written {
            return false;
        }
        self.published = self.written;
        let words = self.memory.words();
        words[PUBLISHED].store(self.written, Ordering::Release);
        let mut sleeps = false;
        sleep::wake(words, 1, |_| sleeps = true);
        sleeps
    }

    /// [`flush`](Self::flush) for a producer that may only read the consumer's page.
    #[inline]
    #[must_use]
    pub fn flush_unowned(&mut self) -> bool {
        if self.published == self.written {
            return false;
        }
        self.published = self.written;
        let words = self.memory.words();
        words[PUBLISHED].store(self.written, Ordering::Release);
        sleep::sleeps(words)
    }

    /// Records that fit now, at least.
    #[must_use]
    pub fn room(&mut self) -> usize {
        self.consumed = self.memory.words()[CONSUMED].load(Ordering::Acquire);
        self.capacity - (self.written.wrapping_sub(self.consumed) as usize).min(self.capacity)
    }

    /// Records that the consumer has not taken yet, flushed or not; at most the capacity.
    #[must_use]
    pub fn depth(&self) -> u64 {
        let consumed = self.memory.words()[CONSUMED].load(Ordering::Acquire);
        self.written.wrapping_sub(consumed).min(self.capacity as u64)
    }
}

impl<R: Record, M: Memory> SpscConsumer<R, M> {
    /// Takes the reading end of a ring, going on where the last consumer stopped.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory is no SPSC ring of `R`.
    pub fn attach(memory: M) -> Result<Self, RingError> {
        let capacity = layout::check::<R>(memory.words(), KIND_SPSC)?;
        let consumed = memory.words()[CONSUMED].load(Ordering::Acquire);
        Ok(Self { memory, capacity, consumed, published: consumed, record: PhantomData })
    }

    /// The next record, or `None` when there is none. The slot is given back with the next
    /// [`release`](Self::release).
    ///
    /// # Errors
    ///
    /// [`RingError::Cursor`] when the producer's cursor is impossible, [`RingError::Record`] when
    /// the record is no value of its type; that record is skipped.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<R>, RingError> {
        if self.published == self.consumed {
            self.refresh()?;
            if self.published == self.consumed {
                return Ok(None);
            }
        }
        let block = layout::load::<R>(self.memory.words(), self.consumed, self.capacity);
        self.consumed = self.consumed.wrapping_add(1);
        R::read(&block[..R::BYTES]).map(Some).map_err(RingError::Record)
    }

    /// Gives the slots of all popped records back to the producer.
    #[inline]
    pub fn release(&mut self) {
        self.memory.words()[CONSUMED].store(self.consumed, Ordering::Release);
    }

    /// Announces sleep and looks once more: `true` if the ring is still empty.
    #[must_use]
    pub fn park(&mut self) -> bool {
        self.release();
        sleep::announce(self.memory.words(), 0);
        self.refresh().is_ok() && self.published == self.consumed
    }

    /// Takes the announcement back.
    pub fn unpark(&mut self) {
        sleep::withdraw(self.memory.words(), 0);
    }

    /// Records that wait.
    ///
    /// # Errors
    ///
    /// [`RingError::Cursor`] when the producer's cursor is impossible.
    pub fn depth(&mut self) -> Result<u64, RingError> {
        self.refresh()?;
        Ok(self.published.wrapping_sub(self.consumed))
    }

    /// Pushes that met a full ring, as the producer counts them.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.memory.words()[REFUSED].load(Ordering::Relaxed)
    }

    fn refresh(&mut self) -> Result<(), RingError> {
        let theirs = self.memory.words()[PUBLISHED].load(Ordering::Acquire);
        // Behind what it said before, or further ahead than the ring is long: broken or hostile.
        let ahead = theirs.wrapping_sub(self.consumed);
        if ahead > self.capacity as u64 || theirs.wrapping_sub(self.published) > ahead {
            return Err(RingError::Cursor { theirs, ours: self.consumed });
        }
        self.published = theirs;
        Ok(())
    }
}

/// Heap memory for a ring that stays inside one process, or for a test.
#[must_use]
pub fn heap(capacity: usize, record_bytes: usize) -> std::sync::Arc<Vec<AtomicU64>> {
    let words = layout::ring_bytes(capacity, record_bytes) / 8;
    std::sync::Arc::new((0..words).map(|_| AtomicU64::new(0)).collect())
}
