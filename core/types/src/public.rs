//! What of an event the public may see: the event without its owner, in the words of ITCH.

use crate::{Event, EventFlags, EventKind, PublicKind, PublicRecord, Side, TradingPhase};

/// The public record of an event, or `None` for what concerns its owner alone. The hop times and
/// `EndOfEvent` are the engine's to fill in: the last event of a command need not be public.
#[must_use]
pub fn public_of(event: &Event) -> Option<PublicRecord> {
    let flag = |bit: EventFlags| event.flags.contains(bit);
    let mut record = PublicRecord {
        seq: event.seq,
        timestamp: event.timestamp,
        matched_time: 0,
        released_time: 0,
        order_id: event.order_id,
        trd_match_id: event.trd_match_id,
        price: event.price,
        qty: event.leaves_qty,
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
    match event.kind {
        EventKind::Added => {}
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
        EventKind::Canceled if flag(EventFlags::RESTING) => record.kind = PublicKind::Delete,
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
