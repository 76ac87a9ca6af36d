//! A venue without engine and network: the real matcher and the real publisher, lines in memory, a
//! clock that stands still between steps, and faults on the way to a subscriber. One seed, one run.
#![allow(dead_code, unreachable_pub)]

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use touchline_config::Venue;
use touchline_feed_codec::{ChannelKind, Line, read_packet};
use touchline_history::{HistoryError, matcher_of};
use touchline_matcher::OwnedMatcher;
use touchline_publisher::{Engine, EngineRing, Lines, Parts, Past, Publisher, PublisherError};
use touchline_ring::{BroadcastConsumer, BroadcastProducer, broadcast, layout};
use touchline_subscriber::{
    Book, BookListener, BookState, Side, Subscriber, SubscriberConfig, TradingPhase,
};
use touchline_sys::{Agent, SysError};
use touchline_types::{
    Command, CommandKind, Event, EventFlags, OrdType, PublicRecord, TimeInForce, public_of,
};

pub const MS: u64 = 1_000_000;

/// Seeds of a test: `count`, or as many as `TOUCHLINE_SEEDS` says.
pub fn seeds(count: u64) -> std::ops::RangeInclusive<u64> {
    let asked = std::env::var("TOUCHLINE_SEEDS").ok().and_then(|text| text.parse().ok());
    1..=asked.unwrap_or(count)
}

/// xorshift64*: enough for faults, the same on every machine.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True `per_mille` times in a thousand.
    pub fn hits(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }
}

/// What the publisher's lines share with the test.
#[derive(Debug, Default)]
pub struct Net {
    pub now_ns: u64,
    pub sent: VecDeque<(Line, Vec<u8>)>,
    /// Lines whose buffers are full.
    pub full: HashSet<Line>,
    /// Lines that fail.
    pub broken: HashSet<Line>,
}

#[derive(Clone, Debug, Default)]
pub struct TestLines(pub Rc<RefCell<Net>>);

impl Lines for TestLines {
    fn send(&mut self, line: Line, packet: &[u8]) -> Result<bool, SysError> {
        let mut net = self.0.borrow_mut();
        if net.broken.contains(&line) {
            let errno = touchline_sys::Errno::NETUNREACH;
            return Err(SysError { call: "send", on: line.name().into(), errno });
        }
        let taken = !net.full.contains(&line);
        if taken {
            net.sent.push_back((line, packet.to_vec()));
        }
        Ok(taken)
    }

    fn has(&self, line: Line) -> bool {
        !line.is_b() || line.channel() == ChannelKind::Incremental
    }

    fn now_ns(&self) -> u64 {
        self.0.borrow().now_ns
    }
}

/// The journal: all commands so far, of which `durable` can be read.
#[derive(Debug, Default)]
pub struct Journal {
    pub commands: Vec<Command>,
    pub durable: usize,
}

pub struct TestPast {
    pub journal: Rc<RefCell<Journal>>,
    venue: Venue,
    replayed: Option<(OwnedMatcher, usize)>,
}

impl TestPast {
    pub fn new(venue: &Venue, journal: &Rc<RefCell<Journal>>) -> Self {
        Self { journal: Rc::clone(journal), venue: venue.clone(), replayed: None }
    }
}

impl Past for TestPast {
    fn advance(&mut self, take: &mut dyn FnMut(&Command, &[Event])) -> Result<u64, HistoryError> {
        let (mut matcher, mut at) = match self.replayed.take() {
            Some(replayed) => replayed,
            None => (matcher_of(&self.venue)?, 0),
        };
        let journal = self.journal.borrow();
        while at < journal.durable {
            let mut events = Vec::new();
            matcher.apply(&journal.commands[at], &mut |event: &Event| events.push(*event));
            take(&journal.commands[at], &events);
            at += 1;
        }
        let last_seq = matcher.last_seq();
        self.replayed = Some((matcher, at));
        Ok(last_seq)
    }

    fn forget(&mut self) {
        self.replayed = None;
    }
}

/// An engine that never restarts, and has released all that is in the journal.
pub struct TestEngine(pub Rc<RefCell<Journal>>);

impl Engine<RingMemory> for TestEngine {
    fn durable(&self) -> u64 {
        self.0.borrow().durable as u64
    }

    fn sequenced(&self) -> u64 {
        self.0.borrow().commands.len() as u64
    }

