//! The books: for each instrument and side a ladder of levels, for each level a queue of orders.
//!
//! A queue is a list through the order pool in the order of priority: an order joins at the back
//! and keeps its place until it leaves. A price has a level exactly while orders rest there. What
//! matching reads of an order is one cache line; what only events tell is in its `OrderRecord`.

use touchline_prefetch::prefetch_at;
use touchline_types::{Command, Side};

use crate::extras::Marks;
use crate::instrument::Instrument;
use crate::invariant::{certain, invariant, less, more, next_u32, previous_u32};
use crate::ladder::{FarLevel, Ladder, Ladders, Level, price_of, rank};
use crate::state_hash;
use crate::storage::Memory;

/// No order: the end of a queue or of the free list. The slot is there and never taken: the ends
/// of queues write their links into it, which needs no branch.
pub(crate) const NONE: u32 = 0;

/// An open order, as far as matching reads it: a cache line. The rest is in its `OrderRecord`.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct RestingOrder {
    pub(crate) price: i64,
    pub(crate) leaves_qty: u64,
    pub(crate) priority: u64,
    /// Its part of the state hash, and what of that does not change.
    pub(crate) mix: u64,
    pub(crate) fixed_mix: u64,
    /// Index of its instrument.
    pub(crate) instrument: u32,
    pub(crate) prev: u32,
    /// Next in the queue, or in the free list.
    pub(crate) next: u32,
    /// Firm of its member, and its group for self-match prevention; 0 where there is none.
    pub(crate) firm_id: u32,
    pub(crate) self_match_id: u32,
    /// Undisclosed where the slot is free.
    pub(crate) side: Side,
    /// Whether it has something in the table of extras.
    pub(crate) marks: Marks,
}

impl Default for RestingOrder {
    fn default() -> Self {
        Self {
            price: 0,
            leaves_qty: 0,
            priority: 0,
            mix: 0,
            fixed_mix: 0,
            instrument: 0,
            prev: NONE,
            next: NONE,
            firm_id: 0,
            self_match_id: 0,
            side: Side::Undisclosed,
            marks: Marks::NONE,
        }
    }
}

impl RestingOrder {
    /// An order that is in no queue yet.
    pub(crate) const fn new(instrument: u32, side: Side, price: i64, leaves_qty: u64) -> Self {
        Self {
            price,
            leaves_qty,
            priority: 0,
            mix: 0,
            fixed_mix: 0,
            instrument,
            prev: NONE,
            next: NONE,
            firm_id: 0,
            self_match_id: 0,
            side,
            marks: Marks::NONE,
        }
    }

    /// A new order with this number and a ClOrdID of this hash, in no queue yet.
    #[inline(always)]
    pub(crate) fn asked(
        command: &Command,
        name: u64,
        order_id: u64,
        instrument: u32,
        price: i64,
    ) -> Self {
        // Not of the record, which is not there yet for reads of another size than its writes.
        let terms = state_hash::Terms::asked(order_id, command);
        Self {
            fixed_mix: state_hash::fixed(name, price, &terms),
            firm_id: command.firm_id,
            self_match_id: command.self_match_id,
            ..Self::new(instrument, command.side, price, command.order_qty)
        }
    }

    /// Writes an order into a slot, word by word: see `Names::enter`.
    #[inline(always)]
    pub(crate) fn write(&mut self, order: &Self) {
        let Self { price, leaves_qty, priority, mix, fixed_mix, instrument, prev, next, .. } =
            *order;
        (self.price, self.leaves_qty, self.priority) = (price, leaves_qty, priority);
        (self.mix, self.fixed_mix, self.instrument) = (mix, fixed_mix, instrument);
        (self.prev, self.next) = (prev, next);
        (self.firm_id, self.self_match_id) = (order.firm_id, order.self_match_id);
        (self.side, self.marks) = (order.side, order.marks);
    }

    /// The order behind this one at its price.
    pub(crate) const fn behind(&self) -> u32 {
        self.next
    }
}

/// True if an order of `side` at `limit` can execute against a resting order at `price`.
#[inline]
pub(crate) const fn crosses(side: Side, limit: i64, price: i64) -> bool {
    rank(side, limit) >= rank(side, price)
}

/// A level with its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PricedLevel {
    pub(crate) price: i64,
    pub(crate) qty: u64,
    pub(crate) orders: u32,
    /// Order that executes first.
    pub(crate) head: u32,
}

impl PricedLevel {
    const fn of(side: Side, rank: i64, level: &Level) -> Self {
        let Level { qty, head, orders, .. } = *level;
        Self { price: price_of(side, rank), qty, orders, head }
    }
}

