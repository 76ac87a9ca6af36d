use std::ptr::{null, null_mut};

use touchline_matcher::InstrumentLimits;
use touchline_types::{EventFlags, EventKind, OrdType, Side};

use super::held::Held;
use super::*;
use crate::subscriber::TlLevel;

const CAPACITY: TlMatcherCapacity = TlMatcherCapacity {
    instruments: 3,
    orders: 200,
    levels: 50,
    cl_ord_ids: 5_000,
    limited_sessions: 4,
    accounts: 4,
    reserved: [0; 10],
};

const INSTRUMENT: TlInstrumentLimits = TlInstrumentLimits {
    min_price: 1,
    max_price: 100,
    max_order_qty: 50,
    instrument_id: 1,
    phase: TradingPhase::Continuous as u8,
    reserved: [0; 3],
    tick_size: 0,
    lot_size: 0,
    protection: 0,
    price_band: 0,
};

type Record = [u8; Command::BYTES];

fn matcher() -> Held {
    Held::new(&[INSTRUMENT], &CAPACITY).unwrap_or_else(|(code, text)| panic!("{code}: {text}"))
}

fn record(command: &Command) -> Record {
    let mut block = [0; Command::BYTES];
    command.encode(&mut block);
    block
}

fn order(name: u8, side: Side, price: i64, order_qty: u64) -> Record {
    let mut command = Command::of(CommandKind::NewOrder);
    (command.instrument_id, command.session_id, command.member_id) = (1, 1, 1);
    (command.side, command.ord_type) = (side, OrdType::Limit);
    (command.price, command.order_qty, command.cl_ord_id[0]) = (price, order_qty, name);
    record(&command)
}

/// Five bids, and an offer that takes them all: 2 * 5 events, and 1 + 2 * 5.
fn sweep() -> Vec<Record> {
    let bids = (b'A'..b'F').map(|name| order(name, Side::Buy, 50, 2));
    bids.chain([order(b'Z', Side::Sell, 50, 10)]).collect()
}

#[test]
fn what_a_matcher_cannot_be_made_of_has_a_code_and_a_text() {
    let code = |instruments: &[TlInstrumentLimits], capacity: &TlMatcherCapacity| {
        Held::new(instruments, capacity).err().unwrap_or_default()
    };
    let other = |id| TlInstrumentLimits { instrument_id: id, ..INSTRUMENT };
    let (found, text) = code(&[INSTRUMENT; 4], &CAPACITY);
    assert_eq!(found, TOO_MANY_INSTRUMENTS);
    assert_eq!(text, "4 instruments are configured, the storage holds 3");
    assert_eq!(code(&[other(7), other(7)], &CAPACITY).0, DUPLICATE_INSTRUMENT);
    let empty = TlInstrumentLimits { min_price: 101, ..INSTRUMENT };
    assert_eq!(code(&[empty], &CAPACITY).0, EMPTY_PRICE_RANGE);
    let no_phase = TlInstrumentLimits { phase: 0, ..INSTRUMENT };
    assert_eq!(
        code(&[no_phase], &CAPACITY),
        (NO_PHASE, "instrument 1 has no initial phase".into())
    );
    let bad_phase = TlInstrumentLimits { phase: 3, ..INSTRUMENT };
    let text = "instrument 1 (index 1), phase: 3 is not a value of TradingPhase";
    assert_eq!(code(&[other(2), bad_phase], &CAPACITY), (ARGUMENT, text.into()));
    let mut reserved = INSTRUMENT;
    reserved.reserved[2] = 1;
    assert_eq!(code(&[reserved], &CAPACITY).0, ARGUMENT);
    let mut reserved = CAPACITY;
    reserved.reserved[9] = 1;
    assert_eq!(code(&[INSTRUMENT], &reserved).0, ARGUMENT);
    let large = TlMatcherCapacity { orders: u32::MAX, levels: u32::MAX, ..CAPACITY };
    assert_eq!(code(&[INSTRUMENT], &large).0, TOO_LARGE);
}

