//! The log of one FIX session on disk: every number that was used outwards, the bytes of every
//! message that must be sent again on request, and the next number expected inwards.
//!
//! ```text
//! header, 64 bytes
//!   0 magic u64 | 8 version u32 | 12 crc32c u32 of bytes 16..64
//!   16 seq u64 | 24 index u32 | 28 zero u32 | 32 token u64 | 40 zero [24]
//! records, one after the other
//!   0 crc32c u32 of bytes 4..40 and the body | 4 kind u32 | 8 body bytes u32 | 12 index u32
//!   16 seq u64 | 24 number u64 | 32 next_in u64 | 40 body
//! ```
//!
//! Little endian. Every record carries the place `(seq, index)` of the newest event that this
//! session had been told, and the next inbound number that is safe to claim: the last whole record
//! of the file is therefore the whole state. A torn tail is cut. A reset of the numbers starts a
//! new file, whose header carries the place and the newest command token over, so that nothing of
//! the old numbers is told again or counted in the new ones.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `"TLFIXLOG"` as a little-endian word.
const MAGIC: u64 = u64::from_le_bytes(*b"TLFIXLOG");
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
const RECORD_BYTES: usize = 40;
/// Longer bodies are no FIX messages of this venue: the configuration bounds them to 1 MiB.
const BODY_BYTES_MAX: u32 = 1 << 21;
/// An operator may move the outbound number on; further than this is damage.
const NUMBERS_SKIPPED_MAX: u64 = 1 << 24;

/// Kind: a message that is sent again on request; the body is its bytes.
const KIND_MESSAGE: u32 = 1;
/// Kind: numbers of session messages, which a gap fill stands for; `number` is the last of them.
const KIND_NUMBER: u32 = 2;
/// Kind: nothing was sent; `next_in` and the place moved.
const KIND_PROGRESS: u32 = 3;

const _: () = assert!(HEADER_BYTES & 7 == 0 && RECORD_BYTES & 7 == 0);

/// Place of an event in the venue's order of things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Sequence number of the command, from 1; 0 before the first.
    pub seq: u64,
    /// Position among the events of the command.
    pub index: u32,
}

