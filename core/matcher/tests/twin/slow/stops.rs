//! Stops: in rounds, until none is to be triggered.

use touchline_types::{EventKind, OrdType};

use super::{SlowMatcher, State, opposite};

impl SlowMatcher {
    pub(super) fn trigger_stops(&mut self) {
        let instruments: Vec<u32> = self.books.keys().copied().collect();
        for instrument_id in instruments {
            loop {
                let round = self.to_trigger(instrument_id);
                if round.is_empty() {
                    break;
                }
                for order_id in round {
                    self.trigger(order_id);
                }
            }
        }
    }

    fn to_trigger(&self, instrument_id: u32) -> Vec<u64> {
        if !self.is_continuous(instrument_id) {
            return Vec::new();
        }
        let here = self.held.iter().filter(|id| {
            let order = &self.orders[id];
            order.terms.instrument_id == instrument_id && self.is_reached(order)
        });
        here.copied().collect()
    }

    fn trigger(&mut self, order_id: u64) {
        self.held.remove(&order_id);
        let terms = self.orders[&order_id].terms;
        let is_limit = terms.ord_type == OrdType::StopLimit;
        let touch = self.touch(terms.instrument_id, opposite(terms.side));
        let order = self.order(order_id);
        order.state = State::Arriving;
        order.terms.ord_type = if is_limit { OrdType::Limit } else { OrdType::Market };
        if !is_limit {
            let terms = order.terms;
            let price = self.limit_of(&terms, touch).unwrap_or(0);
            self.order(order_id).terms.price = price;
        }
        self.tell(EventKind::Triggered, order_id);
        let reason = self.take(&terms, order_id);
        self.settle(order_id, reason);
    }
}
