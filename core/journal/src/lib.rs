//! The journal of sequenced commands: append, checksum, replay.
