//! One line of Bitstamp's orders as CSV, and nothing about the lines around it.
//!
//! `id,timestamp,exchange.timestamp,price,volume,action,direction`: times in milliseconds since the
//! epoch (UTC; when it was received, what the exchange says), price in dollars, volume in 1e-8
//! bitcoin. A field may stand in quotes, a line may end in CR LF.

use crate::flow::record::Side;

/// The names in the first line.
const COLUMNS: [&str; 7] =
    ["id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction"];
/// Decimals of a price that are kept: units of 1e-9.
const PRICE_PLACES: usize = 9;
const NS_PER_MS: u64 = 1_000_000;

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowAction {
    /// It enters the book.
    Created,
    /// It stands with this price and volume.
    Changed,
    /// It leaves the book; a volume of 0: it was executed.
    Deleted,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: u64,
    /// When it was received, ns since the epoch, UTC.
    pub(super) received_ns: u64,
    /// What the exchange says, ns since the epoch, UTC.
    pub(super) exchange_ns: u64,
    /// In units of 1e-9 dollars; never negative.
    pub(super) price_nanos: i64,
    /// In units of 1e-8 bitcoin.
    pub(super) volume: u64,
    pub(super) action: RowAction,
    pub(super) side: Side,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFault {
    /// So many fields.
    Fields(usize),
    /// The field of this name.
    Field(&'static str),
}

/// Whether bytes that start with `head` have the right first line.
pub(super) fn is_header(head: &[u8]) -> bool {
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else { return false };
    let line = head.get(..end).and_then(|line| std::str::from_utf8(line).ok());
    line.is_some_and(is_header_line)
}

/// Whether `line` is the right first line.
pub(super) fn is_header_line(line: &str) -> bool {
    fields(line).eq(COLUMNS)
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    let quoted =
        |field: &'_ str| field.len() >= 2 && field.starts_with('"') && field.ends_with('"');
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.split(',').map(move |f| if quoted(f) { f.trim_matches('"') } else { f })
}

impl Row {
    /// Reads a line without its end.
    pub(super) fn parse(line: &str) -> Result<Self, RowFault> {
        let mut found = [""; COLUMNS.len()];
        let mut count = 0;
        for field in fields(line) {
            if let Some(place) = found.get_mut(count) {
                *place = field;
            }
            count += 1;
        }
        if count != COLUMNS.len() {
            return Err(RowFault::Fields(count));
        }
        let [id, timestamp, exchange_timestamp, price, volume, action, direction] = found;
        let or = |name| move || RowFault::Field(name);
        Ok(Self {
            id: whole(id).ok_or_else(or("id"))?,
            received_ns: ns(timestamp).ok_or_else(or("timestamp"))?,
            exchange_ns: ns(exchange_timestamp).ok_or_else(or("exchange.timestamp"))?,
            price_nanos: price_nanos(price).ok_or_else(or("price"))?,
            volume: whole(volume).ok_or_else(or("volume"))?,
            action: match action {
                "created" => RowAction::Created,
                "changed" => RowAction::Changed,
                "deleted" => RowAction::Deleted,
                _ => return Err(RowFault::Field("action")),
            },
            side: match direction {
                "bid" => Side::Buy,
                "ask" => Side::Sell,
                _ => return Err(RowFault::Field("direction")),
            },
        })
    }
}

/// Digits only: no sign, no exponent.
fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn ns(text: &str) -> Option<u64> {
    whole(text)?.checked_mul(NS_PER_MS)
}

/// A decimal with at most nine places, in units of 1e-9.
fn price_nanos(text: &str) -> Option<i64> {
    let (units, places) = match text.split_once('.') {
        Some((units, places)) if !places.is_empty() => (units, places),
        Some(_) => return None,
        None => (text, "0"),
    };
    if places.len() > PRICE_PLACES {
        return None;
    }
    let nanos = whole(&format!("{places:0<PRICE_PLACES$}"))?;
    let nanos = whole(units)?.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    i64::try_from(nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "65595247,1430438404518,1430438404000,236.47,200000000,created,bid";

    #[test]
    fn a_line_is_seven_fields() {
        let row = Row {
            id: 65_595_247,
            received_ns: 1_430_438_404_518_000_000,
            exchange_ns: 1_430_438_404_000_000_000,
            price_nanos: 236_470_000_000,
            volume: 200_000_000,
            action: RowAction::Created,
            side: Side::Buy,
        };
        assert_eq!(Row::parse(LINE), Ok(row));
        let quoted =
            "\"65595247\",1430438404518,1430438404000,236.47,200000000,\"created\",\"bid\"\r";
        assert_eq!(Row::parse(quoted), Ok(row));
        let ask = Row { action: RowAction::Deleted, side: Side::Sell, volume: 0, ..row };
        let line = "65595247,1430438404518,1430438404000,236.470,0,deleted,ask";
        assert_eq!(Row::parse(line), Ok(ask));
    }

    #[test]
    fn every_prefix_of_a_line_is_refused() {
        for end in 0..LINE.len() {
            assert!(Row::parse(&LINE[..end]).is_err(), "{}", &LINE[..end]);
        }
    }

    #[test]
    fn a_field_that_is_wrong_is_named() {
        let with = |at: usize, text: &str| {
            let mut fields: Vec<&str> = LINE.split(',').collect();
            fields[at] = text;
            Row::parse(&fields.join(","))
        };
        for (at, name) in COLUMNS.into_iter().enumerate() {
            for text in
                ["", " ", "-1", "+1", "1e5", "x", "NA", "99999999999999999999999", "\u{663}"]
            {
                assert_eq!(with(at, text), Err(RowFault::Field(name)), "{text:?}");
            }
        }
        for price in ["1.", ".5", "1.2.3", "1.1234567890", "9223372037", "0x1"] {
            assert_eq!(with(3, price), Err(RowFault::Field("price")), "{price}");
        }
        assert_eq!(
            with(1, "18446744073710"),
            Err(RowFault::Field("timestamp")),
            "above 64 bits of ns"
        );
        assert_eq!(with(4, "18446744073709551615").map(|row| row.volume), Ok(u64::MAX));
        assert_eq!(Row::parse(&format!("{LINE},1")), Err(RowFault::Fields(8)));
        assert_eq!(Row::parse(""), Err(RowFault::Fields(1)));
    }
}
