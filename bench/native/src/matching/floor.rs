//! The floor: the least work that this flow allows a price-time book.
//!
//! It knows that orders are numbered from 1 without holes and that every price is below 2^18, and
//! believes all it is told: no names, no checks, no owners, no reports. A queue is a ring of
//! nodes, closed by a node that stands for its level, so an order leaves it without a look at the
//! level; which levels hold orders is known from bits in three heights. Offers lie mirrored, so
//! that the touch of either side is its highest level.

use super::replay::Book;
use super::workload::{Action, End, FillSink, IDS, PRICES};

/// Orders, then the levels of the bids, then those of the offers.
const NODES: usize = 1 << 22;
const MIRROR: u32 = PRICES as u32 - 1;

const _: () = assert!(IDS + 2 * PRICES <= NODES && PRICES == 64 * 64 * 64);

/// An order in its queue, or the end of a queue.
#[derive(Clone, Copy, Debug)]
struct Node {
    before: u32,
    after: u32,
    qty: u32,
    /// Node of the level; its low 18 bits are the height of the level on its side.
    level: u32,
}

/// Which levels of a side hold orders.
#[derive(Debug)]
struct Heights {
    low: Box<[u64; PRICES / 64]>,
    middle: [u64; 64],
    high: u64,
    /// The highest; 0 where the side is empty.
    touch: u32,
}

/// The book.
#[derive(Debug)]
pub(crate) struct Floor {
    nodes: Box<[Node; NODES]>,
    sides: [Heights; 2],
}

impl Heights {
    fn new() -> Self {
        Self { low: boxed(0), middle: [0; 64], high: 0, touch: 0 }
    }

    #[inline(always)]
    fn set(&mut self, height: u32) {
        let (low, middle) = (height / 64 % 4_096, height / 4_096 % 64);
        self.low[low as usize] |= 1 << (height % 64);
        self.middle[middle as usize] |= 1 << (low % 64);
        self.high |= 1 << middle;
        self.touch = self.touch.max(height);
    }

    #[inline(always)]
    fn clear(&mut self, height: u32) {
        let (low, middle) = (height / 64 % 4_096, height / 4_096 % 64);
        self.low[low as usize] &= !(1 << (height % 64));
        if self.low[low as usize] == 0 {
            self.middle[middle as usize] &= !(1 << (low % 64));
            if self.middle[middle as usize] == 0 {
                self.high &= !(1 << middle);
            }
        }
        if height == self.touch {
            self.touch = self.highest();
        }
    }

    #[inline(always)]
    fn highest(&self) -> u32 {
        if self.high == 0 {
            return 0;
        }
        let middle = 63 - self.high.leading_zeros();
        let low = middle * 64 + (63 - (self.middle[middle as usize % 64] | 1).leading_zeros());
        low * 64 + (63 - (self.low[low as usize % 4_096] | 1).leading_zeros())
    }
}

impl Floor {
    pub(crate) fn new() -> Self {
        let mut nodes: Box<[Node; NODES]> = boxed(Node { before: 0, after: 0, qty: 0, level: 0 });
        for (number, node) in (0..).zip(nodes.iter_mut()).skip(IDS) {
            (node.before, node.after) = (number, number);
        }
        Self { nodes, sides: [Heights::new(), Heights::new()] }
    }

    #[inline(always)]
    fn node(&mut self, number: u32) -> &mut Node {
        &mut self.nodes[number as usize % NODES]
    }

    #[inline(always)]
    fn rest(&mut self, action: &Action, qty: u32) {
        let height = height(action.is_offer, action.price);
        let level = level(action.is_offer, height);
        let before = self.node(level).before;
        self.node(level).before = action.id;
        self.node(before).after = action.id;
        *self.node(action.id) = Node { before, after: level, qty, level };
        if before == level {
            self.sides[usize::from(action.is_offer)].set(height);
        }
    }

    #[inline(always)]
    fn leave(&mut self, is_offer: bool, id: u32) {
        let Node { before, after, level, .. } = *self.node(id);
        self.node(before).after = after;
        self.node(after).before = before;
        if before == after {
            self.sides[usize::from(is_offer)].clear(level % PRICES as u32);
        }
    }

    /// Matches as far as the limit; returns what is left.
    #[inline(always)]
    fn cross(&mut self, action: &Action, fills: &mut impl FillSink) -> u32 {
        let theirs = !action.is_offer;
        let worst = height(theirs, action.price);
        let mut left = action.qty;
        while left > 0 {
            let touch = self.sides[usize::from(theirs)].touch;
            if touch == 0 || touch < worst {
                break;
            }
            let resting = self.node(level(theirs, touch)).after;
            let node = self.node(resting);
            let qty = left.min(node.qty);
            node.qty -= qty;
            let emptied = node.qty == 0;
            let price = height(theirs, touch);
            fills.fill(resting.into(), action.id.into(), price.into(), qty.into());
            left -= qty;
            if emptied {
                self.leave(theirs, resting);
            }
        }
        left
    }
}

impl Book for Floor {
    #[inline(always)]
    fn new_order(&mut self, action: &Action, fills: &mut impl FillSink) {
        let left = self.cross(action, fills);
        if left > 0 {
            self.rest(action, left);
        }
    }

    #[inline(always)]
    fn take(&mut self, action: &Action, fills: &mut impl FillSink) {
        self.cross(action, fills);
    }

    #[inline(always)]
    fn cancel(&mut self, action: &Action) {
        self.leave(action.is_offer, action.id);
    }

    #[inline(always)]
    fn modify(&mut self, action: &Action, fills: &mut impl FillSink) {
        self.leave(action.is_offer, action.id);
        self.new_order(action, fills);
    }

    fn end(&self) -> End {
        let mut end = End::default();
        for is_offer in [false, true] {
            let mut qty = 0;
            for height in 1..PRICES as u32 {
                let level = level(is_offer, height);
                let mut number = self.nodes[level as usize].after;
                while number != level {
                    let node = self.nodes[number as usize];
                    qty += u64::from(node.qty);
                    end.orders += 1;
                    number = node.after;
                }
            }
            let touch = match self.sides[usize::from(is_offer)].touch {
                0 => 0,
                touch => u64::from(height(is_offer, touch)),
            };
            let (to_qty, to_touch) = if is_offer {
                (&mut end.offer_qty, &mut end.offer)
            } else {
                (&mut end.bid_qty, &mut end.bid)
            };
            (*to_qty, *to_touch) = (qty, touch);
        }
        end
    }
}

/// Height of a price on its side, and the price of a height.
#[inline(always)]
const fn height(is_offer: bool, price: u32) -> u32 {
    price ^ if is_offer { MIRROR } else { 0 }
}

/// Node of a level.
#[inline(always)]
const fn level(is_offer: bool, height: u32) -> u32 {
    IDS as u32 + if is_offer { PRICES as u32 } else { 0 } + height
}

/// An array on the heap, every page of it written.
fn boxed<T: Clone + std::fmt::Debug, const N: usize>(value: T) -> Box<[T; N]> {
    match vec![value; N].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("it has N elements"),
    }
}
