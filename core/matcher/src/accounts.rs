//! Accounts of chosen members: cash and lots, what open orders hold back of both, and fees.
//!
//! A cash unit is a price unit times a lot. An order is admitted where its account has free what
//! it could come to cost at its limit L (without one: at the instrument's worst price):
//!
//! * a bid, for each lot, max(0, L) + max(0, maker_fee, taker_fee) cash units;
//! * an offer its lots (nobody with an account sells what is not there), and for each of them
//!   max(0, -L) + max(0, maker_fee, taker_fee) cash units.
//!
//! While the order rests, or waits as a stop, that is held back. A fill moves cash and lots at
//! last_px; a resting order pays maker_fee for each lot, also in an uncross, an aggressor
//! taker_fee. No fill costs more than was held back for it, so nothing free is ever below 0. A fee
//! below 0 is a rebate. Other fees hold back anew, and are refused where cash does not cover that.
//!
//! Members without an account are one party, the others: what accounts gain from them they lose.
//! So nothing comes from nowhere, which `Matcher::check` proves:
//!
//! * cash deposited = cash of all accounts + of the others + fees;
//! * lots deposited = lots of all accounts + of the others, of each instrument.
//!
//! The order of a member without an account pays one load wherever an account could matter.
//!
//! Every sum fits 128 bits: orders come to fewer than 2^31 * 2^63 lots in all, each at a fee
//! below 2^32, and fewer than 2^62 deposits to 2^63 each. The value of an order fits 63 bits (see
//! `Instrument::qty_max`).

mod operators;

use touchline_prefetch::prefetch_at;
use touchline_types::{Command, OrdType, Reason, Side};

use crate::blocks::OWNERS_MAX;
use crate::book::{Books, RestingOrder};
use crate::extras::Marks;
use crate::instrument::Instrument;
use crate::invariant::{certain, less, more};
use crate::ladder::{sells, turned};
use crate::names::Names;
use crate::state_hash;
use crate::storage::Memory;

/// Largest fee or rebate, cash units for a lot.
pub const FEE_MAX: i64 = u32::MAX as i64;

/// What a member pays for each lot that executes, cash units; a rebate is below 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// For a resting order, also in an uncross.
    pub maker_fee: i64,
    /// For an aggressor.
    pub taker_fee: i64,
}

impl Fees {
    /// The most that a lot can cost, at most [`FEE_MAX`]; a rebate is not counted on.
    #[inline]
    fn worst(&self) -> u32 {
        u32::try_from(self.maker_fee.max(self.taker_fee).max(0)).unwrap_or(u32::MAX)
    }
}

/// The cash of a member, and its fees: a line of the cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Account {
    cash: i128,
    /// What open orders do not hold back of it.
    free: i128,
    fees: Fees,
    /// The cash's part of the state hash.
    mix: u64,
    /// 0 where the row is free.
    member_id: u32,
    /// [`Fees::worst`].
    worst_fee: u32,
}

/// What a member with an account has of an instrument, lots: half a line of the cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
pub struct Holding {
    /// Not bounded by what was deposited: the others may sell what they do not have.
    held: i128,
    /// Lots that open offers hold back.
    reserved: u64,
    /// The lots' part of the state hash.
    mix: u64,
}

/// Lots of an instrument, over all members.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstrumentTotal {
    deposited: i128,
    others: i128,
}

/// Cash, over all members.
#[derive(Clone, Copy, Debug, Default)]
struct CashTotal {
    deposited: i128,
    others: i128,
    fees: i128,
}

/// An order, or a part of one, that an account must cover.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    /// Worst price it takes.
    pub(crate) limit: i64,
    pub(crate) qty: u64,
}

impl Claim {
    /// What an order that rests leaves.
    #[inline]
    pub(crate) const fn of(order: &RestingOrder) -> Self {
        let RestingOrder { instrument, side, price, leaves_qty, .. } = *order;
        Self { instrument, side, limit: price, qty: leaves_qty }
    }

    /// An order at a limit; the worst price of its instrument where it has none.
    #[inline]
    pub(crate) fn at<M: Memory>(
        books: &Books<M>,
        instrument: u32,
        side: Side,
        limit: Option<i64>,
        qty: u64,
    ) -> Self {
        let Instrument { min_price, max_price, .. } = *books.instrument(instrument);
        let worst = if sells(side) == 1 { min_price } else { max_price };
        Self { instrument, side, limit: limit.unwrap_or(worst), qty }
    }

