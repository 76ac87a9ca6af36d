//! The order in which the changes of one event enter the venue's book.
//!
//! Inside an event the recording is in no particular order, so sent as recorded a bid could meet
//! an offer that leaves in the same event. The order used here keeps the book uncrossed. Proof:
//! cancels and reductions, then moves away from the touch, only make each side's best price less
//! eager, so the book stays as uncrossed as it was before the event. After them no order stands
//! at a more eager price than it has at the event's end, and each further change brings one order
//! to its end price: no best price is ever more eager than at the event's end, where the
//! exchange's book is uncrossed.

use super::FlowAction;
use super::mirror::Mirror;

/// Puts `actions` in the order described above; changes of the same kind keep their order.
/// `before` is what stands when the first of them is sent.
pub(super) fn arrange(actions: &mut [FlowAction], before: &Mirror) {
    actions.sort_by_key(|action| rank(action, before));
}

fn rank(action: &FlowAction, before: &Mirror) -> u8 {
    match *action {
        FlowAction::Cancel { .. } => 0,
        FlowAction::Replace { flow_order_id, price, leaves_qty, .. } => {
            match before.order(flow_order_id) {
                Some(order) if order.price == price && leaves_qty <= order.leaves_qty => 0,
                Some(order) if order.side.is_better(order.price, price) => 1,
                _ => 2,
            }
        }
        FlowAction::New { .. } => 2,
        FlowAction::Phase(_) => 3,
    }
}
