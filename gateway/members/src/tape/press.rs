//! Plays a flow into a matcher of its own and writes the matcher's public records to a tape.
//!
//! It is sequencer, member and release in one: commands get the flow's own times (a nanosecond
//! more where two are equal, as at the sequencer), every fill is told to the flow before its next
//! command, and the hop times of a record are the time of its command. So one flow makes one tape,
//! byte for byte.

use std::collections::HashMap;
use std::io::{self, Write};

use touchline_config::Venue;
use touchline_history::{HistoryError, matcher_of};
use touchline_matcher::OwnedMatcher;
use touchline_sys::now_ns;
use touchline_types::{
    Command, CommandKind, Event, EventFlags, EventKind, OrdType, PublicKind, PublicRecord, Side,
    TimeInForce, TradingPhase, public_of,
};

use super::file::TapeWriter;
use crate::drive::{Played, Progress, Summary};
use crate::flow::{
    self, BookComparison, Boundary, Fill, FlowAction, FlowCommand, FlowError, Level, Levels, Phase,
    Step,
};

/// How often progress is said, in steps of the flow.
const PROGRESS_STEPS: u64 = 4_096;
/// The one session that sends everything: what is public does not say who sent it.
const SESSION: u32 = 1;

/// Why no tape was made.
#[derive(Debug)]
pub enum TapeError {
    /// The configuration makes no matcher.
    Venue(HistoryError),
    /// The flow is damaged.
    Flow(FlowError),
    /// The flow has an instrument, of this number, that the venue has not.
    Instrument(u32),
    /// The tape cannot be written.
    Write(io::Error),
}

impl std::fmt::Display for TapeError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Venue(error) => write!(out, "{error}"),
            Self::Flow(error) => write!(out, "order flow: {error}"),
            Self::Instrument(id) => write!(out, "the flow has an instrument {id}, the venue not"),
            Self::Write(error) => write!(out, "the tape cannot be written: {error}"),
        }
    }
}

impl std::error::Error for TapeError {}

impl From<FlowError> for TapeError {
    fn from(error: FlowError) -> Self {
        Self::Flow(error)
    }
}

impl From<io::Error> for TapeError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// An order of the flow that stands in the matcher.
#[derive(Clone, Copy, Debug)]
struct Standing {
    order_id: u64,
    cl_ord_id: [u8; 20],
    side: Side,
}

/// One flow on its way to a tape.
pub struct Press<F, W> {
    flow: F,
    matcher: OwnedMatcher,
    tape: TapeWriter<W>,
    instruments: u32,
    /// Number of the flow's first instrument at the venue.
    first_id: u32,
    /// Whether the matcher's book is compared with the flow's at event ends.
    verify: bool,
    seq: u64,
    timestamp: u64,
    standing: HashMap<u64, Standing>,
    /// Identity in the flow, by OrderID(37).
    flow_ids: HashMap<u64, u64>,
    events: Vec<Event>,
    comparison: BookComparison,
    progress: Progress,
    steps: u64,
}

impl<F: Played, W: Write> Press<F, W> {
    /// Takes a flow whose first instrument is the venue's of this index, and begins the tape.
    ///
    /// # Errors
    ///
    /// [`TapeError::Venue`] or [`TapeError::Write`].
    pub fn new(
        flow: F,
        venue: &Venue,
        instrument: usize,
        events_total: Option<u64>,
        verify: bool,
        out: W,
    ) -> Result<Self, TapeError> {
        let mut tape = TapeWriter::new(out, venue.instruments.len())?;
        for instrument in &venue.instruments {
            tape.push(&opening(instrument.id, instrument.phase))?;
        }
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(Self {
            flow,
            matcher: matcher_of(venue).map_err(TapeError::Venue)?,
            tape,
            instruments: number(venue.instruments.len()),
            first_id: number(instrument).saturating_add(1),
            verify,
            seq: 0,
            timestamp: 0,
            standing: HashMap::new(),
            flow_ids: HashMap::new(),
            events: Vec::new(),
            comparison: BookComparison::new(),
            progress: Progress::new(now_ns(), events_total),
            steps: 0,
        })
    }

    /// Plays the flow to its end and finishes the tape; `say` is called with progress.
    ///
    /// # Errors
    ///
    /// [`TapeError`].
    pub fn run(mut self, mut say: impl FnMut(&serde_json::Value)) -> Result<Summary, TapeError> {
        while let Some(step) = self.flow.next_step()? {
            self.play(&step)?;
            self.steps += 1;
            if self.steps.is_multiple_of(PROGRESS_STEPS) {
                say(&self.progress.json("progress", now_ns()));
            }
        }
        let mut summary = self.progress.json("summary", now_ns());
        if let Some(fields) = summary.as_object_mut() {
            fields.insert("flow".into(), self.flow.findings());
            fields.insert("tape_records".into(), self.tape.records().into());
        }
        self.tape.finish()?;
        Ok(Summary(summary))
    }

