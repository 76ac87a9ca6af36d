//! Someone who sees the events only, and knows what must hold of them:
//!
//! * quantity is conserved: order_qty is what executed, was cancelled, and rests;
//! * both sides of a fill agree, and the resting one was first in its queue by price and priority;
//! * nobody executes at a worse price than the limit, and a fill is at the resting price;
//! * cash and lots of accounts are what deposits and fills make of them, and none goes below 0;
//! * no book is crossed after a command in the continuous phase;
//! * the last event of a command, and only that one, says so.

mod ledger;

use std::collections::BTreeMap;

use ledger::Ledger;
use touchline_matcher::{InstrumentLimits, OwnedMatcher};
use touchline_types::{Event, EventFlags, EventKind, ExecInst, OrdType, Side, TradingPhase};

#[derive(Clone, Copy)]
struct Seen {
    price: i64,
    leaves_qty: u64,
    cum_qty: u64,
    /// Of an iceberg in a book: what is left of the part that it shows.
    shown_qty: u64,
    is_market: bool,
    gone: bool,
}

/// Place in a book: rises from the best price, what is displayed, and the earliest priority.
type Place = (i128, bool, u64);

pub(crate) struct Observer {
    orders: BTreeMap<u64, Seen>,
    /// By instrument and side: the orders that rest.
    books: BTreeMap<(u32, Side), BTreeMap<Place, u64>>,
    phases: BTreeMap<u32, TradingPhase>,
    first_side: Option<Event>,
    index: u32,
    executions: u64,
    ledger: Ledger,
}

fn place(event: &Event) -> Place {
    let price = i128::from(event.price);
    let hidden = event.exec_inst.contains(ExecInst::HIDDEN);
    (if event.side == Side::Buy { -price } else { price }, hidden, event.priority)
}

