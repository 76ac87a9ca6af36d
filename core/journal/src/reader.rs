//! Reading a journal from its start, and on as it grows.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::layout::{
    self, ALIGNMENT, BLOCK_BYTES_MAX, BLOCK_COMMANDS_MAX, BLOCK_HEADER_BYTES, HEADER_BYTES,
    LAYOUT_HASH, MAGIC, VERSION,
};
use crate::{JournalError, segments};
use touchline_types::Command;

/// Where the valid journal ends: what a writer needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Newest command; 0 in an empty journal.
    pub last_seq: u64,
    /// Segment that holds the end, if there is any.
    pub segment: Option<PathBuf>,
    /// Offset of the first free byte in it.
    pub offset: u64,
    /// Checksum of the last block; 0 in an empty journal.
    pub crc: u32,
}

/// Reads blocks in order. At the end it waits there: a later call goes on with what was added.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    segment: Option<(File, PathBuf)>,
    tail: Tail,
    block: Vec<u8>,
}

/// What stands at an offset.
enum Found {
    Block(u32),
    Nothing(&'static str),
}

impl Reader {
    /// A reader at the start of the journal in `dir`, which need not exist yet.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            segment: None,
            tail: Tail::default(),
            block: Vec::with_capacity(BLOCK_BYTES_MAX),
        }
    }

    /// Appends the commands of the next block to `commands`; `false` if there is no more for now.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] for a bad block with more of the journal behind it, others as they
    /// say.
    pub fn next_block(&mut self, commands: &mut Vec<Command>) -> Result<bool, JournalError> {
        loop {
            if self.segment.is_none() && !self.open_segment()? {
                return Ok(false);
            }
            match self.block_at(self.tail.offset)? {
                Found::Block(count) => return self.take(count, commands).map(|()| true),
                Found::Nothing(what) => {
                    if !self.next_segment(what)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Where the journal ended when `next_block` last said `false`.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Opens the segment that starts after `last_seq`; `false` if it does not exist.
    fn open_segment(&mut self) -> Result<bool, JournalError> {
        let next = self.tail.last_seq + 1;
        let all = segments(&self.dir)?;
        let Some((_, path)) = all.iter().find(|(seq, _)| *seq == next) else {
            return match all.iter().any(|(seq, _)| *seq > next) {
                true => Err(JournalError::Missing(self.dir.clone(), next)),
                false => Ok(false),
            };
        };
        let file =
            File::open(path).map_err(|error| JournalError::System("open", path.clone(), error))?;
        let mut header = [0_u8; 32];
        if file.read_exact_at(&mut header, 0).is_err() || header == [0; 32] {
            return Ok(false); // made, but not formatted yet
        }
        let (words, _) = header.as_chunks::<8>();
        let expected = [
            ("magic", MAGIC),
            ("version", VERSION),
            ("layout hash", LAYOUT_HASH),
            ("first seq", next),
        ];
        for (word, (field, expected)) in words.iter().zip(expected) {
            let found = u64::from_le_bytes(*word);
            if found != expected {
                return Err(JournalError::Format(path.clone(), field, found, expected));
            }
        }
        self.segment = Some((file, path.clone()));
        self.tail.segment = Some(path.clone());
        self.tail.offset = HEADER_BYTES;
        Ok(true)
    }

    /// Reads and checks the block at `offset` into `self.block`.
    fn block_at(&mut self, offset: u64) -> Result<Found, JournalError> {
        let Some((file, _)) = &self.segment else { return Ok(Found::Nothing("no segment")) };
        let mut head = [0_u8; BLOCK_HEADER_BYTES];
        if file.read_exact_at(&mut head, offset).is_err() {
            return Ok(Found::Nothing("the segment ends"));
        }
        let Some(parsed) = layout::decode_head(&head) else {
            return Ok(Found::Nothing("no block starts here"));
        };
        let count = parsed.commands as usize;
        if count == 0 || count > BLOCK_COMMANDS_MAX {
            return Ok(Found::Nothing("its command count is impossible"));
        }
        self.block.resize(BLOCK_HEADER_BYTES + count * Command::BYTES, 0);
        if file.read_exact_at(&mut self.block, offset).is_err() {
            return Ok(Found::Nothing("the segment ends inside the block"));
        }
        if crc32c::crc32c(&self.block[8..]) != parsed.crc {
            return Ok(Found::Nothing("its checksum does not match"));
        }
        if parsed.first_seq != self.tail.last_seq + 1 {
            return Ok(Found::Nothing("its sequence number does not follow"));
        }
        if parsed.previous_crc != self.tail.crc {
            return Ok(Found::Nothing("it does not follow the block before"));
        }
        Ok(Found::Block(parsed.crc))
    }

    /// Takes the block that `block_at` has read.
    fn take(&mut self, crc: u32, commands: &mut Vec<Command>) -> Result<(), JournalError> {
        let (slots, _) = self.block[BLOCK_HEADER_BYTES..].as_chunks::<{ Command::BYTES }>();
        let damaged = |what| {
            JournalError::Damaged(
                self.tail.segment.clone().unwrap_or_default(),
                self.tail.offset,
                what,
            )
        };
        for (slot, seq) in slots.iter().zip(self.tail.last_seq + 1..) {
            let command = Command::decode(slot)
                .map_err(|_| damaged("a command holds a value that this build does not know"))?;
            if command.seq != seq {
                return Err(damaged("a command has another sequence number than its place"));
            }
            commands.push(command);
        }
        self.tail.last_seq += slots.len() as u64;
        self.tail.offset += layout::block_span(slots.len());
        self.tail.crc = crc;
        Ok(())
    }

    /// At a place without a valid block: the end of the segment, the end of the journal, or damage.
    /// `true` if reading goes on: in the next segment, or here, where a block was written
    /// meanwhile.
    fn next_segment(&mut self, what: &'static str) -> Result<bool, JournalError> {
        let next = self.tail.last_seq + 1;
        let later = segments(&self.dir)?.iter().any(|(seq, _)| *seq >= next && *seq != 1);
        let follows = later
            && self.tail.segment.as_ref().is_some_and(|path| {
                path.file_name().and_then(|name| name.to_str()).and_then(layout::segment_seq)
                    != Some(next)
            });
        let damaged = !follows && self.valid_block_after(self.tail.offset + ALIGNMENT)?;
        if !follows && !damaged {
            return Ok(false);
        }
        // A writer at work may have added several blocks since this one was looked for.
        if matches!(self.block_at(self.tail.offset)?, Found::Block(_)) {
            return Ok(true);
        }
        if follows {
            self.segment = None;
            return self.open_segment();
        }
        let path = self.tail.segment.clone().unwrap_or_default();
        Err(JournalError::Damaged(path, self.tail.offset, what))
    }

    /// Whether any whole block, whatever its sequence number, stands behind `offset`.
    fn valid_block_after(&self, offset: u64) -> Result<bool, JournalError> {
        let Some((file, path)) = &self.segment else { return Ok(false) };
        let len = file
            .metadata()
            .map_err(|error| JournalError::System("stat", path.clone(), error))?
            .len();
        let mut at = offset;
        let mut head = [0_u8; BLOCK_HEADER_BYTES];
        let mut zeros = 0;
        // Blocks are written in order: behind a stretch of zeros longer than a block nothing
        // follows.
        while at + ALIGNMENT <= len && zeros * ALIGNMENT <= BLOCK_BYTES_MAX as u64 {
            if file.read_exact_at(&mut head, at).is_err() {
                break;
            }
            zeros = if head == [0; BLOCK_HEADER_BYTES] { zeros + 1 } else { 0 };
            if let Some(parsed) = layout::decode_head(&head)
                && (1..=BLOCK_COMMANDS_MAX).contains(&(parsed.commands as usize))
                && parsed.first_seq > self.tail.last_seq
            {
                let mut block =
                    vec![0; BLOCK_HEADER_BYTES + parsed.commands as usize * Command::BYTES];
                if file.read_exact_at(&mut block, at).is_ok()
                    && crc32c::crc32c(&block[8..]) == parsed.crc
                {
                    return Ok(true);
                }
            }
            at += ALIGNMENT;
        }
        Ok(false)
    }
}
