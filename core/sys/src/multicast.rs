//! UDP multicast over plain sockets: the sender of a line, and the receiver of one.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::sockopt;

use crate::{SysError, at};

/// Sends datagrams to one group. Never blocks: a full socket buffer is reported to the caller.
#[derive(Debug)]
pub struct MulticastSender {
    socket: UdpSocket,
    group: SocketAddrV4,
}

/// Receives the datagrams of one group.
#[derive(Debug)]
pub struct MulticastReceiver {
    socket: UdpSocket,
    group: SocketAddrV4,
}

impl MulticastSender {
    /// A socket that sends to `group` out of the interface with address `interface`, with the
    /// given time to live (0: this host only), seen by listeners on this host.
    ///
    /// # Errors
    ///
    /// Whatever the system says to socket or setsockopt.
    pub fn open(group: SocketAddrV4, interface: Ipv4Addr, ttl: u32) -> Result<Self, SysError> {
        let socket = bind(SocketAddrV4::new(interface, 0))?;
        at("multicast interface", interface, sockopt::set_ip_multicast_if(&socket, &interface))?;
        at("multicast loop", group, sockopt::set_ip_multicast_loop(&socket, true))?;
        at("multicast ttl", group, sockopt::set_ip_multicast_ttl(&socket, ttl))?;
        at("send buffer", group, sockopt::set_socket_send_buffer_size(&socket, 4 << 20))?;
        at("connect", group, rustix::net::connect(&socket, &group))?;
        nonblocking(&socket, group)?;
        Ok(Self { socket, group })
    }

    /// Hands one datagram to the system: `Ok(false)` when its buffer is full.
    ///
    /// # Errors
    ///
    /// Whatever else the system says to send.
    pub fn send(&self, datagram: &[u8]) -> Result<bool, SysError> {
        match rustix::net::send(&self.socket, datagram, rustix::net::SendFlags::DONTWAIT) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOBUFS) => Ok(false),
            Err(errno) => at("send", self.group, Err(errno)),
        }
    }
}

impl MulticastReceiver {
    /// Joins `group` on the interface with address `interface`. Several receivers may join on one
    /// host. The receive buffer is made as large as the system allows, up to `buffer_bytes`.
    ///
    /// # Errors
    ///
    /// Whatever the system says to socket, bind, setsockopt or join.
    pub fn join(
        group: SocketAddrV4,
        interface: Ipv4Addr,
        buffer_bytes: usize,
    ) -> Result<Self, SysError> {
        let fd = at(
            "socket",
            group,
            rustix::net::socket_with(
                rustix::net::AddressFamily::INET,
                rustix::net::SocketType::DGRAM,
                rustix::net::SocketFlags::CLOEXEC,
                None,
            ),
        )?;
        at("reuse address", group, sockopt::set_socket_reuseaddr(&fd, true))?;
        if sockopt::set_socket_recv_buffer_size_force(&fd, buffer_bytes).is_err() {
            at("receive buffer", group, sockopt::set_socket_recv_buffer_size(&fd, buffer_bytes))?;
        }
        // Bound to the group, so that other groups on the same port stay out.
        at("bind", group, rustix::net::bind(&fd, &group))?;
        at("join", group, sockopt::set_ip_add_membership(&fd, group.ip(), &interface))?;
        let socket = UdpSocket::from(fd);
        nonblocking(&socket, group)?;
        Ok(Self { socket, group })
    }

    /// The next datagram, or `None` when nothing has come. A datagram longer than `buffer` is cut.
    ///
    /// # Errors
    ///
    /// Whatever the system says to recv.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<Option<&'a [u8]>, SysError> {
        match rustix::net::recv(&self.socket, &mut *buffer, rustix::net::RecvFlags::DONTWAIT) {
            Ok((count, _)) => Ok(Some(&buffer[..count])),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(errno) => at("recv", self.group, Err(errno)),
        }
    }

    /// Its descriptor, for a poller.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The group that it joined.
    #[must_use]
    pub const fn group(&self) -> SocketAddrV4 {
        self.group
    }
}

fn bind(address: SocketAddrV4) -> Result<UdpSocket, SysError> {
    UdpSocket::bind(address).map_err(|error| SysError {
        call: "bind",
        on: address.to_string(),
        errno: error
            .raw_os_error()
            .map_or(rustix::io::Errno::IO, rustix::io::Errno::from_raw_os_error),
    })
}

fn nonblocking(socket: &UdpSocket, group: SocketAddrV4) -> Result<(), SysError> {
    at("nonblocking", group, rustix::io::ioctl_fionbio(socket, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_reaches_every_receiver_of_its_group_on_this_host() {
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 77, 0, 1), 31_977);
        let lo = Ipv4Addr::LOCALHOST;
        let receivers = [(); 2].map(|()| MulticastReceiver::join(group, lo, 1 << 20).unwrap());
        let sender = MulticastSender::open(group, lo, 0).unwrap();
        assert!(sender.send(b"hello").unwrap());
        for receiver in &receivers {
            let mut buffer = [0; 16];
            let started = crate::now_ns();
            loop {
                if let Some(datagram) = receiver.receive(&mut buffer).unwrap() {
                    assert_eq!(datagram, b"hello");
                    break;
                }
                assert!(crate::now_ns() - started < 2_000_000_000, "nothing came in 2 s");
            }
        }
    }
}
