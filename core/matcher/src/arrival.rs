//! New orders, and how an order arrives: it executes as far as it may, and what is left of it rests
//! or is cancelled. A stop that goes off arrives as well.
//!
//! A market order with a limit, which the instrument's protection or MarketToLimit gives it, rests
//! as a limit order at that price; without an opposite price there is none, and it is cancelled
//! with NoLiquidity.

use touchline_types::{
    Command, EventKind, OrdStatus, OrdType, Reason, Side, TimeInForce, TradingPhase,
};

use crate::blocks;
use crate::book::{RestingOrder, crosses};
use crate::emitter::{Emitter, EventSink};
use crate::extras::{Marks, OrderExtra};
use crate::fills::Aggressor;
use crate::gates;
use crate::invariant::next_u64;
use crate::matcher::{Matcher, reject};
use crate::names::Spot;
use crate::self_match::{Encounter, Guard};
use crate::storage::Memory;
use crate::terms;
use crate::warm::Hashes;

/// An order that arrives: it executes as far as it may, and what is left rests or is cancelled.
pub(crate) struct Arrival {
    pub(crate) slot: u32,
    /// Where its ClOrdID leads.
    pub(crate) name: Spot,
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    /// `None` if it takes every price.
    pub(crate) limit: Option<i64>,
    pub(crate) ord_type: OrdType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) min_qty: u64,
    pub(crate) guard: Option<Guard>,
}

impl<M: Memory> Matcher<M> {
    #[inline(never)]
    pub(crate) fn new_order<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) {
        self.ways.other_orders = self.ways.other_orders.wrapping_add(1);
        self.look_at_touch(command);
        let checked = self
            .limits
            .take_token(command)
            .and_then(|()| blocks::entry(&self.blocks, command))
            .and_then(|()| {
                let Self { books, names, limits, accounts, .. } = &*self;
                gates::new_order(books, names, limits, accounts, command, hashes)
            });
        let gates::Entry { instrument, limit } = match checked {
            Ok(admitted) => admitted,
            Err(reason) => return reject(command, reason, out),
        };
        self.last_order_id = next_u64(self.last_order_id);
        let Command { side, ord_type, time_in_force, min_qty, .. } = *command;
        let (price, marks) = (limit.unwrap_or(0), Marks::of(command));
        let slot = self.enter(command, hashes.own, instrument, price, marks);
        out.of_new(EventKind::Accepted, self.last_order_id, command);
        out.last().price = price;
        if marks != Marks::NONE {
            self.mark(slot, command);
            self.extras.tell(slot, marks, out.with_extras());
            if marks.has(Marks::STOP) {
                return self.hold(slot);
            }
        }
        let guard = Guard::of(command, command.session_id, command.member_id);
        let name = hashes.own;
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

    /// Gives an order that is admitted, the newest one, its slot and its name, which is at this
    /// spot. It is in no queue yet.
    #[inline(always)]
    pub(crate) fn enter(
        &mut self,
        command: &Command,
        name: Spot,
        instrument: u32,
        price: i64,
        marks: Marks,
    ) -> u32 {
        let order_id = self.last_order_id;
        let slot = self.books.take_slot();
        self.names.enter(name, slot, order_id, command);
        let asked = RestingOrder::asked(command, name.hash, order_id, instrument, price);
        self.books.order_mut(slot).write(&RestingOrder { marks, ..asked });
        slot
    }

    /// Keeps what few orders have.
    #[cold]
    fn mark(&mut self, slot: u32, command: &Command) {
        *self.extras.of_mut(slot) = OrderExtra::of(command);
        let order = self.books.order_mut(slot);
        let mix = self.extras.mix(slot, order.marks);
        order.fixed_mix = order.fixed_mix.wrapping_add(mix);
        if order.marks.has(Marks::DATED) {
            self.dated(slot);
        }
    }

    /// Executes an order whose acceptance, or trigger, was told just now.
    pub(crate) fn arrive<K: EventSink>(&mut self, arrival: &Arrival, out: &mut Emitter<'_, K>) {
        let Arrival { slot, name, instrument, side, ord_type, time_in_force, guard, .. } = *arrival;
        let limit = arrival.limit.unwrap_or(match side {
            Side::Sell => i64::MIN,
            Side::Buy | Side::Undisclosed => i64::MAX,
        });
        let order_qty = self.books.order(slot).leaves_qty;
        let kills = time_in_force == TimeInForce::FillOrKill
            && !self.reachable(instrument, side, limit, order_qty, guard.as_ref());
        if let Some(reason) = self.bars(arrival, limit) {
            return self.cancel_rest(slot, reason, out);
        }
        let executes = !kills
            && self.books.instrument(instrument).phase == TradingPhase::Continuous
            && self
                .books
                .best_price(instrument, side.opposite())
                .is_some_and(|price| crosses(side, limit, price));
        let rests = terms::stays(time_in_force) && arrival.limit.is_some();
        if !executes && rests && ord_type == OrdType::Limit {
            if let Some(reason) = self.lacks_level(slot) {
                return self.cancel_rest(slot, reason, out);
            }
            self.rest(slot);
            return out.added(self.books.order(slot).priority);
        }
        if executes {
            let aggressor = Aggressor { slot, name, instrument, side, limit, guard };
            match self.execute(&aggressor, out) {
                Encounter::Passed => {}
                Encounter::Stopped => return self.cancel_rest(slot, Reason::SelfMatch, out),
                Encounter::Filled => return,
            }
        }
        if !rests {
            self.cancel_rest(slot, Reason::None, out);
        } else if let Some(reason) = self.lacks_level(slot) {
            self.become_limit(slot);
            self.cancel_rest(slot, reason, out);
        } else {
            self.become_limit(slot);
            self.rest(slot);
            self.added(slot, out);
        }
    }

    /// Why an order that arrives does not execute at all, and does not rest, if so.
    #[inline]
    fn bars(&self, arrival: &Arrival, limit: i64) -> Option<Reason> {
        let Arrival { instrument, side, ord_type, min_qty, guard, .. } = *arrival;
        let unbounded = self.books.instrument(instrument).protection == 0;
        let wants_touch = match ord_type {
            OrdType::MarketToLimit => true,
            OrdType::Market => !unbounded,
            _ => false,
        };
        if wants_touch && arrival.limit.is_none() {
            return Some(Reason::NoLiquidity);
        }
        let bars = min_qty > 0 && !self.reachable(instrument, side, limit, min_qty, guard.as_ref());
        bars.then_some(Reason::MinQtyNotMet)
    }

    /// What is left of a market order rests as a limit order.
    #[inline]
    fn become_limit(&mut self, slot: u32) {
        let record = self.names.record_mut(slot);
        if record.ord_type != OrdType::Limit {
            record.ord_type = OrdType::Limit;
            self.fix(slot);
        }
    }

    /// Cancels what is left of an order that is in no queue.
    pub(crate) fn cancel_rest<K: EventSink>(
        &mut self,
        slot: u32,
        reason: Reason,
        out: &mut Emitter<'_, K>,
    ) {
        self.canceled(slot, out).reason = reason;
        self.close(slot, OrdStatus::Canceled);
    }
}
