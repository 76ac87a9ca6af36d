//! From a file's attributes to trees: every index is checked here, once, so that a walk needs no
//! doubt.

use crate::error::ReadError;
use crate::forest::Node;
use crate::onnx::Ensemble;
use crate::{DEPTH_MAX, TREES_MAX};

/// `nodes_modes`: x <= split goes to the true branch.
const BRANCH_LEQ: u8 = 0;

/// Trees as a walk wants them.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    /// Inner nodes and leaves; the two children of a node stand side by side.
    pub(crate) nodes: Vec<Node>,
    /// The weight of a leaf, at its place among the nodes; 0.0 at inner nodes.
    pub(crate) weights: Vec<f64>,
    /// Of each tree, its root and its depth in decisions.
    pub(crate) trees: Vec<(u32, u32)>,
}

/// What a branch leads to, as the file numbers it.
#[derive(Clone, Copy)]
enum Target {
    Node(usize),
    Leaf(usize),
}

pub(crate) fn grow(features: usize, ensemble: &Ensemble) -> Result<Grown, ReadError> {
    check_lengths(ensemble)?;
    check_leaves(ensemble)?;
    let mut grown = Grown::default();
    let mut is_reached = vec![false; ensemble.splits.len()];
    let mut largest = 0.0;
    for (tree, root) in ensemble.roots.iter().enumerate() {
        let nodes = ensemble.splits.len();
        let known = usize::try_from(*root).ok().filter(|root| *root < nodes);
        let root = known.ok_or(ReadError::Root { tree, found: *root, nodes })?;
        largest += grow_tree(&mut grown, tree, root, features, ensemble, &mut is_reached)?;
    }
    if let Some(node) = is_reached.iter().position(|reached| !reached) {
        return Err(ReadError::Unreached { node });
    }
    if !f64::is_finite(largest) {
        return Err(ReadError::Overflow);
    }
    Ok(grown)
}

fn check_lengths(ensemble: &Ensemble) -> Result<(), ReadError> {
    if ensemble.roots.is_empty() {
        return Err(ReadError::Length { what: "tree_roots", found: 0, wanted: 1 });
    }
    let wanted = ensemble.splits.len();
    let of_nodes = [
        ("nodes_featureids", ensemble.features.len()),
        ("nodes_modes", ensemble.modes.len()),
        ("nodes_truenodeids", ensemble.true_ids.len()),
        ("nodes_trueleafs", ensemble.true_leafs.len()),
        ("nodes_falsenodeids", ensemble.false_ids.len()),
        ("nodes_falseleafs", ensemble.false_leafs.len()),
    ];
    for (what, found) in of_nodes {
        if found != wanted {
            return Err(ReadError::Length { what, found, wanted });
        }
    }
    let found = ensemble.missing_true.len();
    if found != 0 && found != wanted {
        let what = "nodes_missing_value_tracks_true";
        return Err(ReadError::Length { what, found, wanted });
    }
    let (found, wanted) = (ensemble.leaf_targets.len(), ensemble.leaf_weights.len());
    if found != wanted {
        return Err(ReadError::Length { what: "leaf_targetids", found, wanted });
    }
    Ok(())
}

fn check_leaves(ensemble: &Ensemble) -> Result<(), ReadError> {
    for (leaf, target) in ensemble.leaf_targets.iter().enumerate() {
        if *target != 0 {
            let found = target.to_string();
            return Err(ReadError::Leaf { leaf, what: "leaf_targetids", found, wanted: "0" });
        }
    }
    for (leaf, weight) in ensemble.leaf_weights.iter().enumerate() {
        if !weight.is_finite() {
            let (what, found) = ("leaf_weights", weight.to_string());
            return Err(ReadError::Leaf { leaf, what, found, wanted: "finite" });
        }
    }
    Ok(())
}

