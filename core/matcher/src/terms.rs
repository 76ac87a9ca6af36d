//! The terms of an order among themselves: which go together, in which range, and at which limit it
//! is admitted.
//!
//! | Function | Needs |
//! |---|---|
//! | post-only, sliding or not; hidden | a limit order whose rest stays |
//! | iceberg | the same, not hidden; at most OrderQty(38), whole lots |
//! | stop, stop limit | a time in force whose rest stays, a stop price in range and on tick |
//! | minimum quantity | ImmediateOrCancel; at most OrderQty(38) |
//! | good till date | an expire_time that is to come |

use touchline_types::{Command, ExecInst, OrdType, Reason, Side, TimeInForce, TradingPhase};

use crate::book::{Books, crosses};
use crate::instrument::Instrument;
use crate::storage::Memory;

/// True for a time in force with which the rest of an order stays.
pub(crate) const fn stays(time_in_force: TimeInForce) -> bool {
    matches!(
        time_in_force,
        TimeInForce::Day | TimeInForce::GoodTillCancel | TimeInForce::GoodTillDate
    )
}

/// True if an order waits for its stop price.
pub(crate) const fn is_stop(ord_type: OrdType) -> bool {
    matches!(ord_type, OrdType::Stop | OrdType::StopLimit)
}

/// True if an order asks for nothing but a price and a quantity: no check below refuses it.
#[inline]
pub(crate) fn is_plain(command: &Command) -> bool {
    asks_no_more(command)
        && command.time_in_force != TimeInForce::GoodTillDate
        && matches!(command.ord_type, OrdType::Market | OrdType::Limit)
}

/// True if an order has a limit and asks for nothing but a price and a quantity. It executes as far
/// as it may, and what is left rests or is cancelled.
#[inline(always)]
pub(crate) fn is_plain_limit(command: &Command) -> bool {
    // A bit for each: that is one look instead of three.
    const AS_FAR_AS_IT_MAY: u32 = 1 << TimeInForce::Day as u32
        | 1 << TimeInForce::GoodTillCancel as u32
        | 1 << TimeInForce::ImmediateOrCancel as u32;
    command.ord_type == OrdType::Limit
        && AS_FAR_AS_IT_MAY.wrapping_shr(command.time_in_force as u32) & 1 == 1
        && asks_no_more(command)
}

/// True if no field is used that most orders leave at zero.
#[inline(always)]
fn asks_no_more(command: &Command) -> bool {
    let numbers = command.stop_px.cast_unsigned()
        | command.display_qty
        | command.min_qty
        | command.expire_time
        | u64::from(command.exec_inst.0);
    numbers == 0
}

/// True if the instructions of an order go with its type and time in force.
pub(crate) fn go_together(command: &Command) -> bool {
    let has = |inst| command.exec_inst.contains(inst);
    let rests = command.ord_type == OrdType::Limit && stays(command.time_in_force);
    let stop = is_stop(command.ord_type);
    (rests || !(has(ExecInst::POST_ONLY) || has(ExecInst::HIDDEN)))
        && (has(ExecInst::POST_ONLY) || !has(ExecInst::SLIDE))
        && (stop || !has(ExecInst::TRIGGER_ON_TOUCH))
        && (stays(command.time_in_force) || !stop)
}

/// The stop price of a stop: in range, on tick; of no other order.
pub(crate) fn stop_px(instrument: &Instrument, command: &Command) -> Result<(), Reason> {
    let right = if is_stop(command.ord_type) {
        (instrument.min_price..=instrument.max_price).contains(&command.stop_px)
            && instrument.tick.divides(command.stop_px.unsigned_abs())
    } else {
        command.stop_px == 0
    };
    if right { Ok(()) } else { Err(Reason::StopPxWrong) }
}

/// A limit price against the last one.
#[inline]
pub(crate) fn price_band(instrument: &Instrument, command: &Command) -> Result<(), Reason> {
    let Some(last_px) = instrument.last_px.filter(|_| instrument.price_band > 0) else {
        return Ok(());
    };
    let band = instrument.price_band;
    let within = match command.side {
        Side::Sell => command.price >= last_px.saturating_sub(band),
        Side::Buy | Side::Undisclosed => command.price <= last_px.saturating_add(band),
    };
    if within { Ok(()) } else { Err(Reason::PriceBand) }
}

