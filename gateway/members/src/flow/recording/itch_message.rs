//! Messages of Nasdaq TotalView-ITCH 5.0, from their bytes.
//!
//! Every message starts with its type (1 byte), stock locate (2), tracking number (2) and time
//! (6: nanoseconds since midnight at the exchange); all numbers are big endian, prices are u32
//! with four decimals, shares u32, stocks 8 characters filled up with spaces. A type has one
//! length. Source: Nasdaq TotalView-ITCH 5.0, sections 4.1 to 4.10.
//!
//! | Type | Bytes | Message | Behind the first 11 bytes |
//! |---|---|---|---|
//! | `S` | 12 | system event | code 1 |
//! | `R` | 39 | stock directory | stock 8, ... |
//! | `H` | 25 | stock trading action | stock 8, state 1, reserved 1, reason 4 |
//! | `A` | 36 | add order | reference 8, side 1, shares 4, stock 8, price 4 |
//! | `F` | 40 | add order, attributed | as `A`, attribution 4 |
//! | `E` | 31 | order executed | reference 8, shares 4, match 8 |
//! | `C` | 36 | order executed at a price | as `E`, printable 1, price 4 |
//! | `X` | 23 | order cancel | reference 8, shares 4 |
//! | `D` | 19 | order delete | reference 8 |
//! | `U` | 35 | order replace | reference 8, new reference 8, shares 4, price 4 |
//! | `P` | 44 | trade with a hidden order | reference 8, side 1, shares 4, stock 8, price 4, match 8 |
//! | `Q` | 40 | cross trade | shares 8, stock 8, price 4, match 8, kind 1 |
//! | `Y` `L` `V` `W` `K` `J` `h` `B` `I` `N` `O` | 20 26 35 12 28 35 21 19 50 20 48 | not read | |

use crate::flow::record::Side;

/// Length of the longest message.
pub const ITCH_MESSAGE_BYTES_MAX: usize = 50;

/// The length of a message of this type, `None` for a type that the specification does not have.
#[must_use]
pub const fn itch_message_bytes(kind: u8) -> Option<usize> {
    Some(match kind {
        b'S' | b'W' => 12,
        b'D' | b'B' => 19,
        b'Y' | b'N' => 20,
        b'h' => 21,
        b'X' => 23,
        b'H' => 25,
        b'L' => 26,
        b'K' => 28,
        b'E' => 31,
        b'V' | b'J' | b'U' => 35,
        b'A' | b'C' => 36,
        b'R' => 39,
        b'F' | b'Q' => 40,
        b'P' => 44,
        b'O' => 48,
        b'I' => 50,
        _ => return None,
    })
}

/// A stock's ticker as messages have it: filled up with spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stock(
    /// Its characters.
    pub [u8; 8],
);

impl std::fmt::Display for Stock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.trim_ascii_end().escape_ascii())
    }
}

/// What every message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ItchHead {
    /// The stock's number on that day; 0 where it is about none.
    pub(super) stock_locate: u16,
    /// Nanoseconds since midnight at the exchange.
    pub(super) at_ns: u64,
}

/// A message. Prices are in units of 1e-4, quantities in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItchMessage {
    /// `S`: a phase of the exchange's day starts.
    SystemEvent {
        /// One of `OSQMEC`.
        code: u8,
    },
    /// `R`: a stock and its locate.
    StockDirectory {
        /// The stock.
        stock: Stock,
    },
    /// `H`: the stock is halted, paused, quoted only or trading.
    TradingAction {
        /// The stock.
        stock: Stock,
        /// One of `HPQT`.
        state: u8,
    },
    /// `A`, `F`: an order enters the book.
    Add {
        /// Its reference.
        order_ref: u64,
        /// Its side.
        side: Side,
        /// Its quantity.
        shares: u32,
        /// The stock.
        stock: Stock,
        /// Its limit.
        price: u32,
    },
    /// `E`, `C`: an order was executed, in whole or in part; it keeps its place.
    Execute {
        /// The order that rested.
        order_ref: u64,
        /// What was executed.
        shares: u32,
    },
    /// `X`: a part of an order is canceled; it keeps its place.
    Cancel {
        /// The order.
        order_ref: u64,
        /// What was canceled.
        shares: u32,
    },
    /// `D`: an order leaves the book.
    Delete {
        /// The order.
        order_ref: u64,
    },
    /// `U`: an order leaves the book, another of its side takes its place, at the queue's end.
    Replace {
        /// The order that leaves.
        order_ref: u64,
        /// The order that enters.
        new_order_ref: u64,
        /// Its quantity.
        shares: u32,
        /// Its limit.
        price: u32,
    },
    /// `P`: a hidden order was executed.
    Trade {
        /// The stock.
        stock: Stock,
        /// What was executed.
        shares: u32,
    },
    /// `Q`: a cross executed so many shares.
    CrossTrade {
        /// The stock.
        stock: Stock,
        /// What was executed.
        shares: u64,
    },
    /// Any other message of the specification.
    Other,
}

