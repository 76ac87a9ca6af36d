//! The terms of an order: quantity, type, prices, time in force, and what else it may ask for.
//!
//! Beside the fields of FIX 4.4 four of later versions are read, because orders of today need them:
//! DisplayMethod(1084), TriggerPriceType(1107), DisplayQty(1138), SelfMatchPreventionID(2362) and
//! SelfMatchPreventionInstruction(2964); and one of our own, [`POST_ONLY_SLIDE`]. They are only
//! read: what the venue sends is FIX 4.4.

use touchline_fix::{FieldFault, Message, parse_utc_date, tags};
use touchline_types::{
    Command, ExecInst, OrdType, Reason, SelfMatchInstruction, Side, TimeInForce,
};

use crate::order_entry::{OrderEntry, Refusal};

/// DisplayMethod(1084), FIX 5.0.
const DISPLAY_METHOD: u32 = 1084;
/// TriggerPriceType(1107), FIX 5.0.
const TRIGGER_PRICE_TYPE: u32 = 1107;
/// DisplayQty(1138), FIX 5.0.
pub(crate) const DISPLAY_QTY: u32 = 1138;
/// SelfMatchPreventionID(2362), FIX 5.0 SP2.
pub(crate) const SELF_MATCH_PREVENTION_ID: u32 = 2362;
/// SelfMatchPreventionInstruction(2964), FIX 5.0 SP2.
const SELF_MATCH_PREVENTION_INSTRUCTION: u32 = 2964;
/// PostOnlySlide, a user-defined field: `Y` lets a post-only order slide instead of being refused.
const POST_ONLY_SLIDE: u32 = 9601;
/// "Decrement" of SelfMatchPreventionInstruction(2964), among the values that FIX leaves to venues.
const DECREMENT: u32 = 100;

/// MaxShow(210).
const MAX_SHOW: u32 = 210;
/// PegOffsetValue(211).
const PEG_OFFSET_VALUE: u32 = 211;
/// DiscretionInst(388).
const DISCRETION_INST: u32 = 388;
/// CashOrderQty(152).
const CASH_ORDER_QTY: u32 = 152;
/// OrderPercent(516).
const ORDER_PERCENT: u32 = 516;
/// EffectiveTime(168).
const EFFECTIVE_TIME: u32 = 168;

/// Fields that change what an order does, and that the venue does not offer.
const NOT_OFFERED: [u32; 6] =
    [MAX_SHOW, PEG_OFFSET_VALUE, DISCRETION_INST, CASH_ORDER_QTY, ORDER_PERCENT, EFFECTIVE_TIME];

impl OrderEntry {
    /// OrderQty(38), OrdType(40), Price(44), TimeInForce(59), and everything that is optional.
    pub(crate) fn terms(
        &mut self,
        message: &Message<'_>,
        instrument_id: u32,
        command: &mut Command,
    ) -> Result<(), Refusal> {
        let ord_type = message.require_char(tags::ORD_TYPE).map_err(|fault| self.field(fault))?;
        let time_in_force = message.char(tags::TIME_IN_FORCE).map_err(|fault| self.field(fault))?;
        let qty = message.decimal(tags::ORDER_QTY).map_err(|fault| self.field(fault))?;
        let price = message.decimal(tags::PRICE).map_err(|fault| self.field(fault))?;
        let handl_inst = message.char(tags::HANDL_INST).map_err(|fault| self.field(fault))?;
        if handl_inst.is_some_and(|value| !(b'1'..=b'3').contains(&value)) {
            return Err(self.field(FieldFault::value(tags::HANDL_INST)));
        }
        command.ord_type = self.ord_type(ord_type)?;
        command.time_in_force = self.time_in_force(time_in_force.unwrap_or(b'0'))?;
        if let Some(tag) = NOT_OFFERED.into_iter().find(|tag| message.get(*tag).is_some()) {
            return Err(self.unsupported(format_args!("tag {tag}")));
        }
        let Some(qty) = qty else { return Err(self.conditional(tags::ORDER_QTY)) };
        let (tag, reason) = (tags::ORDER_QTY, Reason::IncorrectQuantity);
        command.order_qty = self.lots(instrument_id, qty, tag, reason)?;
        match (command.ord_type, price) {
            (OrdType::Limit | OrdType::StopLimit, Some(price)) => {
                let (tag, reason) = (tags::PRICE, Reason::PriceOutOfRange);
                command.price = self.units(instrument_id, price, tag, reason)?;
            }
            (OrdType::Limit | OrdType::StopLimit, None) => {
                return Err(self.conditional(tags::PRICE));
            }
            // The price of a market order has no meaning; some systems send 0.
            _ => command.price = 0,
        }
        self.stop(message, instrument_id, command)?;
        self.shown(message, instrument_id, command)?;
        self.expiry(message, command)?;
        self.instructions(message, command)?;
        self.self_match(message, command)?;
        let min_qty = message.decimal(tags::MIN_QTY).map_err(|fault| self.field(fault))?;
        if let Some(qty) = min_qty.filter(|qty| qty.mantissa != 0) {
            let (tag, reason) = (tags::MIN_QTY, Reason::MinQtyWrong);
            command.min_qty = self.lots(instrument_id, qty, tag, reason)?;
        }
        Ok(())
    }