    /// What an open order leaves, whether it rests or waits. A stop may have no limit.
    #[inline]
    pub(crate) fn of_open<M: Memory>(books: &Books<M>, names: &Names<M>, slot: u32) -> Self {
        let order = books.order(slot);
        let is_free = order.marks.has(Marks::HELD) && names.record(slot).ord_type == OrdType::Stop;
        let limit = (!is_free).then_some(order.price);
        Self::at(books, order.instrument, order.side, limit, order.leaves_qty)
    }

    /// Cash that it holds back where a lot costs such a fee at most. Where the lowest number is
    /// a price, no quantity is admitted.
    #[inline]
    fn cash(&self, worst_fee: u32) -> i128 {
        let price = turned(self.side, self.limit).max(0).unsigned_abs();
        let a_lot = price.wrapping_add(worst_fee.into());
        u128::from(a_lot).wrapping_mul(self.qty.into()) as i128
    }

    /// Lots that it holds back.
    #[inline]
    const fn lots(&self) -> u64 {
        self.qty & (sells(self.side) as u64).wrapping_neg()
    }
}

/// All accounts.
pub(crate) struct Accounts<M: Memory> {
    /// By member: its row, from 1; 0 where it has no account.
    row_of: [u16; OWNERS_MAX as usize + 1],
    rows: M::Of<Account>,
    /// Of each row: one for each instrument.
    holdings: M::Of<Holding>,
    totals: M::Of<InstrumentTotal>,
    cash: CashTotal,
    /// Holdings of a row.
    instruments: usize,
    /// Sum of the mixes of accounts, holdings and deposits. What is held back is that of the open
    /// orders, and what the others have follows from the rest.
    pub(crate) mixes: u64,
}

/// Where accounts lie.
pub(crate) struct AccountStorage<M: Memory> {
    pub(crate) accounts: M::Of<Account>,
    pub(crate) holdings: M::Of<Holding>,
    pub(crate) totals: M::Of<InstrumentTotal>,
}

impl<M: Memory> Accounts<M> {
    /// No member has an account.
    pub(crate) fn new(storage: AccountStorage<M>, instruments: usize) -> Self {
        let AccountStorage { accounts: mut rows, holdings, mut totals } = storage;
        rows.as_mut().fill(Account::default());
        totals.as_mut().fill(InstrumentTotal::default());
        let row_of = [0; OWNERS_MAX as usize + 1];
        Self { row_of, rows, holdings, totals, cash: CashTotal::default(), instruments, mixes: 0 }
    }

    /// The part of the state hash that is not in `mixes`.
    #[inline]
    pub(crate) fn fees_mix(&self) -> u64 {
        state_hash::fees(self.cash.fees)
    }

    /// Asks for the account of a member, and what it has of an instrument.
    #[inline]
    pub(crate) fn prefetch(&self, member_id: u32, instrument: u32) {
        if let Some(row) = self.find(member_id) {
            let at = row.wrapping_mul(self.instruments).wrapping_add(instrument as usize);
            prefetch_at(self.rows.as_ref(), row);
            prefetch_at(self.holdings.as_ref(), at);
        }
    }

    /// Checks that the account of a member covers a new order.
    #[inline]
    pub(crate) fn cover(&self, member_id: u32, claim: &Claim) -> Result<(), Reason> {
        match self.find(member_id) {
            None => Ok(()),
            Some(row) => self.cover_in_place(row, None, claim),
        }
    }

    /// Checks that the account of a member covers an order in the place of another one.
    #[inline]
    pub(crate) fn cover_change(
        &self,
        member_id: u32,
        before: &Claim,
        claim: &Claim,
    ) -> Result<(), Reason> {
        match self.find(member_id) {
            None => Ok(()),
            Some(row) => self.cover_in_place(row, Some(before), claim),
        }
    }

    /// An order of the member rests with so much more.
    #[inline]
    pub(crate) fn opened(&mut self, member_id: u32, claim: &Claim) {
        if let Some(row) = self.find(member_id) {
            self.hold_back(row, claim);
        }
    }

    /// An order of the member rests with so much less, and it did not execute.
    #[inline(always)]
    pub(crate) fn withdrew(&mut self, member_id: u32, claim: &Claim) {
        if let Some(row) = self.find(member_id) {
            self.give_back(row, claim);
        }
    }

