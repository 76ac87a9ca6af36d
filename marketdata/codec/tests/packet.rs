//! Packets: what is written is read, and nothing that is not a packet is taken for one.

use touchline_feed_codec::{
    FRAME_BYTES, FeedError, MatchEventIndicator, Message, OrderAdd, OrderCancel, OrderDelete,
    OrderExecute, OrderReplace, PACKET_BYTES_MAX, PacketFlags, PacketHeader, PacketWriter,
    SecurityDefinition, SecurityStatus, Side, SnapshotEnd, SnapshotOrder, SnapshotStart,
    TradingPhase, Uncross, read_packet,
};

const ADD: OrderAdd = OrderAdd {
    seq: 7,
    order_id: 11,
    price: -19_203,
    qty: 5,
    priority: 42,
    rpt_seq: 3,
    instrument_id: 1,
    side: Side::Buy,
    indicator: MatchEventIndicator::END_OF_EVENT,
    reserved: [0; 6],
};

fn every_message() -> Vec<Message> {
    let indicator = MatchEventIndicator::UNCROSS.with(MatchEventIndicator::PRINTABLE);
    vec![
        ADD.into(),
        OrderExecute {
            seq: 8,
            order_id: 11,
            last_px: 4,
            last_qty: 2,
            trd_match_id: 9,
            rpt_seq: 4,
            instrument_id: 1,
            side: Side::Sell,
            aggressor_side: Side::Undisclosed,
            indicator,
            reserved: [0; 5],
        }
        .into(),
        OrderCancel {
            seq: 9,
            order_id: 11,
            canceled_qty: 1,
            rpt_seq: 5,
            instrument_id: 1,
            side: Side::Buy,
            indicator,
            reserved: [0; 6],
        }
        .into(),
        OrderDelete {
            seq: 10,
            order_id: 11,
            rpt_seq: 6,
            instrument_id: 1,
            side: Side::Buy,
            indicator,
            reserved: [0; 6],
        }
        .into(),
        OrderReplace {
            seq: 11,
            order_id: 12,
            price: i64::MIN,
            qty: u64::MAX,
            priority: 43,
            rpt_seq: 7,
            instrument_id: 1,
            side: Side::Sell,
            indicator,
            reserved: [0; 6],
        }
        .into(),
        SecurityStatus {
            seq: 12,
            rpt_seq: 8,
            instrument_id: 1,
            phase: TradingPhase::Halt,
            indicator,
            reserved: [0; 6],
        }
        .into(),
        Uncross {
            seq: 13,
            last_px: 5,
            last_qty: 6,
            rpt_seq: 9,
            instrument_id: 1,
            indicator,
            reserved: [0; 7],
        }
        .into(),
        SnapshotStart {
            last_sequence: 14,
            last_seq: 15,
            order_count: 1,
            last_rpt_seq: 9,
            instrument_id: 1,
            instrument_count: 2,
            cycle: 3,
            phase: TradingPhase::Call,
            reserved: [0; 3],
            last_px: i64::MIN,
        }
        .into(),
        SnapshotOrder {
            order_id: 16,
            price: 17,
            qty: 18,
            priority: 19,
            instrument_id: 1,
            side: Side::Buy,
            reserved: [0; 3],
        }
        .into(),
        SnapshotEnd { last_sequence: 14, instrument_id: 1, order_count: 1 }.into(),
        SecurityDefinition {
            price_increment_mantissa: 25,
            min_price: 1,
            max_price: 100_000,
            round_lot: 1,
            max_order_qty: 10_000,
            symbol: *b"ESH4\0\0\0\0\0\0\0\0\0\0\0\0",
            currency: *b"USD\0",
            instrument_id: 1,
            instrument_count: 2,
            price_increment_exponent: -2,
            phase: TradingPhase::Call,
            reserved: [0; 6],
            channel: 1,
            reserved_tail: 0,
        }
        .into(),
    ]
}

