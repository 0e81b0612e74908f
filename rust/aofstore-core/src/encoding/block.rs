//! A growable allocation behind one pointer, for encodings that carry their own length in their first bytes.
//!
//! Only `listpack` and `intset` may use it. The block stores neither length nor capacity: the owner passes the
//! length it last asked for, and the capacity follows from that length alone.
//! INVARIANT: all `len` bytes are initialised at all times.
#![expect(unsafe_code, reason = "a thin pointer needs manual allocation")]

use std::ptr::NonNull;
use std::slice;

use super::ahead::{prefetch_all, prefetch_stretch};
use super::thin;

/// An owning pointer to bytes whose length the owner knows; the owner must call [`Block::free`].
pub(super) struct Block(NonNull<u8>);

// SAFETY: a block is plain bytes with one owner; sharing it only allows reading.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

/// What a prefetch of a block of unknown length asks for.
pub(super) const OFTEN: usize = 256;

/// Bytes really allocated for `len`: steps of 16 for small blocks, of an eighth for large ones, each less the
/// word that the allocator keeps, so that a row of small appends seldom moves the block.
pub(super) const fn capacity(len: usize) -> usize {
    const WORD: usize = 8;
    let whole = len + WORD;
    let step = whole.next_power_of_two() / 16;
    let step = if step < 16 { 16 } else { step };
    let room = whole.next_multiple_of(step) - WORD;
    // No common allocator hands out less.
    if room < 24 { 24 } else { room }
}

/// What a block of `len` bytes costs.
pub(super) const fn footprint(len: usize) -> usize {
    thin::footprint(capacity(len))
}

impl Block {
    /// A block of `len` zero bytes.
    pub(super) fn new(len: usize) -> Self {
        let room = capacity(len);
        let ptr = thin::must(thin::allocate(room), room);
        // SAFETY: the allocation has at least `len` bytes.
        unsafe { ptr.write_bytes(0, len) };
        Self(ptr)
    }

    /// Asks the processor for the first `len` bytes, of which some may lie behind the block.
    #[inline]
    pub(super) fn prefetch(&self, len: usize) {
        prefetch_stretch(self.0.as_ptr(), len);
    }

    /// The same for all of `len` bytes, however many.
    #[inline]
    pub(super) fn prefetch_all(&self, len: usize) {
        prefetch_all(self.0.as_ptr(), len);
    }

    /// A block holding a copy of `bytes`.
    pub(super) fn copy_of(bytes: &[u8]) -> Self {
        let mut block = Self::new(bytes.len());
        // SAFETY: the block was just made with this length.
        unsafe { block.bytes_mut(bytes.len()) }.copy_from_slice(bytes);
        block
    }

    /// # Safety
    /// `len` is at most the block's current length.
    #[inline]
    pub(super) unsafe fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: the caller's promise, and all bytes are initialised.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), len) }
    }

    /// # Safety
    /// `len` is at most the block's current length.
    #[inline]
    pub(super) unsafe fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        // SAFETY: the caller's promise, all bytes are initialised, and `&mut self` is exclusive.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr(), len) }
    }

    /// Changes the length; new bytes are zero.
    ///
    /// # Safety
    /// `from` is the block's current length.
    pub(super) unsafe fn resize(&mut self, from: usize, to: usize) {
        if capacity(from) != capacity(to) {
            // SAFETY: the capacity follows from the length, so this is what the block was allocated with.
            let moved = unsafe { thin::reallocate(self.0, capacity(from), capacity(to)) };
            self.0 = thin::must(moved, capacity(to));
        }
        if to > from {
            // SAFETY: the block now has room for `to` bytes.
            unsafe { self.0.add(from).write_bytes(0, to - from) };
        }
    }

    /// # Safety
    /// `len` is the block's current length, and the block is not used again.
    pub(super) unsafe fn free(&mut self, len: usize) {
        // SAFETY: the capacity follows from the length, so this is what the block was allocated with.
        unsafe { thin::free(self.0, capacity(len)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_holds_the_length_never_falls_and_wastes_an_eighth_at_most() {
        let mut last = 0;
        for len in 0..20_000 {
            let room = capacity(len);
            assert!(room >= len && room >= last && room > 0);
            assert!(room - len <= 24 || room - len <= len / 8 + 8, "{len} {room}");
            last = room;
        }
    }

    #[test]
    fn resize_keeps_bytes_and_zeroes_new_ones() {
        let mut block = Block::copy_of(b"abc");
        // SAFETY: lengths are tracked by hand here.
        unsafe {
            block.resize(3, 2);
            block.resize(2, 500);
            assert_eq!(&block.bytes(500)[..4], b"ab\0\0");
            assert!(block.bytes(500)[2..].iter().all(|&b| b == 0));
            block.free(500);
        }
    }
}
