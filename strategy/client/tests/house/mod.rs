//! A venue without gateway and publisher: a real engine with its reception and its journal, and
//! strategies that connect to it through the socket.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use touchline_config::Venue;
use touchline_engine::{Engine, JournalAgent, reception};
use touchline_ring::Memory;
use touchline_strategy::{Execution, Kind, OwnOrder, Refusal, Strategy, StrategyEvent};
use touchline_sys::{Agent, now_ns};
use touchline_types::{OrdType, Side, TimeInForce};

const PATIENCE: Duration = Duration::from_secs(20);
/// Price of a mark, below every other.
const MARK_PX: i64 = 1;

/// The folder of a venue; removed at the end.
pub struct House {
    folder: PathBuf,
    pub venue: Venue,
}

/// A running engine; the threads end with it.
pub struct Running {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub status: Arc<std::sync::Mutex<serde_json::Value>>,
}

impl House {
    /// A venue with two instruments; strategies `one` and `two` of members ALPHA and BETA.
    pub fn new(name: &str, extra: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("touchline-strategy-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("run")).unwrap();
        let text = format!(
            r#"
            [venue]
            name = "test"
            run_dir = "run"
            data_dir = "data"
            [engine]
            max_open_orders = 16384
            max_levels = 1024
            max_cl_ord_ids = 65536
            ring_records = 1024
            [[instrument]]
            symbol = "ESH4"
            price_increment = "0.25"
            min_price = "0.25"
            max_price = "10000"
            phase = "continuous"
            [[instrument]]
            symbol = "ACME"
            price_increment = "0.01"
            min_price = "0.01"
            max_price = "5000"
            phase = "continuous"
            [[member]]
            name = "ALPHA"
            sessions = ["ALPHA1"]
            [[member]]
            name = "BETA"
            [[strategy]]
            name = "one"
            member = "ALPHA"
            max_orders_per_s = 0
            [[strategy]]
            name = "two"
            member = "BETA"
            max_orders_per_s = 0
            {extra}
            "#
        );
        std::fs::write(folder.join("venue.toml"), text).unwrap();
        let venue = Venue::load(&folder.join("venue.toml")).unwrap();
        Self { folder, venue }
    }

    /// Starts an engine over what the folder holds.
    pub fn start(&self) -> Running {
        let (mut engine, mut journal) = Engine::open(&self.venue).unwrap();
        let (reception, visits) = reception(&self.venue).unwrap();
        engine.set_visits(visits);
        let stop = Arc::new(AtomicBool::new(false));
        let status = Arc::new(std::sync::Mutex::new(serde_json::Value::Null));
        let reception_stop = stop.clone();
        let reception = std::thread::spawn(move || reception.run(&reception_stop));
        let (engine_stop, told) = (stop.clone(), status.clone());
        let agents =
            std::thread::spawn(move || run(&mut engine, &mut journal, &engine_stop, &told));
        Running { stop, threads: vec![reception, agents], status }
    }

    /// Its configuration.
    pub fn venue_toml(&self) -> PathBuf {
        self.folder.join("venue.toml")
    }

    /// Connects a strategy.
    pub fn connect(&self, name: &str) -> Trader {
        let strategy = Strategy::open(&self.venue_toml(), name).unwrap();
        Trader { strategy, seen: Vec::new() }
    }

    /// Tries to, and says why it failed.
    pub fn refused(&self, name: &str) -> String {
        match Strategy::open(&self.venue_toml(), name) {
            Ok(_) => panic!("{name} was let in"),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn run(
    engine: &mut Engine,
    journal: &mut JournalAgent<Arc<dyn Memory + Send + Sync>>,
    stop: &AtomicBool,
    status: &std::sync::Mutex<serde_json::Value>,
) {
    let mut pass = 0_u32;
    while !stop.load(Ordering::Acquire) {
        // A disk that is slow: what is matched waits for many passes before it is released.
        pass = pass.wrapping_add(1);
        let mut work = engine.do_work(now_ns()).unwrap();
        if work == 0 || pass.is_multiple_of(500) {
            work += journal.do_work(now_ns()).unwrap();
        }
        if work == 0 {
            *status.lock().unwrap() = serde_json::from_str(&engine.stats_json()).unwrap();
            if engine.park() {
                std::thread::sleep(Duration::from_micros(50));
            }
            engine.unpark();
        }
    }
}

impl Running {
    /// Ends the engine; what was sequenced is in the journal.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }

    /// A figure of a strategy, as the engine says it.
    pub fn figure(&self, strategy: usize, name: &str) -> serde_json::Value {
        let status = self.status.lock().unwrap();
        name.split('.').fold(&status["strategies"][strategy], |at, part| &at[part]).clone()
    }

    /// Waits until a figure of a strategy is what it should be.
    pub fn expect(&self, strategy: usize, name: &str, value: impl Into<serde_json::Value>) {
        let (value, end) = (value.into(), Instant::now() + PATIENCE);
        while self.figure(strategy, name) != value {
            let found = self.figure(strategy, name);
            assert!(Instant::now() < end, "{name} of strategy {strategy} is {found}, not {value}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A strategy and everything that it was told.
pub struct Trader {
    pub strategy: Strategy,
    pub seen: Vec<StrategyEvent>,
}

impl Trader {
    /// Takes events until one is wanted; returns that one.
    pub fn until(&mut self, wanted: impl Fn(&StrategyEvent) -> bool) -> StrategyEvent {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.strategy.next_event().unwrap() {
                Some(event) => {
                    self.seen.push(event);
                    if wanted(&event) {
                        return event;
                    }
                }
                None => drop(self.strategy.wait(20_000_000)),
            }
        }
        panic!("it did not come; what came: {:?}", self.seen);
    }

    /// Waits until every book is right.
    pub fn live(mut self) -> Self {
        self.until(|event| event.kind == Kind::Live as u8 && event.instrument_id == 2);
        self
    }

    /// Waits for an execution of an order.
    pub fn execution(&mut self, order: u64, execution: Execution) -> StrategyEvent {
        self.until(|event| {
            (event.kind, event.order, event.execution)
                == (Kind::Execution as u8, order, execution as u8)
        })
    }

    /// Sends a bid that nothing else is like, and waits until it rests: everything sent before it
    /// has happened.
    pub fn mark(&mut self) {
        let mark = self.send(2, Side::Buy, MARK_PX, 1, TimeInForce::Day);
        self.execution(mark, Execution::New);
    }

    /// Takes what comes until every command is answered.
    pub fn until_answered(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.strategy.orders().any(|own| own.pending > 0) {
            assert!(Instant::now() < end, "no answer");
            match self.strategy.next_event().unwrap() {
                Some(event) => self.seen.push(event),
                None => drop(self.strategy.wait(20_000_000)),
            }
        }
    }

    /// Takes what comes until the other one's mark is in the book.
    pub fn see_mark(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.ladder(2, Side::Buy).last().is_none_or(|worst| worst.0 != MARK_PX) {
            assert!(Instant::now() < end, "the mark does not come");
            match self.strategy.next_event().unwrap() {
                Some(event) => self.seen.push(event),
                None => drop(self.strategy.wait(20_000_000)),
            }
        }
    }

    /// Takes what comes until nothing has for a while.
    pub fn settle(&mut self) {
        let mut quiet = Instant::now();
        while quiet.elapsed() < Duration::from_millis(60) {
            match self.strategy.next_event() {
                Ok(Some(event)) => {
                    self.seen.push(event);
                    quiet = Instant::now();
                }
                Ok(None) => drop(self.strategy.wait(10_000_000)),
                Err(_) => return,
            }
        }
    }

    /// Sends a limit order for instrument 1.
    pub fn limit(&mut self, side: Side, price: i64, order_qty: u64) -> u64 {
        self.send(1, side, price, order_qty, TimeInForce::Day)
    }

    /// Sends a limit order.
    pub fn send(
        &mut self,
        instrument_id: u32,
        side: Side,
        price: i64,
        order_qty: u64,
        time_in_force: TimeInForce,
    ) -> u64 {
        let side = side as u8;
        let own = OwnOrder { instrument_id, side, price, order_qty, ..OwnOrder::default() };
        loop {
            match self.strategy.new_order(own, OrdType::Limit, time_in_force) {
                Ok(order) => return order,
                // The engine is behind: it takes in what it has.
                Err(Refusal::Full) => drop(self.strategy.wait(1_000_000)),
                Err(refusal) => panic!("{refusal:?}"),
            }
        }
    }

    /// Price and quantity of every level of a side.
    pub fn ladder(&self, instrument_id: u32, side: Side) -> Vec<(i64, u64, u32)> {
        let levels = self.strategy.levels(instrument_id, side);
        levels.map(|level| (level.price, level.qty, level.order_count)).collect()
    }
}
