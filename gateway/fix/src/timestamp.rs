//! `UTCTimestamp`: text to UTC nanoseconds since the epoch and back.
//!
//! Read: seconds, milliseconds, microseconds or nanoseconds. Written: a configured precision, and
//! the text of the second is kept, so that usually only the fraction is formatted.
//! Calendar: proleptic Gregorian, after H. Hinnant, "chrono-compatible low-level date algorithms".

use crate::parse::digit;

/// Longest timestamp text: `YYYYMMDD-HH:MM:SS.nnnnnnnnn`.
pub const MAX_TIMESTAMP_BYTES: usize = 27;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;

/// Last year that is read: `u64` nanoseconds end in 2554.
const MAX_YEAR: u64 = 2500;

/// Digits after the second, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// `.sss`, the only fraction that FIX 4.4 names.
    #[default]
    Milliseconds,
    /// `.ssssss`
    Microseconds,
    /// `.sssssssss`
    Nanoseconds,
}

impl Precision {
    const fn digits(self) -> usize {
        match self {
            Self::Milliseconds => 3,
            Self::Microseconds => 6,
            Self::Nanoseconds => 9,
        }
    }
}

/// Reads `YYYYMMDD-HH:MM:SS` with no fraction or one of 3, 6 or 9 digits.
///
/// Years 1970 to 2500; second 60 (a leap second) is read as the first second after it. Returns UTC
/// nanoseconds since the epoch, or `None` if the text is anything else.
#[must_use]
pub fn parse_utc_timestamp(text: &[u8]) -> Option<u64> {
    let (date_time, fraction) = text.split_at_checked(17)?;
    let &[y1, y2, y3, y4, m1, m2, d1, d2, b'-', h1, h2, b':', i1, i2, b':', s1, s2] = date_time
    else {
        return None;
    };
    let year = two(y1, y2)?.checked_mul(100)?.checked_add(two(y3, y4)?)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    let date_is_valid = (1970..=MAX_YEAR).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day);
    if !date_is_valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_from_civil(year, month, day)?
        .checked_mul(DAY_SECONDS)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?;
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns(fraction)?)
}

/// Reads `YYYYMMDD`: UTC nanoseconds since the epoch of its first moment, or `None`.
#[must_use]
pub fn parse_utc_date(text: &[u8]) -> Option<u64> {
    let mut midnight = *b"YYYYMMDD-00:00:00";
    if text.len() != 8 {
        return None;
    }
    midnight.get_mut(..8)?.copy_from_slice(text);
    parse_utc_timestamp(&midnight)
}

fn fraction_ns(text: &[u8]) -> Option<u64> {
    let digits = match text.split_first() {
        None => return Some(0),
        Some((b'.', digits)) => digits,
        Some(_) => return None,
    };
    let unit = match digits.len() {
        3 => 1_000_000,
        6 => 1_000,
        9 => 1,
        _ => return None,
    };
    crate::parse::parse_u64(digits)?.checked_mul(unit)
}

fn two(tens: u8, ones: u8) -> Option<u64> {
    let tens = u64::from(digit(tens)?);
    tens.checked_mul(10)?.checked_add(u64::from(digit(ones)?))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a valid date from 1970 on.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    // The year starts in March, so that the leap day is its last.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = if month > 2 { month.checked_sub(3)? } else { month.checked_add(9)? };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = month.checked_mul(153)?.checked_add(2)? / 5;
    let day_of_year = day_of_year.checked_add(day)?.checked_sub(1)?;
    let day_of_era = year_of_era
        .checked_mul(365)?
        .checked_add(year_of_era / 4)?
        .checked_sub(year_of_era / 100)?
        .checked_add(day_of_year)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)
}

/// Year, month and day of a day since 1970-01-01. All intermediate values are below 2^63, since
/// `days` comes from `u64` nanoseconds (at most 213,503).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days.wrapping_add(719_468);
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = day_of_era
        .wrapping_sub(day_of_era / 1460)
        .wrapping_add(day_of_era / 36_524)
        .wrapping_sub(day_of_era / 146_096)
        / 365;
    let days_before_year =
        year_of_era.wrapping_mul(365).wrapping_add(year_of_era / 4).wrapping_sub(year_of_era / 100);
    let day_of_year = day_of_era.wrapping_sub(days_before_year);
    let month = day_of_year.wrapping_mul(5).wrapping_add(2) / 153;
    let day = day_of_year.wrapping_sub(month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(1);
    let (month, carry) =
        if month < 10 { (month.wrapping_add(3), 0) } else { (month.wrapping_sub(9), 1) };
    (era.wrapping_mul(400).wrapping_add(year_of_era).wrapping_add(carry), month, day)
}

/// Timestamp text that remembers the last second it wrote.
#[derive(Debug, Clone)]
pub struct TimestampText {
    second: Option<u64>,
    precision: Precision,
    text: [u8; MAX_TIMESTAMP_BYTES],
}

