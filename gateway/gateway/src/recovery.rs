//! From events to messages: the private ring in ordinary times; the journal at the start, when the
//! ring has overtaken the gateway, and when another engine has started.
//!
//! Each session's log knows the newest event that the session was told. Whatever lies behind that
//! in the order of things is told, once, wherever it comes from: from the journal up to the newest
//! command that may be acknowledged, from the ring what comes behind.

use touchline_history::History;
use touchline_ring::RingError;
use touchline_types::{Command, Event, PrivateRecord};

use crate::GatewayError;
use crate::desk::slot_of;
use crate::engine_link::Rings;
use crate::gateway::Gateway;
use crate::hops::HopTimes;
use crate::session_log::Place;

/// Records taken from the ring in one pass.
const EVENT_BUDGET: usize = 1024;

/// A gateway that starts beside a running engine waits so long for the commands that its
/// predecessor left in the ring, ms.
const COMMANDS_WAIT_MS: u64 = 1_000;

impl Gateway {
    /// Brings every session up to date with the journal, before any of them can log on.
    pub(crate) fn recover(&mut self) -> Result<(), GatewayError> {
        // Nothing that the predecessor handed over may be on its way when the journal is read, or
        // its sender would be asked for it once more. An engine that is away takes nothing: what is
        // in its ring is lost with it.
        for _ in 0..COMMANDS_WAIT_MS {
            let is_taken = self.desk.orders.commands.depth() == 0;
            if is_taken && self.beacon.durable() >= self.beacon.sequenced() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let sequenced = self.beacon.sequenced();
        self.forget_beyond(sequenced);
        let through = self.rebuild()?;
        self.behind = (through < sequenced).then_some(sequenced);
        Ok(())
    }

    /// If another engine has started: takes its rings, tells what its journal holds, and hands it
    /// the commands that it does not hold. Sessions and their connections do not notice.
    pub(crate) fn follow_engine(&mut self) -> Result<usize, GatewayError> {
        let engine = self.beacon.engine();
        if engine.is_none() || engine == Some(self.engine) {
            return Ok(0);
        }
        let Some(rings) = Rings::attach(&self.venue, &self.beacon)? else { return Ok(0) };
        self.engine = rings.engine;
        self.events = rings.events;
        self.behind = None;
        self.forget_beyond(self.beacon.replayed());
        // The engine before cannot add to the journal any more, so what is still unanswered after
        // this was never journaled, and never will be unless it is handed over again.
        self.rebuild()?;
        let stores = self.desk.slots.iter().map(|slot| &slot.store);
        let mut unanswered: Vec<Command> =
            stores.flat_map(|store| store.unanswered().copied()).collect();
        unanswered.sort_unstable_by_key(|command| command.token);
        let orders = &mut self.desk.orders;
        orders.counters.engines_followed += 1;
        orders.counters.commands_again += unanswered.len() as u64;
        orders.commands.renew(rings.commands, unanswered.into_iter());
        Ok(1)
    }

    /// With durability async the end of an engine may take commands whose events had been told.
    /// They did not happen; their places will be those of other events.
    fn forget_beyond(&mut self, seq: u64) {
        let last = Place { seq, index: u32::MAX };
        for slot in &mut self.desk.slots {
            if slot.store.log().place() > last {
                slot.store.set_place(last);
                self.desk.orders.counters.ahead_of_journal += 1;
            }
        }
    }

    /// Tells everything in the journal that may be acknowledged and was not told, and notes which
    /// orders the journal holds. Returns the newest command that was told.
    fn rebuild(&mut self) -> Result<u64, GatewayError> {
        let now = touchline_sys::now_ns();
        let through = self.beacon.durable();
        let desk = &mut self.desk;
        // The whole past comes by, with every portion of a mass cancel.
        desk.slots.iter_mut().for_each(|slot| slot.mass_canceled = 0);
        let mut history = History::open(&self.venue)?;
        history.advance(|command, events| {
            // Tokens must rise even when the clock was set back. Those of strategies are their own.
            if slot_of(&mut desk.slots, command.session_id).is_some() {
                desk.orders.token = desk.orders.token.max(command.token);
            }
            // In the journal is enough: it will be executed, if it was not yet.
            desk.command_journaled(command);
            for event in events.iter().filter(|event| event.seq <= through) {
                desk.orders.counters.rebuilt += u64::from(desk.report(event, None, now));
            }
        })?;
        for slot in &mut desk.slots {
            slot.take_journaled();
        }
        self.place = Place { seq: through, index: u32::MAX };
        Ok(through)
    }

    /// Tells what the ring has brought.
    pub(crate) fn take_events(&mut self, now: u64) -> Result<usize, GatewayError> {
        let mut work_count = 0;
        if let Some(seq) = self.behind {
            if self.beacon.durable() < seq {
                return Ok(0);
            }
            self.behind = None;
            self.rebuild()?;
            work_count += 1;
        }
        while work_count < EVENT_BUDGET {
            match self.next_record()? {
                Next::Nothing => break,
                Next::Record(record, event) => self.take_record(&record, &event, now),
                Next::Overtaken => {
                    // All that was overtaken was sequenced by now, and what the ring gives next
                    // too.
                    self.behind = Some(self.beacon.sequenced());
                    return Ok(work_count + 1);
                }
            }
            work_count += 1;
        }
        Ok(work_count)
    }

    fn take_record(&mut self, record: &PrivateRecord, event: &Event, now: u64) {
        self.desk.command_released(record.from_session_id, record.token, record.msg_seq_num);
        let place = place_of(event);
        if place <= self.place {
            return;
        }
        self.place = place;
        // The first event of a command answers it, if it goes to the sender.
        let is_answer =
            event.index == 0 && event.session_id == record.from_session_id && record.recv_time != 0;
        self.desk.report(event, is_answer.then(|| HopTimes::of(record)), now);
    }

    fn next_record(&mut self) -> Result<Next, GatewayError> {
        let lost = match self.events.pop() {
            Ok(None) => return Ok(Next::Nothing),
            Ok(Some(record)) => match record.event() {
                Ok(event) => return Ok(Next::Record(record, event)),
                Err(_) => 1,
            },
            Err(RingError::Lapped { lost }) => lost,
            Err(RingError::Record(_)) => 1,
            Err(error) => return Err(GatewayError::Ring("private ring", error)),
        };
        self.desk.orders.counters.lapped += 1;
        self.desk.orders.counters.lapped_records += lost;
        Ok(Next::Overtaken)
    }
}

/// What the ring brought.
#[expect(clippy::large_enum_variant, reason = "moved once; a box would be allocated per record")]
enum Next {
    Nothing,
    Record(PrivateRecord, Event),
    Overtaken,
}

const fn place_of(event: &Event) -> Place {
    Place { seq: event.seq, index: event.index }
}
