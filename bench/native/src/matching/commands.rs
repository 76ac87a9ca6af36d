//! The commands of a workload: the same flow, as 1,000 members would send it.
//!
//! Who sends an order follows from the seed and the number of the order. A take is sent by a
//! member that owns nothing of what it will meet, so that no self-trade prevention changes what
//! comes of the flow, while all of it is evaluated at each match: what a take meets is known from
//! the floor. Every command has a ClOrdID of ten characters that is its own; a cancel or modify
//! names its order by the latest one.

use touchline_types::{
    ClOrdId, Command, CommandKind, OrdType, Scope, SelfMatchInstruction, SelfMatchScope, Side,
    TimeInForce, write_base32,
};

use super::floor::Floor;
use super::replay::apply;
use super::workload::{Action, FillSink, Kind, Workload};

/// Members, each with one session of the same number.
pub(crate) const MEMBERS: u32 = 1_000;
/// The instrument.
pub(crate) const INSTRUMENT_ID: u32 = 1;
/// Largest order of a session, lots: more than any of the flow.
pub(crate) const ORDER_QTY_MAX: u64 = 1_000;

const POSITION_MAX: i64 = 1_000_000_000;
/// New orders and replaces of a session: a million of them a second come from all.
const RATE_PER_S: u32 = 100_000;
const RATE_BURST: u32 = 100_000;
/// Fees for a lot that executes, cash units: a rebate for who rests.
const MAKER_FEE: i64 = -1;
const TAKER_FEE: i64 = 3;
/// Deposits of a member: cash units and lots.
const CASH: i64 = 1_000_000_000_000_000;
const LOTS: i64 = 1_000_000_000;
/// Commands for each member before the first order.
pub(crate) const ADMISSIONS: usize = 4;
/// From one command to the next, ns.
const STEP_NS: u64 = 1_000;
const START_NS: u64 = 1_700_000_000_000_000_000;

/// What is known of the order that an action is about, before the action.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    order_qty: u32,
    /// Sequence number of its latest replace; 0 before the first.
    replaced: u32,
    member: u32,
}

/// Makes commands, in the order of the flow.
#[derive(Debug)]
pub(crate) struct Members {
    /// By action: what a member would look up is read in a row here, so that making commands
    /// leaves the caches to the matcher.
    sent: Vec<Sent>,
    /// The next action.
    at: usize,
    seq: u64,
}

impl Members {
    /// Decides who sends each order of a workload.
    pub(crate) fn of(workload: &Workload) -> Self {
        let actions = || workload.preload().iter().chain(workload.actions());
        let last = actions().map(|action| action.id).max().unwrap_or(0);
        let mut orders = vec![Sent::default(); last as usize + 1];
        let (mut book, mut met) = (Floor::new(), Met::default());
        let mut seq = MEMBERS * ADMISSIONS as u32;
        let sent = actions().map(|action| {
            seq += 1;
            met.0.clear();
            apply(&mut book, action, &mut met);
            if matches!(action.kind, Kind::New | Kind::Take) {
                let mut draws = (0_u64..).map(|draw| member(workload.seed, action.id, draw));
                let owns = |one: u32| met.0.iter().any(|id| orders[*id as usize].member == one);
                // A take meets a hundred orders at most, so one of 1,000 members is found soon.
                let member = draws.find(|one| !owns(*one)).unwrap_or(1);
                orders[action.id as usize] = Sent { order_qty: action.qty, replaced: 0, member };
            }
            let order = &mut orders[action.id as usize];
            let before = *order;
            if action.kind == Kind::Modify {
                order.replaced = seq;
            }
            before
        });
        Self { sent: sent.collect(), at: 0, seq: 0 }
    }

    /// What an operator sends before the first order: for every session limits, and for every
    /// member an account with fees, cash and lots; all finite and wider than the flow.
    pub(crate) fn admission(&mut self) -> Vec<Command> {
        (1..=MEMBERS).flat_map(|member| self.admit(member)).collect()
    }

    fn admit(&mut self, member: u32) -> [Command; ADMISSIONS] {
        let limits = Command {
            scope: Scope::Session,
            scope_id: member,
            order_qty: ORDER_QTY_MAX,
            price: POSITION_MAX,
            rate_per_s: RATE_PER_S,
            rate_burst: RATE_BURST,
            ..self.next(CommandKind::SetLimits)
        };
        let mut of_member =
            |kind| Command { scope: Scope::Member, scope_id: member, ..self.next(kind) };
        let account =
            Command { price: MAKER_FEE, stop_px: TAKER_FEE, ..of_member(CommandKind::SetAccount) };
        let cash = Command { price: CASH, ..of_member(CommandKind::Deposit) };
        let lots = Command {
            price: LOTS,
            instrument_id: INSTRUMENT_ID,
            ..of_member(CommandKind::Deposit)
        };
        [limits, account, cash, lots]
    }

