//! Numbers, gaps, duplicates, faulty messages and silence, rule by rule.

mod harness;

use harness::{Bench, SECOND, START, disconnect, encode, frame};
use touchline_fix::{BusinessRejectReason, Fields, Garbled, Message};
use touchline_session::{DisconnectReason as Reason, SessionConfig, SessionId};

#[test]
fn an_application_message_is_delivered_with_its_flags() {
    let mut bench = Bench::logged_on();
    let bytes = encode("35=D|34=2|97=Y|11=x|", START);
    let delivered = bench.receive_bytes(&bytes);
    assert_eq!(delivered.len(), 1);
    assert!(delivered[0].poss_resend && !delivered[0].poss_dup);
    assert_eq!(bench.expected(), 3);
    assert_eq!(bench.take(), [""; 0]);
}

#[test]
fn too_low_without_poss_dup_is_told_both_numbers_and_closed() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|11=x|");
    assert_eq!(bench.receive("35=D|34=2|11=x|"), [0; 0]);
    let text = "MsgSeqNum too low, expecting 3 but received 2";
    assert_eq!(
        bench.take(),
        [format!("35=5|34=2|58={text}|"), "logged out".into(), format!("disconnect: {text}")]
    );
}

#[test]
fn poss_dup_that_was_seen_is_dropped_silently() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|11=x|");
    let again = "35=D|34=2|43=Y|122=20260105-09:29:59|11=x|";
    assert_eq!(bench.receive(again), [0; 0]);
    assert_eq!(bench.take(), [""; 0]);
    assert_eq!(bench.session.counters().duplicates, 1);
    assert_eq!(bench.expected(), 3);
}

#[test]
fn poss_dup_without_122_is_rejected() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=1|43=Y|11=x|");
    let text = "Required tag missing";
    assert_eq!(bench.take(), [format!("35=3|34=2|45=1|371=122|372=D|373=1|58={text}|")]);
    assert_eq!(bench.expected(), 2);
}

#[test]
fn poss_dup_with_122_after_52_is_rejected_and_closed() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|43=Y|122=20260105-09:30:01|11=x|");
    let text = "SendingTime accuracy problem";
    assert_eq!(
        bench.take(),
        [
            format!("35=3|34=2|45=2|371=122|372=D|373=10|58={text}|"),
            format!("35=5|34=3|58={text}|"),
            "logged out".into(),
            disconnect(Reason::SendingTime),
        ]
    );
}

#[test]
fn poss_dup_never_excuses_too_high() {
    let mut bench = Bench::logged_on();
    assert_eq!(bench.receive("35=D|34=5|43=Y|122=20260105-09:29:59|11=x|"), [0; 0]);
    assert_eq!(bench.take(), ["35=2|34=2|7=2|16=0|"]);
}

#[test]
fn a_gap_is_asked_for_once_and_what_came_above_it_is_kept_in_order() {
    let mut bench = Bench::logged_on();
    for above in [4, 5, 6] {
        assert_eq!(bench.receive(&format!("35=D|34={above}|11=x|")), [0; 0]);
    }
    assert_eq!(bench.take(), ["35=2|34=2|7=2|16=0|"]);
    let again = |n: u64| format!("35=D|34={n}|43=Y|122=20260105-09:29:59|11=x|");
    assert_eq!(bench.receive(&again(2)), [2]);
    assert_eq!(bench.receive(&again(3)), [3, 4, 5, 6]);
    for repeated in [4, 5, 6] {
        assert_eq!(bench.receive(&again(repeated)), [0; 0]);
    }
    assert_eq!(bench.receive("35=D|34=7|11=x|"), [7]);
    assert_eq!(bench.take(), [""; 0]);
    let counters = bench.session.counters();
    assert_eq!((counters.kept, counters.duplicates, counters.resend_requests), (3, 3, 1));
}

