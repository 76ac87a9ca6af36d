//! The by-order book that a recording describes: slow, obvious, built straight from its records.
//! It is the reference that every other book of a replay is compared with.
//!
//! `BookComparison` makes the comparison exact over all levels and yet cheap at every event end:
//! two books that were equal everywhere can only differ where one of them was touched since.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::record::{Action, Event, Record, Side};

/// One price of one side: what stands there. A level that is not there is all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Sum of the orders' quantities, lots.
    pub qty: u64,
    /// Number of orders.
    pub order_count: u64,
}

/// A book that can be asked for a level.
pub trait Levels {
    /// What stands at `price` (ticks) on `side`; all zero if nothing does.
    fn level(&self, side: Side, price: i64) -> Level;
}

/// An order as the recording says it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOrder {
    /// Its side.
    pub side: Side,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub leaves_qty: u64,
}

/// A record that contradicts the book before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileBookError {
    /// An add of an order that stands already.
    Doubled(u64),
    /// A cancel or modify of an order that does not stand.
    Unknown(u64),
    /// A cancel of another quantity than stands.
    PartialCancel {
        /// The order.
        flow_order_id: u64,
        /// What stands, lots.
        leaves_qty: u64,
        /// What the record cancels, lots.
        canceled_qty: u64,
    },
    /// An add or modify to a quantity of nothing.
    Empty(u64),
    /// A modify which changes the side.
    Side(u64),
}

impl fmt::Display for FileBookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Doubled(id) => write!(f, "add of order {id}, which stands already"),
            Self::Unknown(id) => write!(f, "change of order {id}, which does not stand"),
            Self::PartialCancel { flow_order_id, leaves_qty, canceled_qty } => {
                write!(f, "cancel of {canceled_qty} of order {flow_order_id} with {leaves_qty}")
            }
            Self::Empty(id) => write!(f, "order {id} with a quantity of 0"),
            Self::Side(id) => write!(f, "modify of order {id} changes its side"),
        }
    }
}

impl std::error::Error for FileBookError {}

/// The book of one recording.
#[derive(Clone, Debug, Default)]
pub struct FileBook {
    orders: HashMap<u64, FileOrder>,
    bids: BTreeMap<i64, Level>,
    offers: BTreeMap<i64, Level>,
    touched: Vec<(Side, i64)>,
}

impl FileBook {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies all records of `event`.
    ///
    /// # Errors
    /// A record contradicts the book; the records before it are applied.
    pub fn apply(&mut self, event: &Event) -> Result<(), FileBookError> {
        event.records.iter().try_for_each(|record| self.apply_record(record))
    }

    /// Applies one record.
    ///
    /// # Errors
    /// The record contradicts the book, which is unchanged then.
    pub fn apply_record(&mut self, record: &Record) -> Result<(), FileBookError> {
        let id = record.flow_order_id;
        let stands = self.orders.get(&id).copied();
        match (record.action, stands, record.side) {
            (Action::Trade | Action::Fill, _, _) => {}
            (Action::Clear, _, _) => self.clear(),
            (Action::Add, Some(_), _) => return Err(FileBookError::Doubled(id)),
            (Action::Add | Action::Modify, _, _) if record.qty == 0 => {
                return Err(FileBookError::Empty(id));
            }
            (Action::Add, None, Some(side)) => {
                let (price, leaves_qty) = (record.price, record.qty);
                self.insert(id, FileOrder { side, price, leaves_qty });
            }
            (Action::Cancel, Some(order), _) => {
                if order.leaves_qty != record.qty {
                    return Err(FileBookError::PartialCancel {
                        flow_order_id: id,
                        leaves_qty: order.leaves_qty,
                        canceled_qty: record.qty,
                    });
                }
                self.remove(id);
            }
            (Action::Modify, Some(order), side) => {
                if side != Some(order.side) {
                    return Err(FileBookError::Side(id));
                }
                self.remove(id);
                let (price, leaves_qty) = (record.price, record.qty);
                self.insert(id, FileOrder { side: order.side, price, leaves_qty });
            }
            (Action::Cancel | Action::Modify, None, _) | (Action::Add, None, None) => {
                return Err(FileBookError::Unknown(id));
            }
        }
        Ok(())
    }

    /// The order `flow_order_id`, if it stands.
    #[must_use]
    pub fn order(&self, flow_order_id: u64) -> Option<FileOrder> {
        self.orders.get(&flow_order_id).copied()
    }

