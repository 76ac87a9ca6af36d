//! The state hash: a sum of one mix for each part of the state, so a change costs two mixes and
//! the order of the parts does not matter.
//!
//! Parts: each open order with its extras, each ClOrdID that is superseded or whose order is gone,
//! each instrument with its phase and last price, each block of order entry, the limits and the
//! bucket of each session that has some, what it holds of each instrument, the fees, the cash and
//! the lots of each account, deposits, and the counters.

use touchline_types::{Command, OrdType, Scope, Side, TimeInForce};

use crate::accounts::Fees;
use crate::book::RestingOrder;
use crate::extras::OrderExtra;
use crate::instrument::Instrument;
use crate::names::{OrderRecord, PastRecord, Standing};
use crate::view::LimitsView;

/// Number of the way in which [`Matcher::state_hash`](crate::Matcher::state_hash) is made. Hashes
/// that were made in two ways say nothing of each other.
pub const STATE_HASH_SCHEME: u64 = 1;

/// Weights of the words of an order, primes: each word is multiplied by its own at one instruction.
/// Two words that change together in the proportion of their weights leave the sum as it was: that
/// does not happen by mistake, and the hash is no proof against intent.
const WEIGHTS: [u64; 5] = [0x51a3_9b35, 0x2f6d_c8cb, 0x6b43_a9c1, 0x3c6e_f387, 0x74c9_5e9d];
const GONE: u64 = 0x1b03_7387;
const SUPERSEDED: [u64; 2] = [0x3c79_ac49_2ba7_b653, 0x1c69_b3f7_4ac4_ae35];
const NAME: [u64; 3] = [0xd1b5_4a32_d192_ed03, 0x8bb8_4b93_962e_acc9, 0x2d35_8dcc_aa6c_78a5];
const INSTRUMENT: u64 = 0xe703_7ed1_a0b4_28db;
const EXTRA: u64 = 0x27d4_eb2f_1656_67c5;
const BLOCK: u64 = 0x94d0_49bb_1331_11eb;
const LIMITS: [u64; 4] =
    [0x2545_f491_4f6c_dd1d, 0x9fb2_1c65_1e98_df25, 0xa24b_aed4_963e_e407, 0x5bd1_e995_c6a4_a793];
const POSITION: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x369d_ea0f_31a5_3f85];
const ACCOUNT: [u64; 4] =
    [0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];
const COUNTERS: [u64; 4] =
    [0x8ebc_6af0_9c88_c6e3, 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];
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
    let [k, l, m] = NAME;
    fold(fold(a ^ k, b ^ l) ^ c ^ pair(member_id, 0), m)
}

/// What does not change of an order while one ClOrdID names it: a sum of its words, each with a
/// weight, by the hash of the name, which no two orders share.
#[inline]
pub(crate) fn fixed(name: u64, price: i64, terms: &Terms) -> u64 {
    let [a, b, c, d, e] = WEIGHTS;
    let words = (terms.order_id.wrapping_mul(a))
        .wrapping_add(bits(price).wrapping_mul(b))
        .wrapping_add(terms.order_qty.wrapping_mul(c))
        .wrapping_add(pair(terms.instrument_id, terms.session_id).wrapping_mul(d))
        .wrapping_add(pair(terms.member_id, terms.kinds).wrapping_mul(e));
    fold(words, name)
}

/// What [`fixed`] reads of an order beside its name and price.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) order_id: u64,
    pub(crate) order_qty: u64,
    pub(crate) instrument_id: u32,
    pub(crate) session_id: u32,
    pub(crate) member_id: u32,
    kinds: u32,
}

impl Terms {
    /// Side, order type and time in force in one.
    #[inline(always)]
    const fn kinds(side: Side, ord_type: OrdType, time_in_force: TimeInForce) -> u32 {
        u32::from_le_bytes([0, side as u8, ord_type as u8, time_in_force as u8])
    }

    /// Those of a new order.
    #[inline(always)]
    pub(crate) const fn asked(order_id: u64, command: &Command) -> Self {
        Self {
            order_id,
            order_qty: command.order_qty,
            instrument_id: command.instrument_id,
            session_id: command.session_id,
            member_id: command.member_id,
            kinds: Self::kinds(command.side, command.ord_type, command.time_in_force),
        }
    }

    /// Those of an order with this record, after a replace.
    #[inline]
    pub(crate) const fn renewed(older: &OrderRecord, command: &Command) -> Self {
        let kinds = Self::kinds(older.side, older.ord_type, command.time_in_force);
        Self { order_qty: command.order_qty, kinds, ..Self::of(older) }
    }

    /// Those of an order with this record.
    #[inline]
    pub(crate) const fn of(record: &OrderRecord) -> Self {
        Self {
            order_id: record.order_id,
            order_qty: record.order_qty,
            instrument_id: record.instrument_id,
            session_id: record.session_id,
            member_id: record.member_id,
            kinds: Self::kinds(record.side, record.ord_type, record.time_in_force),
        }
    }
}

/// What few orders have, and how they are marked.
pub(crate) fn extra(marks: u8, extra: &OrderExtra) -> u64 {
    let kinds = u32::from_le_bytes([marks, extra.scope as u8, extra.instruction as u8, 0]);
    let words = [bits(extra.stop_px), extra.display_qty, extra.expire_time, pair(0, kinds)];
    mix(EXTRA, words)
}

/// What an iceberg does not show.
pub(crate) fn reserve(fixed_mix: u64, reserve: u64) -> u64 {
    mix(EXTRA, [fixed_mix, reserve])
}

