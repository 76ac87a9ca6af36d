//! Which way a command goes: plain ones have one of their own, all others are checked one by one.
#![allow(missing_docs)]

use touchline_matcher::{Capacity, InstrumentLimits, OwnedMatcher, Ways};
use touchline_types::{
    Command, CommandKind, Event, ExecInst, OrdType, Scope, Side, TimeInForce, TradingPhase,
};

/// The counter that a command raises.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    PlainOrder,
    PlainTake,
    OtherOrder,
    PlainCancel,
    OtherCancel,
    PlainReplace,
    OtherReplace,
}

use Way::{
    OtherCancel, OtherOrder, OtherReplace, PlainCancel, PlainOrder, PlainReplace, PlainTake,
};

fn counts(ways: &Ways) -> [(Way, u64); 7] {
    [
        (PlainOrder, ways.plain_orders),
        (PlainTake, ways.plain_takes),
        (OtherOrder, ways.other_orders),
        (PlainCancel, ways.plain_cancels),
        (OtherCancel, ways.other_cancels),
        (PlainReplace, ways.plain_replaces),
        (OtherReplace, ways.other_replaces),
    ]
}

/// An instrument with a bid of 5 lots at 50, which session 1 has as "bid", an offer of 5 at 60,
/// "offer", and one of 6 at 70 that shows 2, "iceberg". Session 3 may send 10 lots and hold 4. Both
/// are of member 1, who has 10,000 in cash and 20 lots.
struct Venue {
    matcher: OwnedMatcher,
    seq: u64,
}

const INSTRUMENT: InstrumentLimits = InstrumentLimits {
    instrument_id: 1,
    min_price: 1,
    max_price: 100,
    max_order_qty: 100,
    initial_phase: TradingPhase::Continuous,
    tick_size: 2,
    lot_size: 1,
    protection: 0,
    price_band: 0,
};

const CAPACITY: Capacity = Capacity {
    instruments: 1,
    orders: 10,
    levels: 10,
    cl_ord_ids: 100,
    limited_sessions: 1,
    accounts: 1,
};

impl Venue {
    fn new() -> Self {
        Self::of(INSTRUMENT, CAPACITY)
    }

    fn of(instrument: InstrumentLimits, capacity: Capacity) -> Self {
        let matcher = OwnedMatcher::allocate(&[instrument], &capacity).expect("valid");
        let mut venue = Self { matcher, seq: 0 };
        let mut limits = Command::of(CommandKind::SetLimits);
        (limits.scope, limits.scope_id) = (Scope::Session, 3);
        (limits.order_qty, limits.price) = (10, 4);
        venue.apply(limits);
        let of_member = |kind, instrument_id, price| Command {
            scope: Scope::Member,
            scope_id: 1,
            instrument_id,
            price,
            ..Command::of(kind)
        };
        venue.apply(of_member(CommandKind::SetAccount, 0, 0));
        venue.apply(of_member(CommandKind::Deposit, 0, 10_000));
        venue.apply(of_member(CommandKind::Deposit, 1, 20));
        venue.apply(order(b"bid", Side::Buy, 50));
        venue.apply(order(b"offer", Side::Sell, 60));
        let iceberg = order(b"iceberg", Side::Sell, 70);
        venue.apply(Command { order_qty: 6, display_qty: 2, ..iceberg });
        venue
    }

    fn apply(&mut self, mut command: Command) {
        self.seq += 1;
        (command.seq, command.timestamp) = (self.seq, self.seq);
        self.matcher.apply(&command, &mut |_: &Event| {});
        assert_eq!(self.matcher.check(), Ok(()));
        assert_eq!(self.matcher.state_hash(), self.matcher.state_hash_slow());
    }

    /// The way of a command.
    fn way(&mut self, command: Command) -> Way {
        let before = counts(&self.matcher.ways());
        self.apply(command);
        let after = counts(&self.matcher.ways());
        let risen = before.iter().zip(after).filter(|(before, after)| before.1 != after.1);
        let risen: Vec<_> = risen.map(|(before, after)| (after.0, after.1 - before.1)).collect();
        match risen[..] {
            [(way, 1)] => way,
            _ => panic!("one way is gone once: {risen:?}"),
        }
    }
}

fn name(of: &[u8]) -> [u8; 20] {
    let mut name = [0; 20];
    name[..of.len()].copy_from_slice(of);
    name
}

fn order(cl_ord_id: &[u8], side: Side, price: i64) -> Command {
    let mut command = Command::of(CommandKind::NewOrder);
    (command.instrument_id, command.session_id, command.member_id) = (1, 1, 1);
    (command.cl_ord_id, command.side, command.price) = (name(cl_ord_id), side, price);
    (command.ord_type, command.order_qty) = (OrdType::Limit, 5);
    command
}

