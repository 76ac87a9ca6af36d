//! The floor of everything over a socket of this machine: as many bytes there and back over TCP on
//! the loopback, between two threads that sleep while they wait, and do nothing else. Sent at set
//! times like the orders, for a processor that has gone idle is slow to wake. And of a packet: one
//! datagram handed to the system for a multicast group that nobody has joined.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use touchline_sys::MulticastSender;

use crate::distribution::Distribution;

/// An order out, and its acceptance back, bytes: what they come to with the members' client.
const ASKED_BYTES: usize = 160;
const ANSWERED_BYTES: usize = 230;

/// A packet with one message, bytes.
const PACKET_BYTES: usize = 120;
/// Where the packets go: an organisation's own scope (RFC 2365), to a port of no venue.
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, 9), 9);

/// How long the system takes for each of `count` packets.
pub(crate) fn packets(count: u64) -> Result<Value, String> {
    let sender =
        MulticastSender::open(GROUP, Ipv4Addr::LOCALHOST, 0).map_err(|error| error.to_string())?;
    let mut told = Distribution::new();
    for _ in 0..count {
        let begin = Instant::now();
        let sent = sender.send(&[0; PACKET_BYTES]).map_err(|error| error.to_string())?;
        if sent {
            told.record(begin.elapsed());
        }
    }
    Ok(json!({ "packet": told.json() }))
}

/// Round trips of `count` messages, one every `every`.
pub(crate) fn measure(count: u64, every: Duration) -> Result<Distribution, String> {
    let told = |error: std::io::Error| format!("loopback: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(told)?;
    let mut here = TcpStream::connect(listener.local_addr().map_err(told)?).map_err(told)?;
    let (there, _) = listener.accept().map_err(told)?;
    for stream in [&here, &there] {
        stream.set_nodelay(true).map_err(told)?;
    }
    let echo = std::thread::spawn(move || echo(there));
    let mut distribution = Distribution::new();
    let mut answer = [0; ANSWERED_BYTES];
    let start = Instant::now();
    for number in 0..count {
        let due = start + every * u32::try_from(number).unwrap_or(u32::MAX);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        here.write_all(&[0; ASKED_BYTES]).map_err(told)?;
        here.read_exact(&mut answer).map_err(told)?;
        distribution.record(due.elapsed());
    }
    drop(here);
    echo.join().map_err(|_| "loopback: the echo has ended".to_owned())?.map_err(told)?;
    Ok(distribution)
}

fn echo(mut there: TcpStream) -> std::io::Result<()> {
    let mut asked = [0; ASKED_BYTES];
    loop {
        match there.read_exact(&mut asked) {
            Ok(()) => there.write_all(&[0; ANSWERED_BYTES])?,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
