//! The bytes of one listpack entry: tag and data, then the length of both, readable backwards.
//!
//! Only this directory may call it. Readers expect checked bytes: on others they panic or answer nonsense, but
//! stay inside the slice. INVARIANT: `size(e)` is exactly what `write(e)` fills.
#![expect(
    clippy::indexing_slicing,
    reason = "offsets come from checked bytes; the hot path of every small value"
)]

use super::Entry;

pub(super) const END: u8 = 0xff;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;
const STR_32: u8 = 0xf0;
const STR_12: u8 = 0xe0;
const STR_6: u8 = 0x80;
const INT_13: u8 = 0xc0;

/// Bytes of tag and data of `entry`, without the trailing length.
#[inline]
fn body_size(entry: Entry<'_>) -> usize {
    match entry {
        Entry::Int(0..=127) => 1,
        Entry::Int(-4096..=4095) => 2,
        Entry::Int(-0x8000..=0x7fff) => 3,
        Entry::Int(-0x80_0000..=0x7f_ffff) => 4,
        Entry::Int(-0x8000_0000..=0x7fff_ffff) => 5,
        Entry::Int(_) => 9,
        Entry::Str(s) if s.len() < 64 => 1 + s.len(),
        Entry::Str(s) if s.len() < 4096 => 2 + s.len(),
        Entry::Str(s) => 5 + s.len(),
    }
}

/// Bytes of the trailing length of a body of `body` bytes. The borders are Redis's own: 16383 takes three
/// bytes although two would do.
#[inline]
pub(super) const fn tail_size(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Bytes that `entry` takes in a listpack.
#[inline]
pub(super) fn size(entry: Entry<'_>) -> usize {
    let body = body_size(entry);
    body + tail_size(body)
}

/// Writes `entry` into `out`, which has exactly `size(entry)` bytes.
#[inline]
pub(super) fn write(out: &mut [u8], entry: Entry<'_>) {
    let body = body_size(entry);
    let (head, tail) = out.split_at_mut(body);
    match entry {
        Entry::Int(value) => write_int(head, value),
        Entry::Str(bytes) => write_str(head, bytes),
    }
    write_tail(tail, body);
}

#[inline]
fn write_int(out: &mut [u8], value: i64) {
    let le = value.to_le_bytes();
    match out.len() {
        1 => out[0] = le[0],
        2 => {
            out[0] = INT_13 | (le[1] & 0x1f);
            out[1] = le[0];
        }
        len => {
            out[0] = match len {
                3 => INT_16,
                4 => INT_24,
                5 => INT_32,
                _ => INT_64,
            };
            out[1..].copy_from_slice(&le[..len - 1]);
        }
    }
}

#[inline]
fn write_str(out: &mut [u8], bytes: &[u8]) {
    let le = (bytes.len() as u32).to_le_bytes();
    let start = out.len() - bytes.len();
    match start {
        1 => out[0] = STR_6 | le[0],
        2 => {
            out[0] = STR_12 | le[1];
            out[1] = le[0];
        }
        _ => {
            out[0] = STR_32;
            out[1..5].copy_from_slice(&le);
        }
    }
    out[start..].copy_from_slice(bytes);
}

/// Most significant seven bits first; every byte but the first says "go on to the left".
#[inline]
pub(super) fn write_tail(out: &mut [u8], body: usize) {
    let mut rest = body;
    for (index, byte) in out.iter_mut().enumerate().rev() {
        *byte = (rest & 0x7f) as u8 | if index > 0 { 0x80 } else { 0 };
        rest >>= 7;
    }
}

/// The entry at the start of `bytes` and the size of its body.
#[inline]
pub(super) fn read(bytes: &[u8]) -> (Entry<'_>, usize) {
    let tag = bytes[0];
    match tag {
        0x00..=0x7f => (Entry::Int(i64::from(tag)), 1),
        STR_6..=0xbf => read_str(bytes, 1, usize::from(tag & 0x3f)),
        INT_13..=0xdf => {
            let raw = u16::from(tag & 0x1f) << 8 | u16::from(bytes[1]);
            (Entry::Int(i64::from((raw << 3).cast_signed() >> 3)), 2)
        }
        STR_12..=0xef => read_str(bytes, 2, usize::from(tag & 0x0f) << 8 | usize::from(bytes[1])),
        STR_32 => read_str(bytes, 5, long_length(bytes)),
        INT_16 => read_int(&bytes[1..3]),
        INT_24 => read_int(&bytes[1..4]),
        INT_32 => read_int(&bytes[1..5]),
        _ => read_int(&bytes[1..9]),
    }
}

#[inline]
fn read_str(bytes: &[u8], start: usize, len: usize) -> (Entry<'_>, usize) {
    (Entry::Str(&bytes[start..start + len]), start + len)
}

#[inline]
fn read_int(data: &[u8]) -> (Entry<'static>, usize) {
    let mut le = [0; 8];
    le[..data.len()].copy_from_slice(data);
    let unused = 64 - 8 * data.len() as u32;
    (Entry::Int((i64::from_le_bytes(le) << unused) >> unused), 1 + data.len())
}

#[inline]
fn long_length(bytes: &[u8]) -> usize {
    u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize
}

/// Size of the body at the start of `bytes`, without reading the value; `None` for a tag that Redis does not
/// use or a length that is cut off. The body itself may still reach past the end.
#[inline]
pub(super) fn body_len(bytes: &[u8]) -> Option<usize> {
    let tag = *bytes.first()?;
    Some(match tag {
        0x00..=0x7f => 1,
        STR_6..=0xbf => 1 + usize::from(tag & 0x3f),
        INT_13..=0xdf => 2,
        STR_12..=0xef => 2 + (usize::from(tag & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        STR_32 if bytes.len() >= 5 => 5 + long_length(bytes),
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => return None,
    })
}

/// Size of the whole entry at the start of `bytes`.
#[inline]
pub(super) fn span(bytes: &[u8]) -> usize {
    let body = body_len(bytes).unwrap_or(0);
    body + tail_size(body)
}

/// Size of the whole entry that ends where `bytes` end.
#[inline]
pub(super) fn span_back(bytes: &[u8]) -> usize {
    let mut body = 0;
    for (index, &byte) in bytes.iter().rev().take(5).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    body + tail_size(body)
}
