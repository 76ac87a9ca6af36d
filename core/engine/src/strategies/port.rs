//! The engine's end of a strategy's memory, and the pace at which it takes commands from it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use touchline_ring::port::{
    COMMANDS, ENGINE_BYTES, EXECUTIONS, End, STRATEGY_BYTES, map, map_gauges,
};
use touchline_ring::{BroadcastProducer, RingError, SpscConsumer, broadcast, gauges, spsc};
use touchline_sys::{EventBell, Link, Seal, SharedMap, SysError, memory, seal};
use touchline_types::{Command, PrivateRecord};

type Shared = Arc<SharedMap>;

/// A ring that is held back is read again when so much time's worth of commands may be taken at
/// once, ns, or half of its burst if that is less: not for each command.
const TAKE_NS: i64 = 2_000_000;

/// What stands between the engine and one strategy process.
#[derive(Debug)]
pub(crate) struct Port {
    /// Which strategy of the configuration, from 0.
    pub(crate) strategy: usize,
    /// Number of the connection: a later one of the same strategy has a higher one.
    pub(crate) number: u64,
    pub(crate) commands: SpscConsumer<Command, Shared>,
    pub(crate) executions: BroadcastProducer<PrivateRecord, Shared>,
    gauges: SharedMap,
    /// Rings the strategy.
    bell: Link,
    /// The strategy rings us.
    doorbell: EventBell,
}

/// The descriptors that a strategy gets.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) engine: OwnedFd,
    pub(crate) strategy: OwnedFd,
    pub(crate) bell: Link,
    pub(crate) doorbell: OwnedFd,
}

/// Why there is no port.
#[derive(Debug)]
pub(crate) enum PortError {
    System(SysError),
    Ring(RingError),
}

impl std::fmt::Display for PortError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(error) => write!(out, "{error}"),
            Self::Ring(error) => write!(out, "{error}"),
        }
    }
}

impl From<SysError> for PortError {
    fn from(error: SysError) -> Self {
        Self::System(error)
    }
}

impl From<RingError> for PortError {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}

impl Port {
    /// Makes the memory of a connection, maps it with every page present, formats both rings, and
    /// seals it.
    pub(crate) fn make(strategy: usize, number: u64) -> Result<(Self, Pieces), PortError> {
        let (bell, their_bell) = Link::pair()?;
        let doorbell = EventBell::create()?;
        let pieces = Pieces {
            engine: memory("touchline engine piece", ENGINE_BYTES)?,
            strategy: memory("touchline strategy piece", STRATEGY_BYTES)?,
            bell: their_bell,
            doorbell: doorbell.share()?,
        };
        let (commands, executions) =
            map(End::Engine, pieces.engine.as_fd(), pieces.strategy.as_fd())?;
        let (commands, executions) = (Arc::new(commands), Arc::new(executions));
        let gauges = map_gauges(End::Engine, &pieces.strategy)?;
        seal(&pieces.engine, Seal::LengthAndWrites)?;
        seal(&pieces.strategy, Seal::LengthForNow)?;
        spsc::create::<Command>(&commands, COMMANDS)?;
        broadcast::create::<PrivateRecord>(&executions, EXECUTIONS)?;
        let port = Self {
            strategy,
            number,
            commands: SpscConsumer::attach(commands)?,
            executions: BroadcastProducer::attach(executions)?,
            gauges,
            bell,
            doorbell,
        };
        Ok((port, pieces))
    }

    /// Shows the strategy what was pushed, and wakes it if it sleeps: once, whatever its page says.
    pub(crate) fn flush(&mut self) {
        let mut sleeps = false;
        self.executions.flush(|_| sleeps = true);
        if sleeps {
            self.bell.ring();
        }
    }

    /// Wakes the strategy if it sleeps.
    pub(crate) fn wake(&self) {
        self.executions.wake(|| self.bell.ring());
    }

    /// Ends the connection: its other end sees it at once.
    pub(crate) fn shut(&self) {
        self.bell.shut();
    }

    /// What the strategy shows, copied and then checked.
    pub(crate) fn gauges(&self) -> serde_json::Map<String, serde_json::Value> {
        let told = gauges::read(self.gauges.words()).into_iter();
        told.map(|(name, value)| (name, value.into())).collect()
    }

    /// Where the strategy rings us, for a poller.
    pub(crate) fn doorbell(&self) -> BorrowedFd<'_> {
        self.doorbell.fd()
    }

    /// True if the strategy has read so much that a chunk of a snapshot does not overtake it.
    pub(crate) fn has_read(&self) -> bool {
        let behind = self.executions.position().wrapping_sub(self.executions.reader_position());
        behind < EXECUTIONS as u64 / 2
    }
}

