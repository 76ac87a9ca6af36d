//! Order flow: what simulated members want to do, and when. Recorded ([`BookPlan`],
//! [`MarketPlan`]) or synthetic ([`Synthetic`]).
//!
//! A flow is sans-I/O: it hands out steps of commands and is told what the venue executed. It
//! knows nothing of sessions, sockets or clocks. Prices are ticks, quantities lots, times UTC
//! nanoseconds since the epoch. A driver does
//!
//! ```text
//! while let Some(step) = flow.next_step()? {
//!     for command in &step.commands { /* wait until pace.due_ns(command.at_ns), send */ }
//!     if step.settle { /* wait until every command is answered */ }
//!     /* pass every execution to flow.on_fill, every refusal to flow.on_refused */
//!     if step.boundary == Boundary::EventEnd(n) { /* the book must equal the file's book */ }
//! }
//! ```

mod arrange;
mod book_plan;
mod calibration;
mod divergence;
mod file_book;
mod market_plan;
mod mirror;
mod pace;
mod parameters;
mod random;
mod record;
pub mod recording;
#[cfg(test)]
mod sample;
mod slow_venue;
mod synthetic;

use std::fmt;

pub use book_plan::BookPlan;
pub use calibration::Calibration;
pub use divergence::{Divergence, FillCounts};
pub use file_book::{BookComparison, FileBook, FileBookError, FileOrder, Level, Levels};
pub use market_plan::MarketPlan;
pub use pace::{Pace, Speed, SpeedError};
pub use parameters::{ParameterError, Parameters, Quantiles};
pub use random::Random;
pub use record::{Action, Event, EventKind, Record, Side};
pub use recording::ReadError;
pub use slow_venue::SlowVenue;
pub use synthetic::{Synthetic, SyntheticOptions};

/// Nanoseconds of a day.
const DAY_NS: u64 = 86_400_000_000_000;

/// 23:00:00 UTC, when CME Globex opens in winter, as nanoseconds of the day.
pub const GLOBEX_WINTER_OPEN_NS: u64 = 23 * 3_600_000_000_000;

/// The first moment at or after `start_ns` whose time of day (UTC) is `of_day_ns`.
///
/// ```
/// use touchline_members::flow::{GLOBEX_WINTER_OPEN_NS, session_open_ns};
/// let christmas_2023 = 1_703_462_400_000_000_000;
/// let open = session_open_ns(christmas_2023, GLOBEX_WINTER_OPEN_NS);
/// assert_eq!(open, 1_703_545_200_000_000_000);
/// ```
#[must_use]
pub fn session_open_ns(start_ns: u64, of_day_ns: u64) -> u64 {
    let open = start_ns - start_ns % DAY_NS + of_day_ns % DAY_NS;
    if open < start_ns { open + DAY_NS } else { open }
}

/// `TimeInForce(59)` of a new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// What is not executed rests.
    Day,
    /// What is not executed at once is canceled.
    ImmediateOrCancel,
}

/// Trading phase of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Orders rest, nothing matches.
    Call,
    /// Price-time matching; entered through an uncross.
    Continuous,
}

/// What a command asks for. `flow_order_id` is the order's identity in the flow (in a recording:
/// the exchange's order id). One identity lives at most once at a time, but can come again: each
/// `New` is a new order for the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowAction {
    /// A new limit order.
    New {
        /// Its identity in the flow.
        flow_order_id: u64,
        /// Its side.
        side: Side,
        /// Its limit, ticks.
        price: i64,
        /// Its quantity, lots.
        qty: u64,
        /// What becomes of a remainder.
        time_in_force: TimeInForce,
    },
    /// Another price or quantity for an order that stands.
    Replace {
        /// Its identity in the flow.
        flow_order_id: u64,
        /// Its new limit, ticks.
        price: i64,
        /// What is to stand, lots.
        leaves_qty: u64,
        /// `leaves_qty` and what was executed before: `OrderQty(38)` of the request.
        order_qty: u64,
    },
    /// The order goes.
    Cancel {
        /// Its identity in the flow.
        flow_order_id: u64,
    },
    /// Not a member's command: the operator changes the phase.
    Phase(Phase),
}

impl FlowAction {
    /// The order it is about, `None` for a phase change.
    #[must_use]
    pub fn flow_order_id(&self) -> Option<u64> {
        match self {
            Self::New { flow_order_id, .. }
            | Self::Replace { flow_order_id, .. }
            | Self::Cancel { flow_order_id } => Some(*flow_order_id),
            Self::Phase(_) => None,
        }
    }
}

/// One command of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowCommand {
    /// Counts a flow's commands from 1.
    pub command_id: u64,
    /// When it is meant to be sent, UTC nanoseconds since the epoch of the flow; never falls.
    pub at_ns: u64,
    /// Index of the instrument, from 0.
    pub instrument: u32,
    /// What it asks for.
    pub action: FlowAction,
}

/// Where a flow stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Between two boundaries: the venue's book need not equal anything.
    Within,
    /// The opening book is entered.
    Opened,
    /// The event of this index (from 0) is complete.
    EventEnd(u64),
}

/// Commands that may be sent one after the other without waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In the order of sending; may be empty.
    pub commands: Vec<FlowCommand>,
    /// Whether every command so far must be answered, and every fill be passed on, before the
    /// next step is asked for.
    pub settle: bool,
    /// Where the flow stands once they are applied.
    pub boundary: Boundary,
}

/// One side of an execution as the venue reports it to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order's identity in the flow.
    pub flow_order_id: u64,
    /// `false` where the order is the aggressor (`AggressorIndicator(1057)`). In an uncross both
    /// sides rested.
    pub resting: bool,
    /// `LastPx(31)`, ticks.
    pub last_px: i64,
    /// `LastQty(32)`, lots.
    pub last_qty: u64,
}

/// A source of order flow.
pub trait Flow {
    /// The next commands; `None` when the flow has ended.
    ///
    /// # Errors
    /// The recording is damaged or contradicts itself. The flow has ended then.
    fn next_step(&mut self) -> Result<Option<Step>, FlowError>;

    /// The venue executed an order of this flow.
    fn on_fill(&mut self, fill: &Fill);

    /// The venue refused the command that was about this order: a refused new order does not
    /// stand, a refused replace or cancel left the order as it was.
    fn on_refused(&mut self, command: &FlowCommand);
}

/// Why a flow ended early.
#[derive(Debug)]
pub enum FlowError {
    /// The recording cannot be read.
    Read(ReadError),
    /// A record of the recording contradicts the ones before it.
    Book {
        /// Index of the event, from 0.
        event: u64,
        /// The contradiction.
        error: FileBookError,
    },
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(e) => write!(f, "{e}"),
            Self::Book { event, error } => write!(f, "event {event}: {error}"),
        }
    }
}

impl std::error::Error for FlowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(e) => Some(e),
            Self::Book { error, .. } => Some(error),
        }
    }
}

impl From<ReadError> for FlowError {
    fn from(e: ReadError) -> Self {
        Self::Read(e)
    }
}
