//! The rules of both rings, on one thread: counting, refusing, going on, and what a broken or
//! hostile other side can do (nothing but be found out).
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use touchline_ring::{
    BroadcastConsumer, BroadcastProducer, Record, RingError, SpscConsumer, SpscProducer, broadcast,
    layout, spsc,
};
use touchline_types::{BadValue, Command, CommandKind, Event};

/// A record of one word; zero is no value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(u64);

impl Record for Number {
    const BYTES: usize = 8;
    const NAME: &'static str = "Number";

    fn write(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.to_le_bytes());
    }

    fn read(block: &[u8]) -> Result<Self, BadValue> {
        match u64::from_le_bytes(block.try_into().unwrap()) {
            0 => Err(BadValue { kind: "Number", value: 0 }),
            number => Ok(Self(number)),
        }
    }
}

type Heap = Arc<Vec<AtomicU64>>;

// Places of the layout, written down once more: this test is its second witness.
const RECORD_BYTES: usize = 3;
const CAPACITY: usize = 4;
const PUBLISHED: usize = 512;
const CLAIMED: usize = 520;
const CONSUMED: usize = 1024;
const SLEEPING: usize = 1032;
const RECORDS: usize = 1536;

fn spsc_ring(capacity: usize) -> (Heap, SpscProducer<Number, Heap>, SpscConsumer<Number, Heap>) {
    let memory = spsc::heap(capacity, Number::BYTES);
    spsc::create::<Number>(&memory, capacity).unwrap();
    let producer = SpscProducer::attach(memory.clone()).unwrap();
    let consumer = SpscConsumer::attach(memory.clone()).unwrap();
    (memory, producer, consumer)
}

fn broadcast_ring(
    capacity: usize,
) -> (Heap, BroadcastProducer<Number, Heap>, BroadcastConsumer<Number, Heap>) {
    let memory = spsc::heap(capacity, Number::BYTES);
    broadcast::create::<Number>(&memory, capacity).unwrap();
    let producer = BroadcastProducer::attach(memory.clone()).unwrap();
    let reader = BroadcastConsumer::attach(memory.clone(), 0).unwrap();
    (memory, producer, reader)
}

fn write(producer: &mut BroadcastProducer<Number, Heap>, numbers: std::ops::RangeInclusive<u64>) {
    numbers.for_each(|number| producer.push(&Number(number)));
    producer.flush(|_| {});
}

fn drain(reader: &mut BroadcastConsumer<Number, Heap>) -> Vec<Result<u64, RingError>> {
    std::iter::from_fn(|| reader.pop().transpose())
        .map(|popped| popped.map(|Number(number)| number))
        .take(100)
        .collect()
}

// --- SPSC
// ------------------------------------------------------------------------------------------

#[test]
fn a_full_ring_refuses_counts_the_refusal_and_takes_again_after_a_release() {
    let (_, mut producer, mut consumer) = spsc_ring(4);
    for number in 1..=4 {
        assert_eq!(producer.push(&Number(number)), Ok(()));
    }
    assert_eq!(producer.push(&Number(5)), Err(spsc::Full));
    assert_eq!(producer.push(&Number(5)), Err(spsc::Full));
    assert_eq!((consumer.refused(), producer.depth(), producer.room()), (2, 4, 0));
    let _ = producer.flush();
    assert_eq!(consumer.depth(), Ok(4));
    assert_eq!(consumer.pop(), Ok(Some(Number(1))));
    assert_eq!(producer.push(&Number(5)), Err(spsc::Full), "taken, but not given back yet");
    consumer.release();
    assert_eq!((producer.push(&Number(5)), producer.room(), producer.depth()), (Ok(()), 0, 4));
    assert_eq!(consumer.refused(), 3);
}

#[test]
fn what_is_not_flushed_is_not_there() {
    let (_, mut producer, mut consumer) = spsc_ring(4);
    producer.push(&Number(1)).unwrap();
    assert_eq!((consumer.pop(), consumer.depth()), (Ok(None), Ok(0)));
    assert!(!producer.flush(), "nobody sleeps");
    assert_eq!(consumer.pop(), Ok(Some(Number(1))));
    assert!(!producer.flush(), "nothing new");
}

