//! A recording's bytes, decompressed: plain, gzip, xz or Zstandard, recognised by how they start.

use std::io::{self, BufReader, Cursor, Read};

use dbn::decode::DynReader;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::ReadError;

const GZIP: &[u8] = &[0x1f, 0x8b];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const ZSTANDARD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Most memory for the dictionary of an xz file: `xz -9` needs 65 MiB.
const XZ_MEMORY_KIB_MAX: u32 = 256 << 10;
/// Bytes that a format is recognised by.
const HEAD_BYTES: usize = 256;

/// A stream of bytes whose first ones were looked at already.
pub(super) type Source = Box<dyn Read>;

/// The decompressed bytes of `file`, any number of frames.
///
/// # Errors
/// It cannot be read.
pub(super) fn decompress(file: impl Read + 'static) -> Result<Source, ReadError> {
    let (start, file) = look(file, XZ.len())?;
    if start.starts_with(GZIP) {
        Ok(Box::new(MultiGzDecoder::new(BufReader::new(file))))
    } else if start.starts_with(XZ) {
        let file = BufReader::new(file);
        Ok(Box::new(XzReader::new_mem_limit(file, true, XZ_MEMORY_KIB_MAX)))
    } else if start.starts_with(ZSTANDARD) {
        Ok(Box::new(
            DynReader::new_inferred(file).map_err(|e| ReadError::Open(io::Error::other(e)))?,
        ))
    } else {
        Ok(Box::new(file))
    }
}

/// The first bytes of `source`, and a source that still has them.
///
/// # Errors
/// It cannot be read or decompressed.
pub(super) fn look_at_head(source: Source) -> Result<(Vec<u8>, Source), ReadError> {
    let (head, source) = look(source, HEAD_BYTES)?;
    Ok((head, Box::new(source)))
}

fn look<R: Read>(mut source: R, bytes: usize) -> Result<(Vec<u8>, impl Read + use<R>), ReadError> {
    let mut head = Vec::with_capacity(bytes);
    source.by_ref().take(bytes as u64).read_to_end(&mut head).map_err(ReadError::Open)?;
    Ok((head.clone(), Cursor::new(head).chain(source)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let source = decompress(Cursor::new(bytes)).map_err(io::Error::other)?;
        let (head, mut source) = look_at_head(source).map_err(io::Error::other)?;
        source.read_to_end(&mut all)?;
        assert!(all.starts_with(&head));
        Ok(all)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn text() -> Vec<u8> {
        (0..10_000_u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect()
    }

    #[test]
    fn gzip_and_xz_of_several_frames_and_plain_bytes_are_read_alike() {
        let twice = [text(), text()].concat();
        assert_eq!(read(text()).unwrap(), text());
        assert_eq!(read([gzip(&text()), gzip(&text())].concat()).unwrap(), twice);
        assert_eq!(read([xz(&text()), xz(&text())].concat()).unwrap(), twice);
        assert!(read(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn a_compressed_file_that_breaks_off_or_is_damaged_is_refused() {
        for whole in [gzip(&text()), xz(&text())] {
            for end in (XZ.len()..whole.len()).step_by(7) {
                assert!(read(whole[..end].to_vec()).is_err(), "{end} of {}", whole.len());
            }
            let mut damaged = whole.clone();
            damaged[whole.len() / 2] ^= 0x55;
            assert!(read(damaged).is_err());
        }
    }
}
