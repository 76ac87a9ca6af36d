//! Why a matcher cannot start.

use touchline_types::TradingPhase;

use crate::instrument::InstrumentLimits;

/// Why a matcher cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatcherError {
    /// More instruments than the storage has room for.
    TooManyInstruments {
        /// Instruments of the configuration.
        given: usize,
        /// Instruments that the storage holds.
        room: usize,
    },
    /// Two instruments have this number.
    DuplicateInstrument(u32),
    /// The lowest price of this instrument is above its highest.
    EmptyPriceRange {
        /// Number of the instrument.
        instrument_id: u32,
        /// Its lowest price.
        min_price: i64,
        /// Its highest price.
        max_price: i64,
    },
    /// An instrument has phase `None` to begin with; holds its number.
    NoPhase(u32),
    /// The tick or the lot of this instrument is below 1.
    NoStep {
        /// Number of the instrument.
        instrument_id: u32,
        /// Its tick_size.
        tick_size: i64,
        /// Its lot_size.
        lot_size: u64,
    },
    /// The protection or the price band of this instrument is below 0.
    NegativeDistance {
        /// Number of the instrument.
        instrument_id: u32,
        /// Its protection.
        protection: i64,
        /// Its price_band.
        price_band: i64,
    },
    /// A slice of the storage has another length than the others need.
    SliceLength {
        /// Name of the slice in [`Storage`](crate::Storage).
        slice: &'static str,
        /// Its length.
        given: usize,
        /// The length that is needed.
        needed: usize,
    },
    /// A slice has more elements than a number of 31 bits can name; holds its length.
    TooLong(usize),
}

impl core::fmt::Display for MatcherError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooManyInstruments { given, room } => {
                write!(out, "{given} instruments are configured, the storage holds {room}")
            }
            Self::DuplicateInstrument(id) => write!(out, "instrument {id} is configured twice"),
            Self::EmptyPriceRange { instrument_id, min_price, max_price } => write!(
                out,
                "instrument {instrument_id}: lowest price {min_price} is above highest {max_price}"
            ),
            Self::NoPhase(id) => write!(out, "instrument {id} has no initial phase"),
            Self::NoStep { instrument_id, tick_size, lot_size } => write!(
                out,
                "instrument {instrument_id}: tick_size {tick_size} or lot_size {lot_size} is below \
                 1"
            ),
            Self::NegativeDistance { instrument_id, protection, price_band } => write!(
                out,
                "instrument {instrument_id}: protection {protection} or price_band {price_band} \
                 is below 0"
            ),
            Self::SliceLength { slice, given, needed } => {
                write!(out, "slice {slice} has {given} elements, {needed} are needed")
            }
            Self::TooLong(len) => write!(out, "a slice of {len} elements is too long"),
        }
    }
}

impl core::error::Error for MatcherError {}

/// Checks what the configuration says of an instrument.
pub(crate) fn check_limits(limits: &InstrumentLimits) -> Result<(), MatcherError> {
    let InstrumentLimits { instrument_id, min_price, max_price, .. } = *limits;
    if min_price > max_price {
        return Err(MatcherError::EmptyPriceRange { instrument_id, min_price, max_price });
    }
    if limits.initial_phase == TradingPhase::None {
        return Err(MatcherError::NoPhase(instrument_id));
    }
    let InstrumentLimits { tick_size, lot_size, protection, price_band, .. } = *limits;
    if tick_size < 1 || lot_size < 1 {
        return Err(MatcherError::NoStep { instrument_id, tick_size, lot_size });
    }
    if protection < 0 || price_band < 0 {
        return Err(MatcherError::NegativeDistance { instrument_id, protection, price_band });
    }
    Ok(())
}