#[test]
fn a_sleeper_is_rung_once_for_each_sleep() {
    let (_, mut producer, mut consumer) = spsc_ring(4);
    assert!(consumer.park(), "nothing there");
    producer.push(&Number(1)).unwrap();
    assert!(producer.flush());
    producer.push(&Number(2)).unwrap();
    assert!(!producer.flush(), "it is awake, or about to be");
    consumer.unpark();
    assert!(!consumer.park(), "two records wait");
    consumer.unpark();
    producer.push(&Number(3)).unwrap();
    assert!(!producer.flush(), "it took its announcement back");
}

#[test]
fn who_attaches_again_goes_on_where_the_last_one_stopped() {
    let (memory, mut producer, mut consumer) = spsc_ring(4);
    for number in 1..=3 {
        producer.push(&Number(number)).unwrap();
    }
    let _ = producer.flush();
    producer.push(&Number(99)).unwrap();
    drop(producer); // before it was flushed: as if it had never been
    assert_eq!(consumer.pop(), Ok(Some(Number(1))));
    consumer.release();
    assert_eq!(consumer.pop(), Ok(Some(Number(2))));
    drop(consumer); // before it was released: comes again
    let mut producer = SpscProducer::<Number, Heap>::attach(memory.clone()).unwrap();
    let mut consumer = SpscConsumer::<Number, Heap>::attach(memory).unwrap();
    assert_eq!((producer.room(), producer.depth()), (2, 2));
    producer.push(&Number(4)).unwrap();
    let _ = producer.flush();
    let taken: Vec<_> = std::iter::from_fn(|| consumer.pop().unwrap()).collect();
    assert_eq!(taken, [Number(2), Number(3), Number(4)]);
}

#[test]
fn a_record_that_is_no_value_is_named_and_skipped() {
    let (_, mut producer, mut consumer) = spsc_ring(4);
    producer.push(&Number(0)).unwrap();
    producer.push(&Number(7)).unwrap();
    let _ = producer.flush();
    let bad = BadValue { kind: "Number", value: 0 };
    assert_eq!(consumer.pop(), Err(RingError::Record(bad)));
    assert_eq!(consumer.pop(), Ok(Some(Number(7))));
}

#[test]
fn a_producer_that_lies_about_its_cursor_is_found_out_and_can_come_back() {
    let (memory, mut producer, mut consumer) = spsc_ring(4);
    for number in 1..=3 {
        producer.push(&Number(number)).unwrap();
    }
    let _ = producer.flush();
    assert_eq!(consumer.pop(), Ok(Some(Number(1))));
    for lie in [0, 6, 1 << 63, u64::MAX] {
        memory[PUBLISHED].store(lie, Ordering::Relaxed);
        let refused = Err(RingError::Cursor { theirs: lie, ours: 1 });
        assert_eq!(consumer.depth(), refused, "{lie}");
        assert!(!consumer.park(), "{lie}: who cannot trust the cursor does not sleep on it");
        consumer.unpark();
    }
    memory[PUBLISHED].store(2, Ordering::Relaxed);
    assert_eq!(consumer.depth(), Err(RingError::Cursor { theirs: 2, ours: 1 }), "three were there");
    memory[PUBLISHED].store(5, Ordering::Relaxed);
    assert_eq!(consumer.depth(), Ok(4), "one ring's length ahead is the most that can be");
}

#[test]
fn cursors_may_pass_the_end_of_their_word() {
    let (memory, _, _) = spsc_ring(4);
    for cursor in [PUBLISHED, CONSUMED] {
        memory[cursor].store(u64::MAX - 1, Ordering::Relaxed);
    }
    let mut producer = SpscProducer::<Number, Heap>::attach(memory.clone()).unwrap();
    let mut consumer = SpscConsumer::<Number, Heap>::attach(memory).unwrap();
    for round in 0..3 {
        for number in 1..=4 {
            producer.push(&Number(number)).unwrap();
        }
        assert_eq!(producer.push(&Number(5)), Err(spsc::Full), "round {round}");
        let _ = producer.flush();
        for number in 1..=4 {
            assert_eq!(consumer.pop(), Ok(Some(Number(number))), "round {round}");
        }
        assert_eq!(consumer.pop(), Ok(None));
        consumer.release();
    }
}

