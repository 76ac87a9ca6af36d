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
//! The index is a hash table of cache lines of ten entries, at most four fifths full; where a line
//! is full, the next one goes on. Mostly one line says all, and says it without a branch that
//! cannot be guessed. It is the largest thing that is read at random, so it is no larger than it
//! must be. The hash is fixed, so that a replay takes the same steps everywhere.

use touchline_prefetch::prefetch;
use touchline_types::{ClOrdId, OrdStatus, OrdType, Side, TimeInForce};

use crate::book::{NONE, RestingOrder};
use crate::invariant::{certain, less, next_u32, previous_u32};
use crate::state_hash;
use crate::storage::Memory;

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

/// What events tell of an open order beside its `RestingOrder`: a cache line. Quantities in lots,
/// price in price units.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct OrderRecord {
    pub(crate) order_id: u64,
    pub(crate) order_qty: u64,
    pub(crate) cum_value: i64,
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) member_id: u32,
    pub(crate) session_id: u32,
    pub(crate) instrument_id: u32,
    /// Place of its ClOrdID in the index.
    pub(crate) seat: u32,
    pub(crate) side: Side,
    /// None where no order is open.
    pub(crate) ord_type: OrdType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) ord_status: OrdStatus,
}

impl Default for OrderRecord {
    fn default() -> Self {
        Self {
            order_id: 0,
            order_qty: 0,
            cum_value: 0,
            cl_ord_id: [0; 20],
            member_id: 0,
            session_id: 0,
            instrument_id: 0,
            seat: 0,
            side: Side::Undisclosed,
            ord_type: OrdType::None,
            time_in_force: TimeInForce::Day,
            ord_status: OrdStatus::New,
        }
    }
}

impl OrderRecord {
    /// Counts a fill that leaves so much.
    #[inline]
    pub(crate) fn fill(&mut self, last_px: i64, last_qty: u64, leaves_qty: u64) {
        let value = i64::try_from(last_qty).ok().and_then(|qty| qty.checked_mul(last_px));
        let sum = value.and_then(|value| self.cum_value.checked_add(value));
        self.cum_value = certain(sum, "the value of an order fits: Instrument::qty_max");
        self.ord_status =
            if leaves_qty == 0 { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
    }

    /// Price(44): 0 of a market order that has no limit.
    #[inline]
    #[expect(clippy::unused_self, reason = "the terms of an order are asked of its record")]
    pub(crate) const fn price(&self, order: &RestingOrder) -> i64 {
        order.price
    }

    /// CumQty(14).
    #[inline]
    pub(crate) fn cum_qty(&self, order: &RestingOrder) -> u64 {
        less(self.order_qty, order.leaves_qty)
    }
}

/// A ClOrdID whose order is gone or known by a later one: the order as it was then.
#[derive(Clone, Copy, Debug)]
pub struct PastRecord {
    pub(crate) order_id: u64,
    pub(crate) price: i64,
    pub(crate) order_qty: u64,
    pub(crate) cum_qty: u64,
    pub(crate) cum_value: i64,
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) member_id: u32,
    pub(crate) session_id: u32,
    pub(crate) instrument_id: u32,
    pub(crate) side: Side,
    pub(crate) ord_type: OrdType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) ord_status: OrdStatus,
    pub(crate) superseded: bool,
}

impl Default for PastRecord {
    fn default() -> Self {
        Self::of(&RestingOrder::default(), &OrderRecord::default(), false)
    }
}

impl PastRecord {
    #[inline]
    fn of(order: &RestingOrder, record: &OrderRecord, superseded: bool) -> Self {
        Self {
            order_id: record.order_id,
            price: record.price(order),
            order_qty: record.order_qty,
            cum_qty: record.cum_qty(order),
            cum_value: record.cum_value,
            cl_ord_id: record.cl_ord_id,
            member_id: record.member_id,
            session_id: record.session_id,
            instrument_id: record.instrument_id,
            side: record.side,
            ord_type: record.ord_type,
            time_in_force: record.time_in_force,
            ord_status: record.ord_status,
            superseded,
        }
    }
}

/// A cache line of the hash index. Entries fill up from the first.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct IndexLine {
    /// 16 bits of the hash for each entry, four in a word, the first in the lowest bits; 0 where
    /// the entry is free.
    tags: [u64; 2],
    last_tags: u32,
    /// Slot, or [`PAST`] and the place in the past.
    places: [u32; LINE],
    /// Entries that are used.
    used: u32,
}

/// Entries of a line of the index.
pub(crate) const LINE: usize = 10;

/// Bits of a seat that say which entry of its line it is.
const ENTRY_BITS: u32 = 4;

const ONES: u64 = 0x0001_0001_0001_0001;
const HIGHS: u64 = 0x8000_8000_8000_8000;

/// The highest bit of each tag that is zero, and sometimes of one above it.
#[inline]
const fn zeros(tags: u64) -> u64 {
    tags.wrapping_sub(ONES) & !tags & HIGHS
}

