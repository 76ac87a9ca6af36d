//! Finds one message at the start of a byte buffer: `8=FIX.x.y|9=n|...|10=ccc|`.
//!
//! Looks only at the first two fields and at the place where the trailer must be. A stated length
//! is compared with the configured bound before it is used for anything; no state, no allocation.

use crate::fault::Garbled;
use crate::parse::digit;
use crate::{BEGIN_STRING, SOH};

const BEGIN: &[u8] = b"8=FIX";

/// `10=ccc` and its SOH.
pub(crate) const TRAILER_BYTES: usize = 7;

/// Longest `8=...` field that is looked at, with its SOH (`8=FIXT.1.1` needs 11).
const MAX_BEGIN_BYTES: usize = 16;

/// More digits than this cannot be a length that any configuration allows.
const MAX_LENGTH_DIGITS: usize = 9;

/// Shortest message there can be: `8=FIX.4.4|9=5|35=0|10=ccc|`.
pub const MIN_MESSAGE_BYTES: usize = 26;

/// What stands at the start of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Not enough bytes yet.
    Incomplete {
        /// The buffer must hold at least so many bytes before another look can tell more.
        need_bytes: usize,
    },
    /// One whole FIX 4.4 message; its checksum is checked by [`crate::Message::parse`].
    Message {
        /// The message is `buffer[..len_bytes]`.
        len_bytes: usize,
    },
    /// One whole message with another `BeginString(8)`.
    OtherVersion {
        /// The message is `buffer[..len_bytes]`.
        len_bytes: usize,
    },
    /// Not a message.
    Garbled {
        /// Drop so many bytes (at least 1), then look again.
        skip_bytes: usize,
        /// What was wrong.
        reason: Garbled,
    },
}

/// Finds messages no longer than a configured bound.
#[derive(Debug, Clone, Copy)]
pub struct Framer {
    max_bytes: usize,
}

impl Framer {
    /// `max_bytes` bounds a whole message, header and trailer included.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { max_bytes }
    }

    /// The bound on a whole message.
    #[must_use]
    pub const fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// What stands at the start of `buffer`.
    ///
    /// After `Garbled` the buffer starts again at the next `8=FIX` that is in sight; a wrong
    /// `BodyLength(9)` can therefore not hide a following message that has already arrived.
    #[must_use]
    pub fn next(&self, buffer: &[u8]) -> Frame {
        match self.measure(buffer) {
            Ok(frame) => frame,
            Err(reason) => Frame::Garbled { skip_bytes: resume_at(buffer), reason },
        }
    }

    fn measure(&self, buffer: &[u8]) -> Result<Frame, Garbled> {
        let have = buffer.len();
        let Some(after_begin) = buffer.strip_prefix(BEGIN) else {
            return if BEGIN.starts_with(buffer) {
                Ok(Frame::Incomplete { need_bytes: MIN_MESSAGE_BYTES })
            } else {
                Err(Garbled::NoBeginString)
            };
        };
        let more = Ok(Frame::Incomplete { need_bytes: have.saturating_add(1) });
        let Some(begin_end) = after_begin.iter().take(MAX_BEGIN_BYTES).position(|b| *b == SOH)
        else {
            let is_open = after_begin.len() < MAX_BEGIN_BYTES;
            return if is_open { more } else { Err(Garbled::BeginStringNotEnded) };
        };
        // A message that was cut off inside this field must not swallow the one that follows it.
        if after_begin.iter().take(begin_end).any(|byte| *byte == b'=') {
            return Err(Garbled::BeginStringNotEnded);
        }
        let begin_end = begin_end.saturating_add(BEGIN.len());
        let length_start = begin_end.saturating_add(3);
        match buffer.get(begin_end.saturating_add(1)..).unwrap_or(&[]) {
            [b'9', b'=', ..] => {}
            [] | [b'9'] => return more,
            _ => return Err(Garbled::BadBodyLength),
        }
        let Some((body_length, digits)) = body_length(buffer.get(length_start..).unwrap_or(&[]))?
        else {
            return more;
        };
        // At most 10^9 + 32: no overflow.
        let body_start = length_start.saturating_add(digits).saturating_add(1);
        let total = body_start.saturating_add(body_length).saturating_add(TRAILER_BYTES);
        if total > self.max_bytes {
            let body_length = u64::try_from(body_length).unwrap_or(u64::MAX);
            return Err(Garbled::TooLong { body_length, max_bytes: self.max_bytes });
        }
        let Some(message) = buffer.get(..total) else {
            return Ok(Frame::Incomplete { need_bytes: total });
        };
        if !ends_with_trailer(message) {
            return Err(Garbled::NoTrailer);
        }
        let version = message.get(2..begin_end).unwrap_or(&[]);
        Ok(if version == BEGIN_STRING {
            Frame::Message { len_bytes: total }
        } else {
            Frame::OtherVersion { len_bytes: total }
        })
    }
}