#[test]
fn a_consumer_that_lies_about_its_cursor_can_only_stop_its_own_producer() {
    let (memory, mut producer, _) = spsc_ring(4);
    for lie in [1, 5, 1 << 63, u64::MAX] {
        memory[CONSUMED].store(lie, Ordering::Relaxed);
        assert!(producer.room() <= 4 && producer.depth() <= 4, "{lie}");
        for _ in 0..8 {
            let _ = producer.push(&Number(1));
        }
        let _ = producer.flush();
    }
}

// --- Broadcast
// -------------------------------------------------------------------------------------

#[test]
fn every_reader_gets_every_record() {
    let (memory, mut producer, mut first) = broadcast_ring(4);
    let mut second = BroadcastConsumer::<Number, Heap>::attach(memory, 1).unwrap();
    write(&mut producer, 1..=4);
    let all: Vec<_> = (1..=4).map(Ok).collect();
    assert_eq!((first.depth(), drain(&mut first)), (4, all.clone()));
    assert_eq!((second.depth(), drain(&mut second)), (4, all));
    assert_eq!((producer.position(), first.depth()), (4, 0));
}

#[test]
fn lost_and_returned_records_add_up_to_what_was_written() {
    for capacity in [1, 2, 4, 8, 64] {
        for written in 0..200 {
            let (_, mut producer, mut reader) = broadcast_ring(capacity);
            write(&mut producer, 1..=written);
            let (mut lost, mut returned) = (0, 0);
            for outcome in drain(&mut reader) {
                match outcome {
                    Ok(number) => {
                        returned += 1;
                        assert_eq!(number, lost + returned, "record n comes at place n");
                    }
                    Err(RingError::Lapped { lost: count }) => lost += count,
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(lost + returned, written, "capacity {capacity}");
            assert_eq!(lost == 0, written <= capacity as u64, "capacity {capacity}: {written}");
        }
    }
}

#[test]
fn a_lapped_reader_stands_in_the_middle_of_the_ring() {
    let (_, mut producer, mut reader) = broadcast_ring(8);
    write(&mut producer, 1..=20);
    let mut expected = vec![Err(RingError::Lapped { lost: 16 })];
    expected.extend((17..=20).map(Ok));
    assert_eq!(drain(&mut reader), expected);
}

#[test]
fn a_batch_of_more_than_a_lap_never_moves_a_reader_beyond_what_is_published() {
    let (_, mut producer, mut reader) = broadcast_ring(4);
    write(&mut producer, 1..=2);
    for number in 3..=12 {
        producer.push(&Number(number)); // claimed, not published
    }
    assert_eq!(reader.pop(), Err(RingError::Lapped { lost: 2 }));
    assert_eq!((reader.pop(), reader.depth()), (Ok(None), 0));
    assert!(reader.park(), "nothing is published, so it may sleep");
    reader.unpark();
    producer.flush(|_| {});
    assert_eq!(reader.pop(), Err(RingError::Lapped { lost: 8 }));
    assert_eq!(drain(&mut reader), [Ok(11), Ok(12)]);
}

#[test]
fn a_reader_that_joins_late_starts_at_the_oldest_record_that_is_whole() {
    let (memory, mut producer, _) = broadcast_ring(4);
    write(&mut producer, 1..=10);
    let join = || BroadcastConsumer::<Number, Heap>::attach(memory.clone(), 0).unwrap();
    assert_eq!(drain(&mut join()), [7, 8, 9, 10].map(Ok));
    producer.push(&Number(11)); // its slot was record 7's
    assert_eq!(drain(&mut join()), [8, 9, 10].map(Ok));
}

#[test]
fn a_producer_that_attaches_again_keeps_the_claims_of_one_that_died_before_its_flush() {
    let (memory, mut producer, mut reader) = broadcast_ring(4);
    write(&mut producer, 1..=4);
    for number in 50..=52 {
        producer.push(&Number(number)); // over records 1, 2 and 3
    }
    drop(producer);
    let mut producer = BroadcastProducer::<Number, Heap>::attach(memory.clone()).unwrap();
    assert_eq!(producer.position(), 4, "what was not published was never there");
    assert_eq!(reader.pop(), Err(RingError::Lapped { lost: 4 }), "2 and 3 are overwritten too");
    write(&mut producer, 5..=5);
    assert_eq!(memory[CLAIMED].load(Ordering::Relaxed), 7, "a claim is never taken back");
    assert_eq!(drain(&mut reader), [Ok(5)]);
    write(&mut producer, 6..=9);
    assert_eq!(memory[CLAIMED].load(Ordering::Relaxed), 9);
    assert_eq!(drain(&mut reader), [6, 7, 8, 9].map(Ok));
}

#[test]
fn each_sleeping_reader_is_rung_once_for_each_sleep() {
    let (memory, mut producer, mut first) = broadcast_ring(4);
    let mut last = BroadcastConsumer::<Number, Heap>::attach(memory, 7).unwrap();
    let ring = |producer: &mut BroadcastProducer<Number, Heap>| {
        let mut rung = Vec::new();
        producer.push(&Number(1));
        producer.flush(|reader| rung.push(reader));
        rung
    };
    assert!(first.park() && last.park());
    assert_eq!(ring(&mut producer), [0, 7]);
    assert_eq!(ring(&mut producer), [0; 0]);
    first.unpark();
    last.unpark();
    assert!(!last.park(), "records wait");
    last.unpark();
    drain(&mut last);
    assert!(last.park());
    assert_eq!(ring(&mut producer), [7]);
}

#[test]
fn a_reader_finds_out_cursors_that_cannot_be() {
    let set = |memory: &Heap, published: u64, claimed: u64| {
        memory[PUBLISHED].store(published, Ordering::Relaxed);
        memory[CLAIMED].store(claimed, Ordering::Relaxed);
    };
    let (memory, mut producer, mut reader) = broadcast_ring(4);
    write(&mut producer, 1..=4);
    assert_eq!(reader.pop(), Ok(Some(Number(1))));
    set(&memory, 4, 1);
    let refused = Err(RingError::Cursor { theirs: 1, ours: 1 });
    assert_eq!(reader.pop(), refused, "published, and not claimed");
    set(&memory, 3, 9);
    let refused = Err(RingError::Cursor { theirs: 3, ours: 4 });
    assert_eq!(reader.pop(), refused, "lapped, and less is published than before");
    set(&memory, 4, u64::MAX);
    assert_eq!(reader.pop(), Err(RingError::Lapped { lost: 3 }), "to the end, and no further");
    assert_eq!(reader.pop(), Ok(None));
    set(&memory, 3, 4);
    let refused = Err(RingError::Cursor { theirs: 3, ours: 4 });
    assert_eq!(reader.pop(), refused, "published went back");
    set(&memory, u64::MAX, 4);
    let refused = Err(RingError::Cursor { theirs: 4, ours: 4 });
    assert_eq!(reader.pop(), refused, "published without a claim");
}

#[test]
fn any_cursors_end_in_a_record_an_error_or_nothing_and_never_in_a_panic() {
    let values = [0, 1, 2, 3, 4, 5, 8, 9, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];
    for published in values {
        for claimed in values {
            for joins_before in [true, false] {
                let (memory, mut producer, mut reader) = broadcast_ring(4);
                write(&mut producer, 1..=3);
                memory[PUBLISHED].store(published, Ordering::Relaxed);
                memory[CLAIMED].store(claimed, Ordering::Relaxed);
                if !joins_before {
                    reader = BroadcastConsumer::attach(memory, 0).unwrap();
                }
                drain(&mut reader);
                let _ = (reader.depth(), reader.park());
                reader.unpark();
            }
        }
    }
}

// --- Layout
// ----------------------------------------------------------------------------------------

#[test]
fn the_words_lie_where_the_layout_says() {
    let (memory, mut producer, mut consumer) = spsc_ring(4);
    assert_eq!(memory[0].load(Ordering::Relaxed).to_le_bytes(), *b"TLRING01");
    producer.push(&Number(42)).unwrap();
    let _ = producer.flush();
    let at = |place: usize| memory[place].load(Ordering::Relaxed);
    assert_eq!((at(RECORD_BYTES), at(CAPACITY), at(PUBLISHED), at(RECORDS)), (8, 4, 1, 42));
    assert_eq!(consumer.pop(), Ok(Some(Number(42))));
    assert!(consumer.park());
    assert_eq!((at(CONSUMED), at(SLEEPING)), (1, 1));
}

#[test]
fn a_ring_of_another_build_kind_or_record_is_refused_with_both_sides_named() {
    let (memory, _, _) = spsc_ring(4);
    let refusal = || SpscConsumer::<Number, Heap>::attach(memory.clone()).unwrap_err();
    for (word, field) in [(0, "magic"), (1, "version"), (2, "layout hash"), (3, "record bytes")] {
        let expected = memory[word].load(Ordering::Relaxed);
        memory[word].store(!expected, Ordering::Relaxed);
        assert_eq!(refusal(), RingError::Layout { field, found: !expected, expected });
        memory[word].store(expected, Ordering::Relaxed);
    }
    let kind = RingError::Layout { field: "kind", found: 1, expected: 2 };
    assert_eq!(BroadcastConsumer::<Number, Heap>::attach(memory.clone(), 0).unwrap_err(), kind);
    let bytes = RingError::Layout { field: "record bytes", found: 8, expected: 192 };
    assert_eq!(SpscProducer::<Command, Heap>::attach(memory.clone()).unwrap_err(), bytes);
    assert_eq!(bytes.to_string(), "not a ring of this build: record bytes is 0x8, not 0xc0");
}

#[test]
fn a_header_that_promises_more_than_there_is_is_refused() {
    let (memory, _, _) = spsc_ring(4);
    let refusal = |capacity: u64| {
        memory[CAPACITY].store(capacity, Ordering::Relaxed);
        SpscConsumer::<Number, Heap>::attach(memory.clone()).unwrap_err()
    };
    assert_eq!(refusal(8), RingError::TooShort { words: 1540, needed: 1544 });
    for value in [0, 3, u64::MAX] {
        assert_eq!(refusal(value), RingError::Argument { name: "capacity", value });
    }
    for capacity in [1 << 40, 1 << 60, 1 << 61, 1 << 63] {
        assert!(matches!(refusal(capacity), RingError::TooShort { words: 1540, .. }), "{capacity}");
    }
    let short: Heap = Arc::new((0..1535).map(|_| AtomicU64::new(0)).collect());
    let too_short = RingError::TooShort { words: 1535, needed: 1536 };
    assert_eq!(SpscConsumer::<Number, Heap>::attach(short).unwrap_err(), too_short);
}

#[test]
fn a_ring_is_made_with_a_power_of_two_in_enough_memory_and_a_reader_with_a_number_that_exists() {
    let memory = spsc::heap(4, 8);
    for capacity in [0, 3, 12] {
        let value = capacity as u64;
        let refused = Err(RingError::Argument { name: "capacity", value });
        assert_eq!(spsc::create::<Number>(&memory, capacity), refused);
    }
    let too_short = Err(RingError::TooShort { words: 1540, needed: 1544 });
    assert_eq!(broadcast::create::<Number>(&memory, 8), too_short);
    assert!(broadcast::create::<Number>(&memory, 1 << 62).is_err());
    broadcast::create::<Number>(&memory, 4).unwrap();
    let number = RingError::Argument { name: "reader", value: 8 };
    assert_eq!(BroadcastConsumer::<Number, Heap>::attach(memory, 8).unwrap_err(), number);
}

#[test]
fn a_ring_in_a_file_carries_the_venues_own_records_between_two_maps() {
    let path = std::env::temp_dir().join(format!("touchline-ring-{}", std::process::id()));
    let capacity = 8;
    let bytes = layout::ring_bytes(capacity, Command::BYTES);
    let ours = touchline_sys::SharedMap::create(&path, bytes).unwrap();
    spsc::create::<Command>(&ours, capacity).unwrap();
    let mut producer = SpscProducer::<Command, _>::attach(ours).unwrap();
    let theirs = touchline_sys::SharedMap::open(&path, true).unwrap();
    let mut consumer = SpscConsumer::<Command, _>::attach(theirs).unwrap();
    let mut command = Command::of(CommandKind::NewOrder);
    command.price = -17;
    producer.push(&command).unwrap();
    let _ = producer.flush();
    assert_eq!(consumer.pop(), Ok(Some(command)));
    let looker = touchline_sys::SharedMap::open(&path, false).unwrap();
    let other = BroadcastConsumer::<Event, _>::attach(looker, 0);
    assert!(matches!(other, Err(RingError::Layout { field: "kind", .. })), "same size, other kind");
    std::fs::remove_file(&path).unwrap();
}
