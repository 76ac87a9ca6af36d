//! Limits: fills are noted, open orders are summed each time, a bucket is counted in tokens and
//! parts of a token.

use std::collections::BTreeMap;

use touchline_matcher::{LimitsView, PositionView};
use touchline_types::{Command, Event, EventKind, Reason, Scope, Side};

use super::SlowMatcher;

/// Parts of a token: so many that every rate gains a whole number of them in a nanosecond.
const PARTS: u128 = 1_000_000_000;

/// A session that has limits.
pub(super) struct Limited {
    limits: LimitsView,
    /// By instrument: bought less sold.
    positions: BTreeMap<u32, i128>,
    tokens: u128,
    tokens_at: u64,
}

impl Limited {
    fn gain(&mut self, now: u64) {
        let gained = u128::from(now - self.tokens_at) * u128::from(self.limits.rate_per_s);
        let most = u128::from(self.limits.rate_burst) * PARTS;
        self.tokens = most.min(self.tokens + gained);
        self.tokens_at = now;
    }
}

impl SlowMatcher {
    pub(super) fn set_limits(&mut self, command: &Command) {
        let session = command.scope == Scope::Session
            && command.scope_id > 0
            && command.scope_id < 4_096
            && command.session_id == 0;
        let one_of_two = [command.rate_per_s, command.rate_burst].into_iter().filter(|n| *n == 0);
        if !session || command.price < 0 || one_of_two.count() == 1 {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let limits = LimitsView {
            max_order_qty: command.order_qty,
            max_position: command.price,
            rate_per_s: command.rate_per_s,
            rate_burst: command.rate_burst,
        };
        let nothing = command.order_qty == 0 && command.price == 0 && command.rate_per_s == 0;
        let most = u128::from(command.rate_burst) * PARTS;
        let now = command.timestamp;
        if nothing {
            self.limited.remove(&command.scope_id);
        } else if let Some(limited) = self.limited.get_mut(&command.scope_id) {
            limited.gain(now);
            let rated = limited.limits.rate_per_s > 0;
            limited.tokens = if rated { most.min(limited.tokens) } else { most };
            limited.limits = limits;
        } else if self.limited.len() as u32 >= self.capacity.limited_sessions {
            return self.rejected(command, Reason::TooManyOrders);
        } else {
            let positions = BTreeMap::new();
            let limited = Limited { limits, positions, tokens: most, tokens_at: now };
            self.limited.insert(command.scope_id, limited);
        }
        self.events.push(Event::of(EventKind::LimitsSet));
    }

    /// Takes a token for a new order or replace; false if there is none.
    pub(super) fn take_token(&mut self, command: &Command) -> bool {
        let Some(limited) = self.limited.get_mut(&command.session_id) else { return true };
        limited.gain(command.timestamp);
        if limited.limits.rate_per_s == 0 {
            return true;
        }
        let there = limited.tokens >= PARTS;
        if there {
            limited.tokens -= PARTS;
        }
        there
    }

    pub(super) fn is_too_large(&self, command: &Command) -> bool {
        let limited = self.limited.get(&command.session_id);
        let most = limited.map_or(0, |limited| limited.limits.max_order_qty);
        most > 0 && command.order_qty > most
    }

    /// True if so many lots more could take the owner of an order above the limit.
    pub(super) fn leads_too_far(&self, owner: u32, command: &Command, qty: u64) -> bool {
        let Some(limited) = self.limited.get(&owner) else { return false };
        let most = i128::from(limited.limits.max_position);
        let position = limited.positions.get(&command.instrument_id).copied().unwrap_or(0);
        let ahead = if command.side == Side::Buy { position } else { -position };
        let open = self.open_qty(owner, command.instrument_id, command.side);
        most > 0 && ahead + i128::from(open) + i128::from(qty) > most
    }

    pub(super) fn note_fill(&mut self, owner: u32, instrument_id: u32, side: Side, qty: u64) {
        if let Some(limited) = self.limited.get_mut(&owner) {
            let lots = i128::from(qty);
            *limited.positions.entry(instrument_id).or_default() +=
                if side == Side::Buy { lots } else { -lots };
        }
    }

    pub(crate) fn limits(&self, session_id: u32) -> Option<LimitsView> {
        self.limited.get(&session_id).map(|limited| limited.limits)
    }

    pub(crate) fn position(&self, session_id: u32, instrument_id: u32) -> Option<PositionView> {
        let limited = self.limited.get(&session_id)?;
        let position = limited.positions.get(&instrument_id).copied().unwrap_or(0);
        Some(PositionView {
            position: i64::try_from(position).expect("the flow is too small to get there"),
            open_bid_qty: self.open_qty(session_id, instrument_id, Side::Buy),
            open_offer_qty: self.open_qty(session_id, instrument_id, Side::Sell),
        })
    }

    fn open_qty(&self, session_id: u32, instrument_id: u32, side: Side) -> u64 {
        let open = self.resting.iter().chain(&self.held);
        let orders = open.map(|id| &self.orders[id]).filter(|order| {
            order.session_id == session_id
                && order.terms.instrument_id == instrument_id
                && order.terms.side == side
        });
        orders.map(|order| order.leaves_qty()).sum()
    }
}
