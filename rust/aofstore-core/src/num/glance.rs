//! How a number that is written down compares with another, told without rounding it wherever that is not needed.
//!
//! Sorted sets in a listpack look for a place by reading scores; nearly all of them differ in their first digits.

use std::cmp::Ordering;

/// So many digits fit an integer, and their power of ten is a double.
const MOST_DIGITS: usize = 19;

/// `POWERS[n]` is ten to the `n`: each of them is a double.
const POWERS: [f64; MOST_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19,
];

/// Digits taken for a double are off by one unit in the last place, dividing them by one more, and the double that the
/// text stands for by half of one: together less than 6e-16.
const MARGIN: f64 = 1e-15;

/// How the double that `text` stands for compares with `value`, which is not NaN. None if a glance does not tell: the two
/// are close, or the text is more than plain digits with a point.
pub fn glance(text: &[u8], value: f64) -> Option<Ordering> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let size = approximate(digits)?;
    let near = if negative { -size } else { size };
    if (near - value).abs() > size * MARGIN { near.partial_cmp(&value) } else { None }
}

fn approximate(text: &[u8]) -> Option<f64> {
    let (mut mantissa, mut point) = (0u64, None);
    if !(2..=MOST_DIGITS + 1).contains(&text.len()) {
        return None;
    }
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let fraction = text.len() - 1 - point?;
    POWERS.get(fraction).map(|power| mantissa as f64 / power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::num::{Buf, fmt_f64_shortest, parse_f64};

    fn check(text: &[u8], value: f64) -> bool {
        let told = glance(text, value);
        let known = parse_f64(text).and_then(|own| own.partial_cmp(&value));
        assert!(told.is_none() || told == known, "{} and {value:?}", text.escape_ascii());
        told.is_some()
    }

    #[test]
    fn what_is_not_plain_is_left_to_who_reads_exactly() {
        for text in [
            "",
            "-",
            ".",
            "1",
            "1e5",
            "inf",
            "nan",
            "1.2.3",
            "0x1.8",
            "1.5 ",
            "+1.5",
            "0.12345678901234567890",
        ] {
            assert!(glance(text.as_bytes(), 7.0).is_none(), "{text}");
        }
        assert_eq!(glance(b"0.5", f64::INFINITY), Some(Ordering::Less));
        assert_eq!(glance(b"-0.0", 0.0), None);
        assert_eq!(glance(b"0.0", -5e-324), Some(Ordering::Greater));
    }

    proptest! {
        #[test]
        fn a_glance_never_tells_what_is_not_so(value in any::<f64>(), other in any::<f64>()) {
            prop_assume!(!value.is_nan() && !other.is_nan());
            check(fmt_f64_shortest(other, &mut Buf::new()), value);
        }

        #[test]
        fn neighbours_are_never_mistaken(whole in -1000i32..1000, part in 0.0..1.0f64, step in -8i64..8) {
            let own = f64::from(whole) + part;
            let near = f64::from_bits(own.to_bits().wrapping_add_signed(step));
            prop_assume!(!near.is_nan());
            check(fmt_f64_shortest(own, &mut Buf::new()), near);
            // As other servers write them, with digits that tell nothing.
            check(format!("{own:.17}").as_bytes(), near);
        }

        #[test]
        fn scores_that_differ_are_told_apart(one in 0.0..1000.0f64, other in 0.0..1000.0f64) {
            prop_assume!((one - other).abs() > 1e-6 && one > 0.01 && one.fract() != 0.0);
            prop_assert!(check(fmt_f64_shortest(one, &mut Buf::new()), other));
        }
    }
}
