//! From a public record of the ring to a message of the feed.

use touchline_feed_codec::{
    MatchEventIndicator, Message, OrderAdd, OrderCancel, OrderDelete, OrderExecute, OrderReplace,
    SecurityStatus, Uncross,
};
use touchline_types::{EventFlags, PublicKind, PublicRecord};

/// The message of a record, as number `rpt_seq` of its instrument.
#[inline]
pub(crate) fn message_of(record: &PublicRecord, rpt_seq: u32) -> Message {
    let PublicRecord { seq, order_id, instrument_id, side, .. } = *record;
    let indicator = indicator_of(record.flags);
    match record.kind {
        PublicKind::Add => Message::OrderAdd(OrderAdd {
            seq,
            order_id,
            price: record.price,
            qty: record.qty,
            priority: record.priority,
            rpt_seq,
            instrument_id,
            side,
            indicator,
            reserved: [0; 6],
        }),
        PublicKind::Execute => Message::OrderExecute(OrderExecute {
            seq,
            order_id,
            last_px: record.price,
            last_qty: record.qty,
            trd_match_id: record.trd_match_id,
            rpt_seq,
            instrument_id,
            side,
            aggressor_side: record.aggressor_side,
            indicator,
            reserved: [0; 5],
        }),
        PublicKind::Cancel => Message::OrderCancel(OrderCancel {
            seq,
            order_id,
            canceled_qty: record.qty,
            rpt_seq,
            instrument_id,
            side,
            indicator,
            reserved: [0; 6],
        }),
        PublicKind::Delete => Message::OrderDelete(OrderDelete {
            seq,
            order_id,
            rpt_seq,
            instrument_id,
            side,
            indicator,
            reserved: [0; 6],
        }),
        PublicKind::Replace => Message::OrderReplace(OrderReplace {
            seq,
            order_id,
            price: record.price,
            qty: record.qty,
            priority: record.priority,
            rpt_seq,
            instrument_id,
            side,
            indicator,
            reserved: [0; 6],
        }),
        PublicKind::Phase => Message::SecurityStatus(SecurityStatus {
            seq,
            rpt_seq,
            instrument_id,
            phase: record.phase,
            indicator,
            reserved: [0; 6],
        }),
        PublicKind::Uncross => Message::Uncross(Uncross {
            seq,
            last_px: record.price,
            last_qty: record.qty,
            rpt_seq,
            instrument_id,
            indicator,
            reserved: [0; 7],
        }),
    }
}

fn indicator_of(flags: EventFlags) -> MatchEventIndicator {
    [
        (EventFlags::END_OF_EVENT, MatchEventIndicator::END_OF_EVENT),
        (EventFlags::UNCROSS, MatchEventIndicator::UNCROSS),
        (EventFlags::PRINTABLE, MatchEventIndicator::PRINTABLE),
    ]
    .into_iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .fold(MatchEventIndicator::NONE, |all, (_, bit)| all.with(bit))
}
