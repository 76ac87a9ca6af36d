//! Ladders: the levels of one side of one book, the best of them at hand.
//!
//! A ladder has a window of prices around its touch, an array that a price indexes at once, with a
//! bitmap of two steps over it: one bit for each price, one for each word of bits. Prices below the
//! window lie in an array that is sorted, its best level at the tail, where most changes are. So a
//! market may go anywhere, and what trades is always in the window:
//!
//! * a better price than the window holds moves it up; what falls out goes to the tail of the
//!   sorted array;
//! * where the touch falls into the lowest quarter, the window moves down and takes levels back.
//!
//! After both, three quarters of the window are below the touch. The array of the window is a
//! circle, a price stays where it is while the window moves.
//!
//! Both sides count in ranks, which rise from the worst price to the best.

use touchline_types::Side;

use crate::invariant::{broken, certain, invariant, next_u32, previous_u32};
use crate::storage::Memory;

/// Prices of the smallest window, one word of bits, and of the largest, one word of words.
const WINDOW_BITS: core::ops::RangeInclusive<u32> = 6..=12;

/// Rises from the worst price of a side to its best. Sides come in no order, so that a branch on
/// one is often guessed wrong: there is none.
#[inline]
pub(crate) const fn rank(side: Side, price: i64) -> i64 {
    price ^ (sells(side) as i64).wrapping_neg()
}

/// 1 for an offer, 0 for a bid: a place in a pair of both.
#[inline]
pub(crate) const fn sells(side: Side) -> usize {
    (side as u8 >> 1) as usize
}

const _: () = assert!(
    sells(Side::Undisclosed) == 0 && sells(Side::Buy) == 0 && sells(Side::Sell) == 1,
    "the numbers of FIX: 1 buys, 2 sells"
);

/// The number for a bid, less than nothing for an offer.
#[inline]
pub(crate) const fn turned(side: Side, number: i64) -> i64 {
    let sells = (sells(side) as i64).wrapping_neg();
    (number ^ sells).wrapping_sub(sells)
}

/// The price of a rank.
#[inline]
pub(crate) const fn price_of(side: Side, rank: i64) -> i64 {
    // `!` is its own reverse.
    self::rank(side, rank)
}

/// The queue of a price.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    /// Sum of the leaves_qty of the queue.
    pub(crate) qty: u64,
    /// Order that executes first.
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) orders: u32,
}

/// A level below the window.
#[derive(Clone, Copy, Debug, Default)]
pub struct FarLevel {
    rank: i64,
    level: Level,
}

/// One side of a book.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ladder {
    /// A bit for each word of the window that has one.
    summary: u64,
    /// Lowest rank of the window.
    low: i64,
    /// Rank of the touch, where there is one.
    best: i64,
    /// Levels in the window: none only if there are none at all.
    near: u32,
    /// Levels below the window.
    far: u32,
}

impl Ladder {
    const fn len(&self) -> u32 {
        self.near.wrapping_add(self.far)
    }
}

/// How many bits a rank has in a window for so many levels on a side.
pub(crate) const fn window_bits(levels: usize) -> u32 {
    let bits = match levels.checked_next_power_of_two() {
        Some(ticks) => ticks.trailing_zeros(),
        None => *WINDOW_BITS.end(),
    };
    if bits < *WINDOW_BITS.start() {
        *WINDOW_BITS.start()
    } else if bits > *WINDOW_BITS.end() {
        *WINDOW_BITS.end()
    } else {
        bits
    }
}

/// Prices of a window for so many levels on a side.
pub(crate) const fn window_len(levels: usize) -> usize {
    1_usize.wrapping_shl(window_bits(levels))
}

/// The ladders of all books: two for each instrument.
pub(crate) struct Ladders<M: Memory> {
    heads: M::Of<Ladder>,
    /// The windows.
    near: M::Of<Level>,
    /// Their bits.
    words: M::Of<u64>,
    /// Below the windows.
    far: M::Of<FarLevel>,
    /// Levels on a side at most.
    levels: usize,
    bits: u32,
    /// Prices of a window, less one.
    mask: usize,
}

