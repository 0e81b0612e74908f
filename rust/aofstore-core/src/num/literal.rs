//! The grammar of C's `strtod`, as Redis uses it: the whole text must be the number, without spaces.
//!
//! Serves `float` and `longdouble`; it only splits text, so that both round the same digits, each to its own
//! precision. `round` is that rounding, shared by hexadecimal text and by the arithmetic.

/// A number as written.
pub(super) struct Literal<'a> {
    pub(super) negative: bool,
    pub(super) body: Body<'a>,
}

pub(super) enum Body<'a> {
    Infinity,
    Nan,
    /// `whole.fraction × 10^exponent`
    Decimal {
        whole: &'a [u8],
        fraction: &'a [u8],
        exponent: i64,
    },
    /// `bits × 2^exponent`, and a little more if `inexact`
    Hexadecimal {
        bits: u128,
        inexact: bool,
        exponent: i64,
    },
}

/// Splits `text`; `None` where `strtod` would stop before its end.
pub(super) fn split(text: &[u8]) -> Option<Literal<'_>> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let body = match rest {
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
        [b'0'..=b'9' | b'.', ..] => decimal(rest)?,
        word if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity") => Body::Infinity,
        word if word.eq_ignore_ascii_case(b"nan") => Body::Nan,
        _ => return None,
    };
    Some(Literal { negative, body })
}

fn decimal(text: &[u8]) -> Option<Body<'_>> {
    let (whole, fraction, rest) = mantissa(text, u8::is_ascii_digit)?;
    let exponent = tail_exponent(rest, b'e')?;
    Some(Body::Decimal { whole, fraction, exponent })
}

fn hexadecimal(text: &[u8]) -> Option<Body<'_>> {
    let (whole, fraction, rest) = mantissa(text, u8::is_ascii_hexdigit)?;
    let mut exponent = tail_exponent(rest, b'p')?.checked_sub(4 * i64::try_from(fraction.len()).ok()?)?;
    let (mut bits, mut inexact) = (0u128, false);
    for &byte in whole.iter().chain(fraction) {
        let digit = u128::from((byte as char).to_digit(16)?);
        if bits >> 120 == 0 {
            bits = bits << 4 | digit;
        } else {
            inexact |= digit != 0;
            exponent += 4;
        }
    }
    Some(Body::Hexadecimal { bits, inexact, exponent })
}

/// Cuts `digits[.digits]` off the front; at least one digit is needed.
fn mantissa(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let (whole, rest) = digits(text, is_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest, is_digit),
        rest => rest.split_at(0),
    };
    (!whole.is_empty() || !fraction.is_empty()).then_some((whole, fraction, rest))
}

fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len()))
}

/// Far outside of every format, far inside of `i64`.
const ENOUGH: i64 = 1 << 40;

fn tail_exponent(text: &[u8], letter: u8) -> Option<i64> {
    let (negative, number) = match text {
        [] => return Some(0),
        [first, b'-', rest @ ..] if first.eq_ignore_ascii_case(&letter) => (true, rest),
        [first, b'+', rest @ ..] if first.eq_ignore_ascii_case(&letter) => (false, rest),
        [first, rest @ ..] if first.eq_ignore_ascii_case(&letter) => (false, rest),
        _ => return None,
    };
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = number.iter().fold(0i64, |sum, byte| (sum * 10 + i64::from(byte - b'0')).min(ENOUGH));
    Some(if negative { -size } else { size })
}

/// Rounds `bits × 2^exponent` (plus a little if `inexact`) half to even to `precision` bits, the lowest of them worth
/// at least `2^floor`. The result is as long as it can be, so equal values have equal parts.
pub(super) fn round(bits: u128, inexact: bool, exponent: i64, precision: u32, floor: i64) -> (u64, i64) {
    debug_assert!(!inexact || bits >> precision != 0, "the lost part must lie below the rounded one");
    if bits == 0 {
        return (0, floor);
    }
    let length = i64::from(u128::BITS - bits.leading_zeros());
    let target = (exponent + length - i64::from(precision)).max(floor);
    let shift = target - exponent;
    if shift <= 0 {
        // INVARIANT: no precision is lost here, the value has at most `precision` bits.
        return ((bits << -shift) as u64, target);
    }
    if shift > i64::from(u128::BITS) {
        return (0, target);
    }
    let (kept, lost) = if shift == 128 { (0, bits) } else { (bits >> shift, bits & ((1 << shift) - 1)) };
    let half = 1u128 << (shift - 1);
    let up = lost > half || (lost == half && (inexact || kept & 1 == 1));
    let rounded = kept + u128::from(up);
    if rounded >> precision != 0 { ((rounded >> 1) as u64, target + 1) } else { (rounded as u64, target) }
}
