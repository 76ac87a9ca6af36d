//! Reads the orders of one stock from a Nasdaq TotalView-ITCH 5.0 day.
//!
//! The file is a sequence of messages, each behind a length of two bytes, big endian (BinaryFILE).
//! Some files have zero in place of every length: the first one decides, and then the message's
//! type says how long it is. An empty message at the very end closes the file; it may be missing.
//!
//! Each message that changes the stock's book is an event: ITCH has no mark of an event's end.
//! An order that was executed or canceled in part stays where it is in its queue, so its record is
//! a [`Action::Modify`] to less; a replace is a new order at the end of its queue.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufReader, Read};

use super::itch_message::{
    ITCH_MESSAGE_BYTES_MAX, ItchHead, ItchMessage, MessageFault, Stock, itch_message_bytes,
};
use super::units::{Misfit, Units};
use super::{Counts, Format, ReadError, Recording};
use crate::flow::file_book::{FileBook, FileBookError, FileOrder};
use crate::flow::record::{Action, Event, EventKind, Record, Side};

/// ITCH counts prices in units of 1e-4, [`Units`] in 1e-9.
const NANOS_PER_UNIT: i64 = 100_000;
const DAY_NS: u64 = 86_400_000_000_000;
/// How many tickers an error lists.
const LISTED_MAX: usize = 20;

/// Why a recording cannot be read. Offsets are bytes of the decompressed file, and point at the
/// length in front of the message.
#[derive(Debug)]
pub enum ItchError {
    /// Reading or decompressing failed.
    Io {
        /// Where.
        offset: u64,
        /// How.
        error: io::Error,
    },
    /// The file ends inside the message that starts here.
    Truncated {
        /// Where.
        offset: u64,
    },
    /// A type of message that the specification does not have.
    Type {
        /// Where.
        offset: u64,
        /// The type.
        kind: u8,
    },
    /// A length that the message's type does not have.
    Length {
        /// Where.
        offset: u64,
        /// The type.
        kind: u8,
        /// Its length, bytes.
        expected: usize,
        /// The length in front of the message; 0 stands for "by type" only if all are 0.
        found: usize,
    },
    /// A code that its field does not have.
    Code {
        /// Where.
        offset: u64,
        /// The field.
        field: &'static str,
        /// The code.
        code: u8,
    },
    /// A time that no day has, ns.
    Time {
        /// Where.
        offset: u64,
        /// The time.
        at_ns: u64,
    },
    /// One locate for two stocks, or two for one.
    Locate {
        /// Where.
        offset: u64,
        /// The stock that the message names.
        stock: Stock,
        /// The message's locate.
        stock_locate: u16,
    },
    /// An execution or a cancel of nothing, or of more than stands.
    Shares {
        /// Where.
        offset: u64,
        /// The order.
        order_ref: u64,
        /// Of the message, lots.
        qty: u64,
        /// What stands, lots.
        leaves_qty: u64,
    },
    /// The message contradicts the book.
    Book {
        /// Where.
        offset: u64,
        /// How.
        error: FileBookError,
    },
    /// The instrument does not admit a price or a quantity.
    Misfit {
        /// Where.
        offset: u64,
        /// What.
        error: Misfit,
    },
    /// No ticker was asked for, and the file has orders of several.
    Several {
        /// All of them.
        tickers: Vec<String>,
    },
    /// The file has no orders of the ticker that was asked for (`None`: of any).
    Ticker {
        /// What was asked for.
        asked: Option<String>,
        /// Those that have orders.
        tickers: Vec<String>,
    },
}

impl fmt::Display for ItchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { offset, error } => write!(f, "byte {offset}: cannot be read: {error}"),
            Self::Truncated { offset } => write!(f, "byte {offset}: the file ends in this message"),
            Self::Type { offset, kind } => {
                write!(f, "byte {offset}: no message has the type \"{}\"", kind.escape_ascii())
            }
            Self::Length { offset, kind, expected, found } => {
                let kind = kind.escape_ascii();
                write!(f, "byte {offset}: message \"{kind}\" of {found} bytes, must be {expected}")
            }
            Self::Code { offset, field, code } => {
                write!(f, "byte {offset}: unknown {field} \"{}\"", code.escape_ascii())
            }
            Self::Time { offset, at_ns } => {
                write!(f, "byte {offset}: {at_ns} ns after midnight is no time of a day")
            }
            Self::Locate { offset, stock, stock_locate } => write!(
                f,
                "byte {offset}: stock locate {stock_locate} for {stock} contradicts an earlier one"
            ),
            Self::Shares { offset, order_ref, qty, leaves_qty } => write!(
                f,
                "byte {offset}: {qty} lots are taken from order {order_ref} of {leaves_qty}"
            ),
            Self::Book { offset, error } => write!(f, "byte {offset}: {error}"),
            Self::Misfit { offset, error } => write!(
                f,
                "byte {offset}: {error}; for ITCH write in [[instrument]]: \
                 price_increment = \"0.0001\", round_lot = 1"
            ),
            Self::Several { tickers } => {
                write!(f, "orders of several tickers, choose one: {}", Listed(tickers))
            }
            Self::Ticker { asked: Some(asked), tickers } => {
                write!(f, "no orders of {asked:?}; there are: {}", Listed(tickers))
            }
            Self::Ticker { asked: None, .. } => write!(f, "no orders of any ticker"),
        }
    }
}