/// Adds a tree, level by level; returns the largest absolute weight of its leaves.
fn grow_tree(
    grown: &mut Grown,
    tree: usize,
    root: usize,
    features: usize,
    ensemble: &Ensemble,
    is_reached: &mut [bool],
) -> Result<f64, ReadError> {
    let first = place(grown);
    let mut level = vec![(Target::Node(root), first)];
    let (mut depth, mut largest) = (0_u32, 0.0_f64);
    loop {
        let mut next = Vec::new();
        for (target, at) in level {
            match target {
                Target::Leaf(leaf) => {
                    let weight = ensemble.leaf_weights.get(leaf).copied().unwrap_or(0.0);
                    largest = largest.max(weight.abs());
                    put(grown, at, Node::leaf(at), weight);
                }
                Target::Node(node) => {
                    let reached = is_reached.get_mut(node).filter(|reached| !**reached);
                    *reached.ok_or(ReadError::Reached { node, tree })? = true;
                    let pair = place(grown);
                    let [yes, no] = read_branches(ensemble, node)?;
                    next.push((yes, pair));
                    next.push((no, place(grown)));
                    put(grown, at, read_node(ensemble, node, features, pair)?, 0.0);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
        depth = depth.saturating_add(1);
        if depth > DEPTH_MAX {
            return Err(ReadError::Deep { tree });
        }
    }
    grown.trees.push((first, depth));
    Ok(largest)
}

/// Room for one more node: a node that leads to itself, until it is put.
///
/// Nodes and leaves are at most 2 * NODES_MAX + TREES_MAX, for none is reached twice.
fn place(grown: &mut Grown) -> u32 {
    const _: () = assert!(2 * crate::NODES_MAX + TREES_MAX < u32::MAX as usize);
    let at = u32::try_from(grown.nodes.len()).unwrap_or(u32::MAX);
    grown.nodes.push(Node::leaf(at));
    grown.weights.push(0.0);
    at
}

fn put(grown: &mut Grown, at: u32, node: Node, weight: f64) {
    let at = at as usize;
    if let (Some(one), Some(other)) = (grown.nodes.get_mut(at), grown.weights.get_mut(at)) {
        *one = node;
        *other = weight;
    }
}

fn refuse<T>(
    node: usize,
    what: &'static str,
    found: impl ToString,
    wanted: impl ToString,
) -> Result<T, ReadError> {
    let (found, wanted) = (found.to_string(), wanted.to_string());
    Err(ReadError::Node { node, what, found, wanted })
}

/// The value of an attribute of a node: the lengths are checked, so it is there.
fn of<T: Copy + Default>(values: &[T], node: usize) -> T {
    values.get(node).copied().unwrap_or_default()
}

/// 0 or 1.
fn flag(values: &[i64], node: usize, what: &'static str) -> Result<bool, ReadError> {
    match of(values, node) {
        0 => Ok(false),
        1 => Ok(true),
        found => refuse(node, what, found, "0 or 1"),
    }
}

fn read_branches(ensemble: &Ensemble, node: usize) -> Result<[Target; 2], ReadError> {
    let read = |what, ids: &[i64], is_leaf: bool| {
        let count = if is_leaf { ensemble.leaf_weights.len() } else { ensemble.splits.len() };
        let found = of(ids, node);
        match usize::try_from(found).ok().filter(|index| *index < count) {
            Some(leaf) if is_leaf => Ok(Target::Leaf(leaf)),
            Some(inner) => Ok(Target::Node(inner)),
            None => refuse(node, what, found, format_args!("below {count}")),
        }
    };
    let true_leaf = flag(&ensemble.true_leafs, node, "nodes_trueleafs")?;
    let false_leaf = flag(&ensemble.false_leafs, node, "nodes_falseleafs")?;
    Ok([
        read("nodes_truenodeids", &ensemble.true_ids, true_leaf)?,
        read("nodes_falsenodeids", &ensemble.false_ids, false_leaf)?,
    ])
}

fn read_node(
    ensemble: &Ensemble,
    node: usize,
    features: usize,
    pair: u32,
) -> Result<Node, ReadError> {
    let mode = of(&ensemble.modes, node);
    if mode != BRANCH_LEQ {
        return refuse(node, "nodes_modes", mode, "0 (BRANCH_LEQ)");
    }
    let split = of(&ensemble.splits, node);
    if split.is_nan() {
        return refuse(node, "nodes_splits", split, "a number");
    }
    let found = of(&ensemble.features, node);
    let known = u32::try_from(found).ok().filter(|feature| (*feature as usize) < features);
    let Some(feature) = known else {
        return refuse(node, "nodes_featureids", found, format_args!("below {features}"));
    };
    let what = "nodes_missing_value_tracks_true";
    let missing_true = flag(&ensemble.missing_true, node, what)?;
    Ok(Node::inner(split, pair, feature, missing_true))
}
