//! The rings under two real threads for a few hundred milliseconds: records that check themselves,
//! in rings so short that readers are lapped and producers refused all the time. loom proves the
//! small cases; this looks at the real processor and the real record size.
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use touchline_ring::{
    BroadcastConsumer, BroadcastProducer, Record, RingError, SpscConsumer, SpscProducer, broadcast,
    spsc,
};
use touchline_types::BadValue;

const RUN: Duration = Duration::from_millis(300);
const WORDS: usize = 16;

/// Sixteen words: a number, and fifteen that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checked(u64);

impl Checked {
    fn word(self, index: usize) -> u64 {
        self.0.wrapping_add(index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Record for Checked {
    const BYTES: usize = 8 * WORDS;
    const NAME: &'static str = "Checked";

    fn write(&self, out: &mut [u8]) {
        for (index, bytes) in out.chunks_exact_mut(8).enumerate() {
            let word = if index == 0 { self.0 } else { self.word(index) };
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }

    fn read(block: &[u8]) -> Result<Self, BadValue> {
        let word =
            |index: usize| u64::from_le_bytes(block[8 * index..8 * index + 8].try_into().unwrap());
        let record = Self(word(0));
        match (1..WORDS).find(|index| word(*index) != record.word(*index)) {
            None => Ok(record),
            Some(index) => Err(BadValue { kind: "Checked", value: index as u8 }),
        }
    }
}

#[test]
fn a_reader_beside_a_producer_that_never_waits_sees_whole_records_and_counts_the_others() {
    let capacity = 8;
    let memory = spsc::heap(capacity, Checked::BYTES);
    broadcast::create::<Checked>(&memory, capacity).unwrap();
    let mut producer = BroadcastProducer::<Checked, _>::attach(memory.clone()).unwrap();
    let mut reader = BroadcastConsumer::<Checked, _>::attach(memory, 0).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            // Batches of one to seven, so that claims run ahead of what is published.
            for _ in 0..=producer.position() % 7 {
                producer.push(&Checked(producer.position()));
            }
            producer.flush(|_| {});
        }
        producer.position()
    });
    let (mut next, mut returned, mut laps) = (0, 0, 0);
    let mut take = |reader: &mut BroadcastConsumer<Checked, _>| match reader.pop() {
        Ok(Some(record)) => {
            assert_eq!(record, Checked(next), "after {laps} laps");
            next += 1;
            returned += 1;
            true
        }
        Ok(None) => false,
        Err(RingError::Lapped { lost }) => {
            next += lost;
            laps += 1;
            true
        }
        Err(error) => panic!("{error}, after {returned} records and {laps} laps"),
    };
    let start = Instant::now();
    while start.elapsed() < RUN {
        for _ in 0..256 {
            take(&mut reader);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    while take(&mut reader) {}
    assert_eq!(next, written, "returned and lost records add up");
    assert!(returned > 0);
}

#[test]
fn a_consumer_beside_a_producer_that_is_often_refused_takes_every_record() {
    let capacity = 4;
    let memory = spsc::heap(capacity, Checked::BYTES);
    spsc::create::<Checked>(&memory, capacity).unwrap();
    let mut producer = SpscProducer::<Checked, _>::attach(memory.clone()).unwrap();
    let mut consumer = SpscConsumer::<Checked, _>::attach(memory).unwrap();
    let writer = std::thread::spawn(move || {
        let start = Instant::now();
        let (mut number, mut refused) = (0, 0);
        while start.elapsed() < RUN {
            for _ in 0..=number % 3 {
                if producer.push(&Checked(number)).is_ok() {
                    number += 1;
                } else {
                    refused += 1;
                }
            }
            let _ = producer.flush();
        }
        (number, refused)
    });
    let mut next = 0;
    while !writer.is_finished() || consumer.depth().unwrap() > 0 {
        while let Some(record) = consumer.pop().unwrap() {
            assert_eq!(record, Checked(next));
            next += 1;
        }
        consumer.release();
        std::hint::spin_loop();
    }
    let (written, refused) = writer.join().unwrap();
    assert_eq!((next, consumer.refused()), (written, refused));
}

#[test]
fn two_threads_that_park_pass_a_record_to_and_fro_without_missing_a_wake() {
    fn ring() -> (SpscProducer<Checked, Heap>, SpscConsumer<Checked, Heap>) {
        let memory = spsc::heap(2, Checked::BYTES);
        spsc::create::<Checked>(&memory, 2).unwrap();
        (SpscProducer::attach(memory.clone()).unwrap(), SpscConsumer::attach(memory).unwrap())
    }
    type Heap = Arc<Vec<std::sync::atomic::AtomicU64>>;
    const ROUNDS: u64 = 5_000;

    /// Waits for a record as an agent does, and fails if its bell is silent for ten seconds.
    fn wait(consumer: &mut SpscConsumer<Checked, Heap>) -> Checked {
        loop {
            if let Some(record) = consumer.pop().unwrap() {
                consumer.release();
                return record;
            }
            if consumer.park() {
                let asleep = Instant::now();
                std::thread::park_timeout(Duration::from_secs(10));
                assert!(asleep.elapsed() < Duration::from_secs(10), "nobody rang");
            }
            consumer.unpark();
        }
    }

    let (mut there, mut far) = ring();
    let (mut back, mut near) = ring();
    let here = std::thread::current();
    let echo = std::thread::spawn(move || {
        for _ in 0..ROUNDS {
            back.push(&wait(&mut far)).unwrap();
            if back.flush() {
                here.unpark();
            }
        }
    });
    for number in 0..ROUNDS {
        there.push(&Checked(number)).unwrap();
        if there.flush() {
            echo.thread().unpark();
        }
        assert_eq!(wait(&mut near), Checked(number));
    }
    echo.join().unwrap();
}
