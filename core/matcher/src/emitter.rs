//! Where events go: each is finished when the next one begins, so that the last one can say so.

use touchline_types::{
    Command, Event, EventFlags, EventKind, ExecInst, OrdStatus, Reason, TradingPhase,
};

use crate::book::RestingOrder;
use crate::invariant::{invariant, next_u32};
use crate::names::{OrderRecord, PastRecord, Standing};

/// Takes the events of a command, in order.
pub trait EventSink {
    /// One event. The last of a command has EndOfEvent.
    fn event(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> EventSink for F {
    #[inline]
    fn event(&mut self, event: &Event) {
        self(event);
    }
}

/// Stamps and numbers the events of one command. There is one event, written in place, and left to
/// the next command.
pub(crate) struct Emitter<'a, K: EventSink> {
    sink: &'a mut K,
    event: &'a mut Event,
    begun: u32,
    /// The event says what few orders have.
    has_extras: bool,
}

impl<'a, K: EventSink> Emitter<'a, K> {
    #[inline]
    pub(crate) fn new(command: &Command, event: &'a mut Event, sink: &'a mut K) -> Self {
        event.seq = command.seq;
        event.timestamp = command.timestamp;
        Self { sink, event, begun: 0, has_extras: false }
    }

    /// Begins the next event: stamped, numbered, everything else zero.
    pub(crate) fn begin(&mut self, kind: EventKind) -> &mut Event {
        self.next(kind);
        self.forget_extras();
        tell_past(self.event, &PastRecord::default());
        // Who asks for an empty event may write anything into it.
        self.has_extras = true;
        self.event
    }

    /// Begins an event of an open order, which leaves as much as it has left.
    #[inline(always)]
    pub(crate) fn of_order(
        &mut self,
        kind: EventKind,
        order: &RestingOrder,
        record: &OrderRecord,
    ) -> &mut Event {
        self.of_standing(kind, order, record, &record.standing(order))
    }

    /// Begins an event of an order that stands so, whatever its record says.
    #[inline(always)]
    pub(crate) fn of_standing(
        &mut self,
        kind: EventKind,
        order: &RestingOrder,
        record: &OrderRecord,
        standing: &Standing,
    ) -> &mut Event {
        self.next(kind);
        if self.has_extras {
            self.forget_extras();
        }
        tell_record(self.event, record, order.price, standing);
        self.event.leaves_qty = order.leaves_qty;
        self.event
    }

    /// Begins an event of a new order of which nothing has executed: what its command says.
    #[inline(always)]
    pub(crate) fn of_new(&mut self, kind: EventKind, order_id: u64, command: &Command) {
        self.next(kind);
        if self.has_extras {
            self.forget_extras();
        }
        tell_new(self.event, order_id, command);
    }

    /// Tells that a plain order was accepted and rests.
    #[inline(always)]
    pub(crate) fn of_plain(&mut self, order_id: u64, priority: u64, command: &Command) {
        let event = self.first(EventKind::Accepted);
        tell_new(event, order_id, command);
        self.added(priority);
    }

    /// Begins the first event of a command.
    #[inline(always)]
    fn first(&mut self, kind: EventKind) -> &mut Event {
        self.event.index = 0;
        self.begun = 1;
        self.event.kind = kind;
        empty(self.event);
        self.event
    }

    /// Tells that a plain order, which rested with so much, is cancelled.
    #[inline(always)]
    pub(crate) fn of_canceled(
        &mut self,
        record: &OrderRecord,
        price: i64,
        last: &Standing,
        leaves_qty: u64,
        command: &Command,
    ) {
        let event = self.first(EventKind::Canceled);
        tell_record(event, record, price, last);
        event.last_qty = leaves_qty;
        event.flags = EventFlags::RESTING;
        (event.orig_cl_ord_id, event.cl_ord_id) = (record.cl_ord_id, command.cl_ord_id);
    }

    /// Tells that a plain order is replaced, stands so now, and rests elsewhere than before.
    #[inline(always)]
    pub(crate) fn of_moved(
        &mut self,
        order_id: u64,
        standing: &Standing,
        order: &RestingOrder,
        leaves_before: u64,
        command: &Command,
    ) {
        let event = self.first(EventKind::Replaced);
        tell_asked(event, command);
        event.order_id = order_id;
        event.leaves_qty = order.leaves_qty;
        event.last_qty = leaves_before;
        (event.cum_qty, event.cum_value) = (standing.cum_qty, standing.cum_value);
        event.ord_status = standing.open_status();
        event.priority = order.priority;
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.flags = EventFlags::MOVED.with(EventFlags::RESTING);
    }

