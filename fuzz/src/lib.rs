//! What the fuzz targets and the maker of their seeds share: messages and commands with correct
//! lengths and checksums, so that the fuzzer reaches what lies behind those.
#![forbid(unsafe_code)]

pub mod library;

use touchline_members::flow::recording::Units;
use touchline_members::flow::{Event, FileBook};
use touchline_types::{Command, CommandKind, ExecInst, OrdType, Side};

/// An instrument that admits most of what a recording may have.
pub const UNITS: Units = Units {
    tick_nanos: 100_000,
    min_price: 1,
    max_price: 1 << 40,
    round_lot: 1,
    max_order_qty: 1 << 40,
};

/// The events that a reader gave before its end or its error, and the error's text. They count
/// from 0, are never empty, and make a book without contradiction.
///
/// # Panics
/// If not.
#[must_use]
pub fn check_events<E: std::error::Error>(
    read: Vec<Result<Event, E>>,
) -> (Vec<Event>, Option<String>) {
    let (mut events, mut error) = (Vec::new(), None);
    let mut book = FileBook::new();
    for event in read {
        assert!(error.is_none(), "an event behind an error");
        match event {
            Ok(event) => {
                assert_eq!(event.index, events.len() as u64);
                assert!(!event.records.is_empty());
                assert_eq!(book.apply(&event), Ok(()), "{event:?}");
                events.push(event);
            }
            Err(refused) => error = Some(refused.to_string()),
        }
    }
    assert!(error.as_ref().is_none_or(|error| !error.is_empty()));
    (events, error)
}

/// A FIX message with this body, `BodyLength(9)` and `CheckSum(10)` as they must be.
#[must_use]
pub fn frame(begin_string: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = b"8=".to_vec();
    bytes.extend_from_slice(begin_string);
    bytes.extend_from_slice(format!("\x019={}\x01", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    bytes
}

/// Takes values off the front of the fuzzer's bytes; zeros when they are used up.
#[derive(Debug)]
pub struct Script<'a>(pub &'a [u8]);

impl<'a> Script<'a> {
    /// One byte, `None` at the end.
    pub fn op(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Up to `len` bytes.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.op().unwrap_or(0)
    }

    /// Two bytes, little endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self) -> u64 {
        let mut word = [0; 8];
        for (byte, given) in word.iter_mut().zip(self.take(8)) {
            *byte = *given;
        }
        u64::from_le_bytes(word)
    }
}

/// An order as a journal or a ring holds it.
#[must_use]
pub fn command(seq: u64) -> Command {
    Command {
        seq,
        timestamp: 1_767_605_400_000_000_000 + seq,
        instrument_id: 1,
        price: 19_000 + (seq % 7) as i64,
        order_qty: 1 + seq % 5,
        side: if seq.is_multiple_of(2) { Side::Buy } else { Side::Sell },
        ord_type: OrdType::Limit,
        display_qty: seq % 3,
        exec_inst: ExecInst((seq % 16) as u8),
        ..Command::of(CommandKind::NewOrder)
    }
}
