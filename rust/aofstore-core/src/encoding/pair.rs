//! `Pair`: a field and its value behind one pointer, for the fields of a hash.
//!
//! One allocation: field length, field, value length, value. The field is the key in a table and never changes; the value
//! is replaced in place where the allocator can.
#![expect(unsafe_code, reason = "a thin allocation whose size is written in it")]

use std::fmt;
use std::ptr::NonNull;

use super::table::Element;
use super::thin::{self, OutOfMemory};

/// Thin owned field and value.
pub struct Pair(NonNull<u8>);

const fn framed(len: usize) -> usize {
    thin::len_width(len) + len
}

impl Pair {
    /// Copies `field` and `value`.
    pub fn new(field: &[u8], value: &[u8]) -> Self {
        let size = framed(field.len()) + framed(value.len());
        let start = thin::must(thin::allocate(size), size);
        // SAFETY: `size` is the sum of the four parts written here.
        unsafe {
            let rest = thin::write_bytes(thin::write_len(start, field.len()), field);
            thin::write_bytes(thin::write_len(rest, value.len()), value);
        }
        Self(start)
    }

    /// The field's name.
    #[inline]
    pub fn field(&self) -> &[u8] {
        // SAFETY: the allocation begins with a length and that many bytes.
        unsafe {
            let (len, bytes) = thin::read_len(self.0);
            std::slice::from_raw_parts(bytes.as_ptr(), len)
        }
    }

    /// The field's value.
    #[inline]
    pub fn value(&self) -> &[u8] {
        // SAFETY: after the field stand a length and that many bytes.
        unsafe {
            let (len, field) = thin::read_len(self.0);
            let (len, bytes) = thin::read_len(field.add(len));
            std::slice::from_raw_parts(bytes.as_ptr(), len)
        }
    }

    /// Replaces the value; one of equal length costs no allocation.
    pub fn set_value(&mut self, value: &[u8]) {
        thin::must(self.try_set_value(value), value.len());
    }

    /// As [`set_value`](Self::set_value), but a refused allocation leaves the old value.
    pub fn try_set_value(&mut self, value: &[u8]) -> Result<(), OutOfMemory> {
        let head = framed(self.field().len());
        let (old, new) = (self.size(), head + framed(value.len()));
        if new != old {
            // SAFETY: `old` is the size of this allocation; the head is kept by the move.
            self.0 = unsafe { thin::reallocate(self.0, old, new)? };
        }
        // SAFETY: `new - head` bytes follow the head, enough for the framed value.
        unsafe { thin::write_bytes(thin::write_len(self.0.add(head), value.len()), value) };
        Ok(())
    }

    /// An estimate of the heap bytes held.
    pub fn memory(&self) -> usize {
        thin::footprint(self.size())
    }

    fn size(&self) -> usize {
        framed(self.field().len()) + framed(self.value().len())
    }
}

impl Element for Pair {
    #[inline]
    fn key(&self) -> &[u8] {
        self.field()
    }
}

impl Clone for Pair {
    fn clone(&self) -> Self {
        Self::new(self.field(), self.value())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // SAFETY: `size` follows every change of the value.
        unsafe { thin::free(self.0, self.size()) }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pair({}: {})", self.field().escape_ascii(), self.value().escape_ascii())
    }
}

// SAFETY: a pair owns its bytes alone; they change only through `&mut`.
unsafe impl Send for Pair {}
// SAFETY: as above.
unsafe impl Sync for Pair {}

#[cfg(test)]
mod tests {
    use super::Pair;

    #[test]
    fn the_value_changes_and_the_field_stays() {
        assert_eq!(size_of::<Option<Pair>>(), 8);
        let sizes = [0usize, 1, 5, 127, 128, 300, 16_383, 16_384, 40_000, 12, 0];
        for field_len in [0usize, 3, 127, 128, 20_000] {
            let field = vec![b'f'; field_len];
            let mut pair = Pair::new(&field, b"start");
            for (turn, len) in sizes.into_iter().enumerate() {
                let value = vec![turn as u8; len];
                pair.set_value(&value);
                assert_eq!(pair.field(), field);
                assert_eq!(pair.value(), value);
                assert_eq!(pair.clone().value(), value);
            }
        }
    }

    #[test]
    fn a_value_of_equal_length_stays_in_its_allocation() {
        let mut pair = Pair::new(b"field", b"12345");
        let before = pair.0;
        pair.set_value(b"54321");
        assert_eq!(pair.0, before);
        assert_eq!(pair.value(), b"54321");
    }
}
