//! Stops: orders that wait, in no book and unseen, for a price.
//!
//! A buy stop goes off when the last trade, or with TriggerOnTouch the best offer, is at or above
//! its stop price, a sell stop at or below. Stops go off in the continuous phase alone, after
//! everything else that their command did, in rounds: all that are to go off when a round begins
//! go by their acceptance, each executes and rests as the market or limit order that it has
//! become, and rounds follow until one finds none.
//!
//! The stops of an instrument are a list through the order pool, as they were accepted. A round
//! walks it: O(stops of the instrument), and nothing where there are none.

use touchline_types::{EventKind, ExecInst, OrdType, Reason, Side, TradingPhase};

use crate::accounts::Claim;
use crate::arrival::Arrival;
use crate::book::{NONE, RestingOrder};
use crate::emitter::{Emitter, EventSink};
use crate::extras::Marks;
use crate::invariant::{next_u32, previous_u32};
use crate::matcher::Matcher;
use crate::names::OrderRecord;
use crate::self_match::Guard;
use crate::state_hash;
use crate::storage::Memory;
use crate::terms;

impl<M: Memory> Matcher<M> {
    /// Puts a stop at the end of its instrument's list.
    pub(crate) fn hold(&mut self, slot: u32) {
        let RestingOrder { instrument, side, leaves_qty, .. } = *self.books.order(slot);
        let tail = self.books.instrument(instrument).last_stop;
        if tail == NONE {
            self.books.instrument_mut(instrument).first_stop = slot;
        } else {
            self.books.order_mut(tail).next = slot;
        }
        self.books.instrument_mut(instrument).last_stop = slot;
        let order = self.books.order_mut(slot);
        (order.prev, order.next) = (tail, NONE);
        order.marks = order.marks.with(Marks::HELD);
        let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
        self.limits.opened(session_id, instrument, side, leaves_qty);
        self.accounts.opened(member_id, &Claim::of_open(&self.books, &self.names, slot));
        self.stops = next_u32(self.stops);
        self.woken = instrument;
        self.mix_in(slot);
    }

    /// Takes a stop off its list; its slot stays taken.
    pub(crate) fn unhold(&mut self, slot: u32) {
        self.mix_out(slot);
        let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
        self.accounts.withdrew(member_id, &Claim::of_open(&self.books, &self.names, slot));
        let RestingOrder { instrument, side, leaves_qty, prev, next, .. } = *self.books.order(slot);
        match prev {
            NONE => self.books.instrument_mut(instrument).first_stop = next,
            ahead => self.books.order_mut(ahead).next = next,
        }
        match next {
            NONE => self.books.instrument_mut(instrument).last_stop = prev,
            behind => self.books.order_mut(behind).prev = prev,
        }
        let order = self.books.order_mut(slot);
        order.marks = order.marks.without(Marks::HELD);
        self.limits.withdrew(session_id, instrument, side, leaves_qty);
        self.stops = previous_u32(self.stops);
    }

    /// The stops of an instrument that wait, as they were accepted.
    pub(crate) fn held_slots(&self, instrument: u32) -> impl Iterator<Item = u32> + '_ {
        let in_list = |slot: u32| (slot != NONE).then_some(slot);
        core::iter::successors(in_list(self.books.instrument(instrument).first_stop), move |slot| {
            in_list(self.books.order(*slot).behind())
        })
    }

    /// Behind a command: every stop that is reached goes off.
    #[cold]
    pub(crate) fn trigger_stops<K: EventSink>(&mut self, out: &mut Emitter<'_, K>) {
        if core::mem::take(&mut self.wake_all) {
            for instrument in (0_u32..).take(self.books.instruments().len()) {
                self.cascade(instrument, out);
            }
        } else if (self.woken as usize) < self.books.instruments().len() {
            self.cascade(self.woken, out);
        }
    }

    fn cascade<K: EventSink>(&mut self, instrument: u32, out: &mut Emitter<'_, K>) {
        while self.books.instrument(instrument).phase == TradingPhase::Continuous
            && self.begin_round(instrument)
        {
            let mut slot = self.books.instrument(instrument).first_stop;
            while slot != NONE {
                let next = self.books.order(slot).next;
                if self.extras.of(slot).is_due {
                    self.trigger(slot, out);
                }
                slot = next;
            }
        }
    }

    /// Notes which stops go off in a round; true if any does.
    fn begin_round(&mut self, instrument: u32) -> bool {
        let last_px = self.books.instrument(instrument).last_px;
        let [bid, offer] =
            [Side::Buy, Side::Sell].map(|side| self.books.best_price(instrument, side));
        let mut any = false;
        let mut slot = self.books.instrument(instrument).first_stop;
        while slot != NONE {
            let RestingOrder { side, marks, next, .. } = *self.books.order(slot);
            let by_touch = marks.exec_inst().contains(ExecInst::TRIGGER_ON_TOUCH);
            let looked_at = match side {
                _ if !by_touch => last_px,
                Side::Sell => bid,
                Side::Buy | Side::Undisclosed => offer,
            };
            let extra = self.extras.of_mut(slot);
            extra.is_due = looked_at.is_some_and(|px| match side {
                Side::Sell => px <= extra.stop_px,
                Side::Buy | Side::Undisclosed => px >= extra.stop_px,
            });
            any |= extra.is_due;
            slot = next;
        }
        any
    }

    /// A stop becomes a market or a limit order, and arrives.
    fn trigger<K: EventSink>(&mut self, slot: u32, out: &mut Emitter<'_, K>) {
        self.unhold(slot);
        let RestingOrder { instrument, side, price, .. } = *self.books.order(slot);
        let is_limit = self.names.record(slot).ord_type == OrdType::StopLimit;
        let ord_type = if is_limit { OrdType::Limit } else { OrdType::Market };
        let limit = if is_limit {
            Some(price)
        } else {
            terms::market_limit(&self.books, instrument, ord_type, side)
        };
        self.books.order_mut(slot).price = limit.unwrap_or(0);
        self.names.record_mut(slot).ord_type = ord_type;
        self.fix(slot);
        self.tell_order(EventKind::Triggered, slot, out);
        let time_in_force = self.names.record(slot).time_in_force;
        let guard =
            Guard::of_stop(self.books.order(slot), self.names.record(slot), self.extras.of(slot));
        let name = self.names.spot_of(slot);
        let min_qty = 0;
        let arrival = Arrival {
            slot,
            name,
            instrument,
            side,
            limit,
            ord_type,
            time_in_force,
            min_qty,
            guard,
        };
        self.arrive(&arrival, out);
    }

    /// Makes anew what does not change of an order's mix, after its terms have changed.
    pub(crate) fn fix(&mut self, slot: u32) {
        let record = self.names.record(slot);
        let name = state_hash::name(record.member_id, &record.cl_ord_id);
        let order = self.books.order(slot);
        let fixed = state_hash::fixed(name, order.price, &state_hash::Terms::of(record));
        let extra = self.extras.mix(slot, order.marks);
        self.books.order_mut(slot).fixed_mix = fixed.wrapping_add(extra);
    }

    /// Why what is left of a stop that went off cannot rest, if so: it had a slot, but no level.
    #[inline(always)]
    pub(crate) fn lacks_level(&self, slot: u32) -> Option<Reason> {
        let RestingOrder { instrument, side, price, marks, .. } = *self.books.order(slot);
        let lacks = marks.has(Marks::STOP) && !self.books.has_level(instrument, side, price);
        lacks.then_some(Reason::TooManyOrders)
    }
}
