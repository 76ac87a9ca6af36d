//! The way into the engine: says who we are, gets memory and bells.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use touchline_config::{RunFile, Venue};
use touchline_ring::port::{End, map, map_gauges};
use touchline_ring::{BroadcastConsumer, RingError, SpscProducer};
use touchline_sys::{EventBell, Interest, Link, Poller, Readiness, Received, SharedMap, SysError};
use touchline_types::{Command, PrivateRecord, PublicRecord};

use crate::targets::{self, Watch};

/// How long the engine may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Longest answer, bytes.
const ANSWER_BYTES_MAX: usize = 4_096;
/// Rings that are taken at one look.
const RINGS_MAX: usize = 64;
const BELL: u64 = 0;
const LINK: u64 = 1;

/// Why a strategy cannot connect.
#[derive(Debug)]
pub enum OpenError {
    /// The venue has no such strategy; holds the names that it has.
    Unknown(String, Vec<String>),
    /// No engine is there: where it was looked for, and why.
    NoEngine(String, SysError),
    /// The engine said no: why.
    Refused(String),
    /// The engine gave no answer, or none that is one.
    Answer(String),
    /// The system failed.
    System(SysError),
    /// A ring is broken.
    Ring(RingError),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(name, known) if known.is_empty() => {
                write!(out, "no strategy {name:?}: the venue has no [[strategy]] section")
            }
            Self::Unknown(name, known) => {
                write!(out, "no strategy {name:?}; the venue has {}", known.join(", "))
            }
            Self::NoEngine(path, error) => {
                write!(out, "no engine at {path} ({}); start the venue", error.errno)
            }
            Self::Refused(why) => write!(out, "the engine refuses: {why}"),
            Self::Answer(why) => write!(out, "the engine's answer: {why}"),
            Self::System(error) => write!(out, "{error}"),
            Self::Ring(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<SysError> for OpenError {
    fn from(error: SysError) -> Self {
        Self::System(error)
    }
}

impl From<RingError> for OpenError {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}

/// Everything that a connection is made of.
pub(crate) struct Connection {
    pub(crate) session_id: u32,
    /// Number of the connection.
    pub(crate) epoch: u64,
    pub(crate) public: BroadcastConsumer<PublicRecord, Arc<SharedMap>>,
    pub(crate) executions: BroadcastConsumer<PrivateRecord, Arc<SharedMap>>,
    pub(crate) commands: SpscProducer<Command, Arc<SharedMap>>,
    pub(crate) gauges: SharedMap,
    pub(crate) engine: EventBell,
    pub(crate) targets: Watch,
    bell: Link,
    link: Link,
    poller: Poller,
    ready: Vec<Readiness>,
}

impl Connection {
    /// Connects to the engine of a venue; without a name as an observer.
    pub(crate) fn open(venue: &Venue, name: &str) -> Result<Self, OpenError> {
        let hello = json!({
            "strategy": name,
            "records": format!("{:016x}", touchline_types::LAYOUT_HASH),
            "rings": format!("{:016x}", touchline_ring::port::LAYOUT_HASH),
        });
        let (link, answer, mut fds) = greet(venue, name, &hello)?;
        let number = |key: &str| {
            let missing = || OpenError::Answer(format!("{key} is missing"));
            answer.get(key).and_then(Value::as_u64).ok_or_else(missing)
        };
        let session_id = u32::try_from(number("session_id")?).unwrap_or(u32::MAX);
        let epoch = number("epoch")?;
        // An observer has none.
        let targets = if fds.len() == 6 { fds.pop() } else { None };
        let fds: [OwnedFd; 5] = fds.try_into().map_err(|fds: Vec<OwnedFd>| {
            OpenError::Answer(format!("{} descriptors came, not 5", fds.len()))
        })?;
        let [engine, strategy, public, bell, engine_bell] = fds;
        let (commands, executions) = map(End::Strategy, engine.as_fd(), strategy.as_fd())?;
        let gauges = map_gauges(End::Strategy, &strategy)?;
        // It seals our piece now: what is mapped stays writable, and nothing else becomes so.
        link.send(b"mapped", &[])?;
        let public = Arc::new(SharedMap::view(&public, "public ring")?);
        let targets = targets.map(|fd| targets::map(&fd, venue, false)).transpose()?;
        let (bell, poller) = (Link::of(bell), Poller::new(2)?);
        poller.add(bell.fd(), BELL, Interest::Read)?;
        poller.add(link.fd(), LINK, Interest::Read)?;
        Ok(Self {
            session_id,
            epoch,
            public: BroadcastConsumer::attach(public, 0)?,
            executions: BroadcastConsumer::attach(Arc::new(executions), 0)?,
            commands: SpscProducer::attach(Arc::new(commands))?,
            gauges,
            engine: EventBell::of(engine_bell),
            targets: Watch::new(targets, targets::bounds_of(venue, name))?,
            bell,
            link,
            poller,
            ready: Vec::with_capacity(2),
        })
    }

    /// Asks for another snapshot of the books. The engine answers a request only now and then.
    pub(crate) fn ask_snapshot(&self) {
        // A socket that is full or closed is noticed where it is read.
        let _ = self.link.send(b"snapshot", &[]);
    }

    /// Takes the rings that have come; true if the engine has closed the connection.
    pub(crate) fn hear(&self) -> bool {
        let mut buffer = [0; 64];
        let mut is_closed = |link: &Link| {
            for _ in 0..RINGS_MAX {
                match link.receive(&mut buffer) {
                    Ok(Received::Message { .. }) => {}
                    Ok(Received::Nothing) => return false,
                    Ok(Received::Closed) | Err(_) => return true,
                }
            }
            false
        };
        is_closed(&self.bell) || is_closed(&self.link)
    }

    /// Leaves: the engine sees it at once.
    pub(crate) fn shut(&self) {
        self.link.shut();
    }

    /// Sleeps until the engine rings or goes, or the time is over. The caller has announced it.
    pub(crate) fn sleep(&mut self, timeout_ns: u64) -> Result<(), SysError> {
        self.ready.clear();
        self.poller.wait(Some(timeout_ns), &mut self.ready)
    }

    /// True if the last sleep ended because the engine rang or went.
    pub(crate) fn is_called(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// Says hello to the engine of a venue; what it answers, and hands over. The name is one of the
/// venue's strategies, or none.
pub(crate) fn greet(
    venue: &Venue,
    name: &str,
    hello: &Value,
) -> Result<(Link, Value, Vec<OwnedFd>), OpenError> {
    let known = name.is_empty() || venue.strategies.iter().any(|one| one.name == name);
    if !known {
        let known = venue.strategies.iter().map(|strategy| strategy.name.clone()).collect();
        return Err(OpenError::Unknown(name.into(), known));
    }
    let path = venue.run_file(RunFile::StrategySocket);
    let on = path.display().to_string();
    let link = Link::connect(&path).map_err(|error| OpenError::NoEngine(on, error))?;
    link.send(hello.to_string().as_bytes(), &[])?;
    let (answer, fds) = await_answer(&link)?;
    Ok((link, answer, fds))
}

fn await_answer(link: &Link) -> Result<(Value, Vec<OwnedFd>), OpenError> {
    let mut poller = Poller::new(1)?;
    poller.add(link.fd(), LINK, Interest::Read)?;
    let until = Instant::now() + ANSWER;
    let mut buffer = [0; ANSWER_BYTES_MAX];
    let mut ready = Vec::new();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(OpenError::Answer(format!("none came in {} s", ANSWER.as_secs())));
        }
        poller.wait(Some(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX)), &mut ready)?;
        match link.receive(&mut buffer)? {
            Received::Nothing => {}
            Received::Closed => return Err(OpenError::Answer("it closed the connection".into())),
            Received::Message { whole: false, .. } => {
                return Err(OpenError::Answer("it is too long".into()));
            }
            Received::Message { len, fds, .. } => {
                let answer: Value = serde_json::from_slice(&buffer[..len])
                    .map_err(|error| OpenError::Answer(error.to_string()))?;
                if answer.get("ok") == Some(&Value::Bool(true)) {
                    return Ok((answer, fds));
                }
                let why = answer.get("error").and_then(Value::as_str).unwrap_or("without a reason");
                return Err(OpenError::Refused(why.into()));
            }
        }
    }
}
