use super::*;
use crate::flow::sample::{add, cancel, es_day, modify, regular, snapshot};
use crate::flow::{BookComparison, Side, SlowVenue};

const OPEN_NS: u64 = 100;

struct Played {
    event_ends: u64,
    crossed_in_continuous: u64,
    unequal: u64,
    commands: u64,
}

/// Sends every command of `plan` to a venue, which must never be crossed in continuous trading.
fn play<I: Iterator<Item = Result<Event, ReadError>>>(
    plan: &mut BookPlan<I>,
    venue: &mut SlowVenue,
) -> Played {
    let mut played = Played { event_ends: 0, crossed_in_continuous: 0, unequal: 0, commands: 0 };
    let mut comparison = BookComparison::new();
    let mut last_at_ns = 0;
    while let Some(step) = plan.next_step().unwrap() {
        for command in &step.commands {
            assert!(command.at_ns >= last_at_ns);
            last_at_ns = command.at_ns;
            let fills = venue.apply(command).expect("accepted");
            assert_eq!(fills, [], "{command:?}");
            let continuous = venue.phase() == Phase::Continuous;
            played.crossed_in_continuous += u64::from(continuous && venue.is_crossed());
            played.commands += 1;
        }
        let touched = plan.file.take_touched().into_iter().chain(venue.take_touched());
        touched.for_each(|(side, price)| comparison.touch(side, price));
        played.unequal += u64::from(!comparison.is_equal(plan.file_book(), venue));
        played.event_ends += u64::from(matches!(step.boundary, Boundary::EventEnd(_)));
    }
    played
}

#[test]
fn at_every_event_end_of_the_recorded_day_the_copy_equals_the_recorded_book() {
    let Some((reader, open_ns)) = es_day("book plan") else { return };
    let mut venue = SlowVenue::new();
    let mut plan = BookPlan::new(reader, open_ns);
    let played = play(&mut plan, &mut venue);
    assert_eq!(played.event_ends, 47_022);
    assert_eq!(played.unequal, 0);
    assert_eq!(played.crossed_in_continuous, 0);
    assert_eq!((venue.order_count(), plan.file_book().order_count()), (11_217, 11_217));
    assert_eq!((venue.phase(), venue.refused()), (Phase::Continuous, 0));
    // Two phase changes, 29,216 adds, 17,999 cancels, 12,233 modifies.
    assert_eq!(played.commands, 2 + 29_216 + 17_999 + 12_233);
}

#[test]
fn changes_of_one_event_never_cross_the_book_on_their_way_in() {
    let events = [
        snapshot(vec![add(1, Side::Buy, 100, 3), add(2, Side::Sell, 101, 4)]),
        regular(0, OPEN_NS, vec![add(3, Side::Buy, 99, 1), add(4, Side::Buy, 99, 1)]),
        // The whole market moves up: as recorded, 5 and 1 would meet 2.
        regular(
            1,
            OPEN_NS + 1,
            vec![
                add(5, Side::Buy, 102, 1),
                modify(1, Side::Buy, 101, 3),
                modify(2, Side::Sell, 103, 4),
                modify(4, Side::Buy, 98, 1),
                cancel(3, Side::Buy, 99, 1),
            ],
        ),
    ];
    let mut plan = BookPlan::new(events.into_iter().map(Ok), OPEN_NS);
    let played = play(&mut plan, &mut SlowVenue::new());
    assert_eq!((played.unequal, played.crossed_in_continuous, played.event_ends), (0, 0, 2));
}

#[test]
fn cancels_go_first_then_moves_away_then_the_rest_as_recorded() {
    let events = [
        snapshot(vec![add(1, Side::Buy, 100, 3), add(2, Side::Sell, 101, 4)]),
        regular(
            0,
            OPEN_NS,
            vec![
                add(5, Side::Buy, 99, 1),
                modify(1, Side::Buy, 100, 9),
                modify(2, Side::Sell, 103, 4),
            ],
        ),
        regular(1, OPEN_NS, vec![modify(2, Side::Sell, 104, 4), cancel(5, Side::Buy, 99, 1)]),
    ];
    let mut plan = BookPlan::new(events.into_iter().map(Ok), OPEN_NS);
    plan.next_step().unwrap();
    let mut order = || {
        let step = plan.next_step().unwrap().unwrap();
        step.commands.iter().map(|c| c.action.flow_order_id()).collect::<Vec<_>>()
    };
    assert_eq!(order(), [Some(2), Some(5), Some(1), None]);
    assert_eq!(order(), [Some(5), Some(2)]);
}

#[test]
fn trading_opens_at_the_first_uncrossed_event_end_after_the_opening() {
    let events = [
        snapshot(vec![add(1, Side::Buy, 100, 3), add(2, Side::Sell, 100, 4)]),
        regular(0, OPEN_NS - 1, vec![add(3, Side::Buy, 99, 1)]),
        regular(1, OPEN_NS, vec![add(4, Side::Buy, 99, 1)]),
        regular(2, OPEN_NS, vec![cancel(1, Side::Buy, 100, 3), modify(2, Side::Sell, 100, 1)]),
    ];
    let mut plan = BookPlan::new(events.into_iter().map(Ok), OPEN_NS);
    let mut phases = Vec::new();
    while let Some(step) = plan.next_step().unwrap() {
        phases.push(step.commands.iter().rev().find_map(|c| match c.action {
            FlowAction::Phase(phase) => Some(phase),
            _ => None,
        }));
    }
    assert_eq!(phases, [Some(Phase::Call), None, None, Some(Phase::Continuous)]);
}

#[test]
fn a_recording_that_contradicts_itself_ends_the_flow_with_the_event() {
    let events = [regular(7, 1, vec![cancel(1, Side::Buy, 100, 3)])];
    let mut plan = BookPlan::new(events.into_iter().map(Ok), OPEN_NS);
    let error = plan.next_step().unwrap_err();
    assert_eq!(error.to_string(), "event 7: change of order 1, which does not stand");
}
