//! The C library's `long double` and `double` as the second opinion on every number.

use std::ffi::{CString, c_char, c_int};

use aofstore_core::num::{LongDouble, parse_f64};
use aofstore_fuzz::longdouble::split;

unsafe extern "C" {
    /// Adds two texts as INCRBYFLOAT does: bit 0 and 1 of the answer say which of them are numbers, bit 2 that the
    /// sum is finite and printed into `out`.
    fn oracle_add(first: *const c_char, second: *const c_char, out: *mut c_char, room: usize) -> c_int;
    /// Whether the text is a double by the rules for scores; its value.
    fn oracle_double(text: *const c_char, out: *mut f64) -> c_int;
}

pub fn run(data: &[u8]) {
    let (first, second) = split(data);
    let (Ok(one), Ok(two)) = (CString::new(first), CString::new(second)) else { return };
    let mut room = vec![0u8; 6000];
    // SAFETY: both texts end with a zero byte and the C side writes at most `room.len()` bytes.
    let seen = unsafe { oracle_add(one.as_ptr(), two.as_ptr(), room.as_mut_ptr().cast(), room.len()) };
    let ours = (LongDouble::parse(first), LongDouble::parse(second));
    assert_eq!(ours.0.is_some(), seen & 1 != 0, "is {:?} a number?", first.escape_ascii().to_string());
    assert_eq!(ours.1.is_some(), seen & 2 != 0, "is {:?} a number?", second.escape_ascii().to_string());
    if let (Some(one), Some(two)) = ours {
        let sum = one + two;
        assert_eq!(sum.is_finite(), seen & 4 != 0, "finite?");
        if sum.is_finite() {
            let end = room.iter().position(|&byte| byte == 0).unwrap_or(room.len());
            assert_eq!(
                String::from_utf8_lossy(&sum.to_human()),
                String::from_utf8_lossy(&room[..end]),
                "{} + {}",
                first.escape_ascii(),
                second.escape_ascii()
            );
        }
    }
    let mut theirs = 0.0;
    // SAFETY: the text ends with a zero byte.
    let number = unsafe { oracle_double(one.as_ptr(), &mut theirs) } != 0;
    let ours = parse_f64(first);
    assert_eq!(ours.map(f64::to_bits), number.then(|| theirs.to_bits()), "{}", first.escape_ascii());
}
