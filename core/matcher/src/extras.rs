//! What few orders have: a stop price, a displayed quantity, an expiry. It lies in a table beside
//! the pool, and is read and written only for orders that are marked, so that the others pay one
//! look at a byte that they have loaded anyway.

use touchline_types::{
    Command, CommandKind, Event, ExecInst, OrdType, SelfMatchInstruction, SelfMatchScope,
    TimeInForce,
};

use crate::invariant::certain;
use crate::state_hash;
use crate::storage::Memory;

/// What an order has beside price and quantity. The lower four bits are its ExecInst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// Nothing: most orders.
    pub(crate) const NONE: Self = Self(0);
    /// Shows a part of its quantity.
    pub(crate) const ICEBERG: Self = Self(1 << 4);
    /// Has an expire_time.
    pub(crate) const DATED: Self = Self(1 << 5);
    /// Is a stop, or was one.
    pub(crate) const STOP: Self = Self(1 << 6);
    /// A stop that waits: in no queue.
    pub(crate) const HELD: Self = Self(1 << 7);

    /// The marks of a new order.
    #[inline]
    pub(crate) const fn of(command: &Command) -> Self {
        let mut marks = Self(command.exec_inst.0 & 15);
        if command.display_qty > 0 {
            marks = marks.with(Self::ICEBERG);
        }
        if matches!(command.time_in_force, TimeInForce::GoodTillDate) {
            marks = marks.with(Self::DATED);
        }
        if matches!(command.ord_type, OrdType::Stop | OrdType::StopLimit) {
            marks = marks.with(Self::STOP);
        }
        marks
    }

    /// The marks after a replace: the instructions stay, and so does a stop that waits.
    #[inline]
    pub(crate) const fn after(self, command: &Command) -> Self {
        let fresh = Self::of(command).without(Self(15));
        fresh.with(Self(self.0 & (15 | Self::HELD.0)))
    }

    #[inline]
    pub(crate) const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub(crate) const fn with(self, mark: Self) -> Self {
        Self(self.0 | mark.0)
    }

    pub(crate) const fn without(self, mark: Self) -> Self {
        Self(self.0 & !mark.0)
    }

    #[inline]
    pub(crate) const fn exec_inst(self) -> ExecInst {
        ExecInst(self.0 & 15)
    }

    #[inline]
    pub(crate) const fn is_hidden(self) -> bool {
        self.exec_inst().contains(ExecInst::HIDDEN)
    }
}

/// The terms of a marked order that few have.
#[derive(Clone, Copy, Debug)]
pub struct OrderExtra {
    pub(crate) stop_px: i64,
    pub(crate) display_qty: u64,
    pub(crate) expire_time: u64,
    /// What of leaves_qty an iceberg does not show.
    pub(crate) reserve: u64,
    /// Whose orders a stop that went off must not execute against, and what is done instead.
    pub(crate) scope: SelfMatchScope,
    pub(crate) instruction: SelfMatchInstruction,
    /// A stop that goes off in this round.
    pub(crate) is_due: bool,
}

impl Default for OrderExtra {
    fn default() -> Self {
        Self::of(&Command::of(CommandKind::NewOrder))
    }
}

impl OrderExtra {
    /// Those of a command.
    pub(crate) const fn of(command: &Command) -> Self {
        Self {
            stop_px: command.stop_px,
            display_qty: command.display_qty,
            expire_time: command.expire_time,
            reserve: 0,
            scope: command.self_match_scope,
            instruction: command.self_match_instruction,
            is_due: false,
        }
    }
}

/// The table, by slot of the pool.
pub(crate) struct Extras<M: Memory> {
    rows: M::Of<OrderExtra>,
}

impl<M: Memory> Extras<M> {
    pub(crate) const fn new(rows: M::Of<OrderExtra>) -> Self {
        Self { rows }
    }

    pub(crate) fn of(&self, slot: u32) -> &OrderExtra {
        certain(self.rows.as_ref().get(slot as usize), "an order has a row of extras")
    }

    pub(crate) fn of_mut(&mut self, slot: u32) -> &mut OrderExtra {
        certain(self.rows.as_mut().get_mut(slot as usize), "an order has a row of extras")
    }

    /// Tells what a marked order has.
    #[cold]
    pub(crate) fn tell(&self, slot: u32, marks: Marks, event: &mut Event) {
        let extra = self.of(slot);
        event.stop_px = extra.stop_px;
        event.display_qty = extra.display_qty;
        event.expire_time = extra.expire_time;
        event.exec_inst = marks.exec_inst();
    }

    /// Its part of what does not change in the state hash; 0 for an order without marks.
    #[inline]
    pub(crate) fn mix(&self, slot: u32, marks: Marks) -> u64 {
        if marks == Marks::NONE { 0 } else { self.mix_of(slot, marks) }
    }

    #[cold]
    fn mix_of(&self, slot: u32, marks: Marks) -> u64 {
        state_hash::extra(marks.without(Marks::HELD).0, self.of(slot))
    }
}
