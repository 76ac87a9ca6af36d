//! Whole messages: golden bytes, round trips, every fault, cuts, noise.

use touchline_fix::{
    Decimal, FieldFault, Fields, Frame, Framer, Garbled, Header, MAX_FIELDS, Message, Precision,
    SessionRejectReason as Reason, WriteError, msg_type, tags,
};

const TIME_NS: u64 = 1_767_605_400_123_456_789;

const NEW_ORDER: &str = "8=FIX.4.4|9=000126|35=D|34=7|49=M1|56=TOUCHLINE|\
    52=20260105-09:30:00.123|11=A-1|55=ESH6|54=1|38=10|40=2|44=5012.75|59=0|\
    60=20260105-09:30:00.123|10=";

/// A message with the right length and checksum around `body`, which starts with `35=`.
fn message(body: &str) -> Vec<u8> {
    framed("FIX.4.4", body)
}

fn framed(begin_string: &str, body: &str) -> Vec<u8> {
    let body = body.replace('|', "\x01");
    let mut bytes = format!("8={begin_string}\x019={}\x01{body}", body.len()).into_bytes();
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    bytes
}

fn header(body: &str) -> String {
    format!("35=D|34=7|49=M1|56=TOUCHLINE|52=20260105-09:30:00|{body}")
}

fn fault_of(body: &str) -> Option<FieldFault> {
    Message::parse(&message(&header(body)), &mut Fields::new()).unwrap().fault()
}

fn write_order(buffer: &mut [u8]) -> Result<usize, WriteError> {
    let mut header = Header::new(b"M1", b"TOUCHLINE", Precision::Milliseconds)?;
    let mut writer = header.begin(buffer, msg_type::NEW_ORDER_SINGLE, 7, TIME_NS);
    writer
        .text(tags::CL_ORD_ID, "A-1")
        .text(tags::SYMBOL, "ESH6")
        .char(tags::SIDE, b'1')
        .u64(tags::ORDER_QTY, 10)
        .char(tags::ORD_TYPE, b'2')
        .decimal(tags::PRICE, Decimal { mantissa: 501_275, scale: 2 })
        .char(tags::TIME_IN_FORCE, b'0')
        .utc_timestamp(tags::TRANSACT_TIME, TIME_NS);
    writer.finish()
}

#[test]
fn a_written_order_is_these_bytes() {
    let mut buffer = [0u8; 512];
    let len = write_order(&mut buffer).unwrap();
    let text = String::from_utf8(buffer[..len].to_vec()).unwrap().replace('\x01', "|");
    let golden: String = NEW_ORDER.split_whitespace().collect();
    assert_eq!(text[..text.len() - 4], golden);
    assert_eq!(Framer::new(512).next(&buffer), Frame::Message { len_bytes: len });
}

#[test]
fn what_is_written_is_read_again() {
    let mut buffer = [0u8; 512];
    let len = write_order(&mut buffer).unwrap();
    let mut fields = Fields::new();
    let order = Message::parse(&buffer[..len], &mut fields).unwrap();
    assert_eq!(order.fault(), None);
    assert!(order.is_fix44());
    assert_eq!(order.msg_type(), b"D");
    assert_eq!(order.require_u64(tags::MSG_SEQ_NUM), Ok(7));
    assert_eq!(order.get(tags::SENDER_COMP_ID), Some(&b"M1"[..]));
    assert_eq!(order.get(tags::CL_ORD_ID), Some(&b"A-1"[..]));
    assert_eq!(order.require_char(tags::SIDE), Ok(b'1'));
    let quarter = Decimal { mantissa: 25, scale: 2 };
    let price = order.require_decimal(tags::PRICE).unwrap();
    assert_eq!(price.to_units(quarter), Ok(20_051));
    let milliseconds = TIME_NS / 1_000_000 * 1_000_000;
    assert_eq!(order.utc_timestamp(tags::TRANSACT_TIME), Ok(Some(milliseconds)));
    assert_eq!(order.get(tags::TEXT), None);
    let in_order: Vec<u32> = order.iter().map(|(tag, _)| tag).collect();
    assert_eq!(in_order, [8, 9, 35, 34, 49, 56, 52, 11, 55, 54, 38, 40, 44, 59, 60]);
}

#[test]
fn the_configured_precision_is_written() {
    for (precision, text) in [
        (Precision::Milliseconds, &b"20260105-09:30:00.123"[..]),
        (Precision::Microseconds, b"20260105-09:30:00.123456"),
        (Precision::Nanoseconds, b"20260105-09:30:00.123456789"),
    ] {
        let mut header = Header::new(b"A", b"B", precision).unwrap();
        let mut buffer = [0u8; 128];
        let len = header.begin(&mut buffer, b"0", 1, TIME_NS).finish().unwrap();
        let mut fields = Fields::new();
        let heartbeat = Message::parse(&buffer[..len], &mut fields).unwrap();
        assert_eq!(heartbeat.get(tags::SENDING_TIME), Some(text));
    }
}

