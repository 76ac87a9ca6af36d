//! Exact decimals: `Price`, `Qty` and the other float types of FIX, as text becomes integers.
//!
//! No float is ever involved. A value that cannot be held exactly is refused, not rounded.

use core::fmt;

use crate::parse::digit;

/// Most digits after the point that a [`Decimal`] can hold.
const MAX_SCALE: u8 = 18;

/// Longest text of a [`Decimal`]: sign, 19 digits, point, leading zero.
pub(crate) const MAX_DECIMAL_BYTES: usize = 24;

const POWERS: [i64; 19] = {
    let mut powers = [1i64; 19];
    let mut index = 1;
    while index < powers.len() {
        #[expect(clippy::indexing_slicing, reason = "const evaluation, index < len")]
        {
            powers[index] = powers[index - 1] * 10;
            index += 1;
        }
    }
    powers
};

/// `mantissa / 10^scale`, exact.
///
/// Equality is of representation: `1.50` read from text is `(15, 1)`, because trailing zeros after
/// the point are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits, with the sign.
    pub mantissa: i64,
    /// Digits after the point, 0 to 18.
    pub scale: u8,
}

/// Why a decimal is not a whole number of increments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitsError {
    /// The value lies between two multiples of the increment.
    NotOnIncrement {
        /// The value.
        value: Decimal,
        /// The increment, e.g. `MinPriceIncrement(969)`.
        increment: Decimal,
    },
    /// The result does not fit into 64 bits.
    Overflow {
        /// The value.
        value: Decimal,
    },
    /// The increment is zero or negative, or its scale is over 18.
    BadIncrement {
        /// The increment.
        increment: Decimal,
    },
}

impl fmt::Display for UnitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOnIncrement { value, increment } => {
                write!(f, "{value} is not a multiple of {increment}")
            }
            Self::Overflow { value } => write!(f, "{value} is out of range"),
            Self::BadIncrement { increment } => write!(f, "{increment} is not an increment"),
        }
    }
}

impl core::error::Error for UnitsError {}

impl Decimal {
    /// `mantissa / 10^scale`; `None` if the scale is over 18.
    #[must_use]
    pub const fn new(mantissa: i64, scale: u8) -> Option<Self> {
        if scale <= MAX_SCALE { Some(Self { mantissa, scale }) } else { None }
    }

    /// Reads a FIX float: optional minus, digits, optional point. FIX 4.4 Vol 1, data types.
    ///
    /// `23.`, `.5` and `0023.5` are read; `+1`, `1e3`, `.`, blanks and values that do not fit
    /// into 64 bits with 18 digits after the point are refused.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let mut mantissa = 0i64;
        let mut scale = 0u8;
        // Zeros after the point wait here: they count only if another digit follows.
        let mut zeros = 0u8;
        let mut after_point = false;
        let mut any_digit = false;
        for byte in digits {
            if *byte == b'.' && !after_point {
                after_point = true;
                continue;
            }
            let digit = digit(*byte)?;
            any_digit = true;
            if !after_point {
                mantissa = mantissa.checked_mul(10)?.checked_add(i64::from(digit))?;
            } else if digit == 0 {
                zeros = zeros.saturating_add(1);
            } else {
                let places = zeros.saturating_add(1);
                zeros = 0;
                scale = scale.checked_add(places).filter(|scale| *scale <= MAX_SCALE)?;
                mantissa = mantissa.checked_mul(power(places)?)?.checked_add(i64::from(digit))?;
            }
        }
        let mantissa = if negative { mantissa.checked_neg()? } else { mantissa };
        any_digit.then_some(Self { mantissa, scale })
    }

    /// How many times `increment` goes into this value: price text to ticks.
    ///
    /// # Errors
    /// Not a whole number of increments, out of range, or an increment that is none.
    pub fn to_units(self, increment: Self) -> Result<i64, UnitsError> {
        if increment.mantissa <= 0 || increment.scale > MAX_SCALE || self.scale > MAX_SCALE {
            return Err(UnitsError::BadIncrement { increment });
        }
        // value / increment = (m_v * 10^s_i) / (m_i * 10^s_v); common powers are taken out first,
        // so that one of the two factors is 1.
        let up = power(increment.scale.saturating_sub(self.scale));
        let down = power(self.scale.saturating_sub(increment.scale));
        let (Some(up), Some(down)) = (up, down) else {
            return Err(UnitsError::BadIncrement { increment });
        };
        let numerator = i128::from(self.mantissa).saturating_mul(i128::from(up));
        let denominator = i128::from(increment.mantissa).saturating_mul(i128::from(down));
        let not_on_increment = UnitsError::NotOnIncrement { value: self, increment };
        let overflow = UnitsError::Overflow { value: self };
        // One 64-bit division where both fit, which is every ordinary price.
        if let (Ok(numerator), Ok(denominator)) =
            (i64::try_from(numerator), i64::try_from(denominator))
        {
            return match numerator.checked_rem(denominator) {
                Some(0) => numerator.checked_div(denominator).ok_or(overflow),
                _ => Err(not_on_increment),
            };
        }
        match numerator.checked_rem(denominator) {
            Some(0) => numerator
                .checked_div(denominator)
                .and_then(|units| i64::try_from(units).ok())
                .ok_or(overflow),
            _ => Err(not_on_increment),
        }
    }

    /// `units * increment`, exact: ticks to price text.
    ///
    /// # Errors
    /// The product does not fit, or the increment is none.
    pub fn from_units(units: i64, increment: Self) -> Result<Self, UnitsError> {
        if increment.mantissa <= 0 || increment.scale > MAX_SCALE {
            return Err(UnitsError::BadIncrement { increment });
        }
        units
            .checked_mul(increment.mantissa)
            .map(|mantissa| Self { mantissa, scale: increment.scale })
            .ok_or(UnitsError::Overflow { value: increment })
    }

    /// Writes the text, with exactly `scale` digits after the point, to the end of `text`.
    ///
    /// Returns the part of `text` that was used.
    pub(crate) fn format(self, text: &mut [u8; MAX_DECIMAL_BYTES]) -> &[u8] {
        let mut start = text.len();
        let mut rest = self.mantissa.unsigned_abs();
        let mut places = 0u8;
        let mut put = |byte: u8| {
            start = start.saturating_sub(1);
            if let Some(slot) = text.get_mut(start) {
                *slot = byte;
            }
        };
        while rest > 0 || places <= self.scale {
            if places == self.scale && self.scale > 0 {
                put(b'.');
            }
            put(b'0'.wrapping_add((rest % 10) as u8));
            rest /= 10;
            places = places.saturating_add(1);
        }
        if self.mantissa < 0 {
            put(b'-');
        }
        text.get(start..).unwrap_or(&[])
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; MAX_DECIMAL_BYTES];
        f.write_str(core::str::from_utf8(self.format(&mut text)).unwrap_or("?"))
    }
}

