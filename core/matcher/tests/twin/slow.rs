//! The slow matcher: the rules again, written for the reader. It shares no code with the fast
//! one, only the records and the descriptions of instruments and capacity. Every question is
//! answered by looking at all open orders.

mod accounts;
mod cancels;
mod expiry;
mod limits;
mod orders;
mod refusals;
mod replace;
mod scopes;
mod self_match;
mod stops;
mod telling;
mod uncross;

use std::collections::{BTreeMap, BTreeSet};

use touchline_matcher::{Capacity, InstrumentLimits, OrderView};
use touchline_types::{
    ClOrdId, Command, CommandKind, Event, EventFlags, ExecInst, OrdStatus, Scope, Side,
    TimeInForce, TradingPhase,
};

/// An order, from its acceptance to the end of the day.
#[derive(Clone)]
struct Order {
    order_id: u64,
    terms: Command,
    session_id: u32,
    cum_qty: u64,
    cum_value: i64,
    priority: u64,
    /// Of an iceberg that rests: what is left of the part that it shows.
    shown_qty: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Matching: in no book.
    Arriving,
    Resting,
    /// A stop that waits.
    Held,
    Filled,
    Canceled,
}

impl Order {
    fn leaves_qty(&self) -> u64 {
        match self.state {
            State::Canceled => 0,
            _ => self.terms.order_qty - self.cum_qty,
        }
    }

    /// What executes at its place in the queue.
    fn at_hand(&self) -> u64 {
        if self.terms.display_qty > 0 { self.shown_qty } else { self.leaves_qty() }
    }

    fn status(&self) -> OrdStatus {
        match self.state {
            State::Canceled => OrdStatus::Canceled,
            _ if self.cum_qty == self.terms.order_qty => OrdStatus::Filled,
            _ if self.cum_qty > 0 => OrdStatus::PartiallyFilled,
            _ => OrdStatus::New,
        }
    }

    fn has(&self, inst: ExecInst) -> bool {
        self.terms.exec_inst.contains(inst)
    }

    fn is_open(&self) -> bool {
        [State::Resting, State::Held].contains(&self.state)
    }
}

struct Book {
    limits: InstrumentLimits,
    phase: TradingPhase,
    last_px: Option<i64>,
}

pub(crate) struct SlowMatcher {
    capacity: Capacity,
    books: BTreeMap<u32, Book>,
    orders: BTreeMap<u64, Order>,
    /// Orders with state Resting.
    resting: BTreeSet<u64>,
    /// Orders with state Held.
    held: BTreeSet<u64>,
    /// Every ClOrdID that is used, and its order.
    names: BTreeMap<(u32, ClOrdId), u64>,
    blocked: BTreeSet<(Scope, u32)>,
    limited: BTreeMap<u32, limits::Limited>,
    ledger: accounts::Ledger,
    last_priority: u64,
    last_trd_match_id: u64,
    events: Vec<Event>,
}

