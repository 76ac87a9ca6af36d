//! One session under test with its store, its clock and everything it did, in readable text.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use touchline_fix::{Fields, Frame, Framer, Message};
use touchline_session::{
    Action, Actions, Delivery, DisconnectReason, MemoryStore, MessageStore, Numbers, Session,
    SessionConfig, SessionId, Turn,
};

pub const SECOND: u64 = 1_000_000_000;
/// 2026-01-05 09:30:00 UTC.
pub const START: u64 = 1_767_605_400 * SECOND;

/// Everything a session did, in order: messages as `35=0|34=2|...` (without 8, 9, 49, 56, 52, 10).
#[derive(Debug, Default)]
pub struct Log(pub Vec<String>);

impl Actions for Log {
    fn push(&mut self, action: Action<'_>) {
        self.0.push(match action {
            Action::Send { msg_seq_num, bytes, .. } => {
                let text = readable(bytes);
                assert!(text.contains(&format!("|34={msg_seq_num}|")), "{text}");
                text
            }
            Action::LoggedOn => "logged on".to_owned(),
            Action::LoggedOut => "logged out".to_owned(),
            Action::Disconnect(reason) => format!("disconnect: {reason}"),
        });
    }
}

/// The fields of a message that a test looks at.
pub fn readable(bytes: &[u8]) -> String {
    let mut fields = Fields::new();
    let message = Message::parse(bytes, &mut fields).expect("the session writes whole messages");
    assert_eq!(message.fault(), None);
    message
        .iter()
        .filter(|(tag, _)| ![8, 9, 49, 52, 56].contains(tag))
        .map(|(tag, value)| format!("{tag}={}|", String::from_utf8_lossy(value)))
        .collect()
}

/// A session, seen from the other end of its connection.
pub struct Bench {
    pub session: Session,
    pub store: MemoryStore,
    pub log: Log,
    pub now: u64,
}

impl Bench {
    pub fn new(config: SessionConfig, numbers: Numbers) -> Self {
        let mut store = MemoryStore::new();
        store.set_next_inbound(numbers.next_inbound);
        let session = Session::new(config, numbers).unwrap();
        Self { session, store, log: Log::default(), now: START }
    }

    /// A connected acceptor.
    pub fn acceptor(numbers: Numbers) -> Self {
        let id = SessionId::new("TL", "M1").unwrap();
        let mut bench = Self::new(SessionConfig::acceptor(id), numbers);
        bench.connect();
        bench
    }

    /// A connected initiator, its Logon taken out of the log.
    pub fn initiator(numbers: Numbers) -> Self {
        let id = SessionId::new("TL", "M1").unwrap();
        let mut bench = Self::new(SessionConfig::initiator(id, 30), numbers);
        bench.connect();
        bench
    }

    /// An acceptor after its Logon: expects 2, sends 2 next, log empty.
    pub fn logged_on() -> Self {
        let mut bench = Self::acceptor(Numbers::default());
        bench.receive("35=A|34=1|98=0|108=30|");
        assert_eq!(bench.take(), ["35=A|34=1|98=0|108=30|", "logged on"]);
        bench
    }

    pub fn turn(&mut self) -> (&mut Session, Turn<'_, MemoryStore, Log>) {
        let turn = Turn { now_ns: self.now, store: &mut self.store, actions: &mut self.log };
        (&mut self.session, turn)
    }

    pub fn connect(&mut self) {
        let (session, mut turn) = self.turn();
        session.on_connect(&mut turn);
    }

    /// Receives a message, as [`encode`] makes it, and everything that was kept and is due after
    /// it. Returns the numbers delivered to the application.
    pub fn receive(&mut self, text: &str) -> Vec<u64> {
        let bytes = encode(text, self.now);
        self.receive_bytes(&bytes).iter().map(|delivery| delivery.msg_seq_num).collect()
    }

    pub fn receive_bytes(&mut self, bytes: &[u8]) -> Vec<Delivery> {
        let mut delivered = Vec::new();
        let mut fields = Fields::new();
        let mut kept = Vec::new();
        let mut next = Some(bytes);
        while let Some(bytes) = next {
            let (session, mut turn) = self.turn();
            match Message::parse(bytes, &mut fields) {
                Ok(message) => delivered.extend(session.on_message(&message, &mut turn)),
                Err(garbled) => session.on_garbled(garbled, &mut turn),
            }
            next = session.next_kept(turn.store, &mut kept).then_some(&kept[..]);
        }
        delivered
    }

    pub fn wait(&mut self, ns: u64) {
        self.now += ns;
        let (session, mut turn) = self.turn();
        session.on_timer(&mut turn);
    }

    pub fn replay(&mut self, budget: usize) -> usize {
        let (session, mut turn) = self.turn();
        session.replay(budget, &mut turn)
    }

    pub fn send_app(&mut self, text: &str) -> u64 {
        let (session, mut turn) = self.turn();
        session
            .send_app(b"8", &mut turn, |writer| {
                writer.text(58, text);
            })
            .unwrap()
    }

    pub fn logout(&mut self) {
        let (session, mut turn) = self.turn();
        session.logout(None, &mut turn);
    }

    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.0)
    }

    pub fn expected(&self) -> u64 {
        assert_eq!(self.store.next_inbound(), self.session.numbers().next_inbound);
        self.session.numbers().next_inbound
    }
}

/// A message from `M1` to `TL` sent at `now`: `text` starts with 35 and 34; 49, 52 and 56 follow
/// them unless `text` has its own.
pub fn encode(text: &str, now: u64) -> Vec<u8> {
    let mut time = touchline_fix::TimestampText::new(touchline_fix::Precision::Milliseconds);
    let time = String::from_utf8(time.format(now).to_vec()).unwrap();
    let (head, rest) = match text.find("|34=") {
        Some(at) => {
            let end = at + 1 + text[at + 1..].find('|').unwrap() + 1;
            text.split_at(end)
        }
        None => text.split_at(text.find('|').unwrap() + 1),
    };
    let mut body = head.to_owned();
    for (tag, value) in [("49", "M1"), ("56", "TL"), ("52", &time)] {
        let own = format!("|{tag}=");
        if !format!("|{rest}").contains(&own) {
            body.push_str(&format!("{tag}={value}|"));
        }
    }
    body.push_str(rest);
    frame("FIX.4.4", &body)
}

pub fn frame(begin_string: &str, body: &str) -> Vec<u8> {
    let body = body.replace('|', "\x01");
    let mut bytes = format!("8={begin_string}\x019={}\x01{body}", body.len()).into_bytes();
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    bytes
}

/// Takes whole messages off the front of a stream.
pub fn next_message(stream: &mut Vec<u8>) -> Option<Vec<u8>> {
    match Framer::new(4096).next(stream) {
        Frame::Message { len_bytes } => Some(stream.drain(..len_bytes).collect()),
        Frame::Incomplete { .. } => None,
        other => panic!("{other:?}"),
    }
}

pub fn disconnect(reason: DisconnectReason) -> String {
    format!("disconnect: {reason}")
}
