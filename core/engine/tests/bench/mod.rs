//! An engine for tests, and what a gateway would send it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::sync::Arc;

use touchline_config::{RunFile, Venue};
use touchline_engine::{Engine, JournalAgent};
use touchline_ring::{BroadcastConsumer, Memory, SpscProducer};
use touchline_sys::{Agent, SharedMap, now_ns};
use touchline_types::{
    Command, CommandKind, EventKind, OrdType, PrivateRecord, PublicRecord, Side, TimeInForce,
    parse_cl_ord_id,
};

/// A folder of its own for each test, removed afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("touchline-engine-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("run")).unwrap();
        Self(path)
    }

    pub fn venue(&self, extra: &str) -> Venue {
        let text = format!(
            r#"
            [venue]
            name = "test"
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
        Venue::parse(&text, &self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An engine whose journal is written when the test says so.
pub struct Bench {
    pub engine: Engine,
    pub journal: JournalAgent<Arc<dyn Memory + Send + Sync>>,
    commands: SpscProducer<Command, SharedMap>,
    private: BroadcastConsumer<PrivateRecord, SharedMap>,
    public: BroadcastConsumer<PublicRecord, SharedMap>,
    sent: u32,
}

impl Bench {
    pub fn open(venue: &Venue) -> Self {
        let (engine, journal) = Engine::open(venue).unwrap();
        let map = |file, writable| SharedMap::open(&venue.run_file(file), writable).unwrap();
        Self {
            engine,
            journal,
            commands: SpscProducer::attach(map(RunFile::CommandRing, true)).unwrap(),
            private: BroadcastConsumer::attach(map(RunFile::PrivateRing, true), 0).unwrap(),
            public: BroadcastConsumer::attach(map(RunFile::PublicRing, true), 0).unwrap(),
            sent: 0,
        }
    }

    pub fn order(&mut self, session_id: u32, side: Side, price: i64, order_qty: u64) {
        self.sent += 1;
        let mut command = Command::of(CommandKind::NewOrder);
        command.cl_ord_id = parse_cl_ord_id(format!("O{}", self.sent).as_bytes()).unwrap();
        command.session_id = session_id;
        command.instrument_id = 1;
        command.side = side;
        command.ord_type = OrdType::Limit;
        command.time_in_force = TimeInForce::Day;
        command.price = price;
        command.order_qty = order_qty;
        command.recv_time = now_ns();
        command.token = u64::from(self.sent);
        self.push(command);
    }

    /// The next order is named behind this number.
    pub fn named(&mut self, number: u32) {
        self.sent = number;
    }

    pub fn push(&mut self, command: Command) {
        self.commands.push(&command).unwrap();
        let _ = self.commands.flush();
    }

    pub fn run(&mut self) {
        while self.engine.do_work(now_ns()).unwrap() + self.journal.do_work(now_ns()).unwrap() > 0 {
        }
    }

    pub fn private(&mut self) -> Vec<PrivateRecord> {
        std::iter::from_fn(|| self.private.pop().unwrap()).collect()
    }

    pub fn public(&mut self) -> Vec<PublicRecord> {
        std::iter::from_fn(|| self.public.pop().unwrap()).collect()
    }
}

/// Owner and kind of each record.
pub fn kinds(records: &[PrivateRecord]) -> Vec<(u32, EventKind)> {
    records
        .iter()
        .map(|record| record.event().unwrap())
        .map(|event| (event.session_id, event.kind))
        .collect()
}
