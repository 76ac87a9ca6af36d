//! Order entry: NewOrderSingle(D), OrderCancelRequest(F), OrderCancelReplaceRequest(G) and
//! OrderStatusRequest(H) become commands, or a refusal with its FIX reason.
//!
//! A fault of form is a session `Reject(3)`; a conditionally required field that is missing a
//! `BusinessMessageReject(j)`; what is well said but not traded here is refused as an order. What
//! an order asks for beyond price, quantity and time in force (MaxFloor, MinQty, ...) is refused by
//! name, because an order without it would be another order. Other fields are read over.

use std::fmt::Write;

use touchline_fix::{BusinessRejectReason, Decimal, FieldFault, Message, msg_type, tags};
use touchline_types::{Command, CommandKind, OrdType, Reason, Side, TimeInForce, parse_cl_ord_id};

use crate::instruments::{Instrument, Instruments};

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

/// So much of an unknown symbol is shown in Text(58); it stands whole in Symbol(55) beside it.
const SYMBOL_BYTES_SHOWN: usize = 32;

/// Fields that change what an order does, and that the venue does not offer.
const NOT_OFFERED: [u32; 10] = [
    tags::EXEC_INST,
    tags::STOP_PX,
    tags::MIN_QTY,
    tags::MAX_FLOOR,
    MAX_SHOW,
    PEG_OFFSET_VALUE,
    DISCRETION_INST,
    CASH_ORDER_QTY,
    ORDER_PERCENT,
    EFFECTIVE_TIME,
];

/// Why no command was made. The text for Text(58) lies in the [`OrderEntry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Session `Reject(3)`.
    Field(FieldFault),
    /// `BusinessMessageReject(j)`.
    Business(BusinessRejectReason),
    /// `ExecutionReport(8)`, or `OrderCancelReject(9)` of a cancel or replace.
    Order {
        /// Why, in the venue's words.
        reason: Reason,
        /// OrdRejReason(103), where the message is answered by an ExecutionReport.
        ord_rej_reason: u32,
        /// CxlRejReason(102), where it is answered by an OrderCancelReject.
        cxl_rej_reason: u32,
    },
}

/// Reads orders. Holds the text of the last refusal, so that nothing is allocated for one.
#[derive(Debug)]
pub(crate) struct OrderEntry {
    instruments: Instruments,
    text: String,
}

impl OrderEntry {
    /// Order entry for these instruments.
    #[must_use]
    pub(crate) fn new(instruments: Instruments) -> Self {
        Self { instruments, text: String::with_capacity(256) }
    }

    /// The instruments.
    #[must_use]
    pub(crate) const fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// What the last refusal says in Text(58), never empty after one.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Reads an application message into a command. Owner, number, token and time are the caller's
    /// to fill in.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; [`text`](Self::text) says more.
    pub(crate) fn read(&mut self, message: &Message<'_>) -> Result<Command, Refusal> {
        self.text.clear();
        match message.msg_type() {
            msg_type::NEW_ORDER_SINGLE => self.new_order(message),
            msg_type::ORDER_CANCEL_REQUEST => self.cancel(message),
            msg_type::ORDER_CANCEL_REPLACE_REQUEST => self.replace(message),
            msg_type::ORDER_STATUS_REQUEST => self.status(message),
            other if msg_type::is_defined(other) => {
                self.text.push_str("this message type is not offered here");
                Err(Refusal::Business(BusinessRejectReason::UnsupportedMessageType))
            }
            _ => {
                let reason = touchline_fix::SessionRejectReason::InvalidMsgType;
                Err(self.field(FieldFault::new(tags::MSG_TYPE, reason)))
            }
        }
    }

    fn new_order(&mut self, message: &Message<'_>) -> Result<Command, Refusal> {
        let mut command = Command::of(CommandKind::NewOrder);
        command.cl_ord_id = self.cl_ord_id(message, tags::CL_ORD_ID)?;
        let instrument = self.common(message, &mut command, true)?;
        self.terms(message, instrument, &mut command)?;
        Ok(command)
    }

    fn cancel(&mut self, message: &Message<'_>) -> Result<Command, Refusal> {
        let mut command = Command::of(CommandKind::CancelOrder);
        command.orig_cl_ord_id = self.cl_ord_id(message, tags::ORIG_CL_ORD_ID)?;
        command.cl_ord_id = self.cl_ord_id(message, tags::CL_ORD_ID)?;
        self.common(message, &mut command, true)?;
        // The quantity says nothing that OrigClOrdID(41) does not say; only its form is checked.
        message.decimal(tags::ORDER_QTY).map_err(|fault| self.field(fault))?;
        Ok(command)
    }

    fn replace(&mut self, message: &Message<'_>) -> Result<Command, Refusal> {
        let mut command = Command::of(CommandKind::ReplaceOrder);
        command.orig_cl_ord_id = self.cl_ord_id(message, tags::ORIG_CL_ORD_ID)?;
        command.cl_ord_id = self.cl_ord_id(message, tags::CL_ORD_ID)?;
        let instrument = self.common(message, &mut command, true)?;
        self.terms(message, instrument, &mut command)?;
        Ok(command)
    }

    fn status(&mut self, message: &Message<'_>) -> Result<Command, Refusal> {
        let mut command = Command::of(CommandKind::OrderStatus);
        command.cl_ord_id = self.cl_ord_id(message, tags::CL_ORD_ID)?;
        self.common(message, &mut command, false)?;
        Ok(command)
    }

