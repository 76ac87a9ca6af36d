//! Recordings of an exchange's day: one trait, and a reader for each format.
//!
//! A reader turns bytes from outside into [`Event`]s, whose records never contradict each other
//! (but for DBN, where the plan finds the contradiction), or ends with a typed error that says
//! where the recording is wrong. What it met and does not tell as a book change, it counts.
//! `docs/recordings.md` has the rules of each format.

mod bitstamp;
mod bitstamp_disorder;
mod bitstamp_row;
mod dbn;
mod dbn_head;
mod itch;
mod itch_message;
mod source;
mod units;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

pub use bitstamp::{BitstampError, BitstampReader};
pub use bitstamp_disorder::Disorder;
pub use dbn::{DbnError, DbnReader, tick_nanos};
pub use itch::{ItchError, ItchReader};
pub use itch_message::{ITCH_MESSAGE_BYTES_MAX, ItchMessage, Stock, itch_message_bytes};
pub use units::{Misfit, Units};

use super::record::Event;

/// How a recording is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Databento DBN, market by order.
    Dbn,
    /// Nasdaq TotalView-ITCH 5.0.
    Itch,
    /// Bitstamp's orders as CSV.
    Bitstamp,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Dbn, Self::Itch, Self::Bitstamp];

    /// The format of a file whose decompressed bytes start with `head`, `None` for no known one.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"DBN") {
            Some(Self::Dbn)
        } else if bitstamp_row::is_header(head) {
            Some(Self::Bitstamp)
        } else {
            itch::is_start(head).then_some(Self::Itch)
        }
    }

    /// Why this format cannot be played as market orders, `None` if it can.
    #[must_use]
    pub const fn not_as_market(self) -> Option<&'static str> {
        match self {
            Self::Dbn => None,
            Self::Itch => Some(
                "an ITCH recording cannot be played --as market: it tells what was executed, not \
                 the order that arrived and executed it",
            ),
            Self::Bitstamp => Some(
                "a Bitstamp recording cannot be played --as market: it has no trades, and which \
                 of two orders arrived later is lost with its disorder",
            ),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dbn => "dbn",
            Self::Itch => "itch",
            Self::Bitstamp => "bitstamp",
        })
    }
}

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError(
    /// The text.
    pub String,
);

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "format {:?} is none of dbn, itch, bitstamp", self.0)
    }
}

impl std::error::Error for FormatError {}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let format = Self::ALL.into_iter().find(|format| format.to_string() == text);
        format.ok_or_else(|| FormatError(text.to_owned()))
    }
}

/// What a reader has counted, by name, in an order that does not change.
pub type Counts = Vec<(&'static str, u64)>;

/// A recording that is being read. Nothing follows an error.
pub trait Recording: Iterator<Item = Result<Event, ReadError>> {
    /// How it is written.
    fn format(&self) -> Format;

    /// The instrument at the exchange, where the recording says it.
    fn ticker(&self) -> Option<String>;

    /// Where its time starts (UTC nanoseconds since the epoch; ITCH knows no date and counts from
    /// midnight at the exchange), if that is known before the first event.
    fn start_ns(&self) -> Option<u64>;

    /// What was counted so far.
    fn counts(&self) -> Counts;
}

/// What of a recording is read, and how.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The format; recognised by content if `None`.
    pub format: Option<Format>,
    /// The instrument at the exchange, for a format that has several in one file.
    pub ticker: Option<String>,
    /// The units of the instrument that it is played on.
    pub units: Units,
}

/// Opens the recording at `path`, plain or compressed (gzip, xz, Zstandard).
///
/// # Errors
/// [`ReadError`]: it cannot be read, is in no known format, or its head is wrong.
pub fn open_recording(path: &Path, selection: &Selection) -> Result<Box<dyn Recording>, ReadError> {
    read_recording(File::open(path).map_err(ReadError::Open)?, selection)
}

/// The same for the bytes that `file` gives.
///
/// # Errors
/// As [`open_recording`].
pub fn read_recording(
    file: impl Read + 'static,
    selection: &Selection,
) -> Result<Box<dyn Recording>, ReadError> {
    selection.units.check().map_err(ReadError::Instrument)?;
    let (head, source) = source::look_at_head(source::decompress(file)?)?;
    let format = selection.format.or_else(|| Format::of(&head));
    let format = format.ok_or_else(|| ReadError::Format(head.into_iter().take(16).collect()))?;
    let units = selection.units;
    Ok(match format {
        Format::Dbn => Box::new(DbnReader::new(source, units.tick_nanos).map_err(ReadError::Dbn)?),
        Format::Itch => Box::new(ItchReader::new(source, selection.ticker.as_deref(), units)?),
        Format::Bitstamp => Box::new(BitstampReader::new(source, units)?),
    })
}

/// Why a recording cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The file cannot be opened or its first bytes cannot be read.
    Open(io::Error),
    /// It starts with these bytes, as no known format does.
    Format(Vec<u8>),
    /// The instrument has no units for it.
    Instrument(Misfit),
    /// It is wrong as DBN.
    Dbn(DbnError),
    /// It is wrong as ITCH.
    Itch(ItchError),
    /// It is wrong as Bitstamp's CSV.
    Bitstamp(BitstampError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(e) => write!(f, "cannot open the recording: {e}"),
            Self::Format(start) => write!(
                f,
                "the recording is neither Databento DBN, nor Nasdaq TotalView-ITCH 5.0, nor \
                 Bitstamp's orders as CSV: it starts with \"{}\"; --format says what it is",
                start.escape_ascii()
            ),
            Self::Instrument(misfit) => write!(f, "the instrument: {misfit}"),
            Self::Dbn(e) => write!(f, "DBN recording: {e}"),
            Self::Itch(e) => write!(f, "ITCH recording: {e}"),
            Self::Bitstamp(e) => write!(f, "Bitstamp recording: {e}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(e) => Some(e),
            Self::Format(_) => None,
            Self::Instrument(e) => Some(e),
            Self::Dbn(e) => Some(e),
            Self::Itch(e) => Some(e),
            Self::Bitstamp(e) => Some(e),
        }
    }
}

impl From<ItchError> for ReadError {
    fn from(e: ItchError) -> Self {
        Self::Itch(e)
    }
}

impl From<BitstampError> for ReadError {
    fn from(e: BitstampError) -> Self {
        Self::Bitstamp(e)
    }
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
