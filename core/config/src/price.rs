//! Decimals as people write them, kept exactly: a mantissa and a power of ten.

/// `mantissa * 10^-scale`, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// All digits.
    pub mantissa: i64,
    /// Digits behind the point, 0 to 18.
    pub scale: u8,
}

/// Why a text is no decimal, or a price no multiple of its increment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// Not digits with at most one point and a leading minus sign.
    NotANumber(String),
    /// More digits than 64 bits hold.
    TooLong(String),
    /// Not a whole number of increments.
    OffTick(String),
}

impl std::fmt::Display for DecimalError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotANumber(text) => write!(out, "{text:?} is not a decimal number"),
            Self::TooLong(text) => write!(out, "{text:?} has too many digits"),
            Self::OffTick(text) => write!(out, "{text:?} is not a multiple of the price increment"),
        }
    }
}

impl std::error::Error for DecimalError {}

impl Decimal {
    /// Reads `12`, `-0.25`, `100.500`.
    ///
    /// # Errors
    ///
    /// [`DecimalError`] with the text.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::NotANumber(text.to_owned()));
        }
        let fraction = fraction.trim_end_matches('0');
        let too_long = || DecimalError::TooLong(text.to_owned());
        if fraction.len() > 18 {
            return Err(too_long());
        }
        let mantissa: i64 = format!("{whole}{fraction}").parse().map_err(|_| too_long())?;
        let mantissa = if text.starts_with('-') { -mantissa } else { mantissa };
        Ok(Self { mantissa, scale: u8::try_from(fraction.len()).unwrap_or(0) })
    }

    /// How many times `increment` this is.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OffTick`] if not a whole number, [`DecimalError::TooLong`] if too large.
    pub fn units(self, increment: Self) -> Result<i64, DecimalError> {
        let text = || self.to_string();
        let scale = self.scale.max(increment.scale);
        let raise = |decimal: Self| {
            10_i128
                .checked_pow(u32::from(scale - decimal.scale))
                .and_then(|power| power.checked_mul(i128::from(decimal.mantissa)))
        };
        let (Some(value), Some(unit)) = (raise(self), raise(increment)) else {
            return Err(DecimalError::TooLong(text()));
        };
        if unit == 0 || value % unit != 0 {
            return Err(DecimalError::OffTick(text()));
        }
        i64::try_from(value / unit).map_err(|_| DecimalError::TooLong(text()))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = format!(
            "{:0width$}",
            self.mantissa.unsigned_abs(),
            width = usize::from(self.scale) + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.scale));
        let sign = if self.mantissa < 0 { "-" } else { "" };
        if fraction.is_empty() {
            write!(out, "{sign}{whole}")
        } else {
            write!(out, "{sign}{whole}.{fraction}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_exactly_and_written_in_lowest_terms() {
        for (text, mantissa, scale, shown) in [
            ("0.25", 25, 2, "0.25"),
            ("-4.50", -45, 1, "-4.5"),
            ("12", 12, 0, "12"),
            ("0.0", 0, 0, "0"),
        ] {
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!((decimal.mantissa, decimal.scale), (mantissa, scale), "{text}");
            assert_eq!(decimal.to_string(), shown);
        }
        for text in ["", ".5", "1e5", "+1", "1.2.3", "NaN"] {
            assert!(matches!(Decimal::parse(text), Err(DecimalError::NotANumber(_))), "{text}");
        }
    }

    #[test]
    fn a_price_is_a_whole_number_of_increments() {
        let quarter = Decimal::parse("0.25").unwrap();
        assert_eq!(Decimal::parse("4800.75").unwrap().units(quarter), Ok(19_203));
        assert_eq!(Decimal::parse("-1").unwrap().units(quarter), Ok(-4));
        assert!(matches!(
            Decimal::parse("0.3").unwrap().units(quarter),
            Err(DecimalError::OffTick(_))
        ));
    }
}
