//! The parameters of synthetic flow: aggregate statistics of a day, as a TOML file.
//!
//! A distribution is a row of equally likely values (quantiles), so that drawing from it needs
//! no float and gives the same flow on every machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::random::Random;

/// Shares count in ten thousandths.
pub(super) const WHOLE: u32 = 10_000;

/// Measured on the ES day; the file names its source.
const BUILT_IN: &str = include_str!("es-2023-12-25.toml");

/// Why parameters cannot be used.
#[derive(Debug)]
pub enum ParameterError {
    /// The text is no TOML of these parameters.
    Parse(toml::de::Error),
    /// The parameters cannot be written as TOML.
    Write(toml::ser::Error),
    /// A distribution without values: the recording has none of these.
    Empty(&'static str),
    /// A distribution whose values fall, or are below the least that makes sense.
    Values(&'static str),
    /// A share above ten thousand ten thousandths.
    Share(&'static str, u32),
    /// The shares of the kinds of commands do not add up to ten thousand.
    Sum(u64),
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(e) => write!(f, "parameters: {e}"),
            Self::Write(e) => write!(f, "parameters: {e}"),
            Self::Empty(name) => write!(f, "parameter {name} has no values"),
            Self::Values(name) => write!(f, "parameter {name}: values fall or are too small"),
            Self::Share(name, share) => write!(f, "parameter {name}: {share} is above {WHOLE}"),
            Self::Sum(sum) => write!(f, "the shares of commands add up to {sum}, not {WHOLE}"),
        }
    }
}

impl std::error::Error for ParameterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Parse(e) => Some(e),
            Self::Write(e) => Some(e),
            _ => None,
        }
    }
}

/// Equally likely values, rising.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantiles(Vec<i64>);

impl Quantiles {
    /// How many values stand for a measured distribution.
    pub const COUNT: usize = 64;

