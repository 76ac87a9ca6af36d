//! New orders, and how an order that arrives executes.

use touchline_types::{
    Command, Event, EventFlags, EventKind, ExecInst, OrdType, Reason, Side, TimeInForce,
    TradingPhase,
};

use super::{Order, SlowMatcher, State, opposite, reaches, stays};

impl SlowMatcher {
    pub(super) fn new_order(&mut self, command: &Command) {
        if !self.take_token(command) {
            return self.rejected(command, Reason::RateExceeded);
        }
        let price = match self.refuse_new(command) {
            Ok(price) => price,
            Err(reason) => return self.rejected(command, reason),
        };
        let order_id = self.orders.len() as u64 + 1;
        let terms = Command { price, ..*command };
        let order = Order {
            order_id,
            terms,
            session_id: command.session_id,
            cum_qty: 0,
            cum_value: 0,
            priority: 0,
            shown_qty: 0,
            state: State::Arriving,
        };
        self.orders.insert(order_id, order);
        self.names.insert((command.member_id, command.cl_ord_id), order_id);
        self.tell(EventKind::Accepted, order_id);
        if [OrdType::Stop, OrdType::StopLimit].contains(&command.ord_type) {
            self.order(order_id).state = State::Held;
            self.held.insert(order_id);
            return;
        }
        let reason = self.take(command, order_id);
        self.settle(order_id, reason);
    }

    /// What becomes of an order that has executed as far as it could.
    pub(super) fn settle(&mut self, order_id: u64, reason: Reason) {
        let order = &self.orders[&order_id];
        if order.state == State::Canceled {
            return;
        }
        let rest = order.leaves_qty();
        let limited = order.terms.ord_type == OrdType::Limit || self.has_limit(order_id);
        if rest == 0 {
            self.order(order_id).state = State::Filled;
        } else if reason == Reason::None && limited && stays(order.terms.time_in_force) {
            self.order(order_id).terms.ord_type = OrdType::Limit;
            // A stop had no level when it was accepted.
            let terms = self.orders[&order_id].terms;
            if self.lacks_level(&terms, None) {
                return self.cancel_rest(order_id, Reason::TooManyOrders);
            }
            self.join(order_id);
            self.tell(EventKind::Added, order_id).priority = self.last_priority;
        } else {
            self.cancel_rest(order_id, reason);
        }
    }

    fn cancel_rest(&mut self, order_id: u64, reason: Reason) {
        let rest = self.orders[&order_id].leaves_qty();
        self.order(order_id).state = State::Canceled;
        let event = self.tell(EventKind::Canceled, order_id);
        event.last_qty = rest;
        event.reason = reason;
    }

    /// True if the venue gives an order of this kind a limit.
    fn has_limit(&self, order_id: u64) -> bool {
        let terms = &self.orders[&order_id].terms;
        let protected = self.books[&terms.instrument_id].limits.protection > 0;
        match terms.ord_type {
            OrdType::MarketToLimit => true,
            OrdType::Market => protected,
            _ => false,
        }
    }

    /// Executes an arriving order against the other side, under the self-match prevention that
    /// `guard` says. Says why it must not rest, if so.
    pub(super) fn take(&mut self, guard: &Command, order_id: u64) -> Reason {
        let order = self.orders[&order_id].clone();
        let terms = order.terms;
        if self.phase(terms.instrument_id) != Some(TradingPhase::Continuous) {
            return Reason::None;
        }
        let other = opposite(terms.side);
        if self.has_limit(order_id) && self.touch(terms.instrument_id, other).is_none() {
            return Reason::NoLiquidity;
        }
        let free = terms.ord_type == OrdType::Market && !self.has_limit(order_id);
        let reached = |matcher: &Self| -> Vec<u64> {
            let mut queue = matcher.queue(terms.instrument_id, other);
            queue.retain(|id| {
                free || reaches(terms.side, terms.price, matcher.orders[id].terms.price)
            });
            queue
        };
        // An iceberg counts with all that it has.
        let there: u64 = self.reached(guard, &order, &reached(self));
        if terms.time_in_force == TimeInForce::FillOrKill && there < order.leaves_qty() {
            return Reason::None;
        }
        if there < terms.min_qty {
            return Reason::MinQtyNotMet;
        }
        while self.orders[&order_id].leaves_qty() > 0 {
            let Some(resting) = reached(self).first().copied() else { break };
            if self.is_own(guard, &order, resting) {
                if self.prevent(guard, order_id, resting) {
                    break;
                }
                continue;
            }
            let qty = self.orders[&order_id].leaves_qty().min(self.orders[&resting].at_hand());
            let px = self.orders[&resting].terms.price;
            let printed = EventFlags::RESTING.with(EventFlags::PRINTABLE);
            self.trade([(resting, printed), (order_id, EventFlags::AGGRESSOR)], px, qty);
        }
        Reason::None
    }

