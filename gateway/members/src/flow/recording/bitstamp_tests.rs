use super::*;
use crate::flow::FileBook;
use crate::flow::record::{Action, Record};
use crate::flow::sample::recorded;

const UNITS: Units = Units {
    tick_nanos: 10_000_000,
    min_price: 1,
    max_price: 1_000_000,
    round_lot: 1,
    max_order_qty: 1 << 40,
};
const HEADER: &str = "id,timestamp,exchange.timestamp,price,volume,action,direction\n";

type Met = Vec<(Disorder, u64)>;
/// Action, id, price and quantity of a record.
type Shape = (Action, u64, i64, u64);

fn read(bytes: &[u8]) -> (Result<Vec<Event>, BitstampError>, Met) {
    let mut reader = match BitstampReader::new(bytes, UNITS) {
        Ok(reader) => reader,
        Err(error) => return (Err(error), Vec::new()),
    };
    let events = std::iter::from_fn(|| reader.next_event().transpose()).collect();
    let counted = Disorder::ALL.map(|kind| (kind, reader.ordered.count(kind)));
    (events, counted.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Lines of `id milliseconds price volume action side`; the exchange's time is that of receipt.
fn day(lines: &[&str]) -> (Vec<Shape>, Met) {
    let csv: String = lines
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [id, ms, price, volume, action, side] = words[..] else { panic!("{line}") };
            format!("{id},{ms},{ms},{price},{volume},{action},{side}\n")
        })
        .collect();
    let (events, disorders) = read(format!("{HEADER}{csv}").as_bytes());
    let shape = |r: &Record| (r.action, r.flow_order_id, r.price, r.qty);
    let events = events.unwrap();
    assert!(events.iter().zip(0..).all(|(event, n)| event.index == n));
    assert!(events.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
    (events.iter().flat_map(|event| event.records.iter().map(shape)).collect(), disorders)
}

fn refused(lines: &str) -> String {
    read(format!("{HEADER}{lines}").as_bytes()).0.unwrap_err().to_string()
}

#[test]
fn created_changed_and_deleted_orders_make_a_book() {
    let (records, disorders) = day(&[
        "1 1000 236.47 200 created bid",
        "2 1001 236.50 300 created ask",
        "1 1002 236.47 150 changed bid",
        "1 1003 236.47 150 deleted bid",
        "2 1004 236.50 0 deleted ask",
    ]);
    let expected = [
        (Action::Add, 1, 23_647, 200),
        (Action::Add, 2, 23_650, 300),
        (Action::Modify, 1, 23_647, 150),
        (Action::Cancel, 1, 23_647, 150),
        (Action::Cancel, 2, 23_650, 300),
    ];
    assert_eq!((records, disorders), (expected.to_vec(), vec![]));
}

#[test]
fn a_line_that_contradicts_what_stands_is_left_out_and_counted() {
    let created = "1 1000 10 200 created bid";
    let deleted = "1 1001 10 200 deleted bid";
    let cases: [(&[&str], Disorder); 7] = [
        (&[created, "1 1001 11 5 created ask"], Disorder::CreatedAgain),
        (&[created, "2 1001 10 0 created bid"], Disorder::CreatedEmpty),
        (&[created, "1 1001 10 5 changed ask"], Disorder::ChangedSide),
        (&[created, "1 1001 10 200 changed bid"], Disorder::ChangedNothing),
        (&[created, "2 1001 10 0 changed ask"], Disorder::ChangedToNothing),
        (&[created, "2 1001 10 7 deleted ask"], Disorder::DeletedUnknown),
        (&[created, "2 1001 99999999 0 deleted ask"], Disorder::DeletedUnknown),
    ];
    for (lines, kind) in cases {
        let (records, disorders) = day(lines);
        assert_eq!(records, [(Action::Add, 1, 1_000, 200)], "{kind:?}");
        assert_eq!(disorders, [(kind, 1)]);
    }
    let gone = [(Action::Add, 1, 1_000, 200), (Action::Cancel, 1, 1_000, 200)];
    for (line, kind) in [
        (created, Disorder::CreatedAfterDelete),
        ("1 1002 10 5 changed bid", Disorder::ChangedAfterDelete),
        (deleted, Disorder::DeletedAgain),
    ] {
        let (records, mut disorders) = day(&[created, deleted, line]);
        disorders.retain(|(kind, _)| {
            !matches!(kind, Disorder::ReceivedBack | Disorder::ExchangeTimeBack)
        });
        assert_eq!((records, disorders), (gone.to_vec(), vec![(kind, 1)]));
    }
}

#[test]
fn a_delete_in_front_of_its_create_keeps_the_order_out() {
    let (records, disorders) = day(&["1 1 10 5 deleted bid", "1 2 10 5 created bid"]);
    assert_eq!(records, []);
    assert_eq!(disorders, [(Disorder::CreatedAfterDelete, 1), (Disorder::DeletedUnknown, 1)]);
    let (records, disorders) = day(&["1 1 10 0 changed bid", "1 2 10 5 created bid"]);
    assert_eq!(records, []);
    assert_eq!(disorders, [(Disorder::CreatedAfterDelete, 1), (Disorder::ChangedToNothing, 1)]);
}

#[test]
fn a_line_that_can_be_made_sense_of_is_played_and_counted() {
    let first = (Action::Add, 1, 1_000, 200);
    for (line, record, kind) in [
        ("2 1 9 5 changed bid", (Action::Add, 2, 900, 5), Disorder::ChangedUnknown),
        ("2 1 9 5 created ask", (Action::Add, 2, 900, 5), Disorder::Crossing),
        ("2 1 10 5 created ask", (Action::Add, 2, 1_000, 5), Disorder::Crossing),
        ("1 1 10 0 changed bid", (Action::Cancel, 1, 1_000, 200), Disorder::ChangedToNothing),
        ("1 1 9 200 changed bid", (Action::Modify, 1, 900, 200), Disorder::ChangedPrice),
        ("1 1 10 201 changed bid", (Action::Modify, 1, 1_000, 201), Disorder::ChangedToMore),
        ("1 1 10 7 deleted bid", (Action::Cancel, 1, 1_000, 200), Disorder::DeletedOther),
        ("1 1 9 200 deleted bid", (Action::Cancel, 1, 1_000, 200), Disorder::DeletedOther),
        ("1 1 10 200 deleted ask", (Action::Cancel, 1, 1_000, 200), Disorder::DeletedOther),
    ] {
        let (records, disorders) = day(&["1 1 10 200 created bid", line]);
        assert_eq!((records, disorders), (vec![first, record], vec![(kind, 1)]), "{line}");
    }
}

#[test]
fn time_that_goes_back_is_held() {
    let lines = "1,5,9,10,1,created,bid\n2,4,8,10,1,created,bid\n3,6,9,10,1,created,bid\n";
    let (events, disorders) = read(format!("{HEADER}{lines}").as_bytes());
    let times: Vec<u64> = events.unwrap().iter().map(|event| event.at_ns).collect();
    assert_eq!(times, [5_000_000, 5_000_000, 6_000_000]);
    assert_eq!(disorders, [(Disorder::ReceivedBack, 1), (Disorder::ExchangeTimeBack, 1)]);
}

#[test]
fn a_line_that_is_none_of_the_format_ends_the_reading_with_its_number() {
    let good = "1,5,9,10.00,1,created,bid\n";
    assert_eq!(refused(&format!("{good}1,5,9\n")), "line 3: 3 fields, must be 7: \"1,5,9\"");
    assert_eq!(
        refused(&format!("{good}{good}1,5,9,1O,1,created,bid\n")),
        "line 4: price in \"1,5,9,1O,1,created,bid\""
    );
    assert_eq!(refused(&format!("{good}{}\n", "x".repeat(2_000))), "line 3: over 1024 bytes");
    assert_eq!(refused(""), "no line behind the names of the columns");
    let bytes = [HEADER.as_bytes(), b"\xff\n"].concat();
    assert_eq!(read(&bytes).0.unwrap_err().to_string(), "line 2: is no UTF-8");
    assert!(read(b"a,b\n").0.unwrap_err().to_string().starts_with("line 1: the columns must be"));
    assert!(matches!(read(b"").0, Err(BitstampError::Header { .. })));
    let mut reader = BitstampReader::new(
        &b"id,timestamp,exchange.timestamp,price,volume,action,\
        direction\nx\n1,5,9,10.00,1,created,bid\n"[..],
        UNITS,
    )
    .unwrap();
    assert!(reader.next_event().is_err());
    assert!(matches!(reader.next_event(), Ok(None)), "nothing follows an error");
}

#[test]
fn an_instrument_that_does_not_fit_is_refused_with_the_line() {
    assert_eq!(
        refused("1,5,9,10.00,1,created,bid\n1,5,9,10.005,1,changed,bid\n"),
        "line 3: price 10.005 is no whole number of the instrument's price_increment 0.01: \
         \"1,5,9,10.005,1,changed,bid\"; for Bitstamp write in [[instrument]]: price_increment = \
         \"0.01\", round_lot = 1 (1e-8 bitcoin), and max_price and max_order_qty that the day needs"
    );
    let over = refused("1,5,9,10000.01,1,created,bid\n");
    assert!(over.starts_with("line 2: price 10000.01 is outside of the instrument's min_price"));
    let huge = refused("1,5,9,10,18446744073709551615,created,bid\n");
    assert!(huge.contains("18446744073709551615 lots is above the instrument's max_order_qty"));
    let file = format!("{HEADER}1,5,9,10,150,created,bid\n");
    let lots = Units { round_lot: 100, ..UNITS };
    let mut reader = BitstampReader::new(file.as_bytes(), lots).unwrap();
    assert!(matches!(reader.next_event(), Err(BitstampError::Misfit { line: 2, .. })));
    assert!(BitstampReader::new(&b""[..], Units { tick_nanos: 0, ..UNITS }).is_err());
}

#[test]
fn a_file_cut_at_any_byte_or_with_any_byte_damaged_never_panics() {
    let text = format!(
        "{HEADER}1,5,9,10.00,7,created,bid\n1,5,9,10.00,3,changed,bid\n1,6,9,10.00,0,deleted,bid\n"
    );
    let whole = text.as_bytes();
    for end in 0..whole.len() {
        let at_a_line = whole[end] == b'\n' || end > 0 && whole[end - 1] == b'\n';
        assert_eq!(read(&whole[..end]).0.is_ok(), at_a_line && end > HEADER.len(), "{end}");
        for value in [0, b'\n', b',', b'"', b'0', b'9', b'-', 0x80, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[end] = value;
            // Either answer will do: many bytes only change a value.
            drop(read(&bytes));
        }
    }
}

#[test]
fn the_recorded_hours_are_read_to_their_end_and_never_contradict_themselves() {
    let Some(path) = recorded("l3/bitstamp-btcusd-20150501.orders.csv.xz") else { return };
    let selection = super::super::Selection { format: None, ticker: None, units: UNITS };
    let mut recording = super::super::open_recording(&path, &selection).unwrap();
    let mut book = FileBook::new();
    let mut events = 0_u64;
    for event in recording.by_ref() {
        book.apply(&event.unwrap()).unwrap();
        events += 1;
    }
    let counts = recording.counts();
    let counted = |name: &str| counts.iter().find(|(n, _)| *n == name).unwrap().1;
    assert_eq!(counted("rows created"), 24_894);
    assert_eq!(counted("rows changed"), 602);
    assert_eq!(counted("rows deleted"), 24_918);
    let left_out: u64 =
        counts.iter().filter(|(name, _)| name.ends_with(": left out")).map(|(_, n)| n).sum();
    assert_eq!(events + left_out, 50_414, "{counts:?}");
}