impl SlowMatcher {
    pub(crate) fn new(limits: &[InstrumentLimits], capacity: Capacity) -> Self {
        let book = |limits: &InstrumentLimits| Book {
            limits: *limits,
            phase: limits.initial_phase,
            last_px: None,
        };
        Self {
            capacity,
            books: limits.iter().map(|each| (each.instrument_id, book(each))).collect(),
            orders: BTreeMap::new(),
            resting: BTreeSet::new(),
            held: BTreeSet::new(),
            names: BTreeMap::new(),
            blocked: BTreeSet::new(),
            limited: BTreeMap::new(),
            ledger: accounts::Ledger::default(),
            last_priority: 0,
            last_trd_match_id: 0,
            events: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Vec<Event> {
        match command.kind {
            CommandKind::NewOrder => {
                self.expire_before(command);
                self.new_order(command);
                self.trigger_stops();
            }
            CommandKind::CancelOrder => {
                self.cancel(command);
                self.trigger_stops();
            }
            CommandKind::ReplaceOrder => {
                self.expire_before(command);
                self.replace(command);
                self.trigger_stops();
            }
            CommandKind::OrderStatus => self.status(command),
            CommandKind::ChangePhase => {
                self.expire_before(command);
                self.change_phase(command);
                self.trigger_stops();
            }
            CommandKind::MassCancel => self.mass_cancel(command),
            CommandKind::ExpireOrders => self.expire_orders(command),
            CommandKind::BlockEntry | CommandKind::AdmitEntry => self.block(command),
            CommandKind::SetLimits => self.set_limits(command),
            CommandKind::SetAccount => self.set_account(command),
            CommandKind::Deposit => self.deposit(command),
        }
        let mut events = std::mem::take(&mut self.events);
        for (index, event) in events.iter_mut().enumerate() {
            event.seq = command.seq;
            event.timestamp = command.timestamp;
            event.index = index as u32;
        }
        let last = events.last_mut().expect("every command has an event");
        last.flags = last.flags.with(EventFlags::END_OF_EVENT);
        events
    }

    pub(crate) fn phase(&self, instrument_id: u32) -> Option<TradingPhase> {
        self.books.get(&instrument_id).map(|book| book.phase)
    }

    pub(crate) fn last_px(&self, instrument_id: u32) -> Option<i64> {
        self.books.get(&instrument_id).and_then(|book| book.last_px)
    }

    pub(crate) fn used_cl_ord_ids(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn open_orders(&self) -> usize {
        self.resting.len() + self.held.len()
    }

    /// The earliest expire_time of an open order.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        let open = self.orders.values().filter(|order| order.is_open());
        open.map(|order| order.terms.expire_time).filter(|time| *time > 0).min()
    }

    pub(crate) fn view(&self, instrument_id: u32, side: Side) -> Vec<OrderView> {
        let queue = self.queue(instrument_id, side);
        queue.iter().map(|id| view(&self.orders[id])).collect()
    }

    /// Stops that wait, by instrument as they were configured, and as they were accepted.
    pub(crate) fn stops(&self) -> Vec<OrderView> {
        let of =
            |id: u32| self.held.iter().filter(move |o| self.orders[o].terms.instrument_id == id);
        self.books.keys().flat_map(|id| of(*id)).map(|id| view(&self.orders[id])).collect()
    }

    /// The resting orders of a side: best price first, at a price what is displayed before what
    /// is hidden, then by priority.
    fn queue(&self, instrument_id: u32, side: Side) -> Vec<u64> {
        let mut queue: Vec<&Order> = self
            .resting
            .iter()
            .map(|id| &self.orders[id])
            .filter(|o| o.terms.instrument_id == instrument_id && o.terms.side == side)
            .collect();
        queue.sort_by_key(|order| {
            let price = i128::from(order.terms.price);
            let price = if side == Side::Buy { -price } else { price };
            (price, order.has(ExecInst::HIDDEN), order.priority)
        });
        queue.iter().map(|order| order.order_id).collect()
    }

    /// The best price of a side, hidden orders included.
    fn touch(&self, instrument_id: u32, side: Side) -> Option<i64> {
        let first = *self.queue(instrument_id, side).first()?;
        Some(self.orders[&first].terms.price)
    }

    fn is_continuous(&self, instrument_id: u32) -> bool {
        self.phase(instrument_id) == Some(TradingPhase::Continuous)
    }

    fn order(&mut self, order_id: u64) -> &mut Order {
        self.orders.get_mut(&order_id).expect("the order is known")
    }
}

fn view(order: &Order) -> OrderView {
    OrderView {
        order_id: order.order_id,
        price: order.terms.price,
        order_qty: order.terms.order_qty,
        leaves_qty: order.leaves_qty(),
        shown_qty: match order.state {
            State::Resting if !order.has(ExecInst::HIDDEN) => order.at_hand(),
            _ => 0,
        },
        cum_qty: order.cum_qty,
        cum_value: order.cum_value,
        priority: order.priority,
        cl_ord_id: order.terms.cl_ord_id,
        instrument_id: order.terms.instrument_id,
        session_id: order.session_id,
        member_id: order.terms.member_id,
        side: order.terms.side,
        ord_type: order.terms.ord_type,
        time_in_force: order.terms.time_in_force,
    }
}

fn opposite(side: Side) -> Side {
    if side == Side::Buy { Side::Sell } else { Side::Buy }
}

/// True for a time in force with which a rest may stay.
fn stays(time_in_force: TimeInForce) -> bool {
    [TimeInForce::Day, TimeInForce::GoodTillCancel, TimeInForce::GoodTillDate]
        .contains(&time_in_force)
}

/// True if an order of a side at a limit executes at a price.
fn reaches(side: Side, limit: i64, price: i64) -> bool {
    if side == Side::Buy { price <= limit } else { price >= limit }
}
