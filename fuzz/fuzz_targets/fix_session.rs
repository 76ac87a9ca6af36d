//! FIX session: whatever a counterparty sends, and however long it waits, the session stays sound.
//!
//! Input: lines. The first byte of a line says what happens; `|` is SOH and `#` the expected
//! number:
//!
//! ```text
//! m35=D|34=#|58=x|   a message with right framing; 49, 56, 52 are put in    w35=..  without them
//! g...               garbled bytes                t30    30 s pass          l       our Logout
//! a                  the application sends        p      some replay        d       disconnected
//! c                  connected
//! ```
//!
//! The first line is `i` for an initiator, else an acceptor is tested.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_fix::{Fields, Garbled, Message, Precision, TimestampText, msg_type, tags};
use touchline_fuzz::frame;
use touchline_session::{
    Action, Actions, MemoryStore, Numbers, Session, SessionConfig, SessionId, Turn,
};

const SECOND: u64 = 1_000_000_000;
/// 2026-01-05 09:30:00 UTC.
const START: u64 = 1_767_605_400 * SECOND;
/// Nothing that a test sends is answered with more than this at once, but a replay.
const ANSWERS_MAX: u64 = 8;

/// Looks at everything that the session does.
#[derive(Default)]
struct Watch {
    is_up: bool,
    closed: bool,
    answers: u64,
    next_out: u64,
}

impl Actions for Watch {
    fn push(&mut self, action: Action<'_>) {
        match action {
            Action::Send { msg_seq_num, is_replay, bytes } => {
                assert!(!self.closed, "something is sent after the end");
                self.sent(msg_seq_num, is_replay, bytes);
            }
            Action::LoggedOn => {
                assert!(!self.is_up);
                self.is_up = true;
            }
            Action::LoggedOut => {
                assert!(self.is_up);
                self.is_up = false;
            }
            Action::Disconnect(reason) => {
                assert!(!self.closed && !reason.to_string().is_empty());
                self.closed = true;
            }
        }
    }
}

impl Watch {
    fn sent(&mut self, msg_seq_num: u64, is_replay: bool, bytes: &[u8]) {
        let mut fields = Fields::new();
        let message = match Message::parse(bytes, &mut fields) {
            Ok(message) => message,
            Err(garbled) => panic!("the session sends garbled bytes: {garbled}"),
        };
        assert_eq!(message.fault(), None, "{}", String::from_utf8_lossy(bytes));
        assert_eq!(message.u64(tags::MSG_SEQ_NUM), Ok(Some(msg_seq_num)));
        if is_replay {
            assert_eq!(message.boolean(tags::POSS_DUP_FLAG), Ok(Some(true)));
            return;
        }
        self.answers += 1;
        let is_reset = message.boolean(tags::RESET_SEQ_NUM_FLAG) == Ok(Some(true));
        if is_reset && msg_seq_num == 1 {
            self.next_out = 1;
        }
        // What the application sent without a connection is a hole here, for the peer to ask for.
        assert!(msg_seq_num >= self.next_out, "a number is used twice");
        self.next_out = msg_seq_num + 1;
    }
}

struct Bench {
    session: Session,
    store: MemoryStore,
    watch: Watch,
    now_ns: u64,
}

impl Bench {
    fn new(is_initiator: bool) -> Option<Self> {
        let id = SessionId::new("TL", "M1").ok()?;
        let mut config = match is_initiator {
            true => SessionConfig::initiator(id, 30),
            false => SessionConfig::acceptor(id),
        };
        // Small bounds are reached by short inputs.
        (config.kept_messages_max, config.kept_bytes_max) = (4, 512);
        config.max_message_bytes = 512;
        let session = Session::new(config, Numbers::default()).ok()?;
        let watch = Watch { next_out: 1, ..Watch::default() };
        Some(Self { session, store: MemoryStore::new(), watch, now_ns: START })
    }

