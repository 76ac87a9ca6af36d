//! OrderMassCancelRequest(q) and OrderMassCancelReport(r): all open orders of a scope, or those of
//! an instrument, or of a side.
//!
//! Whose orders are meant is not in the message: those of the session, unless the configuration
//! gives its member a wider right. The engine takes them in portions; the report follows the last
//! one and counts all.

use touchline_fix::{FieldFault, Message, Writer, msg_type, tags};
use touchline_types::{Command, CommandKind, Event, Reason, Side, cl_ord_id_text};

use crate::instruments::Instruments;
use crate::order_entry::{OrderEntry, Refusal};
use crate::report::Refused;

/// MassCancelRequestType(530): the orders of one instrument.
const OF_SECURITY: u8 = b'1';
/// MassCancelRequestType(530): all orders.
const ALL: u8 = b'7';

impl OrderEntry {
    /// Reads an OrderMassCancelRequest(q). The scope is the caller's to fill in.
    pub(crate) fn mass_cancel(&mut self, message: &Message<'_>) -> Result<Command, Refusal> {
        let mut command = Command::of(CommandKind::MassCancel);
        command.cl_ord_id = self.cl_ord_id(message, tags::CL_ORD_ID)?;
        let request_type = message
            .require_char(tags::MASS_CANCEL_REQUEST_TYPE)
            .map_err(|fault| self.field(fault))?;
        message.require_utc_timestamp(tags::TRANSACT_TIME).map_err(|fault| self.field(fault))?;
        command.side = match message.char(tags::SIDE).map_err(|fault| self.field(fault))? {
            None => Side::Undisclosed,
            Some(b'1') => Side::Buy,
            Some(b'2') => Side::Sell,
            Some(_) => return Err(self.field(FieldFault::value(tags::SIDE))),
        };
        match request_type {
            ALL => Ok(command),
            OF_SECURITY => {
                let Some(symbol) = message.get(tags::SYMBOL) else {
                    return Err(self.conditional(tags::SYMBOL));
                };
                command.instrument_id = self.instrument(symbol)?;
                Ok(command)
            }
            // Underlying, product, CFICode, security type, trading session.
            value @ b'2'..=b'6' => {
                let value = char::from(value);
                Err(self.unsupported(format_args!("MassCancelRequestType(530) {value}")))
            }
            _ => Err(self.field(FieldFault::value(tags::MASS_CANCEL_REQUEST_TYPE))),
        }
    }
}

/// Whether a refused message is answered by an OrderMassCancelReport(r).
pub(crate) fn is_mass_cancel(message: &Message<'_>) -> bool {
    message.msg_type() == msg_type::ORDER_MASS_CANCEL_REQUEST
}

/// MassCancelRejectReason(532).
pub(crate) const fn mass_cancel_reject_reason(reason: Reason) -> u32 {
    match reason {
        Reason::UnsupportedCharacteristic => 0,
        Reason::UnknownSymbol => 1,
        _ => 99,
    }
}

/// Writes the body of the report that ends a mass cancel; `last_qty` is the sum of its portions.
pub(crate) fn write_report(event: &Event, instruments: &Instruments, writer: &mut Writer<'_>) {
    let instrument = instruments.with_id(event.instrument_id);
    let response = if instrument.is_some() { OF_SECURITY } else { ALL };
    writer
        .u64(tags::ORDER_ID, event.seq)
        .bytes(tags::CL_ORD_ID, cl_ord_id_text(&event.cl_ord_id))
        .char(tags::MASS_CANCEL_REQUEST_TYPE, response)
        .char(tags::MASS_CANCEL_RESPONSE, response)
        .u64(tags::TOTAL_AFFECTED_ORDERS, event.last_qty);
    if let Some(instrument) = instrument {
        writer.bytes(tags::SYMBOL, &instrument.symbol);
    }
    match event.side {
        Side::Buy => drop(writer.char(tags::SIDE, b'1')),
        Side::Sell => drop(writer.char(tags::SIDE, b'2')),
        Side::Undisclosed => {}
    }
    writer.utc_timestamp(tags::TRANSACT_TIME, event.timestamp);
}

/// Writes the body of the report that refuses a request.
pub(crate) fn write_refused(message: &Message<'_>, refused: &Refused<'_>, writer: &mut Writer<'_>) {
    writer.bytes(tags::ORDER_ID, b"NONE");
    let echoed = [tags::CL_ORD_ID, tags::MASS_CANCEL_REQUEST_TYPE];
    for tag in echoed {
        if let Some(value) = message.get(tag) {
            writer.bytes(tag, value);
        }
    }
    writer
        .char(tags::MASS_CANCEL_RESPONSE, b'0')
        .u64(tags::MASS_CANCEL_REJECT_REASON, u64::from(refused.reason));
    for tag in [tags::SYMBOL, tags::SIDE] {
        if let Some(value) = message.get(tag) {
            writer.bytes(tag, value);
        }
    }
    writer.utc_timestamp(tags::TRANSACT_TIME, refused.now_ns).text(tags::TEXT, refused.text);
}
