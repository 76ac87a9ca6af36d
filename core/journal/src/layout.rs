//! The bytes of a journal, written down once.
//!
//! ```text
//! folder   journal/<first seq, 20 digits>.tlj      segments, each SEGMENT_BYTES long
//! segment  0    header, 4,096 bytes: u64 magic | u64 version | u64 layout hash | u64 first seq
//!          4096 blocks, each at a multiple of 512 bytes, zeros after the last one
//! block    0  u32 magic | 4 u32 crc32c of all that follows, to the end of the last command
//!          8  u64 first seq | 16 u32 commands | 20 u32 crc of the block before (0: first of all)
//!          24 40 bytes of zero
//!          64 commands, 192 bytes each
//! ```
//!
//! Little endian. A block starts on a sector of its own, so that a torn write of one block cannot
//! reach another that is durable already. Segments are filled with zeros before use: a write then
//! changes no metadata, and fdatasync waits for the data alone.

use touchline_types::Command;

/// `"TLJRNL01"` as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TLJRNL01");
/// Version of this layout: 2 since commands have 192 bytes.
pub const VERSION: u64 = 2;
/// First word of a block.
pub const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"TLBK");
/// Bytes before the first block.
pub const HEADER_BYTES: u64 = 4096;
/// Bytes before the commands of a block.
pub const BLOCK_HEADER_BYTES: usize = 64;
/// Blocks start at multiples of this.
pub const ALIGNMENT: u64 = 512;
/// Commands in one block at most.
pub const BLOCK_COMMANDS_MAX: usize = 1024;
/// Length of a segment.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Longest block.
pub const BLOCK_BYTES_MAX: usize = BLOCK_HEADER_BYTES + BLOCK_COMMANDS_MAX * Command::BYTES;

const _: () = assert!(Command::BYTES == 192);
const _: () =
    assert!(HEADER_BYTES.is_multiple_of(ALIGNMENT) && SEGMENT_BYTES.is_multiple_of(ALIGNMENT));

/// Hash of everything in this file that a reader relies on: FNV-1a over the numbers.
pub const LAYOUT_HASH: u64 = {
    let numbers = [
        VERSION,
        BLOCK_MAGIC as u64,
        HEADER_BYTES,
        BLOCK_HEADER_BYTES as u64,
        ALIGNMENT,
        Command::BYTES as u64,
    ];
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < numbers.len() {
        hash = (hash ^ numbers[at]).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
};

/// Name of the segment that starts at `seq`.
#[must_use]
pub fn segment_name(seq: u64) -> String {
    format!("{seq:020}.tlj")
}

/// The first sequence number in a segment's name, or `None` if it is no segment.
#[must_use]
pub fn segment_seq(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".tlj")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}

/// Bytes that a block of `commands` takes, with its padding.
#[must_use]
pub const fn block_span(commands: usize) -> u64 {
    ((BLOCK_HEADER_BYTES + commands * Command::BYTES) as u64).next_multiple_of(ALIGNMENT)
}

/// Head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHead {
    pub(crate) crc: u32,
    pub(crate) first_seq: u64,
    pub(crate) commands: u32,
    pub(crate) previous_crc: u32,
}

/// Writes a block for `commands` into `out`, padding included, and returns its crc.
pub(crate) fn encode_block(commands: &[Command], previous_crc: u32, out: &mut Vec<u8>) -> u32 {
    out.clear();
    out.resize(usize::try_from(block_span(commands.len())).unwrap_or(0), 0);
    out[0..4].copy_from_slice(&BLOCK_MAGIC.to_le_bytes());
    out[8..16].copy_from_slice(&commands.first().map_or(0, |first| first.seq).to_le_bytes());
    out[16..20].copy_from_slice(&u32::try_from(commands.len()).unwrap_or(0).to_le_bytes());
    out[20..24].copy_from_slice(&previous_crc.to_le_bytes());
    let (slots, _) = out[BLOCK_HEADER_BYTES..].as_chunks_mut::<{ Command::BYTES }>();
    for (slot, command) in slots.iter_mut().zip(commands) {
        command.encode(slot);
    }
    let end = BLOCK_HEADER_BYTES + commands.len() * Command::BYTES;
    let crc = crc32c::crc32c(&out[8..end]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Reads the head of a block: `None` where there is no block at all.
pub(crate) fn decode_head(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Option<BlockHead> {
    let word = |at: usize| {
        let mut four = [0; 4];
        four.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(four)
    };
    if word(0) != BLOCK_MAGIC {
        return None;
    }
    Some(BlockHead {
        crc: word(4),
        first_seq: u64::from(word(8)) | u64::from(word(12)) << 32,
        commands: word(16),
        previous_crc: word(20),
    })
}
