//! Versions of a value in shared memory: one writer at a time, any number of readers, nobody waits.
//!
//! Two slots take turns: version v lies in slot v % 2, and one word says which version is the
//! newest. A writer fills the slot of the version before the newest, then moves the word on. So who
//! dies in the middle of a write leaves the newest version as it was, and a reader needs no even
//! and odd: its copy is whole if the word has not moved meanwhile, because until then nobody writes
//! to its slot. This is a seqlock (Boehm 2012, "Can Seqlocks Get Along With Programming Language
//! Memory Models?") whose unstable half is never the one that is read.
//!
//! What a hostile writer does to the words is for the reader of the value to see through.

use crate::sync::{AtomicU64, Ordering, fence};

/// Beyond this a version is a lie; the next writer begins with 1 again.
pub const VERSION_MAX: u64 = 1 << 62;

/// Where versions lie in a memory, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The word of the newest version; 0: there is none yet.
    pub newest: usize,
    /// The first word of slot 0.
    pub slots: usize,
    /// Words of a slot.
    pub slot_words: usize,
}

impl Versions {
    /// Words up to the end of the second slot.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.slot_words.saturating_mul(2).saturating_add(self.slots)
    }

    /// The newest version: one load. 0: there is none yet.
    #[inline]
    #[must_use]
    pub fn newest(&self, words: &[AtomicU64]) -> u64 {
        words[self.newest].load(Ordering::Acquire)
    }

    fn slot<'a>(&self, words: &'a [AtomicU64], version: u64) -> &'a [AtomicU64] {
        let start = self.slots + (version & 1) as usize * self.slot_words;
        &words[start..start + self.slot_words]
    }

    /// Lets `fill` write the next version, of which it is told the number, and publishes it.
    pub fn publish(&self, words: &[AtomicU64], fill: impl FnOnce(u64, &[AtomicU64])) -> u64 {
        let newest = words[self.newest].load(Ordering::Relaxed);
        let version = if newest < VERSION_MAX { newest + 1 } else { 1 };
        // Who sees a word of what follows, and then looks behind a fence of its own, sees that the
        // version which lay there is no longer the newest.
        fence(Ordering::Release);
        fill(version, self.slot(words, version));
        words[self.newest].store(version, Ordering::Release);
        version
    }

    /// The newest version and what `copy` took of its slot; `None` if the next one came meanwhile,
    /// and the copy may be torn. The caller knows that there is a version.
    pub fn read<T>(
        &self,
        words: &[AtomicU64],
        copy: impl FnOnce(&[AtomicU64]) -> T,
    ) -> Option<(u64, T)> {
        let version = words[self.newest].load(Ordering::Acquire);
        let taken = copy(self.slot(words, version));
        fence(Ordering::Acquire);
        let still = words[self.newest].load(Ordering::Relaxed);
        (still == version).then_some((version, taken))
    }
}
