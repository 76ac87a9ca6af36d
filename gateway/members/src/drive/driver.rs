//! The driver: sends when a command is due, waits where the flow asks for it, compares books at
//! event ends, and goes on after the venue was restarted.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use touchline_config::{ConfigError, Instrument, RunFile, Venue};
use touchline_sys::{Interest, Poller, now_ns};

use super::Played;
use super::client::{Client, ClientError};
use super::feed::{Feed, FeedError};
use super::orders::Orders;
use super::report::{Progress, Summary};
use super::wire::{Request, take};
use crate::flow::{
    BookComparison, Boundary, FlowAction, FlowCommand, FlowError, Pace, Phase, Speed, Step,
    TimeInForce,
};

/// Longest wait for an answer, or for the feed, of a venue that is up, ns.
const PATIENCE_NS: u64 = 10_000_000_000;
/// How long it may take until everything is answered and shown: engine and publisher may be
/// restarted meanwhile, and each time the feed is recovered from snapshots.
const RECOVERY_NS: u64 = 30_000_000_000;
/// Longest wait for a venue that went away, ns.
const RETURN_NS: u64 = 60_000_000_000;
/// How often progress is said, ns.
const PROGRESS_NS: u64 = 250_000_000;

/// How a flow is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// How fast.
    pub speed: Speed,
    /// Longest idle time, ns.
    pub gap_ns_max: Option<u64>,
    /// Ends the flow early, ns of playing.
    pub limit_ns: Option<u64>,
    /// Requests of one session that may wait for their answers.
    pub window: usize,
    /// Whether a session waits until the requests of all others are answered: the venue then takes
    /// the commands of a flow in their order.
    pub in_order: bool,
    /// Whether books are compared at event ends; each event then waits for the feed.
    pub verify: bool,
    /// Events of the flow, where known.
    pub events_total: Option<u64>,
    /// Index of the first instrument of the flow in the venue.
    pub instrument: usize,
}

/// Why a run ended before its flow.
#[derive(Debug)]
pub enum DriverError {
    /// The configuration is wrong.
    Config(ConfigError),
    /// The flow is damaged.
    Flow(FlowError),
    /// The venue cannot be reached, went away for too long, or answered what it must not.
    Venue(String),
    /// The feed cannot be received.
    Feed(FeedError),
}

impl std::fmt::Display for DriverError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(out, "{error}"),
            Self::Flow(error) => write!(out, "order flow: {error}"),
            Self::Venue(error) => write!(out, "{error}"),
            Self::Feed(error) => write!(out, "feed: {error}"),
        }
    }
}

impl std::error::Error for DriverError {}

impl From<FlowError> for DriverError {
    fn from(error: FlowError) -> Self {
        Self::Flow(error)
    }
}

impl From<FeedError> for DriverError {
    fn from(error: FeedError) -> Self {
        Self::Feed(error)
    }
}

impl From<ClientError> for DriverError {
    fn from(error: ClientError) -> Self {
        Self::Venue(error.to_string())
    }
}

/// One run of one flow.
pub struct Driver<F> {
    flow: F,
    venue: Venue,
    options: Options,
    clients: Vec<Client>,
    orders: Orders,
    feed: Feed,
    comparison: BookComparison,
    progress: Progress,
    poller: Poller,
    started_ns: u64,
    said_ns: u64,
    say: Box<dyn FnMut(&serde_json::Value)>,
}

impl<F: Played> Driver<F> {
    /// Joins the feed and logs every session of the venue on. `say` is called with progress.
    ///
    /// # Errors
    ///
    /// [`DriverError`] if the venue does not answer.
    pub fn open(
        flow: F,
        venue: &Venue,
        options: Options,
        say: Box<dyn FnMut(&serde_json::Value)>,
    ) -> Result<Self, DriverError> {
        let now = now_ns();
        let clients = venue
            .sessions
            .iter()
            .map(|session| Client::new(&session.comp_id, &venue.comp_id, venue.gateway.address))
            .collect::<Result<Vec<_>, _>>()?;
        let instrument_id = u32::try_from(options.instrument + 1).unwrap_or(u32::MAX);
        let poller = Poller::new(64).map_err(|error| DriverError::Venue(error.to_string()))?;
        let mut driver = Self {
            flow,
            feed: Feed::join(venue, instrument_id)?,
            orders: Orders::new(run_name(now)),
            comparison: BookComparison::new(),
            progress: Progress::new(now, options.events_total),
            started_ns: now,
            said_ns: 0,
            venue: venue.clone(),
            options,
            clients,
            poller,
            say,
        };
        driver.log_on()?;
        Ok(driver)
    }

