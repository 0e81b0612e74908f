//! One value of a listpack, and the rule which texts are integers.
//!
//! INVARIANT: `Entry::parse(b)` followed by `as_bytes` gives back exactly `b`.

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
        canonical_int(bytes).map_or(Self::Str(bytes), Self::Int)
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
            Self::Int(value) => canonical_int(bytes) == Some(value),
        }
    }

    /// The value as an integer, if it is one in canonical form.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Self::Int(value) => Some(value),
            Self::Str(bytes) => canonical_int(bytes),
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

/// The integer that `bytes` spell in the one way Redis itself would write it: "0", "-5", "42", but not "007",
/// "+1", "-0", " 1" nor anything outside 64 signed bits.
#[inline]
pub fn canonical_int(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    // 19 digits stay below 10^19, which fits 64 unsigned bits.
    let mut magnitude = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}
