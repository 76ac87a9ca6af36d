//! Small recordings for the tests of this module, and the way to the real one.

use std::path::PathBuf;

use super::record::{Action, Event, EventKind, Record, Side};
use super::{EventReader, FlowAction, FlowCommand, session_open_ns, tick_nanos};

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
pub(crate) fn es_day(test: &str) -> Option<(EventReader<std::fs::File>, u64)> {
    let path = data_path("l3/esh4-glbx-mdp3-20231225.mbo.dbn.zst");
    let Some(path) = path else {
        #[allow(clippy::print_stdout)] // The one line that says what was not tested.
        {
            println!("{test}: no TOUCHLINE_DATA, the recorded day is not played");
        }
        return None;
    };
    let reader = EventReader::open(&path, tick_nanos(0, 250_000_000)).unwrap();
    let open_ns = session_open_ns(reader.start_ns(), super::GLOBEX_WINTER_OPEN_NS);
    Some((reader, open_ns))
}

/// A file of the test data, if the data is there.
pub(crate) fn data_path(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(std::env::var_os("TOUCHLINE_DATA")?);
    let path = root.join(name);
    path.exists().then_some(path)
}