    /// What every member has in the end, cash and lots, added up apart from the matcher: deposits,
    /// and the fills of the floor. Number 0 is what the venue took in fees.
    pub(crate) fn balances(&self, workload: &Workload) -> Vec<(i128, i128)> {
        let actions = || workload.preload().iter().chain(workload.actions());
        let last = actions().map(|action| action.id).max().unwrap_or(0);
        let mut owners = vec![0; last as usize + 1];
        for (action, sent) in actions().zip(&self.sent) {
            owners[action.id as usize] = sent.member;
        }
        let mut ledger = Ledger { owners, balances: Vec::new() };
        ledger.balances.push((0, 0));
        ledger.balances.resize(MEMBERS as usize + 1, (CASH.into(), LOTS.into()));
        let mut book = Floor::new();
        for action in actions() {
            apply(&mut book, action, &mut ledger.on(action.is_offer));
        }
        ledger.balances
    }

    /// The command of an action, the next one of the flow.
    #[inline]
    pub(crate) fn command(&mut self, action: &Action) -> Command {
        let mut command = self.next(match action.kind {
            Kind::New | Kind::Take => CommandKind::NewOrder,
            Kind::Cancel => CommandKind::CancelOrder,
            Kind::Modify => CommandKind::ReplaceOrder,
        });
        let sent = self.sent[self.at];
        self.at += 1;
        (command.instrument_id, command.session_id) = (INSTRUMENT_ID, sent.member);
        (command.member_id, command.msg_seq_num) = (sent.member, 1);
        command.self_match_scope = SelfMatchScope::Member;
        command.self_match_instruction = SelfMatchInstruction::CancelAggressive;
        command.side = if action.is_offer { Side::Sell } else { Side::Buy };
        command.cl_ord_id = name(b'C', command.seq);
        if let Kind::New | Kind::Take = action.kind {
            command.cl_ord_id = name(b'O', action.id.into());
        } else {
            command.orig_cl_ord_id = match sent.replaced {
                0 => name(b'O', action.id.into()),
                seq => name(b'C', seq.into()),
            };
        }
        if action.kind == Kind::Cancel {
            return command;
        }
        command.ord_type = OrdType::Limit;
        command.price = action.price.into();
        // OrderQty(38) of a replace is the whole of the order, what has executed too.
        command.order_qty = sent.order_qty.into();
        command.time_in_force = match action.kind {
            Kind::Take => TimeInForce::ImmediateOrCancel,
            Kind::New | Kind::Modify | Kind::Cancel => TimeInForce::GoodTillCancel,
        };
        command
    }

    /// A command that is next in sequence.
    pub(crate) fn next(&mut self, kind: CommandKind) -> Command {
        self.seq += 1;
        let timestamp = START_NS + self.seq * STEP_NS;
        let recv_time = timestamp - STEP_NS;
        Command { seq: self.seq, timestamp, recv_time, token: self.seq, ..Command::of(kind) }
    }
}

/// Balances by member, from fills.
struct Ledger {
    /// Member of each order.
    owners: Vec<u32>,
    balances: Vec<(i128, i128)>,
}

/// The ledger, while an order of a side takes.
struct Posting<'a> {
    ledger: &'a mut Ledger,
    sells: bool,
}

impl Ledger {
    fn on(&mut self, sells: bool) -> Posting<'_> {
        Posting { ledger: self, sells }
    }
}

impl FillSink for Posting<'_> {
    fn fill(&mut self, resting: u64, taking: u64, price: u64, qty: u64) {
        let (price, qty) = (i128::from(price), i128::from(qty));
        let sides = [(taking, self.sells, TAKER_FEE), (resting, !self.sells, MAKER_FEE)];
        for (id, sells, fee) in sides {
            let member = self.ledger.owners[id as usize] as usize;
            let (bought, paid) = if sells { (-qty, -qty * price) } else { (qty, qty * price) };
            let fee = qty * i128::from(fee);
            let (cash, lots) = &mut self.ledger.balances[member];
            *cash -= paid + fee;
            *lots += bought;
            self.ledger.balances[0].0 += fee;
        }
    }
}

/// Numbers of the orders that one action met.
#[derive(Debug, Default)]
struct Met(Vec<u64>);

impl FillSink for Met {
    fn fill(&mut self, resting: u64, _taking: u64, _price: u64, _qty: u64) {
        self.0.push(resting);
    }
}

/// Ten characters: a letter and a number in base 32.
fn name(letter: u8, number: u64) -> ClOrdId {
    let mut id = [0; 20];
    id[0] = letter;
    write_base32(number, &mut id[..10], 1);
    id
}

/// Member of an order at its `draw`-th draw, from 1: SplitMix64 (Steele, Lea, Flood 2014).
fn member(seed: u64, id: u32, draw: u64) -> u32 {
    let mut mixed = seed
        .wrapping_mul(0xd134_2543_de82_ef95)
        .wrapping_add((u64::from(id) << 20 | draw).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % u64::from(MEMBERS)) as u32 + 1
}
