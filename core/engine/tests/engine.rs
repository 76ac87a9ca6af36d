//! The rules of the engine: order, durability before release, restart, operators, bad neighbours.

mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bench::{Bench, Folder, kinds};
use touchline_config::RunFile;
use touchline_engine::{Engine, EngineError, StateHashes};
use touchline_sys::{Agent, now_ns};
use touchline_types::{
    Command, CommandKind, EventKind, PublicKind, Reason, Side, TradingPhase, parse_cl_ord_id,
};

#[test]
fn owners_and_public_see_what_concerns_them() {
    let folder = Folder::new("owners");
    let mut bench = Bench::open(&folder.venue(""));
    bench.order(1, Side::Sell, 19_200, 5);
    bench.order(2, Side::Buy, 19_200, 3);
    bench.run();
    let private = bench.private();
    assert_eq!(
        kinds(&private),
        [
            (1, EventKind::Accepted),
            (2, EventKind::Accepted),
            (1, EventKind::Executed),
            (2, EventKind::Executed)
        ]
    );
    assert_eq!(private[2].from_session_id, 2, "the fill of 1 came from a command of 2");
    assert!(private[2].durable_time > 0 && private[2].released_time >= private[2].durable_time);
    let public = bench.public();
    let seen: Vec<_> =
        public.iter().map(|record| (record.kind, record.qty, record.flags.0 & 1)).collect();
    assert_eq!(seen, [(PublicKind::Add, 5, 1), (PublicKind::Execute, 3, 1)]);
    assert_eq!(public[1].aggressor_side, Side::Buy);
}

#[test]
fn in_sync_mode_nothing_is_released_before_the_journal_holds_it() {
    let folder = Folder::new("sync");
    let mut bench = Bench::open(&folder.venue(""));
    bench.order(1, Side::Buy, 19_200, 5);
    for _ in 0..3 {
        bench.engine.do_work(now_ns()).unwrap();
    }
    assert!(bench.private().is_empty() && bench.public().is_empty());
    bench.run();
    assert_eq!(kinds(&bench.private()), [(1, EventKind::Accepted)]);
}

#[test]
fn in_async_mode_output_is_released_at_once_and_the_window_is_counted() {
    let folder = Folder::new("async");
    let mut bench = Bench::open(&folder.venue("[engine]\ndurability = \"async\""));
    bench.order(1, Side::Buy, 19_200, 5);
    bench.engine.do_work(now_ns()).unwrap();
    let private = bench.private();
    assert_eq!(kinds(&private), [(1, EventKind::Accepted)]);
    assert_eq!(private[0].durable_time, 0);
    assert!(
        bench.engine.stats_json().contains("\"exposed_max\":1"),
        "{}",
        bench.engine.stats_json()
    );
}

#[test]
fn a_restarted_engine_has_the_state_that_it_had() {
    let folder = Folder::new("restart");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    for price in 0..500 {
        bench.order(
            1 + price % 2,
            if price % 3 == 0 { Side::Buy } else { Side::Sell },
            19_000 + i64::from(price % 7),
            3,
        );
    }
    bench.run();
    let noted = StateHashes::open(&venue.run_file(RunFile::StateHashes)).unwrap().get(500).unwrap();
    drop(bench);
    let again = Bench::open(&venue);
    let summary = again.engine.replay_summary();
    assert_eq!(
        summary,
        format!("replayed 500 commands, state hash {noted:016x} (equal to the state before)")
    );
}

#[test]
fn hashes_that_an_engine_of_another_scheme_noted_are_not_compared() {
    let folder = Folder::new("scheme");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    bench.order(1, Side::Buy, 19_000, 1);
    bench.run();
    drop(bench);
    let path = venue.run_file(RunFile::StateHashes);
    let mut noted = std::fs::read(&path).unwrap();
    // Another hash for every command, and another scheme behind them.
    noted.iter_mut().for_each(|byte| *byte ^= u8::from(*byte != 0));
    std::fs::write(&path, &noted).unwrap();
    assert!(StateHashes::open(&path).is_err());
    let again = Bench::open(&venue);
    let summary = again.engine.replay_summary();
    assert!(summary.contains("no noted state to compare with"), "{summary}");
}

#[test]
fn commands_that_never_reached_the_journal_are_not_in_the_state() {
    let folder = Folder::new("lost");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    bench.order(1, Side::Buy, 19_000, 1);
    bench.run();
    bench.order(1, Side::Buy, 19_001, 1);
    bench.engine.do_work(now_ns()).unwrap(); // matched, but never journaled
    drop(bench);
    let again = Bench::open(&venue);
    assert!(again.engine.replay_summary().starts_with("replayed 1 commands"));
    assert!(again.engine.replay_summary().contains("equal to the state before"));
}

