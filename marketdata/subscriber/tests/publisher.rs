//! What the publisher promises, seen from its lines.

mod world;

use touchline_feed_codec::{
    ChannelKind, Line, MatchEventIndicator, Message, PacketFlags, PacketHeader, read_packet,
};
use touchline_subscriber::Side;
use touchline_sys::Agent;
use world::{Faults, Listener, MS, World, calm, run, seeds};

fn of_line(packets: &[(Line, Vec<u8>)], line: Line) -> Vec<&[u8]> {
    packets.iter().filter(|(each, _)| *each == line).map(|(_, packet)| &packet[..]).collect()
}

fn headers(packets: &[(Line, Vec<u8>)], line: Line) -> Vec<PacketHeader> {
    of_line(packets, line).into_iter().map(|packet| read_packet(packet).unwrap().0).collect()
}

fn messages(packet: &[u8]) -> Vec<Message> {
    read_packet(packet).unwrap().1.map(Result::unwrap).collect()
}

#[test]
fn lines_a_and_b_carry_the_same_bytes() {
    let mut world = World::new(1);
    for _ in 0..500 {
        world.random();
        world.pass(50_000);
        world.publish();
    }
    let packets = world.sent();
    let a = of_line(&packets, Line::IncrementalA);
    assert!(a.len() > 100);
    assert_eq!(a, of_line(&packets, Line::IncrementalB));
}

#[test]
fn sequences_have_no_hole_and_heartbeats_name_the_next_packet() {
    let mut world = World::new(2);
    for _ in 0..500 {
        world.random();
        let idle_ns = world.noise.below(15 * MS);
        world.pass(idle_ns);
        world.publish();
    }
    let packets = world.sent();
    for (line, flag) in [
        (Line::IncrementalA, PacketFlags::INCREMENTAL),
        (Line::SnapshotA, PacketFlags::SNAPSHOT),
        (Line::DefinitionA, PacketFlags::DEFINITION),
    ] {
        let mut next = 1;
        let mut heartbeats = 0;
        for header in headers(&packets, line) {
            assert_eq!((header.sequence, header.flags), (next, flag.0), "{}", line.name());
            assert_eq!(header.session, world.publisher.session());
            next += u64::from(header.count > 0);
            heartbeats += u32::from(header.count == 0);
        }
        assert!(next > 10, "{}", line.name());
        assert_eq!(heartbeats > 0, line == Line::IncrementalA, "{}", line.name());
    }
}

#[test]
fn several_events_share_a_packet_and_the_last_message_of_each_says_so() {
    let mut world = World::new(3);
    world.publish();
    world.sent();
    world.limit(1, Side::Buy, 150, 1);
    world.limit(1, Side::Buy, 150, 1);
    world.limit(1, Side::Sell, 150, 3); // executes both, rests 1
    world.publish();
    let packets = world.sent();
    let [packet] = of_line(&packets, Line::IncrementalA)[..] else { panic!("one packet") };
    let ends: Vec<_> = messages(packet)
        .iter()
        .map(|message| match message {
            Message::OrderAdd(add) => (add.seq, add.rpt_seq, add.indicator),
            Message::OrderExecute(execute) => (execute.seq, execute.rpt_seq, execute.indicator),
            other => panic!("{other:?}"),
        })
        .map(|(seq, rpt, bits)| (seq, rpt, bits.contains(MatchEventIndicator::END_OF_EVENT)))
        .collect();
    assert_eq!(ends, [(1, 1, true), (2, 2, true), (3, 3, false), (3, 4, false), (3, 5, true)]);
    let header = headers(&packets, Line::IncrementalA)[0];
    assert_eq!(header.matching_time, world.matcher.last_timestamp());
    assert_eq!(header.send_time, world.now_ns());
}

#[test]
fn a_snapshot_names_the_incremental_packet_that_it_holds_up_to() {
    let mut world = World::new(4);
    let mut sequence = 0;
    for _ in 0..300 {
        world.random();
        world.pass(500_000);
        world.publish();
        for (line, packet) in world.sent() {
            let header = read_packet(&packet).unwrap().0;
            if line == Line::IncrementalA && header.count > 0 {
                sequence = header.sequence;
            }
            if line != Line::SnapshotA {
                continue;
            }
            for message in messages(&packet) {
                if let Message::SnapshotStart(start) = message {
                    assert_eq!(start.last_sequence, sequence);
                    assert_eq!(start.instrument_count, world::INSTRUMENTS);
                }
            }
        }
    }
}

