//! A snapshot of every book for one strategy, a chunk at a time, while trading goes on.
//!
//! The walk goes over the order pool, slot by slot. Each order is told as it was after some command
//! `seq`, which is not the same for all of them. The strategy reads the public ring from before the
//! start: a record of an order whose `seq` is not above the one it was told with is known already;
//! every other one is applied. An order that came or moved behind the walk has a record of that;
//! one that left before the walk reached it is never told, and its records find nothing. When the
//! end is told, and the public records before it are read, every book is exact.
//!
//! So the engine never stops for a snapshot, and what it tells is released, like everything, when
//! it is durable.

use touchline_matcher::{OrderView, OwnedMatcher};
use touchline_types::{Event, EventKind, TradingPhase};

/// Events of one chunk at most, but for its last one.
pub(crate) const EVENTS_MAX: usize = 64;
/// Slots that one chunk looks at, at most.
const SLOTS_MAX: u32 = 1_024;
/// Instruments in one chunk at most.
const INSTRUMENTS_MAX: usize = 32;

/// How far a snapshot is.
#[derive(Debug)]
pub(crate) struct Walk {
    instruments: usize,
    slot: u32,
}

impl Walk {
    pub(crate) const fn new() -> Self {
        Self { instruments: 0, slot: 0 }
    }

    /// Adds the next events to `events`, which is empty; true if they are the last.
    pub(crate) fn chunk(
        &mut self,
        matcher: &OwnedMatcher,
        session_id: u32,
        events: &mut Vec<Event>,
    ) -> bool {
        let event = |kind| {
            let mut event = Event::of(kind);
            (event.seq, event.session_id) = (matcher.last_seq(), session_id);
            event.timestamp = matcher.last_timestamp();
            event
        };
        if (self.instruments, self.slot) == (0, 0) {
            events.push(event(EventKind::SnapshotStart));
        }
        let ids = matcher.instrument_ids().skip(self.instruments).take(INSTRUMENTS_MAX);
        for instrument_id in ids {
            self.instruments += 1;
            events.push(Event {
                instrument_id,
                phase: matcher.phase(instrument_id).unwrap_or(TradingPhase::None),
                last_px: matcher.last_px(instrument_id).unwrap_or(i64::MIN),
                cum_value: matcher.position(session_id, instrument_id).map_or(0, |p| p.position),
                ..event(EventKind::SnapshotInstrument)
            });
        }
        if events.len() > 1 {
            return false;
        }
        let last = matcher.order_slots().min(self.slot.saturating_add(SLOTS_MAX));
        while self.slot < last && events.len() < EVENTS_MAX {
            let order = matcher.order_in(self.slot);
            if let Some(order) = order.filter(|order| order.shown_qty > 0) {
                events.push(resting(&order, event(EventKind::SnapshotOrder)));
            }
            self.slot += 1;
        }
        let ended = self.slot >= matcher.order_slots();
        if ended {
            events.push(event(EventKind::SnapshotEnd));
        }
        ended
    }
}

/// A resting order as others see it.
fn resting(order: &OrderView, event: Event) -> Event {
    Event {
        order_id: order.order_id,
        price: order.price,
        leaves_qty: order.shown_qty,
        priority: order.priority,
        instrument_id: order.instrument_id,
        side: order.side,
        ..event
    }
}
