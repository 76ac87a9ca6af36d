//! Limits of chosen sessions: the largest order, the largest position, and how many orders a
//! second. They hold what trades by itself; each of the three is no limit where it is 0.
//!
//! * Largest order: of a new order or a replace, by the session that sends it.
//! * Position, for each instrument: lots bought less lots sold since the session has limits. An
//!   order is admitted if the position stays within the limit though the order and all open ones
//!   of its side execute and none of the other side does. A replace counts for the session that
//!   owns the order, and one that leaves no more than before is always admitted.
//! * Rate: a bucket of `rate_burst` tokens, full at first, that gains `rate_per_s` a second of
//!   sequenced time. A new order or replace takes one, whatever becomes of it then; where there
//!   is none it is refused. Cancels and status requests are free.
//!
//! Other limits for a session that has some keep position and open quantities, and the tokens as
//! far as the new bucket holds them. Taking them away forgets all of it. The order of a session
//! without limits pays one load wherever a limit could apply.

use touchline_prefetch::prefetch_at;
use touchline_types::{Command, EventKind, Reason, Side};

use crate::accounts::Claim;
use crate::blocks::OWNERS_MAX;
use crate::emitter::{Emitter, EventSink};
use crate::gates;
use crate::invariant::{certain, less, more};
use crate::ladder::{sells, turned};
use crate::matcher::{Matcher, reject};
use crate::state_hash;
use crate::storage::Memory;
use crate::view::LimitsView;

/// A token, in the unit of a bucket: what a rate of one a second gains in a second of ns. The
/// largest bucket, `u32::MAX` tokens, is below half of what 64 bits hold.
const TOKEN: u64 = 1_000_000_000;

/// The limits of a session, and its bucket: a line of the cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct SessionLimits {
    /// 0 where the row is free.
    pub(crate) session_id: u32,
    pub(crate) terms: LimitsView,
    /// What is in the bucket, parts of a token; 0 without a rate.
    pub(crate) credit: u64,
    /// When that was counted, ns since the epoch; 0 without a rate.
    pub(crate) credit_time: u64,
    /// What the bucket holds at most, parts of a token.
    credit_max: u64,
    /// [`state_hash::bucket_key`].
    bucket_key: u64,
}

impl SessionLimits {
    /// Limits of a session, none yet.
    fn of(session_id: u32) -> Self {
        Self { session_id, bucket_key: state_hash::bucket_key(session_id), ..Self::default() }
    }

    /// What the bucket holds at most, parts of a token.
    pub(crate) const fn credit_max(&self) -> u64 {
        self.credit_max
    }

    /// What is in the bucket at a time. What saturates is above every bucket.
    #[inline(always)]
    fn credit_at(&self, now: u64) -> u64 {
        // Sequenced time rises, and a bucket never holds more than it may.
        let passed = now.wrapping_sub(self.credit_time);
        let gain = passed.saturating_mul(self.terms.rate_per_s.into());
        self.credit.wrapping_add(gain.min(self.credit_max.wrapping_sub(self.credit)))
    }

    /// So much is in the bucket now. Returns by how much its part of the state hash rises.
    #[inline(always)]
    fn fill(&mut self, credit: u64, now: u64) -> u64 {
        let risen = credit.wrapping_sub(self.credit);
        let passed = now.wrapping_sub(self.credit_time);
        (self.credit, self.credit_time) = (credit, now);
        state_hash::bucket(self.bucket_key, risen, passed)
    }

    /// Its parts of the state hash; a row that is free has none.
    fn mix(&self) -> u64 {
        if self.session_id == 0 {
            return 0;
        }
        let bucket = state_hash::bucket(self.bucket_key, self.credit, self.credit_time);
        state_hash::limits(self.session_id, &self.terms).wrapping_add(bucket)
    }

    /// Other limits from now on.
    fn change(&mut self, terms: LimitsView, now: u64) {
        let before = if self.terms.rate_per_s > 0 { self.credit_at(now) } else { u64::MAX };
        self.terms = terms;
        self.credit_max = u64::from(terms.rate_burst).saturating_mul(TOKEN);
        self.credit = before.min(self.credit_max);
        self.credit_time = if terms.rate_per_s > 0 { now } else { 0 };
    }
}

