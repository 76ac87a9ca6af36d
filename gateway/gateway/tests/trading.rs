//! Orders through a real socket, gateway, engine and journal, and back.

mod bench;

use bench::{Client, Floor, Folder, field, types};

const PLAIN: &str = "";

#[test]
fn an_order_is_accepted_executed_and_told_to_both_sides() {
    let folder = Folder::new("trade");
    let mut floor = Floor::open(&folder.venue(PLAIN));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    let mut beta = Client::log_on(&mut floor, "BETA1", 1);
    assert_eq!(alpha.receive(), ["35=A|34=1|98=0|108=30|"]);
    alpha.order("A1", "2", "5", "4800.25");
    floor.run();
    beta.order("B1", "1", "3", "4800.50");
    floor.run();
    let told = alpha.receive();
    assert_eq!(
        told,
        [
            "35=8|34=2|37=1|11=A1|17=1-0|150=0|39=0|55=ESH4|54=2|38=5|40=2|44=4800.25|59=0|\
             151=5|14=0|6=0|",
            "35=8|34=3|37=1|11=A1|17=2-1|150=F|39=1|55=ESH4|54=2|38=5|40=2|44=4800.25|59=0|\
             32=3|31=4800.25|527=1|851=1|151=2|14=3|6=4800.25|",
        ]
    );
    let told = beta.receive();
    assert_eq!(types(&told), ["A", "8", "8"]);
    assert_eq!(field(&told[2], 150), Some("F"));
    assert_eq!(field(&told[2], 851), Some("2"));
    assert_eq!(field(&told[2], 39), Some("2"));
    assert_eq!(field(&told[2], 6), Some("4800.25"));
    let stats = floor.stats();
    assert_eq!(stats["orders_in"]["new"], 2);
    assert_eq!(stats["execution_reports"]["F"], 2);
    assert_eq!(stats["latency_ns"]["gateway_rx_to_socket_tx"]["count"], 2);
    assert_eq!(stats["latency_ns"]["matched_to_durable"]["count"], 2);
}

#[test]
fn cancel_replace_and_status_are_answered_with_their_names() {
    let folder = Folder::new("replace");
    let mut floor = Floor::open(&folder.venue(PLAIN));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.order("A1", "1", "5", "4800");
    let common = [(55, "ESH4"), (54, "1"), (60, "20260105-09:30:00")];
    let replace = [(41, "A1"), (11, "A2"), (38, "7"), (40, "2"), (44, "4799.75")];
    alpha.send("G", &[&replace[..], &common[..]].concat());
    alpha.send("H", &[(11, "A2"), (55, "ESH4"), (54, "1")]);
    alpha.send("F", &[&[(41, "A2"), (11, "A3"), (38, "7")][..], &common[..]].concat());
    alpha.send("F", &[&[(41, "NO"), (11, "A4")][..], &common[..]].concat());
    alpha.send("H", &[(11, "NO"), (55, "ESH4"), (54, "1")]);
    floor.run();
    let told = alpha.receive();
    assert_eq!(types(&told), ["A", "8", "8", "8", "8", "9", "8"]);
    let shown = |at: usize, tag| field(&told[at], tag);
    assert_eq!([shown(2, 150), shown(2, 11), shown(2, 41)], [Some("5"), Some("A2"), Some("A1")]);
    assert_eq!([shown(2, 38), shown(2, 44)], [Some("7"), Some("4799.75")]);
    assert_eq!([shown(3, 150), shown(3, 39), shown(3, 151)], [Some("I"), Some("0"), Some("7")]);
    assert_eq!([shown(4, 150), shown(4, 11), shown(4, 41)], [Some("4"), Some("A3"), Some("A2")]);
    assert_eq!([shown(4, 39), shown(4, 151)], [Some("4"), Some("0")]);
    assert_eq!(
        told[5],
        "35=9|34=6|37=NONE|11=A4|41=NO|39=8|434=1|102=1|58=no such order of this member|"
    );
    assert_eq!([shown(6, 150), shown(6, 39), shown(6, 37)], [Some("I"), Some("8"), Some("NONE")]);
}

