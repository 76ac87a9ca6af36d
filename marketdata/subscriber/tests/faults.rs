//! What a subscriber does with each fault of a datagram: which counter rises, what becomes of the
//! book, and that the feed goes on. One row, one fault; it meets a subscriber whose book is live.

use touchline_feed_codec::{
    Line, MatchEventIndicator, Message, OrderAdd, OrderCancel, OrderDelete, OrderExecute,
    OrderReplace, PacketFlags, PacketWriter, SecurityDefinition, SnapshotEnd, SnapshotOrder,
    SnapshotStart,
};
use touchline_subscriber::{BookState, Side, Subscriber, SubscriberConfig, TradingPhase};

const CONFIG: SubscriberConfig = SubscriberConfig {
    incremental_channel: 1,
    snapshot_channel: 2,
    definition_channel: 3,
    has_b: true,
    gap_wait_ns: 2_000_000,
    session_silence_ns: 3_000_000_000,
};
const SESSION: u64 = 7;
const START_NS: u64 = 1_000_000_000;
const END: MatchEventIndicator = MatchEventIndicator::END_OF_EVENT;

/// Places in a packet with one message: packet header of 40 bytes, size, SBE header, block.
const COUNT: usize = 34;
const VERSION: usize = 37;
const CHANNEL: usize = 32;
const SIZE: usize = 40;
const BLOCK_LENGTH: usize = 42;
const TEMPLATE: usize = 44;
const SCHEMA: usize = 46;
const SCHEMA_VERSION: usize = 48;
const SIDE_OF_ADD: usize = 50 + 48;

fn add(rpt_seq: u32, order_id: u64) -> OrderAdd {
    OrderAdd {
        seq: rpt_seq.into(),
        order_id,
        price: 100,
        qty: 5,
        priority: order_id,
        rpt_seq,
        instrument_id: 1,
        side: Side::Buy,
        indicator: END,
        reserved: [0; 6],
    }
}

fn packet_of(session: u64, channel: u16, sequence: u64, messages: &[Message]) -> Vec<u8> {
    let mut writer = PacketWriter::new(session, channel);
    assert!(messages.iter().all(|message| writer.try_push(message)));
    writer.finish(sequence, 2, 1, PacketFlags::NONE).to_vec()
}

fn incremental(sequence: u64, messages: &[Message]) -> Vec<u8> {
    packet_of(SESSION, 1, sequence, messages)
}

fn snapshot(order_count: u32, orders: usize) -> Vec<Message> {
    let start = SnapshotStart {
        last_sequence: 1,
        last_seq: 1,
        order_count,
        last_rpt_seq: 1,
        instrument_id: 1,
        instrument_count: 1,
        cycle: 1,
        phase: TradingPhase::Continuous,
        reserved: [0; 3],
        last_px: i64::MIN,
    };
    let order = SnapshotOrder {
        order_id: 1,
        price: 100,
        qty: 5,
        priority: 1,
        instrument_id: 1,
        side: Side::Buy,
        reserved: [0; 3],
    };
    let mut messages: Vec<Message> = vec![start.into()];
    messages.extend(std::iter::repeat_n(Message::from(order), orders));
    messages.push(SnapshotEnd { last_sequence: 1, instrument_id: 1, order_count }.into());
    messages
}

struct Bench {
    subscriber: Subscriber,
    now_ns: u64,
}

impl Bench {
    /// A live book with order 1: next packet 2, next number 2.
    fn live() -> Self {
        let mut bench = Self { subscriber: Subscriber::new(CONFIG), now_ns: START_NS };
        bench.hear(Line::IncrementalA, &incremental(1, &[add(1, 1).into()]));
        bench.hear(Line::IncrementalB, &incremental(1, &[add(1, 1).into()]));
        bench.hear(Line::SnapshotA, &packet_of(SESSION, 2, 1, &snapshot(1, 1)));
        assert_eq!(bench.subscriber.state(1), Some(BookState::Live));
        assert!(bench.subscriber.is_live());
        bench
    }

    fn hear(&mut self, line: Line, packet: &[u8]) {
        self.now_ns += 1_000;
        self.subscriber.on_packet(line, packet, self.now_ns, &mut ());
        self.subscriber.on_timer(self.now_ns, &mut ());
    }

    fn pass(&mut self, ns: u64) {
        self.now_ns += ns;
        self.subscriber.on_timer(self.now_ns, &mut ());
    }

    fn orders(&self) -> usize {
        self.subscriber.book(1).map_or(0, |book| book.order_count())
    }

    fn state(&self) -> BookState {
        self.subscriber.state(1).unwrap()
    }

    /// The counter at a path of the figures.
    fn count(&self, path: &str) -> u64 {
        self.subscriber.stats().pointer(path).and_then(serde_json::Value::as_u64).unwrap()
    }
}