/// The tag of a hash: never 0.
#[inline]
const fn tag(hash: u64) -> u64 {
    (hash & 0xffff) | 1
}

impl IndexLine {
    /// A bit for each entry whose tag is this one, and sometimes for one above it. Mostly there is
    /// none for a new name, which is seen at once.
    #[inline]
    const fn look(&self, tag: u64) -> u32 {
        let [low, high, last] = self.same(tag);
        if low | high | last == 0 {
            return 0;
        }
        gather(low) | gather(high) << 4 | gather(last) << 8
    }

    /// False if no entry has this tag.
    #[inline]
    const fn has(&self, tag: u64) -> bool {
        let [low, high, last] = self.same(tag);
        low | high | last != 0
    }

    /// The highest bit of each tag that is this one, and sometimes of one above it.
    #[inline]
    const fn same(&self, tag: u64) -> [u64; 3] {
        let [low, high] = self.tags;
        let wanted = tag.wrapping_mul(ONES);
        // The upper half of the last word is no tags; a bit there is no entry's.
        let last = zeros(self.last_tags as u64 ^ wanted) & 0xffff_ffff;
        [zeros(low ^ wanted), zeros(high ^ wanted), last]
    }

    #[inline(always)]
    fn set(&mut self, entry: usize, tag: u64, place: u32) {
        self.used = next_u32(self.used);
        let shift = (entry as u32 % 4).wrapping_mul(16);
        match self.tags.get_mut(entry / 4) {
            Some(tags) => *tags |= tag.wrapping_shl(shift),
            None => self.last_tags |= (tag as u32).wrapping_shl(shift),
        }
        if let Some(found) = self.places.get_mut(entry) {
            *found = place;
        }
    }
}

/// The highest bits of four tags, side by side.
#[inline]
const fn gather(highs: u64) -> u32 {
    ((highs >> 15).wrapping_mul(0x0001_0002_0004_0008) >> 48) as u32 & 15
}

/// A place in the index that is free for a new ClOrdID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) hash: u64,
    at: u32,
}

/// A member's ClOrdID with its hash, which is made once for each command.
#[derive(Clone, Copy)]
pub(crate) struct Name<'c> {
    member_id: u32,
    cl_ord_id: &'c ClOrdId,
    hash: u64,
}

impl<'c> Name<'c> {
    #[inline]
    pub(crate) fn of(member_id: u32, cl_ord_id: &'c ClOrdId) -> Self {
        Self { member_id, cl_ord_id, hash: state_hash::name(member_id, cl_ord_id) }
    }

    /// A name whose hash is known.
    #[inline]
    pub(crate) const fn hashed(member_id: u32, cl_ord_id: &'c ClOrdId, hash: u64) -> Self {
        Self { member_id, cl_ord_id, hash }
    }

    #[inline]
    fn is(&self, member_id: u32, cl_ord_id: &ClOrdId) -> bool {
        self.member_id == member_id && *self.cl_ord_id == *cl_ord_id
    }
}

/// The slices of the names.
pub(crate) struct NameStorage<M: Memory> {
    /// Records of open orders, by slot.
    pub(crate) records: M::Of<OrderRecord>,
    pub(crate) past: M::Of<PastRecord>,
    pub(crate) index: M::Of<IndexLine>,
}

/// The records and their index.
pub(crate) struct Names<M: Memory> {
    records: M::Of<OrderRecord>,
    past: M::Of<PastRecord>,
    index: M::Of<IndexLine>,
    past_len: u32,
    /// ClOrdIDs that name open orders.
    open: u32,
}

