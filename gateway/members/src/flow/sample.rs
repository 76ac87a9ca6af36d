//! Small recordings for the tests of this module, and the way to the real one.

use std::path::PathBuf;

use super::record::{Action, Event, EventKind, Record, Side};
use super::recording::{DbnReader, tick_nanos};
use super::{FlowAction, FlowCommand, session_open_ns};

fn record(action: Action, id: u64, side: Option<Side>, price: i64, qty: u64) -> Record {
    Record { action, side, flow_order_id: id, price, qty, at_ns: 0 }
}

pub(crate) fn add(id: u64, side: Side, price: i64, qty: u64) -> Record {
    record(Action::Add, id, Some(side), price, qty)
}

pub(crate) fn cancel(id: u64, side: Side, price: i64, qty: u64) -> Record {
    record(Action::Cancel, id, Some(side), price, qty)
}

pub(crate) fn modify(id: u64, side: Side, price: i64, qty: u64) -> Record {
    record(Action::Modify, id, Some(side), price, qty)
}

pub(crate) fn trade(id: u64, side: Option<Side>, price: i64, qty: u64) -> Record {
    record(Action::Trade, id, side, price, qty)
}

pub(crate) fn filled(id: u64, side: Option<Side>, price: i64, qty: u64) -> Record {
    record(Action::Fill, id, side, price, qty)
}

pub(crate) fn regular(index: u64, at_ns: u64, records: Vec<Record>) -> Event {
    Event { kind: EventKind::Regular, index, at_ns, records }
}

pub(crate) fn snapshot(records: Vec<Record>) -> Event {
    Event { kind: EventKind::Snapshot, index: 0, at_ns: 0, records }
}

pub(crate) fn command(action: FlowAction) -> FlowCommand {
    FlowCommand { command_id: 1, at_ns: 0, instrument: 0, action }
}

/// The recorded ES day, its opening and the number of its events; says so where it is absent.
pub(crate) fn es_day(test: &str) -> Option<(DbnReader<std::fs::File>, u64)> {
    let path = data_path("l3/esh4-glbx-mdp3-20231225.mbo.dbn.zst");
    let Some(path) = path else {
        #[allow(clippy::print_stdout)] // The one line that says what was not tested.
        {
            println!("{test}: no TOUCHLINE_DATA, the recorded day is not played");
        }
        return None;
    };
    let file = std::fs::File::open(path).unwrap();
    let reader = DbnReader::new(file, tick_nanos(0, 250_000_000)).unwrap();
    let open_ns = session_open_ns(reader.start_ns(), super::GLOBEX_WINTER_OPEN_NS);
    Some((reader, open_ns))
}

/// A recording of the test data; says so where it is absent.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let path = data_path(name);
    if path.is_none() {
        #[allow(clippy::print_stdout)] // The one line that says what was not tested.
        {
            println!("no {name} in TOUCHLINE_DATA: it is not read");
        }
    }
    path
}

/// A file of the test data, if the data is there.
pub(crate) fn data_path(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(std::env::var_os("TOUCHLINE_DATA")?);
    let path = root.join(name);
    path.exists().then_some(path)
}
