//! The strategy's own orders and position, as the engine has told them.

use std::collections::BTreeMap;

use touchline_types::{
    ClOrdId, Event, EventFlags, EventKind, OrdStatus, OrdType, PrivateRecord, Side, TimeInForce,
};

use crate::book::ById;
use crate::event::{Execution, Kind, StrategyEvent};
use crate::names::Names;

/// An own order: `tl_own_order` of the C ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct OwnOrder {
    /// Its number, from 1.
    pub order: u64,
    /// As last acknowledged, price units.
    pub price: i64,
    /// OrderQty(38), lots.
    pub order_qty: u64,
    /// LeavesQty(151), lots.
    pub leaves_qty: u64,
    /// CumQty(14), lots.
    pub cum_qty: u64,
    /// Number of the instrument.
    pub instrument_id: u32,
    /// Side(54).
    pub side: u8,
    /// Commands about it that were sent and not yet answered.
    pub pending: u8,
    /// 0 until the venue has accepted it.
    pub accepted: u8,
    /// Zero.
    pub reserved: u8,
}

const _: () = assert!(size_of::<OwnOrder>() == 48);

/// What is known of an own order beside what the owner sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) own: OwnOrder,
    pub(crate) ord_type: OrdType,
    pub(crate) time_in_force: TimeInForce,
    /// The name that the venue has for it.
    acknowledged: ClOrdId,
    /// The newest name that was sent for it: the next command names that.
    pub(crate) sent: ClOrdId,
}

/// Own orders by number, and positions by instrument. The venue's OrderID tells whose an event is;
/// the token, which is the order's number, tells it for what has no OrderID.
#[derive(Debug)]
pub(crate) struct Orders {
    session_id: u32,
    names: Names,
    /// The newest number that was given out, to an order or to a name.
    counter: u64,
    open: BTreeMap<u64, Known>,
    numbers: ById<u64>,
    /// By instrument number less one.
    positions: Vec<i64>,
}

impl Orders {
    pub(crate) fn new(session_id: u32, epoch: u64, instruments: usize) -> Self {
        Self {
            session_id,
            names: Names::new(session_id, epoch),
            counter: 0,
            open: BTreeMap::new(),
            numbers: ById::default(),
            positions: vec![0; instruments],
        }
    }

    pub(crate) fn position(&self, instrument_id: u32) -> i64 {
        let at = (instrument_id as usize).checked_sub(1);
        at.and_then(|at| self.positions.get(at)).copied().unwrap_or(0)
    }

    pub(crate) fn set_position(&mut self, instrument_id: u32, position: i64) {
        let at = (instrument_id as usize).checked_sub(1);
        if let Some(known) = at.and_then(|at| self.positions.get_mut(at)) {
            *known = position;
        }
    }

    pub(crate) fn get(&self, order: u64) -> Option<&Known> {
        self.open.get(&order)
    }

    /// Open orders, oldest first.
    pub(crate) fn each(&self) -> impl Iterator<Item = &OwnOrder> {
        self.open.values().map(|known| &known.own)
    }

    /// The number and the name that the next command takes; they count once it was sent.
    pub(crate) fn next_name(&self) -> (u64, ClOrdId) {
        let counter = self.counter + 1;
        (counter, self.names.name(counter))
    }

    /// A new order was sent under the next name. Returns its number.
    pub(crate) fn sent_new(
        &mut self,
        own: OwnOrder,
        ord_type: OrdType,
        time_in_force: TimeInForce,
    ) -> u64 {
        let (order, name) = self.next_name();
        self.counter = order;
        let own = OwnOrder { order, pending: 1, leaves_qty: own.order_qty, ..own };
        let (acknowledged, sent) = (name, name);
        let known = Known { own, ord_type, time_in_force, acknowledged, sent };
        self.open.insert(order, known);
        order
    }

    /// A cancel, or a replace, of an order was sent under the next name.
    pub(crate) fn sent_change(&mut self, order: u64, renames: bool) {
        let (counter, name) = self.next_name();
        self.counter = counter;
        if let Some(known) = self.open.get_mut(&order) {
            known.own.pending = known.own.pending.saturating_add(1);
            if renames {
                known.sent = name;
            }
        }
    }

    /// A command that is about no order was sent under the next name.
    pub(crate) const fn sent_other(&mut self) {
        self.counter += 1;
    }

