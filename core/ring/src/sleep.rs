//! Sleep and wake: who sleeps says so in the ring, who publishes looks.
//!
//! The danger is a consumer that sees nothing and goes to sleep while the producer publishes and sees
//! no sleeper. Both sides therefore store, fence, and load the other's word:
//!
//! ```text
//! consumer: sleeping := 1 | fence(SeqCst) | read published  -> empty: sleep
//! producer: published := n | fence(SeqCst) | read sleeping  -> 1: ring the bell
//! ```
//!
//! The two fences are in one total order, so at least one of the loads sees the other side's
//! store: the consumer stays awake, or the producer rings. `tests/loom.rs` checks this exhaustively.

use crate::layout::SLEEPING;
use crate::sync::{AtomicU64, Ordering, fence};

/// Says that reader `reader` is about to sleep. The caller then looks at the cursor once more.
pub(crate) fn announce(words: &[AtomicU64], reader: usize) {
    words[SLEEPING + 8 * reader].store(1, Ordering::Relaxed);
    fence(Ordering::SeqCst);
}

/// Takes the announcement back.
pub(crate) fn withdraw(words: &[AtomicU64], reader: usize) {
    words[SLEEPING + 8 * reader].store(0, Ordering::Relaxed);
}

/// After a publish: `true` if reader `reader` sleeps and the caller must ring its bell. Asked by one
/// producer, answered `true` once for each sleep.
pub(crate) fn must_ring(words: &[AtomicU64], reader: usize) -> bool {
    fence(Ordering::SeqCst);
    let word = &words[SLEEPING + 8 * reader];
    word.load(Ordering::Relaxed) != 0 && word.swap(0, Ordering::Relaxed) != 0
}
