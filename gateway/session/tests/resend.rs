//! Answers to ResendRequests, rule by rule.

mod harness;

use harness::{Bench, SECOND, START};
use touchline_session::{Action, Actions, DisconnectReason as Reason, MessageStore, Turn};

/// An acceptor that has sent 1 Logon, 2 and 3 application, 4 and 5 heartbeats, 6 application.
fn with_history() -> Bench {
    let mut bench = Bench::logged_on();
    bench.send_app("two");
    bench.send_app("three");
    bench.wait(30 * SECOND);
    bench.receive("35=0|34=2|");
    bench.wait(30 * SECOND);
    bench.receive("35=0|34=3|");
    bench.send_app("six");
    assert_eq!(bench.take().len(), 5);
    bench
}

/// The first line's head and tail around the time in 122.
fn again(number: u64, body: &str) -> (String, String) {
    (format!("35=8|34={number}|43=Y|122="), format!("|{body}"))
}

fn fill(number: u64, new_seq_no: u64) -> (String, String) {
    (format!("35=4|34={number}|43=Y|122="), format!("|123=Y|36={new_seq_no}|"))
}

fn check(log: &[String], expected: &[(String, String)]) {
    assert_eq!(log.len(), expected.len(), "{log:#?}");
    for (line, (head, tail)) in log.iter().zip(expected) {
        assert!(line.starts_with(head) && line.ends_with(tail), "{line} is not {head}...{tail}");
    }
}

#[test]
fn application_messages_come_again_and_runs_of_session_messages_become_one_gap_fill() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=1|16=0|");
    assert!(bench.session.has_replay());
    bench.replay(100);
    check(
        &bench.take(),
        &[fill(1, 2), again(2, "58=two|"), again(3, "58=three|"), fill(4, 6), again(6, "58=six|")],
    );
    assert!(!bench.session.has_replay());
    let counters = bench.session.counters();
    assert_eq!((counters.replayed, counters.gap_filled), (3, 3));
}

#[test]
fn a_range_is_answered_exactly_and_beyond_the_last_means_all() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=3|16=4|");
    bench.replay(100);
    check(&bench.take(), &[again(3, "58=three|"), fill(4, 5)]);
    bench.receive("35=2|34=5|7=5|16=999999|");
    bench.replay(100);
    check(&bench.take(), &[fill(5, 6), again(6, "58=six|")]);
}

/// Keeps the bytes of what is sent.
#[derive(Default)]
struct Wire(Vec<Vec<u8>>);

impl Actions for Wire {
    fn push(&mut self, action: Action<'_>) {
        if let Action::Send { bytes, .. } = action {
            self.0.push(bytes.to_vec());
        }
    }
}

#[test]
fn the_body_is_the_same_and_122_is_the_first_52() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=3|16=3|");
    let mut wire = Wire::default();
    let mut turn = Turn { now_ns: bench.now, store: &mut bench.store, actions: &mut wire };
    bench.session.replay(100, &mut turn);
    assert_eq!(wire.0.len(), 1);
    let text = String::from_utf8(wire.0.remove(0)).unwrap().replace('\x01', "|");
    assert!(
        text.contains(
            "35=8|34=3|49=TL|56=M1|52=20260105-09:31:00.000|43=Y|122=20260105-09:30:00.000|58=three|10="
        ),
        "{text}"
    );
    // A second replay gives the first time again, not that of the first replay.
    bench.now += SECOND;
    bench.receive("35=2|34=5|7=3|16=3|");
    bench.replay(100);
    check(&bench.take(), &[again(3, "58=three|")]);
}

#[test]
fn rejects_are_sent_again() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|11=|");
    bench.take();
    bench.receive("35=2|34=3|7=2|16=2|");
    bench.replay(100);
    let log = bench.take();
    assert!(log[0].starts_with("35=3|34=2|43=Y|122="), "{log:?}");
}

#[test]
fn live_messages_do_not_interleave_with_a_replay() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=2|16=0|");
    assert_eq!(bench.replay(1), 1);
    check(&bench.take(), &[again(2, "58=two|")]);
    assert_eq!(bench.send_app("seven"), 7);
    bench.receive("35=1|34=5|112=now|");
    assert_eq!(bench.take(), [""; 0]);
    while bench.session.has_replay() {
        assert_eq!(bench.replay(1), 1);
    }
    let log = bench.take();
    check(&log[..3], &[again(3, "58=three|"), fill(4, 6), again(6, "58=six|")]);
    assert_eq!(log[3..], ["35=8|34=7|58=seven|", "35=0|34=8|112=now|"]);
    assert_eq!(bench.send_app("nine"), 9);
    assert_eq!(bench.take(), ["35=8|34=9|58=nine|"]);
}

