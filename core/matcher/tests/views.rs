//! What operators have set is seen from outside as they set it.
#![allow(missing_docs)]

use touchline_matcher::{Capacity, InstrumentLimits, LimitsView, OWNERS_MAX, OwnedMatcher};
use touchline_types::{Command, CommandKind, Event, EventKind, Scope, TradingPhase};

/// A matcher after these commands of the operator, which it carries out.
fn after<const COUNT: usize>(commands: [Command; COUNT]) -> OwnedMatcher {
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
    for (command, seq) in commands.into_iter().zip(1..) {
        let command = Command { seq, timestamp: seq, ..command };
        matcher.apply(&command, &mut |event: &Event| assert_ne!(event.kind, EventKind::Rejected));
    }
    matcher
}

fn of(kind: CommandKind, scope: Scope, scope_id: u32) -> Command {
    Command { scope, scope_id, ..Command::of(kind) }
}

#[test]
fn limits_are_those_of_the_session_that_has_them() {
    let set = Command {
        order_qty: 5,
        price: 6,
        rate_per_s: 3,
        rate_burst: 4,
        ..of(CommandKind::SetLimits, Scope::Session, 7)
    };
    let matcher = after([set]);
    let seen = LimitsView { max_order_qty: 5, max_position: 6, rate_per_s: 3, rate_burst: 4 };
    assert_eq!(matcher.limits(7), Some(seen));
    assert_eq!(matcher.limits(6), None);
}

#[test]
fn a_block_is_of_exactly_its_scope() {
    let last = OWNERS_MAX;
    for scope in [Scope::Session, Scope::Member, Scope::Firm] {
        let block = |id| of(CommandKind::BlockEntry, scope, id);
        let admit = of(CommandKind::AdmitEntry, scope, 64);
        let matcher = after([block(last), block(1), block(64), admit]);
        let blocked: Vec<u32> = (0..=last).filter(|id| matcher.is_blocked(scope, *id)).collect();
        assert_eq!(blocked, [1, last], "{scope:?}");
        for other in Scope::ALL.into_iter().filter(|other| *other != scope) {
            assert!(!matcher.is_blocked(other, 1), "{other:?}");
        }
    }
    let venue = after([of(CommandKind::BlockEntry, Scope::Venue, 0)]);
    assert!(venue.is_blocked(Scope::Venue, 0) && !venue.is_blocked(Scope::Session, 1));
}
