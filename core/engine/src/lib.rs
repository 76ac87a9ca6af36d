//! The engine agent: fair poll, sequencer, matcher, journal, release.
