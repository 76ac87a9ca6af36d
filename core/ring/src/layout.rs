//! The bytes of a ring, written down once.
//!
//! ```text
//! page 0  written once, when the ring is made
//!   word 0 magic | 1 version | 2 layout hash | 3 record bytes | 4 capacity, records | 5 kind
//! page 1  written by the producer alone
//!   word 512 published: records that may be read, counted from the start
//!   word 520 claimed: records that the producer may be writing; broadcast only
//!   word 528 refused: pushes that met a full ring; SPSC only
//! page 2  written by consumers alone (the producer takes a sleeping flag back)
//!   word 1024 consumed: records that the consumer has taken; broadcast: what reader 0 says it
//!             has read, where it says so
//!   word 1032 + 8 r  sleeping: 1 while reader r sleeps; SPSC has reader 0 only
//! page 3  records, `record bytes` each; record n lies at slot n % capacity
//! ```
//!
//! A page is 4,096 bytes, a word 8, little endian. The capacity is a power of two. Each cursor is
//! alone on its cache line, and on its page with cursors of the same writer: a process that may not
//! write a cursor need not be able to.
//!
//! The model checker keeps the history of every word: in its build a page and a line are short.

use crate::sync::{AtomicU64, Ordering};
#[cfg(not(loom))]
use touchline_prefetch::prefetch_to_write_at;
use touchline_types::{BadValue, Record};

/// `"TLRING01"` as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TLRING01");
/// Version of this layout.
pub const VERSION: u64 = 1;
/// Kind of a single producer/single consumer ring.
pub const KIND_SPSC: u64 = 1;
/// Kind of a broadcast ring.
pub const KIND_BROADCAST: u64 = 2;
/// Readers of a broadcast ring that may sleep.
pub const READERS_MAX: usize = if cfg!(loom) { 1 } else { 8 };
/// Largest record, bytes.
pub const RECORD_BYTES_MAX: usize = 256;

/// Words of a page, and of a cache line.
const PAGE: usize = if cfg!(loom) { 6 } else { 512 };
const LINE: usize = if cfg!(loom) { 1 } else { 8 };

pub(crate) const PUBLISHED: usize = PAGE;
pub(crate) const CLAIMED: usize = PAGE + LINE;
pub(crate) const REFUSED: usize = PAGE + 2 * LINE;
pub(crate) const CONSUMED: usize = 2 * PAGE;
pub(crate) const SLEEPING: usize = 2 * PAGE + LINE;
pub(crate) const RECORDS: usize = 3 * PAGE;

const _: () = assert!(cfg!(loom) || PUBLISHED == 512 && CLAIMED == 520 && REFUSED == 528);
const _: () = assert!(cfg!(loom) || CONSUMED == 1024 && SLEEPING == 1032 && RECORDS == 1536);
const _: () = assert!(SLEEPING + LINE * READERS_MAX <= RECORDS);

/// Where reader `reader` says that it sleeps.
pub(crate) const fn sleeping(reader: usize) -> usize {
    SLEEPING + LINE * reader
}

/// Hash of everything that a reader relies on, the records' own layout included: FNV-1a over the
/// numbers.
pub const LAYOUT_HASH: u64 = {
    let numbers = [
        touchline_types::LAYOUT_HASH,
        VERSION,
        PUBLISHED as u64,
        CLAIMED as u64,
        REFUSED as u64,
        CONSUMED as u64,
        SLEEPING as u64,
        RECORDS as u64,
        READERS_MAX as u64,
    ];
    hash(0xcbf2_9ce4_8422_2325, &numbers)
};

/// Goes on with a hash: FNV-1a over numbers.
pub(crate) const fn hash(mut hash: u64, numbers: &[u64]) -> u64 {
    let mut at = 0;
    while at < numbers.len() {
        hash = (hash ^ numbers[at]).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// Memory that a ring lies in.
pub trait Memory {
    /// All of it, as words.
    fn words(&self) -> &[AtomicU64];
}

#[cfg(not(loom))]
impl Memory for touchline_sys::SharedMap {
    fn words(&self) -> &[AtomicU64] {
        Self::words(self)
    }
}

impl Memory for Vec<AtomicU64> {
    fn words(&self) -> &[AtomicU64] {
        self
    }
}

impl<M: Memory + ?Sized> Memory for std::sync::Arc<M> {
    fn words(&self) -> &[AtomicU64] {
        (**self).words()
    }
}

/// What is wrong with a ring, or with a record in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// The memory is no ring of this layout: name of the field, what it holds, what it should hold.
    Layout {
        /// Field of page 0.
        field: &'static str,
        /// What was found.
        found: u64,
        /// What this build expects.
        expected: u64,
    },
    /// The memory is shorter than its header says.
    TooShort {
        /// Words that there are.
        words: usize,
        /// Words that the header asks for.
        needed: usize,
    },
    /// The capacity is not a power of two, or the reader number is too large.
    Argument {
        /// Which.
        name: &'static str,
        /// Its value.
        value: u64,
    },
    /// The other side's cursor is where it cannot be: it is broken, or lies.
    Cursor {
        /// The other side's cursor.
        theirs: u64,
        /// Ours.
        ours: u64,
    },
    /// The reader was overtaken and has moved on: it will not return this many records.
    Lapped {
        /// Records lost.
        lost: u64,
    },
    /// The record holds a value that its type does not know. It was skipped.
    Record(BadValue),
}

impl std::fmt::Display for RingError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Layout { field, found, expected } => {
                write!(out, "not a ring of this build: {field} is {found:#x}, not {expected:#x}")
            }
            Self::TooShort { words, needed } => {
                write!(out, "ring memory has {words} words, its header asks for {needed}")
            }
            Self::Argument { name, value } => write!(out, "{name} cannot be {value}"),
            Self::Cursor { theirs, ours } => {
                write!(out, "the other side's cursor {theirs} contradicts ours, {ours}")
            }
            Self::Lapped { lost } => write!(out, "lapped: {lost} records are gone"),
            Self::Record(bad) => write!(out, "bad record: {bad}"),
        }
    }
}

