//! The words of scenario files: commands are read, events are written.

use touchline_matcher::{Capacity, InstrumentLimits};
use touchline_types::{
    AccountChange, ClOrdId, Command, CommandKind, Event, EventFlags, EventKind, ExecInst,
    OrdStatus, OrdType, Reason, Scope, SelfMatchInstruction, SelfMatchScope, Side, TimeInForce,
    TradingPhase, cl_ord_id_text, parse_cl_ord_id,
};

/// Time before the first command of a scenario, ns since the epoch.
pub(crate) const EPOCH: u64 = 1_700_000_000_000_000_000;

/// Instruments and tables of a scenario.
#[derive(Clone, Default)]
pub(crate) struct Venue {
    pub(crate) instruments: Vec<InstrumentLimits>,
    pub(crate) tables: Tables,
}

/// What a venue can hold.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    orders: u32,
    levels: u32,
    cl_ord_ids: u32,
    limited: u32,
    accounts: u32,
}

impl Default for Tables {
    fn default() -> Self {
        Self { orders: 100, levels: 50, cl_ord_ids: 1_000, limited: 10, accounts: 10 }
    }
}

impl Venue {
    /// Adds an instrument, or changes the one with its number.
    pub(crate) fn set(&mut self, limits: InstrumentLimits) {
        self.instruments.retain(|each| each.instrument_id != limits.instrument_id);
        self.instruments.push(limits);
    }

