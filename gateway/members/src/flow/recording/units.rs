//! Prices and quantities of a recording in the units of the venue's instrument.

use std::fmt;

use touchline_config::Instrument;

/// Recordings count prices in units of 1e-9 of the currency.
const PRICE_PLACES: u8 = 9;

/// The units and limits of the instrument that a recording is played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// One tick, in units of 1e-9 of the currency; above 0.
    pub tick_nanos: i64,
    /// Lowest admitted price, ticks.
    pub min_price: i64,
    /// Highest admitted price, ticks.
    pub max_price: i64,
    /// What the recording counts (shares, 1e-8 bitcoin) in one lot; above 0.
    pub round_lot: u64,
    /// Largest quantity of an order, lots.
    pub max_order_qty: u64,
}

/// What the instrument does not admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The tick is no positive number of 1e-9.
    Tick,
    /// The lot is 0.
    Lot,
    /// A price that is no whole number of ticks.
    Price {
        /// In units of 1e-9.
        price_nanos: i64,
        /// The tick, in the same units.
        tick_nanos: i64,
    },
    /// A price outside of the instrument's range.
    Range {
        /// In units of 1e-9.
        price_nanos: i64,
        /// The lowest that is admitted, in the same units.
        min_nanos: i128,
        /// The highest that is admitted, in the same units.
        max_nanos: i128,
    },
    /// A quantity that is no whole number of lots.
    Qty {
        /// As the recording counts.
        qty: u64,
        /// The lot, counted in the same way.
        round_lot: u64,
    },
    /// A quantity above the largest of an order.
    OrderQty {
        /// In lots.
        qty: u64,
        /// In lots.
        max_order_qty: u64,
    },
}

impl Units {
    /// The units of `instrument`.
    ///
    /// # Errors
    /// [`Misfit::Tick`] if its price increment has more than nine places.
    pub fn of(instrument: &Instrument) -> Result<Self, Misfit> {
        let increment = instrument.price_increment;
        let tick_nanos = PRICE_PLACES
            .checked_sub(increment.scale)
            .and_then(|places| 10_i64.checked_pow(places.into()))
            .and_then(|unit| increment.mantissa.checked_mul(unit))
            .ok_or(Misfit::Tick)?;
        let Instrument { min_price, max_price, round_lot, max_order_qty, .. } = *instrument;
        let units = Self { tick_nanos, min_price, max_price, round_lot, max_order_qty };
        units.check().map(|()| units)
    }

    /// # Errors
    /// A tick or a lot of nothing.
    pub(super) const fn check(&self) -> Result<(), Misfit> {
        match self {
            Self { tick_nanos: ..=0, .. } => Err(Misfit::Tick),
            Self { round_lot: 0, .. } => Err(Misfit::Lot),
            _ => Ok(()),
        }
    }

    /// `price_nanos` (1e-9 of the currency) in ticks.
    ///
    /// # Errors
    /// It is no whole number of ticks, or outside of the instrument's range.
    pub fn price(&self, price_nanos: i64) -> Result<i64, Misfit> {
        let tick_nanos = self.tick_nanos;
        if tick_nanos <= 0 || price_nanos % tick_nanos != 0 {
            return Err(Misfit::Price { price_nanos, tick_nanos });
        }
        let price = price_nanos / tick_nanos;
        if price < self.min_price || price > self.max_price {
            let nanos = |ticks| i128::from(ticks) * i128::from(tick_nanos);
            let (min_nanos, max_nanos) = (nanos(self.min_price), nanos(self.max_price));
            return Err(Misfit::Range { price_nanos, min_nanos, max_nanos });
        }
        Ok(price)
    }

    /// `qty`, as the recording counts, in lots.
    ///
    /// # Errors
    /// It is no whole number of lots.
    pub fn qty(&self, qty: u64) -> Result<u64, Misfit> {
        let round_lot = self.round_lot;
        if round_lot == 0 || !qty.is_multiple_of(round_lot) {
            return Err(Misfit::Qty { qty, round_lot });
        }
        Ok(qty / round_lot)
    }

    /// The same for the quantity of an order.
    ///
    /// # Errors
    /// It is no whole number of lots, or more of them than an order may have.
    pub fn order_qty(&self, qty: u64) -> Result<u64, Misfit> {
        let qty = self.qty(qty)?;
        let max_order_qty = self.max_order_qty;
        if qty > max_order_qty {
            return Err(Misfit::OrderQty { qty, max_order_qty });
        }
        Ok(qty)
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |nanos: i128| DisplayNanos(nanos);
        match *self {
            Self::Tick => write!(f, "price_increment is not from 0.000000001 to 9223372036"),
            Self::Lot => write!(f, "round_lot is 0"),
            Self::Price { price_nanos, tick_nanos } => write!(
                f,
                "price {} is no whole number of the instrument's price_increment {}",
                text(price_nanos.into()),
                text(tick_nanos.into())
            ),
            Self::Range { price_nanos, min_nanos, max_nanos } => write!(
                f,
                "price {} is outside of the instrument's min_price {} to max_price {}",
                text(price_nanos.into()),
                text(min_nanos),
                text(max_nanos)
            ),
            Self::Qty { qty, round_lot } => {
                write!(
                    f,
                    "quantity {qty} is no whole number of the instrument's round_lot {round_lot}"
                )
            }
            Self::OrderQty { qty, max_order_qty } => write!(
                f,
                "an order of {qty} lots is above the instrument's max_order_qty {max_order_qty}"
            ),
        }
    }
}

impl std::error::Error for Misfit {}

/// Units of 1e-9 as a decimal without needless zeros.
struct DisplayNanos(i128);

impl fmt::Display for DisplayNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (whole, places) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        if places == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{}", format!("{places:09}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTS: Units = Units {
        tick_nanos: 10_000_000,
        min_price: 1,
        max_price: 50_000,
        round_lot: 100,
        max_order_qty: 10,
    };

    #[test]
    fn prices_become_ticks_and_quantities_lots() {
        assert_eq!(CENTS.price(236_470_000_000), Ok(23_647));
        assert_eq!(CENTS.order_qty(1_000), Ok(10));
        assert_eq!(CENTS.qty(9_900), Ok(99), "the limit is that of an order");
    }

    #[test]
    fn what_does_not_fit_the_instrument_is_refused_with_the_key_to_change() {
        let text = |misfit: Misfit| misfit.to_string();
        assert_eq!(
            text(CENTS.price(236_475_000_000).unwrap_err()),
            "price 236.475 is no whole number of the instrument's price_increment 0.01"
        );
        assert_eq!(
            text(CENTS.price(500_010_000_000).unwrap_err()),
            "price 500.01 is outside of the instrument's min_price 0.01 to max_price 500"
        );
        assert_eq!(
            text(CENTS.order_qty(150).unwrap_err()),
            "quantity 150 is no whole number of the instrument's round_lot 100"
        );
        assert_eq!(
            text(CENTS.order_qty(1_100).unwrap_err()),
            "an order of 11 lots is above the instrument's max_order_qty 10"
        );
        assert!(CENTS.price(i64::MIN).is_err() && CENTS.order_qty(u64::MAX).is_err());
        assert_eq!(Units { tick_nanos: 0, ..CENTS }.check(), Err(Misfit::Tick));
        assert_eq!(Units { round_lot: 0, ..CENTS }.check(), Err(Misfit::Lot));
    }
}
