//! The entry checks: what a command is refused for. What passes them is carried out. Before them
//! stand two checks for all new orders and replaces: RateExceeded, see `limits`, and EntryBlocked,
//! see `blocks`.
//!
//! The first check that fails gives the reason.
//!
//! | # | New order | Replace | Cancel | ChangePhase |
//! |---|---|---|---|---|
//! | 1 | UnknownSymbol | DuplicateClOrdID | DuplicateClOrdID | UnknownSymbol |
//! | 2 | ExchangeClosed | UnknownOrder, TooLateToCancel | UnknownOrder, TooLateToCancel | UnsupportedCharacteristic: not the operator |
//! | 3 | UnsupportedCharacteristic | NotReplaceable: instrument, side, type or instructions differ | | PhaseNotAdmitted: there already, or no phase |
//! | 4 | PriceOutOfRange, TickSize: limit and stop limit | ExchangeClosed | | |
//! | 5 | StopPxWrong | UnsupportedCharacteristic: it would not rest | | |
//! | 6 | PriceBand: limit only | PriceOutOfRange, TickSize | | |
//! | 7 | IncorrectQuantity: zero | StopPxWrong | | |
//! | 8 | LotSize | PriceBand | | |
//! | 9 | OrderExceedsLimit: the instrument's | IncorrectQuantity: not above what has executed | | |
//! | 10 | DisplayQtyWrong, MinQtyWrong, ExpireTimePast | LotSize | | |
//! | 11 | WouldCross, PriceOutOfRange: post-only | OrderExceedsLimit: the instrument's | | |
//! | 12 | OrderExceedsLimit: the session's | DisplayQtyWrong, MinQtyWrong, ExpireTimePast | | |
//! | 13 | PositionLimit | WouldCross, PriceOutOfRange: post-only | | |
//! | 14 | InsufficientFunds | OrderExceedsLimit: the session's | | |
//! | 15 | DuplicateClOrdID | PositionLimit: of the session that owns the order | | |
//! | 16 | TooManyClOrdIDs | InsufficientFunds | | |
//! | 17 | TooManyOrders: it may rest or waits, and there is no slot, or no level for it | TooManyClOrdIDs | | |
//! | 18 | | TooManyOrders: no level for it | | |
//!
//! Which terms go together, and what limit a market or post-only order gets, is in `terms`.
//!
//! A block, its end, and a mass cancel of others are the operator's: UnsupportedCharacteristic for
//! everybody else, and for a scope that there is not. A session may cancel its own orders, those of
//! its member and of its firm; whether it should is for the engine to say. A mass cancel of an
//! instrument that there is not is an UnknownSymbol.
//!
//! Limits are the operator's, too: UnsupportedCharacteristic for everybody else, for another scope
//! than a session from 1 to [`OWNERS_MAX`], a position below 0, or a rate without a burst or the
//! reverse. Where as many sessions have limits as there is room for, one more is refused with
//! TooManyOrders, the reason for tables that are full.
//!
//! So are accounts and deposits: UnsupportedCharacteristic for everybody else, for another scope
//! than a member from 1 to [`OWNERS_MAX`], and for a fee or rebate above [`FEE_MAX`] or one of an
//! account that is closed. Then
//!
//! * fees: InsufficientFunds where open orders would hold back more cash than there is, or lots
//!   when the account is opened; TooManyAccounts;
//! * a close: UnknownAccount, AccountNotEmpty;
//! * a deposit: UnknownSymbol, IncorrectQuantity for nothing, UnknownAccount, InsufficientFunds
//!   for a withdrawal of more than is free.
//!
//! A cancel names its order by OrigClOrdID and member alone. An older ClOrdID of a replaced order
//! is an UnknownOrder: only the latest is accepted.

use touchline_types::{
    AccountChange, Command, ExecInst, OrdType, Reason, Scope, Side, TradingPhase,
};

use crate::accounts::{Accounts, Claim, FEE_MAX, Fees};
use crate::blocks::OWNERS_MAX;
use crate::book::Books;
use crate::extras::Marks;
use crate::instrument::Instrument;
use crate::invariant::less;
use crate::limits::Limits;
use crate::names::{Named, Names};
use crate::storage::Memory;
use crate::terms;
use crate::view::LimitsView;
use crate::warm::Hashes;

/// Why a cancel or replace is refused, and the order where it is known.
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) order: Option<Named>,
}

