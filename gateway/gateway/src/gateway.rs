//! The agent: one pass over rings, sockets, timers and logs.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use touchline_config::{Durability, RunFile, Venue};
use touchline_fix::{Fields, Framer, Precision};
use touchline_ring::{Beacon, BroadcastConsumer};
use touchline_session::{Numbers, Session, SessionConfig, SessionId};
use touchline_sys::{Agent, Bell, Interest, Poller, Readiness, Ringer, SharedMap, now_ns};
use touchline_types::{PrivateRecord, Scope};

use crate::GatewayError;
use crate::counters::Counters;
use crate::desk::{Desk, Orders, Slot};
use crate::engine_link::{self, CommandQueue, Rings};
use crate::hops::Hops;
use crate::instruments::Instruments;
use crate::metrics::{Metrics, TELL_NS};
use crate::order_entry::OrderEntry;
use crate::session_log::Place;
use crate::session_store::SessionStore;
use crate::syncer::Syncer;

pub(crate) const LISTENER_KEY: u64 = 0;
const BELL_KEY: u64 = 1;
/// Key of connection n is this plus n.
pub(crate) const CONNECTION_KEY: u64 = 2;

/// Connections that have not logged on yet, at most, beside one for each session.
const STRANGERS_MAX: usize = 64;
/// Descriptors looked at in one pass.
const READY_MAX: usize = 256;
/// The session logs are put on the disk this often, ns.
const SYNC_NS: u64 = 1_000_000_000;
/// Stored messages sent again to one session in one pass.
const REPLAY_BUDGET: usize = 256;
/// A journal that lags, or a full command ring, is looked at again after this time, ns.
const RETRY_NS: u64 = 1_000_000;
/// A listener that cannot accept, because descriptors are used up, is left alone so long, ns.
pub(crate) const ACCEPT_PAUSE_NS: u64 = 1_000_000_000;
/// `close` waits so long for the answers to its Logouts, ns.
const LOGOUT_WAIT_NS: u64 = 500_000_000;

/// The gateway agent.
///
/// With durability sync the session logs are put on the disk once a second, by a thread of their
/// own, and when the gateway closes; with async when the system likes. A killed process loses
/// nothing either way. After a loss of power what the logs lack is rebuilt from the journal, but
/// the numbers of session messages in the last second are not: a client may then have to reset.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) venue: Venue,
    pub(crate) desk: Desk,
    pub(crate) listener: TcpListener,
    /// Set while nobody is accepted: when that is tried again.
    pub(crate) accept_again_ns: Option<u64>,
    pub(crate) poller: SocketPoller,
    pub(crate) ready: Vec<Readiness>,
    pub(crate) connections_max: usize,
    pub(crate) beacon: Beacon<SharedMap>,
    /// Number of the engine that made the rings.
    pub(crate) engine: u64,
    pub(crate) events: BroadcastConsumer<PrivateRecord, SharedMap>,
    /// The newest event that was read, or rebuilt.
    pub(crate) place: Place,
    /// Records up to this command may have been missed: rebuild when the journal holds it.
    pub(crate) behind: Option<u64>,
    pub(crate) hops: Hops,
    pub(crate) metrics: Metrics,
    pub(crate) is_closing: bool,
    pub(crate) syncer: Option<Syncer>,
    unsynced: Vec<Arc<File>>,
    synced_ns: u64,
    /// Something was written that the disk need not hold yet.
    is_unsynced: bool,
    bell: Bell,
    engine_bell: Ringer,
    pub(crate) next_timer_ns: u64,
}

/// A poller that can be shown in a debug print.
pub(crate) struct SocketPoller(pub(crate) Poller);

impl std::fmt::Debug for SocketPoller {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Poller")
    }
}

