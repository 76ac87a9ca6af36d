//! What a reader finds in a counters file, and when.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use touchline_counters::Table;
use touchline_counters::layout::{
    ALIVE, BUCKETS, CEILING_NS, FLOOR_NS, LAYOUT_HASH, MAGIC, PID, VERSION, bound_ns, bucket_of,
};
use touchline_sys::SharedMap;

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("touchline-{name}-{}.counters", std::process::id()))
}

fn words(path: &Path) -> Vec<u64> {
    let map = SharedMap::open(path, false).unwrap();
    map.words().iter().map(|word| word.load(Ordering::Relaxed)).collect()
}

/// A text of the file, as an entry or the header names it.
fn text(words: &[u64], place: u64) -> String {
    let bytes: Vec<u8> = words[words[6] as usize..].iter().flat_map(|w| w.to_le_bytes()).collect();
    let (first, length) = ((place & 0xffff_ffff) as usize, (place >> 32) as usize);
    String::from_utf8(bytes[first..first + length].to_vec()).unwrap()
}

#[test]
fn a_file_names_its_values_and_shows_what_was_set_and_recorded() {
    let path = path("named");
    let mut table = Table::new("engine");
    let orders = table.counter("touchline_orders_total", &[("kind", "new")], "Orders.");
    let position = table.gauge("touchline_position", &[], "Held.");
    let latency = table.latency("touchline_hop_seconds", &[("hop", "one")], "Time.");
    let file = table.create(&path).unwrap();
    file.set(orders, 7);
    file.set_signed(position, -3);
    let recorder = file.recorder(latency);
    [10, 100, 100, u64::MAX / 4].into_iter().for_each(|ns| recorder.record(ns));
    file.alive(55);

    let words = words(&path);
    assert_eq!(words[..3], [MAGIC, VERSION, LAYOUT_HASH]);
    assert_eq!((words[3] as usize, words[4]), (words.len(), 3));
    assert_eq!((words[PID], words[ALIVE]), (u64::from(std::process::id()), 55));
    assert_eq!(text(&words, words[10]), "engine");
    let entry = |at: usize| &words[words[5] as usize + 8 * at..][..8];
    assert_eq!(text(&words, entry(0)[2]), "touchline_orders_total");
    assert_eq!(text(&words, entry(0)[3]), "kind\0new\0");
    assert_eq!(text(&words, entry(2)[4]), "Time.");
    assert_eq!(words[entry(0)[1] as usize], 7);
    assert_eq!(words[entry(1)[1] as usize].cast_signed(), -3);
    let histogram = &words[entry(2)[1] as usize..][..=BUCKETS];
    assert_eq!(entry(2)[1] % 8, 0, "a histogram begins on a line");
    assert_eq!(histogram[0], 210 + u64::MAX / 4);
    assert_eq!((histogram[1], histogram[1 + bucket_of(100)], histogram[BUCKETS]), (1, 2, 1));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_file_is_locked_while_its_writer_lives_and_no_longer() {
    let path = path("locked");
    let file = Table::new("engine").create(&path).unwrap();
    let reader = std::fs::File::open(&path).unwrap();
    assert!(reader.try_lock_shared().is_err());
    drop(file);
    assert!(reader.try_lock_shared().is_ok());
    // Who watches an old file does not keep the next one from being made.
    let next = Table::new("engine").create(&path).unwrap();
    assert!(std::fs::File::open(&path).unwrap().try_lock_shared().is_err());
    drop(next);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn every_time_lies_in_the_bucket_whose_bounds_enclose_it() {
    let mut times: Vec<u64> = (0..2_000).collect();
    for bits in 6..40 {
        times.extend((0..64).map(|step| (1_u64 << bits) + (step << bits >> 6)));
        times.extend([(1 << bits) - 1, (1 << bits) + 1]);
    }
    for ns in times {
        let bucket = bucket_of(ns);
        assert!(bound_ns(bucket).is_none_or(|upper| ns <= upper), "{ns} in {bucket}");
        let lower = bucket.checked_sub(1).and_then(bound_ns);
        assert!(lower.is_none_or(|lower| ns > lower), "{ns} in {bucket}");
    }
}

#[test]
fn the_bounds_of_a_bucket_differ_by_at_most_a_quarter() {
    let bounds: Vec<u64> = (0..BUCKETS - 1).filter_map(bound_ns).collect();
    assert_eq!((bounds[0], bounds[BUCKETS - 2]), (FLOOR_NS, CEILING_NS));
    for pair in bounds.windows(2) {
        assert!(pair[1] > pair[0] && 4 * (pair[1] - pair[0]) <= pair[0], "{pair:?}");
    }
    assert_eq!(bound_ns(BUCKETS - 1), None);
}
