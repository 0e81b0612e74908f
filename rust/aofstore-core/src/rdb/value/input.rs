//! Where values are read from, and what they are made of: numbers, lengths, strings.
//!
//! No length of the input is believed before as many bytes are there.

use super::bad::{Bad, Result};
use super::codes::special;
use super::lzf;

/// Bytes to be read once, from the first to the last.
pub trait Input {
    /// The next `len` bytes; [`Bad::Truncated`] if there are fewer.
    fn take(&mut self, len: usize) -> Result<&[u8]>;

    /// How many bytes are left.
    fn left(&self) -> u64;
}

impl Input for &[u8] {
    fn take(&mut self, len: usize) -> Result<&[u8]> {
        let (taken, rest) = self.split_at_checked(len).ok_or(Bad::Truncated)?;
        *self = rest;
        Ok(taken)
    }

    fn left(&self) -> u64 {
        self.len() as u64
    }
}

#[inline]
pub(in crate::rdb) fn array<const N: usize>(input: &mut impl Input) -> Result<[u8; N]> {
    input.take(N)?.first_chunk().copied().ok_or(Bad::Truncated)
}

#[inline]
pub(in crate::rdb) fn byte(input: &mut impl Input) -> Result<u8> {
    array::<1>(input).map(|[byte]| byte)
}

/// What stands at the head of a string.
enum Head {
    Length(u64),
    /// The whole first byte.
    Special(u8),
}

#[inline]
fn head(input: &mut impl Input) -> Result<Head> {
    let first = byte(input)?;
    Ok(match first {
        0x00..0x40 => Head::Length(first.into()),
        0x40..0x80 => Head::Length(u64::from(first & 0x3f) << 8 | u64::from(byte(input)?)),
        0x80 => Head::Length(u32::from_be_bytes(array(input)?).into()),
        0x81 => Head::Length(u64::from_be_bytes(array(input)?)),
        0x82..0xc0 => return Err(Bad::Format("a length of an unknown form")),
        _ => Head::Special(first),
    })
}

/// A length, a count or another number that is not signed.
#[inline]
pub(in crate::rdb) fn length(input: &mut impl Input) -> Result<u64> {
    match head(input)? {
        Head::Length(length) => Ok(length),
        Head::Special(_) => Err(Bad::Format("a string where a length should stand")),
    }
}

/// How many elements follow, each of at least `least` bytes.
pub(in crate::rdb) fn count(input: &mut impl Input, least: u64) -> Result<usize> {
    let count = length(input)?;
    // More than there can be: the file ends too early, or the count is damaged, which only its end would tell.
    if count > input.left() / least {
        return Err(Bad::Truncated);
    }
    usize::try_from(count).map_err(|_| Bad::Memory)
}

/// Bytes of a length that stands before them.
#[inline]
fn run(input: &mut impl Input, length: u64) -> Result<&[u8]> {
    input.take(usize::try_from(length).map_err(|_| Bad::Truncated)?)
}

/// A string as it stands: its bytes, or the integer whose decimal text it is.
pub(super) enum Raw<'a> {
    Bytes(&'a [u8]),
    Int(i64),
}

/// Where strings are unpacked and integers printed.
#[derive(Default)]
pub struct Room {
    unpacked: Vec<u8>,
    digits: itoa::Buffer,
}

impl Room {
    /// Gives back what a long string has taken.
    pub fn tidy(&mut self) {
        const KEPT: usize = 1 << 20;
        if self.unpacked.capacity() > KEPT {
            self.unpacked = Vec::new();
        }
    }

    pub(super) const fn unpacked(&mut self) -> &mut Vec<u8> {
        &mut self.unpacked
    }
}

/// A string; a compressed one is unpacked.
#[inline]
pub(super) fn raw<'a>(input: &'a mut impl Input, unpacked: &'a mut Vec<u8>) -> Result<Raw<'a>> {
    Ok(match head(input)? {
        Head::Length(length) => Raw::Bytes(run(input, length)?),
        Head::Special(special::INT_8) => Raw::Int(i8::from_le_bytes(array(input)?).into()),
        Head::Special(special::INT_16) => Raw::Int(i16::from_le_bytes(array(input)?).into()),
        Head::Special(special::INT_32) => Raw::Int(i32::from_le_bytes(array(input)?).into()),
        Head::Special(special::LZF) => {
            let (packed, length) = (length(input)?, length(input)?);
            lzf::decompress(run(input, packed)?, length, unpacked)?;
            Raw::Bytes(unpacked)
        }
        Head::Special(_) => return Err(Bad::Format("a string of an unknown form")),
    })
}

/// A string as bytes, in the input or in `room`.
#[inline]
pub(in crate::rdb) fn string<'a>(input: &'a mut impl Input, room: &'a mut Room) -> Result<&'a [u8]> {
    match raw(input, &mut room.unpacked)? {
        Raw::Bytes(bytes) => Ok(bytes),
        Raw::Int(value) => Ok(room.digits.format(value).as_bytes()),
    }
}

/// Leaves a string out.
pub(in crate::rdb) fn skip_string(input: &mut impl Input) -> Result<()> {
    match head(input)? {
        Head::Length(length) => skip(input, length),
        Head::Special(special::INT_8) => skip(input, 1),
        Head::Special(special::INT_16) => skip(input, 2),
        Head::Special(special::INT_32) => skip(input, 4),
        Head::Special(special::LZF) => {
            let packed = length(input)?;
            length(input)?;
            skip(input, packed)
        }
        Head::Special(_) => Err(Bad::Format("a string of an unknown form")),
    }
}

/// Leaves bytes out, not all of them at once in memory.
pub(in crate::rdb) fn skip(input: &mut impl Input, mut length: u64) -> Result<()> {
    const PIECE: u64 = 64 << 10;
    if length > input.left() {
        return Err(Bad::Truncated);
    }
    while length > 0 {
        let piece = length.min(PIECE);
        input.take(piece as usize)?;
        length -= piece;
    }
    Ok(())
}
