//! The matcher behind the C ABI, whose caller writes what it likes into records: every record is
//! applied, or refused with the byte that is wrong. Then the events are those of a matcher that is
//! given the same commands one by one, and so is the state, which keeps every rule of its own.
//!
//! Input: capacities and instruments, then commands in a few bytes each, with chosen bytes of them
//! replaced; see `touchline_fuzz::library`.
#![no_main]

use std::ptr::{from_mut, null_mut};

use libfuzzer_sys::fuzz_target;
use touchline_ffi::matcher::{
    TlMatcher, TlMatcherBatch, tl_matcher_apply, tl_matcher_free, tl_matcher_new, tl_matcher_state,
    tl_matcher_why,
};
use touchline_fuzz::Script;
use touchline_fuzz::library::{self, Record, Setup};
use touchline_matcher::OwnedMatcher;
use touchline_types::{Command, Event, EventKind};

const BAD_VALUE: i64 = -8;
const BAD_SEQ: i64 = -9;
const BAD_TIMESTAMP: i64 = -10;
/// Nobody needs more records to break something.
const RECORDS_MAX: usize = 300;

/// A matcher of the library, freed at the end.
struct Library(*mut TlMatcher);

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: made by tl_matcher_new, freed once.
        unsafe { tl_matcher_free(self.0) };
    }
}

impl Library {
    fn new(setup: &Setup) -> Option<Self> {
        let (mut matcher, mut error) = (null_mut(), [0; 128]);
        let (instruments, capacity) = (setup.instruments(), setup.capacity());
        // SAFETY: arrays of the lengths that are said; places are read and written unaligned.
        let code = unsafe {
            tl_matcher_new(
                instruments.as_ptr().cast(),
                instruments.len() as u64,
                capacity.as_ptr().cast(),
                from_mut(&mut matcher),
                error.as_mut_ptr().cast(),
                error.len() as u64,
            )
        };
        assert_eq!(code == 0, !matcher.is_null());
        assert!(code == 0 || (code < 0 && error[0] != 0), "{code}: a reason");
        (code == 0).then_some(Self(matcher))
    }

    /// Applies records with room for so many events: what was done, the code, and the events.
    fn apply(&self, records: &[Record], room: usize) -> (TlMatcherBatch, i64, Vec<Event>) {
        let mut events = vec![Event::of(EventKind::Status); room];
        let mut batch = TlMatcherBatch::default();
        // SAFETY: arrays of the lengths that are said, and a place for the batch.
        let code = unsafe {
            tl_matcher_apply(
                self.0,
                records.as_ptr().cast(),
                records.len() as u64,
                events.as_mut_ptr(),
                room as u64,
                from_mut(&mut batch),
            )
        };
        let written = usize::try_from(batch.events).unwrap_or(usize::MAX);
        assert!(written <= room && batch.commands <= records.len() as u64);
        events.truncate(written);
        (batch, code, events)
    }

    fn state_hash(&self) -> u64 {
        let mut totals = [0_u64; 5];
        // SAFETY: five words, as the header has it.
        let code = unsafe { tl_matcher_state(self.0, totals.as_mut_ptr().cast()) };
        assert_eq!(code, 0);
        totals[0]
    }

    fn has_reason(&self) -> bool {
        let mut text = [0; 200];
        // SAFETY: as many bytes as are said.
        unsafe { tl_matcher_why(self.0, text.as_mut_ptr().cast(), text.len() as u64) > 0 }
    }
}

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
    let library = Library::new(&setup);
    assert_eq!(library.is_some(), twin.is_some());
    let (Some(library), Some(mut twin)) = (library, twin) else { return };
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
        told.extend(events);
        let (done, rest) = left.split_at(usize::try_from(batch.commands).unwrap_or(0));
        for record in done {
            let Ok(command) = read(record, &twin) else { panic!("applied, and is none") };
            twin.apply(&command, &mut |event: &Event| due.push(*event));
        }
        assert_eq!(twin.check(), Ok(()));
        assert_eq!(twin.state_hash(), twin.state_hash_slow());
        assert_eq!(library.state_hash(), twin.state_hash());
        assert_eq!(library.has_reason(), code != 0);
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
