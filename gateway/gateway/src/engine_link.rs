//! The way to the engine, whichever that is now: its rings, and the commands that wait for room in
//! them. An engine that starts makes new rings; the beacon says so.

use std::collections::VecDeque;

use touchline_config::{RunFile, Venue};
use touchline_ring::spsc::Full;
use touchline_ring::{Beacon, BroadcastConsumer, SpscProducer};
use touchline_sys::SharedMap;
use touchline_types::{Command, PrivateRecord};

use crate::GatewayError;

/// An engine that is just making its rings has so long until it has made them, ms.
const RINGS_WAIT_MS: u64 = 1_000;

/// The rings of one engine.
#[derive(Debug)]
pub(crate) struct Rings {
    /// Its number.
    pub(crate) engine: u64,
    pub(crate) commands: SpscProducer<Command, SharedMap>,
    pub(crate) events: BroadcastConsumer<PrivateRecord, SharedMap>,
}

impl Rings {
    /// The rings that stand now; `None` if an engine is just making them.
    ///
    /// # Errors
    ///
    /// [`GatewayError`] if they stand, and cannot be used.
    pub(crate) fn attach(
        venue: &Venue,
        beacon: &Beacon<SharedMap>,
    ) -> Result<Option<Self>, GatewayError> {
        let Some(engine) = beacon.engine() else { return Ok(None) };
        match Self::open(venue, engine) {
            // An engine that started meanwhile has put other rings in their place.
            _ if beacon.engine() != Some(engine) => Ok(None),
            rings => rings.map(Some),
        }
    }

    /// As [`attach`](Self::attach), but waits for an engine that is just making them.
    pub(crate) fn wait_for(
        venue: &Venue,
        beacon: &Beacon<SharedMap>,
    ) -> Result<Self, GatewayError> {
        for _ in 0..RINGS_WAIT_MS {
            if let Some(rings) = Self::attach(venue, beacon)? {
                return Ok(rings);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Err(GatewayError::NoEngine)
    }

    fn open(venue: &Venue, engine: u64) -> Result<Self, GatewayError> {
        let commands = SharedMap::open(&venue.run_file(RunFile::CommandRing), true)?;
        // Writable, because a reader says in the ring when it sleeps.
        let events = SharedMap::open(&venue.run_file(RunFile::PrivateRing), true)?;
        Ok(Self {
            engine,
            commands: SpscProducer::attach(commands)
                .map_err(|error| GatewayError::Ring("command ring", error))?,
            events: BroadcastConsumer::attach(events, 0)
                .map_err(|error| GatewayError::Ring("private ring", error))?,
        })
    }
}

/// Looks for the beacon of the venue's engine.
///
/// # Errors
///
/// [`GatewayError`] if there was never an engine.
pub(crate) fn beacon(venue: &Venue) -> Result<Beacon<SharedMap>, GatewayError> {
    let map = SharedMap::open(&venue.run_file(RunFile::EngineBeacon), false)?;
    Beacon::attach(map).map_err(|error| GatewayError::Ring("beacon", error))
}

/// Commands to the engine, in order, also over the end of one engine and the start of the next.
#[derive(Debug)]
pub(crate) struct CommandQueue {
    ring: SpscProducer<Command, SharedMap>,
    /// What was handed to an engine that is gone, and what came behind it, waits for room.
    waiting: VecDeque<Command>,
    waiting_max: usize,
}

impl CommandQueue {
    /// The way into this ring; at most `waiting_max` commands wait for room before more are
    /// refused.
    pub(crate) const fn new(ring: SpscProducer<Command, SharedMap>, waiting_max: usize) -> Self {
        Self { ring, waiting: VecDeque::new(), waiting_max }
    }

    /// Hands over a command, seen by the engine after the next [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// [`Full`]: the engine is behind, or away.
    pub(crate) fn push(&mut self, command: &Command) -> Result<(), Full> {
        if self.waiting.is_empty() {
            return self.ring.push(command);
        }
        if self.waiting.len() >= self.waiting_max {
            return Err(Full);
        }
        self.waiting.push_back(*command);
        Ok(())
    }

    /// Shows the engine what was pushed. `true` if it sleeps: ring its bell.
    pub(crate) fn flush(&mut self) -> bool {
        let mut room = if self.waiting.is_empty() { 0 } else { self.ring.room() };
        while room > 0 && self.waiting.front().is_some_and(|next| self.ring.push(next).is_ok()) {
            self.waiting.pop_front();
            room -= 1;
        }
        self.ring.flush()
    }

    /// Another engine: `unanswered`, in the order of their tokens, are handed over first. They hold
    /// what waits.
    pub(crate) fn renew(
        &mut self,
        ring: SpscProducer<Command, SharedMap>,
        unanswered: impl Iterator<Item = Command>,
    ) {
        self.ring = ring;
        self.waiting.clear();
        self.waiting.extend(unanswered);
    }

    /// Whether commands wait for room in the ring.
    pub(crate) fn is_held_back(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Commands in the ring that the engine has not taken.
    pub(crate) fn depth(&self) -> u64 {
        self.ring.depth()
    }
}
