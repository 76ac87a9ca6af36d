use super::*;
use crate::flow::SlowVenue;

fn options(seed: u64) -> SyntheticOptions {
    SyntheticOptions {
        seed,
        prices: vec![20_000, 12_567],
        opening_orders: Some(400),
        commands_max: Some(20_000),
        ..SyntheticOptions::default()
    }
}

fn synthetic(options: SyntheticOptions) -> Synthetic {
    Synthetic::new(Parameters::built_in().unwrap(), options).unwrap()
}

struct Played {
    commands: Vec<FlowCommand>,
    fills: u64,
    venues: Vec<SlowVenue>,
}

/// Plays `flow`, which must keep an exact view and execute only where it says so.
fn play(flow: &mut Synthetic) -> Played {
    let venues = vec![SlowVenue::new(); flow.instruments.len()];
    let mut played = Played { commands: Vec::new(), fills: 0, venues };
    while let Some(step) = flow.next_step().unwrap() {
        for command in &step.commands {
            let venue = &mut played.venues[command.instrument as usize];
            let fills = venue.apply(command).expect("accepted");
            assert!(step.settle || fills.is_empty(), "{command:?}");
            fills.iter().for_each(|fill| flow.on_fill(fill));
            played.fills += fills.len() as u64 / 2;
        }
        for (index, venue) in (0..).zip(&mut played.venues) {
            let book = flow.book(index).unwrap();
            for (side, price) in venue.take_touched() {
                assert_eq!(book.level(side, price), venue.level(side, price));
            }
        }
        played.commands.extend(step.commands);
    }
    played
}

#[test]
fn the_view_of_the_flow_is_the_book_of_the_venue_after_every_step() {
    let mut flow = synthetic(options(7));
    let played = play(&mut flow);
    assert_eq!(played.commands.len(), 20_000 + 2 * (400 + 2));
    assert_eq!(flow.order_count(), played.venues.iter().map(SlowVenue::order_count).sum::<usize>());
    assert!(played.fills > 500, "{} fills", played.fills);
    assert!(played.venues.iter().all(|venue| !venue.is_crossed()));
    assert!(played.commands.is_sorted_by_key(|command| command.at_ns));
}

#[test]
fn each_instrument_opens_at_its_own_price() {
    let mut flow = synthetic(options(11));
    flow.next_step().unwrap();
    for (state, price) in flow.instruments.iter().zip([20_000, 12_567]) {
        assert_eq!(state.touch(Side::Buy), Some(price));
        assert_eq!(state.touch(Side::Sell), Some(price + 1));
    }
}

#[test]
fn the_same_seed_gives_the_same_flow_and_another_seed_another() {
    let commands = |seed| play(&mut synthetic(options(seed))).commands;
    assert_eq!(commands(1), commands(1));
    assert_ne!(commands(1), commands(2));
}

#[test]
fn the_shares_of_commands_are_those_of_the_parameters() {
    let mut flow = synthetic(SyntheticOptions { prices: vec![20_000], ..options(3) });
    let commands = play(&mut flow).commands;
    let of = |f: fn(&FlowAction) -> bool| commands.iter().filter(|c| f(&c.action)).count() as u64;
    let parameters = Parameters::built_in().unwrap();
    let near = |count: u64, share: u32| count.abs_diff(u64::from(share) * 2) < 400;
    assert!(near(of(|a| matches!(a, FlowAction::Cancel { .. })), parameters.cancel_share));
    assert!(near(of(|a| matches!(a, FlowAction::Replace { .. })), parameters.replace_share));
}

#[test]
fn a_full_book_cancels_instead_of_adding() {
    let mut flow =
        synthetic(SyntheticOptions { orders_max: 100, opening_orders: Some(90), ..options(5) });
    play(&mut flow);
    // Each instrument: at most the bound, and a remainder of the last aggressor.
    assert!(flow.order_count() <= 2 * 101);
}

#[test]
fn a_refused_order_does_not_stand() {
    let mut flow = synthetic(SyntheticOptions { opening_orders: Some(2), ..options(5) });
    let step = flow.next_step().unwrap().unwrap();
    let count = flow.order_count();
    flow.on_refused(&step.commands[1]);
    assert_eq!((flow.order_count(), flow.refused()), (count - 1, 1));
}

#[test]
fn an_empty_book_is_filled_again() {
    let mut flow = synthetic(SyntheticOptions { opening_orders: Some(0), ..options(9) });
    let played = play(&mut flow);
    assert!(played.venues.iter().all(|v| v.touch(Side::Buy).is_some()));
    assert!(played.venues.iter().all(|v| v.touch(Side::Sell).is_some()));
}
