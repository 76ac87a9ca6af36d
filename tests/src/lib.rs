//! House rules and tests over several crates.
