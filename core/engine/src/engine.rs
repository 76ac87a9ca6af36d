//! The engine agent.

mod accounts;
mod intake;
mod operators;

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use serde_json::{Value, json};
use touchline_config::{Durability, RunFile, Venue};
use touchline_history::{History, HistoryError};
use touchline_journal::{JournalError, Writer};
use touchline_matcher::OwnedMatcher;
use touchline_ring::beacon::BEACON_BYTES;
use touchline_ring::layout::ring_bytes;
use touchline_ring::{
    BeaconWriter, BroadcastProducer, Memory, RingError, SpscConsumer, SpscProducer, broadcast, spsc,
};
use touchline_sys::{Agent, Bell, Ringer, SharedMap, SysError, now_ns};
use touchline_types::{Command, Event, EventFlags, EventKind, PrivateRecord, PublicRecord};

use self::operators::{Asked, answer};
use crate::admin::Operator;
use crate::hashes::StateHashes;
use crate::journaling::{Durable, JournalAgent, JournalMetrics};
use crate::metrics::{Metrics, TELL_NS};
use crate::ownership::Ownership;
use crate::release::{Matched, Outlets, Pending, Until};
use crate::stats::Stats;
use crate::strategies::{OWN_GATEWAY, Strategies, Visits};

/// How often an engine looks for the bells of readers that were not there before, ns.
const BELLS_NS: u64 = 1_000_000_000;

/// Why there is no engine, or why it stopped.
#[derive(Debug)]
pub enum EngineError {
    /// The past could not be rebuilt.
    History(HistoryError),
    /// The journal cannot be written.
    Journal(JournalError),
    /// The system failed.
    System(SysError),
    /// A ring is broken.
    Ring(RingError),
    /// The replayed state is not the one that the engine had: at this command, hash then, hash now.
    StateDiffers(u64, u64, u64),
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::History(error) => write!(out, "{error}"),
            Self::Journal(error) => write!(out, "journal: {error}"),
            Self::System(error) => write!(out, "{error}"),
            Self::Ring(error) => write!(out, "ring: {error}"),
            Self::StateDiffers(seq, then, now) => write!(
                out,
                "after command {seq} the state hash was {then:016x}, replayed it is {now:016x}: \
                 this build does not match as the one did that wrote the journal"
            ),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<SysError> for EngineError {
    fn from(error: SysError) -> Self {
        Self::System(error)
    }
}

impl From<RingError> for EngineError {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}

type Shared = Arc<SharedMap>;
type Heap = Arc<dyn Memory + Send + Sync>;

/// The engine. See the crate for what it does.
pub struct Engine {
    venue: Venue,
    pub(crate) matcher: OwnedMatcher,
    last_timestamp: u64,
    commands: Vec<SpscConsumer<Command, Shared>>,
    pub(crate) strategies: Strategies,
    operator: Option<Operator>,
    asked: Vec<Asked>,
    journal: SpscProducer<Command, Heap>,
    journal_bell: Ringer,
    pub(crate) durable: Arc<Durable>,
    beacon: BeaconWriter<Shared>,
    /// A mass cancel that left orders: sequenced again before anything else, also over a restart.
    unfinished: Option<Command>,
    pending: Pending,
    pub(crate) outlets: Outlets<Shared>,
    hashes: StateHashes,
    bell: Bell,
    bells_at_ns: u64,
    pub(crate) stats: Stats,
    pub(crate) metrics: Metrics,
    pub(crate) replayed: Replay,
    /// By number of the session less one.
    owner_of: Vec<Ownership>,
}

/// What the start found in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replay {
    pub(crate) commands: u64,
    state_hash: u64,
    /// The hash that the engine before had noted for the same command, if it is still kept.
    checked: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Engine of {} at seq {}", self.venue.name, self.matcher.last_seq())
    }
}