#[test]
fn a_session_message_kept_above_a_gap_is_answered_after_it() {
    let mut bench = Bench::logged_on();
    bench.receive("35=1|34=3|112=later|");
    bench.take();
    bench.receive("35=4|34=2|43=Y|123=Y|36=3|");
    assert_eq!(bench.take(), ["35=0|34=3|112=later|"]);
    assert_eq!(bench.expected(), 4);
}

#[test]
fn a_kept_message_is_judged_by_the_time_it_arrived() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=3|11=x|");
    bench.now += 200 * SECOND;
    assert_eq!(bench.receive("35=4|34=2|43=Y|123=Y|36=3|"), [3]);
}

#[test]
fn a_gap_fill_past_kept_messages_drops_and_counts_them() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=3|11=x|");
    bench.receive("35=D|34=6|11=y|");
    assert_eq!(bench.receive("35=4|34=2|43=Y|123=Y|36=6|"), [6]);
    assert_eq!(bench.session.counters().passed_by, 1);
    assert_eq!(bench.expected(), 7);
}

#[test]
fn what_does_not_fit_above_a_gap_is_asked_for_again() {
    let id = SessionId::new("TL", "M1").unwrap();
    let mut config = SessionConfig::acceptor(id);
    config.kept_messages_max = 2;
    let mut bench = Bench::new(config, Default::default());
    bench.connect();
    bench.receive("35=A|34=1|98=0|108=30|");
    for above in [3, 4, 5] {
        bench.receive(&format!("35=D|34={above}|11=x|"));
    }
    assert_eq!(bench.session.counters().kept_overflow, 1);
    assert_eq!(bench.receive("35=D|34=2|43=Y|122=20260105-09:29:59|11=x|"), [2, 3, 4]);
    bench.take();
    bench.receive("35=D|34=6|11=x|");
    assert_eq!(bench.take(), ["35=2|34=3|7=5|16=0|"]);
}

#[test]
fn a_gap_that_is_not_filled_is_asked_for_three_times_and_then_closed() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=4|11=x|");
    bench.take();
    for (second, number) in [(30, 3), (60, 4)] {
        bench.now = START + second * SECOND - 1;
        bench.receive(&format!("35=0|34={}|", 5 + second));
        bench.take();
        bench.wait(1);
        let log = bench.take();
        assert!(log.contains(&format!("35=2|34={number}|7=2|16=0|")), "{log:?}");
        // The heartbeat of that second has the next number.
        let (session, mut turn) = bench.turn();
        session.on_timer(&mut turn);
        bench.take();
    }
    bench.now = START + 90 * SECOND - 1;
    bench.receive("35=0|34=99|");
    bench.take();
    bench.wait(1);
    let log = bench.take();
    assert_eq!(log.last(), Some(&disconnect(Reason::ResendTimeout)), "{log:?}");
}

#[test]
fn a_gap_fill_moves_the_expected_number() {
    let mut bench = Bench::logged_on();
    bench.receive("35=4|34=2|123=Y|36=20|");
    assert_eq!(bench.expected(), 20);
    assert_eq!(bench.take(), [""; 0]);
}

#[test]
fn a_gap_fill_backwards_is_rejected_and_counts_not() {
    let mut bench = Bench::logged_on();
    bench.receive("35=4|34=2|123=Y|36=2|");
    let text = "Value is incorrect (out of range) for this tag";
    assert_eq!(bench.take(), [format!("35=3|34=2|45=2|371=36|372=4|373=5|58={text}|")]);
    assert_eq!(bench.expected(), 2);
}

#[test]
fn a_gap_fill_above_a_gap_waits_for_it() {
    let mut bench = Bench::logged_on();
    bench.receive("35=4|34=4|123=Y|36=9|");
    assert_eq!(bench.take(), ["35=2|34=2|7=2|16=0|"]);
    bench.receive("35=4|34=2|43=Y|123=Y|36=4|");
    assert_eq!(bench.expected(), 9);
}