/// What is shown, how much at least, until when. `exec_inst` is the order's: a replace need not
/// repeat it.
pub(crate) fn extras(
    instrument: &Instrument,
    command: &Command,
    exec_inst: ExecInst,
) -> Result<(), Reason> {
    let rests = command.ord_type == OrdType::Limit && stays(command.time_in_force);
    let shows = rests
        && !exec_inst.contains(ExecInst::HIDDEN)
        && command.display_qty <= command.order_qty
        && instrument.lot.divides(command.display_qty);
    if command.display_qty > 0 && !shows {
        return Err(Reason::DisplayQtyWrong);
    }
    let at_once = command.time_in_force == TimeInForce::ImmediateOrCancel;
    if command.min_qty > 0 && !(at_once && command.min_qty <= command.order_qty) {
        return Err(Reason::MinQtyWrong);
    }
    let comes = match command.time_in_force {
        TimeInForce::GoodTillDate => command.expire_time > command.timestamp,
        _ => command.expire_time == 0,
    };
    if comes { Ok(()) } else { Err(Reason::ExpireTimePast) }
}

/// The limit at which an order is admitted; `None` of an order that takes every price.
///
/// # Errors
///
/// WouldCross of a post-only order that would execute, PriceOutOfRange where it cannot slide.
#[inline]
pub(crate) fn limit<M: Memory>(
    books: &Books<M>,
    instrument: u32,
    command: &Command,
    exec_inst: ExecInst,
) -> Result<Option<i64>, Reason> {
    match command.ord_type {
        OrdType::Limit if !exec_inst.contains(ExecInst::POST_ONLY) => Ok(Some(command.price)),
        OrdType::Limit => post_only(books, instrument, command, exec_inst).map(Some),
        OrdType::StopLimit => Ok(Some(command.price)),
        OrdType::Stop | OrdType::None => Ok(None),
        OrdType::Market | OrdType::MarketToLimit => {
            Ok(market_limit(books, instrument, command.ord_type, command.side))
        }
    }
}

/// The limit that the venue gives a market order: the touch, with what the instrument allows
/// beyond it. `None` without a touch, or where nothing bounds the order.
#[inline]
pub(crate) fn market_limit<M: Memory>(
    books: &Books<M>,
    instrument: u32,
    ord_type: OrdType,
    side: Side,
) -> Option<i64> {
    let Instrument { protection, min_price, max_price, .. } = *books.instrument(instrument);
    let takes_touch = ord_type == OrdType::MarketToLimit;
    if !takes_touch && protection == 0 {
        return None;
    }
    let touch = books.best_price(instrument, side.opposite())?;
    Some(match side {
        _ if takes_touch => touch,
        Side::Sell => touch.saturating_sub(protection).max(min_price),
        Side::Buy | Side::Undisclosed => touch.saturating_add(protection).min(max_price),
    })
}

/// The price of a post-only order: its own where it rests, one tick behind the touch where it
/// slides.
#[cold]
fn post_only<M: Memory>(
    books: &Books<M>,
    instrument: u32,
    command: &Command,
    exec_inst: ExecInst,
) -> Result<i64, Reason> {
    let Instrument { phase, tick_size, min_price, max_price, .. } = *books.instrument(instrument);
    let touch = books.best_price(instrument, command.side.opposite());
    let touch = touch.filter(|touch| crosses(command.side, command.price, *touch));
    let Some(touch) = touch.filter(|_| phase == TradingPhase::Continuous) else {
        return Ok(command.price);
    };
    if !exec_inst.contains(ExecInst::SLIDE) {
        return Err(Reason::WouldCross);
    }
    let price = match command.side {
        Side::Sell => touch.saturating_add(tick_size),
        Side::Buy | Side::Undisclosed => touch.saturating_sub(tick_size),
    };
    if (min_price..=max_price).contains(&price) { Ok(price) } else { Err(Reason::PriceOutOfRange) }
}
