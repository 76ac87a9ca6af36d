//! Where strategies connect: a thread of its own, so that the engine makes no memory and reads no
//! text while it trades. It checks who comes, makes the memory, hands it over and gives the engine
//! its end; later it notices that the process has gone.
//!
//! A message each way, JSON, then descriptors travel beside the answer:
//!
//! ```text
//! -> {"strategy":"maker","records":"<layout hash>","rings":"<layout hash>"}   no name: an observer
//! <- {"ok":true,"session_id":5,"epoch":1700000000000}  + engine piece, strategy piece, public ring
//!                                                        (to read), its bell, our doorbell, and
//!                                                        its targets (to read) but for observers
//! <- {"ok":false,"error":"..."}
//! -> mapped                                              from here on nobody can map its piece for
//!                                                        writing, or punch holes into it
//! -> snapshot                                            another snapshot of the books, please
//! -> {"strategy":"maker","targets":"write","layout":"<layout hash>"}   or "read": to look once
//! <- {"ok":true}                                         + its targets
//! ```
//!
//! One process at a time may set the targets of a strategy: as long as its connection lasts.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};
use touchline_config::{RunFile, Strategy, Venue};
use touchline_sys::{
    Admits, Errno, Interest, Link, LinkListener, Poller, Received, Ringer, Seal, SysError, now_ns,
    own_uid, seal,
};

use super::observers;
use super::port::{Pace, Port, PortError};
use super::targets::TargetsPiece;

/// Longest message of a strategy, bytes.
const MESSAGE_BYTES_MAX: usize = 512;
/// A connection that has not said who it is, and mapped its memory, by then is closed, ns.
const HELLO_NS: u64 = 2_000_000_000;
/// Connections beside those of strategies that are known, at most.
const STRANGERS_MAX: usize = 16;
/// Of these, of users who run no strategy here.
const UNWELCOME_MAX: usize = 4;
/// Connections that are taken at one look.
const ACCEPTED_MAX: usize = 16;
/// A strategy may connect so often: each time memory is made, and orders are cancelled.
const CONNECTIONS_PER_S: u64 = 2;
const CONNECTIONS_BURST: u64 = 20;
/// The targets of a strategy may be asked for so often: to set them, and by itself to see them, so
/// that who only looks keeps nobody away.
const TARGETS_PER_S: u64 = 50;
const TARGETS_BURST: u64 = 200;
/// A strategy may ask for a snapshot so often, ns.
const SNAPSHOT_EVERY_NS: u64 = 200_000_000;
/// Longest sleep, so that the end is noticed, ns.
const SLEEP_NS: u64 = 50_000_000;
const LISTENER: u64 = u64::MAX;

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Visit {
    /// A strategy has come; the memory stands.
    Arrived(Box<Port>),
    /// It wants a snapshot: strategy, number of its connection.
    Snapshot(usize, u64),
    /// It has gone: strategy, number of its connection, when that was noticed.
    Left(usize, u64, u64),
}

/// The engine's end of the channels.
#[derive(Debug)]
pub struct Visits {
    pub(crate) come: Receiver<Visit>,
    /// Ports of those who have gone, or were given up.
    pub(crate) back: Sender<Box<Port>>,
}

/// The thread's own.
pub struct Reception {
    listener: LinkListener,
    poller: Poller,
    visits: Sender<Visit>,
    returned: Receiver<Box<Port>>,
    engine: Ringer,
    public_ring: PathBuf,
    strategies: Vec<Strategy>,
    paces: Vec<Paces>,
    /// Of the strategies, and none of the observers, who stand behind them.
    targets: Vec<TargetsPiece>,
    guests: Vec<Option<Guest>>,
    /// What a stranger has handed to us, and sockets that may hold such things: to close them can
    /// take as long as he likes, so that is done where nobody waits.
    undertaker: Sender<Remains>,
    /// Last number of a connection; ms since the epoch where that is larger, so that names made
    /// from it are new also after a restart.
    epoch: u64,
}

