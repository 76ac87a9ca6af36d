//! The state hash: a sum of one mix for each part of the state, so a change costs two mixes and
//! the order of the parts does not matter.
//!
//! Parts: each open order, each ClOrdID ever used, each order that is gone or superseded, each
//! instrument with its phase and last price, each block of order entry, the limits and the bucket
//! of each session that has some, what it holds of each instrument, and the counters.

use touchline_types::Scope;

use crate::book::{Instrument, RestingOrder};
use crate::limits::{SessionLimits, SessionPosition};
use crate::names::{OrderRecord, Whereabouts};

const ORDER: u64 = 0x9e37_79b9_7f4a_7c15;
const NAME: u64 = 0xd6e8_feb8_6659_fd93;
const GONE: u64 = 0xa076_1d64_78bd_642f;
const INSTRUMENT: u64 = 0xe703_7ed1_a0b4_28db;
const BLOCK: u64 = 0x94d0_49bb_1331_11eb;
const LIMITS: u64 = 0x2545_f491_4f6c_dd1d;
const POSITION: u64 = 0xbf58_476d_1ce4_e5b9;
const COUNTERS: u64 = 0x8ebc_6af0_9c88_c6e3;
const FACTOR: u64 = 0x2d35_8dcc_aa6c_78a5;

/// Both halves of the product: every bit of the input reaches every bit of the output (the
/// folded multiply of wyhash).
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Mixes words in order; the start says which kind of part it is.
#[inline]
fn mix<const N: usize>(start: u64, words: [u64; N]) -> u64 {
    let mut hash = start;
    for word in words {
        hash = fold(hash ^ word, FACTOR).wrapping_add(start);
    }
    hash
}

/// Signed to unsigned, bit by bit.
#[inline]
const fn bits(value: i64) -> u64 {
    value as u64
}

/// Two numbers of 32 bits in one word.
#[inline]
const fn pair(high: u32, low: u32) -> u64 {
    ((high as u64) << 32) | low as u64
}

/// The three words of a ClOrdID.
#[inline]
fn words(cl_ord_id: &[u8; 20]) -> [u64; 3] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = *cl_ord_id;
    [
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u64::from_le_bytes([i, j, k, l, m, n, o, p]),
        u64::from(u32::from_le_bytes([q, r, s, t])),
    ]
}

/// Hash of a member's ClOrdID: where the index looks, and its part of the state.
#[inline]
pub(crate) fn name(member_id: u32, cl_ord_id: &[u8; 20]) -> u64 {
    let [a, b, c] = words(cl_ord_id);
    mix(NAME, [a, b, c ^ pair(member_id, 0)])
}

/// An open order.
#[inline]
pub(crate) fn order(order: &RestingOrder, record: &OrderRecord) -> u64 {
    let kinds = pair(
        u32::from(record.side as u8) | u32::from(record.ord_type as u8) << 8,
        u32::from(record.time_in_force as u8),
    );
    mix(
        ORDER,
        [
            record.order_id,
            bits(order.price),
            order.leaves_qty,
            record.cum_qty,
            bits(record.cum_value),
            order.priority,
            pair(record.instrument_id, record.session_id),
            kinds ^ pair(0, record.member_id) << 8,
            name(record.member_id, &record.cl_ord_id),
        ],
    )
}

/// What a record adds beside its name: nothing while its order is open.
#[inline]
pub(crate) fn gone(record: &OrderRecord) -> u64 {
    match record.whereabouts() {
        Whereabouts::Open(_) => 0,
        Whereabouts::Superseded => {
            mix(GONE, [record.order_id, name(record.member_id, &record.cl_ord_id)])
        }
        Whereabouts::Gone => mix(
            GONE,
            [
                record.order_id,
                name(record.member_id, &record.cl_ord_id),
                record.order_qty,
                record.cum_qty,
                bits(record.cum_value),
                bits(record.price),
                u64::from(record.ord_status as u8),
            ],
        ),
    }
}

/// An instrument.
#[inline]
pub(crate) fn instrument(instrument: &Instrument) -> u64 {
    mix(
        INSTRUMENT,
        [
            pair(instrument.instrument_id, u32::from(instrument.phase as u8)),
            u64::from(instrument.last_px.is_some()),
            bits(instrument.last_px.unwrap_or(0)),
        ],
    )
}

/// A block of order entry.
pub(crate) fn block(scope: Scope, scope_id: u32) -> u64 {
    mix(BLOCK, [pair(scope as u32, scope_id)])
}

/// The limits of a session, and what is in its bucket.
pub(crate) fn limits(row: &SessionLimits) -> u64 {
    let terms = &row.terms;
    mix(
        LIMITS,
        [
            pair(row.session_id, 0),
            terms.max_order_qty,
            bits(terms.max_position),
            pair(terms.rate_per_s, terms.rate_burst),
            row.credit,
            row.credit_time,
        ],
    )
}

/// What a session with limits holds of an instrument (its index).
pub(crate) fn position(session_id: u32, instrument: u32, held: &SessionPosition) -> u64 {
    mix(
        POSITION,
        [pair(session_id, instrument), bits(held.position), held.open_bid_qty, held.open_offer_qty],
    )
}

/// The counters.
#[inline]
pub(crate) fn counters(values: [u64; 6]) -> u64 {
    mix(COUNTERS, values)
}
