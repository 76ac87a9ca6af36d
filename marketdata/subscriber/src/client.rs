//! A subscriber with sockets.

use std::os::fd::BorrowedFd;

use touchline_config::MarketData;
use touchline_feed_codec::{Line, PACKET_BYTES_MAX};
use touchline_sys::{Interest, MulticastReceiver, Poller, Readiness, SysError};

use crate::{BookListener, Subscriber, SubscriberConfig};

/// Receive buffer that is asked for, of each line, bytes.
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;
/// Datagrams taken from one line before the next one has its turn.
const BATCH_DATAGRAMS: usize = 64;

/// Why a client cannot listen.
#[derive(Debug)]
pub enum ClientError {
    /// A system call failed; the error names the group.
    Sys(SysError),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sys(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<SysError> for ClientError {
    fn from(error: SysError) -> Self {
        Self::Sys(error)
    }
}

/// Listens to every line of a feed.
pub struct FeedClient {
    lines: Vec<(Line, MulticastReceiver)>,
    poller: Poller,
    ready: Vec<Readiness>,
    subscriber: Subscriber,
    /// One byte more than a packet has, so that a longer datagram is seen to be no packet.
    buffer: Box<[u8; PACKET_BYTES_MAX + 1]>,
}

impl FeedClient {
    /// Joins the groups of a configuration.
    ///
    /// # Errors
    ///
    /// [`ClientError`] with the first group that cannot be joined.
    pub fn open(marketdata: &MarketData) -> Result<Self, ClientError> {
        let channels = [&marketdata.incremental, &marketdata.snapshot, &marketdata.definition];
        let groups = channels.into_iter().flat_map(|channel| [Some(channel.a), channel.b]);
        let poller = Poller::new(Line::ALL.len())?;
        let mut lines = Vec::with_capacity(Line::ALL.len());
        for (line, group) in Line::ALL.into_iter().zip(groups) {
            let Some(group) = group else { continue };
            let receiver =
                MulticastReceiver::join(group, marketdata.interface, RECEIVE_BUFFER_BYTES)?;
            poller.add(receiver.fd(), lines.len() as u64, Interest::Read)?;
            lines.push((line, receiver));
        }
        Ok(Self {
            lines,
            poller,
            ready: Vec::with_capacity(Line::ALL.len()),
            subscriber: Subscriber::new(SubscriberConfig::of(marketdata)),
            buffer: Box::new([0; PACKET_BYTES_MAX + 1]),
        })
    }

    /// Waits at most `timeout_ns` for packets, takes in what has come (up to a bound for each
    /// line), and returns how many datagrams that were.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when the system fails; what came before is taken in.
    pub fn poll<B: BookListener>(
        &mut self,
        timeout_ns: u64,
        listener: &mut B,
    ) -> Result<usize, ClientError> {
        let now_ns = touchline_sys::now_ns();
        let due_ns = self.subscriber.deadline_ns().saturating_sub(now_ns);
        self.ready.clear();
        self.poller.wait(Some(timeout_ns.min(due_ns)), &mut self.ready)?;
        let mut count = 0;
        for at in 0..self.ready.len() {
            let index = usize::try_from(self.ready[at].key).unwrap_or(usize::MAX);
            let Some((line, receiver)) = self.lines.get(index) else { continue };
            for _ in 0..BATCH_DATAGRAMS {
                let Some(packet) = receiver.receive(&mut self.buffer[..])? else { break };
                count += 1;
                self.subscriber.on_packet(*line, packet, touchline_sys::now_ns(), listener);
            }
        }
        self.subscriber.on_timer(touchline_sys::now_ns(), listener);
        Ok(count)
    }

    /// Becomes readable when a packet has come; for a poller. [`poll`](Self::poll) is also due at
    /// the subscriber's own deadline.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.poller.fd()
    }

    /// The books.
    #[must_use]
    pub const fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }
}
