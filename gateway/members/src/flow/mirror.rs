//! What a plan believes to stand at the venue: its own orders, as commanded and as executed.

use std::collections::{HashMap, HashSet};

use super::file_book::FileBook;
use super::record::{Action, Event, Side};
use super::{Fill, FlowAction, FlowCommand, TimeInForce};

/// One order of the flow that stands at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) side: Side,
    pub(super) price: i64,
    pub(super) leaves_qty: u64,
    pub(super) cum_qty: u64,
}

/// All orders of the flow that stand at the venue, and the count of commands.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirror {
    orders: HashMap<u64, Standing>,
    commands: u64,
    last_at_ns: u64,
}

impl Mirror {
    pub(super) fn order(&self, flow_order_id: u64) -> Option<Standing> {
        self.orders.get(&flow_order_id).copied()
    }

    /// Numbers `action`, notes its effect as if the venue accepted it without an execution.
    pub(super) fn command(&mut self, at_ns: u64, action: FlowAction) -> FlowCommand {
        match action {
            FlowAction::New { time_in_force: TimeInForce::ImmediateOrCancel, .. }
            | FlowAction::Phase(_) => {}
            FlowAction::New { flow_order_id, side, price, qty, .. } => {
                let standing = Standing { side, price, leaves_qty: qty, cum_qty: 0 };
                self.orders.insert(flow_order_id, standing);
            }
            FlowAction::Replace { flow_order_id, price, leaves_qty, .. } => {
                if let Some(order) = self.orders.get_mut(&flow_order_id) {
                    (order.price, order.leaves_qty) = (price, leaves_qty);
                }
            }
            FlowAction::Cancel { flow_order_id } => {
                self.orders.remove(&flow_order_id);
            }
        }
        self.commands += 1;
        self.last_at_ns = self.last_at_ns.max(at_ns);
        FlowCommand { command_id: self.commands, at_ns: self.last_at_ns, instrument: 0, action }
    }

    /// Notes an execution. Returns whether the order stood here (an order that is canceled if
    /// not executed at once never does).
    pub(super) fn on_fill(&mut self, fill: &Fill) -> bool {
        let Some(order) = self.orders.get_mut(&fill.flow_order_id) else { return false };
        order.leaves_qty = order.leaves_qty.saturating_sub(fill.last_qty);
        order.cum_qty += fill.last_qty;
        if order.leaves_qty == 0 {
            self.orders.remove(&fill.flow_order_id);
        }
        true
    }

    /// Notes that a command had no effect.
    pub(super) fn on_refused(&mut self, command: &FlowCommand) {
        if let FlowAction::New { flow_order_id, time_in_force: TimeInForce::Day, .. } =
            command.action
        {
            self.orders.remove(&flow_order_id);
        }
    }

    /// The orders that `event` is about, each once, in order of appearance; with a clear in it,
    /// all that stand.
    pub(super) fn concerned(&self, event: &Event) -> Vec<u64> {
        let mut ids = Vec::new();
        if event.records.iter().any(|record| record.action == Action::Clear) {
            ids.extend(self.orders.keys().copied());
            ids.sort_unstable();
        }
        let changes = event
            .records
            .iter()
            .filter(|r| matches!(r.action, Action::Add | Action::Cancel | Action::Modify));
        ids.extend(changes.map(|record| record.flow_order_id));
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(*id));
        ids
    }

    /// What brings the orders `ids` to where `wanted` has them.
    pub(super) fn changes(&self, ids: &[u64], wanted: &FileBook) -> Vec<FlowAction> {
        ids.iter().filter_map(|id| self.change(*id, wanted)).collect()
    }

    fn change(&self, flow_order_id: u64, wanted: &FileBook) -> Option<FlowAction> {
        match (self.order(flow_order_id), wanted.order(flow_order_id)) {
            (None, None) => None,
            (Some(_), None) => Some(FlowAction::Cancel { flow_order_id }),
            (None, Some(order)) => Some(FlowAction::New {
                flow_order_id,
                side: order.side,
                price: order.price,
                qty: order.leaves_qty,
                time_in_force: TimeInForce::Day,
            }),
            (Some(have), Some(want))
                if (have.price, have.leaves_qty) == (want.price, want.leaves_qty) =>
            {
                None
            }
            (Some(have), Some(want)) => Some(FlowAction::Replace {
                flow_order_id,
                price: want.price,
                leaves_qty: want.leaves_qty,
                order_qty: want.leaves_qty + have.cum_qty,
            }),
        }
    }
}
