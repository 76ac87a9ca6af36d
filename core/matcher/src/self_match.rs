//! Self-match prevention: what happens where an order that arrives meets one of the same owner.
//!
//! The order that arrives says whose orders are meant ([`SelfMatchScope`]) and what is done
//! ([`SelfMatchInstruction`]); an order that says neither pays one branch for each order it meets.
//! A firm is a member's own where it has none. In an uncross nobody arrives: nothing is prevented.
//!
//! | Instruction | The resting order | The order that arrives |
//! |---|---|---|
//! | CancelAggressive | stays | its rest is cancelled |
//! | CancelPassive | is cancelled | goes on |
//! | CancelBoth | is cancelled | its rest is cancelled |
//! | Decrement | less by the smaller of both | less by the smaller of both |
//!
//! Of an iceberg that rests, a decrement takes from what it shows, as an execution would.
//! What a decrement brings to nothing is cancelled with all that it had left; the other one is
//! Restated: its order_qty and leaves_qty are less, its place is kept.
//!
//! A FOK counts only what it would reach: under CancelPassive what is not its owner's, under all
//! other instructions what stands before the first order of its owner.

use touchline_types::{
    Command, CommandKind, Event, EventFlags, EventKind, Reason, SelfMatchInstruction,
    SelfMatchScope, Side,
};

use crate::accounts::Claim;
use crate::book::{RestingOrder, crosses};
use crate::emitter::{Emitter, EventSink};
use crate::extras::OrderExtra;
use crate::invariant::less;
use crate::matcher::Matcher;
use crate::names::OrderRecord;
use crate::storage::Memory;

/// Whose orders an order must not execute against, and what is done instead.
#[derive(Clone, Copy)]
pub(crate) struct Guard {
    scope: SelfMatchScope,
    instruction: SelfMatchInstruction,
    session_id: u32,
    member_id: u32,
    firm_id: u32,
    self_match_id: u32,
}

/// What a guard made of an encounter, and so how an execution ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Encounter {
    /// The order that arrives goes on.
    Passed,
    /// Its rest is to be cancelled.
    Stopped,
    /// Nothing is left of it, and it is closed.
    Filled,
}

impl Guard {
    /// The guard of an order that arrives with a command, owned by a session of a member.
    #[inline]
    pub(crate) fn of(command: &Command, session_id: u32, member_id: u32) -> Option<Self> {
        let Command { self_match_scope, self_match_instruction, .. } = *command;
        let idle = self_match_scope == SelfMatchScope::None
            || self_match_instruction == SelfMatchInstruction::None;
        (!idle).then_some(Self {
            scope: self_match_scope,
            instruction: self_match_instruction,
            session_id,
            member_id,
            firm_id: command.firm_id,
            self_match_id: command.self_match_id,
        })
    }

    /// The guard of a stop that went off, as its order said.
    pub(crate) fn of_stop(
        order: &RestingOrder,
        record: &OrderRecord,
        extra: &OrderExtra,
    ) -> Option<Self> {
        let mut command = Command::of(CommandKind::NewOrder);
        (command.self_match_scope, command.self_match_instruction) =
            (extra.scope, extra.instruction);
        (command.firm_id, command.self_match_id) = (order.firm_id, order.self_match_id);
        Self::of(&command, record.session_id, record.member_id)
    }

    /// True if a resting order is of the same owner.
    #[inline]
    pub(crate) fn meets(&self, order: &RestingOrder, record: &OrderRecord) -> bool {
        let firm = if self.firm_id == 0 {
            self.member_id == record.member_id
        } else {
            self.firm_id == order.firm_id
        };
        match self.scope {
            SelfMatchScope::None => false,
            SelfMatchScope::Session => self.session_id == record.session_id,
            SelfMatchScope::Member => self.member_id == record.member_id,
            SelfMatchScope::Firm => firm,
            SelfMatchScope::Group => {
                firm && self.self_match_id != 0 && self.self_match_id == order.self_match_id
            }
        }
    }
}

