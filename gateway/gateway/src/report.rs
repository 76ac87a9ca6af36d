//! Events and refusals as FIX messages: ExecutionReport(8) and OrderCancelReject(9), with every
//! field that FIX 4.4 requires and none that its dictionary does not list for the message.
//!
//! The match number stands in SecondaryExecID(527): TrdMatchID(880) is no field of the
//! ExecutionReport of FIX 4.4, and a client that validates would refuse every fill.

use touchline_fix::{Decimal, Message, Writer, msg_type, tags};
use touchline_types::{
    Event, EventFlags, EventKind, ExecInst, OrdStatus, OrdType, Reason, Side, TimeInForce,
    cl_ord_id_text,
};

use crate::instruments::{Instrument, Instruments};
use crate::mass_cancel;

/// ExecRestatementReason(378): partial decline of OrderQty(38).
const PARTIAL_DECLINE: u64 = 5;
/// ExecRestatementReason(378): market (exchange) option.
const MARKET_OPTION: u64 = 8;
/// ExecRestatementReason(378): other.
const OTHER: u64 = 99;

/// OrderID(37) where there is no order.
const NO_ORDER: &[u8] = b"NONE";
/// Symbol(55) where there is no instrument (FIX 4.4 Vol 1, Instrument).
const NO_SYMBOL: &[u8] = b"[N/A]";

/// The message that tells an event to the owner of its order; `None` for what he is not told.
#[must_use]
pub(crate) const fn msg_type_of(kind: EventKind) -> Option<&'static [u8]> {
    match kind {
        EventKind::Accepted
        | EventKind::Rejected
        | EventKind::Executed
        | EventKind::Canceled
        | EventKind::Replaced
        | EventKind::Status
        | EventKind::Triggered
        | EventKind::Replenished
        | EventKind::Restated
        | EventKind::Expired => Some(msg_type::EXECUTION_REPORT),
        EventKind::CancelRejected => Some(msg_type::ORDER_CANCEL_REJECT),
        EventKind::MassCanceled => Some(msg_type::ORDER_MASS_CANCEL_REPORT),
        EventKind::Added
        | EventKind::PhaseChanged
        | EventKind::Uncrossed
        | EventKind::EntryBlocked
        | EventKind::EntryAdmitted
        | EventKind::LimitsSet
        | EventKind::AccountSet
        | EventKind::AccountClosed
        | EventKind::Deposited
        | EventKind::SnapshotStart
        | EventKind::SnapshotInstrument
        | EventKind::SnapshotOrder
        | EventKind::SnapshotEnd => None,
    }
}

/// ExecType(150) of an event that an ExecutionReport tells.
#[must_use]
pub(crate) const fn exec_type(kind: EventKind) -> u8 {
    match kind {
        EventKind::Accepted => b'0',
        EventKind::Executed => b'F',
        EventKind::Canceled => b'4',
        EventKind::Replaced => b'5',
        EventKind::Status => b'I',
        EventKind::Triggered | EventKind::Replenished | EventKind::Restated => b'D',
        EventKind::Expired => b'C',
        _ => b'8',
    }
}

const fn ord_status(status: OrdStatus) -> u8 {
    match status {
        OrdStatus::New => b'0',
        OrdStatus::PartiallyFilled => b'1',
        OrdStatus::Filled => b'2',
        OrdStatus::Canceled => b'4',
        OrdStatus::Rejected => b'8',
    }
}

const fn side(side: Side) -> u8 {
    match side {
        Side::Buy => b'1',
        Side::Sell => b'2',
        Side::Undisclosed => b'7',
    }
}

const fn ord_type(ord_type: OrdType) -> Option<u8> {
    match ord_type {
        OrdType::None => None,
        OrdType::Market => Some(b'1'),
        OrdType::Limit => Some(b'2'),
        OrdType::Stop => Some(b'3'),
        OrdType::StopLimit => Some(b'4'),
        OrdType::MarketToLimit => Some(b'K'),
    }
}

