//! The head of a DBN file, checked before the `dbn` crate sees it: the crate reserves memory for
//! as many symbols as the head claims, so one damaged byte would end the program.
//!
//! Layout (DBN 1 to 3, little endian): "DBN", version u8, length u32 of what follows; 100 bytes
//! of fixed fields (in versions from 2 on a u16 length of symbols at 45, in version 1 always 22);
//! u32 length of a schema definition; three lists of symbols (u32 count, symbols); mappings (u32
//! count; each a symbol, a u32 count and so many intervals of two u32 dates and a symbol).

use std::io::{self, Read};

use super::dbn::DbnError;

/// Heads above this are damaged: a head of one instrument is a few hundred bytes.
const HEAD_BYTES_MAX: u32 = 1 << 24;
const FIXED_BYTES: usize = 100;
const SYMBOL_BYTES_V1: usize = 22;
const SYMBOL_BYTES_AT: usize = 45;

/// Reads the head of `source`, returns it as it stands in the file.
pub(super) fn read_head(source: &mut impl Read) -> Result<Vec<u8>, DbnError> {
    let mut prefix = [0; 8];
    fill(source, &mut prefix)?;
    let [d, b, n, version, length @ ..] = prefix;
    if [d, b, n] != *b"DBN" {
        return Err(DbnError::NotDbn([d, b, n]));
    }
    if !(1..=3).contains(&version) {
        return Err(DbnError::Version(version));
    }
    let length = u32::from_le_bytes(length);
    if length > HEAD_BYTES_MAX {
        return Err(DbnError::HeadLength(length));
    }
    let mut metadata = vec![0; length as usize];
    fill(source, &mut metadata)?;
    let mut walk = Walk { rest: &metadata, at: 0 };
    walk.metadata(version).ok_or(DbnError::Head { offset: walk.at + prefix.len() })?;
    let mut head = prefix.to_vec();
    head.extend(metadata);
    Ok(head)
}

fn fill(source: &mut impl Read, buf: &mut [u8]) -> Result<(), DbnError> {
    source.read_exact(buf).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => DbnError::Truncated { records: 0 },
        _ => DbnError::Io(e),
    })
}

/// Walks over the metadata; `None` where something does not fit in what is left.
struct Walk<'a> {
    rest: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    fn metadata(&mut self, version: u8) -> Option<()> {
        let symbol_bytes = match (version, self.rest.get(SYMBOL_BYTES_AT..SYMBOL_BYTES_AT + 2)?) {
            (1, _) => SYMBOL_BYTES_V1,
            (_, [low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
            _ => return None,
        };
        if symbol_bytes == 0 {
            return None;
        }
        self.skip(FIXED_BYTES)?;
        let definition_bytes = self.count()?;
        self.skip(definition_bytes)?;
        for _ in 0..3 {
            let symbols = self.count()?;
            self.skip(symbols.checked_mul(symbol_bytes)?)?;
        }
        // Each mapping takes bytes, so the loop is bounded by the length of the head; but the
        // crate reserves for all of them before it reads the first.
        let mappings = self.count()?;
        if mappings > self.rest.len() {
            return None;
        }
        for _ in 0..mappings {
            self.skip(symbol_bytes)?;
            let intervals = self.count()?;
            self.skip(intervals.checked_mul(symbol_bytes + 8)?)?;
        }
        Some(())
    }

    fn count(&mut self) -> Option<usize> {
        let count = u32::from_le_bytes(*self.rest.first_chunk()?);
        self.skip(4)?;
        usize::try_from(count).ok()
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        self.at += bytes;
        Some(())
    }
}
