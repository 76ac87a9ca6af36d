//! The targets of a strategy: what the strategy sees of them, and the way in for who sets them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use serde_json::json;
use touchline_config::Venue;
use touchline_ring::targets::{Bounds, LAYOUT_HASH, targets_bytes};
use touchline_ring::{Targets, TargetsError, TargetsReader, TargetsWriter};
use touchline_sys::{Link, Part, Received, SharedMap, SysError};

use crate::event::{Kind, StrategyEvent};
use crate::link::{OpenError, greet};
use crate::strategy::StartError;

/// A strategy's view of its own targets.
pub(crate) struct Watch {
    /// Without it there are none: an observer.
    reader: Option<TargetsReader<SharedMap>>,
    bounds: Bounds,
    /// The version that was looked at last, good or bad.
    seen: u64,
    /// The newest good one.
    current: Targets,
    is_expired: bool,
    /// Versions that were no targets.
    pub(crate) refused: u64,
    /// Why the last of them was none.
    why: Option<TargetsError>,
}

impl Watch {
    /// Looks at memory that the engine gave.
    pub(crate) fn new(memory: Option<SharedMap>, bounds: Bounds) -> Result<Self, OpenError> {
        Ok(Self {
            reader: memory.map(TargetsReader::attach).transpose()?,
            bounds,
            seen: 0,
            current: Targets::default(),
            is_expired: false,
            refused: 0,
            why: None,
        })
    }

    /// Whether there is a version that was not looked at: one load.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.newest() != self.seen)
    }

    /// When the targets expire; never, without any that count.
    pub(crate) fn next_ns(&self) -> u64 {
        let counts = self.current.version != 0 && !self.is_expired;
        if counts { self.current.expires_time } else { u64::MAX }
    }

    /// What there is to tell now: a new version, or that the newest has expired.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<StrategyEvent> {
        if self.has_news() && self.read() {
            self.is_expired = self.current.expires_time <= now_ns;
            return Some(self.event());
        }
        if self.next_ns() <= now_ns {
            self.is_expired = true;
            return Some(self.event());
        }
        None
    }

    /// Looks at the newest version; true if it is one. Who writes nonsense is looked at once for
    /// each version of it.
    #[cold]
    fn read(&mut self) -> bool {
        let Some(reader) = &self.reader else { return false };
        self.seen = reader.newest();
        match reader.read(self.bounds) {
            Ok(Some(targets)) => {
                self.seen = targets.version;
                self.current = targets;
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.refused += 1;
                self.why = Some(error);
                false
            }
        }
    }

    fn event(&self) -> StrategyEvent {
        StrategyEvent {
            order: self.current.version,
            matched_time: self.current.published_time,
            released_time: self.current.expires_time,
            qty: self.current.rows.len() as u64,
            expired: u8::from(self.is_expired),
            ..StrategyEvent::of(Kind::Target)
        }
    }

    /// The newest version, and whether it has expired; `None` before the first.
    pub(crate) fn current(&self) -> Option<(&Targets, bool)> {
        (self.current.version != 0).then_some((&self.current, self.is_expired))
    }

    /// Why the last version that was none was refused.
    pub(crate) fn why(&self) -> Option<String> {
        self.why.as_ref().map(ToString::to_string)
    }
}

/// Why targets were not set.
#[derive(Debug)]
pub enum PutError {
    /// The engine has ended: connect again.
    Gone,
    /// They are no targets of this strategy.
    Targets(TargetsError),
}

impl std::fmt::Display for PutError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => write!(out, "the engine has ended, or has closed the connection"),
            Self::Targets(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for PutError {}

/// Sets the targets of one strategy. While it lives nobody else can; the targets stay when it goes.
#[derive(Debug)]
pub struct TargetsSetter {
    link: Link,
    writer: TargetsWriter<SharedMap>,
    bounds: Bounds,
}

impl TargetsSetter {
    /// Connects to the running engine of the venue in a file.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what failed and what helps.
    pub fn open(config: &Path, name: &str) -> Result<Self, StartError> {
        let (link, memory, bounds) = ask(config, name, true)?;
        let writer = TargetsWriter::take(memory, bounds.instruments as usize)
            .map_err(|error| StartError::Open(error.into()))?;
        Ok(Self { link, writer, bounds })
    }

    /// Publishes targets; returns their version.
    ///
    /// # Errors
    ///
    /// [`PutError`]; the targets are what they were.
    pub fn put(&self, targets: &Targets) -> Result<u64, PutError> {
        match self.link.receive(&mut [0; 8]) {
            Ok(Received::Nothing) => {}
            _ => return Err(PutError::Gone),
        }
        self.writer.publish(targets, self.bounds).map_err(PutError::Targets)
    }
}

/// The newest targets of a strategy of a running venue; `None`: there are none yet.
///
/// # Errors
///
/// [`StartError`] says what failed and what helps.
pub fn read_targets(config: &Path, name: &str) -> Result<Option<Targets>, StartError> {
    let (_, memory, bounds) = ask(config, name, false)?;
    let reader = TargetsReader::attach(memory).map_err(|error| StartError::Open(error.into()))?;
    let read = reader.read(bounds);
    read.map_err(|error| StartError::Open(OpenError::Answer(error.to_string())))
}

fn ask(config: &Path, name: &str, sets: bool) -> Result<(Link, SharedMap, Bounds), StartError> {
    let venue = Venue::load(config).map_err(StartError::Config)?;
    asked(&venue, name, sets).map_err(StartError::Open)
}

fn asked(venue: &Venue, name: &str, sets: bool) -> Result<(Link, SharedMap, Bounds), OpenError> {
    let hello = json!({
        "strategy": name,
        "targets": if sets { "write" } else { "read" },
        "layout": format!("{LAYOUT_HASH:016x}"),
    });
    let bounds = bounds_of(venue, name);
    let (link, _, fds) = greet(venue, name, &hello)?;
    let [fd]: [OwnedFd; 1] = fds.try_into().map_err(|fds: Vec<OwnedFd>| {
        OpenError::Answer(format!("{} descriptors came, not 1", fds.len()))
    })?;
    Ok((link, map(&fd, venue, sets)?, bounds))
}

/// Maps the memory of targets.
pub(crate) fn map(fd: &OwnedFd, venue: &Venue, writable: bool) -> Result<SharedMap, SysError> {
    let bytes = targets_bytes(venue.instruments.len());
    SharedMap::assemble(&[Part { fd: fd.as_fd(), offset: 0, bytes, writable }], "targets")
}

/// What the targets of a strategy of the venue may be.
pub(crate) fn bounds_of(venue: &Venue, name: &str) -> Bounds {
    let config = venue.strategies.iter().find(|one| one.name == name);
    let most = config.map_or(0, |one| one.max_position);
    Bounds {
        instruments: u32::try_from(venue.instruments.len()).unwrap_or(u32::MAX),
        max_position: i64::try_from(most).unwrap_or(i64::MAX),
    }
}