#[test]
fn a_mass_cancel_is_reported_once_when_the_last_of_its_parts_is_done() {
    let folder = Folder::new("mass");
    let mut floor = Floor::open(&folder.venue(PLAIN));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    for number in 0..300 {
        alpha.order(&format!("A{number}"), "1", "1", "4800");
        if number % 50 == 0 {
            floor.run();
        }
    }
    floor.run();
    alpha.receive();
    let all = |id: &'static str| [(11, id), (530, "7"), (60, "20260105-09:30:00")];
    alpha.send("q", &[&all("M1")[..], &[(54, "2")]].concat());
    alpha.send("q", &all("M2"));
    floor.run();
    let told = alpha.receive();
    let reports: Vec<_> = told.iter().filter(|one| one.starts_with("35=r|")).collect();
    let [of_offers, of_all] = reports[..] else { panic!("{reports:?}") };
    let fields = |report: &str| [530, 531, 533].map(|tag| field(report, tag).map(str::to_owned));
    assert_eq!(fields(of_offers), [Some("7".into()), Some("7".into()), Some("0".into())]);
    assert_eq!([field(of_offers, 11), field(of_offers, 54)], [Some("M1"), Some("2")]);
    assert_eq!(fields(of_all), [Some("7".into()), Some("7".into()), Some("300".into())]);
    assert_eq!(told.last(), Some(of_all));
    let canceled = told.iter().filter(|one| field(one, 150) == Some("4")).count();
    assert_eq!(canceled, 300);
    assert_eq!(floor.stats()["orders_in"]["mass_cancel"], 2);
}

#[test]
fn a_full_command_ring_refuses_orders_and_blocks_nobody() {
    let folder = Folder::new("full");
    let mut floor = Floor::open(&folder.venue("[engine]\nring_records = 64"));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    alpha.receive();
    for number in 0..70 {
        alpha.order(&format!("A{number}"), "1", "1", "4800");
    }
    floor.run_gateway();
    let told = alpha.receive();
    assert_eq!(types(&told), ["j"; 6]);
    assert_eq!(field(&told[0], 380), Some("4"));
    assert_eq!(field(&told[0], 379), Some("A64"));
    assert_eq!(field(&told[0], 45), Some("66"));
    assert_eq!(floor.stats()["orders_in"]["ring_full"], 6);
    floor.run();
    assert_eq!(alpha.receive().len(), 64);
}

#[test]
fn a_gateway_that_was_overtaken_by_its_ring_tells_everything_once_and_in_order() {
    let folder = Folder::new("lapped");
    let mut floor = Floor::open(&folder.venue("[engine]\nring_records = 64"));
    let mut alpha = Client::log_on(&mut floor, "ALPHA1", 1);
    let mut beta = Client::log_on(&mut floor, "BETA1", 1);
    for number in 0..60 {
        alpha.order(&format!("A{number}"), "2", "1", "4800");
        floor.run();
    }
    beta.order("B1", "1", "60", "4800");
    floor.run_gateway();
    floor.run_engine();
    // 121 records went through a ring of 64. The next one shows what was overtaken.
    floor.run();
    beta.send("H", &[(11, "B1"), (55, "ESH4"), (54, "1")]);
    floor.run();
    assert!(floor.gateway.counters().lapped > 0);
    assert!(floor.gateway.counters().rebuilt > 0);
    let fills = |told: &[String]| -> Vec<u64> {
        told.iter()
            .filter(|message| field(message, 150) == Some("F"))
            .map(|message| field(message, 527).unwrap().parse().unwrap())
            .collect()
    };
    let expected: Vec<u64> = (1..=60).collect();
    assert_eq!(fills(&alpha.receive()), expected);
    let told = beta.receive();
    assert_eq!(fills(&told), expected);
    assert_eq!(field(told.last().unwrap(), 150), Some("I"));
}
