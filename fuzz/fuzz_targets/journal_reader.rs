//! Journal reader: whatever the files hold, it is read, is the journal's torn end, or is refused;
//! and what was read is the same each time.
//!
//! Input: `u8 flags | segment`. Flag 1: the header is the fuzzer's too, else it is put in front.
//! Flag 2: the checksums of blocks are put right. Flag 4: a second segment follows with the second
//! half. Flag 8: a writer goes on behind what was read.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use touchline_fuzz::command;
use touchline_journal::{JournalError, Reader, Tail, Writer, layout};
use touchline_types::Command;

const ALIGNMENT: usize = layout::ALIGNMENT as usize;
/// The shortest segment that a writer takes.
const SEGMENT_BYTES: u64 =
    layout::HEADER_BYTES + (layout::BLOCK_BYTES_MAX as u64).next_multiple_of(layout::ALIGNMENT);

/// A folder of this process, in memory where the system has such a place.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let shared_memory = Path::new("/dev/shm");
    let parent = if shared_memory.is_dir() { shared_memory.into() } else { std::env::temp_dir() };
    parent.join(format!("touchline-fuzz-journal-{}", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    let Some((flags, data)) = data.split_first() else { return };
    if std::fs::create_dir_all(&*FOLDER).is_err() {
        return;
    }
    let half = if flags & 4 == 0 { data.len() } else { data.len() / 2 / ALIGNMENT * ALIGNMENT };
    let (first, second) = data.split_at(half);
    let mut paths = vec![write(1, first, *flags)];
    if flags & 4 != 0 {
        // Where the reader stops in the first: the name that lets it go on.
        let mut reader = Reader::open(&FOLDER);
        while matches!(reader.next_block(&mut Vec::new()), Ok(true)) {}
        paths.push(write(reader.tail().last_seq + 1, second, *flags));
    }
    let once = read();
    assert_eq!(once, read(), "the same journal is read differently");
    let (commands, result) = once;
    for (command, seq) in commands.iter().zip(1..) {
        assert_eq!(command.seq, seq);
    }
    if let Ok(tail) = &result {
        assert_eq!(tail.last_seq, commands.len() as u64);
        if flags & 8 != 0 {
            go_on(tail);
        }
    }
    if let Ok(left) = std::fs::read_dir(&*FOLDER) {
        paths.extend(left.flatten().map(|entry| entry.path()));
    }
    for path in paths {
        let _ = std::fs::remove_file(path);
    }
});

/// Everything that the reader gives, and how it ends.
fn read() -> (Vec<Command>, Result<Tail, String>) {
    let mut reader = Reader::open(&FOLDER);
    let mut commands = Vec::new();
    loop {
        match reader.next_block(&mut commands) {
            Ok(true) => {}
            Ok(false) => return (commands, Ok(reader.tail())),
            Err(error) => {
                let is_refusal = !matches!(error, JournalError::OutOfOrder(..));
                assert!(is_refusal && !error.to_string().is_empty());
                commands.truncate(reader.tail().last_seq as usize);
                return (commands, Err(error.to_string()));
            }
        }
    }
}

/// What is written behind the valid journal is read behind it.
fn go_on(tail: &Tail) {
    let Ok(mut writer) = Writer::open_with(&FOLDER, tail, SEGMENT_BYTES) else { return };
    if writer.append(&[command(tail.last_seq + 1)]).is_err() {
        return;
    }
    let (commands, result) = read();
    let read_to = result.map(|tail| tail.last_seq);
    assert_eq!(read_to, Ok(tail.last_seq + 1), "{commands:?}");
}

fn write(first_seq: u64, bytes: &[u8], flags: u8) -> PathBuf {
    let mut segment = Vec::with_capacity(bytes.len() + layout::HEADER_BYTES as usize);
    if flags & 1 == 0 {
        for word in [layout::MAGIC, layout::VERSION, layout::LAYOUT_HASH, first_seq] {
            segment.extend_from_slice(&word.to_le_bytes());
        }
        segment.resize(layout::HEADER_BYTES as usize, 0);
    }
    let start = segment.len();
    segment.extend_from_slice(bytes);
    if flags & 2 != 0 {
        put_right(&mut segment[start..]);
    }
    let path = FOLDER.join(layout::segment_name(first_seq));
    let _ = std::fs::write(&path, &segment);
    path
}

/// Makes the checksums of blocks right: each its own, and that of the one before.
fn put_right(blocks: &mut [u8]) {
    let (mut at, mut previous) = (0, 0_u32);
    while at + layout::BLOCK_HEADER_BYTES <= blocks.len() {
        let block = &mut blocks[at..];
        let commands = usize::from(block[16]);
        let end = layout::BLOCK_HEADER_BYTES + commands * Command::BYTES;
        if block[..4] != layout::BLOCK_MAGIC.to_le_bytes() || end > block.len() {
            at += ALIGNMENT;
            continue;
        }
        if block[63] == 0 {
            block[20..24].copy_from_slice(&previous.to_le_bytes());
        }
        previous = crc32c::crc32c(&block[8..end]);
        block[4..8].copy_from_slice(&previous.to_le_bytes());
        at += end.next_multiple_of(ALIGNMENT);
    }
}
