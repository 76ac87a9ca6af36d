//! What the state hash knows of limits, and how they are seen from outside.

#![allow(clippy::expect_used)]

use std::vec;

use touchline_types::{CommandKind, Event, Scope, TradingPhase};

use super::*;
use crate::OwnedMatcher;
use crate::instrument::InstrumentLimits;
use crate::storage::{Capacity, Owned};

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

#[test]
fn limits_are_seen_as_they_were_set_by_the_session_that_has_them() {
    let instrument = InstrumentLimits {
        instrument_id: 1,
        max_price: 9,
        max_order_qty: 9,
        initial_phase: TradingPhase::Continuous,
        ..InstrumentLimits::default()
    };
    let capacity = Capacity {
        instruments: 1,
        orders: 1,
        levels: 1,
        cl_ord_ids: 1,
        limited_sessions: 1,
        accounts: 0,
    };
    let mut matcher = OwnedMatcher::allocate(&[instrument], &capacity).expect("valid");
    let set = Command {
        seq: 1,
        timestamp: 1,
        scope: Scope::Session,
        scope_id: 7,
        order_qty: 5,
        price: 6,
        rate_per_s: 3,
        rate_burst: 4,
        ..Command::of(CommandKind::SetLimits)
    };
    matcher.apply(&set, &mut |_: &Event| {});
    let seen = LimitsView { max_order_qty: 5, max_position: 6, rate_per_s: 3, rate_burst: 4 };
    assert_eq!(matcher.limits(7), Some(seen));
    assert_eq!(matcher.limits(6), None);
}
