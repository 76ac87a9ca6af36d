//! `--as book`: every change of the recorded book becomes a command; trades are not repeated.
//!
//! The call phase lasts from the start to the first event end at or after the session's opening
//! where the recorded book is uncrossed, so the opening's fills arrive as changes within it. An
//! order that comes and goes within one event is left out: no state of the book has it. A
//! modify that leaves price and quantity as they were still costs the order its place in the
//! queue, so it is sent.

use super::arrange::arrange;
use super::file_book::FileBook;
use super::mirror::Mirror;
use super::record::{Action, Event, EventKind, Side};
use super::recording::ReadError;
use super::{Boundary, Fill, Flow, FlowAction, FlowCommand, FlowError, Phase, Step};

/// Copies the recorded book. Never needs to wait for the venue (`settle` is always false).
pub struct BookPlan<I> {
    events: std::iter::Fuse<I>,
    file: FileBook,
    mirror: Mirror,
    session_open_ns: u64,
    phase: Option<Phase>,
    unexpected_fills: u64,
    refused: u64,
}

impl<I: Iterator<Item = Result<Event, ReadError>>> BookPlan<I> {
    /// Plays `events`; trading opens at `session_open_ns` (UTC nanoseconds since the epoch).
    pub fn new(events: I, session_open_ns: u64) -> Self {
        Self {
            events: events.fuse(),
            file: FileBook::new(),
            mirror: Mirror::default(),
            session_open_ns,
            phase: None,
            unexpected_fills: 0,
            refused: 0,
        }
    }

    /// The recorded book after the last step.
    #[must_use]
    pub fn file_book(&self) -> &FileBook {
        &self.file
    }

    /// Levels of the recorded book that changed since the last call, with repetitions.
    #[must_use]
    pub fn take_touched(&mut self) -> Vec<(Side, i64)> {
        self.file.take_touched()
    }

    /// Executions that the venue reported: a copied book has none.
    #[must_use]
    pub fn unexpected_fills(&self) -> u64 {
        self.unexpected_fills
    }

    /// Commands that the venue refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn play(&mut self, event: &Event) -> Result<Vec<FlowCommand>, FlowError> {
        let ids = self.mirror.concerned(event);
        self.file.apply(event).map_err(|error| FlowError::Book { event: event.index, error })?;
        let mut actions = self.mirror.changes(&ids, &self.file);
        actions.extend(requeued(event, &self.mirror, &self.file));
        arrange(&mut actions, &self.mirror);
        if self.phase.is_none() {
            self.phase = Some(Phase::Call);
            actions.insert(0, FlowAction::Phase(Phase::Call));
        }
        let open = event.at_ns >= self.session_open_ns && !self.file.is_crossed();
        if self.phase == Some(Phase::Call) && event.kind == EventKind::Regular && open {
            self.phase = Some(Phase::Continuous);
            actions.push(FlowAction::Phase(Phase::Continuous));
        }
        let at_ns = event.at_ns;
        Ok(actions.into_iter().map(|action| self.mirror.command(at_ns, action)).collect())
    }
}

/// Modifies which change nothing but the order's place in the queue.
fn requeued<'a>(
    event: &'a Event,
    mirror: &'a Mirror,
    file: &'a FileBook,
) -> impl Iterator<Item = FlowAction> + 'a {
    event.records.iter().filter(|record| record.action == Action::Modify).filter_map(|record| {
        let flow_order_id = record.flow_order_id;
        let (have, want) = (mirror.order(flow_order_id)?, file.order(flow_order_id)?);
        let unchanged = (have.price, have.leaves_qty) == (want.price, want.leaves_qty);
        unchanged.then_some(FlowAction::Replace {
            flow_order_id,
            price: want.price,
            leaves_qty: want.leaves_qty,
            order_qty: want.leaves_qty + have.cum_qty,
        })
    })
}

impl<I: Iterator<Item = Result<Event, ReadError>>> Flow for BookPlan<I> {
    fn next_step(&mut self) -> Result<Option<Step>, FlowError> {
        let Some(event) = self.events.next().transpose()? else { return Ok(None) };
        let commands = self.play(&event)?;
        Ok(Some(Step { commands, settle: false, boundary: boundary(&event) }))
    }

    fn on_fill(&mut self, fill: &Fill) {
        self.unexpected_fills += 1;
        self.mirror.on_fill(fill);
    }

    fn on_refused(&mut self, command: &FlowCommand) {
        self.refused += 1;
        self.mirror.on_refused(command);
    }
}

/// Where a flow stands once `event` is complete.
pub(super) fn boundary(event: &Event) -> Boundary {
    match event.kind {
        EventKind::Snapshot => Boundary::Opened,
        EventKind::Regular => Boundary::EventEnd(event.index),
    }
}

#[cfg(test)]
#[path = "book_plan_tests.rs"]
mod tests;
