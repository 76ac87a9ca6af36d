//! The codec and the encoders of sbe-tool, the reference tool of SBE, agree on every byte.
//!
//! `sbe_tool.txt` holds packets with every message of the schema, as values and as the bytes that
//! sbe-tool made of them; `tests/foreign/test_codec_bytes.py` writes and checks it.

use std::collections::BTreeSet;

use touchline_feed_codec::{
    MatchEventIndicator, Message, PACKET_HEADER_VERSION, PacketFlags, PacketWriter, read_packet,
};

const VECTORS: &str = include_str!("sbe_tool.txt");
/// Templates of the schema.
const TEMPLATES: usize = 11;

/// A packet of the file: its lines of values, and its bytes.
fn packets() -> Vec<(Vec<&'static str>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut lines = Vec::new();
    for line in VECTORS.lines() {
        match line.strip_prefix("= ") {
            Some(hex) => found.push((core::mem::take(&mut lines), unhex(hex))),
            None => lines.push(line),
        }
    }
    found
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// The line of a message: as Rust prints it, with the names of its indicator.
fn line(message: &Message) -> String {
    let text = format!("{message:?}");
    // Message::OrderAdd(OrderAdd { ... })
    let start = text.find('(').unwrap() + 1;
    named(&text[start..text.len() - 1])
}

fn named(text: &str) -> String {
    let names = [
        (MatchEventIndicator::END_OF_EVENT, "EndOfEvent"),
        (MatchEventIndicator::UNCROSS, "Uncross"),
        (MatchEventIndicator::PRINTABLE, "Printable"),
    ];
    let mut text = text.to_owned();
    for bits in 0..8 {
        let set = MatchEventIndicator(bits);
        let chosen: Vec<&str> =
            names.iter().filter(|(bit, _)| set.contains(*bit)).map(|(_, name)| *name).collect();
        text = text.replace(&format!("{set:?}"), &format!("{{{}}}", chosen.join(", ")));
    }
    text
}

#[test]
fn the_bytes_of_sbe_tool_are_read_as_the_values_that_it_wrote() {
    let mut templates = BTreeSet::new();
    for (lines, bytes) in packets() {
        let (header, messages) = read_packet(&bytes).unwrap();
        assert_eq!(named(&format!("{header:?}")), lines[0]);
        let messages: Vec<Message> = messages.map(Result::unwrap).collect();
        assert_eq!(messages.iter().map(line).collect::<Vec<_>>(), lines[1..]);
        templates.extend(messages.iter().map(Message::template_id));
    }
    assert_eq!(templates.len(), TEMPLATES);
}

#[test]
fn the_values_that_sbe_tool_wrote_are_encoded_to_its_bytes() {
    let packets = packets();
    assert!(packets.len() > 10);
    for (_, bytes) in packets {
        let (header, messages) = read_packet(&bytes).unwrap();
        assert_eq!(header.version, PACKET_HEADER_VERSION);
        let mut writer = PacketWriter::new(header.session, header.channel);
        for message in messages {
            assert!(writer.try_push(&message.unwrap()));
        }
        let flags = PacketFlags(header.flags);
        let ours = writer.finish(header.sequence, header.send_time, header.matching_time, flags);
        assert_eq!(ours, bytes);
    }
}
