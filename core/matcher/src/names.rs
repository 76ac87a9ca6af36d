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
//! What is asked most is asked of little memory, since a page that is not at hand costs more than
//! all the rest of a command:
//!
//! * ClOrdIDs of open orders are in chains through their records, one for each hash; there are as
//!   many chains as orders fit, so mostly one load says all;
//! * whether a ClOrdID was ever used is asked of a filter first, a few bits in one word, which
//!   says no for nearly all that are new;
//! * only then of the past, whose records are in chains of their own, which grow to four records
//!   in a day as long as it may be.
//!
//! The hash is fixed, so that a replay takes the same steps everywhere.

use touchline_prefetch::prefetch_at;
use touchline_types::{ClOrdId, OrdStatus, OrdType, Side, TimeInForce};

use crate::book::{NONE, RestingOrder};
use crate::invariant::{certain, invariant, less, next_u32, previous_u32};
use crate::state_hash;
use crate::storage::Memory;

/// Bit of a link: the ClOrdID of its record is superseded.
const SUPERSEDED: u32 = 1 << 31;

/// Slots and records of the past that can be named.
pub(crate) const RECORDS_MAX: usize = SUPERSEDED as usize - 2;

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
    /// The next order whose ClOrdID has the same chain.
    pub(crate) chained: u32,
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
            chained: NONE,
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
    /// The next record of its chain, by its number from 1; and [`SUPERSEDED`].
    link: u32,
}

impl Default for PastRecord {
    fn default() -> Self {
        Self::of(&RestingOrder::default(), &OrderRecord::default(), 0)
    }
}

impl PastRecord {
    #[inline]
    fn of(order: &RestingOrder, record: &OrderRecord, link: u32) -> Self {
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
            link,
        }
    }

    /// True if the order is known by a later ClOrdID.
    #[inline]
    pub(crate) const fn is_superseded(&self) -> bool {
        self.link & SUPERSEDED != 0
    }
}

/// Bits of a word of the filter that a hash sets: four, some of which may be the same.
#[inline]
fn bits(hash: u64) -> u64 {
    let bit = |at: u64| 1_u64.wrapping_shl(at as u32);
    bit(hash) | bit(hash >> 6) | bit(hash >> 12) | bit(hash >> 18)
}

/// ClOrdIDs of a day for each word of the filter: with that many, some two of a hundred new ones
/// seem to be known.
pub(crate) const NAMES_OF_WORD: usize = 6;

/// ClOrdIDs of a day for each chain of the past.
pub(crate) const NAMES_OF_CHAIN: usize = 4;

/// A part of a whole that a hash chooses, by its higher half.
#[inline]
const fn part_of(hash: u64, whole: usize) -> usize {
    ((hash >> 32).wrapping_mul(whole as u64) >> 32) as usize
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
    pub(crate) chains: M::Of<u32>,
    pub(crate) filter: M::Of<u64>,
    pub(crate) past: M::Of<PastRecord>,
    pub(crate) past_chains: M::Of<u32>,
}

/// The records and their index.
pub(crate) struct Names<M: Memory> {
    records: M::Of<OrderRecord>,
    /// The first order of each chain, or [`NONE`].
    chains: M::Of<u32>,
    /// Bits of all ClOrdIDs that were ever used.
    filter: M::Of<u64>,
    past: M::Of<PastRecord>,
    /// The newest record of each chain of the past, by its number from 1; 0 for none.
    past_chains: M::Of<u32>,
    past_len: u32,
    /// ClOrdIDs that name open orders.
    open: u32,
}

