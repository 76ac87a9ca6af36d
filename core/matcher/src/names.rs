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

use touchline_prefetch::{prefetch_at, prefetch_whole_to_write_at};
use touchline_types::{ClOrdId, Command, OrdStatus, OrdType, Side, TimeInForce};

use crate::book::{NONE, RestingOrder};
use crate::invariant::{certain, invariant, less};
use crate::state_hash;
use crate::storage::Memory;

/// Bit of a link: the ClOrdID of its record is superseded.
const SUPERSEDED: u32 = 1 << 31;

/// Records of the past from one that is written to the one that is asked for.
const PAST_AHEAD: u32 = 6;

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

/// The record of an open order, a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct RecordLine(OrderRecord);

/// What events tell of an order beside its `RestingOrder`. Quantities in lots, price in price
/// units.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct OrderRecord {
    pub(crate) order_id: u64,
    pub(crate) order_qty: u64,
    pub(crate) cum_value: i64,
    pub(crate) cl_ord_id: ClOrdId,
    // As in commands and events, so that several are copied at a time.
    pub(crate) instrument_id: u32,
    pub(crate) session_id: u32,
    pub(crate) member_id: u32,
    /// The next record of its chain: of an open order a slot; of one of the past its number from 1,
    /// and [`SUPERSEDED`].
    chained: u32,
    pub(crate) ord_status: OrdStatus,
    pub(crate) side: Side,
    /// None where no order is open.
    pub(crate) ord_type: OrdType,
    pub(crate) time_in_force: TimeInForce,
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
    /// How an order with this record stands.
    #[inline(always)]
    pub(crate) fn standing(&self, order: &RestingOrder) -> Standing {
        let Self { cum_value, ord_status, .. } = *self;
        Standing { cum_qty: self.cum_qty(order), cum_value, ord_status }
    }

    /// How it stands after a fill that leaves so much.
    #[inline(always)]
    pub(crate) fn filled(&self, last_px: i64, last_qty: u64, leaves_qty: u64) -> Standing {
        let value = i64::try_from(last_qty).ok().and_then(|qty| qty.checked_mul(last_px));
        let sum = value.and_then(|value| self.cum_value.checked_add(value));
        Standing {
            cum_qty: less(self.order_qty, leaves_qty),
            cum_value: certain(sum, "the value of an order fits: Instrument::qty_max"),
            ord_status: if leaves_qty == 0 {
                OrdStatus::Filled
            } else {
                OrdStatus::PartiallyFilled
            },
        }
    }

    /// Keeps how an order that stays open stands.
    #[inline(always)]
    pub(crate) fn keep(&mut self, standing: &Standing) {
        (self.cum_value, self.ord_status) = (standing.cum_value, standing.ord_status);
    }

    /// Takes the further ClOrdID and the terms of a replace, by which the order stays open.
    #[inline(always)]
    pub(crate) fn renew(&mut self, command: &Command, older: &Self) {
        self.cl_ord_id = command.cl_ord_id;
        self.order_qty = command.order_qty;
        // Seldom others, and a byte that was just written holds up the next read of all four.
        if older.time_in_force != command.time_in_force {
            self.time_in_force = command.time_in_force;
        }
    }

    /// CumQty(14).
    #[inline]
    pub(crate) fn cum_qty(&self, order: &RestingOrder) -> u64 {
        less(self.order_qty, order.leaves_qty)
    }
}

/// A ClOrdID whose order is gone or known by a later one: the order as it was then.
#[derive(Clone, Copy, Debug, Default)]
pub struct PastRecord {
    pub(crate) record: OrderRecord,
    pub(crate) price: i64,
    pub(crate) cum_qty: u64,
}

impl PastRecord {
    /// True if the order is known by a later ClOrdID.
    #[inline]
    pub(crate) const fn is_superseded(&self) -> bool {
        self.record.chained & SUPERSEDED != 0
    }
}

/// How much of an order has executed, at what value, and what that makes of it. It goes from hand
/// to hand, and into the record only if the order stays: a processor hands what was just written
/// on to reads of the same size, but not to a copy of the whole.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) cum_qty: u64,
    pub(crate) cum_value: i64,
    pub(crate) ord_status: OrdStatus,
}

impl Standing {
    /// OrdStatus(39) of an order that is open, and stands so.
    #[inline(always)]
    pub(crate) const fn open_status(&self) -> OrdStatus {
        if self.cum_qty == 0 { OrdStatus::New } else { OrdStatus::PartiallyFilled }
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

/// The hash of a name, and the line that it chooses: made once for each command.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spot {
    pub(crate) hash: u64,
    line: u32,
}

/// A member's ClOrdID with its spot.
#[derive(Clone, Copy)]
pub(crate) struct Name<'c> {
    member_id: u32,
    cl_ord_id: &'c ClOrdId,
    pub(crate) spot: Spot,
}