#[test]
fn a_sequence_reset_ignores_its_own_number_and_only_goes_up() {
    let mut bench = Bench::logged_on();
    bench.receive("35=4|34=77|36=20|");
    assert_eq!(bench.expected(), 20);
    bench.receive("35=4|34=1|123=N|36=30|");
    assert_eq!(bench.expected(), 30);
    bench.receive("35=4|34=30|36=30|");
    assert_eq!((bench.expected(), bench.take()), (30, vec![]));
    bench.receive("35=4|34=30|36=29|");
    let text = "Value is incorrect (out of range) for this tag";
    assert_eq!(bench.take(), [format!("35=3|34=2|45=30|371=36|372=4|373=5|58={text}|")]);
    assert_eq!(bench.expected(), 30);
    bench.receive("35=4|34=30|");
    assert_eq!(bench.take(), ["35=3|34=3|45=30|371=36|372=4|373=1|58=Required tag missing|"]);
}

#[test]
fn garbled_input_is_ignored_and_the_next_message_shows_the_gap() {
    let mut bench = Bench::logged_on();
    let mut bytes = encode("35=D|34=2|11=x|", START);
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    assert!(bench.receive_bytes(&bytes).is_empty());
    assert_eq!((bench.expected(), bench.take()), (2, vec![]));
    bench.receive("35=0|34=3|");
    assert_eq!(bench.take(), ["35=2|34=2|7=2|16=0|"]);
    assert_eq!(bench.session.counters().garbled, 1);
}

#[test]
fn a_message_over_the_bound_ends_the_session_with_a_reason() {
    let mut bench = Bench::logged_on();
    let (session, mut turn) = bench.turn();
    session.on_garbled(Garbled::TooLong { body_length: 9999, max_bytes: 4096 }, &mut turn);
    let log = bench.take();
    assert_eq!(log[0], "35=5|34=2|58=a message is too long|");
    assert_eq!(log[2], disconnect(Reason::MessageTooLong));
}

#[test]
fn a_sending_time_two_minutes_off_is_rejected_and_closed() {
    for (time, is_good) in [
        ("20260105-09:32:00", true),
        ("20260105-09:28:00", true),
        ("20260105-09:32:00.001", false),
        ("20260105-09:27:59.999", false),
    ] {
        let mut bench = Bench::logged_on();
        let delivered = bench.receive(&format!("35=D|34=2|52={time}|11=x|"));
        assert_eq!(delivered.len(), usize::from(is_good), "{time}");
        if !is_good {
            let text = "SendingTime accuracy problem";
            assert_eq!(
                bench.take(),
                [
                    format!("35=3|34=2|45=2|371=52|372=D|373=10|58={text}|"),
                    format!("35=5|34=3|58={text}|"),
                    "logged out".into(),
                    disconnect(Reason::SendingTime),
                ]
            );
            assert_eq!(bench.expected(), 3);
        }
    }
}

#[test]
fn a_sending_time_that_is_none_is_rejected_and_the_session_stays_up() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|52=yesterday|11=x|");
    let text = "Incorrect data format for value";
    assert_eq!(bench.take(), [format!("35=3|34=2|45=2|371=52|372=D|373=6|58={text}|")]);
    assert_eq!(bench.expected(), 3);
    assert!(bench.session.is_logged_on());
}

#[test]
fn a_message_without_a_number_ends_the_session() {
    for text in ["35=D|11=x|", "35=D|34=x|11=x|"] {
        let mut bench = Bench::logged_on();
        bench.receive(text);
        let log = bench.take();
        assert_eq!(log[0], "35=5|34=2|58=MsgSeqNum(34) is missing or not a number|");
        assert_eq!(log[2], disconnect(Reason::MsgSeqNumMissing));
    }
}