/// What is left of a guest.
#[derive(Debug)]
enum Remains {
    Link(#[expect(dead_code, reason = "only dropped")] Link),
    Handed(#[expect(dead_code, reason = "only dropped")] Vec<OwnedFd>),
}

/// A connection.
#[derive(Debug)]
struct Guest {
    link: Link,
    /// Of a user who runs a strategy here; another one gets his refusal, and takes few places.
    welcome: bool,
    came_at: u64,
    role: Role,
    /// The engine's end and the strategy's piece, until the strategy has mapped its own.
    pending: Option<(Box<Port>, OwnedFd)>,
    snapshot_at: u64,
}

/// How often a strategy may connect, and its targets be asked for.
#[derive(Clone, Copy, Debug)]
struct Paces {
    connect: Pace,
    set_targets: Pace,
    see_targets: Pace,
}

/// What a guest is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It has not said so yet.
    Unknown,
    /// It is a strategy, by this connection number.
    Strategy(usize, u64),
    /// It sets the targets of one.
    Writer(usize),
}

/// What a guest wants, by its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// To be this strategy; without a name, an observer.
    Strategy(String),
    /// To set the targets of this strategy.
    SetTargets(String),
    /// To look at them.
    SeeTargets(String),
}

/// Opens the socket and makes both ends. The system lets other users than the engine's own connect
/// if the configuration names one; which of them are welcome is asked when they have come.
///
/// # Errors
///
/// Whatever the system says to bind or poll.
pub fn reception(venue: &Venue) -> Result<(Reception, Visits), SysError> {
    let named = venue.strategies.iter().any(|one| one.uid.or(one.targets_uid).is_some());
    let admits = if named { Admits::Everybody } else { Admits::Owner };
    let listener = LinkListener::bind(&venue.run_file(RunFile::StrategySocket), admits)?;
    let poller = Poller::new(16)?;
    poller.add(listener.fd(), LISTENER, Interest::Read)?;
    let (visits, come) = channel();
    let (back, returned) = channel();
    let strategies: Vec<Strategy> =
        venue.strategies.iter().cloned().chain(observers(venue)).collect();
    let paces = Paces {
        connect: Pace::new(CONNECTIONS_PER_S, CONNECTIONS_BURST),
        set_targets: Pace::new(TARGETS_PER_S, TARGETS_BURST),
        see_targets: Pace::new(TARGETS_PER_S, TARGETS_BURST),
    };
    let pieces = venue.strategies.iter().map(|_| TargetsPiece::make(venue.instruments.len()));
    let reception = Reception {
        listener,
        poller,
        visits,
        returned,
        engine: Ringer::open(&venue.run_file(RunFile::EngineBell))?,
        public_ring: venue.run_file(RunFile::PublicRing),
        paces: vec![paces; strategies.len()],
        targets: pieces.collect::<Result<_, _>>()?,
        strategies,
        guests: Vec::new(),
        undertaker: undertaker(),
        epoch: 0,
    };
    Ok((reception, Visits { come, back }))
}

/// A thread that drops what it gets. Nobody waits for it: it may take for ever.
fn undertaker() -> Sender<Remains> {
    let (sender, remains) = channel::<Remains>();
    let bury = move || remains.into_iter().for_each(drop);
    // Without the thread, whoever sends finds nobody and drops what he has himself.
    let _ = std::thread::Builder::new().name("undertaker".into()).spawn(bury);
    sender
}

impl Reception {
    /// Serves strategies until `stop` is set; then closes their connections.
    pub fn run(mut self, stop: &Arc<AtomicBool>) {
        let mut ready = Vec::with_capacity(16);
        while !stop.load(Ordering::Acquire) {
            ready.clear();
            if self.poller.wait(Some(SLEEP_NS), &mut ready).is_err() {
                break;
            }
            for readiness in &ready {
                match usize::try_from(readiness.key) {
                    Ok(index) if readiness.key != LISTENER => self.hear(index),
                    _ => self.accept(),
                }
            }
            self.take_returned();
            self.close_silent(now_ns());
        }
        for guest in self.guests.iter().flatten() {
            guest.link.shut();
        }
        while let Ok(port) = self.returned.try_recv() {
            drop(port);
        }
    }

