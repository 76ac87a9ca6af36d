//! An ONNX file as what it says: a width, the attributes of one `TreeEnsemble`, and metadata.
//!
//! Numbers of fields are those of `onnx.proto` (ONNX IR 3 to 14); the attributes those of operator
//! `TreeEnsemble`, version 5 of domain `ai.onnx.ml`. A field is read, or known to say nothing about
//! a score (names, documentation, who made it), or refused.

use crate::error::ReadError;
use crate::wire::{Field, Message, once};
use crate::{FEATURES_MAX, LEAVES_MAX, METADATA_MAX, NODES_MAX, TREES_MAX};

/// `TensorProto.DataType`.
const UINT8: i64 = 2;
const DOUBLE: i64 = 11;
/// `AttributeProto.AttributeType`.
const INT: i64 = 2;
const TENSOR: i64 = 4;
const INTS: i64 = 7;

/// The file.
#[derive(Debug)]
pub(crate) struct Model {
    /// Values of a row.
    pub(crate) features: usize,
    pub(crate) ensemble: Ensemble,
    /// Keys and values, as they stand in the file.
    pub(crate) metadata: Vec<(String, String)>,
}

/// The attributes `nodes_*`, `leaf_*` and `tree_roots`, without any check but of their types.
#[derive(Debug, Default)]
pub(crate) struct Ensemble {
    pub(crate) roots: Vec<i64>,
    pub(crate) features: Vec<i64>,
    pub(crate) splits: Vec<f64>,
    pub(crate) modes: Vec<u8>,
    /// Empty: NaN follows the false branch everywhere.
    pub(crate) missing_true: Vec<i64>,
    pub(crate) true_ids: Vec<i64>,
    pub(crate) true_leafs: Vec<i64>,
    pub(crate) false_ids: Vec<i64>,
    pub(crate) false_leafs: Vec<i64>,
    pub(crate) leaf_targets: Vec<i64>,
    pub(crate) leaf_weights: Vec<f64>,
}

pub(crate) fn read_model(bytes: &[u8]) -> Result<Model, ReadError> {
    let (mut ir_version, mut graph) = (None, None);
    let (mut metadata, mut ml_version) = (Vec::new(), None);
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field.number {
            1 => {
                let version = field.integer("ModelProto.ir_version")?;
                once(&mut ir_version, version, "ModelProto.ir_version", field.offset)?;
            }
            // Who made it, its own version, documentation.
            2..=6 => {}
            7 => once(&mut graph, field, "ModelProto.graph", field.offset)?,
            8 => read_opset(field, &mut ml_version)?,
            14 => read_metadata(field, &mut metadata)?,
            _ => return Err(field.unknown("ModelProto")),
        }
    }
    let graph = graph.ok_or(ReadError::Missing { what: "ModelProto.graph" })?;
    let ir_version = ir_version.ok_or(ReadError::Missing { what: "ModelProto.ir_version" })?;
    require("ModelProto.ir_version", ir_version, |one| (3..=14).contains(&one), "3 to 14")?;
    let version = ml_version.ok_or(ReadError::Missing { what: "opset_import of ai.onnx.ml" })?;
    require("the version of ai.onnx.ml", version, |one| one == 5, "5")?;
    let (features, ensemble) = read_graph(graph.message("ModelProto.graph")?)?;
    Ok(Model { features, ensemble, metadata })
}

fn require(
    what: &'static str,
    found: i64,
    is_right: impl Fn(i64) -> bool,
    wanted: &'static str,
) -> Result<(), ReadError> {
    if is_right(found) {
        return Ok(());
    }
    Err(ReadError::Value { what, found: found.to_string(), wanted })
}

fn require_text(what: &'static str, found: &str, wanted: &'static str) -> Result<(), ReadError> {
    if found == wanted {
        return Ok(());
    }
    Err(ReadError::Value { what, found: format!("{found:?}"), wanted })
}

fn require_type(what: &'static str, found: i64, wanted: i64) -> Result<(), ReadError> {
    let name = |number| match number {
        1 => "float",
        UINT8 => "uint8",
        7 => "int64",
        10 => "float16",
        DOUBLE => "double",
        _ => "another type",
    };
    if found == wanted {
        return Ok(());
    }
    let found = format!("{} ({found})", name(found));
    Err(ReadError::Value { what, found, wanted: name(wanted) })
}

