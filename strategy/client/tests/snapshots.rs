//! Books of a strategy that came late, or fell behind, equal those of one that saw everything.

mod house;

use house::{House, Trader};
use touchline_strategy::Kind;
use touchline_types::{Side, TimeInForce};

/// A small generator; the seed is printed by whoever fails.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Sends, cancels and replaces at random.
fn trade(trader: &mut Trader, chance: &mut Chance, commands: usize) {
    for _ in 0..commands {
        let open: Vec<u64> = trader.strategy.orders().map(|own| own.order).collect();
        let instrument_id = 1 + chance.below(2) as u32;
        let side = if chance.below(2) == 0 { Side::Buy } else { Side::Sell };
        let offset = chance.below(12) as i64;
        let price = if side == Side::Buy { 1_000 - offset } else { 1_003 + offset };
        let price = if chance.below(10) == 0 { 1_001 } else { price };
        match chance.below(4) {
            0 if !open.is_empty() => {
                let order = open[chance.below(open.len() as u64) as usize];
                let _ = trader.strategy.cancel(order);
            }
            1 if !open.is_empty() => {
                let order = open[chance.below(open.len() as u64) as usize];
                let qty = trader.strategy.order(order).map_or(1, |own| own.cum_qty) + 1;
                let _ = trader.strategy.replace(order, price, qty + chance.below(5));
            }
            _ => {
                let qty = 1 + chance.below(9);
                trader.send(instrument_id, side, price, qty, TimeInForce::Day);
            }
        }
        while let Ok(Some(event)) = trader.strategy.next_event() {
            trader.seen.push(event);
        }
    }
}

fn ladders(trader: &Trader) -> Vec<Vec<(i64, u64, u32)>> {
    [(1, Side::Buy), (1, Side::Sell), (2, Side::Buy), (2, Side::Sell)]
        .into_iter()
        .map(|(instrument_id, side)| trader.ladder(instrument_id, side))
        .collect()
}

#[test]
fn one_who_comes_in_the_middle_has_the_books_of_one_who_was_there() {
    for seed in 1..=20 {
        let house = House::new(&format!("late-{seed}"), "");
        let running = house.start();
        let mut chance = Chance(seed);
        let mut one = house.connect("one").live();
        trade(&mut one, &mut chance, 400);
        // It comes while commands are on their way.
        let mut two = house.connect("two");
        trade(&mut one, &mut chance, 400);
        two_live(&mut two);
        one.mark();
        one.see_mark();
        two.see_mark();
        assert_eq!(ladders(&two), ladders(&one), "seed {seed}");
        assert_eq!(two.strategy.counters()["contradictions"], 0, "seed {seed}");
        assert_eq!(one.strategy.counters()["contradictions"], 0, "seed {seed}");
        running.end();
    }
}

fn two_live(two: &mut Trader) {
    two.until(|event| event.kind == Kind::Live as u8 && event.instrument_id == 2);
}

#[test]
fn one_who_fell_behind_is_told_so_and_comes_right_again() {
    for seed in 1..=5 {
        let house = House::new(&format!("behind-{seed}"), "");
        let running = house.start();
        let mut chance = Chance(seed);
        let mut one = house.connect("one").live();
        let mut two = house.connect("two").live();
        // More public records than the ring holds, while the other one does not look.
        trade(&mut one, &mut chance, 3_000);
        one.until_answered();
        two.until(|event| event.kind == Kind::Stale as u8);
        assert!(!two.strategy.is_live(1));
        trade(&mut one, &mut chance, 100);
        two_live(&mut two);
        one.mark();
        one.see_mark();
        two.see_mark();
        // On a busy machine the one that trades falls behind as well.
        if !(one.strategy.is_live(1) && one.strategy.is_live(2)) {
            one.until(|event| event.kind == Kind::Live as u8 && event.instrument_id == 2);
        }
        assert_eq!(ladders(&two), ladders(&one), "seed {seed}");
        assert!(two.strategy.counters()["lost_records"].as_u64() > Some(0), "seed {seed}");
        running.end();
    }
}
