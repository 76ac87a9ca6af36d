use super::*;

const UNITS: Units = Units {
    tick_nanos: 1,
    min_price: 0,
    max_price: i64::MAX,
    round_lot: 1,
    max_order_qty: 1 << 40,
};
const BITSTAMP: &[u8] = b"id,timestamp,exchange.timestamp,price,volume,action,direction\n";
const ITCH: &[u8] = b"\0\x0cS\0\0\0\0\0\0\0\0\0\0O";

fn open(bytes: &[u8], format: Option<Format>) -> Result<Box<dyn Recording>, ReadError> {
    let selection = Selection { format, ticker: None, units: UNITS };
    read_recording(io::Cursor::new(bytes.to_vec()), &selection)
}

#[test]
fn a_format_is_recognised_by_how_the_file_starts() {
    assert_eq!(Format::of(b"DBN\x01"), Some(Format::Dbn));
    assert_eq!(Format::of(ITCH), Some(Format::Itch));
    assert_eq!(Format::of(b"\0\0S\0"), Some(Format::Itch), "lengths of zero");
    assert_eq!(Format::of(BITSTAMP), Some(Format::Bitstamp));
    for other in
        [&b""[..], b"\0\0", b"\0\x0dS", b"\0\0Z", b"id,price\n", &BITSTAMP[..30], b"PK\x03\x04"]
    {
        assert_eq!(Format::of(other), None, "{}", other.escape_ascii());
    }
    assert_eq!(open(BITSTAMP, None).map(|r| r.format()).ok(), Some(Format::Bitstamp));
    assert_eq!(open(ITCH, None).map(|r| r.format()).ok(), Some(Format::Itch));
}

#[test]
fn a_file_of_no_known_format_is_refused_with_its_start() {
    let Err(error) = open(b"PK\x03\x04 a zip file", None) else { panic!("opened") };
    assert_eq!(
        error.to_string(),
        "the recording is neither Databento DBN, nor Nasdaq TotalView-ITCH 5.0, nor Bitstamp's \
         orders as CSV: it starts with \"PK\\x03\\x04 a zip file\"; --format says what it is"
    );
    assert!(matches!(open(b"", None), Err(ReadError::Format(start)) if start.is_empty()));
}

#[test]
fn a_named_format_is_not_guessed() {
    assert!(matches!(open(ITCH, Some(Format::Bitstamp)), Err(ReadError::Bitstamp(_))));
    assert!(matches!(open(BITSTAMP, Some(Format::Dbn)), Err(ReadError::Dbn(_))));
    let Ok(mut itch) = open(BITSTAMP, Some(Format::Itch)) else { panic!("refused") };
    assert!(matches!(itch.next(), Some(Err(ReadError::Itch(_)))));
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("DBN".parse::<Format>().is_err());
}

#[test]
fn only_a_recording_that_names_aggressors_is_played_as_market_orders() {
    let as_market = Format::ALL.map(|format| format.not_as_market().is_none());
    assert_eq!(as_market, [true, false, false]);
}
