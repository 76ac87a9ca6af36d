//! A subscriber of the feed behind a pointer: what `touchline.h` says under `tl_subscriber`.
//!
//! The caller's promises are the header's: the pointer is one that `tl_subscriber_open` gave and
//! that was not closed, one thread at a time, arrays as long as `capacity` says. Every function
//! checks for NULL and for values that are none.

use std::collections::VecDeque;
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use touchline_config::Venue;
use touchline_feed_codec::MatchEventIndicator;
use touchline_subscriber::{
    Book, BookListener, BookState, ClientError, FeedClient, Level, Side, Trade, TradingPhase,
};

use crate::write_text;

/// Trades that wait to be taken.
const TRADES_MAX: usize = 1 << 16;
/// Events that wait to be taken.
const EVENTS_MAX: usize = 1 << 20;
/// Datagrams taken in by one call; more wait for the next one.
const DATAGRAMS_MAX: i64 = 1 << 16;

/// `tl_level`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TlLevel {
    price: i64,
    qty: u64,
    order_count: u32,
    reserved: u32,
}

impl TlLevel {
    pub(crate) const fn of(price: i64, qty: u64, order_count: u32) -> Self {
        Self { price, qty, order_count, reserved: 0 }
    }
}

/// `tl_book_order`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TlBookOrder {
    order_id: u64,
    price: i64,
    qty: u64,
    priority: u64,
}

/// `tl_book`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TlBook {
    last_seq: u64,
    last_px: i64,
    order_count: u64,
    bid_levels: u32,
    offer_levels: u32,
    state: u8,
    phase: u8,
    reserved: [u8; 6],
}

/// `tl_feed_event`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlFeedEvent {
    seq: u64,
    order_id: u64,
    trd_match_id: u64,
    price: i64,
    qty: u64,
    instrument_id: u32,
    order_count: u32,
    kind: u8,
    side: u8,
    aggressor_side: u8,
    phase: u8,
    state: u8,
    flags: u8,
    reserved: [u8; 2],
}

const _: () = assert!(size_of::<TlLevel>() == 24 && size_of::<TlBookOrder>() == 32);
const _: () = assert!(size_of::<TlBook>() == 40 && size_of::<TlFeedEvent>() == 56);

const LEVEL: u8 = 1;
const TRADE: u8 = 2;
const PHASE: u8 = 3;
const UNCROSS: u8 = 4;
const END_OF_EVENT: u8 = 5;
const SNAPSHOT: u8 = 6;
const STATE: u8 = 7;
const SESSION: u8 = 8;
const END_OF_SESSION: u8 = 9;

/// `tl_subscriber`.
pub struct TlSubscriber {
    client: FeedClient,
    record: Record,
}

/// What was told and not yet taken.
struct Record {
    trades: VecDeque<TlFeedEvent>,
    trades_dropped: u64,
    keep_events: bool,
    events: VecDeque<TlFeedEvent>,
    events_dropped: u64,
}

impl Record {
    fn new(keep_events: bool) -> Self {
        Self {
            trades: VecDeque::new(),
            trades_dropped: 0,
            keep_events,
            events: VecDeque::new(),
            events_dropped: 0,
        }
    }

    fn event(&mut self, event: TlFeedEvent) {
        if self.keep_events {
            keep(&mut self.events, event, EVENTS_MAX, &mut self.events_dropped);
        }
    }
}

fn keep(queue: &mut VecDeque<TlFeedEvent>, event: TlFeedEvent, max: usize, dropped: &mut u64) {
    if queue.len() == max {
        queue.pop_front();
        *dropped += 1;
    }
    queue.push_back(event);
}

const fn state_number(state: BookState) -> u8 {
    match state {
        BookState::Live => 1,
        BookState::Suspect => 2,
        BookState::Stale => 3,
    }
}

fn of(kind: u8, instrument_id: u32, seq: u64) -> TlFeedEvent {
    TlFeedEvent { kind, instrument_id, seq, ..TlFeedEvent::default() }
}

impl BookListener for Record {
    fn level_changed(&mut self, instrument_id: u32, side: Side, level: Level) {
        self.event(TlFeedEvent {
            side: side as u8,
            price: level.price,
            qty: level.qty,
            order_count: level.order_count,
            ..of(LEVEL, instrument_id, 0)
        });
    }

