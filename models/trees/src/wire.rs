//! The wire format of Protocol Buffers, as strictly as an ONNX file needs it.
//!
//! A message is a row of fields; a field is a key, `number << 3 | wire type`, and a value: a varint
//! (0), eight bytes (1), a length and that many bytes (2), or four bytes (5). Source: "Encoding" in
//! the Protocol Buffers documentation. Groups (3, 4) are long out of use and refused. Nothing is
//! copied here; a length is compared with what is left before it is used.

use crate::error::ReadError;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Eight(u64),
    Bytes(&'a [u8]),
    Four,
}

/// A field, and where it lies in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    /// Of its key.
    pub(crate) offset: usize,
    value: Value<'a>,
    /// Of the first byte of `Value::Bytes`.
    inside: usize,
}

/// What is left of a message.
#[derive(Debug, Clone)]
pub(crate) struct Message<'a> {
    rest: &'a [u8],
    /// Of the first byte of `rest`.
    offset: usize,
}

impl<'a> Message<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// The next field; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, ReadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).unwrap_or(u32::MAX);
        if number == 0 || number >= 1 << 29 {
            return Err(ReadError::Key { offset });
        }
        let mut inside = self.offset;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Eight(self.eight()?),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                inside = self.offset;
                Value::Bytes(self.take(length).ok_or(ReadError::Truncated { offset })?)
            }
            5 => {
                self.take(4).ok_or(ReadError::Truncated { offset })?;
                Value::Four
            }
            _ => return Err(ReadError::Key { offset }),
        };
        Ok(Some(Field { number, offset, value, inside }))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        self.offset = self.offset.wrapping_add(count);
        Some(taken)
    }

    fn eight(&mut self) -> Result<u64, ReadError> {
        let offset = self.offset;
        let taken = self.take(8).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        taken.map(u64::from_le_bytes).ok_or(ReadError::Truncated { offset })
    }

    /// Seven bits a byte, lowest first; the tenth byte has room for one.
    fn varint(&mut self) -> Result<u64, ReadError> {
        let offset = self.offset;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some([byte]) = self.take(1) else { return Err(ReadError::Truncated { offset }) };
            if shift == 63 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ReadError::Varint { offset })
    }
}

impl<'a> Field<'a> {
    fn kind(&self, what: &'static str, wanted: &'static str) -> ReadError {
        ReadError::Kind { what, offset: self.offset, wanted }
    }

    /// The refusal of a field that `message` has and nobody here knows.
    pub(crate) fn unknown(&self, message: &'static str) -> ReadError {
        ReadError::Field { message, number: self.number, offset: self.offset }
    }

    pub(crate) fn bytes(&self, what: &'static str) -> Result<&'a [u8], ReadError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.kind(what, "bytes")),
        }
    }

    pub(crate) fn message(&self, what: &'static str) -> Result<Message<'a>, ReadError> {
        match self.value {
            Value::Bytes(rest) => Ok(Message { rest, offset: self.inside }),
            _ => Err(self.kind(what, "a message")),
        }
    }

    pub(crate) fn text(&self, what: &'static str) -> Result<&'a str, ReadError> {
        std::str::from_utf8(self.bytes(what)?).map_err(|_| self.kind(what, "a text in UTF-8"))
    }

    /// An int64: two's complement in a varint.
    pub(crate) fn integer(&self, what: &'static str) -> Result<i64, ReadError> {
        match self.value {
            Value::Varint(value) => Ok(value.cast_signed()),
            _ => Err(self.kind(what, "an integer")),
        }
    }

    /// Adds one int64, or a packed row of them.
    pub(crate) fn integers(
        &self,
        what: &'static str,
        max: usize,
        into: &mut Vec<i64>,
    ) -> Result<(), ReadError> {
        let mut push = |value: u64| {
            if into.len() == max {
                return Err(ReadError::TooMany { what, max });
            }
            into.push(value.cast_signed());
            Ok(())
        };
        match self.value {
            Value::Varint(value) => push(value),
            Value::Bytes(rest) => {
                let mut row = Message { rest, offset: self.inside };
                while !row.rest.is_empty() {
                    push(row.varint()?)?;
                }
                Ok(())
            }
            _ => Err(self.kind(what, "integers")),
        }
    }

    /// Adds one double, or a packed row of them.
    pub(crate) fn doubles(
        &self,
        what: &'static str,
        max: usize,
        into: &mut Vec<f64>,
    ) -> Result<(), ReadError> {
        let mut push = |bits: u64| {
            if into.len() == max {
                return Err(ReadError::TooMany { what, max });
            }
            into.push(f64::from_bits(bits));
            Ok(())
        };
        match self.value {
            Value::Eight(bits) => push(bits),
            Value::Bytes(rest) => {
                let mut row = Message { rest, offset: self.inside };
                while !row.rest.is_empty() {
                    push(row.eight()?)?;
                }
                Ok(())
            }
            _ => Err(self.kind(what, "doubles")),
        }
    }
}

/// Sets what may be set once.
pub(crate) fn once<T>(
    slot: &mut Option<T>,
    value: T,
    what: &'static str,
    offset: usize,
) -> Result<(), ReadError> {
    if slot.is_some() {
        return Err(ReadError::Twice { what: what.to_owned(), offset });
    }
    *slot = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_has_at_most_64_bits() {
        let read = |bytes: &[u8]| Message::new(bytes).varint();
        assert_eq!(read(&[0x96, 0x01]), Ok(150));
        let most = [[0xff; 9].as_slice(), &[0x01]].concat();
        assert_eq!(read(&most), Ok(u64::MAX));
        let more = [[0xff; 9].as_slice(), &[0x02]].concat();
        assert_eq!(read(&more), Err(ReadError::Varint { offset: 0 }));
        let longer = [[0x80; 10].as_slice(), &[0x00]].concat();
        assert_eq!(read(&longer), Err(ReadError::Varint { offset: 0 }));
        assert_eq!(read(&[0x80]), Err(ReadError::Truncated { offset: 0 }));
    }

    #[test]
    fn a_field_says_where_it_lies_also_inside_another() {
        let bytes = [0x0a, 0x04, 0x10, 0x07, 0x1a, 0x00];
        let outer = Message::new(&bytes).next().unwrap().unwrap();
        let mut inner = outer.message("inner").unwrap();
        let first = inner.next().unwrap().unwrap();
        assert_eq!((first.number, first.offset, first.integer("x")), (2, 2, Ok(7)));
        let second = inner.next().unwrap().unwrap();
        assert_eq!((second.number, second.offset, second.text("y")), (3, 4, Ok("")));
        assert!(inner.next().unwrap().is_none());
    }

    #[test]
    fn a_group_a_field_0_and_a_length_beyond_the_end_are_refused() {
        let read = |bytes: &[u8]| Message::new(bytes).next().map(|_| ());
        assert_eq!(read(&[0x0b]), Err(ReadError::Key { offset: 0 }));
        assert_eq!(read(&[0x00, 0x00]), Err(ReadError::Key { offset: 0 }));
        assert_eq!(read(&[0x0a, 0x02, 0x00]), Err(ReadError::Truncated { offset: 0 }));
        let endless = [&[0x0a][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(read(&endless), Err(ReadError::Truncated { offset: 0 }));
    }
}