/// The number before SOH and how many digits it has; `None` if the SOH is not in sight yet.
fn body_length(text: &[u8]) -> Result<Option<(usize, usize)>, Garbled> {
    let mut value = 0usize;
    for (index, byte) in text.iter().enumerate() {
        if *byte == SOH {
            return if index == 0 || value == 0 {
                Err(Garbled::BadBodyLength)
            } else {
                Ok(Some((value, index)))
            };
        }
        let digit = digit(*byte).ok_or(Garbled::BadBodyLength)?;
        if index >= MAX_LENGTH_DIGITS {
            return Err(Garbled::BadBodyLength);
        }
        // Nine digits at most: below 2^30.
        value = value.saturating_mul(10).saturating_add(usize::from(digit));
    }
    Ok(None)
}

/// Whether the last field is `10=nnn` and begins after a SOH.
pub(crate) fn ends_with_trailer(message: &[u8]) -> bool {
    let Some(trailer_start) = message.len().checked_sub(TRAILER_BYTES.saturating_add(1)) else {
        return false;
    };
    matches!(
        message.get(trailer_start..),
        Some(&[SOH, b'1', b'0', b'=', a, b, c, SOH])
            if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit()
    )
}

/// Where to look again: the next `8=FIX` after the first byte, or its beginning at the very end.
fn resume_at(buffer: &[u8]) -> usize {
    let rest = buffer.get(1..).unwrap_or(&[]);
    let found = rest.windows(BEGIN.len()).position(|window| window == BEGIN);
    let kept = found.unwrap_or_else(|| {
        let tail = rest.len().saturating_sub(BEGIN.len().saturating_sub(1));
        (tail..rest.len())
            .find(|start| rest.get(*start..).is_some_and(|end| BEGIN.starts_with(end)))
            .unwrap_or(rest.len())
    });
    kept.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: &[u8] =
        b"8=FIX.4.4\x019=47\x0135=0\x0134=2\x0149=M1\x0152=20260105-09:30:00.000\x0156=TL\x0110=226\x01";

    fn next(buffer: &[u8]) -> Frame {
        Framer::new(4096).next(buffer)
    }

    #[test]
    fn a_whole_message_is_found_and_what_follows_is_left_alone() {
        let mut buffer = HEARTBEAT.to_vec();
        assert_eq!(next(&buffer), Frame::Message { len_bytes: HEARTBEAT.len() });
        buffer.extend_from_slice(b"8=FIX.4.4\x019=");
        assert_eq!(next(&buffer), Frame::Message { len_bytes: HEARTBEAT.len() });
    }

    #[test]
    fn a_message_cut_at_any_byte_is_incomplete_and_never_garbled() {
        for len in 0..HEARTBEAT.len() {
            match next(&HEARTBEAT[..len]) {
                Frame::Incomplete { need_bytes } => assert!(need_bytes > len, "{len}"),
                other => panic!("{len}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_message_cut_at_any_byte_hides_none_that_follows() {
        for len in 0..HEARTBEAT.len() {
            let buffer = [&HEARTBEAT[..len], HEARTBEAT, HEARTBEAT].concat();
            let (mut at, mut found) = (0, 0);
            while at < buffer.len() {
                at += match next(&buffer[at..]) {
                    Frame::Message { len_bytes } if buffer[at..at + len_bytes] == *HEARTBEAT => {
                        found += 1;
                        len_bytes
                    }
                    Frame::Garbled { skip_bytes, .. } => skip_bytes,
                    other => panic!("cut at {len}, at {at}: {other:?}"),
                };
            }
            assert_eq!(found, 2, "cut at {len}");
        }
    }

    #[test]
    fn another_begin_string_is_told_apart() {
        let other = b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01";
        assert_eq!(next(other), Frame::OtherVersion { len_bytes: other.len() });
        let other = b"8=FIXT.1.1\x019=5\x0135=0\x0110=161\x01";
        assert_eq!(next(other), Frame::OtherVersion { len_bytes: other.len() });
    }

    #[test]
    fn a_length_over_the_bound_is_refused_before_it_is_awaited() {
        assert_eq!(
            next(b"8=FIX.4.4\x019=4096\x01"),
            Frame::Garbled {
                skip_bytes: 17,
                reason: Garbled::TooLong { body_length: 4096, max_bytes: 4096 }
            }
        );
        let all_nines = b"8=FIX.4.4\x019=999999999\x01";
        assert!(matches!(
            next(all_nines),
            Frame::Garbled { reason: Garbled::TooLong { body_length: 999_999_999, .. }, .. }
        ));
    }

    #[test]
    fn a_length_that_is_no_positive_number_is_garbled() {
        for length in ["", "0", "-1", "+5", "1x", "18446744073709551616", "9999999999", " 5"] {
            let buffer = format!("8=FIX.4.4\x019={length}\x0135=0\x0110=000\x01");
            assert!(
                matches!(
                    next(buffer.as_bytes()),
                    Frame::Garbled { reason: Garbled::BadBodyLength, .. }
                ),
                "{length}"
            );
        }
        assert!(matches!(
            next(b"8=FIX.4.4\x0135=0\x01"),
            Frame::Garbled { reason: Garbled::BadBodyLength, .. }
        ));
    }

    #[test]
    fn an_endless_run_of_digits_is_not_awaited() {
        let mut buffer = b"8=FIX.4.4\x019=".to_vec();
        buffer.extend(std::iter::repeat_n(b'0', 1000));
        assert!(matches!(next(&buffer), Frame::Garbled { reason: Garbled::BadBodyLength, .. }));
    }

    #[test]
    fn an_endless_begin_string_is_not_awaited() {
        assert!(matches!(
            next(b"8=FIX.4.4.4.4.4.4.4.4.4.4"),
            Frame::Garbled { reason: Garbled::BeginStringNotEnded, .. }
        ));
    }

    #[test]
    fn noise_is_skipped_up_to_the_next_begin_string() {
        let mut buffer = b"noise8=".to_vec();
        buffer.extend_from_slice(HEARTBEAT);
        assert_eq!(next(&buffer), Frame::Garbled { skip_bytes: 7, reason: Garbled::NoBeginString });
        assert_eq!(
            next(b"noise8=FI"),
            Frame::Garbled { skip_bytes: 5, reason: Garbled::NoBeginString }
        );
        assert_eq!(
            next(b"noise"),
            Frame::Garbled { skip_bytes: 5, reason: Garbled::NoBeginString }
        );
    }

    #[test]
    fn a_wrong_length_does_not_hide_the_following_message() {
        for length in [b"46", b"48", b"91"] {
            let mut buffer = HEARTBEAT.to_vec();
            buffer[12..14].copy_from_slice(length);
            let first = buffer.len();
            buffer.extend_from_slice(HEARTBEAT);
            let Frame::Garbled { skip_bytes, reason } = next(&buffer) else { panic!("{length:?}") };
            assert_eq!((skip_bytes, reason), (first, Garbled::NoTrailer));
            assert_eq!(next(&buffer[skip_bytes..]), Frame::Message { len_bytes: HEARTBEAT.len() });
        }
    }
}
