//! Writes the first inputs of every fuzz target: `cargo run --example seeds -- <corpus folder>`.
//! All are made here; none is a recording.
#![forbid(unsafe_code)]

use std::io::Error;
use std::path::Path;

use touchline_feed_codec::{
    Line, MatchEventIndicator, Message, OrderAdd, OrderCancel, OrderDelete, OrderExecute,
    OrderReplace, PacketFlags, PacketWriter, SecurityDefinition, SecurityStatus, Side, SnapshotEnd,
    SnapshotOrder, SnapshotStart, TradingPhase,
};
use touchline_fuzz::{command, frame};
use touchline_journal::layout;
use touchline_members::flow::recording::itch_message_bytes;
use touchline_types::{Command, Event, EventFlags, EventKind, PublicRecord, public_of};

fn main() -> Result<(), Error> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "corpus".to_owned());
    let folder = Path::new(&folder);
    write(folder, "fix_codec", fix_codec())?;
    write(folder, "fix_session", fix_session())?;
    write(folder, "feed_decoder", feed())?;
    write(folder, "journal_reader", journal())?;
    write(folder, "ring_reader", ring())?;
    write(folder, "configuration", configuration())?;
    write(folder, "strategy_hello", hellos())?;
    write(folder, "recorded_market", recorded())?;
    write(folder, "targets_reader", targets())?;
    write(folder, "itch_reader", itch())?;
    write(folder, "bitstamp_reader", bitstamp())?;
    write(folder, "model_reader", models())?;
    write(folder, "matcher_library", library())
}

fn write(folder: &Path, target: &str, seeds: Vec<Vec<u8>>) -> Result<(), Error> {
    let folder = folder.join(target);
    std::fs::create_dir_all(&folder)?;
    for (seed, number) in seeds.iter().zip(1..) {
        std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
    }
    Ok(())
}

const BODIES: [&str; 12] = [
    "35=A|34=1|49=M|52=20260105-09:30:00|56=TL|98=0|108=30|141=Y|553=me|554=secret|",
    "35=0|34=2|49=M|52=20260105-09:30:00.123|56=TL|112=x|",
    "35=2|34=3|49=M|52=20260105-09:30:00|56=TL|7=1|16=0|",
    "35=4|34=4|49=M|52=20260105-09:30:00|56=TL|43=Y|122=20260105-09:29:00|123=Y|36=9|",
    "35=D|34=5|49=M|52=20260105-09:30:00.123456|56=TL|11=a1|21=1|55=ESH4|54=1|\
     60=20260105-09:30:00|38=10|40=2|44=4800.25|59=0|",
    "35=D|34=5|49=M|52=20260105-09:30:00|56=TL|11=a1|453=2|448=P|447=D|452=1|448=Q|447=D|452=2|\
     802=1|523=s|803=1|55=X|54=2|60=20260105-09:30:00|38=0.5|40=1|",
    "35=F|34=6|49=M|52=20260105-09:30:00|56=TL|41=a1|11=a2|55=ESH4|54=1|60=20260105-09:30:00|\
     38=10|",
    "35=G|34=7|49=M|52=20260105-09:30:00.123456789|56=TL|41=a1|11=a3|55=ESH4|54=1|\
     60=20260105-09:30:00|38=5|40=2|44=-1.5|",
    "35=H|34=8|49=M|52=20260105-09:30:00|56=TL|11=a3|55=ESH4|54=1|",
    "35=8|34=9|49=TL|52=20260105-09:30:00|56=M|37=1|17=1-1|150=0|39=0|55=ESH4|54=1|151=10|14=0|\
     6=0|",
    "35=B|34=9|49=M|52=20260105-09:30:00|56=TL|148=x|33=2|58=one|58=two|95=5|96=a|b=c|354=2|\
     355=xy|",
    "35=3|34=10|49=M|52=20260105-09:30:00|56=TL|45=2|371=44|372=D|373=6|58=why|",
];

fn fix_codec() -> Vec<Vec<u8>> {
    let soh = |text: &str| text.replace('|', "\x01").into_bytes();
    let mut seeds: Vec<Vec<u8>> = BODIES.iter().map(|body| [vec![1], soh(body)].concat()).collect();
    let mut stream = vec![0];
    for body in BODIES {
        stream.extend(frame(b"FIX.4.4", &soh(body)));
    }
    seeds.push(stream.clone());
    stream.truncate(stream.len() / 2);
    stream.extend(frame(b"FIX.4.2", &soh(BODIES[1])));
    stream.extend(b"8=FIX.4.4\x019=999999999\x0135=0\x01");
    stream.extend(frame(b"FIX.4.4", &soh(BODIES[1])));
    seeds.push(stream);
    seeds
}