    /// Takes the memory of those who have gone back. One whom the engine has given up goes, too.
    fn take_returned(&mut self) {
        while let Ok(port) = self.returned.try_recv() {
            let place = Role::Strategy(port.strategy, port.number);
            let here =
                |guest: &Option<Guest>| guest.as_ref().is_some_and(|guest| guest.role == place);
            if let Some(index) = self.guests.iter().position(here) {
                self.leave(index);
            }
        }
    }

    /// Takes some of those who wait; the others have their turn with the next look.
    fn accept(&mut self) {
        for _ in 0..ACCEPTED_MAX {
            let Ok(Some(link)) = self.listener.accept() else { break };
            let welcome = link.peer_uid().is_ok_and(|uid| self.may_enter(uid));
            let unwelcome = self.guests.iter().flatten().filter(|guest| !guest.welcome).count();
            if !welcome && unwelcome >= UNWELCOME_MAX {
                continue; // dropped: closed
            }
            let room =
                self.guests.len() < self.strategies.len() + self.targets.len() + STRANGERS_MAX;
            let index = match self.guests.iter().position(Option::is_none) {
                Some(index) => index,
                None if room => {
                    self.guests.push(None);
                    self.guests.len() - 1
                }
                None => continue, // dropped: closed
            };
            if self.poller.add(link.fd(), index as u64, Interest::Read).is_ok() {
                let came_at = now_ns();
                let (role, pending, snapshot_at) = (Role::Unknown, None, 0);
                let guest = Guest { link, welcome, came_at, role, pending, snapshot_at };
                self.guests[index] = Some(guest);
            }
        }
    }

    /// Whether a user runs any strategy at all, or sets the targets of one.
    fn may_enter(&self, uid: u32) -> bool {
        let here = |one: &Strategy| one.uid == Some(uid) || one.targets_uid == Some(uid);
        uid == 0 || uid == own_uid() || self.strategies.iter().any(here)
    }

    /// A guest has said something, or has gone.
    fn hear(&mut self, index: usize) {
        let Some(Some(guest)) = self.guests.get(index) else { return };
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        match guest.link.receive(&mut buffer) {
            Ok(Received::Nothing) => {}
            Ok(Received::Message { len, fds, whole }) if whole && fds.is_empty() => {
                self.listen(index, &buffer[..len]);
            }
            Ok(Received::Message { fds, .. }) => {
                let _ = self.undertaker.send(Remains::Handed(fds));
                self.leave(index);
            }
            Ok(Received::Closed) | Err(_) => self.leave(index),
        }
    }

    fn listen(&mut self, index: usize, message: &[u8]) {
        let Some(Some(guest)) = self.guests.get_mut(index) else { return };
        match guest.role {
            Role::Unknown => {
                let introduced = read_hello(message).and_then(|hello| match hello {
                    Hello::Strategy(name) => self.introduce(index, &name),
                    Hello::SetTargets(name) => self.give_targets(index, &name, true),
                    Hello::SeeTargets(name) => self.give_targets(index, &name, false),
                });
                if let Err(error) = introduced {
                    self.refuse(index, &error);
                }
            }
            Role::Strategy(..) if guest.pending.is_some() => {
                if let Err(error) = self.admit(index, message) {
                    self.refuse(index, &error);
                }
            }
            Role::Strategy(strategy, number) if message == b"snapshot" => {
                let now = now_ns();
                if now >= guest.snapshot_at {
                    guest.snapshot_at = now + SNAPSHOT_EVERY_NS;
                    self.tell(Visit::Snapshot(strategy, number));
                }
            }
            Role::Strategy(..) | Role::Writer(_) => self.leave(index),
        }
    }