    /// Symbol(55), Side(54) and TransactTime(60). Returns the index of the instrument.
    fn common(
        &mut self,
        message: &Message<'_>,
        command: &mut Command,
        has_transact_time: bool,
    ) -> Result<u32, Refusal> {
        let symbol = message.require(tags::SYMBOL).map_err(|fault| self.field(fault))?;
        let side = message.require_char(tags::SIDE).map_err(|fault| self.field(fault))?;
        if has_transact_time {
            message
                .require_utc_timestamp(tags::TRANSACT_TIME)
                .map_err(|fault| self.field(fault))?;
        }
        command.side = match side {
            b'1' => Side::Buy,
            b'2' => Side::Sell,
            // The other values of FIX 4.4: short sales, crosses, lending.
            b'3'..=b'9' | b'A'..=b'G' => {
                return Err(self.unsupported(format_args!("Side(54) {}", side as char)));
            }
            _ => return Err(self.field(FieldFault::value(tags::SIDE))),
        };
        match self.instruments.with_symbol(symbol) {
            Some(instrument) => {
                command.instrument_id = instrument.id;
                Ok(instrument.id)
            }
            None => {
                let shown = symbol.get(..SYMBOL_BYTES_SHOWN).unwrap_or(symbol);
                let symbol = String::from_utf8_lossy(shown);
                Err(self.order(
                    Reason::UnknownSymbol,
                    format_args!("no instrument has Symbol(55) {symbol}"),
                ))
            }
        }
    }

    /// OrderQty(38), OrdType(40), Price(44), TimeInForce(59), and what is not offered.
    fn terms(
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
        command.order_qty = self.lots(instrument_id, qty)?;
        match (command.ord_type, price) {
            (OrdType::Limit, Some(price)) => command.price = self.units(instrument_id, price)?,
            (OrdType::Limit, None) => return Err(self.conditional(tags::PRICE)),
            // The price of a market order has no meaning; some systems send 0.
            _ => command.price = 0,
        }
        Ok(())
    }

    fn ord_type(&mut self, value: u8) -> Result<OrdType, Refusal> {
        match value {
            b'1' => Ok(OrdType::Market),
            b'2' => Ok(OrdType::Limit),
            // The other values of FIX 4.4.
            b'3' | b'4' | b'6'..=b'9' | b'D' | b'E' | b'G' | b'I'..=b'M' | b'P' => {
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
            // At the opening, good till crossing, good till date, at the close.
            b'2' | b'5'..=b'7' => {
                Err(self.unsupported(format_args!("TimeInForce(59) {}", value as char)))
            }
            _ => Err(self.field(FieldFault::value(tags::TIME_IN_FORCE))),
        }
    }

    fn lots(&mut self, instrument_id: u32, qty: Decimal) -> Result<u64, Refusal> {
        let Some(instrument) = self.instruments.with_id(instrument_id) else {
            return Err(self.order(Reason::UnknownSymbol, format_args!("no such instrument")));
        };
        let round_lot = instrument.round_lot();
        instrument.lots(qty).ok_or_else(|| {
            let text = format_args!("OrderQty(38) {qty} is not one or more lots of {round_lot}");
            order_refusal(&mut self.text, Reason::IncorrectQuantity, text)
        })
    }

    fn units(&mut self, instrument_id: u32, price: Decimal) -> Result<i64, Refusal> {
        let Some(instrument) = self.instruments.with_id(instrument_id) else {
            return Err(self.order(Reason::UnknownSymbol, format_args!("no such instrument")));
        };
        instrument.price_units(price).map_err(|_| off_tick(&mut self.text, instrument, price))
    }

    fn cl_ord_id(&mut self, message: &Message<'_>, tag: u32) -> Result<[u8; 20], Refusal> {
        let value = message.require(tag).map_err(|fault| self.field(fault))?;
        parse_cl_ord_id(value).map_err(|error| {
            let refusal = self.field(FieldFault::value(tag));
            let _ = write!(self.text, ": {error}");
            refusal
        })
    }

    fn field(&mut self, fault: FieldFault) -> Refusal {
        self.text.clear();
        self.text.push_str(fault.reason.text());
        if let Some(name) = tags::name(fault.tag) {
            let _ = write!(self.text, ": {name}({})", fault.tag);
        }
        Refusal::Field(fault)
    }

    fn conditional(&mut self, tag: u32) -> Refusal {
        self.text.clear();
        let name = tags::name(tag).unwrap_or("tag");
        let _ = write!(self.text, "Conditionally required field missing: {name}({tag})");
        Refusal::Business(BusinessRejectReason::ConditionallyRequiredFieldMissing)
    }

    fn unsupported(&mut self, what: std::fmt::Arguments<'_>) -> Refusal {
        self.order(Reason::UnsupportedCharacteristic, format_args!("{what} is not offered here"))
    }

    fn order(&mut self, reason: Reason, text: std::fmt::Arguments<'_>) -> Refusal {
        order_refusal(&mut self.text, reason, text)
    }
}

fn order_refusal(out: &mut String, reason: Reason, text: std::fmt::Arguments<'_>) -> Refusal {
    out.clear();
    let _ = out.write_fmt(text);
    Refusal::Order {
        reason,
        ord_rej_reason: reason.ord_rej_reason(),
        cxl_rej_reason: reason.cxl_rej_reason(),
    }
}

fn off_tick(out: &mut String, instrument: &Instrument, price: Decimal) -> Refusal {
    let increment = instrument.price_increment();
    let text = format_args!("Price(44) {price} is not a multiple of {increment}, or too large");
    order_refusal(out, Reason::PriceOutOfRange, text)
}
