//! The sans-I/O core: packets and times in, calls to the listener out.

use std::collections::BTreeMap;

use touchline_config::MarketData;
use touchline_feed_codec::{
    ChannelKind, Line, Message, PacketFlags, PacketHeader, SecurityDefinition, read_packet,
};

use crate::assembly::{Assembly, Step};
use crate::instrument::{Instrument, Origin, Reporter, Tag};
use crate::merge::{Gap, Merge, Verdict};
use crate::{Book, BookListener, BookState, Counters, LineCounters};

/// Instrument numbers are below this; a message with a larger one is refused.
const INSTRUMENTS_MAX: usize = 1 << 16;

/// What a subscriber must know of the feed, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriberConfig {
    /// Number of the incremental channel.
    pub incremental_channel: u16,
    /// Number of the snapshot channel.
    pub snapshot_channel: u16,
    /// Number of the definition channel.
    pub definition_channel: u16,
    /// The incremental channel has a line B that is listened to.
    pub has_b: bool,
    /// How long to wait for the other line before a packet is given up, ns.
    pub gap_wait_ns: u64,
    /// A session that said nothing for this long may be followed by one with a smaller number (the
    /// publisher's clock was set back), ns.
    pub session_silence_ns: u64,
}

impl SubscriberConfig {
    /// Listens to every line of a configuration, waits 2 ms for the other line.
    #[must_use]
    pub const fn of(marketdata: &MarketData) -> Self {
        Self {
            incremental_channel: marketdata.incremental.channel,
            snapshot_channel: marketdata.snapshot.channel,
            definition_channel: marketdata.definition.channel,
            has_b: marketdata.incremental.b.is_some(),
            gap_wait_ns: 2_000_000,
            session_silence_ns: 3_000_000_000,
        }
    }
}

/// Keeps the books of a feed.
pub struct Subscriber {
    config: SubscriberConfig,
    session: u64,
    ended: bool,
    heard_at: u64,
    merge: Merge,
    assembly: Assembly,
    /// Packets of the definition channel that have come.
    definition_next: Option<u64>,
    /// By instrument number.
    instruments: Vec<Option<Box<Instrument>>>,
    /// Number of instruments, as the feed says.
    instrument_count: Option<u32>,
    known: u32,
    /// Up to this packet a new instrument may miss something.
    need_through: u64,
    definitions: BTreeMap<u32, SecurityDefinition>,
    counters: Counters,
    lines: [LineCounters; Line::ALL.len()],
    scratch: Vec<Message>,
}

impl Subscriber {
    /// A subscriber that has heard nothing yet.
    #[must_use]
    pub fn new(config: SubscriberConfig) -> Self {
        Self {
            config,
            session: 0,
            ended: false,
            heard_at: 0,
            merge: Merge::new(config.has_b, config.gap_wait_ns),
            assembly: Assembly::default(),
            definition_next: None,
            instruments: Vec::new(),
            instrument_count: None,
            known: 0,
            need_through: 0,
            definitions: BTreeMap::new(),
            counters: Counters::default(),
            lines: [LineCounters::default(); Line::ALL.len()],
            scratch: Vec::with_capacity(64),
        }
    }

    /// Takes a datagram of a line.
    pub fn on_packet<B: BookListener>(
        &mut self,
        line: Line,
        packet: &[u8],
        now_ns: u64,
        listener: &mut B,
    ) {
        let counters = &mut self.lines[line.index()];
        counters.packets += 1;
        counters.bytes += packet.len() as u64;
        let expected_channel = match line.channel() {
            ChannelKind::Incremental => self.config.incremental_channel,
            ChannelKind::Snapshot => self.config.snapshot_channel,
            ChannelKind::Definition => self.config.definition_channel,
        };
        let read =
            read_packet(packet).ok().filter(|(header, _)| header.channel == expected_channel);
        let Some((header, mut messages)) = read else {
            counters.malformed += 1;
            return;
        };
        // A copy that cannot be read must not win over the other line's.
        self.scratch.clear();
        for message in &mut messages {
            match message {
                Ok(message) => self.scratch.push(message),
                Err(_) => {
                    counters.malformed += 1;
                    return;
                }
            }
        }
        let unknown = u64::from(messages.unknown());
        if !self.enter_session(line, &header, now_ns, listener) {
            return;
        }
        match line.channel() {
            ChannelKind::Incremental => {
                self.on_incremental(line, &header, unknown, now_ns, listener);
            }
            ChannelKind::Snapshot => self.on_snapshot(line, &header, listener),
            ChannelKind::Definition => self.on_definition(line, &header, listener),
        }
        let ends = header.flags & PacketFlags::END_OF_SESSION.0 != 0;
        if ends && !self.ended && line.channel() == ChannelKind::Incremental {
            self.ended = true;
            listener.end_of_session(self.session);
        }
    }

