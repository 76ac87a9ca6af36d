//! A channel: packets in the order of their sequence, each sent to line A and line B.
//!
//! Finished packets stay in a store of fixed size until every line has taken them. A line whose
//! buffer is full keeps its place and goes on from there; the other line does not notice. A line
//! that falls behind by the whole store loses its oldest packets there, which is counted.

use serde_json::{Value, json};
use touchline_feed_codec::{ChannelKind, Line, Message, PacketFlags, PacketWriter};
use touchline_types::PublicRecord;

use crate::Lines;
use crate::stats::Latency;

/// When the oldest message of a packet passed each hop, ns; 0 where that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hops {
    pub(crate) sequenced: u64,
    pub(crate) matched: u64,
    pub(crate) released: u64,
}

impl Hops {
    pub(crate) const fn of(record: &PublicRecord) -> Self {
        Self {
            sequenced: record.timestamp,
            matched: record.matched_time,
            released: record.released_time,
        }
    }
}

/// A packet in the store.
#[derive(Clone)]
struct Slot {
    writer: PacketWriter,
    hops: Option<Hops>,
}

/// A line's place in the store, and what happened to it.
struct LineState {
    line: Line,
    /// Next packet to send, counted over all sessions from 0.
    next: u64,
    packets: u64,
    bytes: u64,
    heartbeats: u64,
    send_full: u64,
    send_failed: u64,
    dropped: u64,
}

/// What happened to a line.
pub(crate) struct LineFigures {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) heartbeats: u64,
    pub(crate) send_full: u64,
    pub(crate) send_failed: u64,
    pub(crate) dropped: u64,
    pub(crate) queued: u64,
}

/// A channel of the feed.
pub(crate) struct Channel {
    kind: ChannelKind,
    slots: Vec<Slot>,
    /// Packets finished, counted over all sessions: number of the one that is being written.
    head: u64,
    idle: PacketWriter,
    session: u64,
    /// Sequence of the newest finished packet in this session.
    sequence: u64,
    /// When anything was sent last.
    sent_at: u64,
    messages: u64,
    lines: Vec<LineState>,
}

impl Channel {
    /// A channel with number `channel` that keeps `capacity - 1` finished packets.
    pub(crate) fn new(
        kind: ChannelKind,
        channel: u16,
        capacity: usize,
        lines: &impl Lines,
    ) -> Self {
        let writer = PacketWriter::new(0, channel);
        let exists = |line: &Line| lines.has(*line);
        let state = |line| LineState {
            line,
            next: 0,
            packets: 0,
            bytes: 0,
            heartbeats: 0,
            send_full: 0,
            send_failed: 0,
            dropped: 0,
        };
        Self {
            kind,
            slots: vec![Slot { writer: writer.clone(), hops: None }; capacity.max(2)],
            head: 0,
            idle: writer,
            session: 0,
            sequence: 0,
            sent_at: 0,
            messages: 0,
            lines: [false, true]
                .map(|b| Line::of(kind, b))
                .into_iter()
                .filter(exists)
                .map(state)
                .collect(),
        }
    }

    /// Numbers packets from 1 again, under a new session.
    pub(crate) fn start_session(&mut self, session: u64) {
        self.session = session;
        self.sequence = 0;
        self.idle.start_session(session);
        self.open_slot();
    }

    fn slot(&mut self) -> &mut Slot {
        let index = self.head % self.slots.len() as u64;
        &mut self.slots[index as usize]
    }

    fn open_slot(&mut self) {
        let session = self.session;
        let slot = self.slot();
        slot.writer.start_session(session);
        slot.hops = None;
    }

    /// Adds a message to the open packet; false if it has no room.
    #[inline]
    pub(crate) fn try_push(&mut self, message: &Message, hops: Option<Hops>) -> bool {
        let slot = self.slot();
        if !slot.writer.try_push(message) {
            return false;
        }
        if slot.hops.is_none() {
            slot.hops = hops;
        }
        self.messages += 1;
        true
    }

    /// True if the open packet holds no message.
    pub(crate) fn is_open_empty(&mut self) -> bool {
        self.slot().writer.is_empty()
    }

    /// Sequence of the newest finished packet.
    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// True if a line has not taken all finished packets.
    pub(crate) fn is_pending(&self) -> bool {
        self.lines.iter().any(|state| state.next < self.head)
    }

