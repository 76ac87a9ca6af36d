//! `--as market`: orders are copied, trades are not. From the opening on each trade of the
//! recording is sent as a marketable order and must find its counterparties itself.
//!
//! Before the opening the recorded book is copied in the call phase. The opening trade (the one
//! that names no side) becomes the change to continuous trading, whose uncross must produce the
//! opening's fills; orders that it filled and the book never showed are entered just before, and
//! their fills are still counted as those of orders not in the book. After that, each trade of an
//! aggressor becomes a limit order at the trade's price and quantity, canceled if not executed at
//! once; an aggressor that stands in the book (it was made marketable by a replace) is replaced
//! instead. The fills are compared, and then the venue's book is brought to the recorded one: an
//! order that was filled in the exchange but not here is reduced or canceled, one that was filled
//! here only is entered again (a new order for the venue, at the end of its queue), a remainder
//! of the aggressor that rests is an ordinary new order.

use std::collections::HashSet;

use super::arrange::arrange;
use super::book_plan::boundary;
use super::divergence::{Expected, FillCounts, compare, count_in_call};
use super::file_book::FileBook;
use super::mirror::Mirror;
use super::record::{Action, Event, EventKind, Record, Side};
use super::recording::ReadError;
use super::{Boundary, Fill, Flow, FlowAction, FlowCommand, FlowError, Phase, Step, TimeInForce};

/// Set in the identity of an aggressor that the recording does not name.
const UNNAMED: u64 = 1 << 63;

/// An event whose trades were sent and whose book changes were not.
struct Traded {
    event: Event,
    expected: Vec<Expected>,
    /// Fills that the venue reported, aggressors' only where the recording reports them too.
    reported: Vec<Fill>,
    /// Orders whose fills come in other pieces than the recording's: summed before comparing.
    summed: HashSet<u64>,
    opening: bool,
}

/// Plays trades as orders. Asks to settle after each event with trades.
pub struct MarketPlan<I> {
    events: std::iter::Fuse<I>,
    file: FileBook,
    mirror: Mirror,
    session_open_ns: u64,
    phase: Option<Phase>,
    traded: Option<Traded>,
    /// Orders whose state at the venue the next copy of the book must look at.
    unsettled: Vec<u64>,
    counts: FillCounts,
    repairs: u64,
    refused: u64,
}

impl<I: Iterator<Item = Result<Event, ReadError>>> MarketPlan<I> {
    /// Plays `events`; trading opens at `session_open_ns` (UTC nanoseconds since the epoch).
    pub fn new(events: I, session_open_ns: u64) -> Self {
        Self {
            events: events.fuse(),
            file: FileBook::new(),
            mirror: Mirror::default(),
            session_open_ns,
            phase: None,
            traded: None,
            unsettled: Vec::new(),
            counts: FillCounts::default(),
            repairs: 0,
            refused: 0,
        }
    }

    /// The recorded book; at an event end the venue's book must equal it.
    #[must_use]
    pub fn file_book(&self) -> &FileBook {
        &self.file
    }

    /// Levels of the recorded book that changed since the last call, with repetitions.
    #[must_use]
    pub fn take_touched(&mut self) -> Vec<(Side, i64)> {
        self.file.take_touched()
    }

    /// The exchange's fills by class, so far.
    #[must_use]
    pub fn fill_counts(&self) -> &FillCounts {
        &self.counts
    }

    /// Commands that were only needed because the venue executed other fills than the exchange.
    #[must_use]
    pub fn repairs(&self) -> u64 {
        self.repairs
    }

    /// Commands that the venue refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Sends what the exchange's aggressors did in `event`.
    fn trade(&mut self, event: Event, opening: bool) -> Step {
        let mut traded = Traded {
            expected: expected(&event, &self.mirror),
            event,
            reported: Vec::new(),
            summed: HashSet::new(),
            opening,
        };
        let actions = if opening {
            self.phase = Some(Phase::Continuous);
            traded.summed.extend(traded.expected.iter().map(|e| e.flow_order_id));
            let mut actions = unseen(&traded, &self.mirror);
            actions.push(FlowAction::Phase(Phase::Continuous));
            actions
        } else {
            self.aggress(&mut traded)
        };
        let at_ns = traded.event.at_ns;
        self.traded = Some(traded);
        // Whatever of them stands afterwards is looked at with the repairs.
        self.unsettled.extend(actions.iter().filter_map(FlowAction::flow_order_id));
        let commands =
            actions.into_iter().map(|action| self.mirror.command(at_ns, action)).collect();
        Step { commands, settle: true, boundary: Boundary::Within }
    }