/// Sets the version of `ai.onnx.ml`; the default domain may be there, for nothing of it is used.
fn read_opset(field: Field<'_>, ml_version: &mut Option<i64>) -> Result<(), ReadError> {
    let (mut domain, mut version) = ("", None);
    let mut message = field.message("ModelProto.opset_import")?;
    while let Some(inner) = message.next()? {
        match inner.number {
            1 => domain = inner.text("OperatorSetIdProto.domain")?,
            2 => version = Some(inner.integer("OperatorSetIdProto.version")?),
            _ => return Err(inner.unknown("OperatorSetIdProto")),
        }
    }
    match domain {
        "" | "ai.onnx" => Ok(()),
        "ai.onnx.ml" => {
            let version =
                version.ok_or(ReadError::Missing { what: "OperatorSetIdProto.version" })?;
            once(ml_version, version, "opset_import of ai.onnx.ml", field.offset)
        }
        _ => require_text("a domain of opset_import", domain, "ai.onnx.ml"),
    }
}

fn read_metadata(field: Field<'_>, metadata: &mut Vec<(String, String)>) -> Result<(), ReadError> {
    let (mut key, mut value) = ("", "");
    let mut message = field.message("ModelProto.metadata_props")?;
    while let Some(inner) = message.next()? {
        match inner.number {
            1 => key = inner.text("StringStringEntryProto.key")?,
            2 => value = inner.text("StringStringEntryProto.value")?,
            _ => return Err(inner.unknown("StringStringEntryProto")),
        }
    }
    if metadata.iter().any(|(known, _)| known == key) {
        let what = format!("metadata_props {key:?}");
        return Err(ReadError::Twice { what, offset: field.offset });
    }
    if metadata.len() == METADATA_MAX {
        return Err(ReadError::TooMany { what: "metadata_props", max: METADATA_MAX });
    }
    metadata.push((key.to_owned(), value.to_owned()));
    Ok(())
}

/// One node between one input and one output.
fn read_graph(mut message: Message<'_>) -> Result<(usize, Ensemble), ReadError> {
    let (mut node, mut input, mut output) = (None, None, None);
    while let Some(field) = message.next()? {
        match field.number {
            1 => once(&mut node, field, "GraphProto.node", field.offset)?,
            // Name, documentation.
            2 | 10 => {}
            11 => once(&mut input, field, "GraphProto.input", field.offset)?,
            12 => once(&mut output, field, "GraphProto.output", field.offset)?,
            _ => return Err(field.unknown("GraphProto")),
        }
    }
    let node = node.ok_or(ReadError::Missing { what: "GraphProto.node" })?;
    let input = input.ok_or(ReadError::Missing { what: "GraphProto.input" })?;
    let output = output.ok_or(ReadError::Missing { what: "GraphProto.output" })?;
    let node = read_node(node.message("GraphProto.node")?)?;
    let input = read_tensor_info(input.message("GraphProto.input")?)?;
    let output = read_tensor_info(output.message("GraphProto.output")?)?;
    require_name("NodeProto.input", node.input, input.name)?;
    require_name("NodeProto.output", node.output, output.name)?;
    require_type("the element type of the input", input.element, DOUBLE)?;
    require_type("the element type of the output", output.element, DOUBLE)?;
    let Some([_, features]) = input.shape else {
        return Err(ReadError::Value {
            what: "the input",
            found: "of another rank".to_owned(),
            wanted: "of shape [N, F]",
        });
    };
    let known = features.ok_or(ReadError::Missing { what: "the second dimension of the input" })?;
    let features = usize::try_from(known).unwrap_or(0);
    if features == 0 || features > FEATURES_MAX {
        let what = "the second dimension of the input";
        return Err(ReadError::Value { what, found: known.to_string(), wanted: "1 to 4096" });
    }
    Ok((features, node.ensemble))
}

fn require_name(what: &'static str, found: &str, graph: &str) -> Result<(), ReadError> {
    if found == graph {
        return Ok(());
    }
    Err(ReadError::Value { what, found: format!("{found:?}"), wanted: "the graph's own" })
}

/// A `ValueInfoProto` of a tensor.
struct TensorInfo<'a> {
    name: &'a str,
    element: i64,
    /// Dimensions; one that is a name or nothing is `None`. `None` without two of them.
    shape: Option<[Option<i64>; 2]>,
}