    pub(crate) fn capacity(&self) -> Capacity {
        Capacity {
            instruments: self.instruments.len() as u32,
            orders: self.tables.orders,
            levels: self.tables.levels,
            cl_ord_ids: self.tables.cl_ord_ids,
            limited_sessions: self.tables.limited,
            accounts: self.tables.accounts,
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a number that fits"))
}

const PHASES: [(&str, TradingPhase); 5] = [
    ("none", TradingPhase::None),
    ("call", TradingPhase::Call),
    ("continuous", TradingPhase::Continuous),
    ("halt", TradingPhase::Halt),
    ("closed", TradingPhase::Closed),
];

const TIMES_IN_FORCE: [(&str, TimeInForce); 5] = [
    ("day", TimeInForce::Day),
    ("gtc", TimeInForce::GoodTillCancel),
    ("ioc", TimeInForce::ImmediateOrCancel),
    ("fok", TimeInForce::FillOrKill),
    ("gtd", TimeInForce::GoodTillDate),
];

const SELF_MATCH_SCOPES: [(&str, SelfMatchScope); 5] = [
    ("none", SelfMatchScope::None),
    ("session", SelfMatchScope::Session),
    ("member", SelfMatchScope::Member),
    ("firm", SelfMatchScope::Firm),
    ("group", SelfMatchScope::Group),
];

const SELF_MATCH_INSTRUCTIONS: [(&str, SelfMatchInstruction); 5] = [
    ("none", SelfMatchInstruction::None),
    ("cancel-aggressive", SelfMatchInstruction::CancelAggressive),
    ("cancel-passive", SelfMatchInstruction::CancelPassive),
    ("cancel-both", SelfMatchInstruction::CancelBoth),
    ("decrement", SelfMatchInstruction::Decrement),
];

const SIDES: [(&str, Side); 3] =
    [("buy", Side::Buy), ("sell", Side::Sell), ("none", Side::Undisclosed)];

fn meaning<T: Copy>(words: &[(&str, T)], word: &str) -> Result<T, String> {
    let found = words.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value).ok_or_else(|| format!("{word} is not known"))
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("?", |(word, _)| *word)
}

/// `1  prices 1..1000  max 500  phase continuous`, then any of `tick 5`, `lot 10`, `protection 3`
/// and `band 9`.
pub(crate) fn parse_instrument(words: &[&str]) -> Result<InstrumentLimits, String> {
    let [id, "prices", prices, "max", max, "phase", phase, steps @ ..] = words else {
        return Err("instrument N prices A..B max Q phase P".into());
    };
    let (low, high) = prices.split_once("..").ok_or("prices are A..B")?;
    let mut limits = InstrumentLimits {
        instrument_id: number(id)?,
        min_price: number(low)?,
        max_price: number(high)?,
        max_order_qty: number(max)?,
        initial_phase: meaning(&PHASES, phase)?,
        ..InstrumentLimits::default()
    };
    for pair in steps.chunks(2) {
        match pair {
            ["tick", tick] => limits.tick_size = number(tick)?,
            ["lot", lot] => limits.lot_size = number(lot)?,
            ["protection", units] => limits.protection = number(units)?,
            ["band", units] => limits.price_band = number(units)?,
            _ => return Err("tick N, lot N, protection N or band N".into()),
        }
    }
    Ok(limits)
}

/// `orders 100  levels 50  cl_ord_ids 1000`, and `limited 10` or `accounts 10` where it matters.
pub(crate) fn parse_capacity(words: &[&str]) -> Result<Tables, String> {
    let ["orders", orders, "levels", levels, "cl_ord_ids", cl_ord_ids, rest @ ..] = words else {
        return Err("capacity orders N levels N cl_ord_ids N".into());
    };
    let Tables { mut limited, mut accounts, .. } = Tables::default();
    match rest {
        [] => {}
        ["limited", sessions] => limited = number(sessions)?,
        ["accounts", members] => accounts = number(members)?,
        _ => return Err("a capacity ends with `limited N`, `accounts N` or nothing".into()),
    }
    Ok(Tables {
        orders: number(orders)?,
        levels: number(levels)?,
        cl_ord_ids: number(cl_ord_ids)?,
        limited,
        accounts,
    })
}

/// A command, with seq and timestamp 0.
pub(crate) fn parse_command(words: &[&str]) -> Result<Command, String> {
    match words {
        ["new", member, id, terms @ ..] => {
            let mut command = of_member(CommandKind::NewOrder, member, id)?;
            parse_terms(&mut command, terms)?;
            Ok(command)
        }
        ["replace", member, id, "of", orig, terms @ ..] => {
            let mut command = of_member(CommandKind::ReplaceOrder, member, id)?;
            command.orig_cl_ord_id = parse_id(orig)?;
            parse_terms(&mut command, terms)?;
            Ok(command)
        }
        ["cancel", member, id, "of", orig] => {
            let mut command = of_member(CommandKind::CancelOrder, member, id)?;
            command.orig_cl_ord_id = parse_id(orig)?;
            command.instrument_id = 1;
            Ok(command)
        }
        ["status", member, id] => {
            let mut command = of_member(CommandKind::OrderStatus, member, id)?;
            command.instrument_id = 1;
            Ok(command)
        }
        ["phase", instrument, phase, by @ ..] => {
            let mut command = Command::of(CommandKind::ChangePhase);
            if let ["by", member] = by {
                (command.member_id, command.session_id) = parse_member(member)?;
            }
            command.instrument_id = number(instrument)?;
            command.phase = meaning(&PHASES, phase)?;
            Ok(command)
        }
        ["mass-cancel", scope @ ..] => of_scope(CommandKind::MassCancel, scope),
        ["block", scope @ ..] => of_scope(CommandKind::BlockEntry, scope),
        ["admit", scope @ ..] => of_scope(CommandKind::AdmitEntry, scope),
        ["limits", rest @ ..] => parse_limits(rest),
        ["account", rest @ ..] => parse_account(rest),
        ["deposit", rest @ ..] => parse_deposit(rest),
        ["expire", by @ ..] => {
            let mut command = Command::of(CommandKind::ExpireOrders);
            if let ["by", member] = by {
                (command.member_id, command.session_id) = parse_member(member)?;
            }
            Ok(command)
        }
        _ => Err("not a command".into()),
    }
}

/// `session 1`, `member 1`, `firm 1`, `venue`; `on 2` and `side buy` for a part of the orders;
/// `by m1` where a member asks, who is of `firm 3`.
fn of_scope(kind: CommandKind, words: &[&str]) -> Result<Command, String> {
    let mut command = Command::of(kind);
    let by = match words {
        ["session", id, by @ ..] => {
            (command.scope, command.scope_id) = (Scope::Session, number(id)?);
            by
        }
        ["member", id, by @ ..] => {
            (command.scope, command.scope_id) = (Scope::Member, number(id)?);
            by
        }
        ["firm", id, by @ ..] => {
            (command.scope, command.scope_id) = (Scope::Firm, number(id)?);
            by
        }
        ["venue", by @ ..] => {
            command.scope = Scope::Venue;
            by
        }
        _ => return Err("session N, member N, firm N or venue".into()),
    };
    let mut rest = by;
    while let [word, value, more @ ..] = rest {
        match *word {
            "by" => (command.member_id, command.session_id) = parse_member(value)?,
            "firm" => command.firm_id = number(value)?,
            "on" => command.instrument_id = number(value)?,
            "side" => command.side = meaning(&SIDES, value)?,
            _ => return Err("a scope ends with any of `on N`, `side S`, `by M`, `firm N`".into()),
        }
        rest = more;
    }
    if rest.is_empty() { Ok(command) } else { Err(format!("what is {}?", rest[0])) }
}

/// `session 1  order 10  position 20  rate 5 burst 2`: any of the three, `none`, and who asks.
fn parse_limits(words: &[&str]) -> Result<Command, String> {
    let at = words.iter().position(|word| ["order", "position", "rate", "none"].contains(word));
    let (scope, mut words) = words.split_at(at.ok_or("limits SCOPE none, or what they are")?);
    let mut command = of_scope(CommandKind::SetLimits, scope)?;
    loop {
        words = match words {
            [] => return Ok(command),
            ["none", rest @ ..] => rest,
            ["order", qty, rest @ ..] => {
                command.order_qty = number(qty)?;
                rest
            }
            ["position", qty, rest @ ..] => {
                command.price = number(qty)?;
                rest
            }
            ["rate", rate, "burst", burst, rest @ ..] => {
                (command.rate_per_s, command.rate_burst) = (number(rate)?, number(burst)?);
                rest
            }
            _ => return Err("order Q, position Q, rate N burst N, or none".into()),
        }
    }
}

/// `member 1  maker -1 taker 2` or `member 1 close`, and who asks.
fn parse_account(words: &[&str]) -> Result<Command, String> {
    let at = words.iter().position(|word| ["maker", "close"].contains(word));
    let (scope, change) = words.split_at(at.ok_or("account SCOPE close, or its fees")?);
    let mut command = of_scope(CommandKind::SetAccount, scope)?;
    let fees = match change {
        ["close", fees @ ..] => {
            command.account_change = AccountChange::Close;
            fees
        }
        fees => fees,
    };
    match fees {
        [] => {}
        ["maker", maker_fee, "taker", taker_fee] => {
            (command.price, command.stop_px) = (number(maker_fee)?, number(taker_fee)?);
        }
        _ => return Err("maker N taker N, or close".into()),
    }
    Ok(command)
}

/// `member 1  cash 1000` or `member 1 on 2  lots 10`, and who asks.
fn parse_deposit(words: &[&str]) -> Result<Command, String> {
    let [scope @ .., what @ ("cash" | "lots"), amount] = words else {
        return Err("deposit SCOPE cash N, or lots N".into());
    };
    let mut command = of_scope(CommandKind::Deposit, scope)?;
    if *what == "lots" && command.instrument_id == 0 {
        command.instrument_id = 1;
    }
    command.price = number(amount)?;
    Ok(command)
}

fn of_member(kind: CommandKind, member: &str, id: &str) -> Result<Command, String> {
    let mut command = Command::of(kind);
    (command.member_id, command.session_id) = parse_member(member)?;
    command.cl_ord_id = parse_id(id)?;
    Ok(command)
}

/// `m1` or `m1/11`: member and session.
fn parse_member(word: &str) -> Result<(u32, u32), String> {
    let text = word.strip_prefix('m').ok_or_else(|| format!("{word} is not a member"))?;
    let (member, session) = text.split_once('/').unwrap_or((text, text));
    Ok((number(member)?, number(session)?))
}

fn parse_id(word: &str) -> Result<ClOrdId, String> {
    parse_cl_ord_id(word.as_bytes()).map_err(|error| error.to_string())
}

/// `buy 10 @ 100 day`, then any of what `parse_option` knows.
fn parse_terms(command: &mut Command, words: &[&str]) -> Result<(), String> {
    let [side, qty, "@", price, time_in_force, options @ ..] = words else {
        return Err("buy|sell QTY @ PRICE|mkt|mtl day|gtc|gtd|ioc|fok [options]".into());
    };
    command.side = meaning(&SIDES, side)?;
    command.order_qty = number(qty)?;
    (command.ord_type, command.price) = match *price {
        "mkt" => (OrdType::Market, 0),
        "mtl" => (OrdType::MarketToLimit, 0),
        price => (OrdType::Limit, number(price)?),
    };
    command.time_in_force = meaning(&TIMES_IN_FORCE, time_in_force)?;
    command.instrument_id = 1;
    let mut rest = options;
    while !rest.is_empty() {
        rest = parse_option(command, rest)?;
    }
    Ok(())
}

/// One of `on 2` (another instrument than 1), `stop 105`, `show 10`, `min 5`, `until TIME`,
/// `post`, `slide`, `hidden`, `touch`, `firm 3`, `self SCOPE INSTRUCTION`, `group 7`; what follows.
fn parse_option<'a, 'b>(
    command: &mut Command,
    words: &'a [&'b str],
) -> Result<&'a [&'b str], String> {
    let mut instructed = |inst| command.exec_inst = command.exec_inst.with(inst);
    match words {
        ["post", rest @ ..] => {
            instructed(ExecInst::POST_ONLY);
            return Ok(rest);
        }
        ["slide", rest @ ..] => {
            instructed(ExecInst::POST_ONLY.with(ExecInst::SLIDE));
            return Ok(rest);
        }
        ["hidden", rest @ ..] => {
            instructed(ExecInst::HIDDEN);
            return Ok(rest);
        }
        ["touch", rest @ ..] => {
            instructed(ExecInst::TRIGGER_ON_TOUCH);
            return Ok(rest);
        }
        ["self", scope, instruction, rest @ ..] => {
            command.self_match_scope = meaning(&SELF_MATCH_SCOPES, scope)?;
            command.self_match_instruction = meaning(&SELF_MATCH_INSTRUCTIONS, instruction)?;
            return Ok(rest);
        }
        ["stop", stop_px, ..] => {
            command.stop_px = number(stop_px)?;
            command.ord_type = match command.ord_type {
                OrdType::Limit => OrdType::StopLimit,
                _ => OrdType::Stop,
            };
        }
        ["on", instrument, ..] => command.instrument_id = number(instrument)?,
        ["show", qty, ..] => command.display_qty = number(qty)?,
        ["min", qty, ..] => command.min_qty = number(qty)?,
        ["until", ns, ..] => command.expire_time = EPOCH + number::<u64>(&ns.replace('_', ""))?,
        ["firm", firm, ..] => command.firm_id = number(firm)?,
        ["group", group, ..] => command.self_match_id = number(group)?,
        _ => return Err(format!("{} is no option of an order", words.join(" "))),
    }
    Ok(&words[2..])
}

