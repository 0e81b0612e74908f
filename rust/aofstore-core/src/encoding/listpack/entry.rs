//! One value of a listpack: text that is a canonical integer is an integer, all else is bytes.
//!
//! INVARIANT: `Entry::parse(b)` followed by `as_bytes` gives back exactly `b`.

use crate::num::parse_i64;

/// Room for the longest 64-bit integer in decimal.
pub type Digits = [u8; 21];

/// A value as stored: an integer or bytes borrowed from the listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    Int(i64),
    Str(&'a [u8]),
}

impl<'a> Entry<'a> {
    /// The form in which `bytes` are stored.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Self {
        parse_i64(bytes).map_or(Self::Str(bytes), Self::Int)
    }

    /// The value as bytes; an integer is written into `buffer`.
    #[inline]
    pub fn as_bytes<'b>(&self, buffer: &'b mut Digits) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Self::Str(bytes) => bytes,
            Self::Int(value) => write_digits(value, buffer),
        }
    }

    /// Calls `read` with the value as bytes.
    #[inline]
    pub fn with_bytes<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        match *self {
            Self::Str(bytes) => read(bytes),
            Self::Int(value) => read(itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// Length in bytes of the value as text.
    pub fn len(&self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Str([]))
    }

    /// Whether the value reads as `bytes`.
    pub fn equals(&self, bytes: &[u8]) -> bool {
        match *self {
            Self::Str(own) => own == bytes,
            Self::Int(value) => parse_i64(bytes) == Some(value),
        }
    }

    /// The value as an integer, if it is one in canonical form.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Self::Int(value) => Some(value),
            Self::Str(bytes) => parse_i64(bytes),
        }
    }
}

fn write_digits(value: i64, buffer: &mut Digits) -> &[u8] {
    let mut digits = itoa::Buffer::new();
    let text = digits.format(value).as_bytes();
    let (head, _) = buffer.split_at_mut(text.len());
    head.copy_from_slice(text);
    head
}
