use super::*;
use crate::flow::recording::itch_message::ITCH_MESSAGE_BYTES_MAX;
use crate::flow::sample::recorded;
use crate::flow::{BookPlan, Boundary, Flow, FlowAction};

const UNITS: Units = Units {
    tick_nanos: 100_000,
    min_price: 1,
    max_price: 10_000_000,
    round_lot: 1,
    max_order_qty: 1 << 40,
};
/// Every type of the specification, with its length.
const TYPES: [(u8, usize); 23] = [
    (b'S', 12),
    (b'R', 39),
    (b'H', 25),
    (b'Y', 20),
    (b'L', 26),
    (b'V', 35),
    (b'W', 12),
    (b'K', 28),
    (b'J', 35),
    (b'h', 21),
    (b'A', 36),
    (b'F', 40),
    (b'E', 31),
    (b'C', 36),
    (b'X', 23),
    (b'D', 19),
    (b'U', 35),
    (b'P', 44),
    (b'Q', 40),
    (b'B', 19),
    (b'I', 50),
    (b'N', 20),
    (b'O', 48),
];

fn message(kind: u8, locate: u16, fields: &[&[u8]]) -> Vec<u8> {
    let head = [&[kind][..], &locate.to_be_bytes(), &[0, 0], &[0, 0, 0, 0, 1, locate as u8]];
    [head.concat(), fields.concat()].concat()
}

fn add(locate: u16, stock: &[u8; 8], order_ref: u64, side: u8, shares: u32, price: u32) -> Vec<u8> {
    let (order_ref, shares) = (order_ref.to_be_bytes(), shares.to_be_bytes());
    message(b'A', locate, &[&order_ref, &[side], &shares, stock, &price.to_be_bytes()])
}

fn take(kind: u8, order_ref: u64, shares: u32) -> Vec<u8> {
    let behind: &[u8] = match kind {
        b'E' => &[0; 8],
        b'C' => b"\0\0\0\0\0\0\0\0N\0\x0f\x42\x40",
        _ => &[],
    };
    message(kind, 1, &[&order_ref.to_be_bytes(), &shares.to_be_bytes(), behind])
}

fn delete(order_ref: u64) -> Vec<u8> {
    message(b'D', 1, &[&order_ref.to_be_bytes()])
}

fn replace(order_ref: u64, new_order_ref: u64, shares: u32, price: u32) -> Vec<u8> {
    let (from, to) = (order_ref.to_be_bytes(), new_order_ref.to_be_bytes());
    message(b'U', 1, &[&from, &to, &shares.to_be_bytes(), &price.to_be_bytes()])
}

/// A small day of two stocks with every type of message, some of which are only framed.
fn day() -> Vec<Vec<u8>> {
    let mut day = vec![
        message(b'S', 0, &[b"O"]),
        message(b'R', 1, &[b"ACME    ", &[b' '; 20]]),
        message(b'H', 1, &[b"ACME    ", b"T     "]),
    ];
    for kind in *b"YLVWKJhBINO" {
        let bytes = itch_message_bytes(kind).unwrap();
        day.push(message(kind, 1, &[&vec![b'x'; bytes - 11]]));
    }
    let (hundred, any) = (100_u32.to_be_bytes(), [0; 8]);
    let attributed = [add(1, b"ACME    ", 2, b'S', 100, 1_010_000), b"MPID".to_vec()].concat();
    day.extend([
        add(1, b"ACME    ", 1, b'B', 300, 1_000_000),
        [b"F".to_vec(), attributed[1..].to_vec()].concat(),
        add(2, b"OTHER   ", 7, b'B', 1, 1),
        take(b'E', 1, 100),
        take(b'C', 1, 50),
        take(b'X', 1, 50),
        replace(1, 3, 200, 1_020_000),
        message(b'P', 1, &[&any, b"B", &hundred, b"ACME    ", &hundred, &any]),
        message(b'Q', 1, &[&[0; 4], &hundred, b"ACME    ", &hundred, &any, b"O"]),
        take(b'E', 2, 100),
        delete(3),
        delete(99),
    ]);
    day
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let prefix = |message: &Vec<u8>| u16::try_from(message.len()).unwrap().to_be_bytes();
    messages.iter().flat_map(|m| [prefix(m).to_vec(), m.clone()].concat()).collect()
}