    /// A row holds a claim back no more.
    #[inline(always)]
    pub(crate) fn give_back(&mut self, row: usize, claim: &Claim) {
        let at = row.wrapping_mul(self.instruments).wrapping_add(claim.instrument as usize);
        let holding = certain(self.holdings.as_mut().get_mut(at), "an account has its holdings");
        let account = certain(self.rows.as_mut().get_mut(row), "an account has a row");
        give_back(account, holding, claim);
    }

    /// A resting order of the member executed.
    #[inline]
    pub(crate) fn filled(&mut self, member_id: u32, claim: &Claim, px: i64) {
        if let Some(row) = self.find(member_id) {
            self.fill(row, claim, px);
        }
    }

    /// An order of the member executed while it was in no book, at such a value.
    #[inline]
    pub(crate) fn took(
        &mut self,
        member_id: u32,
        instrument: u32,
        side: Side,
        qty: u64,
        value: i64,
    ) {
        if let Some(row) = self.find(member_id) {
            self.take(row, instrument, side, qty, value);
        }
    }

    /// The row of a member: the one load that a member without an account pays.
    #[inline]
    pub(crate) fn find(&self, member_id: u32) -> Option<usize> {
        let row = self.row_of.get(member_id as usize)?;
        usize::from(*row).checked_sub(1)
    }

    /// Checks that a row covers a claim, in the place of another one.
    fn cover_in_place(
        &self,
        row: usize,
        before: Option<&Claim>,
        claim: &Claim,
    ) -> Result<(), Reason> {
        match covered(self.row(row), self.holding(row, claim.instrument), before, claim) {
            Some(_) => Ok(()),
            None => Err(Reason::InsufficientFunds),
        }
    }

    /// Holds back what a new order that is to rest could cost, if its member has an account and
    /// what is free covers it. Else nothing has changed.
    #[inline(always)]
    pub(crate) fn commit(&mut self, command: &Command, instrument: u32) -> bool {
        let Command { member_id, side, price, order_qty, .. } = *command;
        let Some(row) = self.find(member_id) else { return true };
        let claim = Claim { instrument, side, limit: price, qty: order_qty };
        self.hold_back_if_covered(row, None, &claim)
    }

    /// Holds back a claim, in the place of another one, if what is free covers it. Else nothing has
    /// changed.
    #[inline(always)]
    pub(crate) fn hold_back_if_covered(
        &mut self,
        row: usize,
        before: Option<&Claim>,
        claim: &Claim,
    ) -> bool {
        let at = row.wrapping_mul(self.instruments).wrapping_add(claim.instrument as usize);
        let holding = certain(self.holdings.as_mut().get_mut(at), "an account has its holdings");
        let account = certain(self.rows.as_mut().get_mut(row), "an account has a row");
        let Some(rest) = covered(account, holding, before, claim) else { return false };
        (account.free, holding.reserved) = rest;
        true
    }

    /// Takes such a change back.
    #[cold]
    pub(crate) fn change_back(&mut self, row: usize, before: &Claim, claim: &Claim) {
        self.give_back(row, claim);
        self.hold_back(row, before);
    }

    #[inline(never)]
    fn hold_back(&mut self, row: usize, claim: &Claim) {
        let (account, holding, _) = self.parts(row, claim.instrument);
        account.free = account.free.wrapping_sub(claim.cash(account.worst_fee));
        holding.reserved = more(holding.reserved, claim.lots());
    }

    #[inline(always)]
    fn fill(&mut self, row: usize, claim: &Claim, px: i64) {
        let Claim { instrument, side, qty, .. } = *claim;
        let (account, holding, _) = self.parts(row, instrument);
        give_back(account, holding, claim);
        let fee = account.fees.maker_fee;
        self.settle(row, instrument, side, qty, px.wrapping_mul(qty as i64), fee);
    }

    #[inline(never)]
    fn take(&mut self, row: usize, instrument: u32, side: Side, qty: u64, value: i64) {
        let fee = self.row(row).fees.taker_fee;
        self.settle(row, instrument, side, qty, value, fee);
    }

