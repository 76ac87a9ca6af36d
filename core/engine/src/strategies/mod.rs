//! Strategies, as the engine sees them: where their commands come from, where their executions go,
//! and what becomes of their orders when they have gone.
//!
//! A strategy is a session of its member that has memory of its own instead of FIX. What it writes
//! is copied and then checked; a ring that lies about its cursor is given up, a record that is no
//! command is counted, and a flood stays in its ring. Nothing that it does makes the engine wait.

mod doorbell;
mod metrics;
mod places;
mod port;
mod reception;
mod snapshot;
mod targets;

use std::collections::{HashSet, VecDeque};
use std::os::fd::BorrowedFd;

use serde_json::{Value, json};
use touchline_config::{Instrument, Strategy, Venue};
use touchline_matcher::OwnedMatcher;
use touchline_sys::{Interest, Poller, Readiness, SysError, now_ns};
use touchline_types::{
    ClOrdId, Command, CommandKind, Event, EventKind, PrivateRecord, Scope, is_cl_ord_id,
    strategy_prefix,
};

use self::doorbell::Doorbell;
pub(crate) use self::metrics::{StrategyTimings, StrategyValues};
pub(crate) use self::places::OWN_GATEWAY;
use self::places::{cancel_of, limits_of, observers};
use self::port::{Pace, Port};
use self::reception::Visit;
pub use self::reception::{Hello, Reception, Visits, read_hello, reception};
use self::snapshot::Walk;
use crate::ownership::Ownership;

/// Commands are taken from a strategy so many times as fast as it may send orders: cancels are
/// free, but not without end.
const PACE_FACTOR: u64 = 4;
/// Longest time from a public record to an order that counts as an answer to it, ns.
const TICK_NS_MAX: u64 = 1_000_000_000;
/// What a mass cancel costs its sender, ns of pace: it looks at every open order of the venue.
const MASS_CANCEL_NS: i64 = 2_000_000;
/// Keys of the poller: the doorbell of an owner has its index behind this one.
const BELL: u64 = 0;
const DOORBELL: u64 = 1;
/// Events of a snapshot that wait for their release at most, but for one chunk.
const UNRELEASED_MAX: usize = 4 * snapshot::EVENTS_MAX;
/// While a snapshot waits for its reader, the engine looks again after so long, ns.
const SNAPSHOT_WAIT_NS: u64 = 1_000_000;

/// Every strategy of the venue.
#[derive(Debug)]
pub(crate) struct Strategies {
    owners: Vec<Owner>,
    /// Session number of the first one.
    first_id: u32,
    visits: Option<Visits>,
    /// The doorbells of all, and the engine's own bell.
    poller: Poller,
    ready: Vec<Readiness>,
    /// Whose snapshot goes on next.
    turn: usize,
    /// What the engine itself asks for: limits at its start, and cancels for who has gone.
    own_commands: VecDeque<Command>,
    /// The public ring, or one of the private ones, has something new.
    dirty: bool,
    /// One chunk of a snapshot.
    scratch: Vec<Event>,
}

/// One strategy, whether its process is there or not.
#[derive(Debug)]
struct Owner {
    config: Strategy,
    ownership: Ownership,
    port: Option<Box<Port>>,
    doorbell: Doorbell,
    pace: Pace,
    /// Has no configuration, and no commands are taken from it.
    observes: bool,
    walk: Option<Walk>,
    /// Events of a snapshot that wait for their release.
    unreleased: usize,
    left_at: Option<u64>,
    counts: Counts,
    /// From the release of the newest public record that it had read to its command's arrival, ns.
    /// And from noticing that its process has gone to the release of its last cancel, ns.
    timings: Option<StrategyTimings>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: u64,
    commands: u64,
    rejected: u64,
    /// Records that are no command, or none that a strategy may send.
    bad_records: u64,
    /// Passes that left commands in its ring, because it sends faster than it may.
    throttled: u64,
    /// Rings of its doorbell when there was nothing to take.
    idle_rings: u64,
    /// Connections given up because a cursor cannot be.
    broken: u64,
    canceled_orders: u64,
    fills: u64,
    filled_qty: u64,
}

/// What a ring gave.
pub(crate) enum Taken {
    Command(Command),
    /// A record that does not count; it costs as much as a command.
    Nothing,
    /// No more for now.
    End,
}