    fn trade(&mut self, instrument_id: u32, trade: &Trade) {
        let flag = |holds: bool, bit: MatchEventIndicator| if holds { bit.0 } else { 0 };
        let event = TlFeedEvent {
            order_id: trade.order_id,
            trd_match_id: trade.trd_match_id,
            price: trade.last_px,
            qty: trade.last_qty,
            side: trade.side as u8,
            aggressor_side: trade.aggressor_side as u8,
            flags: flag(trade.uncross, MatchEventIndicator::UNCROSS)
                | flag(trade.printable, MatchEventIndicator::PRINTABLE),
            ..of(TRADE, instrument_id, trade.seq)
        };
        keep(&mut self.trades, event, TRADES_MAX, &mut self.trades_dropped);
        self.event(event);
    }

    fn phase(&mut self, instrument_id: u32, seq: u64, phase: TradingPhase) {
        self.event(TlFeedEvent { phase: phase as u8, ..of(PHASE, instrument_id, seq) });
    }

    fn uncross(&mut self, instrument_id: u32, seq: u64, last_px: i64, last_qty: u64) {
        let event = of(UNCROSS, instrument_id, seq);
        self.event(TlFeedEvent { price: last_px, qty: last_qty, ..event });
    }

    fn end_of_event(&mut self, instrument_id: u32, seq: u64, _book: &Book) {
        self.event(of(END_OF_EVENT, instrument_id, seq));
    }

    fn snapshot(&mut self, instrument_id: u32, seq: u64, _book: &Book) {
        self.event(of(SNAPSHOT, instrument_id, seq));
    }

    fn state(&mut self, instrument_id: u32, state: BookState) {
        self.event(TlFeedEvent { state: state_number(state), ..of(STATE, instrument_id, 0) });
    }

    fn session(&mut self, session: u64) {
        self.event(of(SESSION, 0, session));
    }

    fn end_of_session(&mut self, session: u64) {
        self.event(of(END_OF_SESSION, 0, session));
    }
}

fn open(path: &Path, keep_events: bool) -> Result<TlSubscriber, String> {
    let venue = Venue::load(path).map_err(|error| error.to_string())?;
    let client = FeedClient::open(&venue.marketdata).map_err(|error| error.to_string())?;
    Ok(TlSubscriber { client, record: Record::new(keep_events) })
}

/// Opens a subscriber; see the header.
///
/// # Safety
///
/// `path` is NULL or ends with NUL; `subscriber` is NULL or may be written; `error` is NULL or
/// points to `error_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_open(
    path: *const c_char,
    keep_events: u32,
    subscriber: *mut *mut TlSubscriber,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    if path.is_null() || subscriber.is_null() || error.is_null() {
        return i64::MIN;
    }
    // SAFETY: not NULL, and the caller promises a NUL at its end.
    let path = unsafe { CStr::from_ptr(path) };
    match open(Path::new(OsStr::from_bytes(path.to_bytes())), keep_events != 0) {
        Ok(opened) => {
            // SAFETY: not NULL, and the caller promises that it may be written.
            unsafe { subscriber.write(Box::into_raw(Box::new(opened))) };
            0
        }
        Err(text) => {
            // SAFETY: not NULL, and the caller promises error_bytes bytes.
            unsafe { write_text(&text, error, error_bytes) };
            -i64::try_from(text.len()).unwrap_or(i64::MAX).max(1)
        }
    }
}

/// Closes a subscriber; see the header.
///
/// # Safety
///
/// As this file's first lines say; the pointer is not used again.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_close(subscriber: *mut TlSubscriber) {
    if !subscriber.is_null() {
        // SAFETY: the pointer is one of Box::into_raw in tl_subscriber_open, closed only once.
        drop(unsafe { Box::from_raw(subscriber) });
    }
}

