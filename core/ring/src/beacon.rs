//! What an engine says of itself to agents in other processes: which engine made the rings that
//! stand at their paths, and how far it is. The memory outlives engines, so an agent that has
//! mapped it sees the next one; the rings are made anew by each.
//!
//! ```text
//! line 0  word 0 magic | 1 version
//! line 1  word 8 engine: rises by 2 with each engine; odd while it makes its rings
//!         word 9 replayed: newest command that it found in the journal, and goes on behind
//! line 2  word 16 sequenced: newest command that it has sequenced
//! line 3  word 24 durable: newest command that may be acknowledged, written by the journal's agent
//! ```
//!
//! A command ring's `consumed` rises only after `sequenced` has: who finds a ring empty and then
//! reads `sequenced` knows that all it held lies at or before that command.

use crate::layout::{Memory, RingError};
use crate::sync::{AtomicU64, Ordering};

/// `"TLBEACON"` as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TLBEACON");
/// Version of this layout.
pub const VERSION: u64 = 1;
/// Bytes of the memory.
pub const BEACON_BYTES: usize = 8 * WORDS;

const ENGINE: usize = 8;
const REPLAYED: usize = 9;
const SEQUENCED: usize = 16;
const DURABLE: usize = 24;
const WORDS: usize = 32;

/// The engine's end, and its journal's.
#[derive(Clone, Debug)]
pub struct BeaconWriter<M>(M);

/// Anybody's end: looks.
#[derive(Clone, Debug)]
pub struct Beacon<M>(M);

fn word<M: Memory>(memory: &M, at: usize) -> &AtomicU64 {
    &memory.words()[at]
}

impl<M: Memory> BeaconWriter<M> {
    /// Takes the memory over from the engine before, if there was one, and says that the rings at
    /// their paths are nobody's until [`stand`](Self::stand).
    ///
    /// # Errors
    ///
    /// [`RingError::TooShort`].
    pub fn take(memory: M) -> Result<Self, RingError> {
        let words = memory.words();
        if words.len() < WORDS {
            return Err(RingError::TooShort { words: words.len(), needed: WORDS });
        }
        if (words[0].load(Ordering::Acquire), words[1].load(Ordering::Relaxed)) != (MAGIC, VERSION)
        {
            words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        }
        let engine = words[ENGINE].load(Ordering::Relaxed);
        words[ENGINE].store(engine.wrapping_add(1) | 1, Ordering::SeqCst);
        words[1].store(VERSION, Ordering::Relaxed);
        words[0].store(MAGIC, Ordering::Release);
        Ok(Self(memory))
    }

    /// The rings stand; the engine goes on behind command `seq`, which is durable.
    pub fn stand(&self, seq: u64) {
        word(&self.0, REPLAYED).store(seq, Ordering::Relaxed);
        self.set_sequenced(seq);
        self.set_durable(seq);
        let engine = word(&self.0, ENGINE).load(Ordering::Relaxed);
        word(&self.0, ENGINE).store((engine | 1).wrapping_add(1), Ordering::SeqCst);
    }

    /// Command `seq` was sequenced.
    #[inline]
    pub fn set_sequenced(&self, seq: u64) {
        word(&self.0, SEQUENCED).store(seq, Ordering::Release);
    }

    /// Command `seq` may be acknowledged.
    #[inline]
    pub fn set_durable(&self, seq: u64) {
        word(&self.0, DURABLE).store(seq, Ordering::Release);
    }

    /// Newest command that may be acknowledged.
    #[inline]
    #[must_use]
    pub fn durable(&self) -> u64 {
        word(&self.0, DURABLE).load(Ordering::Acquire)
    }
}

impl<M: Memory> Beacon<M> {
    /// Looks at the memory of an engine.
    ///
    /// # Errors
    ///
    /// [`RingError`] if it is not one of this build.
    pub fn attach(memory: M) -> Result<Self, RingError> {
        let words = memory.words();
        if words.len() < WORDS {
            return Err(RingError::TooShort { words: words.len(), needed: WORDS });
        }
        for (at, field, expected) in [(0, "magic", MAGIC), (1, "version", VERSION)] {
            let found = words[at].load(Ordering::Acquire);
            if found != expected {
                return Err(RingError::Layout { field, found, expected });
            }
        }
        Ok(Self(memory))
    }

    /// Number of the engine whose rings stand at their paths; `None` while they are being made.
    /// An engine that has ended keeps its number until the next one starts. One load: asked at
    /// every turn.
    #[inline]
    #[must_use]
    pub fn engine(&self) -> Option<u64> {
        let engine = word(&self.0, ENGINE).load(Ordering::SeqCst);
        (engine != 0 && engine & 1 == 0).then_some(engine)
    }

    /// Newest command that the engine found in the journal when it started.
    #[must_use]
    pub fn replayed(&self) -> u64 {
        word(&self.0, REPLAYED).load(Ordering::Relaxed)
    }

    /// Newest command that was sequenced.
    #[must_use]
    pub fn sequenced(&self) -> u64 {
        word(&self.0, SEQUENCED).load(Ordering::Acquire)
    }

    /// Newest command that may be acknowledged. The journal holds it.
    #[must_use]
    pub fn durable(&self) -> u64 {
        word(&self.0, DURABLE).load(Ordering::Acquire)
    }
}