    fn aggress(&self, traded: &mut Traded) -> Vec<FlowAction> {
        let records = &traded.event.records;
        let mut actions = Vec::new();
        for (index, trade) in trades(records).enumerate() {
            let Some(side) = trade.side else { continue };
            let named = trade.flow_order_id;
            match self.mirror.order(named) {
                Some(order) if order.side == side => {
                    if traded.summed.insert(named) {
                        actions.push(replace_aggressor(records, trade, order.cum_qty));
                    }
                }
                standing => actions.push(FlowAction::New {
                    flow_order_id: match standing {
                        None if named != 0 => named,
                        _ => UNNAMED | index as u64,
                    },
                    side,
                    price: trade.price,
                    qty: trade.qty,
                    time_in_force: TimeInForce::ImmediateOrCancel,
                }),
            }
        }
        actions
    }

    /// Compares the fills of `traded`, then brings the venue's book to the recorded one.
    fn settle(&mut self, traded: &Traded) -> Result<Step, FlowError> {
        let reported = sum_pieces(&traded.reported, &traded.summed);
        compare(&traded.expected, &reported, traded.opening, &mut self.counts);
        let filled = reported.iter().map(|fill| fill.flow_order_id);
        self.unsettled.extend(filled);
        self.copy(&traded.event)
    }

    /// Brings the venue's book to the recorded one at the end of `event`.
    fn copy(&mut self, event: &Event) -> Result<Step, FlowError> {
        let mut ids = self.mirror.concerned(event);
        let known: HashSet<u64> = ids.iter().copied().collect();
        let unsettled = std::mem::take(&mut self.unsettled);
        let mut strays: Vec<u64> = unsettled.into_iter().filter(|id| !known.contains(id)).collect();
        strays.sort_unstable();
        strays.dedup();
        self.file.apply(event).map_err(|error| FlowError::Book { event: event.index, error })?;
        let in_book: HashSet<u64> = filled_ids(event);
        ids.extend(strays);
        let mut actions = self.mirror.changes(&ids, &self.file);
        let repairs = actions.iter().filter_map(FlowAction::flow_order_id);
        self.repairs +=
            repairs.filter(|id| in_book.contains(id) || !known.contains(id)).count() as u64;
        arrange(&mut actions, &self.mirror);
        if self.phase.is_none() {
            self.phase = Some(Phase::Call);
            actions.insert(0, FlowAction::Phase(Phase::Call));
        }
        if self.phase == Some(Phase::Call) && self.is_open(event) && !self.file.is_crossed() {
            self.phase = Some(Phase::Continuous);
            actions.push(FlowAction::Phase(Phase::Continuous));
        }
        let at_ns = event.at_ns;
        let commands =
            actions.into_iter().map(|action| self.mirror.command(at_ns, action)).collect();
        Ok(Step { commands, settle: false, boundary: boundary(event) })
    }

    fn is_open(&self, event: &Event) -> bool {
        event.kind == EventKind::Regular && event.at_ns >= self.session_open_ns
    }
}

impl<I: Iterator<Item = Result<Event, ReadError>>> Flow for MarketPlan<I> {
    fn next_step(&mut self) -> Result<Option<Step>, FlowError> {
        if let Some(traded) = self.traded.take() {
            return self.settle(&traded).map(Some);
        }
        let Some(event) = self.events.next().transpose()? else { return Ok(None) };
        if !event.has_trade() {
            return self.copy(&event).map(Some);
        }
        if self.phase == Some(Phase::Continuous) {
            return Ok(Some(self.trade(event, false)));
        }
        let names_no_side = trades(&event.records).any(|trade| trade.side.is_none());
        if self.phase == Some(Phase::Call) && self.is_open(&event) && names_no_side {
            return Ok(Some(self.trade(event, true)));
        }
        count_in_call(&expected(&event, &self.mirror), &mut self.counts);
        self.copy(&event).map(Some)
    }

