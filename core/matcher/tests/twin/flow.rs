//! Random commands. A seed gives a day: instruments, capacity, and as many commands as wanted.

#[path = "flow/accounts.rs"]
mod accounts;
#[path = "flow/prices.rs"]
mod prices;

use std::collections::BTreeMap;

use touchline_matcher::{Capacity, InstrumentLimits};
use touchline_types::{
    ClOrdId, Command, CommandKind, Event, EventKind, ExecInst, OrdType, Scope,
    SelfMatchInstruction, SelfMatchScope, Side, TimeInForce, TradingPhase,
};

/// SplitMix64 (Steele, Lea, Flood 2014): a few lines, and good enough here.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `bound` times.
    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What a day is made of.
#[derive(Clone)]
pub(crate) struct Day {
    pub(crate) limits: Vec<InstrumentLimits>,
    pub(crate) capacity: Capacity,
    members: u32,
    /// Prices in use: so many above the lowest one.
    spread: u64,
    /// Largest quantity of most orders.
    qty: u64,
    /// Nothing is out of the ordinary, nearly: most orders go the way of plain ones.
    calm: bool,
}

/// An order that was sent, as its sender remembers it.
#[derive(Clone, Copy)]
struct Sent {
    member_id: u32,
    cl_ord_id: ClOrdId,
    instrument_id: u32,
    side: Side,
    price: i64,
    order_qty: u64,
    ord_type: OrdType,
    stop_px: i64,
    display_qty: u64,
}

/// The commands of a day.
pub(crate) struct Flow {
    random: Random,
    day: Day,
    sent: Vec<Sent>,
    /// What rests, by order_id, as the events told.
    open: Vec<(u64, Sent)>,
    phases: Vec<TradingPhase>,
    /// The newest block that has not been taken back.
    blocked: Option<(Scope, u32)>,
    /// Fees of a resting order and of an aggressor, by member that has an account.
    fees: BTreeMap<u32, (i64, i64)>,
    /// What those have: cash, with number 0, and lots of instruments.
    wealth: BTreeMap<(u32, u32), i128>,
    /// Commands that come next, the last one first.
    planned: Vec<Command>,
    seq: u64,
    timestamp: u64,
    next_name: u64,
    /// Where the market is, above the lowest price.
    middle: u64,
}

const PHASES: [TradingPhase; 4] =
    [TradingPhase::Call, TradingPhase::Continuous, TradingPhase::Halt, TradingPhase::Closed];

impl Day {
    fn new(random: &mut Random) -> Self {
        let calm = random.one_in(3);
        let known: [&[u32]; 5] = [&[1], &[1, 2], &[1, 2, 3], &[2, 7], &[9, 4, 1]];
        let ids = random.pick(if calm { &known[..3] } else { &known });
        let (min_price, spread) = random.pick(&[
            (1, 3),
            (1, 12),
            (1, 12),
            (1, 40),
            (-10, 20),
            (-7, 2),
            (1, 900),
            (0, 1 << 40),
        ]);
        let max_price = min_price + spread as i64;
        let qty = random.pick(&[1, 10, 10, 100, 1_000]);
        let limits = ids.iter().map(|id| InstrumentLimits {
            instrument_id: *id,
            min_price,
            max_price,
            max_order_qty: random.pick(&[qty, qty * 3, u64::MAX]),
            initial_phase: if calm { TradingPhase::Continuous } else { random.pick(&PHASES) },
            tick_size: random.pick(&[1, 1, 1, 1, 2, 3]),
            lot_size: random.pick(&[1, 1, 1, 1, 2]),
            protection: random.pick(&[0, 0, 0, 1, 4]),
            price_band: if calm { 0 } else { random.pick(&[0, 0, 0, 0, 10, 100]) },
        });
        let limits: Vec<_> = limits.collect();
        let cl_ord_ids = if random.one_in(16) { [0, 300] } else { [9_000, 25_000] };
        let capacity = Capacity {
            instruments: ids.len() as u32,
            orders: random.pick(&[3, 20, 60, 250, 250, 250, 250, 250]),
            levels: random.pick(&[1, 4, 15, 60, 150, 150, 150, 150]),
            cl_ord_ids: random.pick(&cl_ord_ids),
            limited_sessions: random.pick(&[0, 1, 2, 16, 16, 16]),
            accounts: random.pick(&[0, 1, 2, 8, 8, 8]),
        };
        let members = random.pick(&[1, 3, 8]);
        Self { limits, capacity, members, spread, qty, calm }
    }
}