fn fix_session() -> Vec<Vec<u8>> {
    const LOGON: &str = "m35=A|34=#|98=0|108=30|\n";
    let after_logon = [
        "m35=D|34=#|11=a|\nm35=D|34=#|11=b|\nm35=1|34=#|112=t|\n",
        "a\na\nm35=2|34=#|7=1|16=0|\np\na\np\n",
        "m35=D|34=4|11=c|\nm35=D|34=5|11=d|\nm35=D|34=2|43=Y|122=20260105-09:29:59|\n\
         m35=4|34=3|123=Y|36=4|\n",
        "m35=4|34=99|36=20|\nm35=0|34=20|\nm35=0|34=3|\n",
        "a\nm35=A|34=1|98=0|108=30|141=Y|\nm35=D|34=#|11=a|\na\n",
        "t30\nt37\nm35=0|34=#|\nt37\nt37\n",
        "d\na\nc\nm35=A|34=9|98=0|108=0|\nt31\nt31\nt31\nt31\n",
        "m35=5|34=#|\nc\nm35=A|34=#|98=0|108=30|\nl\nt3\n",
        "m35=D|34=#|115=X|129=Y|58=|\nm35=3|34=#|45=1|\nm35=??|34=#|\nv35=0|34=#|\n",
        "g8=FIX.4.4\nw35=0|34=#|49=M2|56=TL|52=20260105-09:30:00|\n",
    ];
    let acceptor = after_logon.iter().map(|lines| format!("\n{LOGON}{lines}").into_bytes());
    let initiator = after_logon.iter().map(|lines| format!("i\n{LOGON}{lines}").into_bytes());
    acceptor.chain(initiator).collect()
}

fn add(rpt_seq: u32, order_id: u64, side: Side, price: i64) -> Message {
    Message::from(OrderAdd {
        seq: rpt_seq.into(),
        order_id,
        price,
        qty: 5,
        priority: order_id,
        rpt_seq,
        instrument_id: 1,
        side,
        indicator: MatchEventIndicator::END_OF_EVENT,
        reserved: [0; 6],
    })
}

fn feed() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut whole = Vec::new();
    for (line, sequence, messages) in feed_packets() {
        let channel = 1 + line.channel() as u16;
        let mut writer = PacketWriter::new(7, channel);
        for message in &messages {
            assert!(writer.try_push(message), "a seed does not fit into a packet");
        }
        let packet = writer.finish(sequence, 10, 9, PacketFlags::NONE).to_vec();
        let len = u16::try_from(packet.len()).unwrap_or(u16::MAX);
        let mut chunk = vec![line.index() as u8, 1];
        chunk.extend_from_slice(&len.to_le_bytes());
        chunk.extend_from_slice(&packet);
        seeds.push(chunk.clone());
        whole.extend(chunk);
    }
    seeds.push(whole);
    seeds
}

/// A small day: definition, snapshot, then orders on both lines, a gap, and another session.
fn feed_packets() -> Vec<(Line, u64, Vec<Message>)> {
    let end = MatchEventIndicator::END_OF_EVENT;
    let start = SnapshotStart {
        last_sequence: 1,
        last_seq: 1,
        order_count: 1,
        last_rpt_seq: 1,
        instrument_id: 1,
        instrument_count: 1,
        cycle: 1,
        phase: TradingPhase::Continuous,
        reserved: [0; 3],
        last_px: 18_999,
    };
    let order = SnapshotOrder {
        order_id: 1,
        price: 19_000,
        qty: 5,
        priority: 1,
        instrument_id: 1,
        side: Side::Buy,
        reserved: [0; 3],
    };
    let snapshot = vec![
        start.into(),
        order.into(),
        SnapshotEnd { last_sequence: 1, instrument_id: 1, order_count: 1 }.into(),
    ];
    let status = SecurityStatus {
        seq: 3,
        rpt_seq: 3,
        instrument_id: 1,
        phase: TradingPhase::Continuous,
        indicator: end,
        reserved: [0; 6],
    };
    let first = vec![add(2, 2, Side::Sell, 19_004)];
    let second = vec![status.into(), add(4, 3, Side::Sell, 19_004)];
    vec![
        (Line::DefinitionA, 1, vec![definition().into()]),
        (Line::IncrementalA, 1, vec![add(1, 1, Side::Buy, 19_000)]),
        (Line::SnapshotA, 1, snapshot.clone()),
        (Line::IncrementalA, 2, first.clone()),
        (Line::IncrementalB, 2, first),
        (Line::IncrementalB, 3, second),
        (Line::IncrementalA, 4, trades(5, end)),
        (Line::IncrementalB, 4, trades(5, end)),
        (Line::IncrementalA, 9, Vec::new()),
        (Line::IncrementalB, 9, vec![add(20, 9, Side::Buy, 18_000)]),
        (Line::SnapshotA, 2, snapshot),
    ]
}

