//! A venue that is killed goes on with its numbers, its messages and its orders.

mod bench;

use bench::{Client, Floor, Folder, field, types};
use touchline_config::Venue;
use touchline_engine::Engine;
use touchline_gateway::Gateway;
use touchline_sys::{Agent, now_ns};

#[test]
fn numbers_go_on_and_the_same_bodies_come_again_with_poss_dup() {
    let folder = Folder::new("numbers");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    alpha.send("D", &[(11, "A2"), (55, "ESH4"), (54, "1"), (60, "never"), (38, "1"), (40, "1")]);
    floor.run();
    let before = alpha.receive();
    assert_eq!(types(&before), ["A", "8", "8", "3"]);
    drop(floor);
    drop(alpha);

    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 5);
    assert_eq!(alpha.receive(), ["35=A|34=5|98=0|108=30|"]);
    alpha.send("2", &[(7, "1"), (16, "0")]);
    floor.run();
    let again = alpha.receive();
    assert_eq!(again[0], "35=4|34=1|43=Y|123=Y|36=2|");
    for at in 1..4 {
        assert_eq!(again[at].replace("43=Y|", ""), before[at]);
        assert_eq!(field(&again[at], 43), Some("Y"));
    }
    assert_eq!(again[4], "35=4|34=5|43=Y|123=Y|36=6|");
}

#[test]
fn what_happened_after_the_last_word_is_told_at_the_next_logon() {
    let folder = Folder::new("unsaid");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.receive();
    alpha.order("A1", "1", "5", "4800");
    floor.run_gateway();
    floor.run_engine();
    drop(floor);
    assert!(alpha.receive().is_empty());

    let mut floor = Floor::open(&venue);
    assert_eq!(floor.gateway.counters().rebuilt, 1);
    assert_eq!(floor.stats()["sessions"][0]["next_in"], 3);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 3);
    assert_eq!(alpha.receive(), ["35=A|34=3|98=0|108=30|"]);
    alpha.send("2", &[(7, "2"), (16, "2")]);
    floor.run();
    let told = alpha.receive();
    assert_eq!(types(&told), ["8"]);
    assert_eq!([field(&told[0], 43), field(&told[0], 17)], [Some("Y"), Some("1-0")]);
    drop(floor);
    // A third start tells nothing twice.
    let floor = Floor::open(&venue);
    assert_eq!(floor.gateway.counters().rebuilt, 0);
}

#[test]
fn an_order_that_was_never_journaled_is_asked_for_and_executed_once() {
    let folder = Folder::new("lost");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    alpha.receive();
    alpha.order("A2", "1", "5", "4800");
    alpha.send("0", &[]);
    floor.run_gateway();
    drop(floor);
    drop(alpha);

    let mut floor = Floor::open(&venue);
    assert_eq!(floor.stats()["sessions"][0]["next_in"], 3);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 5);
    let told = alpha.receive();
    assert_eq!(types(&told), ["A", "2"]);
    assert_eq!([field(&told[1], 7), field(&told[1], 16)], [Some("3"), Some("0")]);
    let now = "20260105-09:30:00";
    let again = [(43, "Y"), (122, now)];
    alpha.order_as(3, &again, "A2", "1", "5", "4800");
    alpha.send_as(4, "4", &[(43, "Y"), (122, now), (123, "Y"), (36, "6")]);
    floor.run();
    let told = alpha.receive();
    assert_eq!(types(&told), ["8"]);
    assert_eq!([field(&told[0], 11), field(&told[0], 150)], [Some("A2"), Some("0")]);
    assert_eq!(floor.gateway.counters().commands, 1);
}

#[test]
fn a_reset_starts_both_numbers_at_one_and_repeats_nothing() {
    let folder = Folder::new("reset");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    drop(alpha);
    floor.run();
    let mut alpha = Client::connect(&floor, "ALPHA1", 1);
    alpha.send("A", &[(98, "0"), (108, "30"), (141, "Y")]);
    floor.run();
    assert_eq!(alpha.receive(), ["35=A|34=1|98=0|108=30|141=Y|"]);
    drop(floor);
    drop(alpha);

    let mut floor = Floor::open(&venue);
    assert_eq!(floor.gateway.counters().rebuilt, 0);
    let session = &floor.stats()["sessions"][0];
    assert_eq!([&session["next_in"], &session["next_out"]], [2, 2]);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 2);
    alpha.order("A2", "1", "5", "4800");
    floor.run();
    let told = alpha.receive();
    assert_eq!(types(&told), ["A", "8"]);
    assert_eq!(field(&told[1], 34), Some("3"));
}

