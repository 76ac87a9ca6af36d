//! Logon, Logout and reset, rule by rule.

mod harness;

use harness::{Bench, SECOND, disconnect, encode, frame};
use touchline_fix::{Fields, Garbled, Message};
use touchline_session::{DisconnectReason as Reason, Numbers, SessionId};

const SEEN_FOUR: Numbers = Numbers { next_inbound: 5, next_outbound: 7 };

#[test]
fn a_logon_is_answered_with_the_same_heartbeat_interval() {
    let mut bench = Bench::acceptor(Numbers::default());
    bench.receive("35=A|34=1|98=0|108=17|");
    assert_eq!(bench.take(), ["35=A|34=1|98=0|108=17|", "logged on"]);
    assert!(bench.session.is_logged_on());
    assert_eq!(bench.expected(), 2);
}

#[test]
fn numbers_go_on_over_connections() {
    let mut bench = Bench::acceptor(SEEN_FOUR);
    bench.receive("35=A|34=5|98=0|108=30|");
    assert_eq!(bench.take(), ["35=A|34=7|98=0|108=30|", "logged on"]);
    assert_eq!(bench.session.numbers(), Numbers { next_inbound: 6, next_outbound: 8 });
}

#[test]
fn a_first_message_that_is_no_logon_is_closed_without_a_word() {
    for first in ["35=0|34=5|", "35=D|34=5|11=x|", "35=5|34=5|", "35=4|34=5|36=99|"] {
        let mut bench = Bench::acceptor(SEEN_FOUR);
        bench.receive(first);
        assert_eq!(bench.take(), [disconnect(Reason::FirstMessageNotLogon)], "{first}");
        assert_eq!(bench.session.numbers(), SEEN_FOUR);
    }
}

#[test]
fn a_logon_of_another_identity_or_version_is_closed_without_a_word() {
    let now = harness::START;
    for logon in [
        encode("35=A|34=5|49=M2|98=0|108=30|", now),
        encode("35=A|34=5|56=XX|98=0|108=30|", now),
        frame("FIX.4.2", "35=A|34=5|49=M1|56=TL|52=20260105-09:30:00|98=0|108=30|"),
    ] {
        let mut bench = Bench::acceptor(SEEN_FOUR);
        bench.receive_bytes(&logon);
        assert_eq!(bench.take(), [disconnect(Reason::LogonIdentity)]);
        assert_eq!(bench.session.numbers(), SEEN_FOUR);
    }
}

#[test]
fn a_first_message_that_is_garbled_is_closed_without_a_word() {
    let mut bench = Bench::acceptor(SEEN_FOUR);
    let (session, mut turn) = bench.turn();
    session.on_garbled(Garbled::BadBodyLength, &mut turn);
    assert_eq!(bench.take(), [disconnect(Reason::LogonIdentity)]);
    assert_eq!(bench.session.numbers(), SEEN_FOUR);
}

#[test]
fn a_logon_that_cannot_be_accepted_is_told_why() {
    for (logon, text) in [
        ("35=A|34=5|98=0|", "tag 108: Required tag missing"),
        ("35=A|34=5|98=0|108=-1|", "tag 108: Incorrect data format for value"),
        ("35=A|34=5|98=1|108=30|", "tag 98: Value is incorrect (out of range) for this tag"),
        ("35=A|34=5|108=30|", "tag 98: Required tag missing"),
        ("35=A|98=0|108=30|", "tag 34: Required tag missing"),
        ("35=A|34=5|98=0|108=30|108=30|", "tag 108: Tag appears more than once"),
        ("35=A|34=5|52=20260105-09:32:01|98=0|108=30|", "tag 52: SendingTime accuracy problem"),
        ("35=A|34=5|98=0|108=30|141=Y|", "tag 141: Value is incorrect (out of range) for this tag"),
    ] {
        let mut bench = Bench::acceptor(SEEN_FOUR);
        bench.receive(logon);
        assert_eq!(
            bench.take(),
            [format!("35=5|34=7|58={text}|"), disconnect(Reason::LogonRefused)]
        );
        assert_eq!(bench.expected(), 5);
    }
}

#[test]
fn a_logon_too_low_is_told_both_numbers() {
    let mut bench = Bench::acceptor(SEEN_FOUR);
    bench.receive("35=A|34=3|98=0|108=30|");
    let text = "MsgSeqNum too low, expecting 5 but received 3";
    assert_eq!(bench.take(), [format!("35=5|34=7|58={text}|"), format!("disconnect: {text}")]);
    assert_eq!(bench.expected(), 5);
}