impl Flow {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let day = Day::new(&mut random);
        let phases = day.limits.iter().map(|each| each.initial_phase).collect();
        Self {
            random,
            day,
            sent: Vec::new(),
            open: Vec::new(),
            phases,
            blocked: None,
            fees: BTreeMap::new(),
            wealth: BTreeMap::new(),
            planned: Vec::new(),
            seq: 0,
            timestamp: 0,
            next_name: 0,
            middle: 400,
        }
    }

    pub(crate) fn day(&self) -> &Day {
        &self.day
    }

    pub(crate) fn next(&mut self) -> Command {
        let closed = self
            .phases
            .iter()
            .any(|phase| matches!(phase, TradingPhase::Halt | TradingPhase::Closed));
        let mut command = if let Some(planned) = self.planned.pop() {
            planned
        } else if self.random.one_in(if closed { 20 } else { self.seldom(150) }) {
            self.change_phase()
        } else if let Some(command) = self.of_scope() {
            command
        } else if self.random.one_in(120) {
            self.set_limits()
        } else if self.random.one_in(60) {
            self.of_account()
        } else if self.random.one_in(100) {
            let mut command = Command::of(CommandKind::ExpireOrders);
            command.session_id = u32::from(self.random.one_in(20));
            command
        } else {
            match self.random.below(100) {
                0..50 => self.new_order(),
                50..75 => self.cancel(),
                75..96 => self.replace(),
                _ => self.status(),
            }
        };
        self.seq += 1;
        self.timestamp += 1 + self.random.below(3);
        if self.random.one_in(100) {
            // A rest, in which buckets fill up.
            self.timestamp += self.random.pick(&[100, 100_000, 1_000_000_000, 1 << 40]);
        }
        command.seq = self.seq;
        command.timestamp = self.timestamp;
        command.token = self.random.next();
        if !self.random.one_in(20) {
            self.put_on_steps(&mut command);
        }
        command
    }

    /// One in so many, but on a calm day.
    fn seldom(&self, one_in: u64) -> u64 {
        if self.day.calm { one_in * 20 } else { one_in }
    }

    /// Most prices are on tick, and most quantities whole lots.
    fn put_on_steps(&self, command: &mut Command) {
        let known = self.day.limits.iter().find(|l| l.instrument_id == command.instrument_id);
        let orders = [CommandKind::NewOrder, CommandKind::ReplaceOrder].contains(&command.kind);
        let Some(limits) = known.filter(|_| orders) else { return };
        for price in [&mut command.price, &mut command.stop_px] {
            *price -= price.checked_rem(limits.tick_size).unwrap_or(0);
        }
        for qty in [&mut command.order_qty, &mut command.display_qty] {
            *qty = qty.checked_next_multiple_of(limits.lot_size).unwrap_or(*qty);
        }
    }

    /// Learns what rests, so that cancels and replaces find something.
    pub(crate) fn see(&mut self, event: &Event) {
        self.see_wealth(event);
        match event.kind {
            EventKind::Accepted if event.ord_type == OrdType::Market => {}
            EventKind::Added if event.exec_inst.contains(ExecInst::HIDDEN) => {}
            EventKind::Accepted | EventKind::Added | EventKind::Replaced | EventKind::Triggered => {
                self.open.retain(|(order_id, _)| *order_id != event.order_id);
                let sent = Sent {
                    member_id: event.member_id,
                    cl_ord_id: event.cl_ord_id,
                    instrument_id: event.instrument_id,
                    side: event.side,
                    price: event.price,
                    order_qty: event.order_qty,
                    ord_type: event.ord_type,
                    stop_px: event.stop_px,
                    display_qty: event.display_qty,
                };
                self.open.push((event.order_id, sent));
            }
            EventKind::Executed | EventKind::Canceled | EventKind::Expired
                if event.leaves_qty == 0 =>
            {
                self.open.retain(|(order_id, _)| *order_id != event.order_id);
            }
            _ => {}
        }
    }

    /// Now and then a mass cancel, a block, or, soon after one, its end.
    fn of_scope(&mut self) -> Option<Command> {
        let kind = if self.blocked.is_some() && self.random.one_in(15) {
            CommandKind::AdmitEntry
        } else if self.blocked.is_none() && self.random.one_in(self.seldom(600)) {
            CommandKind::BlockEntry
        } else if self.random.one_in(300) {
            CommandKind::MassCancel
        } else {
            return None;
        };
        let mut command = Command::of(kind);
        let id = 1 + self.random.below(u64::from(self.day.members)) as u32;
        (command.scope, command.scope_id) = match self.random.below(8) {
            0..4 => (Scope::Session, 2 * id - self.random.below(2) as u32),
            4..6 => (Scope::Member, id),
            6 => (Scope::Firm, 1 + id % 3),
            _ => (Scope::Venue, 0),
        };
        match self.random.below(60) {
            0 => command.scope = Scope::None,
            1 => command.scope_id = self.random.pick(&[7, 4_095, 4_096, u32::MAX]),
            6 => command.scope = Scope::Firm,
            2 => (command.session_id, command.member_id) = (2, 1),
            3..6 => {
                (command.scope, command.scope_id) = (Scope::Session, 1);
                (command.session_id, command.member_id) = (1, 1);
            }
            _ => {}
        }
        if kind == CommandKind::MassCancel {
            if self.random.one_in(3) {
                command.instrument_id = self.instrument_id();
            }
            command.side = self.random.pick(&[Side::Undisclosed, Side::Buy, Side::Sell]);
            command.cl_ord_id[0] = b'M';
        }
        match kind {
            CommandKind::BlockEntry => self.blocked = Some((command.scope, command.scope_id)),
            CommandKind::AdmitEntry => {
                (command.scope, command.scope_id) = self.blocked.take()?;
                (command.session_id, command.member_id) = (0, 0);
            }
            _ => {}
        }
        Some(command)
    }

    /// Sets the limits of a session, changes them, or takes them away.
    fn set_limits(&mut self) -> Command {
        let mut command = Command::of(CommandKind::SetLimits);
        let sessions = 2 * u64::from(self.day.members);
        (command.scope, command.scope_id) =
            (Scope::Session, 1 + self.random.below(sessions) as u32);
        if self.random.one_in(4) {
            return command;
        }
        let qty = self.day.qty;
        command.order_qty = self.random.pick(&[0, 0, qty, qty / 2, qty * 3, u64::MAX]);
        let position = self.random.pick(&[0, 0, qty, qty * 3, qty * 10]) as i64;
        command.price = if self.random.one_in(40) { i64::MAX } else { position };
        // A command comes every two nanoseconds.
        (command.rate_per_s, command.rate_burst) = self.random.pick(&[
            (0, 0),
            (0, 0),
            (0, 0),
            (1, 20),
            (5_000_000, 3),
            (70_000_000, 1),
            (100_000_000, 10),
            (u32::MAX, u32::MAX),
        ]);
        match self.random.below(60) {
            0 => command.scope = self.random.pick(&[Scope::None, Scope::Member, Scope::Venue]),
            1 => command.scope_id = self.random.pick(&[0, 4_095, 4_096, u32::MAX]),
            2 => (command.session_id, command.member_id) = (2, 1),
            3 => command.price = -1,
            4 => command.rate_burst = 0,
            5 => command.rate_per_s = 0,
            _ => {}
        }
        command
    }

    fn asker(&mut self, kind: CommandKind, member_id: u32) -> Command {
        let mut command = Command::of(kind);
        command.member_id = member_id;
        command.session_id = member_id * 2 - self.random.below(2) as u32;
        command.firm_id = member_id % 4;
        command
    }

    fn new_order(&mut self) -> Command {
        let member_id = 1 + self.random.below(u64::from(self.day.members)) as u32;
        let mut command = self.asker(CommandKind::NewOrder, member_id);
        command.cl_ord_id = self.name();
        command.instrument_id = self.instrument_id();
        command.side = self.random.pick(&[Side::Buy, Side::Sell]);
        command.ord_type = if self.random.one_in(8) { OrdType::Market } else { OrdType::Limit };
        command.time_in_force = match self.random.below(20) {
            0..14 => TimeInForce::Day,
            14..16 => TimeInForce::GoodTillCancel,
            16..18 => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::FillOrKill,
        };
        command.price = self.price();
        command.order_qty = self.qty();
        self.add_options(&mut command);
        self.guard(&mut command);
        if self.random.one_in(500) {
            command.side = Side::Undisclosed;
        }
        if self.random.one_in(500) {
            command.ord_type = OrdType::None;
        }
        self.remember(&command);
        command
    }

    /// Half of the orders must not execute against some others.
    fn guard(&mut self, command: &mut Command) {
        if self.random.one_in(2) {
            return;
        }
        command.self_match_id = self.random.below(3) as u32;
        command.self_match_scope = self.random.pick(&SelfMatchScope::ALL);
        command.self_match_instruction = self.random.pick(&SelfMatchInstruction::ALL);
    }

    /// Stops, icebergs and the others, most of them as they may be, some as they may not.
    fn add_options(&mut self, command: &mut Command) {
        if self.day.calm && !self.random.one_in(20) {
            return;
        }
        match self.random.below(60) {
            0..3 => command.ord_type = OrdType::MarketToLimit,
            3..6 => command.ord_type = OrdType::Stop,
            6..9 => command.ord_type = OrdType::StopLimit,
            9..14 => {
                command.time_in_force = TimeInForce::GoodTillDate;
                command.expire_time = self.expire_time();
            }
            14..19 => command.display_qty = self.random.below(command.order_qty.min(1 << 40) + 2),
            19..22 => command.exec_inst = ExecInst::POST_ONLY,
            22..25 => command.exec_inst = ExecInst::POST_ONLY.with(ExecInst::SLIDE),
            25..29 => command.exec_inst = ExecInst::HIDDEN,
            29..32 => {
                command.time_in_force = TimeInForce::ImmediateOrCancel;
                command.min_qty = 1 + self.random.below(self.day.qty);
            }
            32 => command.exec_inst = ExecInst(self.random.below(16) as u8),
            33 => command.min_qty = 1,
            _ => {}
        }
        if matches!(command.ord_type, OrdType::Stop | OrdType::StopLimit) {
            command.stop_px = self.price();
            if self.random.one_in(3) {
                command.exec_inst = ExecInst::TRIGGER_ON_TOUCH;
            }
            if self.random.one_in(4) {
                command.time_in_force = TimeInForce::GoodTillDate;
                command.expire_time = self.expire_time();
            }
        }
        match self.random.below(600) {
            0 => command.stop_px = 1,
            1 => command.expire_time = self.timestamp + 50,
            2 => command.time_in_force = TimeInForce::GoodTillDate,
            _ => {}
        }
    }

    fn expire_time(&mut self) -> u64 {
        let ahead = self.random.pick(&[1, 10, 100, 400, 2_000, 1_000_000_000]);
        self.timestamp + self.random.below(ahead)
    }

    fn cancel(&mut self) -> Command {
        let sent = self.target();
        let mut command = self.asker(CommandKind::CancelOrder, sent.member_id);
        command.cl_ord_id = self.name();
        command.orig_cl_ord_id = sent.cl_ord_id;
        command.instrument_id = sent.instrument_id;
        command.side = sent.side;
        command
    }

    fn replace(&mut self) -> Command {
        let sent = self.target();
        let mut command = self.asker(CommandKind::ReplaceOrder, sent.member_id);
        command.cl_ord_id = self.name();
        command.orig_cl_ord_id = sent.cl_ord_id;
        command.instrument_id = sent.instrument_id;
        command.side = sent.side;
        command.ord_type = sent.ord_type;
        command.stop_px = if self.random.one_in(2) { sent.stop_px } else { self.price() };
        if sent.stop_px == 0 || !matches!(sent.ord_type, OrdType::Stop | OrdType::StopLimit) {
            command.stop_px = 0;
        }
        command.display_qty = if self.random.one_in(3) { 0 } else { sent.display_qty };
        command.price = if self.random.one_in(2) { sent.price } else { self.price() };
        command.order_qty = match self.random.below(4) {
            0 => sent.order_qty,
            1 => sent.order_qty.saturating_sub(1 + self.random.below(3)),
            _ => self.qty(),
        };
        command.time_in_force = self.random.pick(&[
            TimeInForce::Day,
            TimeInForce::Day,
            TimeInForce::Day,
            TimeInForce::GoodTillCancel,
        ]);
        if self.random.one_in(10) {
            command.time_in_force = TimeInForce::GoodTillDate;
            command.expire_time = self.expire_time();
        }
        self.guard(&mut command);
        match self.random.below(100) {
            4 => command.exec_inst = self.random.pick(&[ExecInst::HIDDEN, ExecInst::POST_ONLY]),
            5 => command.min_qty = 1,
            0 => command.instrument_id = self.instrument_id(),
            1 => command.side = command.side.opposite(),
            2 => command.ord_type = OrdType::Market,
            3 => command.time_in_force = TimeInForce::FillOrKill,
            _ => {}
        }
        self.remember(&command);
        command
    }

    fn status(&mut self) -> Command {
        let sent = self.target();
        let mut command = self.asker(CommandKind::OrderStatus, sent.member_id);
        command.cl_ord_id = sent.cl_ord_id;
        command.instrument_id = sent.instrument_id;
        command.side = sent.side;
        command
    }

    fn change_phase(&mut self) -> Command {
        let mut command = Command::of(CommandKind::ChangePhase);
        command.phase = if self.random.one_in(30) {
            TradingPhase::None
        } else {
            self.random.pick(&[
                TradingPhase::Continuous,
                TradingPhase::Continuous,
                TradingPhase::Call,
                TradingPhase::Call,
                TradingPhase::Halt,
                TradingPhase::Closed,
            ])
        };
        command.instrument_id = self.instrument_id();
        if self.random.one_in(30) {
            command.session_id = 1;
            command.member_id = 1;
        }
        let at = self.day.limits.iter().position(|e| e.instrument_id == command.instrument_id);
        if let (Some(at), 0) = (at, command.session_id) {
            self.phases[at] = command.phase;
        }
        command
    }

    fn instrument_id(&mut self) -> u32 {
        if self.random.one_in(200) {
            return self.random.below(12) as u32;
        }
        let at = self.random.below(self.day.limits.len() as u64) as usize;
        self.day.limits[at].instrument_id
    }

    fn qty(&mut self) -> u64 {
        match self.random.below(200) {
            0 => 0,
            1 => self.random.pick(&[u64::MAX, i64::MAX as u64, 1 << 40]),
            2..12 => 1 + self.random.below(self.day.qty * 4),
            _ => 1 + self.random.below(self.day.qty),
        }
    }

    /// A ClOrdID: mostly a new one, now and then one that was sent before.
    fn name(&mut self) -> ClOrdId {
        if self.random.one_in(60) && !self.sent.is_empty() {
            let at = self.random.below(self.sent.len() as u64) as usize;
            return self.sent[at].cl_ord_id;
        }
        self.next_name += 1;
        let mut name = [0; 20];
        let text = format!("C{}", self.next_name);
        name[..text.len()].copy_from_slice(text.as_bytes());
        name
    }

    /// An order that was sent: mostly one that rests, now and then one of the last, or nobody's.
    fn target(&mut self) -> Sent {
        let len = self.sent.len() as u64;
        if len == 0 || self.random.one_in(80) {
            return Sent {
                member_id: 1 + self.random.below(u64::from(self.day.members)) as u32,
                cl_ord_id: [b'?'; 20],
                instrument_id: 1,
                side: Side::Buy,
                price: 1,
                order_qty: 1,
                ord_type: OrdType::Limit,
                stop_px: 0,
                display_qty: 0,
            };
        }
        if !self.open.is_empty() && !self.random.one_in(6) {
            return self.open[self.random.below(self.open.len() as u64) as usize].1;
        }
        let back = if self.random.one_in(20) { len } else { len.min(120) };
        self.sent[(len - 1 - self.random.below(back)) as usize]
    }

    fn remember(&mut self, command: &Command) {
        self.sent.push(Sent {
            member_id: command.member_id,
            cl_ord_id: command.cl_ord_id,
            instrument_id: command.instrument_id,
            side: command.side,
            price: command.price,
            order_qty: command.order_qty,
            ord_type: command.ord_type,
            stop_px: command.stop_px,
            display_qty: command.display_qty,
        });
    }
}
