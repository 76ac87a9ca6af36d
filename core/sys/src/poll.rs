//! Waiting for descriptors: epoll, level triggered. A poller is itself a descriptor, so pollers
//! nest: a composite program waits for the pollers of its agents.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use crate::{SysError, at};

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
    /// Something more to read than before: told once.
    Edge,
    /// Nothing, for a while: it stays in the set.
    Nothing,
}

/// One descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The key that it was added with.
    pub key: u64,
    /// There is something to read, an end of file, or an error to collect.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
}

/// An epoll set.
pub struct Poller {
    fd: OwnedFd,
    events: Vec<epoll::Event>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Poller({:?})", self.fd)
    }
}

// SAFETY: what keeps an epoll event from being sent is the pointer that its data may be; ours are
// numbers, put there by `add` and `modify` alone.
unsafe impl Send for Poller {}

impl Poller {
    /// An empty set that reports at most `events_max` descriptors a call.
    ///
    /// # Errors
    ///
    /// Whatever the system says to `epoll_create1`.
    pub fn new(events_max: usize) -> Result<Self, SysError> {
        let fd = at("epoll_create", "", epoll::create(epoll::CreateFlags::CLOEXEC))?;
        Ok(Self { fd, events: Vec::with_capacity(events_max.max(1)) })
    }

    /// Adds a descriptor under a key.
    ///
    /// # Errors
    ///
    /// Whatever the system says to `epoll_ctl`.
    pub fn add(&self, fd: impl AsFd, key: u64, interest: Interest) -> Result<(), SysError> {
        let data = epoll::EventData::new_u64(key);
        at("epoll add", key, epoll::add(&self.fd, fd, data, flags(interest)))
    }

    /// Changes what is waited for.
    ///
    /// # Errors
    ///
    /// Whatever the system says to `epoll_ctl`.
    pub fn modify(&self, fd: impl AsFd, key: u64, interest: Interest) -> Result<(), SysError> {
        let data = epoll::EventData::new_u64(key);
        at("epoll modify", key, epoll::modify(&self.fd, fd, data, flags(interest)))
    }

    /// Takes a descriptor out. Closing it does the same.
    ///
    /// # Errors
    ///
    /// Whatever the system says to `epoll_ctl`.
    pub fn remove(&self, fd: impl AsFd) -> Result<(), SysError> {
        at("epoll remove", "", epoll::delete(&self.fd, fd))
    }

    /// Waits at most `timeout_ns` (`None`: for ever, 0: not at all) and appends what is ready to
    /// `ready`. Interrupted by a signal it returns with nothing.
    ///
    /// # Errors
    ///
    /// Whatever the system says to `epoll_pwait2`, but `EINTR`.
    pub fn wait(
        &mut self,
        timeout_ns: Option<u64>,
        ready: &mut Vec<Readiness>,
    ) -> Result<(), SysError> {
        let timeout = timeout_ns.map(|ns| rustix::time::Timespec {
            tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(ns % 1_000_000_000).unwrap_or(0),
        });
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.fd, spare, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(errno) => return at("epoll_wait", "", Err(errno)),
        }
        ready.extend(self.events.iter().map(|event| {
            let flags = event.flags;
            Readiness {
                key: event.data.u64(),
                readable: flags.intersects(
                    epoll::EventFlags::IN
                        | epoll::EventFlags::HUP
                        | epoll::EventFlags::ERR
                        | epoll::EventFlags::RDHUP,
                ),
                writable: flags.contains(epoll::EventFlags::OUT),
            }
        }));
        Ok(())
    }

    /// Its own descriptor, readable when any of its members is ready.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn flags(interest: Interest) -> epoll::EventFlags {
    match interest {
        Interest::Read => epoll::EventFlags::IN,
        Interest::ReadWrite => epoll::EventFlags::IN | epoll::EventFlags::OUT,
        Interest::Edge => epoll::EventFlags::IN | epoll::EventFlags::ET,
        // The system adds errors and hang-ups by itself; once is enough for those, too.
        Interest::Nothing => epoll::EventFlags::ET,
    }
}