fn packet_of(messages: &[Message]) -> Vec<u8> {
    let mut writer = PacketWriter::new(100, 1);
    for message in messages {
        assert!(writer.try_push(message), "no room for {message:?}");
    }
    writer.finish(3, 200, 150, PacketFlags::INCREMENTAL).to_vec()
}

/// xorshift64: enough for noise, the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn every_message_survives_its_packet() {
    let messages = every_message();
    let packet = packet_of(&messages);
    let (header, read) = read_packet(&packet).unwrap();
    assert_eq!((header.session, header.sequence, header.channel), (100, 3, 1));
    assert_eq!((header.send_time, header.matching_time), (200, 150));
    assert_eq!(usize::from(header.count), messages.len());
    assert_eq!(PacketFlags(header.flags), PacketFlags::INCREMENTAL);
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), messages);
    assert_eq!(read.unknown(), 0);
}

#[test]
fn the_bytes_of_an_order_add_are_these() {
    let packet = packet_of(&[ADD.into()]);
    let golden = [
        "6400000000000000", // session 100
        "0300000000000000", // sequence 3
        "c800000000000000", // send_time 200
        "9600000000000000", // matching_time 150
        "0100",             // channel 1
        "0100",             // count 1
        "01010000",         // flags Incremental, version 1, reserved
        "4000",             // size 64
        "38000a0001000000", // blockLength 56, templateId 10, schemaId 1, version 0
        "0700000000000000", // seq
        "0b00000000000000", // order_id
        "fdb4ffffffffffff", // price -19,203
        "0500000000000000", // qty
        "2a00000000000000", // priority
        "03000000",         // rpt_seq
        "01000000",         // instrument_id
        "0101000000000000", // side, indicator, reserved
    ]
    .concat();
    let text: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, golden);
}

#[test]
fn a_packet_without_messages_is_a_heartbeat() {
    let packet = packet_of(&[]);
    let (header, messages) = read_packet(&packet).unwrap();
    assert_eq!(header.count, 0);
    assert_eq!(messages.count(), 0);
}

#[test]
fn a_full_packet_takes_no_more_and_stays_whole() {
    let mut writer = PacketWriter::new(1, 1);
    let mut pushed = 0;
    while writer.try_push(&ADD.into()) {
        pushed += 1;
    }
    assert_eq!(pushed, (PACKET_BYTES_MAX - PacketHeader::BYTES) / (FRAME_BYTES + OrderAdd::BYTES));
    let packet = writer.finish(1, 0, 0, PacketFlags::NONE);
    assert!(packet.len() <= PACKET_BYTES_MAX);
    assert_eq!(read_packet(packet).unwrap().1.count(), pushed);
    writer.clear();
    assert!(writer.is_empty() && writer.try_push(&ADD.into()));
}