/// How fast commands are taken from a ring: a bucket on the engine's clock, before sequencing. What
/// is beyond it stays in the ring of its sender, so it costs the journal and everybody else
/// nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// What one command costs, ns; 0: no pace is kept.
    cost_ns: i64,
    /// Below 0: a debt, of something that cost more than there was.
    credit_ns: i64,
    credit_ns_max: i64,
    at_ns: u64,
}

impl Pace {
    /// `per_s` commands a second, `burst` of them at once; 0 a second: any number.
    pub(crate) fn new(per_s: u64, burst: u64) -> Self {
        let cost_ns = 1_000_000_000_u64.checked_div(per_s).unwrap_or(0);
        let whole = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        let credit_ns_max = whole(cost_ns.saturating_mul(burst));
        Self { cost_ns: whole(cost_ns), credit_ns: credit_ns_max, credit_ns_max, at_ns: 0 }
    }

    /// Time goes on.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        let gone = i64::try_from(now_ns.saturating_sub(self.at_ns)).unwrap_or(i64::MAX);
        self.at_ns = now_ns;
        self.credit_ns = self.credit_ns.saturating_add(gone).min(self.credit_ns_max);
    }

    /// Whether a command may be taken.
    pub(crate) const fn allows(&self) -> bool {
        self.credit_ns >= self.cost_ns
    }

    /// Pays for one.
    pub(crate) const fn pay(&mut self) {
        self.credit_ns = self.credit_ns.saturating_sub(self.cost_ns);
    }

    /// Pays for something that costs so much time of everybody's.
    pub(crate) const fn pay_ns(&mut self, ns: i64) {
        self.credit_ns = self.credit_ns.saturating_sub(ns);
    }

    /// When a ring that is held back is worth another look.
    pub(crate) fn next_ns(&self) -> u64 {
        let worth_ns = (self.credit_ns_max / 2).min(TAKE_NS).max(self.cost_ns);
        self.at_ns.saturating_add_signed(worth_ns.saturating_sub(self.credit_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    fn taken(pace: &mut Pace, now_ns: u64) -> usize {
        pace.advance(now_ns);
        let mut count = 0;
        while pace.allows() && count < 1_000 {
            pace.pay();
            count += 1;
        }
        count
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_one_for_each_cost() {
        let mut pace = Pace::new(1_000, 10);
        assert_eq!(taken(&mut pace, 5_000_000_000), 10);
        assert_eq!(pace.next_ns(), 5_002_000_000, "a look is worth two of them");
        assert_eq!(taken(&mut pace, 5_000_999_999), 0);
        assert_eq!(taken(&mut pace, 5_001_000_000), 1);
        assert_eq!(taken(&mut pace, 5_003_500_000), 2);
        assert_eq!(taken(&mut pace, 9_000_000_000), 10, "credit is bounded by the burst");
    }

    #[test]
    fn a_quick_pace_is_not_looked_at_for_each_command() {
        let mut pace = Pace::new(100_000, 1_000);
        assert_eq!(taken(&mut pace, 5_000_000_000), 1_000);
        assert_eq!(pace.next_ns(), 5_002_000_000);
        assert_eq!(taken(&mut pace, 5_002_000_000), 200);
        let mut pace = Pace::new(100_000, 10);
        assert_eq!(taken(&mut pace, 5_000_000_000), 10);
        assert_eq!(pace.next_ns(), 5_000_050_000, "a small burst would be lost by then");
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_credit() {
        let mut pace = Pace::new(1_000, 1);
        assert_eq!(taken(&mut pace, 2_000_000_000), 1);
        assert_eq!(taken(&mut pace, 1_000_000_000), 0);
    }

    #[test]
    fn a_debt_is_paid_back_in_time_also_without_a_rate() {
        for mut pace in [Pace::new(1_000, 10), Pace::new(0, 1)] {
            pace.advance(1_000_000_000);
            pace.pay_ns(50_000_000);
            assert!(!pace.allows());
            pace.advance(1_030_000_000);
            assert!(!pace.allows());
            pace.advance(1_051_000_000);
            assert!(pace.allows());
        }
    }

    #[test]
    fn without_a_rate_everything_is_taken() {
        assert_eq!(taken(&mut Pace::new(0, 1), 1), 1_000);
    }
}
