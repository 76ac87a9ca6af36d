//! Bitstamp's orders as CSV: whatever the bytes are, they are read or refused; what was read never
//! contradicts itself, goes forward in time, and is the same each time.
//!
//! Input: the lines behind that of the names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_fuzz::{UNITS, check_events};
use touchline_members::flow::recording::{BitstampReader, Recording};

const NAMES: &[u8] = b"id,timestamp,exchange.timestamp,price,volume,action,direction\n";

fuzz_target!(|data: &[u8]| {
    let file = [NAMES, data].concat();
    let read = || {
        let Ok(mut reader) = BitstampReader::new(&file[..], UNITS) else { panic!("the names") };
        let events = std::iter::from_fn(|| reader.next_event().transpose()).collect::<Vec<_>>();
        let forward = events.iter().flatten().map(|event| event.at_ns).is_sorted();
        assert!(forward, "time goes back");
        (check_events(events), reader.counts())
    };
    assert_eq!(read(), read());
});
