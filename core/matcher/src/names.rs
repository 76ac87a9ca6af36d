//! ClOrdIDs and what is known of the orders that they name.
//!
//! A member's ClOrdID names one order and is never free again, also when the order is gone or was
//! replaced. A refused order or replace, and a cancel, use up none. A replace gives an order a
//! further ClOrdID; the older one is superseded and finds nothing any more.
//!
//! The record of an open order lies beside its slot in the pool, where slots are used again soon
//! and so stay in the cache. When the order is gone, or known by a later ClOrdID, its record is
//! moved to the end of the past, with its final state: so a status request for it is answered in
//! full. The past is only ever written at its end.
//!
//! The index is open addressing with linear probes, at most four fifths full. The hash is fixed,
//! so that a replay takes the same steps everywhere.

use touchline_types::{ClOrdId, OrdStatus, OrdType, Side, TimeInForce};

use crate::invariant::{certain, invariant, more, next_u32, previous_u32};
use crate::state_hash;
use crate::storage::Memory;

/// `seat` of a record in the past whose order is filled or cancelled.
const GONE: u32 = u32::MAX;
/// `seat` of a record in the past whose order is known by a later ClOrdID.
const SUPERSEDED: u32 = GONE.wrapping_sub(1);
/// Bit of an index entry whose record is in the past.
const PAST: u32 = 1 << 31;

/// Slots and records of the past that can be named.
pub(crate) const RECORDS_MAX: usize = PAST as usize - 2;

/// Where the record of a ClOrdID is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The order is open, in this slot of the pool.
    Open(u32),
    /// The order is filled or cancelled: this record of the past.
    Gone(u32),
    /// The order is known by a later ClOrdID.
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
    /// Place of its ClOrdID in the index; in the past: why it is there.
    pub(crate) seat: u32,
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
            seat: GONE,
            side: Side::Undisclosed,
            ord_type: OrdType::None,
            time_in_force: TimeInForce::Day,
            ord_status: OrdStatus::New,
        }
    }
}

impl OrderRecord {
    /// Counts a fill.
    #[inline]
    pub(crate) fn fill(&mut self, last_px: i64, last_qty: u64) {
        self.cum_qty = more(self.cum_qty, last_qty);
        let value = i64::try_from(last_qty).ok().and_then(|qty| qty.checked_mul(last_px));
        let sum = value.and_then(|value| self.cum_value.checked_add(value));
        self.cum_value = certain(sum, "the value of an order fits: Instrument::qty_max");
        invariant(self.cum_qty <= self.order_qty, "no order executes more than its quantity");
        self.ord_status = self.open_status();
    }

    /// OrdStatus(39) by what has executed.
    #[inline]
    pub(crate) const fn open_status(&self) -> OrdStatus {
        if self.cum_qty == 0 {
            OrdStatus::New
        } else if self.cum_qty < self.order_qty {
            OrdStatus::PartiallyFilled
        } else {
            OrdStatus::Filled
        }
    }

    /// True for a record of the past whose order is known by a later ClOrdID.
    pub(crate) const fn is_superseded(&self) -> bool {
        self.seat == SUPERSEDED
    }
}

/// A slot of the hash index.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexEntry {
    tag: u32,
    /// 0 where the entry is free; else 1 + slot, or [`PAST`] and 1 + record.
    place: u32,
}

/// A place in the index that is free for a new ClOrdID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) hash: u64,
    at: usize,
}

/// The slices of the names.
pub(crate) struct NameStorage<M: Memory> {
    /// Records of open orders, by slot.
    pub(crate) records: M::Of<OrderRecord>,
    pub(crate) past: M::Of<OrderRecord>,
    pub(crate) index: M::Of<IndexEntry>,
}

/// The records and their index.
pub(crate) struct Names<M: Memory> {
    records: M::Of<OrderRecord>,
    past: M::Of<OrderRecord>,
    index: M::Of<IndexEntry>,
    past_len: u32,
    /// ClOrdIDs that name open orders.
    open: u32,
}