impl Gateway {
    /// Opens the gateway of a venue: logs, rings, events since they were last read, listener. The
    /// engine must have made its rings and its bell.
    ///
    /// # Errors
    ///
    /// [`GatewayError`]: a ring or bell is not there, a log is damaged, the journal cannot be
    /// read, the address is taken.
    pub fn open(venue: &Venue) -> Result<Self, GatewayError> {
        let store_dir = venue.store_dir();
        let io = |call, on: String| move |error| GatewayError::Io(call, on, error);
        std::fs::create_dir_all(&store_dir)
            .map_err(io("create", store_dir.display().to_string()))?;
        let bell = Bell::create(&venue.run_file(RunFile::GatewayBell))?;
        let beacon = engine_link::beacon(venue)?;
        let rings = Rings::wait_for(venue, &beacon)?;
        let engine_bell = Ringer::open(&venue.run_file(RunFile::EngineBell))?;

        let mut counters = Counters::default();
        let slots = slots(venue, &mut counters)?;
        let instruments = Instruments::of(venue);
        let start_ns = now_ns();
        let orders = Orders {
            entry: OrderEntry::new(instruments),
            commands: CommandQueue::new(rings.commands, venue.engine.ring_records),
            counters,
            token: start_ns,
            refusal: start_ns,
        };
        let address = venue.gateway.address;
        let listener = TcpListener::bind(address).map_err(io("bind", address.to_string()))?;
        listener.set_nonblocking(true).map_err(io("set non-blocking", address.to_string()))?;
        let poller = Poller::new(READY_MAX)?;
        poller.add(&listener, LISTENER_KEY, Interest::Read)?;
        poller.add(bell.fd(), BELL_KEY, Interest::Read)?;
        let syncer = match venue.engine.durability {
            Durability::Sync => {
                Some(Syncer::start().map_err(io("start", "gateway-sync".to_owned()))?)
            }
            Durability::Async => None,
        };
        let (metrics, hops) = Metrics::create(venue)?;
        let mut gateway = Self {
            desk: Desk {
                comp_id: venue.comp_id.clone().into_bytes(),
                slots,
                last_strategy: (venue.sessions.len() + venue.strategies.len()) as u32,
                connections: Vec::new(),
                orders,
                framer: Framer::new(venue.gateway.message_bytes_max),
                fields: Box::new(Fields::new()),
                kept: Vec::with_capacity(venue.gateway.message_bytes_max),
            },
            connections_max: venue.sessions.len() + STRANGERS_MAX,
            venue: venue.clone(),
            listener,
            accept_again_ns: None,
            poller: SocketPoller(poller),
            ready: Vec::with_capacity(READY_MAX),
            beacon,
            engine: rings.engine,
            events: rings.events,
            place: Place::default(),
            behind: None,
            hops,
            metrics,
            is_closing: false,
            syncer,
            unsynced: Vec::new(),
            synced_ns: start_ns,
            is_unsynced: false,
            bell,
            engine_bell,
            next_timer_ns: start_ns,
        };
        gateway.recover()?;
        Ok(gateway)
    }

    /// Where clients connect: the configured address, with the port that the system chose if that
    /// says 0.
    ///
    /// # Errors
    ///
    /// What the system says to `getsockname`.
    pub fn local_addr(&self) -> Result<SocketAddr, GatewayError> {
        let failed = |error| GatewayError::Io("getsockname", "listener".to_owned(), error);
        self.listener.local_addr().map_err(failed)
    }