#[test]
fn a_message_that_does_not_fit_is_refused_at_every_size() {
    let mut buffer = [0u8; 512];
    let len = write_order(&mut buffer).unwrap();
    for capacity_bytes in 0..len {
        let written = write_order(&mut buffer[..capacity_bytes]);
        assert_eq!(written, Err(WriteError::DoesNotFit { capacity_bytes }));
    }
    assert_eq!(write_order(&mut buffer[..len]), Ok(len));
}

#[test]
fn a_body_of_more_than_six_digits_is_refused() {
    let mut buffer = vec![0u8; 1_100_000];
    let mut header = Header::new(b"A", b"B", Precision::Milliseconds).unwrap();
    let mut writer = header.begin(&mut buffer, b"D", 1, 0);
    writer.bytes(tags::TEXT, &vec![b'x'; 1_000_000]);
    assert_eq!(writer.finish(), Err(WriteError::DoesNotFit { capacity_bytes: 1_100_000 }));
}

#[test]
fn a_value_that_is_empty_or_holds_soh_is_refused() {
    let mut buffer = [0u8; 256];
    let mut header = Header::new(b"A", b"B", Precision::Milliseconds).unwrap();
    for bad in ["", "x\x0144=1"] {
        let mut writer = header.begin(&mut buffer, b"D", 1, 0);
        writer.text(tags::TEXT, bad).u64(tags::ORDER_QTY, 1);
        assert_eq!(writer.finish(), Err(WriteError::BadValue { tag: tags::TEXT }));
    }
    let error = Header::new(b"", b"B", Precision::Milliseconds).unwrap_err();
    assert_eq!(error, WriteError::BadValue { tag: tags::SENDER_COMP_ID });
    let error = Header::new(b"A", b"B\x01", Precision::Milliseconds).unwrap_err();
    assert_eq!(error, WriteError::BadValue { tag: tags::TARGET_COMP_ID });
}

#[test]
fn signed_numbers_and_flags_are_written() {
    let mut buffer = [0u8; 256];
    let mut header = Header::new(b"A", b"B", Precision::Milliseconds).unwrap();
    let mut writer = header.begin(&mut buffer, b"D", u64::MAX, 0);
    writer.i64(5001, i64::MIN).i64(5002, 3).boolean(43, true).raw(b"5003=x\x015004=y\x01");
    let len = writer.finish().unwrap();
    let mut fields = Fields::new();
    let read = Message::parse(&buffer[..len], &mut fields).unwrap();
    assert_eq!(read.require_i64(5001), Ok(i64::MIN));
    assert_eq!(read.require_i64(5002), Ok(3));
    assert_eq!(read.boolean(43), Ok(Some(true)));
    assert_eq!(read.get(5004), Some(&b"y"[..]));
    assert_eq!(read.u64(tags::MSG_SEQ_NUM), Ok(Some(u64::MAX)));
    assert_eq!(read.u32(tags::MSG_SEQ_NUM), Err(FieldFault::format(tags::MSG_SEQ_NUM)));
    assert_eq!(read.require_u32(5005), Err(FieldFault::missing(5005)));
}

#[test]
fn every_field_fault_carries_its_tag_and_373() {
    for (body, tag, reason) in [
        ("55=|", 55, Reason::TagSpecifiedWithoutValue),
        ("0=x|", 0, Reason::InvalidTagNumber),
        ("055=x|", 55, Reason::InvalidTagNumber),
        ("=x|", 0, Reason::InvalidTagNumber),
        ("5a=x|", 0, Reason::InvalidTagNumber),
        ("-55=x|", 0, Reason::InvalidTagNumber),
        ("55|", 0, Reason::InvalidTagNumber),
        ("|", 0, Reason::InvalidTagNumber),
        ("4294967351=x|", 429_496_735, Reason::InvalidTagNumber),
        ("55=a|54=1|55=b|", 55, Reason::TagAppearsMoreThanOnce),
        ("9999=a|9999=b|", 9999, Reason::TagAppearsMoreThanOnce),
        ("34=8|", 34, Reason::TagAppearsMoreThanOnce),
        ("55=a|43=Y|", 43, Reason::TagSpecifiedOutOfRequiredOrder),
        ("95=x|96=y|", 95, Reason::IncorrectDataFormat),
        ("95=2|96=abc|", 96, Reason::IncorrectDataFormat),
        ("95=99999999|96=abc|", 96, Reason::IncorrectDataFormat),
        ("95=3|55=abc|", 96, Reason::RequiredTagMissing),
        ("95=3|", 96, Reason::RequiredTagMissing),
    ] {
        assert_eq!(fault_of(body), Some(FieldFault::new(tag, reason)), "{body}");
    }
    assert_eq!(fault_of("55=a|54=1|"), None);
}