fn definition() -> SecurityDefinition {
    SecurityDefinition {
        price_increment_mantissa: 25,
        min_price: 1,
        max_price: 100_000,
        round_lot: 1,
        max_order_qty: 10_000,
        symbol: *b"ESH4\0\0\0\0\0\0\0\0\0\0\0\0",
        currency: *b"USD\0",
        instrument_id: 1,
        instrument_count: 1,
        price_increment_exponent: -2,
        phase: TradingPhase::Call,
        reserved: [0; 6],
        channel: 1,
        reserved_tail: 0,
    }
}

/// Executions, a cancel, a replace and a delete of what [`feed_packets`] has added.
fn trades(rpt_seq: u32, indicator: MatchEventIndicator) -> Vec<Message> {
    let (seq, instrument_id, side) = (u64::from(rpt_seq), 1, Side::Sell);
    let execute = OrderExecute {
        seq,
        order_id: 2,
        last_px: 19_004,
        last_qty: 2,
        trd_match_id: 1,
        rpt_seq,
        instrument_id,
        side,
        aggressor_side: Side::Buy,
        indicator,
        reserved: [0; 5],
    };
    let cancel = OrderCancel {
        seq,
        order_id: 2,
        canceled_qty: 1,
        rpt_seq: rpt_seq + 1,
        instrument_id,
        side,
        indicator,
        reserved: [0; 6],
    };
    let replace = OrderReplace {
        seq,
        order_id: 3,
        price: 19_003,
        qty: 4,
        priority: 7,
        rpt_seq: rpt_seq + 2,
        instrument_id,
        side,
        indicator,
        reserved: [0; 6],
    };
    let delete = OrderDelete {
        seq,
        order_id: 2,
        rpt_seq: rpt_seq + 3,
        instrument_id,
        side,
        indicator,
        reserved: [0; 6],
    };
    vec![execute.into(), cancel.into(), replace.into(), delete.into()]
}

/// Blocks of a journal; the fuzz target puts their checksums right.
fn journal() -> Vec<Vec<u8>> {
    let block = |first_seq: u64, count: u64| {
        let mut bytes = layout::BLOCK_MAGIC.to_le_bytes().to_vec();
        bytes.resize(8, 0);
        bytes.extend_from_slice(&first_seq.to_le_bytes());
        bytes.push(count as u8);
        bytes.resize(layout::BLOCK_HEADER_BYTES, 0);
        for seq in first_seq..first_seq + count {
            let mut block = [0; Command::BYTES];
            command(seq).encode(&mut block);
            bytes.extend_from_slice(&block);
        }
        bytes.resize(bytes.len().next_multiple_of(layout::ALIGNMENT as usize), 0);
        bytes
    };
    let three = [block(1, 1), block(2, 3), block(5, 2)].concat();
    let mut seeds: Vec<Vec<u8>> =
        [2, 2 | 4, 2 | 8, 0].iter().map(|flags| [&[*flags][..], &three].concat()).collect();
    // A torn tail, damage in the middle, a hole of zeros.
    seeds.push([&[2 | 8][..], &three[..three.len() - 200]].concat());
    seeds.push([&[2][..], &block(1, 1), &[7; 512], &block(2, 1)].concat());
    seeds.push([&[2][..], &block(1, 1), &[0; 1024]].concat());
    let mut header = vec![1 | 2];
    for word in [layout::MAGIC, layout::VERSION, layout::LAYOUT_HASH, 1] {
        header.extend_from_slice(&word.to_le_bytes());
    }
    seeds.push(header);
    seeds
}

