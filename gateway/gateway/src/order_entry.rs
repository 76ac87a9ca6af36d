//! Order entry: NewOrderSingle(D), OrderCancelRequest(F), OrderCancelReplaceRequest(G),
//! OrderStatusRequest(H) and OrderMassCancelRequest(q) become commands, or a refusal with its FIX
//! reason.
//!
//! A fault of form is a session `Reject(3)`; a conditionally required field that is missing a
//! `BusinessMessageReject(j)`; what is well said but not traded here is refused as an order.
//! What an order asks for beyond what is read (PegOffsetValue, MaxShow, ...) is refused by name,
//! because an order without it would be another order. Other fields are read over.

use std::fmt::Write;

use touchline_fix::{BusinessRejectReason, Decimal, FieldFault, Message, msg_type, tags};
use touchline_types::{Command, CommandKind, Reason, Side, parse_cl_ord_id};

use crate::instruments::Instruments;

/// So much of an unknown symbol is shown in Text(58); it stands whole in Symbol(55) beside it.
const SYMBOL_BYTES_SHOWN: usize = 32;

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
            msg_type::ORDER_MASS_CANCEL_REQUEST => self.mass_cancel(message),
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
        command.instrument_id = self.instrument(symbol)?;
        Ok(command.instrument_id)
    }

    /// The number of the instrument with a symbol.
    pub(crate) fn instrument(&mut self, symbol: &[u8]) -> Result<u32, Refusal> {
        if let Some(instrument) = self.instruments.with_symbol(symbol) {
            return Ok(instrument.id);
        }
        let shown = symbol.get(..SYMBOL_BYTES_SHOWN).unwrap_or(symbol);
        let symbol = String::from_utf8_lossy(shown);
        let text = format_args!("no instrument has Symbol(55) {symbol}");
        Err(self.order(Reason::UnknownSymbol, text))
    }

    /// A quantity in lots: one or more of them, or the reason.
    pub(crate) fn lots(
        &mut self,
        instrument_id: u32,
        qty: Decimal,
        tag: u32,
        reason: Reason,
    ) -> Result<u64, Refusal> {
        let Some(instrument) = self.instruments.with_id(instrument_id) else {
            return Err(self.order(Reason::UnknownSymbol, format_args!("no such instrument")));
        };
        let round_lot = instrument.round_lot();
        instrument.lots(qty).ok_or_else(|| {
            let name = tags::name(tag).unwrap_or("DisplayQty");
            let text = format_args!("{name}({tag}) {qty} is not one or more lots of {round_lot}");
            order_refusal(&mut self.text, reason, text)
        })
    }

    /// A price in price units, or the reason.
    pub(crate) fn units(
        &mut self,
        instrument_id: u32,
        price: Decimal,
        tag: u32,
        reason: Reason,
    ) -> Result<i64, Refusal> {
        let Some(instrument) = self.instruments.with_id(instrument_id) else {
            return Err(self.order(Reason::UnknownSymbol, format_args!("no such instrument")));
        };
        instrument.price_units(price).map_err(|_| {
            let (name, increment) = (tags::name(tag).unwrap_or(""), instrument.price_increment());
            let text = format_args!(
                "{name}({tag}) {price} is not a multiple of {increment}, or too large"
            );
            order_refusal(&mut self.text, reason, text)
        })
    }

    pub(crate) fn cl_ord_id(
        &mut self,
        message: &Message<'_>,
        tag: u32,
    ) -> Result<[u8; 20], Refusal> {
        let value = message.require(tag).map_err(|fault| self.field(fault))?;
        parse_cl_ord_id(value).map_err(|error| {
            let refusal = self.field(FieldFault::value(tag));
            let _ = write!(self.text, ": {error}");
            refusal
        })
    }

    pub(crate) fn field(&mut self, fault: FieldFault) -> Refusal {
        self.text.clear();
        self.text.push_str(fault.reason.text());
        if let Some(name) = tags::name(fault.tag) {
            let _ = write!(self.text, ": {name}({})", fault.tag);
        }
        Refusal::Field(fault)
    }

    pub(crate) fn conditional(&mut self, tag: u32) -> Refusal {
        self.text.clear();
        let name = tags::name(tag).unwrap_or("tag");
        let _ = write!(self.text, "Conditionally required field missing: {name}({tag})");
        Refusal::Business(BusinessRejectReason::ConditionallyRequiredFieldMissing)
    }

    pub(crate) fn unsupported(&mut self, what: std::fmt::Arguments<'_>) -> Refusal {
        self.order(Reason::UnsupportedCharacteristic, format_args!("{what} is not offered here"))
    }

    pub(crate) fn order(&mut self, reason: Reason, text: std::fmt::Arguments<'_>) -> Refusal {
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