impl<M: Memory> Ladders<M> {
    /// Empty ladders with so many levels at most.
    pub(crate) fn new(
        mut heads: M::Of<Ladder>,
        near: M::Of<Level>,
        mut words: M::Of<u64>,
        far: M::Of<FarLevel>,
        levels: usize,
    ) -> Self {
        heads.as_mut().fill(Ladder::default());
        words.as_mut().fill(0);
        let (bits, mask) = (window_bits(levels), window_len(levels).wrapping_sub(1));
        Self { heads, near, words, far, levels, bits, mask }
    }

    /// Number of a side's ladder.
    #[inline]
    pub(crate) const fn number(instrument: u32, side: Side) -> usize {
        (instrument as usize).wrapping_mul(2).wrapping_add(sells(side))
    }

    /// Rank of the touch.
    #[inline(always)]
    pub(crate) fn best(&self, ladder: usize) -> Option<i64> {
        let head = self.head(ladder);
        (head.near > 0).then_some(head.best)
    }

    /// The touch.
    #[inline]
    pub(crate) fn touch(&self, ladder: usize) -> Option<(i64, &Level)> {
        let best = self.best(ladder)?;
        Some((best, self.near(ladder, best)))
    }

    /// Tail of the level that has, or had, the place of a rank in the window.
    #[inline]
    pub(crate) fn tail_at(&self, ladder: usize, rank: i64) -> u32 {
        let at = ladder.wrapping_shl(self.bits) | self.place(rank);
        self.near.as_ref().get(at).map_or(0, |level| level.tail)
    }

    /// The level of a rank, if there is one.
    #[inline]
    pub(crate) fn find(&self, ladder: usize, rank: i64) -> Option<&Level> {
        let head = self.head(ladder);
        if head.near == 0 {
            return None;
        }
        if rank >= head.low {
            return self.is_near(ladder, rank).then(|| self.near(ladder, rank));
        }
        let at = self.find_far(ladder, rank).ok()?;
        self.far(ladder).get(at).map(|found| &found.level)
    }

    /// The level of a rank, if there is one.
    #[inline(always)]
    pub(crate) fn find_mut(&mut self, ladder: usize, rank: i64) -> Option<&mut Level> {
        let head = self.head(ladder);
        if head.near == 0 {
            return None;
        }
        if rank >= head.low {
            return self.is_near(ladder, rank).then(|| self.near_mut(ladder, rank));
        }
        let at = self.find_far(ladder, rank).ok()?;
        self.far_mut(ladder).get_mut(at).map(|found| &mut found.level)
    }

    /// The level of a rank, which is there.
    #[inline]
    pub(crate) fn level_mut(&mut self, ladder: usize, rank: i64) -> &mut Level {
        if rank >= self.head(ladder).low {
            self.near_mut(ladder, rank)
        } else {
            self.level_far(ladder, rank)
        }
    }

    /// True if a rank has a level, or there is room for one.
    #[inline]
    pub(crate) fn has_room(&self, ladder: usize, rank: i64) -> bool {
        self.has_spare(ladder) || self.find(ladder, rank).is_some()
    }

    /// True if there is room for one level more.
    #[inline(always)]
    pub(crate) fn has_spare(&self, ladder: usize) -> bool {
        (self.head(ladder).len() as usize) < self.levels
    }

    /// True if what comes to a ladder at a rank meets something of the other side of its book.
    #[inline(always)]
    pub(crate) fn meets(&self, ladder: usize, rank: i64) -> bool {
        let other = self.head(ladder ^ 1);
        // What is a rank to one side is its reverse to the other.
        other.near > 0 && rank >= !other.best
    }

