//! What is read, and what is refused with which words.
#![forbid(unsafe_code)]

mod model;

use model::{INTS, Model, Random, bytes, integer};
use touchline_trees::{DEPTH_MAX, Forest, ReadError, ShapeError};

/// What a spoiled file is refused with.
fn refusal(spoil: impl FnOnce(&mut Model)) -> String {
    let mut model = Model::small();
    spoil(&mut model);
    Forest::read(&model.encode()).expect_err("a spoiled file").to_string()
}

#[test]
fn a_right_file_is_read_and_scored() {
    let forest = Forest::read(&Model::small().encode()).expect("a right file");
    let shape = (forest.feature_count(), forest.tree_count(), forest.node_count(), forest.depth());
    assert_eq!(shape, (2, 1, 5, 2));
    assert_eq!(forest.metadata().collect::<Vec<_>>(), [("feature_names", "[\"a\"]")]);
    let scores = [[0.5, 0.0], [0.6, -2.0], [0.6, -1.9], [f64::NAN, 0.0], [0.6, f64::NAN]]
        .map(|row| forest.score(&row));
    assert_eq!(scores, [1.0, 2.0, 4.0, 1.0, 4.0]);
}

#[test]
fn a_row_of_another_width_has_no_score_and_no_place_among_rows() {
    let forest = Forest::read(&Model::small().encode()).expect("a right file");
    assert!(forest.score(&[1.0]).is_nan());
    assert!(forest.score(&[1.0, 2.0, 3.0]).is_nan());
    let refused = forest.scores(&[1.0, 2.0, 3.0], &mut [0.0; 2]);
    assert_eq!(refused, Err(ShapeError { values: 3, features: 2, scores: 2 }));
    assert_eq!(forest.scores(&[], &mut []), Ok(()));
}

#[test]
fn integers_may_be_packed_and_values_may_stand_in_the_field_of_their_type() {
    let model = Model::small().without("nodes_featureids");
    let packed = [bytes(1, "nodes_featureids"), bytes(8, [0, 1]), integer(20, INTS)].concat();
    let model = Model { behind: [vec![], vec![], bytes(5, packed)], is_typed: true, ..model };
    let forest = Forest::read(&model.encode()).expect("packed and typed");
    assert_eq!(forest.score(&[0.6, -2.0]), 2.0);
    let again = Model { behind: [vec![], vec![], model.behind[2].repeat(2)], ..model };
    let said = Forest::read(&again.encode()).unwrap_err().to_string();
    assert!(said.ends_with("a second attribute \"nodes_featureids\", where there may be one"));
}

#[test]
fn another_operator_is_refused_by_its_name() {
    let said = refusal(|model| model.op_type = "TreeEnsembleRegressor");
    assert_eq!(said, "the operator is \"TreeEnsembleRegressor\", and has to be TreeEnsemble");
    let said = refusal(|model| model.domain = "com.acme");
    assert_eq!(said, "the operator's domain is \"com.acme\", and has to be ai.onnx.ml");
}

#[test]
fn other_versions_and_domains_are_refused() {
    let said = refusal(|model| model.opsets = vec![("ai.onnx.ml", 3)]);
    assert_eq!(said, "the version of ai.onnx.ml is 3, and has to be 5");
    let said = refusal(|model| model.opsets = vec![("", 21)]);
    assert_eq!(said, "opset_import of ai.onnx.ml is missing");
    let said = refusal(|model| model.opsets.push(("com.acme", 1)));
    assert!(said.contains("\"com.acme\""), "{said}");
    let said = refusal(|model| model.ir_version = 99);
    assert_eq!(said, "ModelProto.ir_version is 99, and has to be 3 to 14");
}

#[test]
fn what_is_not_double_is_refused() {
    let said = refusal(|model| model.element = 1);
    assert_eq!(said, "the element type of the input is float (1), and has to be double");
    let said = refusal(|model| model.split_type = 1);
    assert_eq!(said, "nodes_splits is float (1), and has to be double");
}

#[test]
fn an_input_of_another_shape_is_refused() {
    for (shape, what) in [
        (vec![2], "the input is of another rank, and has to be of shape [N, F]"),
        (vec![1, 2, 3], "the input is of another rank, and has to be of shape [N, F]"),
        (vec![1, -1], "the second dimension of the input is missing"),
        (vec![1, 0], "the second dimension of the input is 0, and has to be 1 to 4096"),
        (vec![1, 4097], "the second dimension of the input is 4097, and has to be 1 to 4096"),
    ] {
        assert_eq!(refusal(|model| model.shape = shape), what);
    }
}