impl<M: Memory> Names<M> {
    /// No ClOrdID is used. `index` has a length that is a power of two.
    pub(crate) fn new(storage: NameStorage<M>) -> Self {
        let NameStorage { records, past, mut index } = storage;
        index.as_mut().fill(IndexEntry::default());
        Self { records, past, index, past_len: 0, open: 0 }
    }

    /// How many ClOrdIDs are used.
    pub(crate) const fn used(&self) -> u32 {
        self.past_len.wrapping_add(self.open)
    }

    /// True if no further ClOrdID fits.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.used() as usize >= self.past.as_ref().len()
    }

    /// The records of orders that are gone and of ClOrdIDs that are superseded, the oldest first.
    pub(crate) fn past(&self) -> &[OrderRecord] {
        certain(self.past.as_ref().get(..self.past_len as usize), "the past has storage")
    }

    /// A record of the past.
    pub(crate) fn past_record(&self, number: u32) -> &OrderRecord {
        certain(self.past.as_ref().get(number as usize), "the past has storage")
    }

    /// The record of the order in a slot.
    #[inline]
    pub(crate) fn record(&self, slot: u32) -> &OrderRecord {
        certain(self.records.as_ref().get(slot as usize), "an order has a record")
    }

    #[inline]
    pub(crate) fn record_mut(&mut self, slot: u32) -> &mut OrderRecord {
        certain(self.records.as_mut().get_mut(slot as usize), "an order has a record")
    }

    /// The order of a member's ClOrdID, or the place for it.
    #[inline]
    pub(crate) fn find(&self, member_id: u32, cl_ord_id: &ClOrdId) -> Result<Named, Seat> {
        let hash = state_hash::name(member_id, cl_ord_id);
        let index = self.index.as_ref();
        let mask = index.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        for _ in 0..index.len() {
            let Some(entry) = index.get(at) else { break };
            let Some(place) = entry.place.checked_sub(1) else {
                return Err(Seat { hash, at });
            };
            if entry.tag == tag(hash) {
                let (named, known) = self.named(place);
                if known.member_id == member_id && known.cl_ord_id == *cl_ord_id {
                    return Ok(named);
                }
            }
            at = at.wrapping_add(1) & mask;
        }
        crate::invariant::broken("a part of the index is free")
    }

    #[inline]
    fn named(&self, place: u32) -> (Named, &OrderRecord) {
        if place & PAST == 0 {
            return (Named::Open(place), self.record(place));
        }
        let number = place & !PAST;
        let record = self.past_record(number);
        let named = if record.is_superseded() { Named::Superseded } else { Named::Gone(number) };
        (named, record)
    }

    /// Gives the order in a slot its ClOrdID.
    #[inline]
    pub(crate) fn open(&mut self, seat: Seat, slot: u32, record: OrderRecord) {
        // The index is no longer than 32 bits count: `MatcherError::TooLong`.
        *self.record_mut(slot) = OrderRecord { seat: seat.at as u32, ..record };
        self.point(seat.at, IndexEntry { tag: tag(seat.hash), place: next_u32(slot) });
        self.open = next_u32(self.open);
    }

    /// Keeps the final state of the order in a slot.
    #[inline]
    pub(crate) fn close(&mut self, slot: u32) {
        let record = *self.record(slot);
        self.bury(record, GONE);
    }

    /// Gives the order in a slot a further ClOrdID, and what changes with it.
    pub(crate) fn rename(&mut self, seat: Seat, slot: u32, record: OrderRecord) {
        let older = *self.record(slot);
        self.bury(older, SUPERSEDED);
        self.open(seat, slot, record);
    }

    #[inline]
    fn bury(&mut self, record: OrderRecord, seat: u32) {
        let number = self.past_len;
        let end = certain(self.past.as_mut().get_mut(number as usize), "the past has storage");
        *end = OrderRecord { seat, ..record };
        self.past_len = next_u32(number);
        self.open = previous_u32(self.open);
        let at = record.seat as usize;
        let entry = certain(self.index.as_mut().get_mut(at), "a seat is in the index");
        entry.place = self.past_len | PAST;
    }

    #[inline]
    fn point(&mut self, at: usize, entry: IndexEntry) {
        *certain(self.index.as_mut().get_mut(at), "a seat is in the index") = entry;
    }
}

#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
