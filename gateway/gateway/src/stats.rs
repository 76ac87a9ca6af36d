//! The figures of the gateway as one JSON object.

use serde_json::{Value, json};

use crate::Gateway;
use crate::connection::Connection;

impl Gateway {
    /// Connections, sessions, orders in by type, reports out by ExecType(150), refusals by text,
    /// resends, garbled input, queues, and the latency of each hop in ns.
    #[must_use]
    pub fn stats_json(&self) -> String {
        let counters = self.counters();
        let connections = || self.desk.connections.iter().flatten();
        let sum = |of: fn(&touchline_session::SessionCounters) -> u64| -> u64 {
            self.desk.slots.iter().map(|slot| of(&slot.session.counters())).sum()
        };
        json!({
            "role": "gateway",
            "connections": {
                "open": connections().count(),
                "accepted": counters.accepted,
                "too_many": counters.too_many_connections,
                "accepts_failed": counters.accepts_failed,
                "disconnects": counters.disconnects,
                "queue_bytes": connections()
                    .map(|connection: &Connection| connection.queue.len_bytes())
                    .sum::<usize>(),
                "bytes_in": counters.bytes_in,
                "bytes_out": counters.bytes_out,
                "socket_writes": counters.socket_writes,
            },
            "sessions": self.sessions_json(),
            "orders_in": {
                "new": counters.new_orders,
                "cancel": counters.cancels,
                "replace": counters.replaces,
                "status": counters.status_requests,
                "mass_cancel": counters.mass_cancel_requests,
                "other": counters.other_messages,
                "commands": counters.commands,
                "ring_full": counters.ring_full,
                "mass_cancels": counters.mass_cancels,
                "commands_again": counters.commands_again,
                "engines_followed": counters.engines_followed,
            },
            "execution_reports": counters
                .execution_reports
                .iter()
                .map(|(exec_type, count)| (exec_type.to_string(), Value::from(*count)))
                .collect::<serde_json::Map<_, _>>(),
            "cancel_rejects": counters.cancel_rejects,
            "rejects": counters.rejects,
            "rejects_received": counters.rejects_received,
            "session_rejects": sum(|counters| counters.rejects),
            "resends": {
                "requests_sent": sum(|counters| counters.resend_requests),
                "replayed": sum(|counters| counters.replayed),
                "gap_filled": sum(|counters| counters.gap_filled),
                "duplicates": sum(|counters| counters.duplicates),
                "store_damaged": sum(|counters| counters.store_damaged),
            },
            "garbled": counters.garbled + sum(|counters| counters.garbled),
            "unwritable": counters.unwritable,
            "private_ring": {
                "depth": self.events.depth(),
                "lapped": counters.lapped,
                "lapped_records": counters.lapped_records,
                "rebuilt": counters.rebuilt,
                "unknown_owner": counters.unknown_owner,
                "seq": self.place.seq,
            },
            "store": {
                "bytes_cut": counters.log_bytes_cut,
                "ahead_of_journal": counters.ahead_of_journal,
                "syncs_failed": self.syncer.as_ref().map_or(0, crate::syncer::Syncer::failed),
            },
            "latency_ns": self.hops.json(),
        })
        .to_string()
    }

    fn sessions_json(&self) -> Vec<Value> {
        self.desk
            .slots
            .iter()
            .map(|slot| {
                let numbers = slot.session.numbers();
                json!({
                    "name": slot.entry.comp_id,
                    "connected": slot.session.is_logged_on(),
                    "next_in": numbers.next_inbound,
                    "next_out": numbers.next_outbound,
                    "under_way": slot.store.under_way(),
                })
            })
            .collect()
    }
}