/// The next good packet, with other bytes at a place.
fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut packet = incremental(2, &[add(2, 2).into()]);
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    packet
}

#[test]
fn a_datagram_that_is_no_packet_is_counted_and_the_other_line_brings_the_good_one() {
    let good = incremental(2, &[add(2, 2).into()]);
    let rows: &[(&str, Vec<u8>)] = &[
        ("nothing", Vec::new()),
        ("one byte", vec![0]),
        ("a header cut short", good[..39].to_vec()),
        ("cut in the size", good[..41].to_vec()),
        ("cut in the message header", good[..47].to_vec()),
        ("cut in the block", good[..good.len() - 1].to_vec()),
        ("a byte too many", [&good[..], &[0]].concat()),
        ("noise", (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect()),
        ("another packet version", with(VERSION, &[2])),
        ("packet version 0", with(VERSION, &[0])),
        ("another channel", with(CHANNEL, &9_u16.to_le_bytes())),
        ("the snapshot's channel", with(CHANNEL, &2_u16.to_le_bytes())),
        ("count too small", with(COUNT, &0_u16.to_le_bytes())),
        ("count too large", with(COUNT, &2_u16.to_le_bytes())),
        ("count as large as can be", with(COUNT, &u16::MAX.to_le_bytes())),
        ("size 0", with(SIZE, &0_u16.to_le_bytes())),
        ("size less than its header", with(SIZE, &7_u16.to_le_bytes())),
        ("size of the header alone", with(SIZE, &8_u16.to_le_bytes())),
        ("size one too large", with(SIZE, &65_u16.to_le_bytes())),
        ("size as large as can be", with(SIZE, &u16::MAX.to_le_bytes())),
        ("block longer than the message", with(BLOCK_LENGTH, &57_u16.to_le_bytes())),
        ("block shorter than its template", with(BLOCK_LENGTH, &55_u16.to_le_bytes())),
        ("block of nothing", with(BLOCK_LENGTH, &0_u16.to_le_bytes())),
        ("another schema", with(SCHEMA, &2_u16.to_le_bytes())),
        ("schema 0", with(SCHEMA, &0_u16.to_le_bytes())),
        ("a side that there is not", with(SIDE_OF_ADD, &[9])),
    ];
    for (name, packet) in rows {
        let mut bench = Bench::live();
        bench.hear(Line::IncrementalA, packet);
        assert_eq!(bench.count("/lines/incremental_a/malformed"), 1, "{name}");
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 1), "{name}");
        bench.hear(Line::IncrementalB, &good);
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 2), "{name}");
        assert_eq!(bench.count("/gaps"), 0, "{name}");
        assert!(bench.subscriber.is_live(), "{name}");
    }
}

#[test]
fn what_a_later_schema_adds_is_read_over() {
    let longer = {
        let mut packet = incremental(2, &[add(2, 2).into()]);
        packet.extend_from_slice(&[7; 8]);
        packet[SIZE..SIZE + 2].copy_from_slice(&72_u16.to_le_bytes());
        packet[BLOCK_LENGTH..BLOCK_LENGTH + 2].copy_from_slice(&64_u16.to_le_bytes());
        packet
    };
    for (name, packet) in
        [("a longer block", longer), ("a newer version", with(SCHEMA_VERSION, &[9, 0]))]
    {
        let mut bench = Bench::live();
        bench.hear(Line::IncrementalA, &packet);
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 2), "{name}");
        assert_eq!(bench.count("/lines/incremental_a/malformed"), 0, "{name}");
    }
}

#[test]
fn an_unknown_template_is_skipped_counted_and_its_packet_is_not_missed() {
    let mut bench = Bench::live();
    bench.hear(Line::IncrementalA, &with(TEMPLATE, &999_u16.to_le_bytes()));
    bench.hear(Line::IncrementalB, &with(TEMPLATE, &999_u16.to_le_bytes()));
    assert_eq!(bench.count("/unknown_templates"), 1);
    bench.hear(Line::IncrementalA, &incremental(3, &[add(2, 2).into()]));
    assert_eq!((bench.state(), bench.orders(), bench.count("/gaps")), (BookState::Live, 2, 0));
}

