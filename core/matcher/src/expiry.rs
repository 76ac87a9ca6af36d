//! Good till date: an order whose time has come never executes.
//!
//! The engine tells the time with ExpireOrders when [`Matcher::next_expiry`] has passed, and each
//! new order, replace and change of phase looks first. What is due is looked for by a walk over all
//! open orders, which happens only when something may be due: `next_expiry` is never too late, and
//! too early where an order has gone before its time.

use touchline_types::{Command, EventKind, Reason};

use crate::blocks::MASS_CANCEL_MAX;
use crate::book::NONE;
use crate::emitter::{Emitter, EventSink};
use crate::extras::Marks;
use crate::invariant::next_u64;
use crate::matcher::{Matcher, reject};
use crate::storage::Memory;

/// What a walk has found.
struct Due {
    slots: [u32; MASS_CANCEL_MAX],
    /// Orders that are due beside these.
    left: u64,
    /// The earliest time of all others.
    next: u64,
}

impl<M: Memory> Matcher<M> {
    /// When an open order may expire next, ns since the epoch: never too late. `None` if no open
    /// order has a time.
    #[must_use]
    pub const fn next_expiry(&self) -> Option<u64> {
        if self.next_expiry == u64::MAX { None } else { Some(self.next_expiry) }
    }

    /// Notes the time of an order that opens.
    pub(crate) fn dated(&mut self, slot: u32) {
        self.next_expiry = self.next_expiry.min(self.extras.of(slot).expire_time);
    }

    /// Before anything else of a command: what is due goes.
    #[cold]
    pub(crate) fn expire_before<K: EventSink>(
        &mut self,
        command: &Command,
        out: &mut Emitter<'_, K>,
    ) {
        loop {
            let due = self.due(command.timestamp);
            self.expire(&due, out);
            if due.left == 0 {
                return;
            }
        }
    }

    /// Cancels orders whose time has come, so many at a time. Walks the books: O(open orders).
    pub(crate) fn expire_orders<K: EventSink>(
        &mut self,
        command: &Command,
        out: &mut Emitter<'_, K>,
    ) {
        if command.session_id != 0 {
            return reject(command, Reason::UnsupportedCharacteristic, out);
        }
        let due = self.due(command.timestamp);
        let gone = self.expire(&due, out);
        self.end_portion(command, gone, due.left, out);
    }

    fn due(&self, now: u64) -> Due {
        let mut due = Due { slots: [NONE; MASS_CANCEL_MAX], left: 0, next: u64::MAX };
        if self.next_expiry > now {
            return Due { next: self.next_expiry, ..due };
        }
        let mut room = due.slots.iter_mut();
        for instrument_id in self.instrument_ids() {
            for slot in self.open_slots(instrument_id) {
                if !self.books.order(slot).marks.has(Marks::DATED) {
                    continue;
                }
                let expire_time = self.extras.of(slot).expire_time;
                if expire_time > now {
                    due.next = due.next.min(expire_time);
                } else if let Some(place) = room.next() {
                    *place = slot;
                } else {
                    due.left = next_u64(due.left);
                    due.next = due.next.min(expire_time);
                }
            }
        }
        due
    }

    /// Ends what is due; how many.
    fn expire<K: EventSink>(&mut self, due: &Due, out: &mut Emitter<'_, K>) -> u64 {
        let mut gone = 0;
        for slot in due.slots.iter().copied().take_while(|slot| *slot != NONE) {
            self.take_away(slot, EventKind::Expired, Reason::Expired, out);
            gone = next_u64(gone);
        }
        self.next_expiry = due.next;
        self.wake_all |= gone > 0;
        gone
    }
}
