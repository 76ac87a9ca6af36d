//! Targets in memory: what was written is what is read, and nothing else is.
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use touchline_ring::targets::{Bounds, NO_PRICE, SOURCE_BYTES_MAX, VALID_NS_MAX, targets_bytes};
use touchline_ring::{RingError, Target, Targets, TargetsError, TargetsReader, TargetsWriter};

type Heap = Arc<Vec<AtomicU64>>;

const ROOM: usize = 4;
const BOUNDS: Bounds = Bounds { instruments: ROOM as u32, max_position: 1_000 };
/// First word of slot 0 and of slot 1, of the rows in a slot, and the word of the newest version.
const SLOT: [usize; 2] = [16, 16 + 16 + 4 * ROOM];
const ROWS: usize = 16;
const NEWEST: usize = 8;

fn heap() -> Heap {
    Arc::new((0..targets_bytes(ROOM) / 8).map(|_| AtomicU64::new(0)).collect())
}

fn both() -> (Heap, TargetsWriter<Heap>, TargetsReader<Heap>) {
    let memory = heap();
    let writer = TargetsWriter::take(memory.clone(), ROOM).unwrap();
    let reader = TargetsReader::attach(memory.clone()).unwrap();
    (memory, writer, reader)
}

fn row(instrument_id: u32, position: i64) -> Target {
    Target { position, weight: 0.25, price: NO_PRICE, instrument_id, reserved: 0 }
}

/// Targets of two instruments, which all follow from one number.
fn targets(number: i64) -> Targets {
    Targets {
        version: 0,
        published_time: number.unsigned_abs(),
        expires_time: number.unsigned_abs() + 10,
        source: format!("number {number}"),
        rows: vec![row(1, number), row(3, -number)],
    }
}

#[test]
fn what_is_published_is_read_whole_with_a_version_that_rises() {
    let (_, writer, reader) = both();
    assert_eq!((reader.newest(), reader.read(BOUNDS)), (0, Ok(None)));
    for version in 1..=3 {
        let number = i64::try_from(version).unwrap();
        assert_eq!(writer.publish(&targets(number), BOUNDS), Ok(version));
        let wanted = Targets { version, ..targets(number) };
        assert_eq!(reader.read(BOUNDS), Ok(Some(wanted)));
        assert_eq!(reader.newest(), version);
    }
    let none = Targets { rows: Vec::new(), source: "e".repeat(SOURCE_BYTES_MAX), ..targets(4) };
    assert_eq!(writer.publish(&none, BOUNDS), Ok(4));
    assert_eq!(reader.read(BOUNDS), Ok(Some(Targets { version: 4, ..none })));
}

#[test]
fn targets_outlive_their_writer_and_the_next_one_goes_on() {
    let (memory, writer, reader) = both();
    writer.publish(&targets(1), BOUNDS).unwrap();
    drop(writer);
    let next = TargetsWriter::take(memory, ROOM).unwrap();
    assert_eq!(reader.read(BOUNDS).unwrap().map(|found| found.version), Some(1));
    assert_eq!(next.publish(&targets(2), BOUNDS), Ok(2));
}

#[test]
fn a_writer_that_died_in_the_middle_leaves_what_was_there() {
    let (memory, writer, reader) = both();
    writer.publish(&targets(1), BOUNDS).unwrap();
    // Version 2 goes to slot 0; half of it is there when the process is killed.
    for word in &memory[SLOT[0]..SLOT[0] + 10] {
        word.store(u64::MAX, Ordering::Relaxed);
    }
    assert_eq!(reader.read(BOUNDS), Ok(Some(Targets { version: 1, ..targets(1) })));
    assert_eq!(writer.publish(&targets(2), BOUNDS), Ok(2));
    assert_eq!(reader.read(BOUNDS), Ok(Some(Targets { version: 2, ..targets(2) })));
}

#[test]
fn what_cannot_be_is_not_published() {
    let (_, writer, reader) = both();
    let of = |rows: &[Target]| Targets { rows: rows.to_vec(), ..targets(1) };
    let infinite = Target { weight: f64::INFINITY, ..row(1, 1) };
    let late = 1 + VALID_NS_MAX + 1;
    let cases = [
        (of(&[row(0, 1)]), TargetsError::Instrument(0)),
        (of(&[row(5, 1)]), TargetsError::Instrument(5)),
        (of(&[row(2, 1), row(2, 1)]), TargetsError::Instrument(2)),
        (of(&[row(3, 1), row(1, 1)]), TargetsError::Instrument(1)),
        (of(&[row(1, 1_001)]), TargetsError::Position(1, 1_001, 1_000)),
        (of(&[row(1, i64::MIN)]), TargetsError::Position(1, i64::MIN, 1_000)),
        (of(&[infinite]), TargetsError::Weight(1)),
        (
            Targets { expires_time: 0, ..targets(1) },
            TargetsError::Times { published: 1, expires: 0 },
        ),
        (
            Targets { expires_time: late, ..targets(1) },
            TargetsError::Times { published: 1, expires: late },
        ),
        (Targets { source: String::new(), ..targets(1) }, TargetsError::Source),
        (Targets { source: "e".repeat(33), ..targets(1) }, TargetsError::Source),
        (Targets { source: "a\0b".into(), ..targets(1) }, TargetsError::Source),
    ];
    for (wrong, error) in cases {
        assert_eq!(writer.publish(&wrong, BOUNDS), Err(error.clone()));
        assert!(error.to_string().starts_with("targets: "), "{error}");
    }
    let wide = Bounds { instruments: 9, ..BOUNDS };
    let five: Vec<Target> = (1..=5).map(|id| row(id, 1)).collect();
    let error = TargetsError::Rows { count: 5, room: ROOM };
    assert_eq!(writer.publish(&of(&five), wide), Err(error));
    assert_eq!(reader.read(BOUNDS), Ok(None));
}

