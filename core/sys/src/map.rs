//! Memory shared by processes: a file, usually under /dev/shm, mapped whole. Access is by 64-bit
//! atomic words only, so that no data race exists for the compiler to reason about.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags};

use crate::{SysError, at};

/// Bytes of a page.
pub const PAGE_BYTES: usize = 4096;

/// A run of pages of a descriptor, for [`SharedMap::assemble`].
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Where they lie.
    pub fd: rustix::fd::BorrowedFd<'a>,
    /// Where they begin, bytes.
    pub offset: usize,
    /// How much, bytes.
    pub bytes: usize,
    /// Whether this process writes them.
    pub writable: bool,
}

/// A mapped file as atomic words. Unmapped when dropped; the file stays.
#[derive(Debug)]
pub struct SharedMap {
    words: *const AtomicU64,
    len_words: usize,
    path: PathBuf,
}

/// A lock on a file that was made; see [`SharedMap::create_held`].
#[derive(Debug)]
pub struct Held {
    _fd: rustix::fd::OwnedFd,
}

// SAFETY: the mapping is plain memory that is only reached as atomics, which are Sync, and it
// lives until the one owner drops it.
unsafe impl Send for SharedMap {}
// SAFETY: as above.
unsafe impl Sync for SharedMap {}

impl SharedMap {
    /// Makes a new file of `bytes` zeros (rounded up to 8), in place of any old one, and maps it
    /// with every page present. Readers of an old file keep the old one.
    ///
    /// # Errors
    ///
    /// Whatever the system says to open, truncate, rename or mmap.
    pub fn create(path: &Path, bytes: usize) -> Result<Self, SysError> {
        let (map, _, unnamed) = Self::unnamed(path, bytes)?;
        at("rename", path.display(), rustix::fs::rename(&unnamed, path))?;
        Ok(map)
    }

    /// As [`create`](Self::create), but the file has its name only when `fill` has written what
    /// readers rely on, and it is locked (flock, exclusive) from before that until the [`Held`] and
    /// the map are dropped, or the process ends: who can lock it shared knows that it has.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and what the system says to flock.
    pub fn create_held(
        path: &Path,
        bytes: usize,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> Result<(Self, Held), SysError> {
        let (map, fd, unnamed) = Self::unnamed(path, bytes)?;
        let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        at("lock", path.display(), rustix::fs::flock(&fd, exclusive))?;
        fill(map.words());
        at("rename", path.display(), rustix::fs::rename(&unnamed, path))?;
        Ok((map, Held { _fd: fd }))
    }

    /// A new file beside `path`, mapped; its descriptor and its name.
    fn unnamed(
        path: &Path,
        bytes: usize,
    ) -> Result<(Self, rustix::fd::OwnedFd, PathBuf), SysError> {
        let fresh = path.with_extension(format!("new.{}", std::process::id()));
        let on = path.display();
        let fd = at(
            "create",
            &on,
            rustix::fs::open(
                &fresh,
                OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC,
                Mode::from_raw_mode(0o660),
            ),
        )?;
        let len_bytes = bytes.next_multiple_of(8);
        at("truncate", &on, rustix::fs::ftruncate(&fd, len_bytes as u64))?;
        Ok((Self::map(&fd, len_bytes, path, true)?, fd, fresh))
    }

    /// Maps an existing file. A reader that only looks asks for `writable = false`.
    ///
    /// # Errors
    ///
    /// Whatever the system says to open, stat or mmap; `INVAL` for an empty file or one whose
    /// length is no multiple of 8.
    pub fn open(path: &Path, writable: bool) -> Result<Self, SysError> {
        let on = path.display();
        let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
        let fd = at("open", &on, rustix::fs::open(path, access | OFlags::CLOEXEC, Mode::empty()))?;
        let stat = at("stat", &on, rustix::fs::fstat(&fd))?;
        let len_bytes = usize::try_from(stat.st_size).unwrap_or(0);
        if len_bytes == 0 || len_bytes % 8 != 0 {
            return at("map", &on, Err(rustix::io::Errno::INVAL));
        }
        Self::map(&fd, len_bytes, path, writable)
    }

    /// Maps the file at `path` if it has `bytes` (rounded up to 8), else makes it anew: for memory
    /// that outlives its writers, so that a reader which has mapped it sees the next one.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn keep(path: &Path, bytes: usize) -> Result<Self, SysError> {
        match Self::open(path, true) {
            Ok(map) if map.len_words == bytes.div_ceil(8) => Ok(map),
            _ => Self::create(path, bytes),
        }
    }

