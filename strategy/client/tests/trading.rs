//! What a strategy may count on while it trades.

mod house;

use house::House;
use touchline_strategy::{Execution, Kind, Refusal};
use touchline_types::{OrdStatus, Reason, Side, TimeInForce};

#[test]
fn an_order_rests_executes_and_is_told_to_both_sides() {
    let house = House::new("executes", "");
    let _running = house.start();
    let (mut one, mut two) = (house.connect("one").live(), house.connect("two").live());
    let bid = one.limit(Side::Buy, 100, 10);
    let new = one.execution(bid, Execution::New);
    assert_eq!((new.price, new.qty, new.leaves_qty, new.position), (100, 10, 10, 0));
    let book = two.until(|event| event.kind == Kind::Book as u8);
    assert_eq!((book.bid_px, book.bid_qty, book.offer_px), (100, 10, i64::MAX));

    let sale = two.send(1, Side::Sell, 99, 4, TimeInForce::ImmediateOrCancel);
    let fill = two.execution(sale, Execution::Trade);
    assert_eq!((fill.price, fill.qty, fill.aggressor, fill.position), (100, 4, 1, -4));
    assert_eq!(fill.ord_status, OrdStatus::Filled as u8);
    let fill = one.execution(bid, Execution::Trade);
    assert_eq!((fill.price, fill.qty, fill.aggressor, fill.position), (100, 4, 0, 4));
    let trade = one.until(|event| event.kind == Kind::Trade as u8);
    assert_eq!((trade.price, trade.qty, trade.side, trade.bid_qty), (100, 4, 2, 6));
    assert_eq!(trade.trd_match_id, fill.trd_match_id);
    assert_eq!(one.strategy.order(bid).map(|own| (own.leaves_qty, own.cum_qty)), Some((6, 4)));
    assert_eq!((one.strategy.position(1), two.strategy.position(1)), (4, -4));
    assert!(two.strategy.order(sale).is_none(), "a filled order is forgotten");
}

#[test]
fn own_executions_come_before_the_book_that_they_made() {
    let house = House::new("before", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    for price in 100..140 {
        one.limit(Side::Buy, price, 1);
    }
    one.until(|event| event.kind == Kind::Book as u8 && event.bid_px == 139);
    one.settle();
    for (at, event) in one.seen.iter().enumerate() {
        if event.kind == Kind::Book as u8 {
            let told = |known: &&touchline_strategy::StrategyEvent| {
                known.kind == Kind::Execution as u8 && known.seq == event.seq
            };
            assert!(one.seen[..at].iter().any(|known| told(&known)), "book {} first", event.seq);
        }
    }
}

#[test]
fn replaces_sent_one_behind_the_other_name_each_other() {
    let house = House::new("replaces", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    let bid = one.limit(Side::Buy, 100, 10);
    one.strategy.replace(bid, 101, 12).unwrap();
    one.strategy.replace(bid, 102, 14).unwrap();
    assert_eq!(one.strategy.order(bid).map(|own| own.pending), Some(3));
    one.until(|event| event.execution == Execution::Replaced as u8 && event.price == 102);
    let own = *one.strategy.order(bid).unwrap();
    assert_eq!((own.price, own.order_qty, own.leaves_qty, own.pending), (102, 14, 14, 0));
    one.strategy.cancel(bid).unwrap();
    let gone = one.execution(bid, Execution::Canceled);
    assert_eq!((gone.qty, gone.ord_status), (14, OrdStatus::Canceled as u8));
    assert_eq!(one.strategy.cancel(bid), Err(Refusal::UnknownOrder));
}

#[test]
fn a_replace_that_is_refused_leaves_the_order_as_it_was() {
    let house = House::new("refused", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    let bid = one.limit(Side::Buy, 100, 10);
    one.strategy.replace(bid, 1 << 40, 10).unwrap();
    let refused = one.execution(bid, Execution::CancelRejected);
    assert_eq!(refused.reason, Reason::PriceOutOfRange as u8);
    one.strategy.replace(bid, 103, 10).unwrap();
    assert_eq!(one.execution(bid, Execution::Replaced).price, 103);
}

#[test]
fn a_refused_order_says_why_and_is_forgotten() {
    let house = House::new("rejected", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    let order = one.send(9, Side::Buy, 100, 10, TimeInForce::Day);
    let refused = one.execution(order, Execution::Rejected);
    assert_eq!(refused.reason, Reason::UnknownSymbol as u8);
    assert!(one.strategy.order(order).is_none());
}

#[test]
fn cancel_all_takes_every_order() {
    let house = House::new("cancel-all", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    let orders: Vec<u64> = (0..300).map(|at| one.limit(Side::Buy, 100 + at, 1)).collect();
    one.execution(orders[299], Execution::New);
    one.strategy.cancel_all().unwrap();
    one.until(|event| {
        event.execution == Execution::Canceled as u8
            && event.kind == Kind::Execution as u8
            && event.order == orders[0]
    });
    one.settle();
    assert_eq!(one.strategy.orders().count(), 0);
    assert!(one.ladder(1, Side::Buy).is_empty());
}

#[test]
fn a_timer_comes_when_it_is_due() {
    let house = House::new("timer", "");
    let _running = house.start();
    let mut one = house.connect("one").live();
    let at = touchline_sys::now_ns() + 30_000_000;
    one.strategy.set_timer(7, at).unwrap();
    let timer = one.until(|event| event.kind == Kind::Timer as u8);
    assert_eq!((timer.order, timer.matched_time), (7, at));
    assert!(touchline_sys::now_ns() >= at);
}

#[test]
fn an_order_that_answers_a_book_is_counted_from_tick_to_trade() {
    let house = House::new("tick", "");
    let running = house.start();
    let (mut one, mut two) = (house.connect("one").live(), house.connect("two").live());
    one.limit(Side::Buy, 100, 1);
    two.until(|event| event.kind == Kind::Book as u8);
    let order = two.limit(Side::Sell, 110, 1);
    two.execution(order, Execution::New);
    running.expect(1, "tick_to_trade_ns.count", 1);
    assert_eq!(running.figure(0, "tick_to_trade_ns.count"), 0, "it answered to nothing");
}
