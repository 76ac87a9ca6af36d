//! A connected strategy: what it is told, and what it sends.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::{Value, json};
use touchline_config::{ConfigError, Venue};
use touchline_ring::{RingError, Target, Targets, gauges};
use touchline_sys::now_ns;
use touchline_types::{
    Command, CommandKind, Event, EventKind, OrdType, PrivateRecord, PublicRecord, Scope, Side,
    TimeInForce,
};

use crate::book::Level;
use crate::event::{Kind, StrategyEvent};
use crate::link::{Connection, OpenError};
use crate::market::Market;
use crate::orders::{Orders, OwnOrder};
use crate::timers::Timers;

/// Idle turns after which a strategy that never sleeps looks whether its engine is still there.
const IDLE_TURNS: u32 = 1 << 12;
/// Records after which a timer is looked for, when they come without a pause.
const TURNS: u32 = 64;
/// A snapshot that does not begin is asked for again after this time, ns.
const SNAPSHOT_AGAIN_NS: u64 = 250_000_000;
/// A time that does not come.
const NEVER: u64 = u64::MAX;

/// Why a command was not sent, or nothing is told any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The engine has gone, or closed the connection: [`Strategy::why`].
    Gone,
    /// The command ring is full, or too many timers wait.
    Full,
    /// No such own order is open.
    UnknownOrder,
    /// An argument is no value of its type.
    Argument,
}

/// A strategy and its connection to the engine. Leaving it makes the engine cancel its orders.
pub struct Strategy {
    connection: Connection,
    market: Market,
    orders: Orders,
    timers: Timers,
    /// Read, and not yet taken in: the one of the two with the lower seq comes first.
    public: Option<PublicRecord>,
    private: Option<(PrivateRecord, Event)>,
    /// Taken in, and not yet told.
    told: VecDeque<StrategyEvent>,
    gone: Option<String>,
    observes: bool,
    /// Own executions were lost: nothing more is told.
    is_blind: bool,
    turns: u32,
    idle: u32,
    ask_at: u64,
    /// Release of the public record that the owner was told of last; 0 after anything else.
    tick: u64,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    public_records: u64,
    executions: u64,
    lost_records: u64,
    stale: u64,
    sent: u64,
    full: u64,
    sleeps: u64,
}