#[test]
fn a_wrong_comp_id_inside_a_session_is_rejected_and_closed() {
    for (text, tag) in [("35=D|34=2|49=M2|11=x|", 49), ("35=D|34=2|56=XX|11=x|", 56)] {
        let mut bench = Bench::logged_on();
        assert_eq!(bench.receive(text), [0; 0]);
        assert_eq!(
            bench.take(),
            [
                format!("35=3|34=2|45=2|371={tag}|372=D|373=9|58=CompID problem|"),
                "35=5|34=3|58=CompID problem|".into(),
                "logged out".into(),
                disconnect(Reason::CompId),
            ]
        );
    }
}

#[test]
fn another_begin_string_inside_a_session_is_logged_out_only() {
    let mut bench = Bench::logged_on();
    let bytes = frame("FIX.4.2", "35=0|34=2|49=M1|56=TL|52=20260105-09:30:00|");
    bench.receive_bytes(&bytes);
    assert_eq!(
        bench.take(),
        [
            "35=5|34=2|58=Incorrect BeginString|".to_owned(),
            "logged out".into(),
            disconnect(Reason::BeginString)
        ]
    );
}

#[test]
fn a_faulty_field_is_rejected_with_its_tag_and_the_session_stays_up() {
    for (body, tag, reason, text) in [
        ("11=|", 11, 4, "Tag specified without a value"),
        ("011=x|", 11, 0, "Invalid tag number"),
        ("11=x|11=y|", 11, 13, "Tag appears more than once"),
        ("11=x|50=y|", 50, 14, "Tag specified out of required order"),
        ("95=x|96=y|", 95, 6, "Incorrect data format for value"),
    ] {
        let mut bench = Bench::logged_on();
        assert_eq!(bench.receive(&format!("35=D|34=2|{body}")), [0; 0]);
        let reject = format!("35=3|34=2|45=2|371={tag}|372=D|373={reason}|58={text}|");
        assert_eq!(bench.take(), [reject]);
        assert_eq!(bench.receive("35=D|34=3|11=x|"), [3]);
    }
    // A tag without a number cannot be named.
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|x=y|");
    assert_eq!(bench.take(), ["35=3|34=2|45=2|372=D|373=0|58=Invalid tag number|"]);
}

#[test]
fn a_flag_that_is_neither_y_nor_n_is_rejected() {
    let mut bench = Bench::logged_on();
    assert_eq!(bench.receive("35=D|34=2|43=X|11=x|"), [0; 0]);
    assert_eq!(bench.receive("35=D|34=3|97=1|11=x|"), [0; 0]);
    let text = "Incorrect data format for value";
    assert_eq!(
        bench.take(),
        [
            format!("35=3|34=2|45=2|371=43|372=D|373=6|58={text}|"),
            format!("35=3|34=3|45=3|371=97|372=D|373=6|58={text}|"),
        ]
    );
    assert_eq!(bench.expected(), 4);
}

#[test]
fn rejects_go_back_the_way_the_message_came_and_empty_routing_is_left_out() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=2|115=OB|116=OS|129=DS|11=|");
    assert_eq!(
        bench.take(),
        ["35=3|34=2|128=OB|129=OS|116=DS|45=2|371=11|372=D|373=4|\
             58=Tag specified without a value|"]
    );
    bench.receive("35=D|34=3|115=|11=x|");
    assert_eq!(
        bench.take(),
        ["35=3|34=3|45=3|371=115|372=D|373=4|58=Tag specified without a value|"]
    );
}

#[test]
fn a_type_that_is_known_and_not_offered_is_a_business_reject() {
    let mut bench = Bench::logged_on();
    let bytes = encode("35=AE|34=2|571=x|", START);
    let mut fields = Fields::new();
    let message = Message::parse(&bytes, &mut fields).unwrap();
    assert_eq!(bench.receive_bytes(&bytes).len(), 1);
    let (session, mut turn) = bench.turn();
    let reason = BusinessRejectReason::UnsupportedMessageType;
    session.business_reject(&message, reason, Some(b"x"), "not offered", &mut turn).unwrap();
    assert_eq!(bench.take(), ["35=j|34=2|45=2|372=AE|379=x|380=3|58=not offered|"]);
}