    /// The event is to say what few orders have.
    #[cold]
    pub(crate) fn with_extras(&mut self) -> &mut Event {
        self.has_extras = true;
        self.event
    }

    #[cold]
    fn forget_extras(&mut self) {
        self.has_extras = false;
        self.event.stop_px = 0;
        self.event.display_qty = 0;
        self.event.expire_time = 0;
        self.event.exec_inst = ExecInst::NONE;
    }

    /// The event that was begun last.
    #[inline]
    pub(crate) fn last(&mut self) -> &mut Event {
        self.event
    }

    /// Begins another event of the order of the event before, an acceptance or a trigger. Nothing
    /// has changed since, and it says nothing else but the place of the order.
    #[inline(always)]
    pub(crate) fn added(&mut self, priority: u64) {
        let event = self.succeed(EventKind::Added);
        event.priority = priority;
    }

    /// Ends the event before, and begins one in its place that says the same.
    #[inline(always)]
    fn succeed(&mut self, kind: EventKind) -> &mut Event {
        if self.begun > 0 {
            self.sink.event(self.event);
        }
        self.event.index = self.begun;
        self.begun = next_u32(self.begun);
        self.event.kind = kind;
        self.event
    }

    /// Ends the event before, and begins one in its place. What [`tell`] says is left as it was,
    /// but for leaves_qty.
    #[inline]
    fn next(&mut self, kind: EventKind) -> &mut Event {
        let event = self.succeed(kind);
        empty(event);
        event
    }

    /// Ends the command.
    #[inline(always)]
    pub(crate) fn finish(&mut self) {
        invariant(self.begun > 0, "every command has an event");
        self.event.flags = self.event.flags.with(EventFlags::END_OF_EVENT);
        self.sink.event(self.event);
        if self.has_extras {
            self.forget_extras();
        }
    }
}

/// Nothing of what [`tell`] does not say, and nothing left.
#[inline(always)]
fn empty(event: &mut Event) {
    event.trd_match_id = 0;
    event.leaves_qty = 0;
    event.last_px = 0;
    event.last_qty = 0;
    event.priority = 0;
    event.orig_cl_ord_id = [0; 20];
    event.reason = Reason::None;
    event.phase = TradingPhase::None;
    event.flags = EventFlags::NONE;
}

/// What events are written on, before the first one.
#[inline]
pub(crate) fn sheet() -> Event {
    Event::of(EventKind::Status)
}

/// Fills in what a command says of its order, of which nothing has executed.
#[inline(always)]
fn tell_new(event: &mut Event, order_id: u64, command: &Command) {
    tell_asked(event, command);
    event.order_id = order_id;
    event.leaves_qty = command.order_qty;
    (event.cum_qty, event.cum_value) = (0, 0);
    event.ord_status = OrdStatus::New;
}

/// Fills in the terms and the owner that a command says.
#[inline(always)]
pub(crate) fn tell_asked(event: &mut Event, command: &Command) {
    event.price = command.price;
    event.order_qty = command.order_qty;
    event.cl_ord_id = command.cl_ord_id;
    event.instrument_id = command.instrument_id;
    event.session_id = command.session_id;
    event.member_id = command.member_id;
    event.side = command.side;
    event.ord_type = command.ord_type;
    event.time_in_force = command.time_in_force;
}

/// Fills in the terms, the owner and the state of an open order.
#[inline]
pub(crate) fn tell(event: &mut Event, order: &RestingOrder, record: &OrderRecord) {
    tell_record(event, record, order.price, &record.standing(order));
    event.leaves_qty = order.leaves_qty;
}

/// Fills in the terms, the owner and the last state of an order that is gone: it leaves nothing.
pub(crate) fn tell_past(event: &mut Event, past: &PastRecord) {
    let PastRecord { record, price, cum_qty } = past;
    let OrderRecord { cum_value, ord_status, .. } = *record;
    tell_record(event, record, *price, &Standing { cum_qty: *cum_qty, cum_value, ord_status });
}

/// Fills in what a record says of an order that stands so.
#[inline(always)]
fn tell_record(event: &mut Event, record: &OrderRecord, price: i64, standing: &Standing) {
    event.order_id = record.order_id;
    event.price = price;
    event.order_qty = record.order_qty;
    event.cum_qty = standing.cum_qty;
    event.cum_value = standing.cum_value;
    event.cl_ord_id = record.cl_ord_id;
    event.instrument_id = record.instrument_id;
    event.session_id = record.session_id;
    event.member_id = record.member_id;
    event.side = record.side;
    event.ord_type = record.ord_type;
    event.time_in_force = record.time_in_force;
    event.ord_status = standing.ord_status;
}
