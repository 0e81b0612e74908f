//! Doubles: read as `strtod` does, written as the shortest digits that read back to the same value.
//!
//! Three layouts of the same digits: `fmt_f64_shortest` for files, where length counts and every server's `strtod`
//! reads either form, `fmt_f64_reply` for replies, which people compare with a server's, and `fmt_f64_repr` for
//! arguments, which Python's clients send so.

use super::literal::{self, Body, Literal};
use super::{Buf, fmt_i64};

/// Longest text of either layout, with room to spare (`-1.2345678901234567e-308` has 24 bytes).
pub(super) const MAX_TEXT: usize = 40;

/// Integers up to here are printed plain: each of them is a double.
const PLAIN_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Where a server stops to print integral doubles as integers (half of the largest 64-bit integer).
const REPLY_INTEGERS: f64 = 4_611_686_018_427_387_904.0;

/// Reads a double as Redis reads scores and increments: anything `strtod` takes, infinities and hexadecimal too, but
/// no spaces, no `nan`, and nothing whose size rounds to infinity or to zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let Literal { negative, body } = literal::split(text)?;
    match body {
        Body::Nan => None,
        Body::Infinity => Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        Body::Decimal { whole, fraction, .. } => {
            let value: f64 = str::from_utf8(text).ok()?.parse().ok()?;
            let vanished = || whole.iter().chain(fraction).any(|&digit| digit != b'0');
            (value.is_finite() && (value != 0.0 || !vanished())).then_some(value)
        }
        Body::Hexadecimal { bits, inexact, exponent } => {
            let value = from_bits(bits, inexact, exponent)?;
            Some(if negative { -value } else { value })
        }
    }
}

fn from_bits(bits: u128, inexact: bool, exponent: i64) -> Option<f64> {
    const FLOOR: i64 = -1074;
    let (mantissa, exponent) = literal::round(bits, inexact, exponent, 53, FLOOR);
    if mantissa == 0 {
        return (bits == 0).then_some(0.0);
    }
    let normal = mantissa >> 52;
    let biased = u64::try_from(exponent - FLOOR).ok()? + normal;
    (biased < 2047).then(|| f64::from_bits(biased << 52 | mantissa & ((1 << 52) - 1)))
}

/// Prints a double for a file: the shortest digits, exponent form only where it is shorter.
pub fn fmt_f64_shortest(value: f64, buf: &mut Buf) -> &[u8] {
    if let Some(word) = special(value) {
        return word;
    }
    if value.abs() <= PLAIN_INTEGERS && value.trunc().to_bits() == value.to_bits() {
        return fmt_i64(value as i64, buf);
    }
    let mut buffer = zmij::Buffer::new();
    let printed = buffer.format_finite(value);
    if (1e-3..PLAIN_INTEGERS).contains(&value.abs()) && !printed.contains('e') {
        buf.clear();
        buf.push(printed.as_bytes());
        return buf.bytes();
    }
    let digits = Digits::of(value);
    buf.clear();
    if value < 0.0 {
        buf.push(b"-");
    }
    if (1e-3..PLAIN_INTEGERS).contains(&value.abs()) || digits.plain_len() <= digits.exponent_len() {
        digits.plain(buf);
    } else {
        digits.exponent(buf, false, 1);
    }
    buf.bytes()
}

/// Prints a double as Redis 7.2 does in replies: integral values as integers, else the shortest digits, in exponent
/// form (`1.5e+300`) when the point is far away from them.
pub fn fmt_f64_reply(value: f64, buf: &mut Buf) -> &[u8] {
    if let Some(word) = special(value) {
        return word;
    }
    if value.abs() <= REPLY_INTEGERS && value.trunc().to_bits() == value.to_bits() {
        return fmt_i64(value as i64, buf);
    }
    let digits = Digits::of(value);
    let point = (digits.shift + digits.len as i32 - 1).abs();
    buf.clear();
    if value < 0.0 {
        buf.push(b"-");
    }
    let plain =
        if digits.shift >= 0 { point < digits.len as i32 + 7 } else { digits.shift > -7 || point < 4 };
    if plain {
        digits.plain(buf);
    } else {
        digits.exponent(buf, true, 1);
    }
    buf.bytes()
}

