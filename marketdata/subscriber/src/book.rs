//! A book by order, as the feed tells it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use touchline_feed_codec::{
    MatchEventIndicator, Message, OrderExecute, Side, SnapshotOrder, SnapshotStart, TradingPhase,
};

use crate::Trade;

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookOrder {
    /// OrderID(37).
    pub order_id: u64,
    /// Side.
    pub side: Side,
    /// Price units.
    pub price: i64,
    /// Displayed quantity, lots.
    pub qty: u64,
    /// Sort key of the queue, rising.
    pub priority: u64,
}

/// A price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price units.
    pub price: i64,
    /// Displayed quantity of all its orders, lots.
    pub qty: u64,
    /// Its orders.
    pub order_count: u32,
}

/// A message that contradicts the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookError {
    /// The order is not in the book.
    UnknownOrder {
        /// OrderID(37).
        order_id: u64,
    },
    /// The order is in the book already.
    DuplicateOrder {
        /// OrderID(37).
        order_id: u64,
    },
    /// More is taken off an order than it has.
    QtyBelowZero {
        /// OrderID(37).
        order_id: u64,
        /// What it has, lots.
        qty: u64,
        /// What is taken off, lots.
        less: u64,
    },
    /// The order rests on the other side than the message says, or the message names no side.
    WrongSide {
        /// OrderID(37).
        order_id: u64,
        /// The side in the message.
        side: Side,
    },
    /// An order without quantity, or so much that the level's sum passes 64 bits.
    Qty {
        /// OrderID(37).
        order_id: u64,
        /// The quantity in the message.
        qty: u64,
    },
    /// A snapshot does not hold as many orders as it says.
    OrderCount {
        /// Orders that it announced.
        announced: u32,
        /// Orders that came.
        came: usize,
    },
}

impl std::fmt::Display for BookError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownOrder { order_id } => write!(out, "order {order_id} is not in the book"),
            Self::DuplicateOrder { order_id } => {
                write!(out, "order {order_id} is in the book already")
            }
            Self::QtyBelowZero { order_id, qty, less } => {
                write!(out, "order {order_id} has {qty} lots, the message takes off {less}")
            }
            Self::WrongSide { order_id, side } => {
                write!(out, "order {order_id} does not rest on side {}", side.name())
            }
            Self::Qty { order_id, qty } => write!(out, "order {order_id} cannot have {qty} lots"),
            Self::OrderCount { announced, came } => {
                write!(out, "the snapshot announced {announced} orders, {came} came")
            }
        }
    }
}

impl std::error::Error for BookError {}

/// What a message did to the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Levels that it touched.
    pub(crate) levels: [Option<(Side, i64)>; 2],
    /// The execution in it.
    pub(crate) trade: Option<Trade>,
}

impl Change {
    const fn level(side: Side, price: i64) -> Self {
        Self { levels: [Some((side, price)), None], trade: None }
    }
}

/// A level and its queue.
#[derive(Clone, Debug, Default)]
struct Queue {
    qty: u64,
    /// Priority and OrderID of each order.
    orders: BTreeSet<(u64, u64)>,
}

/// The orders of one instrument. Reading it is safe at any time; whether it is right is said by
/// [`BookState`](crate::BookState).
#[derive(Clone, Debug)]
pub struct Book {
    orders: HashMap<u64, BookOrder>,
    /// Bids and offers by price.
    sides: [BTreeMap<i64, Queue>; 2],
    phase: TradingPhase,
    last_px: Option<i64>,
    last_seq: u64,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            orders: HashMap::new(),
            sides: [BTreeMap::new(), BTreeMap::new()],
            phase: TradingPhase::None,
            last_px: None,
            last_seq: 0,
        }
    }
}