fn read_tensor_info<'a>(mut message: Message<'a>) -> Result<TensorInfo<'a>, ReadError> {
    let mut info = TensorInfo { name: "", element: 0, shape: None };
    let mut type_proto = None;
    while let Some(field) = message.next()? {
        match field.number {
            1 => info.name = field.text("ValueInfoProto.name")?,
            2 => once(&mut type_proto, field, "ValueInfoProto.type", field.offset)?,
            3 => {}
            _ => return Err(field.unknown("ValueInfoProto")),
        }
    }
    let type_proto = type_proto.ok_or(ReadError::Missing { what: "ValueInfoProto.type" })?;
    let mut tensor = None;
    let mut message = type_proto.message("ValueInfoProto.type")?;
    while let Some(field) = message.next()? {
        match field.number {
            1 => once(&mut tensor, field, "TypeProto.tensor_type", field.offset)?,
            _ => return Err(field.unknown("TypeProto")),
        }
    }
    let tensor = tensor.ok_or(ReadError::Missing { what: "TypeProto.tensor_type" })?;
    let mut message = tensor.message("TypeProto.tensor_type")?;
    while let Some(field) = message.next()? {
        match field.number {
            1 => info.element = field.integer("TypeProto.Tensor.elem_type")?,
            2 => info.shape = read_shape(field.message("TypeProto.Tensor.shape")?)?,
            _ => return Err(field.unknown("TypeProto.Tensor")),
        }
    }
    Ok(info)
}

fn read_shape(mut message: Message<'_>) -> Result<Option<[Option<i64>; 2]>, ReadError> {
    let mut shape = [None; 2];
    let mut rank = 0_usize;
    while let Some(field) = message.next()? {
        if field.number != 1 {
            return Err(field.unknown("TensorShapeProto"));
        }
        let mut dimension = field.message("TensorShapeProto.dim")?;
        let mut known = None;
        while let Some(inner) = dimension.next()? {
            match inner.number {
                1 => known = Some(inner.integer("TensorShapeProto.Dimension.dim_value")?),
                2 | 3 => {}
                _ => return Err(inner.unknown("TensorShapeProto.Dimension")),
            }
        }
        let Some(place) = shape.get_mut(rank) else { return Ok(None) };
        *place = known;
        rank = rank.saturating_add(1);
    }
    Ok((rank == 2).then_some(shape))
}

/// A `NodeProto` that is a `TreeEnsemble`.
struct Node<'a> {
    input: &'a str,
    output: &'a str,
    ensemble: Ensemble,
}

fn read_node<'a>(mut message: Message<'a>) -> Result<Node<'a>, ReadError> {
    let (mut input, mut output) = (None, None);
    let (mut op_type, mut domain) = ("", "");
    let mut attributes = Vec::new();
    while let Some(field) = message.next()? {
        match field.number {
            1 => once(&mut input, field.text("NodeProto.input")?, "NodeProto.input", field.offset)?,
            2 => {
                let name = field.text("NodeProto.output")?;
                once(&mut output, name, "NodeProto.output", field.offset)?;
            }
            // Name, documentation.
            3 | 6 => {}
            4 => op_type = field.text("NodeProto.op_type")?,
            5 => {
                if attributes.len() == ATTRIBUTES_MAX {
                    return Err(ReadError::TooMany { what: "attributes", max: ATTRIBUTES_MAX });
                }
                attributes.push(field);
            }
            7 => domain = field.text("NodeProto.domain")?,
            _ => return Err(field.unknown("NodeProto")),
        }
    }
    // First of all what it is: its attributes may be those of anything.
    require_text("the operator", op_type, "TreeEnsemble")?;
    require_text("the operator's domain", domain, "ai.onnx.ml")?;
    let input = input.ok_or(ReadError::Missing { what: "NodeProto.input" })?;
    let output = output.ok_or(ReadError::Missing { what: "NodeProto.output" })?;
    let mut seen = Vec::new();
    let mut ensemble = Ensemble::default();
    for field in attributes {
        let attribute = read_attribute(field)?;
        if seen.contains(&attribute.name) {
            let what = format!("attribute {:?}", attribute.name);
            return Err(ReadError::Twice { what, offset: field.offset });
        }
        seen.push(attribute.name);
        take_attribute(&mut ensemble, &attribute)?;
    }
    for what in REQUIRED {
        if !seen.contains(&what) {
            return Err(ReadError::Missing { what });
        }
    }
    Ok(Node { input, output, ensemble })
}

/// More than an operator has that we know.
const ATTRIBUTES_MAX: usize = 32;

const REQUIRED: [&str; 11] = [
    "n_targets",
    "tree_roots",
    "nodes_featureids",
    "nodes_splits",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_trueleafs",
    "nodes_falsenodeids",
    "nodes_falseleafs",
    "leaf_targetids",
    "leaf_weights",
];

