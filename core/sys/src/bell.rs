//! Doorbells: a named FIFO per sleeping agent. It has a path, so any process of the venue may ring
//! it without handing over descriptors, and it can stand in an epoll set beside sockets, so an
//! agent waits for rings and network in one call. Whether anybody sleeps is a flag in the ring (see
//! touchline-ring): a bell is only rung for a sleeper. A wrong ring costs one spurious wake.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::event::EventfdFlags;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags};

use crate::{SysError, at};

/// Reads that empty a full FIFO of the usual size.
const DRAIN_READS_MAX: usize = 16;

/// The owner's end: waits for it in a [`crate::Poller`], and empties it when woken.
#[derive(Debug)]
pub struct Bell {
    fd: OwnedFd,
    path: PathBuf,
}

/// The other end: rings.
#[derive(Debug)]
pub struct Ringer {
    fd: OwnedFd,
}

impl Bell {
    /// Makes the FIFO at `path`, or takes over the one that stands there.
    ///
    /// # Errors
    ///
    /// Whatever the system says to mknod or open.
    pub fn create(path: &Path) -> Result<Self, SysError> {
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            FileType::Fifo,
            Mode::from_raw_mode(0o660),
            0,
        );
        match made {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return at("mkfifo", path.display(), Err(errno)),
        }
        // Opened for reading and writing: the read side then never sees end of file.
        let fd = open_fifo(path)?;
        Ok(Self { fd, path: path.to_path_buf() })
    }

    /// Takes the rings that have come. Bounded: who rings without end only keeps the owner awake.
    pub fn drain(&self) {
        let mut sink = [0_u8; 4096];
        for _ in 0..DRAIN_READS_MAX {
            if rustix::io::read(&self.fd, &mut sink) != Ok(sink.len()) {
                break;
            }
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its descriptor, for a poller.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Ringer {
    /// Opens the FIFO of another agent, which must have made it.
    ///
    /// # Errors
    ///
    /// Whatever the system says to open.
    pub fn open(path: &Path) -> Result<Self, SysError> {
        Ok(Self { fd: open_fifo(path)? })
    }

    /// Rings. A full FIFO is as good as a ring: the sleeper will wake.
    pub fn ring(&self) {
        let _ = rustix::io::write(&self.fd, &[1]);
    }
}

/// A bell that is handed over: an event counter without a name. Its owner waits for its edges in a
/// poller and never reads it, for a read could block once the other end has made it blocking.
#[derive(Debug)]
pub struct EventBell {
    fd: OwnedFd,
}

impl EventBell {
    /// A new one.
    ///
    /// # Errors
    ///
    /// Whatever the system says to eventfd.
    pub fn create() -> Result<Self, SysError> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self { fd: at("eventfd", "", rustix::event::eventfd(0, flags))? })
    }

    /// One that was handed over.
    #[must_use]
    pub const fn of(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Rings. A full counter is as good as a ring.
    pub fn ring(&self) {
        let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
    }

    /// Another descriptor of it, to hand over.
    ///
    /// # Errors
    ///
    /// Whatever the system says to dup.
    pub fn share(&self) -> Result<OwnedFd, SysError> {
        at("dup", "eventfd", rustix::io::fcntl_dupfd_cloexec(&self.fd, 0))
    }

    /// Its descriptor, for a poller.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn open_fifo(path: &Path) -> Result<OwnedFd, SysError> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    at("open", path.display(), rustix::fs::open(path, flags, Mode::empty()))
}
