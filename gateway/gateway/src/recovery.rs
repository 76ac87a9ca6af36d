//! From events to messages: the private ring in ordinary times, the journal at the start and when
//! the ring has overtaken the gateway.
//!
//! Each session's log knows the newest event that the session was told. Whatever lies behind that in
//! the order of things is told, once, wherever it comes from. What the journal holds beyond the
//! oldest record of the ring is left to the ring: it may not be released yet.

use touchline_history::History;
use touchline_ring::RingError;
use touchline_types::{Event, PrivateRecord};

use crate::GatewayError;
use crate::gateway::Gateway;
use crate::hops::HopTimes;
use crate::session_log::Place;

/// Records taken from the ring in one pass.
const EVENT_BUDGET: usize = 1024;

/// A gateway that starts beside a running engine waits so long for the commands that its
/// predecessor left in the ring, ms.
const COMMANDS_WAIT_MS: u64 = 1_000;

impl Gateway {
    /// Brings every session up to date with the journal.
    pub(crate) fn recover(&mut self) -> Result<(), GatewayError> {
        for _ in 0..COMMANDS_WAIT_MS {
            if self.desk.orders.commands.depth() == 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let oldest = loop {
            match self.next_record()? {
                Next::Record(record, event) => break Some((record, event)),
                Next::Nothing => break None,
                Next::Overtaken => {}
            }
        };
        let bound = oldest.as_ref().map(|(_, event)| place_of(event));
        let last_seq = self.rebuild(bound)?;
        if bound.is_none() {
            self.forget_beyond(last_seq);
        }
        for slot in &mut self.desk.slots {
            slot.take_journaled();
        }
        if let Some((record, event)) = oldest {
            self.take_record(&record, &event, touchline_sys::now_ns());
        }
        self.is_behind = false;
        Ok(())
    }

    /// With durability async a crash may take commands whose events had been told. They did not
    /// happen; their places will be those of other events.
    fn forget_beyond(&mut self, last_seq: u64) {
        let last = Place { seq: last_seq, index: u32::MAX };
        for slot in &mut self.desk.slots {
            if slot.store.log().place() > last {
                slot.store.set_place(last);
                self.desk.orders.counters.ahead_of_journal += 1;
            }
        }
    }

    /// Tells everything in the journal before `bound` that was not told, and notes which orders
    /// the journal holds. Returns its newest sequence number.
    fn rebuild(&mut self, bound: Option<Place>) -> Result<u64, GatewayError> {
        let now = touchline_sys::now_ns();
        let desk = &mut self.desk;
        let mut newest = self.place;
        let mut history = History::open(&self.venue)?;
        let last_seq = history.advance(|command, events| {
            // Tokens must rise even when the clock was set back.
            desk.orders.token = desk.orders.token.max(command.token);
            // In the journal is enough: it will be executed, if it was not yet.
            desk.command_journaled(command);
            for event in events {
                let place = place_of(event);
                if bound.is_none_or(|bound| place < bound) {
                    desk.orders.counters.rebuilt += u64::from(desk.report(event, None, now));
                    newest = newest.max(place);
                }
            }
        })?;
        self.place = newest;
        Ok(last_seq)
    }

    /// Tells what the ring has brought.
    pub(crate) fn take_events(&mut self, now: u64) -> Result<usize, GatewayError> {
        let mut work_count = 0;
        while work_count < EVENT_BUDGET {
            match self.next_record()? {
                Next::Nothing => break,
                Next::Overtaken => {}
                Next::Record(record, event) => {
                    if self.is_behind {
                        self.rebuild(Some(place_of(&event)))?;
                        self.is_behind = false;
                    }
                    self.take_record(&record, &event, now);
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
        self.is_behind = true;
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
