//! An instrument: what the configuration says of it, its phase, and its last price.

use touchline_types::TradingPhase;

use crate::book::NONE;
use crate::multiple::Multiple;
use crate::state_hash;

/// What the configuration says of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentLimits {
    /// Number of the instrument, from 1.
    pub instrument_id: u32,
    /// Lowest price of an order, price units.
    pub min_price: i64,
    /// Highest price of an order, price units.
    pub max_price: i64,
    /// Largest quantity of an order, lots. The matcher lowers it where quantity times the widest
    /// price, or all orders together, would not fit 63 bits.
    pub max_order_qty: u64,
    /// Phase before the first ChangePhase.
    pub initial_phase: TradingPhase,
    /// Prices of orders are multiples of this, price units, from 1.
    pub tick_size: i64,
    /// Quantities of orders are multiples of this, lots, from 1.
    pub lot_size: u64,
    /// So far beyond the touch a market order may go, price units; 0 is no bound.
    pub protection: i64,
    /// So far through the last price a limit may be, price units; 0 is no bound.
    pub price_band: i64,
}

impl Default for InstrumentLimits {
    fn default() -> Self {
        Self {
            instrument_id: 0,
            min_price: 0,
            max_price: 0,
            max_order_qty: 0,
            initial_phase: TradingPhase::None,
            tick_size: 1,
            lot_size: 1,
            protection: 0,
            price_band: 0,
        }
    }
}

/// An instrument: its limits, its phase and its last price.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    pub(crate) instrument_id: u32,
    pub(crate) min_price: i64,
    pub(crate) max_price: i64,
    /// At most `i64::MAX / max(widest price, orders in the pool)`: so the value of an order, and
    /// the sum of all quantities of a book, fit 63 bits.
    pub(crate) qty_max: u64,
    pub(crate) tick: Multiple,
    pub(crate) lot: Multiple,
    pub(crate) phase: TradingPhase,
    pub(crate) last_px: Option<i64>,
    pub(crate) tick_size: i64,
    pub(crate) protection: i64,
    pub(crate) price_band: i64,
    /// Stops that wait, as they were accepted.
    pub(crate) first_stop: u32,
    pub(crate) last_stop: u32,
    /// Its part of the state hash.
    pub(crate) mix: u64,
}

impl Default for Instrument {
    fn default() -> Self {
        Self {
            instrument_id: 0,
            min_price: 0,
            max_price: 0,
            qty_max: 0,
            tick: Multiple::of(1),
            lot: Multiple::of(1),
            phase: TradingPhase::None,
            last_px: None,
            tick_size: 1,
            protection: 0,
            price_band: 0,
            first_stop: NONE,
            last_stop: NONE,
            mix: 0,
        }
    }
}

impl Instrument {
    /// An instrument with an empty book, in a pool of `orders`.
    pub(crate) fn new(limits: &InstrumentLimits, orders: usize) -> Self {
        let widest = limits.min_price.unsigned_abs().max(limits.max_price.unsigned_abs());
        let bound = widest.max(orders as u64).max(1);
        let mut made = Self {
            instrument_id: limits.instrument_id,
            min_price: limits.min_price,
            max_price: limits.max_price,
            qty_max: limits
                .max_order_qty
                .min(i64::MAX.unsigned_abs().checked_div(bound).unwrap_or(0)),
            tick: Multiple::of(limits.tick_size.unsigned_abs()),
            lot: Multiple::of(limits.lot_size),
            phase: limits.initial_phase,
            last_px: None,
            tick_size: limits.tick_size,
            protection: limits.protection,
            price_band: limits.price_band,
            first_stop: NONE,
            last_stop: NONE,
            mix: 0,
        };
        made.mix = state_hash::instrument(&made);
        made
    }
}
