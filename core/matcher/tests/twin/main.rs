//! The fast matcher and the slow one, side by side: random commands go through both, and every
//! event, and now and then the books and the state hash, must be equal.
//!
//! ```text
//! cargo test --release -p touchline-matcher --test twin -- --nocapture
//! TWIN_COMMANDS=10000000   how many commands (default 1,000,000)
//! TWIN_SEED=7              the first day's seed (default 1); each further day adds one
//! ```
#![allow(clippy::print_stdout, missing_docs)]

mod flow;
mod observer;
mod public;
mod slow;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flow::{Day, Flow, Random};
use observer::Observer;
use public::PublicBooks;
use slow::SlowMatcher;
use touchline_matcher::OwnedMatcher;
use touchline_types::{Command, Event, EventFlags, Reason, Side};

/// Commands of a day: enough to fill every table, few enough for the slow one.
const DAY_COMMANDS: u64 = 25_000;
/// Commands between two looks at the books and hashes.
const LOOK_EVERY: usize = 64;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name}={text}?")),
        Err(_) => default,
    }
}

/// The commands of a day. The fast matcher tells the flow what rests; where it stops, the day ends.
fn day_commands(flow: &mut Flow, count: u64) -> Vec<Command> {
    let (limits, capacity) = (flow.day().limits.clone(), flow.day().capacity);
    let mut matcher = OwnedMatcher::allocate(&limits, &capacity).expect("limits are valid");
    let mut commands = Vec::new();
    while (commands.len() as u64) < count {
        let command = flow.next();
        commands.push(command);
        let run =
            AssertUnwindSafe(|| matcher.apply(&command, &mut |event: &Event| flow.see(event)));
        if catch_unwind(run).is_err() {
            break;
        }
    }
    commands
}

/// Runs commands through both; names the first command where they differ.
fn differ(
    day: &Day,
    commands: &[Command],
    tally: &mut BTreeMap<String, u64>,
) -> Result<u64, (usize, String)> {
    let mut fast = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("limits are valid");
    let mut slow = SlowMatcher::new(&day.limits, day.capacity);
    let mut events = Vec::new();
    let mut count = 0;
    for (at, command) in commands.iter().enumerate() {
        events.clear();
        let run = AssertUnwindSafe(|| {
            fast.apply(command, &mut |event: &Event| events.push(*event));
        });
        if catch_unwind(run).is_err() {
            return Err((at, "the fast one stopped".into()));
        }
        let expected = slow.apply(command);
        if events != expected {
            return Err((at, format!("fast: {events:#?}\nslow: {expected:#?}")));
        }
        count += events.len() as u64;
        for event in &events {
            *tally.entry(kind(event)).or_default() += 1;
        }
        if at % LOOK_EVERY == 0 || at + 1 == commands.len() {
            look(day, &fast, &slow).map_err(|what| (at, what))?;
        }
    }
    Ok(count)
}

fn look(day: &Day, fast: &OwnedMatcher, slow: &SlowMatcher) -> Result<(), String> {
    fast.check()?;
    if fast.state_hash() != fast.state_hash_slow() {
        return Err("the state hash is not that of the state".into());
    }
    let open = fast.open_orders() as usize == slow.open_orders();
    if !open || fast.used_cl_ord_ids() as usize != slow.used_cl_ord_ids() {
        return Err("the counts differ".into());
    }
    // The fast one may look too early, and finds nothing then.
    if slow.next_expiry().is_some_and(|due| fast.next_expiry().is_none_or(|looks| looks > due)) {
        return Err("an order expires before the fast one looks".into());
    }
    let waiting: Vec<_> = fast.instrument_ids().flat_map(|id| fast.stops(id)).collect();
    if waiting != slow.stops() {
        return Err(format!("stops\nfast: {waiting:?}\nslow: {:?}", slow.stops()));
    }
    // Those of the flow, and nobody's.
    let sessions = || [0, 4_095, 4_096].into_iter().chain(1..=17);
    if sessions().any(|session| fast.limits(session) != slow.limits(session)) {
        return Err("the limits of a session differ".into());
    }
    if (fast.fees(), fast.others_cash()) != slow.cash_elsewhere() {
        return Err("fees, or the cash of members without an account, differ".into());
    }
    // Those of the flow, and nobody's.
    let members = || [0, 4_095, 4_096].into_iter().chain(1..=9);
    if let Some(member) = members().find(|member| fast.account(*member) != slow.account(*member)) {
        let (a, b) = (fast.account(member), slow.account(member));
        return Err(format!("account of member {member}\nfast: {a:?}\nslow: {b:?}"));
    }
    for limits in &day.limits {
        let id = limits.instrument_id;
        let held = |member: &u32| fast.holding(*member, id) != slow.holding(*member, id);
        if let Some(member) = members().find(held) {
            return Err(format!("lots of instrument {id} of member {member} differ"));
        }
        if fast.others_held(id) != Some(slow.others_held(id)) {
            return Err(format!("lots of instrument {id} of members without account differ"));
        }
        for session in sessions() {
            let (a, b) = (fast.position(session, id), slow.position(session, id));
            if a != b {
                return Err(format!(
                    "session {session}, instrument {id}\nfast: {a:?}\nslow: {b:?}"
                ));
            }
        }
        if fast.phase(id) != slow.phase(id) || fast.last_px(id) != slow.last_px(id) {
            return Err(format!("phase or last price of instrument {id} differ"));
        }
        for side in [Side::Buy, Side::Sell] {
            let (a, b): (Vec<_>, _) = (fast.orders(id, side).collect(), slow.view(id, side));
            if a != b {
                return Err(format!("book of instrument {id}, {side:?}\nfast: {a:?}\nslow: {b:?}"));
            }
        }
    }
    Ok(())
}

