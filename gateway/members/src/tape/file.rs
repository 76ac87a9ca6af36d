//! The bytes of a tape, written down once.
//!
//! ```text
//! offset  0  magic, "TLTAPE01"
//!         8  version, u64
//!        16  layout hash, u64: of the records
//!        24  bytes of a record, u64
//!        32  instruments of the venue, u64: they are numbered from 1
//!        40  zero
//!        64  records to the end of the file, as in the public ring
//! ```
//!
//! Numbers are little endian. A tape begins where the venue began, with empty books; its first
//! records, of seq 0, tell the phase of each instrument. There is no count: a tape can be read
//! while it is written, and one whose length is no whole number of records was cut off.

use std::io::{self, Write};

use touchline_types::PublicRecord;

/// First bytes of a tape.
pub const MAGIC: [u8; 8] = *b"TLTAPE01";
/// Version of this layout.
pub const VERSION: u64 = 1;
/// Hash of the records' layout.
pub const LAYOUT_HASH: u64 = touchline_types::LAYOUT_HASH;
/// Bytes before the first record.
pub const HEAD_BYTES: usize = 64;

const _: () = assert!(HEAD_BYTES.is_multiple_of(64) && PublicRecord::BYTES.is_multiple_of(64));

/// Writes a tape.
#[derive(Debug)]
pub struct TapeWriter<W> {
    out: W,
    records: u64,
}

impl<W: Write> TapeWriter<W> {
    /// A tape of a venue with so many instruments; its head is written.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn new(mut out: W, instruments: usize) -> io::Result<Self> {
        let mut head = [0; HEAD_BYTES];
        let numbers = [VERSION, LAYOUT_HASH, PublicRecord::BYTES as u64, instruments as u64];
        let (magic, rest) = head.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        for (word, number) in rest.chunks_exact_mut(8).zip(numbers) {
            word.copy_from_slice(&number.to_le_bytes());
        }
        out.write_all(&head)?;
        Ok(Self { out, records: 0 })
    }

    /// Writes a record.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn push(&mut self, record: &PublicRecord) -> io::Result<()> {
        let mut block = [0; PublicRecord::BYTES];
        record.encode(&mut block);
        self.records += 1;
        self.out.write_all(&block)
    }

    /// Records written so far.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Hands out what is still in buffers, and the place that was written to.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_types::{Event, EventKind, public_of};

    #[test]
    fn a_tape_is_a_head_and_then_its_records() {
        let mut tape = TapeWriter::new(Vec::new(), 3).unwrap();
        let record = public_of(&Event::of(EventKind::PhaseChanged)).unwrap();
        tape.push(&record).unwrap();
        assert_eq!(tape.records(), 1);
        let bytes = tape.finish().unwrap();
        assert_eq!(bytes.len(), HEAD_BYTES + PublicRecord::BYTES);
        assert_eq!(bytes[..8], MAGIC);
        assert_eq!(bytes[32..40], 3_u64.to_le_bytes());
        assert_eq!(bytes[40..HEAD_BYTES], [0; 24]);
    }
}
