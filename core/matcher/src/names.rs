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
//! all the rest of a command. A hash chooses a line of the cache, which says all that is asked
//! mostly:
//!
//! * where the chains begin of open orders, through their records; there are at least as many
//!   chains as orders fit, so nearly all end at once;
//! * whether a ClOrdID was ever used: some bits, which say no for nearly all that are new;
//! * where the chains begin of the past, which grow to six records in a day as long as it may be.
//!   They are followed where the bits do not say no.
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

/// What a hash chooses: chains, and bits of names that were used.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct NameLine {
    /// Bits of all names of the line.
    used: [u64; FOUR],
    /// The first order of each chain of open ones, or [`NONE`].
    open: [u32; FOUR],
    /// The newest record of each chain of the past, by its number from 1; 0 for none.
    past: [u32; FOUR],
}

const FOUR: usize = 4;

/// Open orders for each line: one for each chain.
pub(crate) const ORDERS_OF_LINE: usize = FOUR;

/// ClOrdIDs of a day for each line: with that many, some two of a hundred new ones seem to be used.
pub(crate) const NAMES_OF_LINE: usize = 24;

impl NameLine {
    /// Bits that a hash sets: four, some of which may be the same.
    #[inline]
    fn bits(hash: u64) -> u64 {
        let bit = |at: u64| 1_u64.wrapping_shl(at as u32);
        bit(hash) | bit(hash >> 6) | bit(hash >> 12) | bit(hash >> 18)
    }

    /// One of four.
    #[inline]
    const fn of_four(number: u64) -> usize {
        (number & 3) as usize
    }

    #[inline(always)]
    fn is_new(&self, hash: u64) -> bool {
        let bits = Self::bits(hash);
        self.used.get(Self::of_four(hash >> 24)).is_some_and(|word| word & bits != bits)
    }

    #[inline]
    fn note(&mut self, hash: u64) {
        if let Some(word) = self.used.get_mut(Self::of_four(hash >> 24)) {
            *word |= Self::bits(hash);
        }
    }

    /// The first order of a chain.
    #[inline]
    fn open(&self, hash: u64) -> u32 {
        *certain(self.open.get(Self::of_four(hash >> 26)), "one of four")
    }

    #[inline]
    fn open_mut(&mut self, hash: u64) -> &mut u32 {
        certain(self.open.get_mut(Self::of_four(hash >> 26)), "one of four")
    }

    /// The newest record of a chain of the past.
    #[inline]
    fn past(&self, hash: u64) -> u32 {
        *certain(self.past.get(Self::of_four(hash >> 28)), "one of four")
    }

    #[inline]
    fn past_mut(&mut self, hash: u64) -> &mut u32 {
        certain(self.past.get_mut(Self::of_four(hash >> 28)), "one of four")
    }
}

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

    /// Its hash.
    #[inline]
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
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
    pub(crate) lines: M::Of<NameLine>,
}

/// The records and their index.
pub(crate) struct Names<M: Memory> {
    records: M::Of<OrderRecord>,
    past: M::Of<PastRecord>,
    lines: M::Of<NameLine>,
    past_len: u32,
    /// ClOrdIDs that name open orders.
    open: u32,
}

impl<M: Memory> Names<M> {
    /// No ClOrdID is used.
    pub(crate) fn new(storage: NameStorage<M>) -> Self {
        let NameStorage { mut records, past, mut lines } = storage;
        if let Some(none) = records.as_mut().first_mut() {
            *none = OrderRecord::default();
        }
        lines.as_mut().fill(NameLine::default());
        Self { records, past, lines, past_len: 0, open: 0 }
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
        let line = self.line(name.hash);
        if let Some(slot) = self.find_in_chain(line.open(name.hash), name) {
            return Some(Named::Open(slot));
        }
        if line.is_new(name.hash) { None } else { self.find_past(line.past(name.hash), name) }
    }

    /// The open order of a ClOrdID.
    #[inline(always)]
    pub(crate) fn find_open(&self, name: &Name) -> Option<u32> {
        self.find_in_chain(self.line(name.hash).open(name.hash), name)
    }

    /// True if the ClOrdID with a hash was never used. Of a few of these it says false.
    #[inline(always)]
    pub(crate) fn is_surely_new(&self, hash: u64) -> bool {
        self.line(hash).is_new(hash)
    }