/// An open order. CumQty is OrderQty less LeavesQty.
#[inline]
pub(crate) fn order(order: &RestingOrder, cum_value: i64) -> u64 {
    let [a, b, c, d, ..] = WEIGHTS;
    let words = (order.leaves_qty.wrapping_mul(a))
        .wrapping_add(order.priority.wrapping_mul(b))
        .wrapping_add(pair(order.firm_id, order.self_match_id).wrapping_mul(c))
        .wrapping_add(bits(cum_value).wrapping_mul(d));
    fold(words, order.fixed_mix)
}

/// An order that is gone, as it stood at its end.
#[inline]
pub(crate) fn gone(fixed: u64, last: &Standing) -> u64 {
    let [a, b, .., c] = WEIGHTS;
    let words = (last.cum_qty.wrapping_mul(a))
        .wrapping_add(bits(last.cum_value).wrapping_mul(b))
        .wrapping_add(u64::from(last.ord_status as u8).wrapping_mul(c))
        .wrapping_add(GONE);
    fold(words, fixed)
}

/// A ClOrdID that is superseded.
#[inline]
pub(crate) fn superseded(fixed: u64) -> u64 {
    let [a, b] = SUPERSEDED;
    fold(fixed ^ a, b)
}

/// A record of the past.
pub(crate) fn past(past: &PastRecord) -> u64 {
    let record = &past.record;
    let fixed = fixed(name(record.member_id, &record.cl_ord_id), past.price, &Terms::of(record));
    if past.is_superseded() {
        superseded(fixed)
    } else {
        let OrderRecord { cum_value, ord_status, .. } = *record;
        gone(fixed, &Standing { cum_qty: past.cum_qty, cum_value, ord_status })
    }
}

/// An instrument.
#[inline]
pub(crate) fn instrument(instrument: &Instrument) -> u64 {
    let flags = u32::from(instrument.phase as u8) << 1 | u32::from(instrument.last_px.is_some());
    mix(INSTRUMENT, [pair(instrument.instrument_id, flags), bits(instrument.last_px.unwrap_or(0))])
}

/// A block of order entry.
pub(crate) fn block(scope: Scope, scope_id: u32) -> u64 {
    mix(BLOCK, [pair(scope as u32, scope_id)])
}

/// The limits of a session.
pub(crate) fn limits(session_id: u32, terms: &LimitsView) -> u64 {
    let [a, b, c, ..] = LIMITS;
    fold(pair(session_id, 0) ^ a, pair(terms.rate_per_s, terms.rate_burst) ^ b)
        .wrapping_add(fold(terms.max_order_qty ^ c, bits(terms.max_position) ^ b))
}

/// What the bucket of a session is multiplied by: odd, so that no change is lost.
pub(crate) fn bucket_key(session_id: u32) -> u64 {
    let [.., c, d] = LIMITS;
    fold(pair(session_id, 1) ^ c, d) | 1
}

/// What is in a bucket, and since when; or by how much that rises, from how much both do.
#[inline]
pub(crate) const fn bucket(key: u64, credit: u64, credit_time: u64) -> u64 {
    let [a, ..] = WEIGHTS;
    credit.wrapping_add(credit_time.wrapping_mul(a)).wrapping_mul(key)
}

/// What a session with limits holds of an instrument (its index). Its open quantities are those of
/// the open orders.
#[inline]
pub(crate) fn position(session_id: u32, instrument: u32, position: i64) -> u64 {
    let [a, b] = POSITION;
    fold(pair(session_id, instrument) ^ a, bits(position) ^ b)
}

/// A sum of 128 bits, of such a part of an account.
#[inline]
const fn sum(of: u64, sum: i128) -> u64 {
    let [a, b, c, ..] = ACCOUNT;
    let high = ((sum >> 64) as u64).wrapping_mul(c);
    fold((of ^ a).wrapping_add(high), (sum as u64) ^ b)
}

/// The fees of an account.
pub(crate) fn terms(member_id: u32, fees: &Fees) -> u64 {
    let [a, b, c, d] = ACCOUNT;
    fold(pair(member_id, 0) ^ b, bits(fees.maker_fee) ^ c)
        .wrapping_add(fold(pair(member_id, 0) ^ d, bits(fees.taker_fee) ^ a))
}

/// The cash of an account.
#[inline]
pub(crate) const fn cash(member_id: u32, cash: i128) -> u64 {
    sum(pair(member_id, u32::MAX), cash)
}

/// Lots of an instrument (its index) in an account.
#[inline]
pub(crate) const fn holding(member_id: u32, instrument: u32, held: i128) -> u64 {
    sum(pair(member_id, instrument), held)
}

/// What was deposited: lots of an instrument (its index), or cash.
pub(crate) fn deposited(instrument: Option<u32>, deposited: i128) -> u64 {
    sum(pair(0, instrument.unwrap_or(u32::MAX)), deposited)
}

/// Fees that the venue took.
#[inline]
pub(crate) const fn fees(fees: i128) -> u64 {
    sum(pair(u32::MAX, u32::MAX), fees)
}

/// The counters.
#[inline]
pub(crate) fn counters(values: [u64; 6]) -> u64 {
    let [a, b, c, d, e, f] = values;
    let [j, k, l, m] = COUNTERS;
    fold(a ^ j, b ^ k)
        .wrapping_add(fold(c ^ l, d ^ m))
        .wrapping_add(fold(e ^ FACTOR, f ^ INSTRUMENT))
}