impl TimestampText {
    /// A formatter that writes `precision`.
    #[must_use]
    pub const fn new(precision: Precision) -> Self {
        Self { second: None, precision, text: *b"00000000-00:00:00.000000000" }
    }

    /// The text of `time_ns` (UTC nanoseconds since the epoch), cut (not rounded) to the precision.
    pub fn format(&mut self, time_ns: u64) -> &[u8] {
        let second = time_ns / SECOND_NS;
        if self.second != Some(second) {
            self.format_second(second);
            self.second = Some(second);
        }
        let fraction_ns = time_ns % SECOND_NS;
        let mut fraction = match self.precision {
            Precision::Milliseconds => fraction_ns / 1_000_000,
            Precision::Microseconds => fraction_ns / 1_000,
            Precision::Nanoseconds => fraction_ns,
        };
        let end = self.precision.digits().saturating_add(18);
        if let Some(slots) = self.text.get_mut(18..end) {
            for slot in slots.iter_mut().rev() {
                *slot = b'0'.wrapping_add((fraction % 10) as u8);
                fraction /= 10;
            }
        }
        self.text.get(..end).unwrap_or(&[])
    }

    #[cold]
    fn format_second(&mut self, second: u64) {
        let (year, month, day) = civil_from_days(second / DAY_SECONDS);
        let time = second % DAY_SECONDS;
        let mut text = *b"00000000-00:00:00";
        let parts = [
            (0, year / 100),
            (2, year % 100),
            (4, month),
            (6, day),
            (9, time / 3600),
            (12, time / 60 % 60),
            (15, time % 60),
        ];
        for (offset, value) in parts {
            if let Some([tens, ones, ..]) = text.get_mut(offset..) {
                *tens = b'0'.wrapping_add((value / 10) as u8);
                *ones = b'0'.wrapping_add((value % 10) as u8);
            }
        }
        for (slot, byte) in self.text.iter_mut().zip(text) {
            *slot = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_is_read() {
        let second = 1_767_605_400_000_000_000;
        assert_eq!(parse_utc_timestamp(b"20260105-09:30:00"), Some(second));
        assert_eq!(parse_utc_timestamp(b"20260105-09:30:00.123"), Some(second + 123_000_000));
        assert_eq!(parse_utc_timestamp(b"20260105-09:30:00.123456"), Some(second + 123_456_000));
        assert_eq!(parse_utc_timestamp(b"20260105-09:30:00.123456789"), Some(second + 123_456_789));
        assert_eq!(parse_utc_timestamp(b"19700101-00:00:00"), Some(0));
    }

    #[test]
    fn a_leap_second_is_the_second_after_it() {
        let after = parse_utc_timestamp(b"20170101-00:00:00");
        assert_eq!(parse_utc_timestamp(b"20161231-23:59:60"), after);
    }

    #[test]
    fn what_is_not_a_timestamp_is_refused() {
        for bad in [
            "",
            "20260105",
            "20260105-09:30",
            "20260105 09:30:00",
            "20260105-24:00:00",
            "20260105-09:60:00",
            "20260105-09:30:61",
            "20260229-00:00:00",
            "20261301-00:00:00",
            "20260100-00:00:00",
            "19691231-23:59:59",
            "99990101-00:00:00",
            "20260105-09:30:00.",
            "20260105-09:30:00.1",
            "20260105-09:30:00.1234",
            "20260105-09:30:00.1234567890",
            "20260105-09:30:00,123",
            "20260105-09:30:00Z",
            "2026010a-09:30:00",
            "20260105-9:30:000",
        ] {
            assert_eq!(parse_utc_timestamp(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_over_500_years() {
        let mut text = TimestampText::new(Precision::Nanoseconds);
        // A prime step below two days meets every month, leap years and centuries.
        let step = 150_000_000_000_007;
        let last = parse_utc_timestamp(b"25001231-23:59:59").unwrap();
        let mut time = 0u64;
        while time <= last {
            assert_eq!(parse_utc_timestamp(text.format(time)), Some(time));
            time += step;
        }
    }

    #[test]
    fn only_the_fraction_changes_within_a_second() {
        let mut text = TimestampText::new(Precision::Milliseconds);
        assert_eq!(text.format(1_767_605_400_001_999_999), b"20260105-09:30:00.001");
        assert_eq!(text.format(1_767_605_400_999_000_000), b"20260105-09:30:00.999");
        assert_eq!(text.format(1_767_605_401_000_000_000), b"20260105-09:30:01.000");
        assert_eq!(text.format(1_767_605_400_000_000_000), b"20260105-09:30:00.000");
        let mut text = TimestampText::new(Precision::Microseconds);
        assert_eq!(text.format(951_782_400_000_001_999), b"20000229-00:00:00.000001");
    }

    #[test]
    fn the_largest_time_is_written_without_panic() {
        let mut text = TimestampText::new(Precision::Nanoseconds);
        assert_eq!(text.format(u64::MAX), b"25540721-23:34:33.709551615");
    }
}
