//! The rules of the engine for operators and mass cancels: kill, resume, limits, accounts, many
//! orders.

mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bench::{Bench, Folder, kinds};
use touchline_config::{RunFile, Venue};
use touchline_sys::{Agent, now_ns};
use touchline_types::{Command, CommandKind, EventKind, Reason, Scope, Side};

/// An engine that is quickly made.
const SMALL: &str = "[engine]\nmax_open_orders = 100\nmax_levels = 64\nmax_cl_ord_ids = 1000";

/// Asks the operators' socket line by line while the engine runs; the answers.
fn ask(bench: &mut Bench, venue: &Venue, questions: &'static [&'static str]) -> Vec<String> {
    use std::io::{BufRead, BufReader, Write};

    let path = venue.run_file(RunFile::AdminSocket);
    let ringer = touchline_sys::Ringer::open(&venue.run_file(RunFile::EngineBell)).unwrap();
    let (server, operator) = touchline_engine::operator(venue, &path, ringer).unwrap();
    bench.engine.set_operator(operator);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let serving = std::thread::spawn(move || server.run(&stopped));
    let asking = std::thread::spawn(move || {
        let stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut answers = Vec::new();
        for question in questions {
            (&stream).write_all(format!("{question}\n").as_bytes()).unwrap();
            let mut answer = String::new();
            lines.read_line(&mut answer).unwrap();
            answers.push(answer);
        }
        answers
    });
    while !asking.is_finished() {
        bench.run();
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Release);
    serving.join().unwrap();
    asking.join().unwrap()
}

fn mass_cancel_of(session_id: u32) -> Command {
    let mut command = Command::of(CommandKind::MassCancel);
    command.session_id = session_id;
    (command.scope, command.scope_id) = (Scope::Session, session_id);
    command.token = 1_000_000;
    command
}

/// So many orders of session 1, a few at a time for a small ring.
fn rest_orders(bench: &mut Bench, count: u32) {
    for at in 0..count {
        bench.order(1, Side::Buy, 19_000 + i64::from(at % 50), 1);
        if at % 32 == 31 {
            bench.run();
            bench.private();
        }
    }
    bench.run();
    bench.private();
}

