//! The books of a recording behind a pointer: what `touchline.h` says under `tl_recorded_market`.
//!
//! The caller's promises are the header's: the pointer is one that `tl_recorded_market_open` gave
//! and that was not closed, one thread at a time, arrays as long as `capacity` says.

use touchline_strategy::{RecordedMarket, StrategyEvent};
use touchline_types::{PublicRecord, Side};

use crate::subscriber::TlLevel;

const ARGUMENT: i64 = -4;
const BAD_RECORD: i64 = -5;
const MISFIT: i64 = -6;
const INSTRUMENTS_MAX: u32 = 65_536;

/// Books of a recording, and how many there are.
#[derive(Debug)]
pub struct TlRecordedMarket {
    market: RecordedMarket,
    instruments: u32,
}

/// Makes empty books; see the header.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_recorded_market_open(instruments: u32) -> *mut TlRecordedMarket {
    if instruments > INSTRUMENTS_MAX {
        return std::ptr::null_mut();
    }
    let market = RecordedMarket::new(instruments as usize);
    Box::into_raw(Box::new(TlRecordedMarket { market, instruments }))
}

/// Frees it; see the header.
///
/// # Safety
///
/// As the module says; the pointer is not used again.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_recorded_market_close(market: *mut TlRecordedMarket) {
    if !market.is_null() {
        // SAFETY: the pointer came from Box::into_raw and is given back once.
        drop(unsafe { Box::from_raw(market) });
    }
}

/// Takes a record; see the header.
///
/// # Safety
///
/// As the module says; `record` is NULL or points to the bytes of a public record.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_recorded_market_take(
    market: *mut TlRecordedMarket,
    record: *const u8,
    events: *mut StrategyEvent,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a market that only this thread uses.
    let Some(TlRecordedMarket { market, instruments }) = (unsafe { market.as_mut() }) else {
        return ARGUMENT;
    };
    if record.is_null() || events.is_null() || capacity <= u64::from(*instruments) {
        return ARGUMENT;
    }
    let mut block = [0; PublicRecord::BYTES];
    // SAFETY: not NULL, and the caller promises the bytes of a record; the block is ours.
    unsafe { std::ptr::copy_nonoverlapping(record, block.as_mut_ptr(), block.len()) };
    let Ok(record) = PublicRecord::decode(&block) else { return BAD_RECORD };
    let mut written: usize = 0;
    let taken = market.take(&record, |event| {
        if (written as u64) < capacity {
            // SAFETY: the caller promises room for `capacity` events, and written is below that.
            unsafe { events.add(written).write_unaligned(event) };
            written += 1;
        }
    });
    taken.map_or(MISFIT, |()| i64::try_from(written).unwrap_or(i64::MAX))
}

/// Lists levels; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_recorded_market_levels(
    market: *const TlRecordedMarket,
    instrument_id: u32,
    side: u8,
    levels: *mut TlLevel,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a market that only this thread uses.
    let Some(market) = (unsafe { market.as_ref() }) else { return ARGUMENT };
    let side = match side {
        1 => Side::Buy,
        2 => Side::Sell,
        _ => return ARGUMENT,
    };
    if levels.is_null() {
        return ARGUMENT;
    }
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    let mut written = 0;
    for level in market.market.levels(instrument_id, side).take(capacity) {
        let level = TlLevel::of(level.price, level.qty, level.order_count);
        // SAFETY: the caller promises room for `capacity` levels, and written is below that.
        unsafe { levels.add(written).write_unaligned(level) };
        written += 1;
    }
    i64::try_from(written).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::{null, null_mut};

    #[test]
    fn noise_is_no_record_and_null_no_argument() {
        let market = tl_recorded_market_open(1);
        let mut events = [StrategyEvent::default(); 2];
        let noise = [0xff_u8; PublicRecord::BYTES];
        // SAFETY: pointers of this test with their own lengths, or NULL, which is what is tested.
        unsafe {
            let take = |record, events, capacity| {
                tl_recorded_market_take(market, record, events, capacity)
            };
            assert_eq!(take(noise.as_ptr(), events.as_mut_ptr(), 2), BAD_RECORD);
            assert_eq!(take(noise.as_ptr(), events.as_mut_ptr(), 1), ARGUMENT, "no room");
            assert_eq!(take(null(), events.as_mut_ptr(), 2), ARGUMENT);
            assert_eq!(take(noise.as_ptr(), null_mut(), 2), ARGUMENT);
            assert_eq!(tl_recorded_market_levels(market, 1, 3, null_mut(), 1), ARGUMENT);
            tl_recorded_market_close(market);
            tl_recorded_market_close(null_mut());
        }
        assert!(tl_recorded_market_open(INSTRUMENTS_MAX + 1).is_null());
    }
}