/// What is wrong with a message's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageFault {
    /// A type that the specification does not have.
    Type(u8),
    /// A length that its type does not have.
    Length { kind: u8, expected: usize, found: usize },
    /// A code that the field does not have.
    Code { field: &'static str, code: u8 },
}

impl ItchMessage {
    /// Reads one message, without any framing.
    pub(super) fn decode(bytes: &[u8]) -> Result<(ItchHead, Self), MessageFault> {
        let kind = bytes.first().copied().unwrap_or(0);
        let expected = itch_message_bytes(kind).ok_or(MessageFault::Type(kind))?;
        let length = MessageFault::Length { kind, expected, found: bytes.len() };
        if bytes.len() != expected {
            return Err(length);
        }
        let mut fields = Fields(bytes.get(1..).unwrap_or(&[]));
        // The length is that of the type: every field is there.
        let head = fields.head().ok_or(length)?;
        let message = match kind {
            b'S' => Self::SystemEvent { code: fields.code().ok_or(length)? },
            b'R' => Self::StockDirectory { stock: fields.stock().ok_or(length)? },
            b'H' => fields.trading_action().ok_or(length)?,
            b'A' | b'F' => fields.add().ok_or(length)??,
            b'E' | b'C' => fields.execute().ok_or(length)?,
            b'X' => fields.cancel().ok_or(length)?,
            b'D' => Self::Delete { order_ref: fields.u64().ok_or(length)? },
            b'U' => fields.replace().ok_or(length)?,
            b'P' => fields.trade().ok_or(length)??,
            b'Q' => fields.cross_trade().ok_or(length)?,
            _ => Self::Other,
        };
        message.check_codes().map(|()| (head, message))
    }

    fn check_codes(&self) -> Result<(), MessageFault> {
        let (field, code, known) = match *self {
            Self::SystemEvent { code } => ("event code", code, &b"OSQMEC"[..]),
            Self::TradingAction { state, .. } => ("trading state", state, &b"HPQT"[..]),
            _ => return Ok(()),
        };
        if known.contains(&code) { Ok(()) } else { Err(MessageFault::Code { field, code }) }
    }

    /// The stock, where the message names it.
    pub(super) const fn stock(&self) -> Option<Stock> {
        match *self {
            Self::StockDirectory { stock }
            | Self::TradingAction { stock, .. }
            | Self::Add { stock, .. }
            | Self::Trade { stock, .. }
            | Self::CrossTrade { stock, .. } => Some(stock),
            _ => None,
        }
    }
}

/// What is left of a message; `None` where a field does not fit in it.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn code(&mut self) -> Option<u8> {
        self.take().map(|[code]| code)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn stock(&mut self) -> Option<Stock> {
        self.take().map(Stock)
    }

    fn side(&mut self) -> Option<Result<Side, MessageFault>> {
        self.code().map(|code| match code {
            b'B' => Ok(Side::Buy),
            b'S' => Ok(Side::Sell),
            code => Err(MessageFault::Code { field: "side", code }),
        })
    }

    fn head(&mut self) -> Option<ItchHead> {
        let stock_locate = self.take().map(u16::from_be_bytes)?;
        let _tracking_number: [u8; 2] = self.take()?;
        let [a, b, c, d, e, f] = self.take()?;
        Some(ItchHead { stock_locate, at_ns: u64::from_be_bytes([0, 0, a, b, c, d, e, f]) })
    }

    fn trading_action(&mut self) -> Option<ItchMessage> {
        Some(ItchMessage::TradingAction { stock: self.stock()?, state: self.code()? })
    }

    fn add(&mut self) -> Option<Result<ItchMessage, MessageFault>> {
        let (order_ref, side) = (self.u64()?, self.side()?);
        let (shares, stock, price) = (self.u32()?, self.stock()?, self.u32()?);
        Some(side.map(|side| ItchMessage::Add { order_ref, side, shares, stock, price }))
    }

    fn execute(&mut self) -> Option<ItchMessage> {
        Some(ItchMessage::Execute { order_ref: self.u64()?, shares: self.u32()? })
    }

    fn cancel(&mut self) -> Option<ItchMessage> {
        Some(ItchMessage::Cancel { order_ref: self.u64()?, shares: self.u32()? })
    }

    fn replace(&mut self) -> Option<ItchMessage> {
        let (order_ref, new_order_ref) = (self.u64()?, self.u64()?);
        let (shares, price) = (self.u32()?, self.u32()?);
        Some(ItchMessage::Replace { order_ref, new_order_ref, shares, price })
    }

    fn trade(&mut self) -> Option<Result<ItchMessage, MessageFault>> {
        let (_order_ref, side) = (self.u64()?, self.side()?);
        let (shares, stock) = (self.u32()?, self.stock()?);
        Some(side.map(|_| ItchMessage::Trade { stock, shares }))
    }

    fn cross_trade(&mut self) -> Option<ItchMessage> {
        Some(ItchMessage::CrossTrade { shares: self.u64()?, stock: self.stock()? })
    }
}