    fn next_ring(&mut self) -> Result<Option<EngineRing<RingMemory>>, PublisherError> {
        Ok(None)
    }
}

/// A level as everybody counts it: side, price, quantity, orders.
pub type Row = (Side, i64, u64, u32);
pub type RingMemory = Arc<Vec<AtomicU64>>;
pub type TestPublisher = Publisher<RingMemory, TestLines, TestPast>;

pub struct World {
    pub venue: Venue,
    pub matcher: OwnedMatcher,
    pub journal: Rc<RefCell<Journal>>,
    pub memory: RingMemory,
    pub ring: BroadcastProducer<PublicRecord, RingMemory>,
    pub publisher: TestPublisher,
    pub net: Rc<RefCell<Net>>,
    pub noise: Noise,
    /// Levels of an instrument after a match event.
    pub truth: HashMap<(u32, u64), Vec<Row>>,
    cl_ord_ids: Vec<(u32, [u8; 20])>,
    made: u64,
}

pub const INSTRUMENTS: u32 = 3;

pub fn venue(ring_records: usize) -> Venue {
    let mut text = format!(
        "[venue]\nname = \"test\"\n[engine]\nring_records = {ring_records}\n\
         max_open_orders = 20000\nmax_levels = 512\nmax_cl_ord_ids = 200000\n\
         [marketdata]\nheartbeat_ms = 10\nsnapshot_cycle_ms = 20\ndefinition_cycle_ms = 20\n\
         snapshot_packets_per_ms = 4\n"
    );
    for at in 1..=INSTRUMENTS {
        text += &format!(
            "[[instrument]]\nsymbol = \"I{at}\"\nprice_increment = \"0.25\"\nmin_price = \"1\"\n\
             max_price = \"100\"\nphase = \"continuous\"\n"
        );
    }
    text += "[[member]]\nname = \"m\"\nsessions = [\"M1\"]\n";
    Venue::parse(&text, Path::new("/nowhere")).unwrap()
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::with_ring(seed, 1 << 12)
    }

    pub fn with_ring(seed: u64, ring_records: usize) -> Self {
        let venue = venue(ring_records);
        let words = layout::ring_bytes(ring_records, PublicRecord::BYTES) / 8;
        let memory: RingMemory = Arc::new((0..words).map(|_| AtomicU64::new(0)).collect());
        broadcast::create::<PublicRecord>(&memory, ring_records).unwrap();
        let journal = Rc::default();
        let net: Rc<RefCell<Net>> = Rc::default();
        net.borrow_mut().now_ns = 1_000 * MS;
        Self {
            matcher: matcher_of(&venue).unwrap(),
            ring: BroadcastProducer::attach(Arc::clone(&memory)).unwrap(),
            publisher: publisher(&venue, &memory, &journal, &net, None),
            venue,
            journal,
            memory,
            net,
            noise: Noise::new(seed),
            truth: HashMap::new(),
            cl_ord_ids: Vec::new(),
            made: 0,
        }
    }

    /// Another publisher in the place of this one, as after a restart.
    pub fn restart_publisher(&mut self) {
        self.publisher = publisher(&self.venue, &self.memory, &self.journal, &self.net, None);
    }

    /// As [`restart_publisher`](Self::restart_publisher), with an engine that says how far it is.
    pub fn restart_publisher_beside_engine(&mut self) {
        let engine = Box::new(TestEngine(Rc::clone(&self.journal)));
        let (memory, journal) = (&self.memory, &self.journal);
        self.publisher = publisher(&self.venue, memory, journal, &self.net, Some(engine));
    }

    pub fn now_ns(&self) -> u64 {
        self.net.borrow().now_ns
    }

    pub fn pass(&mut self, ns: u64) {
        self.net.borrow_mut().now_ns += ns;
    }

    /// Sequences a command: journal, matcher, ring.
    pub fn sequence(&mut self, mut command: Command) {
        command.seq = self.matcher.last_seq() + 1;
        command.timestamp = self.now_ns() + command.seq;
        if command.kind != CommandKind::ChangePhase {
            (command.member_id, command.session_id) = (1, 1);
        }
        let mut journal = self.journal.borrow_mut();
        journal.commands.push(command);
        journal.durable = journal.commands.len();
        drop(journal);
        let mut events = Vec::new();
        self.matcher.apply(&command, &mut |event: &Event| events.push(*event));
        let mut records: Vec<_> = events.iter().filter_map(public_of).collect();
        if let Some(last) = records.last_mut() {
            last.flags = last.flags.with(EventFlags::END_OF_EVENT);
            let key = (last.instrument_id, command.seq);
            self.truth.insert(key, rows_of_matcher(&self.matcher, last.instrument_id));
        }
        for mut record in records {
            (record.matched_time, record.released_time) = (self.now_ns(), self.now_ns());
            self.ring.push(&record);
        }
        self.ring.flush(|_| {});
    }

    pub fn phase(&mut self, instrument_id: u32, phase: TradingPhase) {
        let mut command = Command::of(CommandKind::ChangePhase);
        (command.instrument_id, command.phase) = (instrument_id, phase);
        self.sequence(command);
    }

    pub fn limit(&mut self, instrument_id: u32, side: Side, price: i64, order_qty: u64) {
        let mut command = Command::of(CommandKind::NewOrder);
        command.cl_ord_id = self.name();
        (command.instrument_id, command.side) = (instrument_id, side);
        (command.ord_type, command.price, command.order_qty) = (OrdType::Limit, price, order_qty);
        self.cl_ord_ids.push((instrument_id, command.cl_ord_id));
        self.sequence(command);
    }

    fn name(&mut self) -> [u8; 20] {
        self.made += 1;
        touchline_types::parse_cl_ord_id(self.made.to_string().as_bytes()).unwrap()
    }

    /// A command as it may come, sense or not.
    pub fn random(&mut self) {
        let instrument_id = 1 + self.noise.below(u64::from(INSTRUMENTS)) as u32;
        let side = if self.noise.hits(500) { Side::Buy } else { Side::Sell };
        let lean = if side == Side::Buy { 0 } else { 8 };
        let price = 150 + lean + self.noise.below(20) as i64;
        let order_qty = 1 + self.noise.below(20);
        match self.noise.below(100) {
            0 => {
                let phases = [TradingPhase::Call, TradingPhase::Continuous, TradingPhase::Halt];
                let phase = phases[self.noise.below(3) as usize];
                self.phase(instrument_id, phase);
            }
            1..=4 => self.phase(instrument_id, TradingPhase::Continuous),
            5..=44 => self.limit(instrument_id, side, price, order_qty),
            45..=49 => {
                let mut command = Command::of(CommandKind::NewOrder);
                command.cl_ord_id = self.name();
                (command.instrument_id, command.side) = (instrument_id, side);
                command.ord_type = OrdType::Market;
                command.time_in_force = TimeInForce::ImmediateOrCancel;
                command.order_qty = order_qty * 3;
                self.sequence(command);
            }
            kind if !self.cl_ord_ids.is_empty() => {
                let at = self.noise.below(self.cl_ord_ids.len() as u64) as usize;
                let (instrument_id, orig_cl_ord_id) = self.cl_ord_ids.swap_remove(at);
                let replace = kind < 75;
                let mut command = Command::of(if replace {
                    CommandKind::ReplaceOrder
                } else {
                    CommandKind::CancelOrder
                });
                command.cl_ord_id = self.name();
                command.orig_cl_ord_id = orig_cl_ord_id;
                command.instrument_id = instrument_id;
                let original = self
                    .matcher
                    .orders(instrument_id, Side::Buy)
                    .chain(self.matcher.orders(instrument_id, Side::Sell))
                    .find(|order| order.cl_ord_id == orig_cl_ord_id);
                if let Some(order) = original {
                    command.side = order.side;
                    if replace {
                        command.ord_type = OrdType::Limit;
                        let keeps = self.noise.hits(500);
                        command.price = if keeps { order.price } else { price };
                        command.order_qty = order_qty;
                        self.cl_ord_ids.push((instrument_id, command.cl_ord_id));
                    }
                    self.sequence(command);
                }
            }
            _ => {}
        }
    }

    /// Lets the publisher do all that is due now.
    pub fn publish(&mut self) {
        let now_ns = self.now_ns();
        while self.publisher.do_work(now_ns).unwrap() > 0 {}
    }

    /// What the publisher has sent since the last time.
    pub fn sent(&mut self) -> Vec<(Line, Vec<u8>)> {
        self.net.borrow_mut().sent.drain(..).collect()
    }
}

