//! A matcher behind a pointer: what `touchline.h` says under `tl_matcher`.
//!
//! The caller's promises are the header's: the pointer is one that `tl_matcher_new` gave and that
//! was not freed, one thread at a time, arrays as long as their counts say. Every function checks
//! for NULL, and every byte of a command is checked before the matcher sees it: `Matcher::apply`
//! ends the process over a wrong `seq` or `timestamp`, so they never get there.
//!
//! Records go in and come out as they lie in memory: their Rust types are `repr(C)` with the
//! offsets of the schema, asserted where they are generated.

pub mod held;
#[cfg(test)]
mod tests;
mod views;

use std::collections::VecDeque;
use std::ffi::c_char;
use std::mem::MaybeUninit;

use touchline_matcher::{Capacity, InstrumentLimits, MatcherError, OwnedMatcher, StorageNeeds};
use touchline_types::{BadValue, Command, CommandKind, Event, TradingPhase};

pub use views::{
    TlMatcherOrder, TlMatcherTotals, tl_matcher_last_px, tl_matcher_levels, tl_matcher_orders,
    tl_matcher_phase, tl_matcher_state,
};

use crate::write_text;

const ARGUMENT: i64 = -1;
const TOO_MANY_INSTRUMENTS: i64 = -2;
const DUPLICATE_INSTRUMENT: i64 = -3;
const EMPTY_PRICE_RANGE: i64 = -4;
const NO_PHASE: i64 = -5;
const TOO_LARGE: i64 = -6;
const REFUSED: i64 = -7;
const BAD_VALUE: i64 = -8;
const BAD_SEQ: i64 = -9;
const BAD_TIMESTAMP: i64 = -10;

/// Commands that the matcher is given at a time, so that it can read ahead.
const GROUP: usize = 64;
/// Room for events from which on it is given so many: below, one by one, so that few wait.
const GROUP_ROOM: usize = 4 * GROUP;

const _: () = assert!(cfg!(target_endian = "little"), "records are little endian");
const _: () = assert!(size_of::<Command>() == Command::BYTES && size_of::<Event>() == Event::BYTES);
const _: () = assert!(Event::BYTES.is_multiple_of(2));

/// `tl_instrument_limits`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlInstrumentLimits {
    /// Lowest price, price units.
    pub min_price: i64,
    /// Highest price, price units.
    pub max_price: i64,
    /// Largest order, lots.
    pub max_order_qty: u64,
    /// Number of the instrument.
    pub instrument_id: u32,
    /// Its first phase.
    pub phase: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Prices are multiples of it; 0 is 1.
    pub tick_size: i64,
    /// Quantities are multiples of it; 0 is 1.
    pub lot_size: u64,
    /// How far from the touch a market order executes, price units; 0 is as far as it may.
    pub protection: i64,
    /// How far from the last price a limit may be, price units; 0 is no band.
    pub price_band: i64,
}

/// `tl_matcher_capacity`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlMatcherCapacity {
    /// Instruments.
    pub instruments: u32,
    /// Open orders.
    pub orders: u32,
    /// Levels of a side of a book.
    pub levels: u32,
    /// ClOrdIDs of a day.
    pub cl_ord_ids: u32,
    /// Sessions that have limits.
    pub limited_sessions: u32,
    /// Members that have an account.
    pub accounts: u32,
    /// Zero.
    pub reserved: [u32; 10],
}

/// `tl_matcher_batch`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlMatcherBatch {
    /// Commands that were applied.
    pub commands: u64,
    /// Events that were written.
    pub events: u64,
    /// Events that had no room.
    pub waiting: u64,
    /// Byte of the record that is refused, if one is.
    pub fault_offset: u32,
    reserved: u32,
}

const _: () =
    assert!(size_of::<TlInstrumentLimits>() == 64 && size_of::<TlMatcherCapacity>() == 64);
const _: () = assert!(size_of::<TlMatcherBatch>() == 32);

/// `tl_matcher`.
pub struct TlMatcher {
    matcher: OwnedMatcher,
    /// Events of the last commands that had no room yet.
    waiting: VecDeque<Event>,
    fault: Option<Fault>,
}

/// Why a record is none: at which index of its array, at which byte, and what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Value { index: u64, offset: usize, bad: BadValue },
    Seq { index: u64, found: u64, next: u64 },
    Timestamp { index: u64, found: u64, last: u64 },
}

