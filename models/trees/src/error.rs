//! What can be wrong with a file, and where.

use core::fmt;

/// Why a file is no forest. An offset counts bytes from the start of the file, a node, leaf or tree
/// from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The file ends, or the message around it does, before what begins here.
    Truncated {
        /// Where it begins.
        offset: usize,
    },
    /// A number that is longer than ten bytes or exceeds 64 bits.
    Varint {
        /// Where it begins.
        offset: usize,
    },
    /// A field's number is 0 or above 2^29 - 1, or its wire type is none that is in use.
    Key {
        /// Where the field begins.
        offset: usize,
    },
    /// A field is not of the kind that ONNX gives it.
    Kind {
        /// The field.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// What ONNX says that it is.
        wanted: &'static str,
    },
    /// A field that is not known here, and may change what the file means.
    Field {
        /// The message that it is in.
        message: &'static str,
        /// Its number.
        number: u32,
        /// Where it begins.
        offset: usize,
    },
    /// There may be one of these, and this is the second.
    Twice {
        /// The thing.
        what: String,
        /// Where the second one begins.
        offset: usize,
    },
    /// Something has to be there and is not.
    Missing {
        /// The thing.
        what: &'static str,
    },
    /// A value is not the one that is scored here.
    Value {
        /// What has it.
        what: &'static str,
        /// The value.
        found: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// Two things that belong together differ in number.
    Length {
        /// The thing.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// There are more than a forest may have.
    TooMany {
        /// The thing.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// A value of an inner node cannot be.
    Node {
        /// The node.
        node: usize,
        /// The attribute that has the value.
        what: &'static str,
        /// The value.
        found: String,
        /// What it has to be.
        wanted: String,
    },
    /// A value of a leaf cannot be.
    Leaf {
        /// The leaf.
        leaf: usize,
        /// The attribute that has the value.
        what: &'static str,
        /// The value.
        found: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// The root of a tree is no node.
    Root {
        /// The tree.
        tree: usize,
        /// What `tree_roots` says.
        found: i64,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A node is reached a second time: a cycle, or two parents.
    Reached {
        /// The node.
        node: usize,
        /// The tree that reaches it the second time.
        tree: usize,
    },
    /// A node is in no tree.
    Unreached {
        /// The node.
        node: usize,
    },
    /// A tree has more than [`crate::DEPTH_MAX`] decisions on one of its ways.
    Deep {
        /// The tree.
        tree: usize,
    },
    /// The largest leaves of all trees exceed, in sum, what a double holds.
    Overflow,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => {
                write!(f, "byte {offset}: what begins here ends beyond its message or the file")
            }
            Self::Varint { offset } => write!(f, "byte {offset}: a number of more than 64 bits"),
            Self::Key { offset } => write!(f, "byte {offset}: no key of a protobuf field"),
            Self::Kind { what, offset, wanted } => {
                write!(f, "byte {offset}: {what} is not {wanted}")
            }
            Self::Field { message, number, offset } => write!(
                f,
                "byte {offset}: field {number} of {message} is not known here, and may change \
                 what the file means"
            ),
            Self::Twice { what, offset } => {
                write!(f, "byte {offset}: a second {what}, where there may be one")
            }
            Self::Missing { what } => write!(f, "{what} is missing"),
            Self::Value { what, found, wanted } => {
                write!(f, "{what} is {found}, and has to be {wanted}")
            }
            Self::Length { what, found, wanted } => {
                write!(f, "{what}: there are {found}, and have to be {wanted}")
            }
            Self::TooMany { what, max } => write!(f, "{what}: there may be at most {max}"),
            Self::Node { node, what, found, wanted } => {
                write!(f, "node {node}: {what} is {found}, and has to be {wanted}")
            }
            Self::Leaf { leaf, what, found, wanted } => {
                write!(f, "leaf {leaf}: {what} is {found}, and has to be {wanted}")
            }
            Self::Root { tree, found, nodes } => {
                write!(f, "tree {tree}: its root is node {found}, and there are {nodes} nodes")
            }
            Self::Reached { node, tree } => write!(
                f,
                "node {node}: tree {tree} reaches it a second time (a cycle, or two parents)"
            ),
            Self::Unreached { node } => write!(f, "node {node}: it is in no tree"),
            Self::Deep { tree } => {
                write!(f, "tree {tree}: deeper than {} decisions", crate::DEPTH_MAX)
            }
            Self::Overflow => {
                write!(f, "leaf_weights: the largest of each tree are infinite in sum")
            }
        }
    }
}

impl std::error::Error for ReadError {}
