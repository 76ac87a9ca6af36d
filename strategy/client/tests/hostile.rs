//! A strategy that means harm gets nowhere: what it may not write it cannot map, and what it writes
//! is its own loss.

mod house;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use house::House;
use rustix::fs::{FallocateFlags, OFlags, SealFlags};
use serde_json::json;
use touchline_config::RunFile;
use touchline_ring::port::{COMMANDS, End, LAYOUT_HASH, STRATEGY_BYTES, map, map_gauges};
use touchline_ring::{BroadcastConsumer, SpscProducer};
use touchline_strategy::{Execution, Kind, Strategy};
use touchline_sys::{Link, PAGE_BYTES, Part, Received, SharedMap};
use touchline_types::{
    Command, CommandKind, EventKind, OrdType, PrivateRecord, Side, TimeInForce, strategy_prefix,
};

/// Word of a command ring where its producer says how much is published.
const PUBLISHED: usize = 512;
/// Word of a ring where its first reader says that it sleeps.
const SLEEPING: usize = 1_032;
/// First word of the records of a ring.
const RECORDS: usize = 1_536;

/// A process that has the memory of a strategy and no manners.
struct Intruder {
    link: Link,
    fds: Vec<OwnedFd>,
    commands: Arc<SharedMap>,
    executions: Arc<SharedMap>,
}

impl Intruder {
    fn enter(house: &House, name: &str) -> Self {
        let intruder = Self::arrive(house, name);
        intruder.link.send(b"mapped", &[]).unwrap();
        // What a strategy pushes after this was pushed while nobody could punch holes.
        while intruder.may_punch() {
            std::thread::sleep(Duration::from_millis(1));
        }
        intruder
    }

    /// Takes the memory, and does not say yet that it is mapped.
    fn arrive(house: &House, name: &str) -> Self {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let link = Link::connect(&house.venue.run_file(RunFile::StrategySocket)).unwrap();
            let hello = json!({
                "strategy": name,
                "records": format!("{:016x}", touchline_types::LAYOUT_HASH),
                "rings": format!("{LAYOUT_HASH:016x}"),
            });
            link.send(hello.to_string().as_bytes(), &[]).unwrap();
            let fds = Self::answer(&link);
            if let [engine, strategy, ..] = fds.as_slice() {
                let (commands, executions) =
                    map(End::Strategy, engine.as_fd(), strategy.as_fd()).unwrap();
                let (commands, executions) = (Arc::new(commands), Arc::new(executions));
                return Self { link, fds, commands, executions };
            }
            // The engine has not yet noticed that the one before has gone.
            assert!(Instant::now() < end, "not let in");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn answer(link: &Link) -> Vec<OwnedFd> {
        let mut buffer = [0; 4_096];
        loop {
            match link.receive(&mut buffer).unwrap() {
                Received::Nothing => std::thread::sleep(Duration::from_millis(1)),
                Received::Closed => return Vec::new(),
                Received::Message { fds, .. } => return fds,
            }
        }
    }

    /// True if it could take the pages of its piece away; then it has done so.
    fn may_punch(&self) -> bool {
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&self.fds[1], punch, 0, STRATEGY_BYTES as u64).is_ok()
    }

    fn publish(&self, position: u64) {
        self.commands.words()[PUBLISHED].store(position, Ordering::Release);
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.fds[4], &1_u64.to_ne_bytes());
    }

    fn is_thrown_out(&self) -> bool {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            match self.link.receive(&mut [0; 64]) {
                Ok(Received::Nothing) => std::thread::sleep(Duration::from_millis(1)),
                _ => return true,
            }
        }
        false
    }
}

/// The venue serves another strategy.
fn serves(house: &House, name: &str) {
    let mut other = house.connect(name).live();
    let order = other.limit(Side::Buy, 100, 1);
    other.execution(order, Execution::New);
}