/// The slices of the books.
pub(crate) struct BookStorage<M: Memory> {
    pub(crate) instruments: M::Of<Instrument>,
    pub(crate) ladders: M::Of<Ladder>,
    pub(crate) levels: M::Of<Level>,
    pub(crate) bits: M::Of<u64>,
    pub(crate) far_levels: M::Of<FarLevel>,
    pub(crate) orders: M::Of<RestingOrder>,
}

/// All books and the pool of their orders.
pub(crate) struct Books<M: Memory> {
    instruments: M::Of<Instrument>,
    instrument_count: usize,
    ladders: Ladders<M>,
    orders: M::Of<RestingOrder>,
    /// First free slot that was used before.
    free: u32,
    /// Slots below were used before.
    used: u32,
    /// Slots but for [`NONE`], and how many of them are not taken; one is for the order that
    /// arrives.
    slots: u32,
    spare: u32,
}

impl<M: Memory> Books<M> {
    /// Empty books for the first `instrument_count` instruments, which are sorted by number.
    pub(crate) fn new(storage: BookStorage<M>, instrument_count: usize, levels: usize) -> Self {
        let BookStorage { instruments, ladders, levels: near, bits, far_levels, mut orders } =
            storage;
        if let Some(none) = orders.as_mut().first_mut() {
            *none = RestingOrder::default();
        }
        // They have numbers of 32 bits.
        let slots = orders.as_ref().len().saturating_sub(1);
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        Self {
            instruments,
            instrument_count,
            ladders: Ladders::new(ladders, near, bits, far_levels, levels),
            orders,
            free: NONE,
            used: 1,
            slots,
            spare: slots,
        }
    }

    /// The instruments, rising by number.
    pub(crate) fn instruments(&self) -> &[Instrument] {
        certain(self.instruments.as_ref().get(..self.instrument_count), "instruments have storage")
    }

    /// Finds an instrument by its number: at once where the numbers are 1, 2, 3, ...
    #[inline]
    pub(crate) fn find_instrument(&self, instrument_id: u32) -> Option<u32> {
        if let Some((found, _)) = self.instrument_at_its_number(instrument_id) {
            return Some(found);
        }
        let all = self.instruments();
        let at = all.binary_search_by_key(&instrument_id, |each| each.instrument_id).ok()?;
        u32::try_from(at).ok()
    }

    /// The instrument with a number, if the numbers of all up to it are 1, 2, 3, ...
    #[inline(always)]
    pub(crate) fn instrument_at_its_number(
        &self,
        instrument_id: u32,
    ) -> Option<(u32, &Instrument)> {
        // Slots that no instrument has have no number.
        let guess = instrument_id.wrapping_sub(1);
        let found = self.instruments.as_ref().get(guess as usize)?;
        (found.instrument_id == instrument_id).then_some((guess, found))
    }

    #[inline]
    pub(crate) fn instrument(&self, instrument: u32) -> &Instrument {
        certain(self.instruments.as_ref().get(instrument as usize), "an instrument has a slot")
    }

    #[inline]
    pub(crate) fn instrument_mut(&mut self, instrument: u32) -> &mut Instrument {
        certain(self.instruments.as_mut().get_mut(instrument as usize), "an instrument has a slot")
    }

    #[inline]
    pub(crate) fn order(&self, slot: u32) -> &RestingOrder {
        certain(self.orders.as_ref().get(slot as usize), "an order has a slot")
    }

    #[inline]
    pub(crate) fn order_mut(&mut self, slot: u32) -> &mut RestingOrder {
        certain(self.orders.as_mut().get_mut(slot as usize), "an order has a slot")
    }

    /// Asks for an order.
    #[inline]
    pub(crate) fn prefetch(&self, slot: u32) {
        prefetch_at(self.orders.as_ref(), slot as usize);
    }

    /// Asks for the last order at a price, which one that joins comes to stand behind. Where there
    /// is none it asks for some other.
    #[inline]
    pub(crate) fn prefetch_tail(&self, instrument: u32, side: Side, price: i64) {
        let ladder = Ladders::<M>::number(instrument, side);
        self.prefetch(self.ladders.tail_at(ladder, rank(side, price)));
    }

    /// Orders that are open.
    pub(crate) const fn open(&self) -> u32 {
        self.slots.wrapping_sub(self.spare)
    }

    /// Slots below were ever taken: every open order is in one of them.
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// True if the pool has a slot for one order more that rests. Beside these are one for the
    /// order that arrives, and [`NONE`].
    #[inline]
    pub(crate) const fn has_slot(&self) -> bool {
        self.spare > 1
    }

    /// Puts an order into a free slot. It is in no queue yet.
    #[inline]
    pub(crate) fn allocate(&mut self, order: RestingOrder) -> u32 {
        let slot = self.take_slot();
        *self.order_mut(slot) = order;
        slot
    }

