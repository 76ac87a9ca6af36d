//! Reads a Databento DBN file of the market-by-order schema, versions 1 to 3, plain or
//! Zstandard-compressed (any number of frames), and groups its records into events.
//!
//! One instrument per file. A file that ends in the middle of a frame, a record or an event is
//! refused: half a day that looks whole is worse than none.

use std::fmt;
use std::io::{self, BufReader, Chain, Cursor, Read};

use dbn::decode::dbn::Decoder;
use dbn::decode::{DbnMetadata, DecodeRecordRef, DynReader};
use dbn::record::{MboMsg, Record as _};

use super::dbn_head::read_head;
use super::{Counts, Format, ReadError, Recording};
use crate::flow::record::{Action, Event, EventKind, Record, Side};

/// DBN counts prices in units of 1e-9.
const NANOS_PER_UNIT: i64 = 1_000_000_000;
/// DBN `flags`: last record of an event.
const F_LAST: u8 = 0x80;
/// DBN `flags`: record of a snapshot.
const F_SNAPSHOT: u8 = 0x20;

/// Why a recording cannot be read.
#[derive(Debug)]
pub enum DbnError {
    /// Reading or decompressing failed.
    Io(io::Error),
    /// Decoding failed.
    Decode(dbn::Error),
    /// The file does not start as DBN does.
    NotDbn([u8; 3]),
    /// A version of DBN that is not known here.
    Version(u8),
    /// A head of so many bytes.
    HeadLength(u32),
    /// A count in the head that does not fit in it.
    Head {
        /// Where the walk over the head stopped, bytes from the start.
        offset: usize,
    },
    /// The header names another schema than `mbo`, or none.
    Schema(Option<dbn::Schema>),
    /// A record of another type (DBN `rtype`) than market-by-order.
    RecordType(u8),
    /// A second instrument.
    Instrument {
        /// The instrument of the records so far, or the one asked for.
        expected: u32,
        /// The one that this record names.
        found: u32,
    },
    /// The tick does not suit: not positive.
    Tick(i64),
    /// A price that is no whole number of ticks, in units of 1e-9.
    Price(i64),
    /// An `action` that the schema does not have.
    Action(u8),
    /// A `side` that the schema does not have.
    Side(u8),
    /// An order on no side.
    Sideless {
        /// The order's id.
        flow_order_id: u64,
    },
    /// Snapshot records after the first event.
    LateSnapshot {
        /// How many events came before.
        events: u64,
    },
    /// The file ends inside a compressed frame or a record.
    Truncated {
        /// Whole records read before the end.
        records: u64,
    },
    /// The file ends inside an event.
    UnfinishedEvent {
        /// Whole events read before it.
        events: u64,
        /// Records of the unfinished one.
        records: usize,
    },
}

impl fmt::Display for DbnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) => write!(f, "cannot read the recording: {e}"),
            Self::Decode(e) => write!(f, "cannot decode the recording: {e}"),
            Self::NotDbn(start) => write!(f, "no DBN file: starts with {start:02x?}"),
            Self::Version(v) => write!(f, "DBN version {v}, known are 1 to 3"),
            Self::HeadLength(len) => write!(f, "a head of {len} bytes is damaged"),
            Self::Head { offset } => write!(f, "the head is damaged at byte {offset}"),
            Self::Schema(Some(s)) => write!(f, "schema is {s}, expected mbo"),
            Self::Schema(None) => write!(f, "the header names no schema, expected mbo"),
            Self::RecordType(t) => write!(f, "record of type {t:#04x}, expected mbo (0xa0)"),
            Self::Instrument { expected, found } => {
                write!(f, "record of instrument {found}, expected {expected} only")
            }
            Self::Tick(t) => write!(f, "tick of {t}e-9 is not positive"),
            Self::Price(p) => write!(f, "price {p}e-9 is no whole number of ticks"),
            Self::Action(a) => write!(f, "unknown action {a:#04x}"),
            Self::Side(s) => write!(f, "unknown side {s:#04x}"),
            Self::Sideless { flow_order_id } => write!(f, "order {flow_order_id} has no side"),
            Self::LateSnapshot { events } => write!(f, "snapshot record after {events} events"),
            Self::Truncated { records } => write!(f, "the file breaks off after {records} records"),
            Self::UnfinishedEvent { events, records } => {
                write!(f, "the file ends inside event {events}, after {records} of its records")
            }
        }
    }
}

