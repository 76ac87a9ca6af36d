//! The state machine: what each command does, and its events in their order.
//!
//! | Command | Events |
//! |---|---|
//! | new order | Accepted, fills, then Added if a rest stays in the book, or Canceled for what does not |
//! | new FOK that cannot execute in full, MinQty that is not met | Accepted, Canceled |
//! | new stop | Accepted |
//! | cancel | Canceled |
//! | replace | Replaced; if it executes: fills, then Added if a rest stays in the book |
//! | status | Status |
//! | change of phase | PhaseChanged; at an uncross: Uncrossed, fills |
//! | mass cancel | Canceled of each order, MassCanceled |
//! | time | Expired of each order that is due, MassCanceled |
//! | block, admit | EntryBlocked, EntryAdmitted; also where that changes nothing |
//! | limits of a session | LimitsSet; also where that changes nothing |
//! | account of a member | AccountSet, AccountClosed; also where that changes nothing |
//! | deposit | Deposited |
//! | any of them refused | CancelRejected (cancel, replace), Rejected (the others) |
//!
//! New orders, replaces and changes of phase begin with Expired events where orders are due. Behind
//! all that a command does stops go off: Triggered, then as a new order. An iceberg whose part has
//! executed is Replenished behind the fill.
//!
//! Where an order meets one of its owner, Canceled and Restated events stand between the fills.
//!
//! A fill is two Executed events with one trd_match_id, first the resting side, then the
//! aggressor, at the resting price; in an uncross first the buy side, then the sell side. The
//! first of the two is Printable.
//!
//! Every event tells the owner of its order, also where another session of the member cancelled
//! it; refusals and Status tell the session that asked. Status of an unknown order, and of an
//! older ClOrdID of a replaced one, has ord_status Rejected and reason UnknownOrder; of an order
//! that is gone it has the final state.

use touchline_types::{Command, CommandKind, Event, EventFlags, EventKind, OrdStatus, Reason};

use crate::accounts::{AccountStorage, Accounts, Claim};
use crate::blocks::Blocks;
use crate::book::{BookStorage, Books, RestingOrder};
use crate::emitter::{Emitter, EventSink, sheet, tell, tell_asked, tell_past};
use crate::error::{MatcherError, check_limits};
use crate::extras::{Extras, Marks};
use crate::gates::{self, Refusal};
use crate::instrument::{Instrument, InstrumentLimits};
use crate::invariant::{invariant, next_u64};
use crate::limits::Limits;
use crate::names::{NameStorage, Named, Names, OrderRecord, Spot, Standing};
use crate::plain::Ways;
use crate::state_hash;
use crate::storage::{Memory, Storage};
use crate::warm::Hashes;

/// The matcher of a venue: all its books.
pub struct Matcher<M: Memory> {
    pub(crate) books: Books<M>,
    pub(crate) names: Names<M>,
    pub(crate) blocks: Blocks,
    pub(crate) limits: Limits<M>,
    pub(crate) accounts: Accounts<M>,
    pub(crate) extras: Extras<M>,
    /// No open order expires before, ns since the epoch.
    pub(crate) next_expiry: u64,
    /// Stops that wait.
    pub(crate) stops: u32,
    /// Instrument of the newest change that stops may wait for.
    pub(crate) woken: u32,
    /// There was such a change in other instruments as well.
    pub(crate) wake_all: bool,
    /// Sum of the mixes of orders, instruments and blocks.
    pub(crate) mixes: u64,
    pub(crate) ways: Ways,
    pub(crate) last_seq: u64,
    pub(crate) last_timestamp: u64,
    pub(crate) last_order_id: u64,
    last_trd_match_id: u64,
    pub(crate) last_priority: u64,
}

