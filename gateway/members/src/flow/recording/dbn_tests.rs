use super::*;
use crate::flow::sample::{data_path, es_day};

const QUARTER: i64 = tick_nanos(0, 250_000_000);

/// A DBN version 1 file of the schema with the given DBN code; two symbols' worth of nothing.
fn file(schema: u16, records: &[[u8; 56]]) -> Vec<u8> {
    let mut metadata = Vec::new();
    metadata.extend_from_slice(b"GLBX.MDP3\0\0\0\0\0\0\0");
    metadata.extend_from_slice(&schema.to_le_bytes());
    metadata.extend_from_slice(&7u64.to_le_bytes()); // start
    metadata.extend_from_slice(&[0; 24]); // end, limit, record count (version 1)
    metadata.extend_from_slice(&[1, 0, 0]); // stype_in, stype_out, ts_out
    metadata.extend_from_slice(&[0; 47]); // reserved (version 1)
    metadata.extend_from_slice(&[0; 20]); // no schema definition, symbols, partial, ...
    let mut bytes = b"DBN\x01".to_vec();
    bytes.extend_from_slice(&u32::try_from(metadata.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&metadata);
    records.iter().for_each(|record| bytes.extend_from_slice(record));
    bytes
}

fn mbo(action: u8, side: u8, id: u64, price: i64, flags: u8) -> [u8; 56] {
    let mut record = [0; 56];
    record[0] = 14; // length in words of 4 bytes
    record[1] = 0xa0; // rtype mbo
    record[4..8].copy_from_slice(&17_077u32.to_le_bytes());
    record[8..16].copy_from_slice(&id.to_le_bytes()); // ts_event
    record[16..24].copy_from_slice(&id.to_le_bytes());
    record[24..32].copy_from_slice(&price.to_le_bytes());
    record[32..36].copy_from_slice(&5u32.to_le_bytes());
    record[36] = flags;
    record[38] = action;
    record[39] = side;
    record[40..48].copy_from_slice(&1_000u64.to_le_bytes()); // ts_recv
    record
}

fn all<R: Read>(mut reader: DbnReader<R>) -> Result<Vec<Event>, DbnError> {
    std::iter::from_fn(|| reader.next_event().transpose()).collect()
}

fn events(bytes: &[u8]) -> Result<Vec<Event>, DbnError> {
    all(DbnReader::new(bytes, QUARTER)?)
}

fn refused(records: &[[u8; 56]]) -> DbnError {
    events(&file(0, records)).unwrap_err()
}

const PRICE: i64 = 4_800_250_000_000;

#[test]
fn records_up_to_the_last_flag_are_one_event_and_the_snapshot_is_one_too() {
    let bytes = file(
        0,
        &[
            mbo(b'R', b'N', 0, i64::MAX, F_SNAPSHOT),
            mbo(b'A', b'B', 1, PRICE, F_SNAPSHOT),
            mbo(b'A', b'A', 2, PRICE + QUARTER, F_SNAPSHOT | F_LAST),
            mbo(b'T', b'A', 3, PRICE, 0),
            mbo(b'F', b'B', 1, PRICE, 0),
            mbo(b'C', b'B', 1, PRICE, F_LAST),
            mbo(b'N', b'N', 0, PRICE, 0),
            mbo(b'M', b'A', 2, PRICE, F_LAST),
        ],
    );
    let events = events(&bytes).unwrap();
    let shape: Vec<_> =
        events.iter().map(|e| (e.kind, e.index, e.at_ns, e.records.len())).collect();
    let regular = EventKind::Regular;
    assert_eq!(shape, [(EventKind::Snapshot, 0, 1_000, 3), (regular, 0, 1, 3), (regular, 1, 2, 1)]);
    let trade = events[1].records[0];
    assert_eq!((trade.action, trade.side, trade.price), (Action::Trade, Some(Side::Sell), 19_201));
}

#[test]
fn a_recording_of_several_compressed_frames_is_read_to_its_end() {
    let Some((reader, _)) = es_day("reader") else { return };
    let events: Vec<Event> = reader.map(Result::unwrap).collect();
    assert_eq!(events.len(), 1 + 47_022);
    assert_eq!(events[0].kind, EventKind::Snapshot);
    assert_eq!(events[0].records.len(), 8_725);
    let records: usize = events.iter().map(|event| event.records.len()).sum();
    assert_eq!(records, 8_725 + 60_067);
    assert_eq!(events.last().unwrap().index, 47_021);
}

#[test]
fn every_version_of_the_format_is_read() {
    for name in ["test_data.mbo.dbn", "test_data.mbo.v3.dbn", "test_data.mbo.v3.dbn.zst"] {
        let Some(path) = data_path(&format!("l3/dbn-fixtures/{name}")) else { return };
        let events = all(DbnReader::new(std::fs::File::open(path).unwrap(), QUARTER).unwrap());
        // The fixtures are cut out of a day: they may end inside an event, but not in a record.
        match events {
            Ok(events) => assert!(!events.is_empty(), "{name}"),
            Err(DbnError::UnfinishedEvent { .. }) => {}
            Err(e) => panic!("{name}: {e}"),
        }
    }
}

#[test]
fn a_file_that_breaks_off_is_refused_with_the_place() {
    let good = file(0, &[mbo(b'A', b'B', 1, PRICE, F_LAST), mbo(b'A', b'B', 2, PRICE, F_LAST)]);
    for missing in 1..56 {
        let error = events(&good[..good.len() - missing]).unwrap_err();
        assert!(matches!(error, DbnError::Truncated { records: 1 }), "{missing}: {error}");
    }
    let open = [mbo(b'A', b'B', 1, PRICE, F_LAST), mbo(b'A', b'B', 2, PRICE, 0)];
    assert!(matches!(refused(&open), DbnError::UnfinishedEvent { events: 1, records: 1 }));
    assert!(matches!(events(&good[..6]), Err(DbnError::Truncated { records: 0 })));
    let Some(path) = data_path("l3/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else { return };
    let whole = std::fs::read(path).unwrap();
    let error = events(&whole[..whole.len() - 100]).unwrap_err();
    assert!(matches!(error, DbnError::Truncated { .. } | DbnError::UnfinishedEvent { .. }));
}

#[test]
fn what_is_no_market_by_order_record_of_one_instrument_is_refused_by_name() {
    let mut other = mbo(b'A', b'B', 2, PRICE, F_LAST);
    other[4] = 9;
    let error = refused(&[mbo(b'A', b'B', 1, PRICE, F_LAST), other]);
    assert!(matches!(error, DbnError::Instrument { expected: 17_077, .. }), "{error}");
    let mut trades = mbo(b'A', b'B', 2, PRICE, F_LAST);
    trades[1] = 0;
    assert!(matches!(refused(&[trades]), DbnError::RecordType(0)));
    assert!(matches!(refused(&[mbo(b'X', b'B', 2, PRICE, 0)]), DbnError::Action(b'X')));
    assert!(matches!(refused(&[mbo(b'A', b'X', 2, PRICE, 0)]), DbnError::Side(b'X')));
    let sideless = refused(&[mbo(b'A', b'N', 2, PRICE, 0)]);
    assert!(matches!(sideless, DbnError::Sideless { flow_order_id: 2 }));
    let off_tick = refused(&[mbo(b'A', b'B', 2, PRICE + 1, 0)]);
    assert!(matches!(off_tick, DbnError::Price(price) if price == PRICE + 1));
    let late = [mbo(b'A', b'B', 1, PRICE, F_LAST), mbo(b'A', b'B', 2, PRICE, F_SNAPSHOT)];
    assert!(matches!(refused(&late), DbnError::LateSnapshot { events: 1 }));
    assert!(matches!(events(&file(1, &[])), Err(DbnError::Schema(Some(dbn::Schema::Mbp1)))));
    assert!(matches!(DbnReader::new(&[][..], 0), Err(DbnError::Tick(0))));
    let wanted = file(0, &[mbo(b'A', b'B', 1, PRICE, F_LAST)]);
    let mut reader = DbnReader::new(&wanted[..], QUARTER).unwrap().expect_instrument(5);
    let error = reader.next_event().unwrap_err();
    assert!(matches!(error, DbnError::Instrument { expected: 5, found: 17_077 }));
    assert!(matches!(reader.next_event(), Ok(None)));
}

#[test]
fn a_damaged_byte_anywhere_never_panics() {
    let good = file(
        0,
        &[
            mbo(b'A', b'B', 1, PRICE, F_SNAPSHOT),
            mbo(b'T', b'A', 3, PRICE, 0),
            mbo(b'C', b'B', 1, PRICE, F_LAST),
        ],
    );
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            // Either answer will do: many bytes only change a value.
            drop(events(&bytes));
        }
    }
}

#[test]
fn a_damaged_head_is_refused_with_the_place() {
    let damaged = |at: usize, value: u8| {
        let mut bytes = file(0, &[]);
        bytes[at] = value;
        events(&bytes).unwrap_err()
    };
    assert!(matches!(damaged(0, b'X'), DbnError::NotDbn(start) if &start == b"XBN"));
    assert!(matches!(damaged(3, 9), DbnError::Version(9)));
    assert!(matches!(damaged(7, 0x7f), DbnError::HeadLength(_)));
    // The count of mappings, the last four bytes of the head.
    let last = file(0, &[]).len() - 1;
    assert!(matches!(damaged(last, 0x7f), DbnError::Head { offset } if offset == last + 1));
}