/// Why a log could not be opened, read or written.
#[derive(Debug)]
pub enum LogError {
    /// The system refused.
    Io {
        /// What was tried.
        call: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is no log of this build.
    NotALog {
        /// Which file.
        path: PathBuf,
        /// The field of the header that is wrong.
        field: &'static str,
        /// What it holds.
        found: u64,
    },
    /// A whole record holds a number that cannot stand there.
    Numbers {
        /// Which file.
        path: PathBuf,
        /// Offset of the record, bytes.
        offset: u64,
        /// The number it holds.
        found: u64,
        /// The highest number that could stand there; the lowest is 1.
        highest: u64,
    },
}

impl std::fmt::Display for LogError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { call, path, error } => write!(out, "{call} {}: {error}", path.display()),
            Self::NotALog { path, field, found } => {
                write!(out, "{} is no session log: {field} is {found:#x}", path.display())
            }
            Self::Numbers { path, offset, found, highest } => write!(
                out,
                "{} holds MsgSeqNum {found} at byte {offset}, where 1 to {highest} may stand",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LogError {}

/// Where the bytes of one outbound number lie; `len_bytes` 0 is a session message.
#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    len_bytes: u32,
}

/// The log of one session. Appends collect in memory until [`write`](Self::write).
#[derive(Debug)]
pub(crate) struct SessionLog {
    path: PathBuf,
    file: Arc<File>,
    /// Bytes of the file that are written.
    written: u64,
    /// Records that are not written yet; they follow `written`.
    pending: Vec<u8>,
    /// Entry n is the outbound number n + 1.
    spans: Vec<Span>,
    place: Place,
    next_in: u64,
    /// Newest command token of the numbers before the last reset.
    reset_token: u64,
    /// `place` or `next_in` moved since the last record.
    moved: bool,
    /// Something was written since the last sync.
    unsynced: bool,
    cut_bytes: u64,
}

impl SessionLog {
    /// Opens the log at `path`, or makes a new one. What follows the last whole record is cut.
    ///
    /// # Errors
    ///
    /// [`LogError`]; a file that is not a log is refused, never overwritten.
    pub(crate) fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |call| move |error| LogError::Io { call, path: path.to_path_buf(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("open"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read"))?;
        if bytes.len() < HEADER_BYTES {
            // Nothing was ever said in a file without a whole header.
            return Self::fresh(path, Place::default(), 0);
        }
        let (place, reset_token) = read_header(&bytes, path)?;
        let mut log = Self::empty(path, file, place, reset_token);
        log.replay(&bytes)?;
        log.file.set_len(log.written).map_err(failed("truncate"))?;
        Ok(log)
    }

    fn empty(path: &Path, file: File, place: Place, reset_token: u64) -> Self {
        Self {
            path: path.to_path_buf(),
            file: Arc::new(file),
            written: HEADER_BYTES as u64,
            pending: Vec::with_capacity(1 << 16),
            spans: Vec::with_capacity(1 << 12),
            place,
            next_in: 1,
            reset_token,
            moved: false,
            unsynced: true,
            cut_bytes: 0,
        }
    }

    /// A new file with a header, put in place of any old one in one step.
    fn fresh(path: &Path, place: Place, reset_token: u64) -> Result<Self, LogError> {
        let failed = |call| move |error| LogError::Io { call, path: path.to_path_buf(), error };
        let new_path = path.with_extension("new");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&new_path)
            .map_err(failed("create"))?;
        file.write_all_at(&header(place, reset_token), 0).map_err(failed("write"))?;
        std::fs::rename(&new_path, path).map_err(failed("rename"))?;
        Ok(Self::empty(path, file, place, reset_token))
    }

    fn replay(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let mut offset = HEADER_BYTES;
        while let Some(record) = Record::read(&bytes[offset..]) {
            let sends = record.kind != KIND_PROGRESS;
            let highest = self.next_out() + NUMBERS_SKIPPED_MAX;
            if sends && !(1..=highest).contains(&record.number) {
                return Err(LogError::Numbers {
                    path: self.path.clone(),
                    offset: offset as u64,
                    found: record.number,
                    highest,
                });
            }
            if sends {
                let body_at = (offset + RECORD_BYTES) as u64;
                self.put_span(record.number, body_at, record.body_bytes);
            }
            self.place = record.place;
            self.next_in = record.next_in;
            offset += RECORD_BYTES + record.body_bytes as usize;
        }
        self.written = offset as u64;
        self.cut_bytes = (bytes.len() - offset) as u64;
        Ok(())
    }

    /// Numbers below `number` that nothing was kept for are session messages. Should an operator
    /// have moved the numbers back, what was kept from `number` on is forgotten.
    fn put_span(&mut self, number: u64, offset: u64, len_bytes: u32) {
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        self.spans.resize(index, Span { offset: 0, len_bytes: 0 });
        self.spans.push(Span { offset, len_bytes });
    }

    /// The next outbound MsgSeqNum(34), from 1.
    #[must_use]
    pub(crate) fn next_out(&self) -> u64 {
        self.spans.len() as u64 + 1
    }

    /// The next inbound MsgSeqNum(34) that the log claims to expect.
    #[must_use]
    pub(crate) const fn next_in(&self) -> u64 {
        self.next_in
    }

    /// The newest event that this session was told, or that did not concern it.
    #[must_use]
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// Commands with this token or a lower one belong to the numbers before the last reset.
    #[must_use]
    pub(crate) const fn reset_token(&self) -> u64 {
        self.reset_token
    }

    /// Bytes of a torn tail that `open` cut off.
    #[must_use]
    pub(crate) const fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Keeps a message that is sent again on request under its number.
    pub(crate) fn keep(&mut self, number: u64, message: &[u8]) {
        let body_bytes = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let offset = self.written + (self.pending.len() + RECORD_BYTES) as u64;
        self.append(KIND_MESSAGE, number, message);
        self.put_span(number, offset, body_bytes);
    }

    /// Notes that outbound numbers up to and with `number` are used by session messages.
    pub(crate) fn use_number(&mut self, number: u64) {
        self.append(KIND_NUMBER, number, &[]);
        self.put_span(number, 0, 0);
    }

    /// Moves the place; told with the next record.
    pub(crate) fn set_place(&mut self, place: Place) {
        self.moved |= place != self.place;
        self.place = place;
    }

    /// Moves the inbound number; told with the next record.
    pub(crate) fn set_next_in(&mut self, next_in: u64) {
        self.moved |= next_in != self.next_in;
        self.next_in = next_in;
    }

    fn append(&mut self, kind: u32, number: u64, body: &[u8]) {
        let mut head = [0_u8; RECORD_BYTES];
        head[4..8].copy_from_slice(&kind.to_le_bytes());
        head[8..12].copy_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        head[12..16].copy_from_slice(&self.place.index.to_le_bytes());
        head[16..24].copy_from_slice(&self.place.seq.to_le_bytes());
        head[24..32].copy_from_slice(&number.to_le_bytes());
        head[32..40].copy_from_slice(&self.next_in.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&head[4..]), body);
        head[0..4].copy_from_slice(&crc.to_le_bytes());
        self.pending.extend_from_slice(&head);
        self.pending.extend_from_slice(body);
        self.moved = false;
    }

