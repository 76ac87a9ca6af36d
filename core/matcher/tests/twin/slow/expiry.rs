//! Good till date: who is due is looked for among all open orders.

use touchline_types::{Command, EventKind, Reason};

use super::SlowMatcher;

impl SlowMatcher {
    /// An order whose time has come executes no more: before anything else, all of them go.
    pub(super) fn expire_before(&mut self, command: &Command) {
        for order_id in self.due(command.timestamp) {
            self.take_away(order_id, EventKind::Expired, Reason::Expired);
        }
    }

    pub(super) fn expire_orders(&mut self, command: &Command) {
        if command.session_id != 0 {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let due = self.due(command.timestamp);
        let now = due.len().min(128);
        for order_id in &due[..now] {
            self.take_away(*order_id, EventKind::Expired, Reason::Expired);
        }
        self.end_of_portion(command, now, due.len() - now);
    }

    /// Open orders whose time has come, in the order of a mass cancel.
    fn due(&self, now: u64) -> Vec<u64> {
        let mut open = self.in_order_of_cancel();
        open.retain(|id| {
            let expire_time = self.orders[id].terms.expire_time;
            expire_time > 0 && expire_time <= now
        });
        open
    }
}
