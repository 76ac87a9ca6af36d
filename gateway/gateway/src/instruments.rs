//! The instruments of the venue as the gateway needs them: symbol to number, text to units and
//! back.

use touchline_config::Venue;
use touchline_fix::{Decimal, UnitsError};

/// AvgPx(6) is written with up to this many digits behind those of the price increment.
const AVG_PX_DIGITS: u8 = 6;

/// One instrument.
#[derive(Clone, Debug)]
pub(crate) struct Instrument {
    /// Number in records, from 1.
    pub(crate) id: u32,
    /// Symbol(55).
    pub(crate) symbol: Vec<u8>,
    /// One price unit.
    price_increment: Decimal,
    /// One lot.
    round_lot: u64,
}

/// All instruments.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    /// By number: entry n is instrument n + 1.
    by_id: Vec<Instrument>,
    /// Indexes into `by_id`, by symbol.
    by_symbol: Vec<usize>,
}

impl Instruments {
    /// The instruments of a checked venue.
    #[must_use]
    pub(crate) fn of(venue: &Venue) -> Self {
        let by_id: Vec<Instrument> = venue
            .instruments
            .iter()
            .map(|instrument| Instrument {
                id: instrument.id,
                symbol: instrument.symbol.clone().into_bytes(),
                price_increment: Decimal {
                    mantissa: instrument.price_increment.mantissa,
                    scale: instrument.price_increment.scale,
                },
                round_lot: instrument.round_lot,
            })
            .collect();
        let mut by_symbol: Vec<usize> = (0..by_id.len()).collect();
        by_symbol.sort_by(|a, b| by_id[*a].symbol.cmp(&by_id[*b].symbol));
        Self { by_id, by_symbol }
    }

    /// The instrument with a symbol.
    #[must_use]
    pub(crate) fn with_symbol(&self, symbol: &[u8]) -> Option<&Instrument> {
        self.by_symbol
            .binary_search_by(|index| self.by_id[*index].symbol.as_slice().cmp(symbol))
            .ok()
            .map(|at| &self.by_id[self.by_symbol[at]])
    }

    /// The instrument with a number.
    #[must_use]
    pub(crate) fn with_id(&self, id: u32) -> Option<&Instrument> {
        self.by_id.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }
}

impl Instrument {
    /// A price in price units.
    ///
    /// # Errors
    ///
    /// [`UnitsError`] if it is no whole number of them, or too large.
    pub(crate) fn price_units(&self, price: Decimal) -> Result<i64, UnitsError> {
        price.to_units(self.price_increment)
    }

    /// The increment, for messages to people.
    #[must_use]
    pub(crate) const fn price_increment(&self) -> Decimal {
        self.price_increment
    }

    /// RoundLot(561).
    #[must_use]
    pub(crate) const fn round_lot(&self) -> u64 {
        self.round_lot
    }

    /// A quantity in lots; `None` unless it is a whole number of lots above zero.
    #[must_use]
    pub(crate) fn lots(&self, qty: Decimal) -> Option<u64> {
        let round_lot = Decimal { mantissa: i64::try_from(self.round_lot).ok()?, scale: 0 };
        let lots = qty.to_units(round_lot).ok()?;
        u64::try_from(lots).ok().filter(|lots| *lots > 0)
    }

    /// Lots as a quantity. Saturates: a journaled quantity is below the configured maximum.
    #[must_use]
    pub(crate) const fn qty(&self, lots: u64) -> u64 {
        lots.saturating_mul(self.round_lot)
    }

    /// Price units as a price; 0 if it does not fit, which no admitted price does not.
    #[must_use]
    pub(crate) fn price(&self, units: i64) -> Decimal {
        Decimal::from_units(units, self.price_increment)
            .unwrap_or(Decimal { mantissa: 0, scale: 0 })
    }

    /// AvgPx(6): `cum_value / cum_qty` price units, rounded half away from zero to 6 digits
    /// behind those of the increment (fewer if 64 bits hold no more), trailing zeros left out.
    /// 0 where nothing has executed.
    #[must_use]
    pub(crate) fn avg_px(&self, cum_value: i64, cum_qty: u64) -> Decimal {
        let increment = self.price_increment;
        if cum_qty == 0 {
            return Decimal { mantissa: 0, scale: 0 };
        }
        let value = i128::from(cum_value) * i128::from(increment.mantissa);
        let qty = i128::from(cum_qty);
        let most = AVG_PX_DIGITS.min(18_u8.saturating_sub(increment.scale));
        for digits in (0..=most).rev() {
            let Some(scaled) = value.checked_mul(10_i128.pow(u32::from(digits))) else { continue };
            let rounded = (scaled.abs() + qty / 2) / qty * scaled.signum();
            if let Ok(mantissa) = i64::try_from(rounded) {
                return trimmed(mantissa, increment.scale + digits, increment.scale);
            }
        }
        Decimal { mantissa: 0, scale: 0 }
    }
}

/// Without trailing zeros behind `scale_min` digits.
fn trimmed(mut mantissa: i64, mut scale: u8, scale_min: u8) -> Decimal {
    while scale > scale_min && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    Decimal { mantissa, scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(increment: &str, round_lot: u64) -> Instrument {
        let price_increment = Decimal::parse(increment.as_bytes()).unwrap();
        Instrument { id: 1, symbol: b"X".to_vec(), price_increment, round_lot }
    }

    #[test]
    fn the_average_price_is_exact_to_six_digits_beyond_the_increment() {
        let quarter = instrument("0.25", 1);
        // 1 at 19203 units and 2 at 19204: (4800.75 + 2 * 4801) / 3 = 4800.916666...
        assert_eq!(quarter.avg_px(19_203 + 2 * 19_204, 3).to_string(), "4800.91666667");
        assert_eq!(quarter.avg_px(2 * 19_203, 2).to_string(), "4800.75");
        assert_eq!(quarter.avg_px(-1, 3).to_string(), "-0.08333333");
        assert_eq!(quarter.avg_px(0, 0).to_string(), "0");
        assert_eq!(instrument("5", 1).avg_px(i64::MAX, 5).to_string(), "9223372036854775807");
    }

    #[test]
    fn a_quantity_is_a_whole_number_of_lots_above_zero() {
        let hundred = instrument("1", 100);
        for (text, lots) in
            [("100", Some(1)), ("1000.0", Some(10)), ("150", None), ("0", None), ("-100", None)]
        {
            assert_eq!(hundred.lots(Decimal::parse(text.as_bytes()).unwrap()), lots, "{text}");
        }
        assert_eq!(hundred.qty(7), 700);
    }
}