pub fn publisher(
    venue: &Venue,
    memory: &RingMemory,
    journal: &Rc<RefCell<Journal>>,
    net: &Rc<RefCell<Net>>,
    engine: Option<Box<dyn Engine<RingMemory>>>,
) -> TestPublisher {
    let ring = BroadcastConsumer::attach(Arc::clone(memory), 0).unwrap();
    let lines = TestLines(Rc::clone(net));
    let past = TestPast::new(venue, journal);
    Publisher::new(venue, Parts { ring, bell: None, lines, past, engine })
}

pub fn rows_of_matcher(matcher: &OwnedMatcher, instrument_id: u32) -> Vec<Row> {
    let side = |side| {
        matcher
            .levels(instrument_id, side)
            .map(move |level| (side, level.price, level.qty, level.orders))
    };
    side(Side::Buy).chain(side(Side::Sell)).collect()
}

pub fn rows_of_book(book: &Book) -> Vec<Row> {
    let side = |side| {
        book.levels(side).map(move |level| (side, level.price, level.qty, level.order_count))
    };
    side(Side::Buy).chain(side(Side::Sell)).collect()
}

/// Compares the book with the truth at each end of a match event.
#[derive(Debug, Default)]
pub struct Check {
    pub truth: HashMap<(u32, u64), Vec<Row>>,
    pub events: u64,
    pub snapshots: u64,
    pub trades: u64,
    pub sessions: Vec<u64>,
    pub ended: Vec<u64>,
    pub states: Vec<(u32, BookState)>,
    pub definitions: Vec<u32>,
    /// Levels by the changes alone; cleared by a snapshot.
    pub levels: HashMap<(u32, Side, i64), (u64, u32)>,
}

