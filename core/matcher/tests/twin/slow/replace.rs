//! Replaces.

use touchline_types::{Command, EventFlags, EventKind, ExecInst, OrdType, Reason};

use super::{Order, SlowMatcher, State, opposite, reaches};

impl SlowMatcher {
    pub(super) fn replace(&mut self, command: &Command) {
        let of_replace = EventFlags::OF_REPLACE;
        let early = if !self.take_token(command) {
            Some(Reason::RateExceeded)
        } else if self.is_blocked(command) {
            Some(Reason::EntryBlocked)
        } else {
            None
        };
        if let Some(reason) = early {
            let key = (command.member_id, command.orig_cl_ord_id);
            let named = self.names.get(&key).copied();
            let latest = |id: &u64| self.orders[id].terms.cl_ord_id == command.orig_cl_ord_id;
            let order_id = named.filter(latest);
            return self.cancel_rejected(command, reason, order_id, of_replace);
        }
        let order_id = match self.named(command) {
            Ok(order_id) => order_id,
            Err((reason, order_id)) => {
                return self.cancel_rejected(command, reason, order_id, of_replace);
            }
        };
        let before = self.orders[&order_id].clone();
        let price = match self.refuse_replace(command, &before) {
            Ok(price) => price,
            Err(reason) => {
                return self.cancel_rejected(command, reason, Some(order_id), of_replace);
            }
        };
        self.names.insert((command.member_id, command.cl_ord_id), order_id);
        let order = self.order(order_id);
        order.terms.cl_ord_id = command.cl_ord_id;
        order.terms.price = price;
        order.terms.stop_px = command.stop_px;
        order.terms.order_qty = command.order_qty;
        order.terms.display_qty = command.display_qty;
        order.terms.time_in_force = command.time_in_force;
        order.terms.expire_time = command.expire_time;
        order.terms.self_match_id = command.self_match_id;
        order.terms.self_match_scope = command.self_match_scope;
        order.terms.self_match_instruction = command.self_match_instruction;
        if before.state == State::Held {
            self.tell_replaced(order_id, command, &before, EventFlags::NONE, 0);
        } else {
            self.replace_resting(order_id, command, &before);
        }
    }

    fn replace_resting(&mut self, order_id: u64, command: &Command, before: &Order) {
        let order = &self.orders[&order_id];
        let (terms, leaves_qty) = (order.terms, order.leaves_qty());
        // An iceberg keeps its place while what it shows stays as it is.
        let same_shown = before.terms.display_qty == terms.display_qty
            && (terms.display_qty == 0 || leaves_qty >= before.shown_qty);
        let keeps = terms.price == before.terms.price
            && terms.order_qty < before.terms.order_qty
            && same_shown;
        let touch = self.touch(terms.instrument_id, opposite(terms.side));
        let executes = self.is_continuous(terms.instrument_id)
            && touch.is_some_and(|px| reaches(terms.side, terms.price, px));
        let resting = EventFlags::RESTING;
        if keeps {
            let flags = resting.with(EventFlags::KEEPS_PRIORITY);
            return self.tell_replaced(order_id, command, before, flags, before.priority);
        }
        if !executes {
            self.join(order_id);
            let priority = self.last_priority;
            let flags = resting.with(EventFlags::MOVED);
            return self.tell_replaced(order_id, command, before, flags, priority);
        }
        self.tell_replaced(order_id, command, before, resting, 0);
        self.resting.remove(&order_id);
        let order = self.order(order_id);
        order.state = State::Arriving;
        assert!(order.terms.ord_type == OrdType::Limit && !order.has(ExecInst::POST_ONLY));
        self.take(command, order_id);
        if self.orders[&order_id].leaves_qty() > 0 {
            self.join(order_id);
            self.tell(EventKind::Added, order_id).priority = self.last_priority;
        }
    }

    fn tell_replaced(
        &mut self,
        order_id: u64,
        command: &Command,
        before: &Order,
        flags: EventFlags,
        priority: u64,
    ) {
        let event = self.tell(EventKind::Replaced, order_id);
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.last_qty = before.leaves_qty();
        event.priority = priority;
        event.flags = flags;
    }
}
