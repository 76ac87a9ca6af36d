//! Reading the state: for tests, snapshots and the slow walk of the state hash.

use touchline_types::{ClOrdId, OrdType, Side, TimeInForce, TradingPhase};

use crate::accounts::Fees;
use crate::book::{NONE, RestingOrder};
use crate::extras::Marks;
use crate::matcher::Matcher;
use crate::names::Named;
use crate::state_hash;
use crate::storage::Memory;

/// A price on one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// Price units.
    pub price: i64,
    /// Sum of leaves_qty, lots, with what icebergs and hidden orders do not show.
    pub qty: u64,
    /// Orders in the queue.
    pub orders: u32,
}

/// An open order, in a queue or a stop that waits. Quantities in lots, price in price units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// OrderID(37).
    pub order_id: u64,
    /// Price(44).
    pub price: i64,
    /// OrderQty(38).
    pub order_qty: u64,
    /// LeavesQty(151).
    pub leaves_qty: u64,
    /// What others see of it: a part of an iceberg, 0 of a stop that waits or a hidden order.
    pub shown_qty: u64,
    /// CumQty(14).
    pub cum_qty: u64,
    /// Sum of last_px * last_qty.
    pub cum_value: i64,
    /// Place in the queue, rising.
    pub priority: u64,
    /// ClOrdID(11), the latest.
    pub cl_ord_id: ClOrdId,
    /// Number of the instrument.
    pub instrument_id: u32,
    /// Session that sent it.
    pub session_id: u32,
    /// Member that owns it.
    pub member_id: u32,
    /// Side(54).
    pub side: Side,
    /// OrdType(40).
    pub ord_type: OrdType,
    /// TimeInForce(59).
    pub time_in_force: TimeInForce,
}

/// The limits of a session; each is no limit where it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsView {
    /// Largest order, lots.
    pub max_order_qty: u64,
    /// Largest position either way, lots.
    pub max_position: i64,
    /// New orders and replaces a second, in the long run.
    pub rate_per_s: u32,
    /// How many of them at once.
    pub rate_burst: u32,
}

/// What a session with limits holds of an instrument, lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionView {
    /// Bought less sold since the session has limits.
    pub position: i64,
    /// Sum of leaves_qty of its open bids.
    pub open_bid_qty: u64,
    /// Sum of leaves_qty of its open offers.
    pub open_offer_qty: u64,
}

/// The account of a member, cash units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Deposited, gained and paid.
    pub cash: i128,
    /// How much of it open orders hold back.
    pub reserved: i128,
    /// What it pays for each lot that executes.
    pub fees: Fees,
}

/// What a member with an account has of an instrument, lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldingView {
    /// Deposited, and bought less sold.
    pub held: i128,
    /// How much of it open offers hold back.
    pub reserved: u64,
}

impl<M: Memory> Matcher<M> {
    /// Sequence number of the last command; 0 before the first.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Time of the last command, ns since the epoch; 0 before the first.
    #[must_use]
    pub const fn last_timestamp(&self) -> u64 {
        self.last_timestamp
    }

