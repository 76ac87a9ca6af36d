//! ClOrdID(11): the client's name of an order, up to 20 printable ASCII characters.

/// A ClOrdID as records carry it: text padded with NUL.
pub type ClOrdId = [u8; 20];

/// Why a text is no ClOrdID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClOrdIdError {
    /// No character at all.
    Empty,
    /// More than 20 characters; holds how many.
    TooLong(usize),
    /// A byte that is not printable ASCII; holds the byte.
    NotPrintable(u8),
}

impl core::fmt::Display for ClOrdIdError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => out.write_str("ClOrdID is empty"),
            Self::TooLong(len) => {
                write!(out, "ClOrdID has {len} characters, at most 20 are allowed")
            }
            Self::NotPrintable(byte) => {
                write!(out, "ClOrdID holds byte {byte}, only printable ASCII is allowed")
            }
        }
    }
}

impl core::error::Error for ClOrdIdError {}

/// Reads a ClOrdID from the value of tag 11 or 41.
///
/// # Errors
///
/// [`ClOrdIdError`] says what is wrong with it.
pub fn parse(text: &[u8]) -> Result<ClOrdId, ClOrdIdError> {
    if text.is_empty() {
        return Err(ClOrdIdError::Empty);
    }
    if text.len() > 20 {
        return Err(ClOrdIdError::TooLong(text.len()));
    }
    if let Some(byte) = text.iter().find(|byte| !(0x20..0x7f).contains(*byte)) {
        return Err(ClOrdIdError::NotPrintable(*byte));
    }
    let mut id = [0; 20];
    id[..text.len()].copy_from_slice(text);
    Ok(id)
}

/// The text of a ClOrdID, without its padding.
#[must_use]
pub fn text(id: &ClOrdId) -> &[u8] {
    let len = id.iter().position(|byte| *byte == 0).unwrap_or(id.len());
    &id[..len]
}

/// True if a block holds a ClOrdID as [`parse`] makes them: printable, then padded with NUL.
#[must_use]
pub fn is_cl_ord_id(id: &ClOrdId) -> bool {
    let len = text(id).len();
    len > 0 && parse(&id[..len]).is_ok() && id[len..].iter().all(|byte| *byte == 0)
}

/// What the ClOrdIDs of a strategy begin with: `S` and its session, in base 32. The engine takes no
/// others from it, so that it names no order of another session of its member.
#[must_use]
pub const fn strategy_prefix(session_id: u32) -> [u8; 4] {
    let mut prefix = [b'S'; 4];
    write_base32(session_id as u64, &mut prefix, 1);
    prefix
}

/// Writes the lowest digits of a number in base 32 from `start` to the end, the last one last.
pub const fn write_base32(mut number: u64, out: &mut [u8], start: usize) {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    let mut at = out.len();
    while at > start {
        at -= 1;
        out[at] = digits[(number & 31) as usize];
        number >>= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cl_ord_id_has_one_to_twenty_printable_characters() {
        assert_eq!(parse(b""), Err(ClOrdIdError::Empty));
        assert_eq!(parse(&[b'a'; 21]), Err(ClOrdIdError::TooLong(21)));
        assert_eq!(parse(b"a\x01"), Err(ClOrdIdError::NotPrintable(1)));
        assert_eq!(parse(&[b'a'; 20]).map(|id| text(&id).len()), Ok(20));
        assert_eq!(parse(b"A-1").as_ref().map(text), Ok(&b"A-1"[..]));
    }

    #[test]
    fn strategies_of_other_sessions_have_other_prefixes() {
        assert_eq!(super::strategy_prefix(0), *b"S000");
        assert_eq!(super::strategy_prefix(33), *b"S011");
        assert_eq!(super::strategy_prefix(4_095), *b"S3VV");
    }
}