fn by_type(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| [vec![0, 0], message.clone()].concat()).collect()
}

fn read(bytes: &[u8], ticker: Option<&str>) -> (Result<Vec<Event>, ItchError>, Counts) {
    let mut reader = ItchReader::new(bytes, ticker, UNITS).unwrap();
    let events = std::iter::from_fn(|| reader.next_event().transpose()).collect();
    (events, reader.counts())
}

fn acme(messages: &[Vec<u8>]) -> Result<Vec<Event>, ItchError> {
    read(&framed(messages), Some("ACME")).0
}

fn refused(messages: &[Vec<u8>]) -> String {
    acme(messages).unwrap_err().to_string()
}

#[test]
fn every_type_of_the_specification_has_its_length_and_no_other_type_has_one() {
    for kind in 0..=u8::MAX {
        let expected = TYPES.iter().find(|(known, _)| *known == kind).map(|(_, bytes)| *bytes);
        assert_eq!(itch_message_bytes(kind), expected, "{}", kind.escape_ascii());
    }
    let longest = TYPES.iter().map(|(_, bytes)| *bytes).max();
    assert_eq!(longest, Some(ITCH_MESSAGE_BYTES_MAX));
    for message in day() {
        let expected = TYPES.iter().find(|(kind, _)| *kind == message[0]);
        assert_eq!(expected, Some(&(message[0], message.len())), "the tests write whole messages");
    }
}

#[test]
fn each_change_of_the_stocks_book_is_an_event() {
    let (events, counts) = read(&framed(&day()), Some("ACME"));
    let events = events.unwrap();
    let records: Vec<Vec<_>> = events
        .iter()
        .map(|event| {
            let shape = |r: &Record| (r.action, r.flow_order_id, r.side.unwrap(), r.price, r.qty);
            event.records.iter().map(shape).collect()
        })
        .collect();
    let (buy, sell) = (Side::Buy, Side::Sell);
    let expected = [
        vec![(Action::Add, 1, buy, 1_000_000, 300)],
        vec![(Action::Add, 2, sell, 1_010_000, 100)],
        vec![(Action::Modify, 1, buy, 1_000_000, 200)],
        vec![(Action::Modify, 1, buy, 1_000_000, 150)],
        vec![(Action::Modify, 1, buy, 1_000_000, 100)],
        vec![(Action::Cancel, 1, buy, 1_000_000, 100), (Action::Add, 3, buy, 1_020_000, 200)],
        vec![(Action::Cancel, 2, sell, 1_010_000, 100)],
        vec![(Action::Cancel, 3, buy, 1_020_000, 200)],
    ];
    assert_eq!(records, expected);
    assert!(events.iter().zip(0..).all(|(event, n)| event.index == n && event.at_ns == 257));
    assert_eq!(
        counts,
        [
            ("messages", day().len() as u64),
            ("messages of the ticker", day().len() as u64 - 2),
            ("executions", 3),
            ("trades with hidden orders", 1),
            ("cross trades", 1),
            ("trading actions", 1),
            ("adds that cross the book", 1),
            ("changes of unknown orders", 1),
        ]
    );
}

#[test]
fn lengths_of_zero_are_known_by_type_and_an_empty_message_closes_the_file() {
    let (expected, _) = read(&framed(&day()), Some("ACME"));
    let expected = expected.unwrap();
    for mut bytes in [framed(&day()), by_type(&day())] {
        assert_eq!(read(&bytes, Some("ACME")).0.unwrap(), expected);
        assert!(is_start(&bytes));
        bytes.extend([0, 0]);
        assert_eq!(read(&bytes, Some("ACME")).0.unwrap(), expected);
    }
}