impl Check {
    fn compare(&self, instrument_id: u32, seq: u64, book: &Book) {
        let empty = Vec::new();
        let truth = self.truth.get(&(instrument_id, seq)).unwrap_or(&empty);
        assert_eq!(&rows_of_book(book), truth, "instrument {instrument_id} after seq {seq}");
    }
}

impl BookListener for Check {
    fn level_changed(
        &mut self,
        instrument_id: u32,
        side: Side,
        level: touchline_subscriber::Level,
    ) {
        let key = (instrument_id, side, level.price);
        if level.order_count == 0 {
            self.levels.remove(&key);
        } else {
            self.levels.insert(key, (level.qty, level.order_count));
        }
    }

    fn trade(&mut self, _: u32, _: &touchline_subscriber::Trade) {
        self.trades += 1;
    }

    fn end_of_event(&mut self, instrument_id: u32, seq: u64, book: &Book) {
        self.events += 1;
        self.compare(instrument_id, seq, book);
        // What the changes of levels said makes the same book.
        let mine = self.levels.keys().filter(|(id, ..)| *id == instrument_id).count();
        assert_eq!(mine, rows_of_book(book).len());
        for (side, price, qty, count) in rows_of_book(book) {
            assert_eq!(self.levels.get(&(instrument_id, side, price)), Some(&(qty, count)));
        }
    }

    fn snapshot(&mut self, instrument_id: u32, seq: u64, book: &Book) {
        self.snapshots += 1;
        self.compare(instrument_id, seq, book);
        self.levels.retain(|(id, ..), _| *id != instrument_id);
        for (side, price, qty, count) in rows_of_book(book) {
            self.levels.insert((instrument_id, side, price), (qty, count));
        }
    }

    fn state(&mut self, instrument_id: u32, state: BookState) {
        self.states.push((instrument_id, state));
    }

    fn definition(&mut self, definition: &touchline_subscriber::SecurityDefinition) {
        self.definitions.push(definition.instrument_id);
    }

    fn session(&mut self, session: u64) {
        self.sessions.push(session);
    }

    fn end_of_session(&mut self, session: u64) {
        self.ended.push(session);
    }
}

/// What goes wrong between the publisher and a subscriber, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A packet is lost on one line.
    pub lose: u64,
    /// A packet is lost on every line of its channel.
    pub lose_both: u64,
    pub duplicate: u64,
    /// A packet comes up to eight packets later.
    pub delay: u64,
    /// A bit of a packet is turned over.
    pub damage: u64,
    /// A line that brings nothing.
    pub dead: Option<Line>,
}

/// A subscriber at the end of lines with faults.
pub struct Listener {
    pub subscriber: Subscriber,
    pub check: Check,
    pub faults: Faults,
    noise: Noise,
    seed: u64,
    delayed: Vec<(u64, Line, Vec<u8>)>,
}