impl Engine {
    /// Replays the journal, compares the state with what the engine before had noted, makes the
    /// rings, and returns the engine and the journal's agent.
    ///
    /// # Errors
    ///
    /// [`EngineError`]; nothing was changed but files of the run folder.
    pub fn open(
        venue: &Venue,
    ) -> Result<(Self, JournalAgent<Arc<dyn Memory + Send + Sync>>), EngineError> {
        let mut history = History::open(venue).map_err(EngineError::History)?;
        let mut unfinished = None;
        let seq = history
            .advance(|command, events| unfinished = unfinished_of(command, events.last()))
            .map_err(EngineError::History)?;
        let past = history.into_replayed();
        let state_hash = past.matcher.state_hash();
        let path = venue.run_file(RunFile::StateHashes);
        let noted = StateHashes::open(&path).ok().and_then(|hashes| hashes.get(seq));
        if let Some(then) = noted.filter(|then| *then != state_hash && seq > 0) {
            return Err(EngineError::StateDiffers(seq, then, state_hash));
        }
        let hashes = StateHashes::create(&path)?;
        hashes.note(seq, state_hash);

        let mut writer =
            Writer::open(&venue.journal_dir(), &past.tail).map_err(EngineError::Journal)?;
        // What an engine that was killed had written counts as durable from here on.
        writer.sync().map_err(EngineError::Journal)?;
        let beacon_path = venue.run_file(RunFile::EngineBeacon);
        let beacon = BeaconWriter::take(Arc::new(SharedMap::keep(&beacon_path, BEACON_BYTES)?))?;
        let durable = Arc::new(Durable::new(beacon.clone(), seq));
        let bell = Bell::create(&venue.run_file(RunFile::EngineBell))?;
        let journal_path = venue.run_file(RunFile::JournalBell);
        let journal_bell = Bell::create(&journal_path)?;
        let records = venue.engine.ring_records;
        let memory: Heap = spsc::heap(records, Command::BYTES);
        spsc::create::<Command>(&memory, records)?;
        let agent = JournalAgent::new(
            SpscConsumer::attach(memory.clone())?,
            writer,
            venue.engine.durability,
            durable.clone(),
            journal_bell,
            Ringer::open(bell.path())?,
            JournalMetrics::create(venue)?,
        );
        let ring = |file, bytes| {
            SharedMap::create(&venue.run_file(file), ring_bytes(records, bytes)).map(Arc::new)
        };
        let commands = ring(RunFile::CommandRing, Command::BYTES)?;
        spsc::create::<Command>(&commands, records)?;
        let private = ring(RunFile::PrivateRing, PrivateRecord::BYTES)?;
        broadcast::create::<PrivateRecord>(&private, records)?;
        let public = ring(RunFile::PublicRing, PublicRecord::BYTES)?;
        broadcast::create::<PublicRecord>(&public, records)?;
        let metrics = Metrics::create(venue)?;
        let timings = metrics.strategy_timings();
        let mut engine = Self {
            strategies: Strategies::new(venue, &past.matcher, bell.fd(), timings)?,
            matcher: past.matcher,
            last_timestamp: past.last_timestamp,
            commands: vec![SpscConsumer::attach(commands)?],
            operator: None,
            asked: Vec::new(),
            journal: SpscProducer::attach(memory)?,
            journal_bell: Ringer::open(&journal_path)?,
            durable,
            pending: Pending::new(4 * records),
            outlets: Outlets::new(
                BroadcastProducer::attach(private)?,
                BroadcastProducer::attach(public)?,
            ),
            hashes,
            bell,
            bells_at_ns: 0,
            stats: metrics.stats(),
            metrics,
            replayed: Replay { commands: seq, state_hash, checked: noted.is_some() },
            owner_of: venue
                .sessions
                .iter()
                .map(|one| Ownership::of(venue, one.member_id))
                .collect(),
            venue: venue.clone(),
            beacon,
            unfinished,
        };
        engine.beacon.stand(seq);
        engine.find_bells();
        // Who still reads the rings of the engine before sees the change at once.
        engine.outlets.ring_all();
        Ok((engine, agent))
    }

