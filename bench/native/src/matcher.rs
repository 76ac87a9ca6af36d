//! How long a command takes in the matcher, called as a library, without rings and journal.
//!
//! A random mix on one instrument: 45 % new orders near the touch (one in eight can execute), 40 %
//! cancels, 15 % replaces. The commands are made beforehand, in blocks, by a matcher that runs
//! ahead; only the second run of a block is timed. Every other block is timed as a whole, for the
//! mean; the rest command by command, for the distribution, which a look at the clock is part of.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use touchline_matcher::{Capacity, InstrumentLimits, OwnedMatcher};
use touchline_types::{Command, CommandKind, Event, EventKind, OrdType, Side, TradingPhase};

use crate::distribution::Distribution;

const BLOCK: u64 = 50_000;
const MIDDLE: i64 = 50_000;

/// What rests, as the events tell it.
#[derive(Clone, Copy)]
struct Open {
    order_id: u64,
    cl_ord_id: [u8; 20],
    side: Side,
    price: i64,
    order_qty: u64,
}

struct Flow {
    state: u64,
    seq: u64,
    open: Vec<Open>,
    /// Place of an order in `open`, by order_id.
    places: Vec<usize>,
}

impl Flow {
    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % bound
    }

    fn next(&mut self) -> Command {
        self.seq += 1;
        let mut command = Command::of(CommandKind::NewOrder);
        (command.seq, command.timestamp) = (self.seq, self.seq);
        (command.instrument_id, command.session_id, command.member_id) = (1, 1, 1);
        command.cl_ord_id[..8].copy_from_slice(&self.seq.to_be_bytes());
        command.ord_type = OrdType::Limit;
        let what = self.below(100);
        if what < 45 || self.open.len() < 2_000 {
            command.side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
            let away = if self.below(8) == 0 { -1 } else { 1 + self.depth() };
            command.price = MIDDLE + if command.side == Side::Buy { -away } else { away };
            command.order_qty = 1 + self.below(20);
            return command;
        }
        let at = self.below(self.open.len() as u64) as usize;
        let open = self.open[at];
        command.orig_cl_ord_id = open.cl_ord_id;
        command.side = open.side;
        command.kind = CommandKind::CancelOrder;
        if what >= 85 {
            command.kind = CommandKind::ReplaceOrder;
            let away = 1 + self.depth();
            command.price = MIDDLE + if open.side == Side::Buy { -away } else { away };
            command.order_qty = open.order_qty + 1;
            if what >= 92 {
                command.price = open.price;
            }
        }
        command
    }

    /// Ticks from the touch: mostly few.
    fn depth(&mut self) -> i64 {
        let far = self.below(200);
        (self.below(far + 1) * self.below(far + 1) / 200) as i64
    }

    fn see(&mut self, event: &Event) {
        match event.kind {
            EventKind::Added | EventKind::Replaced => {
                self.forget(event.order_id);
                let at = event.order_id as usize;
                self.places.resize(self.places.len().max(at + 1), usize::MAX);
                self.places[at] = self.open.len();
                self.open.push(Open {
                    order_id: event.order_id,
                    cl_ord_id: event.cl_ord_id,
                    side: event.side,
                    price: event.price,
                    order_qty: event.order_qty,
                });
            }
            EventKind::Executed | EventKind::Canceled if event.leaves_qty == 0 => {
                self.forget(event.order_id);
            }
            _ => {}
        }
    }

    fn forget(&mut self, order_id: u64) {
        let Some(place) = self.places.get_mut(order_id as usize) else { return };
        let at = std::mem::replace(place, usize::MAX);
        if at == usize::MAX {
            return;
        }
        self.open.swap_remove(at);
        if let Some(moved) = self.open.get(at) {
            self.places[moved.order_id as usize] = at;
        }
    }
}

/// The distribution of `commands` commands, and of nothing between two looks at the clock.
pub(crate) fn measure(commands: u64) -> Result<Value, String> {
    let mut ahead = matcher(commands)?;
    let mut matcher = matcher(commands)?;
    let mut flow =
        Flow { state: 88_172_645_463_325_252, seq: 0, open: Vec::new(), places: Vec::new() };
    let (mut told, mut floor) = (Distribution::new(), Distribution::new());
    let (mut events, mut executions, mut whole, mut in_whole) = (0, 0, Duration::ZERO, 0);
    for block in 0..commands.div_ceil(BLOCK) {
        let made: Vec<Command> = (0..BLOCK)
            .map(|_| {
                let command = flow.next();
                ahead.apply(&command, &mut |event: &Event| flow.see(event));
                command
            })
            .collect();
        let mut see = |event: &Event| {
            events += 1;
            executions += u64::from(event.kind == EventKind::Executed);
            black_box(event);
        };
        if block % 2 == 0 {
            let begin = Instant::now();
            for command in &made {
                matcher.apply(black_box(command), &mut see);
            }
            whole += begin.elapsed();
            in_whole += BLOCK;
            continue;
        }
        for command in &made {
            let begin = Instant::now();
            matcher.apply(black_box(command), &mut see);
            told.record(begin.elapsed());
            let begin = Instant::now();
            floor.record(black_box(begin).elapsed());
        }
    }
    if ahead.state_hash() != matcher.state_hash() {
        return Err("two matchers disagree about the same commands".into());
    }
    Ok(json!({
        "commands": flow.seq,
        "events": events,
        "fills": executions / 2,
        "open_orders": matcher.open_orders(),
        "mean_ns": whole.as_nanos() as f64 / in_whole.max(1) as f64,
        "command": told.json(),
        "floor": floor.json(),
    }))
}

fn matcher(commands: u64) -> Result<OwnedMatcher, String> {
    let limits = [InstrumentLimits {
        instrument_id: 1,
        min_price: 1,
        max_price: 100_000,
        max_order_qty: 1_000_000,
        initial_phase: TradingPhase::Continuous,
        ..InstrumentLimits::default()
    }];
    let capacity = Capacity {
        instruments: 1,
        orders: 1 << 20,
        levels: 4_096,
        cl_ord_ids: u32::try_from(commands + BLOCK).map_err(|error| error.to_string())?,
        limited_sessions: 64,
        accounts: 64,
    };
    OwnedMatcher::allocate(&limits, &capacity).map_err(|error| format!("{error:?}"))
}