#[test]
fn snapshots_keep_their_pace() {
    let mut world = World::new(5);
    for price in 0..2_000_i64 {
        world.limit(1, Side::Buy, 4 + price % 100, 1);
    }
    world.publish();
    let mut longest = 0;
    let mut packets = 0;
    for _ in 0..60 {
        world.sent();
        world.pass(MS);
        world.publish();
        let now = of_line(&world.sent(), Line::SnapshotA).len();
        longest = longest.max(now);
        packets += now;
    }
    assert_eq!(longest, 4, "snapshot_packets_per_ms");
    assert!(packets > 75, "{packets} packets for 2,000 orders");
}

#[test]
fn a_full_line_is_retried_in_order_and_the_other_line_does_not_wait() {
    let mut world = World::new(6);
    world.publish();
    world.sent();
    world.net.borrow_mut().full.insert(Line::IncrementalB);
    for price in 150..160 {
        world.limit(1, Side::Buy, price, 1);
        world.publish();
    }
    let while_full = world.sent();
    assert_eq!(of_line(&while_full, Line::IncrementalA).len(), 10);
    assert!(of_line(&while_full, Line::IncrementalB).is_empty());
    assert!(world.publisher.deadline_ns() <= world.now_ns() + MS);
    world.net.borrow_mut().full.clear();
    world.publish();
    let after = world.sent();
    assert_eq!(of_line(&after, Line::IncrementalB), of_line(&while_full, Line::IncrementalA));
    let stats: serde_json::Value = serde_json::from_str(&world.publisher.stats_json()).unwrap();
    assert!(stats["incremental"]["lines"][1]["send_full"].as_u64().unwrap() >= 10);
    assert_eq!(stats["incremental"]["lines"][0]["send_full"], 0);
}

#[test]
fn a_line_that_is_full_for_too_long_loses_its_oldest_packets_and_says_how_many() {
    let mut world = World::new(7);
    world.publish();
    world.net.borrow_mut().full.insert(Line::IncrementalB);
    for _ in 0..5_000 {
        world.limit(1, Side::Buy, 150, 1);
        world.publish();
    }
    world.sent();
    world.net.borrow_mut().full.clear();
    world.publish();
    let b = headers(&world.sent(), Line::IncrementalB);
    assert_eq!((b.len(), b.last().unwrap().sequence), (4_095, 5_000));
    let stats: serde_json::Value = serde_json::from_str(&world.publisher.stats_json()).unwrap();
    assert_eq!(stats["incremental"]["lines"][1]["dropped"], 905);
}

#[test]
fn a_line_that_fails_is_counted_and_the_other_goes_on() {
    let mut world = World::new(8);
    let mut listener = Listener::new(&world, 8, Faults::default());
    world.net.borrow_mut().broken.insert(Line::IncrementalA);
    run(&mut world, &mut listener, 100);
    listener.assert_equal(&world);
    let stats: serde_json::Value = serde_json::from_str(&world.publisher.stats_json()).unwrap();
    assert!(stats["incremental"]["lines"][0]["send_failed"].as_u64().unwrap() > 0);
}

#[test]
fn a_publisher_that_was_lapped_takes_what_it_missed_from_the_journal_and_nothing_is_lost() {
    for seed in seeds(5) {
        let mut world = World::with_ring(seed, 64);
        let mut listener = Listener::new(&world, seed, Faults::default());
        calm(&mut world, &mut listener, 30);
        for _ in 0..20 {
            let commands = world.noise.below(300);
            for _ in 0..commands {
                world.random();
            }
            world.pass(MS);
            world.publish();
            let packets = world.sent();
            listener.hear(&world, &packets);
        }
        calm(&mut world, &mut listener, 30);
        listener.assert_equal(&world);
        assert_eq!(listener.check.events, world.truth.len() as u64, "seed {seed}");
        assert_eq!(listener.subscriber.counters().gaps, 0);
        assert_eq!(listener.check.sessions.len(), 1);
        let stats: serde_json::Value = serde_json::from_str(&world.publisher.stats_json()).unwrap();
        assert!(stats["counters"]["lapped"].as_u64().unwrap() > 0, "seed {seed}");
        assert_eq!(stats["counters"]["misfits"], 0);
    }
}