    /// Numbers of the instruments, rising.
    pub fn instrument_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.books.instruments().iter().map(|each| each.instrument_id)
    }

    /// Phase of an instrument; `None` if there is no such instrument.
    #[must_use]
    pub fn phase(&self, instrument_id: u32) -> Option<TradingPhase> {
        let found = self.books.find_instrument(instrument_id)?;
        Some(self.books.instrument(found).phase)
    }

    /// Price of the last fill of an instrument.
    #[must_use]
    pub fn last_px(&self, instrument_id: u32) -> Option<i64> {
        let found = self.books.find_instrument(instrument_id)?;
        self.books.instrument(found).last_px
    }

    /// Orders that are open, over all instruments.
    #[must_use]
    pub const fn open_orders(&self) -> u32 {
        self.books.open()
    }

    /// ClOrdIDs that are used, over all members.
    #[must_use]
    pub const fn used_cl_ord_ids(&self) -> u32 {
        self.names.used()
    }

    /// The levels of a side, best first; none if there is no such instrument.
    pub fn levels(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        let found = self.books.find_instrument(instrument_id);
        found.into_iter().flat_map(move |found| {
            self.books.levels(found, side).map(|level| LevelView {
                price: level.price,
                qty: level.qty,
                orders: level.orders,
            })
        })
    }

    /// Slots of the order pool that have ever been used.
    #[must_use]
    pub const fn order_slots(&self) -> u32 {
        self.books.used()
    }

    /// The open order in a slot of the pool, if one is there. An order keeps its slot while it is
    /// open, also when it is replaced.
    #[must_use]
    pub fn order_in(&self, slot: u32) -> Option<OrderView> {
        let taken = slot < self.books.used() && self.books.order(slot).side != Side::Undisclosed;
        taken.then(|| self.order_view(slot))
    }

    /// The orders of a side: best price first, in the order of their queue.
    pub fn orders(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = OrderView> + '_ {
        self.slots(instrument_id, side).map(|slot| self.order_view(slot))
    }

    /// The limits of a session; `None` if it has none.
    #[must_use]
    pub fn limits(&self, session_id: u32) -> Option<LimitsView> {
        self.limits.of(session_id).map(|row| row.terms)
    }

    /// What a session with limits holds of an instrument; `None` if it has no limits, or there is
    /// no such instrument.
    #[must_use]
    pub fn position(&self, session_id: u32, instrument_id: u32) -> Option<PositionView> {
        let found = self.books.find_instrument(instrument_id)?;
        let held = self.limits.position(session_id, found)?;
        let [open_bid_qty, open_offer_qty] = held.open_qty;
        Some(PositionView { position: held.position, open_bid_qty, open_offer_qty })
    }

    /// [`Matcher::state_hash`] from a walk over everything. O(state): for tests.
    #[must_use]
    pub fn state_hash_slow(&self) -> u64 {
        let mut sum = 0_u64;
        for instrument in self.books.instruments() {
            sum = sum.wrapping_add(state_hash::instrument(instrument));
            for slot in self.open_slots(instrument.instrument_id) {
                let record = self.names.record(slot);
                let name = state_hash::name(record.member_id, &record.cl_ord_id);
                let order = self.books.order(slot);
                let fixed_mix =
                    state_hash::fixed(name, order.price, &state_hash::Terms::of(record))
                        .wrapping_add(self.extras.mix(slot, order.marks));
                let order = RestingOrder { fixed_mix, ..*order };
                sum = sum.wrapping_add(self.mix_of(slot, &order, record.cum_value));
            }
        }
        for record in self.names.past() {
            sum = sum.wrapping_add(state_hash::past(record));
        }
        for (scope, scope_id) in self.blocks.each() {
            sum = sum.wrapping_add(state_hash::block(scope, scope_id));
        }
        for row in self.limits.rows() {
            sum = sum.wrapping_add(state_hash::limits(row.session_id, &row.terms));
            let key = state_hash::bucket_key(row.session_id);
            sum = sum.wrapping_add(state_hash::bucket(key, row.credit, row.credit_time));
            for at in (0..self.limits.instruments()).map_while(|at| u32::try_from(at).ok()) {
                let held = self.limits.position(row.session_id, at).map_or(0, |p| p.position);
                sum = sum.wrapping_add(state_hash::position(row.session_id, at, held));
            }
        }
        sum = sum.wrapping_add(self.accounts.mixes_slow());
        let kept = [self.mixes, self.limits.mixes, self.accounts.mixes];
        kept.into_iter().fold(self.state_hash(), u64::wrapping_sub).wrapping_add(sum)
    }

    /// Walks everything and names the first fact that does not hold. O(state): for tests.
    ///
    /// # Errors
    ///
    /// The fact.
    pub fn check(&self) -> Result<(), &'static str> {
        let mut open = 0_u32;
        for (at, instrument) in (0_u32..).zip(self.books.instruments()) {
            if instrument.phase == TradingPhase::Continuous && self.is_crossed(at) {
                return Err("no book is crossed in the continuous phase");
            }
            for side in [Side::Buy, Side::Sell] {
                open = open.wrapping_add(self.check_side(at, side)?);
            }
        }
        let mut waiting = 0_u32;
        for at in (0_u32..).take(self.books.instruments().len()) {
            for slot in self.held_slots(at) {
                let order = self.books.order(slot);
                if !order.marks.has(Marks::HELD) || order.instrument != at {
                    return Err("a stop that waits is in the list of its instrument");
                }
                waiting = waiting.wrapping_add(1);
            }
        }
        if waiting != self.stops {
            return Err("the stops that wait are counted");
        }
        if open.wrapping_add(waiting) != self.books.open() {
            return Err("every slot that is taken is in a queue, or a stop that waits");
        }
        self.check_limits()?;
        self.check_accounts()
    }

    /// Checks the sessions that have limits.
    fn check_limits(&self) -> Result<(), &'static str> {
        for row in self.limits.rows() {
            if row.credit > row.credit_max() {
                return Err("a bucket holds no more than its burst");
            }
            for at in (0..).take(self.books.instruments().len()) {
                let Some(held) = self.limits.position(row.session_id, at) else {
                    return Err("a session with limits has its positions");
                };
                if held.open_qty != self.open_qty(row.session_id, at) {
                    return Err("the open quantities of a session are those of its open orders");
                }
            }
        }
        Ok(())
    }

    /// Checks the levels and queues of a side and counts its orders.
    fn check_side(&self, instrument: u32, side: Side) -> Result<u32, &'static str> {
        let mut count = 0_u32;
        let mut better: Option<i64> = None;
        for level in self.books.levels(instrument, side) {
            let falls = match (better, side) {
                (None, _) => true,
                (Some(better), Side::Sell) => level.price > better,
                (Some(better), _) => level.price < better,
            };
            if !falls {
                return Err("a ladder is sorted, its best level first");
            }
            better = Some(level.price);
            let (mut qty, mut orders, mut slot) = (0_u64, 0_u32, level.head);
            let mut place = (false, 0);
            while slot != NONE {
                let order = self.books.order(slot);
                let record = self.names.record(slot);
                if order.price != level.price || order.side != side {
                    return Err("an order is in the queue of its price");
                }
                if (order.marks.is_hidden(), order.priority) <= place {
                    return Err("priority rises along a queue, hidden orders behind the others");
                }
                if self.at_hand(slot) == 0 || order.marks.has(Marks::HELD) {
                    return Err("an order in a queue has something at hand");
                }
                let name = self.names.name(record.member_id, &record.cl_ord_id);
                if self.names.find(&name) != Some(Named::Open(slot)) {
                    return Err("the ClOrdID of an open order finds its slot");
                }
                if order.leaves_qty == 0 || order.leaves_qty > record.order_qty {
                    return Err("an open order has something left, and no more than its quantity");
                }
                let standing = record.standing(order);
                if standing.ord_status != standing.open_status() {
                    return Err("an open order has the status that its cum_qty says");
                }
                place = (order.marks.is_hidden(), order.priority);
                qty = qty.wrapping_add(order.leaves_qty);
                orders = orders.wrapping_add(1);
                slot = order.behind();
            }
            if qty != level.qty || orders != level.orders || orders == 0 {
                return Err("a level sums its queue");
            }
            count = count.wrapping_add(orders);
        }
        Ok(count)
    }

    /// The stops of an instrument that wait, as they were accepted.
    pub fn stops(&self, instrument_id: u32) -> impl Iterator<Item = OrderView> + '_ {
        let found = self.books.find_instrument(instrument_id).into_iter();
        found.flat_map(|found| self.held_slots(found)).map(|slot| self.order_view(slot))
    }

    /// Slots of the open orders of an instrument: stops that wait, bids, offers.
    pub(crate) fn open_slots(&self, instrument_id: u32) -> impl Iterator<Item = u32> + '_ {
        let found = self.books.find_instrument(instrument_id).into_iter();
        let waiting = found.flat_map(|found| self.held_slots(found));
        let sides = [Side::Buy, Side::Sell].into_iter();
        waiting.chain(sides.flat_map(move |side| self.slots(instrument_id, side)))
    }

    pub(crate) fn slots(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = u32> + '_ {
        let in_pool = |slot: u32| (slot != NONE).then_some(slot);
        let found = self.books.find_instrument(instrument_id);
        let levels = found.into_iter().flat_map(move |found| self.books.levels(found, side));
        levels.flat_map(move |level| {
            core::iter::successors(in_pool(level.head), move |slot| {
                in_pool(self.books.order(*slot).behind())
            })
        })
    }

    fn order_view(&self, slot: u32) -> OrderView {
        let order = self.books.order(slot);
        let record = self.names.record(slot);
        let is_unseen = order.marks.has(Marks::HELD) || order.marks.is_hidden();
        OrderView {
            order_id: record.order_id,
            price: order.price,
            order_qty: record.order_qty,
            leaves_qty: order.leaves_qty,
            shown_qty: if is_unseen { 0 } else { self.at_hand(slot) },
            cum_qty: record.cum_qty(order),
            cum_value: record.cum_value,
            priority: order.priority,
            cl_ord_id: record.cl_ord_id,
            instrument_id: record.instrument_id,
            session_id: record.session_id,
            member_id: record.member_id,
            side: record.side,
            ord_type: record.ord_type,
            time_in_force: record.time_in_force,
        }
    }
}