    /// The next level below a rank.
    pub(crate) fn worse(&self, ladder: usize, rank: i64) -> Option<(i64, &Level)> {
        let head = self.head(ladder);
        let below = rank.checked_sub(1)?;
        // Where the window is empty, there is nothing below it either.
        if below >= head.low {
            let from = below.min(head.best);
            let at = self.down(ladder, self.place(from))?;
            let found = self.rank_below(from, at);
            if found >= head.low {
                return Some((found, self.near(ladder, found)));
            }
        }
        let below = self.far(ladder).partition_point(|each| each.rank < rank);
        let found = self.far(ladder).get(below.checked_sub(1)?)?;
        Some((found.rank, &found.level))
    }

    /// The next level above a rank.
    pub(crate) fn better(&self, ladder: usize, rank: i64) -> Option<(i64, &Level)> {
        let head = self.head(ladder);
        let above = rank.checked_add(1)?;
        if let Some(found) = self
            .far(ladder)
            .get(self.far(ladder).partition_point(|each| each.rank < above)..)?
            .first()
        {
            return Some((found.rank, &found.level));
        }
        let from = above.max(head.low);
        if head.near == 0 || from > head.best {
            return None;
        }
        let at = self.up(ladder, self.place(from))?;
        let found =
            from.wrapping_add(at.wrapping_sub(self.place(from)) as i64 & self.mask() as i64);
        Some((found, self.near(ladder, found)))
    }

    /// Makes the level of a rank that has none; the entry check kept room for it.
    pub(crate) fn insert(&mut self, ladder: usize, rank: i64, level: Level) {
        let head = *self.head(ladder);
        invariant((head.len() as usize) < self.levels, "the entry check kept room for a level");
        if head.near == 0 {
            let low = self.low_for(rank);
            let empty = self.head_mut(ladder);
            (empty.low, empty.best) = (low, rank);
        } else if rank < head.low {
            return self.insert_far(ladder, rank, level);
        } else if rank > head.best {
            if (rank.wrapping_sub(head.low) as u64) > self.mask() as u64 {
                self.raise(ladder, rank);
            }
            self.head_mut(ladder).best = rank;
        }
        self.insert_near(ladder, rank, level);
    }

    /// Takes the level of a rank away.
    pub(crate) fn remove(&mut self, ladder: usize, rank: i64) {
        if rank < self.head(ladder).low {
            return self.remove_far(ladder, rank);
        }
        self.remove_near(ladder, rank);
        let head = *self.head(ladder);
        if rank != head.best {
            return;
        }
        if head.near > 0 {
            let at = certain(self.down(ladder, self.place(rank)), "a level that counts has a bit");
            let best = self.rank_below(rank, at);
            self.head_mut(ladder).best = best;
            let quarter = (self.mask().wrapping_add(1) >> 2) as u64;
            if head.far > 0 && (best.wrapping_sub(head.low) as u64) < quarter {
                self.lower(ladder, best);
            }
        } else if let Some(tail) = self.far(ladder).last().map(|tail| tail.rank) {
            self.head_mut(ladder).best = tail;
            self.lower(ladder, tail);
        }
    }

    /// Where the window begins when its touch has this rank.
    fn low_for(&self, best: i64) -> i64 {
        let window = self.mask().wrapping_add(1) as i64;
        best.saturating_sub(window.wrapping_sub(window >> 2))
    }

    /// Moves the window up to a better rank than it holds.
    #[cold]
    fn raise(&mut self, ladder: usize, best: i64) {
        let low = self.low_for(best);
        loop {
            let head = *self.head(ladder);
            if head.near == 0 {
                break;
            }
            let at =
                certain(self.up(ladder, self.place(head.low)), "a level that counts has a bit");
            let offset = at.wrapping_sub(self.place(head.low)) & self.mask();
            let worst = head.low.wrapping_add(offset as i64);
            if worst >= low {
                break;
            }
            let level = *self.near(ladder, worst);
            self.remove_near(ladder, worst);
            self.head_mut(ladder).low = worst;
            self.push_far(ladder, worst, level);
        }
        self.head_mut(ladder).low = low;
    }

