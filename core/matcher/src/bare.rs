//! A price-time book alone, for those who have names, owners, checks and events of their own: the
//! ladders and queues that the matcher stands on, and nothing else.
//!
//! An order is known by its slot, which is used again when it is gone, and carries a tag of the
//! caller's. Nothing is admitted or refused but for want of room.
//!
//! ```
//! use touchline_matcher::OwnedBook;
//! use touchline_types::Side;
//!
//! let mut book = OwnedBook::allocate(1_000, 64);
//! let offer = book.add(Side::Sell, 101, 5, 7).expect("there is room");
//! let mut fills = Vec::new();
//! let left = book.take(Side::Buy, 101, 8, |fill| fills.push((fill.tag, fill.price, fill.qty)));
//! assert_eq!((left, fills), (3, vec![(7, 101, 5)]));
//! assert_eq!(book.cancel(offer), None);
//! ```

use touchline_types::Side;

use crate::book::{BookStorage, Books, RestingOrder, crosses};
use crate::invariant::{less, next_u64};
use crate::storage::Memory;
use crate::view::LevelView;

/// A fill of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookFill {
    /// Tag of the resting order.
    pub tag: u64,
    /// Its price, price units.
    pub price: i64,
    /// What executed, lots.
    pub qty: u64,
    /// What the resting order leaves, lots.
    pub leaves_qty: u64,
}

/// One book.
pub struct Book<M: Memory> {
    books: Books<M>,
    last_priority: u64,
}

impl<M: Memory> Book<M> {
    pub(crate) fn new(storage: BookStorage<M>, levels: usize) -> Self {
        Self { books: Books::new(storage, 1, levels), last_priority: 0 }
    }

    /// Puts an order at the end of the queue at its price, which nothing on the other side may
    /// match: see [`Book::take`]. Returns its slot; `None` where there is no room for it, or no
    /// quantity.
    #[inline]
    pub fn add(&mut self, side: Side, price: i64, qty: u64, tag: u64) -> Option<u32> {
        if qty == 0 || !(self.books.has_slot() && self.books.has_level(0, side, price)) {
            return None;
        }
        let priority = next_u64(self.last_priority);
        self.last_priority = priority;
        let order = RestingOrder::new(0, side, price, qty);
        let slot = self.books.allocate(RestingOrder { fixed_mix: tag, priority, ..order });
        self.books.enqueue(slot);
        Some(slot)
    }

    /// Takes the order in a slot off the book; its quantity, or `None` if there is no order.
    #[inline]
    pub fn cancel(&mut self, slot: u32) -> Option<u64> {
        let open = slot < self.books.used() && self.books.order(slot).side != Side::Undisclosed;
        if !open {
            return None;
        }
        let leaves_qty = self.books.order(slot).leaves_qty;
        self.books.dequeue(slot);
        self.books.release(slot);
        Some(leaves_qty)
    }

    /// Executes against the other side, best price first, then by time, as far as a limit; tells
    /// each fill and returns what is left.
    #[inline]
    pub fn take(
        &mut self,
        side: Side,
        limit: i64,
        qty: u64,
        mut fill: impl FnMut(BookFill),
    ) -> u64 {
        let mut left = qty;
        while left > 0 {
            let Some(touch) = self.books.touch(0, side.opposite()) else { break };
            if !crosses(side, limit, touch.price) {
                break;
            }
            let order = self.books.order(touch.head);
            let (tag, qty) = (order.fixed_mix, left.min(order.leaves_qty));
            let leaves_qty = less(order.leaves_qty, qty);
            if leaves_qty == 0 {
                self.books.dequeue(touch.head);
                self.books.release(touch.head);
            } else {
                self.books.reduce(touch.head, qty);
            }
            fill(BookFill { tag, price: touch.price, qty, leaves_qty });
            left = less(left, qty);
        }
        left
    }

    /// The best price of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<i64> {
        self.books.best_price(0, side)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        self.books.levels(0, side).map(|level| LevelView {
            price: level.price,
            qty: level.qty,
            orders: level.orders,
        })
    }

    /// Orders that are open.
    #[must_use]
    pub const fn open_orders(&self) -> u32 {
        self.books.open()
    }
}
