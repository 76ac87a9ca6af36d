//! State hashes of the newest commands, in a file that outlives the process: after a crash the
//! replayed state can be compared with what the engine had.
//!
//! Two words for each of the newest [`HASHES_KEPT`] commands, at `2 * (seq % HASHES_KEPT)`: seq,
//! hash. Behind them two more: the scheme of the hashes, and zero. Hashes of an engine of another
//! scheme are not compared: the same state has other ones.

use std::path::Path;
use std::sync::atomic::Ordering;

use touchline_matcher::STATE_HASH_SCHEME;
use touchline_sys::{SharedMap, SysError};

/// Commands whose hash is kept.
pub const HASHES_KEPT: u64 = 1 << 16;

/// Where the scheme is.
const SCHEME: usize = HASHES_KEPT as usize * 2;
const WORDS: usize = SCHEME + 2;

/// The file, mapped.
#[derive(Debug)]
pub struct StateHashes(SharedMap);

impl StateHashes {
    /// Makes an empty file.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn create(path: &Path) -> Result<Self, SysError> {
        let map = SharedMap::create(path, WORDS * 8)?;
        map.words()[SCHEME].store(STATE_HASH_SCHEME, Ordering::Release);
        Ok(Self(map))
    }

    /// Opens a file that an engine wrote.
    ///
    /// # Errors
    ///
    /// Whatever the system says; `INVAL` if the file is not of this length, or of another scheme.
    pub fn open(path: &Path) -> Result<Self, SysError> {
        let map = SharedMap::open(path, false)?;
        let scheme = map.words().get(SCHEME).map(|word| word.load(Ordering::Acquire));
        if map.words().len() == WORDS && scheme == Some(STATE_HASH_SCHEME) {
            return Ok(Self(map));
        }
        let on = path.display().to_string();
        Err(SysError { call: "map", on, errno: touchline_sys::Errno::INVAL })
    }

    /// Notes the hash after command `seq`.
    #[inline]
    pub(crate) fn note(&self, seq: u64, hash: u64) {
        let at = 2 * (seq % HASHES_KEPT) as usize;
        if let [seq_word, hash_word] = &self.0.words()[at..at + 2] {
            hash_word.store(hash, Ordering::Relaxed);
            seq_word.store(seq, Ordering::Release);
        }
    }

    /// The hash after command `seq`, if it is still kept.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<u64> {
        let at = 2 * (seq % HASHES_KEPT) as usize;
        match &self.0.words()[at..at + 2] {
            [seq_word, hash_word] if seq_word.load(Ordering::Acquire) == seq => {
                Some(hash_word.load(Ordering::Relaxed))
            }
            _ => None,
        }
    }
}
