//! Someone who sees the public records only, and keeps the books that they make.

use std::collections::BTreeMap;

use touchline_matcher::OwnedMatcher;
use touchline_types::{Event, PublicKind, PublicRecord, Side, public_of};

#[derive(Clone, Copy, Debug, PartialEq)]
struct Shown {
    order_id: u64,
    price: i64,
    qty: u64,
    priority: u64,
}

/// Books by instrument and side, in no order.
#[derive(Default)]
pub(crate) struct PublicBooks {
    orders: BTreeMap<u64, (u32, Side, Shown)>,
}

impl PublicBooks {
    /// Takes what the public sees of an event.
    pub(crate) fn see(&mut self, event: &Event) -> Result<(), String> {
        let Some(record) = public_of(event) else { return Ok(()) };
        let PublicRecord { order_id, instrument_id, side, price, qty, priority, .. } = record;
        let shown = Shown { order_id, price, qty, priority };
        let fits = match record.kind {
            PublicKind::Add => {
                qty > 0 && self.orders.insert(order_id, (instrument_id, side, shown)).is_none()
            }
            PublicKind::Execute | PublicKind::Cancel => self.reduce(order_id, qty),
            PublicKind::Delete => self.orders.remove(&order_id).is_some(),
            PublicKind::Replace => {
                self.orders.insert(order_id, (instrument_id, side, shown)).is_some()
            }
            PublicKind::Phase | PublicKind::Uncross => true,
        };
        if fits { Ok(()) } else { Err(format!("the books do not have what {record:?} says")) }
    }

    fn reduce(&mut self, order_id: u64, qty: u64) -> bool {
        let Some((_, _, shown)) = self.orders.get_mut(&order_id) else { return false };
        let Some(left) = shown.qty.checked_sub(qty) else { return false };
        shown.qty = left;
        if left == 0 {
            self.orders.remove(&order_id);
        }
        qty > 0
    }

    /// Compares the books with what the matcher's orders show.
    pub(crate) fn look(&self, matcher: &OwnedMatcher) -> Result<(), String> {
        for instrument_id in matcher.instrument_ids() {
            for side in [Side::Buy, Side::Sell] {
                let there = matcher.orders(instrument_id, side).filter(|o| o.shown_qty > 0);
                let there: Vec<Shown> = there
                    .map(|o| Shown {
                        order_id: o.order_id,
                        price: o.price,
                        qty: o.shown_qty,
                        priority: o.priority,
                    })
                    .collect();
                let here = self.orders.values();
                let here = here.filter(|(id, of, _)| (*id, *of) == (instrument_id, side));
                let mut here: Vec<Shown> = here.map(|(.., shown)| *shown).collect();
                here.sort_by_key(|shown| {
                    let price = i128::from(shown.price);
                    (if side == Side::Buy { -price } else { price }, shown.priority)
                });
                if here != there {
                    return Err(format!("public: {here:?}\nmatcher: {there:?}"));
                }
            }
        }
        Ok(())
    }
}
