//! Whether a number is a multiple of another that is fixed, without a division: a product, a
//! rotation and a comparison, and no branch for the step 1 that most instruments have.
//!
//! With `step = odd << twos`, `n * inverse(odd)` modulo 2^64 is `n / odd` where that is whole, and
//! else above every such quotient; the rotation then moves `twos` bits that must be zero to the
//! top (Granlund and Montgomery 1994, section 9).

/// A step from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiple {
    inverse: u64,
    largest_quotient: u64,
    twos: u32,
}

impl Multiple {
    /// Of a step; 0 counts as 1.
    pub(crate) const fn of(step: u64) -> Self {
        let step = if step == 0 { 1 } else { step };
        let twos = step.trailing_zeros();
        let odd = step.wrapping_shr(twos);
        // Newton's iteration doubles the bits that are right: 3, 6, 12, 24, 48, 96.
        let mut inverse = odd;
        let mut bits = 3_u32;
        while bits < 64 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
            bits = bits.wrapping_mul(2);
        }
        let largest_quotient = match u64::MAX.checked_div(step) {
            Some(quotient) => quotient,
            None => u64::MAX,
        };
        Self { inverse, largest_quotient, twos }
    }

    /// True if the step divides the number.
    #[inline]
    pub(crate) const fn divides(&self, number: u64) -> bool {
        number.wrapping_mul(self.inverse).rotate_right(self.twos) <= self.largest_quotient
    }
}

#[cfg(test)]
mod tests {
    use super::Multiple;

    #[test]
    fn it_says_what_a_division_says() {
        let edges = [0, 1, 2, 3, 4, 5, 7, 8, 25, 64, 100, 1 << 40, (1 << 40) - 1, u64::MAX - 1];
        for step in (1..=130).chain(edges.into_iter().skip(1)).chain([1 << 63, u64::MAX]) {
            let multiple = Multiple::of(step);
            let near = |number: u64| number.wrapping_sub(2)..=number.saturating_add(2);
            let numbers = (0..=600).chain(edges.into_iter().flat_map(near)).chain([u64::MAX]);
            for number in numbers.chain((0..64).map(|times| step.wrapping_mul(times))) {
                assert_eq!(
                    multiple.divides(number),
                    number.is_multiple_of(step),
                    "{number} by {step}"
                );
            }
        }
        assert!(Multiple::of(0).divides(7));
    }
}