#[test]
fn every_lie_of_a_writer_is_a_reason() {
    let lies: [(&str, usize, u64); 7] = [
        ("its slot holds", SLOT[1], 7),
        ("checksum", SLOT[1] + 1, 99),
        ("4294967295 rows", SLOT[1] + 3, u64::from(u32::MAX)),
        ("checksum", SLOT[1] + 4, u64::MAX),
        ("checksum", SLOT[1] + ROWS, 9),
        ("checksum", SLOT[1] + ROWS + 1, 1 << 50),
        ("its slot holds", NEWEST, u64::MAX),
    ];
    for (part, at, value) in lies {
        let (memory, writer, reader) = both();
        writer.publish(&targets(1), BOUNDS).unwrap();
        memory[at].store(value, Ordering::Relaxed);
        let error = reader.read(BOUNDS).unwrap_err().to_string();
        assert!(error.contains(part), "word {at}: {error}");
    }
}

#[test]
fn who_checks_his_lies_is_still_refused() {
    // A writer that keeps the layout, and not the bounds of the strategy.
    let (_, writer, reader) = both();
    let loose = Bounds { instruments: 1_000_000, max_position: i64::MAX };
    for (rows, error) in [
        (vec![row(77, 1)], TargetsError::Instrument(77)),
        (vec![row(1, 5_000)], TargetsError::Position(1, 5_000, 1_000)),
    ] {
        writer.publish(&Targets { rows, ..targets(1) }, loose).unwrap();
        assert_eq!(reader.read(BOUNDS), Err(error));
    }
}

#[test]
fn memory_that_is_no_table_or_is_cut_off_is_refused() {
    let (memory, ..) = both();
    let copy = |words: usize| -> Heap {
        let word = |at: usize| AtomicU64::new(memory[at].load(Ordering::Relaxed));
        Arc::new((0..words).map(word).collect())
    };
    for words in 0..SLOT[1] + 16 + 4 * ROOM {
        let refused = TargetsReader::attach(copy(words)).unwrap_err();
        assert!(matches!(refused, RingError::TooShort { .. }), "{words} words: {refused}");
        assert!(TargetsWriter::take(copy(words), ROOM).is_err());
    }
    for (at, field) in ["magic", "version", "layout hash"].into_iter().enumerate() {
        let other = copy(memory.len());
        other[at].store(99, Ordering::Relaxed);
        let refused = TargetsReader::attach(other.clone()).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
        TargetsWriter::take(other.clone(), ROOM).unwrap();
        assert!(TargetsReader::attach(other).is_ok(), "the next writer makes it right");
    }
    let absurd = copy(memory.len());
    absurd[3].store(u64::MAX, Ordering::Relaxed);
    assert!(TargetsReader::attach(absurd).is_err());
}

#[test]
fn noise_is_never_read_as_targets() {
    let (memory, writer, reader) = both();
    writer.publish(&targets(1), BOUNDS).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = NEWEST + (state >> 33) as usize % (memory.len() - NEWEST);
        let small = round % 2 == 0;
        memory[at].store(if small { state >> 62 } else { state }, Ordering::Relaxed);
        if let Ok(Some(found)) = reader.read(BOUNDS) {
            assert!(found.check(BOUNDS).is_ok(), "round {round}");
        }
    }
}

#[test]
fn a_reader_beside_a_fast_writer_never_gets_a_mixture() {
    let (memory, writer, _) = both();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (1..1_000).cycle() {
                writer.publish(&targets(number), BOUNDS).unwrap();
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let reader = TargetsReader::attach(memory.clone()).unwrap();
        let (mut whole, mut last) = (0, 0);
        let end = std::time::Instant::now() + std::time::Duration::from_millis(400);
        while std::time::Instant::now() < end {
            match reader.read(BOUNDS) {
                Ok(Some(found)) => {
                    let number = found.rows[0].position;
                    assert_eq!(found, Targets { version: found.version, ..targets(number) });
                    assert!(found.version >= last, "older than before");
                    last = found.version;
                    whole += 1;
                }
                Ok(None) | Err(TargetsError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(whole > 100 && last > 100, "{whole} reads up to version {last}");
    });
}
