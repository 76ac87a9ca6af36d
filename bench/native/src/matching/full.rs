//! The full path: `OwnedMatcher` as the engine has it, and around it what a venue cannot leave out.
//!
//! 1,000 members with finite limits send the flow as commands (`commands`); every command and every
//! fill is reported over a ring (`reports`). Commands are made in blocks, each just before it is
//! applied, as they would lie in the ring of a gateway: in the cache, and made by somebody else.
//! Making them, and waiting until the reports of the last block are taken, is not in the time of a
//! command; what the making costs is told beside it.
//!
//! The matcher is given all commands of a block at once, as an engine that takes all that waits
//! would give them, or fewer, or one by one; reports are published by 16. With a look at the clock
//! around each, commands come one by one.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use touchline_matcher::{Capacity, InstrumentLimits, OwnedMatcher, Ways};
use touchline_types::{
    Command, CommandKind, Event, EventKind, OrdType, Reason, Side, TradingPhase,
};

use super::commands::{ADMISSIONS, INSTRUMENT_ID, MEMBERS, Members, ORDER_QTY_MAX};
use super::replay::{ByKind, Mode, Spent};
use super::reports::{Drained, Reporter, Ring, Told, drain, ring};
use super::workload::{Action, End, Outcome, PRICES, Workload};

/// Commands that are made at a time, 48 KiB of them, and the most that are applied in one go.
const BLOCK: usize = 256;

/// Sizes as the engine's configuration has them if it says nothing, but for ClOrdIDs and limits.
const OPEN_ORDERS: u32 = 1 << 18;
const LEVELS: u32 = 1 << 13;

/// What was measured, before it is told.
struct Measured {
    spent: Spent,
    making: Spent,
    times: ByKind,
    told: Told,
}

/// Plays a workload, as many commands at a time as the matcher is given in one go; its outcome must
/// be the expected one.
pub(crate) fn measure(workload: &Workload, mode: Mode, batch: usize) -> Result<Value, String> {
    let mut members = Members::of(workload);
    let mut matcher = matcher(workload)?;
    let ring = ring()?;
    let ended = AtomicBool::new(false);
    let (mut measured, drained) = std::thread::scope(|scope| {
        let taker = scope.spawn(|| drain(&ring, &ended));
        let measured = play(workload, &mut members, &mut matcher, &ring, mode, batch);
        ended.store(true, Ordering::Release);
        let drained = taker.join().map_err(|_| "the thread of the reports has ended".to_owned());
        Ok::<_, String>((measured?, drained??))
    })?;
    confirm(workload, &matcher, &measured.told, &drained)?;
    balance(&members.balances(workload), &matcher)?;
    let actions = workload.actions().len();
    let mut told = match mode {
        Mode::Tput => json!({ "each": measured.spent.json(actions) }),
        Mode::Lat => json!({ "times": measured.times.json() }),
        Mode::Count => json!({}),
    };
    told["making"] = measured.making.json(actions);
    told["actions"] = actions.into();
    told["checksum"] = format!("{:016x}", drained.fills.checksum).into();
    told["reports"] = reports(&measured.told, &drained);
    told["state_hash"] = format!("{:016x}", matcher.state_hash()).into();
    told["checked"] = checked(&matcher);
    told["gates"] = gates(&mut members, &mut matcher)?.into();
    Ok(told)
}

fn matcher(workload: &Workload) -> Result<OwnedMatcher, String> {
    let limits = [InstrumentLimits {
        instrument_id: INSTRUMENT_ID,
        min_price: 1,
        max_price: PRICES as i64 - 1,
        max_order_qty: ORDER_QTY_MAX,
        initial_phase: TradingPhase::Continuous,
        ..InstrumentLimits::default()
    }];
    let records = workload.preload().len() + workload.actions().len();
    let capacity = Capacity {
        instruments: 1,
        orders: OPEN_ORDERS,
        levels: LEVELS,
        cl_ord_ids: u32::try_from(records).map_err(|error| error.to_string())?,
        limited_sessions: MEMBERS,
        accounts: MEMBERS,
    };
    OwnedMatcher::allocate(&limits, &capacity).map_err(|error| error.to_string())
}

