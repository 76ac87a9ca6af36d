//! What the engine tells in its counters file.
//!
//! It counts in its own memory and copies ten times a second, all at once: then the counters agree
//! with each other, and the way of an order pays a comparison. Times are recorded in place.

use touchline_config::{RunFile, Venue};
use touchline_counters::{CountersFile, Latency, Table, Value};
use touchline_sys::SysError;
use touchline_types::{CommandKind, EventKind, Reason};

use crate::Engine;
use crate::stats::{Stats, Timing};
use crate::strategies::{StrategyTimings, StrategyValues};

/// How often counters are copied, ns.
pub(crate) const TELL_NS: u64 = 100_000_000;

type Figure = (&'static str, &'static str, fn(&Engine) -> u64);

const COUNTERS: &[Figure] = &[
    ("touchline_trades_total", "Matches of two orders.", |one| one.stats.trades),
    ("touchline_traded_lots_total", "Lots executed.", |one| one.stats.traded_qty),
    (
        "touchline_bad_commands_total",
        "Records in command rings that no gateway may send; they were dropped.",
        |one| one.stats.bad_commands,
    ),
    (
        "touchline_over_budget_total",
        "Passes that left commands in their ring because the budget was spent.",
        |one| one.stats.over_budget,
    ),
    (
        "touchline_held_by_journal_total",
        "Passes that took no command because the journal was behind.",
        |one| one.stats.held_by_journal,
    ),
];

const GAUGES: &[Figure] = &[
    ("touchline_last_seq", "Newest command that was sequenced.", |one| one.matcher.last_seq()),
    (
        "touchline_durable_lag_commands",
        "Commands sequenced and not yet acknowledgeable: not on disk, with durability sync.",
        |one| one.matcher.last_seq().saturating_sub(one.durable.seq()),
    ),
    (
        "touchline_exposed_commands_max",
        "Most commands that were released before fdatasync covered them.",
        |one| one.stats.exposed_max,
    ),
    ("touchline_open_orders", "Orders that rest in the books.", |one| {
        u64::from(one.matcher.open_orders())
    }),
    ("touchline_used_cl_ord_ids", "ClOrdIDs that the venue remembers.", |one| {
        u64::from(one.matcher.used_cl_ord_ids())
    }),
    ("touchline_replayed_commands", "Commands that the start found in the journal.", |one| {
        one.replayed.commands
    }),
];

/// The engine's counters file, and which values are what.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) file: CountersFile,
    pub(crate) due_ns: u64,
    counters: Vec<Value>,
    gauges: Vec<Value>,
    commands: Vec<Value>,
    events: Vec<(EventKind, Value)>,
    rejects: Vec<Value>,
    released: [Value; 2],
    pub(crate) strategies: Vec<StrategyValues>,
    sequenced: Latency,
    matched: Latency,
}

impl Metrics {
    /// Makes the file.
    pub(crate) fn create(venue: &Venue) -> Result<Self, SysError> {
        let mut table = Table::new("engine");
        let version = [("role", "engine"), ("version", env!("CARGO_PKG_VERSION"))];
        let info = table.gauge("touchline_agent_info", &version, "Always 1; labels say what runs.");
        let named = [("venue", &*venue.name), ("durability", venue.engine.durability.name())];
        let mode = table.gauge("touchline_venue_info", &named, "Always 1; labels say which venue.");
        let mut numbered = |name, label, help| table.counter(name, &[label], help);
        let kinds = CommandKind::ALL.map(|kind| {
            let label = ("kind", kind.name());
            numbered("touchline_commands_total", label, "Commands sequenced, by kind.")
        });
        let matched = EventKind::ALL.into_iter().filter(is_matched);
        let events = matched.map(|kind| {
            let label = ("kind", kind.name());
            (kind, numbered("touchline_events_total", label, "Events of the matcher, by kind."))
        });
        let events = events.collect();
        let reasons = Reason::ALL.map(|reason| {
            let label = ("reason", reason.name());
            numbered("touchline_rejects_total", label, "Refusals of the matcher, by reason.")
        });
        let released = ["private", "public"].map(|ring| {
            let label = ("ring", ring);
            numbered("touchline_ring_records_total", label, "Records released into a ring.")
        });
        let counters = COUNTERS.iter().map(|(name, help, _)| table.counter(name, &[], help));
        let counters = counters.collect();
        let gauges = GAUGES.iter().map(|(name, help, _)| table.gauge(name, &[], help)).collect();
        let mut hop = |name| {
            let help = "Time of a hop, as the engine sees it, over all commands.";
            table.latency("touchline_engine_hop_seconds", &[("hop", name)], help)
        };
        let (sequenced, matched) = (hop("gateway_rx_to_sequenced"), hop("sequenced_to_matched"));
        let strategies =
            venue.strategies.iter().map(|one| StrategyValues::add(&mut table, one, venue));
        let strategies = strategies.collect();
        let file = table.create(&venue.run_file(RunFile::EngineCounters))?;
        file.set(info, 1);
        file.set(mode, 1);
        Ok(Self {
            file,
            due_ns: 0,
            counters,
            gauges,
            commands: kinds.to_vec(),
            events,
            rejects: reasons.to_vec(),
            released,
            strategies,
            sequenced,
            matched,
        })
    }

    /// The engine's own counters, whose times also go to the file.
    pub(crate) fn stats(&self) -> Stats {
        let timing = |latency| Timing::new(self.file.recorder(latency));
        Stats::new(timing(self.sequenced), timing(self.matched))
    }

    /// Where the times of the strategies go, in their order.
    pub(crate) fn strategy_timings(&self) -> Vec<StrategyTimings> {
        self.strategies.iter().map(|one| one.timings(&self.file)).collect()
    }
}

impl Engine {
    /// Copies the counters to their file.
    pub(crate) fn tell(&self, now_ns: u64) {
        let metrics = &self.metrics;
        let file = &metrics.file;
        for (values, figures) in [(&metrics.counters, COUNTERS), (&metrics.gauges, GAUGES)] {
            for (value, (_, _, figure)) in values.iter().zip(figures) {
                file.set(*value, figure(self));
            }
        }
        let by_kind = CommandKind::ALL.iter().zip(&metrics.commands);
        for (kind, value) in by_kind {
            file.set(*value, self.stats.commands_by_kind[*kind as usize]);
        }
        for (kind, value) in &metrics.events {
            file.set(*value, self.stats.events_by_kind[*kind as usize]);
        }
        for (value, count) in metrics.rejects.iter().zip(self.stats.rejects) {
            file.set(*value, count);
        }
        for (value, count) in metrics.released.into_iter().zip(self.outlets.positions()) {
            file.set(value, count);
        }
        self.strategies.tell(file, &metrics.strategies, &self.matcher);
        file.alive(now_ns);
    }
}

/// Whether the matcher makes such events; the others are the engine's, for who has just come.
fn is_matched(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::SnapshotStart
            | EventKind::SnapshotInstrument
            | EventKind::SnapshotOrder
            | EventKind::SnapshotEnd
    )
}