fn hold(fact: bool, what: &'static str) -> Result<(), &'static str> {
    if fact { Ok(()) } else { Err(what) }
}

impl Observer {
    pub(crate) fn new(limits: &[InstrumentLimits]) -> Self {
        Self {
            orders: BTreeMap::new(),
            books: BTreeMap::new(),
            phases: limits.iter().map(|each| (each.instrument_id, each.initial_phase)).collect(),
            first_side: None,
            index: 0,
            executions: 0,
            ledger: Ledger::default(),
        }
    }

    /// Checks what the matcher says of accounts.
    pub(crate) fn accounts(&self, matcher: &OwnedMatcher) -> Result<(), &'static str> {
        self.ledger.agrees(matcher)
    }

    pub(crate) fn executions(&self) -> u64 {
        self.executions
    }

    pub(crate) fn event(&mut self, event: &Event) -> Result<(), &'static str> {
        hold(event.index == self.index, "events of a command are numbered from 0")?;
        match event.kind {
            EventKind::Accepted => self.accepted(event)?,
            EventKind::Added => self.added(event)?,
            EventKind::Executed => self.executed(event)?,
            EventKind::Canceled | EventKind::Expired => self.canceled(event)?,
            EventKind::Triggered => self.triggered(event)?,
            EventKind::Replenished => self.replenished(event)?,
            EventKind::Replaced => self.replaced(event)?,
            EventKind::PhaseChanged => {
                self.phases.insert(event.instrument_id, event.phase);
            }
            EventKind::Uncrossed => hold(event.last_qty > 0, "an uncross executes something")?,
            EventKind::Rejected
            | EventKind::CancelRejected
            | EventKind::Status
            | EventKind::MassCanceled
            | EventKind::EntryBlocked
            | EventKind::EntryAdmitted
            | EventKind::LimitsSet => {}
            EventKind::Restated => self.restated(event)?,
            EventKind::AccountSet | EventKind::AccountClosed | EventKind::Deposited => {
                self.ledger.operator(event);
            }
            EventKind::SnapshotStart
            | EventKind::SnapshotInstrument
            | EventKind::SnapshotOrder
            | EventKind::SnapshotEnd => return Err("no matcher makes a snapshot"),
        }
        self.index += 1;
        if event.flags.contains(EventFlags::END_OF_EVENT) {
            self.index = 0;
            hold(self.first_side.is_none(), "a fill has two sides")?;
            self.uncrossed(event.instrument_id)?;
        }
        Ok(())
    }

    fn uncrossed(&self, instrument_id: u32) -> Result<(), &'static str> {
        if self.phases.get(&instrument_id) != Some(&TradingPhase::Continuous) {
            return Ok(());
        }
        let best = |side| {
            let book = self.books.get(&(instrument_id, side))?;
            book.keys().next().map(|place| place.0)
        };
        match (best(Side::Buy), best(Side::Sell)) {
            (Some(bid), Some(offer)) => hold(-bid < offer, "no book is crossed when continuous"),
            _ => Ok(()),
        }
    }

    fn accepted(&mut self, event: &Event) -> Result<(), &'static str> {
        hold(event.leaves_qty == event.order_qty, "a new order leaves everything")?;
        let seen = Seen {
            price: event.price,
            leaves_qty: event.leaves_qty,
            cum_qty: 0,
            shown_qty: 0,
            is_market: event.ord_type == OrdType::Market && event.price == 0,
            gone: false,
        };
        let fresh = self.orders.insert(event.order_id, seen).is_none();
        hold(fresh, "an order_id is used once")
    }

    fn added(&mut self, event: &Event) -> Result<(), &'static str> {
        let seen = self.open(event)?;
        if event.exec_inst.contains(ExecInst::HIDDEN) && event.display_qty > 0 {
            let book = self.books.entry((event.instrument_id, event.side)).or_default();
            return hold(book.contains_key(&place(event)), "who is revealed was hidden there");
        }
        hold(seen.leaves_qty == event.leaves_qty, "what is left rests")?;
        self.join(event)
    }

    fn executed(&mut self, event: &Event) -> Result<(), &'static str> {
        let seen = self.open(event)?;
        let within = match event.side {
            Side::Buy => event.last_px <= seen.price,
            _ => event.last_px >= seen.price,
        };
        hold(within || seen.is_market, "nobody executes beyond the limit")?;
        hold(event.last_qty > 0, "a fill has a quantity")?;
        hold(seen.leaves_qty == event.leaves_qty + event.last_qty, "a fill takes its quantity")?;
        hold(seen.cum_qty + event.last_qty == event.cum_qty, "a fill adds to cum_qty")?;
        hold(event.leaves_qty + event.cum_qty == event.order_qty, "leaves + cum = order")?;
        if event.flags.contains(EventFlags::RESTING) {
            let uncross = event.flags.contains(EventFlags::UNCROSS);
            hold(uncross || event.last_px == event.price, "a fill is at the resting price")?;
            let book = self.books.entry((event.instrument_id, event.side)).or_default();
            let front = book.iter().next().map(|(place, id)| (*place, *id));
            hold(front == Some((place(event), event.order_id)), "the first in the queue executes")?;
            let of_part = seen.shown_qty == event.last_qty;
            if event.leaves_qty == 0 || event.display_qty > 0 && of_part {
                book.remove(&place(event));
            }
        }
        let seen = self.orders.get_mut(&event.order_id).ok_or("the order is known")?;
        seen.leaves_qty = event.leaves_qty;
        seen.cum_qty = event.cum_qty;
        seen.shown_qty = seen.shown_qty.saturating_sub(event.last_qty);
        seen.gone = event.leaves_qty == 0;
        self.executions += 1;
        self.ledger.executed(event)?;
        let printable = event.flags.contains(EventFlags::PRINTABLE);
        let Some(first) = self.first_side.take() else {
            self.first_side = Some(*event);
            return hold(printable, "the first side of a fill is printable");
        };
        hold(!printable, "one side of a fill is printable")?;
        let same = first.trd_match_id == event.trd_match_id
            && first.last_px == event.last_px
            && first.last_qty == event.last_qty
            && first.side == event.side.opposite();
        hold(same, "both sides of a fill agree")
    }

    /// A stop has a limit from here on, or the market's.
    fn triggered(&mut self, event: &Event) -> Result<(), &'static str> {
        self.open(event)?;
        let known = self.books.get(&(event.instrument_id, event.side));
        let rests = known.is_some_and(|book| book.values().any(|id| *id == event.order_id));
        hold(!rests, "a stop that waits is in no book")?;
        let continuous = self.phases.get(&event.instrument_id) == Some(&TradingPhase::Continuous);
        hold(continuous, "stops trigger in the continuous phase alone")?;
        let seen = self.orders.get_mut(&event.order_id).ok_or("the order is known")?;
        seen.price = event.price;
        seen.is_market = event.ord_type == OrdType::Market && event.price == 0;
        Ok(())
    }

    fn replenished(&mut self, event: &Event) -> Result<(), &'static str> {
        let seen = self.open(event)?;
        hold(seen.shown_qty == 0, "an iceberg shows its next part when the last is gone")?;
        hold(seen.leaves_qty == event.leaves_qty && event.leaves_qty > 0, "more is left")?;
        self.join(event)
    }

    fn canceled(&mut self, event: &Event) -> Result<(), &'static str> {
        let seen = self.open(event)?;
        hold(seen.leaves_qty == event.last_qty, "a cancel takes all that is left")?;
        hold(event.leaves_qty == 0, "a cancel leaves nothing")?;
        hold(event.cum_qty + event.last_qty == event.order_qty, "cum + cancelled = order")?;
        if event.flags.contains(EventFlags::RESTING) {
            self.leave(event)?;
        }
        let seen = self.orders.get_mut(&event.order_id).ok_or("the order is known")?;
        seen.gone = true;
        Ok(())
    }

    fn replaced(&mut self, event: &Event) -> Result<(), &'static str> {
        let seen = self.open(event)?;
        hold(seen.leaves_qty == event.last_qty, "a replace tells what was left before")?;
        hold(event.leaves_qty + event.cum_qty == event.order_qty, "leaves + cum = order")?;
        if event.flags.contains(EventFlags::KEEPS_PRIORITY) {
            hold(event.leaves_qty < seen.leaves_qty, "only less quantity keeps priority")?;
            hold(event.price == seen.price, "only the same price keeps priority")?;
            let book = self.books.entry((event.instrument_id, event.side)).or_default();
            hold(book.contains_key(&place(event)), "priority is kept")?;
        } else if event.flags.contains(EventFlags::RESTING) {
            self.leave(event)?;
            if event.flags.contains(EventFlags::MOVED) {
                self.join(event)?;
            }
        }
        let seen = self.orders.get_mut(&event.order_id).ok_or("the order is known")?;
        seen.price = event.price;
        seen.leaves_qty = event.leaves_qty;
        Ok(())
    }

    fn restated(&mut self, event: &Event) -> Result<(), &'static str> {
        let seen = self.open(event)?;
        hold(event.last_qty > 0, "a decrement takes something")?;
        hold(event.leaves_qty > 0, "who is decremented to nothing is cancelled")?;
        hold(seen.leaves_qty == event.leaves_qty + event.last_qty, "it takes its quantity")?;
        hold(seen.cum_qty == event.cum_qty, "it executes nothing")?;
        hold(event.leaves_qty + event.cum_qty == event.order_qty, "leaves + cum = order")?;
        if event.flags.contains(EventFlags::RESTING) {
            let book = self.books.entry((event.instrument_id, event.side)).or_default();
            hold(book.contains_key(&place(event)), "priority is kept")?;
            if event.display_qty > 0 && seen.shown_qty == event.last_qty {
                book.remove(&place(event));
            }
        }
        let seen = self.orders.get_mut(&event.order_id).ok_or("the order is known")?;
        seen.leaves_qty = event.leaves_qty;
        seen.shown_qty = seen.shown_qty.saturating_sub(event.last_qty);
        Ok(())
    }

    fn open(&self, event: &Event) -> Result<Seen, &'static str> {
        let seen = self.orders.get(&event.order_id).ok_or("the order is known")?;
        hold(!seen.gone, "nothing happens to an order that is gone")?;
        Ok(*seen)
    }

    fn join(&mut self, event: &Event) -> Result<(), &'static str> {
        let book = self.books.entry((event.instrument_id, event.side)).or_default();
        let last = book.values().count();
        let latest = book.keys().map(|place| place.2).max();
        hold(last == 0 || latest < Some(event.priority), "who joins is last in time")?;
        book.insert(place(event), event.order_id);
        let seen = self.orders.get_mut(&event.order_id).ok_or("the order is known")?;
        seen.shown_qty = event.display_qty.min(event.leaves_qty);
        Ok(())
    }

    fn leave(&mut self, event: &Event) -> Result<(), &'static str> {
        let book = self.books.entry((event.instrument_id, event.side)).or_default();
        let before = book.len();
        book.retain(|_, id| *id != event.order_id);
        hold(book.len() + 1 == before, "who leaves was there")
    }
}