/// Takes in packets; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_poll(subscriber: *mut TlSubscriber, timeout_ns: u64) -> i64 {
    // SAFETY: NULL, or a subscriber that no other thread uses now.
    let Some(subscriber) = (unsafe { subscriber.as_mut() }) else { return -22 };
    let TlSubscriber { client, record } = subscriber;
    let until_ns = touchline_sys::now_ns().saturating_add(timeout_ns);
    let mut total = 0;
    loop {
        let left_ns = until_ns.saturating_sub(touchline_sys::now_ns());
        let wait_ns = if total == 0 { left_ns } else { 0 };
        match client.poll(wait_ns, record) {
            // The client wakes for its own timers, too: go on until the caller's time is over.
            Ok(0) if total > 0 || left_ns == 0 => return total,
            Ok(count) => total += i64::try_from(count).unwrap_or(i64::MAX),
            Err(ClientError::Sys(error)) => return -i64::from(error.errno.raw_os_error()),
        }
        if total >= DATAGRAMS_MAX {
            return total;
        }
    }
}

/// Describes a book; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_book(
    subscriber: *const TlSubscriber,
    instrument_id: u32,
    book: *mut TlBook,
) -> i64 {
    // SAFETY: NULL, or a subscriber that no other thread uses now.
    let Some(subscriber) = (unsafe { subscriber.as_ref() }) else { return -1 };
    if book.is_null() {
        return -1;
    }
    let subscriber = subscriber.client.subscriber();
    let (Some(found), Some(state)) =
        (subscriber.book(instrument_id), subscriber.state(instrument_id))
    else {
        return 0;
    };
    let levels = |side| u32::try_from(found.level_count(side)).unwrap_or(u32::MAX);
    let described = TlBook {
        last_seq: found.last_seq(),
        last_px: found.last_px().unwrap_or(i64::MIN),
        order_count: found.order_count() as u64,
        bid_levels: levels(Side::Buy),
        offer_levels: levels(Side::Sell),
        state: state_number(state),
        phase: found.phase() as u8,
        reserved: [0; 6],
    };
    // SAFETY: not NULL, and the caller promises that it may be written.
    unsafe { book.write(described) };
    1
}

/// Writes at most `capacity` items to `out` and says how many.
///
/// # Safety
///
/// `out` points to room for `capacity` items that the caller alone may write.
unsafe fn write_items<T>(items: impl Iterator<Item = T>, out: *mut T, capacity: u64) -> i64 {
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    let mut count = 0;
    for item in items.take(capacity) {
        // SAFETY: count is below capacity, for which the caller promises room.
        unsafe { out.add(count).write(item) };
        count += 1;
    }
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The book and the side that a caller asks for.
fn side_of(side: u8) -> Option<Side> {
    Side::try_from(side).ok().filter(|side| *side != Side::Undisclosed)
}

/// The best levels of a side; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_levels(
    subscriber: *const TlSubscriber,
    instrument_id: u32,
    side: u8,
    levels: *mut TlLevel,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL, or a subscriber that no other thread uses now.
    let subscriber = unsafe { subscriber.as_ref() };
    let (Some(subscriber), Some(side), false) = (subscriber, side_of(side), levels.is_null())
    else {
        return -1;
    };
    let book = subscriber.client.subscriber().book(instrument_id);
    let found = book.into_iter().flat_map(|book| book.levels(side)).map(|level| TlLevel {
        price: level.price,
        qty: level.qty,
        order_count: level.order_count,
        reserved: 0,
    });
    // SAFETY: not NULL, and the caller promises room for capacity levels.
    unsafe { write_items(found, levels, capacity) }
}

/// The orders at a price; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_orders(
    subscriber: *const TlSubscriber,
    instrument_id: u32,
    side: u8,
    price: i64,
    orders: *mut TlBookOrder,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL, or a subscriber that no other thread uses now.
    let subscriber = unsafe { subscriber.as_ref() };
    let (Some(subscriber), Some(side), false) = (subscriber, side_of(side), orders.is_null())
    else {
        return -1;
    };
    let book = subscriber.client.subscriber().book(instrument_id);
    let found =
        book.into_iter().flat_map(|book| book.orders(side, price)).map(|order| TlBookOrder {
            order_id: order.order_id,
            price: order.price,
            qty: order.qty,
            priority: order.priority,
        });
    // SAFETY: not NULL, and the caller promises room for capacity orders.
    unsafe { write_items(found, orders, capacity) }
}

