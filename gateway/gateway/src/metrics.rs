//! What the gateway tells in its counters file. It counts in its own memory and copies ten times a
//! second, all at once; times of hops are recorded in place.

use touchline_config::{RunFile, Venue};
use touchline_counters::{CountersFile, Table, Value};
use touchline_session::SessionCounters;
use touchline_sys::SysError;

use crate::Gateway;
use crate::hops::{self, Hops};

/// How often counters are copied, ns.
pub(crate) const TELL_NS: u64 = 100_000_000;

type Label = Option<(&'static str, &'static str)>;
type Figure = (&'static str, Label, &'static str, fn(&Gateway) -> u64);

const IN: &str = "Application messages of clients, by what they ask for.";
const REFUSED: &str = "Messages that the gateway refused itself, by how it answered.";
const COUNTERS: &[Figure] = &[
    ("touchline_fix_requests_total", Some(("kind", "new_order")), IN, |one| {
        one.counters().new_orders
    }),
    ("touchline_fix_requests_total", Some(("kind", "cancel")), IN, |one| one.counters().cancels),
    ("touchline_fix_requests_total", Some(("kind", "replace")), IN, |one| one.counters().replaces),
    ("touchline_fix_requests_total", Some(("kind", "status")), IN, |one| {
        one.counters().status_requests
    }),
    ("touchline_fix_requests_total", Some(("kind", "mass_cancel")), IN, |one| {
        one.counters().mass_cancel_requests
    }),
    ("touchline_fix_requests_total", Some(("kind", "other")), IN, |one| {
        one.counters().other_messages
    }),
    ("touchline_fix_refusals_total", Some(("answer", "reject")), REFUSED, |one| {
        one.counters().refused_fields
    }),
    ("touchline_fix_refusals_total", Some(("answer", "business_reject")), REFUSED, |one| {
        one.counters().refused_business
    }),
    ("touchline_fix_refusals_total", Some(("answer", "order")), REFUSED, |one| {
        one.counters().refused_orders
    }),
    (
        "touchline_fix_messages_in_total",
        None,
        "Messages that sessions took in, those of the session layer included.",
        |one| one.sessions(|session| session.messages_in),
    ),
    (
        "touchline_fix_messages_out_total",
        None,
        "Messages that sessions handed out, those that were sent again included.",
        |one| one.sessions(|session| session.messages_out),
    ),
    ("touchline_fix_reports_total", None, "ExecutionReports sent or stored.", |one| {
        one.counters().execution_reports.values().sum()
    }),
    ("touchline_fix_cancel_rejects_total", None, "OrderCancelRejects sent or stored.", |one| {
        one.counters().cancel_rejects
    }),
    ("touchline_fix_rejects_received_total", None, "Rejects that clients sent.", |one| {
        one.counters().rejects_received
    }),
    ("touchline_fix_resend_requests_total", None, "ResendRequests sent.", |one| {
        one.sessions(|session| session.resend_requests)
    }),
    ("touchline_fix_resent_messages_total", None, "Messages sent again.", |one| {
        one.sessions(|session| session.replayed)
    }),
    ("touchline_fix_gap_filled_total", None, "Numbers covered by gap fills of ours.", |one| {
        one.sessions(|session| session.gap_filled)
    }),
    ("touchline_fix_duplicates_total", None, "Messages dropped: taken in before.", |one| {
        one.sessions(|session| session.duplicates)
    }),
    (
        "touchline_fix_store_damaged_total",
        None,
        "Stored messages that could not be read, and were gap filled.",
        |one| one.sessions(|session| session.store_damaged),
    ),
    ("touchline_fix_garbled_total", None, "Garbled input that was ignored.", |one| {
        one.counters().garbled + one.sessions(|session| session.garbled)
    }),
    ("touchline_fix_unwritable_total", None, "Messages that did not fit.", |one| {
        one.counters().unwritable
    }),
    ("touchline_fix_accepted_total", None, "Connections accepted.", |one| one.counters().accepted),
    (
        "touchline_fix_too_many_connections_total",
        None,
        "Connections closed at once, because there are as many as allowed.",
        |one| one.counters().too_many_connections,
    ),
    (
        "touchline_fix_accepts_failed_total",
        None,
        "Times that nobody could be accepted, because descriptors are used up.",
        |one| one.counters().accepts_failed,
    ),
    ("touchline_fix_disconnects_total", None, "Connections that ended.", |one| {
        one.counters().disconnects.values().sum()
    }),
    ("touchline_fix_received_bytes_total", None, "Bytes read from sockets.", |one| {
        one.counters().bytes_in
    }),
    ("touchline_fix_sent_bytes_total", None, "Bytes written to sockets.", |one| {
        one.counters().bytes_out
    }),
    ("touchline_fix_socket_writes_total", None, "Writes to sockets.", |one| {
        one.counters().socket_writes
    }),
    ("touchline_gateway_commands_total", None, "Commands handed to the engine.", |one| {
        one.counters().commands
    }),
    (
        "touchline_gateway_commands_again_total",
        None,
        "Commands handed to the next engine, because the one before had not journaled them.",
        |one| one.counters().commands_again,
    ),
    ("touchline_gateway_mass_cancels_total", None, "Mass cancels of absent sessions.", |one| {
        one.counters().mass_cancels
    }),
    ("touchline_engines_followed_total", READER, FOLLOWED, |one| one.counters().engines_followed),
    (
        "touchline_ring_full_total",
        Some(("ring", "commands")),
        "Orders refused: full ring.",
        |one| one.counters().ring_full,
    ),
    ("touchline_ring_lapses_total", PRIVATE, LAPSES, |one| one.counters().lapped),
    ("touchline_ring_lapsed_records_total", PRIVATE, LAPSED, |one| one.counters().lapped_records),
    ("touchline_rebuilt_events_total", READER, "Events taken from the journal.", |one| {
        one.counters().rebuilt
    }),
    (
        "touchline_gateway_unknown_owners_total",
        None,
        "Events of orders whose session the configuration does not know.",
        |one| one.counters().unknown_owner,
    ),
    (
        "touchline_store_cut_bytes_total",
        None,
        "Bytes of torn tails cut off the session logs.",
        |one| one.counters().log_bytes_cut,
    ),
    ("touchline_store_syncs_failed_total", None, "Session logs not put on the disk.", |one| {
        one.syncer.as_ref().map_or(0, crate::syncer::Syncer::failed)
    }),
];