#[test]
fn the_length_of_no_piece_can_be_changed_and_the_engines_cannot_be_written() {
    let house = House::new("seals", "");
    let _running = house.start();
    let intruder = Intruder::enter(&house, "one");
    for fd in &intruder.fds[..3] {
        for len in [0, 4_096, 1 << 30] {
            assert!(rustix::fs::ftruncate(fd, len).is_err(), "shorter or longer");
        }
    }
    for fd in [&intruder.fds[0], &intruder.fds[2]] {
        let part = Part { fd: fd.as_fd(), offset: 0, bytes: PAGE_BYTES, writable: true };
        assert!(SharedMap::assemble(&[part], "theirs").is_err(), "mapped for writing");
        assert!(rustix::io::pwrite(fd, &[0; 8], 0).is_err(), "written");
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        assert!(rustix::fs::fallocate(fd, punch, 0, 4_096).is_err(), "punched");
    }
    serves(&house, "two");
}

#[test]
fn noise_in_the_gauges_is_shown_as_nonsense_about_its_sender_alone() {
    let house = House::new("gauges", "");
    let running = house.start();
    let mut two = house.connect("two").live();
    assert!(two.strategy.name_gauges(&["score"]).is_ok());
    two.strategy.set_gauges(&[0.5]);
    let intruder = Intruder::arrive(&house, "one");
    let page = map_gauges(End::Strategy, &intruder.fds[1]).unwrap();
    intruder.link.send(b"mapped", &[]).unwrap();
    for (at, word) in (1_u64..).zip(page.words()) {
        word.store(at.wrapping_mul(0x9e37_79b9_7f4a_7c15), Ordering::Relaxed);
    }
    let order = two.limit(Side::Buy, 100, 1);
    two.execution(order, Execution::New);
    running.expect(1, "gauges", json!({"score": 0.5}));
    let shown = running.figure(0, "gauges");
    let names = shown.as_object().unwrap();
    assert!(names.keys().all(|name| touchline_ring::gauges::is_name(name.as_bytes())));
}