#[test]
fn another_aggregate_transform_or_number_of_targets_is_refused() {
    let said = refusal(|model| *model.ints("aggregate_function") = vec![0]);
    assert_eq!(said, "aggregate_function is 0, and has to be 1 (sum)");
    let said = refusal(|model| *model.ints("post_transform") = vec![2]);
    assert_eq!(said, "post_transform is 2, and has to be 0 (none)");
    let said = refusal(|model| *model.ints("n_targets") = vec![2]);
    assert_eq!(said, "n_targets is 2, and has to be 1");
    let said = refusal(|model| model.integers.push(("membership_values", INTS, vec![1])));
    assert!(said.contains("\"membership_values\""), "{said}");
}

#[test]
fn a_second_node_an_initializer_and_functions_are_refused() {
    let said = refusal(|model| model.behind[1] = bytes(1, bytes(4, "Abs")));
    assert!(said.ends_with("a second GraphProto.node, where there may be one"), "{said}");
    let said = refusal(|model| model.behind[1] = bytes(5, ""));
    assert!(said.contains("field 5 of GraphProto is not known here"), "{said}");
    let said = refusal(|model| model.behind[0] = bytes(25, ""));
    assert!(said.contains("field 25 of ModelProto is not known here"), "{said}");
    let said = refusal(|model| model.behind[2] = bytes(1, "more"));
    assert!(said.ends_with("a second NodeProto.input, where there may be one"), "{said}");
}

#[test]
fn an_attribute_that_is_missing_or_of_another_type_is_refused() {
    for name in ["tree_roots", "nodes_featureids", "nodes_trueleafs", "leaf_targetids"] {
        let file = Model::small().without(name).encode();
        assert_eq!(Forest::read(&file).unwrap_err(), ReadError::Missing { what: name });
    }
    let said = refusal(|model| model.integers[3].1 = 6);
    assert_eq!(said, "tree_roots is 6, and has to be an attribute of type INTS (7)");
}

#[test]
fn lengths_that_differ_are_refused() {
    let said = refusal(|model| model.ints("nodes_featureids").push(0));
    assert_eq!(said, "nodes_featureids: there are 3, and have to be 2");
    let said = refusal(|model| model.ints("nodes_missing_value_tracks_true").push(0));
    assert_eq!(said, "nodes_missing_value_tracks_true: there are 3, and have to be 2");
    let said = refusal(|model| model.ints("leaf_targetids").push(0));
    assert_eq!(said, "leaf_targetids: there are 4, and have to be 3");
    let said = refusal(|model| model.ints("tree_roots").clear());
    assert_eq!(said, "tree_roots: there are 0, and have to be 1");
}

#[test]
fn an_index_beyond_its_end_is_refused_with_its_place() {
    let said = refusal(|model| model.ints("tree_roots")[0] = 2);
    assert_eq!(said, "tree 0: its root is node 2, and there are 2 nodes");
    let said = refusal(|model| model.ints("nodes_featureids")[1] = 2);
    assert_eq!(said, "node 1: nodes_featureids is 2, and has to be below 2");
    let said = refusal(|model| model.ints("nodes_featureids")[1] = -1);
    assert_eq!(said, "node 1: nodes_featureids is -1, and has to be below 2");
    let said = refusal(|model| model.ints("nodes_truenodeids")[0] = 3);
    assert_eq!(said, "node 0: nodes_truenodeids is 3, and has to be below 3");
    let said = refusal(|model| model.ints("nodes_falsenodeids")[0] = 2);
    assert_eq!(said, "node 0: nodes_falsenodeids is 2, and has to be below 2");
    let said = refusal(|model| model.ints("nodes_falseleafs")[0] = 2);
    assert_eq!(said, "node 0: nodes_falseleafs is 2, and has to be 0 or 1");
}

#[test]
fn a_cycle_two_parents_and_a_node_in_no_tree_are_refused() {
    let said = refusal(|model| model.ints("nodes_falsenodeids")[0] = 0);
    assert_eq!(said, "node 0: tree 0 reaches it a second time (a cycle, or two parents)");
    let said = refusal(|model| model.ints("tree_roots").push(1));
    assert_eq!(said, "node 1: tree 1 reaches it a second time (a cycle, or two parents)");
    let said = refusal(|model| model.ints("nodes_falseleafs")[0] = 1);
    assert_eq!(said, "node 1: it is in no tree");
}