    /// When anything was sent last, ns; 0 for never.
    pub(crate) const fn sent_at(&self) -> u64 {
        self.sent_at
    }

    /// Finishes the open packet, if it holds a message, and offers it to the lines.
    pub(crate) fn close(
        &mut self,
        lines: &mut impl Lines,
        matching_time: u64,
        latency: Option<&mut Latency>,
    ) {
        if self.is_open_empty() {
            return;
        }
        self.sequence += 1;
        let (sequence, flags) = (self.sequence, self.flags());
        let send_time = lines.now_ns();
        self.slot().writer.finish(sequence, send_time, matching_time, flags);
        self.head += 1;
        let kept = self.slots.len() as u64 - 1;
        for state in &mut self.lines {
            let behind = (self.head - state.next).saturating_sub(kept);
            state.next += behind;
            state.dropped += behind;
        }
        self.open_slot();
        self.flush(lines, latency);
    }

    /// Offers the lines what they have not taken yet; says how many packets went out.
    pub(crate) fn flush(&mut self, lines: &mut impl Lines, latency: Option<&mut Latency>) -> usize {
        let mut latency = latency;
        let mut sent = 0;
        for (copy, state) in self.lines.iter_mut().enumerate() {
            while state.next < self.head {
                let slot = &self.slots[(state.next % self.slots.len() as u64) as usize];
                let packet = slot.writer.packet();
                match lines.send(state.line, packet) {
                    Ok(true) => {
                        state.packets += 1;
                        state.bytes += packet.len() as u64;
                    }
                    Ok(false) => {
                        state.send_full += 1;
                        break;
                    }
                    Err(_) => state.send_failed += 1,
                }
                state.next += 1;
                sent += 1;
                if let (0, Some(latency), Some(hops)) = (copy, latency.as_mut(), slot.hops) {
                    latency.record(&hops, lines.now_ns());
                }
            }
        }
        if sent > 0 {
            self.sent_at = lines.now_ns();
        }
        sent
    }

    /// Sends a packet without messages, with the sequence of the next packet, to each line that has
    /// taken everything. It takes no sequence and is not repeated.
    pub(crate) fn heartbeat(&mut self, lines: &mut impl Lines, flags: PacketFlags) {
        let flags = self.flags().with(flags);
        self.sent_at = lines.now_ns();
        let packet = self.idle.finish(self.sequence + 1, self.sent_at, 0, flags);
        for state in self.lines.iter_mut().filter(|state| state.next == self.head) {
            match lines.send(state.line, packet) {
                Ok(true) => {
                    state.heartbeats += 1;
                    state.bytes += packet.len() as u64;
                }
                Ok(false) => state.send_full += 1,
                Err(_) => state.send_failed += 1,
            }
        }
    }

    /// What happened to each of its lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = LineFigures> + '_ {
        self.lines.iter().map(|state| LineFigures {
            packets: state.packets,
            bytes: state.bytes,
            heartbeats: state.heartbeats,
            send_full: state.send_full,
            send_failed: state.send_failed,
            dropped: state.dropped,
            queued: self.head - state.next,
        })
    }

    /// Names of its lines.
    pub(crate) fn line_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.lines.iter().map(|state| state.line.name())
    }

    /// Messages put into packets.
    pub(crate) const fn messages(&self) -> u64 {
        self.messages
    }

    const fn flags(&self) -> PacketFlags {
        match self.kind {
            ChannelKind::Incremental => PacketFlags::INCREMENTAL,
            ChannelKind::Snapshot => PacketFlags::SNAPSHOT,
            ChannelKind::Definition => PacketFlags::DEFINITION,
        }
    }

    /// Its figures.
    pub(crate) fn stats(&self) -> Value {
        let line = |state: &LineState| {
            json!({
                "line": state.line.name(),
                "packets": state.packets,
                "bytes": state.bytes,
                "heartbeats": state.heartbeats,
                "send_full": state.send_full,
                "send_failed": state.send_failed,
                "dropped": state.dropped,
                "queued": self.head - state.next,
            })
        };
        json!({
            "sequence": self.sequence,
            "packets": self.head,
            "messages": self.messages,
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}
