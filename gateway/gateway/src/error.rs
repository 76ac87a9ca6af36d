//! Why a gateway cannot open, or cannot go on.

use touchline_history::HistoryError;
use touchline_ring::RingError;
use touchline_session::IdError;
use touchline_sys::SysError;

use crate::session_log::LogError;

/// What ends the gateway. Bad input and slow clients are counted, not returned.
#[derive(Debug)]
pub enum GatewayError {
    /// A system call failed.
    Sys(SysError),
    /// A file or socket of the gateway's own failed: what was tried, on what.
    Io(&'static str, String, std::io::Error),
    /// A ring is not what it should be, or its other side lies: which one.
    Ring(&'static str, RingError),
    /// No engine of the venue has made its rings.
    NoEngine,
    /// A session log is damaged or cannot be written: acknowledged messages would be lost.
    Log(LogError),
    /// Events could not be rebuilt from the journal.
    History(HistoryError),
    /// A CompID of the configuration cannot stand in a FIX header.
    Identity(IdError),
}

impl std::fmt::Display for GatewayError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sys(error) => write!(out, "{error}"),
            Self::Io(call, on, error) => write!(out, "{call} {on}: {error}"),
            Self::Ring(which, error) => write!(out, "{which}: {error}"),
            Self::NoEngine => write!(out, "the engine has not made its rings; start it"),
            Self::Log(error) => write!(out, "message store: {error}"),
            Self::History(error) => write!(out, "rebuilding events: {error}"),
            Self::Identity(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for GatewayError {}

impl From<SysError> for GatewayError {
    fn from(error: SysError) -> Self {
        Self::Sys(error)
    }
}

impl From<LogError> for GatewayError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<HistoryError> for GatewayError {
    fn from(error: HistoryError) -> Self {
        Self::History(error)
    }
}
