//! The only way to die: a fact that must hold does not, so there is a bug. Input never gets here.

/// Ends the process (`panic = "abort"` in release), naming the fact that does not hold.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn broken(fact: &'static str) -> ! {
    panic!("invariant does not hold: {fact}")
}

/// Demands a fact.
#[inline]
#[track_caller]
pub(crate) fn invariant(holds: bool, fact: &'static str) {
    if !holds {
        broken(fact);
    }
}

/// The value that must be there.
#[inline]
#[track_caller]
pub(crate) fn certain<T>(value: Option<T>, fact: &'static str) -> T {
    match value {
        Some(value) => value,
        None => broken(fact),
    }
}

/// `a - b` of quantities.
#[inline]
#[track_caller]
pub(crate) fn less(a: u64, b: u64) -> u64 {
    certain(a.checked_sub(b), "no more quantity is taken than there is")
}

/// `a + b` of quantities. The entry checks bound every sum: see `Instrument::qty_max`.
#[inline]
#[track_caller]
pub(crate) fn more(a: u64, b: u64) -> u64 {
    certain(a.checked_add(b), "a sum of quantities fits")
}

/// The next value of a counter. It does not wrap: at one for each ns it counts 584 years.
#[inline]
pub(crate) const fn next_u64(value: u64) -> u64 {
    value.wrapping_add(1)
}

/// The next value of a counter or a count.
#[inline]
#[track_caller]
pub(crate) fn next_u32(value: u32) -> u32 {
    certain(value.checked_add(1), "a count does not wrap")
}

/// The value before.
#[inline]
#[track_caller]
pub(crate) fn previous_u32(value: u32) -> u32 {
    certain(value.checked_sub(1), "a count does not fall below zero")
}
