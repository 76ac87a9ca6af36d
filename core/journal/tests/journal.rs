//! The rules of the journal: what was appended comes back, a torn tail is cut, damage is refused.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use touchline_journal::{JournalError, Reader, Writer, layout};
use touchline_types::{Command, CommandKind};

const SEGMENT: u64 =
    layout::HEADER_BYTES + 4 * (layout::BLOCK_BYTES_MAX as u64).next_multiple_of(512);

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("touchline-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> =
            std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(seq: u64) -> Command {
    Command { seq, timestamp: seq * 10, price: -(seq as i64), ..Command::of(CommandKind::NewOrder) }
}

fn commands(range: std::ops::RangeInclusive<u64>) -> Vec<Command> {
    range.map(command).collect()
}

fn read_all(dir: &Dir) -> Result<(Vec<Command>, Reader), JournalError> {
    let mut reader = Reader::open(&dir.0);
    let mut all = Vec::new();
    while reader.next_block(&mut all)? {}
    Ok((all, reader))
}

fn write(dir: &Dir, blocks: &[std::ops::RangeInclusive<u64>]) {
    let (_, reader) = read_all(dir).unwrap();
    let mut writer = Writer::open_with(&dir.0, &reader.tail(), SEGMENT).unwrap();
    for block in blocks {
        writer.append(&commands(block.clone())).unwrap();
    }
    writer.sync().unwrap();
}

#[test]
fn what_was_appended_comes_back_in_order_over_segments_and_restarts() {
    let dir = Dir::new("order");
    write(&dir, &[1..=1, 2..=3, 4..=5000]);
    write(&dir, &[5001..=9000]);
    assert!(dir.segments().len() > 1, "the test must cross segments");
    assert_eq!(read_all(&dir).unwrap().0, commands(1..=9000));
}

#[test]
fn a_reader_follows_a_journal_that_grows() {
    let dir = Dir::new("follow");
    let mut reader = Reader::open(&dir.0);
    let mut seen = Vec::new();
    assert!(!reader.next_block(&mut seen).unwrap(), "nothing is there yet");
    let mut writer = Writer::open_with(&dir.0, &reader.tail(), SEGMENT).unwrap();
    for first in (1..9000).step_by(300) {
        writer.append(&commands(first..=first + 299)).unwrap();
        while reader.next_block(&mut seen).unwrap() {}
        assert_eq!(seen.len() as u64, first + 299);
    }
    assert_eq!(seen, commands(1..=9000));
}

#[test]
fn a_torn_last_block_is_cut_wherever_it_tore() {
    for keep in [0, 1, 4, 63, 64, 200, 511] {
        let dir = Dir::new(&format!("torn-{keep}"));
        write(&dir, &[1..=2, 3..=7]);
        let path = &dir.segments()[0];
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let start = layout::HEADER_BYTES + layout::block_span(2);
        file.write_all_at(&vec![0; layout::block_span(5) as usize - keep], start + keep as u64)
            .unwrap();
        let (all, _) = read_all(&dir).unwrap();
        assert_eq!(all, commands(1..=2), "kept {keep} bytes");
        write(&dir, &[3..=3]);
        assert_eq!(read_all(&dir).unwrap().0, commands(1..=3), "kept {keep} bytes");
    }
}

#[test]
fn a_flipped_bit_before_the_last_block_is_refused_with_its_place() {
    let dir = Dir::new("rot");
    write(&dir, &[1..=2, 3..=7, 8..=8]);
    let path = dir.segments()[0].clone();
    let clean = std::fs::read(&path).unwrap();
    let start = layout::HEADER_BYTES + layout::block_span(2);
    let len = layout::BLOCK_HEADER_BYTES as u64 + 5 * 192;
    for at in start..start + len {
        // The reserved bytes of the head are covered by the checksum like everything else.
        let mut bytes = clean.clone();
        bytes[at as usize] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        match read_all(&dir) {
            Err(JournalError::Damaged(_, offset, _)) => assert_eq!(offset, start, "byte {at}"),
            other => panic!("byte {at}: {:?}", other.map(|(all, _)| all.len())),
        }
    }
}

#[test]
fn a_missing_segment_is_refused() {
    let dir = Dir::new("missing");
    write(&dir, &[1..=9000]);
    std::fs::remove_file(&dir.segments()[0]).unwrap();
    assert!(matches!(read_all(&dir), Err(JournalError::Missing(_, 1))));
}

#[test]
fn a_segment_of_another_build_is_refused_by_field() {
    let dir = Dir::new("format");
    write(&dir, &[1..=1]);
    let file = std::fs::OpenOptions::new().write(true).open(&dir.segments()[0]).unwrap();
    file.write_all_at(&9_u64.to_le_bytes(), 8).unwrap();
    assert!(matches!(read_all(&dir), Err(JournalError::Format(_, "version", 9, 2))));
}

#[test]
fn a_hole_in_the_sequence_is_refused_by_the_writer() {
    let dir = Dir::new("hole");
    let mut writer = Writer::open_with(&dir.0, &Default::default(), SEGMENT).unwrap();
    assert!(matches!(writer.append(&commands(2..=2)), Err(JournalError::OutOfOrder(1, 2))));
}
