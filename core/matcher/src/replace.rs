//! Replace: OrderQty(38) is the new total, so leaves_qty = order_qty - cum_qty.
//!
//! Less quantity at the same price keeps priority. Everything else loses it, also a replace that
//! changes nothing. The new ClOrdID names the order from then on; its order_id and its owner stay.
//! The new time in force (Day or GTC) takes over.

use touchline_types::{ClOrdId, Command, EventFlags, EventKind, OrdStatus, TradingPhase};

use crate::blocks;
use crate::book::{RestingOrder, crosses};
use crate::emitter::{Emitter, EventSink};
use crate::gates::{self, Admitted, Refusal};
use crate::invariant::less;
use crate::matcher::{Aggressor, Matcher};
use crate::names::OrderRecord;
use crate::self_match::{Encounter, Guard};
use crate::state_hash;
use crate::storage::Memory;
use crate::warm::Hashes;

impl<M: Memory> Matcher<M> {
    pub(crate) fn replace_order<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) {
        let checked = self
            .limits
            .take_token(command)
            .and_then(|()| blocks::entry(&self.blocks, command))
            .map_err(|reason| Refusal { reason, order: gates::known(&self.names, command) })
            .and_then(|()| gates::replace(&self.books, &self.names, &self.limits, command, hashes));
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
        let (fixed_mix, leaves_qty) = self.rename(command, admitted);
        let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
        let (firm_id, self_match_id) = (before.firm_id, command.self_match_id);

        if command.price == before.price && leaves_qty < before.leaves_qty {
            let qty = less(before.leaves_qty, leaves_qty);
            self.books.reduce(slot, qty);
            self.limits.withdrew(session_id, instrument, side, qty);
            let order = self.books.order_mut(slot);
            (order.fixed_mix, order.self_match_id) = (fixed_mix, self_match_id);
            self.mix_in(slot);
            return self.replaced(&answer, EventFlags::KEEPS_PRIORITY, out);
        }

        self.books.dequeue(slot);
        self.limits.withdrew(session_id, instrument, side, before.leaves_qty);
        let limit = command.price;
        *self.books.order_mut(slot) = RestingOrder {
            fixed_mix,
            firm_id,
            self_match_id,
            ..RestingOrder::new(instrument, side, limit, leaves_qty)
        };
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
        let aggressor = Aggressor { slot, instrument, side, limit, guard };
        if self.execute(&aggressor, out) == Encounter::Stopped {
            return self.stop(slot, out);
        }
        if self.books.order(slot).leaves_qty == 0 {
            self.close(slot, OrdStatus::Filled);
        } else {
            self.rest(slot);
            self.added(slot, out);
        }
    }

    /// Gives the order its new ClOrdID and terms; returns what does not change of its mix, and
    /// what it leaves.
    fn rename(&mut self, command: &Command, admitted: Admitted) -> (u64, u64) {
        let Admitted { slot, seat } = admitted;
        let older = *self.books.order(slot);
        self.mixes = self.mixes.wrapping_add(state_hash::superseded(older.fixed_mix));
        let known = *self.names.record(slot);
        let cum_qty = known.cum_qty(&older);
        let leaves_qty = less(command.order_qty, cum_qty);
        let record = OrderRecord {
            cl_ord_id: command.cl_ord_id,
            order_qty: command.order_qty,
            time_in_force: command.time_in_force,
            ord_status: if cum_qty == 0 { OrdStatus::New } else { OrdStatus::PartiallyFilled },
            ..known
        };
        self.names.rename(seat, slot, &older, record);
        (state_hash::fixed(seat.hash, command.price, &record), leaves_qty)
    }

    fn replaced<K: EventSink>(&self, answer: &Answer, flags: EventFlags, out: &mut Emitter<'_, K>) {
        let order = self.books.order(answer.slot);
        let event = out.of_order(EventKind::Replaced, order, self.names.record(answer.slot));
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