/// Why there is no strategy.
#[derive(Debug)]
pub enum StartError {
    /// The configuration cannot be used.
    Config(ConfigError),
    /// There is no connection.
    Open(OpenError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(out, "{error}"),
            Self::Open(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl Strategy {
    /// Connects strategy `name` of the venue in a file to its running engine. Without a name it is
    /// an observer: it sees the public ring, and what it sends is refused as an argument.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what failed and what helps.
    pub fn open(config: &Path, name: &str) -> Result<Self, StartError> {
        let venue = Venue::load(config).map_err(StartError::Config)?;
        let connection = Connection::open(&venue, name).map_err(StartError::Open)?;
        let instruments = venue.instruments.len();
        Ok(Self {
            market: Market::new(instruments, connection.public.position()),
            orders: Orders::new(connection.session_id, connection.epoch, instruments),
            connection,
            timers: Timers::default(),
            public: None,
            private: None,
            told: VecDeque::with_capacity(64),
            gone: None,
            observes: name.is_empty(),
            is_blind: false,
            turns: 0,
            idle: 0,
            ask_at: now_ns() + SNAPSHOT_AGAIN_NS,
            tick: 0,
            counts: Counts::default(),
        })
    }

    /// The next event, or `None` when there is none now.
    ///
    /// # Errors
    ///
    /// [`Refusal::Gone`], when everything before that was told.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<StrategyEvent>, Refusal> {
        loop {
            if let Some(event) = self.told.pop_front() {
                let is_tick = event.kind == Kind::Book as u8 || event.kind == Kind::Trade as u8;
                self.tick = if is_tick { event.released_time } else { 0 };
                return Ok(Some(event));
            }
            if self.is_clock_due() {
                continue;
            }
            if self.advance() {
                self.idle = 0;
            } else if !self.look_around()? {
                return Ok(None);
            }
        }
    }

    /// Looks now and then, also while records come without a pause, whether a timer is due or the
    /// targets are others; then that is told next.
    #[inline]
    fn is_clock_due(&mut self) -> bool {
        self.turns = self.turns.wrapping_add(1);
        self.turns.is_multiple_of(TURNS) && self.tell_due()
    }

    /// Tells of a timer or of the targets, where there is something to tell; the clock is asked
    /// only where there may be.
    fn tell_due(&mut self) -> bool {
        if self.timers.is_empty()
            && !self.connection.targets.has_news()
            && self.expiry_ns() == NEVER
        {
            return false;
        }
        let now = now_ns();
        self.tell_timer(now) || self.tell_targets(now)
    }

    /// Targets are not told before the positions that they are compared with are known.
    fn tell_targets(&mut self, now: u64) -> bool {
        if self.market.snapshots == 0 {
            return false;
        }
        let event = self.connection.targets.take(now);
        self.told.extend(event);
        event.is_some()
    }

    /// When the targets expire, as far as that is to be told.
    fn expiry_ns(&self) -> u64 {
        if self.market.snapshots == 0 { NEVER } else { self.connection.targets.next_ns() }
    }

    /// True if a look at the targets would find something.
    fn has_other_targets(&self) -> bool {
        self.market.snapshots > 0 && self.connection.targets.has_news()
    }

    fn tell_timer(&mut self, now: u64) -> bool {
        let Some((order, at_ns)) = self.timers.take(now) else { return false };
        let event = StrategyEvent { order, ..StrategyEvent::of(Kind::Timer) };
        self.told.push_back(StrategyEvent { matched_time: at_ns, ..event });
        true
    }

    /// Takes one record in; false if none is there.
    #[inline]
    fn advance(&mut self) -> bool {
        if self.is_blind {
            return false;
        }
        // The public ring first: what is found in the other one after it is there in full.
        if self.public.is_none() {
            self.read_public();
        }
        if self.private.is_none() {
            self.read_private();
            if self.is_blind {
                return false;
            }
        }
        let private_first = match (&self.private, &self.public) {
            (Some((_, event)), Some(public)) => event.seq <= public.seq,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return false,
        };
        if private_first {
            if let Some((record, event)) = self.private.take() {
                self.take_private(&record, &event);
            }
        } else if let Some(record) = self.public.take() {
            self.take_public(&record);
        }
        let read = self.connection.public.position() - u64::from(self.public.is_some());
        let told = &mut self.told;
        self.market.goes_live(read, |mut event| {
            event.position = self.orders.position(event.instrument_id);
            told.push_back(event);
        });
        true
    }

    fn read_public(&mut self) {
        match self.connection.public.pop() {
            Ok(record) => self.public = record,
            Err(error) => {
                if let RingError::Lapped { lost } = error {
                    self.counts.lost_records += lost;
                }
                self.lose();
            }
        }
    }

    fn read_private(&mut self) {
        let record = match self.connection.executions.pop() {
            Ok(None) => return,
            Ok(Some(record)) => record,
            Err(error) => return self.lose_executions(&error.to_string()),
        };
        match record.event() {
            Ok(event) => self.private = Some((record, event)),
            Err(error) => return self.lose_executions(&error.to_string()),
        }
        self.connection.executions.note_position();
    }

    /// Own executions are lost: what is known of orders and position is wrong from here on. The
    /// engine cancels what is open.
    #[cold]
    fn lose_executions(&mut self, why: &str) {
        self.leave(&format!("own executions: {why}"));
        self.connection.shut();
        self.is_blind = true;
    }

    /// Public records are lost: no book is right until a snapshot from here on is whole.
    #[cold]
    fn lose(&mut self) {
        if self.market.lose(self.connection.public.position()) {
            self.counts.stale += 1;
            self.told.push_back(StrategyEvent::of(Kind::Stale));
        }
        self.ask_snapshot(now_ns());
    }

    fn ask_snapshot(&mut self, now: u64) {
        self.ask_at = now + SNAPSHOT_AGAIN_NS;
        self.connection.ask_snapshot();
    }

    fn take_public(&mut self, record: &PublicRecord) {
        self.counts.public_records += 1;
        let (orders, told) = (&self.orders, &mut self.told);
        let applied = self.market.apply(record, |mut event| {
            event.position = orders.position(event.instrument_id);
            told.push_back(event);
        });
        if applied.is_err() {
            self.lose();
        }
    }

    fn take_private(&mut self, record: &PrivateRecord, event: &Event) {
        match event.kind {
            EventKind::SnapshotStart
            | EventKind::SnapshotInstrument
            | EventKind::SnapshotOrder
            | EventKind::SnapshotEnd => {
                if event.kind == EventKind::SnapshotInstrument {
                    self.orders.set_position(event.instrument_id, event.cum_value);
                }
                if self.market.on_snapshot(event).is_err() {
                    self.lose();
                }
            }
            _ => {
                self.counts.executions += 1;
                if let Some(mut told) = self.orders.take(record, event) {
                    self.market.touch(&mut told);
                    self.told.push_back(told);
                }
            }
        }
    }

    /// Nothing came: is a timer due, are there other targets, is the engine still there? True if
    /// there is something to tell.
    fn look_around(&mut self) -> Result<bool, Refusal> {
        self.idle = self.idle.wrapping_add(1);
        let rarely = self.idle.is_multiple_of(IDLE_TURNS);
        let looks = !self.timers.is_empty() || self.has_other_targets();
        if (looks || self.idle.is_multiple_of(TURNS)) && self.tell_due() {
            return Ok(true);
        }
        if rarely && self.market.waits() && now_ns() >= self.ask_at {
            self.ask_snapshot(now_ns());
        }
        if rarely && self.gone.is_none() && self.connection.hear() {
            self.leave("the engine has closed the connection");
            // What it had said before that is still to be told.
            return Ok(true);
        }
        if self.gone.is_some() { Err(Refusal::Gone) } else { Ok(false) }
    }

    #[cold]
    fn leave(&mut self, why: &str) {
        self.gone.get_or_insert_with(|| why.to_owned());
    }

    /// Sleeps until there may be an event, at most `timeout_ns`; false if the time is over.
    ///
    /// # Errors
    ///
    /// [`Refusal::Gone`] when nothing is left to be told.
    pub fn wait(&mut self, timeout_ns: u64) -> Result<bool, Refusal> {
        if !self.told.is_empty() || self.public.is_some() || self.private.is_some() {
            return Ok(true);
        }
        let empty = self.connection.executions.park() && self.connection.public.depth() == 0;
        if empty && self.gone.is_none() {
            self.counts.sleeps += 1;
            let now = now_ns();
            let timer_ns = self.timers.next_ns().min(self.expiry_ns()).saturating_sub(now);
            let ask_ns = if self.market.waits() { self.ask_at.saturating_sub(now) } else { NEVER };
            let timeout_ns = timeout_ns.min(timer_ns).min(ask_ns);
            if let Err(error) = self.connection.sleep(timeout_ns) {
                self.leave(&error.to_string());
            }
            if self.connection.is_called() && self.connection.hear() {
                self.leave("the engine has closed the connection");
            }
            if ask_ns != NEVER && now_ns() >= self.ask_at {
                self.ask_snapshot(now_ns());
            }
        }
        self.connection.executions.unpark();
        let news = self.connection.executions.depth() > 0 || self.connection.public.depth() > 0;
        if (news && !self.is_blind) || self.tell_due() {
            return Ok(true);
        }
        if self.gone.is_some() { Err(Refusal::Gone) } else { Ok(false) }
    }

    /// Sends a new order and returns its number.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing was sent.
    pub fn new_order(
        &mut self,
        own: OwnOrder,
        ord_type: OrdType,
        time_in_force: TimeInForce,
    ) -> Result<u64, Refusal> {
        let side = side_of(own.side)?;
        let (order, name) = self.orders.next_name();
        self.send(&Command {
            instrument_id: own.instrument_id,
            side,
            ord_type,
            time_in_force,
            price: own.price,
            order_qty: own.order_qty,
            cl_ord_id: name,
            token: order,
            ..Command::of(CommandKind::NewOrder)
        })?;
        Ok(self.orders.sent_new(own, ord_type, time_in_force))
    }

    /// Cancels an own order.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing was sent.
    pub fn cancel(&mut self, order: u64) -> Result<(), Refusal> {
        let command = self.change(order, CommandKind::CancelOrder)?;
        self.send(&command)?;
        self.orders.sent_change(order, false);
        Ok(())
    }

    /// Replaces price and quantity (what has executed included) of an own order.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing was sent.
    pub fn replace(&mut self, order: u64, price: i64, order_qty: u64) -> Result<(), Refusal> {
        let command = self.change(order, CommandKind::ReplaceOrder)?;
        self.send(&Command { price, order_qty, ..command })?;
        self.orders.sent_change(order, true);
        Ok(())
    }

    /// Cancels every own order.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing was sent.
    pub fn cancel_all(&mut self) -> Result<(), Refusal> {
        self.send(&Command { scope: Scope::Session, ..Command::of(CommandKind::MassCancel) })?;
        self.orders.sent_other();
        Ok(())
    }

    fn change(&self, order: u64, kind: CommandKind) -> Result<Command, Refusal> {
        let known = self.orders.get(order).ok_or(Refusal::UnknownOrder)?;
        let (_, name) = self.orders.next_name();
        Ok(Command {
            instrument_id: known.own.instrument_id,
            side: side_of(known.own.side)?,
            ord_type: known.ord_type,
            time_in_force: known.time_in_force,
            cl_ord_id: name,
            orig_cl_ord_id: known.sent,
            token: order,
            ..Command::of(kind)
        })
    }

    #[inline]
    fn send(&mut self, command: &Command) -> Result<(), Refusal> {
        if self.gone.is_some() {
            return Err(Refusal::Gone);
        }
        if self.observes {
            return Err(Refusal::Argument);
        }
        let command = Command { recv_time: self.tick, ..*command };
        if self.connection.commands.push(&command).is_err() {
            self.counts.full += 1;
            return Err(Refusal::Full);
        }
        if self.connection.commands.flush_unowned() {
            self.connection.engine.ring();
        }
        self.counts.sent += 1;
        Ok(())
    }

    /// Sets a timer that is due once.
    ///
    /// # Errors
    ///
    /// [`Refusal::Full`].
    pub fn set_timer(&mut self, number: u64, at_ns: u64) -> Result<(), Refusal> {
        if self.timers.set(number, at_ns) { Ok(()) } else { Err(Refusal::Full) }
    }

    /// Names the gauges of this connection, once, before their first values.
    ///
    /// # Errors
    ///
    /// [`Refusal::Argument`]: there are more than 16, one is no name of 1 to 32 ASCII letters,
    /// digits and `_`, or they were named before.
    pub fn name_gauges(&self, names: &[&str]) -> Result<(), Refusal> {
        let named = gauges::declare(self.connection.gauges.words(), names);
        named.then_some(()).ok_or(Refusal::Argument)
    }

    /// Sets the gauges, in the order of their names: a store for each. One that is not finite is
    /// shown as unknown; what is beyond the 16th is left out.
    pub fn set_gauges(&self, values: &[f64]) {
        for (at, value) in values.iter().enumerate() {
            gauges::set(self.connection.gauges.words(), at, *value);
        }
    }

    /// An own order that is open.
    #[must_use]
    pub fn order(&self, order: u64) -> Option<&OwnOrder> {
        self.orders.get(order).map(|known| &known.own)
    }

    /// Own open orders, oldest first.
    pub fn orders(&self) -> impl Iterator<Item = &OwnOrder> {
        self.orders.each()
    }

    /// Bought less sold of an instrument, today, lots.
    #[must_use]
    pub fn position(&self, instrument_id: u32) -> i64 {
        self.orders.position(instrument_id)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = &Level> {
        self.market.levels(instrument_id, side)
    }

    /// True if the books are right, and there is such an instrument.
    #[must_use]
    pub fn is_live(&self, instrument_id: u32) -> bool {
        self.market.is_live() && (1..=self.market.len()).contains(&(instrument_id as usize))
    }

    /// Its newest targets, and whether they have expired; `None` before the first.
    #[must_use]
    pub fn targets(&self) -> Option<(&Targets, bool)> {
        self.connection.targets.current()
    }

    /// Its target of an instrument, while the targets count.
    #[must_use]
    pub fn target(&self, instrument_id: u32) -> Option<&Target> {
        let (targets, _) = self.targets().filter(|(_, is_expired)| !is_expired)?;
        let at = targets.rows.binary_search_by_key(&instrument_id, |row| row.instrument_id);
        targets.rows.get(at.ok()?)
    }

    /// Why the strategy is gone, if it is.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.gone.as_deref()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Value {
        let counts = &self.counts;
        json!({
            "public_records": counts.public_records,
            "executions": counts.executions,
            "lost_records": counts.lost_records,
            "stale": counts.stale,
            "snapshots": self.market.snapshots,
            "contradictions": self.market.contradictions,
            "commands_sent": counts.sent,
            "ring_full": counts.full,
            "sleeps": counts.sleeps,
            "targets_refused": self.connection.targets.refused,
            "targets_why": self.connection.targets.why(),
        })
    }
}

const fn side_of(side: u8) -> Result<Side, Refusal> {
    match side {
        1 => Ok(Side::Buy),
        2 => Ok(Side::Sell),
        _ => Err(Refusal::Argument),
    }
}