const fn time_in_force(time_in_force: TimeInForce) -> u8 {
    match time_in_force {
        TimeInForce::Day => b'0',
        TimeInForce::GoodTillCancel => b'1',
        TimeInForce::ImmediateOrCancel => b'3',
        TimeInForce::FillOrKill => b'4',
        TimeInForce::GoodTillDate => b'6',
    }
}

/// Writes the body of the message that [`msg_type_of`] names.
pub(crate) fn write_event(event: &Event, instruments: &Instruments, writer: &mut Writer<'_>) {
    match event.kind {
        EventKind::CancelRejected => write_cancel_reject(event, writer),
        EventKind::MassCanceled => mass_cancel::write_report(event, instruments, writer),
        _ => write_execution_report(event, instruments.with_id(event.instrument_id), writer),
    }
}

fn write_execution_report(event: &Event, instrument: Option<&Instrument>, writer: &mut Writer<'_>) {
    write_order_id(event.order_id, writer);
    writer.bytes(tags::CL_ORD_ID, cl_ord_id_text(&event.cl_ord_id));
    write_orig_cl_ord_id(event, writer);
    let mut text = [0; 31];
    writer
        .bytes(tags::EXEC_ID, exec_id(event.seq, event.index, &mut text))
        .char(tags::EXEC_TYPE, exec_type(event.kind))
        .char(
            tags::ORD_STATUS,
            match event.kind {
                EventKind::Expired => b'C',
                _ => ord_status(event.ord_status),
            },
        );
    if event.ord_status == OrdStatus::Rejected {
        writer.u64(tags::ORD_REJ_REASON, u64::from(event.reason.ord_rej_reason()));
        write_text(event.reason.text(), writer);
    } else {
        write_restatement(event, writer);
    }
    writer.bytes(tags::SYMBOL, instrument.map_or(NO_SYMBOL, |instrument| &instrument.symbol));
    writer.char(tags::SIDE, side(event.side));
    let qty = |lots: u64| instrument.map_or(0, |instrument| instrument.qty(lots));
    let price = |units: i64| match instrument {
        Some(instrument) => instrument.price(units),
        None => Decimal { mantissa: 0, scale: 0 },
    };
    if event.order_qty > 0 {
        writer.u64(tags::ORDER_QTY, qty(event.order_qty));
    }
    if let Some(value) = ord_type(event.ord_type) {
        writer.char(tags::ORD_TYPE, value);
    }
    // A market order has a price where the venue has given it a limit.
    if matches!(event.ord_type, OrdType::Limit | OrdType::StopLimit) || event.price != 0 {
        writer.decimal(tags::PRICE, price(event.price));
    }
    if event.stop_px != 0 || matches!(event.ord_type, OrdType::Stop | OrdType::StopLimit) {
        writer.decimal(tags::STOP_PX, price(event.stop_px));
    }
    let has = |inst: ExecInst| event.exec_inst.contains(inst);
    if event.display_qty > 0 || has(ExecInst::HIDDEN) {
        writer.u64(tags::MAX_FLOOR, qty(event.display_qty));
    }
    if has(ExecInst::POST_ONLY) {
        writer.char(tags::EXEC_INST, b'6');
    }
    if event.expire_time != 0 {
        writer.utc_timestamp(tags::EXPIRE_TIME, event.expire_time);
    }
    if event.ord_type != OrdType::None {
        writer.char(tags::TIME_IN_FORCE, time_in_force(event.time_in_force));
    }
    if event.kind == EventKind::Executed {
        writer
            .u64(tags::LAST_QTY, qty(event.last_qty))
            .decimal(tags::LAST_PX, price(event.last_px))
            .u64(tags::SECONDARY_EXEC_ID, event.trd_match_id);
        write_liquidity(event.flags, writer);
    }
    let avg_px = instrument.map_or(Decimal { mantissa: 0, scale: 0 }, |instrument| {
        instrument.avg_px(event.cum_value, event.cum_qty)
    });
    writer
        .u64(tags::LEAVES_QTY, qty(event.leaves_qty))
        .u64(tags::CUM_QTY, qty(event.cum_qty))
        .decimal(tags::AVG_PX, avg_px)
        .utc_timestamp(tags::TRANSACT_TIME, event.timestamp);
}