#[test]
fn values_that_decide_nothing_are_refused() {
    let said = refusal(|model| model.splits[1] = f64::NAN);
    assert_eq!(said, "node 1: nodes_splits is NaN, and has to be a number");
    let said = refusal(|model| model.modes[0] = 1);
    assert_eq!(said, "node 0: nodes_modes is 1, and has to be 0 (BRANCH_LEQ)");
    let said = refusal(|model| model.weights[2] = f64::INFINITY);
    assert_eq!(said, "leaf 2: leaf_weights is inf, and has to be finite");
    let said = refusal(|model| model.ints("leaf_targetids")[1] = 1);
    assert_eq!(said, "leaf 1: leaf_targetids is 1, and has to be 0");
}

#[test]
fn trees_whose_sum_may_be_infinite_are_refused() {
    let mut model = Model::new(1);
    for tree in 0..2 {
        model.ints("tree_roots").push(tree);
        model.ints("nodes_featureids").push(0);
        for ids in ["nodes_truenodeids", "nodes_falsenodeids"] {
            model.ints(ids).push(tree);
        }
        for leafs in ["nodes_trueleafs", "nodes_falseleafs"] {
            model.ints(leafs).push(1);
        }
        model.ints("nodes_missing_value_tracks_true").push(0);
        model.ints("leaf_targetids").push(0);
        model.splits.push(0.0);
        model.modes.push(0);
        model.weights.push(-f64::MAX);
    }
    assert_eq!(Forest::read(&model.encode()).unwrap_err(), ReadError::Overflow);
    model.weights[1] = 1.0;
    let forest = Forest::read(&model.encode()).expect("a leaf may be shared by both branches");
    assert_eq!(forest.score(&[7.0]), -f64::MAX);
}

#[test]
fn more_than_a_bound_is_refused() {
    let chain = |length: i64| {
        let mut model = Model::new(1);
        model.ints("tree_roots").push(0);
        for node in 0..length {
            let is_last = node == length - 1;
            model.ints("nodes_featureids").push(0);
            model.ints("nodes_truenodeids").push(0);
            model.ints("nodes_trueleafs").push(1);
            model.ints("nodes_falsenodeids").push(if is_last { 0 } else { node + 1 });
            model.ints("nodes_falseleafs").push(i64::from(is_last));
            model.ints("nodes_missing_value_tracks_true").push(0);
            model.splits.push(node as f64);
            model.modes.push(0);
        }
        model.ints("leaf_targetids").push(0);
        model.weights.push(3.0);
        Forest::read(&model.encode())
    };
    let deepest = chain(i64::from(DEPTH_MAX)).expect("as deep as may be");
    assert_eq!(deepest.score(&[1e9]), 3.0);
    assert_eq!(chain(i64::from(DEPTH_MAX) + 1).unwrap_err(), ReadError::Deep { tree: 0 });
    let said = refusal(|model| *model.ints("tree_roots") = vec![0; (1 << 14) + 1]);
    assert_eq!(said, "tree_roots: there may be at most 16384");
    let said = refusal(|model| model.modes = vec![0; (1 << 20) + 1]);
    assert_eq!(said, "nodes_modes: there may be at most 1048576");
}

#[test]
fn a_key_of_metadata_may_be_there_once_and_has_to_be_a_text() {
    let said = refusal(|model| model.metadata.push(("feature_names", "")));
    assert!(said.ends_with("a second metadata_props \"feature_names\", where there may be one"));
    let said = refusal(|model| model.behind[0] = bytes(14, bytes(1, [0xff])));
    assert!(said.ends_with("StringStringEntryProto.key is not a text in UTF-8"), "{said}");
}

#[test]
fn a_file_that_was_cut_off_is_refused_wherever_it_was_cut() {
    let mut model = Model::small();
    model.metadata.clear();
    let file = model.encode();
    for length in 0..file.len() {
        assert!(Forest::read(&file[..length]).is_err(), "{length} of {} bytes", file.len());
    }
    assert!(Forest::read(&file).is_ok());
}

#[test]
fn noise_is_read_or_refused_and_what_was_read_has_scores() {
    let file = Model::small().encode();
    let mut random = Random(7);
    let mut read = 0;
    for _ in 0..20_000 {
        let mut noisy = file.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(noisy.len());
            noisy[at] = random.next() as u8;
        }
        if let Ok(forest) = Forest::read(&noisy) {
            let row = vec![0.25; forest.feature_count()];
            assert!(forest.score(&row).is_finite());
            read += 1;
        }
    }
    assert!(read > 0, "some noise is in names and weights");
}