/// The first of many tickers.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: Vec<&str> = self.0.iter().take(LISTED_MAX).map(String::as_str).collect();
        write!(f, "{}", first.join(", "))?;
        match self.0.len().saturating_sub(LISTED_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl std::error::Error for ItchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Book { error, .. } => Some(error),
            Self::Misfit { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Whether a file that starts so is a sequence of ITCH 5.0 messages.
pub(super) fn is_start(head: &[u8]) -> bool {
    let [high, low, kind, ..] = *head else { return false };
    let length = usize::from(u16::from_be_bytes([high, low]));
    itch_message_bytes(kind).is_some_and(|expected| length == expected || length == 0)
}

/// The messages of a file, one at a time.
struct Frames<R> {
    source: BufReader<R>,
    offset: u64,
    /// Whether lengths are zero and the types say them; the first message decides.
    by_type: Option<bool>,
}

impl<R: Read> Frames<R> {
    /// The next message and where it starts.
    fn next(&mut self) -> Result<Option<(u64, ItchHead, ItchMessage)>, ItchError> {
        let offset = self.offset;
        let mut length = [0; 2];
        match self.fill(&mut length)? {
            0 => return Ok(None),
            1 => return Err(ItchError::Truncated { offset }),
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(length));
        let mut message = [0; ITCH_MESSAGE_BYTES_MAX];
        let (first, rest) = message.split_at_mut(1);
        if self.fill(first)? == 0 {
            let closed = length == 0;
            return if closed { Ok(None) } else { Err(ItchError::Truncated { offset }) };
        }
        let kind = first.first().copied().unwrap_or(0);
        let expected = itch_message_bytes(kind).ok_or(ItchError::Type { offset, kind })?;
        let by_type = *self.by_type.get_or_insert(length == 0);
        if length != if by_type { 0 } else { expected } {
            return Err(ItchError::Length { offset, kind, expected, found: length });
        }
        let rest = rest.get_mut(..expected - 1).unwrap_or_default();
        if self.fill(rest)? < expected - 1 {
            return Err(ItchError::Truncated { offset });
        }
        let (head, message) = ItchMessage::decode(message.get(..expected).unwrap_or_default())
            .map_err(|fault| match fault {
                MessageFault::Type(kind) => ItchError::Type { offset, kind },
                MessageFault::Length { kind, expected, found } => {
                    ItchError::Length { offset, kind, expected, found }
                }
                MessageFault::Code { field, code } => ItchError::Code { offset, field, code },
            })?;
        if head.at_ns >= DAY_NS {
            return Err(ItchError::Time { offset, at_ns: head.at_ns });
        }
        Ok(Some((offset, head, message)))
    }

    /// Reads until `buf` is full or the file ends; how many bytes that were.
    fn fill(&mut self, buf: &mut [u8]) -> Result<usize, ItchError> {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ItchError::Io { offset: self.offset, error }),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }
}

/// What was met.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    messages: u64,
    of_ticker: u64,
    executions: u64,
    trades: u64,
    crosses: u64,
    trading_actions: u64,
    unknown_orders: u64,
    crossing_adds: u64,
}

/// Reads the events of one stock, one at a time.
pub struct ItchReader<R: Read> {
    frames: Frames<R>,
    units: Units,
    asked: Option<String>,
    stock: Option<Stock>,
    stock_locate: Option<u16>,
    /// Every stock that has orders.
    stocks: BTreeSet<Stock>,
    book: FileBook,
    events: u64,
    met: Met,
    ended: bool,
}