#[test]
fn a_packet_cut_at_any_byte_is_an_error_and_no_panic() {
    let packet = packet_of(&every_message());
    for len in 0..packet.len() {
        assert!(read_packet(&packet[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn bytes_behind_the_last_message_are_an_error() {
    let mut packet = packet_of(&[ADD.into()]);
    packet.push(0);
    assert_eq!(
        read_packet(&packet).unwrap_err(),
        FeedError::Trailing { offset: packet.len() - 1, left: 1 }
    );
}

#[test]
fn a_count_that_is_not_the_number_of_messages_is_an_error() {
    let mut packet = packet_of(&[ADD.into(), ADD.into()]);
    let len = packet.len();
    packet[34] = 1;
    assert_eq!(
        read_packet(&packet).unwrap_err(),
        FeedError::Trailing { offset: 40 + 66, left: 66 }
    );
    packet[34] = 3;
    assert_eq!(
        read_packet(&packet).unwrap_err(),
        FeedError::Size { offset: len, size: 0, left: 0 }
    );
}

#[test]
fn a_size_that_lies_is_an_error_with_its_place() {
    for (size, left) in [(7_u16, 66), (65, 66), (u16::MAX, 66)] {
        let mut packet = packet_of(&[ADD.into()]);
        packet[40..42].copy_from_slice(&size.to_le_bytes());
        assert_eq!(
            read_packet(&packet).unwrap_err(),
            FeedError::Size { offset: 40, size: usize::from(size), left }
        );
    }
}

#[test]
fn a_block_longer_than_its_message_is_an_error() {
    let mut packet = packet_of(&[ADD.into()]);
    packet[42] = 57;
    assert_eq!(
        read_packet(&packet).unwrap_err(),
        FeedError::Block { offset: 40, template_id: 10, block_length: 57, expected: 56 }
    );
}

#[test]
fn a_block_shorter_than_its_template_is_an_error() {
    let mut packet = packet_of(&[ADD.into()]);
    packet[42] = 55;
    let (_, mut messages) = read_packet(&packet).unwrap();
    assert_eq!(
        messages.next(),
        Some(Err(FeedError::Block { offset: 40, template_id: 10, block_length: 55, expected: 56 }))
    );
}

#[test]
fn another_schema_and_another_header_version_are_refused() {
    let mut packet = packet_of(&[ADD.into()]);
    packet[46] = 2;
    assert_eq!(read_packet(&packet).unwrap_err(), FeedError::Schema { offset: 40, schema_id: 2 });
    packet[37] = 2;
    assert_eq!(read_packet(&packet).unwrap_err(), FeedError::HeaderVersion { version: 2 });
}

#[test]
fn a_value_that_its_enum_does_not_know_is_an_error_and_the_next_message_is_read() {
    let mut packet = packet_of(&[ADD.into(), ADD.into()]);
    packet[40 + 10 + 48] = 9;
    let (_, mut messages) = read_packet(&packet).unwrap();
    assert!(matches!(
        messages.next(),
        Some(Err(FeedError::Value { offset: 40, template_id: 10, bad })) if bad.value == 9
    ));
    assert_eq!(messages.next(), Some(Ok(ADD.into())));
    assert_eq!(messages.next(), None);
}

#[test]
fn a_newer_version_with_a_longer_block_is_read_as_far_as_we_know_it() {
    let mut packet = packet_of(&[ADD.into()]);
    packet.extend_from_slice(&[0xaa; 8]); // a field that version 1 added
    packet[40..42].copy_from_slice(&72_u16.to_le_bytes());
    packet[42..44].copy_from_slice(&64_u16.to_le_bytes());
    packet[48..50].copy_from_slice(&1_u16.to_le_bytes());
    let (_, mut messages) = read_packet(&packet).unwrap();
    assert_eq!(messages.next(), Some(Ok(ADD.into())));
    assert_eq!(messages.next(), None);
}

#[test]
fn a_template_that_this_build_does_not_know_is_skipped_and_counted() {
    let mut packet = packet_of(&[ADD.into(), ADD.into()]);
    packet[44..46].copy_from_slice(&999_u16.to_le_bytes());
    let (_, mut messages) = read_packet(&packet).unwrap();
    assert_eq!(messages.next(), Some(Ok(ADD.into())));
    assert_eq!(messages.next(), None);
    assert_eq!(messages.unknown(), 1);
}

#[test]
fn noise_never_panics() {
    for seed in 1..=20_000_u64 {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut packet = packet_of(&every_message());
        if seed % 2 == 0 {
            // All noise behind a header that passes.
            packet.iter_mut().skip(38).for_each(|byte| *byte = noise.next() as u8);
        } else {
            for _ in 0..=seed % 8 {
                let at = noise.next() as usize % packet.len();
                packet[at] = noise.next() as u8;
            }
        }
        packet.truncate(noise.next() as usize % (packet.len() + 1));
        if let Ok((header, messages)) = read_packet(&packet) {
            assert!(messages.count() <= usize::from(header.count), "seed {seed}");
        }
    }
}
