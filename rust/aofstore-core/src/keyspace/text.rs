//! Strings: int, embstr and raw, told apart as Redis tells them.

use crate::encoding::{prefetch, prefetch_ref};
use crate::num;

/// Redis's border between `embstr` and `raw`.
pub const INLINE_LIMIT: usize = 44;

/// A borrowed string value.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    Int(i64),
    /// Inside the record.
    Inline(&'a [u8]),
    /// On its own, modified in place.
    Raw(&'a Vec<u8>),
}

/// Room for the decimal text of any int64.
pub type IntText = itoa::Buffer;

impl<'a> Text<'a> {
    pub const fn encoding(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Inline(bytes) if bytes.len() <= INLINE_LIMIT => "embstr",
            Self::Inline(_) | Self::Raw(_) => "raw",
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Int(value) => IntText::new().format(*value).len(),
            Self::Inline(bytes) => bytes.len(),
            Self::Raw(bytes) => bytes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub const fn memory(&self) -> usize {
        match self {
            Self::Int(_) | Self::Inline(_) => 0,
            Self::Raw(bytes) => bytes.capacity() + size_of::<Vec<u8>>(),
        }
    }

    /// Asks the processor for the bytes, as far as they are long.
    #[inline]
    pub(super) fn prefetch(&self) {
        match self {
            Self::Int(_) => {}
            Self::Inline(bytes) => prefetch(bytes),
            Self::Raw(bytes) => prefetch_ref(*bytes),
        }
    }

    /// The bytes; an int is written into `room`.
    pub fn bytes<'b>(self, room: &'b mut IntText) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Int(value) => room.format(value).as_bytes(),
            Self::Inline(bytes) => bytes,
            Self::Raw(bytes) => bytes,
        }
    }

    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut IntText::new()).to_vec()
    }

    /// The value as an int64, if its text is one exactly as Redis prints it.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Inline(bytes) => num::parse_i64(bytes),
            Self::Raw(bytes) => num::parse_i64(bytes),
        }
    }
}