    fn play(&mut self, step: &Step) -> Result<(), TapeError> {
        for command in &step.commands {
            self.progress.at_ns = command.at_ns;
            match self.command_of(command)? {
                Some(made) => self.apply(command, made)?,
                // An execution that the flow was told of after it had made the command.
                None => self.refuse(command, "order gone before it was sent"),
            }
        }
        let place = match step.boundary {
            Boundary::Within => return Ok(()),
            Boundary::Opened => "the opening book".to_owned(),
            Boundary::EventEnd(event) => {
                self.progress.events += 1;
                format!("event {event}")
            }
        };
        if self.verify {
            self.compare(place);
        }
        Ok(())
    }

    /// The command that the gateway would have made; `None` if its order does not stand.
    fn command_of(&self, command: &FlowCommand) -> Result<Option<Command>, TapeError> {
        let instrument_id = self.first_id.saturating_add(command.instrument);
        if instrument_id > self.instruments {
            return Err(TapeError::Instrument(instrument_id));
        }
        let mut made = Command::of(CommandKind::NewOrder);
        (made.instrument_id, made.session_id, made.member_id) = (instrument_id, SESSION, SESSION);
        (made.cl_ord_id, made.ord_type) = (cl_ord_id(self.seq + 1), OrdType::Limit);
        match command.action {
            FlowAction::New { side, price, qty, time_in_force, .. } => {
                (made.side, made.price, made.order_qty) = (side_of(side), price, qty);
                made.time_in_force = match time_in_force {
                    flow::TimeInForce::Day => TimeInForce::Day,
                    flow::TimeInForce::ImmediateOrCancel => TimeInForce::ImmediateOrCancel,
                };
            }
            FlowAction::Replace { flow_order_id, price, order_qty, .. } => {
                let Some(order) = self.standing.get(&flow_order_id) else { return Ok(None) };
                made.kind = CommandKind::ReplaceOrder;
                (made.side, made.orig_cl_ord_id) = (order.side, order.cl_ord_id);
                (made.price, made.order_qty) = (price, order_qty);
            }
            FlowAction::Cancel { flow_order_id } => {
                let Some(order) = self.standing.get(&flow_order_id) else { return Ok(None) };
                made.kind = CommandKind::CancelOrder;
                (made.side, made.orig_cl_ord_id) = (order.side, order.cl_ord_id);
            }
            FlowAction::Phase(phase) => {
                made = Command::of(CommandKind::ChangePhase);
                made.instrument_id = instrument_id;
                made.phase = match phase {
                    Phase::Call => TradingPhase::Call,
                    Phase::Continuous => TradingPhase::Continuous,
                };
            }
        }
        Ok(Some(made))
    }

    /// Sequences a command, applies it, writes what is public and tells the flow the rest.
    fn apply(&mut self, flow: &FlowCommand, mut command: Command) -> Result<(), TapeError> {
        self.seq += 1;
        self.timestamp = (self.timestamp + 1).max(flow.at_ns);
        (command.seq, command.timestamp, command.recv_time) =
            (self.seq, self.timestamp, self.timestamp);
        match flow.action {
            FlowAction::New { .. } => self.progress.new_orders += 1,
            FlowAction::Replace { .. } => self.progress.replaces += 1,
            FlowAction::Cancel { .. } => self.progress.cancels += 1,
            FlowAction::Phase(_) => {}
        }
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        self.matcher.apply(&command, &mut |event: &Event| events.push(*event));
        self.release(&events)?;
        for event in &events {
            self.tell(flow, event);
        }
        self.events = events;
        Ok(())
    }

    /// Writes the public records of a command; the last of them ends its match event.
    fn release(&mut self, events: &[Event]) -> io::Result<()> {
        let last = events.iter().rposition(|event| public_of(event).is_some());
        for (at, event) in events.iter().enumerate() {
            let Some(mut record) = public_of(event) else { continue };
            (record.matched_time, record.released_time) = (event.timestamp, event.timestamp);
            if Some(at) == last {
                record.flags = record.flags.with(EventFlags::END_OF_EVENT);
            }
            if self.verify && event.instrument_id == self.first_id {
                self.comparison.touch(flow_side(event.side), event.price);
            }
            self.tape.push(&record)?;
        }
        Ok(())
    }

