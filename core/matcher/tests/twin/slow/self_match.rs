//! Orders of one owner that meet.

use touchline_types::{
    Command, EventFlags, EventKind, Reason, SelfMatchInstruction, SelfMatchScope,
};

use super::{Order, SlowMatcher, State};

impl SlowMatcher {
    /// True if a resting order is one that an arriving order must not execute against.
    pub(super) fn is_own(&self, command: &Command, arriving: &Order, resting: u64) -> bool {
        let resting = &self.orders[&resting];
        let (mine, theirs) = (&arriving.terms, &resting.terms);
        let same_firm = match command.firm_id {
            0 => mine.member_id == theirs.member_id,
            firm => theirs.firm_id == firm,
        };
        let group = command.self_match_id;
        let meant = match command.self_match_scope {
            SelfMatchScope::None => false,
            SelfMatchScope::Session => arriving.session_id == resting.session_id,
            SelfMatchScope::Member => mine.member_id == theirs.member_id,
            SelfMatchScope::Firm => same_firm,
            SelfMatchScope::Group => same_firm && group > 0 && theirs.self_match_id == group,
        };
        meant && command.self_match_instruction != SelfMatchInstruction::None
    }

    /// How much of a queue an arriving order could execute.
    pub(super) fn reached(&self, command: &Command, arriving: &Order, queue: &[u64]) -> u64 {
        let mut there = 0;
        for id in queue {
            if !self.is_own(command, arriving, *id) {
                there += self.orders[id].leaves_qty();
            } else if command.self_match_instruction != SelfMatchInstruction::CancelPassive {
                break;
            }
        }
        there
    }

    /// Does what the command says of an arriving order and one of its owner.
    /// True if the arriving one is gone then.
    pub(super) fn prevent(&mut self, command: &Command, arriving: u64, resting: u64) -> bool {
        let instruction = command.self_match_instruction;
        let both = SelfMatchInstruction::CancelBoth;
        if instruction == SelfMatchInstruction::Decrement {
            let (a, b) = (self.orders[&arriving].leaves_qty(), self.orders[&resting].at_hand());
            self.lessen(resting, a.min(b));
            self.lessen(arriving, a.min(b));
            return self.orders[&arriving].state == State::Canceled;
        }
        if instruction == SelfMatchInstruction::CancelPassive || instruction == both {
            self.give_up(resting);
        }
        if instruction == SelfMatchInstruction::CancelAggressive || instruction == both {
            self.give_up(arriving);
            return true;
        }
        false
    }

    /// Takes quantity off an order, or cancels it where nothing would be left.
    fn lessen(&mut self, order_id: u64, qty: u64) {
        if self.orders[&order_id].leaves_qty() == qty {
            return self.give_up(order_id);
        }
        let order = self.order(order_id);
        order.terms.order_qty -= qty;
        order.shown_qty = order.shown_qty.saturating_sub(qty);
        let rests = order.state == State::Resting;
        let priority = if rests { order.priority } else { 0 };
        let event = self.tell(EventKind::Restated, order_id);
        event.last_qty = qty;
        event.priority = priority;
        event.reason = Reason::SelfMatch;
        event.flags = if rests { EventFlags::RESTING } else { EventFlags::AGGRESSOR };
        if rests && self.orders[&order_id].at_hand() == 0 {
            self.replenish(order_id);
        }
    }

    fn give_up(&mut self, order_id: u64) {
        let rest = self.orders[&order_id].leaves_qty();
        let rests = self.resting.remove(&order_id);
        self.order(order_id).state = State::Canceled;
        let event = self.tell(EventKind::Canceled, order_id);
        event.last_qty = rest;
        event.reason = Reason::SelfMatch;
        event.flags = if rests { EventFlags::RESTING } else { EventFlags::NONE };
    }
}
