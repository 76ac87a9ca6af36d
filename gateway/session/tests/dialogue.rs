//! An acceptor and an initiator talk to each other over byte vectors. Connections break in the
//! middle of messages; in the end the numbers are equal and everything was delivered once.

mod harness;

use harness::{SECOND, START, next_message};
use touchline_fix::{Fields, Message, tags};
use touchline_session::{MemoryStore, Numbers, Outbox, Session, SessionConfig, SessionId, Turn};

struct Side {
    session: Session,
    store: MemoryStore,
    outbox: Outbox,
    /// Bytes on the way to this side.
    incoming: Vec<u8>,
    delivered: Vec<u64>,
    sent: u64,
}

impl Side {
    fn new(config: SessionConfig) -> Self {
        Self {
            session: Session::new(config, Numbers::default()).unwrap(),
            store: MemoryStore::new(),
            outbox: Outbox::new(),
            incoming: Vec::new(),
            delivered: Vec::new(),
            sent: 0,
        }
    }

    fn turn(&mut self, now_ns: u64) -> (&mut Session, Turn<'_, MemoryStore, Outbox>) {
        let turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
        (&mut self.session, turn)
    }

    fn send_next(&mut self, now: u64) {
        self.sent += 1;
        let order = self.sent;
        let (session, mut turn) = self.turn(now);
        session
            .send_app(b"D", &mut turn, |writer| {
                writer.u64(tags::CL_ORD_ID, order);
            })
            .unwrap();
    }

    fn work(&mut self, now: u64) -> bool {
        let mut fields = Fields::new();
        let mut kept = Vec::new();
        let mut any = false;
        while let Some(bytes) = next_message(&mut self.incoming) {
            any = true;
            let mut next = Some(&bytes[..]);
            while let Some(bytes) = next {
                let message = Message::parse(bytes, &mut fields).unwrap();
                let (session, mut turn) = self.turn(now);
                if session.on_message(&message, &mut turn).is_some() {
                    assert_ne!(message.msg_type(), b"3", "nothing here deserves a Reject");
                    self.delivered.push(message.require_u64(tags::CL_ORD_ID).unwrap());
                }
                next = self.session.next_kept(&mut self.store, &mut kept).then_some(&kept[..]);
            }
        }
        let (session, mut turn) = self.turn(now);
        any | (session.replay(3, &mut turn) > 0)
    }
}

/// SplitMix64, seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Moves up to `limit` bytes from one side's outbox to the other's input.
fn carry(from: &mut Side, to: &mut Side, limit: usize) {
    let len = from.outbox.bytes.len().min(limit);
    to.incoming.extend(from.outbox.bytes.drain(..len));
}

fn connect(member: &mut Side, venue: &mut Side, now: u64) {
    for side in [venue, member] {
        let (session, mut turn) = side.turn(now);
        session.on_connect(&mut turn);
    }
}

fn lose_connection(member: &mut Side, venue: &mut Side) {
    for side in [member, venue] {
        side.session.on_disconnect(&mut side.outbox);
        side.outbox.clear();
        side.incoming.clear();
    }
}

fn settle(member: &mut Side, venue: &mut Side, now: u64) {
    for _ in 0..100_000 {
        carry(member, venue, usize::MAX);
        carry(venue, member, usize::MAX);
        let busy = member.work(now) | venue.work(now);
        let in_flight = !member.outbox.bytes.is_empty() || !venue.outbox.bytes.is_empty();
        if !busy && !in_flight {
            return;
        }
    }
    panic!("the two never came to rest");
}

/// Returns how often a gap was asked for, a message was sent again and a live one kept above a gap.
fn run(seed: u64) -> [u64; 3] {
    let id = SessionId::new("M1", "TL").unwrap();
    let mut member = Side::new(SessionConfig::initiator(id.clone(), 30));
    let mut venue = Side::new(SessionConfig::acceptor(id.reversed()));
    let mut random = Random(seed);
    let mut now = START;
    for _ in 0..12 {
        connect(&mut member, &mut venue, now);
        for _ in 0..random.below(120) {
            now += random.below(SECOND / 10);
            match random.below(6) {
                0 => member.send_next(now),
                1 => venue.send_next(now),
                2 => carry(&mut member, &mut venue, random.below(300) as usize),
                3 => carry(&mut venue, &mut member, random.below(300) as usize),
                4 => _ = member.work(now),
                _ => _ = venue.work(now),
            }
            assert_eq!(member.outbox.disconnect, None, "seed {seed}");
            assert_eq!(venue.outbox.disconnect, None, "seed {seed}");
        }
        lose_connection(&mut member, &mut venue);
        member.send_next(now);
        venue.send_next(now);
    }
    connect(&mut member, &mut venue, now);
    settle(&mut member, &mut venue, now);
    assert!(member.session.is_logged_on() && venue.session.is_logged_on(), "seed {seed}");
    // A heartbeat each shows a gap that nothing else has shown yet.
    now += 31 * SECOND;
    for side in [&mut member, &mut venue] {
        let (session, mut turn) = side.turn(now);
        session.on_timer(&mut turn);
    }
    settle(&mut member, &mut venue, now);

    let (ours, theirs) = (member.session.numbers(), venue.session.numbers());
    assert_eq!(ours.next_outbound, theirs.next_inbound, "seed {seed}");
    assert_eq!(ours.next_inbound, theirs.next_outbound, "seed {seed}");
    assert_eq!(venue.delivered, (1..=member.sent).collect::<Vec<_>>(), "seed {seed}");
    assert_eq!(member.delivered, (1..=venue.sent).collect::<Vec<_>>(), "seed {seed}");
    assert!(member.sent > 12 && venue.sent > 12);
    let (ours, theirs) = (member.session.counters(), venue.session.counters());
    [
        ours.resend_requests + theirs.resend_requests,
        ours.replayed + theirs.replayed,
        ours.kept + theirs.kept,
    ]
}

#[test]
fn over_lost_connections_everything_is_delivered_exactly_once_and_in_order() {
    let mut seen = [0; 3];
    for seed in 1..=300 {
        for (total, count) in seen.iter_mut().zip(run(seed)) {
            *total += count;
        }
    }
    assert!(seen.iter().all(|total| *total > 1000), "the runs tested little: {seen:?}");
}

#[test]
fn a_restarted_session_goes_on_with_restored_numbers() {
    let id = SessionId::new("M1", "TL").unwrap();
    let mut member = Side::new(SessionConfig::initiator(id.clone(), 30));
    let mut venue = Side::new(SessionConfig::acceptor(id.reversed()));
    connect(&mut member, &mut venue, START);
    settle(&mut member, &mut venue, START);
    for _ in 0..5 {
        member.send_next(START);
        venue.send_next(START);
    }
    carry(&mut member, &mut venue, 400);
    venue.work(START);
    lose_connection(&mut member, &mut venue);

    // The venue died; its orders were durable up to an earlier number than it had taken in.
    let taken_in = venue.store.next_inbound();
    assert!(taken_in > 3);
    let numbers = Numbers { next_inbound: 3, next_outbound: venue.store.next_outbound() };
    venue.session = Session::new(SessionConfig::acceptor(id.reversed()), numbers).unwrap();
    venue.delivered.truncate(1);

    connect(&mut member, &mut venue, START);
    settle(&mut member, &mut venue, START);
    assert_eq!(venue.delivered, [1, 2, 3, 4, 5]);
    assert_eq!(member.delivered, [1, 2, 3, 4, 5]);
}