/// The thread of the matcher.
fn play(
    workload: &Workload,
    members: &mut Members,
    matcher: &mut OwnedMatcher,
    ring: &Ring,
    mode: Mode,
    batch: usize,
) -> Result<Measured, String> {
    let mut reporter = Reporter::new(ring)?;
    for command in members.admission() {
        matcher.apply(&command, &mut reporter);
    }
    for action in workload.preload() {
        matcher.apply(&members.command(action), &mut reporter);
    }
    reporter.await_room();
    reporter.told = Told::default();
    let (mut spent, mut making, mut times) = (Spent::default(), Spent::default(), ByKind::new());
    let mut block = Vec::with_capacity(BLOCK);
    for actions in workload.actions().chunks(BLOCK) {
        block.clear();
        let mut make = || block.extend(actions.iter().map(|action| members.command(action)));
        if mode == Mode::Count {
            make()
        } else {
            making.on(actions.len(), make)
        }
        reporter.await_room();
        match mode {
            Mode::Tput => spent.on(block.len(), || {
                timed_pass(matcher, &block, batch, &mut reporter);
            }),
            Mode::Count => timed_pass(matcher, &block, batch, &mut reporter),
            Mode::Lat => each(matcher, actions, &block, &mut reporter, &mut times),
        }
    }
    reporter.flush();
    Ok(Measured { spent, making, times, told: reporter.told })
}

/// What is timed. A function by itself, so that its instructions can be counted.
#[inline(never)]
fn timed_pass(
    matcher: &mut OwnedMatcher,
    block: &[Command],
    batch: usize,
    reporter: &mut Reporter,
) {
    if batch == 1 {
        for command in block {
            matcher.apply(command, reporter);
        }
    } else {
        for batch in block.chunks(batch) {
            matcher.apply_all(batch, reporter);
        }
    }
}

fn each(
    matcher: &mut OwnedMatcher,
    actions: &[Action],
    block: &[Command],
    reporter: &mut Reporter,
    times: &mut ByKind,
) {
    for (action, command) in actions.iter().zip(block) {
        times.on(action.kind, || {
            matcher.apply(command, reporter);
        });
    }
}

/// Fills, book, reports and positions are what they must be.
fn confirm(
    workload: &Workload,
    matcher: &OwnedMatcher,
    told: &Told,
    drained: &Drained,
) -> Result<(), String> {
    let end = end(matcher);
    workload.confirm(&Outcome { fills: drained.fills, end })?;
    let commands = workload.actions().len() as u64;
    let kinds = [EventKind::Accepted, EventKind::Canceled, EventKind::Replaced];
    let answered = kinds.map(|kind| told.of(kind)).iter().sum::<u64>();
    if answered != commands || told.reports() != commands + told.fills {
        return Err(format!("{commands} commands were answered by {told:?}"));
    }
    let setup = u64::from(MEMBERS) * ADMISSIONS as u64 + workload.preload().len() as u64;
    if drained.reports != setup + told.reports() {
        return Err(format!("{} reports arrived of {}", drained.reports, setup + told.reports()));
    }
    let mut held = (0, 0, 0);
    for session_id in 1..=MEMBERS {
        let position = matcher
            .position(session_id, INSTRUMENT_ID)
            .ok_or(format!("session {session_id} has no limits"))?;
        held.0 += position.position;
        held.1 += position.open_bid_qty;
        held.2 += position.open_offer_qty;
    }
    if held != (0, end.bid_qty, end.offer_qty) {
        return Err(format!("positions and open quantities add up to {held:?}, not to the book"));
    }
    Ok(())
}

/// Every account has what the fills leave it, the venue its fees, and nothing is held back but for
/// the orders that rest.
fn balance(balances: &[(i128, i128)], matcher: &OwnedMatcher) -> Result<(), String> {
    for (member, (cash, lots)) in (1..=MEMBERS).zip(balances.iter().skip(1)) {
        let account = matcher.account(member).ok_or(format!("member {member} has no account"))?;
        let held = matcher.holding(member, INSTRUMENT_ID).map(|holding| holding.held);
        if (account.cash, held) != (*cash, Some(*lots)) {
            let told = format!("has {} and {held:?}, not {cash} and {lots}", account.cash);
            return Err(format!("member {member} {told}"));
        }
    }
    if matcher.fees() != balances[0].0 {
        return Err(format!("the venue took {}, not {}", matcher.fees(), balances[0].0));
    }
    matcher.check().map_err(str::to_owned)
}

