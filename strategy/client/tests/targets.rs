//! Targets on their way from who sets them to a strategy, through an engine that hands them over.

mod house;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use house::{House, Trader};
use rustix::fs::SealFlags;
use serde_json::json;
use touchline_config::RunFile;
use touchline_ring::targets::{LAYOUT_HASH, targets_bytes};
use touchline_strategy::{
    Kind, NO_PRICE, PutError, Strategy, StrategyEvent, Target, Targets, TargetsSetter, read_targets,
};
use touchline_sys::{Link, Part, Received, SharedMap, now_ns};

/// A time in which everything of a test happens, ns.
const LONG_NS: u64 = 60_000_000_000;

fn targets(valid_ns: u64, positions: &[(u32, i64)]) -> Targets {
    let row = |(instrument_id, position): &(u32, i64)| Target {
        position: *position,
        weight: f64::NAN,
        price: NO_PRICE,
        instrument_id: *instrument_id,
        reserved: 0,
    };
    let now = now_ns();
    Targets {
        version: 0,
        published_time: now,
        expires_time: now + valid_ns,
        source: "test".into(),
        rows: positions.iter().map(row).collect(),
    }
}

fn setter(house: &House, name: &str) -> TargetsSetter {
    TargetsSetter::open(&house.venue_toml(), name).unwrap()
}

fn told(trader: &mut Trader) -> StrategyEvent {
    trader.until(|event| event.kind == Kind::Target as u8)
}

fn position(strategy: &Strategy, instrument_id: u32) -> Option<i64> {
    strategy.target(instrument_id).map(|target| target.position)
}

