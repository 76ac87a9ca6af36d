//! The feed over real sockets of this host: publisher sockets at one end, `FeedClient` at the
//! other.

mod world;

use std::net::SocketAddrV4;

use touchline_publisher::{Lines, Sockets};
use touchline_subscriber::FeedClient;
use world::{Check, INSTRUMENTS, MS, World, rows_of_book, rows_of_matcher};

/// Groups and ports that no other test uses.
fn own_groups(world: &mut World) {
    let group = |last: u8| format!("239.255.78.{last}:{}", 32_500 + u16::from(last));
    let parse = |text: String| text.parse::<SocketAddrV4>().unwrap();
    let feed = &mut world.venue.marketdata;
    feed.incremental.a = parse(group(1));
    feed.incremental.b = Some(parse(group(2)));
    feed.snapshot.a = parse(group(3));
    feed.definition.a = parse(group(4));
}

#[test]
fn a_client_on_this_host_joins_late_and_follows_the_feed() {
    let mut world = World::new(1);
    own_groups(&mut world);
    let mut sockets = Sockets::open(&world.venue.marketdata).unwrap();
    let mut client = FeedClient::open(&world.venue.marketdata).unwrap();
    let mut check = Check::default();
    for _ in 0..100 {
        world.random();
    }
    for turn in 0..2_000 {
        if turn < 1_500 {
            world.random();
        }
        world.pass(MS / 4);
        world.publish();
        for (line, packet) in world.sent() {
            assert!(sockets.has(line));
            // A buffer that is full is for the publisher to retry; here the feed is slow enough.
            assert!(sockets.send(line, &packet).unwrap());
        }
        check.truth.clone_from(&world.truth);
        while client.poll(0, &mut check).unwrap() > 0 {}
    }
    // Gaps are timed by the wall clock: give the last one its time.
    client.poll(5 * MS, &mut check).unwrap();
    let subscriber = client.subscriber();
    assert!(subscriber.is_live(), "{}", subscriber.stats_json());
    assert_eq!(subscriber.counters().gaps_unrecovered(), 0);
    for instrument_id in 1..=INSTRUMENTS {
        let book = subscriber.book(instrument_id).unwrap();
        assert_eq!(rows_of_book(book), rows_of_matcher(&world.matcher, instrument_id));
    }
    assert!(check.events > 200, "{} events", check.events);
    assert_eq!(check.definitions.len(), INSTRUMENTS as usize);
}
