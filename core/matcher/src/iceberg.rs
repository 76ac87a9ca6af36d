//! Icebergs: orders that show a part of their quantity. And hidden orders, which show nothing.
//!
//! The part that is shown stands in the queue; the rest is its reserve. When the part has executed,
//! the next one goes to the end of the queue, shown anew, and whoever executes goes on. An iceberg
//! that arrives executes with all that it has, and FOK and MinQty(110) of others count all of it.
//!
//! Hidden orders stand behind all others of their price. The public learns of one when it executes:
//! just before, an Added event shows as much of it as the fill takes, with that for its
//! display_qty; so books that are made of public records need not know hidden orders.

use touchline_types::EventKind;

use crate::book::RestingOrder;
use crate::emitter::{Emitter, EventSink};
use crate::extras::Marks;
use crate::invariant::{less, next_u64};
use crate::matcher::Matcher;
use crate::storage::Memory;

impl<M: Memory> Matcher<M> {
    /// Sets what a marked order that goes to the end of a queue keeps in reserve.
    #[cold]
    pub(crate) fn keep_reserve(&mut self, slot: u32) {
        let RestingOrder { leaves_qty, marks, .. } = *self.books.order(slot);
        let extra = self.extras.of_mut(slot);
        extra.reserve = if marks.has(Marks::ICEBERG) {
            less(leaves_qty, extra.display_qty.min(leaves_qty))
        } else {
            0
        };
    }

    /// What of an order executes at its place in the queue.
    #[inline]
    pub(crate) fn at_hand(&self, slot: u32) -> u64 {
        let RestingOrder { leaves_qty, marks, .. } = *self.books.order(slot);
        if marks == Marks::NONE { leaves_qty } else { less(leaves_qty, self.reserve(slot)) }
    }

    #[cold]
    fn reserve(&self, slot: u32) -> u64 {
        self.extras.of(slot).reserve
    }

    /// Shows what a fill is about to take of a hidden order.
    #[cold]
    pub(crate) fn reveal<K: EventSink>(&self, slot: u32, qty: u64, out: &mut Emitter<'_, K>) {
        let event = self.tell_order(EventKind::Added, slot, out);
        event.priority = self.books.order(slot).priority;
        event.display_qty = qty;
    }

    /// An iceberg whose part has executed shows the next one.
    #[cold]
    pub(crate) fn replenish<K: EventSink>(&mut self, slot: u32, out: &mut Emitter<'_, K>) {
        self.mix_out(slot);
        self.books.dequeue(slot);
        self.keep_reserve(slot);
        self.last_priority = next_u64(self.last_priority);
        let priority = self.last_priority;
        self.books.order_mut(slot).priority = priority;
        self.books.enqueue(slot);
        self.mix_in(slot);
        self.tell_order(EventKind::Replenished, slot, out).priority = priority;
    }
}