impl<M: Memory> Matcher<M> {
    /// Does for the order in slot `arrived` what its guard says of the order in `slot`.
    pub(crate) fn prevent<K: EventSink>(
        &mut self,
        guard: &Guard,
        arrived: u32,
        slot: u32,
        out: &mut Emitter<'_, K>,
    ) -> Encounter {
        match guard.instruction {
            SelfMatchInstruction::None | SelfMatchInstruction::CancelAggressive => {
                Encounter::Stopped
            }
            SelfMatchInstruction::CancelPassive => {
                self.cancel_passive(slot, out);
                Encounter::Passed
            }
            SelfMatchInstruction::CancelBoth => {
                self.cancel_passive(slot, out);
                Encounter::Stopped
            }
            SelfMatchInstruction::Decrement => self.decrement(arrived, slot, out),
        }
    }

    fn cancel_passive<K: EventSink>(&mut self, slot: u32, out: &mut Emitter<'_, K>) {
        self.take_away(slot, EventKind::Canceled, Reason::SelfMatch, out);
    }

    fn decrement<K: EventSink>(
        &mut self,
        arrived: u32,
        slot: u32,
        out: &mut Emitter<'_, K>,
    ) -> Encounter {
        let arriving_qty = self.books.order(arrived).leaves_qty;
        let resting_qty = self.at_hand(slot);
        let qty = arriving_qty.min(resting_qty);
        if qty == self.books.order(slot).leaves_qty {
            self.cancel_passive(slot, out);
        } else {
            self.mix_out(slot);
            self.books.reduce(slot, qty);
            let RestingOrder { instrument, side, .. } = *self.books.order(slot);
            let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
            self.limits.withdrew(session_id, instrument, side, qty);
            let claim = Claim { qty, ..Claim::of(self.books.order(slot)) };
            self.accounts.withdrew(member_id, &claim);
            let event = self.restated(slot, qty, out);
            event.flags = EventFlags::RESTING;
            self.mix_in(slot);
            if self.at_hand(slot) == 0 {
                self.replenish(slot, out);
            }
        }
        if arriving_qty <= resting_qty {
            return Encounter::Stopped;
        }
        let order = self.books.order_mut(arrived);
        order.leaves_qty = less(arriving_qty, resting_qty);
        self.restated(arrived, resting_qty, out).flags = EventFlags::AGGRESSOR;
        Encounter::Passed
    }

    /// Takes quantity that leaves_qty has lost from order_qty, too, and tells it.
    fn restated<'e, K: EventSink>(
        &mut self,
        slot: u32,
        qty: u64,
        out: &'e mut Emitter<'_, K>,
    ) -> &'e mut Event {
        let record = self.names.record_mut(slot);
        record.order_qty = less(record.order_qty, qty);
        self.fix(slot);
        let order = self.books.order(slot);
        let event = self.tell_order(EventKind::Restated, slot, out);
        event.reason = Reason::SelfMatch;
        event.last_qty = qty;
        event.priority = order.priority;
        event
    }

    /// True if a side holds at least `qty` that an order of the other side at `limit` can reach.
    pub(crate) fn reachable(
        &self,
        instrument: u32,
        aggressor: Side,
        limit: i64,
        qty: u64,
        guard: Option<&Guard>,
    ) -> bool {
        let Some(guard) = guard else {
            return self.books.reachable(instrument, aggressor, limit, qty);
        };
        let mut missing = qty;
        let instrument_id = self.books.instrument(instrument).instrument_id;
        for slot in self.slots(instrument_id, aggressor.opposite()) {
            let order = self.books.order(slot);
            if missing == 0 || !crosses(aggressor, limit, order.price) {
                break;
            }
            if !guard.meets(order, self.names.record(slot)) {
                missing = missing.saturating_sub(order.leaves_qty);
            } else if guard.instruction != SelfMatchInstruction::CancelPassive {
                break;
            }
        }
        missing == 0
    }
}
