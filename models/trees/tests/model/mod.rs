//! Writes ONNX files, right ones and wrong ones: attributes as they are given, whatever they say.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

/// Adds a varint.
pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field that is an integer.
pub fn integer(number: u32, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3);
    varint(&mut out, value as u64);
    out
}

/// A field that is a message, a text or bytes.
pub fn bytes(number: u32, content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3 | 2);
    varint(&mut out, content.as_ref().len() as u64);
    out.extend_from_slice(content.as_ref());
    out
}

/// The parts of a file; each is public, so that a test can spoil one.
#[derive(Debug, Clone)]
pub struct Model {
    pub ir_version: i64,
    pub opsets: Vec<(&'static str, i64)>,
    pub op_type: &'static str,
    pub domain: &'static str,
    pub element: i64,
    pub shape: Vec<i64>,
    pub metadata: Vec<(&'static str, &'static str)>,
    /// Name, type, integers: one value with type 2.
    pub integers: Vec<(&'static str, i64, Vec<i64>)>,
    pub splits: Vec<f64>,
    pub modes: Vec<u8>,
    pub weights: Vec<f64>,
    /// Element type of `nodes_splits`.
    pub split_type: i64,
    /// Values of tensors stand in the field of their type, and not as bytes.
    pub is_typed: bool,
    /// Bytes behind everything in the model, the graph, the node.
    pub behind: [Vec<u8>; 3],
}

pub const INT: i64 = 2;
pub const INTS: i64 = 7;

impl Model {
    /// A file without trees, for rows of this many values.
    pub fn new(features: i64) -> Self {
        let names = [
            "tree_roots",
            "nodes_featureids",
            "nodes_truenodeids",
            "nodes_trueleafs",
            "nodes_falsenodeids",
            "nodes_falseleafs",
            "nodes_missing_value_tracks_true",
            "leaf_targetids",
        ];
        let single = [("n_targets", 1), ("aggregate_function", 1), ("post_transform", 0)];
        let mut integers = single.map(|(name, value)| (name, INT, vec![value])).to_vec();
        integers.extend(names.map(|name| (name, INTS, Vec::new())));
        Self {
            ir_version: 10,
            opsets: vec![("", 21), ("ai.onnx.ml", 5)],
            op_type: "TreeEnsemble",
            domain: "ai.onnx.ml",
            element: 11,
            shape: vec![-1, features],
            metadata: vec![("feature_names", "[\"a\"]")],
            integers,
            splits: Vec::new(),
            modes: Vec::new(),
            weights: Vec::new(),
            split_type: 11,
            is_typed: false,
            behind: Default::default(),
        }
    }

    /// One tree: x0 <= 0.5 gives 1, else x1 <= -2 gives 2, else 4; NaN in x0 gives 1, in x1 4.
    pub fn small() -> Self {
        let mut model = Self::new(2);
        *model.ints("tree_roots") = vec![0];
        *model.ints("nodes_featureids") = vec![0, 1];
        *model.ints("nodes_truenodeids") = vec![0, 1];
        *model.ints("nodes_trueleafs") = vec![1, 1];
        *model.ints("nodes_falsenodeids") = vec![1, 2];
        *model.ints("nodes_falseleafs") = vec![0, 1];
        *model.ints("nodes_missing_value_tracks_true") = vec![1, 0];
        *model.ints("leaf_targetids") = vec![0; 3];
        model.splits = vec![0.5, -2.0];
        model.modes = vec![0; 2];
        model.weights = vec![1.0, 2.0, 4.0];
        model
    }

    /// The integers of an attribute.
    pub fn ints(&mut self, name: &str) -> &mut Vec<i64> {
        &mut self.integers.iter_mut().find(|(known, ..)| *known == name).expect("known").2
    }

    /// The integers of an attribute, to read.
    pub fn of(&self, name: &str) -> &[i64] {
        &self.integers.iter().find(|(known, ..)| *known == name).expect("known").2
    }

    /// Leaves an attribute out.
    pub fn without(mut self, name: &str) -> Self {
        self.integers.retain(|(known, ..)| *known != name);
        self
    }

    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = integer(1, self.ir_version);
        out.extend(bytes(2, "a test"));
        for (domain, version) in &self.opsets {
            out.extend(bytes(8, [bytes(1, domain), integer(2, *version)].concat()));
        }
        out.extend(bytes(7, self.graph()));
        for (key, value) in &self.metadata {
            out.extend(bytes(14, [bytes(1, key), bytes(2, value)].concat()));
        }
        out.extend(&self.behind[0]);
        out
    }

    fn graph(&self) -> Vec<u8> {
        let info = |name, shape: &[i64]| {
            let dims: Vec<u8> = shape.iter().flat_map(|dim| bytes(1, dimension(*dim))).collect();
            let tensor = [integer(1, self.element), bytes(2, dims)].concat();
            [bytes(1, name), bytes(2, bytes(1, tensor))].concat()
        };
        let input = bytes(11, info("rows", &self.shape));
        let output = bytes(12, info("scores", &[-1, 1]));
        [bytes(1, self.node()), bytes(2, "forest"), input, output, self.behind[1].clone()].concat()
    }

    fn node(&self) -> Vec<u8> {
        let mut out = [bytes(1, "rows"), bytes(2, "scores"), bytes(4, self.op_type)].concat();
        for (name, kind, values) in &self.integers {
            let number = if *kind == INT { 3 } else { 8 };
            let mut attribute = bytes(1, name);
            attribute.extend(values.iter().flat_map(|value| integer(number, *value)));
            attribute.extend(integer(20, *kind));
            out.extend(bytes(5, attribute));
        }
        let raw = |values: &[f64]| values.iter().flat_map(|one| one.to_le_bytes()).collect();
        let tensors: [(&str, i64, usize, Vec<u8>); 3] = [
            ("nodes_splits", self.split_type, self.splits.len(), raw(&self.splits)),
            ("nodes_modes", 2, self.modes.len(), self.modes.clone()),
            ("leaf_weights", 11, self.weights.len(), raw(&self.weights)),
        ];
        for (name, element, len, content) in tensors {
            let number = if !self.is_typed {
                9
            } else if element == 2 {
                5
            } else {
                10
            };
            let content = bytes(number, content);
            let tensor = [integer(1, len as i64), integer(2, element), content].concat();
            let attribute = [bytes(1, name), bytes(5, tensor), integer(20, 4)].concat();
            out.extend(bytes(5, attribute));
        }
        out.extend(bytes(7, self.domain));
        out.extend(&self.behind[2]);
        out
    }
}

/// A dimension; a negative one has a name.
fn dimension(value: i64) -> Vec<u8> {
    if value < 0 { bytes(2, "N") } else { integer(1, value) }
}

/// A generator of numbers: the same ones from the same seed (splitmix64; Steele, Lea, Flood 2014).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, from 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}