    fn ord_type(&mut self, value: u8) -> Result<OrdType, Refusal> {
        match value {
            b'1' => Ok(OrdType::Market),
            b'2' => Ok(OrdType::Limit),
            b'3' => Ok(OrdType::Stop),
            b'4' => Ok(OrdType::StopLimit),
            b'K' => Ok(OrdType::MarketToLimit),
            // The other values of FIX 4.4.
            b'6'..=b'9' | b'D' | b'E' | b'G' | b'I' | b'J' | b'L' | b'M' | b'P' => {
                Err(self.unsupported(format_args!("OrdType(40) {}", value as char)))
            }
            _ => Err(self.field(FieldFault::value(tags::ORD_TYPE))),
        }
    }

    fn time_in_force(&mut self, value: u8) -> Result<TimeInForce, Refusal> {
        match value {
            b'0' => Ok(TimeInForce::Day),
            b'1' => Ok(TimeInForce::GoodTillCancel),
            b'3' => Ok(TimeInForce::ImmediateOrCancel),
            b'4' => Ok(TimeInForce::FillOrKill),
            b'6' => Ok(TimeInForce::GoodTillDate),
            // At the opening, good till crossing, at the close.
            b'2' | b'5' | b'7' => {
                Err(self.unsupported(format_args!("TimeInForce(59) {}", value as char)))
            }
            _ => Err(self.field(FieldFault::value(tags::TIME_IN_FORCE))),
        }
    }

    /// StopPx(99) and TriggerPriceType(1107).
    fn stop(
        &mut self,
        message: &Message<'_>,
        instrument_id: u32,
        command: &mut Command,
    ) -> Result<(), Refusal> {
        let stop_px = message.decimal(tags::STOP_PX).map_err(|fault| self.field(fault))?;
        let trigger = message.char(TRIGGER_PRICE_TYPE).map_err(|fault| self.field(fault))?;
        let is_stop = matches!(command.ord_type, OrdType::Stop | OrdType::StopLimit);
        match stop_px {
            Some(_) if !is_stop => {
                let text = format_args!("StopPx(99) is of stop orders alone");
                return Err(self.order(Reason::StopPxWrong, text));
            }
            Some(stop_px) => {
                let (tag, reason) = (tags::STOP_PX, Reason::StopPxWrong);
                command.stop_px = self.units(instrument_id, stop_px, tag, reason)?;
            }
            None if is_stop => return Err(self.conditional(tags::STOP_PX)),
            None => {}
        }
        match (trigger, command.side) {
            (None | Some(b'2'), _) => Ok(()),
            // The best offer for a buy stop, the best bid for a sell stop.
            (Some(b'1'), Side::Buy) | (Some(b'3'), Side::Sell) => {
                command.exec_inst = command.exec_inst.with(ExecInst::TRIGGER_ON_TOUCH);
                Ok(())
            }
            (Some(value @ b'1'..=b'6'), _) => {
                let text = format_args!("TriggerPriceType(1107) {} of this side", value as char);
                Err(self.unsupported(text))
            }
            _ => Err(self.field(FieldFault::value(TRIGGER_PRICE_TYPE))),
        }
    }