impl<'c> Name<'c> {
    /// A name whose spot is known.
    #[inline]
    pub(crate) const fn at(member_id: u32, cl_ord_id: &'c ClOrdId, spot: Spot) -> Self {
        Self { member_id, cl_ord_id, spot }
    }

    #[inline]
    fn is(&self, member_id: u32, cl_ord_id: &ClOrdId) -> bool {
        self.member_id == member_id && *self.cl_ord_id == *cl_ord_id
    }
}

/// The slices of the names.
pub(crate) struct NameStorage<M: Memory> {
    /// Records of open orders, by slot.
    pub(crate) records: M::Of<RecordLine>,
    pub(crate) past: M::Of<PastRecord>,
    pub(crate) lines: M::Of<NameLine>,
}

/// The records and their index.
pub(crate) struct Names<M: Memory> {
    records: M::Of<RecordLine>,
    past: M::Of<PastRecord>,
    lines: M::Of<NameLine>,
    past_len: u32,
    /// ClOrdIDs that were ever used.
    used: u32,
}

impl<M: Memory> Names<M> {
    /// No ClOrdID is used.
    pub(crate) fn new(storage: NameStorage<M>) -> Self {
        let NameStorage { mut records, past, mut lines } = storage;
        if let Some(none) = records.as_mut().first_mut() {
            *none = RecordLine::default();
        }
        lines.as_mut().fill(NameLine::default());
        Self { records, past, lines, past_len: 0, used: 0 }
    }

    /// How many ClOrdIDs are used.
    pub(crate) const fn used(&self) -> u32 {
        self.used
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
        &certain(self.records.as_ref().get(slot as usize), "an order has a record").0
    }

    #[inline]
    pub(crate) fn record_mut(&mut self, slot: u32) -> &mut OrderRecord {
        &mut certain(self.records.as_mut().get_mut(slot as usize), "an order has a record").0
    }

