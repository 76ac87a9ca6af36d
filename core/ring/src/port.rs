//! The memory between the engine and one strategy process: a command ring and a ring of its
//! executions, over two pieces that have one writer each.
//!
//! ```text
//! engine piece                              strategy piece
//!   page 0  header of the command ring        page 0  command ring: producer
//!   page 1  command ring: consumer            page 1  executions: reader
//!   page 2  header of the executions          page 2  command records
//!   page 3  executions: producer
//!   page 4  execution records                 page 50 gauges, see [`crate::gauges`]
//! ```
//!
//! Each side maps the pages of both pieces one behind the other, as [`crate::layout`] has them, and
//! writes those of its own piece alone (but that the engine takes back a reader's sleeping flag).
//! The engine seals both: neither changes its length, nobody but the engine can write the engine's,
//! and once the strategy has mapped its own nobody else can, nor can anybody punch holes into it.
//! What the strategy writes, the engine copies and then checks; a lie in it is the strategy's own
//! loss.

use std::os::fd::AsFd;

use touchline_sys::{PAGE_BYTES, Part, SharedMap, SysError};
use touchline_types::{Command, PrivateRecord, Record};

/// Commands that wait for the engine at most.
pub const COMMANDS: usize = 1 << 10;
/// Records of executions; the reader may fall behind by so many.
pub const EXECUTIONS: usize = 1 << 13;

const COMMAND_BYTES: usize = COMMANDS * <Command as Record>::BYTES;
const EXECUTION_BYTES: usize = EXECUTIONS * <PrivateRecord as Record>::BYTES;

/// Bytes of the engine's piece.
pub const ENGINE_BYTES: usize = 4 * PAGE_BYTES + EXECUTION_BYTES;
/// Bytes of the strategy's piece.
pub const STRATEGY_BYTES: usize = 3 * PAGE_BYTES + COMMAND_BYTES;
/// Page of the strategy's piece with its gauges.
const GAUGES_PAGE: usize = 2 + COMMAND_BYTES / PAGE_BYTES;

const _: () = assert!(COMMAND_BYTES.is_multiple_of(PAGE_BYTES));
const _: () = assert!(EXECUTION_BYTES.is_multiple_of(PAGE_BYTES));
const _: () = assert!(crate::layout::ring_bytes(0, 0) == 3 * PAGE_BYTES);
const _: () = assert!(GAUGES_PAGE == 50 && crate::gauges::WORDS * 8 <= PAGE_BYTES);

/// Hash of everything that both sides rely on, the rings' layout included: a strategy of another
/// build is refused.
pub const LAYOUT_HASH: u64 = {
    let pieces = [ENGINE_BYTES as u64, STRATEGY_BYTES as u64, GAUGES_PAGE as u64];
    crate::layout::hash(
        crate::layout::hash(crate::layout::LAYOUT_HASH, &pieces),
        &crate::gauges::NUMBERS,
    )
};

/// Who maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The engine: consumes commands, produces executions.
    Engine,
    /// The strategy.
    Strategy,
}

/// The memory of both rings: commands, executions.
///
/// # Errors
///
/// Whatever the system says to mmap; `INVAL` if a piece is too short.
pub fn map(
    end: End,
    engine: impl AsFd,
    strategy: impl AsFd,
) -> Result<(SharedMap, SharedMap), SysError> {
    let (engine, strategy) = (engine.as_fd(), strategy.as_fd());
    let part = |owner: End, page: usize, bytes: usize| Part {
        fd: if owner == End::Engine { engine } else { strategy },
        offset: page * PAGE_BYTES,
        bytes,
        writable: owner == end,
    };
    // A producer takes a sleeping flag back, where it may.
    let reader = Part { writable: true, ..part(End::Strategy, 1, PAGE_BYTES) };
    let commands = [
        part(End::Engine, 0, PAGE_BYTES),
        part(End::Strategy, 0, PAGE_BYTES),
        part(End::Engine, 1, PAGE_BYTES),
        part(End::Strategy, 2, COMMAND_BYTES),
    ];
    let executions = [
        part(End::Engine, 2, PAGE_BYTES),
        part(End::Engine, 3, PAGE_BYTES),
        reader,
        part(End::Engine, 4, EXECUTION_BYTES),
    ];
    Ok((
        SharedMap::assemble(&commands, "command ring")?,
        SharedMap::assemble(&executions, "executions")?,
    ))
}

/// The page of the gauges.
///
/// # Errors
///
/// As [`map`].
pub fn map_gauges(end: End, strategy: impl AsFd) -> Result<SharedMap, SysError> {
    let page = Part {
        fd: strategy.as_fd(),
        offset: GAUGES_PAGE * PAGE_BYTES,
        bytes: PAGE_BYTES,
        writable: end == End::Strategy,
    };
    SharedMap::assemble(&[page], "gauges")
}