impl<M: Memory> Matcher<M> {
    /// An empty matcher. Levels on a side: `far_levels.len() / instruments.len() / 2`.
    ///
    /// # Errors
    ///
    /// [`MatcherError`] names the limit or the slice that is wrong.
    pub fn new(limits: &[InstrumentLimits], storage: Storage<M>) -> Result<Self, MatcherError> {
        storage.check()?;
        let Storage { mut instruments, ladders, levels, bits, far_levels, orders, .. } = storage;
        let room = instruments.as_ref().len();
        if limits.len() > room {
            return Err(MatcherError::TooManyInstruments { given: limits.len(), room });
        }
        let pool = orders.as_ref().len().saturating_sub(2);
        instruments.as_mut().fill(Instrument::default());
        for (slot, each) in instruments.as_mut().iter_mut().zip(limits) {
            check_limits(each)?;
            *slot = Instrument::new(each, pool);
        }
        let used = instruments.as_mut().get_mut(..limits.len()).unwrap_or_default();
        used.sort_unstable_by_key(|each| each.instrument_id);
        for (each, next) in used.iter().zip(used.iter().skip(1)) {
            if each.instrument_id == next.instrument_id {
                return Err(MatcherError::DuplicateInstrument(each.instrument_id));
            }
        }
        let mixes = used.iter().map(|each| each.mix).fold(0, u64::wrapping_add);
        let per_side = far_levels.as_ref().len().checked_div(ladders.as_ref().len()).unwrap_or(0);
        let books = BookStorage { instruments, ladders, levels, bits, far_levels, orders };
        let Storage { records, past, names, accounts, holdings, totals, .. } = storage;
        Ok(Self {
            books: Books::new(books, limits.len(), per_side),
            names: Names::new(NameStorage { records, past, lines: names }),
            blocks: Blocks::new(),
            limits: Limits::new(storage.limits, storage.positions, room),
            accounts: Accounts::new(AccountStorage { accounts, holdings, totals }, room),
            extras: Extras::new(storage.extras),
            next_expiry: u64::MAX,
            stops: 0,
            woken: u32::MAX,
            wake_all: false,
            mixes,
            ways: Ways::default(),
            last_seq: 0,
            last_timestamp: 0,
            last_order_id: 0,
            last_trd_match_id: 0,
            last_priority: 0,
        })
    }

    /// Carries out a command and tells its events to the sink.
    ///
    /// # Panics
    ///
    /// If `seq` is not the last one plus one, or `timestamp` does not rise: the sequencer's bug.
    #[inline]
    pub fn apply(&mut self, command: &Command, sink: &mut impl EventSink) {
        let hashes = self.look(command);
        self.apply_hashed(command, &hashes, &mut sheet(), sink);
    }

    /// Carries out a command whose names have these hashes. Its events are written on `sheet`.
    #[inline(always)]
    pub(crate) fn apply_hashed(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        sheet: &mut Event,
        sink: &mut impl EventSink,
    ) {
        invariant(command.seq == next_u64(self.last_seq), "seq rises by one");
        invariant(command.timestamp > self.last_timestamp, "timestamp rises");
        self.last_seq = command.seq;
        self.last_timestamp = command.timestamp;
        let done = match command.kind {
            CommandKind::NewOrder if self.next_expiry > command.timestamp => {
                self.plain_order(command, hashes, sheet, sink)
            }
            CommandKind::CancelOrder => self.plain_cancel(command, hashes, sheet, sink),
            CommandKind::ReplaceOrder if self.next_expiry > command.timestamp => {
                self.plain_replace(command, hashes, sheet, sink)
            }
            _ => false,
        };
        if !done {
            self.apply_any(command, hashes, &mut Emitter::new(command, sheet, sink));
        }
    }

