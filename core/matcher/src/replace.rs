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
use crate::state_hash;
use crate::storage::Memory;

impl<M: Memory> Matcher<M> {
    pub(crate) fn replace_order<K: EventSink>(
        &mut self,
        command: &Command,
        out: &mut Emitter<'_, K>,
    ) {
        let checked = self
            .limits
            .take_token(command)
            .and_then(|()| blocks::entry(&self.blocks, command))
            .map_err(|reason| Refusal { reason, order: gates::known(&self.names, command) })
            .and_then(|()| gates::replace(&self.books, &self.names, &self.limits, command));
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
        let fixed_mix = self.rename(command, admitted);
        let record = self.names.record(slot);
        let leaves_qty = less(record.order_qty, record.cum_qty);
        let session_id = record.session_id;

        if command.price == before.price && leaves_qty < before.leaves_qty {
            let qty = less(before.leaves_qty, leaves_qty);
            self.books.reduce(slot, qty);
            self.limits.withdrew(session_id, instrument, side, qty);
            self.books.order_mut(slot).fixed_mix = fixed_mix;
            self.mix_in(slot);
            return self.replaced(&answer, leaves_qty, EventFlags::KEEPS_PRIORITY, out);
        }

        self.books.dequeue(slot);
        self.limits.withdrew(session_id, instrument, side, before.leaves_qty);
        let limit = command.price;
        *self.books.order_mut(slot) =
            RestingOrder { fixed_mix, ..RestingOrder::new(instrument, side, limit, leaves_qty) };
        let matches = self.books.instrument(instrument).phase == TradingPhase::Continuous
            && self
                .books
                .best_price(instrument, side.opposite())
                .is_some_and(|price| crosses(side, limit, price));
        if !matches {
            self.rest(slot);
            return self.replaced(&answer, leaves_qty, EventFlags::MOVED, out);
        }

        self.replaced(&answer, leaves_qty, EventFlags::NONE, out);
        let mut aggressor = Aggressor { slot, instrument, side, limit, leaves_qty };
        self.execute(&mut aggressor, out);
        if aggressor.leaves_qty == 0 {
            self.close(slot, OrdStatus::Filled);
        } else {
            self.books.order_mut(slot).leaves_qty = aggressor.leaves_qty;
            self.rest(slot);
            self.added(slot, out);
        }
    }

    /// Gives the order its new ClOrdID and terms; returns what does not change of its mix.
    fn rename(&mut self, command: &Command, admitted: Admitted) -> u64 {
        let Admitted { slot, seat } = admitted;
        let older = self.books.order(slot).fixed_mix;
        self.mixes = self.mixes.wrapping_add(state_hash::superseded(older));
        let mut record = OrderRecord {
            cl_ord_id: command.cl_ord_id,
            price: command.price,
            order_qty: command.order_qty,
            time_in_force: command.time_in_force,
            ..*self.names.record(slot)
        };
        record.ord_status = record.open_status();
        self.names.rename(seat, slot, record);
        state_hash::fixed(seat.hash, &record)
    }

    fn replaced<K: EventSink>(
        &self,
        answer: &Answer,
        leaves_qty: u64,
        flags: EventFlags,
        out: &mut Emitter<'_, K>,
    ) {
        let record = self.names.record(answer.slot);
        let event = out.of_order(EventKind::Replaced, record, leaves_qty);
        event.last_qty = answer.leaves_before;
        event.orig_cl_ord_id = answer.orig_cl_ord_id;
        if flags != EventFlags::NONE {
            event.priority = self.books.order(answer.slot).priority;
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
