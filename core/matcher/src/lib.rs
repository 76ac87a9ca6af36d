//! The matcher: (state, command) -> (state, events).
