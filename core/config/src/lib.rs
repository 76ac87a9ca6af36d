//! venue.toml: read, checked, and turned into the limits of every part.