#[test]
fn the_only_ticker_needs_no_name_and_several_are_listed() {
    let one: Vec<Vec<u8>> = day().into_iter().filter(|m| m[2] != 2).collect();
    let (named, unnamed) = (read(&framed(&one), Some("ACME")).0, read(&framed(&one), None).0);
    assert_eq!(unnamed.unwrap(), named.unwrap());
    let several = read(&framed(&day()), None).0.unwrap_err().to_string();
    assert_eq!(several, "orders of several tickers, choose one: ACME, OTHER");
    let dear = Units { min_price: 2_000_000, ..UNITS };
    let bytes = framed(&day());
    let error = ItchReader::new(&bytes[..], None, dear).unwrap().next_event().unwrap_err();
    assert_eq!(error.to_string(), several, "also where the first one does not fit");
    let unknown = read(&framed(&day()), Some("ACM")).0.unwrap_err().to_string();
    assert_eq!(unknown, "no orders of \"ACM\"; there are: ACME, OTHER");
    assert!(ItchReader::new(&[][..], Some("TOOLONGAME"), UNITS).is_err());
    assert_eq!(read(&[], None).0.unwrap_err().to_string(), "no orders of any ticker");
}

#[test]
fn a_file_that_ends_inside_a_message_is_refused_with_its_byte() {
    let whole = framed(&day());
    let mut starts = vec![0];
    day().iter().for_each(|message| starts.push(starts.last().unwrap() + 2 + message.len()));
    for end in 1..whole.len() {
        let start = *starts.iter().rev().find(|start| **start <= end).unwrap();
        let result = read(&whole[..end], Some("ACME")).0;
        if start == end {
            let enough = end > starts[day().iter().position(|m| m[0] == b'A').unwrap()];
            assert_eq!(result.is_ok(), enough, "{end}");
        } else {
            let error = result.unwrap_err();
            let start = start as u64;
            assert!(matches!(error, ItchError::Truncated { offset } if offset == start), "{error}");
        }
    }
    for end in 1..by_type(&day()).len() {
        drop(read(&by_type(&day())[..end], Some("ACME")));
    }
}

#[test]
fn a_length_that_is_not_the_types_is_refused() {
    for (kind, bytes) in TYPES {
        for length in (0..=0xffff_u16).filter(|length| usize::from(*length) != bytes) {
            let first = framed(&[message(b'S', 0, &[b"O"])]);
            let wrong = [first, length.to_be_bytes().to_vec(), vec![kind; 60]].concat();
            let error = read(&wrong, None).0.unwrap_err();
            let found = usize::from(length);
            assert!(
                matches!(error, ItchError::Length { offset: 14, kind: k, expected, found: f }
                    if (k, expected, f) == (kind, bytes, found)),
                "{error}"
            );
        }
    }
    let mixed = [by_type(&day()), framed(&day())].concat();
    assert!(matches!(read(&mixed, Some("ACME")).0, Err(ItchError::Length { .. })));
    assert!(matches!(
        refused(&[message(b'Z', 0, &[&[0; 9]])]).as_str(),
        "byte 0: no message has the type \"Z\""
    ));
}

#[test]
fn what_contradicts_the_messages_before_is_refused_with_its_byte() {
    let first = add(1, b"ACME    ", 1, b'B', 300, 1_000_000);
    let after = |second: Vec<u8>| refused(&[first.clone(), second]);
    assert_eq!(after(first.clone()), "byte 38: add of order 1, which stands already");
    assert_eq!(after(take(b'E', 1, 301)), "byte 38: 301 lots are taken from order 1 of 300");
    assert_eq!(
        after(take(b'C', 1, u32::MAX)),
        "byte 38: 4294967295 lots are taken from order 1 of 300"
    );
    assert_eq!(after(take(b'X', 1, 0)), "byte 38: 0 lots are taken from order 1 of 300");
    assert_eq!(after(add(1, b"ACME    ", 2, b'S', 0, 1)), "byte 38: order 2 with a quantity of 0");
    assert_eq!(after(add(1, b"ACME    ", 2, b'x', 1, 1)), "byte 38: unknown side \"x\"");
    assert_eq!(after(message(b'S', 0, &[b"x"])), "byte 38: unknown event code \"x\"");
    let state = message(b'H', 1, &[b"ACME    ", b"x     "]);
    assert_eq!(after(state), "byte 38: unknown trading state \"x\"");
    let contradicts = "contradicts an earlier one";
    for other in [add(2, b"ACME    ", 2, b'B', 1, 1), add(1, b"OTHER   ", 2, b'B', 1, 1)] {
        assert!(after(other).ends_with(contradicts));
    }
    let mut late = delete(1);
    late[5..11].copy_from_slice(&[0xff; 6]);
    let error = after(late);
    assert_eq!(error, "byte 38: 281474976710655 ns after midnight is no time of a day");
}