    /// Maps an open descriptor whole, readable only. `name` is for messages.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn view(fd: &rustix::fd::OwnedFd, name: &str) -> Result<Self, SysError> {
        let stat = at("stat", name, rustix::fs::fstat(fd))?;
        let len_bytes = usize::try_from(stat.st_size).unwrap_or(0);
        if len_bytes == 0 || len_bytes % 8 != 0 {
            return at("map", name, Err(rustix::io::Errno::INVAL));
        }
        Self::map(fd, len_bytes, Path::new(name), false)
    }

    /// Maps parts of several descriptors one behind the other, as if they were one file: memory
    /// whose pages have different writers. Offsets and lengths are whole pages, and lie inside
    /// their files. `name` is for messages.
    ///
    /// # Errors
    ///
    /// Whatever the system says to mmap; `INVAL` for a part that is no run of whole pages, or
    /// reaches beyond the end of its file.
    pub fn assemble(parts: &[Part<'_>], name: &str) -> Result<Self, SysError> {
        let len_bytes = parts.iter().map(|part| part.bytes).sum::<usize>();
        for part in parts {
            let stat = at("stat", name, rustix::fs::fstat(part.fd))?;
            let inside = u64::try_from(stat.st_size).unwrap_or(0)
                >= (part.offset as u64).saturating_add(part.bytes as u64);
            let pages = part.offset % PAGE_BYTES == 0 && part.bytes % PAGE_BYTES == 0;
            if !inside || !pages || part.bytes == 0 {
                return at("map", name, Err(rustix::io::Errno::INVAL));
            }
        }
        // SAFETY: a fresh private mapping at an address of the kernel's choice, without access:
        // it only keeps the range for the parts.
        let start = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                len_bytes,
                ProtFlags::empty(),
                MapFlags::PRIVATE,
            )
        };
        let start = at("mmap", name, start)?;
        let whole = Self {
            words: start.cast::<AtomicU64>(),
            len_words: len_bytes / 8,
            path: PathBuf::from(name),
        };
        let mut filled = 0;
        for part in parts {
            let write = if part.writable { ProtFlags::WRITE } else { ProtFlags::empty() };
            // SAFETY: the part lies inside the range that `whole` owns, and replaces pages that
            // nothing refers to yet; Drop unmaps the whole range.
            let mapped = unsafe {
                rustix::mm::mmap(
                    start.byte_add(filled),
                    part.bytes,
                    ProtFlags::READ | write,
                    MapFlags::SHARED | MapFlags::POPULATE | MapFlags::FIXED,
                    part.fd,
                    part.offset as u64,
                )
            };
            at("mmap", name, mapped)?;
            filled += part.bytes;
        }
        Ok(whole)
    }

    fn map(
        fd: &rustix::fd::OwnedFd,
        len_bytes: usize,
        path: &Path,
        writable: bool,
    ) -> Result<Self, SysError> {
        let protection =
            if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        // SAFETY: a fresh shared mapping at an address of the kernel's choice; nothing else
        // refers to it, and Drop unmaps exactly this range.
        let address = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len_bytes,
                protection,
                MapFlags::SHARED | MapFlags::POPULATE,
                fd,
                0,
            )
        };
        let address = at("mmap", path.display(), address)?;
        Ok(Self {
            words: address.cast::<AtomicU64>(),
            len_words: len_bytes / 8,
            path: path.to_path_buf(),
        })
    }

    /// The memory. Storing through a map that was opened read-only ends the process.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the range was mapped with this length, is aligned to a page, and stays mapped
        // as long as self lives. The file is never made shorter: `create` replaces it instead.
        unsafe { std::slice::from_raw_parts(self.words, self.len_words) }
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SharedMap {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `map` made, and no reference to it outlives self.
        let _ = unsafe { rustix::mm::munmap(self.words.cast_mut().cast(), self.len_words * 8) };
    }
}