impl Book {
    /// Best bid.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.sides[0].last_key_value().map(view)
    }

    /// Best offer.
    #[must_use]
    pub fn best_offer(&self) -> Option<Level> {
        self.sides[1].first_key_value().map(view)
    }

    /// The levels of a side, best price first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let bids = (side == Side::Buy).then(|| self.sides[0].iter().rev());
        let offers = (side == Side::Sell).then(|| self.sides[1].iter());
        bids.into_iter().flatten().chain(offers.into_iter().flatten()).map(view)
    }

    /// The level of a side at a price; with zeros where there is none.
    #[must_use]
    pub fn level(&self, side: Side, price: i64) -> Level {
        let queue = index(side).and_then(|at| self.sides[at].get(&price));
        queue.map_or(Level { price, qty: 0, order_count: 0 }, |queue| view((&price, queue)))
    }

    /// The orders at a price, in the order in which they will execute.
    pub fn orders(&self, side: Side, price: i64) -> impl Iterator<Item = &BookOrder> + '_ {
        index(side)
            .and_then(|at| self.sides[at].get(&price))
            .into_iter()
            .flat_map(|queue| &queue.orders)
            .filter_map(|(_, order_id)| self.orders.get(order_id))
    }

    /// An order.
    #[must_use]
    pub fn order(&self, order_id: u64) -> Option<&BookOrder> {
        self.orders.get(&order_id)
    }

    /// Orders on both sides.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// Levels of a side.
    #[must_use]
    pub fn level_count(&self, side: Side) -> usize {
        index(side).map_or(0, |at| self.sides[at].len())
    }

    /// Phase of the instrument.
    #[must_use]
    pub const fn phase(&self) -> TradingPhase {
        self.phase
    }

    /// Price of the newest execution, price units.
    #[must_use]
    pub const fn last_px(&self) -> Option<i64> {
        self.last_px
    }

    /// The newest match event in the book.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Takes a message of the incremental channel. On an error the book may hold half of it.
    pub(crate) fn apply(&mut self, message: &Message) -> Result<Change, BookError> {
        match message {
            Message::OrderAdd(add) => {
                self.last_seq = add.seq;
                self.add(BookOrder {
                    order_id: add.order_id,
                    side: add.side,
                    price: add.price,
                    qty: add.qty,
                    priority: add.priority,
                })?;
                Ok(Change::level(add.side, add.price))
            }
            Message::OrderExecute(execute) => {
                self.last_seq = execute.seq;
                self.last_px = Some(execute.last_px);
                let mut change = self.reduce(execute.order_id, execute.side, execute.last_qty)?;
                change.trade = Some(trade_of(execute));
                Ok(change)
            }
            Message::OrderCancel(cancel) => {
                self.last_seq = cancel.seq;
                self.reduce(cancel.order_id, cancel.side, cancel.canceled_qty)
            }
            Message::OrderDelete(delete) => {
                self.last_seq = delete.seq;
                let order = self.remove(delete.order_id, delete.side)?;
                Ok(Change::level(order.side, order.price))
            }
            Message::OrderReplace(replace) => {
                self.last_seq = replace.seq;
                let old = self.remove(replace.order_id, replace.side)?;
                let new = BookOrder {
                    price: replace.price,
                    qty: replace.qty,
                    priority: replace.priority,
                    ..old
                };
                self.add(new)?;
                let moved = Some((new.side, new.price)).filter(|_| new.price != old.price);
                Ok(Change { levels: [Some((old.side, old.price)), moved], trade: None })
            }
            Message::SecurityStatus(status) => {
                self.last_seq = status.seq;
                self.phase = status.phase;
                Ok(Change::default())
            }
            Message::Uncross(uncross) => {
                self.last_seq = uncross.seq;
                self.last_px = Some(uncross.last_px);
                Ok(Change::default())
            }
            // The other channels' messages do not change a book.
            _ => Ok(Change::default()),
        }
    }

    /// Becomes what a snapshot says.
    pub(crate) fn load(
        &mut self,
        start: &SnapshotStart,
        orders: &[SnapshotOrder],
    ) -> Result<(), BookError> {
        *self = Self::default();
        if usize::try_from(start.order_count) != Ok(orders.len()) {
            let (announced, came) = (start.order_count, orders.len());
            return Err(BookError::OrderCount { announced, came });
        }
        self.phase = start.phase;
        self.last_px = Some(start.last_px).filter(|price| *price != i64::MIN);
        self.last_seq = start.last_seq;
        orders.iter().try_for_each(|order| {
            self.add(BookOrder {
                order_id: order.order_id,
                side: order.side,
                price: order.price,
                qty: order.qty,
                priority: order.priority,
            })
        })
    }

    fn add(&mut self, order: BookOrder) -> Result<(), BookError> {
        let BookOrder { order_id, side, price, qty, priority } = order;
        let at = index(side).ok_or(BookError::WrongSide { order_id, side })?;
        if self.orders.contains_key(&order_id) {
            return Err(BookError::DuplicateOrder { order_id });
        }
        let level_qty = self.sides[at].get(&price).map_or(0, |queue| queue.qty);
        let sum = level_qty.checked_add(qty).filter(|_| qty > 0);
        let sum = sum.ok_or(BookError::Qty { order_id, qty })?;
        let queue = self.sides[at].entry(price).or_default();
        queue.qty = sum;
        queue.orders.insert((priority, order_id));
        self.orders.insert(order_id, order);
        Ok(())
    }

    /// Takes `less` lots off an order; at 0 it is gone.
    fn reduce(&mut self, order_id: u64, side: Side, less: u64) -> Result<Change, BookError> {
        let order = self.orders.get_mut(&order_id).ok_or(BookError::UnknownOrder { order_id })?;
        if order.side != side {
            return Err(BookError::WrongSide { order_id, side });
        }
        let qty = order.qty;
        let left = qty.checked_sub(less).ok_or(BookError::QtyBelowZero { order_id, qty, less })?;
        let price = order.price;
        if left == 0 {
            self.remove(order_id, side)?;
        } else {
            order.qty = left;
            if let Some(queue) = index(side).and_then(|at| self.sides[at].get_mut(&price)) {
                queue.qty -= less;
            }
        }
        Ok(Change::level(side, price))
    }

    fn remove(&mut self, order_id: u64, side: Side) -> Result<BookOrder, BookError> {
        let order = *self.orders.get(&order_id).ok_or(BookError::UnknownOrder { order_id })?;
        let at = index(side).filter(|_| order.side == side);
        let at = at.ok_or(BookError::WrongSide { order_id, side })?;
        self.orders.remove(&order_id);
        if let Entry::Occupied(mut level) = self.sides[at].entry(order.price) {
            let queue = level.get_mut();
            queue.qty -= order.qty;
            queue.orders.remove(&(order.priority, order_id));
            if queue.orders.is_empty() {
                level.remove();
            }
        }
        Ok(order)
    }
}

const fn index(side: Side) -> Option<usize> {
    match side {
        Side::Buy => Some(0),
        Side::Sell => Some(1),
        Side::Undisclosed => None,
    }
}

fn view((price, queue): (&i64, &Queue)) -> Level {
    Level {
        price: *price,
        qty: queue.qty,
        order_count: u32::try_from(queue.orders.len()).unwrap_or(u32::MAX),
    }
}

fn trade_of(execute: &OrderExecute) -> Trade {
    Trade {
        seq: execute.seq,
        order_id: execute.order_id,
        last_px: execute.last_px,
        last_qty: execute.last_qty,
        trd_match_id: execute.trd_match_id,
        side: execute.side,
        aggressor_side: execute.aggressor_side,
        uncross: execute.indicator.contains(MatchEventIndicator::UNCROSS),
        printable: execute.indicator.contains(MatchEventIndicator::PRINTABLE),
    }
}