#[test]
fn a_version_is_told_once_when_it_is_whole_and_once_when_it_has_expired() {
    let house = House::new("told", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    assert!(one.strategy.targets().is_none());
    let setter = setter(&house, "one");
    let put = targets(200_000_000, &[(1, 30), (2, -4)]);
    assert_eq!(setter.put(&put).unwrap(), 1);
    let event = told(&mut one);
    assert_eq!((event.order, event.qty, event.expired), (1, 2, 0));
    assert_eq!((event.matched_time, event.released_time), (put.published_time, put.expires_time));
    assert_eq!((position(&one.strategy, 1), position(&one.strategy, 2)), (Some(30), Some(-4)));
    let event = told(&mut one);
    assert_eq!((event.order, event.expired), (1, 1));
    let late = now_ns() - put.expires_time;
    assert!(late < 500_000_000, "told {late} ns after it");
    assert_eq!(position(&one.strategy, 1), None, "expired targets are none");
    one.settle();
    let count = one.seen.iter().filter(|event| event.kind == Kind::Target as u8).count();
    assert_eq!(count, 2);
}

#[test]
fn a_newer_version_takes_the_place_of_the_older_one_and_of_its_expiry() {
    let house = House::new("newer", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    let setter = setter(&house, "one");
    setter.put(&targets(150_000_000, &[(1, 5)])).unwrap();
    assert_eq!(told(&mut one).order, 1);
    setter.put(&targets(LONG_NS, &[(2, 6)])).unwrap();
    assert_eq!(told(&mut one).order, 2);
    assert_eq!((position(&one.strategy, 1), position(&one.strategy, 2)), (None, Some(6)));
    let end = Instant::now() + Duration::from_millis(250);
    while Instant::now() < end {
        one.settle();
    }
    assert_eq!(one.seen.iter().filter(|event| event.kind == Kind::Target as u8).count(), 2);
}

#[test]
fn targets_are_told_after_the_books_also_to_a_strategy_that_comes_later() {
    let house = House::new("later", "");
    let _running = house.start();
    let put = setter(&house, "one").put(&targets(LONG_NS, &[(1, 5)])).unwrap();
    assert_eq!(put, 1);
    let mut one = house.connect("one");
    told(&mut one);
    let lives = one.seen.iter().filter(|event| event.kind == Kind::Live as u8).count();
    assert_eq!(lives, 2, "{:?}", one.seen);
    drop(one);
    // Who comes when they have expired is told that, and nothing else.
    until_let_in(&house).put(&targets(1, &[(1, 6)])).unwrap();
    let mut one = house.connect("one");
    assert_eq!(told(&mut one).expired, 1);
}

#[test]
fn one_process_at_a_time_sets_them_and_they_stay_when_it_goes() {
    let house = House::new("single", "");
    let running = house.start();
    let first = setter(&house, "one");
    let refused = TargetsSetter::open(&house.venue_toml(), "one").unwrap_err().to_string();
    assert!(refused.contains("another process sets the targets of strategy one"), "{refused}");
    let other = setter(&house, "two");
    first.put(&targets(LONG_NS, &[(1, 5)])).unwrap();
    assert_eq!(read_targets(&house.venue_toml(), "two").unwrap(), None, "each has its own");
    other.put(&targets(LONG_NS, &[(1, 9)])).unwrap();
    drop(first);
    let second = until_let_in(&house);
    let found = read_targets(&house.venue_toml(), "one").unwrap().unwrap();
    assert_eq!((found.version, found.rows[0].position), (1, 5));
    assert_eq!(second.put(&targets(LONG_NS, &[(1, 6)])).unwrap(), 2);
    // The engine's end is the end of the targets, and the setter is told so.
    running.end();
    assert!(matches!(second.put(&targets(LONG_NS, &[(1, 7)])), Err(PutError::Gone)));
    let _running = house.start();
    assert_eq!(read_targets(&house.venue_toml(), "one").unwrap(), None);
}

/// The engine notices a moment later that the setter before has gone.
fn until_let_in(house: &House) -> TargetsSetter {
    until(|| TargetsSetter::open(&house.venue_toml(), "one").ok())
}

#[test]
fn what_is_beyond_the_strategy_is_refused_with_its_place() {
    let house = House::new("beyond", "");
    let _running = house.start();
    let setter = setter(&house, "one");
    for (positions, part) in [
        (&[(3, 1)][..], "instrument 3 does not exist"),
        (&[(1, 1_001)], "position 1001 of instrument 1 is beyond 1000 lots"),
    ] {
        let refused = setter.put(&targets(LONG_NS, positions)).unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    let unknown = TargetsSetter::open(&house.venue_toml(), "three").unwrap_err().to_string();
    assert!(unknown.contains("no strategy \"three\"; the venue has one, two"), "{unknown}");
}

#[test]
fn targets_of_another_user_are_set_by_that_user_alone() {
    let house = House::new("user", "targets_uid = 4294000000");
    let _running = house.start();
    let refused = TargetsSetter::open(&house.venue_toml(), "two").unwrap_err().to_string();
    assert!(refused.contains("may not set the targets of strategy two"), "{refused}");
    assert_eq!(read_targets(&house.venue_toml(), "two").unwrap(), None, "to look is our right");
    assert!(TargetsSetter::open(&house.venue_toml(), "one").is_ok());
}

/// The memory of the targets of `one`, as somebody with no manners has it.
fn memory(house: &House, how: &str) -> Option<(Link, OwnedFd)> {
    let link = Link::connect(&house.venue.run_file(RunFile::StrategySocket)).unwrap();
    let layout = format!("{LAYOUT_HASH:016x}");
    let hello = json!({"strategy": "one", "targets": how, "layout": layout});
    link.send(hello.to_string().as_bytes(), &[]).unwrap();
    loop {
        match link.receive(&mut [0; 512]).unwrap() {
            Received::Nothing => std::thread::sleep(Duration::from_millis(1)),
            Received::Message { fds, .. } => return fds.into_iter().next().map(|fd| (link, fd)),
            Received::Closed => return None,
        }
    }
}

#[test]
fn who_looks_cannot_write_and_nobody_can_change_the_length() {
    let house = House::new("looks", "");
    let _running = house.start();
    let (_, fd) = memory(&house, "read").unwrap();
    let bytes = targets_bytes(2);
    let part = |fd: &OwnedFd, writable| {
        let part = Part { fd: fd.as_fd(), offset: 0, bytes, writable };
        SharedMap::assemble(&[part], "targets").is_ok()
    };
    assert!(part(&fd, false) && !part(&fd, true));
    assert!(rustix::io::pwrite(&fd, &[1; 8], 0).is_err());
    let mode = rustix::fs::fstat(&fd).unwrap().st_mode & 0o777;
    assert_eq!(mode, 0o600, "another user cannot open it again for writing");
    let (_link, written) = memory(&house, "write").unwrap();
    for len in [0, 1 << 30] {
        assert!(rustix::fs::ftruncate(&written, len).is_err());
    }
}

#[test]
fn a_writer_cannot_seal_the_memory_against_the_next_one() {
    let house = House::new("sealing", "");
    let _running = house.start();
    let (link, fd) = memory(&house, "write").unwrap();
    for flag in [SealFlags::WRITE, SealFlags::FUTURE_WRITE] {
        assert!(rustix::fs::fcntl_add_seals(&fd, flag).is_err(), "sealed");
    }
    drop((link, fd));
    assert_eq!(until_let_in(&house).put(&targets(LONG_NS, &[(1, 5)])).unwrap(), 1);
}

#[test]
fn a_writer_of_nonsense_costs_only_its_own_strategy_and_only_a_counter() {
    let house = House::new("nonsense", "");
    let _running = house.start();
    let (mut one, mut two) = (house.connect("one").live(), house.connect("two").live());
    setter(&house, "one").put(&targets(LONG_NS, &[(1, 5)])).unwrap();
    told(&mut one);
    let (link, fd) = until(|| memory(&house, "write"));
    let part = Part { fd: fd.as_fd(), offset: 0, bytes: targets_bytes(2), writable: true };
    let map = SharedMap::assemble(&[part], "targets").unwrap();
    for newest in [7, u64::MAX, 8, 1 << 40] {
        map.words()[8].store(newest, Ordering::Release);
        one.settle();
    }
    let counters = one.strategy.counters();
    assert_eq!(counters["targets_refused"], 4, "{counters}");
    assert!(counters["targets_why"].as_str().unwrap().contains("its slot holds"), "{counters}");
    assert_eq!(position(&one.strategy, 1), Some(5), "what was good stays");
    one.mark();
    two.see_mark();
    // The next writer that keeps the rules is heard again.
    drop((link, map));
    let version = until_let_in(&house).put(&targets(LONG_NS, &[(1, 6)])).unwrap();
    assert_eq!(told(&mut one).order, version);
    assert_eq!(position(&one.strategy, 1), Some(6));
}

fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "it does not come");
        std::thread::sleep(Duration::from_millis(60));
    }
}
