//! ONNX files: whatever the bytes are, they are a forest or refused; a forest has a score for every
//! row, which is the same alone and among others.
//!
//! Input: `f64 value | file`. The rows are made of the value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_fuzz::Script;
use touchline_trees::{DEPTH_MAX, FEATURES_MAX, Forest};

fuzz_target!(|data: &[u8]| {
    let mut script = Script(data);
    let value = f64::from_bits(script.u64());
    let forest = match Forest::read(script.0) {
        Ok(forest) => forest,
        Err(refused) => return assert!(!refused.to_string().is_empty()),
    };
    let features = forest.feature_count();
    assert!((1..=FEATURES_MAX).contains(&features));
    assert!(forest.depth() <= DEPTH_MAX);
    assert!(forest.node_count() <= data.len(), "memory grows with the file, and no faster");
    let values = [value, -value, f64::NAN, f64::INFINITY, 0.0];
    let rows: Vec<f64> = (0..5 * features).map(|at| values[(at + at / features) % 5]).collect();
    let mut scores = [f64::NAN; 5];
    assert_eq!(forest.scores(&rows, &mut scores), Ok(()));
    for (row, score) in rows.chunks_exact(features).zip(scores) {
        assert!(score.is_finite());
        assert_eq!(forest.score(row).to_bits(), score.to_bits());
        assert!(forest.score(&row[1..]).is_nan());
    }
});
