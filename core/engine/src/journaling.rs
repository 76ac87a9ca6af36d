//! The journal's agent: takes sequenced commands from the engine, writes all that is waiting as one
//! block, makes it durable, and says so. One fdatasync serves every command that came meanwhile.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use touchline_config::{Durability, RunFile, Venue};
use touchline_counters::{CountersFile, Recorder, Table, Value};
use touchline_journal::{JournalError, Writer};
use touchline_ring::{BeaconWriter, Memory, RingError, SpscConsumer};
use touchline_sys::{Agent, Bell, Ringer, SharedMap, SysError, now_ns};
use touchline_types::Command;

/// Commands in one write at most.
const BATCH: usize = 4096;

/// How far the journal is, shared by its agent and the engine.
#[derive(Debug)]
pub struct Durable {
    /// Newest command that is durable in the sense of the configuration, where everybody can see
    /// it.
    beacon: BeaconWriter<Arc<SharedMap>>,
    /// When it became so, ns since the epoch, UTC.
    time: AtomicU64,
    /// Newest command that fdatasync has covered, whatever the configuration says.
    synced: AtomicU64,
}

impl Durable {
    /// Everything up to `seq` is on the disk, where the beacon says so.
    pub(crate) const fn new(beacon: BeaconWriter<Arc<SharedMap>>, seq: u64) -> Self {
        Self { beacon, time: AtomicU64::new(0), synced: AtomicU64::new(seq) }
    }

    /// Newest durable command.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.beacon.durable()
    }

    /// When the newest durable command became so.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time.load(Ordering::Relaxed)
    }

    /// Newest command that is on disk for sure.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }
}

/// Why the journal's agent stopped. The venue stops with it: it cannot keep what it would promise.
#[derive(Debug)]
pub enum JournalingError {
    /// The journal could not be written.
    Journal(JournalError),
    /// The ring from the engine is broken.
    Ring(RingError),
}

impl std::fmt::Display for JournalingError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(error) => write!(out, "journal: {error}"),
            Self::Ring(error) => write!(out, "ring of sequenced commands: {error}"),
        }
    }
}

impl std::error::Error for JournalingError {}

/// What the journal's agent tells in its counters file, after each batch.
#[derive(Debug)]
pub(crate) struct JournalMetrics {
    file: CountersFile,
    commands: Value,
    blocks: Value,
    bytes: Value,
    durable_seq: Value,
    fdatasync: Recorder,
}

impl JournalMetrics {
    /// Makes the file.
    pub(crate) fn create(venue: &Venue) -> Result<Self, SysError> {
        let mut table = Table::new("journal");
        let mut counter = |name, help| table.counter(name, &[], help);
        let commands = counter("touchline_journal_commands_total", "Commands written.");
        let blocks = counter("touchline_journal_blocks_total", "Blocks written.");
        let bytes = counter("touchline_journal_bytes_total", "Bytes of the blocks.");
        let durable_seq =
            table.gauge("touchline_durable_seq", &[], "Newest command that fdatasync covers.");
        let fdatasync = table.latency(
            "touchline_journal_fdatasync_seconds",
            &[],
            "How long fdatasync took for a batch.",
        );
        let file = table.create(&venue.run_file(RunFile::JournalCounters))?;
        let fdatasync = file.recorder(fdatasync);
        Ok(Self { file, commands, blocks, bytes, durable_seq, fdatasync })
    }

    fn tell(&self, writer: &Writer, commands: u64) {
        let written = writer.written();
        self.file.set(self.commands, commands);
        self.file.set(self.blocks, written.blocks);
        self.file.set(self.bytes, written.bytes);
        self.file.set(self.durable_seq, writer.last_seq());
    }
}

/// The agent. It blocks in fdatasync, so it has a thread of its own.
#[derive(Debug)]
pub struct JournalAgent<M> {
    commands: SpscConsumer<Command, M>,
    writer: Writer,
    durability: Durability,
    durable: Arc<Durable>,
    bell: Bell,
    engine: Ringer,
    batch: Vec<Command>,
    metrics: JournalMetrics,
    /// Commands written since the start.
    written: u64,
}

impl<M: Memory> JournalAgent<M> {
    pub(crate) fn new(
        commands: SpscConsumer<Command, M>,
        writer: Writer,
        durability: Durability,
        durable: Arc<Durable>,
        bell: Bell,
        engine: Ringer,
        metrics: JournalMetrics,
    ) -> Self {
        let batch = Vec::with_capacity(BATCH);
        metrics.tell(&writer, 0);
        let written = 0;
        Self { commands, writer, durability, durable, bell, engine, batch, metrics, written }
    }

    fn announce(&self, seq: u64) {
        self.durable.time.store(now_ns(), Ordering::Relaxed);
        self.durable.beacon.set_durable(seq);
    }
}

impl<M: Memory> Agent for JournalAgent<M> {
    type Error = JournalingError;

    fn role_name(&self) -> &'static str {
        "journal"
    }

    fn do_work(&mut self, now: u64) -> Result<usize, JournalingError> {
        self.metrics.file.alive(now);
        self.batch.clear();
        while self.batch.len() < BATCH {
            match self.commands.pop().map_err(JournalingError::Ring)? {
                Some(command) => self.batch.push(command),
                None => break,
            }
        }
        if self.batch.is_empty() {
            return Ok(0);
        }
        self.commands.release();
        self.writer.append(&self.batch).map_err(JournalingError::Journal)?;
        let seq = self.writer.last_seq();
        if self.durability == Durability::Async {
            self.announce(seq);
        }
        let syncing = now_ns();
        self.writer.sync().map_err(JournalingError::Journal)?;
        let synced = now_ns();
        self.durable.synced.store(seq, Ordering::Release);
        if self.durability == Durability::Sync {
            self.announce(seq);
            self.engine.ring();
        }
        self.written += self.batch.len() as u64;
        self.metrics.fdatasync.record(synced.saturating_sub(syncing));
        self.metrics.tell(&self.writer, self.written);
        Ok(self.batch.len())
    }

    fn park(&mut self) -> bool {
        self.commands.park()
    }

    fn unpark(&mut self) {
        self.commands.unpark();
        self.bell.drain();
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bell.fd())
    }

    fn deadline_ns(&self) -> u64 {
        u64::MAX
    }
}