/// Prints a double as Python's `repr` does: `3.0`, `0.1`, `1e+16`, `1.5e-07`.
pub fn fmt_f64_repr(value: f64, buf: &mut Buf) -> &[u8] {
    buf.clear();
    if !value.is_finite() {
        return special(value).unwrap_or_default();
    }
    if value.is_sign_negative() {
        buf.push(b"-");
    }
    let digits = if value == 0.0 { Digits { text: [b'0'; 20], len: 1, shift: 0 } } else { Digits::of(value) };
    if (-3..=16).contains(&digits.whole()) {
        digits.plain(buf);
        if digits.shift >= 0 {
            buf.push(b".0");
        }
    } else {
        digits.exponent(buf, true, 2);
    }
    buf.bytes()
}

fn special(value: f64) -> Option<&'static [u8]> {
    match value {
        f64::INFINITY => Some(b"inf"),
        f64::NEG_INFINITY => Some(b"-inf"),
        _ if value.is_nan() => Some(b"nan"),
        _ if value == 0.0 => Some(if value.is_sign_negative() { b"-0" } else { b"0" }),
        _ => None,
    }
}

/// `text[..len] × 10^shift`, neither end of the digits a zero.
struct Digits {
    text: [u8; 20],
    len: usize,
    shift: i32,
}

impl Digits {
    /// Takes the shortest digits from the printer and forgets its layout.
    fn of(value: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let printed = buffer.format_finite(value.abs());
        let (number, exponent) = printed.split_once('e').unwrap_or((printed, "0"));
        let mut this = Self { text: [0; 20], len: 0, shift: exponent.parse().unwrap_or(0) };
        let mut after_point = false;
        for byte in number.bytes() {
            if byte == b'.' {
                after_point = true;
                continue;
            }
            this.shift -= i32::from(after_point);
            if byte == b'0' && this.len == 0 {
                continue;
            }
            if let Some(slot) = this.text.get_mut(this.len) {
                *slot = byte;
                this.len += 1;
            }
        }
        while this.len > 1 && this.digits().ends_with(b"0") {
            this.len -= 1;
            this.shift += 1;
        }
        this
    }