    /// Lets operators in.
    pub fn set_operator(&mut self, operator: Operator) {
        self.operator = Some(operator);
    }

    /// Lets strategies in.
    pub fn set_visits(&mut self, visits: Visits) {
        self.strategies.let_in(visits);
    }

    /// Ends the connections of all strategies, cancels their orders and lets nobody in any more. A
    /// program that stops calls it, so that commands end.
    pub fn dismiss_strategies(&mut self) {
        self.strategies.dismiss();
    }

    /// One line on what the start found.
    #[must_use]
    pub fn replay_summary(&self) -> String {
        let Replay { commands, state_hash, checked } = self.replayed;
        let check = match (commands, checked) {
            (0, _) => "a new day",
            (_, true) => "equal to the state before",
            (_, false) => "no noted state to compare with",
        };
        format!("replayed {commands} commands, state hash {state_hash:016x} ({check})")
    }

    /// Gives a command its number and its time, journals and matches it. The caller has seen room
    /// in the journal's ring.
    fn sequence(&mut self, mut command: Command) {
        let sequenced_time = now_ns();
        command.seq = self.matcher.last_seq() + 1;
        command.timestamp = sequenced_time.max(self.last_timestamp + 1);
        self.last_timestamp = command.timestamp;
        if self.journal.push(&command).is_err() {
            // Room was seen before, and this thread is the only producer.
            unreachable!("the journal's ring is full although it had room");
        }
        let before = self.pending.events();
        let mut last = None;
        let (pending, stats) = (&mut self.pending, &mut self.stats);
        self.matcher.apply(&command, &mut |event: &Event| {
            pending.push_event(event);
            if event.flags.contains(EventFlags::END_OF_EVENT) {
                last = unfinished_of(&command, Some(event));
            }
            if event.kind == EventKind::Executed && event.flags.contains(EventFlags::PRINTABLE) {
                stats.trades += 1;
                stats.traded_qty += event.last_qty;
            }
            stats.events_by_kind[event.kind as usize] += 1;
            if matches!(event.kind, EventKind::Rejected | EventKind::CancelRejected) {
                stats.rejects[event.reason as usize] += 1;
            }
        });
        self.unfinished = last;
        let matched_time = now_ns();
        let events = self.pending.events() - before;
        self.pending.push(Matched {
            seq: command.seq,
            recv_time: command.recv_time,
            sequenced_time,
            matched_time,
            token: command.token,
            msg_seq_num: command.msg_seq_num,
            session_id: command.session_id,
            gateway_id: command.gateway_id,
            events: u32::try_from(events).unwrap_or(u32::MAX),
        });
        self.beacon.set_sequenced(command.seq);
        self.hashes.note(command.seq, self.matcher.state_hash());
        self.stats.commands += 1;
        self.stats.commands_by_kind[command.kind as usize] += 1;
        self.stats.events += events as u64;
        if !matches!(command.gateway_id, 0 | OWN_GATEWAY) {
            self.stats.sequenced.record(sequenced_time.saturating_sub(command.recv_time));
        }
        self.stats.matched.record(matched_time.saturating_sub(sequenced_time));
    }

    /// Releases what may be acknowledged: the smaller of matched and durable.
    fn release(&mut self, now_ns: u64) -> usize {
        if self.pending.is_empty() {
            return 0;
        }
        let (seq, durable_time) = match self.venue.engine.durability {
            Durability::Sync => (self.durable.seq(), self.durable.time()),
            Durability::Async => (self.matcher.last_seq(), 0),
        };
        let asked = &mut self.asked;
        let until = Until { seq, durable_time, now_ns };
        let (pending, strategies) = (&mut self.pending, &mut self.strategies);
        let released = self.outlets.release(pending, strategies, until, |command, event| {
            if command.session_id == 0 && command.gateway_id != OWN_GATEWAY {
                answer(asked, event);
            }
        });
        if self.venue.engine.durability == Durability::Async {
            let exposed = seq.saturating_sub(self.durable.synced());
            self.stats.exposed_max = self.stats.exposed_max.max(exposed);
        }
        self.asked.retain(|asked| asked.waiting > 0);
        released
    }

