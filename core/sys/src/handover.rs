//! Memory that is handed to another process: a sealed memfd, and the unix socket that it travels
//! by.
//!
//! A sealed memfd can be made neither shorter nor longer, so that a mapping of it never faults.
//! With `FUTURE_WRITE` only who had mapped it before can write it, and nobody can punch holes.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketAddrUnix, SocketFlags,
    SocketType,
};

use crate::{SysError, at};

/// Descriptors that one message carries at most.
const DESCRIPTORS_MAX: usize = 8;
/// Connections that wait to be taken.
const BACKLOG: i32 = 64;

/// Who may write a memfd once it is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Whoever has it: another seal is to follow.
    LengthForNow,
    /// Whoever has it, and no seal can follow.
    Length,
    /// Only who has mapped it for writing by now, and only that way: no seal can follow.
    LengthAndWrites,
}

/// A memfd of `bytes` zeros. Seal it when it is mapped.
///
/// # Errors
///
/// Whatever the system says to `memfd_create` or ftruncate.
pub fn memory(name: &str, bytes: usize) -> Result<OwnedFd, SysError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = at("memfd_create", name, rustix::fs::memfd_create(name, flags))?;
    at("truncate", name, rustix::fs::ftruncate(&fd, bytes as u64))?;
    Ok(fd)
}

/// Seals a memfd; what is sealed stays so.
///
/// # Errors
///
/// Whatever the system says to fcntl.
pub fn seal(fd: impl AsFd, seal: Seal) -> Result<(), SysError> {
    let writes = match seal {
        Seal::LengthForNow => SealFlags::empty(),
        Seal::Length => SealFlags::SEAL,
        Seal::LengthAndWrites => SealFlags::FUTURE_WRITE | SealFlags::SEAL,
    };
    let length = SealFlags::SHRINK | SealFlags::GROW;
    at("seal", "memfd", rustix::fs::fcntl_add_seals(fd, length | writes))
}

/// Another descriptor of a memfd, by which it can only be read, and which no process of another
/// user than ours can open again for more: its mode is ours alone.
///
/// # Errors
///
/// Whatever the system says to chmod, or to open below /proc.
pub fn for_reading(fd: impl AsFd) -> Result<OwnedFd, SysError> {
    let fd = fd.as_fd();
    at("chmod", "memfd", rustix::fs::fchmod(fd, Mode::from_raw_mode(0o600)))?;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    at("open", &path, rustix::fs::open(&path, flags, Mode::empty()))
}

/// One end of a connection that carries whole messages and descriptors. Never blocks.
#[derive(Debug)]
pub struct Link {
    fd: OwnedFd,
}

/// Where peers connect. The socket's file is removed when it is dropped.
#[derive(Debug)]
pub struct LinkListener {
    fd: OwnedFd,
    path: PathBuf,
}

/// A message as it came.
#[derive(Debug)]
pub enum Received {
    /// Nothing waits.
    Nothing,
    /// The peer has gone.
    Closed,
    /// So many bytes, and the descriptors beside them. `whole` is false if the message was longer
    /// than the buffer, or had more descriptors than are taken.
    Message {
        /// Bytes written to the buffer.
        len: usize,
        /// Descriptors.
        fds: Vec<OwnedFd>,
        /// Whether nothing was cut off.
        whole: bool,
    },
}

/// Which users the system lets connect. The owner of the socket's file and root always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    /// Nobody else.
    Owner,
    /// Whoever reaches the file through its folders: who listens asks each for its
    /// [`peer_uid`](Link::peer_uid).
    Everybody,
}

impl LinkListener {
    /// Listens at `path`, in place of what lies there. The mode of the file is what `admits` says,
    /// whatever the umask is.
    ///
    /// # Errors
    ///
    /// Whatever the system says to socket, bind, chmod or listen.
    pub fn bind(path: &Path, admits: Admits) -> Result<Self, SysError> {
        let _ = std::fs::remove_file(path);
        let on = path.display();
        let fd = at("socket", &on, seqpacket())?;
        let address = at("address", &on, SocketAddrUnix::new(path))?;
        at("bind", &on, rustix::net::bind(&fd, &address))?;
        let mode = match admits {
            Admits::Owner => 0o600,
            Admits::Everybody => 0o666,
        };
        at("chmod", &on, rustix::fs::chmod(path, Mode::from_raw_mode(mode)))?;
        at("listen", &on, rustix::net::listen(&fd, BACKLOG))?;
        Ok(Self { fd, path: path.to_path_buf() })
    }

