//! What a new order or a replace is refused for, in the order of `gates`.

use std::collections::BTreeSet;

use touchline_matcher::InstrumentLimits;
use touchline_types::{Command, ExecInst, OrdType, Reason, Side, TimeInForce, TradingPhase};

use super::{Book, Order, SlowMatcher, opposite, reaches, stays};

impl SlowMatcher {
    fn largest_qty(&self, limits: &InstrumentLimits) -> u64 {
        let price = limits.min_price.unsigned_abs().max(limits.max_price.unsigned_abs());
        let safe = i64::MAX as u64 / price.max(u64::from(self.capacity.orders)).max(1);
        limits.max_order_qty.min(safe)
    }

    /// True if the price needs a level and the side has as many as it can, once `without` is gone.
    pub(super) fn lacks_level(&self, command: &Command, without: Option<u64>) -> bool {
        let prices: BTreeSet<i64> = self
            .queue(command.instrument_id, command.side)
            .iter()
            .filter(|id| Some(**id) != without)
            .map(|id| self.orders[id].terms.price)
            .collect();
        !prices.contains(&command.price) && prices.len() as u32 >= self.capacity.levels
    }

    /// Refuses a new order, or says at which price it is admitted: a market order with a limit
    /// has one, and a post-only order may have slid.
    pub(super) fn refuse_new(&self, command: &Command) -> Result<i64, Reason> {
        if self.is_blocked(command) {
            return Err(Reason::EntryBlocked);
        }
        let book = self.books.get(&command.instrument_id).ok_or(Reason::UnknownSymbol)?;
        let in_call = book.phase == TradingPhase::Call;
        if !in_call && book.phase != TradingPhase::Continuous {
            return Err(Reason::ExchangeClosed);
        }
        let is_stop = [OrdType::Stop, OrdType::StopLimit].contains(&command.ord_type);
        let waits = stays(command.time_in_force) && (command.ord_type == OrdType::Limit || is_stop);
        if command.side == Side::Undisclosed
            || command.ord_type == OrdType::None
            || in_call && !waits
            || is_stop && !waits
            || !goes_together(command)
        {
            return Err(Reason::UnsupportedCharacteristic);
        }
        prices(book, command)?;
        self.quantities(book, command, 0)?;
        extras(book, command, command.exec_inst)?;
        let price = self.price_of(book, command, command.exec_inst)?;
        if self.is_too_large(command) {
            return Err(Reason::OrderExceedsLimit);
        }
        if self.leads_too_far(command.session_id, command, command.order_qty) {
            return Err(Reason::PositionLimit);
        }
        if self.lacks_funds(command, price, command.order_qty, None) {
            return Err(Reason::InsufficientFunds);
        }
        if self.names.contains_key(&(command.member_id, command.cl_ord_id)) {
            return Err(Reason::DuplicateClOrdId);
        }
        if self.names.len() as u32 >= self.capacity.cl_ord_ids {
            return Err(Reason::TooManyClOrdIds);
        }
        let could_rest = is_stop || stays(command.time_in_force) && price.is_some();
        let full = self.open_orders() as u32 >= self.capacity.orders;
        let at = Command { price: price.unwrap_or(0), ..*command };
        if could_rest && (full || !is_stop && self.lacks_level(&at, None)) {
            return Err(Reason::TooManyOrders);
        }
        Ok(price.unwrap_or(0))
    }

    /// The limit of an order: `None` for a market order without one.
    fn price_of(
        &self,
        book: &Book,
        command: &Command,
        exec_inst: ExecInst,
    ) -> Result<Option<i64>, Reason> {
        let touch = self.touch(command.instrument_id, opposite(command.side));
        match command.ord_type {
            OrdType::Limit => self.post_only_price(book, command, exec_inst, touch).map(Some),
            OrdType::StopLimit => Ok(Some(command.price)),
            OrdType::Market | OrdType::MarketToLimit => Ok(self.limit_of(command, touch)),
            OrdType::Stop | OrdType::None => Ok(None),
        }
    }

    /// The limit that the venue gives a market order.
    pub(super) fn limit_of(&self, terms: &Command, touch: Option<i64>) -> Option<i64> {
        let limits = &self.books[&terms.instrument_id].limits;
        let touch = touch?;
        match terms.ord_type {
            OrdType::MarketToLimit => Some(touch),
            _ if limits.protection == 0 => None,
            _ if terms.side == Side::Buy => {
                Some(touch.saturating_add(limits.protection).min(limits.max_price))
            }
            _ => Some(touch.saturating_sub(limits.protection).max(limits.min_price)),
        }
    }

    fn post_only_price(
        &self,
        book: &Book,
        command: &Command,
        exec_inst: ExecInst,
        touch: Option<i64>,
    ) -> Result<i64, Reason> {
        let crosses = touch.is_some_and(|px| reaches(command.side, command.price, px));
        let continuous = book.phase == TradingPhase::Continuous;
        if !(exec_inst.contains(ExecInst::POST_ONLY) && continuous && crosses) {
            return Ok(command.price);
        }
        if !exec_inst.contains(ExecInst::SLIDE) {
            return Err(Reason::WouldCross);
        }
        let touch = touch.expect("it crosses something");
        let tick = book.limits.tick_size;
        let price = if command.side == Side::Buy {
            touch.saturating_sub(tick)
        } else {
            touch.saturating_add(tick)
        };
        let range = book.limits.min_price..=book.limits.max_price;
        if range.contains(&price) { Ok(price) } else { Err(Reason::PriceOutOfRange) }
    }

