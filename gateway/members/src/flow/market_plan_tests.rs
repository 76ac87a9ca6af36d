use super::*;
use crate::flow::sample::{add, cancel, es_day, filled, modify, regular, snapshot, trade};
use crate::flow::{BookComparison, Divergence, Side, SlowVenue};

const OPEN_NS: u64 = 100;

/// Plays `plan` against a venue. Returns event ends, and those at which the books differ.
fn play<I: Iterator<Item = Result<Event, ReadError>>>(
    plan: &mut MarketPlan<I>,
    venue: &mut SlowVenue,
) -> (u64, u64) {
    let (mut event_ends, mut unequal) = (0, 0);
    let mut comparison = BookComparison::new();
    while let Some(step) = plan.next_step().unwrap() {
        for command in &step.commands {
            match venue.apply(command) {
                Some(fills) => fills.iter().for_each(|fill| plan.on_fill(fill)),
                None => plan.on_refused(command),
            }
            assert!(venue.phase() == Phase::Call || !venue.is_crossed());
        }
        let touched = plan.file.take_touched().into_iter().chain(venue.take_touched());
        touched.for_each(|(side, price)| comparison.touch(side, price));
        if let Boundary::EventEnd(_) = step.boundary {
            event_ends += 1;
            unequal += u64::from(!comparison.is_equal(plan.file_book(), venue));
        }
    }
    (event_ends, unequal)
}

#[test]
#[allow(clippy::print_stdout)] // The share is the figure of this test.
fn trades_of_the_recorded_day_find_the_orders_that_the_exchange_filled() {
    let Some((reader, open_ns)) = es_day("market plan") else { return };
    let mut venue = SlowVenue::new();
    let mut plan = MarketPlan::new(reader, open_ns);
    let (event_ends, unequal) = play(&mut plan, &mut venue);
    println!("market plan: {}; {} repairs", plan.fill_counts(), plan.repairs());
    assert_eq!((event_ends, unequal), (47_022, 0));
    assert_eq!((venue.order_count(), venue.refused(), plan.refused()), (11_217, 0, 0));
    let counts = plan.fill_counts();
    assert_eq!(counts.reported(), 6_371);
    assert!(counts.exact_per_10_000() >= 9_500, "{counts}");
}

/// A flow of `events` after an opening of two bids and two offers, played.
fn counts_of(events: Vec<Event>) -> FillCounts {
    let opening = snapshot(vec![
        add(1, Side::Buy, 100, 3),
        add(2, Side::Buy, 100, 4),
        add(3, Side::Sell, 101, 3),
        add(4, Side::Sell, 102, 4),
    ]);
    let count = events.len() as u64;
    let events = std::iter::once(opening).chain(events).map(Ok);
    let mut plan = MarketPlan::new(events, OPEN_NS);
    let mut venue = SlowVenue::new();
    assert_eq!(play(&mut plan, &mut venue), (count, 0));
    *plan.fill_counts()
}

fn opened() -> Event {
    regular(0, OPEN_NS, vec![add(5, Side::Sell, 110, 1)])
}

#[test]
fn a_trade_meets_the_first_order_of_the_queue_and_needs_no_repair() {
    let counts = counts_of(vec![
        opened(),
        regular(
            1,
            OPEN_NS + 1,
            vec![
                trade(9, Some(Side::Sell), 100, 5),
                filled(1, Some(Side::Buy), 100, 3),
                filled(2, Some(Side::Buy), 100, 2),
                cancel(1, Side::Buy, 100, 3),
                modify(2, Side::Buy, 100, 2),
            ],
        ),
    ]);
    assert_eq!((counts.of(Divergence::Exact), counts.reported(), counts.extra), (2, 2, 0));
}

#[test]
fn a_sweep_over_two_prices_whose_remainder_rests_is_exact() {
    let counts = counts_of(vec![
        opened(),
        regular(
            1,
            OPEN_NS + 1,
            vec![
                trade(9, Some(Side::Buy), 101, 3),
                filled(3, Some(Side::Sell), 101, 3),
                trade(9, Some(Side::Buy), 102, 4),
                filled(4, Some(Side::Sell), 102, 4),
                add(9, Side::Buy, 102, 7),
                cancel(3, Side::Sell, 101, 3),
                cancel(4, Side::Sell, 102, 4),
            ],
        ),
    ]);
    assert_eq!((counts.of(Divergence::Exact), counts.extra), (2, 0));
}

