//! Facts that nobody outside the books can break, and that they keep all the same.

use std::vec;

use super::*;
use crate::storage::{Capacity, Owned, StorageNeeds};

/// One book, for four orders at two prices on a side.
fn books() -> Books<Owned> {
    let capacity = Capacity {
        instruments: 1,
        orders: 4,
        levels: 2,
        cl_ord_ids: 0,
        limited_sessions: 0,
        accounts: 0,
    };
    let needs = StorageNeeds::of(&capacity);
    let storage = BookStorage {
        instruments: vec![Instrument::default(); needs.instruments].into(),
        ladders: vec![Ladder::default(); needs.ladders].into(),
        levels: vec![Level::default(); needs.levels].into(),
        bits: vec![0; needs.bits].into(),
        far_levels: vec![FarLevel::default(); needs.far_levels].into(),
        orders: vec![RestingOrder::default(); needs.orders].into(),
    };
    Books::new(storage, 1, 2)
}

/// A bid joins the queue at its price.
fn join(books: &mut Books<Owned>, price: i64, leaves_qty: u64, priority: u64) {
    let order = RestingOrder::new(0, Side::Buy, price, leaves_qty);
    let slot = books.allocate(RestingOrder { priority, ..order });
    books.enqueue(slot);
}

#[test]
#[should_panic(expected = "an order that rests has a quantity")]
fn an_order_without_quantity_cannot_rest() {
    join(&mut books(), 100, 0, 1);
}

#[test]
#[should_panic(expected = "priority rises along a queue")]
fn an_order_with_the_priority_of_the_one_ahead_cannot_join_it() {
    let mut books = books();
    join(&mut books, 100, 5, 1);
    join(&mut books, 100, 5, 1);
}

#[test]
#[should_panic(expected = "the entry check kept room for a level")]
fn a_price_more_than_there_is_room_for_cannot_have_a_level() {
    let mut books = books();
    join(&mut books, 100, 5, 1);
    join(&mut books, 101, 5, 2);
    assert!(!books.has_level(0, Side::Buy, 102), "and the entry check says so");
    join(&mut books, 102, 5, 3);
}
