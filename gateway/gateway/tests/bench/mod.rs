//! A whole venue in one thread, and FIX clients that say exactly what a test wants said.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use touchline_config::Venue;
use touchline_engine::{Engine, JournalAgent};
use touchline_fix::{Fields, Frame, Framer, Header, Message, Precision, Writer, tags};
use touchline_gateway::Gateway;
use touchline_ring::Memory;
use touchline_sys::{Agent, now_ns};

/// A folder of its own for each test, removed afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let name = format!("touchline-gateway-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("run")).unwrap();
        Self(path)
    }

    pub fn venue(&self, extra: &str) -> Venue {
        let text = format!(
            r#"
            [venue]
            name = "test"
            comp_id = "TL"
            run_dir = "run"
            data_dir = "data"
            {extra}
            [[instrument]]
            symbol = "ESH4"
            price_increment = "0.25"
            min_price = "0.25"
            max_price = "10000"
            phase = "continuous"
            [[member]]
            name = "ALPHA"
            sessions = ["ALPHA1"]
            [[member]]
            name = "BETA"
            sessions = ["BETA1"]
            "#
        );
        let mut venue = Venue::parse(&text, &self.0).unwrap();
        venue.gateway.address = SocketAddr::from(([127, 0, 0, 1], 0));
        venue
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Engine, journal and gateway, each moved on when the test says so. Dropped it is a venue that
/// was killed: nothing is written that was not written before.
pub struct Floor {
    pub engine: Engine,
    pub journal: JournalAgent<Arc<dyn Memory + Send + Sync>>,
    pub gateway: Gateway,
    pub address: SocketAddr,
}

impl Floor {
    pub fn open(venue: &Venue) -> Self {
        let (engine, journal) = Engine::open(venue).unwrap();
        let gateway = Gateway::open(venue).unwrap();
        let address = gateway.local_addr().unwrap();
        Self { engine, journal, gateway, address }
    }

    /// Runs the gateway alone until it is idle.
    pub fn run_gateway(&mut self) {
        settle(|| self.gateway.do_work(now_ns()).unwrap());
    }

    /// Runs engine and journal until they are idle.
    pub fn run_engine(&mut self) {
        while self.engine.do_work(now_ns()).unwrap() + self.journal.do_work(now_ns()).unwrap() > 0 {
        }
    }

    /// Runs everything until it is idle.
    pub fn run(&mut self) {
        settle(|| {
            self.gateway.do_work(now_ns()).unwrap()
                + self.engine.do_work(now_ns()).unwrap()
                + self.journal.do_work(now_ns()).unwrap()
        });
    }

    pub fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.gateway.stats_json()).unwrap()
    }
}

/// Idle means idle for a while: bytes need a moment to cross the loopback.
fn settle(mut work: impl FnMut() -> usize) {
    let mut idle = 0;
    while idle < 5 {
        if work() == 0 {
            idle += 1;
            std::thread::sleep(Duration::from_millis(1));
        } else {
            idle = 0;
        }
    }
}

/// A client that numbers its own messages and keeps what it receives.
pub struct Client {
    pub stream: TcpStream,
    header: Header,
    pub next_out: u64,
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(floor: &Floor, comp_id: &str, next_out: u64) -> Self {
        let stream = TcpStream::connect(floor.address).unwrap();
        stream.set_nodelay(true).unwrap();
        let header = Header::new(comp_id.as_bytes(), b"TL", Precision::Milliseconds).unwrap();
        Self { stream, header, next_out, buffer: Vec::new() }
    }

    /// Connects and logs on, with HeartBtInt(108) 30; the answer is left to be received.
    pub fn log_on(floor: &mut Floor, comp_id: &str, next_out: u64) -> Self {
        let mut client = Self::connect(floor, comp_id, next_out);
        client.send("A", &[(98, "0"), (108, "30")]);
        floor.run();
        client
    }

    /// Sends a message under the next number.
    pub fn send(&mut self, msg_type: &str, fields: &[(u32, &str)]) {
        let number = self.next_out;
        self.next_out += 1;
        self.send_as(number, msg_type, fields);
    }

    pub fn send_as(&mut self, number: u64, msg_type: &str, fields: &[(u32, &str)]) {
        let bytes = self.message(number, msg_type, |writer| {
            for (tag, value) in fields {
                writer.text(*tag, value);
            }
        });
        self.stream.write_all(&bytes).unwrap();
    }

    pub fn message(
        &mut self,
        number: u64,
        msg_type: &str,
        body: impl FnOnce(&mut Writer<'_>),
    ) -> Vec<u8> {
        let mut bytes = vec![0; 8192];
        let mut writer = self.header.begin(&mut bytes, msg_type.as_bytes(), number, now_ns());
        body(&mut writer);
        let len = writer.finish().unwrap();
        bytes.truncate(len);
        bytes
    }

    /// A limit order of the instrument.
    pub fn order(&mut self, cl_ord_id: &str, side: &str, qty: &str, price: &str) {
        let number = self.next_out;
        self.next_out += 1;
        self.order_as(number, &[], cl_ord_id, side, qty, price);
    }

    pub fn order_as(
        &mut self,
        number: u64,
        header: &[(u32, &str)],
        cl_ord_id: &str,
        side: &str,
        qty: &str,
        price: &str,
    ) {
        let body = [
            (11, cl_ord_id),
            (55, "ESH4"),
            (54, side),
            (60, "20260105-09:30:00"),
            (38, qty),
            (40, "2"),
            (44, price),
        ];
        self.send_as(number, "D", &[header, &body].concat());
    }

    /// Every message that has come, `35=8|34=2|...` without 8, 9, 49, 56, 52, 60, 10 and 122.
    pub fn receive(&mut self) -> Vec<String> {
        self.fill();
        let mut messages = Vec::new();
        let mut fields = Fields::new();
        while let Frame::Message { len_bytes } = Framer::new(8192).next(&self.buffer) {
            let message = Message::parse(&self.buffer[..len_bytes], &mut fields).unwrap();
            let text = message
                .iter()
                .filter(|(tag, _)| ![8, 9, 49, 52, 56, 60, 122].contains(tag))
                .map(|(tag, value)| format!("{tag}={}|", String::from_utf8_lossy(value)))
                .collect();
            messages.push(text);
            self.buffer.drain(..len_bytes);
        }
        messages
    }

    /// Whether the venue has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        self.fill()
    }

    /// Reads what is there; true at the end of the stream.
    fn fill(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        let mut chunk = vec![0; 1 << 16];
        let closed = loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => break true,
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if Instant::now() > deadline || !self.buffer.is_empty() {
                        break false;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => break true,
            }
        };
        self.stream.set_nonblocking(false).unwrap();
        closed
    }
}

/// The value of a field in what `receive` returns.
pub fn field(message: &str, tag: u32) -> Option<&str> {
    let key = format!("{tag}=");
    message.split('|').find_map(|field| field.strip_prefix(&key))
}

/// MsgType(35) of each message.
pub fn types(messages: &[String]) -> Vec<&str> {
    messages.iter().filter_map(|message| field(message, tags::MSG_TYPE)).collect()
}