    /// Moves cash and lots of a fill.
    #[inline(always)]
    fn settle(&mut self, row: usize, instrument: u32, side: Side, qty: u64, value: i64, fee: i64) {
        // The entry checks bound quantity and value to 63 bits.
        let bought = i128::from(turned(side, qty as i64));
        let paid = i128::from(turned(side, value));
        let fees = i128::from(fee).wrapping_mul(i128::from(qty as i64));
        let (account, holding, total) = self.parts(row, instrument);
        let cost = paid.wrapping_add(fees);
        account.cash = account.cash.wrapping_sub(cost);
        account.free = account.free.wrapping_sub(cost);
        holding.held = holding.held.wrapping_add(bought);
        total.others = total.others.wrapping_sub(bought);
        let rise = account.mix_cash().wrapping_add(holding.mix_lots(account.member_id, instrument));
        self.mixes = self.mixes.wrapping_add(rise);
        self.cash.others = self.cash.others.wrapping_add(paid);
        self.cash.fees = self.cash.fees.wrapping_add(fees);
    }
}

/// What is free, and how many lots are held back, with a claim in the place of another one; `None`
/// if that is more than there is.
#[inline(always)]
fn covered(
    account: &Account,
    holding: &Holding,
    before: Option<&Claim>,
    claim: &Claim,
) -> Option<(i128, u64)> {
    let (cash, lots) = before.map_or((0, 0), |it| (it.cash(account.worst_fee), it.lots()));
    let free = account.free.wrapping_add(cash).wrapping_sub(claim.cash(account.worst_fee));
    let offered = more(less(holding.reserved, lots), claim.lots());
    // No branch on the side: a bid holds back no lots.
    let fits = (free >= 0) & (i128::from(offered) <= holding.held);
    fits.then_some((free, offered))
}

/// Nothing is held back any more for a claim.
#[inline]
fn give_back(account: &mut Account, holding: &mut Holding, claim: &Claim) {
    account.free = account.free.wrapping_add(claim.cash(account.worst_fee));
    holding.reserved = less(holding.reserved, claim.lots());
}

impl Account {
    /// Its cash's part of the state hash, made anew; returns by how much it rises.
    #[inline]
    fn mix_cash(&mut self) -> u64 {
        let before = self.mix;
        self.mix = state_hash::cash(self.member_id, self.cash);
        self.mix.wrapping_sub(before)
    }
}

impl Holding {
    /// As [`Account::mix_cash`].
    #[inline]
    fn mix_lots(&mut self, member_id: u32, instrument: u32) -> u64 {
        let before = self.mix;
        self.mix = state_hash::holding(member_id, instrument, self.held);
        self.mix.wrapping_sub(before)
    }

    #[inline]
    fn free(&self) -> i128 {
        self.held.wrapping_sub(self.reserved.into())
    }
}

/// Rows: who has one, and what lies in it.
impl<M: Memory> Accounts<M> {
    fn row(&self, row: usize) -> &Account {
        certain(self.rows.as_ref().get(row), "an account has a row")
    }

    fn holding(&self, row: usize, instrument: u32) -> &Holding {
        let at = row.wrapping_mul(self.instruments).wrapping_add(instrument as usize);
        certain(self.holdings.as_ref().get(at), "an account has its holdings")
    }

    #[inline]
    fn parts(
        &mut self,
        row: usize,
        instrument: u32,
    ) -> (&mut Account, &mut Holding, &mut InstrumentTotal) {
        let instrument = instrument as usize;
        let at = row.wrapping_mul(self.instruments).wrapping_add(instrument);
        (
            certain(self.rows.as_mut().get_mut(row), "an account has a row"),
            certain(self.holdings.as_mut().get_mut(at), "an account has its holdings"),
            certain(self.totals.as_mut().get_mut(instrument), "an instrument has its totals"),
        )
    }

    fn total(&self, instrument: u32) -> &InstrumentTotal {
        certain(self.totals.as_ref().get(instrument as usize), "an instrument has its totals")
    }

