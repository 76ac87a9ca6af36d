//! What becomes a command, and how everything else is refused.

use std::path::Path;

use touchline_config::Venue;
use touchline_fix::{
    BusinessRejectReason as Business, FieldFault, Fields, Header, Message, Precision,
    SessionRejectReason,
};
use touchline_types::{Command, CommandKind, OrdType, Reason, Side, TimeInForce, cl_ord_id_text};

use crate::instruments::Instruments;
use crate::order_entry::{OrderEntry, Refusal};

const TIME: &str = "60=20260105-09:30:00.123";

fn entry() -> OrderEntry {
    let text = r#"
        [venue]
        name = "test"
        [[instrument]]
        symbol = "ESH4"
        price_increment = "0.25"
        min_price = "0.25"
        max_price = "10000"
        [[instrument]]
        symbol = "ABC"
        price_increment = "0.01"
        min_price = "0.01"
        max_price = "1000"
        round_lot = 100
        [[member]]
        name = "ALPHA"
        sessions = ["ALPHA1"]
    "#;
    OrderEntry::new(Instruments::of(&Venue::parse(text, Path::new(".")).unwrap()))
}

/// Reads a message given as MsgType and `tag=value` fields with `|` between them.
fn read(msg_type: &str, body: &str) -> (Result<Command, Refusal>, String) {
    let mut header = Header::new(b"ALPHA1", b"TL", Precision::Milliseconds).unwrap();
    let mut bytes = [0; 2048];
    let mut writer = header.begin(&mut bytes, msg_type.as_bytes(), 7, 0);
    for field in body.split('|') {
        let (tag, value) = field.split_once('=').unwrap();
        writer.text(tag.parse().unwrap(), value);
    }
    let len = writer.finish().unwrap();
    let mut fields = Fields::new();
    let message = Message::parse(&bytes[..len], &mut fields).unwrap();
    let mut entry = entry();
    let read = entry.read(&message);
    (read, entry.text().to_owned())
}

/// A good limit order, with fields replaced, added (`tag=value`) or taken out (`-tag`).
fn order(changes: &[&str]) -> (Result<Command, Refusal>, String) {
    let mut body: Vec<String> =
        ["11=A1", "55=ESH4", "54=1", TIME, "38=5", "40=2", "44=4800.25"].map(String::from).into();
    for change in changes {
        let tag = change.trim_start_matches('-').split('=').next().unwrap();
        body.retain(|field| field.split('=').next() != Some(tag));
        if !change.starts_with('-') {
            body.push((*change).to_owned());
        }
    }
    read("D", &body.join("|"))
}

fn order_refusal(reason: Reason) -> Refusal {
    Refusal::Order {
        reason,
        ord_rej_reason: reason.ord_rej_reason(),
        cxl_rej_reason: reason.cxl_rej_reason(),
    }
}

#[test]
fn a_new_order_becomes_a_command_in_ticks_and_lots() {
    let (command, _) = order(&["21=1", "1=ACCOUNT", "453=1", "448=X", "447=D", "452=1", "59=3"]);
    let command = command.unwrap();
    assert_eq!(command.kind, CommandKind::NewOrder);
    assert_eq!(cl_ord_id_text(&command.cl_ord_id), b"A1");
    assert_eq!((command.instrument_id, command.price, command.order_qty), (1, 19_201, 5));
    assert_eq!((command.side, command.ord_type), (Side::Buy, OrdType::Limit));
    assert_eq!(command.time_in_force, TimeInForce::ImmediateOrCancel);
    let (command, _) = order(&["55=ABC", "38=300", "44=12.5", "54=2"]);
    let command = command.unwrap();
    assert_eq!((command.instrument_id, command.price, command.order_qty), (2, 1_250, 3));
    assert_eq!((command.side, command.time_in_force), (Side::Sell, TimeInForce::Day));
    let (command, _) = order(&["40=1", "44=0", "59=4"]);
    let command = command.unwrap();
    assert_eq!((command.ord_type, command.price), (OrdType::Market, 0));
    assert_eq!(command.time_in_force, TimeInForce::FillOrKill);
}

#[test]
fn cancel_replace_and_status_become_commands() {
    let common = format!("55=ESH4|54=2|{TIME}");
    let (cancel, _) = read("F", &format!("41=A1|11=A2|{common}|38=5"));
    let cancel = cancel.unwrap();
    assert_eq!(cancel.kind, CommandKind::CancelOrder);
    assert_eq!(cl_ord_id_text(&cancel.orig_cl_ord_id), b"A1");
    assert_eq!(cl_ord_id_text(&cancel.cl_ord_id), b"A2");
    let (replace, _) = read("G", &format!("41=A1|11=A2|{common}|38=4|40=2|44=1"));
    let replace = replace.unwrap();
    assert_eq!((replace.kind, replace.price), (CommandKind::ReplaceOrder, 4));
    let (status, _) = read("H", "11=A2|55=ESH4|54=1|790=Q");
    assert_eq!(status.unwrap().kind, CommandKind::OrderStatus);
    assert!(read("F", &format!("41=A1|11=A2|{common}")).0.is_ok());
}