#[test]
fn a_message_of_another_channel_or_of_an_impossible_instrument_is_misplaced() {
    let definition = SecurityDefinition {
        price_increment_mantissa: 25,
        min_price: 1,
        max_price: 10,
        round_lot: 1,
        max_order_qty: 1,
        symbol: [b'X'; 16],
        currency: *b"USD\0",
        instrument_id: 1,
        instrument_count: 1,
        price_increment_exponent: -2,
        phase: TradingPhase::Call,
        reserved: [0; 6],
        channel: 1,
        reserved_tail: 0,
    };
    let rows: &[(&str, Message)] = &[
        ("a definition", definition.into()),
        ("a snapshot", snapshot(0, 0).remove(0)),
        ("instrument 65,536", OrderAdd { instrument_id: 1 << 16, ..add(2, 2) }.into()),
        ("instrument 2^32-1", OrderAdd { instrument_id: u32::MAX, ..add(2, 2) }.into()),
    ];
    for (name, message) in rows {
        let mut bench = Bench::live();
        bench.hear(Line::IncrementalA, &incremental(2, &[*message]));
        assert_eq!(bench.count("/misplaced"), 1, "{name}");
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 1), "{name}");
        bench.hear(Line::IncrementalA, &incremental(3, &[add(2, 2).into()]));
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 2), "{name}");
    }
    let mut bench = Bench::live();
    bench.hear(Line::DefinitionA, &packet_of(SESSION, 3, 1, &[add(2, 2).into()]));
    assert_eq!((bench.count("/misplaced"), bench.orders()), (1, 1));
    bench.hear(Line::SnapshotA, &packet_of(SESSION, 2, 2, &[add(2, 2).into()]));
    assert_eq!((bench.count("/snapshots_refused"), bench.orders()), (1, 1));
    assert_eq!(bench.state(), BookState::Live);
}

#[test]
fn a_message_that_contradicts_the_book_makes_it_stale_until_a_snapshot_comes() {
    let (seq, rpt_seq, instrument_id, side, indicator) = (2, 2, 1, Side::Buy, END);
    let execute = OrderExecute {
        seq,
        order_id: 1,
        last_px: 100,
        last_qty: 6,
        trd_match_id: 1,
        rpt_seq,
        instrument_id,
        side,
        aggressor_side: Side::Sell,
        indicator,
        reserved: [0; 5],
    };
    let cancel = OrderCancel {
        seq,
        order_id: 9,
        canceled_qty: 1,
        rpt_seq,
        instrument_id,
        side,
        indicator,
        reserved: [0; 6],
    };
    let delete =
        OrderDelete { seq, order_id: 9, rpt_seq, instrument_id, side, indicator, reserved: [0; 6] };
    let replace = OrderReplace {
        seq,
        order_id: 1,
        price: 99,
        qty: 0,
        priority: 2,
        rpt_seq,
        instrument_id,
        side,
        indicator,
        reserved: [0; 6],
    };
    let rows: &[(&str, Message)] = &[
        ("an order that is there", add(2, 1).into()),
        ("an order of nothing", OrderAdd { qty: 0, ..add(2, 2) }.into()),
        ("a level beyond 64 bits", OrderAdd { qty: u64::MAX, ..add(2, 2) }.into()),
        ("an order of no side", OrderAdd { side: Side::Undisclosed, ..add(2, 2) }.into()),
        ("more than the order has", execute.into()),
        ("an order that is not there", cancel.into()),
        ("a delete of what is not there", delete.into()),
        ("the other side", OrderDelete { order_id: 1, side: Side::Sell, ..delete }.into()),
        ("a replace by nothing", replace.into()),
    ];
    for (name, message) in rows {
        let mut bench = Bench::live();
        bench.hear(Line::IncrementalA, &incremental(2, &[*message]));
        assert_eq!((bench.state(), bench.count("/inconsistent")), (BookState::Stale, 1), "{name}");
        assert!(!bench.subscriber.is_live(), "{name}");
        // A snapshot of before is no help, one that holds the message is.
        bench.hear(Line::SnapshotA, &packet_of(SESSION, 2, 2, &snapshot(1, 1)));
        assert_eq!(bench.state(), BookState::Stale, "{name}");
        let mut newer = snapshot(1, 1);
        if let Message::SnapshotStart(start) = &mut newer[0] {
            (start.last_sequence, start.last_rpt_seq) = (2, 2);
        }
        if let Message::SnapshotEnd(end) = &mut newer[2] {
            end.last_sequence = 2;
        }
        bench.hear(Line::SnapshotA, &packet_of(SESSION, 2, 3, &newer));
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 1), "{name}");
    }
}

#[test]
fn a_jump_of_the_sequence_is_a_gap_and_the_book_says_so() {
    for sequence in [4, 1_000, u64::from(u32::MAX), u64::MAX] {
        let mut bench = Bench::live();
        bench.hear(Line::IncrementalA, &incremental(sequence, &[add(9, 9).into()]));
        assert_eq!((bench.state(), bench.count("/gaps")), (BookState::Live, 0), "{sequence}");
        bench.pass(CONFIG.gap_wait_ns);
        assert_eq!((bench.state(), bench.count("/gaps")), (BookState::Stale, 1), "{sequence}");
        assert_eq!(bench.count("/packets_lost"), sequence - 2, "{sequence}");
        assert_eq!(bench.orders(), 1, "{sequence}: a book with a hole is not changed");
        assert_eq!(bench.subscriber.deadline_ns(), u64::MAX, "{sequence}");
    }
}