#[test]
fn the_first_fault_is_the_one_reported_and_later_fields_stay_readable() {
    let bytes = message(&header("55=|55=x|44=1.5|"));
    let mut fields = Fields::new();
    let read = Message::parse(&bytes, &mut fields).unwrap();
    assert_eq!(read.fault().map(|fault| fault.tag), Some(55));
    assert_eq!(read.require_u64(tags::MSG_SEQ_NUM), Ok(7));
    assert_eq!(read.require_decimal(tags::PRICE), Ok(Decimal { mantissa: 15, scale: 1 }));
}

#[test]
fn a_data_field_may_hold_soh_and_an_equals_sign() {
    let bytes = message(&header("95=6|96=a|44=1|54=2|"));
    let mut fields = Fields::new();
    let read = Message::parse(&bytes, &mut fields).unwrap();
    assert_eq!(read.fault(), None);
    assert_eq!(read.get(tags::RAW_DATA), Some(&b"a\x0144=1\x01"[..6]));
    assert_eq!(read.get(tags::PRICE), None);
}

#[test]
fn members_of_a_repeating_group_may_appear_again() {
    let parties = "453=2|448=A|447=D|452=1|448=B|447=D|452=3|55=x|";
    assert_eq!(fault_of(parties), None);
    let again = format!("{parties}55=y|");
    assert_eq!(fault_of(&again), Some(FieldFault::new(55, Reason::TagAppearsMoreThanOnce)));
    let before = "448=A|448=B|453=2|";
    assert_eq!(fault_of(before), Some(FieldFault::new(448, Reason::TagAppearsMoreThanOnce)));
}

#[test]
fn more_fields_than_the_table_holds_are_a_fault() {
    let extra: String = (0..MAX_FIELDS).map(|n| format!("{}=x|", 5000 + n)).collect();
    let fault = fault_of(&extra).unwrap();
    assert_eq!(fault.reason, Reason::Other);
    // 8, 9 and five more stand before the first.
    assert_eq!(fault.tag, 5000 + MAX_FIELDS as u32 - 7);
}

#[test]
fn a_wrong_checksum_is_garbled() {
    let mut bytes = message(&header("55=x|"));
    let mut fields = Fields::new();
    assert!(Message::parse(&bytes, &mut fields).is_ok());
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    let error = Message::parse(&bytes, &mut fields).unwrap_err();
    assert!(matches!(error, Garbled::CheckSum { .. }), "{error}");
    let at = bytes.len() - 4;
    bytes[at..at + 3].copy_from_slice(b"999");
    let error = Message::parse(&bytes, &mut fields).unwrap_err();
    assert!(matches!(error, Garbled::CheckSum { stated: 999, .. }), "{error}");
}

#[test]
fn wrong_first_three_tags_are_garbled() {
    for body in ["34=1|35=D|", "35=|34=1|", "34=1|"] {
        let error = Message::parse(&message(body), &mut Fields::new()).unwrap_err();
        assert_eq!(error, Garbled::FirstThreeTags, "{body}");
    }
    let mut bytes = b"9=5\x018=FIX.4.4\x0135=0\x01".to_vec();
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    let error = Message::parse(&bytes, &mut Fields::new()).unwrap_err();
    assert_eq!(error, Garbled::FirstThreeTags);
}

#[test]
fn a_length_that_disagrees_with_the_bytes_is_garbled() {
    let mut bytes = message(&header("55=x|"));
    let body_length = bytes[12..14].to_vec();
    bytes[12..14].copy_from_slice(b"17");
    assert_ne!(body_length, b"17");
    let end = bytes.len() - 7;
    let sum = bytes[..end].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[end + 3..end + 6].copy_from_slice(format!("{sum:03}").as_bytes());
    let error = Message::parse(&bytes, &mut Fields::new()).unwrap_err();
    assert_eq!(error, Garbled::BadBodyLength);
}

#[test]
fn a_message_cut_at_any_byte_is_refused() {
    let bytes = message(&header("55=x|95=3|96=abc|"));
    for len in 0..bytes.len() {
        assert!(Message::parse(&bytes[..len], &mut Fields::new()).is_err(), "{len}");
        let frame = Framer::new(4096).next(&bytes[..len]);
        assert!(matches!(frame, Frame::Incomplete { .. }), "{len}: {frame:?}");
    }
}

#[test]
fn another_version_is_parsed_and_told_apart() {
    let bytes = framed("FIX.4.2", "35=0|34=1|");
    let mut fields = Fields::new();
    let read = Message::parse(&bytes, &mut fields).unwrap();
    assert!(!read.is_fix44());
    assert_eq!(Framer::new(99).next(&bytes), Frame::OtherVersion { len_bytes: bytes.len() });
}

