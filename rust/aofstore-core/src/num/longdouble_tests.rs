use super::LongDouble;

fn add(left: &str, right: &str) -> String {
    let sum = LongDouble::parse(left.as_bytes()).unwrap() + LongDouble::parse(right.as_bytes()).unwrap();
    String::from_utf8(sum.to_human()).unwrap()
}

#[test]
fn sums_as_the_manual_shows_them() {
    for (left, right, sum) in [
        ("3.0e3", "0", "3000"),
        ("10.5", "0.1", "10.6"),
        ("3", "1.1", "4.1"),
        ("0.1", "0.2", "0.3"),
        ("10.50", "-5", "5.5"),
        ("5.0e3", "2.0e2", "5200"),
        ("1", "-1", "0"),
        ("-0", "-0", "0"),
        ("-1e-20", "0", "0"),
        ("1e-17", "0", "0.00000000000000001"),
        ("0x1p-1", "0X1", "1.5"),
    ] {
        assert_eq!(add(left, right), sum, "{left} + {right}");
    }
}

#[test]
fn infinities_and_their_difference_are_not_finite() {
    let inf = LongDouble::parse(b"+Infinity").unwrap();
    let minus = LongDouble::parse(b"-inf").unwrap();
    let huge = LongDouble::parse(b"1e4932").unwrap();
    assert!(!inf.is_finite() && huge.is_finite());
    assert!(!(inf + minus).is_finite());
    assert!(!(huge + huge).is_finite());
    assert_eq!((inf + minus).to_human(), b"nan");
    assert_eq!((minus + huge).to_human(), b"-inf");
}

#[test]
fn refuses_what_strtold_refuses() {
    for text in [
        "",
        " 1",
        "1 ",
        "nan",
        "1e",
        "0x",
        "1e5000",
        "-1e5000",
        "1e-5000",
        "1e-4960",
        "0x1p16384",
        "1,5",
        "1\0",
    ] {
        assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(LongDouble::parse("1".repeat(5120).as_bytes()), None);
    assert_eq!(LongDouble::parse("0".repeat(5119).as_bytes()).unwrap().to_human(), b"0");
    assert!(LongDouble::parse(b"1e999999999999999999999999").is_none());
    assert!(LongDouble::parse(b"0e999999999999999999999999").is_some());
}

#[test]
fn integers_convert() {
    for value in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53] {
        assert_eq!(LongDouble::from(value).to_human(), value.to_string().as_bytes());
        assert_eq!(LongDouble::parse(value.to_string().as_bytes()), Some(LongDouble::from(value)));
    }
}

/// Sums made by the long double of a C compiler on x86-64: `left right sum` a line, `-` for a text it refuses.
#[test]
fn golden_pairs_from_c() {
    for line in include_str!("longdouble_golden.txt").lines() {
        let mut words = line.split(' ');
        let (left, right, sum) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let got = match (LongDouble::parse(left.as_bytes()), LongDouble::parse(right.as_bytes())) {
            (Some(left), Some(right)) => String::from_utf8((left + right).to_human()).unwrap(),
            _ => "-".to_owned(),
        };
        assert_eq!(got, sum, "{left} + {right}");
    }
}
