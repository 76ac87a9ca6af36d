//! What becomes a command, and how everything else is refused.

use std::path::Path;

use touchline_config::Venue;
use touchline_fix::{
    BusinessRejectReason as Business, FieldFault, Fields, Header, Message, Precision,
    SessionRejectReason,
};
use touchline_types::{
    Command, CommandKind, ExecInst, OrdType, Reason, SelfMatchInstruction, Side, TimeInForce,
    cl_ord_id_text,
};

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
        ("99=+1", 99, Format),
        ("110=x", 110, Format),
        ("111=x", 111, Format),
        ("1138=x", 1138, Format),
        ("1084=5", 1084, Value),
        ("1107=7", 1107, Value),
        ("126=tomorrow", 126, Format),
        ("432=2026010", 432, Format),
        ("432=20260230", 432, Format),
        ("18=66", 18, Value),
        ("9601=1", 9601, Format),
        ("2362=-1", 2362, Format),
        ("2964=3", 2964, Value),
    ] {
        let (refusal, text) = order(&[change]);
        assert_eq!(refusal, Err(Refusal::Field(FieldFault::new(tag, reason))), "{change}");
        let named = tag > 1_000 || text.contains(&format!("({tag})"));
        assert!(named, "{change}: {text}");
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
        (&["40=P"], Reason::UnsupportedCharacteristic, "OrdType(40) P"),
        (&["59=7"], Reason::UnsupportedCharacteristic, "TimeInForce(59) 7"),
        (&["54=5"], Reason::UnsupportedCharacteristic, "Side(54) 5"),
        (&["210=1"], Reason::UnsupportedCharacteristic, "210"),
        (&["18=6 R"], Reason::UnsupportedCharacteristic, "ExecInst(18) R"),
        (&["9601=Y"], Reason::UnsupportedCharacteristic, "9601 without ExecInst(18) 6"),
        (&["99=4800"], Reason::StopPxWrong, "stop orders alone"),
        (&["40=3", "99=4800.10"], Reason::StopPxWrong, "StopPx(99) 4800.1 is not a multiple"),
        (&["40=3", "99=1", "1107=3"], Reason::UnsupportedCharacteristic, "1107) 3 of this side"),
        (&["55=ABC", "38=500", "111=150"], Reason::DisplayQtyWrong, "MaxFloor(111) 150"),
        (&["1138=-1"], Reason::DisplayQtyWrong, "DisplayQty(1138) -1 is not"),
        (&["1138=2", "111=3"], Reason::DisplayQtyWrong, "are not the same"),
        (&["1084=3"], Reason::UnsupportedCharacteristic, "DisplayMethod(1084) 3"),
        (&["110=0.5"], Reason::MinQtyWrong, "MinQty(110) 0.5 is not"),
        (&["126=20260105-09:30:00"], Reason::ExpireTimePast, "need TimeInForce(59)=6"),
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
    let (refusal, _) = read("V", "262=A|263=0|264=1");
    assert_eq!(refusal, Err(Refusal::Business(Business::UnsupportedMessageType)));
    let (refusal, _) = read("ZZ", "11=A");
    let fault = FieldFault::new(35, SessionRejectReason::InvalidMsgType);
    assert_eq!(refusal, Err(Refusal::Field(fault)));
}

