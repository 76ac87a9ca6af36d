//! Tapes: the public records of a venue in a file, one after the other, and how a flow is played
//! into a matcher of our own to make one. What a strategy would have been told, without a venue.

mod file;
mod press;

pub use file::{HEAD_BYTES, LAYOUT_HASH, MAGIC, TapeWriter, VERSION};
pub use press::{Press, TapeError};
