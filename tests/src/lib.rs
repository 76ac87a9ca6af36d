//! House rules and tests over several crates.
#![forbid(unsafe_code)]