fn cancel(orig: &[u8]) -> Command {
    let kind = CommandKind::CancelOrder;
    Command { kind, orig_cl_ord_id: name(orig), ..order(b"cancel", Side::Buy, 0) }
}

fn replace(orig: &[u8], side: Side, price: i64) -> Command {
    let kind = CommandKind::ReplaceOrder;
    Command { kind, orig_cl_ord_id: name(orig), ..order(b"replace", side, price) }
}

/// Each by itself, in a venue that is as it was.
fn all_go(cases: &[(&str, Command, Way)]) {
    for (case, command, way) in cases {
        assert_eq!(Venue::new().way(*command), *way, "{case}");
    }
}

#[test]
fn limit_orders_that_ask_for_nothing_else_go_the_plain_way() {
    let bid = |price| order(b"new", Side::Buy, price);
    let day = Command { time_in_force: TimeInForce::Day, ..bid(52) };
    let till_cancel = Command { time_in_force: TimeInForce::GoodTillCancel, ..bid(52) };
    let at_once = Command { time_in_force: TimeInForce::ImmediateOrCancel, ..bid(60) };
    all_go(&[
        ("day, meets nothing", day, PlainOrder),
        ("till cancelled, meets nothing", till_cancel, PlainOrder),
        ("day, meets an offer", Command { price: 60, ..day }, PlainTake),
        ("till cancelled, meets an offer", Command { price: 62, ..till_cancel }, PlainTake),
        ("at once, meets an offer", at_once, PlainTake),
        (
            "at once, meets an offer of another owner",
            Command { order_qty: 9, ..at_once },
            PlainTake,
        ),
        ("limits let it", Command { session_id: 3, order_qty: 4, ..day }, PlainOrder),
        ("limits let it execute", Command { session_id: 3, order_qty: 4, ..at_once }, PlainTake),
    ]);
}

#[test]
fn all_other_orders_are_checked_one_by_one() {
    let bid = order(b"new", Side::Buy, 52);
    let at_once = TimeInForce::ImmediateOrCancel;
    let till_date = TimeInForce::GoodTillDate;
    all_go(&[
        ("meets nothing at once", Command { time_in_force: at_once, ..bid }, OtherOrder),
        ("fill or kill", Command { time_in_force: TimeInForce::FillOrKill, ..bid }, OtherOrder),
        ("till a date", Command { time_in_force: till_date, expire_time: 99, ..bid }, OtherOrder),
        ("iceberg", Command { display_qty: 1, ..bid }, OtherOrder),
        ("post-only", Command { exec_inst: ExecInst::POST_ONLY, ..bid }, OtherOrder),
        ("minimum", Command { min_qty: 1, time_in_force: at_once, ..bid }, OtherOrder),
        ("market", Command { ord_type: OrdType::Market, ..bid }, OtherOrder),
        ("stop", Command { ord_type: OrdType::StopLimit, stop_px: 80, ..bid }, OtherOrder),
        ("a stop price", Command { stop_px: 80, ..bid }, OtherOrder),
        ("the same twice: shown, stop", Command { display_qty: 1, stop_px: 1, ..bid }, OtherOrder),
        ("minimum, shown", Command { min_qty: 1, display_qty: 1, ..bid }, OtherOrder),
        ("date, minimum", Command { expire_time: 1, min_qty: 1, ..bid }, OtherOrder),
        (
            "instructions, date",
            Command { exec_inst: ExecInst(1), expire_time: 1, ..bid },
            OtherOrder,
        ),
        ("no side", Command { side: Side::Undisclosed, ..bid }, OtherOrder),
        ("unknown instrument", Command { instrument_id: 2, ..bid }, OtherOrder),
        ("no instrument", Command { instrument_id: 0, ..bid }, OtherOrder),
        ("price too low", Command { price: 0, ..bid }, OtherOrder),
        ("price too high", Command { price: 102, ..bid }, OtherOrder),
        ("off tick", Command { price: 51, ..bid }, OtherOrder),
        ("no quantity", Command { order_qty: 0, ..bid }, OtherOrder),
        ("too large", Command { order_qty: 101, ..bid }, OtherOrder),
        ("name is used", Command { cl_ord_id: name(b"bid"), ..bid }, OtherOrder),
        ("too large for its session", Command { session_id: 3, order_qty: 11, ..bid }, OtherOrder),
        ("more than it may hold", Command { session_id: 3, ..bid }, OtherOrder),
        ("more than its member can pay", Command { price: 98, order_qty: 100, ..bid }, OtherOrder),
        (
            "more than its member has",
            Command { order_qty: 10, ..order(b"s", Side::Sell, 80) },
            OtherOrder,
        ),
        (
            "takes more than its member has",
            Command { order_qty: 10, ..order(b"s", Side::Sell, 50) },
            OtherOrder,
        ),
        ("takes more than it may hold", Command { session_id: 3, price: 60, ..bid }, OtherOrder),
    ]);
}