    /// A free slot, to be written over: what was there before is still there.
    #[inline(always)]
    pub(crate) fn take_slot(&mut self) -> u32 {
        let slot = if self.free == NONE {
            let fresh = self.used;
            self.used = next_u32(fresh);
            fresh
        } else {
            let reused = self.free;
            self.free = self.order(reused).next;
            reused
        };
        self.spare = self.spare.wrapping_sub(1);
        slot
    }

    /// Gives back the slot of an order that is in no queue.
    #[inline]
    pub(crate) fn release(&mut self, slot: u32) {
        let free = self.free;
        let order = self.order_mut(slot);
        order.side = Side::Undisclosed;
        order.next = free;
        self.free = slot;
        self.spare = self.spare.wrapping_add(1);
    }

    /// The best price of a side.
    #[inline]
    pub(crate) fn best_price(&self, instrument: u32, side: Side) -> Option<i64> {
        Some(price_of(side, self.ladders.best(Ladders::<M>::number(instrument, side))?))
    }

    /// The best level of a side.
    #[inline]
    pub(crate) fn touch(&self, instrument: u32, side: Side) -> Option<PricedLevel> {
        let (rank, level) = self.ladders.touch(Ladders::<M>::number(instrument, side))?;
        Some(PricedLevel::of(side, rank, level))
    }