#[test]
fn every_order_function_has_its_fields() {
    let command = |changes: &[&str]| order(changes).0.unwrap();
    let stop = command(&["40=3", "99=4801.25"]);
    assert_eq!((stop.ord_type, stop.stop_px, stop.price), (OrdType::Stop, 19_205, 0));
    let stop = command(&["40=4", "99=4801.25", "1107=1"]);
    assert_eq!((stop.ord_type, stop.price), (OrdType::StopLimit, 19_201));
    assert_eq!(stop.exec_inst, ExecInst::TRIGGER_ON_TOUCH);
    let sell = command(&["40=4", "99=4801.25", "1107=3", "54=2"]);
    assert_eq!(sell.exec_inst, ExecInst::TRIGGER_ON_TOUCH);
    assert_eq!(command(&["40=3", "99=1", "1107=2"]).exec_inst, ExecInst::NONE);
    assert_eq!(command(&["40=K"]).ord_type, OrdType::MarketToLimit);
    for shown in ["111=2", "1138=2", "1138=2.0"] {
        let iceberg = command(&[shown, "1084=1"]);
        assert_eq!((iceberg.display_qty, iceberg.exec_inst), (2, ExecInst::NONE), "{shown}");
    }
    for hidden in ["111=0", "1138=0", "1084=4"] {
        let hidden = command(&[hidden]);
        assert_eq!((hidden.display_qty, hidden.exec_inst), (0, ExecInst::HIDDEN));
    }
    assert_eq!(command(&["59=3", "110=3"]).min_qty, 3);
    assert_eq!(command(&["110=0"]).min_qty, 0);
    let dated = command(&["59=6", "126=20260105-09:30:00.123"]);
    assert_eq!(dated.time_in_force, TimeInForce::GoodTillDate);
    assert_eq!(dated.expire_time, 1_767_605_400_123_000_000);
    // The end of the day that ExpireDate(432) names.
    assert_eq!(command(&["59=6", "432=20260105"]).expire_time, 1_767_657_600_000_000_000);
    assert_eq!(command(&["18=6"]).exec_inst, ExecInst::POST_ONLY);
    let slides = ExecInst::POST_ONLY.with(ExecInst::SLIDE);
    assert_eq!(command(&["18=6", "9601=Y"]).exec_inst, slides);
    let group = command(&["2362=7", "2964=1"]);
    assert_eq!(group.self_match_id, 7);
    assert_eq!(group.self_match_instruction, SelfMatchInstruction::CancelPassive);
    let instruction = |value| command(&[value]).self_match_instruction;
    assert_eq!(instruction("2964=0"), SelfMatchInstruction::CancelAggressive);
    assert_eq!(instruction("2964=2"), SelfMatchInstruction::CancelBoth);
    assert_eq!(instruction("2964=100"), SelfMatchInstruction::Decrement);
}

#[test]
fn what_a_stop_or_a_dated_order_needs_is_missed_as_business() {
    let missed = Err(Refusal::Business(Business::ConditionallyRequiredFieldMissing));
    for (changes, tag) in [
        (&["40=3"][..], "99"),
        (&["40=4"], "99"),
        (&["40=4", "99=1", "-44"], "44"),
        (&["59=6"], "126"),
    ] {
        let (refusal, text) = order(changes);
        assert_eq!(refusal, missed, "{changes:?}");
        assert!(text.contains(tag), "{text}");
    }
}

#[test]
fn a_mass_cancel_names_all_orders_or_an_instrument_and_a_side() {
    let all = read("q", &format!("11=M1|530=7|{TIME}")).0.unwrap();
    assert_eq!((all.kind, all.instrument_id), (CommandKind::MassCancel, 0));
    assert_eq!((all.side, cl_ord_id_text(&all.cl_ord_id)), (Side::Undisclosed, &b"M1"[..]));
    let one = read("q", &format!("11=M1|530=1|55=ABC|54=2|{TIME}")).0.unwrap();
    assert_eq!((one.instrument_id, one.side), (2, Side::Sell));
    let refused = |body: &str| read("q", &format!("{body}|{TIME}")).0.unwrap_err();
    for (body, tag) in [("530=7", 11), ("11=M1", 530)] {
        assert_eq!(refused(body), Refusal::Field(FieldFault::missing(tag)), "{body}");
    }
    assert_eq!(refused("11=M1|530=8"), Refusal::Field(FieldFault::value(530)));
    assert_eq!(refused("11=M1|530=7|54=3"), Refusal::Field(FieldFault::value(54)));
    let missed = Refusal::Business(Business::ConditionallyRequiredFieldMissing);
    assert_eq!(refused("11=M1|530=1"), missed);
    assert_eq!(refused("11=M1|530=5"), order_refusal(Reason::UnsupportedCharacteristic));
    assert_eq!(refused("11=M1|530=1|55=NO"), order_refusal(Reason::UnknownSymbol));
    assert_eq!(read("q", "11=M1|530=7").0, Err(Refusal::Field(FieldFault::missing(60))));
}

#[test]
fn a_long_symbol_is_cut_in_the_text() {
    let (_, text) = order(&[&format!("55={}", "X".repeat(900))]);
    assert!(text.len() < 100, "{text}");
}
