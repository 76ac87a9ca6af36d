//! Storage and limits: what a matcher needs to start, and what ends it.
#![allow(missing_docs)]

use touchline_matcher::{
    Account, Capacity, FarLevel, Holding, Instrument, InstrumentLimits, InstrumentTotal, Ladder,
    LentMatcher, Level, MatcherError, NameLine, OrderExtra, OwnedMatcher, PastRecord, RecordLine,
    RestingOrder, SessionLimits, SessionPosition, Storage, StorageNeeds,
};
use touchline_types::{Command, CommandKind, Event, EventKind, OrdType, Side, TradingPhase};

const CAPACITY: Capacity = Capacity {
    instruments: 2,
    orders: 10,
    levels: 4,
    cl_ord_ids: 100,
    limited_sessions: 3,
    accounts: 3,
};

fn limits(instrument_id: u32) -> InstrumentLimits {
    InstrumentLimits {
        instrument_id,
        min_price: 1,
        max_price: 100,
        max_order_qty: 50,
        initial_phase: TradingPhase::Continuous,
        ..InstrumentLimits::default()
    }
}

fn order(seq: u64, side: Side, price: i64, order_qty: u64) -> Command {
    let mut command = Command::of(CommandKind::NewOrder);
    (command.seq, command.timestamp) = (seq, seq);
    (command.instrument_id, command.session_id, command.member_id) = (1, 1, 1);
    (command.side, command.ord_type) = (side, OrdType::Limit);
    (command.price, command.order_qty) = (price, order_qty);
    command.cl_ord_id[..8].copy_from_slice(&seq.to_be_bytes());
    command
}

fn error(limits: &[InstrumentLimits]) -> Option<MatcherError> {
    OwnedMatcher::allocate(limits, &CAPACITY).err()
}

#[test]
fn limits_that_make_no_sense_are_refused_by_name() {
    let three = [limits(1), limits(2), limits(3)];
    assert_eq!(error(&three), Some(MatcherError::TooManyInstruments { given: 3, room: 2 }));
    assert_eq!(error(&[limits(7), limits(7)]), Some(MatcherError::DuplicateInstrument(7)));
    let empty = InstrumentLimits { min_price: 5, max_price: 4, ..limits(3) };
    let named = MatcherError::EmptyPriceRange { instrument_id: 3, min_price: 5, max_price: 4 };
    assert_eq!(error(&[empty]), Some(named));
    let no_phase = InstrumentLimits { initial_phase: TradingPhase::None, ..limits(3) };
    assert_eq!(error(&[no_phase]), Some(MatcherError::NoPhase(3)));
    let (tick_size, lot_size) = (0, 1);
    let no_step = MatcherError::NoStep { instrument_id: 3, tick_size, lot_size };
    assert_eq!(error(&[InstrumentLimits { tick_size, ..limits(3) }]), Some(no_step));
    let (tick_size, lot_size) = (1, 0);
    let no_step = MatcherError::NoStep { instrument_id: 3, tick_size, lot_size };
    assert_eq!(error(&[InstrumentLimits { lot_size, ..limits(3) }]), Some(no_step));
    for (protection, price_band) in [(-1, 0), (0, -1)] {
        let wrong = MatcherError::NegativeDistance { instrument_id: 3, protection, price_band };
        let limits = InstrumentLimits { protection, price_band, ..limits(3) };
        assert_eq!(error(&[limits]), Some(wrong));
    }
    assert_eq!(error(&[]), None);
    let text = "instrument 3: lowest price 5 is above highest 4";
    assert_eq!(named.to_string(), text);
}