fn power(exponent: u8) -> Option<i64> {
    POWERS.get(usize::from(exponent)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn text_becomes_mantissa_and_scale_exactly() {
        for (text, mantissa, scale) in [
            ("0", 0, 0),
            ("23.23", 2323, 2),
            ("0023.2300", 2323, 2),
            ("-0.25", -25, 2),
            ("23.", 23, 0),
            (".5", 5, 1),
            ("-0", 0, 0),
            ("9223372036854775807", i64::MAX, 0),
            ("0.000000000000000001", 1, 18),
            ("1.0000000000000000000000000000", 1, 0),
            ("5012.75", 501_275, 2),
        ] {
            assert_eq!(decimal(text), Decimal { mantissa, scale }, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_exact_decimal_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "-.",
            "+1",
            "1e3",
            "1.2.3",
            " 1",
            "1 ",
            "NaN",
            "--1",
            "1-",
            "9223372036854775808",
            "0.0000000000000000001",
            "92233720368547758.071",
        ] {
            let read = Decimal::parse(text.as_bytes());
            if text == "92233720368547758.071" {
                assert_eq!(read, None, "20 digits do not fit");
            } else {
                assert_eq!(read, None, "{text:?}");
            }
        }
    }

    #[test]
    fn a_price_becomes_ticks_only_on_a_tick() {
        let quarter = decimal("0.25");
        assert_eq!(decimal("5012.75").to_units(quarter), Ok(20_051));
        assert_eq!(decimal("-0.5").to_units(quarter), Ok(-2));
        assert_eq!(decimal("0").to_units(quarter), Ok(0));
        assert_eq!(decimal("100").to_units(decimal("5")), Ok(20));
        assert_eq!(
            decimal("5012.80").to_units(quarter),
            Err(UnitsError::NotOnIncrement { value: decimal("5012.8"), increment: quarter })
        );
        assert_eq!(
            decimal("0.3").to_units(decimal("2")),
            Err(UnitsError::NotOnIncrement { value: decimal("0.3"), increment: decimal("2") })
        );
    }

    #[test]
    fn ticks_out_of_range_and_bad_increments_are_refused() {
        let large = decimal("9223372036854775807");
        assert_eq!(large.to_units(decimal("0.01")), Err(UnitsError::Overflow { value: large }));
        assert_eq!(large.to_units(decimal("1")), Ok(i64::MAX));
        let zero = decimal("0");
        assert_eq!(large.to_units(zero), Err(UnitsError::BadIncrement { increment: zero }));
        assert!(Decimal::from_units(i64::MAX, decimal("5")).is_err());
        let wild = Decimal { mantissa: 1, scale: 200 };
        assert!(large.to_units(wild).is_err());
        assert!(wild.to_units(large).is_err());
        assert_eq!(Decimal::new(1, 19), None);
    }

    #[test]
    fn ticks_become_the_text_that_becomes_the_same_ticks() {
        for increment in ["0.25", "0.005", "1", "5", "0.000001", "0.015625"] {
            let increment = decimal(increment);
            for units in [-1_000_003, -1, 0, 1, 7, 20_051, 9_000_000] {
                let text = Decimal::from_units(units, increment).unwrap().to_string();
                assert_eq!(decimal(&text).to_units(increment), Ok(units), "{text}");
            }
        }
    }

    #[test]
    fn text_has_as_many_places_as_the_scale() {
        for (mantissa, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (501_275, 2, "5012.75"),
            (i64::MIN, 18, "-9.223372036854775808"),
            (i64::MIN, 0, "-9223372036854775808"),
            (1, 18, "0.000000000000000001"),
        ] {
            assert_eq!(Decimal { mantissa, scale }.to_string(), text);
        }
    }
}