impl Strategies {
    /// `bell` is the engine's own: who waits for [`fd`](Self::fd) waits for it, too.
    pub(crate) fn new(
        venue: &Venue,
        matcher: &OwnedMatcher,
        bell: BorrowedFd<'_>,
        timings: Vec<StrategyTimings>,
    ) -> Result<Self, SysError> {
        let owner = |config: &Strategy, timings: Option<StrategyTimings>| Owner {
            config: config.clone(),
            ownership: Ownership::of(venue, config.member_id),
            observes: timings.is_none(),
            port: None,
            doorbell: Doorbell::default(),
            pace: Pace::new(
                PACE_FACTOR * u64::from(config.max_orders_per_s),
                PACE_FACTOR * u64::from(config.order_burst),
            ),
            walk: None,
            unreleased: 0,
            left_at: None,
            counts: Counts::default(),
            timings,
        };
        let strategies = venue.strategies.iter().zip(timings);
        let strategies = strategies.map(|(config, timings)| owner(config, Some(timings)));
        let observers = observers(venue).into_iter().map(|config| owner(&config, None));
        let owners: Vec<Owner> = strategies.chain(observers).collect();
        let first_id = u32::try_from(venue.sessions.len() + 1).unwrap_or(u32::MAX);
        let limits = venue.strategies.iter().filter_map(|config| limits_of(config, matcher));
        let mut own_commands: VecDeque<Command> = limits.collect();
        // Whoever had orders when the last engine ended is not connected to this one.
        let sessions = (0..matcher.order_slots()).filter_map(|slot| matcher.order_in(slot));
        let with_orders: HashSet<u32> = sessions.map(|order| order.session_id).collect();
        let left = owners.iter().filter(|owner| with_orders.contains(&owner.config.id));
        own_commands.extend(left.map(|owner| cancel_of(&owner.config)));
        let scratch = Vec::with_capacity(snapshot::EVENTS_MAX + 1);
        let ready = Vec::with_capacity(owners.len() + 1);
        let poller = Poller::new(owners.len() + 1)?;
        poller.add(bell, BELL, Interest::Read)?;
        Ok(Self {
            owners,
            first_id,
            visits: None,
            poller,
            ready,
            turn: 0,
            own_commands,
            dirty: false,
            scratch,
        })
    }