#[test]
fn an_order_filled_here_only_is_entered_again_and_the_other_goes() {
    let counts = counts_of(vec![
        opened(),
        regular(
            1,
            OPEN_NS + 1,
            vec![
                trade(9, Some(Side::Sell), 100, 4),
                filled(2, Some(Side::Buy), 100, 4),
                cancel(2, Side::Buy, 100, 4),
            ],
        ),
    ]);
    // The venue fills 3 of order 1 and 1 of order 2.
    assert_eq!((counts.of(Divergence::OtherQty), counts.extra), (1, 1));
}

#[test]
fn a_standing_order_that_becomes_the_aggressor_is_replaced_and_keeps_its_rest() {
    let counts = counts_of(vec![
        opened(),
        regular(
            1,
            OPEN_NS + 1,
            vec![
                trade(4, Some(Side::Sell), 100, 3),
                filled(4, Some(Side::Sell), 100, 3),
                filled(1, Some(Side::Buy), 100, 3),
                cancel(1, Side::Buy, 100, 3),
                modify(4, Side::Sell, 101, 1),
            ],
        ),
    ]);
    assert_eq!((counts.of(Divergence::Exact), counts.reported()), (2, 2));
}

#[test]
fn an_iceberg_order_that_fills_beyond_what_it_shows_is_classed_as_such_and_repaired() {
    let counts = counts_of(vec![
        opened(),
        regular(
            1,
            OPEN_NS + 1,
            vec![
                trade(9, Some(Side::Buy), 101, 9),
                filled(3, Some(Side::Sell), 101, 9),
                modify(3, Side::Sell, 101, 2),
            ],
        ),
        // Cancel of an order with a fill and quantity left; the fill of an order never shown.
        regular(
            2,
            OPEN_NS + 2,
            vec![
                trade(10, Some(Side::Sell), 100, 2),
                filled(77, Some(Side::Buy), 100, 1),
                filled(1, Some(Side::Buy), 100, 1),
                cancel(1, Side::Buy, 100, 3),
            ],
        ),
        // Nothing at this price: not executed.
        regular(
            3,
            OPEN_NS + 3,
            vec![
                trade(11, Some(Side::Buy), 100, 1),
                filled(4, Some(Side::Sell), 100, 1),
                modify(4, Side::Sell, 102, 3),
            ],
        ),
    ]);
    assert_eq!(counts.of(Divergence::BeyondShown), 1);
    assert_eq!(counts.of(Divergence::NotInBook), 1);
    assert_eq!(counts.of(Divergence::NotExecuted), 1);
    assert_eq!(counts.reported(), 4);
}

#[test]
fn the_opening_trade_is_the_uncross() {
    let events = vec![
        regular(0, 1, vec![add(5, Side::Buy, 101, 2), add(6, Side::Buy, 101, 2)]),
        regular(
            1,
            OPEN_NS,
            vec![
                trade(0, None, 101, 3),
                filled(5, None, 101, 2),
                filled(3, None, 101, 3),
                filled(6, None, 101, 1),
                cancel(3, Side::Sell, 101, 3),
                cancel(5, Side::Buy, 101, 2),
                modify(6, Side::Buy, 101, 1),
            ],
        ),
    ];
    let counts = counts_of(events);
    assert_eq!((counts.opening, counts.opening_exact, counts.extra), (3, 3, 0));
}

#[test]
fn orders_that_only_the_openings_fills_show_take_part_but_count_as_not_in_the_book() {
    let events = vec![
        regular(0, 1, vec![add(5, Side::Buy, 101, 1)]),
        regular(
            1,
            OPEN_NS,
            vec![
                trade(0, None, 101, 3),
                filled(5, None, 101, 1),
                filled(3, None, 101, 3),
                filled(66, None, 101, 2),
                cancel(3, Side::Sell, 101, 3),
                cancel(5, Side::Buy, 101, 1),
            ],
        ),
    ];
    let counts = counts_of(events);
    assert_eq!((counts.opening, counts.opening_exact, counts.extra), (3, 2, 0));
    assert_eq!(counts.of(Divergence::NotInBook), 1);
}

#[test]
fn fills_before_the_opening_are_counted_and_their_book_changes_copied() {
    let counts = counts_of(vec![regular(
        0,
        1,
        vec![
            trade(9, Some(Side::Sell), 100, 3),
            filled(1, Some(Side::Buy), 100, 3),
            cancel(1, Side::Buy, 100, 3),
        ],
    )]);
    assert_eq!((counts.of(Divergence::InCall), counts.reported()), (1, 1));
}
