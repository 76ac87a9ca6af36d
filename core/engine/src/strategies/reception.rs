//! Where strategies connect: a thread of its own, so that the engine makes no memory and reads no
//! text while it trades. It checks who comes, makes the memory, hands it over and gives the engine
//! its end; later it notices that the process has gone.
//!
//! A message each way, JSON, then descriptors travel beside the answer:
//!
//! ```text
//! -> {"strategy":"maker","records":"<layout hash>","rings":"<layout hash>"}   no name: an observer
//! <- {"ok":true,"session_id":5,"epoch":1700000000000}  + engine piece, strategy piece, public ring
//!                                                        (to read), its bell, the engine's bell
//! <- {"ok":false,"error":"..."}
//! -> snapshot                                            another snapshot of the books, please
//! ```

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};
use touchline_config::{RunFile, Strategy, Venue};
use touchline_sys::{
    EventBell, Interest, Link, LinkListener, Poller, Received, Ringer, SysError, now_ns, own_uid,
};

use super::observers;
use super::port::{Port, PortError};

/// Longest message of a strategy, bytes.
const MESSAGE_BYTES_MAX: usize = 512;
/// A connection that has not said who it is by then is closed, ns.
const HELLO_NS: u64 = 2_000_000_000;
/// Connections beside those of strategies that are known, at most.
const STRANGERS_MAX: usize = 16;
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

/// The engine's end of the channel.
#[derive(Debug)]
pub struct Visits(pub(crate) Receiver<Visit>);

/// The thread's own.
pub struct Reception {
    listener: LinkListener,
    poller: Poller,
    visits: Sender<Visit>,
    engine: Ringer,
    engine_bell: PathBuf,
    public_ring: PathBuf,
    strategies: Vec<Strategy>,
    guests: Vec<Option<Guest>>,
    /// Last number of a connection; ms since the epoch where that is larger, so that names made
    /// from it are new also after a restart.
    epoch: u64,
}

/// A connection.
#[derive(Debug)]
struct Guest {
    link: Arc<Link>,
    came_at: u64,
    /// Which strategy it is and the number of the connection, once it has said so.
    known: Option<(usize, u64)>,
    snapshot_at: u64,
}

