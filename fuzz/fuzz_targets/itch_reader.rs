//! ITCH recordings: whatever the bytes are, they are read or refused; what was read never
//! contradicts itself, and is the same each time.
//!
//! Input: `u8 flags | file`. Flag 1: the stock "A" is asked for, else the only one. Flag 2: lengths
//! in front of messages are put right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_fuzz::{UNITS, check_events};
use touchline_members::flow::recording::{ItchReader, Recording, itch_message_bytes};

fuzz_target!(|data: &[u8]| {
    let Some((flags, file)) = data.split_first() else { return };
    let mut file = file.to_vec();
    if flags & 2 != 0 {
        put_right(&mut file);
    }
    let ticker = (flags & 1 != 0).then_some("A");
    let read = || {
        let Ok(mut reader) = ItchReader::new(&file[..], ticker, UNITS) else { return None };
        let events = std::iter::from_fn(|| reader.next_event().transpose()).collect::<Vec<_>>();
        Some((check_events(events), reader.counts()))
    };
    assert_eq!(read(), read());
});

fn put_right(file: &mut [u8]) {
    let mut at = 0;
    while let Some(bytes) = file.get(at + 2).and_then(|kind| itch_message_bytes(*kind)) {
        let length = (bytes as u16).to_be_bytes();
        file[at..at + 2].copy_from_slice(&length);
        at += 2 + bytes;
    }
}