impl Fault {
    const fn code(&self) -> i64 {
        match self {
            Self::Value { .. } => BAD_VALUE,
            Self::Seq { .. } => BAD_SEQ,
            Self::Timestamp { .. } => BAD_TIMESTAMP,
        }
    }

    const fn offset(&self) -> usize {
        match self {
            Self::Value { offset, .. } => *offset,
            Self::Seq { .. } => std::mem::offset_of!(Command, seq),
            Self::Timestamp { .. } => std::mem::offset_of!(Command, timestamp),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value { index, offset, bad } => {
                write!(out, "command {index}, byte {offset}: {bad}")
            }
            Self::Seq { index, found, next } => {
                write!(out, "command {index}: seq is {found}, the next one is {next} (or 0)")
            }
            Self::Timestamp { index, found: 0, last } => {
                write!(out, "command {index}: no timestamp is above the last one, {last}")
            }
            Self::Timestamp { index, found, last } => {
                write!(out, "command {index}: timestamp is {found}, not above the last one, {last}")
            }
        }
    }
}

/// Makes a matcher; see the header.
///
/// # Safety
///
/// As the module says; `instruments` is NULL or points to `count` of them, `capacity` and `matcher`
/// are NULL or places of their types, `error` is NULL or points to `error_bytes` bytes that this
/// call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_new(
    instruments: *const TlInstrumentLimits,
    count: u64,
    capacity: *const TlMatcherCapacity,
    matcher: *mut *mut TlMatcher,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    let none = instruments.is_null() && count > 0;
    if none || capacity.is_null() || matcher.is_null() || error.is_null() {
        return ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises a capacity there.
    let capacity = unsafe { capacity.read_unaligned() };
    // The first one too many is read: then the matcher says that they are too many.
    let read = count.min(u64::from(capacity.instruments) + 1) as usize;
    // SAFETY: the caller promises `count` instruments.
    let instruments = (0..read).map(|at| unsafe { instruments.add(at).read_unaligned() });
    match checked(instruments, count, &capacity).and_then(|limits| allocate(&limits, &capacity)) {
        Ok(made) => {
            let made = TlMatcher { matcher: made, waiting: VecDeque::new(), fault: None };
            // SAFETY: not NULL, and the caller promises a place for the pointer.
            unsafe { matcher.write(Box::into_raw(Box::new(made))) };
            0
        }
        Err((code, text)) => {
            // SAFETY: not NULL, and the caller promises error_bytes bytes.
            unsafe { write_text(&text, error, error_bytes) };
            code
        }
    }
}

/// The instruments in the matcher's own terms.
fn checked(
    instruments: impl Iterator<Item = TlInstrumentLimits>,
    count: u64,
    capacity: &TlMatcherCapacity,
) -> Result<Vec<InstrumentLimits>, (i64, String)> {
    if count > u64::from(capacity.instruments) {
        let room = capacity.instruments as usize;
        return Err(refused(MatcherError::TooManyInstruments { given: count as usize, room }));
    }
    if capacity.reserved.iter().any(|word| *word != 0) {
        return Err((ARGUMENT, "the reserved words of the capacity are not zero".to_owned()));
    }
    let limits = instruments.enumerate().map(|(at, each)| {
        let place = format!("instrument {} (index {at})", each.instrument_id);
        if each.reserved.iter().any(|byte| *byte != 0) {
            return Err((ARGUMENT, format!("{place}: the reserved bytes are not zero")));
        }
        let initial_phase = TradingPhase::try_from(each.phase)
            .map_err(|bad| (ARGUMENT, format!("{place}, phase: {bad}")))?;
        Ok(InstrumentLimits {
            instrument_id: each.instrument_id,
            min_price: each.min_price,
            max_price: each.max_price,
            max_order_qty: each.max_order_qty,
            initial_phase,
            // 0 is what C writes where it names none.
            tick_size: if each.tick_size == 0 { 1 } else { each.tick_size },
            lot_size: each.lot_size.max(1),
            protection: each.protection,
            price_band: each.price_band,
        })
    });
    limits.collect()
}

