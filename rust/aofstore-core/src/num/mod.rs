//! Redis-exact numbers <-> bytes.
//!
//! `int` reads and writes canonical 64-bit integers, `float` reads what `strtod` reads and writes doubles for files and
//! replies, `longdouble` is the 80-bit arithmetic of INCRBYFLOAT; `literal` is the grammar the last two share;
//! `glance` compares without rounding.
//! Nothing here looks at the locale: a comma from the host's settings must never reach a file.

mod float;
mod glance;
mod int;
mod literal;
mod longdouble;

pub use float::{fmt_f64_reply, fmt_f64_repr, fmt_f64_shortest, parse_f64};
pub use glance::glance;
pub use int::{fmt_i64, fmt_u64, parse_i64, parse_u64};
pub use longdouble::LongDouble;

/// Room on the stack for one printed number; reuse it across calls.
#[derive(Clone)]
pub struct Buf {
    int: itoa::Buffer,
    text: [u8; float::MAX_TEXT],
    len: usize,
}

impl Buf {
    pub fn new() -> Self {
        Self { int: itoa::Buffer::new(), text: [0; float::MAX_TEXT], len: 0 }
    }

    fn clear(&mut self) {
        self.len = 0;
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(room) = self.text.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
            self.len = end;
        } else {
            debug_assert!(false, "a number outgrew its buffer");
        }
    }

    fn zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b"0");
        }
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

impl Default for Buf {
    fn default() -> Self {
        Self::new()
    }
}
