//! How open orders end: by a cancel, a mass cancel, their time.

use touchline_types::{Command, Event, EventFlags, EventKind, Reason, Scope, Side};

use super::{Order, SlowMatcher, State};

impl SlowMatcher {
    /// The open order that a cancel or replace names, or why it is refused.
    pub(super) fn named(&self, command: &Command) -> Result<u64, (Reason, Option<u64>)> {
        if self.names.contains_key(&(command.member_id, command.cl_ord_id)) {
            return Err((Reason::DuplicateClOrdId, None));
        }
        let unknown = (Reason::UnknownOrder, None);
        let key = (command.member_id, command.orig_cl_ord_id);
        let order_id = *self.names.get(&key).ok_or(unknown)?;
        let order = &self.orders[&order_id];
        if order.terms.cl_ord_id != command.orig_cl_ord_id {
            return Err(unknown);
        }
        if order.is_open() { Ok(order_id) } else { Err((Reason::TooLateToCancel, Some(order_id))) }
    }

    pub(super) fn cancel(&mut self, command: &Command) {
        let order_id = match self.named(command) {
            Ok(order_id) => order_id,
            Err((reason, order_id)) => {
                return self.cancel_rejected(command, reason, order_id, EventFlags::NONE);
            }
        };
        self.take_away(order_id, EventKind::Canceled, Reason::None);
        let event = self.events.last_mut().expect("the order was taken away");
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.cl_ord_id = command.cl_ord_id;
    }

    /// Ends an open order with an event of this kind.
    pub(super) fn take_away(&mut self, order_id: u64, kind: EventKind, reason: Reason) {
        let last_qty = self.orders[&order_id].leaves_qty();
        let rested = self.resting.remove(&order_id);
        self.held.remove(&order_id);
        self.order(order_id).state = State::Canceled;
        let event = self.tell(kind, order_id);
        event.last_qty = last_qty;
        event.reason = reason;
        event.flags = if rested { EventFlags::RESTING } else { EventFlags::NONE };
    }

    /// All open orders by instrument: stops as they were accepted, then bids, then offers.
    pub(super) fn in_order_of_cancel(&self) -> Vec<u64> {
        let mut orders = Vec::new();
        for instrument_id in self.books.keys() {
            let here = |id: &&u64| self.orders[id].terms.instrument_id == *instrument_id;
            orders.extend(self.held.iter().filter(here));
            for side in [Side::Buy, Side::Sell] {
                orders.extend(self.queue(*instrument_id, side));
            }
        }
        orders
    }

    pub(super) fn mass_cancel(&mut self, command: &Command) {
        let theirs = |order: &Order| match command.scope {
            Scope::None => false,
            Scope::Firm => order.terms.firm_id == command.scope_id,
            Scope::Session => order.session_id == command.scope_id,
            Scope::Member => order.terms.member_id == command.scope_id,
            Scope::Venue => true,
        };
        let operator = command.session_id == 0;
        let scope = (command.scope, command.scope_id);
        let own = scope == (Scope::Session, command.session_id)
            || scope == (Scope::Member, command.member_id)
            || scope == (Scope::Firm, command.firm_id);
        let nobody = command.scope == Scope::None || scope == (Scope::Firm, 0);
        if nobody || !(operator || own) {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let wanted = command.instrument_id;
        if wanted != 0 && !self.books.contains_key(&wanted) {
            return self.rejected(command, Reason::UnknownSymbol);
        }
        let mut orders = self.in_order_of_cancel();
        orders.retain(|id| {
            let order = &self.orders[id];
            theirs(order)
                && [0, order.terms.instrument_id].contains(&wanted)
                && [Side::Undisclosed, order.terms.side].contains(&command.side)
        });
        let now = orders.len().min(128);
        for order_id in &orders[..now] {
            self.take_away(*order_id, EventKind::Canceled, Reason::None);
        }
        self.end_of_portion(command, now, orders.len() - now);
    }

    /// Behind the last portion stops may trigger; then how many went and how many are left.
    pub(super) fn end_of_portion(&mut self, command: &Command, went: usize, left: usize) {
        if left == 0 {
            self.trigger_stops();
        }
        let mut event = Event::of(EventKind::MassCanceled);
        event.session_id = command.session_id;
        event.member_id = command.member_id;
        event.cl_ord_id = command.cl_ord_id;
        event.instrument_id = command.instrument_id;
        event.side = command.side;
        event.last_qty = went as u64;
        event.leaves_qty = left as u64;
        self.events.push(event);
    }
}