    /// Writes what was appended, with one call. After it a killed process loses nothing.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`]; what was appended stays pending.
    pub(crate) fn write(&mut self) -> Result<(), LogError> {
        if self.moved {
            self.append(KIND_PROGRESS, 0, &[]);
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all_at(&self.pending, self.written).map_err(|error| LogError::Io {
            call: "write",
            path: self.path.clone(),
            error,
        })?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.unsynced = true;
        Ok(())
    }

    /// Whether [`write`](Self::write) has something to do.
    #[must_use]
    pub(crate) fn is_dirty(&self) -> bool {
        self.moved || !self.pending.is_empty()
    }

    /// The file, if anything was written to it since this was last asked: for whoever puts it on
    /// the disk.
    #[must_use]
    pub(crate) fn take_unsynced(&mut self) -> Option<Arc<File>> {
        std::mem::take(&mut self.unsynced).then(|| Arc::clone(&self.file))
    }

    /// Reads the message that was sent under `number` into `out`: `false` if that was a session
    /// message or nothing.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`].
    pub(crate) fn read(&self, number: u64, out: &mut Vec<u8>) -> Result<bool, LogError> {
        out.clear();
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let Some(span) = index.and_then(|index| self.spans.get(index)) else {
            return Ok(false);
        };
        if span.len_bytes == 0 {
            return Ok(false);
        }
        out.resize(span.len_bytes as usize, 0);
        match span.offset.checked_sub(self.written) {
            Some(ahead) => {
                let start = usize::try_from(ahead).unwrap_or(usize::MAX);
                out.copy_from_slice(&self.pending[start..start + span.len_bytes as usize]);
            }
            None => self.file.read_exact_at(out, span.offset).map_err(|error| LogError::Io {
                call: "read",
                path: self.path.clone(),
                error,
            })?,
        }
        Ok(true)
    }

    /// Starts the numbers again from 1, both ways, in a new file. The place stays: what was told is
    /// not told again. Commands up to `token` belong to the old numbers.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`]; the old log then stands.
    pub(crate) fn reset(&mut self, token: u64) -> Result<(), LogError> {
        let cut_bytes = self.cut_bytes;
        *self = Self::fresh(&self.path, self.place, token)?;
        self.cut_bytes = cut_bytes;
        Ok(())
    }
}

fn header(place: Place, reset_token: u64) -> [u8; HEADER_BYTES] {
    let mut head = [0_u8; HEADER_BYTES];
    head[0..8].copy_from_slice(&MAGIC.to_le_bytes());
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[16..24].copy_from_slice(&place.seq.to_le_bytes());
    head[24..28].copy_from_slice(&place.index.to_le_bytes());
    head[32..40].copy_from_slice(&reset_token.to_le_bytes());
    let crc = crc32c::crc32c(&head[16..]);
    head[12..16].copy_from_slice(&crc.to_le_bytes());
    head
}

fn read_header(bytes: &[u8], path: &Path) -> Result<(Place, u64), LogError> {
    let wrong = |field, found| Err(LogError::NotALog { path: path.to_path_buf(), field, found });
    if word(bytes, 0) != MAGIC {
        return wrong("magic", word(bytes, 0));
    }
    if half(bytes, 8) != VERSION {
        return wrong("version", u64::from(half(bytes, 8)));
    }
    if half(bytes, 12) != crc32c::crc32c(&bytes[16..HEADER_BYTES]) {
        return wrong("crc32c", u64::from(half(bytes, 12)));
    }
    Ok((Place { seq: word(bytes, 16), index: half(bytes, 24) }, word(bytes, 32)))
}

struct Record {
    kind: u32,
    body_bytes: u32,
    place: Place,
    number: u64,
    next_in: u64,
}

impl Record {
    /// The record at the start of `bytes`, if it is whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..RECORD_BYTES)?;
        let record = Self {
            kind: half(head, 4),
            body_bytes: half(head, 8),
            place: Place { seq: word(head, 16), index: half(head, 12) },
            number: word(head, 24),
            next_in: word(head, 32),
        };
        if !(KIND_MESSAGE..=KIND_PROGRESS).contains(&record.kind)
            || record.body_bytes > BODY_BYTES_MAX
        {
            return None;
        }
        let body = bytes.get(RECORD_BYTES..RECORD_BYTES + record.body_bytes as usize)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&head[4..]), body);
        (crc == half(head, 0)).then_some(record)
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn half(bytes: &[u8], at: usize) -> u32 {
    let mut half = [0; 4];
    half.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(half)
}
