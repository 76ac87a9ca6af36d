//! Who is let in, who is closed, and that nobody else notices.

mod bench;

use std::io::Write;
use std::time::Duration;

use bench::{Client, Floor, Folder, field, types};
use touchline_sys::{Agent, now_ns};

#[test]
fn an_unknown_comp_id_is_closed_without_a_word() {
    let folder = Folder::new("stranger");
    let mut floor = Floor::open(&folder.venue(""));
    let mut stranger = Client::log_on(&mut floor, "GAMMA1", 1);
    assert!(stranger.is_closed());
    assert!(stranger.receive().is_empty());
    assert_eq!(floor.stats()["connections"]["disconnects"]["SenderCompID is unknown"], 1);
}

#[test]
fn a_second_connection_of_a_live_session_is_closed_and_the_first_goes_on() {
    let folder = Folder::new("second");
    let mut floor = Floor::open(&folder.venue(""));
    let mut first = Client::log_on(&mut floor, "ALPHA1", 1);
    let mut second = Client::log_on(&mut floor, "ALPHA1", 2);
    assert!(second.is_closed());
    assert!(second.receive().is_empty());
    first.order("A1", "1", "1", "4800");
    floor.run();
    assert_eq!(types(&first.receive()), ["A", "8"]);
}

#[test]
fn a_connection_without_a_logon_is_closed_in_time() {
    let folder = Folder::new("silent");
    let mut floor = Floor::open(&folder.venue("[gateway]\nlogon_timeout_ms = 50"));
    let mut silent = Client::connect(&floor, "ALPHA1", 1);
    floor.run();
    assert!(!silent.is_closed());
    assert!(floor.gateway.deadline_ns() < now_ns() + 50_000_000);
    std::thread::sleep(Duration::from_millis(60));
    floor.run();
    assert!(silent.is_closed());
}

#[test]
fn garbage_on_one_socket_closes_nothing_else() {
    let folder = Folder::new("garbage");
    let mut floor = Floor::open(&folder.venue(""));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    let mut beta = Client::log_on(&mut floor, "BETA1", 1);
    let mut noise = Client::connect(&floor, "GAMMA1", 1);
    let mut bytes: Vec<u8> =
        (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 9) as u8).collect();
    noise.stream.write_all(&bytes).unwrap();
    floor.run();
    assert!(noise.is_closed());
    // Inside a session garbage is skipped: the next good message counts.
    bytes.extend_from_slice(b"8=FIX.4.4\x019=12\x0135=D\x0134=2\x0110=000\x01");
    alpha.stream.write_all(&bytes).unwrap();
    alpha.order("A1", "1", "1", "4800");
    beta.order("B1", "2", "1", "4801");
    floor.run();
    assert_eq!(types(&alpha.receive()), ["A", "8"]);
    assert_eq!(types(&beta.receive()), ["A", "8"]);
    assert!(floor.stats()["garbled"].as_u64().unwrap() > 0);
}

#[test]
fn a_client_that_does_not_read_is_closed_and_loses_nothing() {
    let folder = Folder::new("slow");
    let mut floor = Floor::open(&folder.venue("[gateway]\nsend_queue_bytes_max = 16384"));
    let mut slow = Client::log_on(&mut floor, "ALPHA1", 1);
    let mut other = Client::log_on(&mut floor, "BETA1", 1);
    let mut sent = 0_u64;
    let reason = "the client does not read";
    while !floor.gateway.counters().disconnects.contains_key(reason) {
        assert!(sent < 200_000, "nobody was closed");
        let mut bytes = Vec::new();
        for _ in 0..100 {
            sent += 1;
            let number = slow.next_out;
            slow.next_out += 1;
            bytes.extend(slow.message(number, "D", |writer| {
                writer
                    .text(11, "X")
                    .text(55, "NONE")
                    .text(54, "1")
                    .text(60, "20260105-09:30:00")
                    .text(38, "1")
                    .text(40, "1");
            }));
        }
        slow.stream.write_all(&bytes).unwrap();
        for _ in 0..3 {
            floor.gateway.do_work(now_ns()).unwrap();
        }
    }
    other.order("B1", "1", "1", "4800");
    floor.run();
    assert_eq!(types(&other.receive()), ["A", "8"]);
    // Every number is still there to be asked for.
    let next_out = floor.stats()["sessions"][0]["next_out"].as_u64().unwrap();
    let next_in = floor.stats()["sessions"][0]["next_in"].as_u64().unwrap();
    assert_eq!(next_in, next_out);
    let mut again = Client::log_on(&mut floor, "ALPHA1", next_in);
    let logon = again.receive();
    assert_eq!(field(&logon[0], 34), Some(next_out.to_string().as_str()));
    let begin = (next_out - 1).to_string();
    again.send("2", &[(7, &begin), (16, "0")]);
    floor.run();
    let told = again.receive();
    assert_eq!(types(&told), ["8", "4"]);
    assert_eq!([field(&told[0], 43), field(&told[0], 103)], [Some("Y"), Some("1")]);
}

#[test]
fn a_heartbeat_interval_beyond_an_hour_is_refused_with_a_logout() {
    let folder = Folder::new("interval");
    let mut floor = Floor::open(&folder.venue(""));
    let mut client = Client::connect(&floor, "ALPHA1", 1);
    client.send("A", &[(98, "0"), (108, "3601")]);
    floor.run();
    let told = client.receive();
    assert_eq!(told, ["35=5|34=1|58=HeartBtInt(108) must be 0 to 3600|"]);
    assert!(client.is_closed());
}

#[test]
fn a_venue_that_closes_logs_its_members_out() {
    let folder = Folder::new("close");
    let mut floor = Floor::open(&folder.venue(""));
    let mut client = Client::log_on(&mut floor, "ALPHA1", 1);
    client.receive();
    floor.gateway.close().unwrap();
    assert_eq!(client.receive(), ["35=5|34=2|58=the venue closes|"]);
    assert!(client.is_closed());
}
