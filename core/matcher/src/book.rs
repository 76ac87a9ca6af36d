//! The books: for each instrument and side a ladder of levels, for each level a queue of orders.
//!
//! A ladder is a sorted array with its best level at the tail, where most changes are. A queue is
//! a list through the order pool in the order of priority: an order joins at the back and keeps
//! its place until it leaves. A price has a level exactly while orders rest there.

use touchline_types::{Side, TradingPhase};

use crate::invariant::{certain, invariant, less, more, next_u32, previous_u32};
use crate::storage::Memory;

/// No order: the end of a queue or of the free list.
pub(crate) const NONE: u32 = u32::MAX;

/// What the configuration says of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentLimits {
    /// Number of the instrument, from 1.
    pub instrument_id: u32,
    /// Lowest price of an order, price units.
    pub min_price: i64,
    /// Highest price of an order, price units.
    pub max_price: i64,
    /// Largest quantity of an order, lots. The matcher lowers it where quantity times the widest
    /// price, or all orders together, would not fit 63 bits.
    pub max_order_qty: u64,
    /// Phase before the first ChangePhase.
    pub initial_phase: TradingPhase,
}

/// An instrument: its limits, its phase, and how many levels each ladder has.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    pub(crate) instrument_id: u32,
    pub(crate) min_price: i64,
    pub(crate) max_price: i64,
    /// At most `i64::MAX / max(widest price, orders in the pool)`: so the value of an order, and
    /// the sum of all quantities of a book, fit 63 bits.
    pub(crate) qty_max: u64,
    pub(crate) phase: TradingPhase,
    pub(crate) last_px: Option<i64>,
    bid_levels: u32,
    offer_levels: u32,
}

impl Default for Instrument {
    fn default() -> Self {
        Self {
            instrument_id: 0,
            min_price: 0,
            max_price: 0,
            qty_max: 0,
            phase: TradingPhase::None,
            last_px: None,
            bid_levels: 0,
            offer_levels: 0,
        }
    }
}

impl Instrument {
    /// An instrument with an empty book, in a pool of `orders`.
    pub(crate) fn new(limits: &InstrumentLimits, orders: usize) -> Self {
        let widest = limits.min_price.unsigned_abs().max(limits.max_price.unsigned_abs());
        let bound = widest.max(orders as u64).max(1);
        Self {
            instrument_id: limits.instrument_id,
            min_price: limits.min_price,
            max_price: limits.max_price,
            qty_max: limits
                .max_order_qty
                .min(i64::MAX.unsigned_abs().checked_div(bound).unwrap_or(0)),
            phase: limits.initial_phase,
            last_px: None,
            bid_levels: 0,
            offer_levels: 0,
        }
    }

    const fn level_count(&self, side: Side) -> u32 {
        match side {
            Side::Sell => self.offer_levels,
            Side::Buy | Side::Undisclosed => self.bid_levels,
        }
    }

    const fn level_count_mut(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Sell => &mut self.offer_levels,
            Side::Buy | Side::Undisclosed => &mut self.bid_levels,
        }
    }
}

/// A price with its queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    pub(crate) price: i64,
    /// Sum of the leaves_qty of the queue.
    pub(crate) qty: u64,
    /// Order that executes first.
    pub(crate) head: u32,
    tail: u32,
    pub(crate) orders: u32,
}

/// An open order, as far as matching reads it. The rest is in its `OrderRecord`.
#[derive(Clone, Copy, Debug)]
pub struct RestingOrder {
    pub(crate) price: i64,
    pub(crate) leaves_qty: u64,
    pub(crate) priority: u64,
    /// Its part of the state hash.
    pub(crate) mix: u64,
    /// Index of its record.
    pub(crate) record: u32,
    /// Index of its instrument.
    pub(crate) instrument: u32,
    prev: u32,
    /// Next in the queue, or in the free list.
    next: u32,
    pub(crate) side: Side,
}

impl Default for RestingOrder {
    fn default() -> Self {
        Self {
            price: 0,
            leaves_qty: 0,
            priority: 0,
            mix: 0,
            record: NONE,
            instrument: 0,
            prev: NONE,
            next: NONE,
            side: Side::Undisclosed,
        }
    }
}

impl RestingOrder {
    /// An order that is in no queue yet.
    pub(crate) fn new(
        instrument: u32,
        side: Side,
        price: i64,
        leaves_qty: u64,
        record: u32,
    ) -> Self {
        Self { price, leaves_qty, record, instrument, side, ..Self::default() }
    }

    /// The order behind this one at its price.
    pub(crate) const fn behind(&self) -> u32 {
        self.next
    }
}

/// Rises from the worst price of a side to its best.
#[inline]
const fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Sell => !price,
        Side::Buy | Side::Undisclosed => price,
    }
}

