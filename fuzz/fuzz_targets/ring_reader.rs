//! Rings whose other side is hostile: it may store anything anywhere, at any moment between two
//! calls. A reader or writer then returns errors; it reads nothing outside the ring, and takes in
//! no more records than there can be.
//!
//! Input: `u8 kind`, then operations of one byte with what they need.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libfuzzer_sys::fuzz_target;
use touchline_fuzz::{Script, command};
use touchline_ring::{
    BroadcastConsumer, BroadcastProducer, RingError, SpscConsumer, SpscProducer, broadcast, layout,
    spsc,
};
use touchline_types::{Command, PublicRecord};

type Heap = Arc<Vec<AtomicU64>>;

const CAPACITY: usize = 4;
/// Places that a hostile side would choose: header, cursors, sleeping flags, first words of slots.
const PLACES: [usize; 16] =
    [0, 1, 2, 3, 4, 5, 512, 520, 528, 1024, 1032, 1040, 1536, 1537, 1552, 1568];

/// One hostile store; true if the operation was one.
fn hostile(op: u8, script: &mut Script<'_>, memory: &Heap) -> bool {
    let at = |place: u8| {
        let index = usize::from(place);
        PLACES.get(index).copied().unwrap_or(1536 + index) % memory.len()
    };
    match op % 16 {
        0 => {
            let at = at(script.u8());
            memory[at].store(script.u64(), Ordering::Release);
        }
        1 => {
            // Near what is there: off by a few, in both directions.
            let at = at(script.u8());
            let step = script.u8().wrapping_sub(128);
            let step = i64::from(step as i8);
            let word = memory[at].load(Ordering::Acquire);
            memory[at].store(word.wrapping_add_signed(step), Ordering::Release);
        }
        2 => {
            let (from, to) = (at(script.u8()), at(script.u8()));
            let word = memory[from].load(Ordering::Acquire);
            memory[to].store(word, Ordering::Release);
        }
        _ => return false,
    }
    true
}

/// The reading end of commands against a hostile producer, as the engine has it.
fn spsc_consumer(script: &mut Script<'_>) {
    let memory = spsc::heap(CAPACITY, Command::BYTES);
    let Ok(()) = spsc::create::<Command>(&memory, CAPACITY) else { return };
    let Ok(mut producer) = SpscProducer::<Command, Heap>::attach(memory.clone()) else { return };
    let mut reader = SpscConsumer::<Command, Heap>::attach(memory.clone()).ok();
    let mut seq = 0;
    while let Some(op) = script.op() {
        if hostile(op, script, &memory) {
            continue;
        }
        match (op % 16, &mut reader) {
            (3..=5, _) => {
                seq += 1;
                let _ = producer.push(&command(seq));
            }
            (6, _) => drop(producer.flush()),
            (7, reader) => *reader = SpscConsumer::attach(memory.clone()).ok(),
            (8, _) => {
                if let Ok(again) = SpscProducer::attach(memory.clone()) {
                    producer = again;
                }
            }
            (9..=12, Some(reader)) => {
                // Without another store of the producer there are at most CAPACITY records.
                let mut taken = 0;
                loop {
                    match reader.pop() {
                        Ok(Some(_)) | Err(RingError::Record(_)) => taken += 1,
                        Ok(None) => break,
                        Err(error) => {
                            assert!(matches!(error, RingError::Cursor { .. }));
                            break;
                        }
                    }
                    assert!(taken <= 2 * CAPACITY, "records without end");
                }
                reader.release();
            }
            (13, Some(reader)) => drop(reader.pop()),
            (14, Some(reader)) => {
                let _ = reader.park();
                reader.unpark();
            }
            (_, Some(reader)) => {
                assert!(
                    reader.depth().is_ok_and(|depth| depth <= CAPACITY as u64)
                        || reader.depth().is_err()
                );
                let _ = (reader.refused(), producer.depth());
                assert!(producer.room() <= CAPACITY && producer.depth() <= CAPACITY as u64);
            }
            _ => {}
        }
    }
}

/// A reader of events against a hostile ring.
fn broadcast_consumer(script: &mut Script<'_>) {
    let memory = spsc::heap(CAPACITY, PublicRecord::BYTES);
    let Ok(()) = broadcast::create::<PublicRecord>(&memory, CAPACITY) else { return };
    let Ok(mut producer) = BroadcastProducer::<PublicRecord, Heap>::attach(memory.clone()) else {
        return;
    };
    let record = PublicRecord::decode(&[0; PublicRecord::BYTES]);
    let mut reader = BroadcastConsumer::<PublicRecord, Heap>::attach(memory.clone(), 0).ok();
    while let Some(op) = script.op() {
        if hostile(op, script, &memory) {
            continue;
        }
        match (op % 16, &mut reader) {
            (3..=5, _) => {
                let mut block = [0; PublicRecord::BYTES];
                let given = script.take(PublicRecord::BYTES / 2);
                block[..given.len()].copy_from_slice(given);
                if let Ok(record) = PublicRecord::decode(&block).or(record) {
                    producer.push(&record);
                }
            }
            (6, _) => producer.flush(|reader| assert!(reader < layout::READERS_MAX)),
            (7, reader) => {
                let number = usize::from(script.u8());
                *reader = BroadcastConsumer::attach(memory.clone(), number).ok();
                assert!(reader.is_none() || number < layout::READERS_MAX);
            }
            (8, _) => {
                if let Ok(again) = BroadcastProducer::attach(memory.clone()) {
                    producer = again;
                }
            }
            (9..=12, Some(reader)) => read_some(reader),
            (13, Some(reader)) => drop(reader.pop()),
            (14, Some(reader)) => {
                let _ = reader.park();
                reader.unpark();
            }
            (_, Some(reader)) => {
                let _ = (reader.depth(), producer.position());
            }
            _ => {}
        }
    }
}

/// Reads until there is nothing or an error: a ring whose cursors stand still cannot hold more than
/// its capacity, and one lap.
fn read_some(reader: &mut BroadcastConsumer<PublicRecord, Heap>) {
    for taken in 0.. {
        match reader.pop() {
            Ok(Some(_)) | Err(RingError::Record(_)) => {}
            Ok(None) | Err(RingError::Cursor { .. }) => return,
            Err(RingError::Lapped { lost }) => assert!(lost > 0, "lapped, and nothing lost"),
            Err(error) => panic!("{error}"),
        }
        assert!(taken <= 2 * CAPACITY, "records without end");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut script = Script(data);
    match script.u8() % 2 {
        0 => spsc_consumer(&mut script),
        _ => broadcast_consumer(&mut script),
    }
});
