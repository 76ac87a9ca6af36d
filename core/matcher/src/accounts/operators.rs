//! What an operator does with accounts, and how they are read: fees, deposits, and the proof that
//! nothing comes from nowhere.

use touchline_types::{AccountChange, Command, EventKind, Reason, Side};

use super::{Account, CashTotal, Claim, Fees, InstrumentTotal};
use crate::emitter::{Emitter, EventSink};
use crate::gates;
use crate::invariant::more;
use crate::matcher::{Matcher, reject};
use crate::storage::Memory;
use crate::view::{AccountView, HoldingView};

impl<M: Memory> Matcher<M> {
    /// Opens an account, changes its fees, or closes it. Walks the books once: O(open orders).
    pub(crate) fn set_account<K: EventSink>(
        &mut self,
        command: &Command,
        out: &mut Emitter<'_, K>,
    ) {
        let checked = gates::set_account(command).and_then(|fees| match command.account_change {
            AccountChange::Set => self.open_account(command.scope_id, fees),
            AccountChange::Close => self.close_account(command.scope_id),
        });
        if let Err(reason) = checked {
            return reject(command, reason, out);
        }
        let event = out.begin(match command.account_change {
            AccountChange::Set => EventKind::AccountSet,
            AccountChange::Close => EventKind::AccountClosed,
        });
        event.member_id = command.scope_id;
        (event.price, event.stop_px) = (command.price, command.stop_px);
    }

    /// Adds to an account, or takes from it.
    pub(crate) fn deposit<K: EventSink>(&mut self, command: &Command, out: &mut Emitter<'_, K>) {
        let checked = gates::deposit(&self.books, command).and_then(|instrument| {
            let row = self.accounts.find(command.scope_id).ok_or(Reason::UnknownAccount)?;
            match instrument {
                None => self.accounts.deposit_cash(row, command.price.into()),
                Some(found) => self.accounts.deposit_lots(row, found, command.price.into()),
            }
        });
        if let Err(reason) = checked {
            return reject(command, reason, out);
        }
        let event = out.begin(EventKind::Deposited);
        event.member_id = command.scope_id;
        event.instrument_id = command.instrument_id;
        event.price = command.price;
    }

    /// The account has these fees from now on; it is opened where there is none.
    fn open_account(&mut self, member_id: u32, fees: Fees) -> Result<(), Reason> {
        let known = self.accounts.find(member_id);
        let cash = known.map_or(0, |row| self.accounts.row(row).cash);
        let (mut reserved, mut offered) = (0_i128, 0);
        for instrument in (0..).take(self.books.instruments().len()) {
            let (held_back, lots) = self.claims(member_id, instrument, fees.worst());
            reserved = reserved.wrapping_add(held_back);
            offered = more(offered, lots);
        }
        if reserved > cash || (known.is_none() && offered > 0) {
            return Err(Reason::InsufficientFunds);
        }
        let row = match known {
            Some(row) => row,
            None => self.accounts.take_row(member_id).ok_or(Reason::TooManyAccounts)?,
        };
        self.accounts.set_fees(row, fees, reserved);
        Ok(())
    }

    fn close_account(&mut self, member_id: u32) -> Result<(), Reason> {
        let row = self.accounts.find(member_id).ok_or(Reason::UnknownAccount)?;
        if !self.accounts.is_empty(row) {
            return Err(Reason::AccountNotEmpty);
        }
        self.accounts.clear_row(row);
        Ok(())
    }

    /// Sums what the open orders of a member hold back, from a walk over the book: cash and lots.
    fn claims(&self, member_id: u32, instrument: u32, worst_fee: u32) -> (i128, u64) {
        let instrument_id = self.books.instrument(instrument).instrument_id;
        let sides = [Side::Buy, Side::Sell].into_iter();
        let resting = sides.flat_map(|side| self.slots(instrument_id, side));
        let slots = resting.chain(self.held_slots(instrument));
        let theirs = slots.filter(|slot| self.names.record(*slot).member_id == member_id);
        theirs
            .map(|slot| Claim::of_open(&self.books, &self.names, slot))
            .fold((0_i128, 0), |(cash, lots), each| {
                (cash.wrapping_add(each.cash(worst_fee)), more(lots, each.lots()))
            })
    }

    /// The account of a member, if it has one.
    #[must_use]
    pub fn account(&self, member_id: u32) -> Option<AccountView> {
        let account = self.accounts.row(self.accounts.find(member_id)?);
        let Account { cash, free, fees, .. } = *account;
        Some(AccountView { cash, reserved: cash.wrapping_sub(free), fees })
    }

    /// What the account of a member holds of an instrument; `None` if it has no account, or there
    /// is no such instrument.
    #[must_use]
    pub fn holding(&self, member_id: u32, instrument_id: u32) -> Option<HoldingView> {
        let found = self.books.find_instrument(instrument_id)?;
        let holding = self.accounts.holding(self.accounts.find(member_id)?, found);
        Some(HoldingView { held: holding.held, reserved: holding.reserved })
    }

    /// Fees that accounts have paid less rebates, cash units.
    #[must_use]
    pub const fn fees(&self) -> i128 {
        self.accounts.cash.fees
    }

    /// Cash that members without an account have gained, all together.
    #[must_use]
    pub const fn others_cash(&self) -> i128 {
        self.accounts.cash.others
    }

    /// Lots of an instrument that members without an account have gained, all together; `None` if
    /// there is no such instrument.
    #[must_use]
    pub fn others_held(&self, instrument_id: u32) -> Option<i128> {
        let found = self.books.find_instrument(instrument_id)?;
        Some(self.accounts.total(found).others)
    }

    /// Checks the accounts: for tests.
    pub(crate) fn check_accounts(&self) -> Result<(), &'static str> {
        let CashTotal { deposited, others, fees } = self.accounts.cash;
        let mut cash = others.wrapping_add(fees);
        for (row, account) in self.accounts.each() {
            cash = cash.wrapping_add(account.cash);
            let mut reserved = 0_i128;
            for instrument in (0..).take(self.books.instruments().len()) {
                let worst_fee = account.fees.worst();
                let (held_back, lots) = self.claims(account.member_id, instrument, worst_fee);
                reserved = reserved.wrapping_add(held_back);
                let holding = self.accounts.holding(row, instrument);
                if holding.reserved != lots || holding.free() < 0 {
                    return Err("open offers hold back their lots, and no more than there are");
                }
            }
            if account.cash.wrapping_sub(account.free) != reserved || account.free < 0 {
                return Err("open orders hold back what they could cost, and there is as much");
            }
        }
        if cash != deposited {
            return Err("accounts, the others and the venue have the cash that was deposited");
        }
        for instrument in self.accounts.each_instrument() {
            let InstrumentTotal { deposited, others } = *self.accounts.total(instrument);
            let held = self.accounts.each().map(|(row, _)| self.accounts.holding(row, instrument));
            if held.fold(others, |sum, each| sum.wrapping_add(each.held)) != deposited {
                return Err("accounts and the others have the lots that were deposited");
            }
        }
        Ok(())
    }
}
