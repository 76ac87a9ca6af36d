//! The targets of one strategy: which position of each instrument somebody else, an optimiser or a
//! person, wants it to have, and until when. Versioned, expiring, in memory of its own.
//!
//! ```text
//! line 0  word 0 magic | 1 version of the layout | 2 layout hash | 3 rows that there is room for
//! line 1  word 8 the newest version of the targets; 0: there is none yet
//! word 16 two slots; version v lies in slot v % 2 (see `crate::versions`):
//!         word 0 version | 1 published, ns | 2 expires, ns | 3 rows | 4 to 7 source, UTF-8, zeros
//!         behind it | 8 checksum | 9 to 15 zero | 16 rows of four words
//! row     word 0 instrument | 1 position, lots, signed | 2 weight, a double, NaN: none said
//!         | 3 price, price units, the lowest int64: none said
//! ```
//!
//! A word is 8 bytes, little endian; times are UTC since the epoch. Rows stand in the order of
//! their instruments, each at most once; an instrument without a row has no target.
//!
//! The engine makes the memory and never looks at it again. Whoever writes is trusted with nothing:
//! a reader copies, checks every field and the checksum, and keeps what it has where one is wrong.

use crate::layout::{Memory, RingError};
use crate::sync::{AtomicU64, Ordering};
use crate::versions::{VERSION_MAX, Versions};

/// `"TLTARGET"` as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TLTARGET");
/// Version of this layout.
pub const VERSION: u64 = 1;
/// Longest name of a source, bytes.
pub const SOURCE_BYTES_MAX: usize = 32;
/// Largest position either way, lots: that of the limits.
pub const POSITION_MAX: i64 = 1 << 40;
/// Longest time from publication to expiry, ns: 31 days.
pub const VALID_NS_MAX: u64 = 31 * 86_400 * 1_000_000_000;
/// `price` of a row without one.
pub const NO_PRICE: i64 = i64::MIN;

const ROOM: usize = 3;
const NEWEST: usize = 8;
const SLOTS: usize = 16;
/// Words of a slot, before its rows.
const HEAD: usize = 16;
const SOURCE: usize = 4;
const CHECKSUM: usize = 8;
const ROW: usize = 4;
/// How often a reader tries before it gives up for now: the next version must have come each time.
const TRIES: usize = 4;
/// The memory is a whole number of pages.
const PAGE_BYTES: usize = 4096;

const _: () = assert!(SOURCE + SOURCE_BYTES_MAX / 8 <= CHECKSUM && CHECKSUM < HEAD);
const _: () = assert!(NEWEST.is_multiple_of(8) && SLOTS.is_multiple_of(8) && NEWEST < SLOTS);
const _: () = assert!(HEAD.is_multiple_of(8));
const _: () = assert!(size_of::<Target>() == ROW * 8);
const _: () = assert!(std::mem::offset_of!(Target, instrument_id) == 24);

/// Hash of everything that both sides rely on: FNV-1a over the numbers.
pub const LAYOUT_HASH: u64 = {
    let numbers = [ROOM, NEWEST, SLOTS, HEAD, SOURCE, SOURCE_BYTES_MAX, CHECKSUM, ROW];
    let mut hash = (FNV_OFFSET ^ VERSION).wrapping_mul(FNV_PRIME);
    let mut at = 0;
    while at < numbers.len() {
        hash = (hash ^ numbers[at] as u64).wrapping_mul(FNV_PRIME);
        at += 1;
    }
    hash
};
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Where one strategy should be in one instrument; `tl_target` of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Target {
    /// Bought less sold, lots.
    pub position: i64,
    /// Share of the portfolio that it stands for; NaN: none said.
    pub weight: f64,
    /// What the position was made from, price units; [`NO_PRICE`]: none said.
    pub price: i64,
    /// Number of the instrument.
    pub instrument_id: u32,
    /// Zero.
    pub reserved: u32,
}

/// One version of the targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// From 1, rising; the writer's are numbered when they are published.
    pub version: u64,
    /// When they were made, ns.
    pub published_time: u64,
    /// From when on they do not count any more, ns.
    pub expires_time: u64,
    /// Who made them: at most [`SOURCE_BYTES_MAX`] bytes.
    pub source: String,
    /// In the order of their instruments.
    pub rows: Vec<Target>,
}

/// What is wrong with targets.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetsError {
    /// The next version came at every look.
    Busy,
    /// The slot of a version holds another one, or no version has such a number.
    Version {
        /// Version that should be there.
        newest: u64,
        /// Version that is there.
        found: u64,
    },
    /// More rows than there is room for.
    Rows {
        /// How many.
        count: u64,
        /// Most.
        room: usize,
    },
    /// What was written is not what is there.
    Checksum {
        /// What the slot says.
        said: u64,
        /// What it is.
        found: u64,
    },
    /// No such instrument, or it is not in the order of the instruments.
    Instrument(u64),
    /// A position beyond what the strategy may have: instrument, position, most.
    Position(u32, i64, i64),
    /// A weight that is infinite: instrument.
    Weight(u32),
    /// Expiry before publication, or longer after it than may be.
    Times {
        /// When they were made, ns.
        published: u64,
        /// When they expire, ns.
        expires: u64,
    },
    /// A source that is no text, or too long.
    Source,
}

