//! The engine whose public ring is read, whichever that is now. An engine that starts makes a new
//! ring; the beacon says so.

use touchline_config::{RunFile, Venue};
use touchline_ring::{Beacon, BroadcastConsumer};
use touchline_sys::SharedMap;
use touchline_types::PublicRecord;

use crate::PublisherError;

/// Number of the publisher among the readers of the public ring.
const RING_READER: usize = 0;
/// An engine that is just making its rings has so long until it has made them, ms.
const RINGS_WAIT_MS: u64 = 1_000;

/// The public ring of one engine.
pub struct EngineRing<M> {
    /// Its reading end.
    pub ring: BroadcastConsumer<PublicRecord, M>,
    /// The command behind which the engine goes on: what was told beyond it did not happen.
    pub replayed: u64,
}

/// Which engine there is, and how far it is.
pub trait Engine<M> {
    /// Newest command that may be told; the past holds it.
    fn durable(&self) -> u64;

    /// Newest command that was sequenced.
    fn sequenced(&self) -> u64;

    /// The ring of another engine, if one has started since the last ring was given.
    ///
    /// # Errors
    ///
    /// [`PublisherError`] if it cannot be read.
    fn next_ring(&mut self) -> Result<Option<EngineRing<M>>, PublisherError>;
}

/// The engine of a venue, in this process or another.
#[derive(Debug)]
pub(crate) struct EngineLink {
    venue: Venue,
    beacon: Beacon<SharedMap>,
    /// Number of the engine that made the newest ring given; 0 before the first.
    engine: u64,
}

impl EngineLink {
    pub(crate) fn open(venue: &Venue) -> Result<Self, PublisherError> {
        let map = SharedMap::open(&venue.run_file(RunFile::EngineBeacon), false)?;
        Ok(Self { venue: venue.clone(), beacon: Beacon::attach(map)?, engine: 0 })
    }

    /// The first ring; waits for an engine that is just making it.
    pub(crate) fn first_ring(
        &mut self,
    ) -> Result<BroadcastConsumer<PublicRecord, SharedMap>, PublisherError> {
        for _ in 0..RINGS_WAIT_MS {
            if let Some(first) = self.next_ring()? {
                return Ok(first.ring);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Err(PublisherError::NoEngine)
    }

    fn attach(&self) -> Result<EngineRing<SharedMap>, PublisherError> {
        // Writable, because a reader says in the ring when it sleeps.
        let map = SharedMap::open(&self.venue.run_file(RunFile::PublicRing), true)?;
        let ring = BroadcastConsumer::attach(map, RING_READER)?;
        Ok(EngineRing { ring, replayed: self.beacon.replayed() })
    }
}

impl Engine<SharedMap> for EngineLink {
    fn durable(&self) -> u64 {
        self.beacon.durable()
    }

    fn sequenced(&self) -> u64 {
        self.beacon.sequenced()
    }

    fn next_ring(&mut self) -> Result<Option<EngineRing<SharedMap>>, PublisherError> {
        let Some(engine) = self.beacon.engine().filter(|engine| *engine != self.engine) else {
            return Ok(None);
        };
        match self.attach() {
            // An engine that started meanwhile has put another ring in its place.
            _ if self.beacon.engine() != Some(engine) => Ok(None),
            Ok(ring) => {
                self.engine = engine;
                Ok(Some(ring))
            }
            Err(error) => Err(error),
        }
    }
}