    /// The levels of a side, best first.
    pub(crate) fn levels(
        &self,
        instrument: u32,
        side: Side,
    ) -> impl Iterator<Item = PricedLevel> + '_ {
        let ladder = Ladders::<M>::number(instrument, side);
        core::iter::successors(self.ladders.touch(ladder), move |(rank, _)| {
            self.ladders.worse(ladder, *rank)
        })
        .map(move |(rank, level)| PricedLevel::of(side, rank, level))
    }

    /// The levels of a side from a price on towards the best one.
    pub(crate) fn levels_up(
        &self,
        instrument: u32,
        side: Side,
        price: i64,
    ) -> impl Iterator<Item = PricedLevel> + Clone + '_ {
        let ladder = Ladders::<M>::number(instrument, side);
        let from = rank(side, price);
        let first = match self.ladders.find(ladder, from) {
            Some(level) => Some((from, level)),
            None => self.ladders.better(ladder, from),
        };
        core::iter::successors(first, move |(rank, _)| self.ladders.better(ladder, *rank))
            .map(move |(rank, level)| PricedLevel::of(side, rank, level))
    }

    /// The level at a price.
    pub(crate) fn level(&self, instrument: u32, side: Side, price: i64) -> Option<PricedLevel> {
        let rank = rank(side, price);
        let level = self.ladders.find(Ladders::<M>::number(instrument, side), rank)?;
        Some(PricedLevel::of(side, rank, level))
    }

    /// True if an order can rest at a price: its level is there, or there is room for one.
    #[inline]
    pub(crate) fn has_level(&self, instrument: u32, side: Side, price: i64) -> bool {
        self.ladders.has_room(Ladders::<M>::number(instrument, side), rank(side, price))
    }

    /// True if an order can rest wherever it likes: there is a slot for it, and on its side room
    /// for a level more.
    #[inline(always)]
    pub(crate) fn has_place(&self, instrument: u32, side: Side) -> bool {
        self.has_slot() && self.ladders.has_spare(Ladders::<M>::number(instrument, side))
    }

    /// True if an order meets one of the other side.
    #[inline(always)]
    pub(crate) fn meets(&self, instrument: u32, side: Side, price: i64) -> bool {
        self.ladders.meets(Ladders::<M>::number(instrument, side), rank(side, price))
    }

    /// Puts an order at the back of the queue at its price.
    #[inline(always)]
    pub(crate) fn enqueue(&mut self, slot: u32) {
        let RestingOrder { price, leaves_qty, instrument, side, priority, .. } = *self.order(slot);
        invariant(leaves_qty > 0, "an order that rests has a quantity");
        let (ladder, rank) = (Ladders::<M>::number(instrument, side), rank(side, price));
        let tail = self.join(ladder, rank, slot, leaves_qty);
        if self.follow(slot, tail, priority) {
            let order = self.order_mut(slot);
            (order.prev, order.next) = (tail, NONE);
        } else {
            self.step_ahead(slot, tail);
        }
    }

    /// Writes an order, which is in no queue, into its slot, and puts it at the back of the queue
    /// at its price.
    #[inline(always)]
    pub(crate) fn put(&mut self, slot: u32, order: &RestingOrder) {
        let RestingOrder { price, leaves_qty, instrument, side, .. } = *order;
        let (ladder, rank) = (Ladders::<M>::number(instrument, side), rank(side, price));
        let tail = self.join(ladder, rank, slot, leaves_qty);
        let follows = self.follow(slot, tail, order.priority);
        self.order_mut(slot).write(&RestingOrder { prev: tail, ..*order });
        if !follows {
            self.step_ahead(slot, tail);
        }
    }

    /// Counts an order in the level of a rank, as its tail; returns the one that was it before.
    #[inline(always)]
    fn join(&mut self, ladder: usize, rank: i64, slot: u32, leaves_qty: u64) -> u32 {
        let Some(level) = self.ladders.find_mut(ladder, rank) else {
            let level = Level { qty: leaves_qty, head: slot, tail: slot, orders: 1 };
            self.ladders.insert(ladder, rank, level);
            return NONE;
        };
        level.qty = more(level.qty, leaves_qty);
        // It counts slots.
        level.orders = level.orders.wrapping_add(1);
        core::mem::replace(&mut level.tail, slot)
    }

    /// Puts an order behind the tail of its queue. False if that is hidden: displayed ones go
    /// before it.
    #[inline(always)]
    fn follow(&mut self, slot: u32, tail: u32, priority: u64) -> bool {
        let ahead = self.order_mut(tail);
        invariant(ahead.priority < priority, "priority rises along a queue");
        let follows = !ahead.marks.is_hidden();
        if follows {
            ahead.next = slot;
        }
        follows
    }

    /// Puts an order that joins a queue with hidden orders at its end where it belongs: displayed
    /// ones go before them. The level has counted it, and has it for its tail.
    #[cold]
    fn step_ahead(&mut self, slot: u32, tail: u32) {
        let RestingOrder { price, instrument, side, marks, .. } = *self.order(slot);
        let (mut ahead, mut behind) = (tail, NONE);
        while !marks.is_hidden() && ahead != NONE && self.order(ahead).marks.is_hidden() {
            (ahead, behind) = (self.order(ahead).prev, ahead);
        }
        let order = self.order_mut(slot);
        (order.prev, order.next) = (ahead, behind);
        if ahead != NONE {
            self.order_mut(ahead).next = slot;
        }
        if behind == NONE {
            return;
        }
        self.order_mut(behind).prev = slot;
        let ladder = Ladders::<M>::number(instrument, side);
        let level = self.ladders.level_mut(ladder, rank(side, price));
        level.tail = tail;
        if ahead == NONE {
            level.head = slot;
        }
    }

    /// Takes an order off its queue with all that is left of it; the slot stays taken.
    #[inline(always)]
    pub(crate) fn dequeue(&mut self, slot: u32) {
        self.dequeue_of(slot, self.order(slot).leaves_qty);
    }

    /// As [`dequeue`](Self::dequeue), of an order that its level has counted with so much.
    #[inline(always)]
    pub(crate) fn dequeue_of(&mut self, slot: u32, leaves_qty: u64) {
        let RestingOrder { price, instrument, side, prev, next, .. } = *self.order(slot);
        let (ladder, rank) = (Ladders::<M>::number(instrument, side), rank(side, price));
        self.order_mut(prev).next = next;
        self.order_mut(next).prev = prev;
        let level = self.ladders.level_mut(ladder, rank);
        level.qty = less(level.qty, leaves_qty);
        level.orders = previous_u32(level.orders);
        level.head = if prev == NONE { next } else { level.head };
        level.tail = if next == NONE { prev } else { level.tail };
        let Level { orders, qty, .. } = *level;
        if orders == 0 {
            invariant(qty == 0, "a level without orders has no quantity");
            self.ladders.remove(ladder, rank);
        } else {
            invariant(qty != 0, "a level with orders has quantity");
        }
    }

    /// Asks for the orders before and behind an order, which [`dequeue`](Self::dequeue) writes to.
    #[inline]
    pub(crate) fn prefetch_neighbours(&self, order: &RestingOrder) {
        self.prefetch(order.prev);
        self.prefetch(order.next);
    }

    /// Takes quantity from an order, which keeps its place. It may end at zero: dequeue follows.
    #[inline]
    pub(crate) fn reduce(&mut self, slot: u32, qty: u64) {
        let order = self.order_mut(slot);
        order.leaves_qty = less(order.leaves_qty, qty);
        let RestingOrder { price, instrument, side, .. } = *order;
        let ladder = Ladders::<M>::number(instrument, side);
        let level = self.ladders.level_mut(ladder, rank(side, price));
        level.qty = less(level.qty, qty);
    }

    /// True if a side holds at least `qty` that an order of the other side at `limit` can reach.
    pub(crate) fn reachable(&self, instrument: u32, aggressor: Side, limit: i64, qty: u64) -> bool {
        let mut missing = qty;
        for level in self.levels(instrument, aggressor.opposite()) {
            if missing == 0 || !crosses(aggressor, limit, level.price) {
                break;
            }
            missing = missing.saturating_sub(level.qty);
        }
        missing == 0
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
