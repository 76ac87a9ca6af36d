//! The fast walk beside a slow, obvious one: random forests and rows from a printed seed.
#![forbid(unsafe_code)]

mod model;

use model::{Model, Random};
use touchline_trees::Forest;

/// The sum over the trees of a recursive walk through the attributes as they stand in the file.
fn slow(model: &Model, row: &[f64]) -> f64 {
    model.of("tree_roots").iter().fold(0.0, |sum, root| sum + slow_leaf(model, *root as usize, row))
}

fn slow_leaf(model: &Model, node: usize, row: &[f64]) -> f64 {
    let value = row[model.of("nodes_featureids")[node] as usize];
    let tracks_true = model.of("nodes_missing_value_tracks_true")[node] == 1;
    let is_true = if value.is_nan() { tracks_true } else { value <= model.splits[node] };
    let (ids, leafs) = if is_true {
        ("nodes_truenodeids", "nodes_trueleafs")
    } else {
        ("nodes_falsenodeids", "nodes_falseleafs")
    };
    let next = model.of(ids)[node] as usize;
    if model.of(leafs)[node] == 1 { model.weights[next] } else { slow_leaf(model, next, row) }
}

const FEATURES: usize = 5;
const SPLITS: [f64; 9] =
    [0.0, -0.0, 1.0, 1.0001, -3.5, f64::INFINITY, f64::NEG_INFINITY, 1e-35, f64::MAX];

/// A value that a split may have, one beside it, or any.
fn value(random: &mut Random) -> f64 {
    let split = SPLITS[random.below(SPLITS.len())];
    match random.below(6) {
        0 => split,
        1 => split.next_up(),
        2 => split.next_down(),
        3 => f64::NAN,
        4 => f64::from_bits(random.next()),
        _ => random.unit() * 4.0,
    }
}

/// Adds a node and what hangs below it; returns its number.
fn grow(model: &mut Model, random: &mut Random, depth: usize) -> i64 {
    let node = model.splits.len();
    model.splits.push(SPLITS[random.below(SPLITS.len())]);
    model.modes.push(0);
    model.ints("nodes_featureids").push(random.below(FEATURES) as i64);
    model.ints("nodes_missing_value_tracks_true").push(random.below(2) as i64);
    let branches =
        [("nodes_truenodeids", "nodes_trueleafs"), ("nodes_falsenodeids", "nodes_falseleafs")];
    for name in branches.iter().flat_map(|(ids, leafs)| [ids, leafs]) {
        model.ints(name).push(0);
    }
    for (ids, leafs) in branches {
        let is_leaf = depth == 0 || random.below(4) == 0;
        let next = if is_leaf {
            model.weights.push(random.unit() * 10_f64.powi(random.below(30) as i32 - 15));
            model.ints("leaf_targetids").push(0);
            model.weights.len() as i64 - 1
        } else {
            grow(model, random, depth - 1)
        };
        model.ints(ids)[node] = next;
        model.ints(leafs)[node] = i64::from(is_leaf);
    }
    node as i64
}

#[test]
fn every_score_is_that_of_the_slow_twin_bit_for_bit() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut model = Model::new(FEATURES as i64);
        for _ in 0..1 + random.below(20) {
            let depth = random.below(8);
            let root = grow(&mut model, &mut random, depth);
            model.ints("tree_roots").push(root);
        }
        let forest = Forest::read(&model.encode()).expect("a right file");
        let rows: Vec<f64> = (0..100 * FEATURES).map(|_| value(&mut random)).collect();
        let mut scores = [0.0; 100];
        forest.scores(&rows, &mut scores).expect("rows that fit");
        for (row, score) in rows.chunks_exact(FEATURES).zip(scores) {
            let wanted = slow(&model, row);
            assert_eq!(score.to_bits(), wanted.to_bits(), "seed {seed}, row {row:?}");
            assert_eq!(forest.score(row).to_bits(), wanted.to_bits(), "seed {seed}, row {row:?}");
        }
    }
}