#[test]
fn an_instrument_that_does_not_fit_is_refused_with_what_to_write() {
    let cents = Units { tick_nanos: 10_000_000, round_lot: 100, ..UNITS };
    let refused = |order: Vec<u8>| {
        let bytes = framed(&[order]);
        let mut reader = ItchReader::new(&bytes[..], None, cents).unwrap();
        reader.next_event().unwrap_err().to_string()
    };
    assert_eq!(
        refused(add(1, b"ACME    ", 1, b'B', 100, 1_000_050)),
        "byte 0: price 100.005 is no whole number of the instrument's price_increment 0.01; for \
         ITCH write in [[instrument]]: price_increment = \"0.0001\", round_lot = 1"
    );
    assert!(refused(add(1, b"ACME    ", 1, b'B', 150, 1_000_000)).contains("round_lot 100"));
    assert!(refused(add(1, b"ACME    ", 1, b'B', 100, 0)).contains("min_price"));
    assert!(ItchReader::new(&[][..], None, Units { round_lot: 0, ..UNITS }).is_err());
    let huge = acme(&[add(1, b"ACME    ", u64::MAX, b'S', u32::MAX, 10_000_000)]).unwrap();
    assert_eq!(huge[0].records[0].qty, u64::from(u32::MAX));
}

#[test]
fn a_damaged_byte_anywhere_never_panics() {
    for good in [framed(&day()), by_type(&day())] {
        for at in 0..good.len() {
            for value in [0, 1, b'A', 0x7f, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = value;
                // Either answer will do: many bytes only change a value.
                drop((read(&bytes, Some("ACME")), read(&bytes, None)));
            }
        }
    }
}

#[test]
fn a_part_that_is_executed_leaves_the_order_its_place() {
    let messages = [add(1, b"ACME    ", 1, b'B', 300, 1_000_000), take(b'E', 1, 100)];
    let events = acme(&messages).unwrap();
    let mut plan = BookPlan::new(events.into_iter().map(Ok), u64::MAX);
    plan.next_step().unwrap();
    let step = plan.next_step().unwrap().unwrap();
    // A replace to less at the same price: the venue's rule for keeping a place.
    let actions: Vec<_> = step.commands.iter().map(|command| command.action).collect();
    let (price, leaves_qty, order_qty) = (1_000_000, 200, 200);
    assert_eq!(actions, [FlowAction::Replace { flow_order_id: 1, price, leaves_qty, order_qty }]);
    assert_eq!(step.boundary, Boundary::EventEnd(1));
}

#[test]
fn the_example_day_is_read_alike_with_and_without_lengths() {
    let paths = ["framed.itch50", "TEST_ITCH_50"]
        .map(|name| recorded(&format!("itch/ex20101224.{name}.gz")));
    let [Some(framed), Some(by_type)] = paths else { return };
    let mut all = 0;
    for ticker in ["ALC", "BOB", "CHAR"] {
        let read = |path| {
            let file = std::fs::File::open(path).unwrap();
            let selection =
                super::super::Selection { format: None, ticker: Some(ticker.into()), units: UNITS };
            let mut recording = super::super::read_recording(file, &selection).unwrap();
            let events: Vec<Event> = recording.by_ref().map(Result::unwrap).collect();
            (events, recording.counts())
        };
        let (events, counts) = read(&framed);
        assert_eq!((&events, &counts), (&read(&by_type).0, &read(&by_type).1));
        assert_eq!(counts[0], ("messages", 12_012));
        all += events.len();
    }
    // A 4,997, F 3, D 1,745, E 198, X 45, U 12; less what is about orders never added.
    assert_eq!(all, 4_997 + 3 + 1_745 + 198 + 45 + 12 - 117);
}