impl std::error::Error for RingError {}

/// Bytes of memory for a ring. No ring is longer than `usize::MAX`, which is what a capacity beyond
/// all memory gives.
#[must_use]
pub const fn ring_bytes(capacity: usize, record_bytes: usize) -> usize {
    capacity.saturating_mul(record_bytes).saturating_add(RECORDS * 8)
}

/// Writes page 0, its magic last: memory is a ring once it says so. The rest must be zero.
pub(crate) fn format<R: Record>(
    words: &[AtomicU64],
    kind: u64,
    capacity: usize,
) -> Result<(), RingError> {
    const { assert!(R::BYTES <= RECORD_BYTES_MAX && R::BYTES % 8 == 0 && R::BYTES > 0) };
    if !capacity.is_power_of_two() {
        return Err(RingError::Argument { name: "capacity", value: capacity as u64 });
    }
    let needed = ring_bytes(capacity, R::BYTES) / 8;
    if words.len() < needed {
        return Err(RingError::TooShort { words: words.len(), needed });
    }
    let header = [VERSION, LAYOUT_HASH, R::BYTES as u64, capacity as u64, kind];
    for (word, value) in words[1..].iter().zip(header) {
        word.store(value, Ordering::Relaxed);
    }
    words[0].store(MAGIC, Ordering::Release);
    Ok(())
}

/// Checks page 0 and returns the capacity.
pub(crate) fn check<R: Record>(words: &[AtomicU64], kind: u64) -> Result<usize, RingError> {
    if words.len() < RECORDS {
        return Err(RingError::TooShort { words: words.len(), needed: RECORDS });
    }
    let expected = [
        ("magic", MAGIC),
        ("version", VERSION),
        ("layout hash", LAYOUT_HASH),
        ("record bytes", R::BYTES as u64),
    ];
    for (at, (field, expected)) in expected.into_iter().enumerate() {
        let found = words[at].load(Ordering::Acquire);
        if found != expected {
            return Err(RingError::Layout { field, found, expected });
        }
    }
    let found = words[5].load(Ordering::Relaxed);
    if found != kind {
        return Err(RingError::Layout { field: "kind", found, expected: kind });
    }
    let value = words[4].load(Ordering::Relaxed);
    let capacity = usize::try_from(value).unwrap_or(0);
    if !capacity.is_power_of_two() {
        return Err(RingError::Argument { name: "capacity", value });
    }
    let needed = ring_bytes(capacity, R::BYTES) / 8;
    if words.len() < needed {
        return Err(RingError::TooShort { words: words.len(), needed });
    }
    Ok(capacity)
}

/// First word of record `position`.
#[inline]
const fn first_word<R: Record>(position: u64, capacity: usize) -> usize {
    let index = (position as usize) & (capacity - 1);
    RECORDS + index * (R::BYTES / 8)
}

/// Where record `position` lies.
#[inline]
fn slot<R: Record>(words: &[AtomicU64], position: u64, capacity: usize) -> &[AtomicU64] {
    let start = first_word::<R>(position, capacity);
    &words[start..start + R::BYTES / 8]
}

/// Records from one that is written to those whose slots are asked for: a reader on another
/// processor has their lines, and a write would wait until they are given up. The second time is
/// for lines that the reader's processor has taken back since: it reads ahead by itself.
#[cfg(not(loom))]
const AHEAD: [u64; 2] = [8, 2];

/// Asks for the slot of a record that will be written soon.
#[cfg(not(loom))]
#[inline]
fn ask<R: Record>(words: &[AtomicU64], position: u64, capacity: usize) {
    let start = first_word::<R>(position, capacity);
    (0..R::BYTES / 8).step_by(LINE).for_each(|at| prefetch_to_write_at(words, start + at));
}

/// Writes a record to its slot, word by word.
#[inline(always)]
pub(crate) fn store<R: Record>(words: &[AtomicU64], position: u64, capacity: usize, record: &R) {
    let mut block = [0_u8; RECORD_BYTES_MAX];
    record.write(&mut block[..R::BYTES]);
    let chunks = block[..R::BYTES].chunks_exact(8);
    for (word, bytes) in slot::<R>(words, position, capacity).iter().zip(chunks) {
        let mut value = [0; 8];
        value.copy_from_slice(bytes);
        word.store(u64::from_le_bytes(value), Ordering::Relaxed);
    }
    #[cfg(not(loom))]
    for ahead in AHEAD {
        ask::<R>(words, position.wrapping_add(ahead), capacity);
    }
}

/// Copies a record's bytes out of its slot. The copy may be torn: the caller checks a cursor
/// before it looks at it.
#[inline]
pub(crate) fn load<R: Record>(
    words: &[AtomicU64],
    position: u64,
    capacity: usize,
) -> [u8; RECORD_BYTES_MAX] {
    let mut block = [0_u8; RECORD_BYTES_MAX];
    let chunks = block[..R::BYTES].chunks_exact_mut(8);
    for (word, bytes) in slot::<R>(words, position, capacity).iter().zip(chunks) {
        bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    block
}
