//! What a subscriber counts.

use serde_json::{Value, json};

/// Counters of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounters {
    /// Datagrams that came, of any kind.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that this line brought first.
    pub won: u64,
    /// Packets that were there already.
    pub duplicates: u64,
    /// Packets that came after they had been given up as lost.
    pub late: u64,
    /// Packets without messages.
    pub heartbeats: u64,
    /// Datagrams that are no packet of this channel.
    pub malformed: u64,
    /// Packets of a session that is over.
    pub old_session: u64,
}

/// Counters of a subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions seen.
    pub sessions: u64,
    /// Incremental packets taken in.
    pub packets: u64,
    /// Their messages.
    pub messages: u64,
    /// Messages of templates that this build does not know.
    pub unknown_templates: u64,
    /// Messages on a channel that they do not belong to, or of an instrument number out of range.
    pub misplaced: u64,
    /// Gaps: runs of incremental packets that no line brought in time.
    pub gaps: u64,
    /// Gaps after which every book was right again.
    pub gaps_recovered: u64,
    /// Incremental packets in the gaps.
    pub packets_lost: u64,
    /// Of these, the ones that came after all.
    pub packets_late: u64,
    /// Times that an instrument's numbers showed that a message is missing.
    pub rpt_seq_gaps: u64,
    /// Times that a message contradicted its book.
    pub inconsistent: u64,
    /// Times that more messages waited for a snapshot than are kept.
    pub buffer_overflows: u64,
    /// Snapshots that became a book.
    pub snapshots_applied: u64,
    /// Books repaired by late packets.
    pub repaired_late: u64,
    /// Snapshot and definition packets that no line brought.
    pub cyclic_packets_lost: u64,
    /// Snapshots that contradicted themselves.
    pub snapshots_refused: u64,
    /// Instruments whose book is not right now.
    pub not_live: u64,
}

impl Counters {
    /// Gaps that have not been recovered from yet.
    #[must_use]
    pub const fn gaps_unrecovered(&self) -> u64 {
        self.gaps - self.gaps_recovered
    }

    /// As a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "sessions": self.sessions,
            "packets": self.packets,
            "messages": self.messages,
            "unknown_templates": self.unknown_templates,
            "misplaced": self.misplaced,
            "gaps": self.gaps,
            "recovered_gaps": self.gaps_recovered,
            "unrecovered_gaps": self.gaps_unrecovered(),
            "packets_lost": self.packets_lost,
            "packets_late": self.packets_late,
            "rpt_seq_gaps": self.rpt_seq_gaps,
            "inconsistent": self.inconsistent,
            "buffer_overflows": self.buffer_overflows,
            "snapshots_applied": self.snapshots_applied,
            "repaired_late": self.repaired_late,
            "cyclic_packets_lost": self.cyclic_packets_lost,
            "snapshots_refused": self.snapshots_refused,
            "not_live": self.not_live,
        })
    }
}

impl LineCounters {
    /// As a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "packets": self.packets,
            "bytes": self.bytes,
            "won": self.won,
            "duplicates": self.duplicates,
            "late": self.late,
            "heartbeats": self.heartbeats,
            "malformed": self.malformed,
            "old_session": self.old_session,
        })
    }
}