#[test]
fn a_waiting_session_message_is_sent_even_if_the_store_does_not_keep_it() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=6|16=0|");
    bench.receive("35=1|34=5|112=now|");
    // As a store does that keeps only what is sent again on request.
    bench.store.append(7, b"");
    bench.replay(100);
    let log = bench.take();
    check(&log[..1], &[again(6, "58=six|")]);
    assert_eq!(log[1..], ["35=0|34=7|112=now|"]);
    assert_eq!(bench.session.counters().store_damaged, 0);
}

#[test]
fn a_waiting_message_that_the_store_has_lost_is_gap_filled() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=6|16=0|");
    bench.send_app("seven");
    bench.send_app("eight");
    bench.store.append(7, b"");
    bench.replay(100);
    let log = bench.take();
    check(&log[..2], &[again(6, "58=six|"), fill(7, 8)]);
    assert_eq!(log[2..], ["35=8|34=8|58=eight|"]);
    assert_eq!(bench.session.counters().store_damaged, 1);
}

#[test]
fn a_request_during_a_replay_is_served_after_it_and_leaves_waiting_messages_alone() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=6|16=0|");
    bench.send_app("seven");
    bench.receive("35=2|34=5|7=3|16=3|");
    bench.receive("35=2|34=6|7=2|16=2|");
    bench.replay(100);
    let log = bench.take();
    // The first request was still waiting, so the three became one range.
    check(
        &log[..4],
        &[again(2, "58=two|"), again(3, "58=three|"), fill(4, 6), again(6, "58=six|")],
    );
    assert_eq!(log[4..], ["35=8|34=7|58=seven|"]);
}

#[test]
fn a_request_for_numbers_that_were_never_sent_is_rejected() {
    let mut bench = with_history();
    let text = "Value is incorrect (out of range) for this tag";
    for (number, request, tag) in [(4, "7=7|16=0|", 7), (5, "7=0|16=0|", 7), (6, "7=5|16=4|", 16)] {
        bench.receive(&format!("35=2|34={number}|{request}"));
        let reject = format!("|45={number}|371={tag}|372=2|373=5|58={text}|");
        let log = bench.take();
        assert!(log[0].ends_with(&reject), "{log:?}");
        assert!(!bench.session.has_replay());
    }
    bench.receive("35=2|34=7|7=1|");
    assert!(bench.take()[0].contains("|371=16|372=2|373=1|"));
}

#[test]
fn a_request_above_a_gap_is_served_at_once_and_the_gap_is_asked_for() {
    let mut bench = with_history();
    bench.receive("35=2|34=8|7=6|16=6|");
    bench.replay(100);
    let log = bench.take();
    check(&log[..1], &[again(6, "58=six|")]);
    assert_eq!(log[1], "35=2|34=7|7=4|16=0|");
    // Its number counts once the gap is filled, and it is not served again.
    bench.receive("35=4|34=4|43=Y|123=Y|36=8|");
    assert_eq!(bench.expected(), 9);
    assert!(!bench.session.has_replay());
}

#[test]
fn what_the_store_has_lost_is_gap_filled() {
    let mut bench = with_history();
    bench.store.append(3, b"no message");
    bench.receive("35=2|34=4|7=2|16=6|");
    bench.replay(100);
    check(&bench.take(), &[again(2, "58=two|"), fill(3, 6), again(6, "58=six|")]);
    assert_eq!(bench.session.counters().store_damaged, 1);
}

#[test]
fn a_logout_during_a_replay_ends_it() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=2|16=0|");
    bench.replay(1);
    bench.send_app("seven");
    bench.take();
    bench.receive("35=5|34=5|");
    assert_eq!(
        bench.take(),
        ["35=5|34=8|".to_owned(), "logged out".into(), harness::disconnect(Reason::LogoutReceived)]
    );
    // The next Logon has number 9, the member asks for what it misses, and 7 is among it.
    bench.connect();
    bench.receive("35=A|34=6|98=0|108=30|");
    bench.receive("35=2|34=7|7=7|16=0|");
    bench.take();
    bench.replay(100);
    check(&bench.take(), &[again(7, "58=seven|"), fill(8, 10)]);
}

#[test]
fn a_replay_keeps_the_line_busy_instead_of_heartbeats() {
    let mut bench = with_history();
    bench.receive("35=2|34=4|7=2|16=0|");
    bench.wait(29 * SECOND);
    bench.replay(1);
    bench.take();
    bench.wait(2 * SECOND);
    assert_eq!(bench.take(), [""; 0]);
    assert_eq!(bench.session.numbers().next_outbound, 7);
    assert!(bench.now > START);
}
