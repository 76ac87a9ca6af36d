//! More orders that are due than one time tick takes.
#![allow(missing_docs)]

use touchline_matcher::{Capacity, InstrumentLimits, MASS_CANCEL_MAX, OwnedMatcher};
use touchline_types::{
    Command, CommandKind, Event, EventKind, OrdType, Side, TimeInForce, TradingPhase,
};

const ORDERS: u64 = 300;
const DUE: u64 = 1_000;

/// A matcher with so many orders that expire together, and one that does not.
fn matcher() -> OwnedMatcher {
    let limits = InstrumentLimits {
        instrument_id: 1,
        min_price: 1,
        max_price: 100,
        max_order_qty: 10,
        initial_phase: TradingPhase::Continuous,
        ..InstrumentLimits::default()
    };
    let capacity = Capacity {
        instruments: 1,
        orders: 1_000,
        levels: 50,
        cl_ord_ids: 2_000,
        limited_sessions: 1,
        accounts: 0,
    };
    let mut matcher = OwnedMatcher::allocate(&[limits], &capacity).expect("valid");
    for seq in 1..=ORDERS + 1 {
        let mut order = command(CommandKind::NewOrder, seq, seq);
        order.time_in_force = TimeInForce::GoodTillDate;
        order.expire_time = if seq > ORDERS { 2 * DUE } else { DUE };
        matcher.apply(&order, &mut |_: &Event| {});
    }
    assert_eq!(matcher.next_expiry(), Some(DUE));
    matcher
}

fn command(kind: CommandKind, seq: u64, timestamp: u64) -> Command {
    let mut command = Command::of(kind);
    (command.seq, command.timestamp) = (seq, timestamp);
    if kind == CommandKind::NewOrder {
        (command.instrument_id, command.session_id, command.member_id) = (1, 1, 1);
        (command.side, command.ord_type) = (Side::Buy, OrdType::Limit);
        (command.price, command.order_qty) = (1 + (seq % 7) as i64, 1);
        command.cl_ord_id[..8].copy_from_slice(&(seq + (1 << 60)).to_be_bytes());
    }
    command
}

fn events(matcher: &mut OwnedMatcher, command: &Command) -> Vec<Event> {
    let mut events = Vec::new();
    matcher.apply(command, &mut |event: &Event| events.push(*event));
    assert_eq!(matcher.check(), Ok(()));
    assert_eq!(matcher.state_hash(), matcher.state_hash_slow());
    events
}

#[test]
fn time_ticks_take_a_portion_each_and_say_how_many_are_left() {
    let mut matcher = matcher();
    let portion = MASS_CANCEL_MAX as u64;
    let mut left = ORDERS;
    for seq in ORDERS + 2.. {
        let told = events(&mut matcher, &command(CommandKind::ExpireOrders, seq, seq + DUE));
        let gone = left.min(portion);
        left -= gone;
        let (last, expired) = told.split_last().expect("a time tick is answered");
        assert_eq!(
            (last.kind, last.last_qty, last.leaves_qty),
            (EventKind::MassCanceled, gone, left)
        );
        assert_eq!(expired.len() as u64, gone);
        assert!(expired.iter().all(|event| event.kind == EventKind::Expired));
        if left == 0 {
            break;
        }
        assert_eq!(matcher.next_expiry(), Some(DUE), "who has not gone is still due");
    }
    assert_eq!(matcher.next_expiry(), Some(2 * DUE));
    assert_eq!(matcher.open_orders(), 1);
}

#[test]
fn an_order_that_arrives_finds_none_of_them_however_many_there_are() {
    let mut matcher = matcher();
    let mut order = command(CommandKind::NewOrder, ORDERS + 2, DUE);
    (order.side, order.price, order.order_qty) = (Side::Sell, 1, 2);
    let told = events(&mut matcher, &order);
    let expired = told.iter().filter(|event| event.kind == EventKind::Expired).count();
    assert_eq!(expired as u64, ORDERS);
    let rest: Vec<_> = told[expired..].iter().map(|event| event.kind).collect();
    let executed = EventKind::Executed;
    assert_eq!(rest, [EventKind::Accepted, executed, executed, EventKind::Added]);
    // The one that was left has executed: a look that is too early finds that out.
    assert_eq!(matcher.next_expiry(), Some(2 * DUE));
    let told = events(&mut matcher, &command(CommandKind::ExpireOrders, ORDERS + 3, 2 * DUE));
    assert_eq!((told.len(), told[0].last_qty), (1, 0));
    assert_eq!(matcher.next_expiry(), None);
}