#[test]
fn a_logon_too_high_is_answered_and_then_the_gap_is_asked_for() {
    let mut bench = Bench::acceptor(SEEN_FOUR);
    bench.receive("35=A|34=8|98=0|108=30|");
    assert_eq!(bench.take(), ["35=A|34=7|98=0|108=30|", "logged on", "35=2|34=8|7=5|16=0|"]);
    assert_eq!(bench.expected(), 5);
    // The gap fill reaches up to the Logon, which counts without being seen again.
    bench.receive("35=4|34=5|43=Y|123=Y|36=8|");
    assert_eq!(bench.expected(), 9);
    assert_eq!(bench.receive("35=D|34=9|11=x|"), [9]);
    assert_eq!(bench.take(), [""; 0]);
}

#[test]
fn a_logon_with_141_y_starts_both_sides_at_1() {
    let mut bench = Bench::acceptor(SEEN_FOUR);
    bench.send_app("kept for the member");
    bench.receive("35=A|34=1|98=0|108=30|141=Y|");
    assert_eq!(bench.take(), ["35=A|34=1|98=0|108=30|141=Y|", "logged on"]);
    assert_eq!(bench.session.numbers(), Numbers { next_inbound: 2, next_outbound: 2 });
    assert_eq!(bench.store.next_outbound(), 2);
}

#[test]
fn a_logon_with_141_y_inside_a_session_starts_both_sides_at_1() {
    let mut bench = Bench::logged_on();
    bench.send_app("one");
    bench.receive("35=D|34=2|11=x|");
    bench.take();
    bench.receive("35=A|34=1|98=0|108=30|141=Y|");
    assert_eq!(bench.take(), ["35=A|34=1|98=0|108=30|141=Y|"]);
    assert_eq!(bench.session.numbers(), Numbers { next_inbound: 2, next_outbound: 2 });
    assert_eq!(bench.receive("35=D|34=2|11=y|"), [2]);
    assert!(bench.session.is_logged_on());
}

#[test]
fn a_reset_inside_a_session_with_another_number_than_1_is_refused() {
    let mut bench = Bench::logged_on();
    bench.receive("35=A|34=2|98=0|108=30|141=Y|");
    let log = bench.take();
    assert!(log[0].starts_with("35=5|34=2|58=tag 141"), "{log:?}");
    assert_eq!(log[1..], ["logged out".to_owned(), disconnect(Reason::ResetRefused)]);
}

#[test]
fn a_second_logon_without_141_is_rejected() {
    let mut bench = Bench::logged_on();
    bench.receive("35=A|34=2|98=0|108=30|");
    assert_eq!(bench.take(), ["35=3|34=2|45=2|371=35|372=A|373=99|58=Other|"]);
    assert_eq!(bench.expected(), 3);
}

#[test]
fn a_connection_without_a_logon_is_closed_at_the_deadline() {
    let mut bench = Bench::acceptor(Numbers::default());
    assert_eq!(bench.session.next_timer_ns(), Some(bench.now + 10 * SECOND));
    bench.wait(10 * SECOND - 1);
    assert_eq!(bench.take(), [""; 0]);
    bench.wait(1);
    assert_eq!(bench.take(), [disconnect(Reason::LogonTimeout)]);
    assert_eq!(bench.session.next_timer_ns(), None);
}

#[test]
fn a_logon_can_be_refused_by_the_owner() {
    let mut bench = Bench::acceptor(SEEN_FOUR);
    let (session, mut turn) = bench.turn();
    session.refuse_logon("unknown password", &mut turn);
    assert_eq!(
        bench.take(),
        ["35=5|34=7|58=unknown password|".to_owned(), disconnect(Reason::LogonRefused)]
    );
}

#[test]
fn a_logout_is_answered_and_the_connection_closed() {
    let mut bench = Bench::logged_on();
    bench.receive("35=5|34=2|");
    assert_eq!(
        bench.take(),
        ["35=5|34=2|".to_owned(), "logged out".to_owned(), disconnect(Reason::LogoutReceived)]
    );
    assert_eq!(bench.expected(), 3);
}

#[test]
fn our_logout_ends_with_the_answer() {
    let mut bench = Bench::logged_on();
    bench.logout();
    assert_eq!(bench.take(), ["35=5|34=2|"]);
    // What was on its way is still taken.
    assert_eq!(bench.receive("35=D|34=2|11=x|"), [2]);
    bench.receive("35=5|34=3|");
    assert_eq!(bench.take(), ["logged out".to_owned(), disconnect(Reason::LogoutAnswered)]);
    assert_eq!(bench.expected(), 4);
}

#[test]
fn our_logout_without_an_answer_ends_at_the_deadline() {
    let mut bench = Bench::logged_on();
    bench.logout();
    bench.take();
    bench.wait(2 * SECOND - 1);
    assert_eq!(bench.take(), [""; 0]);
    bench.wait(1);
    assert_eq!(bench.take(), ["logged out".to_owned(), disconnect(Reason::LogoutTimeout)]);
}

