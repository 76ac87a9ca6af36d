//! The lines of the feed: which channel a socket carries, and which of the two copies of it.

/// What a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// Book changes as they happen.
    Incremental,
    /// Whole books, cyclic.
    Snapshot,
    /// What the instruments are, cyclic.
    Definition,
}

/// One line: a channel, and its copy A or B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// Book changes, copy A.
    IncrementalA,
    /// Book changes, copy B.
    IncrementalB,
    /// Whole books, copy A.
    SnapshotA,
    /// Whole books, copy B.
    SnapshotB,
    /// Instruments, copy A.
    DefinitionA,
    /// Instruments, copy B.
    DefinitionB,
}

impl Line {
    /// Every line; a line stands at its [`index`](Self::index).
    pub const ALL: [Self; 6] = [
        Self::IncrementalA,
        Self::IncrementalB,
        Self::SnapshotA,
        Self::SnapshotB,
        Self::DefinitionA,
        Self::DefinitionB,
    ];

    /// The line of a channel; `b` is true for copy B.
    #[must_use]
    pub const fn of(channel: ChannelKind, b: bool) -> Self {
        match (channel, b) {
            (ChannelKind::Incremental, false) => Self::IncrementalA,
            (ChannelKind::Incremental, true) => Self::IncrementalB,
            (ChannelKind::Snapshot, false) => Self::SnapshotA,
            (ChannelKind::Snapshot, true) => Self::SnapshotB,
            (ChannelKind::Definition, false) => Self::DefinitionA,
            (ChannelKind::Definition, true) => Self::DefinitionB,
        }
    }

    /// Its channel.
    #[must_use]
    pub const fn channel(self) -> ChannelKind {
        match self {
            Self::IncrementalA | Self::IncrementalB => ChannelKind::Incremental,
            Self::SnapshotA | Self::SnapshotB => ChannelKind::Snapshot,
            Self::DefinitionA | Self::DefinitionB => ChannelKind::Definition,
        }
    }

    /// True for copy B.
    #[must_use]
    pub const fn is_b(self) -> bool {
        matches!(self, Self::IncrementalB | Self::SnapshotB | Self::DefinitionB)
    }

    /// Its place in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name, as counters spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IncrementalA => "incremental_a",
            Self::IncrementalB => "incremental_b",
            Self::SnapshotA => "snapshot_a",
            Self::SnapshotB => "snapshot_b",
            Self::DefinitionA => "definition_a",
            Self::DefinitionB => "definition_b",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_channel_its_copy_and_its_index() {
        for (index, line) in Line::ALL.into_iter().enumerate() {
            assert_eq!(line.index(), index);
            assert_eq!(Line::of(line.channel(), line.is_b()), line);
        }
    }
}
