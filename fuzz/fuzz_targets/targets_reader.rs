//! The memory of a strategy's targets, whose writer is hostile: a reader gets targets that keep
//! every rule, or a reason. It never reads outside the memory.
//!
//! Input: `u8 room`, then words, little endian: from the header on. What they do not reach is what
//! a writer that keeps the rules has left there.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libfuzzer_sys::fuzz_target;
use touchline_ring::targets::{Bounds, targets_bytes};
use touchline_ring::{Target, Targets, TargetsReader, TargetsWriter};

const BOUNDS: Bounds = Bounds { instruments: 5, max_position: 1_000 };

fuzz_target!(|data: &[u8]| {
    let [room, data @ ..] = data else { return };
    let room = usize::from(room % 8);
    let words = targets_bytes(room) / 8;
    let memory: Arc<Vec<AtomicU64>> = Arc::new((0..words).map(|_| AtomicU64::new(0)).collect());
    let Ok(writer) = TargetsWriter::take(memory.clone(), room) else { panic!("fresh memory") };
    let row = |instrument_id| Target {
        position: -7,
        weight: 0.5,
        price: 100,
        instrument_id,
        reserved: 0,
    };
    let targets = Targets {
        version: 0,
        published_time: 1,
        expires_time: 9,
        source: "fuzz".into(),
        rows: (1..=3).map(row).collect(),
    };
    let published = writer.publish(&targets, BOUNDS);
    assert_eq!(published.is_ok(), room >= 3);
    let early = TargetsReader::attach(memory.clone());
    for (word, bytes) in memory.iter().zip(data.chunks(8)) {
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        word.store(u64::from_le_bytes(value), Ordering::Release);
    }
    for reader in early.into_iter().chain(TargetsReader::attach(memory.clone())) {
        if let Ok(Some(found)) = reader.read(BOUNDS) {
            assert!(found.version != 0 && found.check(BOUNDS).is_ok());
        }
    }
});