impl std::error::Error for DbnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            Self::Decode(e) => Some(e),
            _ => None,
        }
    }
}

/// Counts the bytes that pass and notices an early end, which the decoder takes for a good one.
struct Counted<R> {
    inner: R,
    bytes: u64,
    broke_off: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buf).inspect_err(|e| {
            self.broke_off |= e.kind() == io::ErrorKind::UnexpectedEof;
        })?;
        self.bytes += len as u64;
        Ok(len)
    }
}

/// The checked head, then the records.
type Source<R> = Chain<Cursor<Vec<u8>>, DynReader<'static, BufReader<R>>>;

/// Reads the events of one recording, one at a time.
pub struct DbnReader<R: Read> {
    decoder: Decoder<Counted<Source<R>>>,
    head_bytes: u64,
    tick_nanos: i64,
    instrument_id: Option<u32>,
    /// First record after the event that was returned last (snapshots only end by a successor).
    held: Option<(Record, u8)>,
    /// The error that ended the reading; nothing follows it.
    ended: bool,
    records: u64,
    record_bytes: u64,
    events: u64,
}

impl<R: Read> DbnReader<R> {
    /// Reads from `source`; recognises compression. `tick_nanos` is the instrument's tick in units
    /// of 1e-9.
    ///
    /// # Errors
    /// No DBN head or a damaged one, another schema than `mbo`, a tick that is not positive.
    pub fn new(source: R, tick_nanos: i64) -> Result<Self, DbnError> {
        if tick_nanos <= 0 {
            return Err(DbnError::Tick(tick_nanos));
        }
        let mut source = DynReader::new_inferred(source).map_err(DbnError::Decode)?;
        let head = read_head(&mut source)?;
        let head_bytes = head.len() as u64;
        let inner = Cursor::new(head).chain(source);
        let counted = Counted { inner, bytes: 0, broke_off: false };
        let decoder = Decoder::new(counted).map_err(DbnError::Decode)?;
        match decoder.metadata().schema {
            Some(dbn::Schema::Mbo) => {}
            other => return Err(DbnError::Schema(other)),
        }
        Ok(Self {
            decoder,
            head_bytes,
            tick_nanos,
            instrument_id: None,
            held: None,
            ended: false,
            records: 0,
            record_bytes: 0,
            events: 0,
        })
    }

    /// Refuses records of any other instrument than `instrument_id`; without this, of any other
    /// than the first record's.
    #[must_use]
    pub fn expect_instrument(mut self, instrument_id: u32) -> Self {
        self.instrument_id = Some(instrument_id);
        self
    }

    /// The instrument's id at the exchange, once a record was read.
    #[must_use]
    pub fn instrument_id(&self) -> Option<u32> {
        self.instrument_id
    }

    /// The symbols that the recording was asked for by.
    #[must_use]
    pub fn symbols(&self) -> &[String] {
        &self.decoder.metadata().symbols
    }