#[test]
fn where_somebody_is_blocked_or_there_is_no_room_orders_are_checked_one_by_one() {
    let mut venue = Venue::new();
    let mut block = Command::of(CommandKind::BlockEntry);
    (block.scope, block.scope_id) = (Scope::Session, 9);
    venue.apply(block);
    assert_eq!(venue.way(order(b"new", Side::Buy, 52)), OtherOrder);
    venue.apply(Command { kind: CommandKind::AdmitEntry, ..block });
    // The first one rests, whatever way it went.
    for at in 0..6 {
        assert_eq!(venue.way(order(&[b'n', at], Side::Buy, 52)), PlainOrder, "{at}");
    }
    assert_eq!(venue.matcher.open_orders(), 10);
    assert_eq!(venue.way(order(b"last", Side::Buy, 52)), OtherOrder);
}

#[test]
fn where_levels_or_names_are_full_orders_are_checked_one_by_one() {
    let mut venue = Venue::of(INSTRUMENT, Capacity { levels: 2, ..CAPACITY });
    assert_eq!(venue.way(order(b"new", Side::Buy, 52)), PlainOrder);
    // Its level is there: that is for the checks one by one to see.
    assert_eq!(venue.way(order(b"more", Side::Buy, 52)), OtherOrder);
    let mut venue = Venue::of(INSTRUMENT, Capacity { cl_ord_ids: 4, ..CAPACITY });
    assert_eq!(venue.way(order(b"new", Side::Buy, 52)), PlainOrder);
    assert_eq!(venue.way(order(b"more", Side::Buy, 52)), OtherOrder);
    assert_eq!(venue.way(replace(b"new", Side::Buy, 54)), OtherReplace);
    assert_eq!(venue.way(cancel(b"new")), PlainCancel, "it uses none up");
}

#[test]
fn instruments_with_more_than_a_range_have_their_orders_checked_one_by_one() {
    let way = |instrument| Venue::of(instrument, CAPACITY).way(order(b"new", Side::Buy, 52));
    assert_eq!(way(INSTRUMENT), PlainOrder);
    assert_eq!(way(InstrumentLimits { price_band: 50, ..INSTRUMENT }), OtherOrder);
    assert_eq!(way(InstrumentLimits { lot_size: 5, ..INSTRUMENT }), PlainOrder);
    assert_eq!(way(InstrumentLimits { lot_size: 3, ..INSTRUMENT }), OtherOrder);
    let call = InstrumentLimits { initial_phase: TradingPhase::Call, ..INSTRUMENT };
    assert_eq!(way(call), OtherOrder);
    let numbered = InstrumentLimits { instrument_id: 7, ..INSTRUMENT };
    let mut venue = Venue::of(numbered, CAPACITY);
    let new = Command { instrument_id: 7, ..order(b"new", Side::Buy, 52) };
    assert_eq!(venue.way(new), OtherOrder, "numbers that are not 1, 2, 3, ... are looked up");
    assert_eq!(venue.way(cancel(b"new")), PlainCancel);
}

#[test]
fn an_order_that_finds_no_token_is_checked_one_by_one() {
    let mut venue = Venue::new();
    let mut limits = Command::of(CommandKind::SetLimits);
    (limits.scope, limits.scope_id) = (Scope::Session, 3);
    (limits.rate_per_s, limits.rate_burst) = (1, 3);
    venue.apply(limits);
    let limited = |command| Command { session_id: 3, ..command };
    assert_eq!(venue.way(limited(order(b"one", Side::Buy, 52))), PlainOrder);
    assert_eq!(venue.way(limited(replace(b"one", Side::Buy, 54))), PlainReplace);
    assert_eq!(venue.way(limited(order(b"two", Side::Buy, 60))), PlainTake);
    for late in [order(b"a", Side::Buy, 52), order(b"b", Side::Sell, 50)] {
        assert_eq!(venue.way(limited(late)), OtherOrder);
    }
    let late = Command { cl_ord_id: name(b"late"), ..replace(b"one", Side::Buy, 56) };
    assert_eq!(venue.way(limited(late)), OtherReplace);
    assert_eq!(venue.way(limited(cancel(b"replace"))), PlainCancel, "it takes none");
}