const READER: Label = Some(("role", "gateway"));
const PRIVATE: Label = Some(("ring", "private"));
const FOLLOWED: &str = "Engines that were followed by another one while the agent ran.";
const LAPSES: &str = "Times that a ring overtook its reader, or held a bad record.";
const LAPSED: &str = "Records that were overtaken.";
const DEPTH: &str = "Records in a ring that its reader has not taken.";

const GAUGES: &[Figure] = &[
    ("touchline_fix_connections", None, "Connections that are open.", |one| {
        one.desk.connections.iter().flatten().count() as u64
    }),
    ("touchline_fix_send_queue_bytes", None, "Bytes that wait for sockets.", |one| {
        let queues = one.desk.connections.iter().flatten();
        queues.map(|connection| connection.queue.len_bytes() as u64).sum()
    }),
    ("touchline_ring_depth_records", PRIVATE, DEPTH, |one| one.events.depth()),
    ("touchline_ring_depth_records", Some(("ring", "commands")), DEPTH, |one| {
        one.desk.orders.commands.depth()
    }),
];

/// The gateway's counters file, and which values are what.
#[derive(Debug)]
pub(crate) struct Metrics {
    file: CountersFile,
    pub(crate) due_ns: u64,
    counters: Vec<Value>,
    gauges: Vec<Value>,
    logged_on: Vec<Value>,
    under_way: Vec<Value>,
}

impl Metrics {
    /// Makes the file, and the hops that go there.
    pub(crate) fn create(venue: &Venue) -> Result<(Self, Hops), SysError> {
        let mut table = Table::new("gateway");
        let version = [("role", "gateway"), ("version", env!("CARGO_PKG_VERSION"))];
        let info = table.gauge("touchline_agent_info", &version, "Always 1; labels say what runs.");
        let counters = COUNTERS
            .iter()
            .map(|(name, label, help, _)| table.counter(name, label.as_slice(), help))
            .collect();
        let gauges = GAUGES
            .iter()
            .map(|(name, label, help, _)| table.gauge(name, label.as_slice(), help))
            .collect();
        let mut sessions = |name, help| -> Vec<Value> {
            let named = |one: &touchline_config::Session| [("session", one.comp_id.clone())];
            let add =
                |[(label, id)]: [(&str, String); 1]| table.gauge(name, &[(label, &*id)], help);
            venue.sessions.iter().map(named).map(add).collect()
        };
        let logged_on = sessions("touchline_fix_session_logged_on", "1 while logged on, else 0.");
        let under_way = sessions(
            "touchline_fix_session_commands_under_way",
            "Commands handed to the engine and not yet released.",
        );
        let latencies = hops::NAMES.map(|name| {
            let help = "Time of a hop, from the byte that the gateway read to the one it wrote.";
            table.latency("touchline_hop_seconds", &[("hop", name)], help)
        });
        let file = table.create(&venue.run_file(RunFile::GatewayCounters))?;
        file.set(info, 1);
        let hops = Hops::new(latencies.map(|latency| file.recorder(latency)));
        Ok((Self { file, due_ns: 0, counters, gauges, logged_on, under_way }, hops))
    }
}

impl Gateway {
    /// Copies the counters to their file.
    pub(crate) fn tell(&self, now_ns: u64) {
        let Metrics { file, counters, gauges, logged_on, under_way, .. } = &self.metrics;
        for (values, figures) in [(counters, COUNTERS), (gauges, GAUGES)] {
            for (value, (_, _, _, figure)) in values.iter().zip(figures) {
                file.set(*value, figure(self));
            }
        }
        for ((slot, logged_on), under_way) in self.desk.slots.iter().zip(logged_on).zip(under_way) {
            file.set(*logged_on, u64::from(slot.session.is_logged_on()));
            file.set(*under_way, slot.store.under_way() as u64);
        }
        file.alive(now_ns);
    }

    /// A counter, over all sessions.
    fn sessions(&self, of: fn(&SessionCounters) -> u64) -> u64 {
        self.desk.slots.iter().map(|slot| of(&slot.session.counters())).sum()
    }
}