/// What a session holds of an instrument, and could come to hold: half a line of the cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
pub struct SessionPosition {
    /// Lots bought less lots sold. Stays at 2^63 - 1 either way.
    pub(crate) position: i64,
    /// Sum of leaves_qty of its open bids, and of its open offers.
    pub(crate) open_qty: [u64; 2],
    /// The position's part of the state hash.
    mix: u64,
}

impl SessionPosition {
    #[inline]
    fn open_qty(&mut self, side: Side) -> &mut u64 {
        let [bids, offers] = &mut self.open_qty;
        if sells(side) == 1 { offers } else { bids }
    }

    /// True if the position stays within a limit though all open orders of a side execute, and so
    /// many lots more.
    #[inline(always)]
    fn stays_within(&self, most: i64, side: Side, qty: u64) -> bool {
        let [bids, offers] = self.open_qty;
        let open_qty = if sells(side) == 1 { offers } else { bids };
        // The entry checks bound what is open of a book, and an order, to 63 bits each.
        let more = open_qty.wrapping_add(qty);
        let held = turned(side, self.position);
        // Two of 64 bits with a sign are less than 2^64 apart.
        held <= most && more <= most.wrapping_sub(held).cast_unsigned()
    }

    /// Moves the position; returns by how much its part of the state hash rises.
    #[inline]
    fn trade(&mut self, session_id: u32, instrument: u32, side: Side, qty: u64) -> u64 {
        // The entry checks bound quantities to 63 bits.
        let bought = turned(side, qty as i64);
        self.position = self.position.saturating_add(bought).max(i64::MIN.wrapping_add(1));
        let before = self.mix;
        self.mix = state_hash::position(session_id, instrument, self.position);
        self.mix.wrapping_sub(before)
    }
}

/// All sessions that have limits.
pub(crate) struct Limits<M: Memory> {
    /// By session: its row, from 1; 0 where it has no limits.
    row_of: [u16; OWNERS_MAX as usize + 1],
    rows: M::Of<SessionLimits>,
    positions: M::Of<SessionPosition>,
    /// Positions of a row: one for each instrument.
    instruments: usize,
    /// Sum of the mixes of rows that are in use and their positions.
    pub(crate) mixes: u64,
}

impl<M: Memory> Limits<M> {
    /// No session has limits.
    pub(crate) fn new(
        mut rows: M::Of<SessionLimits>,
        positions: M::Of<SessionPosition>,
        instruments: usize,
    ) -> Self {
        rows.as_mut().fill(SessionLimits::default());
        Self { row_of: [0; OWNERS_MAX as usize + 1], rows, positions, instruments, mixes: 0 }
    }

    /// Instruments that a row has positions of.
    pub(crate) const fn instruments(&self) -> usize {
        self.instruments
    }