    /// Gives a strategy that is known its memory.
    fn introduce(&mut self, index: usize, name: &str) -> Result<(), String> {
        let Some(Some(guest)) = self.guests.get(index) else { return Ok(()) };
        let taken = |strategy: usize| {
            let here =
                |guest: &Guest| matches!(guest.role, Role::Strategy(at, _) if at == strategy);
            self.guests.iter().flatten().any(here)
        };
        let mut places = (0..self.strategies.len()).filter(|at| self.strategies[*at].name == name);
        let strategy = if name.is_empty() {
            let free = places.find(|at| !taken(*at));
            free.ok_or("as many observe as may; end one of them")?
        } else {
            places.next().ok_or_else(|| format!("the venue has no strategy {name:?}"))?
        };
        let config = &self.strategies[strategy];
        let uid = guest.link.peer_uid().map_err(|error| error.to_string())?;
        let welcome = match config.uid {
            Some(wanted) => uid == wanted,
            None => uid == 0 || uid == own_uid(),
        };
        if !welcome {
            return Err(match name {
                "" => format!("user {uid} may not observe"),
                name => format!("user {uid} may not run strategy {name}"),
            });
        }
        if taken(strategy) {
            return Err(format!("strategy {name} is connected already"));
        }
        let now = now_ns();
        let pace = &mut self.paces[strategy].connect;
        pace.advance(now);
        if !pace.allows() {
            return Err("it connects too often; wait a second".into());
        }
        pace.pay();
        let number = self.epoch.saturating_add(1).max(now / 1_000_000);
        let answer = json!({"ok": true, "session_id": config.id, "epoch": number}).to_string();
        let pending = self
            .hand_over(strategy, number, &guest.link, &answer)
            .map_err(|error| format!("no memory for {name}: {error}"))?;
        self.epoch = number;
        if let Some(Some(guest)) = self.guests.get_mut(index) {
            guest.role = Role::Strategy(strategy, number);
            guest.pending = Some(pending);
        }
        Ok(())
    }

    /// Lets a strategy in that has mapped its memory, and gives the engine its end. Who touches a
    /// page waits while a hole is punched there, so that must not be possible from now on.
    fn admit(&mut self, index: usize, message: &[u8]) -> Result<(), String> {
        if message != b"mapped" {
            return Err("`mapped` comes first".into());
        }
        let Some(Some(guest)) = self.guests.get_mut(index) else { return Ok(()) };
        let Some((port, piece)) = guest.pending.take() else { return Ok(()) };
        seal(&piece, Seal::LengthAndWrites)
            .map_err(|error| format!("the piece cannot be sealed: {error}"))?;
        self.tell(Visit::Arrived(port));
        Ok(())
    }

    /// Gives the targets of a strategy to who sets them, one process at a time, or to who looks:
    /// he has got what he came for, and is let go.
    fn give_targets(&mut self, index: usize, name: &str, sets: bool) -> Result<(), String> {
        let Some(Some(guest)) = self.guests.get(index) else { return Ok(()) };
        let named = |one: &Strategy| !name.is_empty() && one.name == name;
        let at = self.strategies.iter().position(named);
        let at = at.ok_or_else(|| format!("the venue has no strategy {name:?}"))?;
        let (config, piece) = (&self.strategies[at], &self.targets[at]);
        let uid = guest.link.peer_uid().map_err(|error| error.to_string())?;
        let ours = uid == 0 || uid == own_uid();
        let may_set = config.targets_uid.map_or(ours, |wanted| uid == wanted);
        if !may_set && (sets || !(ours || config.uid == Some(uid))) {
            let what = if sets { "set" } else { "see" };
            return Err(format!("user {uid} may not {what} the targets of strategy {name}"));
        }
        let another = |guest: &Guest| guest.role == Role::Writer(at);
        if sets && self.guests.iter().flatten().any(another) {
            return Err(format!("another process sets the targets of strategy {name}"));
        }
        let paces = &mut self.paces[at];
        let pace = if sets { &mut paces.set_targets } else { &mut paces.see_targets };
        pace.advance(now_ns());
        if !pace.allows() {
            return Err("its targets are asked for too often; wait a second".into());
        }
        pace.pay();
        let fd = if sets { &piece.write } else { &piece.read };
        let sent = guest.link.send(json!({"ok": true}).to_string().as_bytes(), &[fd.as_fd()]);
        if sent.is_err() || !sets {
            self.leave(index);
        } else if let Some(Some(guest)) = self.guests.get_mut(index) {
            guest.role = Role::Writer(at);
        }
        Ok(())
    }