    /// Moves the window down to its touch and takes levels back.
    #[cold]
    fn lower(&mut self, ladder: usize, best: i64) {
        let low = self.low_for(best);
        self.head_mut(ladder).low = low;
        while let Some(FarLevel { rank, level }) = self.far(ladder).last().copied() {
            if rank < low {
                break;
            }
            let head = self.head_mut(ladder);
            head.far = previous_u32(head.far);
            self.insert_near(ladder, rank, level);
        }
    }

    #[inline]
    fn insert_near(&mut self, ladder: usize, rank: i64, level: Level) {
        let place = self.place(rank);
        *self.near_mut(ladder, rank) = level;
        let (word, bit) = (place >> 6, 1_u64.wrapping_shl(place as u32));
        let at = self.first_word(ladder).wrapping_add(word);
        let bits = certain(self.words.as_mut().get_mut(at), "a window has its bits");
        *bits |= bit;
        let head = self.head_mut(ladder);
        head.summary |= 1_u64.wrapping_shl(word as u32);
        head.near = next_u32(head.near);
    }

    #[inline]
    fn remove_near(&mut self, ladder: usize, rank: i64) {
        let place = self.place(rank);
        let (word, bit) = (place >> 6, 1_u64.wrapping_shl(place as u32));
        let at = self.first_word(ladder).wrapping_add(word);
        let bits = certain(self.words.as_mut().get_mut(at), "a window has its bits");
        invariant(*bits & bit != 0, "a level that goes was there");
        *bits &= !bit;
        let empty = *bits == 0;
        let head = self.head_mut(ladder);
        if empty {
            head.summary &= !1_u64.wrapping_shl(word as u32);
        }
        head.near = previous_u32(head.near);
    }

    /// The nearest bit at or below a place, around the circle.
    #[inline]
    fn down(&self, ladder: usize, place: usize) -> Option<usize> {
        let (word, bit) = (place >> 6, place as u32 & 63);
        let here = self.word(ladder, word) & (u64::MAX >> 63_u32.wrapping_sub(bit));
        if here != 0 {
            return Some(word << 6 | here.ilog2() as usize);
        }
        let summary = self.head(ladder).summary;
        let below = summary & 1_u64.wrapping_shl(word as u32).wrapping_sub(1);
        let word = if below != 0 { below } else { summary }.checked_ilog2()? as usize;
        Some(word << 6 | self.word(ladder, word).checked_ilog2()? as usize)
    }

    /// The nearest bit at or above a place, around the circle.
    fn up(&self, ladder: usize, place: usize) -> Option<usize> {
        let (word, bit) = (place >> 6, place as u32 & 63);
        let here = self.word(ladder, word) & u64::MAX.wrapping_shl(bit);
        if here != 0 {
            return Some(word << 6 | here.trailing_zeros() as usize);
        }
        let summary = self.head(ladder).summary;
        let above = summary & (u64::MAX << 1).wrapping_shl(word as u32);
        let from = if above != 0 { above } else { summary };
        if from == 0 {
            return None;
        }
        let word = from.trailing_zeros() as usize;
        Some(word << 6 | self.word(ladder, word).trailing_zeros() as usize)
    }

    /// The rank at a place that is at or below another rank, by less than a window.
    #[inline]
    fn rank_below(&self, rank: i64, place: usize) -> i64 {
        rank.wrapping_sub((self.place(rank).wrapping_sub(place) & self.mask()) as i64)
    }

    #[inline]
    const fn mask(&self) -> usize {
        self.mask
    }

    /// Place of a rank in the circle.
    #[inline]
    const fn place(&self, rank: i64) -> usize {
        rank as usize & self.mask()
    }

    #[inline]
    const fn first_word(&self, ladder: usize) -> usize {
        ladder.wrapping_shl(self.bits.wrapping_sub(6))
    }

