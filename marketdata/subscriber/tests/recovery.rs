//! Whatever the network does, a subscriber ends with the publisher's books, and at each end of a
//! match event that it reports, its book is the matcher's.

mod world;

use touchline_feed_codec::{ChannelKind, Line, PacketFlags, read_packet};
use touchline_subscriber::{BookState, Side, TradingPhase};
use world::{Faults, INSTRUMENTS, Listener, MS, World, calm, run, seeds};

fn play(seed: u64, faults: Faults) -> (World, Listener) {
    let mut world = World::new(seed);
    let mut listener = Listener::new(&world, seed, faults);
    run(&mut world, &mut listener, 400);
    listener.assert_equal(&world);
    (world, listener)
}

#[test]
fn without_faults_every_event_is_reported_and_nothing_is_lost() {
    let mut trades = 0;
    for seed in seeds(5) {
        let mut world = World::new(seed);
        let mut listener = Listener::new(&world, seed, Faults::default());
        calm(&mut world, &mut listener, 30);
        assert!(listener.subscriber.is_live());
        let before = listener.check.events;
        run(&mut world, &mut listener, 400);
        listener.assert_equal(&world);
        assert_eq!(listener.check.events - before, world.truth.len() as u64, "seed {seed}");
        let counters = listener.subscriber.counters();
        assert_eq!((counters.gaps, counters.packets_lost, counters.inconsistent), (0, 0, 0));
        assert_eq!(counters.snapshots_applied, u64::from(INSTRUMENTS));
        let a = listener.subscriber.line_counters(Line::IncrementalA);
        let b = listener.subscriber.line_counters(Line::IncrementalB);
        assert_eq!((a.won, b.duplicates), (counters.packets, counters.packets));
        trades += listener.check.trades;
    }
    assert!(trades > 100, "only {trades} trades");
}

#[test]
fn what_one_line_loses_the_other_brings() {
    for seed in seeds(10) {
        let faults = Faults { lose: 100, ..Faults::default() };
        let (_, listener) = play(seed, faults);
        let b = listener.subscriber.line_counters(Line::IncrementalB);
        assert!(b.won > 0 && listener.subscriber.lost_on_one_line() >= b.won, "seed {seed}");
    }
}

#[test]
fn what_both_lines_lose_comes_from_the_snapshot() {
    let mut recovered = 0;
    for seed in seeds(20) {
        let faults = Faults { lose_both: 30, ..Faults::default() };
        let (_, listener) = play(seed, faults);
        let counters = listener.subscriber.counters();
        assert!(counters.gaps > 0, "seed {seed}");
        assert_eq!(counters.gaps, counters.gaps_recovered, "seed {seed}");
        recovered += counters.snapshots_applied;
    }
    assert!(
        recovered > *seeds(20).end() * u64::from(INSTRUMENTS),
        "only {recovered} snapshots were needed"
    );
}

#[test]
fn a_dead_line_is_no_loss() {
    for (seed, dead) in [(1, Line::IncrementalA), (2, Line::IncrementalB)] {
        let (_, listener) = play(seed, Faults { dead: Some(dead), ..Faults::default() });
        assert_eq!(listener.subscriber.counters().gaps, 0);
    }
}

#[test]
fn with_a_dead_line_the_losses_of_the_other_come_from_the_snapshot() {
    for seed in seeds(10) {
        let dead = Some(Line::IncrementalB);
        let (_, listener) = play(seed, Faults { dead, lose: 30, ..Faults::default() });
        assert!(listener.subscriber.counters().gaps > 0, "seed {seed}");
    }
}

#[test]
fn doubled_delayed_and_damaged_packets_end_in_the_same_book() {
    let mut seen = [0; 5];
    for seed in seeds(30) {
        let faults =
            Faults { lose: 50, lose_both: 10, duplicate: 100, delay: 150, damage: 10, dead: None };
        let (_, listener) = play(seed, faults);
        let a = listener.subscriber.line_counters(Line::IncrementalA);
        let counters = listener.subscriber.counters();
        seen[0] += a.malformed;
        seen[1] += a.duplicates;
        seen[2] += counters.packets_late;
        seen[3] += counters.repaired_late;
        seen[4] += counters.rpt_seq_gaps;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_late_joiner_gets_its_books_from_the_snapshot_under_full_load() {
    for seed in seeds(10) {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.random();
            world.pass(100_000);
            world.publish();
        }
        world.sent();
        let mut listener = Listener::new(&world, seed, Faults::default());
        assert!(!listener.subscriber.is_live());
        run(&mut world, &mut listener, 300);
        listener.assert_equal(&world);
        let counters = listener.subscriber.counters();
        assert_eq!(counters.snapshots_applied, u64::from(INSTRUMENTS), "seed {seed}");
        assert_eq!(counters.gaps, 0);
    }
}

#[test]
fn a_late_joiner_of_a_quiet_market_needs_a_heartbeat_and_a_snapshot() {
    let mut world = World::new(1);
    world.limit(1, Side::Buy, 150, 5);
    world.publish();
    world.sent();
    let mut listener = Listener::new(&world, 1, Faults::default());
    calm(&mut world, &mut listener, 60);
    listener.assert_equal(&world);
    assert_eq!(listener.check.definitions, [1, 2, 3]);
}

#[test]
fn the_loss_of_the_last_packet_is_seen_by_the_heartbeat() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    calm(&mut world, &mut listener, 30);
    world.limit(1, Side::Buy, 150, 5);
    world.publish();
    let lost = world.sent();
    assert!(lost.iter().any(|(line, _)| *line == Line::IncrementalA));
    calm(&mut world, &mut listener, 60);
    listener.assert_equal(&world);
    assert_eq!(listener.subscriber.counters().packets_lost, 1);
}