/// True if an order of `side` at `limit` can execute against a resting order at `price`.
#[inline]
pub(crate) const fn crosses(side: Side, limit: i64, price: i64) -> bool {
    rank(side, limit) >= rank(side, price)
}

/// All books and the pool of their orders.
pub(crate) struct Books<M: Memory> {
    instruments: M::Of<Instrument>,
    instrument_count: usize,
    levels: M::Of<Level>,
    levels_per_side: usize,
    orders: M::Of<RestingOrder>,
    /// First free slot that was used before.
    free: u32,
    /// Slots below were used before.
    used: u32,
    open: u32,
}

impl<M: Memory> Books<M> {
    /// Empty books for the first `instrument_count` instruments, which are sorted by number.
    pub(crate) fn new(
        instruments: M::Of<Instrument>,
        instrument_count: usize,
        levels: M::Of<Level>,
        levels_per_side: usize,
        orders: M::Of<RestingOrder>,
    ) -> Self {
        Self {
            instruments,
            instrument_count,
            levels,
            levels_per_side,
            orders,
            free: NONE,
            used: 0,
            open: 0,
        }
    }

    /// The instruments, rising by number.
    pub(crate) fn instruments(&self) -> &[Instrument] {
        certain(self.instruments.as_ref().get(..self.instrument_count), "instruments have storage")
    }