#[test]
fn null_is_refused_and_changes_nothing() {
    let held = matcher();
    let mut batch = TlMatcherBatch::default();
    let mut error = [0; 8];
    // SAFETY: NULL is what is tested; else places of this test.
    unsafe {
        let (text, mut made) = (error.as_mut_ptr(), null_mut());
        assert_eq!(tl_matcher_new(null(), 1, &CAPACITY, &mut made, text, 8), ARGUMENT);
        assert_eq!(tl_matcher_new(&INSTRUMENT, 1, null(), &mut made, text, 8), ARGUMENT);
        assert_eq!(tl_matcher_new(&INSTRUMENT, 1, &CAPACITY, null_mut(), text, 8), ARGUMENT);
        assert_eq!(tl_matcher_new(&INSTRUMENT, 1, &CAPACITY, &mut made, null_mut(), 8), ARGUMENT);
        assert!(made.is_null());
        let apply = |matcher, commands, events, batch| {
            tl_matcher_apply(matcher, commands, 1, events, 1, batch)
        };
        let (command, mut event) =
            (Command::of(CommandKind::NewOrder), Event::of(EventKind::Status));
        assert_eq!(apply(null_mut(), &command, &mut event, &mut batch), ARGUMENT);
        assert_eq!(apply(held.pointer(), null(), &mut event, &mut batch), ARGUMENT);
        assert_eq!(apply(held.pointer(), &command, null_mut(), &mut batch), ARGUMENT);
        assert_eq!(apply(held.pointer(), &command, &mut event, null_mut()), ARGUMENT);
        assert_eq!(tl_matcher_state(null(), null_mut()), ARGUMENT);
        assert_eq!(tl_matcher_state(held.pointer(), null_mut()), ARGUMENT);
        assert_eq!(tl_matcher_phase(null(), 1), ARGUMENT);
        assert_eq!(tl_matcher_last_px(held.pointer(), 1, null_mut()), ARGUMENT);
        assert_eq!(tl_matcher_levels(held.pointer(), 1, 1, null_mut(), 1), ARGUMENT);
        assert_eq!(tl_matcher_levels(held.pointer(), 1, 3, null_mut(), 0), ARGUMENT, "no side");
        assert_eq!(tl_matcher_orders(null(), 1, 1, null_mut(), 0), ARGUMENT);
        assert_eq!(tl_matcher_why(null(), error.as_mut_ptr(), 8), 0);
        tl_matcher_free(null_mut());
        // Nothing to do, and no array: allowed.
        assert_eq!(tl_matcher_apply(held.pointer(), null(), 0, null_mut(), 0, &mut batch), 0);
    }
    assert_eq!(held.totals().last_seq, 0);
}

#[test]
fn room_for_one_event_loses_none_and_changes_none() {
    let commands = sweep();
    let (whole, code, expected) = matcher().apply(&commands, 100);
    assert_eq!((whole.commands, whole.events, whole.waiting, code), (6, 21, 0, 0));

    let held = matcher();
    let (mut rest, mut events) = (&commands[..], Vec::new());
    loop {
        let (batch, code, some) = held.apply(rest, 1);
        assert_eq!(code, 0);
        rest = &rest[batch.commands as usize..];
        events.extend(some);
        assert_eq!(held.totals().waiting, batch.waiting);
        if rest.is_empty() && batch.waiting == 0 {
            break;
        }
        assert_eq!(batch.events, 1, "each call writes what there is room for");
    }
    assert_eq!(events, expected);
}

#[test]
fn nothing_is_applied_while_events_wait_or_without_room() {
    let (held, commands) = (matcher(), sweep());
    let (batch, ..) = held.apply(&commands, 0);
    assert_eq!((batch.commands, batch.waiting, held.totals().last_seq), (0, 0, 0));
    let (batch, ..) = held.apply(&commands, 12);
    assert_eq!((batch.commands, batch.events, batch.waiting), (6, 12, 9));
    let more = [order(b'a', Side::Buy, 1, 1)];
    let (batch, ..) = held.apply(&more, 9);
    assert_eq!((batch.commands, batch.events, batch.waiting), (0, 9, 0));
    let (batch, _, events) = held.apply(&more, 9);
    assert_eq!((batch.commands, events[0].seq), (1, 7));
}

