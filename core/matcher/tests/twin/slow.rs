//! The slow matcher: the rules again, written for the reader. It shares no code with the fast
//! one, only the records and the descriptions of instruments and capacity. Every question is
//! answered by looking at all open orders.

mod limits;
mod scopes;
mod self_match;
mod telling;
mod uncross;

use std::collections::{BTreeMap, BTreeSet};

use telling::asked;
use touchline_matcher::{Capacity, InstrumentLimits, OrderView};
use touchline_types::{
    ClOrdId, Command, CommandKind, Event, EventFlags, EventKind, OrdStatus, OrdType, Reason, Scope,
    Side, TimeInForce, TradingPhase,
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
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Matching: in no book.
    Arriving,
    Resting,
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

    fn status(&self) -> OrdStatus {
        match self.state {
            State::Canceled => OrdStatus::Canceled,
            _ if self.cum_qty == self.terms.order_qty => OrdStatus::Filled,
            _ if self.cum_qty > 0 => OrdStatus::PartiallyFilled,
            _ => OrdStatus::New,
        }
    }

    fn is_market(&self) -> bool {
        self.terms.ord_type == OrdType::Market
    }

    fn accepts(&self, px: i64) -> bool {
        match self.terms.side {
            Side::Buy => self.is_market() || px <= self.terms.price,
            _ => self.is_market() || px >= self.terms.price,
        }
    }

    fn rests(&self) -> bool {
        let tif = self.terms.time_in_force;
        !self.is_market() && tif != TimeInForce::ImmediateOrCancel && tif != TimeInForce::FillOrKill
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
    /// Every ClOrdID that is used, and its order.
    names: BTreeMap<(u32, ClOrdId), u64>,
    blocked: BTreeSet<(Scope, u32)>,
    limited: BTreeMap<u32, limits::Limited>,
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
            names: BTreeMap::new(),
            blocked: BTreeSet::new(),
            limited: BTreeMap::new(),
            last_priority: 0,
            last_trd_match_id: 0,
            events: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Vec<Event> {
        match command.kind {
            CommandKind::NewOrder => self.new_order(command),
            CommandKind::CancelOrder => self.cancel(command),
            CommandKind::ReplaceOrder => self.replace(command),
            CommandKind::OrderStatus => self.status(command),
            CommandKind::ChangePhase => self.change_phase(command),
            CommandKind::MassCancel => self.mass_cancel(command),
            CommandKind::BlockEntry | CommandKind::AdmitEntry => self.block(command),
            CommandKind::SetLimits => self.set_limits(command),
            CommandKind::ExpireOrders | CommandKind::SetAccount | CommandKind::Deposit => {
                self.rejected(command, Reason::UnsupportedCharacteristic);
            }
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
        self.resting.len()
    }

    pub(crate) fn view(&self, instrument_id: u32, side: Side) -> Vec<OrderView> {
        let view = |order: &Order| OrderView {
            order_id: order.order_id,
            price: order.terms.price,
            order_qty: order.terms.order_qty,
            leaves_qty: order.leaves_qty(),
            cum_qty: order.cum_qty,
            cum_value: order.cum_value,
            priority: order.priority,
            cl_ord_id: order.terms.cl_ord_id,
            instrument_id,
            session_id: order.session_id,
            member_id: order.terms.member_id,
            side,
            ord_type: order.terms.ord_type,
            time_in_force: order.terms.time_in_force,
        };
        self.queue(instrument_id, side).iter().map(|id| view(&self.orders[id])).collect()
    }

    /// The resting orders of a side: best price first, then by priority.
    fn queue(&self, instrument_id: u32, side: Side) -> Vec<u64> {
        let mut queue: Vec<&Order> = self
            .resting
            .iter()
            .map(|id| &self.orders[id])
            .filter(|o| o.terms.instrument_id == instrument_id && o.terms.side == side)
            .collect();
        queue.sort_by_key(|order| {
            let price = i128::from(order.terms.price);
            (if side == Side::Buy { -price } else { price }, order.priority)
        });
        queue.iter().map(|order| order.order_id).collect()
    }

    fn largest_qty(&self, limits: &InstrumentLimits) -> u64 {
        let price = limits.min_price.unsigned_abs().max(limits.max_price.unsigned_abs());
        let safe = i64::MAX as u64 / price.max(u64::from(self.capacity.orders)).max(1);
        limits.max_order_qty.min(safe)
    }

    /// True if the price needs a level and the side has as many as it can, once `without` is gone.
    fn lacks_level(&self, command: &Command, without: Option<u64>) -> bool {
        let prices: BTreeSet<i64> = self
            .queue(command.instrument_id, command.side)
            .iter()
            .filter(|id| Some(**id) != without)
            .map(|id| self.orders[id].terms.price)
            .collect();
        !prices.contains(&command.price) && prices.len() as u32 >= self.capacity.levels
    }

    fn refuse_new(&self, command: &Command) -> Option<Reason> {
        if self.is_blocked(command) {
            return Some(Reason::EntryBlocked);
        }
        let Some(book) = self.books.get(&command.instrument_id) else {
            return Some(Reason::UnknownSymbol);
        };
        let limit = command.ord_type == OrdType::Limit;
        let stays = matches!(command.time_in_force, TimeInForce::Day | TimeInForce::GoodTillCancel);
        let in_call = book.phase == TradingPhase::Call;
        if !in_call && book.phase != TradingPhase::Continuous {
            Some(Reason::ExchangeClosed)
        } else if command.side == Side::Undisclosed
            || command.ord_type == OrdType::None
            || in_call && !(limit && stays)
            || !plain(command)
        {
            Some(Reason::UnsupportedCharacteristic)
        } else if limit
            && (command.price < book.limits.min_price || command.price > book.limits.max_price)
        {
            Some(Reason::PriceOutOfRange)
        } else if limit && command.price % book.limits.tick_size != 0 {
            Some(Reason::TickSize)
        } else if command.order_qty == 0 {
            Some(Reason::IncorrectQuantity)
        } else if !command.order_qty.is_multiple_of(book.limits.lot_size) {
            Some(Reason::LotSize)
        } else if command.order_qty > self.largest_qty(&book.limits) || self.is_too_large(command) {
            Some(Reason::OrderExceedsLimit)
        } else if self.leads_too_far(command.session_id, command, command.order_qty) {
            Some(Reason::PositionLimit)
        } else if self.names.contains_key(&(command.member_id, command.cl_ord_id)) {
            Some(Reason::DuplicateClOrdId)
        } else if self.names.len() as u32 >= self.capacity.cl_ord_ids {
            Some(Reason::TooManyClOrdIds)
        } else if limit
            && stays
            && (self.resting.len() as u32 >= self.capacity.orders
                || self.lacks_level(command, None))
        {
            Some(Reason::TooManyOrders)
        } else {
            None
        }
    }

    fn new_order(&mut self, command: &Command) {
        if !self.take_token(command) {
            return self.rejected(command, Reason::RateExceeded);
        }
        if let Some(reason) = self.refuse_new(command) {
            return self.rejected(command, reason);
        }
        let order_id = self.orders.len() as u64 + 1;
        let mut terms = *command;
        if terms.ord_type == OrdType::Market {
            terms.price = 0;
        }
        let order = Order {
            order_id,
            terms,
            session_id: command.session_id,
            cum_qty: 0,
            cum_value: 0,
            priority: 0,
            state: State::Arriving,
        };
        self.orders.insert(order_id, order);
        self.names.insert((command.member_id, command.cl_ord_id), order_id);
        self.tell(EventKind::Accepted, order_id);
        if self.phase(command.instrument_id) == Some(TradingPhase::Continuous) {
            self.take(command, order_id);
        }
        if self.orders[&order_id].state == State::Canceled {
            return;
        }
        let order = &self.orders[&order_id];
        if order.leaves_qty() == 0 {
            self.order(order_id).state = State::Filled;
        } else if order.rests() {
            self.join(order_id);
            self.tell(EventKind::Added, order_id).priority = self.last_priority;
        } else {
            let rest = order.leaves_qty();
            self.order(order_id).state = State::Canceled;
            self.tell(EventKind::Canceled, order_id).last_qty = rest;
        }
    }

    /// Executes an arriving order against the other side, or leaves it alone if it is a FOK that
    /// cannot execute in full.
    fn take(&mut self, command: &Command, order_id: u64) {
        let order = self.orders[&order_id].clone();
        let opposite = match order.terms.side {
            Side::Buy => Side::Sell,
            _ => Side::Buy,
        };
        let mut queue = self.queue(order.terms.instrument_id, opposite);
        queue.retain(|id| order.accepts(self.orders[id].terms.price));
        let there: u64 = self.reached(command, &order, &queue);
        if order.terms.time_in_force == TimeInForce::FillOrKill && there < order.leaves_qty() {
            return;
        }
        for resting in queue {
            if self.orders[&order_id].state == State::Canceled {
                break;
            }
            if self.orders[&order_id].leaves_qty() > 0 && self.is_own(command, &order, resting) {
                self.prevent(command, order_id, resting);
                continue;
            }
            let qty = self.orders[&order_id].leaves_qty().min(self.orders[&resting].leaves_qty());
            if qty > 0 {
                let px = self.orders[&resting].terms.price;
                let printed = EventFlags::RESTING.with(EventFlags::PRINTABLE);
                self.trade([(resting, printed), (order_id, EventFlags::AGGRESSOR)], px, qty);
            }
        }
    }

    fn trade(&mut self, sides: [(u64, EventFlags); 2], px: i64, qty: u64) {
        self.last_trd_match_id += 1;
        for (order_id, flags) in sides {
            let order = self.order(order_id);
            order.cum_qty += qty;
            order.cum_value += px * qty as i64;
            let rested = order.state == State::Resting;
            let (owner, side) = (order.session_id, order.terms.side);
            let instrument_id = order.terms.instrument_id;
            if order.leaves_qty() == 0 {
                order.state = State::Filled;
                self.resting.remove(&order_id);
            }
            self.note_fill(owner, instrument_id, side, qty);
            let priority = if rested { self.orders[&order_id].priority } else { 0 };
            let trd_match_id = self.last_trd_match_id;
            let event = self.tell(EventKind::Executed, order_id);
            event.last_px = px;
            event.last_qty = qty;
            event.trd_match_id = trd_match_id;
            event.priority = priority;
            event.flags = flags;
        }
        let instrument_id = self.orders[&sides[0].0].terms.instrument_id;
        if let Some(book) = self.books.get_mut(&instrument_id) {
            book.last_px = Some(px);
        }
    }

    fn join(&mut self, order_id: u64) {
        self.last_priority += 1;
        let priority = self.last_priority;
        let order = self.order(order_id);
        order.priority = priority;
        order.state = State::Resting;
        self.resting.insert(order_id);
    }

    /// The open order that a cancel or replace names, or why it is refused.
    fn named(&self, command: &Command) -> Result<u64, (Reason, Option<u64>)> {
        if self.names.contains_key(&(command.member_id, command.cl_ord_id)) {
            return Err((Reason::DuplicateClOrdId, None));
        }
        let unknown = (Reason::UnknownOrder, None);
        let key = (command.member_id, command.orig_cl_ord_id);
        let order_id = *self.names.get(&key).ok_or(unknown)?;
        let order = &self.orders[&order_id];
        if order.terms.cl_ord_id != command.orig_cl_ord_id {
            return Err(unknown);
        }
        match order.state {
            State::Resting => Ok(order_id),
            _ => Err((Reason::TooLateToCancel, Some(order_id))),
        }
    }

    fn cancel(&mut self, command: &Command) {
        let order_id = match self.named(command) {
            Ok(order_id) => order_id,
            Err((reason, order_id)) => {
                return self.cancel_rejected(command, reason, order_id, EventFlags::NONE);
            }
        };
        let last_qty = self.orders[&order_id].leaves_qty();
        self.resting.remove(&order_id);
        self.order(order_id).state = State::Canceled;
        let event = self.tell(EventKind::Canceled, order_id);
        event.last_qty = last_qty;
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.cl_ord_id = command.cl_ord_id;
        event.flags = EventFlags::RESTING;
    }

    fn refuse_replace(&self, command: &Command, order: &Order) -> Option<Reason> {
        let terms = &order.terms;
        let book = &self.books[&terms.instrument_id];
        let matches_phase = [TradingPhase::Call, TradingPhase::Continuous].contains(&book.phase);
        let tif = command.time_in_force;
        if command.instrument_id != terms.instrument_id
            || command.side != terms.side
            || command.ord_type != OrdType::Limit
        {
            Some(Reason::NotReplaceable)
        } else if !matches_phase {
            Some(Reason::ExchangeClosed)
        } else if tif == TimeInForce::ImmediateOrCancel
            || tif == TimeInForce::FillOrKill
            || !plain(command)
        {
            Some(Reason::UnsupportedCharacteristic)
        } else if command.price < book.limits.min_price || command.price > book.limits.max_price {
            Some(Reason::PriceOutOfRange)
        } else if command.price % book.limits.tick_size != 0 {
            Some(Reason::TickSize)
        } else if command.order_qty <= order.cum_qty {
            Some(Reason::IncorrectQuantity)
        } else if !command.order_qty.is_multiple_of(book.limits.lot_size) {
            Some(Reason::LotSize)
        } else if command.order_qty > self.largest_qty(&book.limits) || self.is_too_large(command) {
            Some(Reason::OrderExceedsLimit)
        } else if command.order_qty > terms.order_qty
            && self.leads_too_far(order.session_id, command, command.order_qty - terms.order_qty)
        {
            Some(Reason::PositionLimit)
        } else if self.names.len() as u32 >= self.capacity.cl_ord_ids {
            Some(Reason::TooManyClOrdIds)
        } else if self.lacks_level(command, Some(order.order_id)) {
            Some(Reason::TooManyOrders)
        } else {
            None
        }
    }

    fn replace(&mut self, command: &Command) {
        let of_replace = EventFlags::OF_REPLACE;
        let early = if !self.take_token(command) {
            Some(Reason::RateExceeded)
        } else if self.is_blocked(command) {
            Some(Reason::EntryBlocked)
        } else {
            None
        };
        if let Some(reason) = early {
            let key = (command.member_id, command.orig_cl_ord_id);
            let named = self.names.get(&key).copied();
            let latest = |id: &u64| self.orders[id].terms.cl_ord_id == command.orig_cl_ord_id;
            let order_id = named.filter(latest);
            return self.cancel_rejected(command, reason, order_id, of_replace);
        }
        let order_id = match self.named(command) {
            Ok(order_id) => order_id,
            Err((reason, order_id)) => {
                return self.cancel_rejected(command, reason, order_id, of_replace);
            }
        };
        if let Some(reason) = self.refuse_replace(command, &self.orders[&order_id]) {
            return self.cancel_rejected(command, reason, Some(order_id), of_replace);
        }
        self.names.insert((command.member_id, command.cl_ord_id), order_id);
        let before = self.orders[&order_id].clone();
        let order = self.order(order_id);
        order.terms.cl_ord_id = command.cl_ord_id;
        order.terms.price = command.price;
        order.terms.order_qty = command.order_qty;
        order.terms.time_in_force = command.time_in_force;
        order.terms.self_match_id = command.self_match_id;

        let keeps =
            command.price == before.terms.price && command.order_qty < before.terms.order_qty;
        let opposite = if command.side == Side::Buy { Side::Sell } else { Side::Buy };
        let touch = self.queue(command.instrument_id, opposite).first().copied();
        let executes = self.phase(command.instrument_id) == Some(TradingPhase::Continuous)
            && touch.is_some_and(|touch| {
                self.orders[&order_id].accepts(self.orders[&touch].terms.price)
            });
        let mut flags = EventFlags::RESTING;
        let mut priority = 0;
        if keeps {
            flags = flags.with(EventFlags::KEEPS_PRIORITY);
            priority = before.priority;
        } else if !executes {
            self.join(order_id);
            flags = flags.with(EventFlags::MOVED);
            priority = self.last_priority;
        }
        let event = self.tell(EventKind::Replaced, order_id);
        event.orig_cl_ord_id = command.orig_cl_ord_id;
        event.last_qty = before.leaves_qty();
        event.priority = priority;
        event.flags = flags;
        if keeps || !executes {
            return;
        }
        self.resting.remove(&order_id);
        self.order(order_id).state = State::Arriving;
        self.take(command, order_id);
        if self.orders[&order_id].leaves_qty() > 0 {
            self.join(order_id);
            self.tell(EventKind::Added, order_id).priority = self.last_priority;
        }
    }

    fn status(&mut self, command: &Command) {
        let key = (command.member_id, command.cl_ord_id);
        let order = self.names.get(&key).map(|id| self.orders[id].clone());
        match order.filter(|order| order.terms.cl_ord_id == command.cl_ord_id) {
            Some(order) => {
                let event = self.tell(EventKind::Status, order.order_id);
                event.session_id = command.session_id;
                if order.state == State::Resting {
                    event.priority = order.priority;
                }
            }
            None => {
                let mut event = asked(EventKind::Status, command);
                event.reason = Reason::UnknownOrder;
                self.events.push(event);
            }
        }
    }

    fn change_phase(&mut self, command: &Command) {
        let reason = match self.books.get(&command.instrument_id) {
            None => Reason::UnknownSymbol,
            Some(_) if command.session_id != 0 => Reason::UnsupportedCharacteristic,
            Some(book) if command.phase == book.phase => Reason::PhaseNotAdmitted,
            Some(_) if command.phase == TradingPhase::None => Reason::PhaseNotAdmitted,
            Some(_) => Reason::None,
        };
        if reason != Reason::None {
            return self.rejected(command, reason);
        }
        if let Some(book) = self.books.get_mut(&command.instrument_id) {
            book.phase = command.phase;
        }
        let mut event = Event::of(EventKind::PhaseChanged);
        event.instrument_id = command.instrument_id;
        event.phase = command.phase;
        self.events.push(event);
        if command.phase == TradingPhase::Continuous {
            self.uncross(command.instrument_id);
        }
    }

    fn order(&mut self, order_id: u64) -> &mut Order {
        self.orders.get_mut(&order_id).expect("the order is known")
    }
}

/// True if an order says nothing that the matcher does not do.
fn plain(command: &Command) -> bool {
    let mut plain = Command::of(command.kind);
    plain.ord_type = command.ord_type;
    let given = Command {
        ord_type: command.ord_type,
        stop_px: command.stop_px,
        display_qty: command.display_qty,
        min_qty: command.min_qty,
        expire_time: command.expire_time,
        exec_inst: command.exec_inst,
        ..Command::of(command.kind)
    };
    given == plain
        && [OrdType::None, OrdType::Market, OrdType::Limit].contains(&command.ord_type)
        && command.time_in_force != TimeInForce::GoodTillDate
}
