//! Looking at a matcher: its totals, and its books.
//!
//! The caller's promises are those of the module above.

use touchline_matcher::{LevelView, OrderView};
use touchline_types::{ClOrdId, Side};

use super::{ARGUMENT, TlMatcher};
use crate::subscriber::TlLevel;

/// `tl_matcher_totals`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlMatcherTotals {
    /// Equal states have equal hashes.
    pub state_hash: u64,
    /// Of the last command.
    pub last_seq: u64,
    /// Of the last command, ns.
    pub last_timestamp: u64,
    /// Events that had no room yet.
    pub waiting: u64,
    /// Orders that are open.
    pub open_orders: u32,
    /// ClOrdIDs that are used.
    pub cl_ord_ids: u32,
}

/// `tl_matcher_order`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlMatcherOrder {
    pub(super) order_id: u64,
    pub(super) price: i64,
    pub(super) order_qty: u64,
    pub(super) leaves_qty: u64,
    pub(super) cum_qty: u64,
    pub(super) cum_value: i64,
    pub(super) priority: u64,
    pub(super) cl_ord_id: ClOrdId,
    pub(super) instrument_id: u32,
    pub(super) session_id: u32,
    pub(super) member_id: u32,
    pub(super) side: u8,
    pub(super) ord_type: u8,
    pub(super) time_in_force: u8,
    pub(super) reserved: [u8; 5],
}

const _: () = assert!(size_of::<TlMatcherTotals>() == 40 && size_of::<TlMatcherOrder>() == 96);

/// Fills in the totals; see the header.
///
/// # Safety
///
/// As the module says; `totals` is NULL or a place for them.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_state(
    matcher: *const TlMatcher,
    totals: *mut TlMatcherTotals,
) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let Some(TlMatcher { matcher, waiting, .. }) = (unsafe { matcher.as_ref() }) else {
        return ARGUMENT;
    };
    if totals.is_null() {
        return ARGUMENT;
    }
    let told = TlMatcherTotals {
        state_hash: matcher.state_hash(),
        last_seq: matcher.last_seq(),
        last_timestamp: matcher.last_timestamp(),
        waiting: waiting.len() as u64,
        open_orders: matcher.open_orders(),
        cl_ord_ids: matcher.used_cl_ord_ids(),
    };
    // SAFETY: not NULL, and the caller promises a place for them.
    unsafe { totals.write_unaligned(told) };
    0
}

/// The phase of an instrument; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_phase(matcher: *const TlMatcher, instrument_id: u32) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let Some(TlMatcher { matcher, .. }) = (unsafe { matcher.as_ref() }) else { return ARGUMENT };
    matcher.phase(instrument_id).map_or(0, |phase| phase as i64)
}

/// The last price of an instrument; see the header.
///
/// # Safety
///
/// As the module says; `last_px` is NULL or a place for it.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_last_px(
    matcher: *const TlMatcher,
    instrument_id: u32,
    last_px: *mut i64,
) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let Some(TlMatcher { matcher, .. }) = (unsafe { matcher.as_ref() }) else { return ARGUMENT };
    if last_px.is_null() {
        return ARGUMENT;
    }
    let Some(found) = matcher.last_px(instrument_id) else { return 0 };
    // SAFETY: not NULL, and the caller promises a place for it.
    unsafe { last_px.write_unaligned(found) };
    1
}

/// Lists levels; see the header.
///
/// # Safety
///
/// As the module says; `levels` is NULL or points to room for `capacity` of them.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_levels(
    matcher: *const TlMatcher,
    instrument_id: u32,
    side: u8,
    levels: *mut TlLevel,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let Some(TlMatcher { matcher, .. }) = (unsafe { matcher.as_ref() }) else { return ARGUMENT };
    let Some(side) = side_of(side) else { return ARGUMENT };
    let rows = matcher
        .levels(instrument_id, side)
        .map(|LevelView { price, qty, orders }| TlLevel::of(price, qty, orders));
    // SAFETY: the caller promises room for `capacity` levels.
    unsafe { write_rows(rows, levels, capacity) }
}

/// Lists orders; see the header.
///
/// # Safety
///
/// As the module says; `orders` is NULL or points to room for `capacity` of them.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_matcher_orders(
    matcher: *const TlMatcher,
    instrument_id: u32,
    side: u8,
    orders: *mut TlMatcherOrder,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a matcher that only this thread uses.
    let Some(TlMatcher { matcher, .. }) = (unsafe { matcher.as_ref() }) else { return ARGUMENT };
    let Some(side) = side_of(side) else { return ARGUMENT };
    let rows = matcher.orders(instrument_id, side).map(TlMatcherOrder::from);
    // SAFETY: the caller promises room for `capacity` orders.
    unsafe { write_rows(rows, orders, capacity) }
}

const fn side_of(side: u8) -> Option<Side> {
    match side {
        1 => Some(Side::Buy),
        2 => Some(Side::Sell),
        _ => None,
    }
}

impl From<OrderView> for TlMatcherOrder {
    fn from(order: OrderView) -> Self {
        Self {
            order_id: order.order_id,
            price: order.price,
            order_qty: order.order_qty,
            leaves_qty: order.leaves_qty,
            cum_qty: order.cum_qty,
            cum_value: order.cum_value,
            priority: order.priority,
            cl_ord_id: order.cl_ord_id,
            instrument_id: order.instrument_id,
            session_id: order.session_id,
            member_id: order.member_id,
            side: order.side as u8,
            ord_type: order.ord_type as u8,
            time_in_force: order.time_in_force as u8,
            reserved: [0; 5],
        }
    }
}

/// Writes the first rows; how many, or ARGUMENT.
///
/// # Safety
///
/// `out` is NULL or points to room for `capacity` rows that this call alone may write.
unsafe fn write_rows<T>(rows: impl Iterator<Item = T>, out: *mut T, capacity: u64) -> i64 {
    if out.is_null() && capacity > 0 {
        return ARGUMENT;
    }
    let mut written = 0;
    for row in rows.take(usize::try_from(capacity).unwrap_or(usize::MAX)) {
        // SAFETY: written is below the capacity, which the caller promises.
        unsafe { out.add(written).write_unaligned(row) };
        written += 1;
    }
    i64::try_from(written).unwrap_or(i64::MAX)
}
