//! The bare path: the matcher's price-time book, without names, owners, checks and reports.
//!
//! An order of the flow is known by its number, which is its tag, and so is where it rests.

use touchline_matcher::OwnedBook;
use touchline_types::Side;

use super::replay::Book;
use super::workload::{Action, End, FillSink, IDS};

/// Orders that can rest, and prices on a side: as the full path has them.
const ORDERS: u32 = 1 << 15;
const LEVELS: u32 = 1 << 12;

/// The book, and where each order of the flow rests.
pub(crate) struct Bare {
    book: OwnedBook,
    slots: Box<[u32]>,
}

const fn side(action: &Action) -> Side {
    if action.is_offer { Side::Sell } else { Side::Buy }
}

impl Bare {
    pub(crate) fn new() -> Self {
        Self {
            book: OwnedBook::allocate(ORDERS, LEVELS),
            slots: vec![u32::MAX; IDS].into_boxed_slice(),
        }
    }

    #[inline(always)]
    fn cross(&mut self, action: &Action, fills: &mut impl FillSink) -> u64 {
        self.book.take(side(action), action.price.into(), action.qty.into(), |fill| {
            fills.fill(fill.tag, action.id.into(), fill.price as u64, fill.qty);
        })
    }
}

impl Book for Bare {
    #[inline(always)]
    fn new_order(&mut self, action: &Action, fills: &mut impl FillSink) {
        let left = self.cross(action, fills);
        if left > 0 {
            let tag = action.id.into();
            let slot = self.book.add(side(action), action.price.into(), left, tag);
            self.slots[action.id as usize] = slot.unwrap_or(u32::MAX);
        }
    }

    #[inline(always)]
    fn take(&mut self, action: &Action, fills: &mut impl FillSink) {
        self.cross(action, fills);
    }

    #[inline(always)]
    fn cancel(&mut self, action: &Action) {
        self.book.cancel(self.slots[action.id as usize]);
    }

    #[inline(always)]
    fn modify(&mut self, action: &Action, fills: &mut impl FillSink) {
        self.cancel(action);
        self.new_order(action, fills);
    }

    fn end(&self) -> End {
        let qty = |side| self.book.levels(side).map(|level| level.qty).sum();
        let touch = |side| self.book.best(side).map_or(0, |price| price as u64);
        End {
            orders: self.book.open_orders().into(),
            bid_qty: qty(Side::Buy),
            offer_qty: qty(Side::Sell),
            bid: touch(Side::Buy),
            offer: touch(Side::Sell),
        }
    }
}
