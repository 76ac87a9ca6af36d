//! Who may connect, and what becomes of the orders of one who has gone.

mod house;

use std::time::{Duration, Instant};

use house::House;
use touchline_strategy::{Execution, Kind, OwnOrder, Refusal, Strategy};
use touchline_sys::{Link, Received};
use touchline_types::{OrdType, Side, TimeInForce};

#[test]
fn a_name_is_taken_once_and_must_be_known() {
    let house = House::new("names", "");
    let running = house.start();
    let _one = house.connect("one").live();
    assert!(house.refused("one").contains("strategy one is connected already"));
    assert!(house.refused("nobody").contains("no strategy \"nobody\"; the venue has one, two"));
    running.end();
    assert!(house.refused("two").contains("no engine at"));
}

#[test]
fn only_the_user_of_the_configuration_may_connect() {
    let other = "[[strategy]]\nname = \"three\"\nmember = \"ALPHA\"\nuid = 54321";
    let house = House::new("uid", other);
    let _running = house.start();
    assert!(house.refused("three").contains("may not run strategy three"));
}

#[test]
fn the_socket_is_open_to_other_users_only_where_the_configuration_names_one() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |house: &House| {
        let path = house.venue.run_file(touchline_config::RunFile::StrategySocket);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    let closed = House::new("closed-socket", "");
    let _running = closed.start();
    assert_eq!(mode(&closed), 0o600);
    let other = "[[strategy]]\nname = \"three\"\nmember = \"ALPHA\"\nuid = 54321";
    let open = House::new("open-socket", other);
    let _running = open.start();
    assert_eq!(mode(&open), 0o666);
}

#[test]
fn a_stranger_gets_an_answer_and_no_memory() {
    let house = House::new("strangers", "");
    let _running = house.start();
    let path = house.venue.run_file(touchline_config::RunFile::StrategySocket);
    let long = vec![b' '; 2_000];
    let wrong = br#"{"strategy":"one","records":"0","rings":"0"}"#;
    for message in [&b"hello"[..], b"{}", b"\xff\x00", wrong, &long] {
        let link = Link::connect(&path).unwrap();
        link.send(message, &[]).unwrap();
        let mut buffer = [0; 4_096];
        let end = Instant::now() + Duration::from_secs(5);
        let answer = loop {
            match link.receive(&mut buffer).unwrap() {
                Received::Nothing => std::thread::sleep(Duration::from_millis(1)),
                Received::Closed => break String::new(),
                Received::Message { len, fds, .. } => {
                    assert!(fds.is_empty());
                    break String::from_utf8(buffer[..len].to_vec()).unwrap();
                }
            }
            assert!(Instant::now() < end, "no answer to {message:?}");
        };
        // A message that does not fit is no message: its sender is cut off.
        assert!(answer.contains("\"ok\":false") || message.len() > 512, "{message:?}: {answer}");
    }
    let _one = house.connect("one").live();
}

#[test]
fn orders_of_a_strategy_that_has_gone_are_cancelled_and_its_position_stays() {
    let house = House::new("gone", "");
    let running = house.start();
    let (mut one, mut two) = (house.connect("one").live(), house.connect("two").live());
    let orders: Vec<u64> = (0..300).map(|at| one.limit(Side::Buy, 100 + at, 2)).collect();
    one.execution(orders[299], Execution::New);
    // The best bid executes in part, and rests on.
    let sale = two.limit(Side::Sell, 399, 1);
    two.execution(sale, Execution::Trade);
    one.execution(orders[299], Execution::Trade);
    drop(one);
    two.until(|event| event.kind == Kind::Book as u8 && event.bid_px == i64::MIN);
    running.expect(0, "canceled_orders", 300);
    running.expect(0, "connected", false);
    running.expect(0, "cancel_when_gone_ns.count", 1);
    let mut one = house.connect("one").live();
    assert_eq!(one.strategy.position(1), 1);
    running.expect(0, "positions.ESH4", 1);
    let order = one.limit(Side::Buy, 100, 1);
    one.execution(order, Execution::New);
}

#[test]
fn orders_that_an_engine_left_behind_are_cancelled_by_the_next_one() {
    let house = House::new("restart", "");
    let running = house.start();
    let mut one = house.connect("one").live();
    let order = one.limit(Side::Buy, 100, 2);
    one.execution(order, Execution::New);
    running.end();
    let until = Instant::now() + Duration::from_secs(5);
    while one.strategy.wait(10_000_000).is_ok() {
        let _ = one.strategy.next_event();
        assert!(Instant::now() < until, "the end of the engine was not noticed");
    }
    assert!(one.strategy.why().is_some());
    let _running = house.start();
    let one = house.connect("one").live();
    assert!(one.ladder(1, Side::Buy).is_empty());
    assert_eq!(one.strategy.orders().count(), 0);
}

#[test]
fn observers_see_the_market_and_send_nothing() {
    let house = House::new("observers", "");
    let running = house.start();
    let mut one = house.connect("one").live();
    let mut seats: Vec<_> = (0..8).map(|_| house.connect("").live()).collect();
    assert!(house.refused("").contains("as many observe as may"));
    let mut observer = seats.pop().unwrap();
    let own =
        OwnOrder { instrument_id: 1, side: 1, price: 100, order_qty: 1, ..Default::default() };
    let sent = observer.strategy.new_order(own, OrdType::Limit, TimeInForce::Day);
    assert_eq!(sent, Err(Refusal::Argument));
    let order = one.limit(Side::Buy, 100, 7);
    one.execution(order, Execution::New);
    let book = observer.until(|event| event.kind == Kind::Book as u8);
    assert_eq!((book.bid_px, book.bid_qty), (100, 7));
    assert!(observer.seen.iter().all(|event| event.kind != Kind::Execution as u8));
    drop(observer);
    running.expect(1, "connected", false);
    assert_eq!(running.figure(2, "name"), serde_json::Value::Null, "no strategy of the venue's");
    let end = Instant::now() + Duration::from_secs(10);
    while Strategy::open(&house.venue_toml(), "").is_err() {
        assert!(Instant::now() < end, "its place is not free again");
        std::thread::sleep(Duration::from_millis(5));
    }
}
