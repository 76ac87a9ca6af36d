//! What a command costs as the books grow: with so many open orders, over so many instruments.
//!
//! The flow knows beforehand what will be open, so no book of its own stands beside the matcher and
//! takes its memory: orders rest on either side of a price at which nobody does, and what trades is
//! an order at that price and, next, one that takes it whole. Of a hundred commands about 45 are
//! new orders that rest, 40 cancels and 5 replaces of any open order, and 10 are such pairs.
//! Commands are made in blocks, which is not in their time.

use serde_json::{Value, json};
use touchline_matcher::{Capacity, InstrumentLimits, OwnedMatcher, StorageNeeds};
use touchline_types::{
    ClOrdId, Command, CommandKind, Event, EventKind, OrdType, Side, TimeInForce, TradingPhase,
    write_base32,
};

use crate::matching::Spent;

const MEMBERS: u64 = 1_000;
/// Where nobody rests.
const MIDDLE: i64 = 10_000;
const BLOCK: usize = 1_024;

/// How large the books are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Orders that are open, over all instruments.
    pub(crate) live: u32,
    pub(crate) instruments: u32,
    /// Prices on each side of each book.
    pub(crate) levels: u32,
}

/// An order that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// What its latest ClOrdID is made of; its member follows from the first.
    name: u32,
    first: u32,
    instrument_id: u32,
    /// Ticks from the middle: bids below 0.
    away: i16,
}

struct Flow {
    size: Size,
    state: u64,
    seq: u64,
    open: Vec<Open>,
    /// An order at the middle that the next command takes.
    bettered: Option<Command>,
}

impl Flow {
    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % bound
    }

    fn next(&mut self) -> Command {
        if let Some(resting) = self.bettered.take() {
            return self.take(&resting);
        }
        let (open, live) = (self.open.len() as u64, u64::from(self.size.live));
        let what = self.below(100);
        if what < 5 && open > 0 {
            return self.replace();
        }
        if what < 10 {
            let command = self.order(0);
            self.bettered = Some(command);
            return command;
        }
        // Mostly what brings the books back to their size.
        if open == 0 || self.below(2 * live) >= open { self.rest() } else { self.cancel() }
    }

    fn rest(&mut self) -> Command {
        let away = self.away();
        let command = self.order(away);
        let name = command.seq as u32;
        let instrument_id = command.instrument_id;
        self.open.push(Open { name, first: name, instrument_id, away });
        command
    }

    /// A new order, so far from the middle; at it, of either side.
    fn order(&mut self, away: i16) -> Command {
        let mut command = self.command(CommandKind::NewOrder);
        own(&mut command, self.seq);
        command.cl_ord_id = name(self.seq);
        command.instrument_id = 1 + self.below(self.size.instruments.into()) as u32;
        let buys = if away == 0 { self.below(2) == 0 } else { away < 0 };
        command.side = if buys { Side::Buy } else { Side::Sell };
        (command.ord_type, command.time_in_force) = (OrdType::Limit, TimeInForce::GoodTillCancel);
        (command.price, command.order_qty) = (MIDDLE + i64::from(away), 1 + self.below(100));
        command
    }

    fn take(&mut self, resting: &Command) -> Command {
        let mut command = Command { side: resting.side.opposite(), ..*resting };
        self.seq += 1;
        (command.seq, command.timestamp, command.cl_ord_id) = (self.seq, self.seq, name(self.seq));
        command.time_in_force = TimeInForce::ImmediateOrCancel;
        own(&mut command, self.seq);
        command
    }

    fn cancel(&mut self) -> Command {
        let at = self.below(self.open.len() as u64) as usize;
        let open = self.open.swap_remove(at);
        self.again(CommandKind::CancelOrder, &open)
    }

    fn replace(&mut self) -> Command {
        let at = self.below(self.open.len() as u64) as usize;
        let open = self.open[at];
        let mut command = self.again(CommandKind::ReplaceOrder, &open);
        // Another price of the same side.
        let away = self.away().abs() * open.away.signum();
        (command.price, command.order_qty) = (MIDDLE + i64::from(away), 1 + self.below(100));
        (command.ord_type, command.time_in_force) = (OrdType::Limit, TimeInForce::GoodTillCancel);
        self.open[at] = Open { name: command.seq as u32, away, ..open };
        command
    }

    /// A command that names an open order.
    fn again(&mut self, kind: CommandKind, open: &Open) -> Command {
        let mut command = self.command(kind);
        own(&mut command, open.first.into());
        (command.cl_ord_id, command.orig_cl_ord_id) = (name(self.seq), name(open.name.into()));
        command.instrument_id = open.instrument_id;
        command.side = if open.away < 0 { Side::Buy } else { Side::Sell };
        command
    }

    fn command(&mut self, kind: CommandKind) -> Command {
        self.seq += 1;
        Command { seq: self.seq, timestamp: self.seq, ..Command::of(kind) }
    }

    fn away(&mut self) -> i16 {
        let ticks = 1 + self.below(self.size.levels.into()) as i16;
        if self.below(2) == 0 { ticks } else { -ticks }
    }
}

