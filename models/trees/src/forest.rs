//! A forest, and the walk from roots to leaves.
//!
//! A node has 16 bytes: a split, where its two children stand, which value decides. A leaf leads to
//! itself, so that a walk needs no branch but its end. Eight trees are walked at a time, one step
//! of each in turn: a processor then waits for eight loads at once, not one after the other.

use core::fmt;

use crate::error::ReadError;
use crate::growth::grow;
use crate::onnx::read_model;

/// Trees that are walked at a time.
const LANES: usize = 8;

/// A decision, or a leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    split: f64,
    /// Where the node of the true branch stands; that of the false branch is the next one.
    pair: u32,
    /// Which value of a row decides, shifted by one; bit 0: NaN follows the true branch.
    feature: u32,
}

const _: () = assert!(size_of::<Node>() == 16);

impl Node {
    pub(crate) const fn inner(split: f64, pair: u32, feature: u32, missing_true: bool) -> Self {
        Self { split, pair, feature: feature << 1 | missing_true as u32 }
    }

    /// Every number, and NaN, is at most infinity: the true branch, which is the leaf itself.
    pub(crate) const fn leaf(at: u32) -> Self {
        Self::inner(f64::INFINITY, at, 0, true)
    }
}

/// Up to eight trees that follow each other.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// Places without a tree repeat the first one.
    roots: [u32; LANES],
    trees: usize,
    /// Steps after which each of them is at a leaf.
    depth: u32,
}

/// The trees of a file.
#[derive(Debug)]
pub struct Forest {
    groups: Vec<Group>,
    nodes: Vec<Node>,
    weights: Vec<f64>,
    features: usize,
    trees: usize,
    depth: u32,
    metadata: Vec<(String, String)>,
}

/// Rows and scores that do not fit each other, or not this forest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeError {
    /// Values that there are.
    pub values: usize,
    /// Values of a row of this forest.
    pub features: usize,
    /// Scores that there is room for.
    pub scores: usize,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, features, scores } = self;
        write!(f, "{values} values are not {scores} rows of {features}")
    }
}

impl std::error::Error for ShapeError {}

impl Forest {
    /// Reads an ONNX file: see the crate for what it may hold.
    ///
    /// # Errors
    /// What is wrong with it, and where. A file of n bytes takes O(n) time and memory.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let model = read_model(bytes)?;
        let grown = grow(model.features, &model.ensemble)?;
        let groups = grown.trees.chunks(LANES).map(|trees| {
            let first = trees.first().map_or(0, |(root, _)| *root);
            let mut roots = [first; LANES];
            for (place, (root, _)) in roots.iter_mut().zip(trees) {
                *place = *root;
            }
            let depth = trees.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
            Group { roots, trees: trees.len(), depth }
        });
        Ok(Self {
            groups: groups.collect(),
            nodes: grown.nodes,
            weights: grown.weights,
            features: model.features,
            trees: grown.trees.len(),
            depth: grown.trees.iter().map(|(_, depth)| *depth).max().unwrap_or(0),
            metadata: model.metadata,
        })
    }

    /// Values of a row.
    #[must_use]
    pub const fn feature_count(&self) -> usize {
        self.features
    }

    /// How many trees there are.
    #[must_use]
    pub const fn tree_count(&self) -> usize {
        self.trees
    }

    /// Nodes and leaves of all trees.
    #[must_use]
    pub const fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Decisions on the longest way from a root to a leaf.
    #[must_use]
    pub const fn depth(&self) -> u32 {
        self.depth
    }

    /// `metadata_props` of the file, keys and values, in its order.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The score of a row; NaN if the row has not [`Forest::feature_count`] values, and never
    /// otherwise. A value may be NaN or infinite. Allocates nothing.
    #[must_use]
    pub fn score(&self, row: &[f64]) -> f64 {
        if row.len() != self.features {
            return f64::NAN;
        }
        self.sum(row).unwrap_or(f64::NAN)
    }

    /// Scores rows that stand one after the other.
    ///
    /// # Errors
    /// If `rows` does not hold one row for each of `scores`; nothing is written then.
    pub fn scores(&self, rows: &[f64], scores: &mut [f64]) -> Result<(), ShapeError> {
        if Some(rows.len()) != scores.len().checked_mul(self.features) {
            let (values, features) = (rows.len(), self.features);
            return Err(ShapeError { values, features, scores: scores.len() });
        }
        for (row, score) in rows.chunks_exact(self.features).zip(scores) {
            *score = self.score(row);
        }
        Ok(())
    }

    /// `None` never comes: growth has checked every place and every feature. The compiler cannot
    /// know, and a comparison that always holds costs less than a walk that might leave its memory.
    #[inline]
    fn sum(&self, row: &[f64]) -> Option<f64> {
        let (nodes, weights) = (self.nodes.as_slice(), self.weights.as_slice());
        let mut score = 0.0;
        for group in &self.groups {
            let mut places = group.roots;
            for _ in 0..group.depth {
                for at in &mut places {
                    let node = nodes.get(*at as usize)?;
                    let value = *row.get((node.feature >> 1) as usize)?;
                    let is_false = u32::from(value <= node.split) ^ 1;
                    let is_tracked = u32::from(value.is_nan()) & node.feature;
                    *at = node.pair.wrapping_add(is_false & !is_tracked);
                }
            }
            for at in places.iter().take(group.trees) {
                score += *weights.get(*at as usize)?;
            }
        }
        Some(score)
    }
}