#[test]
fn a_lapped_publisher_waits_for_a_journal_that_lags_behind_the_ring() {
    let mut world = World::with_ring(9, 64);
    let mut listener = Listener::new(&world, 9, Faults::default());
    calm(&mut world, &mut listener, 30);
    for _ in 0..400 {
        world.random();
    }
    world.journal.borrow_mut().durable = 10;
    for _ in 0..5 {
        world.pass(MS);
        let now_ns = world.now_ns();
        world.publisher.do_work(now_ns).unwrap();
        assert!(world.publisher.deadline_ns() <= now_ns + MS);
    }
    let all = world.journal.borrow().commands.len();
    world.journal.borrow_mut().durable = all;
    calm(&mut world, &mut listener, 30);
    listener.assert_equal(&world);
    assert_eq!(listener.check.events, world.truth.len() as u64);
}

#[test]
fn a_publisher_that_starts_late_has_the_whole_book_in_its_first_snapshot() {
    for seed in seeds(5) {
        let mut world = World::with_ring(seed, 256);
        for _ in 0..2_000 {
            world.random();
        }
        world.restart_publisher();
        let mut listener = Listener::new(&world, seed, Faults::default());
        calm(&mut world, &mut listener, 50);
        listener.assert_equal(&world);
        assert_eq!(listener.subscriber.counters().inconsistent, 0);
    }
}

#[test]
fn a_publisher_that_is_lapped_by_what_its_books_hold_already_publishes_none_of_it_again() {
    for seed in seeds(5) {
        let mut world = World::with_ring(seed, 256);
        for _ in 0..2_000 {
            world.random();
        }
        world.restart_publisher_beside_engine();
        // Its place in the ring is lost before it has read there, and it begins behind all this.
        for _ in 0..50 {
            world.random();
        }
        let mut listener = Listener::new(&world, seed, Faults::default());
        calm(&mut world, &mut listener, 50);
        listener.assert_equal(&world);
        let stats: serde_json::Value = serde_json::from_str(&world.publisher.stats_json()).unwrap();
        assert!(stats["counters"]["lapped"].as_u64().unwrap() > 0, "seed {seed}");
        assert_eq!(stats["counters"]["misfits"], 0, "seed {seed}");
        assert_eq!(listener.subscriber.counters().inconsistent, 0);
    }
}

#[test]
fn nothing_that_the_engine_has_not_released_is_sent() {
    let mut world = World::with_ring(10, 64);
    for _ in 0..300 {
        world.random();
    }
    // The journal is ahead of the ring: a command that is kept, but not released.
    let mut unreleased = touchline_types::Command::of(touchline_types::CommandKind::NewOrder);
    unreleased.seq = world.matcher.last_seq() + 1;
    unreleased.timestamp = world.now_ns() + MS;
    (unreleased.member_id, unreleased.session_id, unreleased.instrument_id) = (1, 1, 1);
    (unreleased.side, unreleased.ord_type) = (Side::Buy, touchline_types::OrdType::Limit);
    (unreleased.price, unreleased.order_qty, unreleased.cl_ord_id[0]) = (5, 7, b'u');
    world.journal.borrow_mut().commands.push(unreleased);
    world.journal.borrow_mut().durable += 1;
    world.restart_publisher();
    let mut listener = Listener::new(&world, 10, Faults::default());
    calm(&mut world, &mut listener, 50);
    listener.assert_equal(&world);
}

#[test]
fn an_idle_publisher_says_when_it_must_wake() {
    let mut world = World::new(11);
    world.publish();
    for _ in 0..200 {
        let deadline_ns = world.publisher.deadline_ns();
        assert!(deadline_ns > world.now_ns() && deadline_ns <= world.now_ns() + 10 * MS);
        let sleep_ns = deadline_ns - world.now_ns();
        world.pass(sleep_ns);
        world.sent();
        world.publish();
        assert!(!world.sent().is_empty(), "it woke for nothing");
    }
}

#[test]
fn every_channel_says_which_it_is() {
    let mut world = World::new(12);
    world.publish();
    let channels = &world.venue.marketdata;
    let expected = [&channels.incremental, &channels.snapshot, &channels.definition]
        .map(|channel| channel.channel);
    for (line, packet) in world.sent() {
        let at = match line.channel() {
            ChannelKind::Incremental => 0,
            ChannelKind::Snapshot => 1,
            ChannelKind::Definition => 2,
        };
        assert_eq!(read_packet(&packet).unwrap().0.channel, expected[at]);
    }
}
