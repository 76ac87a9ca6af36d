//! A strategy behind a pointer: what `touchline.h` says under `tl_strategy`.
//!
//! The caller's promises are the header's: the pointer is one that `tl_strategy_open` gave and that
//! was not closed, one thread at a time, arrays as long as `capacity` says. Every function checks
//! for NULL and for values that are none.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use touchline_strategy::{OwnOrder, Refusal, Strategy, StrategyEvent};
use touchline_types::{OrdType, Side, TimeInForce};

use crate::subscriber::TlLevel;
use crate::write_text;

/// Gauges of a strategy at most.
const GAUGES_MAX: u64 = touchline_ring::gauges::GAUGES_MAX as u64;
const GONE: i64 = -1;
const FULL: i64 = -2;
const UNKNOWN_ORDER: i64 = -3;
const ARGUMENT: i64 = -4;

const fn number(refusal: Refusal) -> i64 {
    match refusal {
        Refusal::Gone => GONE,
        Refusal::Full => FULL,
        Refusal::UnknownOrder => UNKNOWN_ORDER,
        Refusal::Argument => ARGUMENT,
    }
}

fn done(result: Result<(), Refusal>) -> i64 {
    result.map_or_else(number, |()| 0)
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Connects a strategy; see the header.
///
/// # Safety
///
/// As the module says; `error` is NULL or points to `error_bytes` bytes that this call alone may
/// write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_open(
    path: *const c_char,
    name: *const c_char,
    strategy: *mut *mut Strategy,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    if path.is_null() || name.is_null() || strategy.is_null() || error.is_null() {
        return i64::MIN;
    }
    // SAFETY: not NULL, and the caller promises a NUL at the end of both.
    let (path, name) = unsafe { (CStr::from_ptr(path), CStr::from_ptr(name)) };
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    let opened = match name.to_str() {
        Ok(name) => Strategy::open(path, name).map_err(|error| error.to_string()),
        Err(error) => Err(format!("the name is not UTF-8: {error}")),
    };
    match opened {
        Ok(opened) => {
            // SAFETY: not NULL, and the caller promises a place for the pointer.
            unsafe { strategy.write(Box::into_raw(Box::new(opened))) };
            0
        }
        Err(text) => {
            // SAFETY: not NULL, and the caller promises error_bytes bytes.
            unsafe { write_text(&text, error, error_bytes) };
            -count(text.len())
        }
    }
}

/// Leaves; see the header.
///
/// # Safety
///
/// As the module says; the pointer is not used again.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_close(strategy: *mut Strategy) {
    if !strategy.is_null() {
        // SAFETY: the pointer came from Box::into_raw and is given back once.
        drop(unsafe { Box::from_raw(strategy) });
    }
}

/// Takes the next event; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_next(
    strategy: *mut Strategy,
    event: *mut StrategyEvent,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    if event.is_null() {
        return ARGUMENT;
    }
    match strategy.next_event() {
        Ok(Some(next)) => {
            // SAFETY: not NULL, and the caller promises room for an event.
            unsafe { event.write_unaligned(next) };
            1
        }
        Ok(None) => 0,
        Err(refusal) => number(refusal),
    }
}

/// Takes events; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_batch(
    strategy: *mut Strategy,
    events: *mut StrategyEvent,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    if events.is_null() {
        return ARGUMENT;
    }
    let mut taken = 0;
    while (taken as u64) < capacity {
        match strategy.next_event() {
            Ok(Some(next)) => {
                // SAFETY: the caller promises room for `capacity` events, and taken is below that.
                unsafe { events.add(taken).write_unaligned(next) };
                taken += 1;
            }
            Ok(None) => break,
            Err(refusal) if taken == 0 => return number(refusal),
            Err(_) => break,
        }
    }
    count(taken)
}

/// Sleeps; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_wait(strategy: *mut Strategy, timeout_ns: u64) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    strategy.wait(timeout_ns).map_or_else(number, i64::from)
}

/// Sends a new order; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_new_order(
    strategy: *mut Strategy,
    instrument_id: u32,
    side: u8,
    ord_type: u8,
    time_in_force: u8,
    price: i64,
    order_qty: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    let (Ok(ord_type), Ok(time_in_force)) =
        (OrdType::try_from(ord_type), TimeInForce::try_from(time_in_force))
    else {
        return ARGUMENT;
    };
    let own = OwnOrder { instrument_id, side, price, order_qty, ..OwnOrder::default() };
    match strategy.new_order(own, ord_type, time_in_force) {
        Ok(order) => i64::try_from(order).unwrap_or(i64::MAX),
        Err(refusal) => number(refusal),
    }
}