    /// A fill, and then the next part of an iceberg whose part is gone.
    pub(super) fn trade(&mut self, sides: [(u64, EventFlags); 2], px: i64, qty: u64) {
        self.last_trd_match_id += 1;
        for (order_id, flags) in sides {
            let event = self.fill(order_id, px, qty);
            event.flags = flags;
            self.note_payment(order_id, flags, px, qty);
        }
        for (order_id, _) in sides {
            let order = &self.orders[&order_id];
            if order.state == State::Resting && order.at_hand() == 0 {
                self.replenish(order_id);
            }
        }
        let instrument_id = self.orders[&sides[0].0].terms.instrument_id;
        if let Some(book) = self.books.get_mut(&instrument_id) {
            book.last_px = Some(px);
        }
    }

    fn fill(&mut self, order_id: u64, px: i64, qty: u64) -> &mut Event {
        let order = &self.orders[&order_id];
        if order.state == State::Resting && order.has(ExecInst::HIDDEN) {
            // The public sees a hidden order for the moment in which it executes.
            let priority = order.priority;
            let event = self.tell(EventKind::Added, order_id);
            event.priority = priority;
            event.display_qty = qty;
        }
        let order = self.order(order_id);
        order.cum_qty += qty;
        order.cum_value += px * qty as i64;
        let rested = order.state == State::Resting;
        order.shown_qty = order.shown_qty.saturating_sub(qty);
        let (owner, side) = (order.session_id, order.terms.side);
        let instrument_id = order.terms.instrument_id;
        if order.leaves_qty() == 0 {
            order.state = State::Filled;
            self.resting.remove(&order_id);
        }
        self.note_fill(owner, instrument_id, side, qty);
        let priority = if rested { self.orders[&order_id].priority } else { 0 };
        let trd_match_id = self.last_trd_match_id;
        let event = self.tell(EventKind::Executed, order_id);
        event.last_px = px;
        event.last_qty = qty;
        event.trd_match_id = trd_match_id;
        event.priority = priority;
        event
    }

    /// An iceberg shows its next part at the end of its queue.
    pub(super) fn replenish(&mut self, order_id: u64) {
        self.join(order_id);
        self.tell(EventKind::Replenished, order_id).priority = self.last_priority;
    }

    /// Goes to the end of the queue at its price.
    pub(super) fn join(&mut self, order_id: u64) {
        self.last_priority += 1;
        let priority = self.last_priority;
        let order = self.order(order_id);
        order.priority = priority;
        order.state = State::Resting;
        order.shown_qty = order.terms.display_qty.min(order.leaves_qty());
        self.resting.insert(order_id);
    }

    pub(super) fn status(&mut self, command: &Command) {
        let key = (command.member_id, command.cl_ord_id);
        let order = self.names.get(&key).map(|id| self.orders[id].clone());
        match order.filter(|order| order.terms.cl_ord_id == command.cl_ord_id) {
            Some(order) => {
                let event = self.tell(EventKind::Status, order.order_id);
                event.session_id = command.session_id;
                if order.state == State::Resting {
                    event.priority = order.priority;
                }
            }
            None => {
                let mut event = super::telling::asked(EventKind::Status, command);
                event.reason = Reason::UnknownOrder;
                self.events.push(event);
            }
        }
    }

    pub(super) fn change_phase(&mut self, command: &Command) {
        let reason = match self.books.get(&command.instrument_id) {
            None => Reason::UnknownSymbol,
            Some(_) if command.session_id != 0 => Reason::UnsupportedCharacteristic,
            Some(book) if command.phase == book.phase => Reason::PhaseNotAdmitted,
            Some(_) if command.phase == TradingPhase::None => Reason::PhaseNotAdmitted,
            Some(_) => Reason::None,
        };
        if reason != Reason::None {
            return self.rejected(command, reason);
        }
        if let Some(book) = self.books.get_mut(&command.instrument_id) {
            book.phase = command.phase;
        }
        let mut event = Event::of(EventKind::PhaseChanged);
        event.instrument_id = command.instrument_id;
        event.phase = command.phase;
        self.events.push(event);
        if command.phase == TradingPhase::Continuous {
            self.uncross(command.instrument_id);
        }
    }

    /// True if a stop is to be triggered now.
    pub(super) fn is_reached(&self, order: &Order) -> bool {
        let terms = &order.terms;
        let other = opposite(terms.side);
        let looked_at = if order.has(ExecInst::TRIGGER_ON_TOUCH) {
            self.touch(terms.instrument_id, other)
        } else {
            self.last_px(terms.instrument_id)
        };
        looked_at.is_some_and(|px| match terms.side {
            Side::Buy => px >= terms.stop_px,
            _ => px <= terms.stop_px,
        })
    }
}