fn allocate(
    limits: &[InstrumentLimits],
    capacity: &TlMatcherCapacity,
) -> Result<OwnedMatcher, (i64, String)> {
    let capacity = Capacity {
        instruments: capacity.instruments,
        orders: capacity.orders,
        levels: capacity.levels,
        cl_ord_ids: capacity.cl_ord_ids,
        limited_sessions: capacity.limited_sessions,
        accounts: capacity.accounts,
    };
    // An allocation that fails ends the process: so it is first asked for, and given back.
    let bytes = StorageNeeds::of(&capacity).bytes();
    if Vec::<u8>::new().try_reserve_exact(bytes).is_err() {
        return Err((TOO_LARGE, format!("this capacity needs {bytes} bytes, which are not there")));
    }
    OwnedMatcher::allocate(limits, &capacity).map_err(refused)
}

fn refused(error: MatcherError) -> (i64, String) {
    let code = match error {
        MatcherError::TooManyInstruments { .. } => TOO_MANY_INSTRUMENTS,
        MatcherError::DuplicateInstrument(_) => DUPLICATE_INSTRUMENT,
        MatcherError::EmptyPriceRange { .. } => EMPTY_PRICE_RANGE,
        MatcherError::NoPhase(_) => NO_PHASE,
        MatcherError::TooLong(_) => TOO_LARGE,
        _ => REFUSED,
    };
    (code, error.to_string())
}

/// Frees a matcher; see the header.
///
/// # Safety
///
/// As the module says; the pointer is not used again.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_free(matcher: *mut TlMatcher) {
    if !matcher.is_null() {
        // SAFETY: the pointer came from Box::into_raw and is given back once.
        drop(unsafe { Box::from_raw(matcher) });
    }
}

/// Applies commands; see the header.
///
/// # Safety
///
/// As the module says; `commands` is NULL or points to `count` records, `events` is NULL or points
/// to room for `capacity` records that this call alone may write and that are not among the
/// commands, `batch` is NULL or a place for one.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_apply(
    matcher: *mut TlMatcher,
    commands: *const Command,
    count: u64,
    events: *mut Event,
    capacity: u64,
    batch: *mut TlMatcherBatch,
) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let Some(matcher) = (unsafe { matcher.as_mut() }) else { return ARGUMENT };
    let no_commands = commands.is_null() && count > 0;
    if no_commands || (events.is_null() && capacity > 0) || batch.is_null() {
        return ARGUMENT;
    }
    // SAFETY: the caller promises that many records, and room for that many events.
    let (told, code) = unsafe { matcher.apply(commands.cast(), count, events, capacity) };
    // SAFETY: not NULL, and the caller promises a place for it.
    unsafe { batch.write_unaligned(told) };
    code
}

impl TlMatcher {
    /// Applies commands as long as their events have room; what was done, and 0 or a code.
    ///
    /// # Safety
    ///
    /// `commands` points to `count` records, `events` to room for `capacity` ones, which are not
    /// among the commands and which nobody else writes.
    unsafe fn apply(
        &mut self,
        commands: *const [u8; Command::BYTES],
        count: u64,
        events: *mut Event,
        capacity: u64,
    ) -> (TlMatcherBatch, i64) {
        let Self { matcher, waiting, fault } = self;
        *fault = None;
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        let mut written = 0;
        while written < capacity {
            let Some(event) = waiting.pop_front() else { break };
            // SAFETY: written is below the capacity, which the caller promises.
            unsafe { write_event(events.add(written), &event) };
            written += 1;
        }
        let (mut seq, mut timestamp) = (matcher.last_seq(), matcher.last_timestamp());
        let mut applied = 0;
        let mut group: [MaybeUninit<Command>; GROUP] = [const { MaybeUninit::uninit() }; GROUP];
        // Here nothing waits if there is room: what waits has been written, or has filled it.
        while applied < count && written < capacity && fault.is_none() {
            let many = if capacity - written < GROUP_ROOM { 1 } else { GROUP };
            let mut len = 0;
            while len < many && applied + (len as u64) < count {
                let index = applied + len as u64;
                // SAFETY: the index is below the count, which the caller promises.
                let record = unsafe { commands.add(index as usize) };
                // SAFETY: the record is one of the caller's.
                match unsafe { command_in(&mut group[len], record, index) }
                    .and_then(|command| stamp(command, index, seq, timestamp))
                {
                    Ok(command) => (seq, timestamp) = (command.seq, command.timestamp),
                    Err(found) => {
                        *fault = Some(found);
                        break;
                    }
                }
                len += 1;
            }
            // SAFETY: the first `len` are commands, and a place is laid out as what it holds.
            let group =
                unsafe { std::slice::from_raw_parts(group.as_ptr().cast::<Command>(), len) };
            matcher.apply_all(group, &mut |event: &Event| {
                if written < capacity {
                    // SAFETY: written is below the capacity, which the caller promises.
                    unsafe { write_event(events.add(written), event) };
                    written += 1;
                } else {
                    waiting.push_back(*event);
                }
            });
            applied += len as u64;
        }
        if !waiting.is_empty() {
            // It is told behind the events of the commands before it: by the call that has room.
            *fault = None;
        }
        let told = TlMatcherBatch {
            commands: applied,
            events: written as u64,
            waiting: waiting.len() as u64,
            fault_offset: fault.map_or(0, |fault| fault.offset() as u32),
            reserved: 0,
        };
        (told, fault.map_or(0, |fault| fault.code()))
    }
}