impl std::fmt::Display for TargetsError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => write!(out, "targets change too fast to be read"),
            Self::Version { newest, found } => {
                write!(out, "targets: the newest version is {newest}, its slot holds {found}")
            }
            Self::Rows { count, room } => {
                write!(out, "targets: {count} rows, there is room for {room}")
            }
            Self::Checksum { said, found } => {
                write!(out, "targets: checksum {said:#x}, what is there has {found:#x}")
            }
            Self::Instrument(id) => {
                write!(out, "targets: instrument {id} does not exist, or is not in its order")
            }
            Self::Position(id, position, most) => {
                write!(out, "targets: position {position} of instrument {id} is beyond {most} lots")
            }
            Self::Weight(id) => write!(out, "targets: the weight of instrument {id} is infinite"),
            Self::Times { published, expires } => write!(
                out,
                "targets: made at {published}, expired at {expires}: not later, or over 31 days"
            ),
            Self::Source => write!(
                out,
                "targets: the source is no text of 1 to {SOURCE_BYTES_MAX} bytes without NUL"
            ),
        }
    }
}

impl std::error::Error for TargetsError {}

/// What targets of a strategy may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Instruments of the venue: their numbers are 1 to this.
    pub instruments: u32,
    /// Largest position either way, lots.
    pub max_position: i64,
}

impl Targets {
    /// Whether they can be the targets of a strategy.
    ///
    /// # Errors
    ///
    /// [`TargetsError`]: the first thing that cannot be.
    pub fn check(&self, bounds: Bounds) -> Result<(), TargetsError> {
        let (published, expires) = (self.published_time, self.expires_time);
        if expires < published || expires - published > VALID_NS_MAX {
            return Err(TargetsError::Times { published, expires });
        }
        let len = self.source.len();
        if len == 0 || len > SOURCE_BYTES_MAX || self.source.contains('\0') {
            return Err(TargetsError::Source);
        }
        let most = bounds.max_position.min(POSITION_MAX);
        let mut before = 0;
        for row in &self.rows {
            let id = row.instrument_id;
            if id <= before || id > bounds.instruments {
                return Err(TargetsError::Instrument(u64::from(id)));
            }
            if row.position.unsigned_abs() > most.unsigned_abs() {
                return Err(TargetsError::Position(id, row.position, most));
            }
            if row.weight.is_infinite() {
                return Err(TargetsError::Weight(id));
            }
            before = id;
        }
        Ok(())
    }
}

const fn versions(room: usize) -> Versions {
    Versions {
        newest: NEWEST,
        slots: SLOTS,
        slot_words: room.saturating_mul(ROW).saturating_add(HEAD),
    }
}

/// Bytes of memory with room for so many rows: whole pages.
#[must_use]
pub const fn targets_bytes(room: usize) -> usize {
    versions(room).words().saturating_mul(8).next_multiple_of(PAGE_BYTES)
}

/// The end of whoever makes targets.
#[derive(Debug)]
pub struct TargetsWriter<M> {
    memory: M,
    room: usize,
}

/// The strategy's end, and that of whoever looks.
#[derive(Debug)]
pub struct TargetsReader<M> {
    memory: M,
    room: usize,
}

impl<M: Memory> TargetsWriter<M> {
    /// Takes the memory over from the writer before, with what it holds; fresh memory, and a header
    /// that somebody has spoilt, are made right. There is room for `room` rows.
    ///
    /// # Errors
    ///
    /// [`RingError::TooShort`].
    pub fn take(memory: M, room: usize) -> Result<Self, RingError> {
        let words = memory.words();
        let needed = versions(room).words();
        if words.len() < needed {
            return Err(RingError::TooShort { words: words.len(), needed });
        }
        words[1].store(VERSION, Ordering::Relaxed);
        words[2].store(LAYOUT_HASH, Ordering::Relaxed);
        words[ROOM].store(room as u64, Ordering::Relaxed);
        words[0].store(MAGIC, Ordering::Release);
        Ok(Self { memory, room })
    }

    /// Publishes targets and returns their version; `targets.version` is not looked at.
    ///
    /// # Errors
    ///
    /// [`TargetsError`]; nothing was published.
    pub fn publish(&self, targets: &Targets, bounds: Bounds) -> Result<u64, TargetsError> {
        targets.check(bounds)?;
        if targets.rows.len() > self.room {
            return Err(TargetsError::Rows { count: targets.rows.len() as u64, room: self.room });
        }
        Ok(versions(self.room).publish(self.memory.words(), |version, slot| {
            fill(targets, version, slot);
        }))
    }
}

