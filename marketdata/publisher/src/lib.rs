//! The publisher agent: incremental, snapshot and definition channels.