    /// Takes an event that concerns this session; what the owner is told of it, if anything.
    pub(crate) fn take(&mut self, record: &PrivateRecord, event: &Event) -> Option<StrategyEvent> {
        let execution = match event.kind {
            EventKind::Accepted => Execution::New,
            EventKind::Rejected => Execution::Rejected,
            EventKind::Executed => Execution::Trade,
            EventKind::Canceled | EventKind::Expired => Execution::Canceled,
            EventKind::Replaced => Execution::Replaced,
            EventKind::CancelRejected => Execution::CancelRejected,
            EventKind::Triggered | EventKind::Replenished | EventKind::Restated => {
                Execution::Restated
            }
            _ => return None,
        };
        if event.session_id != self.session_id {
            return None; // what we asked of another session's order is told to that one
        }
        if execution == Execution::Trade {
            self.trade(event);
        }
        // An answer to an earlier connection of the same session is none of ours.
        let answers =
            record.from_session_id == self.session_id && self.names.is_ours(&event.cl_ord_id);
        let order = match self.numbers.get(&event.order_id) {
            Some(order) => *order,
            None if answers => record.token,
            None => 0,
        };
        if let Some(known) = self.open.get_mut(&order) {
            known.update(event, execution, answers);
            if execution == Execution::New {
                self.numbers.insert(event.order_id, order);
            }
        }
        let told = self.tell(record, event, execution, order);
        self.forget_closed(order, event, execution);
        Some(told)
    }

    fn trade(&mut self, event: &Event) {
        let qty = i64::try_from(event.last_qty).unwrap_or(i64::MAX);
        let change = if event.side == Side::Sell { -qty } else { qty };
        let position = self.position(event.instrument_id).saturating_add(change);
        self.set_position(event.instrument_id, position);
    }

    fn tell(
        &self,
        record: &PrivateRecord,
        event: &Event,
        execution: Execution,
        order: u64,
    ) -> StrategyEvent {
        let (price, qty) = match execution {
            Execution::Trade => (event.last_px, event.last_qty),
            Execution::Canceled => (event.price, event.last_qty),
            _ => (event.price, event.order_qty),
        };
        let own = self.open.get(&order).map(|known| known.own);
        let instrument_id = match (event.instrument_id, own) {
            (0, Some(own)) => own.instrument_id,
            (instrument_id, _) => instrument_id,
        };
        let arrived = event.flags.contains(EventFlags::AGGRESSOR);
        let (leaves_qty, cum_qty) = match own {
            Some(own) if event.order_id == 0 => (own.leaves_qty, own.cum_qty),
            _ => (event.leaves_qty, event.cum_qty),
        };
        StrategyEvent {
            seq: event.seq,
            timestamp: event.timestamp,
            matched_time: record.matched_time,
            released_time: record.released_time,
            order,
            trd_match_id: event.trd_match_id,
            price,
            qty,
            leaves_qty,
            cum_qty,
            position: self.position(instrument_id),
            instrument_id,
            side: event.side as u8,
            execution: execution as u8,
            ord_status: event.ord_status as u8,
            reason: event.reason as u8,
            aggressor: u8::from(execution == Execution::Trade && arrived),
            ..StrategyEvent::of(Kind::Execution)
        }
    }

    fn forget_closed(&mut self, order: u64, event: &Event, execution: Execution) {
        let closed = match execution {
            Execution::Rejected | Execution::Canceled => true,
            Execution::Trade => event.ord_status == OrdStatus::Filled,
            _ => false,
        };
        if closed {
            self.open.remove(&order);
            self.numbers.remove(&event.order_id);
        }
    }
}

impl Known {
    /// Takes what the venue says of the order. `answers`: it answers a command of ours.
    fn update(&mut self, event: &Event, execution: Execution, answers: bool) {
        // A refusal that found no such order knows nothing of this one.
        if event.order_id != 0 {
            self.own.leaves_qty = event.leaves_qty;
            self.own.cum_qty = event.cum_qty;
        }
        if answers && !matches!(execution, Execution::Trade) {
            self.own.pending = self.own.pending.saturating_sub(1);
        }
        match execution {
            Execution::New => self.own.accepted = 1,
            Execution::Restated => {
                self.own.price = event.price;
                self.own.order_qty = event.order_qty;
            }
            Execution::Replaced => {
                self.own.price = event.price;
                self.own.order_qty = event.order_qty;
                self.acknowledged = event.cl_ord_id;
                if !answers {
                    self.sent = event.cl_ord_id;
                }
            }
            // The replace whose name we counted on did not happen.
            Execution::CancelRejected if self.sent == event.cl_ord_id => {
                self.sent = self.acknowledged;
            }
            _ => {}
        }
    }
}
