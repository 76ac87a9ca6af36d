//! Blocks and mass cancels: a set of scopes, and all orders looked at.

use touchline_types::{Command, CommandKind, Event, EventFlags, EventKind, Reason, Scope, Side};

use super::{Order, SlowMatcher, State};

impl SlowMatcher {
    pub(super) fn is_blocked(&self, command: &Command) -> bool {
        [
            (Scope::Venue, 0),
            (Scope::Member, command.member_id),
            (Scope::Session, command.session_id),
            (Scope::Firm, command.firm_id),
        ]
        .iter()
        .any(|scope| self.blocked.contains(scope))
    }

    pub(super) fn block(&mut self, command: &Command) {
        let exists = match command.scope {
            Scope::None => false,
            Scope::Firm => command.scope_id > 0 && command.scope_id < 4_096,
            Scope::Venue => command.scope_id == 0,
            Scope::Session | Scope::Member => command.scope_id < 4_096,
        };
        if command.session_id != 0 || !exists {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let scope = (command.scope, command.scope_id);
        if command.kind == CommandKind::BlockEntry {
            self.blocked.insert(scope);
            self.events.push(Event::of(EventKind::EntryBlocked));
        } else {
            self.blocked.remove(&scope);
            self.events.push(Event::of(EventKind::EntryAdmitted));
        }
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
            || scope == (Scope::Member, command.member_id);
        let nobody = command.scope == Scope::None || scope == (Scope::Firm, 0);
        if nobody || !(operator || own) {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let wanted = command.instrument_id;
        if wanted != 0 && !self.books.contains_key(&wanted) {
            return self.rejected(command, Reason::UnknownSymbol);
        }
        let mut orders = Vec::new();
        for instrument_id in self.books.keys() {
            for side in [Side::Buy, Side::Sell] {
                orders.extend(self.queue(*instrument_id, side));
            }
        }
        orders.retain(|id| {
            let order = &self.orders[id];
            theirs(order)
                && [0, order.terms.instrument_id].contains(&wanted)
                && [Side::Undisclosed, order.terms.side].contains(&command.side)
        });
        let now = orders.len().min(128);
        for order_id in &orders[..now] {
            let last_qty = self.orders[order_id].leaves_qty();
            self.resting.remove(order_id);
            self.order(*order_id).state = State::Canceled;
            let event = self.tell(EventKind::Canceled, *order_id);
            event.last_qty = last_qty;
            event.flags = EventFlags::RESTING;
        }
        let mut event = Event::of(EventKind::MassCanceled);
        event.session_id = command.session_id;
        event.member_id = command.member_id;
        event.cl_ord_id = command.cl_ord_id;
        event.instrument_id = wanted;
        event.side = command.side;
        event.last_qty = now as u64;
        event.leaves_qty = (orders.len() - now) as u64;
        self.events.push(event);
    }
}