/// Opens the socket and makes both ends.
///
/// # Errors
///
/// Whatever the system says to bind or poll.
pub fn reception(venue: &Venue) -> Result<(Reception, Visits), SysError> {
    let listener = LinkListener::bind(&venue.run_file(RunFile::StrategySocket))?;
    let poller = Poller::new(16)?;
    poller.add(listener.fd(), LISTENER, Interest::Read)?;
    let (visits, received) = channel();
    let engine_bell = venue.run_file(RunFile::EngineBell);
    let reception = Reception {
        listener,
        poller,
        visits,
        engine: Ringer::open(&engine_bell)?,
        engine_bell,
        public_ring: venue.run_file(RunFile::PublicRing),
        strategies: venue.strategies.iter().cloned().chain(observers(venue)).collect(),
        guests: Vec::new(),
        epoch: 0,
    };
    Ok((reception, Visits(received)))
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
            self.close_silent(now_ns());
        }
    }

    fn accept(&mut self) {
        while let Ok(Some(link)) = self.listener.accept() {
            let room = self.guests.len() < self.strategies.len() + STRANGERS_MAX;
            let index = match self.guests.iter().position(Option::is_none) {
                Some(index) => index,
                None if room => {
                    self.guests.push(None);
                    self.guests.len() - 1
                }
                None => continue, // dropped: closed
            };
            if self.poller.add(link.fd(), index as u64, Interest::Read).is_ok() {
                let (came_at, link) = (now_ns(), Arc::new(link));
                self.guests[index] = Some(Guest { link, came_at, known: None, snapshot_at: 0 });
            }
        }
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
            Ok(Received::Closed | Received::Message { .. }) | Err(_) => self.leave(index),
        }
    }

    fn listen(&mut self, index: usize, message: &[u8]) {
        let Some(Some(guest)) = self.guests.get_mut(index) else { return };
        match guest.known {
            None => {
                if let Err(error) = self.introduce(index, message) {
                    self.refuse(index, &error);
                }
            }
            Some((strategy, number)) if message == b"snapshot" => {
                let now = now_ns();
                if now >= guest.snapshot_at {
                    guest.snapshot_at = now + SNAPSHOT_EVERY_NS;
                    self.tell(Visit::Snapshot(strategy, number));
                }
            }
            Some(_) => self.leave(index),
        }
    }

    /// Lets a strategy in: its memory, its answer, and the engine's end.
    fn introduce(&mut self, index: usize, message: &[u8]) -> Result<(), String> {
        let Some(Some(guest)) = self.guests.get(index) else { return Ok(()) };
        let name = read_hello(message)?;
        let taken = |strategy: usize| {
            let here = |guest: &Guest| guest.known.is_some_and(|(known, _)| known == strategy);
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
            return Err(match name.as_str() {
                "" => format!("user {uid} may not observe"),
                name => format!("user {uid} may not run strategy {name}"),
            });
        }
        if taken(strategy) {
            return Err(format!("strategy {name} is connected already"));
        }
        let number = self.epoch.saturating_add(1).max(now_ns() / 1_000_000);
        let bell = EventBell::create().map_err(|error| error.to_string())?;
        let link = guest.link.clone();
        let answer = json!({"ok": true, "session_id": config.id, "epoch": number}).to_string();
        let port = self
            .hand_over(strategy, number, bell, &link, &answer)
            .map_err(|error| format!("no memory for {name}: {error}"))?;
        self.epoch = number;
        if let Some(Some(guest)) = self.guests.get_mut(index) {
            guest.known = Some((strategy, number));
        }
        self.tell(Visit::Arrived(Box::new(port)));
        Ok(())
    }

    fn hand_over(
        &self,
        strategy: usize,
        number: u64,
        bell: EventBell,
        link: &Arc<Link>,
        answer: &str,
    ) -> Result<Port, PortError> {
        // Opened for reading: nobody can map it for writing through this descriptor.
        let public = std::fs::File::open(&self.public_ring).map_err(|error| SysError {
            call: "open",
            on: self.public_ring.display().to_string(),
            errno: touchline_sys::Errno::from_io_error(&error)
                .unwrap_or(touchline_sys::Errno::INVAL),
        })?;
        let engine_bell = Ringer::write_only(&self.engine_bell)?;
        let handed = bell.fd().try_clone_to_owned().map_err(|error| SysError {
            call: "dup",
            on: "bell".into(),
            errno: touchline_sys::Errno::from_io_error(&error)
                .unwrap_or(touchline_sys::Errno::INVAL),
        })?;
        let (port, pieces) = Port::make(strategy, number, bell, link.clone())?;
        let fds = [
            pieces.engine.as_fd(),
            pieces.strategy.as_fd(),
            public.as_fd(),
            handed.as_fd(),
            engine_bell.fd(),
        ];
        link.send(answer.as_bytes(), &fds)?;
        Ok(port)
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
        if let Some((strategy, number)) = guest.known {
            self.tell(Visit::Left(strategy, number, now_ns()));
        }
    }

    /// Closes connections that have not said who they are.
    fn close_silent(&mut self, now: u64) {
        for index in 0..self.guests.len() {
            let silent = self.guests[index]
                .as_ref()
                .is_some_and(|guest| guest.known.is_none() && now > guest.came_at + HELLO_NS);
            if silent {
                self.refuse(index, "no strategy named in 2 s");
            }
        }
    }

    fn tell(&self, visit: Visit) {
        // Without an engine there is nobody to tell.
        let _ = self.visits.send(visit);
        self.engine.ring();
    }
}

/// The name in the first message of a strategy of this build.
///
/// # Errors
///
/// What is wrong with it, for the one who sent it.
pub fn read_hello(message: &[u8]) -> Result<String, String> {
    let hello: Value =
        serde_json::from_slice(message).map_err(|error| format!("not JSON: {error}"))?;
    let text = |key: &str| {
        hello.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} is missing"))
    };
    let name = text("strategy")?;
    for (key, ours) in
        [("records", touchline_types::LAYOUT_HASH), ("rings", touchline_ring::layout::LAYOUT_HASH)]
    {
        let (theirs, ours) = (text(key)?, format!("{ours:016x}"));
        if theirs != ours {
            return Err(format!(
                "the engine's layout of {key} is {ours}, yours is {theirs}: use the same build"
            ));
        }
    }
    Ok(name.to_owned())
}