    /// Takes a connection, if one waits.
    ///
    /// # Errors
    ///
    /// Whatever the system says to accept, but that there is none.
    pub fn accept(&self) -> Result<Option<Link>, SysError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        match rustix::net::accept_with(&self.fd, flags) {
            Ok(fd) => Ok(Some(Link { fd })),
            Err(
                rustix::io::Errno::AGAIN | rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED,
            ) => Ok(None),
            Err(errno) => at("accept", self.path.display(), Err(errno)),
        }
    }

    /// For a poller.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for LinkListener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Link {
    /// Connects to a listener.
    ///
    /// # Errors
    ///
    /// Whatever the system says to socket or connect.
    pub fn connect(path: &Path) -> Result<Self, SysError> {
        let on = path.display();
        let fd = at("socket", &on, seqpacket())?;
        let address = at("address", &on, SocketAddrUnix::new(path))?;
        at("connect", &on, rustix::net::connect(&fd, &address))?;
        Ok(Self { fd })
    }

    /// An end that was handed over.
    #[must_use]
    pub const fn of(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Both ends of a new connection, of which the first one hears nothing: what is sent to it
    /// fails at the sender. So nothing of a process that is not trusted ever waits at it, not even
    /// when it is closed.
    ///
    /// # Errors
    ///
    /// Whatever the system says to socketpair or shutdown.
    pub fn pair() -> Result<(Self, Self), SysError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let made = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        let (deaf, other) = at("socketpair", "", made)?;
        at("shutdown", "", rustix::net::shutdown(&deaf, Shutdown::Read))?;
        Ok((Self { fd: deaf }, Self { fd: other }))
    }

    /// Sends a message without content, to wake who waits for one. Never blocks, whatever the other
    /// end has done to the socket; where it reads none, enough are there already.
    pub fn ring(&self) {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ = rustix::net::send(&self.fd, b"r", flags);
    }

    /// Sends one message with descriptors beside it, which stay ours. `Ok(false)` when the peer
    /// does not read what was sent before.
    ///
    /// # Errors
    ///
    /// Whatever else the system says to sendmsg.
    pub fn send(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> Result<bool, SysError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return at("sendmsg", "descriptors", Err(rustix::io::Errno::TOOBIG));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match rustix::net::sendmsg(&self.fd, &[IoSlice::new(message)], &mut control, flags) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::AGAIN) => Ok(false),
            Err(errno) => at("sendmsg", "", Err(errno)),
        }
    }

    /// Takes the next message.
    ///
    /// # Errors
    ///
    /// Whatever the system says to recvmsg, but that the peer has gone.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Received, SysError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(buffer)];
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let message = match rustix::net::recvmsg(&self.fd, &mut parts, &mut control, flags) {
            Ok(message) => message,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {
                return Ok(Received::Nothing);
            }
            Err(rustix::io::Errno::CONNRESET | rustix::io::Errno::PIPE) => {
                return Ok(Received::Closed);
            }
            Err(errno) => return at("recvmsg", "", Err(errno)),
        };
        let mut fds = Vec::new();
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(handed) = part {
                fds.extend(handed);
            }
        }
        if message.bytes == 0 {
            return Ok(Received::Closed);
        }
        let whole = !message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
        Ok(Received::Message { len: message.bytes, fds, whole })
    }

    /// User of the process at the other end, as it was when it connected.
    ///
    /// # Errors
    ///
    /// Whatever the system says to getsockopt.
    pub fn peer_uid(&self) -> Result<u32, SysError> {
        let peer = at("peer", "", rustix::net::sockopt::socket_peercred(&self.fd))?;
        Ok(peer.uid.as_raw())
    }

    /// Ends the connection for both sides.
    pub fn shut(&self) {
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Both);
    }

    /// For a poller.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn seqpacket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// User of this process.
#[must_use]
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
