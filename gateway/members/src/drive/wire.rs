//! Commands of a flow as FIX messages, and the venue's messages as what they mean to the flow.

use touchline_config::{Instrument, Venue};
use touchline_fix::{Decimal, Message, msg_type, tags};
use touchline_sys::now_ns;

use super::Played;
use super::client::{Client, ClientError};
use super::orders::{Meaning, Orders, Report, fix_side};
use super::report::Progress;
use crate::flow::{FlowAction, FlowCommand, TimeInForce};

/// SecondaryExecID(527): where the venue puts TrdMatchID(880), which FIX 4.4 does not know here.
const SECONDARY_EXEC_ID: u32 = 527;

/// Hands a message of the venue to orders, flow and counters.
pub(super) fn take(
    message: &Message<'_>,
    venue: &Venue,
    orders: &mut Orders,
    flow: &mut impl Played,
    progress: &mut Progress,
) -> Result<(), String> {
    let text = |tag| std::str::from_utf8(message.get(tag).unwrap_or(b"")).unwrap_or("");
    let meaning = match message.msg_type() {
        kind if kind == msg_type::EXECUTION_REPORT => orders.take(&read(message, venue)?),
        kind if kind == msg_type::ORDER_CANCEL_REJECT => orders.refuse(text(tags::CL_ORD_ID)),
        kind if kind == msg_type::BUSINESS_MESSAGE_REJECT => {
            orders.refuse(text(tags::BUSINESS_REJECT_REF_ID))
        }
        _ => {
            let bytes = String::from_utf8_lossy(message.bytes()).replace('\u{1}', "|");
            return Err(format!("the venue sent what it must not: {bytes}"));
        }
    };
    match meaning {
        Meaning::Answered(request) => {
            progress.answered += 1;
            progress.round_trip.saturating_record(now_ns().saturating_sub(request.due_ns));
        }
        Meaning::Refused(request) => {
            let reason = match text(tags::TEXT) {
                "" => "no reason given".to_owned(),
                reason => reason.to_owned(),
            };
            *progress.refused.entry(reason).or_default() += 1;
            flow.on_refused(&request.command);
        }
        Meaning::Filled(fill) => {
            progress.executions += 1;
            flow.on_fill(&fill);
        }
        Meaning::Nothing => {}
    }
    Ok(())
}

/// Reads the fields of an ExecutionReport that the driver needs.
fn read<'a>(message: &Message<'a>, venue: &Venue) -> Result<Report<'a>, String> {
    let text = |tag| std::str::from_utf8(message.get(tag).unwrap_or(b"")).unwrap_or("");
    let first = |tag| message.get(tag).and_then(|value| value.first().copied()).unwrap_or(0);
    let number = |tag| text(tag).parse().unwrap_or(0);
    let seq = text(tags::EXEC_ID).split('-').next().and_then(|seq| seq.parse().ok()).unwrap_or(0);
    let exec_type = first(tags::EXEC_TYPE);
    let (last_px, last_qty) = if exec_type == b'F' {
        let symbol = text(tags::SYMBOL);
        let (increment, round_lot) = venue
            .instrument(symbol)
            .and_then(|instrument| Some((increment(instrument)?, instrument.round_lot)))
            .ok_or_else(|| format!("a report names the unknown symbol {symbol:?}"))?;
        let last_px = message
            .decimal(tags::LAST_PX)
            .ok()
            .flatten()
            .and_then(|price| price.to_units(increment).ok())
            .ok_or_else(|| format!("LastPx {:?} is no price", text(tags::LAST_PX)))?;
        (last_px, number(tags::LAST_QTY) / round_lot)
    } else {
        (0, 0)
    };
    Ok(Report {
        cl_ord_id: text(tags::CL_ORD_ID),
        order_id: number(tags::ORDER_ID),
        exec_type,
        ord_status: first(tags::ORD_STATUS),
        seq,
        last_px,
        last_qty,
        trd_match_id: number(SECONDARY_EXEC_ID),
    })
}

fn increment(instrument: &Instrument) -> Option<Decimal> {
    Decimal::new(instrument.price_increment.mantissa, instrument.price_increment.scale)
}

/// A request on its way into a FIX message.
pub(super) struct Request<'a> {
    pub(super) command: &'a FlowCommand,
    pub(super) cl_ord_id: &'a str,
    /// ClOrdID and side of the order that it is about.
    pub(super) original: Option<(String, u8)>,
    pub(super) instrument: &'a Instrument,
}

impl Request<'_> {
    pub(super) fn send(&self, client: &mut Client, now_ns: u64) -> Result<(), ClientError> {
        let price = |price: i64| {
            increment(self.instrument)
                .and_then(|increment| Decimal::from_units(price, increment).ok())
                .ok_or_else(|| ClientError(format!("price {price} cannot be written")))
        };
        let lot = self.instrument.round_lot;
        let symbol = self.instrument.symbol.as_str();
        let (original, side) = self.original.as_ref().map_or(("", b'1'), |(id, side)| (id, *side));
        match self.command.action {
            FlowAction::New { side, price: units, qty, time_in_force, .. } => {
                let price = price(units)?;
                let side = fix_side(side);
                let time_in_force = match time_in_force {
                    TimeInForce::Day => b'0',
                    TimeInForce::ImmediateOrCancel => b'3',
                };
                client.send(now_ns, msg_type::NEW_ORDER_SINGLE, |writer| {
                    writer
                        .text(tags::CL_ORD_ID, self.cl_ord_id)
                        .text(tags::SYMBOL, symbol)
                        .char(tags::SIDE, side)
                        .utc_timestamp(tags::TRANSACT_TIME, now_ns)
                        .u64(tags::ORDER_QTY, qty * lot)
                        .char(tags::ORD_TYPE, b'2')
                        .decimal(tags::PRICE, price)
                        .char(tags::TIME_IN_FORCE, time_in_force);
                })
            }
            FlowAction::Replace { price: units, order_qty, .. } => {
                let price = price(units)?;
                client.send(now_ns, msg_type::ORDER_CANCEL_REPLACE_REQUEST, |writer| {
                    writer
                        .text(tags::ORIG_CL_ORD_ID, original)
                        .text(tags::CL_ORD_ID, self.cl_ord_id)
                        .text(tags::SYMBOL, symbol)
                        .char(tags::SIDE, side)
                        .utc_timestamp(tags::TRANSACT_TIME, now_ns)
                        .u64(tags::ORDER_QTY, order_qty * lot)
                        .char(tags::ORD_TYPE, b'2')
                        .decimal(tags::PRICE, price);
                })
            }
            FlowAction::Cancel { .. } => {
                client.send(now_ns, msg_type::ORDER_CANCEL_REQUEST, |writer| {
                    writer
                        .text(tags::ORIG_CL_ORD_ID, original)
                        .text(tags::CL_ORD_ID, self.cl_ord_id)
                        .text(tags::SYMBOL, symbol)
                        .char(tags::SIDE, side)
                        .utc_timestamp(tags::TRANSACT_TIME, now_ns)
                        .u64(tags::ORDER_QTY, lot);
                })
            }
            FlowAction::Phase(_) => Ok(()),
        }
    }
}
