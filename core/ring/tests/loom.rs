//! Every interleaving of the rings that matters, and every stale value that the memory model
//! admits, tried by loom's model checker: nothing lost, nothing torn, nobody asleep beside a
//! record.
//!
//! `make test` runs it; by hand: `RUSTFLAGS="--cfg loom" cargo test -p touchline-ring --test loom`.
//! The rings are tiny and preemptions are bounded by three, beyond which hardly a bug hides
//! (Musuvathi and Qadeer 2007, "Iterative Context Bounding"). The fences, the orderings of push,
//! flush, pop and release, the claim and the second looks were taken out in turn, and one of these
//! tests failed each time, but for `consumed` of the SPSC ring stored or loaded relaxed: that would
//! let a consumer's reads of a slot sink below its release, which loom does not try (it has no
//! reads from the future). There the textbook holds: release and acquire on the cursor that gives
//! slots back.
#![cfg(loom)]

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use touchline_ring::{
    BroadcastConsumer, BroadcastProducer, Record, RingError, SpscConsumer, SpscProducer, broadcast,
    layout, spsc, versions::Versions,
};
use touchline_types::BadValue;

/// A record of two words that must agree: a torn copy is no value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Twin(u64);

impl Record for Twin {
    const BYTES: usize = 16;
    const NAME: &'static str = "Twin";

    fn write(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.0.to_le_bytes());
        out[8..].copy_from_slice(&self.0.to_le_bytes());
    }

    fn read(block: &[u8]) -> Result<Self, BadValue> {
        if block[..8] == block[8..] {
            Ok(Self(u64::from(block[0])))
        } else {
            Err(BadValue { kind: "Twin", value: block[8] })
        }
    }
}

type Heap = Arc<Vec<AtomicU64>>;

fn heap(capacity: usize) -> Heap {
    let words = layout::ring_bytes(capacity, Twin::BYTES) / 8;
    Arc::new((0..words).map(|_| AtomicU64::new(0)).collect())
}

fn spsc_ring(capacity: usize) -> (SpscProducer<Twin, Heap>, SpscConsumer<Twin, Heap>) {
    let memory = heap(capacity);
    spsc::create::<Twin>(&memory, capacity).unwrap();
    (SpscProducer::attach(memory.clone()).unwrap(), SpscConsumer::attach(memory).unwrap())
}