#[test]
fn a_record_that_is_none_stops_the_batch_before_it_and_is_named() {
    let held = matcher();
    let mut commands = sweep();
    let side = std::mem::offset_of!(Command, side);
    commands[2][side] = 9;
    let (batch, code, events) = held.apply(&commands, 100);
    assert_eq!((batch.commands, batch.events, code), (2, 4, BAD_VALUE));
    assert_eq!(batch.fault_offset as usize, side);
    assert_eq!(held.why(), format!("command 2, byte {side}: 9 is not a value of Side"));
    assert!(events[3].flags.contains(EventFlags::END_OF_EVENT));
    commands[2][side] = 1;
    let (batch, code, _) = held.apply(&commands[2..], 100);
    assert_eq!((batch.commands, batch.fault_offset, code), (4, 0, 0));
    assert_eq!(held.why(), "");
}

#[test]
fn a_bad_record_is_named_once_every_event_before_it_has_been_written() {
    let held = matcher();
    let bids: Vec<_> = (0..40).map(|name| order(name + 1, Side::Buy, 50, 1)).collect();
    assert_eq!(held.apply(&bids, 100).1, 0);
    let mut commands = [order(b'Z', Side::Sell, 50, 40), order(b'z', Side::Sell, 50, 1)];
    commands[1][std::mem::offset_of!(Command, kind)] = 0;
    let (batch, code, _) = held.apply(&commands, 70);
    assert_eq!((batch.commands, batch.events, batch.waiting, code), (1, 70, 11, 0));
    assert_eq!(held.why(), "");
    let (batch, code, _) = held.apply(&commands[1..], 70);
    assert_eq!((batch.commands, batch.events, batch.waiting, code), (0, 11, 0, BAD_VALUE));
}

#[test]
fn seq_and_timestamp_are_given_where_they_are_zero_and_checked_where_not() {
    let stamped = |seq, timestamp| {
        let mut command = Command::of(CommandKind::OrderStatus);
        (command.seq, command.timestamp) = (seq, timestamp);
        record(&command)
    };
    let held = matcher();
    let records = [stamped(0, 0), stamped(2, 0), stamped(0, 50), stamped(4, 0), stamped(5, 52)];
    let (batch, code, events) = held.apply(&records, 10);
    assert_eq!((batch.commands, code), (5, 0));
    let told: Vec<_> = events.iter().map(|event| (event.seq, event.timestamp)).collect();
    assert_eq!(told, [(1, 1), (2, 2), (3, 50), (4, 51), (5, 52)]);

    for (record, code, field, text) in [
        (stamped(7, 0), BAD_SEQ, 0, "command 0: seq is 7, the next one is 6 (or 0)"),
        (stamped(5, 0), BAD_SEQ, 0, "command 0: seq is 5, the next one is 6 (or 0)"),
        (
            stamped(0, 52),
            BAD_TIMESTAMP,
            std::mem::offset_of!(Command, timestamp),
            "command 0: timestamp is 52, not above the last one, 52",
        ),
    ] {
        let (batch, found, _) = held.apply(&[record], 10);
        assert_eq!((batch.commands, found, batch.fault_offset as usize), (0, code, field));
        assert_eq!(held.why(), text);
    }
    assert_eq!(held.apply(&[stamped(0, u64::MAX)], 10).1, 0);
    let (_, code, _) = held.apply(&[stamped(0, 0)], 10);
    assert_eq!(code, BAD_TIMESTAMP);
    assert_eq!(held.why(), format!("command 0: no timestamp is above the last one, {}", u64::MAX));
}