/// Writes an event, by halves: they are short enough to be moved without a call of memcpy, which
/// costs 4 ns more for each event.
///
/// # Safety
///
/// `out` points to room for an event.
#[inline]
unsafe fn write_event(out: *mut Event, event: &Event) {
    type Half = [u8; Event::BYTES / 2];
    let (from, to) = (std::ptr::from_ref(event).cast::<Half>(), out.cast::<Half>());
    // SAFETY: an event is two halves long, and so is the room, which the caller promises.
    unsafe {
        to.write(from.read());
        to.add(1).write(from.add(1).read());
    }
}

/// Copies a record to where it can be read as a command, if it is one.
///
/// It is copied once, as a whole, and changed in place from then on: a copy of a command that has
/// just been stamped would wait until the stamps are in the cache.
///
/// # Safety
///
/// `record` points to a record.
#[inline]
unsafe fn command_in(
    place: &mut MaybeUninit<Command>,
    record: *const [u8; Command::BYTES],
    index: u64,
) -> Result<&mut Command, Fault> {
    let block = place.as_mut_ptr().cast::<[u8; Command::BYTES]>();
    // SAFETY: a command is as long as its record (asserted above), and the place is ours.
    unsafe { std::ptr::copy_nonoverlapping(record, block, 1) };
    // SAFETY: every byte of it has just been written.
    let block = unsafe { &*block };
    if let Err(bad) = Command::decode(block) {
        return Err(bad_value(block, index, bad));
    }
    // SAFETY: every byte is written, and those of enums hold values of theirs: decode has read
    // them. The fields of the type lie where those of the record do, in the machine's byte order.
    Ok(unsafe { place.assume_init_mut() })
}

/// Gives a command its `seq` and `timestamp` where they are 0, and checks them where not.
#[inline]
fn stamp(
    command: &mut Command,
    index: u64,
    last_seq: u64,
    last_timestamp: u64,
) -> Result<&mut Command, Fault> {
    let (found, next) = (command.seq, last_seq.wrapping_add(1));
    if found == 0 {
        command.seq = next;
    } else if found != next {
        return Err(Fault::Seq { index, found, next });
    }
    let found = command.timestamp;
    if found == 0 {
        command.timestamp = last_timestamp.saturating_add(1);
    }
    if command.timestamp <= last_timestamp {
        return Err(Fault::Timestamp { index, found, last: last_timestamp });
    }
    Ok(command)
}

/// Finds the byte that made a record unreadable: alone in a valid record, it makes the same error.
#[cold]
#[inline(never)]
fn bad_value(record: &[u8; Command::BYTES], index: u64, bad: BadValue) -> Fault {
    let mut valid = [0; Command::BYTES];
    Command::of(CommandKind::NewOrder).encode(&mut valid);
    let alone = |offset: usize| {
        let mut probe = valid;
        probe[offset] = record[offset];
        Command::decode(&probe) == Err(bad)
    };
    let offset = (0..Command::BYTES).find(|offset| alone(*offset)).unwrap_or(0);
    Fault::Value { index, offset, bad }
}

/// Says why the last call stopped; see the header.
///
/// # Safety
///
/// As the module says; `out` is NULL or points to `out_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_why(
    matcher: *const TlMatcher,
    out: *mut c_char,
    out_bytes: u64,
) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let fault = unsafe { matcher.as_ref() }.and_then(|matcher| matcher.fault);
    let Some(fault) = fault.filter(|_| !out.is_null()) else { return 0 };
    let text = fault.to_string();
    // SAFETY: not NULL, and the caller promises out_bytes bytes.
    unsafe { write_text(&text, out, out_bytes) };
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
