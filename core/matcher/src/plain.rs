//! Plain orders: limit orders that ask for nothing else, their cancels, and replaces that move
//! them. That is most of what a venue is sent, so it has a way of its own: one look that passes all
//! entry checks at once, and then what there is to do.
//!
//! Nothing is decided here. Where a check does not pass, where anything is out of the ordinary,
//! nothing has been done and the way of all orders goes on (`arrival`, `gates`, `replace`): it
//! alone refuses, and says why. Which way a command goes changes no event and no state; the slow
//! twin knows of none.

use touchline_types::{
    Command, Event, EventKind, OrdStatus, OrdType, Reason, Side, TimeInForce, TradingPhase,
};

use crate::accounts::Claim;
use crate::book::RestingOrder;
use crate::emitter::{Emitter, EventSink};
use crate::extras::Marks;
use crate::fills::Aggressor;
use crate::invariant::next_u64;
use crate::matcher::Matcher;
use crate::names::{OrderRecord, Standing};
use crate::self_match::{Encounter, Guard};
use crate::state_hash;
use crate::storage::Memory;
use crate::terms;
use crate::warm::Hashes;

/// How many new orders, cancels and replaces went which way. It says something of the flow, and is
/// no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// New orders that passed all entry checks at once, and rested.
    pub plain_orders: u64,
    /// New orders that passed all entry checks at once, and executed.
    pub plain_takes: u64,
    /// New orders that were checked one by one.
    pub other_orders: u64,
    /// Cancels of plain orders.
    pub plain_cancels: u64,
    /// Cancels that were checked one by one.
    pub other_cancels: u64,
    /// Replaces that passed all entry checks at once.
    pub plain_replaces: u64,
    /// Replaces that were checked one by one.
    pub other_replaces: u64,
}

/// Where an order goes.
enum Way {
    /// It is not plain, or refused.
    Other,
    /// It is plain and meets nothing.
    Rests,
    /// It is plain and executes.
    Takes,
}

impl<M: Memory> Matcher<M> {
    /// How many new orders, cancels and replaces went which way since the matcher was made.
    #[must_use]
    pub const fn ways(&self) -> Ways {
        self.ways
    }