    #[inline(always)]
    fn word(&self, ladder: usize, word: usize) -> u64 {
        let at = self.first_word(ladder).wrapping_add(word);
        *certain(self.words.as_ref().get(at), "a window has its bits")
    }

    /// True if the window has a level at a rank, which is not below it.
    #[inline(always)]
    fn is_near(&self, ladder: usize, rank: i64) -> bool {
        let place = self.place(rank);
        rank <= self.head(ladder).best
            && self.word(ladder, place >> 6) & 1_u64.wrapping_shl(place as u32) != 0
    }

    #[inline]
    fn head(&self, ladder: usize) -> &Ladder {
        certain(self.heads.as_ref().get(ladder), "a side has a ladder")
    }

    #[inline]
    fn head_mut(&mut self, ladder: usize) -> &mut Ladder {
        certain(self.heads.as_mut().get_mut(ladder), "a side has a ladder")
    }

    #[inline(always)]
    fn near(&self, ladder: usize, rank: i64) -> &Level {
        let at = ladder.wrapping_shl(self.bits) | self.place(rank);
        certain(self.near.as_ref().get(at), "a window lies in its storage")
    }

    #[inline(always)]
    fn near_mut(&mut self, ladder: usize, rank: i64) -> &mut Level {
        let at = ladder.wrapping_shl(self.bits) | self.place(rank);
        certain(self.near.as_mut().get_mut(at), "a window lies in its storage")
    }

    /// The levels below the window, the best last.
    fn far(&self, ladder: usize) -> &[FarLevel] {
        let start = ladder.wrapping_mul(self.levels);
        let end = start.wrapping_add(self.head(ladder).far as usize);
        certain(self.far.as_ref().get(start..end), "a ladder lies in its storage")
    }

    fn far_mut(&mut self, ladder: usize) -> &mut [FarLevel] {
        let start = ladder.wrapping_mul(self.levels);
        let end = start.wrapping_add(self.head(ladder).far as usize);
        certain(self.far.as_mut().get_mut(start..end), "a ladder lies in its storage")
    }

    fn find_far(&self, ladder: usize, rank: i64) -> Result<usize, usize> {
        self.far(ladder).binary_search_by(|each| each.rank.cmp(&rank))
    }

    #[cold]
    fn level_far(&mut self, ladder: usize, rank: i64) -> &mut Level {
        let Ok(at) = self.find_far(ladder, rank) else { broken("a resting order has a level") };
        &mut certain(self.far_mut(ladder).get_mut(at), "a level is in its ladder").level
    }

    /// Adds a level that is better than all below the window.
    fn push_far(&mut self, ladder: usize, rank: i64, level: Level) {
        let head = self.head_mut(ladder);
        head.far = next_u32(head.far);
        *certain(self.far_mut(ladder).last_mut(), "a ladder lies in its storage") =
            FarLevel { rank, level };
    }

    #[cold]
    fn insert_far(&mut self, ladder: usize, rank: i64, level: Level) {
        let Err(at) = self.find_far(ladder, rank) else { broken("a new level was not there") };
        self.push_far(ladder, rank, level);
        let above = certain(self.far_mut(ladder).get_mut(at..), "a level is in its ladder");
        // One place up; `rotate_right` and `copy_within` check their bounds by a panic.
        let mut carried = FarLevel { rank, level };
        for place in above {
            carried = core::mem::replace(place, carried);
        }
    }

    #[cold]
    fn remove_far(&mut self, ladder: usize, rank: i64) {
        let Ok(at) = self.find_far(ladder, rank) else { broken("a level that goes was there") };
        let above = certain(self.far_mut(ladder).get_mut(at..), "a level is in its ladder");
        let mut carried = FarLevel::default();
        for place in above.iter_mut().rev() {
            carried = core::mem::replace(place, carried);
        }
        let head = self.head_mut(ladder);
        head.far = previous_u32(head.far);
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