#[test]
fn books_orders_and_totals_are_those_of_the_matcher() {
    let held = matcher();
    let commands = [
        order(b'A', Side::Buy, 50, 2),
        order(b'B', Side::Buy, 51, 3),
        order(b'C', Side::Buy, 50, 4),
        order(b'D', Side::Sell, 51, 1),
    ];
    let (batch, code, events) = held.apply(&commands, 100);
    assert_eq!((batch.commands, code), (4, 0));

    let mut own = OwnedMatcher::allocate(
        &[InstrumentLimits {
            instrument_id: 1,
            min_price: 1,
            max_price: 100,
            max_order_qty: 50,
            initial_phase: TradingPhase::Continuous,
            ..InstrumentLimits::default()
        }],
        &Capacity {
            instruments: 3,
            orders: 200,
            levels: 50,
            cl_ord_ids: 5_000,
            limited_sessions: 4,
            accounts: 4,
        },
    )
    .unwrap();
    let mut expected = Vec::new();
    for (seq, record) in (1..).zip(&commands) {
        let mut command = Command::decode(record).unwrap();
        (command.seq, command.timestamp) = (seq, seq);
        own.apply(&command, &mut |event: &Event| expected.push(*event));
    }
    assert_eq!(events, expected);
    let totals = held.totals();
    assert_eq!(totals.state_hash, own.state_hash());
    assert_eq!((totals.last_seq, totals.last_timestamp), (4, 4));
    assert_eq!((totals.open_orders, totals.cl_ord_ids, totals.waiting), (3, 4, 0));

    let mut levels = [TlLevel::default(); 4];
    let mut orders: [MaybeUninit<TlMatcherOrder>; 4] = [const { MaybeUninit::uninit() }; 4];
    let mut last_px = 0;
    // SAFETY: arrays of this test with their own lengths; as many orders are read as were written.
    unsafe {
        assert_eq!(tl_matcher_levels(held.pointer(), 1, 1, levels.as_mut_ptr(), 4), 2);
        assert_eq!(tl_matcher_levels(held.pointer(), 1, 1, levels.as_mut_ptr(), 1), 1);
        assert_eq!(tl_matcher_levels(held.pointer(), 2, 1, levels.as_mut_ptr(), 4), 0);
        assert_eq!(tl_matcher_orders(held.pointer(), 1, 1, orders.as_mut_ptr().cast(), 4), 3);
        let orders = orders[..3].iter().map(|order| order.assume_init());
        let told: Vec<_> = orders.map(|each| (each.cl_ord_id[0], each.leaves_qty)).collect();
        assert_eq!(told, [(b'B', 2), (b'A', 2), (b'C', 4)]);
        assert_eq!(tl_matcher_phase(held.pointer(), 1), TradingPhase::Continuous as i64);
        assert_eq!(tl_matcher_phase(held.pointer(), 2), 0);
        assert_eq!(tl_matcher_last_px(held.pointer(), 1, &mut last_px), 1);
        assert_eq!(tl_matcher_last_px(held.pointer(), 2, &mut last_px), 0);
    }
    assert_eq!(last_px, 51);
}

#[allow(dead_code)]
#[path = "../../../matcher/tests/twin/flow.rs"]
mod flow;

/// Days of the twin's flow, every other command with noise in some of its bytes.
#[test]
fn noise_in_any_byte_of_a_command_breaks_no_book_and_ends_nothing() {
    const DAYS: u64 = 25;
    const DAY_COMMANDS: u64 = 2_000;
    let mut applied = [0_u64; 2];
    for seed in 1..=DAYS {
        let (mut flow, mut random) = (flow::Flow::new(seed), flow::Random::new(!seed));
        let day = flow.day();
        let matcher = OwnedMatcher::allocate(&day.limits, &day.capacity).unwrap();
        let held = Held::of(matcher);
        for _ in 0..DAY_COMMANDS {
            let mut command = flow.next();
            (command.seq, command.timestamp) = (0, 0);
            let mut noisy = record(&command);
            let is_noisy = random.one_in(2);
            for _ in 0..if is_noisy { 1 + random.below(3) } else { 0 } {
                let at = random.below(Command::BYTES as u64) as usize;
                let any = random.next() as u8;
                noisy[at] = random.pick(&[0, 1, 0x7f, 0x80, 0xff, any]);
            }
            let (batch, code, events) = held.apply(&[noisy], 2_000);
            assert!(batch.waiting == 0 && (code == 0) == (batch.commands == 1), "seed {seed}");
            assert_eq!(code == 0, held.why().is_empty());
            applied[usize::from(is_noisy)] += batch.commands;
            // The flow goes on with its own members, of whom it has eight at most.
            let own = events.iter().filter(|event| (1..=8).contains(&event.member_id));
            own.for_each(|event| flow.see(event));
        }
        // SAFETY: made above, and freed at the end of this block.
        let matcher = unsafe { &(*held.pointer()).matcher };
        assert_eq!(matcher.check(), Ok(()), "seed {seed}");
        assert_eq!(matcher.state_hash(), matcher.state_hash_slow(), "seed {seed}");
    }
    let [clean, noisy] = applied;
    assert!(clean > DAYS * DAY_COMMANDS / 3 && noisy > DAYS * DAY_COMMANDS / 8, "{applied:?}");
}
