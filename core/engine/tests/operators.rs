//! The rules of the engine for operators and mass cancels: kill, resume, and orders that are many.

mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bench::{Bench, Folder, kinds};
use touchline_config::{RunFile, Venue};
use touchline_sys::{Agent, now_ns};
use touchline_types::{Command, CommandKind, EventKind, Reason, Scope, Side};

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
    let blocked = r#""blocked":{"members":["BETA"],"sessions":["ALPHA1"],"venue":false}"#;
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
fn a_gateway_cannot_cancel_for_others_or_block() {
    let folder = Folder::new("others");
    let mut bench = Bench::open(&folder.venue(""));
    bench.order(2, Side::Buy, 19_000, 1);
    bench.run();
    bench.private();
    let others = Command { scope_id: 2, ..mass_cancel_of(1) };
    let everybody = Command { scope: Scope::Venue, scope_id: 0, ..mass_cancel_of(1) };
    let block = Command { kind: CommandKind::BlockEntry, ..mass_cancel_of(1) };
    for command in [others, everybody, block] {
        bench.push(command);
    }
    bench.run();
    assert!(bench.private().is_empty());
    assert!(bench.engine.stats_json().contains("\"bad_commands\":3"));
}