    /// Plays the flow to its end or its limit, and returns what happened.
    ///
    /// # Errors
    ///
    /// [`DriverError`] if the venue stays away, or the flow is damaged.
    pub fn run(mut self) -> Result<Summary, DriverError> {
        if self.options.verify {
            self.await_feed()?;
            if !self.feed.is_empty() {
                return Err(DriverError::Venue(
                    "the venue's book is not empty, so it cannot be compared with the recording's; \
                     start the venue with a new data_dir, or replay with --no-verify"
                        .into(),
                ));
            }
        }
        let mut pace = Pace::new(self.options.speed, self.options.gap_ns_max);
        self.started_ns = now_ns();
        while !self.is_over() {
            let Some(step) = self.flow.next_step()? else { break };
            self.play(&step, &mut pace)?;
        }
        self.settle()?;
        let now = now_ns();
        for client in &mut self.clients {
            client.logout(now);
        }
        let mut summary = self.progress.json("summary", now);
        if let Some(fields) = summary.as_object_mut() {
            fields.insert("flow".into(), self.flow.findings());
            fields.insert("feed".into(), self.feed.counters());
            fields.insert("venue".into(), self.venue.name.clone().into());
        }
        Ok(Summary(summary))
    }

    fn is_over(&self) -> bool {
        self.options.limit_ns.is_some_and(|limit| now_ns().saturating_sub(self.started_ns) >= limit)
    }

    fn play(&mut self, step: &Step, pace: &mut Pace) -> Result<(), DriverError> {
        for command in &step.commands {
            self.progress.at_ns = command.at_ns;
            let due_ns = match self.options.speed {
                Speed::Max => now_ns(),
                Speed::Milli(_) => self.started_ns + pace.due_ns(command.at_ns),
            };
            self.wait_until(due_ns)?;
            self.send(command, due_ns)?;
        }
        if step.settle {
            self.settle()?;
        }
        match step.boundary {
            Boundary::Within => {}
            Boundary::Opened if self.options.verify => self.compare("the opening book")?,
            Boundary::EventEnd(event) => {
                self.progress.events += 1;
                if self.options.verify {
                    self.compare(&format!("event {event}"))?;
                }
            }
            Boundary::Opened => {}
        }
        self.pump(0)
    }

    /// Waits for everything, and compares the book of the feed with the flow's.
    fn compare(&mut self, place: &str) -> Result<(), DriverError> {
        self.settle()?;
        for (side, price) in self.flow.take_touched().into_iter().chain(self.feed.take_touched()) {
            self.comparison.touch(side, price);
        }
        let Some(file) = self.flow.file_book() else { return Ok(()) };
        if self.feed.take_resynced() {
            // A snapshot may have changed any level, also one that it does not hold.
            file.levels().for_each(|(side, price, _)| self.comparison.touch(side, price));
        }
        self.progress.compared += 1;
        if self.comparison.is_equal(file, &self.feed) {
            self.progress.equal += 1;
        } else if self.progress.first_difference.is_none() {
            let levels: Vec<_> = self.comparison.differing().take(5).collect();
            self.progress.first_difference = Some(format!("{place}: {levels:?}"));
        }
        Ok(())
    }

    fn send(&mut self, command: &FlowCommand, due_ns: u64) -> Result<(), DriverError> {
        if let FlowAction::Phase(phase) = command.action {
            self.settle()?;
            return self.change_phase(command, phase);
        }
        let Some(session) = self.session_of(command) else {
            self.forget(command);
            return Ok(());
        };
        // Answers of one session come in order, those of two need not: another session waits.
        while self.options.in_order && self.orders.others_wait(session)
            || self.orders.waiting_of(session) >= self.options.window
        {
            self.pump_or_fail(now_ns() + PATIENCE_NS)?;
        }
        let instrument = self.instrument(command)?.clone();
        let original = command
            .action
            .flow_order_id()
            .and_then(|id| self.orders.order(id))
            .map(|order| (order.cl_ord_id.clone(), order.fix_side()));
        if original.is_none() && !matches!(command.action, FlowAction::New { .. }) {
            self.forget(command); // it went while we waited
            return Ok(());
        }
        let now = now_ns();
        let cl_ord_id = self.orders.request(*command, session, due_ns);
        let message = Request { command, cl_ord_id: &cl_ord_id, original, instrument: &instrument };
        match command.action {
            FlowAction::New { .. } => self.progress.new_orders += 1,
            FlowAction::Replace { .. } => self.progress.replaces += 1,
            FlowAction::Cancel { .. } => self.progress.cancels += 1,
            FlowAction::Phase(_) => {}
        }
        if let Some(client) = self.clients.get_mut(session) {
            message.send(client, now)?;
        }
        Ok(())
    }