    /// Ids of all orders that stand, ascending. Sorts: not for every event.
    #[must_use]
    pub fn order_ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.orders.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// How many orders stand.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// The best price of `side`, ticks.
    #[must_use]
    pub fn touch(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.offers.keys().next().copied(),
        }
    }

    /// Whether the best bid is at or above the best offer.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.touch(Side::Buy), self.touch(Side::Sell)) {
            (Some(bid), Some(offer)) => bid >= offer,
            _ => false,
        }
    }

    /// All levels, bids first, each side by rising price.
    pub fn levels(&self) -> impl Iterator<Item = (Side, i64, Level)> + '_ {
        let bids = self.bids.iter().map(|(price, level)| (Side::Buy, *price, *level));
        bids.chain(self.offers.iter().map(|(price, level)| (Side::Sell, *price, *level)))
    }

    /// The levels touched since the last call, with repetitions, in order.
    pub fn take_touched(&mut self) -> Vec<(Side, i64)> {
        std::mem::take(&mut self.touched)
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }

    fn insert(&mut self, id: u64, order: FileOrder) {
        self.orders.insert(id, order);
        let level = self.side_mut(order.side).entry(order.price).or_default();
        level.qty += order.leaves_qty;
        level.order_count += 1;
        self.touched.push((order.side, order.price));
    }

    fn remove(&mut self, id: u64) {
        let Some(order) = self.orders.remove(&id) else { return };
        let levels = self.side_mut(order.side);
        if let Some(level) = levels.get_mut(&order.price) {
            level.qty -= order.leaves_qty;
            level.order_count -= 1;
            if level.order_count == 0 {
                levels.remove(&order.price);
            }
        }
        self.touched.push((order.side, order.price));
    }

    fn clear(&mut self) {
        self.touched.extend(self.bids.keys().map(|price| (Side::Buy, *price)));
        self.touched.extend(self.offers.keys().map(|price| (Side::Sell, *price)));
        self.orders.clear();
        self.bids.clear();
        self.offers.clear();
    }
}

impl Levels for FileBook {
    fn level(&self, side: Side, price: i64) -> Level {
        match side {
            Side::Buy => self.bids.get(&price),
            Side::Sell => self.offers.get(&price),
        }
        .copied()
        .unwrap_or_default()
    }
}

/// Keeps the set of levels in which two books differ. Exact over all levels as long as every
/// level that either book changes is handed to [`BookComparison::touch`].
#[derive(Clone, Debug, Default)]
pub struct BookComparison {
    touched: Vec<(Side, i64)>,
    differing: BTreeSet<(Side, i64)>,
}

impl BookComparison {
    /// For two books that are equal, e.g. both empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that one of the books changed at `price` (ticks) on `side`.
    pub fn touch(&mut self, side: Side, price: i64) {
        self.touched.push((side, price));
    }

    /// Looks again at every touched level. Returns whether the books are equal in all levels.
    pub fn is_equal(&mut self, a: &impl Levels, b: &impl Levels) -> bool {
        for (side, price) in self.touched.drain(..) {
            if a.level(side, price) == b.level(side, price) {
                self.differing.remove(&(side, price));
            } else {
                self.differing.insert((side, price));
            }
        }
        self.differing.is_empty()
    }

    /// The levels that differed at the last [`BookComparison::is_equal`].
    pub fn differing(&self) -> impl Iterator<Item = (Side, i64)> + '_ {
        self.differing.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::sample::{add, cancel, modify, regular};

    #[test]
    fn a_level_sums_its_orders_and_vanishes_with_the_last() {
        let mut book = FileBook::new();
        book.apply(&regular(
            0,
            5,
            vec![add(1, Side::Buy, 100, 3), add(2, Side::Buy, 100, 4), add(3, Side::Sell, 101, 1)],
        ))
        .unwrap();
        assert_eq!(book.level(Side::Buy, 100), Level { qty: 7, order_count: 2 });
        assert!(!book.is_crossed());
        book.apply(&regular(
            1,
            6,
            vec![cancel(1, Side::Buy, 100, 3), modify(2, Side::Buy, 101, 2)],
        ))
        .unwrap();
        assert_eq!(book.level(Side::Buy, 100), Level::default());
        assert!(book.is_crossed());
        assert_eq!(book.levels().count(), 2);
    }

    #[test]
    fn a_record_that_contradicts_the_book_is_refused_by_name() {
        let mut book = FileBook::new();
        book.apply_record(&add(1, Side::Buy, 100, 3)).unwrap();
        let refused = |book: &mut FileBook, record| book.apply_record(&record).unwrap_err();
        assert_eq!(refused(&mut book, add(1, Side::Buy, 100, 3)), FileBookError::Doubled(1));
        assert_eq!(refused(&mut book, cancel(2, Side::Buy, 100, 3)), FileBookError::Unknown(2));
        assert_eq!(refused(&mut book, modify(2, Side::Buy, 100, 3)), FileBookError::Unknown(2));
        assert_eq!(refused(&mut book, modify(1, Side::Sell, 100, 3)), FileBookError::Side(1));
        assert_eq!(refused(&mut book, add(2, Side::Buy, 100, 0)), FileBookError::Empty(2));
        assert_eq!(
            refused(&mut book, cancel(1, Side::Buy, 100, 2)),
            FileBookError::PartialCancel { flow_order_id: 1, leaves_qty: 3, canceled_qty: 2 }
        );
        assert_eq!(book.order_count(), 1);
    }

    #[test]
    fn a_difference_stays_known_until_the_level_is_equal_again() {
        let (mut a, mut b, mut comparison) =
            (FileBook::new(), FileBook::new(), BookComparison::new());
        a.apply_record(&add(1, Side::Buy, 100, 3)).unwrap();
        a.take_touched().into_iter().for_each(|(side, price)| comparison.touch(side, price));
        assert!(!comparison.is_equal(&a, &b));
        assert!(!comparison.is_equal(&a, &b));
        assert_eq!(comparison.differing().collect::<Vec<_>>(), [(Side::Buy, 100)]);
        b.apply_record(&add(9, Side::Buy, 100, 3)).unwrap();
        b.take_touched().into_iter().for_each(|(side, price)| comparison.touch(side, price));
        assert!(comparison.is_equal(&a, &b));
    }
}