#[test]
fn a_slice_that_does_not_fit_the_others_is_refused_by_name() {
    let refused = |change: fn(&mut Storage<touchline_matcher::Owned>)| {
        let mut storage = Storage::allocate(&CAPACITY);
        change(&mut storage);
        match OwnedMatcher::new(&[limits(1)], storage).err() {
            Some(MatcherError::SliceLength { slice, .. }) => slice,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|s| s.ladders = vec![Ladder::default(); 3].into()), "ladders");
    assert_eq!(refused(|s| s.levels = vec![Level::default(); 255].into()), "levels");
    assert_eq!(refused(|s| s.bits = vec![0; 5].into()), "bits");
    assert_eq!(refused(|s| s.far_levels = vec![FarLevel::default(); 15].into()), "far_levels");
    assert_eq!(refused(|s| s.orders = Box::default()), "orders");
    assert_eq!(refused(|s| s.records = Box::default()), "records");
    assert_eq!(refused(|s| s.extras = Box::default()), "extras");
    assert_eq!(refused(|s| s.names = Box::default()), "names");
    assert_eq!(refused(|s| s.totals = Box::default()), "totals");
}

#[test]
fn a_lent_matcher_and_one_that_owns_its_storage_agree() {
    let needs = StorageNeeds::of(&CAPACITY);
    let mut instruments = vec![Instrument::default(); needs.instruments];
    let mut ladders = vec![Ladder::default(); needs.ladders];
    let mut levels = vec![Level::default(); needs.levels];
    let mut bits = vec![0; needs.bits];
    let mut far_levels = vec![FarLevel::default(); needs.far_levels];
    let mut orders = vec![RestingOrder::default(); needs.orders];
    let mut records = vec![RecordLine::default(); needs.records];
    let mut extras = vec![OrderExtra::default(); needs.extras];
    let mut past = vec![PastRecord::default(); needs.past];
    let mut names = vec![NameLine::default(); needs.names];
    let mut limited = vec![SessionLimits::default(); needs.limits];
    let mut positions = vec![SessionPosition::default(); needs.positions];
    let mut accounts = vec![Account::default(); needs.accounts];
    let mut holdings = vec![Holding::default(); needs.holdings];
    let mut totals = vec![InstrumentTotal::default(); needs.totals];
    let lent = Storage {
        instruments: &mut instruments[..],
        ladders: &mut ladders[..],
        levels: &mut levels[..],
        bits: &mut bits[..],
        far_levels: &mut far_levels[..],
        orders: &mut orders[..],
        records: &mut records[..],
        extras: &mut extras[..],
        past: &mut past[..],
        names: &mut names[..],
        limits: &mut limited[..],
        positions: &mut positions[..],
        accounts: &mut accounts[..],
        holdings: &mut holdings[..],
        totals: &mut totals[..],
    };
    let mut lent = LentMatcher::new(&[limits(1)], lent).expect("the limits are valid");
    let mut owned = OwnedMatcher::allocate(&[limits(1)], &CAPACITY).expect("they still are");
    for seq in 1..=60 {
        let side = if seq % 3 == 0 { Side::Sell } else { Side::Buy };
        let command = order(seq, side, 50 + (seq % 4) as i64, 1 + seq % 7);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        lent.apply(&command, &mut |event: &Event| a.push(*event));
        owned.apply(&command, &mut |event: &Event| b.push(*event));
        assert_eq!(a, b);
        assert_eq!(lent.state_hash(), owned.state_hash());
    }
    assert_eq!(lent.check(), Ok(()));
}

#[test]
fn the_needs_of_a_capacity_count_every_slice() {
    let needs = StorageNeeds::of(&Capacity {
        instruments: 2,
        orders: 2,
        levels: 3,
        cl_ord_ids: 5,
        limited_sessions: 7,
        accounts: 6,
    });
    let expected = StorageNeeds {
        instruments: 2,
        ladders: 4,
        levels: 256,
        bits: 4,
        far_levels: 12,
        orders: 4,
        records: 4,
        extras: 4,
        past: 5,
        names: 2,
        limits: 7,
        positions: 14,
        accounts: 6,
        holdings: 12,
        totals: 2,
    };
    assert_eq!(needs, expected);
    let bytes = 2 * size_of::<Instrument>()
        + 4 * size_of::<Ladder>()
        + 256 * size_of::<Level>()
        + 4 * size_of::<u64>()
        + 12 * size_of::<FarLevel>()
        + 4 * size_of::<RestingOrder>()
        + 4 * size_of::<RecordLine>()
        + 4 * size_of::<OrderExtra>()
        + 5 * size_of::<PastRecord>()
        + 2 * size_of::<NameLine>()
        + 7 * size_of::<SessionLimits>()
        + 14 * size_of::<SessionPosition>()
        + 6 * size_of::<Account>()
        + 12 * size_of::<Holding>()
        + 2 * size_of::<InstrumentTotal>();
    assert_eq!(needs.bytes(), bytes);
}