#[test]
fn a_kill_blocks_and_cancels_and_resume_admits_again() {
    let folder = Folder::new("kill");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    bench.order(1, Side::Buy, 19_000, 1);
    bench.order(1, Side::Buy, 19_001, 1);
    bench.order(2, Side::Buy, 19_002, 1);
    bench.run();
    bench.private();
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"kill","session":"ALPHA1"}"#,
            r#"{"command":"kill","member":"BETA"}"#,
            r#"{"command":"status"}"#,
            r#"{"command":"kill","session":"NOBODY"}"#,
            r#"{"command":"kill","session":"ALPHA1","venue":true}"#,
        ],
    );
    assert!(answers[0].contains(r#""ok":true"#), "{}", answers[0]);
    assert!(answers[0].contains(r#""canceled_orders":2"#), "{}", answers[0]);
    assert!(answers[1].contains(r#""canceled_orders":1"#), "{}", answers[1]);
    let blocked =
        r#""blocked":{"firms":[],"members":["BETA"],"sessions":["ALPHA1"],"venue":false}"#;
    assert!(answers[2].contains(blocked), "{}", answers[2]);
    assert!(answers[3].contains("no session"), "{}", answers[3]);
    assert!(answers[4].contains("name one session"), "{}", answers[4]);
    let canceled = (1, EventKind::Canceled);
    assert_eq!(kinds(&bench.private()), [canceled, canceled, (2, EventKind::Canceled)]);
    for session_id in [1, 2] {
        bench.order(session_id, Side::Buy, 19_000, 1);
        bench.run();
        assert_eq!(bench.private()[0].event().unwrap().reason, Reason::EntryBlocked);
    }
    // The block is part of the state: it outlives the engine.
    drop(bench);
    let mut bench = Bench::open(&venue);
    assert!(bench.engine.replay_summary().contains("equal to the state before"));
    ask(&mut bench, &venue, &[r#"{"command":"resume","session":"ALPHA1"}"#]);
    bench.named(100);
    bench.order(1, Side::Buy, 19_000, 1);
    bench.order(2, Side::Buy, 19_000, 1);
    bench.run();
    assert_eq!(kinds(&bench.private()), [(1, EventKind::Accepted), (2, EventKind::Rejected)]);
}

#[test]
fn a_mass_cancel_of_many_orders_goes_on_before_any_other_command() {
    let folder = Folder::new("many");
    let mut bench = Bench::open(&folder.venue("[engine]\nring_records = 1024"));
    rest_orders(&mut bench, 300);
    bench.push(mass_cancel_of(1));
    bench.order(1, Side::Buy, 19_000, 1);
    bench.run();
    let told = bench.private();
    let canceled = told.iter().filter(|r| r.event().unwrap().kind == EventKind::Canceled).count();
    assert_eq!(canceled, 300);
    assert_eq!(
        kinds(&told[told.len() - 2..]),
        [(1, EventKind::MassCanceled), (1, EventKind::Accepted)]
    );
    assert!(bench.engine.stats_json().contains("\"open_orders\":1,"));
}

#[test]
fn a_mass_cancel_that_an_engine_left_unfinished_is_finished_by_the_next() {
    let folder = Folder::new("unfinished");
    let venue = folder.venue("[engine]\nring_records = 64");
    let mut bench = Bench::open(&venue);
    rest_orders(&mut bench, 600);
    bench.push(mass_cancel_of(1));
    bench.engine.do_work(now_ns()).unwrap();
    bench.journal.do_work(now_ns()).unwrap();
    assert!(!bench.engine.stats_json().contains("\"open_orders\":0,"));
    drop(bench);
    let mut bench = Bench::open(&venue);
    bench.run();
    assert!(bench.engine.stats_json().contains("\"open_orders\":0,"));
}

#[test]
fn a_gateway_cannot_cancel_for_others_block_set_limits_or_change_accounts() {
    let folder = Folder::new("others");
    let mut bench = Bench::open(&folder.venue(""));
    bench.order(2, Side::Buy, 19_000, 1);
    bench.run();
    bench.private();
    let others = Command { scope_id: 2, ..mass_cancel_of(1) };
    let everybody = Command { scope: Scope::Venue, scope_id: 0, ..mass_cancel_of(1) };
    let block = Command { kind: CommandKind::BlockEntry, ..mass_cancel_of(1) };
    let limits = Command { kind: CommandKind::SetLimits, ..mass_cancel_of(1) };
    let account = Command { kind: CommandKind::SetAccount, ..mass_cancel_of(1) };
    let deposit = Command { kind: CommandKind::Deposit, price: 1, ..mass_cancel_of(1) };
    for command in [others, everybody, block, limits, account, deposit] {
        bench.push(command);
    }
    bench.run();
    assert!(bench.private().is_empty());
    assert!(bench.engine.stats_json().contains("\"bad_commands\":6"));
}

/// Reasons of what sessions were told last, None where they were not refused.
fn reasons(bench: &mut Bench) -> Vec<Reason> {
    bench.run();
    bench.private().iter().map(|record| record.event().unwrap().reason).collect()
}

#[test]
fn limits_hold_a_session_until_they_are_taken_away_also_after_a_restart() {
    let folder = Folder::new("limits");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            concat!(
                r#"{"command":"limits","session":"ALPHA1","order_qty":5,"position":8,"#,
                r#""rate_per_s":1,"burst":3}"#
            ),
            r#"{"command":"status"}"#,
        ],
    );
    assert!(answers[0].contains(r#""ok":true"#), "{}", answers[0]);
    let told =
        r#""limits":[{"burst":3,"order_qty":5,"position":8,"rate_per_s":1,"session":"ALPHA1"}]"#;
    assert!(answers[1].contains(told), "{}", answers[1]);
    bench.order(1, Side::Buy, 19_000, 6);
    bench.order(2, Side::Buy, 19_000, 6);
    bench.order(1, Side::Buy, 19_000, 5);
    assert_eq!(reasons(&mut bench), [Reason::OrderExceedsLimit, Reason::None, Reason::None]);
    // Limits, open quantities and bucket are part of the state: they outlive the engine.
    drop(bench);
    let mut bench = Bench::open(&venue);
    assert!(bench.engine.replay_summary().contains("equal to the state before"));
    bench.named(100);
    bench.order(1, Side::Buy, 19_000, 4);
    assert_eq!(reasons(&mut bench), [Reason::PositionLimit]);
    let answers = ask(
        &mut bench,
        &venue,
        &[r#"{"command":"limits","session":"ALPHA1","order_qty":0}"#, r#"{"command":"status"}"#],
    );
    assert!(answers[0].contains(r#""ok":true"#), "{}", answers[0]);
    assert!(answers[1].contains(r#""limits":[]"#), "{}", answers[1]);
    bench.order(1, Side::Buy, 19_000, 6);
    assert_eq!(reasons(&mut bench), [Reason::None]);
}

#[test]
fn a_session_that_sends_too_many_orders_at_once_is_told_so() {
    let folder = Folder::new("rate");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    ask(
        &mut bench,
        &venue,
        &[r#"{"command":"limits","session":"ALPHA1","rate_per_s":1,"burst":1}"#],
    );
    for _ in 0..2 {
        bench.order(1, Side::Buy, 19_000, 1);
    }
    assert_eq!(reasons(&mut bench), [Reason::None, Reason::RateExceeded]);
}

#[test]
fn limits_that_make_no_sense_are_refused_by_name() {
    let folder = Folder::new("senseless");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"limits","session":"NOBODY","order_qty":5}"#,
            r#"{"command":"limits","order_qty":5}"#,
            r#"{"command":"limits","session":"ALPHA1"}"#,
            r#"{"command":"limits","session":"ALPHA1","orderqty":5}"#,
            r#"{"command":"limits","session":"ALPHA1","position":-1}"#,
            r#"{"command":"limits","session":"ALPHA1","position":9223372036854775808}"#,
            r#"{"command":"limits","session":"ALPHA1","order_qty":1.5}"#,
            r#"{"command":"limits","session":"ALPHA1","rate_per_s":4294967296,"burst":1}"#,
            r#"{"command":"limits","session":"ALPHA1","rate_per_s":5}"#,
        ],
    );
    let expected = [
        "no session \\\"NOBODY\\\"",
        "name one session",
        "name at least one of order_qty, position, rate_per_s, burst",
        "limits have no \\\"orderqty\\\"",
        "position is -1, must be a whole number from 0 to 9223372036854775807",
        "position is 9223372036854775808, must be",
        "order_qty is 1.5, must be",
        "rate_per_s is 4294967296, must be a whole number from 0 to 4294967295",
        "rate_per_s is 5, burst is 0",
    ];
    assert_refused(&answers, &expected);
    assert!(bench.engine.stats_json().contains("\"bad_commands\":0"));
}

/// Asserts that each answer is a refusal that says why.
fn assert_refused(answers: &[String], expected: &[&str]) {
    for (answer, error) in answers.iter().zip(expected) {
        assert!(answer.contains(r#""ok":false"#) && answer.contains(error), "{answer}: {error}");
    }
    assert_eq!(answers.len(), expected.len());
}

#[test]
fn an_account_admits_what_it_covers_also_after_a_restart() {
    let folder = Folder::new("account");
    let venue = folder.venue(SMALL);
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA"}"#,
            r#"{"command":"account","member":"ALPHA","maker_fee":-1,"taker_fee":3}"#,
        ],
    );
    assert_eq!(answers[0], "{\"account\":null,\"ok\":true}\n");
    assert!(answers[1].contains(r#""ok":true"#), "{}", answers[1]);
    bench.order(1, Side::Buy, 100, 2);
    bench.order(2, Side::Buy, 100, 2); // a member without an account needs no cash
    assert_eq!(reasons(&mut bench), [Reason::InsufficientFunds, Reason::None]);
    ask(&mut bench, &venue, &[r#"{"command":"account","member":"ALPHA","cash":206}"#]);
    bench.order(1, Side::Buy, 100, 2); // 2 lots at 100 and the higher fee of 3
    assert_eq!(reasons(&mut bench), [Reason::None]);
    // Cash, fees and what is held back are part of the state: they outlive the engine.
    drop(bench);
    let mut bench = Bench::open(&venue);
    assert!(bench.engine.replay_summary().contains("equal to the state before"));
    let answers = ask(&mut bench, &venue, &[r#"{"command":"account","member":"ALPHA"}"#]);
    let told = concat!(
        r#"{"account":{"cash":206,"holdings":{},"maker_fee":-1,"reserved":206,"taker_fee":3},"#,
        r#""ok":true}"#
    );
    assert_eq!(answers[0].trim_end(), told);
}

#[test]
fn a_fill_moves_cash_lots_and_fees_and_operators_see_all_of_it() {
    let folder = Folder::new("settled");
    let venue = folder.venue(SMALL);
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA","maker_fee":1,"taker_fee":3}"#,
            r#"{"command":"account","member":"ALPHA","cash":1000}"#,
            r#"{"command":"account","member":"ALPHA","instrument":"ESH4","lots":5}"#,
        ],
    );
    assert!(answers.iter().all(|answer| answer.contains(r#""ok":true"#)), "{answers:?}");
    bench.order(2, Side::Buy, 100, 2);
    bench.order(1, Side::Sell, 100, 3); // 2 execute, 1 rests
    bench.run();
    let answers = ask(
        &mut bench,
        &venue,
        &[r#"{"command":"account","member":"ALPHA"}"#, r#"{"command":"status"}"#],
    );
    let told = concat!(
        r#"{"account":{"cash":1194,"holdings":{"ESH4":{"lots":3,"reserved":1}},"maker_fee":1,"#,
        r#""reserved":3,"taker_fee":3},"ok":true}"#
    );
    assert_eq!(answers[0].trim_end(), told);
    let told = r#""accounts":{"fees":6,"members":["ALPHA"],"others_cash":-200}"#;
    assert!(answers[1].contains(told), "{}", answers[1]);
}

#[test]
fn what_is_held_back_cannot_be_withdrawn_and_only_an_empty_account_closes() {
    let folder = Folder::new("withdrawal");
    let venue = folder.venue(SMALL);
    let mut bench = Bench::open(&venue);
    ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA","maker_fee":0,"taker_fee":0}"#,
            r#"{"command":"account","member":"ALPHA","cash":150}"#,
        ],
    );
    bench.order(1, Side::Buy, 100, 1);
    bench.order(2, Side::Buy, 100, 1);
    bench.run();
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA","cash":-51}"#,
            r#"{"command":"account","member":"ALPHA","instrument":"ESH4","lots":-1}"#,
            r#"{"command":"account","member":"ALPHA","maker_fee":0,"taker_fee":51}"#,
            r#"{"command":"account","member":"ALPHA","close":true}"#,
            r#"{"command":"account","member":"BETA","close":true}"#,
            r#"{"command":"account","member":"BETA","cash":1}"#,
            r#"{"command":"account","member":"BETA","maker_fee":0,"taker_fee":0}"#,
        ],
    );
    let expected = [
        "the account has less free",
        "the account has less free",
        "open orders of the member would hold back more",
        "the account holds cash or lots",
        "the member has no account",
        "the member has no account",
        "open orders of the member would hold back more",
    ];
    assert_refused(&answers, &expected);
    ask(&mut bench, &venue, &[r#"{"command":"kill","member":"ALPHA"}"#]);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA","cash":-150}"#,
            r#"{"command":"account","member":"ALPHA","close":true}"#,
            r#"{"command":"status"}"#,
        ],
    );
    assert!(answers.iter().all(|answer| answer.contains(r#""ok":true"#)), "{answers:?}");
    assert!(answers[2].contains(r#""members":[],"others_cash":0"#), "{}", answers[2]);
}

#[test]
fn a_venue_gives_no_more_accounts_than_it_is_configured_for() {
    let folder = Folder::new("accounts");
    let venue = folder.venue("[engine]\nmax_accounts = 1\nmax_cl_ord_ids = 1000");
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA","maker_fee":0,"taker_fee":0}"#,
            r#"{"command":"account","member":"BETA","maker_fee":0,"taker_fee":0}"#,
            r#"{"command":"account","member":"ALPHA","close":true}"#,
            r#"{"command":"account","member":"BETA","maker_fee":0,"taker_fee":0}"#,
        ],
    );
    assert_refused(&answers[1..2], &["the venue holds as many accounts as it can"]);
    assert!(answers[3].contains(r#""ok":true"#), "{}", answers[3]);
}

#[test]
fn cash_beyond_64_bits_is_told_with_all_its_digits() {
    let folder = Folder::new("riches");
    let venue = folder.venue(SMALL);
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account","member":"ALPHA","maker_fee":0,"taker_fee":0}"#,
            r#"{"command":"account","member":"ALPHA","cash":9223372036854775807}"#,
            r#"{"command":"account","member":"ALPHA","cash":9223372036854775807}"#,
            r#"{"command":"account","member":"ALPHA","cash":9223372036854775807}"#,
            r#"{"command":"account","member":"ALPHA"}"#,
        ],
    );
    assert!(answers[4].contains(r#""cash":"27670116110564327421""#), "{}", answers[4]);
}

#[test]
fn changes_of_an_account_that_make_no_sense_are_refused_by_name() {
    let folder = Folder::new("account-senseless");
    let venue = folder.venue(SMALL);
    let mut bench = Bench::open(&venue);
    let answers = ask(
        &mut bench,
        &venue,
        &[
            r#"{"command":"account"}"#,
            r#"{"command":"account","member":"NOBODY"}"#,
            r#"{"command":"account","member":"ALPHA","fee":5}"#,
            r#"{"command":"account","member":"ALPHA","maker_fee":5}"#,
            r#"{"command":"account","member":"ALPHA","cash":5,"close":true}"#,
            r#"{"command":"account","member":"ALPHA","close":1}"#,
            r#"{"command":"account","member":"ALPHA","maker_fee":0,"taker_fee":4294967296}"#,
            r#"{"command":"account","member":"ALPHA","cash":0}"#,
            r#"{"command":"account","member":"ALPHA","cash":9223372036854775808}"#,
            r#"{"command":"account","member":"ALPHA","cash":1.5}"#,
            r#"{"command":"account","member":"ALPHA","lots":5}"#,
            r#"{"command":"account","member":"ALPHA","instrument":"all","lots":5}"#,
        ],
    );
    let expected = [
        "name one member",
        "no member \\\"NOBODY\\\"",
        "an account has no \\\"fee\\\", only maker_fee, taker_fee, close, cash, instrument, lots",
        "instrument and lots; not maker_fee\"",
        "one change at a time: maker_fee and taker_fee, or",
        "close is 1, must be true",
        "taker_fee is 4294967296, must be a whole number from -4294967295 to 4294967295",
        "cash is 0, must be above it for a deposit, below for a withdrawal",
        "cash is 9223372036854775808, must be a whole number from -9223372036854775808",
        "cash is 1.5, must be",
        "; not lots\"",
        "no instrument \\\"all\\\"",
    ];
    assert_refused(&answers, &expected);
    assert!(bench.engine.stats_json().contains("\"bad_commands\":0"));
}