#[test]
fn an_instrument_that_the_gap_did_not_touch_goes_on_without_a_snapshot() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    calm(&mut world, &mut listener, 30);
    world.limit(1, Side::Buy, 150, 5);
    world.publish();
    world.sent(); // lost on both lines
    for instrument_id in [2, 1] {
        world.limit(instrument_id, Side::Sell, 160, 5);
        world.publish();
        let incremental: Vec<_> = world
            .sent()
            .into_iter()
            .filter(|(line, _)| line.channel() == ChannelKind::Incremental)
            .collect();
        listener.hear(&world, &incremental);
    }
    let state = |id| listener.subscriber.state(id);
    assert_eq!(state(1), Some(BookState::Stale));
    assert_eq!(state(2), Some(BookState::Live));
    assert_eq!(state(3), Some(BookState::Suspect));
    assert_eq!(listener.subscriber.counters().gaps_unrecovered(), 1);
    calm(&mut world, &mut listener, 40);
    listener.assert_equal(&world);
    assert_eq!(listener.subscriber.counters().snapshots_applied, u64::from(INSTRUMENTS) + 1);
}

#[test]
fn a_packet_that_comes_after_it_was_given_up_repairs_the_book_without_a_snapshot() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    calm(&mut world, &mut listener, 30);
    let mut packets = Vec::new();
    for price in [150, 151, 152] {
        world.limit(1, Side::Buy, price, 5);
        world.publish();
        let sent = world.sent();
        packets.push(sent.into_iter().filter(|(line, _)| *line == Line::IncrementalA).collect());
    }
    let [first, second, third]: [Vec<_>; 3] = packets.try_into().unwrap();
    listener.hear(&world, &first);
    listener.hear(&world, &third);
    world.pass(3 * MS);
    listener.hear(&world, &[]);
    assert_eq!(listener.subscriber.state(1), Some(BookState::Stale));
    listener.hear(&world, &second);
    assert_eq!(listener.subscriber.state(1), Some(BookState::Live));
    listener.assert_equal(&world);
    let counters = listener.subscriber.counters();
    assert_eq!((counters.packets_lost, counters.packets_late, counters.repaired_late), (1, 1, 1));
}

#[test]
fn a_new_session_starts_every_book_again() {
    for seed in seeds(5) {
        let mut world = World::new(seed);
        let mut listener = Listener::new(&world, seed, Faults::default());
        run(&mut world, &mut listener, 100);
        world.restart_publisher();
        run(&mut world, &mut listener, 100);
        listener.assert_equal(&world);
        assert_eq!(listener.check.sessions.len(), 2);
        assert_eq!(listener.subscriber.counters().sessions, 2);
    }
}

#[test]
fn packets_of_an_old_session_are_counted_and_left_alone() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    run(&mut world, &mut listener, 50);
    world.limit(1, Side::Buy, 150, 5);
    world.publish();
    let old = world.sent();
    world.restart_publisher();
    calm(&mut world, &mut listener, 60);
    listener.hear(&world, &old);
    listener.assert_equal(&world);
    assert!(listener.subscriber.line_counters(Line::IncrementalA).old_session > 0);
}

#[test]
fn the_end_of_a_session_is_told_once() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    run(&mut world, &mut listener, 50);
    world.publisher.end_session();
    let packets = world.sent();
    let ends = |packet: &[u8]| {
        PacketFlags(read_packet(packet).unwrap().0.flags).contains(PacketFlags::END_OF_SESSION)
    };
    assert_eq!(packets.iter().filter(|(_, packet)| ends(packet)).count(), 4);
    listener.hear(&world, &packets);
    assert!(listener.subscriber.is_ended());
    assert_eq!(listener.check.ended, [world.publisher.session()]);
    listener.assert_equal(&world);
}

#[test]
fn a_message_that_contradicts_the_book_makes_it_stale_until_the_next_snapshot() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    world.limit(1, Side::Buy, 150, 5);
    calm(&mut world, &mut listener, 30);
    world.limit(1, Side::Sell, 150, 2); // executes 2 of the 5
    world.publish();
    let mut packets = world.sent();
    for (_, packet) in &mut packets {
        if packet[44] == 11 {
            packet[40 + 10 + 24] = 9; // last_qty 9: more than the order has
        }
    }
    listener.hear(&world, &packets);
    assert_eq!(listener.subscriber.counters().inconsistent, 1);
    assert_eq!(listener.subscriber.state(1), Some(BookState::Stale));
    calm(&mut world, &mut listener, 30);
    listener.assert_equal(&world);
    assert_eq!(listener.check.states.last(), Some(&(1, BookState::Live)));
}

#[test]
fn a_call_phase_with_a_crossed_book_and_its_uncross_arrive_whole() {
    let mut world = World::new(1);
    let mut listener = Listener::new(&world, 1, Faults::default());
    world.phase(1, TradingPhase::Call);
    for price in 150..160 {
        world.limit(1, Side::Buy, price, 3);
        world.limit(1, Side::Sell, price, 3);
    }
    calm(&mut world, &mut listener, 30);
    listener.assert_equal(&world);
    let book = listener.subscriber.book(1).unwrap();
    assert!(book.best_bid().unwrap().price > book.best_offer().unwrap().price);
    world.phase(1, TradingPhase::Continuous);
    calm(&mut world, &mut listener, 5);
    listener.assert_equal(&world);
    let book = listener.subscriber.book(1).unwrap();
    assert!(book.best_bid().unwrap().price < book.best_offer().unwrap().price);
    assert!(listener.check.trades >= 10);
}
