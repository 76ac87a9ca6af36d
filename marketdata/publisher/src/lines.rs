//! The network as the publisher sees it.

use touchline_config::MarketData;
use touchline_feed_codec::Line;
use touchline_sys::{MulticastSender, SysError};

/// Where packets go, and the clock beside it. A simulator brings its own.
pub trait Lines {
    /// Hands one packet to a line: `Ok(false)` when the line takes no more for now.
    ///
    /// # Errors
    ///
    /// When the line failed for this packet, which is then lost on this line and counted.
    fn send(&mut self, line: Line, packet: &[u8]) -> Result<bool, SysError>;

    /// True if the line exists. Line A of each channel does.
    fn has(&self, line: Line) -> bool;

    /// Time now, ns since the epoch, UTC: what packets are stamped with.
    fn now_ns(&self) -> u64;
}

/// Multicast sockets of this host.
#[derive(Debug)]
pub struct Sockets {
    senders: [Option<MulticastSender>; Line::ALL.len()],
}

impl Sockets {
    /// Opens a socket for each line of the configuration.
    ///
    /// # Errors
    ///
    /// Whatever the system says to the first one that fails.
    pub fn open(marketdata: &MarketData) -> Result<Self, SysError> {
        let mut senders = [const { None }; Line::ALL.len()];
        let channels = [&marketdata.incremental, &marketdata.snapshot, &marketdata.definition];
        let groups = channels.into_iter().flat_map(|channel| [Some(channel.a), channel.b]);
        for (sender, group) in senders.iter_mut().zip(groups) {
            *sender = match group {
                Some(group) => {
                    Some(MulticastSender::open(group, marketdata.interface, marketdata.ttl)?)
                }
                None => None,
            };
        }
        Ok(Self { senders })
    }
}

impl Lines for Sockets {
    #[inline]
    fn send(&mut self, line: Line, packet: &[u8]) -> Result<bool, SysError> {
        match &self.senders[line.index()] {
            Some(sender) => sender.send(packet),
            None => Ok(true),
        }
    }

    fn has(&self, line: Line) -> bool {
        self.senders[line.index()].is_some()
    }

    #[inline]
    fn now_ns(&self) -> u64 {
        touchline_sys::now_ns()
    }
}
