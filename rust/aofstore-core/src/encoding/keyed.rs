//! `Keyed`: a small plain value and its key behind one pointer, for deadlines and scores.
//!
//! One allocation: the value (unaligned), key length, key. The value is `Copy`, so nothing in it is ever dropped.
#![expect(unsafe_code, reason = "a thin allocation whose size is written in it")]

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::table::Element;
use super::thin;

/// Thin owned key with a `T`.
pub struct Keyed<T: Copy>(NonNull<u8>, PhantomData<T>);

impl<T: Copy> Keyed<T> {
    /// Copies `key`.
    pub fn new(key: &[u8], value: T) -> Self {
        let size = Self::size_for(key.len());
        let start = thin::must(thin::allocate(size), size);
        // SAFETY: `size` is the value, the length and the key.
        unsafe {
            start.cast::<T>().write_unaligned(value);
            thin::write_bytes(thin::write_len(start.add(size_of::<T>()), key.len()), key);
        }
        Self(start, PhantomData)
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> T {
        // SAFETY: `new` wrote a T at the start.
        unsafe { self.0.cast::<T>().read_unaligned() }
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&mut self, value: T) {
        // SAFETY: the T at the start is ours, and has nothing to drop.
        unsafe { self.0.cast::<T>().write_unaligned(value) }
    }

    /// An estimate of the heap bytes held.
    pub fn memory(&self) -> usize {
        thin::footprint(Self::size_for(self.key().len()))
    }

    const fn size_for(key: usize) -> usize {
        size_of::<T>() + thin::len_width(key) + key
    }
}

impl<T: Copy> Element for Keyed<T> {
    #[inline]
    fn key(&self) -> &[u8] {
        // SAFETY: after the T stand a length and that many bytes.
        unsafe {
            let (len, bytes) = thin::read_len(self.0.add(size_of::<T>()));
            std::slice::from_raw_parts(bytes.as_ptr(), len)
        }
    }
}

impl<T: Copy> Clone for Keyed<T> {
    fn clone(&self) -> Self {
        Self::new(self.key(), self.get())
    }
}

impl<T: Copy> Drop for Keyed<T> {
    fn drop(&mut self) {
        // SAFETY: the key never changes, so this is the size `new` allocated.
        unsafe { thin::free(self.0, Self::size_for(self.key().len())) }
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Keyed<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Keyed({}: {:?})", self.key().escape_ascii(), self.get())
    }
}

// SAFETY: a keyed value owns its allocation alone.
unsafe impl<T: Copy + Send> Send for Keyed<T> {}
// SAFETY: shared access only copies the T out.
unsafe impl<T: Copy + Sync> Sync for Keyed<T> {}

#[cfg(test)]
mod tests {
    use super::{Element, Keyed};

    #[test]
    fn a_keyed_value_keeps_its_key_through_changes() {
        assert_eq!(size_of::<Option<Keyed<f64>>>(), 8);
        for len in [0usize, 7, 128, 20_000] {
            let key = vec![b'k'; len];
            let mut keyed = Keyed::new(&key, 1.5f64);
            assert_eq!((keyed.key(), keyed.get()), (&key[..], 1.5));
            keyed.set(-2.25);
            assert_eq!((keyed.clone().key(), keyed.clone().get()), (&key[..], -2.25));
            assert!(keyed.memory() >= len + 9);
        }
    }

    #[test]
    fn a_keyed_value_may_have_no_size() {
        assert_eq!(Keyed::new(b"", ()).key(), b"");
    }
}