    /// The middles of [`Self::COUNT`] equal parts of `samples`; all of them if there are fewer.
    #[must_use]
    pub fn of(mut samples: Vec<i64>) -> Self {
        samples.sort_unstable();
        if samples.len() <= Self::COUNT {
            return Self(samples);
        }
        let middles = (0..Self::COUNT).map(|i| (2 * i + 1) * samples.len() / (2 * Self::COUNT));
        Self(middles.filter_map(|at| samples.get(at).copied()).collect())
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[i64] {
        &self.0
    }

    /// One of the values; 0 if there is none.
    pub fn draw(&self, random: &mut Random) -> i64 {
        self.0.get(random.below(self.0.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// A value from between two neighbours; 0 if there is none.
    pub fn draw_between(&self, random: &mut Random) -> i64 {
        let at = random.below(self.0.len() as u64) as usize;
        let low = self.0.get(at).copied().unwrap_or_default();
        let high = self.0.get(at + 1).copied().unwrap_or(low);
        low + random.below(high.abs_diff(low).saturating_add(1)) as i64
    }

    fn check(&self, name: &'static str, least: i64) -> Result<(), ParameterError> {
        let Some(first) = self.0.first() else { return Err(ParameterError::Empty(name)) };
        if *first < least || !self.0.is_sorted() {
            return Err(ParameterError::Values(name));
        }
        Ok(())
    }
}

/// What synthetic flow looks like. Times are nanoseconds, prices ticks, quantities lots, shares
/// ten thousandths. An offset counts ticks from the touch of the order's own side into the book:
/// 0 joins the touch, -1 improves it by a tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Where they come from, with attribution.
    pub source: String,
    /// Of all commands: new orders that rest.
    pub add_share: u32,
    /// Of all commands: cancels.
    pub cancel_share: u32,
    /// Of all commands: replaces.
    pub replace_share: u32,
    /// Of all commands: orders that execute at once.
    pub aggress_share: u32,
    /// Of replaces: those that only reduce the quantity.
    pub reduce_share: u32,
    /// Of cancels and replaces: those of one of the 64 newest orders.
    pub newest_share: u32,
    /// Of aggressors: those on the side of the aggressor before.
    pub same_side_share: u32,
    /// Of aggressors: those that execute at more than one price.
    pub sweep_share: u32,
    /// Of aggressors: those with a remainder that rests.
    pub remainder_share: u32,
    /// Gaps up to this are short: within a burst.
    pub short_gap_ns: u64,
    /// Time to the next event after a short gap.
    pub gap_after_short_ns: Quantiles,
    /// Time to the next event after a long gap.
    pub gap_after_long_ns: Quantiles,
    /// Offset of a new order.
    pub add_offset_ticks: Quantiles,
    /// Quantity of a new order.
    pub add_qty: Quantiles,
    /// Offset that a replace moves an order to.
    pub replace_offset_ticks: Quantiles,
    /// Quantity of an aggressor.
    pub aggressor_qty: Quantiles,
    /// How many orders stand at the opening.
    pub opening_orders: u32,
    /// Their offsets.
    pub opening_offset_ticks: Quantiles,
    /// Their quantities.
    pub opening_qty: Quantiles,
}

impl Parameters {
    /// The parameters of the ES day that come with the program.
    ///
    /// # Errors
    /// None that a test would not have found: the text is part of the program.
    pub fn built_in() -> Result<Self, ParameterError> {
        Self::from_toml(BUILT_IN)
    }

    /// Reads `text` and checks it.
    ///
    /// # Errors
    /// The text is not TOML, lacks a parameter or has one too many, or as [`Parameters::check`].
    pub fn from_toml(text: &str) -> Result<Self, ParameterError> {
        let parameters: Self = toml::from_str(text).map_err(ParameterError::Parse)?;
        parameters.check()?;
        Ok(parameters)
    }

    /// The text that [`Parameters::from_toml`] reads.
    ///
    /// # Errors
    /// None for parameters that were checked.
    pub fn to_toml(&self) -> Result<String, ParameterError> {
        toml::to_string(self).map_err(ParameterError::Write)
    }

    /// Checks that flow can be made with these parameters.
    ///
    /// # Errors
    /// A distribution is empty, falls or has values that make no sense; a share is above the
    /// whole; the shares of commands do not add up.
    pub fn check(&self) -> Result<(), ParameterError> {
        let kinds = [self.add_share, self.cancel_share, self.replace_share, self.aggress_share];
        let sum: u64 = kinds.iter().map(|share| u64::from(*share)).sum();
        if sum != u64::from(WHOLE) {
            return Err(ParameterError::Sum(sum));
        }
        for (name, share) in [
            ("reduce_share", self.reduce_share),
            ("newest_share", self.newest_share),
            ("same_side_share", self.same_side_share),
            ("sweep_share", self.sweep_share),
            ("remainder_share", self.remainder_share),
        ] {
            if share > WHOLE {
                return Err(ParameterError::Share(name, share));
            }
        }
        self.gap_after_short_ns.check("gap_after_short_ns", 0)?;
        self.gap_after_long_ns.check("gap_after_long_ns", 0)?;
        self.add_offset_ticks.check("add_offset_ticks", i64::MIN)?;
        self.add_qty.check("add_qty", 1)?;
        self.replace_offset_ticks.check("replace_offset_ticks", i64::MIN)?;
        self.aggressor_qty.check("aggressor_qty", 1)?;
        self.opening_offset_ticks.check("opening_offset_ticks", 0)?;
        self.opening_qty.check("opening_qty", 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_parameters_are_good_and_survive_writing() {
        let built_in = Parameters::built_in().unwrap();
        assert_eq!(Parameters::from_toml(&built_in.to_toml().unwrap()).unwrap(), built_in);
        assert!(built_in.source.contains("nautilus_trader"), "attribution is kept");
    }

    #[test]
    fn parameters_that_make_no_sense_are_refused_by_name() {
        let refused = |change: fn(&mut Parameters)| {
            let mut parameters = Parameters::built_in().unwrap();
            change(&mut parameters);
            parameters.check().unwrap_err()
        };
        assert!(matches!(refused(|p| p.add_share += 1), ParameterError::Sum(10_001)));
        assert!(matches!(
            refused(|p| p.sweep_share = 10_001),
            ParameterError::Share("sweep_share", 10_001)
        ));
        assert!(matches!(
            refused(|p| p.add_qty = Quantiles(vec![])),
            ParameterError::Empty("add_qty")
        ));
        assert!(matches!(
            refused(|p| p.add_qty = Quantiles(vec![0, 1])),
            ParameterError::Values("add_qty")
        ));
        assert!(matches!(
            refused(|p| p.add_offset_ticks = Quantiles(vec![2, 1])),
            ParameterError::Values("add_offset_ticks")
        ));
        assert!(matches!(Parameters::from_toml("add_share = 1"), Err(ParameterError::Parse(_))));
    }

    #[test]
    fn quantiles_are_the_middles_of_equal_parts() {
        let quantiles = Quantiles::of((0..6_400).rev().collect());
        assert_eq!(quantiles.values().len(), Quantiles::COUNT);
        assert_eq!(quantiles.values()[..2], [50, 150]);
        assert_eq!(Quantiles::of(vec![3, 1]).values(), [1, 3]);
        let mut random = Random::new(1);
        assert!((0..500).all(|_| (50..=6_350).contains(&quantiles.draw_between(&mut random))));
    }
}
