//! Release: events wait until their command may be acknowledged, then go to their owners and
//! to the public, all of a command or nothing.

use std::collections::VecDeque;

use touchline_ring::{BroadcastProducer, Memory};
use touchline_sys::Ringer;
use touchline_types::{Event, EventFlags, EventKind, PrivateRecord, PublicRecord, public_of};

use crate::strategies::Strategies;

/// What the release needs to know of a command beside its events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched {
    pub(crate) seq: u64,
    pub(crate) recv_time: u64,
    pub(crate) sequenced_time: u64,
    pub(crate) matched_time: u64,
    pub(crate) token: u64,
    pub(crate) msg_seq_num: u32,
    pub(crate) session_id: u32,
    pub(crate) gateway_id: u8,
    pub(crate) events: u32,
}

impl Matched {
    /// A chunk of a snapshot: no command, released with the commands around it.
    pub(crate) const fn of_snapshot(seq: u64, session_id: u32, events: u32) -> Self {
        Self {
            seq,
            recv_time: 0,
            sequenced_time: 0,
            matched_time: 0,
            token: 0,
            msg_seq_num: 0,
            session_id,
            gateway_id: 0,
            events,
        }
    }
}

/// How far may be released, and when that was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    pub(crate) seq: u64,
    /// When `seq` became durable, ns; 0 where output does not wait for that.
    pub(crate) durable_time: u64,
    pub(crate) now_ns: u64,
}

/// Commands that were matched and not yet released, with their events. Bounded: the engine takes no
/// command while there is no room for another.
#[derive(Debug)]
pub(crate) struct Pending {
    commands: VecDeque<Matched>,
    events: VecDeque<Event>,
    capacity: usize,
}

impl Pending {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            commands: VecDeque::with_capacity(capacity),
            events: VecDeque::with_capacity(2 * capacity),
            capacity,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.events.len() < self.capacity
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(crate) fn push_event(&mut self, event: &Event) {
        self.events.push_back(*event);
    }

    pub(crate) fn events(&self) -> usize {
        self.events.len()
    }

    /// Oldest command that waits.
    pub(crate) fn first_seq(&self) -> Option<u64> {
        self.commands.front().map(|command| command.seq)
    }

    pub(crate) fn push(&mut self, command: Matched) {
        self.commands.push_back(command);
    }
}

/// The rings out of the engine.
#[derive(Debug)]
pub(crate) struct Outlets<M> {
    private: BroadcastProducer<PrivateRecord, M>,
    public: BroadcastProducer<PublicRecord, M>,
    /// Bells of the readers, by ring and reader number.
    private_bell: Option<Ringer>,
    public_bell: Option<Ringer>,
    batch: Vec<PublicRecord>,
}

impl<M: Memory> Outlets<M> {
    pub(crate) fn new(
        private: BroadcastProducer<PrivateRecord, M>,
        public: BroadcastProducer<PublicRecord, M>,
    ) -> Self {
        let batch = Vec::with_capacity(1024);
        Self { private, public, private_bell: None, public_bell: None, batch }
    }

    /// Who is woken. A reader that starts later is found with the next call.
    pub(crate) fn wake(&mut self, private: Option<Ringer>, public: Option<Ringer>) {
        self.private_bell = private;
        self.public_bell = public;
    }

    /// Rings every bell that was found, whether its owner sleeps or not.
    pub(crate) fn ring_all(&self) {
        self.private_bell.iter().chain(&self.public_bell).for_each(Ringer::ring);
    }

    pub(crate) const fn lacks_bells(&self) -> bool {
        self.private_bell.is_none() || self.public_bell.is_none()
    }

    /// Records released into the private and the public ring since they were made.
    pub(crate) const fn positions(&self) -> [u64; 2] {
        [self.private.position(), self.public.position()]
    }

    /// Releases every pending command up to `seq` and returns how many. `answered` sees each
    /// command with its last event.
    pub(crate) fn release(
        &mut self,
        pending: &mut Pending,
        strategies: &mut Strategies,
        until: Until,
        mut answered: impl FnMut(&Matched, &Event),
    ) -> usize {
        let mut released = 0;
        while let Some(command) =
            pending.commands.front().copied().filter(|front| front.seq <= until.seq)
        {
            pending.commands.pop_front();
            for index in 0..command.events {
                let Some(event) = pending.events.pop_front() else { break };
                if index + 1 == command.events {
                    if strategies.owns(command.session_id) {
                        strategies.answered(command.session_id, &event);
                    }
                    answered(&command, &event);
                }
                self.push(&command, &event, until, strategies);
            }
            self.end_of_command();
            released += 1;
        }
        if released > 0 {
            self.flush(strategies);
        }
        released
    }

    fn push(
        &mut self,
        command: &Matched,
        event: &Event,
        until: Until,
        strategies: &mut Strategies,
    ) {
        let Until { durable_time, now_ns, .. } = until;
        if event.kind != EventKind::Added && (event.session_id != 0 || command.session_id != 0) {
            let mut event = *event;
            if matches!(event.kind, EventKind::SnapshotStart | EventKind::SnapshotEnd) {
                event.priority = self.public.position();
            }
            let mut record = PrivateRecord {
                recv_time: command.recv_time,
                sequenced_time: command.sequenced_time,
                matched_time: command.matched_time,
                durable_time,
                released_time: now_ns,
                token: command.token,
                msg_seq_num: command.msg_seq_num,
                from_session_id: command.session_id,
                reserved: [0; 8],
                event: [0; Event::BYTES],
            };
            record.set_event(&event);
            let (owner, sender) = (event.session_id, command.session_id);
            if [owner, sender].into_iter().any(|id| id != 0 && !strategies.owns(id)) {
                self.private.push(&record);
            }
            // A strategy is told of its own orders alone, and not who was on the other side.
            if strategies.owns(owner) {
                if owner != sender {
                    (record.recv_time, record.token) = (0, 0);
                    (record.msg_seq_num, record.from_session_id) = (0, 0);
                }
                strategies.push(owner, &record, &event);
            }
        }
        if let Some(mut record) = public_of(event) {
            record.matched_time = command.matched_time;
            record.released_time = now_ns;
            self.batch.push(record);
        }
    }

    /// The last public record of a command ends its match event, whatever private ones follow.
    fn end_of_command(&mut self) {
        if let Some(last) = self.batch.last_mut() {
            last.flags = last.flags.with(EventFlags::END_OF_EVENT);
        }
        for record in self.batch.drain(..) {
            self.public.push(&record);
        }
    }

    fn flush(&mut self, strategies: &mut Strategies) {
        let Self { private, public, private_bell, public_bell, .. } = self;
        strategies.flush();
        private.flush(|_| private_bell.iter().for_each(Ringer::ring));
        public.flush(|_| public_bell.iter().for_each(Ringer::ring));
        strategies.wake();
    }
}