    /// Carries out a command that no way of its own has carried out.
    #[inline(never)]
    fn apply_any<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) {
        match command.kind {
            CommandKind::NewOrder => {
                self.look_for_due(command, out);
                self.new_order(command, hashes, out);
                self.look_for_stops(out);
            }
            CommandKind::CancelOrder => {
                self.cancel_order(command, hashes, out);
                self.look_for_stops(out);
            }
            CommandKind::ReplaceOrder => {
                self.look_for_due(command, out);
                self.replace_order(command, hashes, out);
                self.look_for_stops(out);
            }
            _ => self.apply_other(command, out),
        }
        out.finish();
    }

    /// Carries out what is no order, cancel or replace: few commands, kept apart from the many.
    #[inline(never)]
    fn apply_other<K: EventSink>(&mut self, command: &Command, out: &mut Emitter<'_, K>) {
        match command.kind {
            CommandKind::NewOrder | CommandKind::CancelOrder | CommandKind::ReplaceOrder => {}
            CommandKind::OrderStatus => self.order_status(command, out),
            CommandKind::ChangePhase => {
                self.look_for_due(command, out);
                self.change_phase(command, out);
                self.look_for_stops(out);
            }
            CommandKind::MassCancel => self.mass_cancel(command, out),
            CommandKind::BlockEntry => self.block(command, true, out),
            CommandKind::AdmitEntry => self.block(command, false, out),
            CommandKind::SetLimits => self.set_limits(command, out),
            CommandKind::ExpireOrders => self.expire_orders(command, out),
            CommandKind::SetAccount => self.set_account(command, out),
            CommandKind::Deposit => self.deposit(command, out),
        }
    }

    /// Before an order that arrives: what has expired goes.
    #[inline]
    fn look_for_due<K: EventSink>(&mut self, command: &Command, out: &mut Emitter<'_, K>) {
        if self.next_expiry <= command.timestamp {
            self.expire_before(command, out);
        }
    }

    /// Behind what a command did: stops go off.
    #[inline]
    pub(crate) fn look_for_stops<K: EventSink>(&mut self, out: &mut Emitter<'_, K>) {
        if self.stops > 0 {
            self.trigger_stops(out);
        }
    }

    /// A hash of the whole state: equal states have equal hashes on every machine. O(1).
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let accounts = self.accounts.mixes.wrapping_add(self.accounts.fees_mix());
        let kept = self.mixes.wrapping_add(self.limits.mixes).wrapping_add(accounts);
        kept.wrapping_add(state_hash::counters([
            self.last_seq,
            self.last_timestamp,
            self.last_order_id,
            self.last_trd_match_id,
            self.last_priority,
            u64::from(self.names.used()),
        ]))
    }

    /// Ends an open order with an event of this kind, whether it rests or waits.
    pub(crate) fn take_away<'e, K: EventSink>(
        &mut self,
        slot: u32,
        kind: EventKind,
        reason: Reason,
        out: &'e mut Emitter<'_, K>,
    ) -> &'e mut Event {
        let waits = self.books.order(slot).marks.has(Marks::HELD);
        if waits {
            self.unhold(slot);
        } else {
            self.take_off(slot);
        }
        let event = self.canceled(slot, out);
        event.kind = kind;
        event.reason = reason;
        event.flags = if waits { EventFlags::NONE } else { EventFlags::RESTING };
        self.close(slot, OrdStatus::Canceled);
        out.last()
    }

    fn cancel_order<K: EventSink>(
        &mut self,
        command: &Command,
        hashes: &Hashes,
        out: &mut Emitter<'_, K>,
    ) {
        self.ways.other_cancels = self.ways.other_cancels.wrapping_add(1);
        let slot = match gates::cancel(&self.names, command, hashes) {
            Ok(found) => found,
            Err(refusal) => return self.refuse(command, &refusal, EventFlags::NONE, out),
        };
        let event = self.take_away(slot, EventKind::Canceled, Reason::None, out);
        (event.orig_cl_ord_id, event.cl_ord_id) = (event.cl_ord_id, command.cl_ord_id);
    }

    fn order_status<K: EventSink>(&self, command: &Command, out: &mut Emitter<'_, K>) {
        let event = out.begin(EventKind::Status);
        match self.names.find(&self.names.name(command.member_id, &command.cl_ord_id)) {
            None | Some(Named::Superseded) => {
                ask(event, command);
                event.ord_status = OrdStatus::Rejected;
                event.reason = Reason::UnknownOrder;
            }
            Some(Named::Gone(number)) => tell_past(event, self.names.past_record(number)),
            Some(Named::Open(slot)) => {
                let order = self.books.order(slot);
                tell(event, order, self.names.record(slot));
                event.priority = order.priority;
                if order.marks != Marks::NONE {
                    self.extras.tell(slot, order.marks, out.with_extras());
                }
            }
        }
        out.last().session_id = command.session_id;
    }

    /// Gives an order the last place at its price.
    #[inline(always)]
    pub(crate) fn rest(&mut self, slot: u32) {
        self.last_priority = next_u64(self.last_priority);
        let priority = self.last_priority;
        let order = self.books.order_mut(slot);
        order.priority = priority;
        let RestingOrder { instrument, side, leaves_qty, marks, .. } = *order;
        let claim = Claim::of(order);
        if marks != Marks::NONE {
            self.keep_reserve(slot);
        }
        self.woken = instrument;
        self.books.enqueue(slot);
        let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
        self.limits.opened(session_id, instrument, side, leaves_qty);
        self.accounts.opened(member_id, &claim);
        self.mix_in(slot);
    }

    /// Takes an order off the book; its slot stays taken.
    #[inline]
    pub(crate) fn take_off(&mut self, slot: u32) {
        self.mix_out(slot);
        let order = self.books.order(slot);
        let RestingOrder { instrument, side, leaves_qty, .. } = *order;
        let OrderRecord { session_id, member_id, .. } = *self.names.record(slot);
        self.limits.withdrew(session_id, instrument, side, leaves_qty);
        self.accounts.withdrew(member_id, &Claim::of(order));
        self.books.dequeue(slot);
        self.woken = instrument;
    }

    pub(crate) fn added<K: EventSink>(&self, slot: u32, out: &mut Emitter<'_, K>) {
        self.tell_order(EventKind::Added, slot, out).priority = self.books.order(slot).priority;
    }

    /// Begins an event of an open order, with all that there is to say of it.
    #[inline(always)]
    pub(crate) fn tell_order<'e, K: EventSink>(
        &self,
        kind: EventKind,
        slot: u32,
        out: &'e mut Emitter<'_, K>,
    ) -> &'e mut Event {
        let order = self.books.order(slot);
        out.of_order(kind, order, self.names.record(slot));
        if order.marks != Marks::NONE {
            self.extras.tell(slot, order.marks, out.with_extras());
        }
        out.last()
    }

    /// Tells that the rest of an order, which is in no queue any more, is cancelled.
    #[inline]
    pub(crate) fn canceled<'e, K: EventSink>(
        &self,
        slot: u32,
        out: &'e mut Emitter<'_, K>,
    ) -> &'e mut Event {
        let order = self.books.order(slot);
        let event = self.tell_order(EventKind::Canceled, slot, out);
        event.ord_status = OrdStatus::Canceled;
        event.leaves_qty = 0;
        event.last_qty = order.leaves_qty;
        event
    }

    /// Adds an open order to the state hash.
    #[inline(always)]
    pub(crate) fn mix_in(&mut self, slot: u32) {
        let cum_value = self.names.record(slot).cum_value;
        let mix = self.mix_of(slot, self.books.order(slot), cum_value);
        self.books.order_mut(slot).mix = mix;
        self.mixes = self.mixes.wrapping_add(mix);
    }

    /// The part of the state hash of the open order in a slot.
    pub(crate) fn mix_of(&self, slot: u32, order: &RestingOrder, cum_value: i64) -> u64 {
        let mix = state_hash::order(order, cum_value);
        if !order.marks.has(Marks::ICEBERG) {
            return mix;
        }
        mix.wrapping_add(state_hash::reserve(order.fixed_mix, self.extras.of(slot).reserve))
    }

    /// Takes an open order out of the state hash.
    #[inline]
    pub(crate) fn mix_out(&mut self, slot: u32) {
        self.mixes = self.mixes.wrapping_sub(self.books.order(slot).mix);
    }

    pub(crate) fn change_instrument(
        &mut self,
        instrument: u32,
        change: impl FnOnce(&mut Instrument),
    ) {
        let found = self.books.instrument_mut(instrument);
        let before = found.mix;
        change(found);
        found.mix = state_hash::instrument(found);
        self.mixes = self.mixes.wrapping_sub(before).wrapping_add(found.mix);
    }

    /// Keeps the final state of an order, which is in no queue, and gives its slot back.
    #[inline]
    pub(crate) fn close(&mut self, slot: u32, ord_status: OrdStatus) {
        let standing = self.names.record(slot).standing(self.books.order(slot));
        self.close_named(slot, self.names.spot_of(slot), &Standing { ord_status, ..standing });
    }

    /// As [`close`](Self::close), of an order whose ClOrdID is at this spot and that stood so.
    #[inline(always)]
    pub(crate) fn close_named(&mut self, slot: u32, name: Spot, last: &Standing) {
        let order = self.books.order(slot);
        // The past keeps no extras.
        let fixed_mix = order.fixed_mix.wrapping_sub(self.extras.mix(slot, order.marks));
        self.mixes = self.mixes.wrapping_add(state_hash::gone(fixed_mix, last));
        self.names.close(slot, name, order.price, last);
        self.books.release(slot);
    }

    pub(crate) fn next_trd_match_id(&mut self) -> u64 {
        self.last_trd_match_id = next_u64(self.last_trd_match_id);
        self.last_trd_match_id
    }

    /// Answers a cancel or replace that is refused.
    pub(crate) fn refuse<K: EventSink>(
        &self,
        command: &Command,
        refusal: &Refusal,
        flags: EventFlags,
        out: &mut Emitter<'_, K>,
    ) {
        let event = out.begin(EventKind::CancelRejected);
        match refusal.order {
            Some(Named::Open(slot)) => {
                let order = self.books.order(slot);
                tell(event, order, self.names.record(slot));
                if order.marks != Marks::NONE {
                    self.extras.tell(slot, order.marks, out.with_extras());
                }
            }
            Some(Named::Gone(number)) => tell_past(event, self.names.past_record(number)),
            Some(Named::Superseded) | None => {
                ask(event, command);
                event.ord_status = OrdStatus::Rejected;
            }
        }
        let event = out.last();
        event.session_id = command.session_id;
        event.cl_ord_id = command.cl_ord_id;
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.reason = refusal.reason;
        event.flags = flags;
    }
}

/// Answers a command that is refused, and is no cancel or replace.
pub(crate) fn reject<K: EventSink>(command: &Command, reason: Reason, out: &mut Emitter<'_, K>) {
    let event = out.begin(EventKind::Rejected);
    ask(event, command);
    event.phase = command.phase;
    event.ord_status = OrdStatus::Rejected;
    event.reason = reason;
}

/// Fills in what a command says of an order that is not there.
fn ask(event: &mut Event, command: &Command) {
    tell_asked(event, command);
    event.orig_cl_ord_id = command.orig_cl_ord_id;
}