/// A replace that is admitted.
pub(crate) struct Admitted {
    /// Slot of the order.
    pub(crate) slot: u32,
    /// Its new limit, 0 of a stop that has none.
    pub(crate) price: i64,
}

/// A new order that is admitted.
pub(crate) struct Entry {
    /// Its instrument.
    pub(crate) instrument: u32,
    /// Its limit; `None` where it takes every price, or where a stop has none yet.
    pub(crate) limit: Option<i64>,
}

/// Checks a new order.
pub(crate) fn new_order<M: Memory>(
    books: &Books<M>,
    names: &Names<M>,
    limits: &Limits<M>,
    accounts: &Accounts<M>,
    command: &Command,
    hashes: &Hashes,
) -> Result<Entry, Reason> {
    let found = books.find_instrument(command.instrument_id).ok_or(Reason::UnknownSymbol)?;
    let instrument = books.instrument(found);
    phase(instrument)?;
    let is_plain = terms::is_plain(command);
    characteristic(instrument, command, is_plain)?;
    prices(instrument, command, is_plain)?;
    if command.order_qty == 0 {
        return Err(Reason::IncorrectQuantity);
    }
    lot(instrument, command.order_qty)?;
    largest_qty(instrument, command.order_qty)?;
    if !is_plain {
        terms::extras(instrument, command, command.exec_inst)?;
    }
    let limit = terms::limit(books, found, command, command.exec_inst)?;
    limits.new_order(command, found)?;
    let Command { side, order_qty: qty, .. } = *command;
    let claim = Claim::at(books, found, side, limit, qty);
    accounts.cover(command.member_id, &claim)?;
    if names.find(&hashes.own_name(command)).is_some() {
        return Err(Reason::DuplicateClOrdId);
    }
    room_for_name(names)?;
    let level = limit.filter(|_| terms::stays(command.time_in_force));
    let has_room = match level {
        _ if terms::is_stop(command.ord_type) => books.has_slot(),
        Some(price) => books.has_slot() && books.has_level(found, command.side, price),
        None => true,
    };
    if has_room { Ok(Entry { instrument: found, limit }) } else { Err(Reason::TooManyOrders) }
}

/// Checks a cancel: the slot of its order.
pub(crate) fn cancel<M: Memory>(
    names: &Names<M>,
    command: &Command,
    hashes: &Hashes,
) -> Result<u32, Refusal> {
    unused(names, command, hashes)?;
    open_order(names, command, hashes)
}

/// Checks a replace.
pub(crate) fn replace<M: Memory>(
    books: &Books<M>,
    names: &Names<M>,
    limits: &Limits<M>,
    accounts: &Accounts<M>,
    command: &Command,
    hashes: &Hashes,
) -> Result<Admitted, Refusal> {
    unused(names, command, hashes)?;
    let slot = open_order(names, command, hashes)?;
    match terms(books, names, limits, accounts, command, slot) {
        Ok(price) => Ok(Admitted { slot, price }),
        Err(reason) => Err(Refusal { reason, order: Some(Named::Open(slot)) }),
    }
}

/// Checks a change of phase: the instrument.
pub(crate) fn change_phase<M: Memory>(books: &Books<M>, command: &Command) -> Result<u32, Reason> {
    let found = books.find_instrument(command.instrument_id).ok_or(Reason::UnknownSymbol)?;
    if command.session_id != 0 {
        return Err(Reason::UnsupportedCharacteristic);
    }
    let there = books.instrument(found).phase == command.phase;
    if there || command.phase == TradingPhase::None {
        return Err(Reason::PhaseNotAdmitted);
    }
    Ok(found)
}

/// The order that a replace names, open or gone, if there is one.
pub(crate) fn known<M: Memory>(names: &Names<M>, command: &Command) -> Option<Named> {
    names.find(&names.name(command.member_id, &command.orig_cl_ord_id))
}

/// Checks a block, or the end of one.
pub(crate) fn block(command: &Command) -> Result<(), Reason> {
    let known = match command.scope {
        Scope::None => false,
        Scope::Firm => (1..=OWNERS_MAX).contains(&command.scope_id),
        Scope::Session | Scope::Member => command.scope_id <= OWNERS_MAX,
        Scope::Venue => command.scope_id == 0,
    };
    let by_operator = command.session_id == 0;
    if known && by_operator { Ok(()) } else { Err(Reason::UnsupportedCharacteristic) }
}

