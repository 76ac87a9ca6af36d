//! The floor of durability `sync`: a block written into a file that is there already, and synced,
//! one after the other, as the journal does for an order that comes alone.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::distribution::Distribution;

/// What the journal writes for a lone command, bytes.
const BLOCK_BYTES: usize = 512;

/// Writes and syncs `count` blocks in a folder, for so long at most; the file is removed again.
pub(crate) fn measure(folder: &Path, count: u64, longest: Duration) -> Result<Value, String> {
    let path = folder.join(format!(".touchline-bench-{}", std::process::id()));
    let told = write(&path, count, longest);
    let _ = std::fs::remove_file(&path);
    let told = told.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(json!({ "fdatasync": told.json() }))
}

fn write(path: &Path, count: u64, longest: Duration) -> std::io::Result<Distribution> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all_at(&vec![0; BLOCK_BYTES * usize::try_from(count).unwrap_or(1)], 0)?;
    file.sync_all()?;
    let mut told = Distribution::new();
    let start = Instant::now();
    for block in 0..count {
        if start.elapsed() > longest {
            break;
        }
        let begin = Instant::now();
        file.write_all_at(&[1; BLOCK_BYTES], block * BLOCK_BYTES as u64)?;
        file.sync_data()?;
        told.record(begin.elapsed());
    }
    Ok(told)
}