/// An `AttributeProto`: what it is called, what it says it is, and what it holds.
struct Attribute<'a> {
    name: &'a str,
    kind: i64,
    integer: Option<i64>,
    tensor: Option<Field<'a>>,
    integers: Vec<i64>,
}

fn read_attribute<'a>(field: Field<'a>) -> Result<Attribute<'a>, ReadError> {
    let (mut name, mut kind) = (None, None);
    let (mut integer, mut tensor, mut integers) = (None, None, Vec::new());
    let mut message = field.message("NodeProto.attribute")?;
    while let Some(inner) = message.next()? {
        match inner.number {
            1 => {
                let text = inner.text("AttributeProto.name")?;
                once(&mut name, text, "AttributeProto.name", inner.offset)?;
            }
            3 => {
                let value = inner.integer("AttributeProto.i")?;
                once(&mut integer, value, "AttributeProto.i", inner.offset)?;
            }
            5 => once(&mut tensor, inner, "AttributeProto.t", inner.offset)?,
            8 => inner.integers("AttributeProto.ints", LEAVES_MAX, &mut integers)?,
            13 => {}
            20 => {
                let value = inner.integer("AttributeProto.type")?;
                once(&mut kind, value, "AttributeProto.type", inner.offset)?;
            }
            _ => return Err(inner.unknown("AttributeProto")),
        }
    }
    let name = name.ok_or(ReadError::Missing { what: "AttributeProto.name" })?;
    let kind = kind.ok_or(ReadError::Missing { what: "AttributeProto.type" })?;
    Ok(Attribute { name, kind, integer, tensor, integers })
}

fn take_attribute(into: &mut Ensemble, from: &Attribute<'_>) -> Result<(), ReadError> {
    match from.name {
        "aggregate_function" => from.require_integer("aggregate_function", 1, "1 (sum)"),
        "post_transform" => from.require_integer("post_transform", 0, "0 (none)"),
        "n_targets" => from.require_integer("n_targets", 1, "1"),
        "tree_roots" => from.copy_integers("tree_roots", TREES_MAX, &mut into.roots),
        "nodes_featureids" => from.nodes("nodes_featureids", &mut into.features),
        "nodes_truenodeids" => from.nodes("nodes_truenodeids", &mut into.true_ids),
        "nodes_trueleafs" => from.nodes("nodes_trueleafs", &mut into.true_leafs),
        "nodes_falsenodeids" => from.nodes("nodes_falsenodeids", &mut into.false_ids),
        "nodes_falseleafs" => from.nodes("nodes_falseleafs", &mut into.false_leafs),
        "nodes_missing_value_tracks_true" => {
            from.nodes("nodes_missing_value_tracks_true", &mut into.missing_true)
        }
        "leaf_targetids" => {
            from.copy_integers("leaf_targetids", LEAVES_MAX, &mut into.leaf_targets)
        }
        "nodes_splits" => {
            into.splits = from.tensor("nodes_splits", DOUBLE, NODES_MAX)?.doubles()?;
            Ok(())
        }
        "leaf_weights" => {
            into.leaf_weights = from.tensor("leaf_weights", DOUBLE, LEAVES_MAX)?.doubles()?;
            Ok(())
        }
        "nodes_modes" => {
            into.modes = from.tensor("nodes_modes", UINT8, NODES_MAX)?.small()?;
            Ok(())
        }
        // How often a node was visited in training: for those who lay trees out by it.
        "nodes_hitrates" => Ok(()),
        _ => Err(ReadError::Value {
            what: "an attribute of TreeEnsemble",
            found: format!("{:?}", from.name),
            wanted: "one that is scored here",
        }),
    }
}

impl<'a> Attribute<'a> {
    fn require_kind(&self, what: &'static str, wanted: i64) -> Result<(), ReadError> {
        let name = match wanted {
            INT => "an attribute of type INT (2)",
            TENSOR => "an attribute of type TENSOR (4)",
            _ => "an attribute of type INTS (7)",
        };
        require(what, self.kind, |kind| kind == wanted, name)
    }

    fn require_integer(
        &self,
        what: &'static str,
        value: i64,
        wanted: &'static str,
    ) -> Result<(), ReadError> {
        self.require_kind(what, INT)?;
        require(what, self.integer.unwrap_or(0), |found| found == value, wanted)
    }

    fn nodes(&self, what: &'static str, into: &mut Vec<i64>) -> Result<(), ReadError> {
        self.copy_integers(what, NODES_MAX, into)
    }