/// Checks a mass cancel.
pub(crate) fn mass_cancel<M: Memory>(books: &Books<M>, command: &Command) -> Result<(), Reason> {
    let own = match command.scope {
        Scope::Session => command.scope_id == command.session_id,
        Scope::Member => command.scope_id == command.member_id,
        Scope::Firm => command.scope_id != 0 && command.scope_id == command.firm_id,
        Scope::None | Scope::Venue => false,
    };
    let known = match command.scope {
        Scope::None => false,
        Scope::Firm => command.scope_id != 0,
        Scope::Session | Scope::Member | Scope::Venue => true,
    };
    let by_operator = command.session_id == 0 && known;
    if !(own || by_operator) {
        return Err(Reason::UnsupportedCharacteristic);
    }
    if command.instrument_id != 0 && books.find_instrument(command.instrument_id).is_none() {
        return Err(Reason::UnknownSymbol);
    }
    Ok(())
}

/// Checks limits for a session.
pub(crate) fn set_limits(command: &Command) -> Result<LimitsView, Reason> {
    let known = command.scope == Scope::Session && (1..=OWNERS_MAX).contains(&command.scope_id);
    let by_operator = command.session_id == 0;
    let bucket = (command.rate_per_s == 0) == (command.rate_burst == 0);
    if !(known && by_operator && bucket && command.price >= 0) {
        return Err(Reason::UnsupportedCharacteristic);
    }
    Ok(LimitsView {
        max_order_qty: command.order_qty,
        max_position: command.price,
        rate_per_s: command.rate_per_s,
        rate_burst: command.rate_burst,
    })
}

/// Checks an account of a member: its fees.
pub(crate) fn set_account(command: &Command) -> Result<Fees, Reason> {
    let fees = Fees { maker_fee: command.price, taker_fee: command.stop_px };
    let bounded =
        [fees.maker_fee, fees.taker_fee].iter().all(|fee| (-FEE_MAX..=FEE_MAX).contains(fee));
    let closes = command.account_change == AccountChange::Close;
    if bounded && of_account(command) && !(closes && fees != Fees::default()) {
        Ok(fees)
    } else {
        Err(Reason::UnsupportedCharacteristic)
    }
}

/// Checks a deposit or withdrawal: of which instrument, or of cash.
pub(crate) fn deposit<M: Memory>(
    books: &Books<M>,
    command: &Command,
) -> Result<Option<u32>, Reason> {
    if !of_account(command) {
        return Err(Reason::UnsupportedCharacteristic);
    }
    let found = match command.instrument_id {
        0 => None,
        id => Some(books.find_instrument(id).ok_or(Reason::UnknownSymbol)?),
    };
    if command.price == 0 { Err(Reason::IncorrectQuantity) } else { Ok(found) }
}

/// True if it is an operator's, and about a member.
fn of_account(command: &Command) -> bool {
    let known = command.scope == Scope::Member && (1..=OWNERS_MAX).contains(&command.scope_id);
    known && command.session_id == 0
}

/// The terms of a replace against its order.
fn terms<M: Memory>(
    books: &Books<M>,
    names: &Names<M>,
    limits: &Limits<M>,
    accounts: &Accounts<M>,
    command: &Command,
    slot: u32,
) -> Result<i64, Reason> {
    let (record, order) = (names.record(slot), books.order(slot));
    let exec_inst = order.marks.exec_inst();
    let same = command.instrument_id == record.instrument_id
        && command.side == record.side
        && command.ord_type == record.ord_type
        && (command.exec_inst == ExecInst::NONE || command.exec_inst == exec_inst);
    if !same {
        return Err(Reason::NotReplaceable);
    }
    let instrument = books.instrument(order.instrument);
    phase(instrument)?;
    if !terms::stays(command.time_in_force) {
        return Err(Reason::UnsupportedCharacteristic);
    }
    let is_plain = terms::is_plain(command);
    prices(instrument, command, is_plain)?;
    let cum_qty = record.cum_qty(order);
    if command.order_qty <= cum_qty {
        return Err(Reason::IncorrectQuantity);
    }
    lot(instrument, command.order_qty)?;
    largest_qty(instrument, command.order_qty)?;
    if !is_plain {
        terms::extras(instrument, command, exec_inst)?;
    }
    let limit = terms::limit(books, order.instrument, command, exec_inst)?;
    let leaves_qty = less(command.order_qty, cum_qty);
    let more_qty = leaves_qty.saturating_sub(order.leaves_qty);
    limits.replace(command, record.session_id, order.instrument, more_qty)?;
    let claim = Claim::at(books, order.instrument, order.side, limit, leaves_qty);
    accounts.cover_change(record.member_id, &Claim::of_open(books, names, slot), &claim)?;
    let limit = limit.unwrap_or(0);
    room_for_name(names)?;
    if order.marks.has(Marks::HELD) {
        return Ok(limit);
    }
    // An order that is alone at its price gives its level back before it takes another.
    let alone = books
        .level(order.instrument, order.side, order.price)
        .is_some_and(|level| level.orders == 1);
    if !alone && !books.has_level(order.instrument, order.side, limit) {
        return Err(Reason::TooManyOrders);
    }
    Ok(limit)
}