    fn figures(&self) -> Value {
        json!({
            "venue": self.venue.name,
            "durability": self.venue.engine.durability.name(),
            "seq": self.matcher.last_seq(),
            "durable_seq": self.durable.seq(),
            "synced_seq": self.durable.synced(),
            "state_hash": format!("{:016x}", self.matcher.state_hash()),
            "open_orders": self.matcher.open_orders(),
            "used_cl_ord_ids": self.matcher.used_cl_ord_ids(),
            "replayed_commands": self.replayed.commands,
            "commands": self.stats.commands,
            "events": self.stats.events,
            "trades": self.stats.trades,
            "traded_qty": self.stats.traded_qty,
            "bad_commands": self.stats.bad_commands,
            "over_budget": self.stats.over_budget,
            "held_by_journal": self.stats.held_by_journal,
            "exposed_max": self.stats.exposed_max,
            "strategies": self.strategies.figures(&self.venue, &self.matcher),
            "latency_ns": {
                "gateway_rx_to_sequenced": self.stats.sequenced.percentiles(),
                "sequenced_to_matched": self.stats.matched.percentiles(),
            },
        })
    }

    /// The engine's figures as one JSON object.
    #[must_use]
    pub fn stats_json(&self) -> String {
        self.figures().to_string()
    }

    /// True when every command that was sequenced has been released.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.pending.is_empty() && self.durable.synced() == self.matcher.last_seq()
    }

    /// Wakes the journal's agent, to see that it must stop.
    pub fn ring_journal(&self) {
        self.journal_bell.ring();
    }

    /// Finds the bells of readers. A composite program calls it when all its agents are open;
    /// otherwise the engine looks once a second while one is missing.
    pub fn find_bells(&mut self) {
        let open = |file| Ringer::open(&self.venue.run_file(file)).ok();
        let (private, public) = (open(RunFile::GatewayBell), open(RunFile::PublisherBell));
        self.outlets.wake(private, public);
    }
}

/// The command, if it is a mass cancel that left orders; `last` is its last event.
fn unfinished_of(command: &Command, last: Option<&Event>) -> Option<Command> {
    let left = last.filter(|event| event.kind == EventKind::MassCanceled)?.leaves_qty;
    (left > 0).then_some(*command)
}

impl Agent for Engine {
    type Error = EngineError;

    fn role_name(&self) -> &'static str {
        "engine"
    }

    fn do_work(&mut self, now: u64) -> Result<usize, EngineError> {
        if self.outlets.lacks_bells() && now >= self.bells_at_ns {
            self.bells_at_ns = now + BELLS_NS;
            self.find_bells();
        }
        let mut work = self.finish_mass_cancel();
        work += self.serve_operators();
        work += self.serve_strategies();
        work += self.expire_orders(now);
        work += self.poll(now)?;
        if self.journal.flush() {
            self.journal_bell.ring();
        }
        work += self.release(now_ns());
        if now >= self.metrics.due_ns {
            self.metrics.due_ns = now + TELL_NS;
            self.tell(now);
        }
        Ok(work)
    }

    fn park(&mut self) -> bool {
        self.commands.iter_mut().all(SpscConsumer::park)
            && self.strategies.park()
            && self.pending.first_seq().is_none_or(|seq| seq > self.durable.seq())
    }

    fn unpark(&mut self) {
        self.commands.iter_mut().for_each(SpscConsumer::unpark);
        self.strategies.unpark();
        self.bell.drain();
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.strategies.fd())
    }

    fn deadline_ns(&self) -> u64 {
        let bells = if self.outlets.lacks_bells() { self.bells_at_ns } else { u64::MAX };
        let expiry = self.matcher.next_expiry().unwrap_or(u64::MAX);
        bells.min(self.strategies.deadline_ns()).min(expiry)
    }
}
