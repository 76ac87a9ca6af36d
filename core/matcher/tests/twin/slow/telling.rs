//! Events: what each says of an order, or of a command that is refused.

use touchline_types::{Command, Event, EventFlags, EventKind, OrdStatus, Reason};

use super::SlowMatcher;

impl SlowMatcher {
    /// An event with everything that is known of an order.
    pub(super) fn tell(&mut self, kind: EventKind, order_id: u64) -> &mut Event {
        let order = &self.orders[&order_id];
        let mut event = asked(kind, &order.terms);
        // Of an order that is gone this is forgotten.
        let asked_for = [EventKind::Status, EventKind::CancelRejected].contains(&kind);
        if order.is_open() || !asked_for {
            event.stop_px = order.terms.stop_px;
            event.display_qty = order.terms.display_qty;
            event.expire_time = order.terms.expire_time;
            event.exec_inst = order.terms.exec_inst;
        }
        event.orig_cl_ord_id = [0; 20];
        event.order_id = order_id;
        event.session_id = order.session_id;
        event.leaves_qty = order.leaves_qty();
        event.cum_qty = order.cum_qty;
        event.cum_value = order.cum_value;
        event.ord_status = order.status();
        self.events.push(event);
        self.events.last_mut().expect("it was just pushed")
    }

    pub(super) fn rejected(&mut self, command: &Command, reason: Reason) {
        let mut event = asked(EventKind::Rejected, command);
        event.phase = command.phase;
        event.reason = reason;
        self.events.push(event);
    }

    pub(super) fn cancel_rejected(
        &mut self,
        command: &Command,
        reason: Reason,
        order_id: Option<u64>,
        flags: EventFlags,
    ) {
        if let Some(order_id) = order_id {
            self.tell(EventKind::CancelRejected, order_id);
        } else {
            self.events.push(asked(EventKind::CancelRejected, command));
        }
        let event = self.events.last_mut().expect("it was just pushed");
        event.session_id = command.session_id;
        event.cl_ord_id = command.cl_ord_id;
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.reason = reason;
        event.flags = flags;
    }
}

/// An event with what the command says; there is no order.
pub(super) fn asked(kind: EventKind, command: &Command) -> Event {
    let mut event = Event::of(kind);
    event.price = command.price;
    event.order_qty = command.order_qty;
    event.cl_ord_id = command.cl_ord_id;
    event.orig_cl_ord_id = command.orig_cl_ord_id;
    event.instrument_id = command.instrument_id;
    event.session_id = command.session_id;
    event.member_id = command.member_id;
    event.side = command.side;
    event.ord_type = command.ord_type;
    event.time_in_force = command.time_in_force;
    event.ord_status = OrdStatus::Rejected;
    event
}
