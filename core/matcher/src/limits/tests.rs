//! What the state hash knows of limits.

#![allow(clippy::expect_used)]

use std::vec;

use super::*;
use crate::storage::Owned;

/// Two sessions may have limits, of one instrument.
fn limits() -> Limits<Owned> {
    let rows = vec![SessionLimits::default(); 2].into();
    Limits::new(rows, vec![SessionPosition::default(); 2].into(), 1)
}

/// The part of the state hash of a session that got such limits at such a time.
fn mixes(terms: LimitsView, now: u64) -> u64 {
    let mut limits = limits();
    let row = limits.take_row(1).expect("there is room");
    limits.change_row(row, |each| each.change(terms, now));
    limits.mixes
}

#[test]
fn when_limits_came_is_part_of_the_state_only_where_a_bucket_fills() {
    let size = LimitsView { max_order_qty: 5, ..LimitsView::default() };
    assert_eq!(mixes(size, 10), mixes(size, 20));
    let rate = LimitsView { rate_per_s: 1, rate_burst: 1, ..size };
    assert_ne!(mixes(rate, 10), mixes(rate, 20));
}
