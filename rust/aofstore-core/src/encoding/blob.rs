//! `Blob`: owned bytes behind one pointer, for the members of a set.
//!
//! One allocation: length, then the bytes. A blob never changes; its key in a table is all of it.
#![expect(unsafe_code, reason = "a thin allocation whose size is written in it")]

use std::fmt;
use std::ptr::NonNull;

use super::table::Element;
use super::thin;

/// Thin, immutable, owned bytes.
pub struct Blob(NonNull<u8>);

impl Blob {
    /// Copies `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let size = thin::len_width(bytes.len()) + bytes.len();
        let start = thin::must(thin::allocate(size), size);
        // SAFETY: `size` is the length's width plus the bytes.
        unsafe { thin::write_bytes(thin::write_len(start, bytes.len()), bytes) };
        Self(start)
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `new` wrote a length and that many bytes, which live as long as `self`.
        unsafe {
            let (len, bytes) = thin::read_len(self.0);
            std::slice::from_raw_parts(bytes.as_ptr(), len)
        }
    }

    /// An estimate of the heap bytes held.
    pub fn memory(&self) -> usize {
        thin::footprint(self.size())
    }

    fn size(&self) -> usize {
        let len = self.as_bytes().len();
        thin::len_width(len) + len
    }
}

impl Element for Blob {
    #[inline]
    fn key(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Clone for Blob {
    fn clone(&self) -> Self {
        Self::new(self.as_bytes())
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: this is the size `new` allocated.
        unsafe { thin::free(self.0, self.size()) }
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Blob({})", self.as_bytes().escape_ascii())
    }
}

// SAFETY: a blob owns its bytes alone and never changes them.
unsafe impl Send for Blob {}
// SAFETY: as above.
unsafe impl Sync for Blob {}

#[cfg(test)]
mod tests {
    use super::Blob;

    #[test]
    fn a_blob_is_one_pointer_and_keeps_its_bytes() {
        assert_eq!(size_of::<Option<Blob>>(), 8);
        for len in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let blob = Blob::new(&bytes);
            assert_eq!(blob.as_bytes(), bytes);
            assert_eq!(blob.clone().as_bytes(), bytes);
            assert!(blob.memory() > len);
        }
    }
}