#[test]
fn faults_of_form_are_rejected_with_tag_and_reason() {
    use SessionRejectReason::{
        IncorrectDataFormat as Format, RequiredTagMissing as Missing, ValueIsIncorrect as Value,
    };
    for (change, tag, reason) in [
        ("-11", 11, Missing),
        ("-55", 55, Missing),
        ("-54", 54, Missing),
        ("-60", 60, Missing),
        ("-40", 40, Missing),
        ("11=123456789012345678901", 11, Value),
        ("54=0", 54, Value),
        ("54=12", 54, Format),
        ("40=z", 40, Value),
        ("59=9", 59, Value),
        ("21=4", 21, Value),
        ("60=yesterday", 60, Format),
        ("38=five", 38, Format),
        ("38=1e3", 38, Format),
        ("44=+1", 44, Format),
    ] {
        let (refusal, text) = order(&[change]);
        assert_eq!(refusal, Err(Refusal::Field(FieldFault::new(tag, reason))), "{change}");
        assert!(text.contains(&format!("({tag})")), "{change}: {text}");
    }
    let (refusal, _) = read("G", &format!("11=A2|55=ESH4|54=1|{TIME}|38=1|40=1"));
    assert_eq!(refusal, Err(Refusal::Field(FieldFault::missing(41))));
}

#[test]
fn a_price_or_quantity_that_the_order_type_needs_is_missed_as_business() {
    for tag in ["44", "38"] {
        let (refusal, text) = order(&[&format!("-{tag}")]);
        let expected = Refusal::Business(Business::ConditionallyRequiredFieldMissing);
        assert_eq!(refusal, Err(expected), "{tag}");
        assert!(text.contains(tag), "{text}");
    }
}

#[test]
fn what_is_well_said_but_not_traded_here_is_refused_as_an_order() {
    for (changes, reason, part) in [
        (&["55=XYZ"][..], Reason::UnknownSymbol, "XYZ"),
        (&["44=4800.10"], Reason::PriceOutOfRange, "4800.1 is not a multiple of 0.25"),
        (&["44=9223372036854775807"], Reason::PriceOutOfRange, "9223372036854775807"),
        (&["38=0"], Reason::IncorrectQuantity, "0 is not"),
        (&["38=-1"], Reason::IncorrectQuantity, "-1 is not"),
        (&["38=1.5"], Reason::IncorrectQuantity, "1.5 is not"),
        (&["55=ABC", "38=150"], Reason::IncorrectQuantity, "lots of 100"),
        (&["40=3"], Reason::UnsupportedCharacteristic, "OrdType(40) 3"),
        (&["59=6"], Reason::UnsupportedCharacteristic, "TimeInForce(59) 6"),
        (&["54=5"], Reason::UnsupportedCharacteristic, "Side(54) 5"),
        (&["111=1"], Reason::UnsupportedCharacteristic, "111"),
        (&["18=6"], Reason::UnsupportedCharacteristic, "18"),
    ] {
        let (refusal, text) = order(changes);
        assert_eq!(refusal, Err(order_refusal(reason)), "{changes:?}");
        assert!(text.contains(part), "{changes:?}: {text}");
    }
    assert_eq!(Reason::UnknownSymbol.ord_rej_reason(), 1);
    assert_eq!(Reason::UnsupportedCharacteristic.ord_rej_reason(), 11);
    assert_eq!(Reason::IncorrectQuantity.ord_rej_reason(), 13);
}

#[test]
fn a_known_type_that_is_not_offered_is_business_and_an_unknown_one_is_not() {
    let (refusal, _) = read("q", "11=A|530=7|60=20260105-09:30:00");
    assert_eq!(refusal, Err(Refusal::Business(Business::UnsupportedMessageType)));
    let (refusal, _) = read("ZZ", "11=A");
    let fault = FieldFault::new(35, SessionRejectReason::InvalidMsgType);
    assert_eq!(refusal, Err(Refusal::Field(fault)));
}

#[test]
fn a_long_symbol_is_cut_in_the_text() {
    let (_, text) = order(&[&format!("55={}", "X".repeat(900))]);
    assert!(text.len() < 100, "{text}");
}
