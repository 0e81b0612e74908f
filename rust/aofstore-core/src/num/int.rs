//! Canonical 64-bit integers.
//!
//! Only the one text that printing would give is read as a number: no plus, no spaces, no leading zeros, no `-0`.
//! Encodings rely on it: a value kept as an integer must come back byte for byte.

use super::Buf;

/// The longest canonical text: `-9223372036854775808`.
const MAX_DIGITS: usize = 20;

/// Reads a signed integer that is written canonically.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', b'0', ..] => None,
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(magnitude(digits)?),
        digits => i64::try_from(magnitude(digits)?).ok(),
    }
}

/// Reads an unsigned integer that is written canonically.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    magnitude(text)
}

#[inline]
fn magnitude(digits: &[u8]) -> Option<u64> {
    let (&first, rest) = digits.split_first()?;
    if !first.is_ascii_digit() || digits.len() > MAX_DIGITS || (first == b'0' && !rest.is_empty()) {
        return None;
    }
    if digits.len() < MAX_DIGITS {
        // Nineteen digits cannot overflow, so the hot loop needs no check.
        return rest.iter().try_fold(u64::from(first - b'0'), |sum, &byte| {
            byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'))
        });
    }
    rest.iter().try_fold(u64::from(first - b'0'), |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Prints a signed integer.
#[inline]
pub fn fmt_i64(value: i64, buf: &mut Buf) -> &[u8] {
    buf.int.format(value).as_bytes()
}

/// Prints an unsigned integer.
#[inline]
pub fn fmt_u64(value: u64, buf: &mut Buf) -> &[u8] {
    buf.int.format(value).as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_only_canonical_text() {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("999999999999999999", 999_999_999_999_999_999),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), Some(value), "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "007",
            "-07",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x10",
            "1\0",
            "\0",
            "--1",
            "a",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
            "1234567890123456789012345678901234567890",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn reads_unsigned_to_the_last_value() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"0"), Some(0));
        for text in ["18446744073709551616", "-1", "-0", "01", "", "99999999999999999999", "1a"] {
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn k19_integers_come_back(value in any::<i64>(), unsigned in any::<u64>()) {
            let mut buf = Buf::new();
            prop_assert_eq!(parse_i64(fmt_i64(value, &mut buf)), Some(value));
            prop_assert_eq!(parse_u64(fmt_u64(unsigned, &mut buf)), Some(unsigned));
        }

        #[test]
        fn what_is_read_is_what_is_printed(text in "[-+ 0-9]{0,21}") {
            if let Some(value) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
