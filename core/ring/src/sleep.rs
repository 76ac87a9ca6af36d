//! Sleep and wake: who sleeps says so in the ring, who publishes looks.
//!
//! The danger is a consumer that sees nothing and goes to sleep while the producer publishes and
//! sees no sleeper. Both sides therefore store, fence, and load the other's word:
//!
//! ```text
//! consumer: sleeping := 1 | fence(SeqCst) | read published  -> empty: sleep
//! producer: published := n | fence(SeqCst) | read sleeping  -> 1: ring the bell
//! ```
//!
//! The two fences are in one total order, so at least one of the loads sees the other side's
//! store: the consumer stays awake, or the producer rings. `tests/loom.rs` checks it.

use crate::layout::sleeping;
use crate::sync::{AtomicU64, Ordering, fence};

/// Says that reader `reader` is about to sleep. The caller then looks at the cursor once more.
pub(crate) fn announce(words: &[AtomicU64], reader: usize) {
    words[sleeping(reader)].store(1, Ordering::Relaxed);
    fence(Ordering::SeqCst);
}

/// Takes the announcement back.
pub(crate) fn withdraw(words: &[AtomicU64], reader: usize) {
    words[sleeping(reader)].store(0, Ordering::Relaxed);
}

/// After a publish by a producer that may not write the reader's page: whether reader 0 sleeps. It
/// stays announced until the reader withdraws it, so each publish until then rings.
pub(crate) fn sleeps(words: &[AtomicU64]) -> bool {
    fence(Ordering::SeqCst);
    words[sleeping(0)].load(Ordering::Relaxed) != 0
}

/// After a publish: calls `ring` with each of the first `readers` readers that sleeps, once for
/// each sleep. One fence serves them all.
pub(crate) fn wake(words: &[AtomicU64], readers: usize, mut ring: impl FnMut(usize)) {
    fence(Ordering::SeqCst);
    for reader in 0..readers {
        let word = &words[sleeping(reader)];
        if word.load(Ordering::Relaxed) != 0 && word.swap(0, Ordering::Relaxed) != 0 {
            ring(reader);
        }
    }
}
