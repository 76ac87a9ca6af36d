//! Where events go: each is finished when the next one begins, so that the last one can say so.

use touchline_types::{Command, Event, EventFlags, EventKind};

use crate::invariant::{invariant, next_u32};
use crate::names::OrderRecord;

/// Takes the events of a command, in order.
pub trait EventSink {
    /// One event. The last of a command has EndOfEvent.
    fn event(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> EventSink for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}

/// Stamps and numbers the events of one command.
pub(crate) struct Emitter<'a, K: EventSink> {
    sink: &'a mut K,
    event: Event,
    begun: u32,
}

impl<'a, K: EventSink> Emitter<'a, K> {
    pub(crate) fn new(command: &Command, sink: &'a mut K) -> Self {
        let mut event = Event::of(EventKind::Status);
        event.seq = command.seq;
        event.timestamp = command.timestamp;
        Self { sink, event, begun: 0 }
    }

    /// Begins the next event: stamped, numbered, everything else zero.
    #[inline]
    pub(crate) fn begin(&mut self, kind: EventKind) -> &mut Event {
        if self.begun > 0 {
            self.sink.event(&self.event);
        }
        let blank = Event::of(kind);
        self.event = Event {
            seq: self.event.seq,
            timestamp: self.event.timestamp,
            index: self.begun,
            ..blank
        };
        self.begun = next_u32(self.begun);
        &mut self.event
    }

    /// Begins an event of an order.
    #[inline]
    pub(crate) fn of_order(
        &mut self,
        kind: EventKind,
        record: &OrderRecord,
        leaves_qty: u64,
    ) -> &mut Event {
        let event = self.begin(kind);
        tell(event, record);
        event.leaves_qty = leaves_qty;
        event
    }

    /// Ends the command.
    pub(crate) fn finish(mut self) {
        invariant(self.begun > 0, "every command has an event");
        self.event.flags = self.event.flags.with(EventFlags::END_OF_EVENT);
        self.sink.event(&self.event);
    }
}

/// Fills in the terms, the owner and the state of an order, all but leaves_qty.
#[inline]
pub(crate) fn tell(event: &mut Event, record: &OrderRecord) {
    event.order_id = record.order_id;
    event.price = record.price;
    event.order_qty = record.order_qty;
    event.cum_qty = record.cum_qty;
    event.cum_value = record.cum_value;
    event.cl_ord_id = record.cl_ord_id;
    event.instrument_id = record.instrument_id;
    event.session_id = record.session_id;
    event.member_id = record.member_id;
    event.side = record.side;
    event.ord_type = record.ord_type;
    event.time_in_force = record.time_in_force;
    event.ord_status = record.ord_status;
}