    /// Finds an instrument by its number: at once where the numbers are 1, 2, 3, ...
    pub(crate) fn find_instrument(&self, instrument_id: u32) -> Option<u32> {
        let all = self.instruments();
        let guess = instrument_id.wrapping_sub(1);
        if all.get(guess as usize).is_some_and(|found| found.instrument_id == instrument_id) {
            return Some(guess);
        }
        let at = all.binary_search_by_key(&instrument_id, |each| each.instrument_id).ok()?;
        u32::try_from(at).ok()
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

    /// Orders that are open.
    pub(crate) const fn open(&self) -> u32 {
        self.open
    }

    /// Slots that were ever taken: every open order is in one of them.
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// True if the pool has a slot for one order more.
    pub(crate) fn has_slot(&self) -> bool {
        (self.open as usize) < self.orders.as_ref().len()
    }

    /// Puts an order into a free slot. It is in no queue yet.
    pub(crate) fn allocate(&mut self, order: RestingOrder) -> u32 {
        let slot = if self.free == NONE {
            let fresh = self.used;
            self.used = next_u32(fresh);
            fresh
        } else {
            let reused = self.free;
            self.free = self.order(reused).next;
            reused
        };
        *self.order_mut(slot) = order;
        self.open = next_u32(self.open);
        slot
    }

    /// Gives back the slot of an order that is in no queue.
    pub(crate) fn release(&mut self, slot: u32) {
        let free = self.free;
        *self.order_mut(slot) = RestingOrder { next: free, ..RestingOrder::default() };
        self.free = slot;
        self.open = previous_u32(self.open);
    }

    #[inline]
    fn ladder_start(&self, instrument: u32, side: Side) -> usize {
        let ladder = (instrument as usize)
            .wrapping_mul(2)
            .wrapping_add(usize::from(matches!(side, Side::Sell)));
        ladder.wrapping_mul(self.levels_per_side)
    }

    /// The levels of a side, worst first: the touch is the last one.
    #[inline]
    pub(crate) fn ladder(&self, instrument: u32, side: Side) -> &[Level] {
        let start = self.ladder_start(instrument, side);
        let len = self.instrument(instrument).level_count(side) as usize;
        certain(
            self.levels.as_ref().get(start..start.wrapping_add(len)),
            "a ladder lies in its storage",
        )
    }

    #[inline]
    fn ladder_mut(&mut self, instrument: u32, side: Side) -> &mut [Level] {
        let start = self.ladder_start(instrument, side);
        let len = self.instrument(instrument).level_count(side) as usize;
        certain(
            self.levels.as_mut().get_mut(start..start.wrapping_add(len)),
            "a ladder lies in its storage",
        )
    }

    /// The best level of a side.
    #[inline]
    pub(crate) fn touch(&self, instrument: u32, side: Side) -> Option<&Level> {
        self.ladder(instrument, side).last()
    }

    /// Place of a price in its ladder, or the place where it belongs.
    #[inline]
    fn find_level(&self, instrument: u32, side: Side, price: i64) -> Result<usize, usize> {
        let ladder = self.ladder(instrument, side);
        match ladder.split_last() {
            Some((last, rest)) if last.price == price => return Ok(rest.len()),
            _ => {}
        }
        let wanted = rank(side, price);
        ladder.binary_search_by(|level| rank(side, level.price).cmp(&wanted))
    }

    /// The level at a price.
    pub(crate) fn level(&self, instrument: u32, side: Side, price: i64) -> Option<&Level> {
        let at = self.find_level(instrument, side, price).ok()?;
        self.ladder(instrument, side).get(at)
    }

    /// True if an order can rest at a price: its level is there, or there is room for one.
    pub(crate) fn has_level(&self, instrument: u32, side: Side, price: i64) -> bool {
        self.ladder(instrument, side).len() < self.levels_per_side
            || self.find_level(instrument, side, price).is_ok()
    }

    #[inline]
    fn level_mut(&mut self, instrument: u32, side: Side, at: usize) -> &mut Level {
        certain(self.ladder_mut(instrument, side).get_mut(at), "a level is in its ladder")
    }

    /// Puts an order at the back of the queue at its price.
    pub(crate) fn enqueue(&mut self, slot: u32) {
        let RestingOrder { price, leaves_qty, instrument, side, .. } = *self.order(slot);
        invariant(leaves_qty > 0, "an order that rests has a quantity");
        let tail = match self.find_level(instrument, side, price) {
            Ok(at) => {
                let level = self.level_mut(instrument, side, at);
                let tail = level.tail;
                level.tail = slot;
                level.qty = more(level.qty, leaves_qty);
                level.orders = next_u32(level.orders);
                tail
            }
            Err(at) => {
                let level = Level { price, qty: leaves_qty, head: slot, tail: slot, orders: 1 };
                self.insert_level(instrument, side, at, level);
                NONE
            }
        };
        if tail != NONE {
            let ahead = self.order_mut(tail);
            ahead.next = slot;
            let ahead_priority = ahead.priority;
            invariant(ahead_priority < self.order(slot).priority, "priority rises along a queue");
        }
        let order = self.order_mut(slot);
        order.prev = tail;
        order.next = NONE;
    }

    /// Takes an order off its queue with all that is left of it; the slot stays taken.
    pub(crate) fn dequeue(&mut self, slot: u32) {
        let RestingOrder { price, leaves_qty, instrument, side, prev, next, .. } =
            *self.order(slot);
        let Ok(at) = self.find_level(instrument, side, price) else {
            crate::invariant::broken("a resting order has a level")
        };
        if prev != NONE {
            self.order_mut(prev).next = next;
        }
        if next != NONE {
            self.order_mut(next).prev = prev;
        }
        let level = self.level_mut(instrument, side, at);
        level.qty = less(level.qty, leaves_qty);
        level.orders = previous_u32(level.orders);
        if prev == NONE {
            level.head = next;
        }
        if next == NONE {
            level.tail = prev;
        }
        let Level { orders, qty, .. } = *level;
        invariant((orders == 0) == (qty == 0), "a level has quantity while it has orders");
        if orders == 0 {
            self.remove_level(instrument, side, at);
        }
    }

    /// Takes quantity from an order, which keeps its place. It may end at zero: dequeue follows.
    pub(crate) fn reduce(&mut self, slot: u32, qty: u64) {
        let order = self.order_mut(slot);
        order.leaves_qty = less(order.leaves_qty, qty);
        let RestingOrder { price, instrument, side, .. } = *order;
        let Ok(at) = self.find_level(instrument, side, price) else {
            crate::invariant::broken("a resting order has a level")
        };
        let level = self.level_mut(instrument, side, at);
        level.qty = less(level.qty, qty);
    }

    /// True if a side holds at least `qty` that an order of the other side at `limit` can reach.
    pub(crate) fn reachable(&self, instrument: u32, aggressor: Side, limit: i64, qty: u64) -> bool {
        let mut missing = qty;
        for level in self.ladder(instrument, aggressor.opposite()).iter().rev() {
            if missing == 0 || !crosses(aggressor, limit, level.price) {
                break;
            }
            missing = missing.saturating_sub(level.qty);
        }
        missing == 0
    }

    fn insert_level(&mut self, instrument: u32, side: Side, at: usize, level: Level) {
        let len = self.ladder(instrument, side).len();
        invariant(len < self.levels_per_side, "the entry check kept room for a level");
        let count = self.instrument_mut(instrument).level_count_mut(side);
        *count = next_u32(*count);
        let ladder = self.ladder_mut(instrument, side);
        ladder.copy_within(at..len, at.wrapping_add(1));
        *certain(ladder.get_mut(at), "a level is in its ladder") = level;
    }

    fn remove_level(&mut self, instrument: u32, side: Side, at: usize) {
        let ladder = self.ladder_mut(instrument, side);
        ladder.copy_within(at.wrapping_add(1).., at);
        let count = self.instrument_mut(instrument).level_count_mut(side);
        *count = previous_u32(*count);
    }
}