    fn copy_integers(
        &self,
        what: &'static str,
        max: usize,
        into: &mut Vec<i64>,
    ) -> Result<(), ReadError> {
        self.require_kind(what, INTS)?;
        if self.integers.len() > max {
            return Err(ReadError::TooMany { what, max });
        }
        into.extend_from_slice(&self.integers);
        Ok(())
    }

    fn tensor(
        &self,
        what: &'static str,
        element: i64,
        max: usize,
    ) -> Result<Tensor<'a>, ReadError> {
        self.require_kind(what, TENSOR)?;
        let field = self.tensor.ok_or(ReadError::Missing { what })?;
        let tensor = read_tensor(field.message("AttributeProto.t")?, what, max)?;
        require_type(what, tensor.element, element)?;
        let width_bytes = if element == UINT8 { 1 } else { 8 };
        if tensor.raw.is_some_and(|raw| raw.len() > max.saturating_mul(width_bytes)) {
            return Err(ReadError::TooMany { what, max });
        }
        if tensor.dims.len() != 1 {
            return Err(ReadError::Length { what, found: tensor.dims.len(), wanted: 1 });
        }
        Ok(tensor)
    }
}

/// A `TensorProto` of one dimension: its values in bytes, or in a field of their type.
struct Tensor<'a> {
    what: &'static str,
    element: i64,
    dims: Vec<i64>,
    raw: Option<&'a [u8]>,
    doubles: Vec<f64>,
    integers: Vec<i64>,
}

fn read_tensor<'a>(
    mut message: Message<'a>,
    what: &'static str,
    max: usize,
) -> Result<Tensor<'a>, ReadError> {
    let (dims, doubles, integers) = (Vec::new(), Vec::new(), Vec::new());
    let mut tensor = Tensor { what, element: 0, dims, raw: None, doubles, integers };
    while let Some(field) = message.next()? {
        match field.number {
            1 => field.integers("TensorProto.dims", 8, &mut tensor.dims)?,
            2 => tensor.element = field.integer("TensorProto.data_type")?,
            5 => field.integers(what, max, &mut tensor.integers)?,
            // Name, documentation.
            8 | 12 => {}
            9 => {
                let bytes = field.bytes("TensorProto.raw_data")?;
                once(&mut tensor.raw, bytes, "TensorProto.raw_data", field.offset)?;
            }
            10 => field.doubles(what, max, &mut tensor.doubles)?,
            _ => return Err(field.unknown("TensorProto")),
        }
    }
    Ok(tensor)
}

impl Tensor<'_> {
    /// Checks that there are as many values as the dimension says.
    fn complete<T>(&self, values: Vec<T>) -> Result<Vec<T>, ReadError> {
        let wanted = self.dims.first().and_then(|dim| usize::try_from(*dim).ok()).unwrap_or(0);
        if values.len() != wanted {
            return Err(ReadError::Length { what: self.what, found: values.len(), wanted });
        }
        Ok(values)
    }

    /// Values stand in one place: in bytes, or in the field of their type, and in no other.
    fn require_one_place(&self, others: usize) -> Result<(), ReadError> {
        if others == 0 {
            return Ok(());
        }
        Err(ReadError::Value {
            what: self.what,
            found: "in two places".to_owned(),
            wanted: "in raw_data, or in the field of its type",
        })
    }

    fn doubles(mut self) -> Result<Vec<f64>, ReadError> {
        self.require_one_place(self.integers.len())?;
        let values = std::mem::take(&mut self.doubles);
        let Some(raw) = self.raw else { return self.complete(values) };
        self.require_one_place(values.len())?;
        let (words, rest) = raw.as_chunks::<8>();
        if !rest.is_empty() {
            let wanted = raw.len().next_multiple_of(8);
            return Err(ReadError::Length { what: self.what, found: raw.len(), wanted });
        }
        self.complete(words.iter().map(|word| f64::from_le_bytes(*word)).collect())
    }

    fn small(self) -> Result<Vec<u8>, ReadError> {
        self.require_one_place(self.doubles.len())?;
        if let Some(raw) = self.raw {
            self.require_one_place(self.integers.len())?;
            return self.complete(raw.to_vec());
        }
        let mut values = Vec::with_capacity(self.integers.len());
        for value in &self.integers {
            let what = self.what;
            let wanted = "0 to 255";
            let found = value.to_string();
            let small = u8::try_from(*value);
            values.push(small.map_err(|_| ReadError::Value { what, found, wanted })?);
        }
        self.complete(values)
    }
}
