//! The matcher behind the C ABI, whose caller writes what it likes into records: every record is
//! applied, or refused with the byte that is wrong. Then the events are those of a matcher that is
//! given the same commands one by one, and so is the state, which keeps every rule of its own.
//!
//! Input: capacities and instruments, then commands in a few bytes each, with chosen bytes of them
//! replaced; see `touchline_fuzz::library`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_ffi::matcher::held::Held;
use touchline_fuzz::Script;
use touchline_fuzz::library::{self, Record, Setup};
use touchline_matcher::OwnedMatcher;
use touchline_types::{Command, Event};

const BAD_VALUE: i64 = -8;
const BAD_SEQ: i64 = -9;
const BAD_TIMESTAMP: i64 = -10;
/// Nobody needs more records to break something.
const RECORDS_MAX: usize = 300;

/// What a record is to a matcher in this state: a command, or the code that refuses it.
fn read(record: &Record, twin: &OwnedMatcher) -> Result<Command, i64> {
    let mut command = Command::decode(record).map_err(|_| BAD_VALUE)?;
    let next = twin.last_seq() + 1;
    if command.seq == 0 {
        command.seq = next;
    }
    if command.seq != next {
        return Err(BAD_SEQ);
    }
    if command.timestamp == 0 {
        command.timestamp = twin.last_timestamp().saturating_add(1);
    }
    let rises = command.timestamp > twin.last_timestamp();
    if rises { Ok(command) } else { Err(BAD_TIMESTAMP) }
}

fuzz_target!(|data: &[u8]| {
    let mut script = Script(data);
    let setup = Setup::take(&mut script);
    let twin = setup.limits().and_then(|limits| OwnedMatcher::allocate(&limits, &setup.room).ok());
    let library = Held::new(&setup.instruments, &setup.capacity);
    assert_eq!(library.is_ok(), twin.is_some(), "{library:?}");
    let (Ok(library), Some(mut twin)) = (library, twin) else { return };
    let (mut records, mut rooms) = (Vec::new(), Vec::new());
    while let (Some(op), true) = (script.op(), records.len() < RECORDS_MAX) {
        records.push(library::record(op, &mut script));
        if op % 16 == 15 {
            rooms.push(usize::from(script.u8()) * 2);
        }
    }
    let (mut told, mut due) = (Vec::new(), Vec::new());
    let mut rooms = rooms.into_iter();
    let mut left = &records[..];
    loop {
        // At the end there is room for one more at least: so there is an end.
        let room = rooms.next().unwrap_or(1_000).max(1);
        let (batch, code, events) = library.apply(left, room);
        assert!(events.len() <= room && batch.commands <= left.len() as u64);
        told.extend(events);
        let (done, rest) = left.split_at(usize::try_from(batch.commands).unwrap_or(0));
        for record in done {
            let Ok(command) = read(record, &twin) else { panic!("applied, and is none") };
            twin.apply(&command, &mut |event: &Event| due.push(*event));
        }
        assert_eq!(twin.check(), Ok(()));
        assert_eq!(twin.state_hash(), twin.state_hash_slow());
        assert_eq!(library.totals().state_hash, twin.state_hash());
        assert_eq!(library.why().is_empty(), code == 0);
        assert_eq!(due.len() - told.len(), usize::try_from(batch.waiting).unwrap_or(0));
        left = rest;
        if code != 0 {
            let Some((refused, behind)) = left.split_first() else { panic!("nothing refused") };
            assert_eq!(read(refused, &twin), Err(code));
            left = behind;
        } else if left.is_empty() && batch.waiting == 0 {
            break;
        }
    }
    assert_eq!(told, due);
});