    /// DisplayQty(1138) or MaxFloor(111), which FIX 4.4 has for it: 0 hides the order.
    fn shown(
        &mut self,
        message: &Message<'_>,
        instrument_id: u32,
        command: &mut Command,
    ) -> Result<(), Refusal> {
        let display = message.decimal(DISPLAY_QTY).map_err(|fault| self.field(fault))?;
        let floor = message.decimal(tags::MAX_FLOOR).map_err(|fault| self.field(fault))?;
        let method = message.char(DISPLAY_METHOD).map_err(|fault| self.field(fault))?;
        match method {
            // Initial: each part is as large as the first. Undisclosed: nothing is shown.
            None | Some(b'1' | b'4') => {}
            Some(value @ (b'2' | b'3')) => {
                let text = format_args!("DisplayMethod(1084) {}", value as char);
                return Err(self.unsupported(text));
            }
            Some(_) => return Err(self.field(FieldFault::value(DISPLAY_METHOD))),
        }
        if display.is_some() && floor.is_some() && display != floor {
            let text = format_args!("DisplayQty(1138) and MaxFloor(111) are not the same");
            return Err(self.order(Reason::DisplayQtyWrong, text));
        }
        let tag = if display.is_some() { DISPLAY_QTY } else { tags::MAX_FLOOR };
        let shown = display.or(floor);
        if method == Some(b'4') || shown.is_some_and(|qty| qty.mantissa == 0) {
            command.exec_inst = command.exec_inst.with(ExecInst::HIDDEN);
        }
        if let Some(qty) = shown.filter(|qty| qty.mantissa != 0) {
            command.display_qty = self.lots(instrument_id, qty, tag, Reason::DisplayQtyWrong)?;
        }
        Ok(())
    }

    /// ExpireTime(126) or ExpireDate(432), the end of that day in UTC, of good till date.
    fn expiry(&mut self, message: &Message<'_>, command: &mut Command) -> Result<(), Refusal> {
        let time = message.utc_timestamp(tags::EXPIRE_TIME).map_err(|fault| self.field(fault))?;
        let date = match message.get(tags::EXPIRE_DATE).map(parse_utc_date) {
            None => None,
            Some(Some(midnight)) => Some(midnight.saturating_add(86_400_000_000_000)),
            Some(None) => return Err(self.field(FieldFault::format(tags::EXPIRE_DATE))),
        };
        let is_dated = command.time_in_force == TimeInForce::GoodTillDate;
        match time.or(date) {
            Some(_) if !is_dated => {
                let text =
                    format_args!("ExpireTime(126) and ExpireDate(432) need TimeInForce(59)=6");
                Err(self.order(Reason::ExpireTimePast, text))
            }
            Some(expire_time) => {
                command.expire_time = expire_time;
                Ok(())
            }
            None if is_dated => Err(self.conditional(tags::EXPIRE_TIME)),
            None => Ok(()),
        }
    }

    /// ExecInst(18): 6, participate and do not initiate, is post-only.
    fn instructions(
        &mut self,
        message: &Message<'_>,
        command: &mut Command,
    ) -> Result<(), Refusal> {
        let slides = message.boolean(POST_ONLY_SLIDE).map_err(|fault| self.field(fault))?;
        for word in message.get(tags::EXEC_INST).into_iter().flat_map(words) {
            match word {
                b"6" => command.exec_inst = command.exec_inst.with(ExecInst::POST_ONLY),
                [value] if value.is_ascii_alphanumeric() => {
                    let text = format_args!("ExecInst(18) {}", *value as char);
                    return Err(self.unsupported(text));
                }
                _ => return Err(self.field(FieldFault::value(tags::EXEC_INST))),
            }
        }
        if slides == Some(true) {
            if !command.exec_inst.contains(ExecInst::POST_ONLY) {
                return Err(self.unsupported(format_args!("tag 9601 without ExecInst(18) 6")));
            }
            command.exec_inst = command.exec_inst.with(ExecInst::SLIDE);
        }
        Ok(())
    }

    /// SelfMatchPreventionID(2362) and SelfMatchPreventionInstruction(2964).
    fn self_match(&mut self, message: &Message<'_>, command: &mut Command) -> Result<(), Refusal> {
        let id = message.u32(SELF_MATCH_PREVENTION_ID).map_err(|fault| self.field(fault))?;
        let instruction =
            message.u32(SELF_MATCH_PREVENTION_INSTRUCTION).map_err(|fault| self.field(fault))?;
        command.self_match_id = id.unwrap_or(0);
        command.self_match_instruction = match instruction {
            None => SelfMatchInstruction::None,
            Some(0) => SelfMatchInstruction::CancelAggressive,
            Some(1) => SelfMatchInstruction::CancelPassive,
            Some(2) => SelfMatchInstruction::CancelBoth,
            Some(DECREMENT) => SelfMatchInstruction::Decrement,
            Some(_) => {
                return Err(self.field(FieldFault::value(SELF_MATCH_PREVENTION_INSTRUCTION)));
            }
        };
        Ok(())
    }
}

/// The values of a MultipleValueString.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b' ')
}