    pub(crate) fn let_in(&mut self, visits: Visits) {
        self.visits = Some(visits);
    }

    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }

    fn owner_of(&mut self, session_id: u32) -> Option<&mut Owner> {
        let index = session_id.checked_sub(self.first_id)?;
        self.owners.get_mut(index as usize)
    }

    /// True if the session is a strategy's or an observer's.
    pub(crate) const fn owns(&self, session_id: u32) -> bool {
        session_id >= self.first_id
    }

    /// Takes in who has come and who has gone; returns how many did.
    pub(crate) fn receive_visits(&mut self) -> usize {
        let mut count = 0;
        while let Some(visit) = self.visits.as_ref().and_then(|visits| visits.come.try_recv().ok())
        {
            count += 1;
            match visit {
                Visit::Arrived(port) => {
                    let Some(owner) = self.owners.get_mut(port.strategy) else { continue };
                    // Without it only the wake from sleep is late, and that is bounded.
                    let key = DOORBELL + port.strategy as u64;
                    let _ = self.poller.add(port.doorbell(), key, Interest::Edge);
                    owner.doorbell = Doorbell::default();
                    owner.counts.connections += 1;
                    owner.walk = Some(Walk::new());
                    owner.port = Some(port);
                }
                Visit::Snapshot(strategy, number) => {
                    if let Some(owner) = self.connected(strategy, number) {
                        owner.walk = Some(Walk::new());
                    }
                }
                Visit::Left(strategy, number, at) => {
                    if self.connected(strategy, number).is_some() {
                        self.part(strategy, at);
                    }
                }
            }
        }
        count
    }

    fn connected(&mut self, strategy: usize, number: u64) -> Option<&mut Owner> {
        let owner = self.owners.get_mut(strategy)?;
        owner.port.as_ref().is_some_and(|port| port.number == number).then_some(owner)
    }

    /// The next command that the engine itself asks for, if there is one.
    pub(crate) fn own_command(&mut self) -> Option<Command> {
        self.own_commands.pop_front()
    }

    /// Starts a pass over a ring: how many commands may be taken from it now.
    pub(crate) fn begin(&mut self, index: usize, now: u64) {
        if let Some(owner) = self.owners.get_mut(index) {
            owner.pace.advance(now);
        }
    }

    /// The next command of a strategy, as it may be sequenced.
    pub(crate) fn take(&mut self, index: usize, arrived: &mut u64) -> Taken {
        let owner = self.owners.get_mut(index).filter(|owner| !owner.observes);
        let Some(owner) = owner else { return Taken::End };
        let Some(port) = owner.port.as_mut() else { return Taken::End };
        if !owner.pace.allows() {
            owner.counts.throttled += u64::from(port.commands.depth().is_ok_and(|left| left > 0));
            return Taken::End;
        }
        match port.commands.pop() {
            Ok(None) => Taken::End,
            Ok(Some(command)) => {
                if *arrived == 0 {
                    *arrived = now_ns();
                }
                owner.pace.pay();
                if command.kind == CommandKind::MassCancel {
                    owner.pace.pay_ns(MASS_CANCEL_NS);
                }
                owner.admit(&command, *arrived).map_or(Taken::Nothing, Taken::Command)
            }
            Err(touchline_ring::RingError::Record(_)) => {
                owner.pace.pay();
                owner.counts.bad_records += 1;
                Taken::Nothing
            }
            Err(_) => {
                self.give_up(index);
                Taken::End
            }
        }
    }

    /// Ends a pass over a ring.
    pub(crate) fn release(&mut self, index: usize) {
        if let Some(port) = self.owners.get_mut(index).and_then(|owner| owner.port.as_mut()) {
            port.commands.release();
        }
    }

    /// A strategy whose ring cannot be is treated as gone.
    #[cold]
    fn give_up(&mut self, index: usize) {
        if let Some(owner) = self.owners.get_mut(index) {
            owner.counts.broken += 1;
        }
        self.part(index, now_ns());
    }

    /// Ends a connection, and has the orders cancelled. The memory goes back to the reception, for
    /// to unmap and to close takes time, and how much is not for us to say.
    fn part(&mut self, index: usize, at: u64) {
        let Some(owner) = self.owners.get_mut(index) else { return };
        let Some(port) = owner.port.take() else { return };
        port.shut();
        let _ = self.poller.remove(port.doorbell());
        if !owner.observes {
            owner.left_at = Some(at);
            self.own_commands.push_back(cancel_of(&owner.config));
        }
        if let Some(visits) = &self.visits {
            // Without a reception the engine ends as well.
            let _ = visits.back.send(port);
        }
    }

    /// Ends every connection, and lets nobody in any more: the venue stops.
    pub(crate) fn dismiss(&mut self) {
        self.receive_visits();
        for index in 0..self.owners.len() {
            self.part(index, now_ns());
        }
        self.visits = None;
    }

    /// Gives a record to a strategy that it concerns, if it is there; `event` is the one inside.
    pub(crate) fn push(&mut self, session_id: u32, record: &PrivateRecord, event: &Event) {
        let Some(owner) = self.owner_of(session_id) else { return };
        match event.kind {
            EventKind::Executed if event.session_id == session_id => {
                owner.counts.fills += 1;
                owner.counts.filled_qty += event.last_qty;
            }
            EventKind::SnapshotStart
            | EventKind::SnapshotInstrument
            | EventKind::SnapshotOrder
            | EventKind::SnapshotEnd => owner.unreleased = owner.unreleased.saturating_sub(1),
            _ => {}
        }
        if let Some(port) = owner.port.as_mut() {
            port.executions.push(record);
            self.dirty = true;
        }
    }

    /// A command of a strategy was released; `event` is its last.
    pub(crate) fn answered(&mut self, session_id: u32, event: &Event) {
        let Some(owner) = self.owner_of(session_id) else { return };
        match event.kind {
            EventKind::Rejected | EventKind::CancelRejected => owner.counts.rejected += 1,
            EventKind::MassCanceled => {
                owner.counts.canceled_orders += event.last_qty;
                if let (0, Some(left_at), Some(timings)) =
                    (event.leaves_qty, owner.left_at, &mut owner.timings)
                {
                    owner.left_at = None;
                    timings.cancel.record(now_ns().saturating_sub(left_at));
                }
            }
            _ => {}
        }
    }

    /// Shows every strategy its own executions. Before the public ring is flushed: who has read a
    /// public record finds all of its own that came before it.
    pub(crate) fn flush(&mut self) {
        if self.dirty {
            for port in self.owners.iter_mut().filter_map(|owner| owner.port.as_mut()) {
                port.flush();
            }
            self.dirty = false;
        }
    }

    /// Wakes who sleeps, after the public ring was flushed.
    pub(crate) fn wake(&self) {
        for port in self.owners.iter().filter_map(|owner| owner.port.as_ref()) {
            port.wake();
        }
    }

    /// Adds a chunk to one snapshot that is on its way and whose reader keeps up, in turn; `push`
    /// takes its events. Returns how many chunks there were.
    pub(crate) fn walk(
        &mut self,
        matcher: &OwnedMatcher,
        mut push: impl FnMut(u32, &[Event]),
    ) -> usize {
        let count = self.owners.len();
        for _ in 0..count {
            self.turn = (self.turn + 1) % count;
            let owner = &mut self.owners[self.turn];
            // What waits for the disk is not in its ring yet, and would overtake it later.
            let keeps_up = owner.unreleased < UNRELEASED_MAX
                && owner.port.as_ref().is_some_and(|port| port.has_read());
            let Some(walk) = owner.walk.as_mut().filter(|_| keeps_up) else { continue };
            self.scratch.clear();
            let ended = walk.chunk(matcher, owner.config.id, &mut self.scratch);
            owner.unreleased += self.scratch.len();
            push(owner.config.id, &self.scratch);
            if ended {
                owner.walk = None;
            }
            return 1;
        }
        0
    }

    /// Announces sleep in every ring, and looks once more: true if there is nothing to take now.
    ///
    /// A ring that is held back by its pace is not announced: it is read again in its time, and
    /// until then nobody needs to ring.
    pub(crate) fn park(&mut self) -> bool {
        let parked = |owner: &mut Owner| {
            let waits = !owner.observes && owner.pace.allows();
            let port = owner.port.as_mut().filter(|_| waits);
            port.is_none_or(|port| port.commands.park())
        };
        let mut all = self.own_commands.is_empty();
        for (index, owner) in self.owners.iter_mut().enumerate() {
            all &= parked(owner);
            if owner.doorbell.opens(now_ns)
                && let Some(port) = owner.port.as_ref()
            {
                let key = DOORBELL + index as u64;
                let _ = self.poller.modify(port.doorbell(), key, Interest::Edge);
            }
        }
        all
    }

    /// Takes the announcement back, and what the doorbells have said.
    pub(crate) fn unpark(&mut self) {
        if self.owners.iter().any(|owner| owner.port.is_some()) {
            self.ready.clear();
            // An edge that is not taken here costs a turn without work.
            let _ = self.poller.wait(Some(0), &mut self.ready);
            for at in 0..self.ready.len() {
                if let Some(index) = self.ready[at].key.checked_sub(DOORBELL) {
                    self.rang(usize::try_from(index).unwrap_or(usize::MAX));
                }
            }
        }
        for port in self.owners.iter_mut().filter_map(|owner| owner.port.as_mut()) {
            port.commands.unpark();
        }
    }

    /// A doorbell was rung. One that rings for nothing again and again is not heard for a while, or
    /// its owner would keep the engine from sleeping.
    fn rang(&mut self, index: usize) {
        let Some(owner) = self.owners.get_mut(index) else { return };
        let Some(port) = owner.port.as_mut() else { return };
        let may_send = !owner.observes && owner.pace.allows();
        if may_send && port.commands.depth().is_ok_and(|waiting| waiting > 0) {
            owner.doorbell.rang_with_news();
            return;
        }
        owner.counts.idle_rings += 1;
        if owner.doorbell.rang_for_nothing(now_ns) {
            let key = DOORBELL + index as u64;
            let _ = self.poller.modify(port.doorbell(), key, Interest::Nothing);
        }
    }

    /// Becomes readable when a strategy or anybody else rings the engine.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.poller.fd()
    }

    /// True if commands of strategies may be taken: not before what the engine asks for itself, or
    /// the end of one connection would take the orders of the next.
    pub(crate) fn may_send(&self) -> bool {
        self.own_commands.is_empty()
    }

    /// When a ring that was left waiting may be read again.
    pub(crate) fn deadline_ns(&self) -> u64 {
        let of = |owner: &Owner| {
            let walks = owner.walk.is_some() && owner.port.is_some();
            let walk = if walks { now_ns() + SNAPSHOT_WAIT_NS } else { u64::MAX };
            let held = owner.port.is_some() && !owner.pace.allows();
            walk.min(if held { owner.pace.next_ns() } else { u64::MAX })
                .min(if owner.port.is_some() { owner.doorbell.opens_at_ns() } else { u64::MAX })
        };
        self.owners.iter().map(of).min().unwrap_or(u64::MAX)
    }

    pub(crate) fn figures(&self, venue: &Venue, matcher: &OwnedMatcher) -> Value {
        let member = |id: u32| {
            let found = venue.members.iter().find(|member| member.id == id);
            found.map_or("", |member| member.name.as_str())
        };
        let positions = |session_id: u32| -> serde_json::Map<String, Value> {
            let held = |one: &Instrument| {
                let held = matcher.position(session_id, one.id)?.position;
                (held != 0).then(|| (one.symbol.clone(), json!(held)))
            };
            venue.instruments.iter().filter_map(held).collect()
        };
        let of = |owner: &Owner| {
            json!({
                "name": owner.config.name,
                "member": member(owner.config.member_id),
                "session_id": owner.config.id,
                "connected": owner.port.is_some(),
                "connections": owner.counts.connections,
                "commands": owner.counts.commands,
                "rejected": owner.counts.rejected,
                "bad_records": owner.counts.bad_records,
                "throttled": owner.counts.throttled,
                "idle_rings": owner.counts.idle_rings,
                "broken": owner.counts.broken,
                "canceled_orders": owner.counts.canceled_orders,
                "fills": owner.counts.fills,
                "filled_qty": owner.counts.filled_qty,
                "positions": positions(owner.config.id),
                "gauges": owner.port.as_ref().map(|port| port.gauges()).unwrap_or_default(),
                "tick_to_trade_ns": owner.timings.as_ref().map(|one| one.tick_to_trade.percentiles()),
                "cancel_when_gone_ns": owner.timings.as_ref().map(|one| one.cancel.percentiles()),
            })
        };
        self.owners.iter().filter(|owner| !owner.observes).map(of).collect()
    }
}