fn unused<M: Memory>(names: &Names<M>, command: &Command, hashes: &Hashes) -> Result<(), Refusal> {
    match names.find(&hashes.own_name(command)) {
        Some(_) => Err(Refusal { reason: Reason::DuplicateClOrdId, order: None }),
        None => Ok(()),
    }
}

fn open_order<M: Memory>(
    names: &Names<M>,
    command: &Command,
    hashes: &Hashes,
) -> Result<u32, Refusal> {
    let name = hashes.orig(command);
    if names.still_open(hashes.found, &name) {
        return Ok(hashes.found);
    }
    match names.find(&name) {
        Some(Named::Open(slot)) => Ok(slot),
        Some(gone @ Named::Gone(_)) => {
            Err(Refusal { reason: Reason::TooLateToCancel, order: Some(gone) })
        }
        Some(Named::Superseded) | None => {
            Err(Refusal { reason: Reason::UnknownOrder, order: None })
        }
    }
}

const fn phase(instrument: &Instrument) -> Result<(), Reason> {
    match instrument.phase {
        TradingPhase::Call | TradingPhase::Continuous => Ok(()),
        TradingPhase::Halt | TradingPhase::Closed | TradingPhase::None => {
            Err(Reason::ExchangeClosed)
        }
    }
}

/// Side, order type and time in force, and whether the phase offers them together.
#[inline]
fn characteristic(
    instrument: &Instrument,
    command: &Command,
    is_plain: bool,
) -> Result<(), Reason> {
    let Command { side, ord_type, time_in_force, .. } = *command;
    let is_order = side != Side::Undisclosed && ord_type != OrdType::None;
    let waits = ord_type == OrdType::Limit || terms::is_stop(ord_type);
    let in_phase =
        instrument.phase == TradingPhase::Continuous || (waits && terms::stays(time_in_force));
    if is_order && in_phase && (is_plain || terms::go_together(command)) {
        Ok(())
    } else {
        Err(Reason::UnsupportedCharacteristic)
    }
}

/// Price(44), StopPx(99) and the band around the last price.
#[inline]
fn prices(instrument: &Instrument, command: &Command, is_plain: bool) -> Result<(), Reason> {
    let Command { ord_type, .. } = *command;
    if matches!(ord_type, OrdType::Limit | OrdType::StopLimit) {
        price(instrument, command.price)?;
    }
    if !is_plain {
        terms::stop_px(instrument, command)?;
    }
    if ord_type == OrdType::Limit { terms::price_band(instrument, command) } else { Ok(()) }
}

/// The range of a price, and the tick.
fn price(instrument: &Instrument, price: i64) -> Result<(), Reason> {
    if !(instrument.min_price..=instrument.max_price).contains(&price) {
        Err(Reason::PriceOutOfRange)
    } else if !instrument.tick.divides(price.unsigned_abs()) {
        Err(Reason::TickSize)
    } else {
        Ok(())
    }
}

const fn lot(instrument: &Instrument, order_qty: u64) -> Result<(), Reason> {
    if instrument.lot.divides(order_qty) { Ok(()) } else { Err(Reason::LotSize) }
}

const fn largest_qty(instrument: &Instrument, order_qty: u64) -> Result<(), Reason> {
    if order_qty <= instrument.qty_max { Ok(()) } else { Err(Reason::OrderExceedsLimit) }
}

fn room_for_name<M: Memory>(names: &Names<M>) -> Result<(), Reason> {
    if names.is_full() { Err(Reason::TooManyClOrdIds) } else { Ok(()) }
}
