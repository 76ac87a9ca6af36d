//! Plain orders: limit orders that ask for nothing else and rest, and their cancels. That is most
//! of what a venue is sent, so it has a way of its own: one look that passes all entry checks at
//! once, and then what there is to do, with what that look has found.
//!
//! Nothing is decided here. Where a check does not pass, where an order would execute, where
//! anything is out of the ordinary, nothing has been done and the way of all orders goes on
//! (`arrival`, `gates`): it alone refuses, and says why. Which way a command goes changes no event
//! and no state; the slow twin knows of none.

use touchline_types::{Command, OrdStatus, Side, TradingPhase};

use crate::accounts::Claim;
use crate::book::RestingOrder;
use crate::emitter::{Emitter, EventSink};
use crate::extras::Marks;
use crate::invariant::next_u64;
use crate::matcher::Matcher;
use crate::names::{OrderRecord, Standing};
use crate::state_hash;
use crate::storage::Memory;
use crate::terms;
use crate::warm::Hashes;

/// How many new orders and cancels went which way. It says something of the flow, and is no part of
/// the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// New orders that passed all entry checks at once.
    pub plain_orders: u64,
    /// New orders that were checked one by one.
    pub other_orders: u64,
    /// Cancels of plain orders.
    pub plain_cancels: u64,
    /// Cancels that were checked one by one.
    pub other_cancels: u64,
}

impl<M: Memory> Matcher<M> {
    /// How many new orders and cancels went which way since the matcher was made.
    #[must_use]
    pub const fn ways(&self) -> Ways {
        self.ways
    }

    /// Carries out a new order, if it is plain and rests. Else it does nothing.
    #[inline(never)]
    pub(crate) fn plain_order<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) -> bool {
        let admitted = if out.is_fresh() { self.admits(command, hashes) } else { None };
        let Some(instrument) = admitted else {
            self.ways.other_orders = self.ways.other_orders.wrapping_add(1);
            return false;
        };
        self.ways.plain_orders = self.ways.plain_orders.wrapping_add(1);
        let order_id = next_u64(self.last_order_id);
        let priority = next_u64(self.last_priority);
        (self.last_order_id, self.last_priority) = (order_id, priority);
        let (slot, order) =
            self.enter(command, hashes.own, instrument, command.price, priority, Marks::NONE);
        let mix = state_hash::order(&order, 0);
        self.books.order_mut(slot).mix = mix;
        self.mixes = self.mixes.wrapping_add(mix);
        self.books.enqueue_as(slot, &order);
        self.woken = instrument;
        out.of_plain(order_id, priority, command);
        true
    }

    /// The entry checks of a plain order. Where they pass, the order counts in the limits of its
    /// session and the account of its member.
    #[inline(always)]
    fn admits(&mut self, command: &Command, hashes: &Hashes) -> Option<u32> {
        let Command { side, price, order_qty, .. } = *command;
        let (found, instrument) = self.books.instrument_at_its_number(command.instrument_id)?;
        let fits = instrument.phase == TradingPhase::Continuous
            && instrument.price_band == 0
            && instrument.min_price <= price
            && price <= instrument.max_price
            && instrument.tick.divides(price.unsigned_abs())
            && order_qty != 0
            && order_qty <= instrument.qty_max
            && instrument.lot.divides(order_qty);
        if !(terms::is_plain_limit(command)
            && fits
            && side != Side::Undisclosed
            && self.blocks.is_empty())
        {
            return None;
        }
        let has_room = !self.names.is_full() && self.books.has_slot();
        if !(has_room
            && self.books.surely_rests(found, side, price)
            && self.names.is_surely_new(hashes.own))
        {
            return None;
        }
        let claim = Claim { instrument: found, side, limit: price, qty: order_qty };
        let account = self.accounts.find(command.member_id);
        if let Some(row) = account
            && !self.accounts.try_hold(row, &claim)
        {
            return None;
        }
        if let Some(row) = self.limits.find(command.session_id)
            && !self.limits.enter(row, command, found)
        {
            if let Some(row) = account {
                self.accounts.give_back(row, &claim);
            }
            return None;
        }
        Some(found)
    }

    /// Carries out a cancel, if its order is plain. Else it does nothing.
    #[inline(never)]
    pub(crate) fn plain_cancel<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) -> bool {
        let name = hashes.orig(command);
        let found = self.names.find_open_at(hashes.found, &name);
        let plain = found.filter(|slot| {
            self.books.order(*slot).marks == Marks::NONE && self.names.is_surely_new(hashes.own)
        });
        let Some(slot) = plain else {
            self.ways.other_cancels = self.ways.other_cancels.wrapping_add(1);
            return false;
        };
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
        out.of_canceled(record, price, &last, leaves_qty, command);
        self.mixes = self.mixes.wrapping_sub(mix).wrapping_add(gone);
        self.limits.withdrew(session_id, instrument, side, leaves_qty);
        self.accounts.withdrew(member_id, &claim);
        self.names.close(slot, name.spot, price, &last);
        self.books.dequeue(slot);
        self.books.release(slot);
        self.woken = instrument;
        true
    }
}