#[test]
fn a_journal_of_another_venue_is_refused_by_the_line_that_differs() {
    let folder = Folder::new("shape");
    drop(Bench::open(&folder.venue("")));
    let other = folder.venue("[engine]\nmax_levels = 100");
    match Engine::open(&other) {
        Err(EngineError::History(error)) => {
            assert!(error.to_string().contains("100 levels"), "{error}");
        }
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_gateway_cannot_speak_for_a_session_that_does_not_exist_or_for_an_operator() {
    let folder = Folder::new("owner");
    let mut bench = Bench::open(&folder.venue(""));
    bench.order(0, Side::Buy, 19_000, 1);
    bench.order(3, Side::Buy, 19_000, 1);
    let mut phase = Command::of(CommandKind::ChangePhase);
    phase.session_id = 1;
    phase.instrument_id = 1;
    phase.phase = TradingPhase::Halt;
    bench.push(phase);
    bench.run();
    assert!(bench.private().is_empty());
    assert!(bench.engine.stats_json().contains("\"bad_commands\":3"));
}

#[test]
fn the_member_of_a_command_is_the_one_of_its_session_whatever_the_record_says() {
    let folder = Folder::new("member");
    let mut bench = Bench::open(&folder.venue(""));
    bench.order(1, Side::Buy, 19_000, 1);
    bench.run();
    bench.private();
    let mut cancel = Command::of(CommandKind::CancelOrder);
    cancel.session_id = 2;
    cancel.member_id = 1; // a lie
    cancel.instrument_id = 1;
    cancel.side = Side::Buy;
    cancel.cl_ord_id = parse_cl_ord_id(b"C1").unwrap();
    cancel.orig_cl_ord_id = parse_cl_ord_id(b"O1").unwrap();
    bench.push(cancel);
    bench.run();
    let event = bench.private()[0].event().unwrap();
    assert_eq!((event.kind, event.reason), (EventKind::CancelRejected, Reason::UnknownOrder));
}

#[test]
fn a_flood_from_one_ring_is_taken_in_budgets() {
    let folder = Folder::new("budget");
    let mut bench = Bench::open(&folder.venue("[engine]\nbudget = 8\nring_records = 64"));
    for _ in 0..40 {
        bench.order(1, Side::Buy, 19_000, 1);
    }
    assert!(bench.engine.do_work(now_ns()).unwrap() <= 8);
    bench.run();
    assert_eq!(bench.private().len(), 40);
    assert!(!bench.engine.stats_json().contains("\"over_budget\":0,"));
}

#[test]
fn an_operator_opens_the_market_over_the_socket() {
    use std::io::{BufRead, BufReader, Write};

    let folder = Folder::new("admin");
    let venue = folder.venue("");
    let mut bench = Bench::open(&venue);
    let path = venue.run_file(RunFile::AdminSocket);
    let ringer = touchline_sys::Ringer::open(&venue.run_file(RunFile::EngineBell)).unwrap();
    let (server, operator) = touchline_engine::operator(&venue, &path, ringer).unwrap();
    bench.engine.set_operator(operator);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let serving = std::thread::spawn(move || server.run(&stopped));
    let asking = std::thread::spawn(move || {
        let stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut ask = |line: &str| {
            (&stream).write_all(line.as_bytes()).unwrap();
            let mut reply = String::new();
            lines.read_line(&mut reply).unwrap();
            reply
        };
        let halt = ask("{\"command\":\"phase\",\"instrument\":\"all\",\"phase\":\"halt\"}\n");
        let again = ask("{\"command\":\"phase\",\"instrument\":\"ESH4\",\"phase\":\"halt\"}\n");
        let status = ask("{\"command\":\"status\"}\n");
        let bad = ask("{\"command\":\"phase\",\"instrument\":\"XX\",\"phase\":\"halt\"}\n");
        let noise = ask("hello\n");
        [halt, again, status, bad, noise]
    });
    while !asking.is_finished() {
        bench.run();
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Release);
    let [halt, again, status, bad, noise] = asking.join().unwrap();
    serving.join().unwrap();
    assert!(halt.contains("\"ok\":true"), "{halt}");
    assert!(again.contains("in that phase already"), "{again}");
    assert!(status.contains("\"phase\":\"halt\""), "{status}");
    assert!(bad.contains("no instrument"), "{bad}");
    assert!(noise.contains("not JSON"), "{noise}");
    bench.order(1, Side::Buy, 19_000, 1);
    bench.run();
    let event = bench.private()[0].event().unwrap();
    assert_eq!(event.reason, Reason::ExchangeClosed);
}
