//! Feed: any datagrams on any line are read or refused, and a subscriber that hears them keeps
//! books that are consistent in themselves and never waits for ever.
//!
//! Input: `u8 line | u8 pause | u16 length | datagram`, again and again.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use touchline_feed_codec::{Line, PACKET_BYTES_MAX, PacketFlags, PacketWriter, read_packet};
use touchline_fuzz::Script;
use touchline_subscriber::{
    Book, BookListener, BookState, Level, Side, Subscriber, SubscriberConfig,
};

/// What the listener was told, from which it could keep the same books.
#[derive(Default)]
struct Told {
    levels: HashMap<(u32, Side, i64), Level>,
    states: HashMap<u32, BookState>,
}

impl Told {
    fn compare(&self, instrument_id: u32, book: &Book) {
        for side in [Side::Buy, Side::Sell] {
            let told = self.levels.keys().filter(|(id, of, _)| (*id, *of) == (instrument_id, side));
            assert_eq!(told.count(), book.level_count(side));
            for level in book.levels(side) {
                assert_eq!(self.levels.get(&(instrument_id, side, level.price)), Some(&level));
            }
        }
        check(book);
    }
}

impl BookListener for Told {
    fn level_changed(&mut self, instrument_id: u32, side: Side, level: Level) {
        let key = (instrument_id, side, level.price);
        if level.order_count == 0 {
            assert_eq!(level.qty, 0);
            self.levels.remove(&key);
        } else {
            self.levels.insert(key, level);
        }
    }

    fn end_of_event(&mut self, instrument_id: u32, _: u64, book: &Book) {
        self.compare(instrument_id, book);
    }

    fn snapshot(&mut self, instrument_id: u32, _: u64, book: &Book) {
        self.levels.retain(|(id, ..), _| *id != instrument_id);
        for side in [Side::Buy, Side::Sell] {
            for level in book.levels(side) {
                self.levels.insert((instrument_id, side, level.price), level);
            }
        }
        check(book);
    }

    fn state(&mut self, instrument_id: u32, state: BookState) {
        let before = self.states.insert(instrument_id, state);
        assert_ne!(before, Some(state), "a state is told twice");
    }

    fn session(&mut self, _: u64) {
        *self = Self::default();
    }
}

/// Levels are the sums of their orders, in the order of prices.
fn check(book: &Book) {
    let mut orders = 0;
    for side in [Side::Buy, Side::Sell] {
        let mut before = None;
        for level in book.levels(side) {
            let better = match side {
                Side::Buy => before.is_none_or(|before| level.price < before),
                _ => before.is_none_or(|before| level.price > before),
            };
            assert!(better, "levels out of order");
            before = Some(level.price);
            let of_level = || book.orders(side, level.price);
            let qty: u128 = of_level().map(|order| u128::from(order.qty)).sum();
            assert_eq!((qty, of_level().count()), (level.qty.into(), level.order_count as usize));
            assert!(level.order_count > 0);
            orders += of_level().count();
        }
    }
    assert_eq!(orders, book.order_count());
}

/// What is read of a datagram is written and read again.
fn read(packet: &[u8]) {
    let (header, mut messages) = match read_packet(packet) {
        Ok(read) => read,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut writer = PacketWriter::new(header.session, header.channel);
    let mut sound = Vec::new();
    for message in &mut messages {
        match message {
            Ok(message) => {
                assert!(packet.len() > PACKET_BYTES_MAX || writer.try_push(&message));
                sound.push(message);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(sound.len() + usize::from(messages.unknown()) <= usize::from(header.count));
    if packet.len() <= PACKET_BYTES_MAX {
        let (send, matching) = (header.send_time, header.matching_time);
        let again = writer.finish(header.sequence, send, matching, PacketFlags(header.flags));
        let Ok((_, again)) = read_packet(again) else { panic!("what was written is no packet") };
        assert!(again.map(Result::ok).eq(sound.into_iter().map(Some)));
    }
}

fuzz_target!(|data: &[u8]| {
    let config = SubscriberConfig {
        incremental_channel: 1,
        snapshot_channel: 2,
        definition_channel: 3,
        has_b: true,
        gap_wait_ns: 2_000_000,
        session_silence_ns: 3_000_000_000,
    };
    let mut subscriber = Subscriber::new(config);
    let mut told = Told::default();
    let mut now_ns = 1_000_000_000;
    let mut script = Script(data);
    while let Some(line) = script.op() {
        let line = Line::ALL[usize::from(line) % Line::ALL.len()];
        let pause = script.u8();
        // Up to 4 s: longer than any patience.
        now_ns += u64::from(pause) * u64::from(pause) * 62_500;
        let len = usize::from(script.u16());
        let packet = script.take(len);
        read(packet);
        subscriber.on_packet(line, packet, now_ns, &mut told);
        subscriber.on_timer(now_ns, &mut told);
        assert!(subscriber.deadline_ns() > now_ns);
    }
    // One gap after the other is given up.
    let mut gaps = data.len();
    while subscriber.deadline_ns() != u64::MAX {
        subscriber.on_timer(subscriber.deadline_ns(), &mut told);
        gaps = gaps.checked_sub(1).unwrap_or_else(|| panic!("it waits for ever"));
    }
    for instrument_id in subscriber.instruments() {
        if let Some(book) = subscriber.book(instrument_id) {
            check(book);
        }
    }
    assert!(subscriber.counters().gaps_recovered <= subscriber.counters().gaps);
    assert!(!subscriber.stats_json().is_empty());
});