    /// Rows that are in use, and their accounts.
    fn each(&self) -> impl Iterator<Item = (usize, &Account)> + '_ {
        self.rows.as_ref().iter().enumerate().filter(|(_, account)| account.member_id != 0)
    }

    fn each_instrument(&self) -> impl Iterator<Item = u32> + use<M> {
        (0..).take(self.instruments)
    }

    /// Gives a member a free row, with nothing in it yet; `None` if there is none.
    fn take_row(&mut self, member_id: u32) -> Option<usize> {
        let room = self.holdings.as_ref().len().checked_div(self.instruments).unwrap_or(0);
        let rows = self.rows.as_ref().iter().take(room.min(OWNERS_MAX as usize));
        let row = rows.enumerate().find(|(_, each)| each.member_id == 0)?.0;
        let number = u16::try_from(row.wrapping_add(1)).ok()?;
        *self.row_of.get_mut(member_id as usize)? = number;
        let account = certain(self.rows.as_mut().get_mut(row), "it was just found");
        *account = Account { member_id, ..Account::default() };
        let mut rise = account.mix_cash().wrapping_add(state_hash::terms(member_id, &account.fees));
        for instrument in self.each_instrument() {
            let (_, holding, _) = self.parts(row, instrument);
            *holding = Holding::default();
            rise = rise.wrapping_add(holding.mix_lots(member_id, instrument));
        }
        self.mixes = self.mixes.wrapping_add(rise);
        Some(row)
    }

    fn is_empty(&self, row: usize) -> bool {
        self.row(row).cash == 0
            && self.each_instrument().all(|instrument| self.holding(row, instrument).held == 0)
    }

    /// Takes an empty row back.
    fn clear_row(&mut self, row: usize) {
        let Account { member_id, fees, mix, .. } = *self.row(row);
        let mut gone = mix.wrapping_add(state_hash::terms(member_id, &fees));
        for instrument in self.each_instrument() {
            gone = gone.wrapping_add(self.holding(row, instrument).mix);
        }
        self.mixes = self.mixes.wrapping_sub(gone);
        if let Some(account) = self.rows.as_mut().get_mut(row) {
            *account = Account::default();
        }
        if let Some(number) = self.row_of.get_mut(member_id as usize) {
            *number = 0;
        }
    }

    /// Other fees, with which open orders hold back so much cash.
    fn set_fees(&mut self, row: usize, fees: Fees, reserved: i128) {
        let account = certain(self.rows.as_mut().get_mut(row), "an account has a row");
        let before = state_hash::terms(account.member_id, &account.fees);
        (account.fees, account.free) = (fees, account.cash.wrapping_sub(reserved));
        account.worst_fee = fees.worst();
        let rise = state_hash::terms(account.member_id, &fees).wrapping_sub(before);
        self.mixes = self.mixes.wrapping_add(rise);
    }

    fn deposit_cash(&mut self, row: usize, amount: i128) -> Result<(), Reason> {
        let account = certain(self.rows.as_mut().get_mut(row), "an account has a row");
        let free = account.free.wrapping_add(amount);
        if free < 0 {
            return Err(Reason::InsufficientFunds);
        }
        account.free = free;
        account.cash = account.cash.wrapping_add(amount);
        let before = state_hash::deposited(None, self.cash.deposited);
        self.cash.deposited = self.cash.deposited.wrapping_add(amount);
        let after = state_hash::deposited(None, self.cash.deposited);
        let rise = account.mix_cash().wrapping_add(after).wrapping_sub(before);
        self.mixes = self.mixes.wrapping_add(rise);
        Ok(())
    }

    fn deposit_lots(&mut self, row: usize, instrument: u32, amount: i128) -> Result<(), Reason> {
        let (account, holding, total) = self.parts(row, instrument);
        if holding.free().wrapping_add(amount) < 0 {
            return Err(Reason::InsufficientFunds);
        }
        holding.held = holding.held.wrapping_add(amount);
        let before = state_hash::deposited(Some(instrument), total.deposited);
        total.deposited = total.deposited.wrapping_add(amount);
        let after = state_hash::deposited(Some(instrument), total.deposited);
        let rise = holding.mix_lots(account.member_id, instrument);
        self.mixes = self.mixes.wrapping_add(rise).wrapping_add(after).wrapping_sub(before);
        Ok(())
    }

    /// `mixes` from a walk over everything.
    pub(crate) fn mixes_slow(&self) -> u64 {
        let mut sum = 0_u64;
        let mut add = |mix: u64| sum = sum.wrapping_add(mix);
        for (row, account) in self.each() {
            add(state_hash::terms(account.member_id, &account.fees));
            add(state_hash::cash(account.member_id, account.cash));
            for instrument in self.each_instrument() {
                let held = self.holding(row, instrument).held;
                add(state_hash::holding(account.member_id, instrument, held));
            }
        }
        // What was never deposited has no mix.
        add(state_hash::deposited(None, self.cash.deposited));
        add(state_hash::deposited(None, 0).wrapping_neg());
        for instrument in self.each_instrument() {
            add(state_hash::deposited(Some(instrument), self.total(instrument).deposited));
            add(state_hash::deposited(Some(instrument), 0).wrapping_neg());
        }
        sum
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
