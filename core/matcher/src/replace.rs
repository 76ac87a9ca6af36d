//! Replace: OrderQty(38) is the new total, so leaves_qty = order_qty - cum_qty.
//!
//! Less quantity at the same price keeps priority. Everything else loses it, also a replace that
//! changes nothing. The new ClOrdID names the order from then on; its order_id, its owner and its
//! instructions stay. Time in force, expiry, displayed quantity and stop price are those of the
//! replace. An iceberg keeps priority if what it shows stays as it is.

use touchline_types::{ClOrdId, Command, EventFlags, EventKind, Reason, TradingPhase};

use crate::accounts::Claim;
use crate::blocks;
use crate::book::{RestingOrder, crosses};
use crate::emitter::{Emitter, EventSink};
use crate::extras::{Marks, OrderExtra};
use crate::fills::Aggressor;
use crate::gates::{self, Admitted, Refusal};
use crate::invariant::less;
use crate::matcher::Matcher;
use crate::names::OrderRecord;
use crate::self_match::{Encounter, Guard};
use crate::state_hash;
use crate::storage::Memory;
use crate::warm::Hashes;

impl<M: Memory> Matcher<M> {
    #[inline(never)]
    pub(crate) fn replace_order<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) {
        self.ways.other_replaces = self.ways.other_replaces.wrapping_add(1);
        let checked = self
            .limits
            .take_token(command)
            .and_then(|()| blocks::entry(&self.blocks, command))
            .map_err(|reason| Refusal { reason, order: gates::known(&self.names, command) })
            .and_then(|()| {
                let Self { books, names, limits, accounts, .. } = &*self;
                gates::replace(books, names, limits, accounts, command, hashes)
            });
        let admitted = match checked {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refuse(command, &refusal, EventFlags::OF_REPLACE, out),
        };
        let slot = admitted.slot;
        let before = *self.books.order(slot);
        self.mix_out(slot);
        let RestingOrder { instrument, side, leaves_qty: leaves_before, .. } = before;
        let orig_cl_ord_id = self.names.record(slot).cl_ord_id;
        let answer = Answer { slot, leaves_before, orig_cl_ord_id };
        let limit = admitted.price;
        let same_shown = self.shows_the_same(&before, slot, command);
        let reserve = less(leaves_before, self.at_hand(slot));
        let (fixed_mix, leaves_qty) = self.rename(command, hashes, admitted);
        let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
        let self_match_id = command.self_match_id;
        if before.marks.has(Marks::HELD) {
            self.accounts.withdrew(member_id, &Claim::of_open(&self.books, &self.names, slot));
            let order = self.books.order_mut(slot);
            (order.fixed_mix, order.price) = (fixed_mix, limit);
            order.self_match_id = self_match_id;
            return self.replace_held(&answer, leaves_qty, out);
        }

        if limit == before.price && leaves_qty < before.leaves_qty && same_shown {
            let qty = less(before.leaves_qty, leaves_qty);
            self.books.reduce(slot, qty);
            self.limits.withdrew(session_id, instrument, side, qty);
            self.accounts.withdrew(member_id, &Claim { qty, ..Claim::of(&before) });
            let order = self.books.order_mut(slot);
            order.fixed_mix = fixed_mix;
            order.self_match_id = self_match_id;
            if order.marks != Marks::NONE {
                self.extras.of_mut(slot).reserve = less(reserve, qty.min(reserve));
            }
            self.mix_in(slot);
            return self.replaced(&answer, EventFlags::KEEPS_PRIORITY, out);
        }

        self.books.dequeue(slot);
        // It need not rest or execute again: self-match prevention may end it.
        self.woken = instrument;
        self.limits.withdrew(session_id, instrument, side, before.leaves_qty);
        self.accounts.withdrew(member_id, &Claim::of(&before));
        let order = self.books.order_mut(slot);
        (order.price, order.leaves_qty, order.priority) = (limit, leaves_qty, 0);
        (order.fixed_mix, order.self_match_id) = (fixed_mix, self_match_id);
        let matches = self.books.instrument(instrument).phase == TradingPhase::Continuous
            && self
                .books
                .best_price(instrument, side.opposite())
                .is_some_and(|price| crosses(side, limit, price));
        if !matches {
            self.rest(slot);
            return self.replaced(&answer, EventFlags::MOVED, out);
        }

        self.replaced(&answer, EventFlags::NONE, out);
        let guard = Guard::of(command, session_id, member_id);
        let name = hashes.own;
        let aggressor = Aggressor { slot, name, instrument, side, limit, guard };
        match self.execute(&aggressor, out) {
            Encounter::Passed => {
                self.rest(slot);
                self.added(slot, out);
            }
            Encounter::Stopped => self.cancel_rest(slot, Reason::SelfMatch, out),
            Encounter::Filled => {}
        }
    }

    /// Gives the order its new ClOrdID and terms; returns what does not
    /// change of its mix, and what it leaves.
    fn rename(&mut self, command: &Command, hashes: &Hashes, admitted: Admitted) -> (u64, u64) {
        let Admitted { slot, price } = admitted;
        let order = self.books.order(slot);
        let older_marks = order.marks;
        // The past keeps no extras.
        let older_mix = order.fixed_mix.wrapping_sub(self.extras.mix(slot, older_marks));
        self.mixes = self.mixes.wrapping_add(state_hash::superseded(older_mix));
        let older_price = order.price;
        let older = *self.names.record(slot);
        let last = older.standing(order);
        let cum_qty = last.cum_qty;
        let leaves_qty = less(command.order_qty, cum_qty);
        let before = hashes.orig(command).spot;
        let record = self.names.rename(slot, before, hashes.own, older_price, &last);
        record.renew(command, &older);
        let terms = state_hash::Terms::renewed(&older, command);
        let fixed_mix = state_hash::fixed(hashes.own.hash, price, &terms);
        let marks = older_marks.after(command);
        if marks == Marks::NONE && older_marks == Marks::NONE {
            return (fixed_mix, leaves_qty);
        }
        self.books.order_mut(slot).marks = marks;
        *self.extras.of_mut(slot) = OrderExtra::of(command);
        if marks.has(Marks::DATED) {
            self.dated(slot);
        }
        (fixed_mix.wrapping_add(self.extras.mix(slot, marks)), leaves_qty)
    }

    /// True if an iceberg shows after a replace what it showed before; of others always.
    #[inline]
    fn shows_the_same(&self, before: &RestingOrder, slot: u32, command: &Command) -> bool {
        if before.marks == Marks::NONE {
            return command.display_qty == 0;
        }
        let leaves_qty = command.order_qty.saturating_sub(self.names.record(slot).cum_qty(before));
        let display_qty = match before.marks.has(Marks::ICEBERG) {
            true => self.extras.of(slot).display_qty,
            false => 0,
        };
        command.display_qty == display_qty && (display_qty == 0 || leaves_qty >= self.at_hand(slot))
    }

    /// A stop that waits has other terms; it keeps its place among the stops.
    #[cold]
    fn replace_held<K: EventSink>(
        &mut self,
        answer: &Answer,
        leaves_qty: u64,
        out: &mut Emitter<'_, K>,
    ) {
        let order = self.books.order_mut(answer.slot);
        let RestingOrder { instrument, side, leaves_qty: before, .. } = *order;
        order.leaves_qty = leaves_qty;
        let OrderRecord { session_id, member_id, .. } = *self.names.record(answer.slot);
        self.limits.withdrew(session_id, instrument, side, before);
        self.limits.opened(session_id, instrument, side, leaves_qty);
        self.accounts.opened(member_id, &Claim::of_open(&self.books, &self.names, answer.slot));
        self.woken = instrument;
        self.mix_in(answer.slot);
        let event = self.tell_order(EventKind::Replaced, answer.slot, out);
        event.last_qty = answer.leaves_before;
        event.orig_cl_ord_id = answer.orig_cl_ord_id;
    }

    fn replaced<K: EventSink>(&self, answer: &Answer, flags: EventFlags, out: &mut Emitter<'_, K>) {
        let order = self.books.order(answer.slot);
        let event = self.tell_order(EventKind::Replaced, answer.slot, out);
        event.last_qty = answer.leaves_before;
        event.orig_cl_ord_id = answer.orig_cl_ord_id;
        if flags != EventFlags::NONE {
            event.priority = order.priority;
        }
        event.flags = flags.with(EventFlags::RESTING);
    }
}

/// What the Replaced event tells beside the order.
struct Answer {
    slot: u32,
    leaves_before: u64,
    orig_cl_ord_id: ClOrdId,
}