/// Leaves out commands as long as the rest still fails: halves first, then ever smaller pieces.
fn shrink(day: &Day, mut commands: Vec<Command>) -> Vec<Command> {
    let mut piece = commands.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < commands.len() {
            let mut fewer = commands.clone();
            fewer.drain(at..(at + piece).min(commands.len()));
            for (command, seq) in fewer.iter_mut().zip(1..) {
                command.seq = seq;
            }
            match differ(day, &fewer, &mut BTreeMap::new()) {
                Err((failing, _)) => {
                    fewer.truncate(failing + 1);
                    commands = fewer;
                }
                Ok(_) => at += piece,
            }
        }
        piece /= 2;
    }
    commands
}

fn report(seed: u64, day: &Day, commands: Vec<Command>, at: usize, what: &str) -> ! {
    println!("day {seed} differs at command {}: {what}", at + 1);
    std::panic::set_hook(Box::new(|_| {}));
    let fewest = shrink(day, commands[..=at].to_vec());
    drop(std::panic::take_hook());
    println!("instruments {:#?}\n{:?}", day.limits, day.capacity);
    println!("the last of {} commands that are enough:", fewest.len());
    for command in &fewest[fewest.len().saturating_sub(30)..] {
        println!("  {}", line(command));
    }
    panic!(
        "run it again: TWIN_SEED={seed} TWIN_COMMANDS={} \
         cargo test -p touchline-matcher --test twin -- --nocapture",
        at + 1
    );
}

/// What an event is counted as.
fn kind(event: &Event) -> String {
    let mut kind = event.kind.name().to_owned();
    let flags = [
        (EventFlags::AGGRESSOR, " aggressor"),
        (EventFlags::RESTING, " resting"),
        (EventFlags::KEEPS_PRIORITY, " keeps priority"),
        (EventFlags::MOVED, " moved"),
        (EventFlags::UNCROSS, " uncross"),
        (EventFlags::OF_REPLACE, " of replace"),
    ];
    for (_, name) in flags.iter().filter(|(flag, _)| event.flags.contains(*flag)) {
        kind.push_str(name);
    }
    if event.reason != Reason::None {
        kind = format!("{kind} {}", event.reason.name());
    }
    kind
}

/// A command on one line.
fn line(command: &Command) -> String {
    let name =
        |id: &[u8; 20]| String::from_utf8_lossy(touchline_types::cl_ord_id_text(id)).into_owned();
    format!(
        "{:>5} {:?} {:?} {:?} {} instrument {} session {} member {} {} (orig {}) {:?} {:?} {:?} {} @ {} {:?}",
        command.seq,
        command.kind,
        command.account_change,
        command.scope,
        command.scope_id,
        command.instrument_id,
        command.session_id,
        command.member_id,
        name(&command.cl_ord_id),
        name(&command.orig_cl_ord_id),
        command.side,
        command.ord_type,
        command.time_in_force,
        command.order_qty,
        command.price,
        command.phase,
    )
}