    /// The order of a command is gone, by an execution that the flow has yet to be told of.
    fn forget(&mut self, command: &FlowCommand) {
        self.flow.on_refused(command);
        *self.progress.refused.entry("order gone before it was sent".into()).or_default() += 1;
    }

    /// New resting orders are spread over all members but the last, which takes liquidity.
    fn session_of(&self, command: &FlowCommand) -> Option<usize> {
        let passive = self.clients.len().saturating_sub(1).max(1) as u64;
        match command.action {
            FlowAction::New { time_in_force: TimeInForce::ImmediateOrCancel, .. } => {
                Some(self.clients.len() - 1)
            }
            FlowAction::New { flow_order_id, .. } => {
                let mixed = flow_order_id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
                usize::try_from(mixed % passive).ok()
            }
            FlowAction::Replace { flow_order_id, .. } | FlowAction::Cancel { flow_order_id } => {
                self.orders.order(flow_order_id).map(|order| order.session)
            }
            FlowAction::Phase(_) => None,
        }
    }

    fn instrument(&self, command: &FlowCommand) -> Result<&Instrument, DriverError> {
        let index = self.options.instrument + command.instrument as usize;
        self.venue.instruments.get(index).ok_or_else(|| {
            DriverError::Venue(format!(
                "the flow has an instrument {index}, the venue only {}",
                self.venue.instruments.len()
            ))
        })
    }

    fn change_phase(&mut self, command: &FlowCommand, phase: Phase) -> Result<(), DriverError> {
        let symbol = self.instrument(command)?.symbol.clone();
        let name = match phase {
            Phase::Call => "call",
            Phase::Continuous => "continuous",
        };
        let request = serde_json::json!({"command": "phase", "instrument": symbol, "phase": name});
        let reply = admin(&self.venue, &request)?;
        if reply.get("ok") == Some(&true.into()) {
            let seq = reply.get("seq").and_then(serde_json::Value::as_u64).unwrap_or(0);
            self.orders.public_seq = self.orders.public_seq.max(seq);
            return self.settle();
        }
        let error =
            reply.get("error").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
        if error.contains("in that phase already") {
            return Ok(());
        }
        Err(DriverError::Venue(format!("the venue did not change to {name}: {error}")))
    }

    /// Waits until every request is answered, every fill is told to both of its sides, and the feed
    /// has shown everything.
    fn settle(&mut self) -> Result<(), DriverError> {
        let until = now_ns() + RECOVERY_NS;
        loop {
            let orders = &mut self.orders;
            self.feed.trades.retain(|trade| !orders.is_told(trade));
            // A feed that is being recovered, after the venue came back, has yet to show it.
            let caught_up = self.feed.is_live() && self.feed.seq() >= self.orders.public_seq;
            let shown = caught_up || !self.options.verify;
            if self.orders.is_quiet() && self.feed.trades.is_empty() && shown {
                self.orders.settled();
                return Ok(());
            }
            if !self.pump_until(until)? {
                self.progress.timeouts += 1;
                return Err(DriverError::Venue(format!(
                    "after 30 s {} requests are unanswered, {} immediate orders have no end, {} \
                     executions of the feed were told to nobody, and the feed, {} ({}), is at {} \
                     of {}; last disconnect: {:?}",
                    self.orders.waiting(),
                    self.orders.immediate(),
                    self.feed.trades.len(),
                    if self.feed.is_live() { "whole" } else { "in recovery" },
                    self.feed.counters(),
                    self.feed.seq(),
                    self.orders.public_seq,
                    self.clients.iter().find_map(Client::last_reason),
                )));
            }
        }
    }

    fn wait_until(&mut self, due_ns: u64) -> Result<(), DriverError> {
        loop {
            let now = now_ns();
            if now >= due_ns {
                return Ok(());
            }
            self.pump((due_ns - now).min(50_000_000))?;
        }
    }

    fn pump_or_fail(&mut self, until_ns: u64) -> Result<(), DriverError> {
        if self.pump_until(until_ns)? {
            return Ok(());
        }
        self.progress.timeouts += 1;
        Err(DriverError::Venue("the venue did not answer an order in 10 s".into()))
    }

    /// One turn of waiting: `false` when the time is over. While a session is away it waits for the
    /// venue to come back instead.
    fn pump_until(&mut self, until_ns: u64) -> Result<bool, DriverError> {
        if self.clients.iter().any(|client| !client.is_logged_on()) {
            self.log_on()?;
            return Ok(true);
        }
        if now_ns() > until_ns {
            return Ok(false);
        }
        self.pump(5_000_000).map(|()| true)
    }

