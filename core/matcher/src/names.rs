//! ClOrdIDs and what is known of the orders that they name.
//!
//! A member's ClOrdID names one order and is never free again, also when the order is gone or was
//! replaced: records are only added. A refused order or replace, and a cancel, use up none.
//! A replace adds a record under the new ClOrdID; the older one is superseded and finds nothing
//! any more. The record of an order that is gone keeps its final state, so a status request for
//! it is answered in full.
//!
//! The index is open addressing with linear probes, at most half full. The hash is fixed, so that
//! a replay takes the same steps everywhere.

use touchline_types::{ClOrdId, OrdStatus, OrdType, Side, TimeInForce};

use crate::book::NONE;
use crate::invariant::{certain, invariant, more, next_u32};
use crate::state_hash;
use crate::storage::Memory;

/// `slot` of a record that a replace left behind.
const SUPERSEDED: u32 = NONE.wrapping_sub(1);

/// Where the order of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// In this slot of the pool.
    Open(u32),
    /// Filled or cancelled.
    Gone,
    /// Known by a later ClOrdID.
    Superseded,
}

/// A ClOrdID and its order, as far as events tell it. Quantities in lots, price in price units.
#[derive(Clone, Copy, Debug)]
pub struct OrderRecord {
    pub(crate) order_id: u64,
    pub(crate) price: i64,
    pub(crate) order_qty: u64,
    pub(crate) cum_qty: u64,
    pub(crate) cum_value: i64,
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) member_id: u32,
    pub(crate) session_id: u32,
    pub(crate) instrument_id: u32,
    /// Use [`OrderRecord::whereabouts`].
    pub(crate) slot: u32,
    pub(crate) side: Side,
    pub(crate) ord_type: OrdType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) ord_status: OrdStatus,
}

impl Default for OrderRecord {
    fn default() -> Self {
        Self {
            order_id: 0,
            price: 0,
            order_qty: 0,
            cum_qty: 0,
            cum_value: 0,
            cl_ord_id: [0; 20],
            member_id: 0,
            session_id: 0,
            instrument_id: 0,
            slot: NONE,
            side: Side::Undisclosed,
            ord_type: OrdType::None,
            time_in_force: TimeInForce::Day,
            ord_status: OrdStatus::New,
        }
    }
}

impl OrderRecord {
    #[inline]
    pub(crate) const fn whereabouts(&self) -> Whereabouts {
        match self.slot {
            NONE => Whereabouts::Gone,
            SUPERSEDED => Whereabouts::Superseded,
            slot => Whereabouts::Open(slot),
        }
    }

    /// The order stands in this slot.
    pub(crate) const fn open_at(&mut self, slot: u32) {
        self.slot = slot;
    }

    /// The order is filled or cancelled.
    pub(crate) const fn close(&mut self, ord_status: OrdStatus) {
        self.slot = NONE;
        self.ord_status = ord_status;
    }

    /// A later ClOrdID names the order.
    pub(crate) const fn supersede(&mut self) {
        self.slot = SUPERSEDED;
    }

    /// Counts a fill.
    pub(crate) fn fill(&mut self, last_px: i64, last_qty: u64) {
        self.cum_qty = more(self.cum_qty, last_qty);
        let value = i64::try_from(last_qty).ok().and_then(|qty| qty.checked_mul(last_px));
        let sum = value.and_then(|value| self.cum_value.checked_add(value));
        self.cum_value = certain(sum, "the value of an order fits: Instrument::qty_max");
        invariant(self.cum_qty <= self.order_qty, "no order executes more than its quantity");
        self.ord_status = self.open_status();
    }

    /// OrdStatus(39) by what has executed.
    pub(crate) const fn open_status(&self) -> OrdStatus {
        if self.cum_qty == 0 {
            OrdStatus::New
        } else if self.cum_qty < self.order_qty {
            OrdStatus::PartiallyFilled
        } else {
            OrdStatus::Filled
        }
    }
}

/// A slot of the hash index. Record numbers count from 1 here, so that zero is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexEntry {
    tag: u32,
    record: u32,
}

/// A place in the index that is free for a new ClOrdID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    hash: u64,
    at: usize,
}

/// The records and their index.
pub(crate) struct Names<M: Memory> {
    records: M::Of<OrderRecord>,
    index: M::Of<IndexEntry>,
    used: u32,
}

impl<M: Memory> Names<M> {
    /// No ClOrdID is used. `index` has a length that is a power of two.
    pub(crate) fn new(records: M::Of<OrderRecord>, mut index: M::Of<IndexEntry>) -> Self {
        index.as_mut().fill(IndexEntry::default());
        Self { records, index, used: 0 }
    }

    /// How many ClOrdIDs are used.
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// True if no further ClOrdID fits.
    pub(crate) fn is_full(&self) -> bool {
        self.used as usize >= self.records.as_ref().len()
    }

    /// All records, in the order of their use.
    pub(crate) fn records(&self) -> &[OrderRecord] {
        certain(self.records.as_ref().get(..self.used as usize), "records have storage")
    }

    #[inline]
    pub(crate) fn record(&self, record: u32) -> &OrderRecord {
        certain(self.records.as_ref().get(record as usize), "a ClOrdID has a record")
    }

    #[inline]
    pub(crate) fn record_mut(&mut self, record: u32) -> &mut OrderRecord {
        certain(self.records.as_mut().get_mut(record as usize), "a ClOrdID has a record")
    }

    /// The record of a member's ClOrdID, or the place for it.
    pub(crate) fn find(&self, member_id: u32, cl_ord_id: &ClOrdId) -> Result<u32, Seat> {
        let hash = state_hash::name(member_id, cl_ord_id);
        let index = self.index.as_ref();
        let mask = index.len().wrapping_sub(1);
        let mut at = start(hash) & mask;
        for _ in 0..index.len() {
            let Some(entry) = index.get(at) else { break };
            let Some(record) = entry.record.checked_sub(1) else {
                return Err(Seat { hash, at });
            };
            if entry.tag == tag(hash) {
                let known = self.record(record);
                if known.member_id == member_id && known.cl_ord_id == *cl_ord_id {
                    return Ok(record);
                }
            }
            at = at.wrapping_add(1) & mask;
        }
        crate::invariant::broken("half of the index is free")
    }

    /// Adds a record for a new ClOrdID; returns its number and its part of the state hash.
    pub(crate) fn register(&mut self, seat: Seat, record: OrderRecord) -> (u32, u64) {
        let number = self.used;
        self.used = next_u32(number);
        *self.record_mut(number) = record;
        let entry = IndexEntry { tag: tag(seat.hash), record: self.used };
        *certain(self.index.as_mut().get_mut(seat.at), "a seat is in the index") = entry;
        (number, seat.hash)
    }
}

#[inline]
const fn start(hash: u64) -> usize {
    hash as usize
}

#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
