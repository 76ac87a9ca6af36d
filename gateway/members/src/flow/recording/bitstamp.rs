//! Reads Bitstamp's orders of one day as CSV. Each line that changes the book is an event.
//!
//! A line that is no line of the format ends the reading with its number; a line that contradicts
//! the ones before it does not: `bitstamp_disorder` says what becomes of it.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use super::bitstamp_disorder::{Disorder, OrderedBook};
use super::bitstamp_row::{Row, RowAction, RowFault, is_header_line};
use super::units::{Misfit, Units};
use super::{Counts, Format, ReadError, Recording};
use crate::flow::record::{Event, EventKind};

/// Longer lines are none of this format: seven fields have at most 150 characters.
const LINE_BYTES_MAX: usize = 1_024;

/// Why a recording cannot be read. Lines count from 1, the first is that of the names.
#[derive(Debug)]
pub enum BitstampError {
    /// Reading or decompressing failed behind this line.
    Io {
        /// The line.
        line: u64,
        /// How.
        error: io::Error,
    },
    /// The first line does not name the columns.
    Header {
        /// What it is instead.
        found: String,
    },
    /// A line of more than 1,024 bytes.
    Long {
        /// The line.
        line: u64,
    },
    /// A line that is no UTF-8.
    Encoding {
        /// The line.
        line: u64,
    },
    /// A line with another number of fields than seven.
    Fields {
        /// The line.
        line: u64,
        /// How many it has.
        found: usize,
        /// The line as it is.
        text: String,
    },
    /// A field that cannot be read.
    Field {
        /// The line.
        line: u64,
        /// The field.
        name: &'static str,
        /// The line as it is.
        text: String,
    },
    /// The instrument does not admit a price or a quantity.
    Misfit {
        /// The line.
        line: u64,
        /// The line as it is.
        text: String,
        /// What.
        error: Misfit,
    },
    /// No line but that of the names.
    Empty,
}

impl fmt::Display for BitstampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { line, error } => write!(f, "behind line {line}: cannot be read: {error}"),
            Self::Header { found } => write!(
                f,
                "line 1: the columns must be id,timestamp,exchange.timestamp,price,volume,action,\
                 direction, not {found:?}"
            ),
            Self::Long { line } => write!(f, "line {line}: over {LINE_BYTES_MAX} bytes"),
            Self::Encoding { line } => write!(f, "line {line}: is no UTF-8"),
            Self::Fields { line, found, text } => {
                write!(f, "line {line}: {found} fields, must be 7: {text:?}")
            }
            Self::Field { line, name, text } => write!(f, "line {line}: {name} in {text:?}"),
            Self::Misfit { line, text, error } => write!(
                f,
                "line {line}: {error}: {text:?}; for Bitstamp write in [[instrument]]: \
                 price_increment = \"0.01\", round_lot = 1 (1e-8 bitcoin), and max_price and \
                 max_order_qty that the day needs"
            ),
            Self::Empty => write!(f, "no line behind the names of the columns"),
        }
    }
}

impl std::error::Error for BitstampError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Misfit { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Reads the events of one recording, one at a time.
pub struct BitstampReader<R: Read> {
    source: BufReader<R>,
    units: Units,
    line: u64,
    text: Vec<u8>,
    ordered: OrderedBook,
    rows: [u64; 3],
    executed: u64,
    events: u64,
    ended: bool,
}

impl<R: Read> BitstampReader<R> {
    /// Reads decompressed bytes.
    ///
    /// # Errors
    /// The first line does not name the columns, or units of nothing.
    pub fn new(source: R, units: Units) -> Result<Self, BitstampError> {
        let misfit = |error| BitstampError::Misfit { line: 0, text: String::new(), error };
        units.check().map_err(misfit)?;
        let mut reader = Self {
            source: BufReader::new(source),
            units,
            line: 0,
            text: Vec::new(),
            ordered: OrderedBook::default(),
            rows: [0; 3],
            executed: 0,
            events: 0,
            ended: false,
        };
        let header = reader.read_line()?.unwrap_or_default();
        if !is_header_line(&header) {
            return Err(BitstampError::Header { found: header });
        }
        Ok(reader)
    }

    /// The next event, `None` after the last.
    ///
    /// # Errors
    /// Anything in [`BitstampError`]; the reading has ended then.
    pub fn next_event(&mut self) -> Result<Option<Event>, BitstampError> {
        if self.ended {
            return Ok(None);
        }
        let read = self.read_event();
        self.ended = !matches!(read, Ok(Some(_)));
        read
    }

    fn read_event(&mut self) -> Result<Option<Event>, BitstampError> {
        while let Some(text) = self.read_line()? {
            let line = self.line;
            let row = match Row::parse(&text) {
                Ok(row) => row,
                Err(RowFault::Fields(found)) => {
                    return Err(BitstampError::Fields { line, found, text });
                }
                Err(RowFault::Field(name)) => {
                    return Err(BitstampError::Field { line, name, text });
                }
            };
            if let Some(rows) = self.rows.get_mut(row.action as usize) {
                *rows += 1;
            }
            self.executed += u64::from(row.action == RowAction::Deleted && row.volume == 0);
            let taken = self.ordered.take(&row, &self.units);
            let taken = taken.map_err(|error| BitstampError::Misfit { line, text, error })?;
            if let Some(record) = taken {
                let index = self.events;
                self.events += 1;
                let (kind, at_ns) = (EventKind::Regular, record.at_ns);
                return Ok(Some(Event { kind, index, at_ns, records: vec![record] }));
            }
        }
        if self.line == 1 { Err(BitstampError::Empty) } else { Ok(None) }
    }

    /// The next line without its end, `None` after the last.
    fn read_line(&mut self) -> Result<Option<String>, BitstampError> {
        self.text.clear();
        let mut bounded = self.source.by_ref().take(LINE_BYTES_MAX as u64 + 1);
        let read = bounded.read_until(b'\n', &mut self.text);
        let len = read.map_err(|error| BitstampError::Io { line: self.line, error })?;
        if len == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line = self.line;
        if len > LINE_BYTES_MAX {
            return Err(BitstampError::Long { line });
        }
        let bytes = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        let text = std::str::from_utf8(bytes).map_err(|_| BitstampError::Encoding { line })?;
        Ok(Some(text.to_owned()))
    }
}

impl<R: Read> Iterator for BitstampReader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().map_err(ReadError::Bitstamp).transpose()
    }
}

impl<R: Read> Recording for BitstampReader<R> {
    fn format(&self) -> Format {
        Format::Bitstamp
    }

    fn ticker(&self) -> Option<String> {
        None
    }

    fn start_ns(&self) -> Option<u64> {
        None
    }

    fn counts(&self) -> Counts {
        let [created, changed, deleted] = self.rows;
        let mut counts = vec![
            ("rows created", created),
            ("rows changed", changed),
            ("rows deleted", deleted),
            ("rows deleted with volume 0 (executed)", self.executed),
        ];
        counts.extend(Disorder::ALL.map(|kind| (kind.label(), self.ordered.count(kind))));
        counts
    }
}

#[cfg(test)]
#[path = "bitstamp_tests.rs"]
mod tests;