    /// Rows that are in use.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &SessionLimits> + '_ {
        self.rows.as_ref().iter().filter(|row| row.session_id != 0)
    }

    /// The limits of a session, if it has any.
    pub(crate) fn of(&self, session_id: u32) -> Option<&SessionLimits> {
        Some(self.row(self.find(session_id)?))
    }

    /// What a session with limits holds of an instrument.
    pub(crate) fn position(&self, session_id: u32, instrument: u32) -> Option<&SessionPosition> {
        Some(self.position_at(self.find(session_id)?, instrument))
    }

    /// Asks for the limits of a session, and what it holds of an instrument.
    #[inline]
    pub(crate) fn prefetch(&self, session_id: u32, instrument: u32) {
        if let Some(row) = self.find(session_id) {
            let at = row.wrapping_mul(self.instruments).wrapping_add(instrument as usize);
            prefetch_at(self.rows.as_ref(), row);
            prefetch_at(self.positions.as_ref(), at);
        }
    }

    /// Takes a token for a new order or replace, if the session needs one.
    #[inline]
    pub(crate) fn take_token(&mut self, command: &Command) -> Result<(), Reason> {
        match self.find(command.session_id) {
            None => Ok(()),
            Some(row) => self.take_token_of(row, command.timestamp),
        }
    }

    /// Checks the quantity of a new order, and the position that it could lead to.
    #[inline(always)]
    pub(crate) fn new_order(&self, command: &Command, instrument: u32) -> Result<(), Reason> {
        let Some(row) = self.find(command.session_id) else { return Ok(()) };
        self.largest_order(row, command.order_qty)?;
        self.largest_position(row, instrument, command.side, command.order_qty)
    }

    /// Checks the quantity of a replace, and the position that it could lead to. The order is of
    /// session `owner_id` and leaves `more_qty` more than before.
    #[inline]
    pub(crate) fn replace(
        &self,
        command: &Command,
        owner_id: u32,
        instrument: u32,
        more_qty: u64,
    ) -> Result<(), Reason> {
        if let Some(row) = self.find(command.session_id) {
            self.largest_order(row, command.order_qty)?;
        }
        match self.find(owner_id) {
            Some(row) if more_qty > 0 => {
                self.largest_position(row, instrument, command.side, more_qty)
            }
            _ => Ok(()),
        }
    }

    /// Lets a new order rest, if it passes all limits that its session has: it takes its token and
    /// counts as open. Else nothing has changed.
    #[inline(always)]
    pub(crate) fn commit(&mut self, command: &Command, instrument: u32) -> bool {
        let Command { session_id, side, order_qty, .. } = *command;
        let Some(row) = self.find(session_id) else { return true };
        let Some(held) = self.pass(row, command, instrument, order_qty) else { return false };
        let open_qty = held.open_qty(side);
        *open_qty = more(*open_qty, order_qty);
        true
    }

    /// Lets an order of the session with this row leave as much as a replace says instead of as
    /// much as before, if that passes all of its limits: it takes its token. Else nothing has
    /// changed.
    #[inline(always)]
    pub(crate) fn change(
        &mut self,
        row: usize,
        command: &Command,
        before: &Claim,
        claim: &Claim,
    ) -> bool {
        let Claim { instrument, side, qty, .. } = *claim;
        let more_qty = qty.saturating_sub(before.qty);
        let Some(held) = self.pass(row, command, instrument, more_qty) else { return false };
        let open_qty = held.open_qty(side);
        *open_qty = more(less(*open_qty, before.qty), qty);
        true
    }

    /// Lets a new order that executes at once pass the limits of its session, if it has any and the
    /// order passes all of them: it takes its token. Else nothing has changed.
    #[inline]
    pub(crate) fn admit(&mut self, command: &Command, instrument: u32) -> bool {
        let Some(row) = self.find(command.session_id) else { return true };
        self.pass(row, command, instrument, command.order_qty).is_some()
    }

    /// Lets a new order or replace, which leaves so much more than before, pass all limits of a
    /// row: it takes its token. Else nothing has changed. Returns the position that it counts for.
    #[inline(always)]
    fn pass(
        &mut self,
        row: usize,
        command: &Command,
        instrument: u32,
        more_qty: u64,
    ) -> Option<&mut SessionPosition> {
        let Command { side, order_qty, timestamp, .. } = *command;
        let at = row.wrapping_mul(self.instruments).wrapping_add(instrument as usize);
        let held = certain(self.positions.as_mut().get_mut(at), "a row has its positions");
        let row = certain(self.rows.as_mut().get_mut(row), "limits have a row");
        let LimitsView { max_order_qty, max_position, rate_per_s, .. } = row.terms;
        let fits = (max_order_qty == 0 || order_qty <= max_order_qty)
            && (max_position == 0
                || more_qty == 0
                || held.stays_within(max_position, side, more_qty));
        if !fits {
            return None;
        }
        if rate_per_s > 0 {
            let rest = row.credit_at(timestamp).checked_sub(TOKEN)?;
            self.mixes = self.mixes.wrapping_add(row.fill(rest, timestamp));
        }
        Some(held)
    }

    /// An order of the session rests with so much more.
    #[inline]
    pub(crate) fn opened(&mut self, session_id: u32, instrument: u32, side: Side, qty: u64) {
        if let Some(row) = self.find(session_id) {
            let open_qty = self.position_mut(row, instrument).open_qty(side);
            *open_qty = more(*open_qty, qty);
        }
    }

    /// An order of the session rests with so much less, and it did not execute.
    #[inline]
    pub(crate) fn withdrew(&mut self, session_id: u32, instrument: u32, side: Side, qty: u64) {
        if let Some(row) = self.find(session_id) {
            let open_qty = self.position_mut(row, instrument).open_qty(side);
            *open_qty = less(*open_qty, qty);
        }
    }

    /// A resting order of the session executed.
    #[inline]
    pub(crate) fn filled(&mut self, session_id: u32, instrument: u32, side: Side, qty: u64) {
        if let Some(row) = self.find(session_id) {
            let held = self.position_mut(row, instrument);
            let open_qty = held.open_qty(side);
            *open_qty = less(*open_qty, qty);
            let rise = held.trade(session_id, instrument, side, qty);
            self.mixes = self.mixes.wrapping_add(rise);
        }
    }

    /// An order of the session executed while it was in no book.
    #[inline]
    pub(crate) fn took(&mut self, session_id: u32, instrument: u32, side: Side, qty: u64) {
        if let Some(row) = self.find(session_id) {
            let held = self.position_mut(row, instrument);
            let rise = held.trade(session_id, instrument, side, qty);
            self.mixes = self.mixes.wrapping_add(rise);
        }
    }

    /// The row of a session: the one load that a session without limits pays.
    #[inline]
    pub(crate) fn find(&self, session_id: u32) -> Option<usize> {
        let row = self.row_of.get(session_id as usize)?;
        usize::from(*row).checked_sub(1)
    }

    fn row(&self, row: usize) -> &SessionLimits {
        certain(self.rows.as_ref().get(row), "limits have a row")
    }

    fn position_at(&self, row: usize, instrument: u32) -> &SessionPosition {
        let at = row.wrapping_mul(self.instruments).wrapping_add(instrument as usize);
        certain(self.positions.as_ref().get(at), "a row has its positions")
    }

    #[inline]
    fn position_mut(&mut self, row: usize, instrument: u32) -> &mut SessionPosition {
        let at = row.wrapping_mul(self.instruments).wrapping_add(instrument as usize);
        certain(self.positions.as_mut().get_mut(at), "a row has its positions")
    }

    #[inline]
    fn largest_order(&self, row: usize, order_qty: u64) -> Result<(), Reason> {
        let most = self.row(row).terms.max_order_qty;
        if most == 0 || order_qty <= most { Ok(()) } else { Err(Reason::OrderExceedsLimit) }
    }

    #[inline]
    fn largest_position(
        &self,
        row: usize,
        instrument: u32,
        side: Side,
        qty: u64,
    ) -> Result<(), Reason> {
        let most = self.row(row).terms.max_position;
        let held = self.position_at(row, instrument);
        let fits = most == 0 || held.stays_within(most, side, qty);
        if fits { Ok(()) } else { Err(Reason::PositionLimit) }
    }

    #[inline]
    fn take_token_of(&mut self, row: usize, now: u64) -> Result<(), Reason> {
        let found = self.row_mut(row);
        if found.terms.rate_per_s == 0 {
            return Ok(());
        }
        let credit = found.credit_at(now);
        let rest = credit.checked_sub(TOKEN);
        let rise = found.fill(rest.unwrap_or(credit), now);
        self.mixes = self.mixes.wrapping_add(rise);
        if rest.is_some() { Ok(()) } else { Err(Reason::RateExceeded) }
    }

    #[inline]
    fn row_mut(&mut self, row: usize) -> &mut SessionLimits {
        certain(self.rows.as_mut().get_mut(row), "limits have a row")
    }

    /// Changes a row, and the state hash with it.
    fn change_row(&mut self, row: usize, change: impl FnOnce(&mut SessionLimits)) {
        let found = self.row_mut(row);
        let before = found.mix();
        change(found);
        let rise = found.mix().wrapping_sub(before);
        self.mixes = self.mixes.wrapping_add(rise);
    }

    /// Gives a session a free row, with no limits and no positions yet; `None` if there is none.
    fn take_row(&mut self, session_id: u32) -> Option<usize> {
        let room = self.positions.as_ref().len().checked_div(self.instruments).unwrap_or(0);
        let rows = self.rows.as_ref().iter().take(room.min(OWNERS_MAX as usize));
        let row = rows.enumerate().find(|(_, each)| each.session_id == 0)?.0;
        let number = u16::try_from(row.wrapping_add(1)).ok()?;
        *self.row_of.get_mut(session_id as usize)? = number;
        self.change_row(row, |each| *each = SessionLimits::of(session_id));
        self.clear_positions(row, session_id);
        Some(row)
    }

    fn give_back(&mut self, row: usize) {
        let session_id = self.row(row).session_id;
        let gone = self.positions_of(row).iter().fold(0, |sum: u64, p| sum.wrapping_add(p.mix));
        self.mixes = self.mixes.wrapping_sub(gone);
        self.change_row(row, |each| *each = SessionLimits::default());
        if let Some(number) = self.row_of.get_mut(session_id as usize) {
            *number = 0;
        }
    }

    /// Nothing is held, of any instrument.
    fn clear_positions(&mut self, row: usize, session_id: u32) {
        let mut sum = 0_u64;
        for (instrument, held) in (0..).zip(self.positions_of(row)) {
            let mix = state_hash::position(session_id, instrument, 0);
            *held = SessionPosition { mix, ..SessionPosition::default() };
            sum = sum.wrapping_add(mix);
        }
        self.mixes = self.mixes.wrapping_add(sum);
    }

    fn positions_of(&mut self, row: usize) -> &mut [SessionPosition] {
        let start = row.wrapping_mul(self.instruments);
        let end = start.wrapping_add(self.instruments);
        certain(self.positions.as_mut().get_mut(start..end), "a row has its positions")
    }
}