#[test]
fn cancels_of_plain_orders_go_the_plain_way() {
    let other = Command { member_id: 2, ..cancel(b"bid") };
    all_go(&[
        ("bid", cancel(b"bid"), PlainCancel),
        ("by another session", Command { session_id: 2, ..cancel(b"bid") }, PlainCancel),
        ("iceberg", cancel(b"iceberg"), OtherCancel),
        ("unknown", cancel(b"nothing"), OtherCancel),
        ("of another member", other, OtherCancel),
        ("name is used", Command { cl_ord_id: name(b"offer"), ..cancel(b"bid") }, OtherCancel),
    ]);
}

#[test]
fn replaces_that_move_a_plain_order_go_the_plain_way() {
    let moves = replace(b"bid", Side::Buy, 52);
    let stays = replace(b"bid", Side::Buy, 50);
    all_go(&[
        ("moves", moves, PlainReplace),
        ("another price and quantity", Command { order_qty: 7, ..moves }, PlainReplace),
        ("more at its price", Command { order_qty: 6, ..stays }, PlainReplace),
        ("nothing is other", stays, PlainReplace),
        ("less at its price", Command { order_qty: 4, ..stays }, OtherReplace),
        ("meets an offer", Command { price: 60, ..moves }, OtherReplace),
        ("other side", Command { side: Side::Sell, price: 62, ..moves }, OtherReplace),
        ("other type", Command { ord_type: OrdType::Market, ..moves }, OtherReplace),
        ("by another session", Command { session_id: 2, ..moves }, OtherReplace),
        ("of another member", Command { member_id: 2, ..moves }, OtherReplace),
        ("iceberg", replace(b"iceberg", Side::Sell, 80), OtherReplace),
        ("shows less", Command { display_qty: 1, ..moves }, OtherReplace),
        ("unknown", replace(b"nothing", Side::Buy, 52), OtherReplace),
        ("name is used", Command { cl_ord_id: name(b"offer"), ..moves }, OtherReplace),
        ("no quantity", Command { order_qty: 0, ..moves }, OtherReplace),
        (
            "all that its member can pay",
            Command { price: 50, order_qty: 100, ..moves },
            PlainReplace,
        ),
        (
            "too large",
            Command { order_qty: 101, ..replace(b"offer", Side::Sell, 62) },
            OtherReplace,
        ),
        (
            "more than its member has",
            Command { order_qty: 15, ..replace(b"offer", Side::Sell, 62) },
            OtherReplace,
        ),
    ]);
}

#[test]
fn a_replace_counts_what_has_executed() {
    let mut venue = Venue::new();
    assert_eq!(venue.way(Command { order_qty: 3, ..order(b"take", Side::Sell, 50) }), PlainTake);
    let moves = replace(b"bid", Side::Buy, 48);
    assert_eq!(venue.way(Command { order_qty: 3, ..moves }), OtherReplace, "all has executed");
    assert_eq!(venue.way(Command { order_qty: 4, ..moves }), PlainReplace);
    let left = venue.matcher.orders(1, Side::Buy).next().map(|order| order.leaves_qty);
    assert_eq!(left, Some(1));
}

#[test]
fn a_replace_leaves_an_order_with_the_firm_that_entered_it() {
    for (order_qty, way) in [(6, PlainReplace), (4, OtherReplace)] {
        let mut venue = Venue::new();
        venue.apply(Command { firm_id: 7, ..order(b"firm", Side::Buy, 40) });
        let replaced = Command { firm_id: 8, order_qty, ..replace(b"firm", Side::Buy, 40) };
        assert_eq!(venue.way(replaced), way);
        let open = venue.matcher.open_orders();
        for (scope_id, left) in [(8, open), (7, open - 1)] {
            let scope = Scope::Firm;
            venue.apply(Command { scope, scope_id, ..Command::of(CommandKind::MassCancel) });
            assert_eq!(venue.matcher.open_orders(), left, "firm {scope_id}, {way:?}");
        }
    }
}

#[test]
fn a_replace_passes_the_limits_of_its_session() {
    let mut venue = Venue::new();
    let limited = |command: Command| Command { session_id: 3, ..command };
    let bid = Command { order_qty: 3, ..order(b"low", Side::Buy, 40) };
    assert_eq!(venue.way(limited(bid)), PlainOrder);
    let moves = limited(replace(b"low", Side::Buy, 42));
    assert_eq!(venue.way(Command { order_qty: 5, ..moves }), OtherReplace, "more than it may hold");
    assert_eq!(venue.way(Command { order_qty: 4, ..moves }), PlainReplace);
    let position = venue.matcher.position(3, 1).expect("it has limits");
    assert_eq!(position.open_bid_qty, 4);
}
