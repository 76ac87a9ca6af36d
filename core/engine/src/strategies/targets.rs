//! The memory of a strategy's targets (`touchline_ring::targets`): made when the reception starts,
//! kept as long as the engine runs, and handed to those who read or write it. The engine itself
//! never looks at it again.

use std::os::fd::{AsFd, OwnedFd};

use touchline_ring::TargetsWriter;
use touchline_ring::targets::targets_bytes;
use touchline_sys::{Errno, Part, Seal, SharedMap, SysError, for_reading, memory, seal};

/// The memory, by two descriptors.
#[derive(Debug)]
pub(crate) struct TargetsPiece {
    /// For the one who sets them.
    pub(crate) write: OwnedFd,
    /// For the strategy, and for who looks.
    pub(crate) read: OwnedFd,
}

impl TargetsPiece {
    /// Makes the memory, with room for a row of each instrument, and seals its length.
    pub(crate) fn make(instruments: usize) -> Result<Self, SysError> {
        let bytes = targets_bytes(instruments);
        let write = memory("touchline targets", bytes)?;
        let part = Part { fd: write.as_fd(), offset: 0, bytes, writable: true };
        let map = SharedMap::assemble(&[part], "targets")?;
        TargetsWriter::take(map, instruments).map_err(|error| SysError {
            call: "format",
            on: format!("targets: {error}"),
            errno: Errno::INVAL,
        })?;
        seal(&write, Seal::Length)?;
        let read = for_reading(&write)?;
        Ok(Self { write, read })
    }
}