impl<M: Memory> Names<M> {
    /// No ClOrdID is used.
    pub(crate) fn new(storage: NameStorage<M>) -> Self {
        let NameStorage { mut records, past, mut index } = storage;
        if let Some(none) = records.as_mut().first_mut() {
            *none = OrderRecord::default();
        }
        index.as_mut().fill(IndexLine::default());
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
    pub(crate) fn past(&self) -> &[PastRecord] {
        certain(self.past.as_ref().get(..self.past_len as usize), "the past has storage")
    }

    /// A record of the past.
    pub(crate) fn past_record(&self, number: u32) -> &PastRecord {
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
    pub(crate) fn find(&self, name: &Name) -> Result<Named, Seat> {
        let index = self.index.as_ref();
        let tag = tag(name.hash);
        let mut at = self.line_of(name.hash);
        for _ in 0..index.len() {
            let Some(line) = index.get(at) else { break };
            let mut same = line.look(tag);
            while same != 0 {
                let place = line.places.get(same.trailing_zeros() as usize);
                if let Some(named) = place.and_then(|place| self.named(*place, name)) {
                    return Ok(named);
                }
                same &= same.wrapping_sub(1);
            }
            if (line.used as usize) < LINE {
                // The index is no longer than 28 bits count: `MatcherError::TooLong`.
                let at = (at as u32).wrapping_shl(ENTRY_BITS) | line.used;
                return Err(Seat { hash: name.hash, at });
            }
            at = at.wrapping_add(1);
            if at == index.len() {
                at = 0;
            }
        }
        crate::invariant::broken("a part of the index is free")
    }

    /// The place for a ClOrdID, where a look at one line says that it is new.
    #[inline(always)]
    pub(crate) fn seat_at_sight(&self, name: &Name) -> Option<Seat> {
        let at = self.line_of(name.hash);
        let line = self.index.as_ref().get(at)?;
        let is_new = !line.has(tag(name.hash)) & ((line.used as usize) < LINE);
        is_new.then_some(Seat {
            hash: name.hash,
            at: (at as u32).wrapping_shl(ENTRY_BITS) | line.used,
        })
    }

    /// The open order of a ClOrdID: in the slot that a look ahead found, or where a look at one
    /// line says so.
    #[inline(always)]
    pub(crate) fn open_at_sight(&self, slot: u32, name: &Name) -> Option<u32> {
        let slot = if slot == NONE { self.guess(name)? } else { slot };
        self.still_open(slot, name).then_some(slot)
    }

    /// The line where a hash belongs: the higher half of it, as a part of the whole.
    #[inline]
    fn line_of(&self, hash: u64) -> usize {
        ((hash >> 32).wrapping_mul(self.index.as_ref().len() as u64) >> 32) as usize
    }

    /// The open order of a ClOrdID, where a look ahead found one and nothing has changed since.
    #[inline]
    pub(crate) fn still_open(&self, slot: u32, name: &Name) -> bool {
        let known = self.records.as_ref().get(slot as usize);
        known.is_some_and(|known| {
            known.ord_type != OrdType::None && name.is(known.member_id, &known.cl_ord_id)
        })
    }

    /// The order at a place that an index entry says, if it has this name.
    #[inline]
    fn named(&self, place: u32, name: &Name) -> Option<Named> {
        if place & PAST == 0 {
            let known = self.record(place);
            return name.is(known.member_id, &known.cl_ord_id).then_some(Named::Open(place));
        }
        let number = place & !PAST;
        let known = self.past_record(number);
        let named = if known.superseded { Named::Superseded } else { Named::Gone(number) };
        name.is(known.member_id, &known.cl_ord_id).then_some(named)
    }

    /// Asks for the line of the index where a ClOrdID belongs.
    #[inline]
    pub(crate) fn prefetch(&self, name: &Name) {
        if let Some(line) = self.index.as_ref().get(self.line_of(name.hash)) {
            prefetch(line);
        }
    }

    /// The slot of the open order that a ClOrdID seems to name, by its line of the index alone;
    /// asks for the record.
    #[inline]
    pub(crate) fn guess(&self, name: &Name) -> Option<u32> {
        let line = self.index.as_ref().get(self.line_of(name.hash))?;
        let same = line.look(tag(name.hash));
        let place = *line.places.get(same.checked_ilog2()? as usize)?;
        prefetch(self.records.as_ref().get(place as usize)?);
        Some(place)
    }

    /// Gives the order in a slot its ClOrdID.
    #[inline]
    pub(crate) fn open(&mut self, seat: Seat, slot: u32, record: OrderRecord) {
        *self.record_mut(slot) = OrderRecord { seat: seat.at, ..record };
        let (line, entry) = self.entry_mut(seat.at);
        line.set(entry, tag(seat.hash), slot);
        self.open = next_u32(self.open);
    }

    /// Keeps the final state of the order in a slot.
    #[inline]
    pub(crate) fn close(&mut self, slot: u32, order: &RestingOrder) {
        self.bury(slot, order, false);
    }

    /// Gives the order in a slot a further ClOrdID, and what changes with it.
    pub(crate) fn rename(
        &mut self,
        seat: Seat,
        slot: u32,
        older: &RestingOrder,
        record: OrderRecord,
    ) {
        self.bury(slot, older, true);
        self.open(seat, slot, record);
    }

    #[inline]
    fn bury(&mut self, slot: u32, order: &RestingOrder, superseded: bool) {
        let found = self.records.as_mut().get_mut(slot as usize);
        let record = certain(found, "an order has a record");
        let number = self.past_len;
        let end = certain(self.past.as_mut().get_mut(number as usize), "the past has storage");
        *end = PastRecord::of(order, record, superseded);
        record.ord_type = OrdType::None;
        self.past_len = next_u32(number);
        self.open = previous_u32(self.open);
        let seat = record.seat;
        let (line, entry) = self.entry_mut(seat);
        if let Some(place) = line.places.get_mut(entry) {
            *place = number | PAST;
        }
    }

    /// The line of an entry, and which of its entries it is.
    #[inline]
    fn entry_mut(&mut self, seat: u32) -> (&mut IndexLine, usize) {
        let found = self.index.as_mut().get_mut((seat >> ENTRY_BITS) as usize);
        let entry = seat & 1_u32.wrapping_shl(ENTRY_BITS).wrapping_sub(1);
        (certain(found, "a seat is in the index"), entry as usize)
    }
}