#[test]
fn what_is_sent_while_nobody_is_logged_on_is_asked_for_at_the_next_logon() {
    let mut bench = Bench::logged_on();
    bench.session.on_disconnect(&mut bench.log);
    assert_eq!(bench.send_app("offline"), 2);
    assert_eq!(bench.take(), ["logged out"]);
    bench.connect();
    assert_eq!(bench.send_app("before the logon"), 3);
    bench.receive("35=A|34=2|98=0|108=30|");
    assert_eq!(bench.take(), ["35=A|34=4|98=0|108=30|", "logged on"]);
    bench.receive("35=2|34=3|7=2|16=0|");
    bench.replay(100);
    let log = bench.take();
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log[0].starts_with("35=8|34=2|43=Y|122=") && log[0].ends_with("|58=offline|"));
    assert!(log[1].starts_with("35=8|34=3|43=Y|122="));
    assert!(log[2].starts_with("35=4|34=4|43=Y|122=") && log[2].ends_with("|123=Y|36=5|"));
}

#[test]
fn an_initiator_logs_on_and_goes_on_with_its_numbers() {
    let mut bench = Bench::initiator(SEEN_FOUR);
    assert_eq!(bench.take(), ["35=A|34=7|98=0|108=30|"]);
    assert_eq!(bench.send_app("right behind"), 8);
    bench.receive("35=A|34=5|98=0|108=30|");
    assert_eq!(bench.take(), ["logged on"]);
    bench.replay(10);
    assert_eq!(bench.take(), ["35=8|34=8|58=right behind|"]);
    assert!(!bench.session.has_replay());
}

#[test]
fn an_initiator_asks_for_a_gap_that_the_logon_answer_shows() {
    let mut bench = Bench::initiator(SEEN_FOUR);
    bench.take();
    bench.receive("35=A|34=9|98=0|108=30|");
    assert_eq!(bench.take(), ["logged on", "35=2|34=8|7=5|16=0|"]);
}

#[test]
fn an_initiator_whose_logon_is_refused_closes() {
    let mut bench = Bench::initiator(SEEN_FOUR);
    bench.take();
    bench.receive("35=5|34=5|58=MsgSeqNum too low, expecting 9 but received 7|");
    assert_eq!(bench.take(), [disconnect(Reason::LogonRefused)]);
    assert_eq!(bench.expected(), 6);
    let (session, turn) = bench.turn();
    assert!(session.set_numbers(Numbers { next_inbound: 6, next_outbound: 9 }, turn.store));
    bench.connect();
    assert!(!bench.session.set_numbers(Numbers::default(), &mut bench.store));
    assert_eq!(bench.take(), ["35=A|34=9|98=0|108=30|"]);
}

#[test]
fn an_initiator_does_not_obey_a_reset_it_did_not_ask_for() {
    let mut bench = Bench::initiator(SEEN_FOUR);
    bench.take();
    bench.receive("35=A|34=1|98=0|108=30|141=Y|");
    let log = bench.take();
    assert!(log[0].starts_with("35=5|34=8|58=tag 141"), "{log:?}");
    assert_eq!(log[1], disconnect(Reason::LogonRefused));
}

#[test]
fn an_initiator_that_resets_sends_141_and_starts_at_1() {
    let id = SessionId::new("TL", "M1").unwrap();
    let mut config = touchline_session::SessionConfig::initiator(id, 10);
    config.reset_on_logon = true;
    config.username = Some("m1".to_owned());
    config.password = Some("secret".to_owned());
    let mut bench = Bench::new(config, SEEN_FOUR);
    bench.connect();
    assert_eq!(bench.take(), ["35=A|34=1|98=0|108=10|141=Y|553=m1|554=secret|"]);
    bench.receive("35=A|34=1|98=0|108=10|141=Y|");
    assert_eq!(bench.take(), ["logged on"]);
    assert_eq!(bench.session.numbers(), Numbers { next_inbound: 2, next_outbound: 2 });
}

#[test]
fn an_acceptor_finds_the_session_by_the_reversed_ids() {
    let bytes = encode("35=A|34=1|98=0|108=30|", harness::START);
    let mut fields = Fields::new();
    let message = Message::parse(&bytes, &mut fields).unwrap();
    let id = SessionId::of_received(&message).unwrap();
    assert_eq!(id, SessionId::new("TL", "M1").unwrap());
    assert_eq!(id.reversed(), SessionId::new("M1", "TL").unwrap());
    assert_eq!(id.to_string(), "FIX.4.4:TL->M1");
    assert!(SessionId::new("", "M1").is_err());
    assert!(SessionId::new("TL", "M\x011").is_err());
}