impl<R: Read> ItchReader<R> {
    /// Reads decompressed bytes. Without a `ticker` the file must have orders of one only, which
    /// is known at its end.
    ///
    /// # Errors
    /// A ticker that ITCH cannot have, units of nothing.
    pub fn new(source: R, ticker: Option<&str>, units: Units) -> Result<Self, ItchError> {
        units.check().map_err(|error| ItchError::Misfit { offset: 0, error })?;
        let asked = ticker.map(str::to_owned);
        let stock = ticker.map(stock_of).map(|stock| {
            stock.ok_or_else(|| ItchError::Ticker { asked: asked.clone(), tickers: Vec::new() })
        });
        Ok(Self {
            frames: Frames { source: BufReader::new(source), offset: 0, by_type: None },
            units,
            stock: stock.transpose()?,
            asked,
            stock_locate: None,
            stocks: BTreeSet::new(),
            book: FileBook::new(),
            events: 0,
            met: Met::default(),
            ended: false,
        })
    }

    /// The next event, `None` after the last.
    ///
    /// # Errors
    /// Anything in [`ItchError`]; the reading has ended then.
    pub fn next_event(&mut self) -> Result<Option<Event>, ItchError> {
        if self.ended {
            return Ok(None);
        }
        let read = self.read_event();
        self.ended = !matches!(read, Ok(Some(_)));
        read
    }

    fn read_event(&mut self) -> Result<Option<Event>, ItchError> {
        while let Some((offset, head, message)) = self.frames.next()? {
            self.met.messages += 1;
            let concerned = self.is_concerned(offset, &head, &message)?;
            if !concerned || self.has_several() {
                continue;
            }
            self.met.of_ticker += 1;
            let applied = self.apply(offset, head.at_ns, message);
            if self.asked.is_none() && matches!(applied, Err(ItchError::Misfit { .. })) {
                // No instrument fits several stocks: that there are some is the better answer.
                self.find_another_stock()?;
            }
            let records = applied?;
            if !records.is_empty() {
                let index = self.events;
                self.events += 1;
                let at_ns = head.at_ns;
                return Ok(Some(Event { kind: EventKind::Regular, index, at_ns, records }));
            }
        }
        self.check_stocks().map(|()| None)
    }

    fn find_another_stock(&mut self) -> Result<(), ItchError> {
        while let Some((_, _, message)) = self.frames.next()? {
            if let ItchMessage::Add { stock, .. } = message {
                self.stocks.insert(stock);
            }
        }
        if self.has_several() { self.check_stocks() } else { Ok(()) }
    }

    fn has_several(&self) -> bool {
        self.asked.is_none() && self.stocks.len() > 1
    }

    fn check_stocks(&self) -> Result<(), ItchError> {
        let tickers = || self.stocks.iter().map(Stock::to_string).collect();
        if self.has_several() {
            return Err(ItchError::Several { tickers: tickers() });
        }
        match self.stock {
            Some(stock) if self.stocks.contains(&stock) => Ok(()),
            _ => Err(ItchError::Ticker { asked: self.asked.clone(), tickers: tickers() }),
        }
    }

    /// Whether a message is about the stock that is read.
    fn is_concerned(
        &mut self,
        offset: u64,
        head: &ItchHead,
        message: &ItchMessage,
    ) -> Result<bool, ItchError> {
        let stock_locate = head.stock_locate;
        let Some(stock) = message.stock() else {
            return Ok(self.stock_locate == Some(stock_locate));
        };
        if matches!(message, ItchMessage::Add { .. }) {
            self.stocks.insert(stock);
            self.stock.get_or_insert(stock);
        }
        let is_ours = self.stock == Some(stock);
        if is_ours {
            self.stock_locate.get_or_insert(stock_locate);
        }
        if is_ours != (self.stock_locate == Some(stock_locate)) {
            return Err(ItchError::Locate { offset, stock, stock_locate });
        }
        Ok(is_ours)
    }

    /// The changes of the book that a message is; none where it is something else.
    fn apply(
        &mut self,
        offset: u64,
        at_ns: u64,
        message: ItchMessage,
    ) -> Result<Vec<Record>, ItchError> {
        let records = match message {
            ItchMessage::Add { order_ref, side, shares, price, .. } => {
                vec![self.add(offset, at_ns, order_ref, side, (price, shares))?]
            }
            ItchMessage::Execute { order_ref, shares } => {
                let record = self.reduce(offset, at_ns, order_ref, shares)?;
                self.met.executions += u64::from(record.is_some());
                record.into_iter().collect()
            }
            ItchMessage::Cancel { order_ref, shares } => {
                self.reduce(offset, at_ns, order_ref, shares)?.into_iter().collect()
            }
            ItchMessage::Delete { order_ref } => self
                .known(order_ref)
                .map(|order| leave(at_ns, order_ref, order))
                .into_iter()
                .collect(),
            ItchMessage::Replace { order_ref, new_order_ref, shares, price } => {
                let Some(order) = self.known(order_ref) else { return Ok(Vec::new()) };
                let leaving = leave(at_ns, order_ref, order);
                self.note(offset, &leaving)?;
                let entering =
                    self.add(offset, at_ns, new_order_ref, order.side, (price, shares))?;
                self.note(offset, &entering)?;
                return Ok(vec![leaving, entering]);
            }
            ItchMessage::Trade { .. } => self.count(|met| &mut met.trades),
            ItchMessage::CrossTrade { .. } => self.count(|met| &mut met.crosses),
            ItchMessage::TradingAction { .. } => self.count(|met| &mut met.trading_actions),
            ItchMessage::SystemEvent { .. }
            | ItchMessage::StockDirectory { .. }
            | ItchMessage::Other => Vec::new(),
        };
        for record in &records {
            self.note(offset, record)?;
        }
        Ok(records)
    }