#[test]
fn a_heartbeat_that_is_ahead_shows_the_gap_and_one_behind_says_nothing() {
    let mut bench = Bench::live();
    for sequence in [0, 1, 2] {
        bench.hear(Line::IncrementalA, &incremental(sequence, &[]));
    }
    bench.pass(10 * CONFIG.gap_wait_ns);
    assert_eq!((bench.state(), bench.count("/gaps")), (BookState::Live, 0));
    bench.hear(Line::IncrementalA, &incremental(5, &[]));
    bench.pass(CONFIG.gap_wait_ns);
    assert_eq!((bench.state(), bench.count("/gaps")), (BookState::Suspect, 1));
}

#[test]
fn a_packet_again_changes_nothing() {
    let mut bench = Bench::live();
    for line in [Line::IncrementalA, Line::IncrementalB, Line::IncrementalA] {
        bench.hear(line, &incremental(2, &[add(2, 2).into()]));
    }
    assert_eq!((bench.state(), bench.orders()), (BookState::Live, 2));
    assert_eq!(bench.count("/lines/incremental_a/duplicates"), 1);
    assert_eq!(bench.count("/inconsistent"), 0);
}

#[test]
fn a_number_of_the_instrument_that_is_missing_makes_its_book_stale_at_once() {
    let mut bench = Bench::live();
    bench.hear(Line::IncrementalA, &incremental(2, &[add(4, 4).into()]));
    assert_eq!((bench.state(), bench.count("/rpt_seq_gaps")), (BookState::Stale, 1));
    bench.hear(Line::IncrementalA, &incremental(3, &[add(2, 2).into(), add(3, 3).into()]));
    assert_eq!((bench.state(), bench.orders()), (BookState::Live, 4));
}

#[test]
fn a_new_session_starts_again_and_an_old_one_is_not_heard() {
    let mut bench = Bench::live();
    let old = packet_of(SESSION - 1, 1, 2, &[add(2, 2).into()]);
    bench.hear(Line::IncrementalA, &old);
    assert_eq!(bench.count("/lines/incremental_a/old_session"), 1);
    assert_eq!((bench.state(), bench.orders()), (BookState::Live, 1));
    bench.hear(Line::IncrementalB, &packet_of(SESSION + 1, 1, 1, &[add(1, 1).into()]));
    assert_eq!((bench.subscriber.session(), bench.count("/sessions")), (SESSION + 1, 2));
    assert!(!bench.subscriber.is_live());
    bench.hear(Line::SnapshotA, &packet_of(SESSION + 1, 2, 1, &snapshot(1, 1)));
    assert_eq!((bench.state(), bench.orders()), (BookState::Live, 1));
}

#[test]
fn a_smaller_session_is_believed_after_a_silence() {
    let mut bench = Bench::live();
    bench.pass(CONFIG.session_silence_ns);
    bench.hear(Line::IncrementalA, &packet_of(SESSION - 1, 1, 1, &[add(1, 1).into()]));
    assert_eq!(bench.subscriber.session(), SESSION - 1);
}

#[test]
fn a_snapshot_that_contradicts_itself_makes_no_book() {
    let mut twice = snapshot(2, 2);
    let mut wrong_end = snapshot(1, 1);
    if let Message::SnapshotEnd(end) = &mut wrong_end[2] {
        end.instrument_id = 2;
    }
    let rows: &[(&str, Vec<Message>)] = &[
        ("fewer orders than announced", snapshot(2, 1)),
        ("more orders than announced", snapshot(1, 2)),
        ("2^32-1 orders announced", snapshot(u32::MAX, 1)),
        ("an order twice", std::mem::take(&mut twice)),
        ("the end of another", wrong_end),
    ];
    for (name, messages) in rows {
        let mut bench = Bench { subscriber: Subscriber::new(CONFIG), now_ns: START_NS };
        bench.hear(Line::IncrementalA, &incremental(1, &[add(1, 1).into()]));
        bench.hear(Line::SnapshotA, &packet_of(SESSION, 2, 1, messages));
        assert_eq!(bench.state(), BookState::Stale, "{name}");
        assert_eq!(bench.count("/snapshots_refused"), 1, "{name}");
        bench.hear(Line::SnapshotA, &packet_of(SESSION, 2, 2, &snapshot(1, 1)));
        assert_eq!((bench.state(), bench.orders()), (BookState::Live, 1), "{name}");
    }
}