/// Pushes, flushes and reads, with a hostile store here and there.
fn ring() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for kind in [0, 1] {
        let fill = |count: u8| vec![3; count.into()];
        for hostile in [
            vec![],
            vec![0, 6, 255, 255, 255, 255, 255, 255, 255, 255],
            vec![0, 7, 0, 0, 0, 0, 0, 0, 0, 128],
            vec![1, 6, 255],
            vec![1, 7, 0],
            vec![2, 6, 9],
            vec![0, 4, 0, 0, 0, 0, 1, 0, 0, 0, 7],
        ] {
            let script = [vec![kind], fill(3), vec![6, 9, 15], hostile, vec![9, 14, 15], fill(2)];
            seeds.push([script.concat(), vec![6, 13, 9, 7, 0, 9]].concat());
        }
    }
    seeds
}

/// Two instruments that are open, then orders of four sessions that rest, execute, move and are
/// cancelled; and commands of every kind, plain or not.
fn library() -> Vec<Vec<u8>> {
    let instrument = [1, 100, 50, 2, 1, 1, 0, 0];
    let setup = [&[31, 15, 127, 3, 3, 1][..], &instrument, &instrument].concat();
    let plain = |kind: u8, number: u8| {
        let (side, price) = (number % 2, 85 + number % 11);
        vec![kind, (number % 8) | ((1 + side) << 3), number.wrapping_mul(9), price, 1 + number % 7]
    };
    let orders: Vec<u8> =
        (0..40).flat_map(|number| plain([0, 1, 3, 4][usize::from(number % 4)], number)).collect();
    let more = |kind: u8, number: u8| {
        let asks = [number, number.wrapping_mul(37), 2 + number, number, 1, 2, 2, 90, 3, 2, 99, 5];
        let rest = if kind % 16 == 14 { &asks[..] } else { &asks[..11] };
        [&plain(kind | 0x10, number)[..], rest].concat()
    };
    let all: Vec<u8> = (0..48).flat_map(|number| more(number % 15, number)).collect();
    let mut wrong = orders.clone();
    wrong.extend([0xff, 8, 1, 90, 5, 0, 1, 128, 200, 9]);
    [orders.clone(), [all.clone(), orders].concat(), all, wrong]
        .map(|script| [setup.clone(), script].concat())
        .to_vec()
}