    /// The order of a ClOrdID, from an order of its chain on.
    #[inline(always)]
    fn find_in_chain(&self, first: u32, name: &Name) -> Option<u32> {
        let mut slot = first;
        while slot != NONE {
            let known = self.record(slot);
            if name.is(known.member_id, &known.cl_ord_id) {
                return Some(slot);
            }
            slot = known.chained;
        }
        None
    }

    /// The order of a ClOrdID in the past, from a record of its chain on.
    #[inline(never)]
    fn find_past(&self, first: u32, name: &Name) -> Option<Named> {
        let mut link = first;
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

    /// The line that a hash chooses.
    #[inline]
    fn line(&self, hash: u64) -> &NameLine {
        let lines = self.lines.as_ref();
        certain(lines.get(part_of(hash, lines.len())), "there is a line for every hash")
    }

    #[inline]
    fn line_mut(&mut self, hash: u64) -> &mut NameLine {
        let lines = self.lines.as_mut();
        let at = part_of(hash, lines.len());
        certain(lines.get_mut(at), "there is a line for every hash")
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

    /// Asks for the line of a hash.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        let lines = self.lines.as_ref();
        prefetch_at(lines, part_of(hash, lines.len()));
    }

    /// The slot of the open order that the ClOrdID with a hash seems to name, by its chain alone,
    /// or [`NONE`]; asks for the record.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> u32 {
        let slot = self.line(hash).open(hash);
        self.prefetch_record(slot);
        slot
    }

    /// Asks for the record of an order.
    #[inline]
    pub(crate) fn prefetch_record(&self, slot: u32) {
        prefetch_at(self.records.as_ref(), slot as usize);
    }

    /// Notes that the order in a slot has the ClOrdID with this hash. The record, which is to be
    /// written over, says so only when it is written.
    #[inline(always)]
    pub(crate) fn open(&mut self, hash: u64, slot: u32) -> &mut OrderRecord {
        self.open = next_u32(self.open);
        let line = self.line_mut(hash);
        line.note(hash);
        let chained = core::mem::replace(line.open_mut(hash), slot);
        let record = self.record_mut(slot);
        record.chained = chained;
        record
    }

    /// Keeps the final state of the order in a slot, whose ClOrdID has this hash.
    #[inline(always)]
    pub(crate) fn close(&mut self, slot: u32, hash: u64, order: &RestingOrder) {
        self.bury(slot, hash, order, false);
    }

    /// Gives the order in a slot a further ClOrdID, which has the hash `after`. The record says so
    /// only when that is written into it.
    #[inline]
    pub(crate) fn rename(
        &mut self,
        slot: u32,
        before: u64,
        after: u64,
        older: &RestingOrder,
    ) -> &mut OrderRecord {
        let ord_type = self.record(slot).ord_type;
        self.bury(slot, before, older, true);
        let record = self.open(after, slot);
        record.ord_type = ord_type;
        record
    }

    /// The hash of the ClOrdID of an open order.
    #[inline]
    pub(crate) fn hash_of(&self, slot: u32) -> u64 {
        let record = self.record(slot);
        state_hash::name(record.member_id, &record.cl_ord_id)
    }

    #[inline(always)]
    fn bury(&mut self, slot: u32, hash: u64, order: &RestingOrder, superseded: bool) {
        let found = self.records.as_mut().get_mut(slot as usize);
        let record = certain(found, "an order has a record");
        let number = self.past_len;
        self.past_len = next_u32(number);
        self.open = previous_u32(self.open);
        let lines = self.lines.as_mut();
        let at = part_of(hash, lines.len());
        let line = certain(lines.get_mut(at), "there is a line for every hash");
        let link = core::mem::replace(line.past_mut(hash), self.past_len);
        let link = if superseded { link | SUPERSEDED } else { link };
        let end = certain(self.past.as_mut().get_mut(number as usize), "the past has storage");
        *end = PastRecord::of(order, record, link);
        record.ord_type = OrdType::None;
        let chained = record.chained;
        let first = line.open_mut(hash);
        if *first == slot {
            *first = chained;
        } else {
            self.unchain(hash, slot, chained);
        }
    }

    /// Takes an order out of the middle of its chain.
    #[cold]
    fn unchain(&mut self, hash: u64, slot: u32, chained: u32) {
        let mut at = self.line(hash).open(hash);
        while self.record(at).chained != slot {
            invariant(at != NONE, "an open order is in its chain");
            at = self.record(at).chained;
        }
        self.record_mut(at).chained = chained;
    }
}
