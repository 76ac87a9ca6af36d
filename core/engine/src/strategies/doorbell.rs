//! When a doorbell is heard. A ring costs the engine a wake, and who may ring can ring without end:
//! a doorbell that rings again and again for nothing is taken out of the poller for a while.

/// Rings for nothing, one after the other, after which a doorbell is not heard. An honest strategy
/// rings for nothing when the engine was awake already, which hardly happens twice in a row.
const IDLE_RINGS_MAX: u32 = 16;
/// For so long, ns. This is what a strategy loses that was honest after all.
const DEAF_NS: u64 = 1_000_000;
/// Rings for nothing that it has left after that. To hear it again counts as one of them.
const IDLE_RINGS_LEFT: u32 = 3;

/// Whether the doorbell of one strategy is heard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doorbell {
    idle_rings: u32,
    /// Not heard until then, ns; 0: it is heard.
    deaf_until_ns: u64,
}

impl Doorbell {
    /// It rang, and there was something to take.
    pub(crate) const fn rang_with_news(&mut self) {
        self.idle_rings = 0;
    }

    /// It rang, and there was nothing to take. True if it is not to be heard from now on.
    pub(crate) fn rang_for_nothing(&mut self, now_ns: impl Fn() -> u64) -> bool {
        self.idle_rings += 1;
        if self.idle_rings < IDLE_RINGS_MAX || self.deaf_until_ns != 0 {
            return false;
        }
        self.deaf_until_ns = now_ns() + DEAF_NS;
        true
    }

    /// True if it is to be heard again.
    pub(crate) fn opens(&mut self, now_ns: impl Fn() -> u64) -> bool {
        if self.deaf_until_ns == 0 || now_ns() < self.deaf_until_ns {
            return false;
        }
        *self = Self { idle_rings: IDLE_RINGS_MAX - IDLE_RINGS_LEFT, deaf_until_ns: 0 };
        true
    }

    /// When it is to be heard again, ns; `u64::MAX`: it is heard.
    pub(crate) const fn opens_at_ns(&self) -> u64 {
        if self.deaf_until_ns == 0 { u64::MAX } else { self.deaf_until_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEAF_NS, Doorbell, IDLE_RINGS_LEFT, IDLE_RINGS_MAX};

    /// Rings for nothing at one time until it is not heard.
    fn rings_heard(doorbell: &mut Doorbell, now_ns: u64) -> u32 {
        (1..=2 * IDLE_RINGS_MAX).find(|_| doorbell.rang_for_nothing(|| now_ns)).unwrap_or(u32::MAX)
    }

    #[test]
    fn a_doorbell_that_rings_for_nothing_without_end_is_not_heard_for_a_while() {
        let mut doorbell = Doorbell::default();
        assert_eq!(rings_heard(&mut doorbell, 1_000), IDLE_RINGS_MAX);
        assert_eq!(doorbell.opens_at_ns(), 1_000 + DEAF_NS);
        assert!(!doorbell.opens(|| 1_000 + DEAF_NS - 1));
        assert!(doorbell.opens(|| 1_000 + DEAF_NS));
        assert_eq!(doorbell.opens_at_ns(), u64::MAX);
        assert_eq!(rings_heard(&mut doorbell, 2_000_000), IDLE_RINGS_LEFT, "it goes on");
    }

    #[test]
    fn news_forgive_what_was_rung_for_nothing() {
        let mut doorbell = Doorbell::default();
        for _ in 0..100 {
            for _ in 0..IDLE_RINGS_MAX - 1 {
                assert!(!doorbell.rang_for_nothing(|| 5));
            }
            doorbell.rang_with_news();
        }
        assert_eq!(doorbell.opens_at_ns(), u64::MAX);
    }
}