    /// Tells the flow what happened to its orders.
    fn tell(&mut self, command: &FlowCommand, event: &Event) {
        let about = command.action.flow_order_id();
        match event.kind {
            EventKind::Accepted => {
                let Some(flow_order_id) = about else { return };
                let (order_id, cl_ord_id) = (event.order_id, event.cl_ord_id);
                let standing = Standing { order_id, cl_ord_id, side: event.side };
                self.standing.insert(flow_order_id, standing);
                self.flow_ids.insert(order_id, flow_order_id);
                self.progress.answered += 1;
            }
            EventKind::Executed => {
                let Some(flow_order_id) = self.flow_ids.get(&event.order_id).copied() else {
                    return;
                };
                self.progress.executions += 1;
                self.flow.on_fill(&Fill {
                    flow_order_id,
                    resting: event.flags.contains(EventFlags::RESTING),
                    last_px: event.last_px,
                    last_qty: event.last_qty,
                });
                if event.leaves_qty == 0 {
                    self.forget(event.order_id);
                }
            }
            EventKind::Replaced => {
                let standing = about.and_then(|id| self.standing.get_mut(&id));
                if let Some(standing) = standing {
                    standing.cl_ord_id = event.cl_ord_id;
                }
                self.progress.answered += 1;
            }
            EventKind::Canceled => {
                self.forget(event.order_id);
                self.progress.answered += 1;
            }
            EventKind::Rejected | EventKind::CancelRejected if about.is_some() => {
                self.refuse(command, &format!("{:?}", event.reason));
            }
            _ => {}
        }
    }

    /// The order is gone. An identity that the flow uses again names a later order already.
    fn forget(&mut self, order_id: u64) {
        let Some(flow_order_id) = self.flow_ids.remove(&order_id) else { return };
        if self.standing.get(&flow_order_id).is_some_and(|order| order.order_id == order_id) {
            self.standing.remove(&flow_order_id);
        }
    }

    fn refuse(&mut self, command: &FlowCommand, reason: &str) {
        self.flow.on_refused(command);
        *self.progress.refused.entry(reason.to_owned()).or_default() += 1;
    }

    fn compare(&mut self, place: String) {
        for (side, price) in self.flow.take_touched() {
            self.comparison.touch(side, price);
        }
        let Some(file) = self.flow.file_book() else { return };
        let book = MatcherBook { matcher: &self.matcher, instrument_id: self.first_id };
        self.progress.compared += 1;
        if self.comparison.is_equal(file, &book) {
            self.progress.equal += 1;
        } else if self.progress.first_difference.is_none() {
            let levels: Vec<_> = self.comparison.differing().take(5).collect();
            self.progress.first_difference = Some(format!("{place}: {levels:?}"));
        }
    }
}

/// The matcher's book of one instrument.
struct MatcherBook<'a> {
    matcher: &'a OwnedMatcher,
    instrument_id: u32,
}

impl Levels for MatcherBook<'_> {
    fn level(&self, side: flow::Side, price: i64) -> Level {
        self.matcher
            .levels(self.instrument_id, side_of(side))
            .take_while(|level| level.price == price || side.is_better(level.price, price))
            .find(|level| level.price == price)
            .map_or_else(Level::default, |level| Level {
                qty: level.qty,
                order_count: u64::from(level.orders),
            })
    }
}

/// What a tape says first of an instrument: the phase that it begins in.
fn opening(instrument_id: u32, phase: TradingPhase) -> PublicRecord {
    let mut event = Event::of(EventKind::PhaseChanged);
    (event.instrument_id, event.phase) = (instrument_id, phase);
    let record = public_of(&event);
    record.map_or_else(
        || unreachable!("a change of phase is public"),
        |record| PublicRecord {
            kind: PublicKind::Phase,
            flags: record.flags.with(EventFlags::END_OF_EVENT),
            ..record
        },
    )
}

const fn side_of(side: flow::Side) -> Side {
    match side {
        flow::Side::Buy => Side::Buy,
        flow::Side::Sell => Side::Sell,
    }
}

const fn flow_side(side: Side) -> flow::Side {
    match side {
        Side::Sell => flow::Side::Sell,
        _ => flow::Side::Buy,
    }
}

/// The number as a ClOrdID: at most 20 digits.
fn cl_ord_id(number: u64) -> [u8; 20] {
    let mut id = [0; 20];
    for (place, digit) in id.iter_mut().zip(number.to_string().bytes()) {
        *place = digit;
    }
    id
}