    /// What was counted since the gateway was opened.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.desk.orders.counters
    }

    /// Logs every session out, waits at most half a second for the answers, and puts the logs on
    /// the disk.
    ///
    /// # Errors
    ///
    /// As `do_work`; the logs are written as far as that goes.
    pub fn close(&mut self) -> Result<(), GatewayError> {
        self.is_closing = true;
        // Who is logged out by the venue has the grace time of its next start.
        self.desk.slots.iter_mut().for_each(|slot| slot.entry.cancel_on_disconnect = false);
        let start_ns = now_ns();
        for at in 0..self.desk.slots.len() {
            self.desk.with_session(at, start_ns, |session, turn| {
                session.logout(Some("the venue closes"), turn);
            });
        }
        loop {
            let now = now_ns();
            self.do_work(now)?;
            let is_empty = self.desk.connections.iter().all(Option::is_none);
            if is_empty || now.saturating_sub(start_ns) > LOGOUT_WAIT_NS {
                break;
            }
            self.ready.clear();
            self.poller.0.wait(Some(10_000_000), &mut self.ready)?;
        }
        for index in 0..self.desk.connections.len() {
            self.desk.drop_connection(index, "the venue closes");
        }
        self.write_logs()?;
        for slot in &mut self.desk.slots {
            if let Some(file) = slot.store.take_unsynced() {
                file.sync_data().map_err(|error| {
                    GatewayError::Io("fdatasync", slot.entry.comp_id.clone(), error)
                })?;
            }
        }
        Ok(())
    }

    /// Everything that was promised to anyone is in a file before it is in a socket.
    fn write_logs(&mut self) -> Result<(), GatewayError> {
        for slot in self.desk.slots.iter_mut().filter(|slot| slot.store.is_dirty()) {
            slot.store.write()?;
            self.is_unsynced = self.syncer.is_some();
        }
        Ok(())
    }

    fn sync_logs(&mut self, now: u64) {
        let Some(syncer) = &self.syncer else { return };
        if now.saturating_sub(self.synced_ns) < SYNC_NS {
            return;
        }
        self.synced_ns = now;
        let files = self.desk.slots.iter_mut().filter_map(|slot| slot.store.take_unsynced());
        self.unsynced.extend(files);
        if !self.unsynced.is_empty() {
            self.unsynced = syncer.sync(std::mem::take(&mut self.unsynced));
        }
        self.is_unsynced = !self.unsynced.is_empty();
    }

    /// Goes on with answers to ResendRequests, as far as their queues have room.
    fn replay(&mut self, now: u64) -> usize {
        let mut work_count = 0;
        let queue_bytes_max = self.venue.gateway.send_queue_bytes_max;
        for at in 0..self.desk.slots.len() {
            if !self.desk.slots[at].session.has_replay() {
                continue;
            }
            self.desk.with_session(at, now, |session, turn| {
                for _ in 0..REPLAY_BUDGET {
                    // A quarter full: what one message adds cannot overrun the rest.
                    if turn.actions.len_bytes() > queue_bytes_max / 4
                        || session.replay(1, turn) == 0
                    {
                        break;
                    }
                    work_count += 1;
                }
            });
        }
        work_count
    }

    fn run_timers(&mut self, now: u64) -> Result<usize, GatewayError> {
        if now < self.next_timer_ns {
            return Ok(0);
        }
        let logon_timeout_ns = self.venue.gateway.logon_timeout_ms.saturating_mul(1_000_000);
        let mut work_count = self.resume_accepting(now)?;
        for index in 0..self.desk.connections.len() {
            let Some(connection) = &self.desk.connections[index] else { continue };
            let deadline = connection.opened_ns.saturating_add(logon_timeout_ns);
            match (connection.close_by_ns, connection.session) {
                (Some(close_by), _) if close_by <= now => {
                    self.desk.drop_connection(index, "closed");
                    work_count += 1;
                }
                (None, Some(at)) if self.desk.slots[at].is_due(now) => {
                    self.desk.with_session(at, now, |session, turn| session.on_timer(turn));
                    self.desk.close_if_asked(index, now);
                    work_count += 1;
                }
                (None, None) if deadline <= now => {
                    self.desk.drop_connection(index, "no Logon in time");
                    work_count += 1;
                }
                _ => {}
            }
        }
        Ok(work_count)
    }

    /// The earliest of all timers.
    fn next_timer(&self) -> u64 {
        let logon_timeout_ns = self.venue.gateway.logon_timeout_ms.saturating_mul(1_000_000);
        let due = |connection: &crate::connection::Connection| match (
            connection.close_by_ns,
            connection.session,
        ) {
            (Some(close_by), _) => close_by,
            (None, Some(at)) => self.desk.slots[at].session.next_timer_ns().unwrap_or(u64::MAX),
            (None, None) => connection.opened_ns.saturating_add(logon_timeout_ns),
        };
        let connections = self.desk.connections.iter().flatten().map(due);
        let absent = self.desk.slots.iter().filter_map(|slot| slot.cancel_at_ns);
        connections.chain(absent).chain(self.accept_again_ns).min().unwrap_or(u64::MAX)
    }
}