impl<M: Memory> Matcher<M> {
    /// Sets the limits of a session. The first ones walk the books once: O(open orders).
    pub(crate) fn set_limits<K: EventSink>(&mut self, command: &Command, out: &mut Emitter<'_, K>) {
        let checked = gates::set_limits(command).and_then(|terms| self.limit(command, terms));
        match checked {
            Ok(()) => drop(out.begin(EventKind::LimitsSet)),
            Err(reason) => reject(command, reason, out),
        }
    }

    fn limit(&mut self, command: &Command, terms: LimitsView) -> Result<(), Reason> {
        let session_id = command.scope_id;
        let known = self.limits.find(session_id);
        if terms == LimitsView::default() {
            if let Some(row) = known {
                self.limits.give_back(row);
            }
            return Ok(());
        }
        let row = match known {
            Some(row) => row,
            None => {
                let row = self.limits.take_row(session_id).ok_or(Reason::TooManyOrders)?;
                self.count_open(session_id, row);
                row
            }
        };
        self.limits.change_row(row, |each| each.change(terms, command.timestamp));
        Ok(())
    }

    /// Counts what is open already when a session gets limits.
    fn count_open(&mut self, session_id: u32, row: usize) {
        for instrument in (0..).take(self.books.instruments().len()) {
            let open_qty = self.open_qty(session_id, instrument);
            self.limits.position_mut(row, instrument).open_qty = open_qty;
        }
    }

    /// Sums leaves_qty of a session's open bids and offers, from a walk over the book.
    pub(crate) fn open_qty(&self, session_id: u32, instrument: u32) -> [u64; 2] {
        let instrument_id = self.books.instrument(instrument).instrument_id;
        [Side::Buy, Side::Sell].map(|side| {
            let waits = self.held_slots(instrument);
            let waits = waits.filter(|slot| self.books.order(*slot).side == side);
            let slots = self.slots(instrument_id, side).chain(waits);
            let theirs = slots.filter(|slot| self.names.record(*slot).session_id == session_id);
            theirs.fold(0, |sum, slot| more(sum, self.books.order(slot).leaves_qty))
        })
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
