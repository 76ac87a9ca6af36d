//! How orders execute: an order that arrives against those that rest, and what a fill does to each
//! of the two.

use touchline_types::{Event, EventFlags, EventKind, Side};

use crate::accounts::Claim;
use crate::book::{RestingOrder, crosses};
use crate::emitter::{Emitter, EventSink};
use crate::extras::Marks;
use crate::invariant::{less, more};
use crate::matcher::Matcher;
use crate::names::{OrderRecord, Spot};
use crate::self_match::{Encounter, Guard};
use crate::storage::Memory;

/// An order that is matching: in no queue, but in its slot.
pub(crate) struct Aggressor {
    pub(crate) slot: u32,
    /// Where its ClOrdID leads.
    pub(crate) name: Spot,
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    /// Worst price it takes.
    pub(crate) limit: i64,
    pub(crate) guard: Option<Guard>,
}

/// One fill of a resting order.
pub(crate) struct Fill {
    pub(crate) px: i64,
    pub(crate) qty: u64,
    pub(crate) trd_match_id: u64,
}

impl Fill {
    #[inline(always)]
    fn tell(&self, event: &mut Event, flags: EventFlags) {
        event.last_px = self.px;
        event.last_qty = self.qty;
        event.trd_match_id = self.trd_match_id;
        event.flags = flags;
    }
}

impl<M: Memory> Matcher<M> {
    /// Executes an order against the other side, best price first, then by priority, until it
    /// meets one of its owner that stops it. An order that executes in full is closed.
    pub(crate) fn execute<K: EventSink>(
        &mut self,
        aggressor: &Aggressor,
        out: &mut Emitter<'_, K>,
    ) -> Encounter {
        let Aggressor { slot: arrived, instrument, side, limit, .. } = *aggressor;
        let OrderRecord { session_id, member_id, cum_value: value_before, .. } =
            *self.names.record(arrived);
        let mut encounter = Encounter::Passed;
        let mut executed = 0;
        let mut last = None;
        let mut missing = self.books.order(arrived).leaves_qty;
        while missing > 0 {
            let Some(touch) = self.books.touch(instrument, side.opposite()) else { break };
            if !crosses(side, limit, touch.price) {
                break;
            }
            let (slot, px) = (touch.head, touch.price);
            if let Some(guard) = &aggressor.guard
                && guard.meets(self.books.order(slot), self.names.record(slot))
            {
                encounter = self.prevent(guard, arrived, slot, out);
                if encounter == Encounter::Stopped {
                    break;
                }
                missing = self.books.order(arrived).leaves_qty;
                continue;
            }
            let name = self.look_behind(slot);
            let qty = missing.min(self.at_hand(slot));
            let fill = Fill { px, qty, trd_match_id: self.next_trd_match_id() };
            let flags = EventFlags::RESTING.with(EventFlags::PRINTABLE);
            let is_spent = self.fill_resting(slot, name, &fill, flags, out);
            missing = less(missing, qty);
            let order = self.books.order_mut(arrived);
            order.leaves_qty = missing;
            let record = self.names.record_mut(arrived);
            let standing = record.filled(px, qty, missing);
            if missing > 0 {
                record.keep(&standing);
            }
            let marks = order.marks;
            let event = out.of_standing(EventKind::Executed, order, record, &standing);
            fill.tell(event, EventFlags::AGGRESSOR);
            if marks != Marks::NONE {
                self.extras.tell(arrived, marks, out.with_extras());
            }
            if is_spent {
                self.replenish(slot, out);
            }
            executed = more(executed, qty);
            last = Some((px, standing));
        }
        let Some((last_px, standing)) = last else { return encounter };
        self.limits.took(session_id, instrument, side, executed);
        let value = standing.cum_value.wrapping_sub(value_before);
        self.accounts.took(member_id, instrument, side, executed, value);
        self.change_instrument(instrument, |each| each.last_px = Some(last_px));
        self.woken = instrument;
        if missing > 0 {
            return encounter;
        }
        self.close_named(arrived, aggressor.name, &standing);
        Encounter::Filled
    }

    /// Executes part or all of a resting order, whose ClOrdID is at the spot `name`. True if that
    /// was all that an iceberg shows.
    #[inline(always)]
    pub(crate) fn fill_resting<K: EventSink>(
        &mut self,
        slot: u32,
        name: Spot,
        fill: &Fill,
        flags: EventFlags,
        out: &mut Emitter<'_, K>,
    ) -> bool {
        if self.books.order(slot).marks.is_hidden() {
            self.reveal(slot, fill.qty, out);
        }
        let is_spent = self.books.order(slot).leaves_qty == fill.qty;
        if is_spent {
            // Its level counts it until it is off the queue.
            self.books.order_mut(slot).leaves_qty = 0;
        } else {
            self.books.reduce(slot, fill.qty);
        }
        let order = self.books.order(slot);
        let RestingOrder { leaves_qty, priority, mix, instrument, side, marks, .. } = *order;
        self.mixes = self.mixes.wrapping_sub(mix);
        let record = self.names.record_mut(slot);
        let standing = record.filled(fill.px, fill.qty, leaves_qty);
        if !is_spent {
            record.keep(&standing);
        }
        self.limits.filled(record.session_id, instrument, side, fill.qty);
        let claim = Claim { qty: fill.qty, ..Claim::of(order) };
        self.accounts.filled(record.member_id, &claim, fill.px);
        let event = out.of_standing(EventKind::Executed, order, record, &standing);
        event.priority = priority;
        fill.tell(event, flags);
        if marks != Marks::NONE {
            self.extras.tell(slot, marks, out.with_extras());
        }
        if is_spent {
            self.books.dequeue_of(slot, fill.qty);
            self.close_named(slot, name, &standing);
            return false;
        }
        self.mix_in(slot);
        marks != Marks::NONE && self.at_hand(slot) == 0
    }
}