fn broadcast_ring(
    capacity: usize,
) -> (BroadcastProducer<Twin, Heap>, BroadcastConsumer<Twin, Heap>) {
    let memory = heap(capacity);
    broadcast::create::<Twin>(&memory, capacity).unwrap();
    let producer = BroadcastProducer::attach(memory.clone()).unwrap();
    (producer, BroadcastConsumer::attach(memory, 0).unwrap())
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn an_spsc_consumer_takes_every_record_once_whole_and_in_order() {
    check(|| {
        let (mut producer, mut consumer) = spsc_ring(2);
        let writer = thread::spawn(move || {
            for value in 1..=3 {
                while producer.push(&Twin(value)).is_err() {
                    thread::yield_now();
                }
                let _ = producer.flush();
            }
        });
        let mut expected = 1;
        while expected <= 3 {
            match consumer.pop().unwrap() {
                Some(record) => {
                    assert_eq!(record, Twin(expected));
                    expected += 1;
                    consumer.release();
                }
                None => thread::yield_now(),
            }
        }
        writer.join().unwrap();
        assert_eq!(consumer.pop(), Ok(None));
    });
}

#[test]
fn an_spsc_consumer_sees_nothing_of_a_batch_before_it_is_flushed_and_then_all() {
    check(|| {
        let (mut producer, mut consumer) = spsc_ring(2);
        let writer = thread::spawn(move || {
            producer.push(&Twin(1)).unwrap();
            producer.push(&Twin(2)).unwrap();
            let _ = producer.flush();
        });
        if let Some(first) = consumer.pop().unwrap() {
            assert_eq!(first, Twin(1));
            assert_eq!(consumer.pop(), Ok(Some(Twin(2))));
        }
        writer.join().unwrap();
    });
}

/// The bell of the model: like the FIFO it keeps a ring that comes before the wait. A consumer that
/// sleeps beside a record waits for ever, and loom reports the deadlock.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

#[test]
fn an_spsc_consumer_that_parks_is_woken_for_every_record() {
    check(|| {
        let (mut producer, mut consumer) = spsc_ring(2);
        let bell = Arc::new(Bell::default());
        let ringer = bell.clone();
        let writer = thread::spawn(move || {
            for value in 1..=2 {
                producer.push(&Twin(value)).unwrap();
                if producer.flush() {
                    ringer.ring();
                }
            }
        });
        let mut taken = 0;
        while taken < 2 {
            if consumer.pop().unwrap().is_some() {
                taken += 1;
                continue;
            }
            if consumer.park() {
                bell.wait();
            }
            consumer.unpark();
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_broadcast_reader_that_parks_is_woken_for_every_record() {
    check(|| {
        let (mut producer, mut reader) = broadcast_ring(2);
        let bell = Arc::new(Bell::default());
        let ringer = bell.clone();
        let writer = thread::spawn(move || {
            for value in 0..2 {
                producer.push(&Twin(value));
                producer.flush(|_| ringer.ring());
            }
        });
        let mut taken = 0;
        while taken < 2 {
            if reader.pop().unwrap().is_some() {
                taken += 1;
                continue;
            }
            if reader.park() {
                bell.wait();
            }
            reader.unpark();
        }
        writer.join().unwrap();
    });
}

/// Reads until the last of `records` was returned or lost. Record n holds n, so a torn record, a
/// record of another lap and a wrong count of lost ones all show.
fn read_all(reader: &mut BroadcastConsumer<Twin, Heap>, records: u64) {
    let mut next = 0;
    while next < records {
        match reader.pop() {
            Ok(Some(record)) => {
                assert_eq!(record, Twin(next));
                next += 1;
            }
            Ok(None) => thread::yield_now(),
            Err(RingError::Lapped { lost }) => {
                assert!(lost > 0);
                next += lost;
                assert!(next <= records, "{next} is beyond what was written");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_broadcast_reader_that_is_lapped_never_returns_a_torn_record() {
    check(|| {
        let (mut producer, mut reader) = broadcast_ring(2);
        let writer = thread::spawn(move || {
            for value in 0..4 {
                producer.push(&Twin(value));
                producer.flush(|_| {});
            }
        });
        read_all(&mut reader, 4);
        writer.join().unwrap();
    });
}

#[test]
fn a_broadcast_reader_is_not_fooled_by_a_batch_that_laps_it_before_the_flush() {
    check(|| {
        let (mut producer, mut reader) = broadcast_ring(2);
        producer.push(&Twin(0));
        producer.flush(|_| {});
        let writer = thread::spawn(move || {
            for value in 1..4 {
                producer.push(&Twin(value));
            }
            producer.flush(|_| {});
        });
        read_all(&mut reader, 4);
        writer.join().unwrap();
    });
}

#[test]
fn a_reader_that_joins_while_records_are_written_starts_at_a_whole_one() {
    check(|| {
        let memory = heap(2);
        broadcast::create::<Twin>(&memory, 2).unwrap();
        let mut producer = BroadcastProducer::attach(memory.clone()).unwrap();
        let writer = thread::spawn(move || {
            for value in 0..3 {
                producer.push(&Twin(value));
                producer.flush(|_| {});
            }
        });
        let mut reader = BroadcastConsumer::<Twin, Heap>::attach(memory, 0).unwrap();
        let mut last = None;
        for _ in 0..2 {
            if let Ok(Some(Twin(value))) = reader.pop() {
                assert!(last.is_none_or(|last| value > last) && value < 3);
                last = Some(value);
            }
        }
        writer.join().unwrap();
    });
}

const PLACE: Versions = Versions { newest: 0, slots: 1, slot_words: 2 };

/// Fills both words of a slot with the number of its version.
fn publish(words: &[AtomicU64]) -> u64 {
    PLACE.publish(words, |version, slot| {
        slot[0].store(version, Ordering::Relaxed);
        slot[1].store(version, Ordering::Relaxed);
    })
}

/// Reads once; the version, if there was one that stayed.
fn read(words: &[AtomicU64]) -> Option<u64> {
    let copy = |slot: &[AtomicU64]| {
        let second = slot[1].load(Ordering::Relaxed);
        [slot[0].load(Ordering::Relaxed), second]
    };
    let (version, copied) = PLACE.read(words, copy)?;
    assert!(version == 0 || copied == [version; 2], "torn: {copied:?} is version {version}");
    (version > 0).then_some(version)
}

fn versions() -> Heap {
    Arc::new((0..PLACE.words()).map(|_| AtomicU64::new(0)).collect())
}

#[test]
fn a_reader_of_versions_gets_a_whole_one_and_never_an_older_one_than_before() {
    check(|| {
        let memory = versions();
        let written = memory.clone();
        let writer = thread::spawn(move || {
            for version in 1..=3 {
                assert_eq!(publish(&written), version);
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            if let Some(version) = read(&memory) {
                assert!(version >= last);
                last = version;
            }
        }
        writer.join().unwrap();
        assert_eq!(read(&memory), Some(3));
    });
}

#[test]
fn a_writer_that_dies_in_the_middle_leaves_the_newest_version_and_the_next_one_goes_on() {
    check(|| {
        let memory = versions();
        publish(&memory);
        let written = memory.clone();
        let writer = thread::spawn(move || {
            // It dies after the first word; the next process publishes.
            written[PLACE.slots].store(77, Ordering::Relaxed);
            publish(&written);
            publish(&written);
        });
        if let Some(version) = read(&memory) {
            assert!((1..=3).contains(&version));
        }
        writer.join().unwrap();
        assert_eq!(read(&memory), Some(3));
    });
}