    /// Takes what has come from the venue and the feed, sleeping up to `sleep_ns` for it.
    fn pump(&mut self, sleep_ns: u64) -> Result<(), DriverError> {
        if self.pump_once()? == 0 && sleep_ns > 0 {
            let mut ready = Vec::new();
            self.poller
                .wait(Some(sleep_ns), &mut ready)
                .map_err(|error| DriverError::Venue(error.to_string()))?;
            self.pump_once()?;
        }
        let now = now_ns();
        if now.saturating_sub(self.said_ns) >= PROGRESS_NS {
            self.said_ns = now;
            let progress = self.progress.json("progress", now);
            (self.say)(&progress);
        }
        Ok(())
    }

    fn pump_once(&mut self) -> Result<usize, DriverError> {
        let mut taken = self.feed.poll()?;
        let now = now_ns();
        let mut failure = None;
        for client in &mut self.clients {
            let (orders, flow, progress) = (&mut self.orders, &mut self.flow, &mut self.progress);
            let venue = &self.venue;
            taken += client.pump(now, |message| {
                if let Err(error) = take(message, venue, orders, flow, progress) {
                    failure = Some(error);
                }
            });
        }
        if !self.options.verify {
            self.feed.trades.clear();
        }
        match failure {
            Some(error) => Err(DriverError::Venue(error)),
            None => Ok(taken),
        }
    }

    /// Connects every session that is away, and waits until all are logged on.
    fn log_on(&mut self) -> Result<(), DriverError> {
        let until = now_ns() + RETURN_NS;
        let mut fresh = Poller::new(64).map_err(|error| DriverError::Venue(error.to_string()))?;
        while self.clients.iter().any(|client| !client.is_logged_on()) {
            if now_ns() > until {
                let reason = self.clients.iter().find_map(Client::last_reason);
                return Err(DriverError::Venue(format!(
                    "no Logon at {} in 60 s (last reason: {}); is the venue up? \
                     `touchline up` starts it",
                    self.venue.gateway.address,
                    reason.map_or_else(|| "no connection".into(), |reason| reason.to_string()),
                )));
            }
            for client in &mut self.clients {
                if !client.is_connected() {
                    client.connect(now_ns());
                }
            }
            self.pump_once()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        self.progress.disconnects = self.clients.iter().map(|client| client.disconnects).sum();
        let fds = self.clients.iter().filter_map(Client::fd).chain([self.feed.fd()]);
        for (key, fd) in (0..).zip(fds) {
            fresh
                .add(fd, key, Interest::Read)
                .map_err(|error| DriverError::Venue(error.to_string()))?;
        }
        std::mem::swap(&mut self.poller, &mut fresh);
        Ok(())
    }

    /// Waits until the feed has given a book to compare with.
    fn await_feed(&mut self) -> Result<(), DriverError> {
        let until = now_ns() + PATIENCE_NS;
        while !self.feed.is_live() {
            if now_ns() > until {
                return Err(DriverError::Venue(format!(
                    "no feed at {} and {:?} in 10 s; is the publisher up, and multicast allowed on {}?",
                    self.venue.marketdata.incremental.a,
                    self.venue.marketdata.incremental.b,
                    self.venue.marketdata.interface,
                )));
            }
            self.pump(5_000_000)?;
        }
        Ok(())
    }
}

/// Asks the venue's operators' socket; waits for a venue that is being restarted.
fn admin(venue: &Venue, request: &serde_json::Value) -> Result<serde_json::Value, DriverError> {
    let path = venue.run_file(RunFile::AdminSocket);
    let ask = || -> std::io::Result<String> {
        let stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        (&stream).write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        Ok(line)
    };
    let until = now_ns() + RETURN_NS;
    let line = loop {
        match ask() {
            Ok(line) if line.ends_with('\n') => break line,
            // Asked twice, the second change of a phase is refused as done, which is as good.
            _ if now_ns() < until => std::thread::sleep(Duration::from_millis(20)),
            Ok(_) => return Err(DriverError::Venue("operators' socket closes at once".into())),
            Err(error) => {
                let path = path.display();
                return Err(DriverError::Venue(format!("operators' socket {path}: {error}")));
            }
        }
    };
    serde_json::from_str(&line).map_err(|error| {
        DriverError::Venue(format!("operators' socket answered {line:?}: {error}"))
    })
}

/// A short name that two runs of one day do not share: milliseconds of the day in base 36.
fn run_name(now_ns: u64) -> String {
    let mut rest = now_ns / 1_000_000 % 86_400_000;
    let mut name = String::new();
    while rest > 0 || name.is_empty() {
        let digit = u32::try_from(rest % 36).unwrap_or(0);
        name.insert(0, char::from_digit(digit, 36).unwrap_or('0').to_ascii_uppercase());
        rest /= 36;
    }
    name
}