/// Takes from one of the queues.
///
/// # Safety
///
/// `subscriber` as this file's first lines say; `out` is NULL or has room for `capacity` events.
unsafe fn take(
    subscriber: *mut TlSubscriber,
    queue: impl FnOnce(&mut Record) -> &mut VecDeque<TlFeedEvent>,
    out: *mut TlFeedEvent,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL, or a subscriber that no other thread uses now.
    let subscriber = unsafe { subscriber.as_mut() };
    let (Some(subscriber), false) = (subscriber, out.is_null()) else { return -1 };
    let queue = queue(&mut subscriber.record);
    let count = queue.len().min(usize::try_from(capacity).unwrap_or(usize::MAX));
    // SAFETY: not NULL, and the caller promises room for capacity events.
    unsafe { write_items(queue.drain(..count), out, capacity) }
}

/// Takes trades; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_trades(
    subscriber: *mut TlSubscriber,
    events: *mut TlFeedEvent,
    capacity: u64,
) -> i64 {
    // SAFETY: the caller's promises are the same.
    unsafe { take(subscriber, |record| &mut record.trades, events, capacity) }
}

/// Takes events; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_events(
    subscriber: *mut TlSubscriber,
    events: *mut TlFeedEvent,
    capacity: u64,
) -> i64 {
    // SAFETY: the caller's promises are the same.
    unsafe { take(subscriber, |record| &mut record.events, events, capacity) }
}

/// Counters as JSON; see the header.
///
/// # Safety
///
/// As this file's first lines say.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_subscriber_counters(
    subscriber: *const TlSubscriber,
    out: *mut c_char,
    out_bytes: u64,
) -> i64 {
    // SAFETY: NULL, or a subscriber that no other thread uses now.
    let Some(subscriber) = (unsafe { subscriber.as_ref() }) else { return 0 };
    if out.is_null() {
        return 0;
    }
    let text = subscriber.counters();
    // SAFETY: not NULL, and the caller promises out_bytes bytes.
    unsafe { write_text(&text, out, out_bytes) };
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

impl TlSubscriber {
    fn counters(&self) -> String {
        let mut counters = self.client.subscriber().stats();
        counters["trades_dropped"] = self.record.trades_dropped.into();
        counters["events_dropped"] = self.record.events_dropped.into();
        counters.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_arguments_are_refused() {
        let (none, nobody) = (std::ptr::null(), std::ptr::null_mut());
        let mut level = TlLevel::default();
        // SAFETY: NULL is what is tested; the level is ours.
        unsafe {
            tl_subscriber_close(nobody);
            assert_eq!(tl_subscriber_poll(nobody, 0), -22);
            assert_eq!(tl_subscriber_levels(none, 1, 1, &raw mut level, 1), -1);
            assert_eq!(tl_subscriber_trades(nobody, std::ptr::null_mut(), 1), -1);
            assert_eq!(tl_subscriber_counters(none, std::ptr::null_mut(), 0), 0);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_reason_and_no_subscriber() {
        let mut subscriber = std::ptr::null_mut();
        let mut error = [0; 8];
        // SAFETY: a NUL-terminated literal, and buffers of our own.
        let result = unsafe {
            tl_subscriber_open(
                c"no/such.toml".as_ptr(),
                0,
                &raw mut subscriber,
                error.as_mut_ptr(),
                8,
            )
        };
        assert!(result < -8 && subscriber.is_null());
        assert_eq!(error.map(|byte| byte as u8), *b"cannot r");
    }

    #[test]
    fn the_oldest_trades_are_dropped_and_counted_when_nobody_takes_them() {
        let mut record = Record::new(false);
        let trade = |trd_match_id| Trade {
            seq: 1,
            order_id: 1,
            last_px: 1,
            last_qty: 1,
            trd_match_id,
            side: Side::Buy,
            aggressor_side: Side::Sell,
            uncross: false,
            printable: true,
        };
        for trd_match_id in 0..TRADES_MAX as u64 + 3 {
            record.trade(1, &trade(trd_match_id));
        }
        assert_eq!((record.trades.len(), record.trades_dropped), (TRADES_MAX, 3));
        assert_eq!(record.trades[0].trd_match_id, 3);
        assert!(record.events.is_empty());
    }
}