    /// Carries out a new order, if it is plain. Else it does nothing.
    #[inline(never)]
    pub(crate) fn plain_order<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        sheet: &mut Event,
        sink: &mut K,
    ) -> bool {
        let price = command.price;
        match self.way_of(command) {
            Way::Other => return false,
            Way::Takes => return self.plain_take(command, hashes, sheet, sink),
            Way::Rests => {}
        }
        // Such an instrument is at its number.
        let instrument = command.instrument_id.wrapping_sub(1);
        if !(self.names.is_surely_new(hashes.own) && self.commit(command, instrument)) {
            return false;
        }
        self.ways.plain_orders = self.ways.plain_orders.wrapping_add(1);
        let order_id = next_u64(self.last_order_id);
        let priority = next_u64(self.last_priority);
        (self.last_order_id, self.last_priority) = (order_id, priority);
        let slot = self.books.take_slot();
        self.names.enter(hashes.own, slot, order_id, command);
        let asked = RestingOrder::asked(command, hashes.own.hash, order_id, instrument, price);
        let mut order = RestingOrder { priority, ..asked };
        order.mix = state_hash::order(&order, 0);
        self.mixes = self.mixes.wrapping_add(order.mix);
        self.books.put(slot, &order);
        self.woken = instrument;
        let mut out = Emitter::new(command, sheet, sink);
        out.of_plain(order_id, priority, command);
        self.end(out);
        true
    }

    /// Counts an order that is to rest in the account of its member and the limits of its session,
    /// if they let it. Else it does nothing.
    #[inline(always)]
    fn commit(&mut self, command: &Command, instrument: u32) -> bool {
        if !self.accounts.commit(command, instrument) {
            return false;
        }
        let passes = self.limits.commit(command, instrument);
        if !passes {
            let Command { member_id, side, price, order_qty, .. } = *command;
            let claim = Claim { instrument, side, limit: price, qty: order_qty };
            self.accounts.withdrew(member_id, &claim);
        }
        passes
    }

    /// Which way an order goes: a plain one passes all entry checks but those of its name, its
    /// session and its member.
    ///
    /// Kept apart: with what this looks at, an order's way has more at hand than a processor has
    /// registers.
    #[inline(never)]
    fn way_of(&self, command: &Command) -> Way {
        let Command { side, price, order_qty, .. } = *command;
        let Some((found, instrument)) = self.books.instrument_at_its_number(command.instrument_id)
        else {
            return Way::Other;
        };
        let fits = terms::is_plain_limit(command)
            && side != Side::Undisclosed
            && instrument.phase == TradingPhase::Continuous
            && instrument.price_band == 0
            && instrument.min_price <= price
            && price <= instrument.max_price
            && order_qty != 0
            && order_qty <= instrument.qty_max
            && instrument.tick.divides(price.unsigned_abs())
            && instrument.lot.divides(order_qty)
            && self.blocks.is_empty()
            && !self.names.is_full()
            && self.books.has_place(found, side);
        if !fits {
            Way::Other
        } else if self.books.meets(found, side, price) {
            Way::Takes
        } else if command.time_in_force != TimeInForce::ImmediateOrCancel {
            Way::Rests
        } else {
            Way::Other
        }
    }

    /// Carries out a plain order that executes, if its name, its session and its member let it.
    /// Else it does nothing.
    #[inline(never)]
    fn plain_take<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        sheet: &mut Event,
        sink: &mut K,
    ) -> bool {
        let Command { side, price, order_qty, session_id, member_id, .. } = *command;
        let instrument = command.instrument_id.wrapping_sub(1);
        let claim = Claim { instrument, side, limit: price, qty: order_qty };
        let passes = self.names.is_surely_new(hashes.own)
            && self.accounts.cover(member_id, &claim).is_ok()
            && self.limits.admit(command, instrument);
        if !passes {
            return false;
        }
        self.ways.plain_takes = self.ways.plain_takes.wrapping_add(1);
        self.last_order_id = next_u64(self.last_order_id);
        let slot = self.enter(command, hashes.own, instrument, price, Marks::NONE);
        let mut out = Emitter::new(command, sheet, sink);
        out.of_new(EventKind::Accepted, self.last_order_id, command);
        let guard = Guard::of(command, session_id, member_id);
        let name = hashes.own;
        let aggressor = Aggressor { slot, name, instrument, side, limit: price, guard };
        match self.execute(&aggressor, &mut out) {
            Encounter::Filled => {}
            Encounter::Stopped => self.cancel_rest(slot, Reason::SelfMatch, &mut out),
            Encounter::Passed if terms::stays(command.time_in_force) => {
                self.rest(slot);
                self.added(slot, &mut out);
            }
            Encounter::Passed => self.cancel_rest(slot, Reason::None, &mut out),
        }
        self.end(out);
        true
    }

    /// Carries out a cancel, if its order is plain. Else it does nothing.
    #[inline(never)]
    pub(crate) fn plain_cancel<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        sheet: &mut Event,
        sink: &mut K,
    ) -> bool {
        let name = hashes.orig(command);
        let found = self.names.find_open_at(hashes.found, &name);
        let plain = found.filter(|slot| {
            self.books.order(*slot).marks == Marks::NONE && self.names.is_surely_new(hashes.own)
        });
        let Some(slot) = plain else { return false };
        self.ways.plain_cancels = self.ways.plain_cancels.wrapping_add(1);
        let order = self.books.order(slot);
        self.books.prefetch_neighbours(order);
        let RestingOrder { price, instrument, side, leaves_qty, fixed_mix, mix, .. } = *order;
        let claim = Claim::of(order);
        let record = self.names.record(slot);
        let OrderRecord { session_id, member_id, cum_value, .. } = *record;
        let cum_qty = record.cum_qty(order);
        let last = Standing { cum_qty, cum_value, ord_status: OrdStatus::Canceled };
        let gone = state_hash::gone(fixed_mix, &last);
        let mut out = Emitter::new(command, sheet, sink);
        out.of_canceled(record, price, &last, leaves_qty, command);
        self.mixes = self.mixes.wrapping_sub(mix).wrapping_add(gone);
        self.limits.withdrew(session_id, instrument, side, leaves_qty);
        self.accounts.withdrew(member_id, &claim);
        self.names.close(slot, name.spot, price, &last);
        self.books.dequeue(slot);
        self.books.release(slot);
        self.woken = instrument;
        self.end(out);
        true
    }

    /// Carries out a replace, if its order is plain, and moves and meets nothing. Else it does
    /// nothing.
    #[inline(never)]
    pub(crate) fn plain_replace<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        sheet: &mut Event,
        sink: &mut K,
    ) -> bool {
        let Command { side, price, order_qty, session_id, .. } = *command;
        let name = hashes.orig(command);
        let rests = matches!(self.way_of(command), Way::Rests);
        let known = if rests { self.names.find_open_at(hashes.found, &name) } else { None };
        let Some(slot) = known else { return false };
        let instrument = command.instrument_id.wrapping_sub(1);
        let (before, older) = (*self.books.order(slot), *self.names.record(slot));
        let last = older.standing(&before);
        let same = before.instrument == instrument
            && before.side == side
            && before.marks == Marks::NONE
            && older.session_id == session_id
            && older.ord_type == OrdType::Limit;
        let Some(leaves_qty) = order_qty.checked_sub(last.cum_qty) else { return false };
        let keeps_priority = price == before.price && leaves_qty < before.leaves_qty;
        let claim = Claim { instrument, side, limit: price, qty: leaves_qty };
        let passes = same
            && leaves_qty > 0
            && !keeps_priority
            && self.names.is_surely_new(hashes.own)
            && self.commit_change(command, &Claim::of(&before), &claim);
        if !passes {
            return false;
        }
        self.ways.plain_replaces = self.ways.plain_replaces.wrapping_add(1);
        let priority = next_u64(self.last_priority);
        self.last_priority = priority;
        let superseded = state_hash::superseded(before.fixed_mix);
        self.names.rename(slot, name.spot, hashes.own, before.price, &last).renew(command, &older);
        self.books.dequeue(slot);
        let (name, order_id) = (hashes.own.hash, older.order_id);
        let asked = RestingOrder::asked(command, name, order_id, instrument, price);
        // The owner of an order stays, and its session sends this; but it may say another firm.
        let mut order = RestingOrder { priority, leaves_qty, firm_id: before.firm_id, ..asked };
        order.mix = state_hash::order(&order, last.cum_value);
        let rise = superseded.wrapping_add(order.mix).wrapping_sub(before.mix);
        self.mixes = self.mixes.wrapping_add(rise);
        self.books.put(slot, &order);
        self.woken = instrument;
        let mut out = Emitter::new(command, sheet, sink);
        out.of_moved(older.order_id, &last, &order, before.leaves_qty, command);
        self.end(out);
        true
    }

    /// Counts what an order leaves after a replace instead of what it left before, if its member
    /// and its session let it. Else it does nothing.
    #[inline(never)]
    fn commit_change(&mut self, command: &Command, before: &Claim, claim: &Claim) -> bool {
        let account = self.accounts.find(command.member_id);
        if let Some(row) = account
            && !self.accounts.hold_back_if_covered(row, Some(before), claim)
        {
            return false;
        }
        if let Some(row) = self.limits.find(command.session_id)
            && !self.limits.change(row, command, before, claim)
        {
            if let Some(row) = account {
                self.accounts.change_back(row, before, claim);
            }
            return false;
        }
        true
    }

    /// Ends a command: stops may go off.
    #[inline(always)]
    fn end<K: EventSink>(&mut self, mut out: Emitter<'_, K>) {
        if self.stops > 0 { self.end_with_stops(out) } else { out.finish() }
    }

    #[cold]
    fn end_with_stops<K: EventSink>(&mut self, mut out: Emitter<'_, K>) {
        self.trigger_stops(&mut out);
        out.finish();
    }
}