/// What a command costs with books of a size; `commands` are timed.
pub(crate) fn measure(size: Size, commands: u32) -> Result<Value, String> {
    if size.live == 0 || size.instruments == 0 || size.levels == 0 || size.levels > 5_000 {
        return Err(format!("{size:?}: nothing may be 0, levels at most 5000"));
    }
    let capacity = capacity(size, commands)?;
    let mut matcher = matcher(size, &capacity)?;
    let mut flow = Flow {
        size,
        state: 88_172_645_463_325_252,
        seq: 0,
        open: Vec::with_capacity(capacity.orders as usize),
        bettered: None,
    };
    let (mut refused, mut events, mut fills) = (0_u64, 0_u64, 0_u64);
    let mut see = |event: &Event| {
        events += 1;
        fills += u64::from(event.kind == EventKind::Executed);
        refused += u64::from(matches!(event.kind, EventKind::Rejected | EventKind::CancelRejected));
    };
    for _ in 0..size.live {
        matcher.apply(&flow.rest(), &mut see);
    }
    let mut spent = Spent::default();
    let mut block = Vec::with_capacity(BLOCK);
    let mut timed = 0;
    while timed < commands as usize {
        block.clear();
        block.extend((0..BLOCK).map(|_| flow.next()));
        spent.on(block.len(), || matcher.apply_all(&block, &mut see));
        timed += block.len();
    }
    let open = flow.open.len() + usize::from(flow.bettered.is_some());
    if refused != 0 || matcher.open_orders() as usize != open {
        let found = matcher.open_orders();
        return Err(format!(
            "{refused} commands were refused; {found} orders are open, not {open}"
        ));
    }
    Ok(json!({
        "live": size.live,
        "instruments": size.instruments,
        "levels": size.levels,
        "commands": timed,
        "events": events,
        "fills": fills / 2,
        "each": spent.json(timed),
        "bytes": StorageNeeds::of(&capacity).bytes(),
        "bytes_per_live_order": per_live_order(&capacity),
        "bytes_at_rest": at_rest(size),
        "state_hash": format!("{:016x}", matcher.state_hash()),
    }))
}

/// Bytes of the storage for one more open order, its ClOrdID and its share of the index.
fn per_live_order(capacity: &Capacity) -> f64 {
    let (few, many) = (1 << 20, 1 << 21);
    let bytes = |orders| {
        StorageNeeds::of(&Capacity { orders, cl_ord_ids: orders, ..*capacity }).bytes() as f64
    };
    (bytes(many) - bytes(few)) / f64::from(many - few)
}

/// Bytes for the instruments alone, before there is room for any order.
fn at_rest(size: Size) -> usize {
    let Size { instruments, levels, .. } = size;
    let none = Capacity {
        instruments,
        orders: 0,
        levels,
        cl_ord_ids: 0,
        limited_sessions: 0,
        accounts: 0,
    };
    StorageNeeds::of(&none).bytes()
}

fn capacity(size: Size, commands: u32) -> Result<Capacity, String> {
    // The number of open orders wanders by some of its square root.
    let room = u64::from(size.live) + u64::from(size.live) / 4 + 10_000;
    let named = u64::from(size.live) + u64::from(commands) + 2 * BLOCK as u64;
    let number = |value: u64| u32::try_from(value).map_err(|_| format!("{value} are too many"));
    Ok(Capacity {
        instruments: size.instruments,
        orders: number(room)?,
        levels: size.levels + 1,
        cl_ord_ids: number(named)?,
        limited_sessions: 4,
        accounts: 4,
    })
}

fn matcher(size: Size, capacity: &Capacity) -> Result<OwnedMatcher, String> {
    let limits: Vec<_> = (1..=size.instruments)
        .map(|instrument_id| InstrumentLimits {
            instrument_id,
            min_price: 1,
            max_price: 2 * MIDDLE,
            max_order_qty: 1_000,
            initial_phase: TradingPhase::Continuous,
            ..InstrumentLimits::default()
        })
        .collect();
    OwnedMatcher::allocate(&limits, capacity).map_err(|error| error.to_string())
}

/// Says who sends a command, by a number.
fn own(command: &mut Command, number: u64) {
    let member = 1 + (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % MEMBERS;
    (command.member_id, command.session_id) = (member as u32, member as u32);
}

/// A ClOrdID of ten characters.
fn name(number: u64) -> ClOrdId {
    let mut id = [0; 20];
    id[0] = b'G';
    write_base32(number, &mut id[..10], 1);
    id
}