    fn count(&mut self, counter: impl Fn(&mut Met) -> &mut u64) -> Vec<Record> {
        *counter(&mut self.met) += 1;
        Vec::new()
    }

    fn add(
        &mut self,
        offset: u64,
        at_ns: u64,
        order_ref: u64,
        side: Side,
        (price, shares): (u32, u32),
    ) -> Result<Record, ItchError> {
        let misfit = |error| ItchError::Misfit { offset, error };
        let price = self.units.price(i64::from(price) * NANOS_PER_UNIT).map_err(misfit)?;
        let qty = self.units.order_qty(shares.into()).map_err(misfit)?;
        let opposite = self.book.touch(side.opposite());
        let crosses = opposite.is_some_and(|touch| !side.is_better(touch, price));
        self.met.crossing_adds += u64::from(crosses);
        let side = Some(side);
        Ok(Record { action: Action::Add, side, flow_order_id: order_ref, price, qty, at_ns })
    }

    /// Takes `shares` from an order, which keeps its place.
    fn reduce(
        &mut self,
        offset: u64,
        at_ns: u64,
        order_ref: u64,
        shares: u32,
    ) -> Result<Option<Record>, ItchError> {
        let Some(order) = self.known(order_ref) else { return Ok(None) };
        let qty = self.units.qty(shares.into());
        let qty = qty.map_err(|error| ItchError::Misfit { offset, error })?;
        let leaves_qty = order.leaves_qty;
        match leaves_qty.checked_sub(qty) {
            Some(0) => Ok(Some(leave(at_ns, order_ref, order))),
            Some(left) if qty > 0 => {
                let left = FileOrder { leaves_qty: left, ..order };
                Ok(Some(Record { action: Action::Modify, ..leave(at_ns, order_ref, left) }))
            }
            _ => Err(ItchError::Shares { offset, order_ref, qty, leaves_qty }),
        }
    }

    fn known(&mut self, order_ref: u64) -> Option<FileOrder> {
        let order = self.book.order(order_ref);
        self.met.unknown_orders += u64::from(order.is_none());
        order
    }

    fn note(&mut self, offset: u64, record: &Record) -> Result<(), ItchError> {
        let noted = self.book.apply_record(record);
        drop(self.book.take_touched());
        noted.map_err(|error| ItchError::Book { offset, error })
    }
}

fn leave(at_ns: u64, order_ref: u64, order: FileOrder) -> Record {
    let FileOrder { side, price, leaves_qty } = order;
    let (action, side) = (Action::Cancel, Some(side));
    Record { action, side, flow_order_id: order_ref, price, qty: leaves_qty, at_ns }
}

/// A ticker as messages have it, `None` if they cannot.
fn stock_of(ticker: &str) -> Option<Stock> {
    let mut stock = [b' '; 8];
    stock.get_mut(..ticker.len())?.copy_from_slice(ticker.as_bytes());
    Some(Stock(stock))
}

impl<R: Read> Iterator for ItchReader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().map_err(ReadError::Itch).transpose()
    }
}

impl<R: Read> Recording for ItchReader<R> {
    fn format(&self) -> Format {
        Format::Itch
    }

    fn ticker(&self) -> Option<String> {
        self.stock.map(|stock| stock.to_string())
    }

    fn start_ns(&self) -> Option<u64> {
        Some(0)
    }

    fn counts(&self) -> Counts {
        let met = &self.met;
        vec![
            ("messages", met.messages),
            ("messages of the ticker", met.of_ticker),
            ("executions", met.executions),
            ("trades with hidden orders", met.trades),
            ("cross trades", met.crosses),
            ("trading actions", met.trading_actions),
            ("adds that cross the book", met.crossing_adds),
            ("changes of unknown orders", met.unknown_orders),
        ]
    }
}

#[cfg(test)]
#[path = "itch_tests.rs"]
mod tests;