fn fill(targets: &Targets, version: u64, slot: &[AtomicU64]) {
    let mut head = [0_u64; HEAD];
    head[..SOURCE].copy_from_slice(&[
        version,
        targets.published_time,
        targets.expires_time,
        targets.rows.len() as u64,
    ]);
    for (word, bytes) in head[SOURCE..CHECKSUM].iter_mut().zip(targets.source.as_bytes().chunks(8))
    {
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(value);
    }
    let rows: Vec<[u64; ROW]> = targets.rows.iter().map(row_words).collect();
    head[CHECKSUM] = checksum(&head, &rows);
    for (word, value) in slot.iter().zip(head.iter().chain(rows.as_flattened())) {
        word.store(*value, Ordering::Relaxed);
    }
}

const fn row_words(row: &Target) -> [u64; ROW] {
    let position = row.position.cast_unsigned();
    [row.instrument_id as u64, position, row.weight.to_bits(), row.price.cast_unsigned()]
}

/// FNV-1a over the words of a slot, but for the checksum's own.
fn checksum(head: &[u64; HEAD], rows: &[[u64; ROW]]) -> u64 {
    let head = head.iter().enumerate().filter(|(at, _)| *at != CHECKSUM).map(|(_, word)| word);
    let step = |hash: u64, word: &u64| (hash ^ word).wrapping_mul(FNV_PRIME);
    head.chain(rows.as_flattened()).fold(FNV_OFFSET, step)
}

impl<M: Memory> TargetsReader<M> {
    /// Looks at the memory of targets.
    ///
    /// # Errors
    ///
    /// [`RingError`] if it is not one of this build.
    pub fn attach(memory: M) -> Result<Self, RingError> {
        let words = memory.words();
        if words.len() < SLOTS {
            return Err(RingError::TooShort { words: words.len(), needed: SLOTS });
        }
        let expected = [("magic", MAGIC), ("version", VERSION), ("layout hash", LAYOUT_HASH)];
        for (at, (field, expected)) in expected.into_iter().enumerate() {
            let found = words[at].load(Ordering::Acquire);
            if found != expected {
                return Err(RingError::Layout { field, found, expected });
            }
        }
        let room = usize::try_from(words[ROOM].load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let needed = versions(room).words();
        if words.len() < needed {
            return Err(RingError::TooShort { words: words.len(), needed });
        }
        Ok(Self { memory, room })
    }

    /// The newest version: one load, for a look at every turn. 0: there is none yet.
    #[inline]
    #[must_use]
    pub fn newest(&self) -> u64 {
        versions(self.room).newest(self.memory.words())
    }

    /// A copy of the newest version, whole; `None`: there is none yet.
    ///
    /// # Errors
    ///
    /// [`TargetsError`] for what is no version of a writer that keeps the rules, and `Busy` where
    /// the next one came while this one was copied, four times over.
    pub fn read(&self, bounds: Bounds) -> Result<Option<Targets>, TargetsError> {
        let (place, words) = (versions(self.room), self.memory.words());
        for _ in 0..TRIES {
            if place.newest(words) == 0 {
                return Ok(None);
            }
            if let Some((newest, (head, rows))) = place.read(words, |slot| copy(slot, self.room)) {
                return decode(newest, &head, &rows, self.room, bounds).map(Some);
            }
        }
        Err(TargetsError::Busy)
    }
}

/// Head and rows of a slot, perhaps torn; no more rows than there is room for.
fn copy(slot: &[AtomicU64], room: usize) -> ([u64; HEAD], Vec<[u64; ROW]>) {
    let head = std::array::from_fn(|at| slot[at].load(Ordering::Relaxed));
    let count = usize::try_from(head[3]).unwrap_or(usize::MAX).min(room);
    let row = |at: usize| {
        std::array::from_fn(|word| slot[HEAD + at * ROW + word].load(Ordering::Relaxed))
    };
    (head, (0..count).map(row).collect())
}

fn decode(
    newest: u64,
    head: &[u64; HEAD],
    rows: &[[u64; ROW]],
    room: usize,
    bounds: Bounds,
) -> Result<Targets, TargetsError> {
    let [version, published_time, expires_time, count, ..] = *head;
    if version != newest || version > VERSION_MAX {
        return Err(TargetsError::Version { newest, found: version });
    }
    if count != rows.len() as u64 {
        return Err(TargetsError::Rows { count, room });
    }
    let (said, found) = (head[CHECKSUM], checksum(head, rows));
    if said != found {
        return Err(TargetsError::Checksum { said, found });
    }
    let bytes: Vec<u8> =
        head[SOURCE..CHECKSUM].iter().flat_map(|word| word.to_le_bytes()).collect();
    let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let source = std::str::from_utf8(&bytes[..len]).map_err(|_| TargetsError::Source)?.to_owned();
    let row = |[id, position, weight, price]: &[u64; ROW]| {
        Ok(Target {
            position: position.cast_signed(),
            weight: f64::from_bits(*weight),
            price: price.cast_signed(),
            instrument_id: u32::try_from(*id).map_err(|_| TargetsError::Instrument(*id))?,
            reserved: 0,
        })
    };
    let rows = rows.iter().map(row).collect::<Result<_, _>>()?;
    let targets = Targets { version, published_time, expires_time, source, rows };
    targets.check(bounds)?;
    Ok(targets)
}
