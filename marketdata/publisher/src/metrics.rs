//! What the publisher tells in its counters file. It counts in its own memory and copies ten times
//! a second, all at once; latencies are recorded in place.

use touchline_config::{RunFile, Venue};
use touchline_counters::{CountersFile, Recorder, Table, Value};
use touchline_ring::Memory;
use touchline_sys::SysError;

use crate::channel::LineFigures;
use crate::stats::{self, Counters};
use crate::{Lines, Past, Publisher};

/// How often counters are copied, ns.
pub(crate) const TELL_NS: u64 = 100_000_000;

type Label = Option<(&'static str, &'static str)>;
type Figure = (&'static str, Label, &'static str, fn(&Counters) -> u64);
type LineFigure = (&'static str, &'static str, fn(&LineFigures) -> u64);

const COUNTERS: &[Figure] = &[
    ("touchline_feed_records_total", None, "Records published.", |one| one.records),
    (
        "touchline_ring_lapses_total",
        Some(("ring", "public")),
        "Times that a ring overtook its reader, or held a bad record.",
        |one| one.lapped,
    ),
    (
        "touchline_rebuilt_events_total",
        Some(("role", "publisher")),
        "Events taken from the journal.",
        |one| one.records_from_journal,
    ),
    (
        "touchline_feed_bad_records_total",
        None,
        "Records that no type or no instrument fits.",
        |one| one.bad_records,
    ),
    ("touchline_feed_misfits_total", None, "Records that do not fit their book.", |one| {
        one.misfits
    }),
    ("touchline_feed_sessions_total", None, "Sessions of the feed started.", |one| one.sessions),
    (
        "touchline_engines_followed_total",
        Some(("role", "publisher")),
        "Engines that were followed by another one while the agent ran.",
        |one| one.engines_followed,
    ),
];

const LINE_COUNTERS: &[LineFigure] = &[
    ("touchline_feed_packets_total", "Packets that a line took.", |one| one.packets),
    ("touchline_feed_bytes_total", "Bytes of them, and of heartbeats.", |one| one.bytes),
    ("touchline_feed_heartbeats_total", "Heartbeats that a line took.", |one| one.heartbeats),
    ("touchline_feed_send_full_total", "Times that a line took no more.", |one| one.send_full),
    ("touchline_feed_send_failed_total", "Packets that the system refused.", |one| one.send_failed),
    ("touchline_feed_dropped_total", "Packets that a line missed: too far behind.", |one| {
        one.dropped
    }),
];

const CHANNELS: [&str; 3] = ["incremental", "snapshot", "definition"];

/// Where the latencies of the feed go, in the order of their names.
pub(crate) type Recorders = [Recorder; stats::HOPS.len()];

/// The publisher's counters file, and which values are what.
pub(crate) struct Metrics {
    file: CountersFile,
    pub(crate) due_ns: u64,
    counters: Vec<Value>,
    /// By line, those of [`LINE_COUNTERS`], and what is queued.
    lines: Vec<(Vec<Value>, Value)>,
    messages: Vec<Value>,
    cycles: [Value; 2],
    cycle_times: [Value; 2],
    depth: Value,
}

impl Metrics {
    /// Makes the file for a feed with these lines, and what records latencies there.
    pub(crate) fn create(
        venue: &Venue,
        lines: impl Iterator<Item = &'static str>,
    ) -> Result<(Self, Recorders), SysError> {
        let mut table = Table::new("publisher");
        let version = [("role", "publisher"), ("version", env!("CARGO_PKG_VERSION"))];
        let info = table.gauge("touchline_agent_info", &version, "Always 1; labels say what runs.");
        let counters = COUNTERS
            .iter()
            .map(|(name, label, help, _)| table.counter(name, label.as_slice(), help))
            .collect();
        let line = |line: &'static str| {
            let named = [("line", line)];
            let add = |(name, help, _): &LineFigure| table.counter(name, &named, help);
            let counters = LINE_COUNTERS.iter().map(add).collect();
            let help = "Packets that a line has not taken yet.";
            (counters, table.gauge("touchline_feed_queued_packets", &named, help))
        };
        let lines = lines.map(line).collect();
        let messages = CHANNELS.map(|channel| {
            let named = [("channel", channel)];
            table.counter("touchline_feed_messages_total", &named, "Messages put into packets.")
        });
        let cycles = [CHANNELS[1], CHANNELS[2]].map(|channel| {
            let help = "Cycles that were sent whole.";
            table.counter("touchline_feed_cycles_total", &[("channel", channel)], help)
        });
        let cycle_times = [CHANNELS[1], CHANNELS[2]].map(|channel| {
            let help = "How long the last whole cycle took.";
            table.time("touchline_feed_cycle_seconds", &[("channel", channel)], help)
        });
        let depth = table.gauge(
            "touchline_ring_depth_records",
            &[("ring", "public")],
            "Records in a ring that its reader has not taken.",
        );
        let latencies = stats::HOPS.map(|name| {
            let help = "From a hop of the oldest message of a packet until line A had taken it.";
            table.latency("touchline_feed_hop_seconds", &[("hop", name)], help)
        });
        let file = table.create(&venue.run_file(RunFile::PublisherCounters))?;
        file.set(info, 1);
        let recorders = latencies.map(|latency| file.recorder(latency));
        let messages = messages.to_vec();
        let metrics =
            Self { file, due_ns: 0, counters, lines, messages, cycles, cycle_times, depth };
        Ok((metrics, recorders))
    }
}

impl<M: Memory, L: Lines, P: Past> Publisher<M, L, P> {
    /// Copies the counters to their file, if there is one.
    pub(crate) fn tell(&self, now_ns: u64) {
        let Some(metrics) = &self.metrics else { return };
        let file = &metrics.file;
        for (value, (_, _, _, figure)) in metrics.counters.iter().zip(COUNTERS) {
            file.set(*value, figure(&self.counters));
        }
        let channels = [&self.incremental, &self.snapshot, &self.definition];
        let lines = channels.into_iter().flat_map(|channel| channel.lines());
        for (figures, (values, queued)) in lines.zip(&metrics.lines) {
            for (value, (_, _, figure)) in values.iter().zip(LINE_COUNTERS) {
                file.set(*value, figure(&figures));
            }
            file.set(*queued, figures.queued);
        }
        for (value, channel) in metrics.messages.iter().zip(channels) {
            file.set(*value, channel.messages());
        }
        let timetables = [&self.snapshots.timetable, &self.definitions.timetable];
        for (at, timetable) in timetables.into_iter().enumerate() {
            file.set(metrics.cycles[at], timetable.completed());
            file.set(metrics.cycle_times[at], timetable.last_ns());
        }
        file.set(metrics.depth, self.ring.depth());
        file.alive(now_ns);
    }
}
