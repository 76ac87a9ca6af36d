//! Regression trees of an ONNX file, scored exactly and without allocation.
//!
//! Promises: a file is read whole or refused with what is wrong and where; whatever the bytes are,
//! nothing panics, and neither time nor memory exceeds what the bounds below allow. A score is the
//! sum of one leaf of each tree, in the order of the trees, in double precision from 0.0: the sum
//! that LightGBM makes, bit for bit. No operator but `TreeEnsemble` of `ai.onnx.ml` 5 is known.
//!
//! ```
//! use touchline_trees::{Forest, ReadError};
//!
//! assert!(matches!(Forest::read(b""), Err(ReadError::Missing { what: "ModelProto.graph" })));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod error;
mod forest;
mod growth;
mod onnx;
mod wire;

pub use error::ReadError;
pub use forest::{Forest, ShapeError};

/// Most features that a row may have.
pub const FEATURES_MAX: usize = 4096;
/// Most trees of a forest.
pub const TREES_MAX: usize = 1 << 14;
/// Most inner nodes of a forest.
pub const NODES_MAX: usize = 1 << 20;
/// Most leaves of a forest: one more than its inner nodes has each tree.
pub const LEAVES_MAX: usize = NODES_MAX + TREES_MAX;
/// Most decisions on the way from a root to a leaf.
pub const DEPTH_MAX: u32 = 1024;
/// Most entries of a file's metadata.
pub const METADATA_MAX: usize = 256;