    /// A member's ClOrdID, whose spot is not known yet.
    #[inline]
    pub(crate) fn name<'c>(&self, member_id: u32, cl_ord_id: &'c ClOrdId) -> Name<'c> {
        Name::at(member_id, cl_ord_id, self.spot(state_hash::name(member_id, cl_ord_id)))
    }

    /// Where a hash leads, by its higher half.
    #[inline(always)]
    pub(crate) fn spot(&self, hash: u64) -> Spot {
        let lines = self.lines.as_ref().len() as u64;
        // Lines are fewer than 2^32.
        Spot { hash, line: ((hash >> 32).wrapping_mul(lines) >> 32) as u32 }
    }

    /// The order of a member's ClOrdID; `None` if that was never used.
    #[inline]
    pub(crate) fn find(&self, name: &Name) -> Option<Named> {
        let (line, hash) = (self.line(name.spot), name.spot.hash);
        if let Some(slot) = self.find_in_chain(line.open(hash), name) {
            return Some(Named::Open(slot));
        }
        if line.is_new(hash) { None } else { self.find_past(line.past(hash), name) }
    }

    /// The open order of a ClOrdID.
    #[inline(always)]
    pub(crate) fn find_open(&self, name: &Name) -> Option<u32> {
        self.find_in_chain(self.line(name.spot).open(name.spot.hash), name)
    }

    /// True if the ClOrdID at a spot was never used. Of a few of these it says false.
    #[inline(always)]
    pub(crate) fn is_surely_new(&self, spot: Spot) -> bool {
        self.line(spot).is_new(spot.hash)
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
            if name.is(known.record.member_id, &known.record.cl_ord_id) {
                let gone = Named::Gone(number);
                return Some(if known.is_superseded() { Named::Superseded } else { gone });
            }
            link = known.record.chained;
        }
        None
    }

    /// The line of a spot.
    #[inline]
    fn line(&self, spot: Spot) -> &NameLine {
        certain(self.lines.as_ref().get(spot.line as usize), "there is a line for every hash")
    }

    #[inline]
    fn line_mut(&mut self, spot: Spot) -> &mut NameLine {
        certain(self.lines.as_mut().get_mut(spot.line as usize), "there is a line for every hash")
    }

    /// The open order of a ClOrdID, where a look ahead found one and nothing has changed since.
    #[inline]
    pub(crate) fn still_open(&self, slot: u32, name: &Name) -> bool {
        let known = self.records.as_ref().get(slot as usize);
        known.is_some_and(|RecordLine(known)| {
            known.ord_type != OrdType::None && name.is(known.member_id, &known.cl_ord_id)
        })
    }

    /// The open order of a ClOrdID, where a look ahead may have found it in a slot.
    #[inline(always)]
    pub(crate) fn find_open_at(&self, slot: u32, name: &Name) -> Option<u32> {
        if self.still_open(slot, name) { Some(slot) } else { self.find_open(name) }
    }

    /// Asks for the line of a spot.
    #[inline]
    pub(crate) fn prefetch(&self, spot: Spot) {
        prefetch_at(self.lines.as_ref(), spot.line as usize);
    }

    /// The slot of the open order that the ClOrdID at a spot seems to name, by its chain alone, or
    /// [`NONE`]; asks for the record.
    #[inline]
    pub(crate) fn guess(&self, spot: Spot) -> u32 {
        let slot = self.line(spot).open(spot.hash);
        self.prefetch_record(slot);
        slot
    }

    /// Asks for the record of an order.
    #[inline]
    pub(crate) fn prefetch_record(&self, slot: u32) {
        prefetch_at(self.records.as_ref(), slot as usize);
    }

    /// Notes that the order in a slot has the ClOrdID at this spot. The record, which is to be
    /// written over, says so only when it is written.
    #[inline(always)]
    pub(crate) fn open(&mut self, spot: Spot, slot: u32) -> &mut OrderRecord {
        // Fewer than 2^32: `room_for_name`.
        self.used = self.used.wrapping_add(1);
        let line = self.line_mut(spot);
        line.note(spot.hash);
        let chained = core::mem::replace(line.open_mut(spot.hash), slot);
        let record = self.record_mut(slot);
        record.chained = chained;
        record
    }

    /// Gives a new order, which is in a slot, its record and its ClOrdID, which is at this spot.
    /// Written where it stays, word by word: a copy of what was just written, as a whole, would
    /// wait until all of it has left the processor.
    #[inline(always)]
    pub(crate) fn enter(&mut self, spot: Spot, slot: u32, order_id: u64, command: &Command) {
        let record = self.open(spot, slot);
        record.order_id = order_id;
        record.order_qty = command.order_qty;
        record.cum_value = 0;
        record.cl_ord_id = command.cl_ord_id;
        record.member_id = command.member_id;
        record.session_id = command.session_id;
        record.instrument_id = command.instrument_id;
        record.side = command.side;
        record.ord_type = command.ord_type;
        record.time_in_force = command.time_in_force;
        record.ord_status = OrdStatus::New;
    }

    /// Keeps how the order in a slot, whose ClOrdID has this spot, stands at its end.
    #[inline(always)]
    pub(crate) fn close(&mut self, slot: u32, spot: Spot, price: i64, last: &Standing) {
        self.bury(slot, spot, price, last, 0);
        self.record_mut(slot).ord_type = OrdType::None;
    }

    /// Gives the order in a slot a further ClOrdID, which has the spot `after`. The record says so
    /// only when that is written into it.
    #[inline(always)]
    pub(crate) fn rename(
        &mut self,
        slot: u32,
        before: Spot,
        after: Spot,
        price: i64,
        last: &Standing,
    ) -> &mut OrderRecord {
        self.bury(slot, before, price, last, SUPERSEDED);
        self.open(after, slot)
    }

    /// The spot of the ClOrdID of an open order.
    #[inline]
    pub(crate) fn spot_of(&self, slot: u32) -> Spot {
        let record = self.record(slot);
        self.spot(state_hash::name(record.member_id, &record.cl_ord_id))
    }

    #[inline(always)]
    fn bury(&mut self, slot: u32, spot: Spot, price: i64, last: &Standing, superseded: u32) {
        let number = self.past_len;
        // The past has storage for all that are used.
        self.past_len = number.wrapping_add(1);
        // It is written from end to end, and always where nobody has been yet.
        let soon = number.wrapping_add(PAST_AHEAD) as usize;
        prefetch_whole_to_write_at(self.past.as_ref(), soon);
        let found = self.lines.as_mut().get_mut(spot.line as usize);
        let line = certain(found, "there is a line for every hash");
        let end = certain(self.past.as_mut().get_mut(number as usize), "the past has storage");
        let RecordLine(record) =
            certain(self.records.as_ref().get(slot as usize), "an order has a record");
        let chained = record.chained;
        end.record = *record;
        end.record.cum_value = last.cum_value;
        end.record.ord_status = last.ord_status;
        end.record.chained =
            core::mem::replace(line.past_mut(spot.hash), self.past_len) | superseded;
        (end.price, end.cum_qty) = (price, last.cum_qty);
        let first = line.open_mut(spot.hash);
        if *first == slot {
            *first = chained;
        } else {
            self.unchain(spot, slot, chained);
        }
    }

    /// Takes an order out of the middle of its chain.
    #[cold]
    fn unchain(&mut self, spot: Spot, slot: u32, chained: u32) {
        let mut at = self.line(spot).open(spot.hash);
        while self.record(at).chained != slot {
            invariant(at != NONE, "an open order is in its chain");
            at = self.record(at).chained;
        }
        self.record_mut(at).chained = chained;
    }
}
