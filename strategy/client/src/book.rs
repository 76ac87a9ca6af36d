//! The book of an instrument, by order: small, and quick near the touch, where most changes are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use touchline_types::{PublicKind, PublicRecord, Side, TradingPhase};

/// A price level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Price units.
    pub price: i64,
    /// Lots of all its orders.
    pub qty: u64,
    /// Its orders.
    pub order_count: u32,
}

/// A resting order.
#[derive(Clone, Copy, Debug)]
struct Order {
    price: i64,
    qty: u64,
    /// The snapshot told it as it was after this command; 0: the ring has told it from the start.
    told_at: u64,
    side: Side,
}

/// OrderIDs are counted from 1 by the venue: spreading their bits is enough.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A map by a number of the venue.
pub(crate) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// A record contradicts the book: something was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction;

/// An order of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) order_id: u64,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) qty: u64,
    /// It was so after this command.
    pub(crate) seq: u64,
}

/// The resting orders of one instrument.
#[derive(Debug)]
pub(crate) struct Book {
    orders: ById<Order>,
    /// Bids, then offers; the best level of each is its last.
    sides: [Vec<Level>; 2],
    pub(crate) phase: TradingPhase,
    pub(crate) last_px: i64,
    /// Phase and price were told as they were after this command.
    pub(crate) told_at: u64,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            orders: ById::default(),
            sides: [Vec::new(), Vec::new()],
            phase: TradingPhase::None,
            last_px: i64::MIN,
            told_at: 0,
        }
    }

    /// Forgets every order.
    pub(crate) fn clear(&mut self) {
        self.orders.clear();
        self.sides.iter_mut().for_each(Vec::clear);
    }

    /// The best level of a side.
    #[inline]
    pub(crate) fn touch(&self, side: Side) -> Option<Level> {
        self.sides[at(side)].last().copied()
    }

    /// The levels of a side, best first.
    pub(crate) fn levels(&self, side: Side) -> impl Iterator<Item = &Level> {
        self.sides[at(side)].iter().rev()
    }

    /// Takes an order of a snapshot in place of what is known of it.
    pub(crate) fn tell(&mut self, told: &Told) -> Result<(), Contradiction> {
        if let Some(known) = self.orders.remove(&told.order_id) {
            self.less(known.side, known.price, known.qty, true)?;
        }
        self.insert(told.order_id, told.side, told.price, told.qty, told.seq)
    }

    /// Takes a record of the public ring. `partial`: a snapshot is on its way, and orders that it
    /// has not told are no contradiction. False if the record was known already.
    #[inline]
    pub(crate) fn apply(
        &mut self,
        record: &PublicRecord,
        partial: bool,
    ) -> Result<bool, Contradiction> {
        match record.kind {
            PublicKind::Phase => {
                if record.seq > self.told_at {
                    self.phase = record.phase;
                }
                return Ok(true);
            }
            PublicKind::Uncross => {
                self.print(record);
                return Ok(true);
            }
            _ => {}
        }
        if record.kind == PublicKind::Execute {
            self.print(record);
        }
        let known = self.orders.get(&record.order_id).copied();
        if known.is_some_and(|order| record.seq <= order.told_at) {
            return Ok(false);
        }
        match (record.kind, known) {
            (PublicKind::Add, None) => {
                self.insert(record.order_id, record.side, record.price, record.qty, 0)?;
            }
            (PublicKind::Execute | PublicKind::Cancel, Some(order)) => {
                self.reduce(record.order_id, order, record.qty)?;
            }
            (PublicKind::Delete, Some(order)) => {
                self.orders.remove(&record.order_id);
                self.less(order.side, order.price, order.qty, true)?;
            }
            (PublicKind::Replace, Some(order)) => {
                self.orders.remove(&record.order_id);
                self.less(order.side, order.price, order.qty, true)?;
                let (side, told_at) = (order.side, order.told_at);
                self.insert(record.order_id, side, record.price, record.qty, told_at)?;
            }
            // It moved behind the walk of the snapshot, which will not tell it again.
            (PublicKind::Replace, None) if partial => {
                self.insert(record.order_id, record.side, record.price, record.qty, 0)?;
            }
            // It had gone before the walk came to it.
            (_, None) if partial => return Ok(false),
            _ => return Err(Contradiction),
        }
        Ok(true)
    }

    fn print(&mut self, record: &PublicRecord) {
        if record.seq > self.told_at {
            self.last_px = record.price;
        }
    }

    fn insert(
        &mut self,
        order_id: u64,
        side: Side,
        price: i64,
        qty: u64,
        told_at: u64,
    ) -> Result<(), Contradiction> {
        if qty == 0 || side == Side::Undisclosed {
            return Err(Contradiction);
        }
        self.orders.insert(order_id, Order { price, qty, told_at, side });
        let levels = &mut self.sides[at(side)];
        let place = place(levels, side, price);
        match levels.get_mut(place).filter(|level| level.price == price) {
            Some(level) => {
                level.qty = level.qty.checked_add(qty).ok_or(Contradiction)?;
                level.order_count += 1;
            }
            None => levels.insert(place, Level { price, qty, order_count: 1 }),
        }
        Ok(())
    }

    fn reduce(&mut self, order_id: u64, order: Order, less: u64) -> Result<(), Contradiction> {
        let left = order.qty.checked_sub(less).ok_or(Contradiction)?;
        if left == 0 {
            self.orders.remove(&order_id);
        } else if let Some(known) = self.orders.get_mut(&order_id) {
            known.qty = left;
        }
        self.less(order.side, order.price, less, left == 0)
    }

    /// Takes lots off a level, and an order where it is gone.
    fn less(&mut self, side: Side, price: i64, qty: u64, gone: bool) -> Result<(), Contradiction> {
        let levels = &mut self.sides[at(side)];
        let place = place(levels, side, price);
        let level = levels.get_mut(place).filter(|level| level.price == price);
        let level = level.ok_or(Contradiction)?;
        level.qty = level.qty.checked_sub(qty).ok_or(Contradiction)?;
        level.order_count = level.order_count.checked_sub(u32::from(gone)).ok_or(Contradiction)?;
        if level.order_count == 0 {
            levels.remove(place);
        }
        Ok(())
    }
}

const fn at(side: Side) -> usize {
    matches!(side, Side::Sell) as usize
}

/// Where the level of a price is, or would be; worse levels come before it.
#[inline]
fn place(levels: &[Level], side: Side, price: i64) -> usize {
    let worse = |level: &Level| match side {
        Side::Sell => level.price > price,
        Side::Buy | Side::Undisclosed => level.price < price,
    };
    match levels {
        [.., last] if worse(last) => levels.len(),
        _ => levels.partition_point(worse),
    }
}
