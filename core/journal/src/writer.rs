//! Appending to a journal and making it durable.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::layout::{
    self, BLOCK_BYTES_MAX, BLOCK_COMMANDS_MAX, HEADER_BYTES, LAYOUT_HASH, MAGIC, SEGMENT_BYTES,
    VERSION,
};
use crate::{JournalError, Tail};
use touchline_types::Command;

/// Appends blocks. After an error the journal must not be written any more: what the disk
/// holds is then unknown, and a process that goes on would acknowledge what may be lost.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    file: File,
    path: PathBuf,
    offset: u64,
    last_seq: u64,
    crc: u32,
    block: Vec<u8>,
    dirty: bool,
    segment_bytes: u64,
    written: Written,
}

/// What a writer has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Blocks.
    pub blocks: u64,
    /// Bytes of them, with what fills them up to whole sectors.
    pub bytes: u64,
}

impl Writer {
    /// Goes on behind `tail`, as a [`crate::Reader`] found it: cuts off what is torn behind it, and
    /// makes the folder and the first segment where there is none.
    ///
    /// # Errors
    ///
    /// [`JournalError::System`] with the call and the file.
    pub fn open(dir: &Path, tail: &Tail) -> Result<Self, JournalError> {
        Self::open_with(dir, tail, SEGMENT_BYTES)
    }

    /// As [`open`](Self::open), with segments of another length (a multiple of 512, at least one
    /// full block and the header): for tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(dir: &Path, tail: &Tail, segment_bytes: u64) -> Result<Self, JournalError> {
        std::fs::create_dir_all(dir)
            .map_err(|error| JournalError::System("make folder", dir.to_path_buf(), error))?;
        let (file, path, offset) = match &tail.segment {
            Some(path) => {
                let file = OpenOptions::new().read(true).write(true).open(path);
                let file = system("open", path, file)?;
                cut(&file, path, tail.offset)?;
                (file, path.clone(), tail.offset)
            }
            None => {
                let (file, path) = make_segment(dir, tail.last_seq + 1, segment_bytes)?;
                (file, path, HEADER_BYTES)
            }
        };
        Ok(Self {
            dir: dir.to_path_buf(),
            file,
            path,
            offset,
            last_seq: tail.last_seq,
            crc: tail.crc,
            block: Vec::with_capacity(BLOCK_BYTES_MAX.next_multiple_of(512)),
            // What a writer that was killed had handed to the system.
            dirty: true,
            segment_bytes,
            written: Written::default(),
        })
    }

    /// Writes commands, which must follow the last one without a hole. Not durable before
    /// [`sync`](Self::sync), but in the system's hands: a killed process loses nothing.
    ///
    /// # Errors
    ///
    /// [`JournalError::OutOfOrder`], or [`JournalError::System`].
    pub fn append(&mut self, commands: &[Command]) -> Result<(), JournalError> {
        for chunk in commands.chunks(BLOCK_COMMANDS_MAX) {
            for (command, expected) in chunk.iter().zip(self.last_seq + 1..) {
                if command.seq != expected {
                    return Err(JournalError::OutOfOrder(expected, command.seq));
                }
            }
            let span = layout::block_span(chunk.len());
            if self.offset + span > self.segment_bytes {
                self.rotate()?;
            }
            let crc = layout::encode_block(chunk, self.crc, &mut self.block);
            let written = self.file.write_all_at(&self.block, self.offset);
            system("write", &self.path, written)?;
            self.offset += span;
            self.written.blocks += 1;
            self.written.bytes += span;
            self.crc = crc;
            self.last_seq += chunk.len() as u64;
            self.dirty = true;
        }
        Ok(())
    }

    /// Returns when everything appended is on disk.
    ///
    /// # Errors
    ///
    /// [`JournalError::System`]; the journal is then in an unknown state and the process must end.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.dirty {
            system("fdatasync", &self.path, self.file.sync_data())?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Newest command appended.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Blocks and bytes appended since it was opened.
    #[must_use]
    pub const fn written(&self) -> Written {
        self.written
    }

    fn rotate(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        let (file, path) = make_segment(&self.dir, self.last_seq + 1, self.segment_bytes)?;
        (self.file, self.path, self.offset) = (file, path, HEADER_BYTES);
        Ok(())
    }
}

/// Makes a segment: zeros on disk first, its header last, so that a crash leaves no half segment
/// that looks whole.
fn make_segment(dir: &Path, seq: u64, bytes: u64) -> Result<(File, PathBuf), JournalError> {
    let path = dir.join(layout::segment_name(seq));
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
    let file = system("create", &path, file)?;
    fill(&file, &path, 0, bytes)?;
    let mut header = [0_u8; 32];
    for (word, value) in header.chunks_exact_mut(8).zip([MAGIC, VERSION, LAYOUT_HASH, seq]) {
        word.copy_from_slice(&value.to_le_bytes());
    }
    system("write", &path, file.write_all_at(&header, 0))?;
    system("fsync", &path, file.sync_all())?;
    // The name itself is durable only when the folder is.
    let folder = File::open(dir).and_then(|folder| folder.sync_all());
    system("fsync", dir, folder)?;
    Ok((file, path))
}

/// Zeros everything behind `offset` that is not zero already, so that no remains of a torn block
/// stay.
fn cut(file: &File, path: &Path, offset: u64) -> Result<(), JournalError> {
    let len = system("stat", path, file.metadata())?.len();
    let mut buffer = vec![0_u8; 1 << 16];
    let mut at = offset;
    let mut changed = false;
    while at < len {
        let count = usize::try_from((len - at).min(buffer.len() as u64)).unwrap_or(0);
        system("read", path, file.read_exact_at(&mut buffer[..count], at))?;
        if buffer[..count].iter().any(|byte| *byte != 0) {
            fill(file, path, at, at + count as u64)?;
            changed = true;
        }
        at += count as u64;
    }
    if changed { system("fdatasync", path, file.sync_data()) } else { Ok(()) }
}

fn fill(file: &File, path: &Path, from: u64, to: u64) -> Result<(), JournalError> {
    let zeros = vec![0_u8; 1 << 20];
    let mut at = from;
    while at < to {
        let count = usize::try_from((to - at).min(zeros.len() as u64)).unwrap_or(0);
        system("write", path, file.write_all_at(&zeros[..count], at))?;
        at += count as u64;
    }
    Ok(())
}

fn system<T>(
    call: &'static str,
    path: &Path,
    result: std::io::Result<T>,
) -> Result<T, JournalError> {
    result.map_err(|error| JournalError::System(call, path.to_path_buf(), error))
}
