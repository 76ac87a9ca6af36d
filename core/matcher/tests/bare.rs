//! The book alone, beside one that is obvious: a map of prices to queues.
#![allow(missing_docs)]

use std::collections::{BTreeMap, VecDeque};

use touchline_matcher::{BookFill, OwnedBook};
use touchline_types::Side;

const ORDERS: u32 = 300;
const LEVELS: u32 = 60;

/// An order of the slow book.
#[derive(Clone, Copy, Debug)]
struct Order {
    tag: u64,
    qty: u64,
}

#[derive(Default)]
struct SlowBook {
    /// Bids lie mirrored, so that the best price of either side is the lowest key.
    sides: [BTreeMap<i64, VecDeque<Order>>; 2],
}

const fn key(side: Side, price: i64) -> i64 {
    if matches!(side, Side::Buy) { -price } else { price }
}

impl SlowBook {
    fn open(&self) -> usize {
        self.sides.iter().flat_map(BTreeMap::values).map(VecDeque::len).sum()
    }

    fn side(&mut self, side: Side) -> &mut BTreeMap<i64, VecDeque<Order>> {
        &mut self.sides[usize::from(side == Side::Sell)]
    }

    fn add(&mut self, side: Side, price: i64, order: Order) -> bool {
        let full = self.open() as u32 >= ORDERS;
        let levels = self.side(side);
        if full || !levels.contains_key(&key(side, price)) && levels.len() as u32 >= LEVELS {
            return false;
        }
        levels.entry(key(side, price)).or_default().push_back(order);
        true
    }

    fn cancel(&mut self, tag: u64) -> Option<u64> {
        for side in &mut self.sides {
            for queue in side.values_mut() {
                if let Some(at) = queue.iter().position(|order| order.tag == tag) {
                    let gone = queue.remove(at).map(|order| order.qty);
                    side.retain(|_, queue| !queue.is_empty());
                    return gone;
                }
            }
        }
        None
    }

    fn take(&mut self, side: Side, limit: i64, mut left: u64, fills: &mut Vec<BookFill>) -> u64 {
        let theirs = side.opposite();
        while left > 0 {
            let Some((at, queue)) = self.side(theirs).iter_mut().next() else { break };
            let price = key(theirs, *at);
            let reached = if side == Side::Buy { price <= limit } else { price >= limit };
            if !reached {
                break;
            }
            let front = &mut queue[0];
            let qty = left.min(front.qty);
            front.qty -= qty;
            left -= qty;
            fills.push(BookFill { tag: front.tag, price, qty, leaves_qty: front.qty });
            if front.qty == 0 {
                queue.pop_front();
                self.side(theirs).retain(|_, queue| !queue.is_empty());
            }
        }
        left
    }
}

#[test]
fn the_book_alone_is_a_map_of_prices_to_queues() {
    for seed in 1..=40_u64 {
        let mut state = seed;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(seed);
            (state >> 33) % bound
        };
        let (mut fast, mut slow) = (OwnedBook::allocate(ORDERS, LEVELS), SlowBook::default());
        let mut slots: Vec<(u32, u64)> = Vec::new();
        let mut middle = 0_i64;
        for tag in 0..5_000 {
            if below(300) == 0 {
                middle = below(20_000) as i64 - 10_000;
            }
            let side = if below(2) == 0 { Side::Buy } else { Side::Sell };
            let price = middle + below(90) as i64 - 45;
            if below(10) < 4 && !slots.is_empty() {
                // Also one that is gone already, or whose slot another order has now.
                let (slot, of) = slots.swap_remove(below(slots.len() as u64) as usize);
                if slots.iter().any(|(other, _)| *other == slot) {
                    continue;
                }
                assert_eq!(fast.cancel(slot), slow.cancel(of));
            } else {
                let (mut a, mut b) = (Vec::new(), Vec::new());
                let qty = 1 + below(20);
                let left = fast.take(side, price, qty, |fill| a.push(fill));
                assert_eq!(left, slow.take(side, price, qty, &mut b));
                assert_eq!(a, b);
                if left > 0 {
                    let slot = fast.add(side, price, left, tag);
                    assert_eq!(slot.is_some(), slow.add(side, price, Order { tag, qty: left }));
                    if let Some(slot) = slot {
                        slots.retain(|(other, _)| *other != slot);
                        slots.push((slot, tag));
                    }
                }
            }
            assert_eq!(fast.open_orders() as usize, slow.open());
            for side in [Side::Buy, Side::Sell] {
                let best = slow.side(side).keys().next().map(|at| key(side, *at));
                assert_eq!(fast.best(side), best);
            }
            if tag % 500 == 0 {
                for side in [Side::Buy, Side::Sell] {
                    let told: Vec<_> =
                        fast.levels(side).map(|l| (l.price, l.qty, l.orders as usize)).collect();
                    let known: Vec<_> = slow
                        .side(side)
                        .iter()
                        .map(|(at, q)| (key(side, *at), q.iter().map(|o| o.qty).sum(), q.len()))
                        .collect();
                    assert_eq!(told, known);
                }
            }
        }
    }
}

#[test]
fn an_order_without_quantity_and_a_slot_without_an_order_are_nothing() {
    let mut book = OwnedBook::allocate(2, 2);
    assert_eq!(book.add(Side::Buy, 5, 0, 1), None);
    assert_eq!((book.cancel(1), book.cancel(77), book.best(Side::Buy)), (None, None, None));
    let slot = book.add(Side::Buy, 5, 9, 1).expect("there is room");
    assert_eq!((book.cancel(slot), book.cancel(slot)), (Some(9), None));
}