fn id(id: &ClOrdId) -> String {
    String::from_utf8_lossy(cl_ord_id_text(id)).into_owned()
}

fn terms(event: &Event) -> String {
    let price = match (event.ord_type, event.price) {
        (OrdType::Market | OrdType::Stop, 0) => "mkt".to_owned(),
        (OrdType::Market, limit) => format!("mkt/{limit}"),
        (OrdType::MarketToLimit, 0) => "mtl".to_owned(),
        (OrdType::MarketToLimit, limit) => format!("mtl/{limit}"),
        (_, price) => price.to_string(),
    };
    format!(
        "{:<4} {:>3} @ {price:>3} {}{}",
        word(&SIDES, event.side),
        event.order_qty,
        word(&TIMES_IN_FORCE, event.time_in_force),
        options(event)
    )
}

/// What of `parse_option` an event tells.
fn options(event: &Event) -> String {
    let mut text = String::new();
    let has = |inst| event.exec_inst.contains(inst);
    if event.stop_px != 0 {
        text.push_str(&format!(" stop {}", event.stop_px));
    }
    if event.display_qty != 0 {
        text.push_str(&format!(" show {}", event.display_qty));
    }
    if event.expire_time != 0 {
        text.push_str(&format!(" until {}", event.expire_time - EPOCH));
    }
    match (has(ExecInst::POST_ONLY), has(ExecInst::SLIDE)) {
        (_, true) => text.push_str(" slide"),
        (true, false) => text.push_str(" post"),
        _ => {}
    }
    for (inst, word) in [(ExecInst::HIDDEN, " hidden"), (ExecInst::TRIGGER_ON_TOUCH, " touch")] {
        text.push_str(if has(inst) { word } else { "" });
    }
    text
}