    /// Does what is due at a time: gives up packets that no line brought. Call it at
    /// [`deadline_ns`](Self::deadline_ns), and after each batch of packets.
    pub fn on_timer<B: BookListener>(&mut self, now_ns: u64, listener: &mut B) {
        while let Some(gap) = self.merge.give_up(now_ns) {
            self.on_gap(gap, listener);
            self.take_held(listener);
        }
    }

    /// When [`on_timer`](Self::on_timer) must be called, ns; `u64::MAX` for never.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        self.merge.deadline_ns()
    }

    /// The book of an instrument; `None` before anything was heard of it.
    #[must_use]
    pub fn book(&self, instrument_id: u32) -> Option<&Book> {
        self.instrument(instrument_id).map(Instrument::book)
    }

    /// Whether that book is right.
    #[must_use]
    pub fn state(&self, instrument_id: u32) -> Option<BookState> {
        self.instrument(instrument_id).map(Instrument::state)
    }

    /// Instruments of which something was heard, by number.
    pub fn instruments(&self) -> impl Iterator<Item = u32> + '_ {
        let numbers = 0_u32..;
        numbers.zip(&self.instruments).filter_map(|(id, known)| known.as_ref().map(|_| id))
    }

    /// What an instrument is; `None` before its definition came.
    #[must_use]
    pub fn definition(&self, instrument_id: u32) -> Option<&SecurityDefinition> {
        self.definitions.get(&instrument_id)
    }

    /// All definitions that came, by instrument number.
    pub fn definitions(&self) -> impl Iterator<Item = &SecurityDefinition> + '_ {
        self.definitions.values()
    }

    /// True if the book of every instrument of the feed is right.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.instrument_count == Some(self.known) && self.counters.not_live == 0
    }

    /// The session that is listened to; 0 before the first packet.
    #[must_use]
    pub const fn session(&self) -> u64 {
        self.session
    }

    /// True after the publisher said that the session is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Its counters.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counters of a line.
    #[must_use]
    pub const fn line_counters(&self, line: Line) -> &LineCounters {
        &self.lines[line.index()]
    }

    /// Incremental packets of this session that line A, or line B, went past and did not bring.
    #[must_use]
    pub fn lost_on_line(&self, b: bool) -> u64 {
        self.merge.lost(b)
    }

    /// Incremental packets of this session that came on one line only, where there are two. A line
    /// that is silent loses nothing: it says nothing.
    #[must_use]
    pub fn lost_on_one_line(&self) -> u64 {
        self.merge.lost_on_one_line()
    }

    /// All counters as text, one JSON object.
    #[must_use]
    pub fn stats_json(&self) -> String {
        self.stats().to_string()
    }

    /// All counters, one JSON object.
    #[must_use]
    pub fn stats(&self) -> serde_json::Value {
        let mut stats = self.counters.to_json();
        stats["session"] = self.session.into();
        stats["live"] = self.is_live().into();
        stats["lost_on_one_line"] = self.lost_on_one_line().into();
        for line in Line::ALL {
            stats["lines"][line.name()] = self.line_counters(line).to_json();
        }
        stats["lines"]["incremental_a"]["lost"] = self.lost_on_line(false).into();
        stats["lines"]["incremental_b"]["lost"] = self.lost_on_line(true).into();
        stats
    }

    fn instrument(&self, instrument_id: u32) -> Option<&Instrument> {
        let index = usize::try_from(instrument_id).ok()?;
        self.instruments.get(index)?.as_deref()
    }

    /// True if the packet is of the session that is listened to, which it may have started.
    fn enter_session<B: BookListener>(
        &mut self,
        line: Line,
        header: &PacketHeader,
        now_ns: u64,
        listener: &mut B,
    ) -> bool {
        if header.session == self.session {
            self.heard_at = now_ns;
            return true;
        }
        let silent = now_ns.saturating_sub(self.heard_at) >= self.config.session_silence_ns;
        if header.session < self.session && !silent {
            self.lines[line.index()].old_session += 1;
            return false;
        }
        let scratch = std::mem::take(&mut self.scratch);
        let (counters, lines) = (self.counters, self.lines);
        *self = Self { scratch, counters, lines, ..Self::new(self.config) };
        self.session = header.session;
        self.heard_at = now_ns;
        self.counters.sessions += 1;
        // What the old session lost cannot be recovered in it, and is not missed in the new one.
        self.counters.gaps_recovered = self.counters.gaps;
        self.counters.not_live = 0;
        listener.session(self.session);
        true
    }

    fn on_incremental<B: BookListener>(
        &mut self,
        line: Line,
        header: &PacketHeader,
        unknown: u64,
        now_ns: u64,
        listener: &mut B,
    ) {
        let counters = &mut self.lines[line.index()];
        let first = self.merge.expected().is_none();
        if header.count == 0 {
            counters.heartbeats += 1;
            self.merge.heartbeat(line.is_b(), header.sequence);
        } else {
            let sequence = header.sequence;
            let verdict = self.merge.judge(line.is_b(), sequence);
            match verdict {
                Verdict::Duplicate => counters.duplicates += 1,
                Verdict::Late => {
                    counters.late += 1;
                    self.counters.packets_late += 1;
                }
                Verdict::Next | Verdict::Early => counters.won += 1,
            }
            if verdict != Verdict::Duplicate {
                self.counters.unknown_templates += unknown;
            }
            if first {
                self.need_through = sequence.saturating_sub(1);
            }
            match verdict {
                Verdict::Next | Verdict::Late => {
                    if verdict == Verdict::Next {
                        self.merge.accept();
                    }
                    let messages = std::mem::take(&mut self.scratch);
                    self.take(sequence, &messages, listener);
                    self.scratch = messages;
                    self.take_held(listener);
                }
                Verdict::Early => self.merge.hold(sequence, self.scratch.clone()),
                Verdict::Duplicate => {}
            }
            if verdict == Verdict::Late && self.merge.is_whole() {
                self.on_whole(listener);
            }
        }
        if first {
            self.need_through = header.sequence.saturating_sub(1);
            let through = self.need_through;
            let (instruments, mut to) = self.split(listener);
            instruments.for_each(|instrument| instrument.on_gap(through, &mut to));
        }
        self.on_timer(now_ns, listener);
    }

    fn split<'a, B>(
        &'a mut self,
        listener: &'a mut B,
    ) -> (impl Iterator<Item = &'a mut Instrument>, Reporter<'a, B>) {
        let reporter = Reporter { counters: &mut self.counters, listener };
        (self.instruments.iter_mut().flatten().map(|boxed| &mut **boxed), reporter)
    }

    fn take_held<B: BookListener>(&mut self, listener: &mut B) {
        while let Some((sequence, messages)) = self.merge.take_held() {
            self.merge.accept();
            self.take(sequence, &messages, listener);
        }
    }

    /// Takes in the messages of a packet.
    fn take<B: BookListener>(&mut self, sequence: u64, messages: &[Message], listener: &mut B) {
        self.counters.packets += 1;
        let origin = self.origin(sequence);
        for message in messages {
            let Some(tag) = Tag::of(message) else {
                self.counters.misplaced += 1;
                continue;
            };
            self.counters.messages += 1;
            let Some(instrument) = instrument_mut(
                &mut self.instruments,
                &mut self.known,
                tag.instrument_id,
                self.need_through,
                &mut self.counters,
            ) else {
                self.counters.misplaced += 1;
                continue;
            };
            let mut to = Reporter { counters: &mut self.counters, listener };
            instrument.take(message, tag, origin, &mut to);
        }
        self.see_recovery();
    }

    fn origin(&self, sequence: u64) -> Origin {
        let expected = self.merge.expected().unwrap_or(0);
        Origin { sequence, newest: expected.saturating_sub(1), whole: self.merge.is_whole() }
    }

    fn on_gap<B: BookListener>(&mut self, gap: Gap, listener: &mut B) {
        self.counters.gaps += 1;
        let lost = gap.to - gap.from;
        self.counters.packets_lost = self.counters.packets_lost.saturating_add(lost);
        self.need_through = gap.to.saturating_sub(1);
        let through = self.need_through;
        let (instruments, mut to) = self.split(listener);
        instruments.for_each(|instrument| instrument.on_gap(through, &mut to));
        self.see_recovery();
    }

    fn on_whole<B: BookListener>(&mut self, listener: &mut B) {
        let (instruments, mut to) = self.split(listener);
        instruments.for_each(|instrument| instrument.on_whole(&mut to));
        self.see_recovery();
    }

    /// When every book is right, every gap has been recovered from.
    fn see_recovery(&mut self) {
        if self.counters.not_live == 0 && self.counters.gaps_recovered != self.counters.gaps {
            self.counters.gaps_recovered = self.counters.gaps;
            self.merge.forgive();
        }
    }

    fn on_snapshot<B: BookListener>(
        &mut self,
        line: Line,
        header: &PacketHeader,
        listener: &mut B,
    ) {
        if !self.cyclic(line, header, true) {
            return;
        }
        let messages = std::mem::take(&mut self.scratch);
        for message in &messages {
            self.on_snapshot_message(message, listener);
        }
        self.scratch = messages;
    }

    fn on_snapshot_message<B: BookListener>(&mut self, message: &Message, listener: &mut B) {
        if let Message::SnapshotStart(start) = message {
            self.instrument_count = Some(start.instrument_count);
            instrument_mut(
                &mut self.instruments,
                &mut self.known,
                start.instrument_id,
                self.need_through,
                &mut self.counters,
            );
        }
        // Before the first incremental packet nobody knows what the snapshot must hold.
        let joined = self.merge.expected().is_some();
        let instruments = &self.instruments;
        let wanted = |start: &touchline_feed_codec::SnapshotStart| {
            let instrument = instruments.get(start.instrument_id as usize);
            let instrument = instrument.and_then(Option::as_deref);
            joined && instrument.is_some_and(|instrument| instrument.wants(start))
        };
        match self.assembly.take(message, wanted) {
            Step::Going => return,
            Step::Refused => {
                self.counters.snapshots_refused += 1;
                return;
            }
            Step::Whole => {}
        }
        let origin = self.origin(0);
        let Some((start, orders)) = self.assembly.whole() else { return };
        let instrument = self.instruments.get_mut(start.instrument_id as usize);
        if let Some(instrument) = instrument.and_then(Option::as_deref_mut) {
            let mut to = Reporter { counters: &mut self.counters, listener };
            instrument.recover(&start, orders, origin, &mut to);
        }
        self.see_recovery();
    }

    /// Sequences of the snapshot and definition channels: true if the packet is new.
    fn cyclic(&mut self, line: Line, header: &PacketHeader, snapshot: bool) -> bool {
        let counters = &mut self.lines[line.index()];
        if header.count == 0 {
            counters.heartbeats += 1;
            return false;
        }
        let lost = if snapshot {
            self.assembly.sequence(header.sequence)
        } else {
            let next = self.definition_next.unwrap_or(header.sequence);
            let lost = header.sequence.checked_sub(next);
            if lost.is_some() {
                self.definition_next = Some(header.sequence.saturating_add(1));
            }
            lost
        };
        match lost {
            Some(lost) => {
                counters.won += 1;
                let sum = self.counters.cyclic_packets_lost.saturating_add(lost);
                self.counters.cyclic_packets_lost = sum;
                true
            }
            None => {
                counters.duplicates += 1;
                false
            }
        }
    }

    fn on_definition<B: BookListener>(
        &mut self,
        line: Line,
        header: &PacketHeader,
        listener: &mut B,
    ) {
        if !self.cyclic(line, header, false) {
            return;
        }
        for message in &self.scratch {
            let Message::SecurityDefinition(definition) = message else {
                self.counters.misplaced += 1;
                continue;
            };
            if definition.instrument_id as usize >= INSTRUMENTS_MAX {
                self.counters.misplaced += 1;
                continue;
            }
            self.instrument_count = Some(definition.instrument_count);
            // The phase comes in the incremental channel, too; here it is only the newest.
            let old = self.definitions.insert(definition.instrument_id, *definition);
            let same = old.is_some_and(|old| {
                SecurityDefinition { phase: definition.phase, ..old } == *definition
            });
            if !same {
                listener.definition(definition);
            }
        }
    }
}

/// The instrument with a number, made if it is new; `None` for a number out of range.
#[inline]
fn instrument_mut<'a>(
    instruments: &'a mut Vec<Option<Box<Instrument>>>,
    known: &mut u32,
    instrument_id: u32,
    need_through: u64,
    counters: &mut Counters,
) -> Option<&'a mut Instrument> {
    let index = instrument_id as usize;
    if index >= INSTRUMENTS_MAX {
        return None;
    }
    if index >= instruments.len() {
        instruments.resize_with(index + 1, || None);
    }
    let place = &mut instruments[index];
    if place.is_none() {
        *known += 1;
        *place = Some(Box::new(Instrument::new(instrument_id, need_through, counters)));
    }
    place.as_deref_mut()
}