#[test]
fn an_entry_takes_as_many_bytes_as_is_known() {
    assert_eq!(size_of::<Level>(), 24);
    assert_eq!(size_of::<RestingOrder>(), 64);
    assert_eq!(size_of::<RecordLine>(), 64);
    assert_eq!(size_of::<OrderExtra>(), 40);
    assert_eq!(size_of::<PastRecord>(), 80);
    assert_eq!(size_of::<NameLine>(), 64);
    assert_eq!(size_of::<SessionLimits>(), 64);
    assert_eq!(size_of::<SessionPosition>(), 32);
    assert_eq!(size_of::<Account>(), 64);
    assert_eq!(size_of::<Holding>(), 32);
    assert_eq!(size_of::<InstrumentTotal>(), 32);
}

#[test]
fn an_uncross_at_the_ends_of_the_number_range_stays_in_it() {
    let whole = InstrumentLimits {
        min_price: i64::MIN,
        max_price: i64::MAX,
        initial_phase: TradingPhase::Call,
        ..limits(1)
    };
    // No quantity times the lowest price fits: nothing is admitted.
    let mut matcher = OwnedMatcher::allocate(&[whole], &CAPACITY).expect("valid");
    let mut kinds = Vec::new();
    matcher.apply(&order(1, Side::Buy, i64::MAX, 1), &mut |event: &Event| kinds.push(event.kind));
    assert_eq!(kinds, [EventKind::Rejected]);

    let nearly = InstrumentLimits { min_price: -i64::MAX, ..whole };
    let mut matcher = OwnedMatcher::allocate(&[nearly], &CAPACITY).expect("valid");
    let mut last_px = Vec::new();
    matcher.apply(&order(1, Side::Buy, i64::MAX, 1), &mut |_: &Event| {});
    matcher.apply(&order(2, Side::Sell, -i64::MAX, 1), &mut |_: &Event| {});
    let mut open = Command::of(CommandKind::ChangePhase);
    (open.seq, open.timestamp, open.instrument_id) = (3, 3, 1);
    open.phase = TradingPhase::Continuous;
    matcher.apply(&open, &mut |event: &Event| last_px.push((event.kind, event.last_px)));
    assert_eq!(
        last_px[1..],
        [(EventKind::Uncrossed, 0), (EventKind::Executed, 0), (EventKind::Executed, 0)]
    );
    assert_eq!(matcher.check(), Ok(()));
}

#[test]
#[should_panic(expected = "seq rises by one")]
fn a_command_that_skips_a_seq_ends_the_process() {
    let mut matcher = OwnedMatcher::allocate(&[limits(1)], &CAPACITY).expect("valid");
    matcher.apply(&order(2, Side::Buy, 50, 1), &mut |_: &Event| {});
}

#[test]
#[should_panic(expected = "timestamp rises")]
fn a_command_whose_time_stands_still_ends_the_process() {
    let mut matcher = OwnedMatcher::allocate(&[limits(1)], &CAPACITY).expect("valid");
    matcher.apply(&order(1, Side::Buy, 50, 1), &mut |_: &Event| {});
    let mut late = order(2, Side::Buy, 50, 1);
    late.timestamp = 1;
    matcher.apply(&late, &mut |_: &Event| {});
}