#[test]
fn fills_of_a_member_who_is_away_wait_for_his_logon() {
    let folder = Folder::new("away");
    let mut floor = Floor::open(&folder.venue(""));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "2", "5", "4800");
    floor.run();
    alpha.send("5", &[]);
    floor.run();
    assert_eq!(types(&alpha.receive()), ["A", "8", "5"]);
    assert!(alpha.is_closed());
    let mut beta = Client::log_on(&mut floor, "BETA1", 1);
    beta.order("B1", "1", "5", "4800");
    floor.run();
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 4);
    assert_eq!(alpha.receive(), ["35=A|34=5|98=0|108=30|"]);
    alpha.send("2", &[(7, "4"), (16, "4")]);
    floor.run();
    let told = alpha.receive();
    assert_eq!([field(&told[0], 34), field(&told[0], 150)], [Some("4"), Some("F")]);
}

/// The venue with another gateway in place of its own, which was killed.
fn with_new_gateway(floor: Floor, venue: &Venue) -> Floor {
    let Floor { engine, journal, gateway, .. } = floor;
    drop(gateway);
    let gateway = Gateway::open(venue).unwrap();
    let address = gateway.local_addr().unwrap();
    Floor { engine, journal, gateway, address }
}

#[test]
fn a_gateway_that_restarts_alone_takes_over_what_its_predecessor_left() {
    let folder = Folder::new("alone");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    // This one is released while nobody reads.
    alpha.order("A2", "1", "5", "4800");
    floor.run_gateway();
    floor.run_engine();
    let mut floor = with_new_gateway(floor, &venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 4);
    alpha.receive();
    // This one is still in the ring when the next gateway opens.
    alpha.order("A3", "1", "5", "4800");
    floor.run_gateway();
    let mut floor = with_new_gateway(floor, &venue);
    floor.run();
    let session = &floor.stats()["sessions"][0];
    assert_eq!([&session["next_in"], &session["next_out"]], [6, 6]);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 6);
    alpha.send("2", &[(7, "2"), (16, "0")]);
    floor.run();
    let told = alpha.receive();
    let named: Vec<_> = told.iter().filter_map(|message| field(message, 11)).collect();
    assert_eq!(named, ["A1", "A2", "A3"]);
}

/// The venue with another engine in place of its own, which was killed; the gateway goes on.
fn with_new_engine(floor: Floor, venue: &Venue) -> Floor {
    let Floor { engine, journal, gateway, address } = floor;
    drop((engine, journal));
    let (engine, journal) = Engine::open(venue).unwrap();
    Floor { engine, journal, gateway, address }
}

#[test]
fn an_engine_that_restarts_alone_is_given_what_it_had_not_journaled_and_no_session_notices() {
    let folder = Folder::new("engine");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    let mut beta = Client::log_on(&mut floor, "BETA1", 1);
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    assert_eq!(types(&alpha.receive()), ["A", "8"]);
    beta.receive();
    // One is journaled and not told, one is in the engine's memory, two are in its ring.
    beta.order("B1", "2", "2", "4800");
    floor.run_gateway();
    floor.run_engine();
    alpha.order("A2", "1", "5", "4799");
    floor.run_gateway();
    floor.engine.do_work(now_ns()).unwrap();
    beta.order("B2", "2", "2", "4800");
    floor.run_gateway();
    alpha.order("A3", "1", "5", "4798");
    let mut floor = with_new_engine(floor, &venue);
    floor.run();
    let told = alpha.receive();
    let named: Vec<_> =
        told.iter().map(|message| (field(message, 11), field(message, 150))).collect();
    let expected = [("A1", "F"), ("A2", "0"), ("A1", "F"), ("A3", "0")];
    assert_eq!(named, expected.map(|(id, exec_type)| (Some(id), Some(exec_type))));
    let numbers: Vec<_> = told.iter().filter_map(|message| field(message, 34)).collect();
    assert_eq!(numbers, ["3", "4", "5", "6"]);
    let told = beta.receive();
    let named: Vec<_> =
        told.iter().map(|message| (field(message, 11), field(message, 150))).collect();
    let expected = [("B1", "0"), ("B1", "F"), ("B2", "0"), ("B2", "F")];
    assert_eq!(named, expected.map(|(id, exec_type)| (Some(id), Some(exec_type))));
    let stats = floor.stats();
    assert_eq!(stats["orders_in"]["engines_followed"], 1);
    assert_eq!(stats["orders_in"]["commands_again"], 2);
    assert_eq!(stats["connections"]["accepted"], 2);
    // Nothing is left over for the engine after that one.
    let mut floor = with_new_engine(floor, &venue);
    floor.run();
    assert_eq!(floor.stats()["orders_in"]["commands_again"], 2);
    assert!(alpha.receive().is_empty() && beta.receive().is_empty());
}

