//! Numbers of INCRBYFLOAT and of scores: what is read, added and printed. `fuzz_targets/longdouble` adds a second opinion.

use aofstore_core::num::{Buf, LongDouble, fmt_f64_reply, fmt_f64_shortest, fmt_i64, parse_f64, parse_i64};

/// Two texts, apart by the first space.
pub fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&byte| byte == b' ') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b"0"),
    }
}

pub fn run(data: &[u8]) {
    let (first, second) = split(data);
    if let (Some(one), Some(two)) = (LongDouble::parse(first), LongDouble::parse(second)) {
        let sum = one + two;
        assert_eq!(sum, two + one, "the order of a sum");
        for number in [one, two, sum].into_iter().filter(|number| number.is_finite()) {
            let text = number.to_human();
            // More than seventeen decimals are lost, so only what was printed must read back as itself.
            if let Some(again) = LongDouble::parse(&text) {
                assert_eq!(again.to_human(), text);
            } else {
                assert!(text.len() >= 5 * 1024, "{} cannot be read", text.escape_ascii());
            }
        }
    }
    let mut buf = Buf::new();
    if let Some(value) = parse_f64(first) {
        assert!(!value.is_nan());
        for text in [fmt_f64_shortest(value, &mut buf).to_vec(), fmt_f64_reply(value, &mut buf).to_vec()] {
            let again = parse_f64(&text).expect("our own text is a number");
            assert_eq!(
                again.to_bits(),
                value.to_bits(),
                "{} became {}",
                first.escape_ascii(),
                text.escape_ascii()
            );
        }
    }
    if let Some(value) = parse_i64(first) {
        assert_eq!(fmt_i64(value, &mut buf), first, "only canonical text is an integer");
    }
}
