//! FIX codec: any bytes are framed and read, and what is read is consistent with the bytes.
//!
//! Input: first byte 0: the rest is a stream as it comes from a socket, whose bound on a message is
//! small. Otherwise the rest is the body of a message whose length and checksum are right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_fix::{
    Decimal, Fields, Frame, Framer, Header, Message, Precision, SOH, TimestampText, msg_type, tags,
};

fn read(bytes: &[u8]) {
    let mut fields = Fields::new();
    let Ok(message) = Message::parse(bytes, &mut fields) else { return };
    assert_eq!(message.bytes(), bytes);
    let whole = bytes.as_ptr_range();
    let mut count = 0;
    for (tag, value) in message.iter() {
        count += 1;
        let part = value.as_ptr_range();
        assert!(part.start >= whole.start && part.end <= whole.end, "a value outside the message");
        look(&message, tag);
    }
    assert!((3..=touchline_fix::MAX_FIELDS).contains(&count));
    assert!(!message.msg_type().is_empty());
    let _ = (message.is_fix44(), msg_type::is_defined(message.msg_type()));
    if let Some(fault) = message.fault() {
        assert!(!fault.to_string().is_empty());
    } else {
        write_again(&message);
    }
}

/// Every typed reading of a field; an exact one is written and read again.
fn look(message: &Message<'_>, tag: u32) {
    let _ = (message.u32(tag), message.u64(tag), message.i64(tag), message.char(tag));
    let _ = (message.boolean(tag), message.bytes_after(tag), tags::name(tag));
    if let Ok(Some(decimal)) = message.decimal(tag) {
        assert_eq!(Decimal::parse(decimal.to_string().as_bytes()), Some(decimal));
        for increment in [(25, 2), (1, 0), (5, 18), (i64::MAX, 0)] {
            let increment = Decimal { mantissa: increment.0, scale: increment.1 };
            if let Ok(units) = decimal.to_units(increment)
                && let Ok(back) = Decimal::from_units(units, increment)
            {
                assert_eq!(back.to_units(increment), Ok(units));
            }
        }
    }
    if let Ok(Some(time_ns)) = message.utc_timestamp(tag) {
        let mut text = TimestampText::new(Precision::Nanoseconds);
        assert_eq!(touchline_fix::parse_utc_timestamp(text.format(time_ns)), Some(time_ns));
    }
}

/// A sound message that is written field by field is the same message.
fn write_again(message: &Message<'_>) {
    let header = Header::new(b"A", b"B", Precision::Milliseconds);
    let mut buffer = vec![0; message.bytes().len() + 256];
    let mut header = header.unwrap_or_else(|_| unreachable!("two good names"));
    let mut writer = header.begin(&mut buffer, b"D", 1, 1_767_605_400_000_000_000);
    let own = [8, 9, 10, 34, 35, 49, 52, 56];
    let body: Vec<_> = message.iter().filter(|(tag, _)| !own.contains(tag)).collect();
    for (tag, value) in &body {
        writer.bytes(*tag, value);
    }
    let Ok(len) = writer.finish() else { return };
    let mut fields = Fields::new();
    let again = Message::parse(&buffer[..len], &mut fields);
    let Ok(again) = again else { panic!("what was written is garbled: {again:?}") };
    if body.iter().all(|(_, value)| !value.contains(&SOH)) && again.fault().is_none() {
        let read: Vec<_> = again.iter().filter(|(tag, _)| !own.contains(tag)).collect();
        assert_eq!(read, body);
    }
}

fn stream(mut bytes: &[u8]) {
    let framer = Framer::new(512);
    while !bytes.is_empty() {
        let taken_bytes = match framer.next(bytes) {
            Frame::Incomplete { need_bytes } => {
                assert!(need_bytes > bytes.len() && need_bytes <= 512);
                return;
            }
            Frame::Message { len_bytes } => {
                read(&bytes[..len_bytes]);
                len_bytes
            }
            Frame::OtherVersion { len_bytes } => len_bytes,
            Frame::Garbled { skip_bytes, reason } => {
                assert!(!reason.to_string().is_empty());
                skip_bytes
            }
        };
        assert!(taken_bytes >= 1 && taken_bytes <= bytes.len());
        bytes = &bytes[taken_bytes..];
    }
}

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((0, rest)) => stream(rest),
        Some((_, rest)) => {
            let whole = touchline_fuzz::frame(b"FIX.4.4", rest);
            stream(&whole);
            read(&whole);
        }
        None => {}
    }
});