impl Listener {
    pub fn new(world: &World, seed: u64, faults: Faults) -> Self {
        Self {
            subscriber: Subscriber::new(SubscriberConfig::of(&world.venue.marketdata)),
            check: Check::default(),
            faults,
            noise: Noise::new(seed ^ 0x5151),
            seed,
            delayed: Vec::new(),
        }
    }

    /// Takes packets as the faults let them through.
    pub fn hear(&mut self, world: &World, packets: &[(Line, Vec<u8>)]) {
        self.check.truth.clone_from(&world.truth);
        let now_ns = world.now_ns();
        for (line, packet) in packets {
            for each in &mut self.delayed {
                each.0 = each.0.saturating_sub(1);
            }
            while let Some(at) = self.delayed.iter().position(|each| each.0 == 0) {
                let (_, line, packet) = self.delayed.swap_remove(at);
                self.subscriber.on_packet(line, &packet, now_ns, &mut self.check);
            }
            self.hear_one(*line, packet, now_ns);
        }
        self.subscriber.on_timer(now_ns, &mut self.check);
    }

    fn hear_one(&mut self, line: Line, packet: &[u8], now_ns: u64) {
        let faults = self.faults;
        let sequence = read_packet(packet).unwrap().0.sequence;
        let fate = Noise::new(self.seed ^ (sequence << 8) ^ line.channel() as u64).below(1_000);
        if faults.dead == Some(line) || fate < faults.lose_both || self.noise.hits(faults.lose) {
            return;
        }
        let mut packet = packet.to_vec();
        if self.noise.hits(faults.damage) {
            // The place of the header's count: UDP's own checksum finds nearly all others.
            packet[34] ^= 1 << self.noise.below(7);
        }
        let copies = 1 + u64::from(self.noise.hits(faults.duplicate));
        for _ in 0..copies {
            if self.noise.hits(faults.delay) {
                self.delayed.push((1 + self.noise.below(8), line, packet.clone()));
            } else {
                self.subscriber.on_packet(line, &packet, now_ns, &mut self.check);
            }
        }
    }

    /// Every book is live, and the same as the matcher's, queues included.
    pub fn assert_equal(&self, world: &World) {
        let subscriber = &self.subscriber;
        assert!(subscriber.is_live(), "not live: {}", subscriber.stats_json());
        assert_eq!(subscriber.counters().gaps_unrecovered(), 0);
        for instrument_id in 1..=INSTRUMENTS {
            let book = subscriber.book(instrument_id).unwrap();
            assert_eq!(rows_of_book(book), rows_of_matcher(&world.matcher, instrument_id));
            assert_eq!(Some(book.phase()), world.matcher.phase(instrument_id));
            assert_eq!(book.last_px(), world.matcher.last_px(instrument_id));
            let mut published = world.publisher.orders(instrument_id);
            for side in [Side::Buy, Side::Sell] {
                let queues = book
                    .levels(side)
                    .flat_map(|level| book.orders(side, level.price))
                    .map(|order| (order.order_id, order.qty, order.priority));
                let theirs = world
                    .matcher
                    .orders(instrument_id, side)
                    .map(|order| (order.order_id, order.leaves_qty, order.priority));
                for (ours, theirs) in queues.zip(theirs) {
                    assert_eq!(ours, theirs);
                    let order = published.next().unwrap();
                    assert_eq!((order.order_id, order.qty, order.priority), theirs);
                }
            }
            assert!(published.next().is_none());
        }
    }
}

/// Runs `commands` random commands past `listener`, then a quiet time without faults.
pub fn run(world: &mut World, listener: &mut Listener, commands: usize) {
    for _ in 0..commands {
        for _ in 0..=world.noise.below(4) {
            world.random();
        }
        let step_ns = world.noise.below(200_000);
        world.pass(step_ns);
        world.publish();
        let packets = world.sent();
        listener.hear(world, &packets);
    }
    listener.faults = Faults::default();
    calm(world, listener, 100);
}

/// Lets `ms` milliseconds pass without commands.
pub fn calm(world: &mut World, listener: &mut Listener, ms: u64) {
    for _ in 0..ms {
        world.pass(MS);
        world.publish();
        let packets = world.sent();
        listener.hear(world, &packets);
    }
}
