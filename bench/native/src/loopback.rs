//! The floor of everything over a socket of this machine: as many bytes there and back over TCP on
//! the loopback, between two threads that sleep while they wait, and do nothing else. Sent at set
//! times like the orders, for a processor that has gone idle is slow to wake.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::distribution::Distribution;

/// An order out, and its acceptance back, bytes: what they come to with the members' client.
const ASKED_BYTES: usize = 160;
const ANSWERED_BYTES: usize = 230;

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