impl<M: Memory> Names<M> {
    /// No ClOrdID is used.
    pub(crate) fn new(storage: NameStorage<M>) -> Self {
        let NameStorage { mut records, mut chains, mut filter, past, mut past_chains } = storage;
        if let Some(none) = records.as_mut().first_mut() {
            *none = OrderRecord::default();
        }
        chains.as_mut().fill(NONE);
        filter.as_mut().fill(0);
        past_chains.as_mut().fill(0);
        Self { records, chains, filter, past, past_chains, past_len: 0, open: 0 }
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

    /// The order of a member's ClOrdID; `None` if that was never used.
    #[inline]
    pub(crate) fn find(&self, name: &Name) -> Option<Named> {
        if let Some(slot) = self.find_open(name) {
            return Some(Named::Open(slot));
        }
        if self.is_new_to_filter(name) { None } else { self.find_past(name) }
    }

    /// The open order of a ClOrdID.
    #[inline(always)]
    pub(crate) fn find_open(&self, name: &Name) -> Option<u32> {
        let mut slot = self.chain(name.hash);
        while slot != NONE {
            let known = self.record(slot);
            if name.is(known.member_id, &known.cl_ord_id) {
                return Some(slot);
            }
            slot = known.chained;
        }
        None
    }

    /// True if a ClOrdID was never used. Of a few of these it says false.
    #[inline(always)]
    pub(crate) fn is_surely_new(&self, name: &Name) -> bool {
        self.find_open(name).is_none() && self.is_new_to_filter(name)
    }

    #[inline(always)]
    fn is_new_to_filter(&self, name: &Name) -> bool {
        let (filter, bits) = (self.filter.as_ref(), bits(name.hash));
        filter.get(part_of(name.hash, filter.len())).is_some_and(|word| word & bits != bits)
    }

    /// The order of a ClOrdID in the past.
    #[inline(never)]
    fn find_past(&self, name: &Name) -> Option<Named> {
        let chains = self.past_chains.as_ref();
        let mut link = *chains.get(part_of(name.hash, chains.len()))?;
        while let Some(number) = (link & !SUPERSEDED).checked_sub(1) {
            let known = self.past_record(number);
            if name.is(known.member_id, &known.cl_ord_id) {
                let gone = Named::Gone(number);
                return Some(if known.is_superseded() { Named::Superseded } else { gone });
            }
            link = known.link;
        }
        None
    }

    /// The first order of the chain of a hash.
    #[inline]
    fn chain(&self, hash: u64) -> u32 {
        let chains = self.chains.as_ref();
        *certain(chains.get(part_of(hash, chains.len())), "there is a chain for every hash")
    }

    #[inline]
    fn chain_mut(&mut self, hash: u64) -> &mut u32 {
        let chains = self.chains.as_mut();
        let at = part_of(hash, chains.len());
        certain(chains.get_mut(at), "there is a chain for every hash")
    }

    /// The open order of a ClOrdID, where a look ahead found one and nothing has changed since.
    #[inline]
    pub(crate) fn still_open(&self, slot: u32, name: &Name) -> bool {
        let known = self.records.as_ref().get(slot as usize);
        known.is_some_and(|known| {
            known.ord_type != OrdType::None && name.is(known.member_id, &known.cl_ord_id)
        })
    }

    /// The open order of a ClOrdID, where a look ahead may have found it in a slot.
    #[inline(always)]
    pub(crate) fn find_open_at(&self, slot: u32, name: &Name) -> Option<u32> {
        if self.still_open(slot, name) { Some(slot) } else { self.find_open(name) }
    }

    /// Asks for what tells whether the ClOrdID with the first hash is new, and which open order the
    /// one with the second names.
    #[inline]
    pub(crate) fn prefetch(&self, own: u64, orig: u64) {
        let (chains, filter) = (self.chains.as_ref(), self.filter.as_ref());
        prefetch_at(chains, part_of(own, chains.len()));
        prefetch_at(filter, part_of(own, filter.len()));
        prefetch_at(chains, part_of(orig, chains.len()));
    }

    /// The slot of the open order that the ClOrdID with a hash seems to name, by its chain alone, or
    /// [`NONE`]; asks for the record, and for where it goes in the past.
    #[inline]
    pub(crate) fn guess(&self, orig: u64) -> u32 {
        let slot = self.chain(orig);
        prefetch_at(self.records.as_ref(), slot as usize);
        let past = self.past_chains.as_ref();
        prefetch_at(past, part_of(orig, past.len()));
        slot
    }

    /// Notes that the order in a slot has the ClOrdID with this hash. The record, which is to be
    /// written over, says so only when it is written.
    #[inline(always)]
    pub(crate) fn open(&mut self, hash: u64, slot: u32) -> &mut OrderRecord {
        let filter = self.filter.as_mut();
        let at = part_of(hash, filter.len());
        *certain(filter.get_mut(at), "there is a word for every hash") |= bits(hash);
        self.open = next_u32(self.open);
        let chain = self.chain_mut(hash);
        let chained = core::mem::replace(chain, slot);
        let record = self.record_mut(slot);
        record.chained = chained;
        record
    }

    /// As [`open`](Self::open), with a record that is there.
    #[inline]
    pub(crate) fn open_with(&mut self, hash: u64, slot: u32, record: OrderRecord) {
        let place = self.open(hash, slot);
        *place = OrderRecord { chained: place.chained, ..record };
    }

    /// Keeps the final state of the order in a slot.
    #[inline]
    pub(crate) fn close(&mut self, slot: u32, order: &RestingOrder) {
        let hash = self.hash_of(slot);
        self.bury(slot, hash, order, false);
    }

    /// As [`close`](Self::close), of an order whose name is known.
    #[inline(always)]
    pub(crate) fn close_named(&mut self, slot: u32, name: &Name, order: &RestingOrder) {
        self.bury(slot, name.hash, order, false);
    }

    /// Gives the order in a slot a further ClOrdID, and what changes with it.
    pub(crate) fn rename(
        &mut self,
        hash: u64,
        slot: u32,
        older: &RestingOrder,
        record: OrderRecord,
    ) {
        let before = self.hash_of(slot);
        self.bury(slot, before, older, true);
        self.open_with(hash, slot, record);
    }

    #[inline]
    fn hash_of(&self, slot: u32) -> u64 {
        let record = self.record(slot);
        state_hash::name(record.member_id, &record.cl_ord_id)
    }

    #[inline]
    fn bury(&mut self, slot: u32, hash: u64, order: &RestingOrder, superseded: bool) {
        let found = self.records.as_mut().get_mut(slot as usize);
        let record = certain(found, "an order has a record");
        let number = self.past_len;
        self.past_len = next_u32(number);
        self.open = previous_u32(self.open);
        let chains = self.past_chains.as_mut();
        let at = part_of(hash, chains.len());
        let chain = certain(chains.get_mut(at), "there is a chain for every hash");
        let link = core::mem::replace(chain, self.past_len);
        let link = if superseded { link | SUPERSEDED } else { link };
        let end = certain(self.past.as_mut().get_mut(number as usize), "the past has storage");
        *end = PastRecord::of(order, record, link);
        record.ord_type = OrdType::None;
        let chained = record.chained;
        let chain = self.chain_mut(hash);
        if *chain == slot {
            *chain = chained;
        } else {
            self.unchain(hash, slot, chained);
        }
    }

    /// Takes an order out of the middle of its chain.
    #[cold]
    fn unchain(&mut self, hash: u64, slot: u32, chained: u32) {
        let mut at = self.chain(hash);
        while self.record(at).chained != slot {
            invariant(at != NONE, "an open order is in its chain");
            at = self.record(at).chained;
        }
        self.record_mut(at).chained = chained;
    }
}