/// What strategies say first: of this build, of another one, and in part.
fn hellos() -> Vec<Vec<u8>> {
    let records = format!("{:016x}", touchline_types::LAYOUT_HASH);
    let rings = format!("{:016x}", touchline_ring::port::LAYOUT_HASH);
    let hello = format!(r#"{{"strategy":"maker","records":"{records}","rings":"{rings}"}}"#);
    let other = hello.replace(&rings, "0000000000000000");
    let layout = format!("{:016x}", touchline_ring::targets::LAYOUT_HASH);
    let targets = format!(r#"{{"strategy":"maker","targets":"write","layout":"{layout}"}}"#);
    vec![hello[..20].into(), hello.into(), other.into(), targets.into(), b"{}".to_vec()]
}

/// Room for four rows, and the words of a header and of the first version.
fn targets() -> Vec<Vec<u8>> {
    use touchline_ring::targets::{LAYOUT_HASH, MAGIC, VERSION};
    let mut words = vec![0_u64; 40];
    words[..4].copy_from_slice(&[MAGIC, VERSION, LAYOUT_HASH, 4]);
    let header: Vec<u8> = words[..9].iter().flat_map(|word| word.to_le_bytes()).collect();
    words[8] = 1;
    let whole: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    [&header[..0], &header, &whole].map(|bytes| [&[4], bytes].concat()).to_vec()
}

/// Public records of a small day, whole and in part: two orders, a fill, a replace, a phase.
fn recorded() -> Vec<Vec<u8>> {
    let told = [
        (EventKind::PhaseChanged, 0, 0, 0, EventFlags::NONE),
        (EventKind::Added, 1, 100, 5, EventFlags::NONE),
        (EventKind::Added, 2, 102, 7, EventFlags::NONE),
        (EventKind::Executed, 1, 100, 2, EventFlags::RESTING.with(EventFlags::PRINTABLE)),
        (EventKind::Replaced, 2, 103, 7, EventFlags::RESTING.with(EventFlags::MOVED)),
        (EventKind::Canceled, 1, 100, 3, EventFlags::RESTING),
    ];
    let mut bytes = Vec::new();
    for ((kind, order_id, price, qty, flags), seq) in told.into_iter().zip(1..) {
        let sides = [touchline_types::Side::Buy, touchline_types::Side::Sell];
        let side = sides[usize::from(order_id == 2)];
        let mut event = Event { seq, timestamp: 10 * seq, order_id, ..Event::of(kind) };
        (event.instrument_id, event.side, event.flags) = (1, side, flags);
        (event.price, event.leaves_qty, event.last_px, event.last_qty) = (price, qty, price, qty);
        let Some(mut record) = public_of(&event) else { continue };
        record.flags = record.flags.with(EventFlags::END_OF_EVENT);
        let mut block = [0; PublicRecord::BYTES];
        record.encode(&mut block);
        bytes.extend(block);
    }
    vec![bytes[..3 * PublicRecord::BYTES].into(), bytes]
}

fn configuration() -> Vec<Vec<u8>> {
    let small = r#"[venue]
name = "demo"
[[instrument]]
symbol = "ESH4"
price_increment = "0.25"
min_price = "0.25"
max_price = "10000"
[[member]]
name = "ALPHA"
sessions = ["ALPHA1", "ALPHA2"]
"#;
    let large = r#"[engine]
durability = "async"
max_open_orders = 1000
max_levels = 100
max_cl_ord_ids = 1000
budget = 8
ring_records = 64
[gateway]
address = "127.0.0.1:0"
message_bytes_max = 512
logon_timeout_ms = 10
send_queue_bytes_max = 16384
[marketdata]
interface = "127.0.0.1"
ttl = 0
incremental = { channel = 1, a = "239.1.1.1:1", b = "239.1.1.2:2" }
snapshot = { channel = 2, a = "239.1.1.3:3", b = "239.1.1.4:4" }
definition = { channel = 3, a = "239.1.1.5:5" }
heartbeat_ms = 10
snapshot_cycle_ms = 10
snapshot_packets_per_ms = 1
definition_cycle_ms = 10
[[instrument]]
symbol = "ACME"
currency = "EUR"
price_increment = "0.01"
min_price = "-5"
max_price = "5000.5"
round_lot = 100
max_order_qty = 1000
phase = "continuous"
"#;
    let wrong = small.replace("0.25", "x").replace("ALPHA2", "ALPHA1");
    [small.to_owned(), format!("{small}{large}"), wrong].map(String::into_bytes).to_vec()
}

/// Orders of one stock that are added, executed, canceled, replaced and deleted, then a message of
/// every type; with lengths, and with zeros in their place.
fn itch() -> Vec<Vec<u8>> {
    let add = |kind: u8, order_ref: u8, side: u8| {
        let mut bytes = message(kind, order_ref);
        bytes[19] = side;
        bytes[23] = 9; // shares
        bytes[24..32].copy_from_slice(b"A       ");
        bytes[34] = 2 + order_ref; // price
        bytes
    };
    let take = |kind: u8, shares: u8| {
        let mut bytes = message(kind, 1);
        bytes[22] = shares;
        bytes
    };
    let mut replace = message(b'U', 1);
    (replace[26], replace[30], replace[33]) = (3, 7, 4);
    let mut day = vec![add(b'A', 1, b'B'), add(b'F', 2, b'S')];
    day.extend([take(b'E', 1), take(b'C', 1), take(b'X', 1), replace, message(b'D', 2)]);
    day.extend(b"SRHYLVWKJhPQBINO".iter().map(|kind| message(*kind, 0)));
    let stream = |filled: bool| -> Vec<u8> {
        let length = |m: &Vec<u8>| if filled { (m.len() as u16).to_be_bytes() } else { [0; 2] };
        day.iter().flat_map(|m| [length(m).to_vec(), m.clone()].concat()).collect()
    };
    let flags = [0, 1, 2, 3];
    flags.iter().flat_map(|f| [true, false].map(|t| [vec![*f], stream(t)].concat())).collect()
}

/// A message of this type about an order, with stock locate 1 and every code valid.
fn message(kind: u8, order_ref: u8) -> Vec<u8> {
    let mut bytes = vec![0; itch_message_bytes(kind).unwrap_or(1)];
    (bytes[0], bytes[2]) = (kind, 1);
    match kind {
        b'S' => bytes[11] = b'O',
        b'R' | b'H' => bytes[11..19].copy_from_slice(b"A       "),
        b'Q' => bytes[19..27].copy_from_slice(b"A       "),
        b'P' => {
            bytes[19] = b'B';
            bytes[24..32].copy_from_slice(b"A       ");
        }
        _ => {}
    }
    match kind {
        b'H' => bytes[19] = b'T',
        b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U' => bytes[18] = order_ref,
        _ => {}
    }
    bytes
}

/// Lines in order, and lines with every kind of disorder.
fn bitstamp() -> Vec<Vec<u8>> {
    let lines = [
        "1,1000,1000,236.47,200,created,bid",
        "2,1001,1000,236.50,300,created,ask",
        "1,1002,1000,236.47,150,changed,bid",
        "1,1003,1000,236.47,150,deleted,bid",
        "2,1004,1000,236.50,0,deleted,ask",
        "1,1000,900,236.47,200,created,bid",
        "3,1005,1005,240,5,changed,bid",
        "3,1005,1005,241.5,6,changed,bid",
        "4,1005,1005,239,0,created,ask",
        "4,1005,1005,239,1,created,ask",
        "3,1005,1005,239,0,changed,bid",
        "\"9\",1,1,1,1,\"deleted\",\"bid\"\r",
    ];
    let all: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
    let disordered = lines.iter().rev().flat_map(|line| format!("{line}\n").into_bytes());
    vec![all.clone(), disordered.collect(), all[..all.len() / 2].to_vec()]
}

/// A field of the protobuf wire format that has a length.
fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut bytes = vec![number << 3 | 2];
    if content.len() > 0x7f {
        bytes.push(content.len() as u8 | 0x80);
        bytes.push((content.len() >> 7) as u8);
    } else {
        bytes.push(content.len() as u8);
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A value for the rows, then an ONNX file of one to three trees.
fn models() -> Vec<Vec<u8>> {
    (1..4).map(|trees| [0.5_f64.to_le_bytes().to_vec(), model(trees)].concat()).collect()
}

/// An attribute of a tree, by the number of the tree.
type OfTree = (&'static str, fn(u8) -> Vec<u8>);

/// Of each tree: a root with a leaf on its true branch, and on the other a node with two leaves.
const OF_TREE: [OfTree; 7] = [
    ("nodes_featureids", |_| vec![0, 1]),
    ("nodes_truenodeids", |tree| vec![3 * tree, 3 * tree + 1]),
    ("nodes_trueleafs", |_| vec![1, 1]),
    ("nodes_falsenodeids", |tree| vec![2 * tree + 1, 3 * tree + 2]),
    ("nodes_falseleafs", |_| vec![0, 1]),
    ("nodes_missing_value_tracks_true", |_| vec![1, 0]),
    ("leaf_targetids", |_| vec![0; 3]),
];

fn model(trees: u8) -> Vec<u8> {
    let mut node = [field(1, "x"), field(2, "y"), field(4, "TreeEnsemble")].concat();
    node.extend(field(5, [&field(1, "n_targets")[..], &[0x18, 1, 0xa0, 1, 2]].concat()));
    for (name, values) in OF_TREE {
        let packed: Vec<u8> = (0..trees).flat_map(values).collect();
        node.extend(field(5, [field(1, name), field(8, packed), vec![0xa0, 1, 7]].concat()));
    }
    let roots: Vec<u8> = (0..trees).map(|tree| 2 * tree).collect();
    node.extend(field(5, [field(1, "tree_roots"), field(8, roots), vec![0xa0, 1, 7]].concat()));
    let doubles = |count: u8| -> Vec<u8> {
        (0..count).flat_map(|one| (f64::from(one) - 1.5).to_le_bytes()).collect()
    };
    let tensors = [
        ("nodes_splits", 11, 2 * trees, doubles(2 * trees)),
        ("nodes_modes", 2, 2 * trees, vec![0; 2 * usize::from(trees)]),
        ("leaf_weights", 11, 3 * trees, doubles(3 * trees)),
    ];
    for (name, element, len, raw) in tensors {
        let tensor = [vec![0x08, len, 0x10, element], field(9, raw)].concat();
        node.extend(field(5, [field(1, name), field(5, tensor), vec![0xa0, 1, 4]].concat()));
    }
    node.extend(field(7, "ai.onnx.ml"));
    let info = |name, width| {
        let shape = [field(1, field(2, "N")), field(1, [0x08, width])].concat();
        [field(1, name), field(2, field(1, [vec![0x08, 11], field(2, shape)].concat()))].concat()
    };
    let graph = [field(1, node), field(11, info("x", 2)), field(12, info("y", 1))].concat();
    let opset = [field(1, "ai.onnx.ml"), vec![0x10, 5]].concat();
    let entry = [field(1, "feature_names"), field(2, "[\"a\", \"b\"]")].concat();
    [vec![0x08, 10], field(8, opset), field(7, graph), field(14, entry)].concat()
}
