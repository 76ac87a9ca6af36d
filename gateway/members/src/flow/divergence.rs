//! Compares the fills of one event that the exchange reported with those that the venue reported,
//! and puts each of the exchange's fills in exactly one class.

use std::fmt;

use super::Fill;

/// How the venue treated one fill that the exchange reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// The same order, price and quantity.
    Exact,
    /// The same order, but another quantity or price.
    OtherQty,
    /// The exchange filled more of the order than it showed (iceberg order): unknowable.
    BeyondShown,
    /// The order does not stand at the venue.
    NotInBook,
    /// The venue filled another order in its place: the queue's order differs.
    OtherOrder,
    /// The venue filled nothing in its place: no liquidity at the price, or no aggressor named.
    NotExecuted,
    /// The exchange traded while the venue is in the call phase.
    InCall,
}

impl Divergence {
    /// All classes, in the order of a report.
    pub const ALL: [Self; 7] = [
        Self::Exact,
        Self::OtherQty,
        Self::BeyondShown,
        Self::NotInBook,
        Self::OtherOrder,
        Self::NotExecuted,
        Self::InCall,
    ];

    /// What a report calls it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::OtherQty => "same order, other quantity",
            Self::BeyondShown => "more than the order showed",
            Self::NotInBook => "order not in the book",
            Self::OtherOrder => "other order",
            Self::NotExecuted => "not executed",
            Self::InCall => "in the call phase",
        }
    }
}

/// Counts of fills by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillCounts {
    by_class: [u64; Divergence::ALL.len()],
    /// Fills that the venue reported and the exchange did not.
    pub extra: u64,
    /// Fills of the opening's uncross, also counted in their class.
    pub opening: u64,
    /// Those of them that are exact.
    pub opening_exact: u64,
}

impl FillCounts {
    /// Fills of one class.
    #[must_use]
    pub fn of(&self, class: Divergence) -> u64 {
        self.by_class.get(class as usize).copied().unwrap_or_default()
    }

    /// Fills that the exchange reported.
    #[must_use]
    pub fn reported(&self) -> u64 {
        self.by_class.iter().sum()
    }

    /// Exact fills per ten thousand reported, rounded down; 10,000 if none was reported.
    #[must_use]
    pub fn exact_per_10_000(&self) -> u64 {
        (self.of(Divergence::Exact) * 10_000).checked_div(self.reported()).unwrap_or(10_000)
    }

    fn count(&mut self, class: Divergence, opening: bool) {
        if let Some(count) = self.by_class.get_mut(class as usize) {
            *count += 1;
        }
        self.opening += u64::from(opening);
        self.opening_exact += u64::from(opening && class == Divergence::Exact);
    }
}

impl fmt::Display for FillCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exact, reported) = (self.of(Divergence::Exact), self.reported());
        let share = self.exact_per_10_000();
        write!(f, "{exact} of {reported} fills exact ({}.{:02} %)", share / 100, share % 100)?;
        for class in Divergence::ALL.into_iter().skip(1) {
            write!(f, ", {} {}", self.of(class), class.label())?;
        }
        write!(f, "; {} extra", self.extra)?;
        write!(f, "; opening {} of {}", self.opening_exact, self.opening)
    }
}

/// A fill that the exchange reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) flow_order_id: u64,
    pub(super) price: i64,
    pub(super) qty: u64,
    /// What stands of the order at the venue before the event; 0 if it does not stand.
    pub(super) shown_qty: u64,
}

