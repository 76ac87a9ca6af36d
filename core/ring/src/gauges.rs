//! Gauges: numbers with names that a strategy shows to whoever watches the venue, such as a score.
//!
//! They lie in a page of memory that the strategy alone writes ([`crate::port`] says where):
//!
//! ```text
//! word 0           count: names that stand, at most 16; written once, after them
//! word 8 + n       value of gauge n: the bits of a float64; one that is not finite is unknown
//! word 64 + 4 n    name of gauge n, in four words: 1 to 32 ASCII letters, digits and `_`, then
//!                  zeros
//! ```
//!
//! A value is one word, so none is ever half of two. Who reads trusts nothing: the count is cut, a
//! name that is none is left out, and a lie concerns only the one who told it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Gauges of one strategy at most.
pub const GAUGES_MAX: usize = 16;
/// Longest name, bytes.
pub const NAME_BYTES_MAX: usize = 32;

const COUNT: usize = 0;
const VALUES: usize = 8;
const NAMES: usize = 64;
const NAME_WORDS: usize = NAME_BYTES_MAX / 8;

/// Words of all of it.
pub(crate) const WORDS: usize = NAMES + GAUGES_MAX * NAME_WORDS;
/// What a reader relies on.
pub(crate) const NUMBERS: [u64; 5] =
    [COUNT as u64, VALUES as u64, NAMES as u64, NAME_WORDS as u64, GAUGES_MAX as u64];

const _: () = assert!(VALUES + GAUGES_MAX <= NAMES && NAME_BYTES_MAX.is_multiple_of(8));

/// True for what may name a gauge.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.iter().all(is_word)
}

/// Names the gauges, once; until a value is set it is unknown. False, and nothing is named, if
/// there are names already, too many or none, or one that is none or stands there twice.
pub fn declare(words: &[AtomicU64], names: &[&str]) -> bool {
    let twice = |at: usize| names[..at].contains(&names[at]);
    let good = (0..names.len()).all(|at| is_name(names[at].as_bytes()) && !twice(at));
    let fits = (1..=GAUGES_MAX).contains(&names.len()) && words.len() >= WORDS;
    if !good || !fits || words[COUNT].load(Ordering::Relaxed) != 0 {
        return false;
    }
    for (at, name) in names.iter().enumerate() {
        words[VALUES + at].store(f64::NAN.to_bits(), Ordering::Relaxed);
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        let first = NAMES + at * NAME_WORDS;
        for (word, eight) in words[first..].iter().zip(bytes.chunks_exact(8)) {
            let eight = eight.try_into().unwrap_or_default();
            word.store(u64::from_le_bytes(eight), Ordering::Relaxed);
        }
    }
    words[COUNT].store(names.len() as u64, Ordering::Release);
    true
}

/// Sets gauge `at`: one store. False if there is no such place.
#[inline]
pub fn set(words: &[AtomicU64], at: usize, value: f64) -> bool {
    let place = words.get(VALUES + at).filter(|_| at < GAUGES_MAX);
    place.inspect(|word| word.store(value.to_bits(), Ordering::Relaxed)).is_some()
}

/// Every gauge that has a name, with its value where it is finite.
#[must_use]
pub fn read(words: &[AtomicU64]) -> Vec<(String, Option<f64>)> {
    let count = words.get(COUNT).map_or(0, |word| word.load(Ordering::Acquire));
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(GAUGES_MAX);
    let gauge = |at: usize| {
        let first = NAMES + at * NAME_WORDS;
        let mut bytes = [0; NAME_BYTES_MAX];
        for (eight, word) in bytes.chunks_exact_mut(8).zip(words.get(first..)?) {
            eight.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let name = bytes.get(..len).filter(|name| is_name(name))?;
        let value = f64::from_bits(words.get(VALUES + at)?.load(Ordering::Relaxed));
        Some((String::from_utf8_lossy(name).into_owned(), value.is_finite().then_some(value)))
    };
    (0..count).filter_map(gauge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Vec<AtomicU64> {
        (0..512).map(|_| AtomicU64::new(0)).collect()
    }

    fn told(name: &str, value: Option<f64>) -> (String, Option<f64>) {
        (name.into(), value)
    }

    #[test]
    fn a_gauge_is_unknown_until_it_is_set_and_again_when_it_is_not_finite() {
        let page = page();
        assert!(read(&page).is_empty());
        assert!(declare(&page, &["score", "spread_ticks"]));
        assert_eq!(read(&page), [told("score", None), told("spread_ticks", None)]);
        assert!(set(&page, 0, -0.25) && set(&page, 1, f64::INFINITY));
        assert_eq!(read(&page), [told("score", Some(-0.25)), told("spread_ticks", None)]);
    }

    #[test]
    fn sixteen_gauges_with_the_longest_names_fit_and_there_is_no_seventeenth() {
        let names: Vec<String> = (0..17).map(|at| format!("{at:032}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(!declare(&page(), &names));
        let page = page();
        assert!(declare(&page, &names[..16]));
        for at in 0..16 {
            assert!(set(&page, at, at as f64));
        }
        assert!(!set(&page, 16, 0.0) && !set(&page, usize::MAX - 8, 0.0));
        let expected = (0..16).map(|at| told(names[at], Some(at as f64)));
        assert_eq!(read(&page), expected.collect::<Vec<_>>());
    }

    #[test]
    fn names_that_are_none_or_come_twice_or_again_are_refused() {
        for names in [&[][..], &[""], &["a b"], &["\u{e4}"], &["a", "a"], &["a\0"]] {
            assert!(!declare(&page(), names), "{names:?}");
        }
        assert!(!declare(&page(), &["a".repeat(33).as_str()]));
        let page = page();
        assert!(declare(&page, &["a"]) && !declare(&page, &["b"]));
    }

    #[test]
    fn noise_is_read_as_names_that_are_some_and_numbers_that_are_finite() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..2_000 {
            let page: Vec<AtomicU64> = (0..512).map(|_| AtomicU64::new(noise())).collect();
            // Now and then something that looks like a name.
            page[NAMES].store(u64::from_le_bytes(*b"score\0\0\0"), Ordering::Relaxed);
            for (name, value) in read(&page) {
                assert!(is_name(name.as_bytes()) && value.is_none_or(f64::is_finite));
            }
        }
        assert!(read(&[]).is_empty() && read(&page()[..9]).is_empty());
    }
}
