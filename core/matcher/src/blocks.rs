//! Scopes: whose orders a mass cancel takes, and who may not enter orders.
//!
//! A block refuses new orders and replaces of a session, of all sessions of a member, of all
//! members of a firm, or of everybody; the four are kept apart, so taking one back leaves the
//! others. Cancels and status requests stay admitted. A mass cancel may name an instrument or a
//! side; it takes at most [`MASS_CANCEL_MAX`] orders and tells how many are left: who asked for it
//! asks again. Orders go in the order of instruments by number, first the stops that wait, then
//! bids, then offers, each best price first and by their place in the queue.

use touchline_types::{Command, EventKind, Reason, Scope, Side};

use crate::book::{NONE, RestingOrder};
use crate::emitter::{Emitter, EventSink};
use crate::gates;
use crate::invariant::{next_u32, next_u64, previous_u32};
use crate::matcher::{Matcher, reject};
use crate::names::OrderRecord;
use crate::state_hash;
use crate::storage::Memory;

/// Orders that one mass cancel takes at most.
pub const MASS_CANCEL_MAX: usize = 128;

/// Highest number of a session, member or firm that can be blocked.
pub const OWNERS_MAX: u32 = 4_095;

const WORDS: usize = (OWNERS_MAX as usize + 1) / 64;

/// Who is blocked.
pub(crate) struct Blocks {
    /// Scopes that are blocked.
    count: u32,
    venue: bool,
    sessions: [u64; WORDS],
    members: [u64; WORDS],
    firms: [u64; WORDS],
}

impl Blocks {
    pub(crate) const fn new() -> Self {
        Self {
            count: 0,
            venue: false,
            sessions: [0; WORDS],
            members: [0; WORDS],
            firms: [0; WORDS],
        }
    }

    /// True if nobody is blocked.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// True if the sender of this command may not enter orders.
    #[inline]
    fn refuse(&self, command: &Command) -> bool {
        self.venue
            || is_set(&self.sessions, command.session_id)
            || is_set(&self.members, command.member_id)
            || is_set(&self.firms, command.firm_id)
    }

    pub(crate) fn contains(&self, scope: Scope, scope_id: u32) -> bool {
        match scope {
            Scope::None => false,
            Scope::Firm => is_set(&self.firms, scope_id),
            Scope::Session => is_set(&self.sessions, scope_id),
            Scope::Member => is_set(&self.members, scope_id),
            Scope::Venue => self.venue,
        }
    }

    /// Blocks a scope that was not, or takes that back.
    fn change(&mut self, scope: Scope, scope_id: u32, blocked: bool) {
        self.count = if blocked { next_u32(self.count) } else { previous_u32(self.count) };
        let words = match scope {
            Scope::Session => &mut self.sessions,
            Scope::Member => &mut self.members,
            Scope::Venue => {
                self.venue = blocked;
                return;
            }
            Scope::Firm => &mut self.firms,
            Scope::None => return,
        };
        let (at, bit) = place(scope_id);
        if let Some(word) = words.get_mut(at) {
            *word = if blocked { *word | bit } else { *word & !bit };
        }
    }

    /// Every scope that is blocked.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Scope, u32)> + '_ {
        let of = move |scope| {
            (0..=OWNERS_MAX).filter(move |id| self.contains(scope, *id)).map(move |id| (scope, id))
        };
        let venue = self.venue.then_some((Scope::Venue, 0));
        venue.into_iter().chain(of(Scope::Firm)).chain(of(Scope::Member)).chain(of(Scope::Session))
    }
}

const fn place(id: u32) -> (usize, u64) {
    ((id / 64) as usize, 1_u64.wrapping_shl(id))
}

fn is_set(words: &[u64; WORDS], id: u32) -> bool {
    let (at, bit) = place(id);
    words.get(at).is_some_and(|word| word & bit != 0)
}

/// True if an order belongs to a scope.
fn belongs(order: &RestingOrder, record: &OrderRecord, scope: Scope, scope_id: u32) -> bool {
    match scope {
        Scope::None => false,
        Scope::Firm => order.firm_id == scope_id,
        Scope::Session => record.session_id == scope_id,
        Scope::Member => record.member_id == scope_id,
        Scope::Venue => true,
    }
}

impl<M: Memory> Matcher<M> {
    /// True if an operator has blocked order entry of exactly this scope.
    #[must_use]
    pub fn is_blocked(&self, scope: Scope, scope_id: u32) -> bool {
        self.blocks.contains(scope, scope_id)
    }

    pub(crate) fn block<K: EventSink>(
        &mut self,
        command: &Command,
        blocked: bool,
        out: &mut Emitter<'_, K>,
    ) {
        if let Err(reason) = gates::block(command) {
            return reject(command, reason, out);
        }
        let Command { scope, scope_id, .. } = *command;
        if self.blocks.contains(scope, scope_id) != blocked {
            let mix = state_hash::block(scope, scope_id);
            self.mixes =
                if blocked { self.mixes.wrapping_add(mix) } else { self.mixes.wrapping_sub(mix) };
            self.blocks.change(scope, scope_id, blocked);
        }
        out.begin(if blocked { EventKind::EntryBlocked } else { EventKind::EntryAdmitted });
    }

    /// Cancels orders of a scope. Walks the books once: O(open orders).
    pub(crate) fn mass_cancel<K: EventSink>(
        &mut self,
        command: &Command,
        out: &mut Emitter<'_, K>,
    ) {
        if let Err(reason) = gates::mass_cancel(&self.books, command) {
            return reject(command, reason, out);
        }
        let mut taken = [NONE; MASS_CANCEL_MAX];
        let mut rest = taken.iter_mut();
        let mut left = 0;
        let asked = |instrument_id: &u32| {
            command.instrument_id == 0 || command.instrument_id == *instrument_id
        };
        for instrument_id in self.instrument_ids().filter(asked) {
            for slot in self.open_slots(instrument_id) {
                let (order, record) = (self.books.order(slot), self.names.record(slot));
                let of_side = [Side::Undisclosed, record.side].contains(&command.side);
                if !(of_side && belongs(order, record, command.scope, command.scope_id)) {
                    continue;
                }
                match rest.next() {
                    Some(place) => *place = slot,
                    None => left = next_u64(left),
                }
            }
        }
        let mut canceled = 0;
        for slot in taken.into_iter().take_while(|slot| *slot != NONE) {
            self.take_away(slot, EventKind::Canceled, Reason::None, out);
            canceled = next_u64(canceled);
        }
        self.wake_all |= canceled > 0;
        self.end_portion(command, canceled, left, out);
    }

    /// Behind the last portion of many cancels stops may go off; then how many went, and how many
    /// are left.
    pub(crate) fn end_portion<K: EventSink>(
        &mut self,
        command: &Command,
        canceled: u64,
        left: u64,
        out: &mut Emitter<'_, K>,
    ) {
        if left == 0 {
            self.look_for_stops(out);
        }
        let event = out.begin(EventKind::MassCanceled);
        event.session_id = command.session_id;
        event.member_id = command.member_id;
        event.cl_ord_id = command.cl_ord_id;
        event.instrument_id = command.instrument_id;
        event.side = command.side;
        event.last_qty = canceled;
        event.leaves_qty = left;
    }
}

/// Why a session may not enter an order, if it may not.
pub(crate) fn entry(blocks: &Blocks, command: &Command) -> Result<(), Reason> {
    if blocks.refuse(command) {
        return Err(Reason::EntryBlocked);
    }
    Ok(())
}