    fn on_fill(&mut self, fill: &Fill) {
        if !self.mirror.on_fill(fill) {
            return;
        }
        match &mut self.traded {
            Some(traded) => traded.reported.push(*fill),
            None => {
                self.counts.extra += 1;
                self.unsettled.push(fill.flow_order_id);
            }
        }
    }

    fn on_refused(&mut self, command: &FlowCommand) {
        self.refused += 1;
        self.mirror.on_refused(command);
        self.unsettled.extend(command.action.flow_order_id());
    }
}

fn trades(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| record.action == Action::Trade)
}

fn filled_ids(event: &Event) -> HashSet<u64> {
    let fills = event.records.iter().filter(|record| record.action == Action::Fill);
    fills.map(|record| record.flow_order_id).collect()
}

/// The fills that `event` reports.
fn expected(event: &Event, mirror: &Mirror) -> Vec<Expected> {
    let fills = event.records.iter().filter(|record| record.action == Action::Fill);
    fills
        .map(|fill| Expected {
            flow_order_id: fill.flow_order_id,
            price: fill.price,
            qty: fill.qty,
            shown_qty: mirror.order(fill.flow_order_id).map_or(0, |order| order.leaves_qty),
        })
        .collect()
}

/// Orders that the opening filled although the book never showed them (stop orders that it
/// triggered): they are known by their fills alone, and the uncross has no chance without them.
/// The recording names no side, but lists a fill of one side after one of the other as long as
/// both last. If the sides found so do not both add up to the opening trade, all are left out.
fn unseen(traded: &Traded, mirror: &Mirror) -> Vec<FlowAction> {
    let traded_qty: u64 = trades(&traded.event.records).map(|trade| trade.qty).sum();
    let (mut bought, mut sold) = (0, 0);
    let mut last_side = Side::Sell;
    let mut actions = Vec::new();
    for fill in &traded.expected {
        let standing = mirror.order(fill.flow_order_id);
        let side = standing.map_or(last_side.opposite(), |order| order.side);
        last_side = side;
        match side {
            Side::Buy => bought += fill.qty,
            Side::Sell => sold += fill.qty,
        }
        if standing.is_none() {
            actions.push(FlowAction::New {
                flow_order_id: fill.flow_order_id,
                side,
                price: fill.price,
                qty: fill.qty,
                time_in_force: TimeInForce::Day,
            });
        }
    }
    if (bought, sold) != (traded_qty, traded_qty) {
        actions.clear();
    }
    actions
}

/// Makes a standing order marketable: to the last price that it traded at, with all it traded
/// and what the recording says is left of it there.
fn replace_aggressor(records: &[Record], first: &Record, cum_qty: u64) -> FlowAction {
    let flow_order_id = first.flow_order_id;
    let own = || trades(records).filter(|trade| trade.flow_order_id == flow_order_id);
    let traded_qty: u64 = own().map(|trade| trade.qty).sum();
    let price = own().last().unwrap_or(first).price;
    // A rest at another price would trade on at this one: it is entered with the repairs.
    let rest = records.iter().find(|record| {
        (record.action, record.flow_order_id, record.price)
            == (Action::Modify, flow_order_id, price)
    });
    let leaves_qty = traded_qty + rest.map_or(0, |record| record.qty);
    FlowAction::Replace { flow_order_id, price, leaves_qty, order_qty: leaves_qty + cum_qty }
}

/// Adds up the fills of each order in `summed` by price; the others stay as they are.
fn sum_pieces(reported: &[Fill], summed: &HashSet<u64>) -> Vec<Fill> {
    let mut sums: Vec<Fill> = Vec::with_capacity(reported.len());
    for fill in reported {
        let same = |sum: &&mut Fill| {
            (sum.flow_order_id, sum.last_px) == (fill.flow_order_id, fill.last_px)
        };
        match sums.iter_mut().find(same) {
            Some(sum) if summed.contains(&fill.flow_order_id) => sum.last_qty += fill.last_qty,
            _ => sums.push(*fill),
        }
    }
    sums
}

#[cfg(test)]
#[path = "market_plan_tests.rs"]
mod tests;
