//! Random changes of ladders, beside sorted maps.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::storage::Owned;

/// Ladders that are obvious: sorted maps.
struct Twin {
    fast: Ladders<Owned>,
    slow: [BTreeMap<i64, u32>; 2],
    levels: usize,
    state: u64,
}

impl Twin {
    fn new(levels: usize, seed: u64) -> Self {
        let window = window_len(levels);
        Self {
            fast: Ladders::new(
                vec![Ladder::default(); 2].into(),
                vec![Level::default(); 2 * window].into(),
                vec![u64::MAX; 2 * window / 64].into(),
                vec![FarLevel::default(); 2 * levels].into(),
                levels,
            ),
            slow: [BTreeMap::new(), BTreeMap::new()],
            levels,
            state: seed,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.state >> 33) % bound
    }

    /// Adds a level, or takes one away that is there.
    fn change(&mut self, ladder: usize, rank: i64) {
        let (before, touch) = (*self.fast.head(ladder), self.fast.best(ladder));
        self.toggle(ladder, rank);
        let (after, Some(best)) = (*self.fast.head(ladder), self.fast.best(ladder)) else { return };
        // The window holds the touch, and moves only where it must.
        let len = window_len(self.levels) as i64;
        let above = |low: i64| i128::from(best) - i128::from(low);
        let falls = touch > Some(best) && before.far > 0 && above(before.low) < i128::from(len / 4);
        let rises = touch < Some(best) && above(before.low) >= i128::from(len);
        let moves = touch.is_none() || falls || rises;
        let low = if moves { best.saturating_sub(len - len / 4) } else { before.low };
        assert_eq!(after.low, low, "{before:?} {rank}");
    }

    fn toggle(&mut self, ladder: usize, rank: i64) {
        if self.slow[ladder].remove(&rank).is_some() {
            self.fast.remove(ladder, rank);
        } else if self.fast.has_room(ladder, rank) {
            let orders = self.below(1_000) as u32;
            self.slow[ladder].insert(rank, orders);
            self.fast.insert(ladder, rank, Level { orders, ..Level::default() });
        } else {
            assert_eq!(self.slow[ladder].len(), self.levels);
        }
    }

    fn compare(&mut self, ladder: usize, rank: i64) {
        let (fast, slow) = (&mut self.fast, &self.slow[ladder]);
        let told = |found: Option<(i64, &Level)>| found.map(|(at, level)| (at, level.orders));
        let known = |found: Option<(&i64, &u32)>| found.map(|(at, orders)| (*at, *orders));
        assert_eq!(told(fast.touch(ladder)), known(slow.last_key_value()));
        assert_eq!(fast.find(ladder, rank).map(|l| l.orders), slow.get(&rank).copied());
        assert_eq!(fast.find_mut(ladder, rank).map(|l| l.orders), slow.get(&rank).copied());
        assert_eq!(told(fast.worse(ladder, rank)), known(slow.range(..rank).next_back()));
        let above = (std::ops::Bound::Excluded(rank), std::ops::Bound::Unbounded);
        assert_eq!(told(fast.better(ladder, rank)), known(slow.range(above).next()));
        let room = slow.len() < self.levels || slow.contains_key(&rank);
        assert_eq!(fast.has_room(ladder, rank), room);
        // The first ladder is of bids, the other one of offers.
        let touch = self.slow[ladder ^ 1].last_key_value().map(|(rank, _)| *rank);
        let (bid, offer) = match ladder {
            0 => (Some(rank), touch.map(|rank| price_of(Side::Sell, rank))),
            _ => (touch, Some(price_of(Side::Sell, rank))),
        };
        let meets = matches!((bid, offer), (Some(bid), Some(offer)) if bid >= offer);
        assert_eq!(fast.meets(ladder, rank), meets);
        assert_eq!(fast.has_spare(ladder), slow.len() < self.levels);
    }

    fn compare_all(&mut self, ladder: usize) {
        let slow: Vec<(i64, u32)> = self.slow[ladder].iter().map(|(r, o)| (*r, *o)).collect();
        let head = self.fast.head(ladder);
        let near = slow.iter().filter(|(rank, _)| *rank >= head.low).count();
        let known = if slow.is_empty() { (0, 0) } else { (near, slow.len() - near) };
        assert_eq!((head.near as usize, head.far as usize), known, "near and far levels");
        let down = core::iter::successors(self.fast.touch(ladder), |(rank, _)| {
            self.fast.worse(ladder, *rank)
        });
        let down: Vec<(i64, u32)> = down.map(|(rank, level)| (rank, level.orders)).collect();
        assert!(down.iter().rev().eq(slow.iter()), "{down:?}\n{slow:?}");
        for (rank, orders) in slow {
            assert_eq!(self.fast.level_mut(ladder, rank).orders, orders);
        }
    }
}

#[test]
fn a_window_has_a_price_for_each_level_but_64_at_least_and_4096_at_most() {
    let lens = [0, 1, 64, 65, 500, 512, 513, 4_096, 4_097, 100_000, usize::MAX].map(window_len);
    assert_eq!(lens, [64, 64, 64, 128, 512, 512, 1_024, 4_096, 4_096, 4_096, 4_096]);
}

#[test]
#[should_panic(expected = "a level that goes was there")]
fn a_level_that_is_not_there_cannot_go() {
    let mut ladders = Twin::new(3, 1).fast;
    ladders.insert(0, 10, Level::default());
    ladders.remove(0, 11);
}

#[test]
fn a_ladder_is_a_sorted_map_wherever_its_market_goes() {
    for seed in 0..60 {
        let mut twin = Twin::new([1, 3, 40, 70, 200, 500, 5_000][seed as usize % 7], seed);
        let mut middle = 0_i64;
        for at in 0..4_000 {
            let ladder = twin.below(2) as usize;
            match twin.below(400) {
                // The market runs away, and levels stay behind.
                0 => middle = twin.below(100_000) as i64 - 50_000,
                1 => middle -= 300,
                2 => middle += 100,
                _ => {}
            }
            let spread = [3, 60, 400, 2 * window_len(twin.levels) as u64][twin.below(4) as usize];
            let mut rank = middle + twin.below(spread) as i64;
            if twin.below(200) == 0 {
                rank = [i64::MIN, i64::MAX, 0, -1][twin.below(4) as usize];
            }
            // Near the touch, where most happens.
            if let (Some(best), 0) = (twin.fast.best(ladder), twin.below(3)) {
                rank = best;
            }
            twin.change(ladder, rank);
            twin.compare(ladder, rank);
            if at % 250 == 0 {
                twin.compare_all(ladder);
            }
        }
        for ladder in 0..2 {
            twin.compare_all(ladder);
            while let Some(best) = twin.fast.best(ladder) {
                twin.change(ladder, best);
                twin.compare(ladder, best);
            }
            assert!(twin.slow[ladder].is_empty(), "nothing is left behind");
        }
    }
}
