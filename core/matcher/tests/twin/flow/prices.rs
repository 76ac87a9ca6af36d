//! Prices: of a market that stays, jumps, or runs out of its range.

use super::Flow;

impl Flow {
    pub(super) fn price(&mut self) -> i64 {
        let away = self.away() as i64;
        let limits = &self.day.limits[0];
        match self.random.below(300) {
            0 => limits.min_price - 1 - self.random.below(3) as i64,
            1 => limits.max_price + 1,
            2 => self.random.pick(&[i64::MIN, i64::MAX, 0]),
            _ => limits.min_price + away,
        }
    }

    /// How far above the lowest price. On days with many prices the market is narrow, and swings
    /// now and then further than a window is wide.
    fn away(&mut self) -> u64 {
        let spread = self.day.spread;
        if spread < 900 || self.random.one_in(12) {
            return self.random.below(spread + 1);
        }
        if self.random.one_in(60) {
            let (from, room) = (self.middle.saturating_sub(500), spread.min(1_000));
            self.middle = (from + self.random.below(room)).min(spread);
        }
        (self.middle.saturating_sub(15) + self.random.below(30)).min(spread)
    }
}