#[test]
fn orders_wait_for_an_engine_that_is_away_until_its_ring_is_full() {
    let folder = Folder::new("away-engine");
    let venue = folder.venue("[engine]\nring_records = 64");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.receive();
    for number in 0..65 {
        alpha.order(&format!("A{number}"), "1", "1", "4800");
    }
    floor.run_gateway();
    let refused = alpha.receive();
    assert_eq!(types(&refused), ["j"]);
    assert_eq!([field(&refused[0], 380), field(&refused[0], 379)], [Some("4"), Some("A64")]);
    let mut floor = with_new_engine(floor, &venue);
    floor.run();
    let told = alpha.receive();
    assert_eq!(told.len(), 64);
    let last = told.last().unwrap();
    assert_eq!([field(last, 11), field(last, 150)], [Some("A63"), Some("0")]);
}

#[test]
fn nothing_is_told_before_it_is_durable_by_a_gateway_that_restarts_alone() {
    let folder = Folder::new("not-durable");
    let venue = folder.venue("");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    floor.run_gateway();
    // Sequenced, matched, and on its way to the journal.
    floor.engine.do_work(now_ns()).unwrap();
    let mut floor = with_new_gateway(floor, &venue);
    assert_eq!(floor.gateway.counters().rebuilt, 0);
    floor.run();
    assert_eq!(floor.stats()["sessions"][0]["next_out"], 3);
}

#[test]
fn async_durability_forgets_what_the_journal_lost_and_goes_on() {
    let folder = Folder::new("async");
    let venue = folder.venue("[engine]\ndurability = \"async\"");
    let mut floor = Floor::open(&venue);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    alpha.receive();
    drop(floor);
    drop(alpha);
    std::fs::remove_dir_all(venue.journal_dir()).unwrap();
    std::fs::remove_dir_all(&venue.run_dir).unwrap();
    std::fs::create_dir_all(&venue.run_dir).unwrap();

    let mut floor = Floor::open(&venue);
    assert_eq!(floor.gateway.counters().ahead_of_journal, 1);
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 3);
    alpha.order("A1", "1", "5", "4800");
    floor.run();
    let told = alpha.receive();
    assert_eq!(types(&told), ["A", "8"]);
    assert_eq!([field(&told[1], 17), field(&told[1], 150)], [Some("1-0"), Some("0")]);
}

#[test]
fn orders_above_a_gap_are_executed_once_and_in_order() {
    let folder = Folder::new("gap");
    let mut floor = Floor::open(&folder.venue(""));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.receive();
    alpha.order_as(3, &[], "A2", "1", "1", "4800");
    alpha.order_as(4, &[], "A3", "1", "1", "4800");
    floor.run();
    let told = alpha.receive();
    assert_eq!(types(&told), ["2"]);
    let again = [(43, "Y"), (122, "20260105-09:30:00")];
    alpha.order_as(2, &again, "A1", "1", "1", "4800");
    alpha.order_as(3, &again, "A2", "1", "1", "4800");
    alpha.order_as(4, &again, "A3", "1", "1", "4800");
    floor.run();
    let told = alpha.receive();
    let named: Vec<_> = told.iter().filter_map(|message| field(message, 11)).collect();
    assert_eq!(named, ["A1", "A2", "A3"]);
    assert_eq!(floor.stats()["resends"]["duplicates"], 2);
}