/// Cancels an order; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_cancel(strategy: *mut Strategy, order: u64) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    done(strategy.cancel(order))
}

/// Replaces an order; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_replace(
    strategy: *mut Strategy,
    order: u64,
    price: i64,
    order_qty: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    done(strategy.replace(order, price, order_qty))
}

/// Cancels every order; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_cancel_all(strategy: *mut Strategy) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    done(strategy.cancel_all())
}

/// Describes an own order; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_order(
    strategy: *const Strategy,
    order: u64,
    own: *mut OwnOrder,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
    if own.is_null() {
        return ARGUMENT;
    }
    match strategy.order(order) {
        Some(known) => {
            // SAFETY: not NULL, and the caller promises room for an order.
            unsafe { own.write_unaligned(*known) };
            1
        }
        None => 0,
    }
}

/// Lists own open orders; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_orders(
    strategy: *const Strategy,
    orders: *mut OwnOrder,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
    if orders.is_null() {
        return ARGUMENT;
    }
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    let mut written = 0;
    for own in strategy.orders().take(capacity) {
        // SAFETY: the caller promises room for `capacity` orders, and written is below that.
        unsafe { orders.add(written).write_unaligned(*own) };
        written += 1;
    }
    count(written)
}

/// Own position; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_position(
    strategy: *const Strategy,
    instrument_id: u32,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    unsafe { strategy.as_ref() }.map_or(0, |strategy| strategy.position(instrument_id))
}

/// Lists levels; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_levels(
    strategy: *const Strategy,
    instrument_id: u32,
    side: u8,
    levels: *mut TlLevel,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
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
    for level in strategy.levels(instrument_id, side).take(capacity) {
        let level = TlLevel::of(level.price, level.qty, level.order_count);
        // SAFETY: the caller promises room for `capacity` levels, and written is below that.
        unsafe { levels.add(written).write_unaligned(level) };
        written += 1;
    }
    count(written)
}

/// Whether a book is right; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_is_live(strategy: *const Strategy, instrument_id: u32) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    i64::from(unsafe { strategy.as_ref() }.is_some_and(|strategy| strategy.is_live(instrument_id)))
}

/// Sets a timer; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_set_timer(
    strategy: *mut Strategy,
    number: u64,
    at_ns: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_mut() }) else { return ARGUMENT };
    done(strategy.set_timer(number, at_ns))
}

/// Names the gauges; see the header.
///
/// # Safety
///
/// As the module says; `names` is NULL or ends with NUL.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_name_gauges(
    strategy: *mut Strategy,
    names: *const c_char,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
    if names.is_null() {
        return ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises a NUL at the end.
    let Ok(names) = (unsafe { CStr::from_ptr(names) }).to_str() else { return ARGUMENT };
    let names: Vec<&str> = names.split(',').collect();
    done(strategy.name_gauges(&names))
}

/// Sets the gauges; see the header.
///
/// # Safety
///
/// As the module says; `values` is NULL or points to `count` doubles.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_set_gauges(
    strategy: *mut Strategy,
    values: *const f64,
    count: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
    if values.is_null() || count > GAUGES_MAX {
        return ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises `count` values, which are few enough for a usize.
    let values = unsafe { std::slice::from_raw_parts(values, count as usize) };
    strategy.set_gauges(values);
    0
}

/// The venue's clock; see the header.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_now_ns() -> u64 {
    touchline_sys::now_ns()
}

/// Counters; see the header.
///
/// # Safety
///
/// As the module says; `out` is NULL or points to `out_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_counters(
    strategy: *const Strategy,
    out: *mut c_char,
    out_bytes: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return 0 };
    if out.is_null() {
        return 0;
    }
    let text = strategy.counters().to_string();
    // SAFETY: not NULL, and the caller promises out_bytes bytes.
    unsafe { write_text(&text, out, out_bytes) };
    count(text.len())
}

/// Why the strategy is gone; see the header.
///
/// # Safety
///
/// As the module says; `out` is NULL or points to `out_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_why(
    strategy: *const Strategy,
    out: *mut c_char,
    out_bytes: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(why) = (unsafe { strategy.as_ref() }).and_then(Strategy::why) else { return 0 };
    if out.is_null() {
        return 0;
    }
    // SAFETY: not NULL, and the caller promises out_bytes bytes.
    unsafe { write_text(why, out, out_bytes) };
    count(why.len())
}
