//! What the gateway counts. Nothing is dropped without one of these rising.

use std::collections::BTreeMap;

/// Counters since the gateway was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed at once, because there are as many as allowed.
    pub too_many_connections: u64,
    /// Times that nobody could be accepted (descriptors used up): tried again a second later.
    pub accepts_failed: u64,
    /// Connections that ended, by reason.
    pub disconnects: BTreeMap<String, u64>,
    /// NewOrderSingle(D) received.
    pub new_orders: u64,
    /// OrderCancelRequest(F) received.
    pub cancels: u64,
    /// OrderCancelReplaceRequest(G) received.
    pub replaces: u64,
    /// OrderStatusRequest(H) received.
    pub status_requests: u64,
    /// OrderMassCancelRequests.
    pub mass_cancel_requests: u64,
    /// Reject(3) received: a client could not read something of ours.
    pub rejects_received: u64,
    /// Application messages of other types received.
    pub other_messages: u64,
    /// Commands handed to the engine.
    pub commands: u64,
    /// Orders refused because the command ring was full.
    pub ring_full: u64,
    /// Mass cancels of sessions that ended, or did not come back.
    pub mass_cancels: u64,
    /// Engines that were followed by another one while the gateway ran.
    pub engines_followed: u64,
    /// Commands handed to the next engine, because the one before had not journaled them.
    pub commands_again: u64,
    /// Refusals of the venue and of the gateway, by Text(58) without its particulars.
    pub rejects: BTreeMap<&'static str, u64>,
    /// Of them those of the gateway: answered with Reject(3).
    pub refused_fields: u64,
    /// Answered with BusinessMessageReject(j).
    pub refused_business: u64,
    /// Answered with ExecutionReport(8) or OrderCancelReject(9).
    pub refused_orders: u64,
    /// ExecutionReport(8) sent or stored, by ExecType(150).
    pub execution_reports: BTreeMap<char, u64>,
    /// OrderCancelReject(9) sent or stored.
    pub cancel_rejects: u64,
    /// Messages that could not be written, because they did not fit.
    pub unwritable: u64,
    /// Times the private ring overtook the gateway or held a bad record; nothing was lost.
    pub lapped: u64,
    /// Records of that ring that were overtaken.
    pub lapped_records: u64,
    /// Events rebuilt from the journal into messages.
    pub rebuilt: u64,
    /// Events of orders whose session the configuration does not know.
    pub unknown_owner: u64,
    /// Sessions that had been told of events which the journal does not hold (durability async).
    pub ahead_of_journal: u64,
    /// Bytes of torn tails cut off the session logs.
    pub log_bytes_cut: u64,
    /// Garbled input on connections without a session.
    pub garbled: u64,
    /// Answers handed to a socket.
    pub socket_writes: u64,
    /// Bytes read from sockets.
    pub bytes_in: u64,
    /// Bytes written to sockets.
    pub bytes_out: u64,
}

impl Counters {
    /// Counts the end of a connection.
    pub fn disconnected(&mut self, reason: &str) {
        match self.disconnects.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.disconnects.insert(reason.to_owned(), 1)),
        }
    }

    /// Counts a refusal.
    pub fn rejected(&mut self, text: &'static str) {
        *self.rejects.entry(text).or_default() += 1;
    }
}
