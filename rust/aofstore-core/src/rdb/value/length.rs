//! Lengths and strings, written: integers of up to 32 bits stand for their decimal text.

use super::codes::special;
use super::pack::{Packing, SHORTEST};
use crate::keyspace::Entry;
use crate::num;
use crate::sink::Sink;

/// `-2147483648`: no longer text is an integer to Redis's writer either.
const LONGEST_INT: usize = 11;

/// A length in 1, 2, 5 or 9 bytes.
#[inline]
pub(in crate::rdb) fn put_length(len: u64, out: &mut impl Sink) {
    if len < 1 << 6 {
        out.put(&[len as u8]);
    } else if len < 1 << 14 {
        out.put(&[0x40 | (len >> 8) as u8, len as u8]);
    } else if let Ok(len) = u32::try_from(len) {
        let [a, b, c, d] = len.to_be_bytes();
        out.put(&[0x80, a, b, c, d]);
    } else {
        out.put(&[0x81]);
        out.put(&len.to_be_bytes());
    }
}

/// A string; a short one that is the text of an integer takes less, a long one perhaps, too.
#[inline]
pub fn put_string(bytes: &[u8], out: &mut impl Packing) {
    if bytes.len() <= LONGEST_INT
        && let Some(value) = num::parse_i64(bytes).and_then(|value| i32::try_from(value).ok())
    {
        return put_small_int(value, out);
    }
    put_bytes(bytes, out);
}

/// A string that is the text of no integer, such as a listpack.
#[inline]
pub(super) fn put_bytes(bytes: &[u8], out: &mut impl Packing) {
    if bytes.len() >= SHORTEST && out.put_packed(bytes) {
        return;
    }
    put_length(bytes.len() as u64, out);
    out.put(bytes);
}

/// The string that is the decimal text of `value`.
#[inline]
pub(in crate::rdb) fn put_int(value: i64, out: &mut impl Packing) {
    match i32::try_from(value) {
        Ok(value) => put_small_int(value, out),
        Err(_) => put_bytes(itoa::Buffer::new().format(value).as_bytes(), out),
    }
}

#[inline]
pub(super) fn put_entry(entry: Entry<'_>, out: &mut impl Packing) {
    match entry {
        Entry::Str(bytes) => put_string(bytes, out),
        Entry::Int(value) => put_int(value, out),
    }
}

#[inline]
fn put_small_int(value: i32, out: &mut impl Sink) {
    let [a, b, c, d] = value.to_le_bytes();
    match value {
        -0x80..=0x7f => out.put(&[special::INT_8, a]),
        -0x8000..=0x7fff => out.put(&[special::INT_16, a, b]),
        _ => out.put(&[special::INT_32, a, b, c, d]),
    }
}

#[cfg(test)]
mod tests {
    use super::{put_int, put_length, put_string};

    #[test]
    fn lengths_take_as_many_bytes_as_redis_gives_them() {
        for (len, bytes) in [
            (0, vec![0]),
            (63, vec![63]),
            (64, vec![0x40, 64]),
            (16_383, vec![0x7f, 0xff]),
            (16_384, vec![0x80, 0, 0, 0x40, 0]),
            (u64::from(u32::MAX), vec![0x80, 0xff, 0xff, 0xff, 0xff]),
            (1 << 32, vec![0x81, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_length(len, &mut out);
            assert_eq!(out, bytes, "{len}");
        }
    }

    #[test]
    fn only_canonical_integers_of_32_bits_become_integers() {
        for (text, bytes) in [
            ("0", vec![0xc0, 0]),
            ("-128", vec![0xc0, 0x80]),
            ("128", vec![0xc1, 0x80, 0]),
            ("-32769", vec![0xc2, 0xff, 0x7f, 0xff, 0xff]),
            ("2147483647", vec![0xc2, 0xff, 0xff, 0xff, 0x7f]),
            ("2147483648", b"\x0a2147483648".to_vec()),
            ("-2147483648", vec![0xc2, 0, 0, 0, 0x80]),
            ("007", b"\x03007".to_vec()),
            ("-0", b"\x02-0".to_vec()),
            ("", vec![0]),
        ] {
            let (mut out, mut int) = (Vec::new(), Vec::new());
            put_string(text.as_bytes(), &mut out);
            assert_eq!(out, bytes, "{text}");
            if let Some(value) = crate::num::parse_i64(text.as_bytes()) {
                put_int(value, &mut int);
                assert_eq!(int, bytes, "{text}");
            }
        }
    }
}