fn end(matcher: &OwnedMatcher) -> End {
    let mut end = End::default();
    for (side, qty, touch) in [
        (Side::Buy, &mut end.bid_qty, &mut end.bid),
        (Side::Sell, &mut end.offer_qty, &mut end.offer),
    ] {
        for level in matcher.levels(INSTRUMENT_ID, side) {
            if *qty == 0 {
                *touch = u64::try_from(level.price).unwrap_or(0);
            }
            *qty += level.qty;
            end.orders += u64::from(level.orders);
        }
    }
    end
}

fn reports(told: &Told, drained: &Drained) -> Value {
    json!({
        "events": told.events(),
        "reports": told.reports(),
        "accepted": told.of(EventKind::Accepted),
        "canceled": told.of(EventKind::Canceled),
        "replaced": told.of(EventKind::Replaced),
        "fills": told.fills,
        "ring_full": told.waits,
        "checksum": format!("{:016x}", drained.checksum),
    })
}

/// How many commands went through which gates, preload and all: each passed every gate of its kind,
/// for none was refused.
fn checked(matcher: &OwnedMatcher) -> Value {
    let Ways {
        plain_orders,
        plain_takes,
        other_orders,
        plain_cancels,
        other_cancels,
        plain_replaces,
        other_replaces,
    } = matcher.ways();
    json!({
        "new orders that rest, all gates at once": plain_orders,
        "new orders that execute, all gates at once": plain_takes,
        "new orders, gate by gate": other_orders,
        "cancels, all gates at once": plain_cancels,
        "cancels, gate by gate": other_cancels,
        "replaces, all gates at once": plain_replaces,
        "replaces, gate by gate": other_replaces,
    })
}

/// Shows that the gates were there: a command for each, which it must refuse.
fn gates(members: &mut Members, matcher: &mut OwnedMatcher) -> Result<Vec<&'static str>, String> {
    type Fault = fn(&mut Command);
    let faults: [(Reason, Fault); 7] = [
        (Reason::UnknownSymbol, |command| command.instrument_id = INSTRUMENT_ID + 1),
        (Reason::UnsupportedCharacteristic, |command| command.ord_type = OrdType::None),
        (Reason::PriceOutOfRange, |command| command.price = PRICES as i64),
        (Reason::IncorrectQuantity, |command| command.order_qty = 0),
        (Reason::OrderExceedsLimit, |command| command.order_qty = ORDER_QTY_MAX + 1),
        (Reason::DuplicateClOrdId, |_| {}),
        (Reason::PositionLimit, |command| {
            command.order_qty = 2;
            command.cl_ord_id[0] = b'P';
        }),
    ];
    let long = |session_id| {
        matcher.position(session_id, INSTRUMENT_ID).is_some_and(|held| held.position >= 0)
    };
    let used = matcher
        .orders(INSTRUMENT_ID, Side::Buy)
        .find(|order| long(order.session_id))
        .ok_or("no bid is left whose ClOrdID could be used again")?;
    let mut shown = Vec::new();
    for (reason, fault) in faults {
        if reason == Reason::PositionLimit {
            tighten(members, matcher, used.session_id);
        }
        let mut command = members.next(CommandKind::NewOrder);
        (command.instrument_id, command.session_id) = (INSTRUMENT_ID, used.session_id);
        (command.member_id, command.cl_ord_id) = (used.member_id, used.cl_ord_id);
        (command.side, command.ord_type) = (Side::Buy, OrdType::Limit);
        (command.price, command.order_qty) = (1, 1);
        fault(&mut command);
        let mut found = Reason::None;
        matcher.apply(&command, &mut |event: &Event| found = event.reason);
        if found != reason {
            return Err(format!("a gate says {} where {} is due", found.name(), reason.name()));
        }
        shown.push(reason.name());
    }
    Ok(shown)
}

/// Leaves a session no room for a lot more.
fn tighten(members: &mut Members, matcher: &mut OwnedMatcher, session_id: u32) {
    let mut command = members.next(CommandKind::SetLimits);
    (command.scope, command.scope_id) = (touchline_types::Scope::Session, session_id);
    command.price = matcher
        .position(session_id, INSTRUMENT_ID)
        .map_or(1, |held| held.position.saturating_add_unsigned(held.open_bid_qty).max(1));
    matcher.apply(&command, &mut |_: &Event| {});
}