#[test]
fn the_fast_and_the_slow_matcher_make_the_same_events() {
    let first = number("TWIN_SEED", 1);
    let wanted = number("TWIN_COMMANDS", 1_000_000);
    let (mut done, mut events, mut seed) = (0, 0, first);
    let mut tally = BTreeMap::new();
    while done < wanted {
        let mut flow = Flow::new(seed);
        let count = DAY_COMMANDS.min(wanted - done);
        let commands = day_commands(&mut flow, count);
        match differ(flow.day(), &commands, &mut tally) {
            Ok(made) => events += made,
            Err((at, what)) => report(seed, flow.day(), commands, at, &what),
        }
        done += count;
        seed += 1;
    }
    println!("twin: {done} commands, {events} events equal, seeds {first} to {}", seed - 1);
    for (kind, count) in &tally {
        println!("  {count:>9} {kind}");
    }
    let reasons = Reason::ALL.iter().filter(|reason| **reason != Reason::None);
    for reason in reasons.filter(|_| wanted >= 1_000_000) {
        let met = tally.keys().any(|kind| kind.ends_with(reason.name()));
        assert!(met, "{reason:?} never came up");
    }
}

#[test]
fn every_event_keeps_quantity_priority_and_an_uncrossed_book() {
    let first = number("TWIN_SEED", 1_000_001);
    let (mut executions, mut ways) = (0, [0; 7]);
    for seed in first..first + 12 {
        let mut flow = Flow::new(seed);
        let day = flow.day().clone();
        let mut matcher = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("valid");
        let mut observer = Observer::new(&day.limits);
        for command in day_commands(&mut flow, 10_000) {
            matcher.apply(&command, &mut |event: &Event| {
                if let Err(fact) = observer.event(event) {
                    panic!("TWIN_SEED={seed}: {fact}\n{}\n{event:#?}", line(&command));
                }
            });
        }
        if let Err(fact) = observer.accounts(&matcher) {
            panic!("TWIN_SEED={seed}: {fact}");
        }
        executions += observer.executions();
        let now = matcher.ways();
        for (sum, count) in ways.iter_mut().zip([
            now.plain_orders,
            now.plain_takes,
            now.other_orders,
            now.plain_cancels,
            now.other_cancels,
            now.plain_replaces,
            now.other_replaces,
        ]) {
            *sum += count;
        }
    }
    println!(
        "observer: {ways:?} of plain orders, takes, others; cancels, others; replaces, others"
    );
    assert!(ways.iter().all(|count| *count > 500), "every way is gone often: {ways:?}");
    println!("observer: {executions} executions, seeds {first} to {}", first + 11);
    assert!(executions > 1_000, "the random flow trades");
}

#[test]
fn the_public_records_make_the_books_that_orders_show() {
    let first = number("TWIN_SEED", 2_000_001);
    for seed in first..first + 12 {
        let mut flow = Flow::new(seed);
        let day = flow.day().clone();
        let mut matcher = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("valid");
        let mut books = PublicBooks::default();
        for command in day_commands(&mut flow, 10_000) {
            let mut seen = Ok(());
            matcher.apply(&command, &mut |event: &Event| {
                if seen.is_ok() {
                    seen = books.see(event);
                }
            });
            if let Err(what) = seen.and_then(|()| books.look(&matcher)) {
                panic!("TWIN_SEED={seed}: {what}\n{}", line(&command));
            }
        }
    }
}

#[test]
fn commands_in_batches_make_the_events_that_they_make_one_by_one() {
    let first = number("TWIN_SEED", 3_000_001);
    for seed in first..first + 6 {
        let mut flow = Flow::new(seed);
        let day = flow.day().clone();
        let mut one_by_one = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("valid");
        let mut in_batches = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("valid");
        let commands = day_commands(&mut flow, 10_000);
        let (mut rest, mut random) = (commands.as_slice(), Random::new(seed));
        while !rest.is_empty() {
            let len = (1 + random.below(50) as usize).min(rest.len());
            let (batch, behind) = rest.split_at(len);
            let (mut events, mut expected) = (Vec::new(), Vec::new());
            in_batches.apply_all(batch, &mut |event: &Event| events.push(*event));
            for command in batch {
                one_by_one.apply(command, &mut |event: &Event| expected.push(*event));
            }
            assert_eq!(
                events, expected,
                "TWIN_SEED={seed}, {} commands from {}",
                len, batch[0].seq
            );
            assert_eq!(in_batches.state_hash(), one_by_one.state_hash());
            rest = behind;
        }
    }
}

#[test]
fn the_same_commands_give_the_same_state_hash() {
    let mut flow = Flow::new(number("TWIN_SEED", 3));
    let day = flow.day().clone();
    let mut one = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("valid");
    let mut other = OwnedMatcher::allocate(&day.limits, &day.capacity).expect("valid");
    let mut hashes = std::collections::BTreeSet::new();
    for command in day_commands(&mut flow, 20_000) {
        one.apply(&command, &mut |_: &Event| {});
        other.apply(&command, &mut |_: &Event| {});
        assert_eq!(one.state_hash(), other.state_hash());
        assert!(hashes.insert(one.state_hash()), "every command changes the state hash");
    }
}