#[test]
fn bells_that_were_made_blocking_block_nobody_else() {
    let house = House::new("bells", "");
    let _running = house.start();
    let intruder = Intruder::enter(&house, "one");
    let [bell, doorbell] = [&intruder.fds[3], &intruder.fds[4]];
    for fd in [bell, doorbell] {
        rustix::fs::fcntl_setfl(fd, OFlags::empty()).unwrap();
    }
    // Nothing can be sent to the engine's end: what waits there would have to be closed there.
    assert!(rustix::io::write(bell, b"x").is_err());
    rustix::io::write(doorbell, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    // It sleeps, and never takes a ring.
    let asleep = || intruder.executions.words()[SLEEPING].store(1, Ordering::SeqCst);
    let mut two = house.connect("two").live();
    for at in 0..500 {
        asleep();
        let order = two.limit(Side::Buy, 100 + at, 1);
        two.execution(order, Execution::New);
    }
}

#[test]
fn a_strategy_is_not_told_who_was_on_the_other_side() {
    let house = House::new("strangers", "");
    let _running = house.start();
    let intruder = Intruder::enter(&house, "one");
    let one = house.venue.strategies[0].id;
    let mut ring = SpscProducer::attach(Arc::clone(&intruder.commands)).unwrap();
    let executions = Arc::clone(&intruder.executions);
    let mut two = house.connect("two").live();
    let offer = two.limit(Side::Sell, 100, 1);
    two.execution(offer, Execution::New);
    // It takes the other's offer, and the other one takes its bid.
    for number in [1, 2] {
        ring.push(&command(CommandKind::NewOrder, strategy_prefix(one), number)).unwrap();
    }
    let _ = ring.flush_unowned();
    two.execution(offer, Execution::Trade);
    two.until(|event| event.kind == Kind::Book as u8 && event.bid_px == 100);
    let sale = two.limit(Side::Sell, 100, 1);
    two.execution(sale, Execution::Trade);
    two.mark();
    let mut told = BroadcastConsumer::<PrivateRecord, _>::attach(executions, 0).unwrap();
    let mut fills = 0;
    while let Some(record) = told.pop().unwrap() {
        let event = record.event().unwrap();
        assert_eq!(event.session_id, one, "{event:?}");
        assert!([0, one].contains(&record.from_session_id), "{record:?}");
        let of_stranger = record.from_session_id == 0;
        assert!(!of_stranger || (record.token, record.recv_time) == (0, 0), "{record:?}");
        fills += u32::from(event.kind == EventKind::Executed);
    }
    assert_eq!(fills, 2);
}

#[test]
fn who_connects_without_end_is_told_to_wait() {
    let house = House::new("again", "");
    let _running = house.start();
    let end = Instant::now() + Duration::from_secs(20);
    let mut refused = String::new();
    while !refused.contains("too often") {
        assert!(Instant::now() < end, "{refused}");
        match Strategy::open(&house.venue_toml(), "one") {
            Ok(strategy) => drop(strategy),
            Err(error) => refused = error.to_string(),
        }
    }
    serves(&house, "two");
}

#[test]
fn a_cursor_that_cannot_be_ends_the_connection_and_nothing_else() {
    let house = House::new("cursors", "");
    let running = house.start();
    let lies = [u64::MAX, 1 << 63, COMMANDS as u64 + 1, u64::MAX - 1_000];
    for (count, lie) in (1..).zip(lies) {
        let intruder = Intruder::enter(&house, "one");
        intruder.publish(lie);
        assert!(intruder.is_thrown_out(), "{lie}");
        running.expect(0, "broken", count);
        serves(&house, "two");
    }
}

#[test]
fn a_cursor_that_goes_back_ends_the_connection() {
    let house = House::new("back", "");
    let running = house.start();
    let intruder = Intruder::enter(&house, "one");
    intruder.publish(10);
    running.expect(0, "bad_records", 10);
    intruder.publish(3);
    assert!(intruder.is_thrown_out());
    running.expect(0, "broken", 1);
}

#[test]
fn records_that_are_no_commands_are_counted_and_dropped() {
    let house = House::new("garbage", "");
    let running = house.start();
    let intruder = Intruder::enter(&house, "one");
    let words = intruder.commands.words();
    let mut chance = 1_u64;
    for word in &words[RECORDS..] {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        word.store(chance, Ordering::Relaxed);
    }
    intruder.publish(COMMANDS as u64);
    // One in some billions might be a command; this seed has none.
    running.expect(0, "bad_records", COMMANDS as u64);
    running.expect(0, "commands", 0);
    serves(&house, "two");
}

fn command(kind: CommandKind, name: [u8; 4], number: u64) -> Command {
    let mut command = Command::of(kind);
    command.cl_ord_id[..4].copy_from_slice(&name);
    let text = format!("{number:08}");
    command.cl_ord_id[4..12].copy_from_slice(text.as_bytes());
    command.orig_cl_ord_id = command.cl_ord_id;
    (command.instrument_id, command.side, command.ord_type) = (1, Side::Buy, OrdType::Limit);
    (command.price, command.order_qty, command.time_in_force) = (100, 1, TimeInForce::Day);
    command
}

#[test]
fn a_strategy_may_send_orders_in_its_own_name_alone() {
    let house = House::new("names", "");
    let running = house.start();
    let one = house.venue.strategies[0].id;
    let intruder = Intruder::enter(&house, "one");
    let mut ring = SpscProducer::attach(Arc::clone(&intruder.commands)).unwrap();
    // It says that it is an operator, another session, another member: the ring says who it is.
    let mut forged = command(CommandKind::NewOrder, strategy_prefix(one), 1);
    (forged.session_id, forged.member_id, forged.gateway_id, forged.seq) = (0, 2, 7, 99);
    ring.push(&forged).unwrap();
    for kind in [
        CommandKind::ChangePhase,
        CommandKind::BlockEntry,
        CommandKind::AdmitEntry,
        CommandKind::SetLimits,
        CommandKind::ExpireOrders,
        CommandKind::SetAccount,
        CommandKind::Deposit,
    ] {
        ring.push(&command(kind, strategy_prefix(one), 2)).unwrap();
    }
    // Orders of another session of its member have other names.
    for name in [*b"ABCD", strategy_prefix(one + 1), *b"S\x0000", [0; 4]] {
        ring.push(&command(CommandKind::CancelOrder, name, 3)).unwrap();
    }
    let _ = ring.flush_unowned();
    running.expect(0, "bad_records", 11);
    running.expect(0, "commands", 1);
    let mut two = house.connect("two").live();
    two.mark();
    assert_eq!(two.ladder(1, Side::Buy), [(100, 1, 1)], "the order stands");
    drop(intruder);
    running.expect(0, "canceled_orders", 1);
}

#[test]
fn once_it_trades_a_strategy_cannot_take_pages_away_under_the_engine() {
    let house = House::new("holes", "");
    let running = house.start();
    let intruder = Intruder::arrive(&house, "one");
    assert!(intruder.may_punch(), "before it has mapped its memory it can, and nobody reads there");
    running.expect(0, "connected", false);
    intruder.link.send(b"mapped", &[]).unwrap();
    running.expect(0, "connected", true);
    assert!(!intruder.may_punch());
    let part = Part { fd: intruder.fds[1].as_fd(), offset: 0, bytes: PAGE_BYTES, writable: true };
    assert!(SharedMap::assemble(&[part], "again").is_err(), "mapped for writing by one more");
    let mut ring = SpscProducer::attach(Arc::clone(&intruder.commands)).unwrap();
    let prefix = strategy_prefix(house.venue.strategies[0].id);
    ring.push(&command(CommandKind::NewOrder, prefix, 1)).unwrap();
    let _ = ring.flush_unowned();
    intruder.ring();
    running.expect(0, "commands", 1);
    serves(&house, "two");
}

#[test]
fn who_seals_its_memory_first_or_never_says_that_it_is_mapped_is_not_let_in() {
    let house = House::new("sealed", "");
    let running = house.start();
    let intruder = Intruder::arrive(&house, "one");
    rustix::fs::fcntl_add_seals(&intruder.fds[1], SealFlags::SEAL).unwrap();
    intruder.link.send(b"mapped", &[]).unwrap();
    assert!(intruder.is_thrown_out());
    drop(intruder);
    let intruder = Intruder::arrive(&house, "one");
    assert!(intruder.is_thrown_out(), "it has two seconds");
    drop(intruder);
    let intruder = Intruder::arrive(&house, "one");
    intruder.link.send(b"snapshot", &[]).unwrap();
    assert!(intruder.is_thrown_out());
    running.expect(0, "connections", 0);
    serves(&house, "two");
}

/// Sends orders as fast as they are taken, for a while; returns how many were refused a place.
fn flood(intruder: &Intruder, session_id: u32) -> u64 {
    let mut ring = SpscProducer::attach(Arc::clone(&intruder.commands)).unwrap();
    let (mut number, mut full, end) = (0, 0, Instant::now() + Duration::from_millis(500));
    while Instant::now() < end {
        number += 1;
        if ring.push(&command(CommandKind::NewOrder, strategy_prefix(session_id), number)).is_err()
        {
            full += 1;
            std::thread::yield_now();
        }
        let _ = ring.flush_unowned();
    }
    full
}

#[test]
fn a_flood_stays_in_the_ring_of_its_sender() {
    let three = "[[strategy]]\nname = \"three\"\nmember = \"ALPHA\"\nmax_orders_per_s = 100\n\
                 order_burst = 10\nmax_position = 20";
    let house = House::new("flood", three);
    let running = house.start();
    let intruder = Intruder::enter(&house, "three");
    let full = flood(&intruder, house.venue.strategies[2].id);
    assert!(full > 0, "the ring was never full");
    serves(&house, "two");
    let taken = running.figure(2, "commands").as_u64().unwrap();
    // Four times its rate for half a second and some more, and four bursts at once.
    assert!((1..=100 * 4 * 20).contains(&taken), "{taken} commands were taken");
    assert!(running.figure(2, "throttled").as_u64() > Some(0));
    assert!(running.figure(2, "rejected").as_u64() > Some(0), "rate and position hold");
}