/// An event in the words of a scenario file.
pub(crate) fn event_line(event: &Event, command: &Command) -> String {
    let has = |flag| event.flags.contains(flag);
    let (own, orig) = (id(&event.cl_ord_id), id(&event.orig_cl_ord_id));
    let pair = format!("{own} of {orig}");
    let state = || {
        format!("leaves {}  cum {}  {}", event.leaves_qty, event.cum_qty, status(event.ord_status))
    };
    let line = match event.kind {
        EventKind::Accepted => {
            format!("{own:<9} {}  leaves {}  #{}", terms(event), event.leaves_qty, event.order_id)
        }
        EventKind::Rejected if command.kind == CommandKind::ChangePhase => {
            format!("{:<9} {}", word(&PHASES, event.phase), event.reason.name())
        }
        EventKind::Rejected => format!("{own:<9} {}", event.reason.name()),
        EventKind::Triggered => {
            format!("{own:<9} {}  leaves {}", terms(event), event.leaves_qty)
        }
        EventKind::Added | EventKind::Replenished => format!(
            "{own:<9} {}  leaves {}  priority {}",
            terms(event),
            event.leaves_qty,
            event.priority
        ),
        EventKind::Executed => {
            let mut line = format!(
                "{own:<9} {:>8} @ {:>3}      {}  {}  trade {}",
                event.last_qty,
                event.last_px,
                state(),
                if has(EventFlags::AGGRESSOR) { "aggressor" } else { "resting" },
                event.trd_match_id
            );
            if has(EventFlags::RESTING) {
                line.push_str(&format!("  priority {}", event.priority));
            }
            if has(EventFlags::UNCROSS) {
                line.push_str("  uncross");
            }
            line
        }
        EventKind::Canceled | EventKind::Expired => {
            let waits = matches!(event.ord_type, OrdType::Stop | OrdType::StopLimit);
            let resting = match has(EventFlags::RESTING) {
                true => "resting",
                false if waits => "waiting",
                false => "arriving",
            };
            let name = if orig.is_empty() { own } else { pair };
            let why = if event.reason == Reason::None { "" } else { event.reason.name() };
            format!("{name:<9} took {}  cum {}  {resting}  {why}", event.last_qty, event.cum_qty)
        }
        EventKind::Restated => {
            let resting = if has(EventFlags::RESTING) { "resting" } else { "arriving" };
            let (why, order_qty) = (event.reason.name(), event.order_qty);
            format!(
                "{own:<9} took {}  of now {order_qty}  {}  {resting}  {why}",
                event.last_qty,
                state()
            )
        }
        EventKind::Replaced => {
            let place = if has(EventFlags::KEEPS_PRIORITY) {
                format!("keeps priority {}", event.priority)
            } else if has(EventFlags::MOVED) {
                format!("moved priority {}", event.priority)
            } else if has(EventFlags::RESTING) {
                "taken".to_owned()
            } else {
                "waiting".to_owned()
            };
            let (left, before) = (event.leaves_qty, event.last_qty);
            format!("{pair:<9} {}  leaves {left}  before {before}  {place}", terms(event))
        }
        EventKind::CancelRejected => {
            let what = if has(EventFlags::OF_REPLACE) { "replace" } else { "cancel" };
            let mut line = format!("{pair:<9} {what}  {}", event.reason.name());
            if event.order_id != 0 {
                line.push_str(&format!("  #{} {}", event.order_id, state()));
            }
            line
        }
        EventKind::Status if event.reason != Reason::None => {
            format!("{own:<9} {}", event.reason.name())
        }
        EventKind::Status => {
            format!("{own:<9} {}  {}  #{}", terms(event), state(), event.order_id)
        }
        EventKind::PhaseChanged => {
            format!("{} {}", event.instrument_id, word(&PHASES, event.phase))
        }
        EventKind::Uncrossed => {
            format!("{} {} @ {}", event.instrument_id, event.last_qty, event.last_px)
        }
        EventKind::AccountSet => {
            format!("{}  maker {}  taker {}", event.member_id, event.price, event.stop_px)
        }
        EventKind::AccountClosed => event.member_id.to_string(),
        EventKind::Deposited => match event.instrument_id {
            0 => format!("{}  cash {}", event.member_id, event.price),
            id => format!("{}  lots {} of {id}", event.member_id, event.price),
        },
        EventKind::MassCanceled => format!("took {}  left {}", event.last_qty, event.leaves_qty),
        EventKind::EntryBlocked
        | EventKind::EntryAdmitted
        | EventKind::LimitsSet
        | EventKind::SnapshotStart
        | EventKind::SnapshotInstrument
        | EventKind::SnapshotOrder
        | EventKind::SnapshotEnd => String::new(),
    };
    let mut line = format!("{:<10} {line}", kind(event.kind)).trim_end().to_owned();
    let answers = command.kind != CommandKind::ChangePhase && event.kind != EventKind::Executed;
    if answers && event.session_id != command.session_id {
        line.push_str(&format!("  to {}", event.session_id));
    }
    line
}

const fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Accepted => "accepted",
        EventKind::Rejected => "rejected",
        EventKind::Added => "added",
        EventKind::Executed => "executed",
        EventKind::Canceled => "canceled",
        EventKind::Replaced => "replaced",
        EventKind::CancelRejected => "refused",
        EventKind::Status => "status",
        EventKind::PhaseChanged => "phase",
        EventKind::Uncrossed => "uncrossed",
        EventKind::MassCanceled => "mass",
        EventKind::EntryBlocked => "blocked",
        EventKind::EntryAdmitted => "admitted",
        EventKind::LimitsSet => "limited",
        EventKind::AccountSet => "account",
        EventKind::AccountClosed => "closed",
        EventKind::Deposited => "deposited",
        EventKind::Triggered => "triggered",
        EventKind::Replenished => "shows",
        EventKind::Restated => "restated",
        EventKind::Expired => "expired",
        EventKind::SnapshotStart
        | EventKind::SnapshotInstrument
        | EventKind::SnapshotOrder
        | EventKind::SnapshotEnd => "of no matcher",
    }
}

const fn status(status: OrdStatus) -> &'static str {
    match status {
        OrdStatus::New => "new",
        OrdStatus::PartiallyFilled => "partial",
        OrdStatus::Filled => "filled",
        OrdStatus::Canceled => "canceled",
        OrdStatus::Rejected => "rejected",
    }
}
