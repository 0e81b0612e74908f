//! The 80-bit `long double` of x86-64, for INCRBYFLOAT and HINCRBYFLOAT.
//!
//! Servers add in `long double` and print `%.17Lf` with the zeros cut, so 0.1 + 0.2 is 0.3 there. Doing the same in
//! software gives the same text on every machine. Commands own the errors; this keeps parsing, adding and printing
//! correctly rounded to 64 bits.

use std::ops::Add;

use num_bigint::BigUint;

use super::literal::{self, Body, Literal};

const PRECISION: u32 = 64;
/// Worth of the lowest bit of a subnormal.
const FLOOR: i64 = -16445;
/// Largest exponent of the lowest bit.
const CEILING: i64 = 16320;
/// Longer text is refused, as a server does.
const MAX_TEXT: usize = 5 * 1024;
/// Seventeen decimals.
const SCALE: u128 = 100_000_000_000_000_000;

/// One x87 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// `mantissa × 2^exponent`, normalized unless the exponent is `FLOOR`
    Finite {
        mantissa: u64,
        exponent: i64,
    },
    Infinite,
    Nan,
}

impl LongDouble {
    /// Reads a number as INCRBYFLOAT does: what `strtold` takes, no spaces, no `nan`, nothing whose size rounds to
    /// infinity or to zero. `inf` is read; the sum tells.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= MAX_TEXT {
            return None;
        }
        let Literal { negative, body } = literal::split(text)?;
        let size = match body {
            Body::Nan => return None,
            Body::Infinity => Size::Infinite,
            Body::Decimal { whole, fraction, exponent } => decimal(whole, fraction, exponent)?,
            Body::Hexadecimal { bits, inexact, exponent } => {
                rounded(bits, inexact, exponent).filter(|&size| bits == 0 || !is_zero(size))?
            }
        };
        Some(Self { negative, size })
    }

    pub fn is_finite(self) -> bool {
        matches!(self.size, Size::Finite { .. })
    }

    /// Appends the text of the commands: up to seventeen decimals, zeros at the end cut, never an exponent.
    pub fn write_human(self, out: &mut Vec<u8>) {
        let start = out.len();
        if self.negative && self.size != Size::Nan {
            out.push(b'-');
        }
        match self.size {
            Size::Nan => out.extend_from_slice(b"nan"),
            Size::Infinite => out.extend_from_slice(b"inf"),
            Size::Finite { mantissa, exponent } if exponent >= 0 => {
                out.extend_from_slice((BigUint::from(mantissa) << exponent as u64).to_string().as_bytes());
            }
            Size::Finite { mantissa, exponent } => fixed(mantissa, exponent.unsigned_abs(), out),
        }
        if out.get(start..) == Some(b"-0") {
            out.remove(start);
        }
    }

    /// `write_human` into a new vector.
    pub fn to_human(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_human(&mut out);
        out
    }
}

impl From<i64> for LongDouble {
    fn from(value: i64) -> Self {
        let (mantissa, exponent) = literal::round(value.unsigned_abs().into(), false, 0, PRECISION, FLOOR);
        Self { negative: value < 0, size: Size::Finite { mantissa, exponent } }
    }
}

impl Add for LongDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self.size, other.size) {
            (Size::Nan, _) | (_, Size::Nan) => Self { negative: false, size: Size::Nan },
            (Size::Infinite, Size::Infinite) if self.negative != other.negative => {
                Self { negative: false, size: Size::Nan }
            }
            (Size::Infinite, _) => self,
            (_, Size::Infinite) => other,
            (Size::Finite { mantissa, exponent }, Size::Finite { mantissa: addend, exponent: smaller }) => {
                if exponent >= smaller {
                    sum((self.negative, mantissa, exponent), (other.negative, addend, smaller))
                } else {
                    sum((other.negative, addend, smaller), (self.negative, mantissa, exponent))
                }
            }
        }
    }
}