impl Agent for Gateway {
    type Error = GatewayError;

    fn role_name(&self) -> &'static str {
        "gateway"
    }

    fn do_work(&mut self, now_ns: u64) -> Result<usize, GatewayError> {
        let mut work_count = self.follow_engine()?;
        work_count += self.take_events(now_ns)?;
        work_count += self.take_sockets(now_ns)?;
        if !self.is_closing {
            work_count += self.desk.cancel_for_absent(now_ns);
        }
        if self.desk.orders.commands.flush() {
            self.engine_bell.ring();
        }
        work_count += self.run_timers(now_ns)?;
        work_count += self.replay(now_ns);
        self.write_logs()?;
        work_count += self.write_sockets(now_ns)?;
        self.sync_logs(now_ns);
        if work_count > 0 || now_ns >= self.next_timer_ns {
            self.next_timer_ns = self.next_timer();
        }
        if now_ns >= self.metrics.due_ns {
            self.metrics.due_ns = now_ns + TELL_NS;
            self.tell(now_ns);
        }
        Ok(work_count)
    }

    fn park(&mut self) -> bool {
        self.events.park()
    }

    fn unpark(&mut self) {
        self.events.unpark();
        self.bell.drain();
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.poller.0.fd())
    }

    fn deadline_ns(&self) -> u64 {
        let has_unsynced = self.syncer.is_some() && !self.unsynced.is_empty();
        let sync_due = if has_unsynced { self.synced_ns.saturating_add(SYNC_NS) } else { u64::MAX };
        let owes_cancel = self.desk.slots.iter().any(|slot| slot.owes_cancel);
        let is_waiting = self.behind.is_some() || self.desk.orders.commands.is_held_back();
        let retry_due =
            if is_waiting || owes_cancel { now_ns().saturating_add(RETRY_NS) } else { u64::MAX };
        self.next_timer_ns.min(sync_due).min(retry_due)
    }
}

fn slots(venue: &Venue, counters: &mut Counters) -> Result<Vec<Slot>, GatewayError> {
    let mut slots = Vec::with_capacity(venue.sessions.len());
    for entry in &venue.sessions {
        let id = SessionId::new(&venue.comp_id, &entry.comp_id).map_err(GatewayError::Identity)?;
        let config = SessionConfig {
            logon_timeout_ns: venue.gateway.logon_timeout_ms.saturating_mul(1_000_000),
            max_message_bytes: venue.gateway.message_bytes_max,
            // The only fraction that FIX 4.4 names; every client reads it.
            precision: Precision::Milliseconds,
            ..SessionConfig::acceptor(id)
        };
        let store = SessionStore::open(&log_path(venue, &entry.comp_id))?;
        counters.log_bytes_cut += store.log().cut_bytes();
        let numbers =
            Numbers { next_inbound: store.log().next_in(), next_outbound: store.log().next_out() };
        let session = Session::new(config, numbers).map_err(GatewayError::Identity)?;
        let mass_cancel = match venue.member(entry.member_id) {
            Some(member) if member.mass_cancel == Scope::Member => (Scope::Member, member.id),
            Some(member) if member.mass_cancel == Scope::Firm => (Scope::Firm, member.firm_id),
            _ => (Scope::Session, entry.id),
        };
        let entry = entry.clone();
        let grace_ns = venue.gateway.cancel_grace_ms.saturating_mul(1_000_000);
        let cancel_at_ns = entry.cancel_on_disconnect.then(|| now_ns().saturating_add(grace_ns));
        slots.push(Slot {
            entry,
            session,
            store,
            connection: None,
            is_present: false,
            cancel_at_ns,
            owes_cancel: false,
            mass_cancel,
            mass_canceled: 0,
            journaled_in: 0,
        });
    }
    Ok(slots)
}

/// The log of a session. A CompID may hold what a file name may not: such bytes are written as
/// `%` and two hexadecimal digits.
fn log_path(venue: &Venue, comp_id: &str) -> std::path::PathBuf {
    let mut name = String::with_capacity(comp_id.len() + 4);
    for byte in comp_id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name.push_str(".log");
    venue.store_dir().join(name)
}
