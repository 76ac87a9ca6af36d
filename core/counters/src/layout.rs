//! The bytes of a counters file, written down once.
//!
//! ```text
//! line 0  word 0 magic | 1 version | 2 layout hash | 3 words of the file | 4 entries
//!         word 5 first word of the entries | 6 first word of the text | 7 bytes of the text
//! line 1  word 8 pid of the writer | 9 its start, ns since the epoch | 10 its role, a text
//! line 2  word 16 alive: when the writer told its counters last, ns since the epoch
//! line 3  values, a word each; a histogram has lines of its own:
//!           word 0 sum of all, ns | 1 to BUCKETS how many lay in each bucket
//! then    entries, a line each:
//!           word 0 kind, and unit times 256 | 1 word of its value | 2 name | 3 labels | 4 help
//! then    text, UTF-8; a text is named by its first byte there, and its bytes times 2^32
//! ```
//!
//! A line is 64 bytes, a word 8, little endian. Labels are `name NUL value NUL`, as often as there
//! are labels. Line 2 and the values change, each word by one store of the one writer; all else is
//! written before the file has its name. A value is a u64; a gauge's is an i64. The writer holds
//! the file locked (flock, exclusive), so who can lock it shared knows that the writer has ended.
//!
//! Bucket 0 of a histogram counts what is at most [`FLOOR_NS`], the last one what is longer than
//! all bounds. Between them each doubling has [`STEPS`] buckets of equal width: a bucket's bounds
//! differ by at most a quarter, so a quantile that is read off them is wrong by less than 25 %,
//! and by less than 12 % if the middle is taken.

/// `"TLCOUNT1"` as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TLCOUNT1");
/// Version of this layout.
pub const VERSION: u64 = 1;

/// Words of a line.
pub const LINE: usize = 8;
/// Word of the writer's pid.
pub const PID: usize = 8;
/// Word of the writer's start.
pub const STARTED: usize = 9;
/// Word of the writer's role.
pub const ROLE: usize = 10;
/// Word of the writer's newest sign of life.
pub const ALIVE: usize = 16;
/// First word of the values.
pub const VALUES: usize = 24;
/// Words of an entry.
pub const ENTRY: usize = LINE;

/// Kind of a counter, which only rises.
pub const KIND_COUNTER: u64 = 1;
/// Kind of a gauge, signed.
pub const KIND_GAUGE: u64 = 2;
/// Kind of a histogram of times.
pub const KIND_HISTOGRAM: u64 = 3;
/// Unit of a plain number.
pub const UNIT_NONE: u64 = 0;
/// Unit of a time, ns.
pub const UNIT_NS: u64 = 1;

/// Upper bound of bucket 0, ns: a power of two.
pub const FLOOR_NS: u64 = 1 << FLOOR_BITS;
/// Buckets of each doubling: a power of two.
pub const STEPS: usize = 1 << STEP_BITS;
/// Upper bound of the last bucket that has one, ns: 17 seconds.
pub const CEILING_NS: u64 = 1 << (FLOOR_BITS as usize + DOUBLINGS);
/// Buckets of a histogram.
pub const BUCKETS: usize = DOUBLINGS * STEPS + 2;
/// Words of a histogram: whole lines.
pub const HISTOGRAM: usize = (1 + BUCKETS).next_multiple_of(LINE);

const FLOOR_BITS: u32 = 6;
const STEP_BITS: u32 = 2;
const DOUBLINGS: usize = 28;

const _: () = assert!(PID == LINE && ALIVE == 2 * LINE && VALUES == 3 * LINE && ENTRY == LINE);
const _: () = assert!(FLOOR_NS == 64 && STEPS == 4 && CEILING_NS == 1 << 34);
const _: () = assert!(BUCKETS == 114 && HISTOGRAM == 120);
const _: () = assert!(bucket_of(FLOOR_NS) == 0 && bucket_of(FLOOR_NS + 1) == 1);
const _: () = assert!(bucket_of(CEILING_NS) == BUCKETS - 2 && bucket_of(u64::MAX) == BUCKETS - 1);

/// Hash of everything that a reader relies on: FNV-1a over the numbers.
pub const LAYOUT_HASH: u64 = {
    let numbers = [
        VERSION,
        PID as u64,
        STARTED as u64,
        ROLE as u64,
        ALIVE as u64,
        VALUES as u64,
        ENTRY as u64,
        FLOOR_NS,
        STEPS as u64,
        BUCKETS as u64,
    ];
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < numbers.len() {
        hash = (hash ^ numbers[at]).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
};

/// The bucket that counts a time: upper bounds belong to their bucket.
#[inline]
#[must_use]
pub const fn bucket_of(ns: u64) -> usize {
    if ns <= FLOOR_NS {
        return 0;
    }
    let below = ns - 1;
    let doubling = below.ilog2();
    // The two bits behind the highest one: which quarter of the doubling.
    let step = (below >> (doubling - STEP_BITS)) as usize & (STEPS - 1);
    let bucket = (doubling - FLOOR_BITS) as usize * STEPS + step + 1;
    if bucket < BUCKETS { bucket } else { BUCKETS - 1 }
}

/// Upper bound of a bucket, ns; `None` for the last one, which has none.
#[must_use]
pub const fn bound_ns(bucket: usize) -> Option<u64> {
    if bucket == 0 {
        return Some(FLOOR_NS);
    }
    if bucket >= BUCKETS - 1 {
        return None;
    }
    let (doubling, step) = ((bucket - 1) / STEPS, (bucket - 1) % STEPS);
    Some((FLOOR_NS << doubling) / STEPS as u64 * (STEPS + step + 1) as u64)
}
