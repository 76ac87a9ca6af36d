//! Accounts: cash, lots and fees are noted fill by fill, for each member by itself and for all
//! without an account; what orders hold back is summed anew each time, from their terms.

use std::collections::BTreeMap;

use touchline_matcher::{AccountView, Fees, HoldingView};
use touchline_types::{
    AccountChange, Command, Event, EventFlags, EventKind, OrdType, Reason, Scope, Side,
};

use super::{Order, SlowMatcher};

/// What somebody has.
#[derive(Default)]
pub(super) struct Wealth {
    cash: i128,
    /// By instrument.
    lots: BTreeMap<u32, i128>,
}

impl Wealth {
    fn lots(&self, instrument_id: u32) -> i128 {
        self.lots.get(&instrument_id).copied().unwrap_or(0)
    }
}

/// Who has an account, and what everybody has.
#[derive(Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<u32, (Fees, Wealth)>,
    others: Wealth,
    fees: i128,
}

impl SlowMatcher {
    pub(super) fn set_account(&mut self, command: &Command) {
        let member = command.scope_id;
        let fees = Fees { maker_fee: command.price, taker_fee: command.stop_px };
        let too_much = |fee: i64| i128::from(fee).abs() >= 1 << 32;
        let closes = command.account_change == AccountChange::Close;
        let fee_of_none = closes && (fees.maker_fee != 0 || fees.taker_fee != 0);
        let too_high = too_much(fees.maker_fee) || too_much(fees.taker_fee);
        if !of_operator(command) || fee_of_none || too_high {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let reason = if closes { self.close_account(member) } else { self.open(member, fees) };
        if let Some(reason) = reason {
            return self.rejected(command, reason);
        }
        let kind = if closes { EventKind::AccountClosed } else { EventKind::AccountSet };
        let mut event = Event::of(kind);
        event.member_id = member;
        event.price = fees.maker_fee;
        event.stop_px = fees.taker_fee;
        self.events.push(event);
    }

    fn close_account(&mut self, member: u32) -> Option<Reason> {
        let Some((_, wealth)) = self.ledger.accounts.get(&member) else {
            return Some(Reason::UnknownAccount);
        };
        if wealth.cash != 0 || wealth.lots.values().any(|lots| *lots != 0) {
            return Some(Reason::AccountNotEmpty);
        }
        self.ledger.accounts.remove(&member);
        None
    }

    fn open(&mut self, member: u32, fees: Fees) -> Option<Reason> {
        let nothing = Wealth::default();
        let known = self.ledger.accounts.get(&member);
        let wealth = known.map_or(&nothing, |(_, wealth)| wealth);
        let cash_held_back = self.cash_held_back(member, fees, None);
        let lots_are_there = self.books.keys().all(|instrument_id| {
            self.lots_held_back(member, *instrument_id, None) <= wealth.lots(*instrument_id)
        });
        if cash_held_back > wealth.cash || !lots_are_there {
            return Some(Reason::InsufficientFunds);
        }
        if known.is_none() && self.ledger.accounts.len() as u32 >= self.capacity.accounts {
            return Some(Reason::TooManyAccounts);
        }
        self.ledger.accounts.entry(member).or_insert((fees, nothing)).0 = fees;
        None
    }

    pub(super) fn deposit(&mut self, command: &Command) {
        let (member, instrument_id) = (command.scope_id, command.instrument_id);
        let amount = i128::from(command.price);
        let reason = if !of_operator(command) {
            Some(Reason::UnsupportedCharacteristic)
        } else if instrument_id != 0 && !self.books.contains_key(&instrument_id) {
            Some(Reason::UnknownSymbol)
        } else if amount == 0 {
            Some(Reason::IncorrectQuantity)
        } else {
            self.move_in(member, instrument_id, amount)
        };
        if let Some(reason) = reason {
            return self.rejected(command, reason);
        }
        let mut event = Event::of(EventKind::Deposited);
        event.member_id = member;
        event.instrument_id = instrument_id;
        event.price = command.price;
        self.events.push(event);
    }

    fn move_in(&mut self, member: u32, instrument_id: u32, amount: i128) -> Option<Reason> {
        let Some((fees, _)) = self.ledger.accounts.get(&member) else {
            return Some(Reason::UnknownAccount);
        };
        let held_back = match instrument_id {
            0 => self.cash_held_back(member, *fees, None),
            _ => self.lots_held_back(member, instrument_id, None),
        };
        let (_, wealth) = self.ledger.accounts.get_mut(&member)?;
        let there = match instrument_id {
            0 => &mut wealth.cash,
            _ => wealth.lots.entry(instrument_id).or_default(),
        };
        if *there + amount < held_back {
            return Some(Reason::InsufficientFunds);
        }
        *there += amount;
        None
    }

    /// True if the account of the member, if it has one, does not cover the order that a command
    /// asks for, so many lots of it at a limit, where the order `without` is gone.
    pub(super) fn lacks_funds(
        &self,
        command: &Command,
        limit: Option<i64>,
        qty: u64,
        without: Option<u64>,
    ) -> bool {
        let member = command.member_id;
        let Some((fees, wealth)) = self.ledger.accounts.get(&member) else { return false };
        let limit = limit.unwrap_or(self.worst_price(command));
        let cash =
            self.cash_held_back(member, *fees, without) + cost(command.side, limit, qty, *fees);
        let offered = if command.side == Side::Sell { i128::from(qty) } else { 0 };
        let lots = self.lots_held_back(member, command.instrument_id, without) + offered;
        cash > wealth.cash || offered > 0 && lots > wealth.lots(command.instrument_id)
    }

    /// Cash and lots change hands, and the fee is paid.
    pub(super) fn note_payment(&mut self, order_id: u64, flags: EventFlags, px: i64, qty: u64) {
        let order = &self.orders[&order_id];
        let (side, instrument_id) = (order.terms.side, order.terms.instrument_id);
        let (wealth, fee) = match self.ledger.accounts.get_mut(&order.terms.member_id) {
            None => (&mut self.ledger.others, 0),
            Some((fees, wealth)) if flags.contains(EventFlags::AGGRESSOR) => {
                (wealth, fees.taker_fee)
            }
            Some((fees, wealth)) => (wealth, fees.maker_fee),
        };
        let (lots, price) = (i128::from(qty), i128::from(px));
        let held = wealth.lots.entry(instrument_id).or_default();
        if side == Side::Buy {
            *held += lots;
            wealth.cash -= price * lots;
        } else {
            *held -= lots;
            wealth.cash += price * lots;
        }
        wealth.cash -= i128::from(fee) * lots;
        self.ledger.fees += i128::from(fee) * lots;
    }

    pub(crate) fn account(&self, member: u32) -> Option<AccountView> {
        let (fees, wealth) = self.ledger.accounts.get(&member)?;
        let reserved = self.cash_held_back(member, *fees, None);
        Some(AccountView { cash: wealth.cash, reserved, fees: *fees })
    }

    pub(crate) fn holding(&self, member: u32, instrument_id: u32) -> Option<HoldingView> {
        let (_, wealth) = self.ledger.accounts.get(&member)?;
        let reserved = self.lots_held_back(member, instrument_id, None);
        let reserved = u64::try_from(reserved).expect("a sum of quantities");
        Some(HoldingView { held: wealth.lots(instrument_id), reserved })
    }

    /// Fees, and what the members without an account have of cash.
    pub(crate) fn cash_elsewhere(&self) -> (i128, i128) {
        (self.ledger.fees, self.ledger.others.cash)
    }

    pub(crate) fn others_held(&self, instrument_id: u32) -> i128 {
        self.ledger.others.lots(instrument_id)
    }

    fn open_of(&self, member: u32, without: Option<u64>) -> impl Iterator<Item = &Order> {
        let ids = self.resting.iter().chain(&self.held).filter(move |id| Some(**id) != without);
        ids.map(|id| &self.orders[id]).filter(move |order| order.terms.member_id == member)
    }

    fn cash_held_back(&self, member: u32, fees: Fees, without: Option<u64>) -> i128 {
        let orders = self.open_of(member, without);
        let price = |order: &Order| match order.terms.ord_type {
            OrdType::Stop => self.worst_price(&order.terms),
            _ => order.terms.price,
        };
        orders.map(|o| cost(o.terms.side, price(o), o.leaves_qty(), fees)).sum()
    }

    fn worst_price(&self, terms: &Command) -> i64 {
        let limits = &self.books[&terms.instrument_id].limits;
        if terms.side == Side::Buy { limits.max_price } else { limits.min_price }
    }

    fn lots_held_back(&self, member: u32, instrument_id: u32, without: Option<u64>) -> i128 {
        let offers = self.open_of(member, without).filter(|order| {
            order.terms.side == Side::Sell && order.terms.instrument_id == instrument_id
        });
        offers.map(|order| i128::from(order.leaves_qty())).sum()
    }
}

/// The most that so many lots could cost.
fn cost(side: Side, limit: i64, qty: u64, fees: Fees) -> i128 {
    let price = if side == Side::Buy { i128::from(limit) } else { -i128::from(limit) };
    let fee = [0, fees.maker_fee, fees.taker_fee].into_iter().max().unwrap_or(0);
    let a_lot = (if price > 0 { price } else { 0 }) + i128::from(fee);
    a_lot * i128::from(qty)
}

fn of_operator(command: &Command) -> bool {
    command.scope == Scope::Member
        && command.scope_id > 0
        && command.scope_id < 4_096
        && command.session_id == 0
}