#[test]
fn a_reject_from_the_counterparty_reaches_the_application() {
    let mut bench = Bench::logged_on();
    assert_eq!(bench.receive("35=3|34=2|45=1|373=5|"), [2]);
}

#[test]
fn a_test_request_is_answered_with_its_id() {
    let mut bench = Bench::logged_on();
    bench.receive("35=1|34=2|112=are you there|");
    assert_eq!(bench.take(), ["35=0|34=2|112=are you there|"]);
    bench.receive("35=1|34=3|");
    assert_eq!(bench.take(), ["35=3|34=3|45=3|371=112|372=1|373=1|58=Required tag missing|"]);
}

#[test]
fn a_heartbeat_is_sent_after_an_interval_without_sending() {
    let mut bench = Bench::logged_on();
    assert_eq!(bench.session.next_timer_ns(), Some(START + 30 * SECOND));
    bench.wait(20 * SECOND);
    bench.send_app("x");
    bench.receive("35=0|34=2|");
    bench.take();
    bench.wait(30 * SECOND - 1);
    assert_eq!(bench.take(), [""; 0]);
    bench.wait(1);
    assert_eq!(bench.take(), ["35=0|34=3|"]);
}

#[test]
fn silence_brings_a_test_request_and_then_the_end() {
    let mut bench = Bench::logged_on();
    bench.wait(36 * SECOND - 1);
    assert_eq!(bench.take(), ["35=0|34=2|"]);
    bench.wait(1);
    let log = bench.take();
    assert!(log[0].starts_with("35=1|34=3|112="), "{log:?}");
    bench.wait(36 * SECOND - 1);
    assert_eq!(bench.take(), ["35=0|34=4|"]);
    bench.wait(1);
    assert_eq!(
        bench.take(),
        [
            "35=5|34=5|58=no answer to our TestRequest|".to_owned(),
            "logged out".into(),
            disconnect(Reason::Silence)
        ]
    );
}

#[test]
fn anything_received_ends_the_silence() {
    let mut bench = Bench::logged_on();
    bench.wait(36 * SECOND);
    bench.take();
    bench.receive("35=0|34=2|");
    bench.wait(36 * SECOND - 1);
    assert!(bench.take().iter().all(|line| line.starts_with("35=0|")));
    assert!(bench.session.is_logged_on());
}

#[test]
fn a_stalled_owner_asks_before_it_closes() {
    let mut bench = Bench::logged_on();
    bench.wait(1000 * SECOND);
    let log = bench.take();
    assert!(log[0].starts_with("35=1|34=2|112="), "{log:?}");
    assert!(bench.session.is_logged_on());
}

#[test]
fn heart_bt_int_0_means_never() {
    let mut bench = Bench::acceptor(Default::default());
    bench.receive("35=A|34=1|98=0|108=0|");
    bench.take();
    assert_eq!(bench.session.next_timer_ns(), None);
    bench.wait(100_000 * SECOND);
    assert_eq!(bench.take(), [""; 0]);
}

#[test]
fn the_largest_number_does_not_overflow() {
    let mut bench = Bench::logged_on();
    bench.receive("35=D|34=18446744073709551615|11=x|");
    assert_eq!(bench.take(), ["35=2|34=2|7=2|16=0|"]);
    bench.receive("35=4|34=2|123=Y|36=18446744073709551615|");
    assert_eq!(bench.expected(), u64::MAX);
    bench.receive("35=2|34=18446744073709551615|7=1|16=18446744073709551615|");
    bench.replay(100);
    assert!(bench.session.is_logged_on());
}

#[test]
fn what_arrives_without_a_connection_is_counted() {
    let mut bench = Bench::logged_on();
    bench.session.on_disconnect(&mut bench.log);
    assert_eq!(bench.receive("35=D|34=2|11=x|"), [0; 0]);
    assert_eq!(bench.session.counters().not_connected, 1);
    assert_eq!(bench.expected(), 2);
}
