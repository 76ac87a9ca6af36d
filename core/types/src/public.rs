//! What of an event the public may see: the event without its owner, in the words of ITCH.

use crate::{Event, EventFlags, EventKind, ExecInst, PublicKind, PublicRecord, Side, TradingPhase};

/// The public record of an event, or `None` for what concerns its owner alone. The hop times and
/// `EndOfEvent` are the engine's to fill in: the last event of a command need not be public.
#[must_use]
pub fn public_of(event: &Event) -> Option<PublicRecord> {
    let flag = |bit: EventFlags| event.flags.contains(bit);
    // An iceberg shows so much of what it leaves where it joins a queue.
    let shown = match event.display_qty {
        0 => event.leaves_qty,
        display_qty => display_qty.min(event.leaves_qty),
    };
    let mut record = PublicRecord {
        seq: event.seq,
        timestamp: event.timestamp,
        matched_time: 0,
        released_time: 0,
        order_id: event.order_id,
        trd_match_id: event.trd_match_id,
        price: event.price,
        qty: shown,
        priority: event.priority,
        instrument_id: event.instrument_id,
        index: event.index,
        kind: PublicKind::Add,
        side: event.side,
        aggressor_side: Side::Undisclosed,
        phase: TradingPhase::None,
        flags: EventFlags::NONE,
        reserved: [0; 43],
    };
    let hidden = event.exec_inst.contains(ExecInst::HIDDEN);
    match event.kind {
        // A hidden order is seen while it executes: what the fill takes is added, then executed.
        EventKind::Added if hidden && event.display_qty == 0 => return None,
        EventKind::Canceled | EventKind::Expired | EventKind::Replaced | EventKind::Restated
            if hidden =>
        {
            return None;
        }
        // The part of an iceberg that has executed is gone: the next one is added.
        EventKind::Added | EventKind::Replenished => {}
        EventKind::Executed if flag(EventFlags::RESTING) => {
            record.kind = PublicKind::Execute;
            record.price = event.last_px;
            record.qty = event.last_qty;
            record.flags =
                EventFlags(event.flags.0 & (EventFlags::UNCROSS.0 | EventFlags::PRINTABLE.0));
            if !flag(EventFlags::UNCROSS) {
                record.aggressor_side = event.side.opposite();
            }
        }
        EventKind::Canceled | EventKind::Expired if flag(EventFlags::RESTING) => {
            record.kind = PublicKind::Delete;
        }
        // An iceberg keeps its place only while it shows the same.
        EventKind::Replaced if flag(EventFlags::KEEPS_PRIORITY) && event.display_qty > 0 => {
            return None;
        }
        EventKind::Replaced if flag(EventFlags::KEEPS_PRIORITY) => {
            record.kind = PublicKind::Cancel;
            record.qty = event.last_qty.saturating_sub(event.leaves_qty);
        }
        EventKind::Restated if flag(EventFlags::RESTING) => {
            record.kind = PublicKind::Cancel;
            record.qty = event.last_qty;
        }
        EventKind::Replaced if flag(EventFlags::MOVED) => record.kind = PublicKind::Replace,
        EventKind::Replaced if flag(EventFlags::RESTING) => record.kind = PublicKind::Delete,
        EventKind::PhaseChanged => {
            record.kind = PublicKind::Phase;
            record.phase = event.phase;
        }
        EventKind::Uncrossed => {
            record.kind = PublicKind::Uncross;
            record.price = event.last_px;
            record.qty = event.last_qty;
            record.flags = EventFlags::UNCROSS;
        }
        _ => return None,
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, flags: EventFlags) -> Event {
        let mut event = Event::of(kind);
        (event.order_id, event.price, event.side) = (7, 100, Side::Sell);
        (event.leaves_qty, event.last_qty, event.priority) = (9, 2, 5);
        event.flags = flags;
        event
    }

    fn told(event: &Event) -> Option<(PublicKind, u64)> {
        public_of(event).map(|record| (record.kind, record.qty))
    }

    #[test]
    fn of_an_iceberg_the_public_sees_what_it_shows() {
        let iceberg = |kind, flags| Event { display_qty: 4, ..event(kind, flags) };
        let (none, resting) = (EventFlags::NONE, EventFlags::RESTING);
        assert_eq!(told(&iceberg(EventKind::Added, none)), Some((PublicKind::Add, 4)));
        assert_eq!(told(&iceberg(EventKind::Replenished, none)), Some((PublicKind::Add, 4)));
        let last = Event { leaves_qty: 1, ..iceberg(EventKind::Replenished, none) };
        assert_eq!(told(&last), Some((PublicKind::Add, 1)));
        let moved = iceberg(EventKind::Replaced, resting.with(EventFlags::MOVED));
        assert_eq!(told(&moved), Some((PublicKind::Replace, 4)));
        let keeps = iceberg(EventKind::Replaced, resting.with(EventFlags::KEEPS_PRIORITY));
        assert_eq!(told(&keeps), None);
        assert_eq!(told(&iceberg(EventKind::Executed, resting)), Some((PublicKind::Execute, 2)));
        assert_eq!(told(&iceberg(EventKind::Restated, resting)), Some((PublicKind::Cancel, 2)));
        assert_eq!(told(&event(EventKind::Added, none)), Some((PublicKind::Add, 9)));
    }

    #[test]
    fn a_hidden_order_is_seen_while_it_executes() {
        let hidden = |kind, flags| Event { exec_inst: ExecInst::HIDDEN, ..event(kind, flags) };
        let resting = EventFlags::RESTING;
        assert_eq!(told(&hidden(EventKind::Added, EventFlags::NONE)), None);
        let shown = Event { display_qty: 2, ..hidden(EventKind::Added, EventFlags::NONE) };
        assert_eq!(told(&shown), Some((PublicKind::Add, 2)));
        assert_eq!(told(&hidden(EventKind::Executed, resting)), Some((PublicKind::Execute, 2)));
        for flags in [resting, resting.with(EventFlags::MOVED)] {
            assert_eq!(told(&hidden(EventKind::Replaced, flags)), None);
        }
        for kind in [EventKind::Canceled, EventKind::Expired, EventKind::Restated] {
            assert_eq!(told(&hidden(kind, resting)), None, "{kind:?}");
        }
    }

    #[test]
    fn a_stop_that_waits_is_unseen() {
        for kind in [EventKind::Accepted, EventKind::Triggered] {
            assert_eq!(told(&event(kind, EventFlags::NONE)), None);
        }
        for kind in [EventKind::Canceled, EventKind::Expired, EventKind::Replaced] {
            assert_eq!(told(&event(kind, EventFlags::NONE)), None, "{kind:?}");
        }
        for kind in [EventKind::Canceled, EventKind::Expired] {
            let public = told(&event(kind, EventFlags::RESTING));
            assert_eq!(public.map(|(kind, _)| kind), Some(PublicKind::Delete), "{kind:?}");
        }
    }
}