/// ExecRestatementReason(378) and why, in words, of what nobody has asked for.
fn write_restatement(event: &Event, writer: &mut Writer<'_>) {
    let reason = match (event.kind, event.reason) {
        (EventKind::Restated, _) => PARTIAL_DECLINE,
        (EventKind::Replenished | EventKind::Triggered, _) => OTHER,
        (EventKind::Canceled, reason) if reason != Reason::None => MARKET_OPTION,
        _ => return,
    };
    writer.u64(tags::EXEC_RESTATEMENT_REASON, reason);
    let text = match event.kind {
        EventKind::Triggered => "the stop price is reached",
        EventKind::Replenished => "the next part is shown",
        _ => event.reason.text(),
    };
    write_text(text, writer);
}

/// LastLiquidityInd(851): 1 added, 2 removed; in an uncross neither side did.
fn write_liquidity(flags: EventFlags, writer: &mut Writer<'_>) {
    if flags.contains(EventFlags::UNCROSS) {
        return;
    }
    if flags.contains(EventFlags::AGGRESSOR) {
        writer.char(tags::LAST_LIQUIDITY_IND, b'2');
    } else if flags.contains(EventFlags::RESTING) {
        writer.char(tags::LAST_LIQUIDITY_IND, b'1');
    }
}

fn write_cancel_reject(event: &Event, writer: &mut Writer<'_>) {
    let of_replace = event.flags.contains(EventFlags::OF_REPLACE);
    write_order_id(event.order_id, writer);
    writer
        .bytes(tags::CL_ORD_ID, cl_ord_id_text(&event.cl_ord_id))
        .bytes(tags::ORIG_CL_ORD_ID, cl_ord_id_text(&event.orig_cl_ord_id))
        .char(tags::ORD_STATUS, ord_status(event.ord_status))
        .utc_timestamp(tags::TRANSACT_TIME, event.timestamp)
        .char(tags::CXL_REJ_RESPONSE_TO, if of_replace { b'2' } else { b'1' })
        .u64(tags::CXL_REJ_REASON, u64::from(event.reason.cxl_rej_reason()));
    write_text(event.reason.text(), writer);
}

fn write_order_id(order_id: u64, writer: &mut Writer<'_>) {
    if order_id == 0 {
        writer.bytes(tags::ORDER_ID, NO_ORDER);
    } else {
        writer.u64(tags::ORDER_ID, order_id);
    }
}

fn write_orig_cl_ord_id(event: &Event, writer: &mut Writer<'_>) {
    let orig = cl_ord_id_text(&event.orig_cl_ord_id);
    if !orig.is_empty() {
        writer.bytes(tags::ORIG_CL_ORD_ID, orig);
    }
}

fn write_text(text: &str, writer: &mut Writer<'_>) {
    if !text.is_empty() {
        writer.text(tags::TEXT, text);
    }
}

/// `<seq>-<index>`: 20 digits, a dash and 10 digits at most.
fn exec_id(seq: u64, index: u32, text: &mut [u8; 31]) -> &[u8] {
    let mut start = text.len();
    let mut put = |byte: u8| {
        start -= 1;
        text[start] = byte;
    };
    put_digits(u64::from(index), &mut put);
    put(b'-');
    put_digits(seq, &mut put);
    &text[start..]
}

fn put_digits(mut value: u64, put: &mut impl FnMut(u8)) {
    loop {
        put(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            return;
        }
    }
}

