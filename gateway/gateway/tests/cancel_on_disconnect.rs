//! Sessions whose orders do not outlive their connection.

mod bench;

use bench::{Client, Floor, Folder, field, types};
use touchline_config::Venue;
use touchline_gateway::Gateway;

/// A venue where the orders of ALPHA1 go with its connection, and those of BETA1 stay.
fn venue(folder: &Folder, extra: &str) -> Venue {
    let mut venue = folder.venue(extra);
    venue.sessions[0].cancel_on_disconnect = true;
    venue
}

fn open_orders(floor: &Floor) -> serde_json::Value {
    let figures: serde_json::Value = serde_json::from_str(&floor.engine.stats_json()).unwrap();
    figures["open_orders"].clone()
}

/// Both members rest orders: ALPHA1 two, BETA1 one.
fn rest_orders(floor: &mut Floor) -> (Client, Client) {
    let mut alpha = Client::log_on(floor, "ALPHA1", 1);
    let mut beta = Client::log_on(floor, "BETA1", 1);
    alpha.order("A1", "1", "5", "4800");
    alpha.order("A2", "2", "5", "4810");
    beta.order("B1", "1", "5", "4801");
    floor.run();
    assert_eq!(types(&alpha.receive()), ["A", "8", "8"]);
    beta.receive();
    (alpha, beta)
}

#[test]
fn a_connection_that_is_lost_takes_the_orders_of_its_session_and_no_others() {
    let folder = Folder::new("cod-lost");
    let mut floor = Floor::open(&venue(&folder, ""));
    let (alpha, mut beta) = rest_orders(&mut floor);
    drop(alpha);
    floor.run();
    assert_eq!(open_orders(&floor), 1);
    assert!(beta.receive().is_empty());
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 4);
    alpha.receive();
    alpha.send("2", &[(7, "4"), (16, "5")]);
    floor.run();
    let told = alpha.receive();
    let canceled: Vec<_> = told.iter().map(|m| (field(m, 11), field(m, 150))).collect();
    assert_eq!(canceled, [(Some("A1"), Some("4")), (Some("A2"), Some("4"))]);
    // Coming back cancels nothing, and new orders rest.
    alpha.order("A3", "1", "1", "4800");
    floor.run();
    assert_eq!(open_orders(&floor), 2);
    assert_eq!(floor.stats()["orders_in"]["mass_cancels"], 1);
}

#[test]
fn a_logout_takes_them_too() {
    let folder = Folder::new("cod-logout");
    let mut floor = Floor::open(&venue(&folder, ""));
    let (mut alpha, mut beta) = rest_orders(&mut floor);
    beta.send("5", &[]);
    floor.run();
    assert_eq!(open_orders(&floor), 3);
    alpha.send("5", &[]);
    floor.run();
    assert_eq!(open_orders(&floor), 1);
}

#[test]
fn an_order_behind_the_lost_connection_is_not_cancelled_with_those_before() {
    let folder = Folder::new("cod-order");
    let mut floor = Floor::open(&venue(&folder, ""));
    let (alpha, _beta) = rest_orders(&mut floor);
    drop(alpha);
    // The engine does not run while the session goes and comes back.
    floor.run_gateway();
    let mut alpha = Client::connect(&floor, "ALPHA1", 4);
    alpha.send("A", &[(98, "0"), (108, "30")]);
    alpha.order("A3", "1", "1", "4800");
    floor.run_gateway();
    floor.run();
    assert_eq!(open_orders(&floor), 2);
}

#[test]
fn after_a_restart_of_the_gateway_a_session_has_the_grace_time_to_come_back() {
    for (grace_ms, left) in [(60_000, 3), (0, 1)] {
        let folder = Folder::new(&format!("cod-grace-{grace_ms}"));
        let venue = venue(&folder, &format!("[gateway]\ncancel_grace_ms = {grace_ms}"));
        let mut floor = Floor::open(&venue);
        let clients = rest_orders(&mut floor);
        // The gateway is killed while the clients are connected.
        let Floor { engine, journal, gateway, .. } = floor;
        drop((gateway, clients));
        let gateway = Gateway::open(&venue).unwrap();
        let address = gateway.local_addr().unwrap();
        let mut floor = Floor { engine, journal, gateway, address };
        floor.run();
        assert_eq!(open_orders(&floor), left, "grace {grace_ms} ms");
        let mut alpha = Client::log_on(&mut floor, "ALPHA1", 4);
        alpha.receive();
        floor.run();
        assert_eq!(open_orders(&floor), left);
    }
}