#[test]
fn what_follows_a_tag_is_cut_out_unchanged() {
    let bytes = message(&header("55=x|44=1|"));
    let mut fields = Fields::new();
    let read = Message::parse(&bytes, &mut fields).unwrap();
    assert_eq!(read.bytes_after(tags::SENDING_TIME), Some(&b"55=x\x0144=1\x01"[..]));
    assert_eq!(read.bytes_after(tags::PRICE), Some(&b""[..]));
    assert_eq!(read.bytes_after(tags::TEXT), None);
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough for noise.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Takes the buffer apart as a reader of a socket would; every step must make progress.
fn consume(mut buffer: &[u8]) -> usize {
    let framer = Framer::new(1024);
    let mut fields = Fields::new();
    let mut read = 0;
    loop {
        match framer.next(buffer) {
            Frame::Incomplete { need_bytes } => {
                assert!(need_bytes > buffer.len());
                return read;
            }
            Frame::Message { len_bytes } | Frame::OtherVersion { len_bytes } => {
                if let Ok(message) = Message::parse(&buffer[..len_bytes], &mut fields) {
                    read += message.iter().count().min(1);
                    for (tag, value) in message.iter() {
                        assert!(tag > 0 && value.len() <= len_bytes);
                        let _ = (message.u64(tag), message.decimal(tag));
                        let _ = (message.utc_timestamp(tag), message.bytes_after(tag));
                    }
                }
                buffer = &buffer[len_bytes..];
            }
            Frame::Garbled { skip_bytes, .. } => {
                assert!((1..=buffer.len()).contains(&skip_bytes));
                buffer = &buffer[skip_bytes..];
            }
        }
    }
}

#[test]
fn random_noise_never_panics_and_always_makes_progress() {
    let seed = 20_260_105;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let alphabet = b"8=FIX.4.49=35D10\x01\x01\x01=0123456789ab\xff\x00-.";
    for _ in 0..20_000 {
        let len = random.below(200);
        let noise: Vec<u8> = (0..len).map(|_| alphabet[random.below(alphabet.len())]).collect();
        consume(&noise);
    }
}

#[test]
fn damaged_messages_never_panic_and_the_undamaged_are_all_read() {
    let seed = 7;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let good = message(&header("11=A|55=ESH6|95=3|96=abc|453=1|448=x|447=D|452=1|44=5012.75|"));
    for _ in 0..20_000 {
        let mut stream = good.repeat(3);
        let damaged = good.len() + random.below(good.len());
        for _ in 0..=random.below(3) {
            let at = (damaged + random.below(4)).min(2 * good.len() - 1);
            stream[at] = random.next() as u8;
        }
        // The last message stands whole in the buffer: only a length that still ends on a trailer
        // could hide it, and one changed run of four bytes cannot make one.
        let read = consume(&stream);
        assert!((2..=3).contains(&read), "{read}");
    }
}

#[test]
fn a_damaged_message_with_its_checksum_made_right_never_panics() {
    let seed = 11;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let good = message(&header("11=A|55=ESH6|95=3|96=abc|453=1|448=x|447=D|452=1|44=5012.75|"));
    let end = good.len() - 7;
    for _ in 0..50_000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(4) {
            bytes[random.below(end)] = b"\x01=0129|D.\xff"[random.below(9)];
        }
        let sum = bytes[..end].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes[end + 3..end + 6].copy_from_slice(format!("{sum:03}").as_bytes());
        consume(&bytes);
        let _ = Message::parse(&bytes, &mut Fields::new());
    }
}

#[test]
fn an_order_may_carry_every_repeating_group_that_fix_lists_for_it() {
    let body = "11=A-1|453=2|448=P|447=D|452=1|448=Q|447=D|452=3|\
        78=2|79=X|80=5|539=2|524=N|538=1|524=M|538=1|79=Y|80=5|539=2|524=N|538=1|524=M|538=1|\
        386=2|336=1|336=2|454=2|455=I|456=4|455=J|456=4|864=2|865=1|866=20260105|865=5|866=20260105|\
        711=2|311=U|457=2|458=I|459=4|458=J|459=4|311=V|887=2|888=A|889=1|888=B|889=1|\
        232=2|233=A|234=1|233=B|234=1|55=ESH6|";
    let body: String = body.split_whitespace().collect();
    assert_eq!(fault_of(&body), None);
    let twice = body.replace("55=ESH6|", "55=ESH6|55=ESH6|");
    assert_eq!(fault_of(&twice), Some(FieldFault::new(55, Reason::TagAppearsMoreThanOnce)));
}