/// What the gateway itself says to an order that it refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    /// `ExecID(17)` is `G<number>`.
    pub(crate) number: u64,
    /// OrdRejReason(103) or CxlRejReason(102).
    pub(crate) reason: u32,
    /// Text(58), not empty.
    pub(crate) text: &'a str,
    /// TransactTime(60).
    pub(crate) now_ns: u64,
}

/// Whether a refused message is answered by an OrderCancelReject(9), else by an ExecutionReport(8).
#[must_use]
pub(crate) fn is_cancel(message: &Message<'_>) -> bool {
    matches!(
        message.msg_type(),
        msg_type::ORDER_CANCEL_REQUEST | msg_type::ORDER_CANCEL_REPLACE_REQUEST
    )
}

/// Writes the body of the ExecutionReport(8) or OrderCancelReject(9) that refuses `message`, whose
/// required fields have been checked.
pub(crate) fn write_refused(message: &Message<'_>, refused: &Refused<'_>, writer: &mut Writer<'_>) {
    if mass_cancel::is_mass_cancel(message) {
        return mass_cancel::write_refused(message, refused, writer);
    }
    let echo = |tag: u32, writer: &mut Writer<'_>| {
        if let Some(value) = message.get(tag).filter(|value| !value.is_empty()) {
            writer.bytes(tag, value);
        }
    };
    writer.bytes(tags::ORDER_ID, NO_ORDER);
    echo(tags::CL_ORD_ID, writer);
    echo(tags::ORIG_CL_ORD_ID, writer);
    if is_cancel(message) {
        let of_replace = message.msg_type() == msg_type::ORDER_CANCEL_REPLACE_REQUEST;
        writer
            .char(tags::ORD_STATUS, b'8')
            .char(tags::CXL_REJ_RESPONSE_TO, if of_replace { b'2' } else { b'1' })
            .u64(tags::CXL_REJ_REASON, u64::from(refused.reason));
    } else {
        let of_status = message.msg_type() == msg_type::ORDER_STATUS_REQUEST;
        let mut text = [0; 31];
        writer
            .bytes(tags::EXEC_ID, refusal_id(refused.number, &mut text))
            .char(tags::EXEC_TYPE, if of_status { b'I' } else { b'8' })
            .char(tags::ORD_STATUS, b'8')
            .u64(tags::ORD_REJ_REASON, u64::from(refused.reason));
        for tag in [
            tags::SYMBOL,
            tags::SIDE,
            tags::ORDER_QTY,
            tags::ORD_TYPE,
            tags::PRICE,
            tags::TIME_IN_FORCE,
        ] {
            if is_sound(message, tag) {
                echo(tag, writer);
            }
        }
        writer.u64(tags::LEAVES_QTY, 0).u64(tags::CUM_QTY, 0).u64(tags::AVG_PX, 0);
    }
    writer.utc_timestamp(tags::TRANSACT_TIME, refused.now_ns).text(tags::TEXT, refused.text);
}

/// Whether FIX 4.4 knows the value: the first fault refuses an order, and what was not read by then
/// may be nonsense, which a client that validates would reject in its turn.
fn is_sound(message: &Message<'_>, tag: u32) -> bool {
    match tag {
        tags::ORDER_QTY | tags::PRICE => message.decimal(tag).is_ok(),
        tags::ORD_TYPE => message
            .char(tag)
            .is_ok_and(|value| value.is_some_and(|value| b"12346789DEGIJKLMP".contains(&value))),
        tags::TIME_IN_FORCE => message
            .char(tag)
            .is_ok_and(|value| value.is_some_and(|value| value.is_ascii_digit() && value < b'8')),
        _ => true,
    }
}

/// `G<number>`.
fn refusal_id(number: u64, text: &mut [u8; 31]) -> &[u8] {
    let mut start = text.len();
    let mut put = |byte: u8| {
        start -= 1;
        text[start] = byte;
    };
    put_digits(number, &mut put);
    put(b'G');
    &text[start..]
}