/// Classes each of `expected`, given all fills of the venue in the same event.
pub(super) fn compare(
    expected: &[Expected],
    reported: &[Fill],
    opening: bool,
    counts: &mut FillCounts,
) {
    let mut reported = reported.to_vec();
    let rest: Vec<Expected> = expected
        .iter()
        .filter(|e| {
            // A fill of an order that was not in the book is never exact, however it came about.
            let found = reported.iter().position(|fill| {
                e.shown_qty > 0
                    && (fill.flow_order_id, fill.last_px, fill.last_qty)
                        == (e.flow_order_id, e.price, e.qty)
            });
            let Some(at) = found else { return true };
            reported.swap_remove(at);
            false
        })
        .copied()
        .collect();
    for _ in rest.len()..expected.len() {
        counts.count(Divergence::Exact, opening);
    }
    // Fills of the same order go first, so that a fill counts as another order's only if it is.
    let (same, others): (Vec<Expected>, Vec<Expected>) = rest
        .iter()
        .copied()
        .partition(|e| reported.iter().any(|fill| fill.flow_order_id == e.flow_order_id));
    for e in same.iter().chain(&others) {
        let total: u64 =
            expected.iter().filter(|o| o.flow_order_id == e.flow_order_id).map(|o| o.qty).sum();
        let same_order = reported.iter().position(|f| f.flow_order_id == e.flow_order_id);
        let beyond = e.shown_qty > 0 && total > e.shown_qty;
        let instead = same_order.or((!reported.is_empty()).then_some(0));
        let class = match (same_order, instead) {
            _ if e.shown_qty == 0 => Divergence::NotInBook,
            _ if beyond => Divergence::BeyondShown,
            (Some(_), _) => Divergence::OtherQty,
            (None, Some(_)) => Divergence::OtherOrder,
            (None, None) => Divergence::NotExecuted,
        };
        if let Some(at) = instead {
            reported.swap_remove(at);
        }
        counts.count(class, opening);
    }
    counts.extra += reported.len() as u64;
}

/// Counts fills that no command could provoke.
pub(super) fn count_in_call(expected: &[Expected], counts: &mut FillCounts) {
    expected.iter().for_each(|_| counts.count(Divergence::InCall, false));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(flow_order_id: u64, qty: u64, shown_qty: u64) -> Expected {
        Expected { flow_order_id, price: 100, qty, shown_qty }
    }

    fn fill(flow_order_id: u64, last_qty: u64) -> Fill {
        Fill { flow_order_id, resting: true, last_px: 100, last_qty }
    }

    fn class_of(e: &[Expected], f: &[Fill]) -> FillCounts {
        let mut counts = FillCounts::default();
        compare(e, f, false, &mut counts);
        assert_eq!(counts.reported(), e.len() as u64);
        counts
    }

    #[test]
    fn each_fill_of_the_exchange_falls_in_one_class() {
        let one = |e, f: &[Fill], class| assert_eq!(class_of(&[e], f).of(class), 1, "{class:?}");
        one(expected(1, 5, 5), &[fill(1, 5)], Divergence::Exact);
        one(expected(1, 4, 5), &[fill(1, 3)], Divergence::OtherQty);
        one(expected(1, 9, 5), &[fill(1, 5)], Divergence::BeyondShown);
        one(expected(1, 5, 0), &[fill(2, 5)], Divergence::NotInBook);
        one(expected(1, 5, 5), &[fill(2, 5)], Divergence::OtherOrder);
        one(expected(1, 5, 5), &[], Divergence::NotExecuted);
        let mut counts = FillCounts::default();
        count_in_call(&[expected(1, 5, 5)], &mut counts);
        assert_eq!(counts.of(Divergence::InCall), 1);
    }

    #[test]
    fn a_fill_of_the_venue_without_a_counterpart_is_extra() {
        let counts = class_of(&[expected(1, 5, 5)], &[fill(1, 5), fill(2, 1)]);
        assert_eq!((counts.of(Divergence::Exact), counts.extra), (1, 1));
        assert_eq!(counts.exact_per_10_000(), 10_000);
    }

    #[test]
    fn another_orders_fill_is_not_taken_from_the_order_that_has_it() {
        let counts = class_of(&[expected(1, 5, 5), expected(2, 5, 5)], &[fill(2, 4), fill(3, 1)]);
        assert_eq!(counts.of(Divergence::OtherQty), 1);
        assert_eq!(counts.of(Divergence::OtherOrder), 1);
        assert_eq!(counts.extra, 0);
    }
}