/// Adds two finite numbers, the one with the larger exponent first, with one rounding.
fn sum(large: (bool, u64, i64), small: (bool, u64, i64)) -> LongDouble {
    // Two bits stay free above for the carry, the rest are guard bits below.
    const GUARD: u32 = 62;
    let distance = u32::try_from(large.2 - small.2).unwrap_or(u32::MAX);
    let augend = u128::from(large.1) << GUARD;
    let full = u128::from(small.1) << GUARD;
    let addend = full.checked_shr(distance).unwrap_or(0);
    let inexact = addend.checked_shl(distance).unwrap_or(0) != full;
    let exponent = large.2 - i64::from(GUARD);
    let (negative, bits) = if large.0 == small.0 {
        (large.0, augend + addend)
    } else if augend >= addend {
        // INVARIANT: something below the guard bits was lost only where the augend is far larger.
        (large.0, augend - addend - u128::from(inexact))
    } else {
        (small.0, addend - augend)
    };
    let size = rounded(bits, inexact, exponent).unwrap_or(Size::Infinite);
    LongDouble { negative: if bits == 0 { large.0 && small.0 } else { negative }, size }
}

fn is_zero(size: Size) -> bool {
    matches!(size, Size::Finite { mantissa: 0, .. })
}

/// `None` when the number is too large.
fn rounded(bits: u128, inexact: bool, exponent: i64) -> Option<Size> {
    let (mantissa, exponent) = literal::round(bits, inexact, exponent, PRECISION, FLOOR);
    (exponent <= CEILING).then_some(Size::Finite { mantissa, exponent })
}

fn decimal(whole: &[u8], fraction: &[u8], exponent: i64) -> Option<Size> {
    let digits: Vec<u8> = whole.iter().chain(fraction).copied().skip_while(|&digit| digit == b'0').collect();
    if digits.is_empty() {
        return Some(Size::Finite { mantissa: 0, exponent: FLOOR });
    }
    let shift = exponent - i64::try_from(fraction.len()).ok()?;
    // Outside of these the answer is known, and the powers of ten below would be without bounds.
    let magnitude = shift + i64::try_from(digits.len()).ok()?;
    if !(-5000..=5000).contains(&magnitude) {
        return None;
    }
    let (bits, inexact, exponent) = match u128_ratio(&digits, shift) {
        Some(ratio) => ratio,
        None => big_ratio(&digits, shift)?,
    };
    rounded(bits, inexact, exponent).filter(|&size| !is_zero(size))
}

/// `digits × 10^shift` for everyday numbers: one wide division.
fn u128_ratio(digits: &[u8], shift: i64) -> Option<(u128, bool, i64)> {
    let number = u128::from(super::parse_u64(digits)?);
    let power =
        10u128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?).filter(|&power| power < 1 << 60)?;
    if shift >= 0 {
        return Some((number * power, false, 0));
    }
    let up = number.leading_zeros();
    let dividend = number << up;
    Some((dividend / power, dividend % power != 0, -i64::from(up)))
}

/// The same for any length.
fn big_ratio(digits: &[u8], shift: i64) -> Option<(u128, bool, i64)> {
    let number = BigUint::parse_bytes(digits, 10)?;
    let power = BigUint::from(10u32).pow(u32::try_from(shift.unsigned_abs()).ok()?);
    if shift >= 0 {
        return top_bits(&(number * power), false, 0);
    }
    let up = (power.bits() + 130).saturating_sub(number.bits());
    let dividend = number << up;
    let quotient = &dividend / &power;
    let inexact = &quotient * &power != dividend;
    top_bits(&quotient, inexact, -i64::try_from(up).ok()?)
}

fn top_bits(number: &BigUint, inexact: bool, exponent: i64) -> Option<(u128, bool, i64)> {
    let cut = number.bits().saturating_sub(128);
    let lost = cut > 0 && number.trailing_zeros().is_some_and(|zeros| zeros < cut);
    let bits = u128::try_from(number >> cut).ok()?;
    Some((bits, inexact || lost, exponent + i64::try_from(cut).ok()?))
}

/// `mantissa / 2^down` with seventeen decimals, half to even, zeros cut.
fn fixed(mantissa: u64, down: u64, out: &mut Vec<u8>) {
    let scaled = u128::from(mantissa) * SCALE;
    let number = if down < 128 {
        let (kept, lost) = (scaled >> down, scaled & ((1 << down) - 1));
        let half = 1u128 << (down - 1);
        kept + u128::from(lost > half || (lost == half && kept & 1 == 1))
    } else {
        0
    };
    out.extend_from_slice((number / SCALE).to_string().as_bytes());
    if number % SCALE != 0 {
        out.extend_from_slice(format!(".{:017}", number % SCALE).as_bytes());
        while out.ends_with(b"0") {
            out.pop();
        }
    }
}

#[cfg(test)]
#[path = "longdouble_tests.rs"]
mod tests;