impl Owner {
    /// What of a command may be sequenced: the fields that its kind has, stamped with the owner.
    /// `None`, and counted, where a strategy may not send it.
    fn admit(&mut self, sent: &Command, arrived: u64) -> Option<Command> {
        let tick_ns = arrived.saturating_sub(sent.recv_time);
        let mut command = Command {
            recv_time: arrived,
            price: sent.price,
            order_qty: sent.order_qty,
            cl_ord_id: sent.cl_ord_id,
            orig_cl_ord_id: sent.orig_cl_ord_id,
            instrument_id: sent.instrument_id,
            session_id: self.config.id,
            side: sent.side,
            ord_type: sent.ord_type,
            time_in_force: sent.time_in_force,
            token: sent.token,
            stop_px: sent.stop_px,
            display_qty: sent.display_qty,
            min_qty: sent.min_qty,
            expire_time: sent.expire_time,
            self_match_id: sent.self_match_id,
            self_match_instruction: sent.self_match_instruction,
            exec_inst: sent.exec_inst,
            ..Command::of(sent.kind)
        };
        self.ownership.stamp(&mut command);
        let prefix = strategy_prefix(self.config.id);
        let named = |name: &ClOrdId| is_cl_ord_id(name) && name.starts_with(&prefix);
        let may_be = match sent.kind {
            CommandKind::NewOrder | CommandKind::OrderStatus => named(&sent.cl_ord_id),
            CommandKind::CancelOrder | CommandKind::ReplaceOrder => {
                named(&sent.cl_ord_id) && named(&sent.orig_cl_ord_id)
            }
            CommandKind::MassCancel => {
                (command.scope, command.scope_id) = (Scope::Session, self.config.id);
                true
            }
            CommandKind::ChangePhase
            | CommandKind::BlockEntry
            | CommandKind::AdmitEntry
            | CommandKind::SetLimits
            | CommandKind::ExpireOrders
            | CommandKind::SetAccount
            | CommandKind::Deposit => false,
        };
        if !may_be {
            self.counts.bad_records += 1;
            return None;
        }
        let trades = matches!(sent.kind, CommandKind::NewOrder | CommandKind::ReplaceOrder);
        if let (true, Some(timings)) = (trades, &mut self.timings)
            && sent.recv_time != 0
            && tick_ns < TICK_NS_MAX
        {
            timings.tick_to_trade.record(tick_ns);
        }
        self.counts.commands += 1;
        Some(command)
    }
}