    /// Start of the period that the recording covers, UTC nanoseconds since the epoch.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.decoder.metadata().start
    }

    /// The next event, `None` after the last.
    ///
    /// # Errors
    /// Anything in [`DbnError`] but the errors of opening; the reading has ended then.
    pub fn next_event(&mut self) -> Result<Option<Event>, DbnError> {
        if self.ended {
            return Ok(None);
        }
        let read = self.read_event();
        self.ended = !matches!(read, Ok(Some(_)));
        read
    }

    fn read_event(&mut self) -> Result<Option<Event>, DbnError> {
        let mut records = Vec::new();
        let mut taken_at_ns = None;
        loop {
            let next = match self.held.take() {
                Some(held) => Some((held.0, held.1, held.0.at_ns)),
                None => self.read_record()?,
            };
            let Some((record, flags, recv_ns)) = next else { break };
            if flags & F_SNAPSHOT != 0 {
                if self.events > 0 {
                    return Err(DbnError::LateSnapshot { events: self.events });
                }
                taken_at_ns = taken_at_ns.max(Some(recv_ns));
                records.push(record);
            } else if let Some(at_ns) = taken_at_ns {
                self.held = Some((record, flags));
                return Ok(Some(snapshot(at_ns, records)));
            } else {
                records.push(record);
                if flags & F_LAST != 0 {
                    let index = self.events;
                    self.events += 1;
                    let at_ns = record.at_ns;
                    return Ok(Some(Event { kind: EventKind::Regular, index, at_ns, records }));
                }
            }
        }
        if let Some(at_ns) = taken_at_ns {
            Ok(Some(snapshot(at_ns, records)))
        } else if records.is_empty() {
            Ok(None)
        } else {
            Err(DbnError::UnfinishedEvent { events: self.events, records: records.len() })
        }
    }

    /// The next record with its flags and receive time. Records that say nothing are skipped.
    fn read_record(&mut self) -> Result<Option<(Record, u8, u64)>, DbnError> {
        loop {
            let decoded = match self.decoder.decode_record_ref() {
                Ok(decoded) => decoded,
                Err(e) => return Err(DbnError::Decode(e)),
            };
            let Some(raw) = decoded else {
                return self.check_end().map(|()| None);
            };
            self.record_bytes += raw.record_size() as u64;
            let rtype = raw.header().rtype;
            let Some(message) = raw.get::<MboMsg>().cloned() else {
                return Err(DbnError::RecordType(rtype));
            };
            self.records += 1;
            let expected = *self.instrument_id.get_or_insert(message.hd.instrument_id);
            if expected != message.hd.instrument_id {
                let found = message.hd.instrument_id;
                return Err(DbnError::Instrument { expected, found });
            }
            if let Some(record) = to_record(&message, self.tick_nanos)? {
                return Ok(Some((record, message.flags.raw(), message.ts_recv)));
            }
        }
    }

    fn check_end(&self) -> Result<(), DbnError> {
        let source = self.decoder.get_ref();
        if source.broke_off || source.bytes != self.head_bytes + self.record_bytes {
            return Err(DbnError::Truncated { records: self.records });
        }
        Ok(())
    }
}

impl<R: Read> Iterator for DbnReader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().map_err(ReadError::Dbn).transpose()
    }
}

impl<R: Read> Recording for DbnReader<R> {
    fn format(&self) -> Format {
        Format::Dbn
    }

    fn ticker(&self) -> Option<String> {
        self.symbols().first().cloned()
    }

    fn start_ns(&self) -> Option<u64> {
        Some(Self::start_ns(self))
    }

    fn counts(&self) -> Counts {
        vec![("records", self.records)]
    }
}

fn snapshot(at_ns: u64, records: Vec<Record>) -> Event {
    Event { kind: EventKind::Snapshot, index: 0, at_ns, records }
}

fn to_record(message: &MboMsg, tick_nanos: i64) -> Result<Option<Record>, DbnError> {
    let action = match message.action as u8 {
        b'A' => Action::Add,
        b'C' => Action::Cancel,
        b'M' => Action::Modify,
        b'T' => Action::Trade,
        b'F' => Action::Fill,
        b'R' => Action::Clear,
        b'N' => return Ok(None),
        other => return Err(DbnError::Action(other)),
    };
    let side = match message.side as u8 {
        b'B' => Some(Side::Buy),
        b'A' => Some(Side::Sell),
        b'N' => None,
        other => return Err(DbnError::Side(other)),
    };
    let flow_order_id = message.order_id;
    if side.is_none() && matches!(action, Action::Add | Action::Cancel | Action::Modify) {
        return Err(DbnError::Sideless { flow_order_id });
    }
    let price = match action {
        Action::Clear => 0,
        _ if message.price % tick_nanos == 0 => message.price / tick_nanos,
        _ => return Err(DbnError::Price(message.price)),
    };
    let qty = u64::from(message.size);
    let at_ns = message.hd.ts_event;
    Ok(Some(Record { action, side, flow_order_id, price, qty, at_ns }))
}

/// Tick in units of 1e-9 of `units` + `nanos`e-9, e.g. `tick_nanos(0, 250_000_000)` for a quarter.
#[must_use]
pub const fn tick_nanos(units: i64, nanos: i64) -> i64 {
    units * NANOS_PER_UNIT + nanos
}

#[cfg(test)]
#[path = "dbn_tests.rs"]
mod tests;
