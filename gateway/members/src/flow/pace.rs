//! Turns the times of a flow into times of playing it.

use std::fmt;
use std::str::FromStr;

/// How fast a flow is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// As fast as the venue takes it.
    Max,
    /// So many thousandths of the flow's own speed; at least 1.
    Milli(u32),
}

/// A text that is no speed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeedError(
    /// The text.
    pub String,
);

impl fmt::Display for SpeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "speed {:?} is neither \"max\" nor a number from 0.001 to 4000000", self.0)
    }
}

impl std::error::Error for SpeedError {}

impl FromStr for Speed {
    type Err = SpeedError;

    /// `max`, or a decimal factor with at most three places: `60`, `0.5`, `2x`.
    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let parse = || {
            let number = text.strip_suffix('x').unwrap_or(text);
            let (whole, places) = number.split_once('.').unwrap_or((number, ""));
            let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
            if places.len() > 3 || whole.is_empty() || !digits(whole) || !digits(places) {
                return None;
            }
            let milli = format!("{places:0<3}").parse::<u32>().ok()?;
            whole.parse::<u32>().ok()?.checked_mul(1_000)?.checked_add(milli)
        };
        match parse() {
            Some(milli) if (1..=4_000_000_000).contains(&milli) => Ok(Self::Milli(milli)),
            _ => Err(SpeedError(text.to_owned())),
        }
    }
}

/// Says when each command is due, counted from the first one. Idle gaps can be capped, so that a
/// quiet hour does not have to be sat through: everything after a capped gap moves forward.
#[derive(Clone, Debug)]
pub struct Pace {
    speed: Speed,
    gap_ns_max: Option<u64>,
    last_at_ns: Option<u64>,
    due_ns: u64,
    /// What the divisions left over, in thousandths of the speed, so that nothing is lost.
    carry: u128,
}

impl Pace {
    /// Plays at `speed`; no gap between two commands is played longer than `gap_ns_max` (ns of
    /// playing time).
    #[must_use]
    pub fn new(speed: Speed, gap_ns_max: Option<u64>) -> Self {
        Self { speed, gap_ns_max, last_at_ns: None, due_ns: 0, carry: 0 }
    }

    /// When the command with the intended time `at_ns` is due: nanoseconds since the first
    /// command was due. Call it once per command, in order; a time that falls counts as equal.
    pub fn due_ns(&mut self, at_ns: u64) -> u64 {
        let last_at_ns = self.last_at_ns.unwrap_or(at_ns);
        self.last_at_ns = Some(at_ns.max(last_at_ns));
        let Speed::Milli(milli) = self.speed else { return 0 };
        let divisor = u128::from(milli.max(1));
        let scaled = u128::from(at_ns.saturating_sub(last_at_ns)) * 1_000 + self.carry;
        self.carry = scaled % divisor;
        let gap_ns = u64::try_from(scaled / divisor).unwrap_or(u64::MAX);
        let gap_ns = self.gap_ns_max.map_or(gap_ns, |max| gap_ns.min(max));
        self.due_ns = self.due_ns.saturating_add(gap_ns);
        self.due_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_divides_the_time_without_drift() {
        let mut pace = Pace::new(Speed::Milli(3_000), None);
        let due: Vec<u64> = [1_000, 1_001, 1_002, 1_003, 4_000].map(|at| pace.due_ns(at)).into();
        assert_eq!(due, [0, 0, 0, 1, 1_000]);
    }

    #[test]
    fn a_long_gap_is_played_no_longer_than_the_cap() {
        let mut pace = Pace::new(Speed::Milli(500), Some(100));
        let due: Vec<u64> = [0, 10, 1_000_000, 1_000_010].map(|at| pace.due_ns(at)).into();
        assert_eq!(due, [0, 20, 120, 140]);
    }

    #[test]
    fn at_full_speed_everything_is_due_at_once() {
        let mut pace = Pace::new(Speed::Max, None);
        assert_eq!((pace.due_ns(5), pace.due_ns(5_000_000_000)), (0, 0));
    }

    #[test]
    fn a_speed_is_max_or_a_decimal_factor() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60".parse(), Ok(Speed::Milli(60_000)));
        assert_eq!("0.5x".parse(), Ok(Speed::Milli(500)));
        for text in ["", "0", "-1", "1.2345", "fast", "5000000", ".5", "1e3", "99999999999"] {
            assert_eq!(text.parse::<Speed>(), Err(SpeedError(text.to_owned())));
        }
    }
}