    fn hand_over(
        &self,
        strategy: usize,
        number: u64,
        link: &Link,
        answer: &str,
    ) -> Result<(Box<Port>, OwnedFd), PortError> {
        // Opened for reading: nobody can map it for writing through this descriptor.
        let public = std::fs::File::open(&self.public_ring).map_err(|error| SysError {
            call: "open",
            on: self.public_ring.display().to_string(),
            errno: Errno::from_io_error(&error).unwrap_or(Errno::INVAL),
        })?;
        let (port, pieces) = Port::make(strategy, number)?;
        let mut fds = vec![
            pieces.engine.as_fd(),
            pieces.strategy.as_fd(),
            public.as_fd(),
            pieces.bell.fd(),
            pieces.doorbell.as_fd(),
        ];
        fds.extend(self.targets.get(strategy).map(|piece| piece.read.as_fd()));
        link.send(answer.as_bytes(), &fds)?;
        Ok((Box::new(port), pieces.strategy))
    }

    fn refuse(&mut self, index: usize, error: &str) {
        if let Some(Some(guest)) = self.guests.get(index) {
            let answer = json!({"ok": false, "error": error}).to_string();
            let _ = guest.link.send(answer.as_bytes(), &[]);
        }
        self.leave(index);
    }

    fn leave(&mut self, index: usize) {
        let Some(guest) = self.guests.get_mut(index).and_then(Option::take) else { return };
        let _ = self.poller.remove(guest.link.fd());
        guest.link.shut();
        if let Role::Strategy(strategy, number) = guest.role {
            self.tell(Visit::Left(strategy, number, now_ns()));
        }
        let _ = self.undertaker.send(Remains::Link(guest.link));
    }

    /// Closes connections that have not said who they are, or not mapped what they got.
    fn close_silent(&mut self, now: u64) {
        for index in 0..self.guests.len() {
            let Some(guest) = self.guests[index].as_ref() else { continue };
            let waits = guest.role == Role::Unknown || guest.pending.is_some();
            if waits && now > guest.came_at + HELLO_NS {
                self.refuse(index, "no strategy named, or nothing mapped, in 2 s");
            }
        }
    }

    fn tell(&self, visit: Visit) {
        // Without an engine there is nobody to tell.
        let _ = self.visits.send(visit);
        self.engine.ring();
    }
}

/// What the first message of a guest of this build asks for.
///
/// # Errors
///
/// What is wrong with it, for the one who sent it.
pub fn read_hello(message: &[u8]) -> Result<Hello, String> {
    let hello: Value =
        serde_json::from_slice(message).map_err(|error| format!("not JSON: {error}"))?;
    let text = |key: &str| {
        hello.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} is missing"))
    };
    let same = |key: &str, what: &str, ours: u64| {
        let (theirs, ours) = (text(key)?, format!("{ours:016x}"));
        if theirs == ours {
            return Ok(());
        }
        Err(format!(
            "the engine's layout of {what} is {ours}, yours is {theirs}: use the same build"
        ))
    };
    let name = text("strategy")?.to_owned();
    if hello.get("targets").is_some() {
        same("layout", "targets", touchline_ring::targets::LAYOUT_HASH)?;
        return match text("targets")? {
            "write" => Ok(Hello::SetTargets(name)),
            "read" => Ok(Hello::SeeTargets(name)),
            other => Err(format!("targets is {other:?}, must be \"write\" or \"read\"")),
        };
    }
    same("records", "records", touchline_types::LAYOUT_HASH)?;
    same("rings", "rings", touchline_ring::port::LAYOUT_HASH)?;
    Ok(Hello::Strategy(name))
}