    fn quantities(&self, book: &Book, command: &Command, done: u64) -> Result<(), Reason> {
        if command.order_qty <= done {
            Err(Reason::IncorrectQuantity)
        } else if !command.order_qty.is_multiple_of(book.limits.lot_size) {
            Err(Reason::LotSize)
        } else if command.order_qty > self.largest_qty(&book.limits) {
            Err(Reason::OrderExceedsLimit)
        } else {
            Ok(())
        }
    }

    /// Refuses a replace, or says at which price it is admitted.
    pub(super) fn refuse_replace(&self, command: &Command, order: &Order) -> Result<i64, Reason> {
        let terms = &order.terms;
        let book = &self.books[&terms.instrument_id];
        let inst = terms.exec_inst;
        if command.instrument_id != terms.instrument_id
            || command.side != terms.side
            || command.ord_type != terms.ord_type
            || command.exec_inst != ExecInst::NONE && command.exec_inst != inst
        {
            return Err(Reason::NotReplaceable);
        }
        if ![TradingPhase::Call, TradingPhase::Continuous].contains(&book.phase) {
            return Err(Reason::ExchangeClosed);
        }
        if !stays(command.time_in_force) {
            return Err(Reason::UnsupportedCharacteristic);
        }
        prices(book, command)?;
        self.quantities(book, command, order.cum_qty)?;
        extras(book, command, inst)?;
        let price = self.price_of(book, command, inst)?;
        if self.is_too_large(command) {
            return Err(Reason::OrderExceedsLimit);
        }
        let more = command.order_qty.saturating_sub(terms.order_qty);
        if more > 0 && self.leads_too_far(order.session_id, command, more) {
            return Err(Reason::PositionLimit);
        }
        let leaves_qty = command.order_qty - order.cum_qty;
        if self.lacks_funds(command, price, leaves_qty, Some(order.order_id)) {
            return Err(Reason::InsufficientFunds);
        }
        if self.names.len() as u32 >= self.capacity.cl_ord_ids {
            return Err(Reason::TooManyClOrdIds);
        }
        let price = price.unwrap_or(0);
        let at = Command { price, ..*command };
        if command.ord_type == OrdType::Limit && self.lacks_level(&at, Some(order.order_id)) {
            return Err(Reason::TooManyOrders);
        }
        Ok(price)
    }
}

/// True if the instructions of a new order go with its type and time in force.
fn goes_together(command: &Command) -> bool {
    let has = |inst| command.exec_inst.contains(inst);
    let rests = command.ord_type == OrdType::Limit && stays(command.time_in_force);
    let is_stop = [OrdType::Stop, OrdType::StopLimit].contains(&command.ord_type);
    (rests || !has(ExecInst::POST_ONLY) && !has(ExecInst::HIDDEN))
        && (has(ExecInst::POST_ONLY) || !has(ExecInst::SLIDE))
        && (is_stop || !has(ExecInst::TRIGGER_ON_TOUCH))
}

fn prices(book: &Book, command: &Command) -> Result<(), Reason> {
    let limits = &book.limits;
    let outside = |price: i64| price < limits.min_price || price > limits.max_price;
    let off_tick = |price: i64| price % limits.tick_size != 0;
    let is_stop = [OrdType::Stop, OrdType::StopLimit].contains(&command.ord_type);
    if [OrdType::Limit, OrdType::StopLimit].contains(&command.ord_type) {
        if outside(command.price) {
            return Err(Reason::PriceOutOfRange);
        }
        if off_tick(command.price) {
            return Err(Reason::TickSize);
        }
    }
    let wrong = outside(command.stop_px) || off_tick(command.stop_px);
    if if is_stop { wrong } else { command.stop_px != 0 } {
        return Err(Reason::StopPxWrong);
    }
    let (band, through) = (i128::from(limits.price_band), i128::from(command.price));
    if let (OrdType::Limit, Some(last_px)) = (command.ord_type, book.last_px.map(i128::from)) {
        let far = if command.side == Side::Buy { through - last_px } else { last_px - through };
        if band > 0 && far > band {
            return Err(Reason::PriceBand);
        }
    }
    Ok(())
}

/// What is shown, how much at least, until when.
fn extras(book: &Book, command: &Command, exec_inst: ExecInst) -> Result<(), Reason> {
    let rests = command.ord_type == OrdType::Limit && stays(command.time_in_force);
    let shows = rests
        && !exec_inst.contains(ExecInst::HIDDEN)
        && command.display_qty <= command.order_qty
        && command.display_qty.is_multiple_of(book.limits.lot_size);
    if command.display_qty > 0 && !shows {
        return Err(Reason::DisplayQtyWrong);
    }
    let at_once = command.time_in_force == TimeInForce::ImmediateOrCancel;
    if command.min_qty > 0 && !(at_once && command.min_qty <= command.order_qty) {
        return Err(Reason::MinQtyWrong);
    }
    let dated = command.time_in_force == TimeInForce::GoodTillDate;
    let good =
        if dated { command.expire_time > command.timestamp } else { command.expire_time == 0 };
    if good { Ok(()) } else { Err(Reason::ExpireTimePast) }
}