    fn digits(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// Digits in front of the point; zero or less when it stands before them.
    fn whole(&self) -> i32 {
        self.len as i32 + self.shift
    }

    fn plain_len(&self) -> i32 {
        if self.shift >= 0 {
            self.whole()
        } else if self.whole() > 0 {
            self.len as i32 + 1
        } else {
            2 - self.shift
        }
    }

    fn exponent_len(&self) -> i32 {
        let exponent = self.whole() - 1;
        let size = match exponent.unsigned_abs() {
            0..=9 => 1,
            10..=99 => 2,
            _ => 3,
        };
        self.len as i32 + i32::from(self.len > 1) + 1 + i32::from(exponent < 0) + size
    }

    fn plain(&self, buf: &mut Buf) {
        if self.shift >= 0 {
            buf.push(self.digits());
            buf.zeros(self.shift as usize);
        } else if self.whole() > 0 {
            let (whole, fraction) = self.digits().split_at(self.whole() as usize);
            buf.push(whole);
            buf.push(b".");
            buf.push(fraction);
        } else {
            buf.push(b"0.");
            buf.zeros(self.whole().unsigned_abs() as usize);
            buf.push(self.digits());
        }
    }

    /// With a plus if `signed`, and at least so many digits of the exponent.
    fn exponent(&self, buf: &mut Buf, signed: bool, width: usize) {
        if let Some((first, rest)) = self.digits().split_at_checked(1) {
            buf.push(first);
            if !rest.is_empty() {
                buf.push(b".");
                buf.push(rest);
            }
        }
        let exponent = self.whole() - 1;
        buf.push(if exponent < 0 {
            b"e-"
        } else if signed {
            b"e+"
        } else {
            b"e"
        });
        let mut room = itoa::Buffer::new();
        let text = room.format(exponent.unsigned_abs());
        buf.zeros(width.saturating_sub(text.len()));
        buf.push(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shortest(value: f64) -> String {
        String::from_utf8(fmt_f64_shortest(value, &mut Buf::new()).to_vec()).unwrap()
    }

    fn reply(value: f64) -> String {
        String::from_utf8(fmt_f64_reply(value, &mut Buf::new()).to_vec()).unwrap()
    }

    #[test]
    fn t11_scores_in_files() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (3.0, "3"),
            (-3.0, "-3"),
            (1e300, "1e300"),
            (1e16, "1e16"),
            (1e17, "1e17"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (9_007_199_254_740_994.0, "9007199254740994"),
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e308"),
            (0.001, "0.001"),
            (0.0001, "1e-4"),
            (0.00001, "1e-5"),
            (0.000_012_345, "1.2345e-5"),
            (-1.5, "-1.5"),
            (123_456.789, "123456.789"),
            (-943_305.046_955_987_3, "-943305.0469559873"),
            (4_327_670_679_050_533_888.0, "4327670679050534000"),
        ] {
            assert_eq!(shortest(value), text);
            assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
    }

    #[test]
    fn replies_have_the_layout_of_a_server() {
        for (value, text) in [
            (3.0, "3"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e17, "100000000000000000"),
            (4e18, "4000000000000000000"),
            (1e19, "1e+19"),
            (1.234e19, "1.234e+19"),
            (1e300, "1e+300"),
            (1e-5, "0.00001"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (5e-324, "5e-324"),
            (-943_305.046_955_987_3, "-9.433050469559873e+5"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(reply(value), text);
        }
    }

    #[test]
    fn arguments_have_the_layout_of_pythons_repr() {
        for (value, text) in [
            (3.0, "3.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.2345e16, "1.2345e+16"),
            (1e100, "1e+100"),
            (0.0001, "0.0001"),
            (0.000_123_45, "0.00012345"),
            (0.00001, "1e-05"),
            (0.000_012_345, "1.2345e-05"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-f64::MIN_POSITIVE, "-2.2250738585072014e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
        ] {
            assert_eq!(str::from_utf8(fmt_f64_repr(value, &mut Buf::new())), Ok(text));
        }
    }

    #[test]
    fn reads_what_strtod_reads() {
        for (text, value) in [
            ("1", 1.0),
            ("+1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("1.e-1", 0.1),
            ("007", 7.0),
            ("-0", -0.0),
            ("0e-99999999999999999999", 0.0),
            ("0x10", 16.0),
            ("-0X1.8p1", -3.0),
            ("0x.8", 0.5),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.00000000000008000000000000000000000000000001p0", 1.000_000_000_000_000_2),
            ("0x1.00000000000018p0", 1.000_000_000_000_000_4),
            ("inf", f64::INFINITY),
            ("+INF", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("2e-324", 0.0),
            ("3e-324", 5e-324),
            ("1e-310", 1e-310),
            ("4.9406564584124654e-324", 5e-324),
            ("1.0000000000000001e+300", 1e300),
        ] {
            let want = if text == "2e-324" { None } else { Some(value.to_bits()) };
            assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), want, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            " 1",
            "1 ",
            "\t1",
            "1\0",
            "-",
            "+",
            ".",
            "e5",
            "1e",
            "1e+",
            "1e5x",
            "0x",
            "0x.",
            "0x1p",
            "0xg",
            "nan",
            "-nan",
            "NaN",
            "nan(1)",
            "infi",
            "i",
            "1,5",
            "--1",
            "+-1",
            "1_0",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p1024",
            "0x1p-1076",
            "0x1p-1075",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "\u{ff11}",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn k20_doubles_come_back(bits in any::<u64>(), small in -1_000_000_000i64..1_000_000_000, scale in 0i32..9) {
            for value in [f64::from_bits(bits), small as f64 / 10f64.powi(scale)] {
                if value.is_nan() {
                    continue;
                }
                let text = shortest(value);
                prop_assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()));
                let printed = format!("{value:e}");
                prop_assert!(text.len() <= printed.len().max(17), "{} {}", text, printed);
                let text = reply(value);
                prop_assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()));
            }
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..40), numeric in "[-+0-9a-fxpeinfty.]{0,30}") {
            let _ = parse_f64(&text);
            let _ = parse_f64(numeric.as_bytes());
        }
    }
}