    fn with(&mut self, call: impl FnOnce(&mut Session, &mut Turn<'_, MemoryStore, Watch>)) {
        self.watch.answers = 0;
        let before = self.session.numbers().next_inbound;
        let mut turn =
            Turn { now_ns: self.now_ns, store: &mut self.store, actions: &mut self.watch };
        call(&mut self.session, &mut turn);
        let numbers = self.session.numbers();
        assert!(self.watch.answers <= ANSWERS_MAX, "{} answers", self.watch.answers);
        assert_eq!(self.store.next_inbound(), numbers.next_inbound);
        assert_eq!(self.store.next_outbound(), numbers.next_outbound);
        assert!(self.watch.next_out <= numbers.next_outbound);
        // A reset, seen as number 1 taken in, is the only way back.
        assert!(numbers.next_inbound >= before || numbers.next_inbound <= 2);
        assert_eq!(
            self.session.is_connected(),
            self.session.next_timer_ns().is_some() || { self.session.is_logged_on() }
        );
        if self.watch.closed {
            assert!(!self.session.is_connected());
            self.watch.closed = false;
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let mut next = Some(bytes.to_vec());
        let mut kept = Vec::new();
        // Each round takes a number in, and only so many are kept.
        for _ in 0..16 {
            let Some(bytes) = next.take() else { return };
            self.with(|session, turn| {
                let mut fields = Fields::new();
                match Message::parse(&bytes, &mut fields) {
                    Ok(message) => {
                        if let Some(delivery) = session.on_message(&message, turn) {
                            answer(session, &message, delivery.msg_seq_num, turn);
                        }
                    }
                    Err(garbled) => session.on_garbled(garbled, turn),
                }
            });
            if self.session.next_kept(&mut self.store, &mut kept) {
                next = Some(std::mem::take(&mut kept));
            }
        }
        assert!(next.is_none(), "kept messages without end");
    }

    fn run(&mut self, line: &[u8]) {
        let Some((op, rest)) = line.split_first() else { return };
        match op {
            b'm' | b'w' => {
                let body = self.body(rest, *op == b'm');
                self.receive(&frame(b"FIX.4.4", &body));
            }
            b'v' => {
                let body = self.body(rest, true);
                self.receive(&frame(b"FIX.4.2", &body));
            }
            b'g' => self.receive(rest),
            b'L' => self.with(|session, turn| {
                session.on_garbled(Garbled::TooLong { body_length: 9_999, max_bytes: 512 }, turn);
            }),
            b't' => {
                let seconds =
                    rest.iter().take(3).fold(0, |sum, byte| sum * 10 + u64::from(byte % 10));
                self.now_ns += seconds * SECOND;
                self.with(Session::on_timer);
            }
            b'a' => self.with(|session, turn| {
                let text = String::from_utf8_lossy(rest).replace('\x01', "");
                let _ = session.send_app(b"8", turn, |writer| {
                    writer.text(tags::TEXT, &text);
                });
            }),
            b'p' => self.with(|session, turn| {
                let budget = usize::from(rest.first().map_or(8, |byte| byte % 16));
                assert!(session.replay(budget, turn) <= budget);
                // What waited for the replay is sent after it: no answers to this.
                turn.actions.answers = 0;
            }),
            b'l' => self.with(|session, turn| session.logout(Some("bye"), turn)),
            b'd' => self.with(|session, turn| session.on_disconnect(turn.actions)),
            b'c' if !self.session.is_connected() => self.with(Session::on_connect),
            _ => {}
        }
    }

    /// The body of a message, with the header fields that the fuzzer should not have to guess.
    fn body(&self, text: &[u8], with_header: bool) -> Vec<u8> {
        let mut body = Vec::with_capacity(text.len() + 64);
        for byte in text {
            match byte {
                b'|' => body.push(1),
                b'#' => {
                    let expected = self.session.numbers().next_inbound.to_string();
                    body.extend_from_slice(expected.as_bytes());
                }
                byte => body.push(*byte),
            }
        }
        if with_header {
            let mut time = TimestampText::new(Precision::Milliseconds);
            let at = body.iter().position(|byte| *byte == 1).map_or(body.len(), |at| at + 1);
            let mut header = b"49=M1\x0156=TL\x0152=".to_vec();
            header.extend_from_slice(time.format(self.now_ns));
            header.push(1);
            body.splice(at..at, header);
        }
        body
    }
}

/// The application answers as a gateway does.
fn answer(
    session: &mut Session,
    message: &Message<'_>,
    msg_seq_num: u64,
    turn: &mut Turn<'_, MemoryStore, Watch>,
) {
    if matches!(message.msg_type(), msg_type::REJECT | msg_type::BUSINESS_MESSAGE_REJECT) {
        return;
    }
    let _ = match msg_seq_num % 3 {
        0 => {
            let fault = touchline_fix::FieldFault::value(tags::SYMBOL);
            session.reject(message, fault, "no such symbol", turn)
        }
        1 => {
            let reason = touchline_fix::BusinessRejectReason::UnsupportedMessageType;
            let id = message.get(tags::CL_ORD_ID);
            session.business_reject(message, reason, id, "not offered", turn)
        }
        _ => session.send_app(b"8", turn, |writer| {
            writer.bytes(tags::CL_ORD_ID, message.get(tags::CL_ORD_ID).unwrap_or(b"none"));
        }),
    };
}

fuzz_target!(|data: &[u8]| {
    let is_initiator = data.first() == Some(&b'i');
    let Some(mut bench) = Bench::new(is_initiator) else { return };
    bench.with(Session::on_connect);
    for line in data.split(|byte| *byte == b'\n').take(200) {
        bench.run(line);
    }
});
